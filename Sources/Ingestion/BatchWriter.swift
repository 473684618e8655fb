// One batch into the database: reduced, staged, merged, and halved where the database refuses a record.
import Contracts
import Logging
import Model
import Postgres

/// Buffers kept from batch to batch.
final class StageBuffers {
    var stage = CopyBuffer(capacity: 1 << 20)
    var child = CopyBuffer()
    var dead = CopyBuffer()
    var warnings = CopyBuffer()
}

struct BatchWriter {
    let topic: LaneTopic
    let connection: PostgresConnection
    let settings: WorkerSettings
    let logger: Logger

    /// How often one batch is tried again after a serialization failure or a deadlock.
    private static let conflictRetriesMax = 5
    /// How often a single record may fail for a reason nobody knows.
    private static let unknownRetriesMax = 3

    /// Writes the entries at `indices` (in the order of the log). Partitions that turn out to be somebody else's are set to
    /// `lost`, and nothing of them is written.
    ///
    /// Where the database refuses, the batch is halved in the order of the log and each half is its own transaction: every
    /// half is a whole run of its partitions, so positions move without holes, and each half is reduced anew, so that a
    /// good older version is not lost in favour of a refused newer one.
    func write(
        _ indices: [Int], states: inout [TopicPartition: PartitionState], count: (Fates) -> Void
    ) throws {
        let live = indices.filter { states[topicPartition(of: $0)]?.phase == .active }
        guard !live.isEmpty else { return }
        switch Reduction.reduce(topic.batch.entries, live, keyBytes: { topic.batch.decoder.arena[$0] }) {
        case .keyInTwoPartitions:
            for partition in Set(live.map { topic.batch.entries[$0].partition }).sorted() {
                try write(live.filter { topic.batch.entries[$0].partition == partition }, states: &states, count: count)
            }
        case .rows(let rows):
            guard let error = try attempt(live, rows, &states, count) else { return }
            if live.count > 1 {
                let middle = live.count / 2
                try write(Array(live[..<middle]), states: &states, count: count)
                try write(Array(live[middle...]), states: &states, count: count)
            } else {
                try refuse(live[0], error)
                try write(live, states: &states, count: count)
            }
        }
    }

    /// Tries the transaction. Returns the database's refusal of some record, nil when written; throws the world's and our faults.
    private func attempt(
        _ live: [Int], _ rows: [StagedRow], _ states: inout [TopicPartition: PartitionState], _ count: (Fates) -> Void
    ) throws -> PostgresError? {
        var conflicts = 0
        var unknown = 0
        while true {
            do throws(PostgresError) {
                try merge(live, rows, &states, count)
                return nil
            } catch {
                if connection.isBroken { throw error }
                if connection.inTransaction { _ = try connection.execute("ROLLBACK") }
                switch error.fault {
                case .record:
                    return error
                case .world:
                    // A statement that takes too long may be short enough by halves.
                    if error.sqlState == "57014", live.count > 1 { return error }
                    conflicts += 1
                    guard error.sqlState?.hasPrefix("40") == true, conflicts <= Self.conflictRetriesMax else {
                        throw error
                    }
                case .ours:
                    throw TopicFault(because: "\(error)")
                case .unknown:
                    if live.count > 1 { return error }
                    unknown += 1
                    if unknown >= Self.unknownRetriesMax { throw TopicFault(because: "\(error)") }
                }
            }
        }
    }

    /// Turns the one record that the database refuses into a dead letter.
    private func refuse(_ index: Int, _ error: PostgresError) throws {
        let entry = topic.batch.entries[index]
        // A refusal that is itself refused is no fault of the record.
        if case .refused = entry.verdict { throw TopicFault(because: "\(error)") }
        if error.fault == .unknown { throw TopicFault(because: "\(error)") }
        let names = [
            error.constraint.map { "constraint \($0)" }, error.column.map { "column \($0)" },
            error.dataType.map { "type \($0)" },
        ]
        let rule = (["SQLSTATE \(error.sqlState ?? "none")"] + names.compactMap { $0 }).joined(separator: ", ")
        topic.batch.refuse(index, Refusal(.databaseRefused, rule: rule), sqlState: error.sqlState)
        // Asked at each refusal: a table that refuses everything is our fault, and is noticed after the breaker's least
        // number of records rather than after a whole batch of them.
        if case .open(let because) = topic.breaker.judge(topic.sample(through: index)) {
            throw TopicFault(because: because)
        }
        logger.info(
            "merging \(topic.definition.name)[\(entry.partition)] offset \(entry.offset): \(rule); kept as a dead letter"
        )
    }

