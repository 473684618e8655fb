// Reads what was refused, for operators and for the owners of the data.
import Foundation
package import Model
package import Postgres

/// What a list of dead letters shows: all but the record itself. Times are text as PostgreSQL writes them, in UTC.
package struct DeadLetterSummary: Sendable, Hashable {
    package let id: Int64
    package let origin: RecordOrigin
    package let reason: String
    package let field: String?
    package let rule: String?
    package let sqlState: String?
    package let contractVersion: String
    package let status: String
    package let recordAt: String?
    package let receivedAt: String
}

/// Reads `ingest.dead_letter`. Confined to the thread of its connection.
package struct DeadLetterStore {
    /// Which letters a list holds; newest first.
    package struct Filter: Sendable {
        package var topic: TopicName?
        package var reason: String?
        package var status: String?
        /// At most this many.
        package var limit: Int

        package init(topic: TopicName? = nil, reason: String? = nil, status: String? = nil, limit: Int) {
            self.topic = topic
            self.reason = reason
            self.status = status
            self.limit = limit
        }
    }

    private let connection: PostgresConnection

    package init(connection: PostgresConnection) { self.connection = connection }

    private static let columns = """
        id, topic, incarnation, partition, "offset", reason, field, rule, sql_state, contract_version, status, \
        to_char(record_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS record_at, \
        to_char(received_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS received_at
        """

    package func list(_ filter: Filter) throws -> [DeadLetterSummary] {
        let result = try connection.query(
            """
            SELECT \(Self.columns) FROM ingest.dead_letter
            WHERE ($1::text IS NULL OR topic = $1) AND ($2::text IS NULL OR reason = $2)
              AND ($3::text IS NULL OR status = $3)
            ORDER BY id DESC LIMIT $4::bigint
            """, [filter.topic?.rawValue, filter.reason, filter.status, String(filter.limit)])
        return try (0..<result.rowCount).map { try Self.summary(result, row: $0) }
    }

    /// The letters whose key has one of the fingerprints, newest first.
    package func list(topic: TopicName, keyFingerprints: [[UInt8]], limit: Int) throws -> [DeadLetterSummary] {
        let fingerprints = keyFingerprints.map { "\\\\x" + $0.map(Hexadecimal.byte).joined() }
        let result = try connection.query(
            """
            SELECT \(Self.columns) FROM ingest.dead_letter
            WHERE topic = $1 AND key_fingerprint = ANY ($2::bytea[]) ORDER BY id DESC LIMIT $3::bigint
            """, [topic.rawValue, "{\(fingerprints.map { "\"\($0)\"" }.joined(separator: ","))}", String(limit)])
        return try (0..<result.rowCount).map { try Self.summary(result, row: $0) }
    }

    /// One letter by its id, with its sealed bytes: nil bytes for a state secret, whose content is kept nowhere.
    package func letter(id: Int64) throws -> (summary: DeadLetterSummary, sealed: SealedPayload?)? {
        let result = try connection.query(
            """
            SELECT \(Self.columns), key_id, encode(payload, 'hex') AS payload, encode(key_fingerprint, 'hex') AS print
            FROM ingest.dead_letter WHERE id = $1::bigint
            """, [String(id)])
        guard result.rowCount == 1 else { return nil }
        let summary = try Self.summary(result, row: 0)
        guard let keyID = result[0, "key_id"] else { return (summary, nil) }
        guard let payload = result[0, "payload"].flatMap(Hexadecimal.decode) else { throw Self.malformed("payload") }
        let fingerprint = try result[0, "print"].map { text in
            guard let bytes = Hexadecimal.decode(text) else { throw Self.malformed("key_fingerprint") }
            return bytes
        }
        return (summary, SealedPayload(bytes: payload, keyID: keyID, keyFingerprint: fingerprint))
    }

    /// Counts by reason, of one topic or of all.
    package func reasons(topic: TopicName?) throws -> [(topic: TopicName, reason: String, count: Int64)] {
        let result = try connection.query(
            """
            SELECT topic, reason, count(*) AS count FROM ingest.dead_letter WHERE $1::text IS NULL OR topic = $1
            GROUP BY topic, reason ORDER BY topic, count(*) DESC, reason
            """, [topic?.rawValue])
        return try (0..<result.rowCount).map { row in
            guard let topic = result[row, "topic"].flatMap({ TopicName($0) }) else { throw Self.malformed("topic") }
            return (topic, result[row, "reason"] ?? "", try Self.number(result, row, "count"))
        }
    }

    /// The keys that sealed what is open still, each with the number of its letters.
    package func openKeys() throws -> [(keyID: String, count: Int64)] {
        let result = try connection.query(
            """
            SELECT key_id, count(*) AS count FROM ingest.dead_letter WHERE status = 'open' AND key_id IS NOT NULL
            GROUP BY key_id ORDER BY key_id
            """)
        return try (0..<result.rowCount).map { (result[$0, "key_id"] ?? "", try Self.number(result, $0, "count")) }
    }

    /// Writes down who looks at a letter's content, and why; committed before anything is shown (Decree 102/2025 art. 9.2 d).
    package func recordReveal(of letter: DeadLetterSummary, by: String, because: String) throws {
        _ = try connection.query(
            """
            INSERT INTO ingest.operation (by, action, topic, partition, because, details)
            VALUES ($1, 'dead-letters reveal', $2, $3::integer, $4,
                    jsonb_build_object('id', $5::bigint, 'offset', $6::bigint))
            """,
            [
                by, letter.origin.topic.rawValue, String(letter.origin.partition.rawValue), because, String(letter.id),
                String(letter.origin.offset.rawValue),
            ])
    }

    private static func summary(_ result: PostgresResult, row: Int) throws -> DeadLetterSummary {
        guard let topic = result[row, "topic"].flatMap({ TopicName($0) }) else { throw malformed("topic") }
        return DeadLetterSummary(
            id: try number(result, row, "id"),
            origin: RecordOrigin(
                topic: topic, incarnation: try number(result, row, "incarnation"),
                partition: Partition(try number(result, row, "partition")),
                offset: Offset(try number(result, row, "offset"))),
            reason: result[row, "reason"] ?? "", field: result[row, "field"], rule: result[row, "rule"],
            sqlState: result[row, "sql_state"], contractVersion: result[row, "contract_version"] ?? "",
            status: result[row, "status"] ?? "", recordAt: result[row, "record_at"],
            receivedAt: result[row, "received_at"] ?? "")
    }

    private static func number<Value: FixedWidthInteger>(
        _ result: PostgresResult, _ row: Int, _ column: String
    ) throws -> Value {
        guard let value = result[row, column].flatMap({ Value($0) }) else { throw malformed(column) }
        return value
    }

    private static func malformed(_ column: String) -> UserError {
        UserError(
            action: "reading", subject: "ingest.dead_letter.\(column)", cause: "it is not what our migrations say",
            nextStep: "run `lienthong database status`", status: .configuration)
    }
}
