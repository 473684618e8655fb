// Reads what was refused, for operators and for the owners of the data.
import Foundation
package import Model
package import Postgres

/// Reads `ingest.dead_letter`. Confined to the thread of its connection.
package struct DeadLetterStore {
    let connection: PostgresConnection

    package init(connection: PostgresConnection) { self.connection = connection }

    private static let columns = """
        d.id, d.topic, d.incarnation, d.partition, d."offset", d.reason, d.field, d.rule, d.sql_state, \
        d.contract_version, d.status, d.refusals, \(time("record_at")), \(time("received_at")), \
        \(time("redriven_at")), \(time("closed_at"))
        """

    private static func time(_ column: String) -> String {
        "to_char(d.\(column), 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS \(column)"
    }

    /// The newest first.
    package func list(_ filter: DeadLetterFilter, limit: Int) throws -> [DeadLetterSummary] {
        var parameters: [String?] = [String(limit)]
        let result = try connection.query(
            """
            SELECT \(Self.columns) FROM ingest.dead_letter d WHERE \(filter.condition(&parameters))
            ORDER BY d.id DESC LIMIT $1::bigint
            """, parameters)
        return try (0..<result.rowCount).map { try Self.summary(result, row: $0) }
    }

    package func count(_ filter: DeadLetterFilter) throws -> Int64 {
        var parameters: [String?] = []
        let condition = filter.condition(&parameters)
        let result = try connection.query(
            "SELECT count(*) AS count FROM ingest.dead_letter d WHERE \(condition)", parameters)
        return try LetterColumn.number(result, 0, "count")
    }

    /// One letter by its id, with its sealed bytes.
    package func letter(id: Int64) throws -> DeadLetter? {
        let result = try connection.query(
            """
            SELECT \(Self.columns), key_id, payload, key_fingerprint, repaired_key_id, repaired
            FROM ingest.dead_letter d WHERE id = $1::bigint
            """, [String(id)])
        guard result.rowCount == 1 else { return nil }
        return DeadLetter(
            summary: try Self.summary(result, row: 0), sealed: try LetterColumn.sealed(result, 0),
            repaired: try LetterColumn.repaired(result, 0))
    }

    /// One letter by its id.
    /// - Throws: a sentence where there is none.
    package func required(id: Int64) throws -> DeadLetter {
        if let letter = try letter(id: id) { return letter }
        throw UserError(
            action: "looking for", subject: "dead letter \(id)", cause: "there is none of that id",
            nextStep: "see `lienthong dead-letters list`", status: .no)
    }

    /// A letter's steps after its first refusal, the first one first.
    package func steps(of id: Int64) throws -> [DeadLetterStep] {
        let result = try connection.query(
            """
            SELECT to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, step, by, because, details::text AS details
            FROM ingest.dead_letter_step WHERE letter = $1::bigint ORDER BY id
            """, [String(id)])
        return (0..<result.rowCount).map { row in
            DeadLetterStep(
                at: result[row, "at"] ?? "", step: result[row, "step"] ?? "", by: result[row, "by"] ?? "",
                because: result[row, "because"], details: result[row, "details"])
        }
    }

    /// Counts by reason, of one topic or of all.
    package func reasons(topic: TopicName?) throws -> [(topic: TopicName, reason: String, count: Int64)] {
        let result = try connection.query(
            """
            SELECT topic, reason, count(*) AS count FROM ingest.dead_letter WHERE $1::text IS NULL OR topic = $1
            GROUP BY topic, reason ORDER BY topic, count(*) DESC, reason
            """, [topic?.rawValue])
        return try (0..<result.rowCount).map { row in
            (
                try LetterColumn.topic(result, row), result[row, "reason"] ?? "",
                try LetterColumn.number(result, row, "count")
            )
        }
    }

    /// The keys that sealed what is not closed, each with the number of its letters.
    package func openKeys() throws -> [(keyID: String, count: Int64)] {
        let result = try connection.query(
            """
            SELECT key_id, count(DISTINCT id) AS count FROM (
              SELECT id, key_id FROM ingest.dead_letter WHERE closed_at IS NULL AND key_id IS NOT NULL
              UNION ALL
              SELECT id, repaired_key_id FROM ingest.dead_letter WHERE closed_at IS NULL AND repaired_key_id IS NOT NULL
            ) AS sealed GROUP BY key_id ORDER BY key_id
            """)
        return try (0..<result.rowCount).map {
            (result[$0, "key_id"] ?? "", try LetterColumn.number(result, $0, "count"))
        }
    }

    /// Writes down who looks at a letter's content, and why; committed before anything is shown (Decree 102/2025 art. 9.2 d).
    /// - Parameter action: what for.
    package func recordReveal(
        of letter: DeadLetterSummary, by: String, because: String, action: String = "dead-letters reveal"
    ) throws {
        _ = try connection.query(
            """
            INSERT INTO ingest.operation (by, action, topic, partition, because, details)
            VALUES ($1, $7, $2, $3::integer, $4, jsonb_build_object('id', $5::bigint, 'offset', $6::bigint))
            """,
            [
                by, letter.origin.topic.rawValue, String(letter.origin.partition.rawValue), because, String(letter.id),
                String(letter.origin.offset.rawValue), action,
            ])
    }

    private static func summary(_ result: PostgresResult, row: Int) throws -> DeadLetterSummary {
        guard let status = result[row, "status"].flatMap(DeadLetterStatus.init) else {
            throw LetterColumn.malformed("status")
        }
        return DeadLetterSummary(
            id: try LetterColumn.number(result, row, "id"), origin: try LetterColumn.origin(result, row),
            reason: result[row, "reason"] ?? "", field: result[row, "field"], rule: result[row, "rule"],
            sqlState: result[row, "sql_state"], contractVersion: result[row, "contract_version"] ?? "",
            status: status, refusals: try LetterColumn.number(result, row, "refusals"),
            recordAt: result[row, "record_at"],
            receivedAt: result[row, "received_at"] ?? "", redrivenAt: result[row, "redriven_at"],
            closedAt: result[row, "closed_at"])
    }
}
