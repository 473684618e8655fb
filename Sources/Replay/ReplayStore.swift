// The rows of `ingest.replay` and `ingest.replay_position`.
package import Contracts
import Ingestion
package import Model
package import Postgres

package enum ReplayStatus: String, Sendable, CaseIterable {
    case running
    /// It met something that a person must look into; `resume` goes on.
    case stopped
    /// All of the range was read again; a shadow may be compared and swapped in.
    case done
    case cancelled
    case swapped
}

/// What somebody asks for.
package struct ReplayRequest: Sendable {
    package var topic: TopicName
    package var intoShadow: Bool
    package var mappingRevision: Int32
    /// Keyed fingerprints of the only keys to be read again; nil for all.
    package var keyFingerprints: [[UInt8]]?
    /// Records a second, at most.
    package var rate: Int
    /// The replay waits while live workers are more records behind than this.
    package var liveLagMax: Int64
    /// 0 to 1; a greater share of refused records stops it.
    package var maxRefusedShare: Double
    package var by: String
    package var because: String
    /// Who carries it on at once; nil leaves it to whoever looks first.
    package var runner: String?

    package init(
        topic: TopicName, intoShadow: Bool, mappingRevision: Int32, keyFingerprints: [[UInt8]]?, rate: Int,
        liveLagMax: Int64, maxRefusedShare: Double, by: String, because: String, runner: String? = nil
    ) {
        self.runner = runner
        self.topic = topic
        self.intoShadow = intoShadow
        self.mappingRevision = mappingRevision
        self.keyFingerprints = keyFingerprints
        self.rate = rate
        self.liveLagMax = liveLagMax
        self.maxRefusedShare = maxRefusedShare
        self.by = by
        self.because = because
    }
}

/// A replay as it stands.
package struct ReplayState: Sendable {
    package let id: Int64
    package let topic: TopicName
    package let intoShadow: Bool
    package let status: ReplayStatus
    package let mappingRevision: Int32
    package let rate: Int
    package let liveLagMax: Int64
    package let maxRefusedShare: Double
    package let keyFingerprints: [[UInt8]]?
    package let by: String
    package let because: String
    /// ISO 8601, UTC.
    package let askedAt: String
    package let runner: String?
    /// Seconds since the runner's last sign, by the database's clock; nil where none took it on.
    package let unseenSeconds: Double?
    package let note: String?
    /// As measured of late by its runner.
    package let recordsASecond: Double?
    package let epoch: Int64
    /// Offsets of its range, and how many of them lie behind it.
    package let offsets: Int64
    package let passed: Int64
    package let fates: Fates
    /// What lay behind it when somebody let it go on.
    package let resumedAt: Int64?

    /// 0 to 1.
    package var share: Double { offsets == 0 ? 1 : Double(passed) / Double(offsets) }

    /// By the rate measured; nil where there is none.
    package var secondsLeft: Double? {
        guard status == .running, let recordsASecond, recordsASecond > 0 else { return nil }
        return Double(offsets - passed) / recordsASecond
    }

    /// A runner that has given no sign for longer than this is taken for dead.
    package static let patienceSeconds = 15.0
    package var hasRunner: Bool { runner != nil && (unseenSeconds ?? .infinity) < Self.patienceSeconds }
}

package struct ReplayPosition: Sendable, Equatable {
    package let partition: Partition
    package let incarnation: Int32
    package let from: Int64
    package let to: Int64
    package let next: Int64
    /// The last record dealt with, by which the log is known again.
    package let last: LastRecord?

    package struct LastRecord: Sendable, Equatable {
        package let offset: Int64
        package let hash: Int64
    }
}

