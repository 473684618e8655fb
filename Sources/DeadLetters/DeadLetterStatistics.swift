// How many letters of which kind, and what share of the feed they are.
import Model
import Postgres

package struct DeadLetterStatistics: Sendable {
    /// What letters are counted by.
    package enum Dimension: String, CaseIterable, Sendable {
        case topic, reason, field, hour, status

        fileprivate var sql: String {
            switch self {
            case .topic: "d.topic"
            case .reason: "d.reason"
            case .field: "d.field"
            case .hour: "to_char(date_trunc('hour', d.received_at), 'YYYY-MM-DD\"T\"HH24:00\"Z\"')"
            case .status: "d.status"
            }
        }
    }

    package struct Group: Sendable, Hashable {
        /// One for each dimension, in their order; nil where the letter has none, as a field.
        package let values: [String?]
        package let letters: Int64
        /// Of all records that their feeds brought so far: 0 to 1; nil where no feed's account is known.
        package let share: Double?
    }

    package let groups: [Group]
    /// Groups beyond the limit are not among `groups`, and count here.
    package let groupCount: Int64
    package let letters: Int64
    /// Records that the feeds in question brought so far, whatever became of them.
    package let consumed: Int64

    package var share: Double? { Self.share(letters, of: consumed) }

    fileprivate static func share(_ letters: Int64, of consumed: Int64) -> Double? {
        consumed > 0 ? Double(letters) / Double(consumed) : nil
    }
}

extension DeadLetterStore {
    /// - Parameters:
    ///   - dimensions: one or more.
    ///   - limit: of groups; the latest hour and the largest groups come first.
    package func statistics(
        _ filter: DeadLetterFilter, by dimensions: [DeadLetterStatistics.Dimension], limit: Int
    ) throws -> DeadLetterStatistics {
        let consumed = try consumedByTopic()
        let feed = filter.topic.map { consumed[$0.rawValue] ?? 0 } ?? consumed.values.reduce(0, +)
        var parameters: [String?] = [String(limit)]
        let columns = dimensions.enumerated().map { "\($1.sql) AS g\($0)" }.joined(separator: ", ")
        let names = dimensions.indices.map { "g\($0)" }
        let hour = dimensions.firstIndex(of: .hour).map { "g\($0) DESC, " } ?? ""
        let result = try connection.query(
            """
            WITH grouped AS (
              SELECT \(columns), count(*) AS letters FROM ingest.dead_letter d
              WHERE \(filter.condition(&parameters)) GROUP BY \(names.joined(separator: ", ")))
            SELECT *, count(*) OVER () AS groups, sum(letters) OVER ()::bigint AS total FROM grouped
            ORDER BY \(hour)letters DESC, \(names.joined(separator: ", ")) LIMIT $1::bigint
            """, parameters)
        let topic = dimensions.firstIndex(of: .topic)
        let groups = try (0..<result.rowCount).map { row in
            let letters: Int64 = try LetterColumn.number(result, row, "letters")
            let own = topic.map { consumed[result[row, "g\($0)"] ?? ""] ?? 0 } ?? feed
            return DeadLetterStatistics.Group(
                values: names.map { result[row, $0] }, letters: letters,
                share: DeadLetterStatistics.share(letters, of: own))
        }
        return DeadLetterStatistics(
            groups: groups, groupCount: result.rowCount == 0 ? 0 : try LetterColumn.number(result, 0, "groups"),
            letters: result.rowCount == 0 ? 0 : try LetterColumn.number(result, 0, "total"), consumed: feed)
    }

    private func consumedByTopic() throws -> [String: Int64] {
        let result = try connection.query(
            """
            SELECT topic, sum(applied + superseded + deleted + dead_lettered)::bigint AS consumed FROM ingest.position
            GROUP BY topic
            """)
        var consumed: [String: Int64] = [:]
        for row in 0..<result.rowCount {
            consumed[result[row, "topic"] ?? ""] = try LetterColumn.number(result, row, "consumed")
        }
        return consumed
    }
}