    // MARK: One transaction

    private func merge(
        _ live: [Int], _ rows: [StagedRow], _ states: inout [TopicPartition: PartitionState], _ count: (Fates) -> Void
    ) throws(PostgresError) {
        let claims = claims(live, states)
        let contents = try stage(live, rows, states)
        settings.faultPoint(.beforeCommit)
        try connection.send(topic.sql.transaction(claims: claims, contents: contents, path: topic.path))
        settings.faultPoint(.afterCommit)
        let results = try connection.receive()
        // The last result is COMMIT's, the one before it the positions'.
        let moved = results[results.count - 2]
        var fates: [Int32: (applied: Int64, deleted: Int64, foreign: Int64)] = [:]
        for row in 0..<moved.rowCount {
            guard let partition = moved[row, 0].flatMap(Int32.init), let applied = moved[row, 1].flatMap(Int64.init),
                let deleted = moved[row, 2].flatMap(Int64.init), let foreign = moved[row, 3].flatMap(Int64.init)
            else { preconditionFailure("the positions' result has four numbers a row, as MergeSQL writes it") }
            fates[partition] = (applied, deleted, foreign)
        }
        var written: Set<Partition> = []
        for claim in claims {
            let key = TopicPartition(topic.definition.name, claim.partition)
            guard let fate = fates[claim.partition.rawValue] else {
                states[key]?.phase = .lost(since: ContinuousClock().now)
                states[key]?.forgetTaken()
                logger.info("\(key) was claimed elsewhere; its share of the batch was not written")
                continue
            }
            states[key]?.wrote(to: claim.next)
            written.insert(claim.partition)
            let deadLettered = claim.deadLettered + fate.foreign
            count(
                Fates(
                    applied: fate.applied, superseded: claim.consumed - deadLettered - fate.applied - fate.deleted,
                    deleted: fate.deleted, deadLettered: deadLettered
                ))
        }
        raiseAlarms(live.filter { written.contains(topic.batch.entries[$0].partition) })
    }

    /// Says loudly which records of the log are state secrets: only their holder can take them out of it.
    private func raiseAlarms(_ written: [Int]) {
        for index in written {
            let entry = topic.batch.entries[index]
            guard case .refused(let refusal) = entry.verdict, refusal.reason == .stateSecret else { continue }
            let name = topic.definition.name
            logger.critical(
                "a state secret stands in the log at \(name)[\(entry.partition)] offset \(entry.offset): its content was kept nowhere here, and is still readable in Kafka; delete it with `lienthong topics purge --topic \(name) --partition \(entry.partition) --before \(NextOffset(after: entry.offset)) --because …`"
            )
        }
    }

    private func claims(_ live: [Int], _ states: [TopicPartition: PartitionState]) -> [MergeSQL.Claim] {
        var claims: [Partition: (claim: MergeSQL.Claim, last: Int?)] = [:]
        for index in live {
            let entry = topic.batch.entries[index]
            guard let state = states[topicPartition(of: index)] else { continue }
            var refused: Int64 = 0
            // Of a state secret not even a fingerprint is kept.
            var remembered: Int? = index
            if case .refused(let refusal) = entry.verdict {
                refused = 1
                if refusal.reason == .stateSecret { remembered = nil }
            }
            if var known = claims[entry.partition] {
                known.claim.next = NextOffset(after: entry.offset)
                known.claim.consumed += 1
                known.claim.deadLettered += refused
                known.last = remembered ?? known.last
                claims[entry.partition] = known
            } else {
                claims[entry.partition] = (
                    MergeSQL.Claim(
                        partition: entry.partition, epoch: state.epoch, expected: state.written,
                        next: NextOffset(after: entry.offset), lastRecord: nil, consumed: 1, deadLettered: refused
                    ), remembered
                )
            }
        }
        return claims.values.map { known in
            var claim = known.claim
            claim.lastRecord = known.last.map { (topic.batch.entries[$0].offset, topic.batch.fingerprint($0)) }
            return claim
        }.sorted { $0.partition < $1.partition }
    }