package struct ReplayStore {
    package let connection: PostgresConnection

    package init(connection: PostgresConnection) { self.connection = connection }

    // MARK: Asking for one

    /// Writes the replay down. From then on workers of an older mapping write no row of the topic (where a copy is filled,
    /// from its swap on): what they wrote after the range was fixed would stay as the older mapping has it.
    ///
    /// - Parameter shadow: the topic whose tables are copied, where the request is for a rebuilt copy.
    /// - Returns: its id.
    /// - Throws: `UserError` where another replay of the topic is under way, or its tables cannot be copied.
    package func create(
        _ request: ReplayRequest, _ ranges: [PartitionRange], shadowOf shadow: TopicDefinition? = nil
    ) throws -> Int64 {
        precondition(request.intoShadow == (shadow != nil), "a rebuilt copy is one of a topic's tables")
        // A worker that froze inside a COPY would hold its positions, and this would wait for ever.
        return try FrozenHolders(connection: connection).outlast(
            of: "FROM ingest.position p WHERE p.topic = \(SQLText.literal(request.topic.rawValue))"
        ) {
            _ = try connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            let id = try insert(request, ranges)
            if let shadow { try ShadowTables(connection: connection).create(replay: id, of: shadow) }
            _ = try connection.execute("COMMIT")
            return id
        }
    }

    private func insert(_ request: ReplayRequest, _ ranges: [PartitionRange]) throws -> Int64 {
        let topic = request.topic.rawValue
        // One at a time to ask for the topic's replays.
        _ = try connection.query(
            "INSERT INTO ingest.topic_state (topic) VALUES ($1) ON CONFLICT (topic) DO NOTHING", [topic])
        let state = try connection.query(
            "SELECT mapping_revision_min FROM ingest.topic_state WHERE topic = $1 FOR UPDATE", [topic])
        let others = try connection.query(
            """
            SELECT id FROM ingest.replay WHERE topic = $1 AND into_shadow = $2
              AND (status IN ('running', 'stopped') OR status = 'done' AND into_shadow) ORDER BY id LIMIT 1
            """, [topic, request.intoShadow ? "true" : "false"])
        if let other = others.rowCount > 0 ? others.integer(0, 0) : nil {
            throw UserError(
                action: "starting a replay of", subject: topic, cause: "replay \(other) of it is under way",
                nextStep: "wait for it, or end it with `lienthong replay cancel \(other) --because …`", status: .no)
        }
        let least = state.integer(0, 0) ?? 0
        if least > Int64(request.mappingRevision) {
            throw UserError(
                action: "starting a replay of", subject: topic,
                cause: "the mapping's revision here is \(request.mappingRevision), and the database has seen \(least)",
                nextStep: "use today's Topics/", status: .configuration)
        }
        // A copy's turn comes when it is swapped in.
        let forbids = least < Int64(request.mappingRevision) && !request.intoShadow
        let positions = forbids ? try forbidOlder(request.topic, request.mappingRevision) : [:]
        let keys = request.keyFingerprints.map { keys in
            "{\(keys.map { "\"\\\\x\(Hexadecimal.text($0))\"" }.joined(separator: ","))}"
        }
        let created = try connection.query(
            """
            INSERT INTO ingest.replay (topic, into_shadow, mapping_revision, key_fingerprints, rate, live_lag_max,
              max_refused_share, asked_by, because, runner, seen_at)
            VALUES ($1, $2, $3, $4::bytea[], $5, $6, $7, $8, $9, $10, CASE WHEN $10::text IS NOT NULL THEN now() END)
            RETURNING id
            """,
            [
                topic, request.intoShadow ? "true" : "false", "\(request.mappingRevision)", keys, "\(request.rate)",
                "\(request.liveLagMax)", "\(request.maxRefusedShare)", request.by, request.because, request.runner,
            ])
        guard let id = created.integer(0, 0) else { preconditionFailure("RETURNING gives the row's id") }
        for range in ranges {
            // What an older mapping wrote since the range was looked up belongs to it.
            let to = range.endsAtLivePosition ? max(range.to, positions[range.partition] ?? 0) : range.to
            guard to > range.from else { continue }
            _ = try connection.query(
                """
                INSERT INTO ingest.replay_position (replay, partition, incarnation, from_offset, next_offset, to_offset)
                VALUES ($1, $2, $3, $4, $4, $5)
                """,
                ["\(id)", "\(range.partition)", "\(range.incarnation)", "\(range.from)", "\(to)"])
        }
        try record(request, id, ranges)
        return id
    }

    /// Also those that are in the middle of a batch: their claims are taken from them.
    /// - Returns: where they stand.
    @discardableResult
    func forbidOlder(_ topic: TopicName, _ revision: Int32) throws -> [Partition: Int64] {
        _ = try connection.query(
            "UPDATE ingest.topic_state SET mapping_revision_min = greatest(mapping_revision_min, $2) WHERE topic = $1",
            [topic.rawValue, "\(revision)"])
        let moved = try connection.query(
            """
            UPDATE ingest.position SET epoch = epoch + 1 WHERE topic = $1 AND partition IN (
              SELECT partition FROM ingest.position WHERE topic = $1 ORDER BY partition FOR UPDATE)
            RETURNING partition, next_offset
            """, [topic.rawValue])
        var positions: [Partition: Int64] = [:]
        for row in 0..<moved.rowCount {
            if let partition = moved[row, 0].flatMap(Int32.init), let next = moved.integer(row, 1) {
                positions[Partition(partition)] = next
            }
        }
        return positions
    }

    private func record(_ request: ReplayRequest, _ id: Int64, _ ranges: [PartitionRange]) throws {
        let details = JSON.object([
            ("replay", .integer(id)), ("offsets", .integer(ranges.reduce(0) { $0 + $1.count })),
            ("missing", .integer(ranges.reduce(0) { $0 + $1.missing })),
            ("mappingRevision", .integer(Int64(request.mappingRevision))),
        ])
        try operation(
            by: request.by, request.intoShadow ? "replay-into-shadow" : "replay", request.topic, request.because,
            details.text)
    }

    private func operation(
        by: String, _ action: String, _ topic: TopicName, _ because: String, _ details: String
    ) throws {
        _ = try connection.query(
            "INSERT INTO ingest.operation (by, action, topic, because, details) VALUES ($1, $2, $3, $4, $5::jsonb)",
            [by, action, topic.rawValue, because, details])
    }

    /// Nothing more of it is written from here on; what was written stays, but for the tables of a rebuilt copy, which are
    /// dropped.
    /// - Returns: false where it had ended already.
    package func cancel(_ id: Int64, by: String, because: String) throws -> Bool {
        var conflicts = 0
        while true {
            do {
                return try FrozenHolders(connection: connection).outlast(
                    of: "FROM ingest.replay_position p WHERE p.replay = \(id)"
                ) { try cancelOnce(id, by: by, because: because) }
            } catch let error as PostgresError {
                // A runner reads its table before it takes its positions: the two may wait for each other once.
                conflicts += 1
                guard error.sqlState == "40P01", conflicts < 5 else { throw error }
            }
        }
    }

    /// A transaction; whoever calls undoes it where it throws.
    private func cancelOnce(_ id: Int64, by: String, because: String) throws -> Bool {
        _ = try connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        let changed = try connection.query(
            """
            WITH ended AS (
              UPDATE ingest.replay SET status = 'cancelled', ended_at = now(), note = NULL, epoch = epoch + 1
              WHERE id = $1 AND (status IN ('running', 'stopped') OR status = 'done' AND into_shadow)
              RETURNING id, topic, epoch),
            fenced AS (
              UPDATE ingest.replay_position p SET epoch = e.epoch FROM ended e WHERE p.replay = e.id RETURNING 1)
            INSERT INTO ingest.operation (by, action, topic, because, details)
            SELECT $2, 'replay-cancel', topic, $3, jsonb_build_object('replay', id) FROM ended RETURNING id
            """, ["\(id)", by, because])
        if changed.rowCount == 1 { try ShadowTables(connection: connection).drop(replay: id) }
        _ = try connection.execute("COMMIT")
        return changed.rowCount == 1
    }

    /// Lets a stopped replay go on; `maxRefusedShare` replaces the share at which it stops.
    /// - Returns: false where it was not stopped.
    package func resume(_ id: Int64, maxRefusedShare: Double?, by: String, because: String) throws -> Bool {
        let changed = try connection.query(
            """
            WITH resumed AS (
              UPDATE ingest.replay SET status = 'running', note = NULL, seen_at = NULL,
                max_refused_share = coalesce($4::double precision, max_refused_share), resumed_at = (
                  SELECT coalesce(sum(next_offset - from_offset), 0) FROM ingest.replay_position p WHERE p.replay = $1)
              WHERE id = $1 AND status = 'stopped' RETURNING id, topic)
            INSERT INTO ingest.operation (by, action, topic, because, details)
            SELECT $2, 'replay-resume', topic, $3, jsonb_build_object('replay', id) FROM resumed RETURNING id
            """, ["\(id)", by, because, maxRefusedShare.map { "\($0)" }])
        return changed.rowCount == 1
    }

    // MARK: Carrying one on

    /// Takes on one replay that nobody carries on, or that was ours: raises its epoch, so that whoever had it writes
    /// nothing more.
    ///
    /// - Parameters:
    ///   - id: only this one.
    ///   - topics: the topics that can be read here, each with its mapping's revision; a replay goes on under the
    ///     revision that it began with, so that its rows are all of one.
    package func claim(
        _ id: Int64?, topics: [TopicName: Int32], by runner: String
    ) throws -> (id: Int64, epoch: Int64)? {
        let known = topics.map { "(\(SQLText.literal($0.key.rawValue)), \($0.value))" }
        guard !known.isEmpty else { return nil }
        // A runner that froze in the middle of a COPY holds its positions; it gives no sign, so they are free to be taken.
        return try FrozenHolders(connection: connection).outlast(
            of: """
                FROM ingest.replay_position p JOIN ingest.replay r ON r.id = p.replay
                WHERE r.status = 'running' AND (r.runner = \(SQLText.literal(runner))
                  OR r.seen_at < now() - make_interval(secs => \(ReplayState.patienceSeconds)))
                """
        ) { try claimOnce(id, known, by: runner) }
    }

    private func claimOnce(
        _ id: Int64?, _ known: [String], by runner: String
    ) throws(PostgresError) -> (id: Int64, epoch: Int64)? {
        let claimed = try connection.query(
            """
            WITH free AS (
              SELECT id FROM ingest.replay r
              JOIN (VALUES \(known.joined(separator: ", "))) AS k (topic, revision)
                ON k.topic = r.topic AND k.revision = r.mapping_revision
              WHERE r.status = 'running' AND ($1::bigint IS NULL OR r.id = $1::bigint)
                AND (r.seen_at IS NULL OR r.runner = $2 OR r.seen_at < now() - make_interval(secs => $3))
              ORDER BY r.id LIMIT 1 FOR UPDATE OF r SKIP LOCKED),
            taken AS (
              UPDATE ingest.replay r SET epoch = r.epoch + 1, runner = $2, seen_at = now(), note = NULL
              FROM free WHERE r.id = free.id RETURNING r.id, r.epoch),
            fenced AS (
              UPDATE ingest.replay_position p SET epoch = t.epoch FROM taken t WHERE p.replay = t.id RETURNING 1)
            SELECT id, epoch, (SELECT count(*) FROM fenced) FROM taken
            """, [id.map(String.init), runner, "\(ReplayState.patienceSeconds)"])
        guard claimed.rowCount > 0, let id = claimed.integer(0, 0), let epoch = claimed.integer(0, 1) else {
            return nil
        }
        return (id, epoch)
    }

    /// A sign of life. False where the replay is no longer ours to carry on.
    package func beat(_ id: Int64, epoch: Int64, note: String?, recordsASecond: Double?) throws(PostgresError) -> Bool {
        let beaten = try connection.query(
            """
            UPDATE ingest.replay SET seen_at = now(), note = $3,
              records_a_second = coalesce($4::double precision, records_a_second)
            WHERE id = $1 AND epoch = $2 AND status = 'running' RETURNING 1
            """, ["\(id)", "\(epoch)", note, recordsASecond.map { "\($0)" }])
        return beaten.rowCount == 1
    }

    /// Gives it back, so that another runner need not wait for signs.
    package func release(_ id: Int64, epoch: Int64) throws(PostgresError) {
        _ = try connection.query(
            "UPDATE ingest.replay SET seen_at = NULL, runner = NULL WHERE id = $1 AND epoch = $2 AND status = 'running'",
            ["\(id)", "\(epoch)"])
    }

    /// Ends it, or stops it until a person has looked.
    package func finish(_ id: Int64, epoch: Int64, _ status: ReplayStatus, note: String?) throws(PostgresError) {
        _ = try connection.query(
            """
            UPDATE ingest.replay SET status = $3, note = $4, seen_at = now(),
              ended_at = CASE WHEN $3 = 'done' AND NOT into_shadow THEN now() END
            WHERE id = $1 AND epoch = $2 AND status = 'running'
            """, ["\(id)", "\(epoch)", status.rawValue, note])
    }

    // MARK: Keeping a copy level

    /// Lets a rebuilt copy that is done read on, up to these offsets where it has not, for this runner to carry on.
    /// - Returns: false where it is not done.
    func extend(
        _ id: Int64, to ends: [(partition: Partition, incarnation: Int32, next: Int64)], by runner: String
    ) throws(PostgresError) -> Bool {
        // A partition that was empty at the start has no row yet.
        let rows = ends.filter { $0.next > 0 }.map { "(\($0.partition), \($0.incarnation), \($0.next)::bigint)" }
        guard !rows.isEmpty else { return true }
        let extended = try connection.query(
            """
            WITH again AS (
              UPDATE ingest.replay SET status = 'running', runner = $2, seen_at = now()
              WHERE id = $1 AND status = 'done' AND into_shadow RETURNING id, epoch),
            moved AS (
              INSERT INTO ingest.replay_position AS p (replay, partition, incarnation, from_offset, next_offset, to_offset, epoch)
              SELECT a.id, v.partition, v.incarnation, 0, 0, v.next, a.epoch
              FROM again a, (VALUES \(rows.joined(separator: ", "))) AS v (partition, incarnation, next)
              ON CONFLICT (replay, partition) DO UPDATE SET to_offset = greatest(p.to_offset, excluded.to_offset)
              RETURNING 1)
            SELECT count(*) FROM again
            """, ["\(id)", runner])
        return extended.integer(0, 0) == 1
    }

    /// A copy that nobody carries on is done where it stands.
    func settle(_ id: Int64) throws(PostgresError) {
        _ = try connection.query(
            """
            WITH settled AS (
              UPDATE ingest.replay SET status = 'done', note = NULL, epoch = epoch + 1
              WHERE id = $1 AND status = 'running' AND into_shadow RETURNING id, epoch)
            UPDATE ingest.replay_position p SET to_offset = next_offset, epoch = s.epoch FROM settled s WHERE p.replay = s.id
            """, ["\(id)"])
    }

    // MARK: Looking

    package func positions(_ id: Int64) throws(PostgresError) -> [ReplayPosition] {
        let result = try connection.query(
            """
            SELECT partition, incarnation, from_offset, to_offset, next_offset, last_record_offset, last_record_hash
            FROM ingest.replay_position WHERE replay = $1 ORDER BY partition
            """, ["\(id)"])
        return (0..<result.rowCount).map { row in
            guard let partition = result[row, 0].flatMap(Int32.init),
                let incarnation = result[row, 1].flatMap(Int32.init),
                let from = result.integer(row, 2), let to = result.integer(row, 3), let next = result.integer(row, 4)
            else { preconditionFailure("these columns of ingest.replay_position have no nulls") }
            var last: ReplayPosition.LastRecord?
            if let offset = result.integer(row, 5), let hash = result.integer(row, 6) {
                last = ReplayPosition.LastRecord(offset: offset, hash: hash)
            }
            return ReplayPosition(
                partition: Partition(partition), incarnation: incarnation, from: from, to: to, next: next, last: last)
        }
    }

    /// The replay of that id; nil where there is none.
    package func state(_ id: Int64) throws(PostgresError) -> ReplayState? { try states(id).first }

    /// All replays, the latest first.
    package func states() throws(PostgresError) -> [ReplayState] { try states(nil) }

    private func states(_ id: Int64?) throws(PostgresError) -> [ReplayState] {
        let result = try connection.query(
            """
            SELECT r.id, r.topic, r.into_shadow, r.status, r.mapping_revision, r.rate, r.live_lag_max, r.max_refused_share,
              (SELECT string_agg(encode(k, 'hex'), ',') FROM unnest(r.key_fingerprints) AS k) AS keys,
              r.asked_by, r.because, to_char(r.asked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS asked_at,
              r.runner, extract(epoch FROM clock_timestamp() - r.seen_at)::double precision AS unseen, r.note,
              r.records_a_second, r.epoch, r.resumed_at, coalesce(p.offsets, 0) AS offsets, coalesce(p.passed, 0) AS passed,
              coalesce(p.applied, 0) AS applied, coalesce(p.superseded, 0) AS superseded,
              coalesce(p.deleted, 0) AS deleted, coalesce(p.dead_lettered, 0) AS dead_lettered
            FROM ingest.replay r LEFT JOIN (
              SELECT replay, sum(to_offset - from_offset)::bigint AS offsets, sum(next_offset - from_offset)::bigint AS passed,
                sum(applied)::bigint AS applied, sum(superseded)::bigint AS superseded, sum(deleted)::bigint AS deleted,
                sum(dead_lettered)::bigint AS dead_lettered
              FROM ingest.replay_position GROUP BY replay) AS p ON p.replay = r.id
            WHERE $1::bigint IS NULL OR r.id = $1::bigint ORDER BY r.id DESC
            """, [id.map(String.init)])
        return (0..<result.rowCount).map { state(result, $0) }
    }

    private func state(_ result: PostgresResult, _ row: Int) -> ReplayState {
        func number(_ column: String) -> Int64 {
            guard let number = result.integer(row, column) else {
                preconditionFailure("\(column) of a replay is never null")
            }
            return number
        }
        guard let topic = result[row, "topic"].flatMap(TopicName.init),
            let status = result[row, "status"].flatMap(ReplayStatus.init(rawValue:)),
            let share = result[row, "max_refused_share"].flatMap(Double.init), let by = result[row, "asked_by"],
            let because = result[row, "because"], let askedAt = result[row, "asked_at"]
        else { preconditionFailure("a replay's row is as the migration makes it") }
        return ReplayState(
            id: number("id"), topic: topic, intoShadow: result[row, "into_shadow"] == "t", status: status,
            mappingRevision: Int32(truncatingIfNeeded: number("mapping_revision")), rate: Int(number("rate")),
            liveLagMax: number("live_lag_max"), maxRefusedShare: share,
            keyFingerprints: result[row, "keys"]?.split(separator: ",").compactMap { Hexadecimal.decode(String($0)) },
            by: by, because: because, askedAt: askedAt, runner: result[row, "runner"],
            unseenSeconds: result[row, "unseen"].flatMap(Double.init), note: result[row, "note"],
            recordsASecond: result[row, "records_a_second"].flatMap(Double.init), epoch: number("epoch"),
            offsets: number("offsets"), passed: number("passed"),
            fates: Fates(
                applied: number("applied"), superseded: number("superseded"), deleted: number("deleted"),
                deadLettered: number("dead_lettered")),
            resumedAt: result.integer(row, "resumed_at"))
    }
}
