// Letters laid aside for good, each with its step.
package import Model
import Postgres

/// Which letters are laid aside.
package enum DiscardSelection: Sendable {
    case ids([Int64])
    /// Open and quarantined ones; the filter's own statuses do not count.
    case filter(DeadLetterFilter)
    /// Redriven longer ago than so many minutes, and nothing has become of them.
    case stuck(DeadLetterFilter, minutes: Int)

    fileprivate func condition(_ parameters: inout [String?]) -> String {
        switch self {
        case .ids(let ids):
            parameters.append(SQLArray.numbers(ids))
            return "d.id = ANY ($\(parameters.count)::bigint[]) AND "
                + DeadLetterFilter(statuses: [.open, .quarantined]).condition(&parameters)
        case .filter(let filter):
            return filter.with([.open, .quarantined]).condition(&parameters)
        case .stuck(let filter, let minutes):
            parameters.append(String(minutes))
            return "d.redriven_at <= now() - make_interval(mins => $\(parameters.count)::integer) AND "
                + filter.with([.redriven]).condition(&parameters)
        }
    }
}

extension DeadLetterStore {
    /// How many letters would be laid aside, by topic and reason.
    /// - Throws: a sentence where an id is unknown, closed or on its way, or nothing matches.
    package func discardable(_ selection: DiscardSelection) throws -> [(topic: TopicName, reason: String, count: Int64)]
    {
        if case .ids(let ids) = selection { for id in ids { try requireDiscardable(id) } }
        var parameters: [String?] = []
        let condition = selection.condition(&parameters)
        let result = try connection.query(
            """
            SELECT d.topic, d.reason, count(*) AS count FROM ingest.dead_letter d WHERE \(condition)
            GROUP BY d.topic, d.reason ORDER BY d.topic, count(*) DESC, d.reason
            """, parameters)
        guard result.rowCount > 0 else {
            throw UserError(
                action: "looking for", subject: "dead letters to discard", cause: "none matches",
                nextStep: "nothing was done; see `lienthong dead-letters stats --by topic,reason,status`", status: .no)
        }
        return try (0..<result.rowCount).map { row in
            guard let topic = result[row, "topic"].flatMap({ TopicName($0) }) else { throw Self.malformed("topic") }
            return (topic, result[row, "reason"] ?? "", try Self.number(result, row, "count"))
        }
    }

    /// Lays them aside, all or none.
    /// - Returns: how many.
    package func discard(_ selection: DiscardSelection, by: String, because: String) throws -> Int {
        var parameters: [String?] = [by, because]
        let condition = selection.condition(&parameters)
        // Locked in the order of their ids, as every writer of several letters does.
        return try connection.query(
            """
            WITH chosen AS MATERIALIZED (
              SELECT d.id FROM ingest.dead_letter d WHERE \(condition) ORDER BY d.id FOR UPDATE),
            gone AS (
              UPDATE ingest.dead_letter d SET status = 'discarded', closed_at = now()
              FROM chosen c WHERE d.id = c.id RETURNING d.id)
            INSERT INTO ingest.dead_letter_step (letter, step, by, because)
            SELECT id, 'discarded', $1, $2 FROM gone ORDER BY id
            """, parameters
        ).affectedRows
    }

    private func requireDiscardable(_ id: Int64) throws {
        let status = try required(id: id).summary.status
        func refuse(_ cause: String, _ nextStep: String) -> UserError {
            UserError(
                action: "discarding", subject: "dead letter \(id)", cause: cause, nextStep: nextStep, status: .no)
        }
        switch status {
        case .open, .quarantined: return
        case .redriven:
            throw refuse(
                "its record was sent, and nothing is known of its fate yet",
                "nothing was done; wait for the worker, or discard what never gets there with --stuck MINUTES")
        case .applied, .superseded, .discarded:
            throw refuse("it is closed: \(status.rawValue)", "leave it out; nothing was done")
        }
    }
}