    // MARK: Staging, before the transaction

    private func stage(
        _ live: [Int], _ rows: [StagedRow], _ states: [TopicPartition: PartitionState]
    ) throws(PostgresError) -> MergeSQL.Contents {
        var contents = MergeSQL.Contents()
        let sql = topic.sql
        if rows.isEmpty {
            _ = try connection.execute(sql.truncateStage)
        } else {
            encode(rows, states, &contents)
            try connection.copyIn("\(sql.truncateStage); \(sql.copyStage)") { writer throws(PostgresError) in
                settings.faultPoint(.insideCopy)
                try writer.write(topic.buffers.stage.bytes)
            }
            try stageChildren(rows, &contents)
        }
        try stageDeadLetters(live, rows, states, &contents)
        try stageWarnings(rows, &contents)
        return contents
    }

    private func encode(
        _ rows: [StagedRow], _ states: [TopicPartition: PartitionState], _ contents: inout MergeSQL.Contents
    ) {
        contents.stagedRows = rows.count
        let decoder = topic.batch.decoder
        let entries = topic.batch.entries
        let keyColumns = decoder.table.keyColumns.count
        let contentColumns = decoder.table.contentColumns.count
        topic.buffers.stage.begin()
        for (ordinal, row) in rows.enumerated() {
            topic.buffers.stage.beginRow(fields: 9 + keyColumns + contentColumns)
            topic.buffers.stage.field(Int32(ordinal))
            topic.buffers.stage.field(row.partition.rawValue)
            topic.buffers.stage.field(
                states[TopicPartition(topic.definition.name, row.partition)]?.incarnation ?? 0)
            var content: Range<Int>?
            if let index = row.record, case .record(let record) = entries[index].verdict {
                contents.recordRows += 1
                content = record.content
                topic.buffers.stage.field(record.version)
                topic.buffers.stage.field(entries[index].offset.rawValue)
                topic.buffers.stage.field(Int64(bitPattern: record.contentHash))
            } else {
                for _ in 0..<3 { topic.buffers.stage.null() }
            }
            if let index = row.delete, case .tombstone(let tombstone) = entries[index].verdict {
                contents.hasTombstones = true
                topic.buffers.stage.field(tombstone.version)
                topic.buffers.stage.field(entries[index].offset.rawValue)
            } else {
                for _ in 0..<2 { topic.buffers.stage.null() }
            }
            if let index = row.plainDelete {
                contents.hasTombstones = true
                topic.buffers.stage.field(entries[index].offset.rawValue)
            } else {
                topic.buffers.stage.null()
            }
            topic.buffers.stage.append(raw: decoder.arena[row.key])
            if let content {
                topic.buffers.stage.append(raw: decoder.arena[content])
            } else {
                for _ in 0..<contentColumns { topic.buffers.stage.null() }
            }
        }
        topic.buffers.stage.end()
    }

    private func stageChildren(_ rows: [StagedRow], _ contents: inout MergeSQL.Contents) throws(PostgresError) {
        let decoder = topic.batch.decoder
        for (number, child) in decoder.children.enumerated() {
            topic.buffers.child.begin()
            for (ordinal, row) in rows.enumerated() {
                guard let index = row.record, case .record(let record) = topic.batch.entries[index].verdict else {
                    continue
                }
                for childRow in decoder.childRows[record.children] where childRow.child == number {
                    contents.childrenWithRows.insert(number)
                    topic.buffers.child.beginRow(fields: 2 + child.columns.count)
                    topic.buffers.child.field(Int32(ordinal))
                    topic.buffers.child.field(childRow.position)
                    topic.buffers.child.append(raw: decoder.arena[childRow.content])
                }
            }
            topic.buffers.child.end()
            guard contents.childrenWithRows.contains(number) else { continue }
            try connection.copyIn(topic.sql.copyChildren[number]) { writer throws(PostgresError) in
                try writer.write(topic.buffers.child.bytes)
            }
        }
    }

