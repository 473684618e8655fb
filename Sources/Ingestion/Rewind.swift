// The operators' word on where a topic is read: positions moved back, or forward over records that are then not read.
package import Contracts
package import Kafka
package import Model
package import Postgres

/// Moves the positions of a topic's partitions, whether workers run, rest or are away.
///
/// Kafka is asked for everything first. Then the rows are locked, which waits for commits in flight, and their epochs
/// raised: a worker that holds the partitions writes nothing more of what it has in hand, notices by its next batch or
/// look at the controls, and claims them anew at the new position. All partitions move in one transaction, or none.
///
/// Rows are safe whatever is read again, by rank. The cumulative fates in `ingest.position` count a record each time that
/// it is dealt with; the operation keeps what they were, so that the account can be told apart.
package struct Rewind {
    package enum Target: Hashable, Sendable {
        /// Kafka's first offset.
        case beginning
        /// Kafka's end. A position that has passed it since it was asked for stays.
        case end
        case offset(Int64)
        /// The first record of that time or later, since 1970-01-01 UTC; the end where there is none.
        case time(milliseconds: Int64)
        /// So many offsets before the position as it is when it is first read, at most to Kafka's first.
        case back(Int64)
    }

    /// A partition's old and new position. Counted in offsets: the holes of transactions and compaction are among them.
    package struct Move: Hashable, Sendable {
        package let partition: Partition
        package let from: NextOffset
        package let to: NextOffset

        package var readAgain: Int64 { max(0, from.rawValue - to.rawValue) }
        package var skipped: Int64 { max(0, to.rawValue - from.rawValue) }
    }

    private let topic: TopicDefinition
    private let codeLists: CodeLists
    private let partitions: Set<Partition>
    private let target: Target
    private let connection: PostgresConnection
    private let admin: KafkaAdmin

    private static let timeoutMilliseconds: Int32 = 10_000

    /// - Parameter partitions: none for all of the topic's.
    package init(
        _ topic: TopicDefinition, codeLists: CodeLists, partitions: Set<Partition>, to target: Target,
        connection: PostgresConnection,
        admin: KafkaAdmin
    ) {
        self.topic = topic
        self.codeLists = codeLists
        self.partitions = partitions
        self.target = target
        self.connection = connection
        self.admin = admin
    }

    /// What would be done, in the order of the partitions, those that would stay among them; changes nothing.
    /// - Throws: `UserError` where the topic or a partition is unknown, stands at a gap or before one that nobody has
    ///   noticed yet, or the target lies outside of the log; `KafkaError`, `PostgresError`.
    package func plan() throws -> [Move] {
        try findAims().map { Move(partition: $0.place.partition, from: $0.position, to: $0.to) }
    }

    /// Does it, and records each partition that moved in `ingest.operation`.
    /// - Parameter skipRecords: how many offsets may be skipped over all partitions, exactly.
    /// - Returns: what was done: workers may have gone on since it was planned.
    /// - Throws: as `plan`; also `UserError` where another number would be skipped. Nothing is changed then.
    package func perform(skipRecords: Int64, because: String, by: String) throws -> [Move] {
        let aims = try findAims()
        return try PositionStore(connection: connection).withPatience(for: aims.map(\.place)) {
            try connection.query("BEGIN")
            do {
                let moves = try move(aims, skipRecords: skipRecords, because: because, by: by)
                try connection.query("COMMIT")
                return moves
            } catch {
                if !connection.isBroken, connection.inTransaction { _ = try? connection.query("ROLLBACK") }
                throw error
            }
        }
    }

    // MARK: Asking Kafka

    /// Where a partition is to be read from.
    private struct Aim {
        let place: TopicPartition
        let incarnation: Int32
        /// As it was read, before anything is locked.
        let position: NextOffset
        let to: NextOffset
        /// The record before `to`, by which the log is known again; nil where none is there.
        let lastRecord: (offset: Offset, hash: Int64)?
    }

    private func findAims() throws -> [Aim] {
        // Read before the logs' ends: a position is never further than the end that is asked for later.
        let known = try PositionStore(connection: connection).standing(of: topic.name)
        let places = try wantedPlaces()
        var logs: [TopicPartition: Range<Int64>] = [:]
        for place in places {
            let marks = try admin.watermarks(place, timeoutMilliseconds: Self.timeoutMilliseconds)
            logs[place] = marks.low..<max(marks.low, marks.high)
            try requireWhole(place, known[place.partition], marks)
        }
        var times: [TopicPartition: NextOffset] = [:]
        if case .time(let milliseconds) = target {
            times = try admin.offsets(
                in: logs, atOrAfter: milliseconds, timeoutMilliseconds: Self.timeoutMilliseconds)
        }
        return try places.map { place in
            let log = logs[place] ?? 0..<0
            let position = known[place.partition]?.next ?? NextOffset(0)
            let to =
                switch target {
                case .beginning: log.lowerBound
                case .end: log.upperBound
                case .offset(let offset): try within(log, offset, place)
                case .time: times[place]?.rawValue ?? log.upperBound
                case .back(let count): max(log.lowerBound, position.rawValue - min(count, position.rawValue))
                }
            return Aim(
                place: place, incarnation: known[place.partition]?.incarnation ?? 0, position: position,
                to: NextOffset(to), lastRecord: to > log.lowerBound ? try remembered(place, Offset(to - 1)) : nil)
        }
    }

    private func wantedPlaces() throws -> [TopicPartition] {
        guard let metadata = try admin.topic(topic.name, timeoutMilliseconds: Self.timeoutMilliseconds) else {
            throw failure(
                "\(topic.name)", "Kafka has no such topic", "create it with `lienthong topics apply`", .configuration)
        }
        let all = metadata.partitions.map(\.partition)
        if let unknown = partitions.subtracting(all).min() {
            throw failure(
                "\(TopicPartition(topic.name, unknown))", "Kafka has no such partition",
                "partitions are 0 to \(all.count - 1)", .usage)
        }
        return all.filter { partitions.isEmpty || partitions.contains($0) }.map { TopicPartition(topic.name, $0) }
    }

    /// A gap is decided upon, never moved away from: neither one that stands nor one that a worker would find. What is
    /// known of the log is forgotten by the move, so it is compared here once more.
    private func requireWhole(
        _ place: TopicPartition, _ known: ClaimedPosition?, _ marks: (low: Int64, high: Int64)
    ) throws {
        if let because = known?.gapBecause { throw standsAtGap(place, because) }
        let next = known?.next.rawValue ?? 0
        let cause: String
        if next < marks.low {
            cause = "Kafka's first offset \(marks.low) lies beyond its position \(next)"
        } else if next > marks.high {
            cause = "Kafka's log ends at \(marks.high), before its position \(next)"
        } else if let last = known?.lastRecord, last.offset.rawValue < next, last.offset.rawValue >= marks.low,
            try !isThere(last, place)
        {
            cause = "the record before its position is not the one that was dealt with"
        } else {
            return
        }
        throw failure(
            "\(place)", "\(cause): a gap",
            "let `lienthong work` find it, and decide with `lienthong work accept-gap` first", .no)
    }

    private func isThere(_ last: (offset: Offset, hash: Int64), _ place: TopicPartition) throws -> Bool {
        if let record = try record(place, last.offset) { return Self.fingerprint(record) == last.hash }
        // As when a worker claims: nothing but compaction may remove it.
        return topic.contract.kafka.cleanupPolicy.contains("compact")
    }

    /// What is kept of the record at the offset; nil where there is none, and of a state secret, of which not even a
    /// fingerprint is kept: the log is known again a record later then.
    private func remembered(_ place: TopicPartition, _ offset: Offset) throws -> (offset: Offset, hash: Int64)? {
        guard let record = try record(place, offset) else { return nil }
        return try isStateSecret(record) ? nil : (offset, Self.fingerprint(record))
    }

    private func isStateSecret(_ record: RawRecord) throws -> Bool {
        let decoder = try RecordDecoder(topic, codeLists: codeLists)
        let verdict = HeldRecord.copy(record).withBytes { key, value in
            decoder.decode(
                key: key, value: value, valueIsPadded: false, headersByteCount: 0, timestampMilliseconds: nil,
                tombstoneVersion: nil)
        }
        guard case .refused(let refusal) = verdict else { return false }
        return refusal.reason == .stateSecret
    }

    /// Nil where the offset is a hole.
    private func record(_ place: TopicPartition, _ offset: Offset) throws -> RawRecord? {
        guard let found = try admin.record(place, at: offset, timeoutMilliseconds: Self.timeoutMilliseconds),
            found.offset == offset
        else { return nil }
        return RawRecord(key: found.key, value: found.value)
    }

    private static func fingerprint(_ record: RawRecord) -> Int64 {
        HeldRecord.copy(record).withBytes { recordFingerprint(key: $0, value: $1) }
    }

    private func within(_ log: Range<Int64>, _ offset: Int64, _ place: TopicPartition) throws -> Int64 {
        guard offset < log.lowerBound || offset > log.upperBound else { return offset }
        throw failure(
            "\(place) to \(offset)", "the log holds offsets from \(log.lowerBound) to \(log.upperBound), its end",
            "give one of them, and name partitions with --partition where their logs differ", .usage)
    }

    // MARK: Moving

    /// In a transaction: whatever is thrown undoes it.
    private func move(_ aims: [Aim], skipRecords: Int64, because: String, by: String) throws -> [Move] {
        let locked = try PositionStore(connection: connection).raiseEpochs(of: aims.map(\.place), claimedBy: nil)
        var rows: [Partition: (position: ClaimedPosition, consumed: Int64)] = [:]
        for row in 0..<locked.rowCount {
            guard let position = ClaimedPosition(locked, row: row) else { continue }
            rows[position.topicPartition.partition] = (position, locked.integer(row, "consumed") ?? 0)
        }
        var moves: [Move] = []
        var values: [String] = []
        for aim in aims {
            guard let (row, consumed) = rows[aim.place.partition] else { continue }
            if let because = row.gapBecause { throw standsAtGap(aim.place, because) }
            guard row.incarnation == aim.incarnation else {
                throw failure("\(aim.place)", "a gap was accepted meanwhile", "look again with a dry run", .no)
            }
            let move = Move(
                partition: aim.place.partition, from: row.next, to: target == .end ? max(row.next, aim.to) : aim.to)
            moves.append(move)
            if move.from != move.to { values.append(Self.values(move, aim, consumed: consumed)) }
        }
        try requireSkipping(moves, exactly: skipRecords)
        guard !values.isEmpty else { return moves }
        try connection.query(
            """
            WITH wanted (partition, next_offset, last_offset, last_hash, details) AS (
              VALUES \(values.joined(separator: ", "))),
            moved AS (
              UPDATE ingest.position p SET next_offset = w.next_offset, last_record_offset = w.last_offset,
                last_record_hash = w.last_hash, moved_at = now()
              FROM wanted w WHERE p.topic = $1 AND p.partition = w.partition RETURNING p.partition, w.details)
            INSERT INTO ingest.operation (by, action, topic, partition, because, details)
            SELECT $3, 'rewind', $1, partition, $2, details FROM moved ORDER BY partition
            """, [topic.name.rawValue, because, by])
        return moves
    }

    private static func values(_ move: Move, _ aim: Aim, consumed: Int64) -> String {
        let details = JSON.object([
            ("from", .integer(move.from.rawValue)), ("to", .integer(move.to.rawValue)),
            ("readAgain", .integer(move.readAgain)), ("skipped", .integer(move.skipped)),
            ("consumed", .integer(consumed)),
        ])
        let offset = aim.lastRecord.map { "\($0.offset)" } ?? "NULL"
        let hash = aim.lastRecord.map { "'\($0.hash)'" } ?? "NULL"
        return "(\(move.partition), \(move.to)::bigint, \(offset)::bigint, \(hash)::bigint, "
            + "\(SQLText.literal(details.text))::jsonb)"
    }

    private func requireSkipping(_ moves: [Move], exactly wanted: Int64) throws {
        let skipped = moves.reduce(0) { $0 + $1.skipped }
        guard skipped != wanted else { return }
        let places = moves.filter { $0.skipped > 0 }.map { "\($0.partition)" }.joined(separator: ", ")
        throw failure(
            "\(topic.name)",
            skipped == 0
                ? "it skips no record" : "it would skip \(skipped) records, which are not read (partitions \(places))",
            skipped == 0 ? "leave --skip-records away" : "if that is wanted, give --skip-records \(skipped)", .no)
    }

    // MARK: Saying no

    private func standsAtGap(_ place: TopicPartition, _ because: String) -> UserError {
        failure(
            "\(place)", "it stands at a gap: \(because)",
            "decide with `lienthong work accept-gap --topic \(place.topic) --partition \(place.partition) --because …`",
            .no)
    }

    private func failure(_ subject: String, _ cause: String, _ nextStep: String, _ status: ExitStatus) -> UserError {
        UserError(
            action: "moving the position of", subject: subject, cause: cause,
            nextStep: "\(nextStep); nothing was changed", status: status)
    }
}
