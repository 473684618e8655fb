// Letters locked, written down as sent, laid aside: the statements of a redrive.
import Foundation
import Model
import Postgres

extension DeadLetterStore {
    /// A letter's id and how many bytes its record has, sealed.
    struct Locked {
        let id: Int64
        let byteCount: Int64
    }

    /// What a redrive is about, as a condition.
    struct Range {
        let selection: LetterSelection
        /// Ids above it came after the start, and are not looked at: the work has an end.
        let last: Int64

        func condition(_ parameters: inout [String?]) -> String {
            parameters.append(String(last))
            return "d.id <= $\(parameters.count)::bigint AND "
                + selection.condition(ofIDs: [.open, .quarantined, .redriven], &parameters)
        }
    }

    /// The topics whose letters the range holds.
    func topics(_ range: Range) throws -> [TopicName] {
        var parameters: [String?] = []
        let condition = range.condition(&parameters)
        let result = try connection.query(
            "SELECT DISTINCT d.topic FROM ingest.dead_letter d WHERE \(condition) ORDER BY d.topic", parameters)
        return try (0..<result.rowCount).map { try LetterColumn.topic(result, $0) }
    }

    func lastID() throws -> Int64 {
        try LetterColumn.number(
            try connection.query("SELECT coalesce(max(id), 0) AS id FROM ingest.dead_letter"), 0, "id")
    }

    func count(_ range: Range) throws -> Int64 {
        var parameters: [String?] = []
        let condition = range.condition(&parameters)
        return try LetterColumn.number(
            try connection.query("SELECT count(*) AS count FROM ingest.dead_letter d WHERE \(condition)", parameters),
            0, "count")
    }

    /// The next letters beyond `after`, in the order of their ids.
    /// - Parameter locking: for the transaction that is open; those that another has locked are passed over, so that
    ///   two who work through one pile send each letter once.
    func next(_ range: Range, after: Int64, limit: Int, locking: Bool) throws -> [Locked] {
        var parameters: [String?] = [String(after), String(limit)]
        let result = try connection.query(
            """
            SELECT d.id, coalesce(octet_length(coalesce(d.repaired, d.payload)), 0) AS size FROM ingest.dead_letter d
            WHERE d.id > $1::bigint AND \(range.condition(&parameters)) ORDER BY d.id LIMIT $2::bigint
            \(locking ? "FOR UPDATE SKIP LOCKED" : "")
            """, parameters)
        return try (0..<result.rowCount).map {
            Locked(
                id: try LetterColumn.number(result, $0, "id"), byteCount: try LetterColumn.number(result, $0, "size"))
        }
    }

    func candidate(id: Int64) throws -> LetterCandidate? {
        guard let letter = try letter(id: id) else { return nil }
        let origin = letter.summary.origin
        // A partition that nobody has claimed yet has its first log.
        let result = try connection.query(
            """
            SELECT coalesce((SELECT incarnation FROM ingest.position WHERE topic = $1 AND partition = $2::integer), 0)
              AS incarnation
            """, [origin.topic.rawValue, String(origin.partition.rawValue)])
        let present: Int32 = try LetterColumn.number(result, 0, "incarnation")
        return LetterCandidate(letter: letter, isOfPresentLog: present == origin.incarnation)
    }

    /// Writes down that these letters are sent now; to be committed before they are.
    func markRedriven(
        _ letters: [(id: Int64, fingerprint: [UInt8])], by: String, because: String?, details: JSON? = nil
    ) throws {
        let result = try connection.query(
            """
            WITH sent AS (
              UPDATE ingest.dead_letter d
              SET status = 'redriven', redriven_at = now()
              FROM unnest($1::bigint[], $2::bytea[]) AS s (id, fingerprint) WHERE d.id = s.id
              RETURNING d.id, s.fingerprint, d.topic, d.incarnation, d.partition, d."offset"),
            noted AS (
              INSERT INTO ingest.redriven (letter, fingerprint, topic, incarnation, partition, "offset")
              SELECT id, fingerprint, topic, incarnation, partition, "offset" FROM sent
              ON CONFLICT (letter, fingerprint) DO UPDATE SET sent_at = excluded.sent_at)
            INSERT INTO ingest.dead_letter_step (letter, step, by, because, details)
            SELECT id, 'redriven', $3, $4, $5::jsonb FROM sent ORDER BY id
            """,
            [
                SQLArray.numbers(letters.map(\.id)), SQLArray.bytes(letters.map(\.fingerprint)), by, because,
                details?.text,
            ])
        precondition(result.affectedRows == letters.count, "the letters are locked by this transaction")
    }

    func keepRepaired(_ repaired: SealedPayload, of id: Int64) throws {
        _ = try connection.query(
            "UPDATE ingest.dead_letter SET repaired = $2::bytea, repaired_key_id = $3 WHERE id = $1::bigint",
            [String(id), Hexadecimal.bytea(repaired.bytes), repaired.keyID])
    }

    /// Runs `body` in a transaction of its own; an error undoes it.
    func transaction<Output>(_ body: () throws -> Output) throws -> Output {
        try connection.query("BEGIN")
        do {
            let output = try body()
            try connection.query("COMMIT")
            return output
        } catch {
            if !connection.isBroken, connection.inTransaction { _ = try? connection.query("ROLLBACK") }
            throw error
        }
    }
}