    /// Refused records, and plain tombstones: those become dead letters only where the row turns out to belong to another
    /// partition, and then within this transaction, so their bytes must lie ready.
    private func stageDeadLetters(
        _ live: [Int], _ rows: [StagedRow], _ states: [TopicPartition: PartitionState],
        _ contents: inout MergeSQL.Contents
    ) throws(PostgresError) {
        topic.buffers.dead.begin()
        for index in live {
            guard case .refused(let refusal) = topic.batch.entries[index].verdict else { continue }
            contents.hasDeadLetters = true
            append(index, refusal, ordinal: nil, states)
        }
        let foreign = Refusal(
            .versionMissing, rule: "a tombstone from another partition than its row's needs ce_sourceversion")
        for (ordinal, row) in rows.enumerated() where row.plainDelete != nil {
            for index in row.plainDeletes {
                contents.hasDeadLetters = true
                append(index, foreign, ordinal: Int32(ordinal), states)
            }
        }
        topic.buffers.dead.end()
        guard contents.hasDeadLetters else { return }
        try connection.copyIn(topic.sql.copyDeadLetters) { writer throws(PostgresError) in
            try writer.write(topic.buffers.dead.bytes)
        }
    }

    private func append(
        _ index: Int, _ refusal: Refusal, ordinal: Int32?, _ states: [TopicPartition: PartitionState]
    ) {
        let entry = topic.batch.entries[index]
        let partition = topicPartition(of: index)
        let origin = RecordOrigin(
            topic: partition.topic, incarnation: states[partition]?.incarnation ?? 0, partition: partition.partition,
            offset: entry.offset)
        var sealed: SealedPayload?
        // Of a state secret nothing is kept but reason and origin (Decree 102/2025 art. 1.2).
        if refusal.reason != .stateSecret {
            do {
                sealed = try settings.sealer.seal(topic.batch.rawRecord(index), origin: origin)
            } catch {
                preconditionFailure("sealing bytes in memory with a checked key fails only by a bug: \(error)")
            }
        }
        topic.buffers.dead.beginRow(fields: 11)
        topic.buffers.dead.field(ordinal)
        topic.buffers.dead.field(entry.partition.rawValue)
        topic.buffers.dead.field(entry.offset.rawValue)
        topic.buffers.dead.field(refusal.reason.rawValue)
        topic.buffers.dead.field(refusal.field)
        topic.buffers.dead.field(refusal.rule)
        topic.buffers.dead.field(entry.sqlState)
        topic.buffers.dead.field(entry.timestampMilliseconds.map(Self.postgresMicroseconds))
        topic.buffers.dead.field(sealed?.keyFingerprint)
        topic.buffers.dead.field(sealed?.keyID)
        topic.buffers.dead.field(sealed?.bytes)
    }

    private func stageWarnings(_ rows: [StagedRow], _ contents: inout MergeSQL.Contents) throws(PostgresError) {
        let warnings = topic.batch.decoder.warnings
        topic.buffers.warnings.begin()
        for (ordinal, row) in rows.enumerated() {
            guard let index = row.record, case .record(let record) = topic.batch.entries[index].verdict else {
                continue
            }
            for warning in warnings[record.warnings] {
                append(warning, ordinal, index)
                contents.hasWarnings = true
            }
            for _ in 0..<row.conflicts {
                append(QualityWarning(rule: "same-version-conflict", field: nil), ordinal, index)
                contents.hasWarnings = true
            }
        }
        topic.buffers.warnings.end()
        guard contents.hasWarnings else { return }
        try connection.copyIn(topic.sql.copyWarnings) { writer throws(PostgresError) in
            try writer.write(topic.buffers.warnings.bytes)
        }
    }

    private func append(_ warning: QualityWarning, _ ordinal: Int, _ index: Int) {
        topic.buffers.warnings.beginRow(fields: 5)
        topic.buffers.warnings.field(Int32(ordinal))
        topic.buffers.warnings.field(topic.batch.entries[index].partition.rawValue)
        topic.buffers.warnings.field(topic.batch.entries[index].offset.rawValue)
        topic.buffers.warnings.field(warning.rule)
        topic.buffers.warnings.field(warning.field ?? "")
    }

    private func topicPartition(of index: Int) -> TopicPartition {
        TopicPartition(topic.definition.name, topic.batch.entries[index].partition)
    }

    /// PostgreSQL counts timestamps in microseconds from 2000-01-01 UTC. Kafka times beyond what it can store are left out.
    private static func postgresMicroseconds(_ milliseconds: Int64) -> Int64 {
        let bounded = min(max(milliseconds, -62_000_000_000_000), 250_000_000_000_000)
        return bounded * 1_000 - 946_684_800_000_000
    }
}
