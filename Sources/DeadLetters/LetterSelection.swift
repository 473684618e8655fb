// The letters that a command changes.
import Model

package enum LetterSelection: Sendable {
    case ids([Int64])
    /// Open and quarantined ones; the filter's own statuses do not count.
    case filter(DeadLetterFilter)
    /// Redriven longer ago than so many minutes, and nothing has become of them.
    case stuck(DeadLetterFilter, minutes: Int)

    /// A condition on `ingest.dead_letter d`.
    /// - Parameters:
    ///   - statuses: that letters named by id may have.
    ///   - parameters: those of the statement so far; the condition's are appended.
    func condition(ofIDs statuses: [DeadLetterStatus], _ parameters: inout [String?]) -> String {
        switch self {
        case .ids(let ids):
            parameters.append(SQLArray.numbers(ids))
            return "d.id = ANY ($\(parameters.count)::bigint[]) AND "
                + DeadLetterFilter(statuses: statuses).condition(&parameters)
        case .filter(let filter):
            return filter.with([.open, .quarantined]).condition(&parameters)
        case .stuck(let filter, let minutes):
            parameters.append(String(minutes))
            return "d.redriven_at <= now() - make_interval(mins => $\(parameters.count)::integer) AND "
                + filter.with([.redriven]).condition(&parameters)
        }
    }
}
