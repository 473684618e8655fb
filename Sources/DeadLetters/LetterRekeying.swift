// Seals letters anew under the first key of the key file, so that an older one can be given up.
import Contracts
import Foundation
import Model
package import Postgres

/// Confined to the thread of its connection. Safe beside workers and relays: a letter that somebody changes in between
/// is left as that one wrote it, and taken up again. What is done is done: a run that was ended is carried on by another.
package struct LetterRekeying {
    /// How often letters are taken up again that somebody changed meanwhile.
    private static let passesMax = 3

    package struct Account: Sendable, Equatable {
        /// Letters sealed anew, by the key that had sealed them.
        package var resealed: [String: Int64] = [:]
        /// Ids of letters whose bytes do not open under the key that is said to have sealed them; left as they are.
        package var damaged: [Int64] = []
        /// What is sealed with other keys than the first after the run.
        package var left: [Left] = []
    }

    package struct Left: Sendable, Equatable {
        package let keyID: String
        package let isKnown: Bool
        package let count: Int64
        /// Of these, letters that were redriven and whose fate is not known yet. They keep their key until it is, since the
        /// record on its way is recognised by a fingerprint under that same key.
        package let redriven: Int64
    }

    private let connection: PostgresConnection
    private let sealer: DeadLetterSealer
    private let batchLettersMax: Int
    private let batchBytesMax: Int
    /// A place at which a test changes what was read.
    var betweenReadAndWrite: () throws -> Void = {}

    /// - Parameter sealer: its first key seals, its older ones open.
    package init(
        connection: PostgresConnection, sealer: DeadLetterSealer, batchLettersMax: Int = 500,
        batchBytesMax: Int = 8 << 20
    ) {
        self.connection = connection
        self.sealer = sealer
        self.batchLettersMax = batchLettersMax
        self.batchBytesMax = batchBytesMax
    }

    /// Each letter gets a step `resealed` in the transaction that seals it, so that its life tells who had its content in
    /// hand, also where the run is killed; the run itself is one operation, written at its end.
    /// - Parameters:
    ///   - isStopping: asked between batches.
    ///   - progress: takes the number of letters sealed anew so far.
    package func run(
        by: String, because: String, isStopping: () -> Bool = { false }, progress: (Int64) -> Void = { _ in }
    ) throws -> Account {
        var account = Account()
        for _ in 0..<Self.passesMax where !isStopping() {
            if try pass(by: by, because: because, &account, isStopping, progress) == 0 { break }
        }
        account.left = try left()
        if !account.resealed.isEmpty {
            let counts = account.resealed.sorted { $0.key < $1.key }.map { ($0.key, JSON.integer($0.value)) }
            try connection.query(
                """
                INSERT INTO ingest.operation (by, action, because, details)
                VALUES ($1, 'dead-letters rekey', $2, $3::jsonb)
                """,
                [
                    by, because,
                    JSON.object([("key", .string(sealer.sealingKeyID)), ("resealed", .object(counts))]).text,
                ])
        }
        return account
    }

    /// Once over all letters of older keys. Returns how many of them somebody else changed meanwhile.
    private func pass(
        by: String, because: String, _ account: inout Account, _ isStopping: () -> Bool, _ progress: (Int64) -> Void
    ) throws -> Int {
        var missed = 0
        var last: Int64 = 0
        while !isStopping() {
            let batch = try batch(after: last)
            guard let id = batch.last?.id else { break }
            last = id
            var fresh: [(letter: Letter, sealed: Sealed)] = []
            for letter in batch {
                if let sealed = try resealed(letter) {
                    fresh.append((letter, sealed))
                } else if !account.damaged.contains(letter.id) {
                    account.damaged.append(letter.id)
                }
            }
            try betweenReadAndWrite()
            let written = try write(fresh, by: by, because: because)
            missed += fresh.count - written.values.reduce(0) { $0 + Int($1) }
            account.resealed.merge(written) { $0 + $1 }
            progress(account.resealed.values.reduce(0, +))
        }
        return missed
    }

    private struct Letter {
        let id: Int64
        /// PostgreSQL's name of the row's version: any change by anybody gives it another.
        let rowVersion: String
        let origin: RecordOrigin
        let sealed: SealedPayload
        /// As somebody repaired it.
        let repaired: SealedPayload?
    }

    /// A letter's content under the first key.
    private struct Sealed {
        let payload: SealedPayload
        let repaired: SealedPayload?
        let keyHint: Int32?
    }

    private func batch(after id: Int64) throws -> [Letter] {
        let result = try connection.query(
            """
            SELECT * FROM (
              SELECT u.*, coalesce(sum(octet_length(payload) + coalesce(octet_length(repaired), 0)) OVER (ORDER BY id
                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
              FROM (
                SELECT id, xmin::text AS row_version, topic, incarnation, partition, "offset", key_id, payload, repaired, repaired_key_id
                FROM ingest.dead_letter
                WHERE id > $1::bigint AND status <> 'redriven'
                  AND (key_id <> $2 AND key_id = ANY ($3::text[])
                    OR repaired_key_id <> $2 AND repaired_key_id = ANY ($3::text[]))
                ORDER BY id LIMIT $4::integer) AS u) AS w
            WHERE bytes_before < $5::bigint ORDER BY id
            """,
            [
                String(id), sealer.sealingKeyID, SQLArray.text(sealer.keyIDs), String(batchLettersMax),
                String(batchBytesMax),
            ])
        return try (0..<result.rowCount).map { row in
            guard let id = result.integer(row, "id"), let version = result[row, "row_version"],
                let sealed = try LetterColumn.sealed(result, row)
            else { throw LetterColumn.malformed("payload") }
            return Letter(
                id: id, rowVersion: version, origin: try LetterColumn.origin(result, row), sealed: sealed,
                repaired: try LetterColumn.repaired(result, row))
        }
    }

    /// Nil where the bytes are not those that were sealed.
    private func resealed(_ letter: Letter) throws -> Sealed? {
        guard let record = try? sealer.open(letter.sealed, origin: letter.origin) else { return nil }
        var repaired: SealedPayload?
        if let sealed = letter.repaired {
            guard let record = try? sealer.open(sealed, origin: letter.origin) else { return nil }
            repaired = try sealer.seal(record, origin: letter.origin)
        }
        return Sealed(
            payload: try sealer.seal(record, origin: letter.origin), repaired: repaired,
            keyHint: record.key.map { key in key.withUnsafeBytes { keyHint(of: $0, seed: sealer.hintSeeds[0]) } })
    }

    /// Where the row is still as it was read. No lock is held while we compute: a worker that closes a letter never waits.
    /// - Returns: letters written, by their former key.
    private func write(
        _ letters: [(letter: Letter, sealed: Sealed)], by: String, because: String
    ) throws -> [String: Int64] {
        guard !letters.isEmpty else { return [:] }
        let result = try connection.query(
            """
            WITH fresh AS (
              SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $9::bytea[], $10::integer[])
                AS f (id, row_version, was, payload, fingerprint, repaired, key_hint)),
            written AS (
              UPDATE ingest.dead_letter AS l SET key_id = $6, payload = f.payload, key_fingerprint = f.fingerprint,
                key_hint = f.key_hint, repaired = f.repaired, repaired_key_id = CASE WHEN f.repaired IS NOT NULL THEN $6 END
              FROM fresh AS f WHERE l.id = f.id AND l.xmin::text = f.row_version AND l.status <> 'redriven'
              RETURNING l.id, f.was),
            told AS (
              INSERT INTO ingest.dead_letter_step (letter, step, by, because, details)
              SELECT id, 'resealed', $7, $8, jsonb_build_object('from', was, 'to', $6::text) FROM written)
            SELECT was, count(*) AS count FROM written GROUP BY was
            """,
            [
                SQLArray.text(letters.map { "\($0.letter.id)" }),
                SQLArray.text(letters.map(\.letter.rowVersion)),
                SQLArray.text(letters.map(\.letter.sealed.keyID)),
                SQLArray.bytes(letters.map(\.sealed.payload.bytes)),
                SQLArray.bytes(letters.map(\.sealed.payload.keyFingerprint)), sealer.sealingKeyID, by, because,
                SQLArray.bytes(letters.map(\.sealed.repaired?.bytes)),
                SQLArray.text(letters.map { $0.sealed.keyHint.map { "\($0)" } }),
            ])
        return (0..<result.rowCount).reduce(into: [:]) { $0[result[$1, "was"] ?? ""] = result.integer($1, "count") }
    }

    private func left() throws -> [Left] {
        let result = try connection.query(
            """
            SELECT key_id, count(*) AS count, count(*) FILTER (WHERE status = 'redriven') AS redriven
            FROM ingest.dead_letter WHERE key_id <> $1 GROUP BY key_id ORDER BY key_id
            """, [sealer.sealingKeyID])
        return (0..<result.rowCount).map { row in
            let keyID = result[row, "key_id"] ?? ""
            return Left(
                keyID: keyID, isKnown: sealer.knows(keyID: keyID), count: result.integer(row, "count") ?? 0,
                redriven: result.integer(row, "redriven") ?? 0)
        }
    }
}
