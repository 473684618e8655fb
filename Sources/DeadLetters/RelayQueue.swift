// What owners are to be told, as the database holds it, and the lock that makes one relay of many.
import Model
import Postgres

/// The relay's session with the national database; the lock lives and dies with it. Confined to the relay's thread.
final class RelayQueue {
    /// A session whose process froze is ended by the server after this long, and its lock is free for another.
    private static let idleSessionTimeout = "2min"
    private static let lockName = "lienthong dead-letter relay"

    private let connection: PostgresConnection
    /// Topics of our contracts, and names of the keys that we hold, as PostgreSQL's arrays.
    private let topics: [TopicName]
    private let keys: String
    private var isHeld = false

    init(_ url: String, topics: [TopicName], keyIDs: [String]) throws {
        connection = try PostgresConnection(url, applicationName: "lienthong relay")
        self.topics = topics
        keys = SQLArray.text(keyIDs)
        _ = try connection.execute("SET idle_session_timeout = '\(Self.idleSessionTimeout)'")
    }

    func close() { connection.close() }

    /// True once the lock is ours, which it stays as long as the session lives.
    func hold() throws -> Bool {
        if isHeld { return true }
        isHeld =
            try connection.query("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", [Self.lockName])[0, 0] == "t"
        return isHeld
    }

    /// The next letters by id, a bounded number of bounded size; one letter more may be over the bytes.
    /// - Parameter resting: topics that are not asked for.
    func batch(
        after id: Int64, resting: Set<TopicName>, lettersMax: Int, bytesMax: Int
    ) throws -> [UntoldLetter] {
        let result = try connection.query(
            """
            SELECT w.*, to_char(coalesce((SELECT max(at) FROM ingest.dead_letter_step s
                WHERE s.letter = w.id AND s.step IN ('refused', 'quarantined')), received_at),
              'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS refused_at,
              \(Self.refusals(since: "max")) AS repaired_since, \(Self.refusals(since: "min")) AS first_repaired_since
            FROM (
              SELECT u.*, coalesce(sum(octet_length(payload) + coalesce(octet_length(repaired), 0)) OVER (ORDER BY id
                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
              FROM (
                SELECT id, topic, incarnation, partition, "offset", reason, field, rule, contract_version, received_at,
                  refusals, relayed_refusals, key_id, payload, repaired_key_id, repaired
                FROM ingest.dead_letter
                WHERE relayed_refusals < refusals AND id > $1::bigint AND topic = ANY ($2::text[])
                  AND (key_id IS NULL OR key_id = ANY ($3::text[]))
                ORDER BY id LIMIT $4::integer) AS u) AS w
            WHERE bytes_before < $5::bigint ORDER BY id
            """,
            [
                String(id), SQLArray.text(topics.filter { !resting.contains($0) }.map(\.rawValue)), keys,
                String(lettersMax), String(bytesMax),
            ])
        return try (0..<result.rowCount).map { try Self.letter(result, $0) }
    }

    /// The number of the first refusal after the letter's last or first repair (`max`, `min`): the one it came with, and
    /// a step for each further one. Null where nobody repaired it.
    private static func refusals(since which: String) -> String {
        """
        CASE WHEN w.repaired IS NOT NULL THEN (SELECT 2 + count(f.id) FROM (
            SELECT \(which)(id) AS id FROM ingest.dead_letter_step s
            WHERE s.letter = w.id AND s.step = 'redriven' AND s.details ? 'repaired') AS r
          LEFT JOIN ingest.dead_letter_step f
            ON f.letter = w.id AND f.id < r.id AND f.step IN ('refused', 'quarantined')
          HAVING max(r.id) IS NOT NULL) END
        """
    }

    /// Writes down what the broker has acknowledged; a mark never goes back.
    func mark(_ told: [Int64: Int32]) throws {
        let letters = told.sorted { $0.key < $1.key }
        try connection.query(
            """
            UPDATE ingest.dead_letter AS l SET relayed_refusals = t.refusal
            FROM unnest($1::bigint[], $2::integer[]) AS t (id, refusal)
            WHERE l.id = t.id AND l.relayed_refusals < t.refusal
            """,
            [SQLArray.text(letters.map { "\($0.key)" }), SQLArray.text(letters.map { "\($0.value)" })])
    }

    /// Letters that `batch` never yields: of topics without a contract, or sealed with a key that we do not hold.
    func unreachable() throws -> [(topic: TopicName, keyID: String?, count: Int64)] {
        let result = try connection.query(
            """
            SELECT topic, CASE WHEN topic = ANY ($1::text[]) THEN key_id END AS key_id, count(*) AS count
            FROM ingest.dead_letter
            WHERE relayed_refusals < refusals AND (topic <> ALL ($1::text[]) OR key_id <> ALL ($2::text[]))
            GROUP BY 1, 2 ORDER BY 1, 2
            """, [SQLArray.text(topics.map(\.rawValue)), keys])
        return try (0..<result.rowCount).map { row in
            guard let topic = result[row, "topic"].flatMap({ TopicName($0) }), let count = result.integer(row, "count")
            else { throw LetterColumn.malformed("topic") }
            return (topic, result[row, "key_id"], count)
        }
    }

    /// How many letters of each topic could be told, by whoever holds the lock.
    func reachable() throws -> [TopicName: Int64] {
        let result = try connection.query(
            """
            SELECT topic, count(*) AS count FROM ingest.dead_letter
            WHERE relayed_refusals < refusals AND topic = ANY ($1::text[])
              AND (key_id IS NULL OR key_id = ANY ($2::text[]))
            GROUP BY topic
            """, [SQLArray.text(topics.map(\.rawValue)), keys])
        return (0..<result.rowCount).reduce(into: [:]) { counts, row in
            guard let topic = result[row, "topic"].flatMap({ TopicName($0) }) else { return }
            counts[topic] = result.integer(row, "count")
        }
    }

    private static func letter(_ result: PostgresResult, _ row: Int) throws -> UntoldLetter {
        let told: Int32 = try LetterColumn.number(result, row, "relayed_refusals")
        let refusals: Int32 = try LetterColumn.number(result, row, "refusals")
        guard told < refusals else { throw LetterColumn.malformed("relayed_refusals") }
        return UntoldLetter(
            id: try LetterColumn.number(result, row, "id"), origin: try LetterColumn.origin(result, row),
            reason: result[row, "reason"] ?? "",
            field: result[row, "field"], rule: result[row, "rule"],
            contractVersion: result[row, "contract_version"] ?? "", refusedAt: result[row, "refused_at"] ?? "",
            refusals: (told + 1)...refusals, sealed: try LetterColumn.sealed(result, row),
            repaired: try repaired(result, row))
    }

    private static func repaired(_ result: PostgresResult, _ row: Int) throws -> RepairedForm? {
        // Without the step of its repair nobody can say which refusal met it; the owner's own form is told then.
        guard let sealed = try LetterColumn.repaired(result, row), result[row, "repaired_since"] != nil else {
            return nil
        }
        return RepairedForm(
            sealed: sealed, since: try LetterColumn.number(result, row, "repaired_since"),
            firstSince: try LetterColumn.number(result, row, "first_repaired_since"))
    }
}
