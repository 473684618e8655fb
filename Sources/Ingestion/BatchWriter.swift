// One batch into the database: merged or copied, and taken apart where the database refuses a record.
import Contracts
import Logging
import Model
import Postgres
import Synchronization

struct BatchWriter {
    let topic: LaneTopic
    let slot: BatchSlot
    let connection: PostgresConnection
    let settings: WorkerSettings
    let logger: Logger
    let progress: WorkProgress
    /// False in a trial: each transaction is undone at its end, and no position moves.
    var keeps = true

    /// How often one batch is tried again after a serialization failure or a deadlock.
    private static let conflictRetriesMax = 5
    /// Many bad versions of one key come to light one by one: after these rounds, halves are written for good.
    private static let roundsMax = 3
    /// SQLSTATE of a row too large for a page, among others (`program_limit_exceeded`).
    private static let tooLarge = "54000"
    /// How often a single record may fail for a reason nobody knows.
    private static let unknownRetriesMax = 3

    /// The slot's records, reduced and encoded; kept in the slot, `write` finds it done. Needs no database.
    static func prepare(
        _ slot: BatchSlot, of topic: LaneTopic, _ states: PartitionTable, sealer: any PayloadSealer
    ) -> PreparedBatch? {
        // The database has to be asked first (`resolveLetters`).
        guard slot.batch.named.isEmpty else { return nil }
        let live = active(Array(slot.batch.entries.indices), of: slot, topic, states)
        return prepare(live, of: slot, topic, states, sealer, mayCopy: true)
    }

    private static func prepare(
        _ live: [Int], of slot: BatchSlot, _ topic: LaneTopic, _ states: PartitionTable, _ sealer: any PayloadSealer,
        mayCopy: Bool
    ) -> PreparedBatch? {
        let incarnations = states.values(of: topic.definition.name) { $0.incarnation }
        return Staging(topic: topic.definition, account: topic.account, slot: slot, sealer: sealer).prepare(
            live, incarnations: incarnations
        ) {
            rows, noTombstones in
            topic.paths.withLock {
                $0.path(rows: rows, mayCopy: mayCopy && noTombstones && slot.batch.letters.isEmpty)
            }
        }
    }

    /// Writes the slot's records. Partitions that turn out to be somebody else's are set to `lost`, and nothing of them
    /// is written.
    ///
    /// - Throws: `TopicFault` where the topic is to be paused; the world's faults as `PostgresError`.
    func write(states: inout PartitionTable, count: (Fates) -> Void) throws {
        try resolveLetters(states)
        try write(Array(slot.batch.entries.indices), states: &states, count: count)
    }

    /// Writes the entries at `indices` (in the order of the log).
    ///
    /// Where the database refuses and does not say whom, the batch is halved in the order of the log and each half is its
    /// own transaction: every half is a whole run of its partitions, so positions move without holes, and each half is
    /// reduced anew, so that a good older version is not lost in favour of a refused newer one.
    ///
    /// - Parameter rounds: how often records of this batch were found to blame, all at once.
    private func write(
        _ indices: [Int], states: inout PartitionTable, rounds: Int = 0, count: (Fates) -> Void
    ) throws {
        let live = Self.active(indices, of: slot, topic, states)
        guard !live.isEmpty else { return }
        guard let prepared = prepared(live, states) else {
            for partition in Set(live.map { slot.batch.entries[$0].partition }).sorted() {
                try write(
                    live.filter { slot.batch.entries[$0].partition == partition }, states: &states, count: count)
            }
            return
        }
        guard let refusal = try attempt(prepared, &states, count) else { return }
        if live.count == 1 {
            try refuse(live[0], refusal.error)
            try write(live, states: &states, count: count)
        } else if !refusal.breaches.isEmpty, rounds < Self.roundsMax {
            for breach in refusal.breaches {
                try refuse(breach.index, sqlState: breach.sqlState, [breach.name])
            }
            try write(live, states: &states, rounds: rounds + 1, count: count)
        } else {
            let middle = live.count / 2
            try write(Array(live[..<middle]), states: &states, count: count)
            try write(Array(live[middle...]), states: &states, count: count)
        }
    }

    /// What was prepared beforehand, if it is still of these very records; else it is made now.
    private func prepared(_ live: [Int], _ states: PartitionTable) -> PreparedBatch? {
        defer { slot.prepared = nil }
        if let prepared = slot.prepared, prepared.live == live { return prepared }
        return prepare(live, states, mayCopy: true)
    }

    private func prepare(_ live: [Int], _ states: PartitionTable, mayCopy: Bool) -> PreparedBatch? {
        Self.prepare(live, of: slot, topic, states, settings.sealer, mayCopy: mayCopy)
    }

    /// The entries of partitions that are still ours.
    private static func active(
        _ indices: [Int], of slot: BatchSlot, _ topic: LaneTopic, _ states: PartitionTable
    ) -> [Int] {
        let isActive = states.values(of: topic.definition.name) { $0.phase == .active }
        let entries = slot.batch.entries
        return indices.filter { index in
            let number = Int(entries[index].partition.rawValue)
            return number < isActive.count && isActive[number] == true
        }
    }

    /// The database's refusal of a batch, and the records to blame where it could say.
    private struct BatchRefusal {
        var error: PostgresError
        var breaches: [(index: Int, sqlState: String, name: String)] = []
    }

    /// Tries the transaction. Returns the database's refusal of some record, nil when written; throws the world's and our faults.
    private func attempt(
        _ first: PreparedBatch, _ states: inout PartitionTable, _ count: (Fates) -> Void
    ) throws -> BatchRefusal? {
        var conflicts = 0
        var unknown = 0
        var batch = first
        while true {
            do throws(PostgresError) {
                switch batch.path {
                case .copy: try copy(batch, &states, count)
                case .merge(let path): try merge(batch, path, &states, count)
                case .sieve: try sieve(batch, &states, count)
                }
                return nil
            } catch {
                if connection.isBroken { throw error }
                let breaches = breaches(of: batch, error)
                if connection.isBroken { throw error }
                if connection.inTransaction { _ = try connection.execute("ROLLBACK") }
                if batch.path == .copy, error.fault != .world || error.sqlState?.hasPrefix("40") == true {
                    // A key that is known, most likely: the merge will say.
                    topic.paths.withLock { $0.copyFailed() }
                    guard let staged = prepare(batch.live, states, mayCopy: false) else {
                        return BatchRefusal(error: error)
                    }
                    batch = staged
                    continue
                }
                if error.sqlState == Self.tooLarge, !topic.isWide {
                    _ = try connection.execute(topic.sql.tables.widen)
                    topic.isWide = true
                    continue
                }
                switch error.fault {
                case .record:
                    return BatchRefusal(error: error, breaches: breaches)
                case .world:
                    // A statement that takes too long may be short enough by halves.
                    if error.sqlState == "57014", batch.live.count > 1 { return BatchRefusal(error: error) }
                    conflicts += 1
                    guard error.sqlState?.hasPrefix("40") == true, conflicts <= Self.conflictRetriesMax else {
                        throw error
                    }
                case .ours:
                    throw TopicFault(because: "\(error)")
                case .unknown:
                    if batch.live.count > 1 { return BatchRefusal(error: error) }
                    unknown += 1
                    if unknown >= Self.unknownRetriesMax { throw TopicFault(because: "\(error)") }
                }
            }
        }
    }

    // MARK: Refusals

    /// Turns the one record that the database refuses into a dead letter.
    private func refuse(_ index: Int, _ error: PostgresError) throws {
        // A refusal that is itself refused is no fault of the record.
        if case .refused = slot.batch.entries[index].outcome { throw TopicFault(because: "\(error)") }
        if error.fault == .unknown { throw TopicFault(because: "\(error)") }
        let names = [
            error.constraint.map { "constraint \($0)" }, error.column.map { "column \($0)" },
            error.dataType.map { "type \($0)" },
        ]
        try refuse(index, sqlState: error.sqlState, names.compactMap { $0 })
    }

    private func refuse(_ index: Int, sqlState: String?, _ names: [String]) throws {
        let rule = (["SQLSTATE \(sqlState ?? "none")"] + names).joined(separator: ", ")
        slot.batch.refuse(index, Refusal(.databaseRefused, rule: rule), sqlState: sqlState)
        // Asked at each refusal: a table that refuses everything is our fault, and is noticed after the breaker's least
        // number of records rather than after a whole batch of them.
        if case .open(let because) = topic.breaker.judge(slot.sample(through: index)) {
            throw TopicFault(because: because)
        }
        let entry = slot.batch.entries[index]
        logger.info(
            "merging \(topic.definition.name)[\(entry.partition)] offset \(entry.offset): \(rule); \(topic.account.movesLetters ? "kept as a dead letter" : "left out")"
        )
    }

    /// Asks the database which of the staged records break the table's constraints, all at once, in the order of the log:
    /// halving would write a batch with many of them over and over. Empty where none was found, so that halving must.
    private func breaches(
        of batch: PreparedBatch, _ refusal: PostgresError
    ) -> [(index: Int, sqlState: String, name: String)] {
        guard batch.path != .copy, ["23514", "23502"].contains(refusal.sqlState), connection.inTransaction else {
            return []
        }
        do throws(PostgresError) {
            _ = try connection.execute("ROLLBACK TO SAVEPOINT \(MergeSQL.staged)")
            let rules = try connection.query(topic.sql.tableRules)
            let result = try connection.query(
                topic.sql.breaches(
                    of: (0..<rules.rowCount).map {
                        MergeSQL.TableRule(
                            sqlState: rules[$0, 0] ?? "", name: rules[$0, 1] ?? "", expression: rules[$0, 2] ?? "")
                    }))
            return (0..<result.rowCount).compactMap { row in
                guard let ordinal = result.integer(row, 0).map(Int.init), let sqlState = result[row, 1],
                    let name = result[row, 2], batch.rows.indices.contains(ordinal),
                    let index = batch.rows[ordinal].record
                else { return nil }
                return (index, sqlState, name)
            }.sorted { $0.index < $1.index }
        } catch {
            // An expression that cannot be asked of the staging table: halving will find the records.
            logger.debug("asking for the records that break a constraint of \(topic.definition.name): \(error)")
            return []
        }
    }

    // MARK: One transaction

    private func merge(
        _ batch: PreparedBatch, _ path: MergeSQL.Path, _ states: inout PartitionTable, _ count: (Fates) -> Void
    ) throws(PostgresError) {
        let begin = ContinuousClock.now
        try stageRows(batch, from: MergeSQL.begin)
        try finish(batch, path, since: begin, &states, count)
    }

    /// Ranks first: of what loses to the table's rows nothing more is sent.
    private func sieve(
        _ batch: PreparedBatch, _ states: inout PartitionTable, _ count: (Fates) -> Void
    ) throws(PostgresError) {
        let begin = ContinuousClock.now
        try connection.copyIn("\(MergeSQL.begin); \(topic.sql.copyRanks)") { writer throws(PostgresError) in
            try writer.write(slot.buffers.ranks.bytes)
        }
        guard let unbeaten = try connection.execute(topic.sql.unbeaten).last else {
            preconditionFailure("statements that went well have results")
        }
        let staging = Staging(topic: topic.definition, account: topic.account, slot: slot, sealer: settings.sealer)
        let ranked = staging.ranked(batch.rows)
        topic.paths.withLock { $0.sieved(records: ranked.count, left: unbeaten.rowCount) }
        var left = Set(batch.rows.indices).subtracting(ranked)
        for row in 0..<unbeaten.rowCount {
            guard let ordinal = unbeaten.integer(row, 0) else { preconditionFailure("ordinals are integers") }
            left.insert(Int(ordinal))
        }
        var rest = batch
        if !left.isEmpty {
            let incarnations = states.values(of: topic.definition.name) { $0.incarnation }
            staging.encode(&rest, left.sorted(), incarnations)
            try stageRows(rest, from: nil)
        }
        try finish(rest, .updateFirst, since: begin, &states, count)
    }

    /// Merges what is staged since `begin`.
    private func finish(
        _ batch: PreparedBatch, _ path: MergeSQL.Path, since begin: ContinuousClock.Instant,
        _ states: inout PartitionTable, _ count: (Fates) -> Void
    ) throws(PostgresError) {
        let claims = claims(batch.live, states)
        try stageRest(batch.contents)
        let start = ContinuousClock.now
        progress.add(StageTimes(copy: (start - begin) / .seconds(1)))
        settings.faultPoint(.beforeCommit)
        try connection.send(
            topic.sql.transaction(
                claims: claims, contents: batch.contents, letters: letterMoves(batch), path: path,
                keeps: keeps))
        settings.faultPoint(.afterCommit)
        let results = try connection.receive()
        // The last result is COMMIT's or ROLLBACK's, the one before it the positions'.
        let outcome = settle(claims, results[results.count - 2], &states, count)
        let whole = (ContinuousClock.now - start) / .seconds(1)
        progress.add(
            StageTimes(merge: min(whole, outcome.seconds), commit: max(0, whole - outcome.seconds), batches: 1))
        wrote(batch, outcome)
        raiseAlarms(batch.live, outcome.written)
    }

    private func wrote(_ batch: PreparedBatch, _ outcome: Outcome) {
        let records = batch.rows.count { $0.record != nil }
        topic.paths.withLock {
            $0.wrote(records: records, applied: outcome.applied, inserted: outcome.inserted)
        }
    }

    /// COPY straight into the tables: twice as fast where every key is new, impossible where one is not.
    private func copy(
        _ batch: PreparedBatch, _ states: inout PartitionTable, _ count: (Fates) -> Void
    ) throws(PostgresError) {
        if topic.typesMatch == nil { topic.typesMatch = try connection.query(topic.sql.typesMatch)[0, 0] == "t" }
        guard topic.typesMatch == true else {
            topic.paths.withLock { $0.neverCopy() }
            throw Self.notCopied
        }
        let claims = claims(batch.live, states)
        let start = ContinuousClock.now
        _ = try connection.execute(MergeSQL.begin)
        try stageRest(batch.contents)
        let begun = try connection.execute(topic.sql.beginCopy(claims: claims))
        guard let won = begun.last, won.rowCount == claims.count, let time = won.integer(0, 1) else {
            // Somebody else has one of the partitions: the merge leaves out what is not ours.
            throw Self.notCopied
        }
        for place in slot.buffers.times { slot.buffers.stage.overwrite(at: place, time) }
        let copied = try connection.copyIn(topic.sql.copyTable) { writer throws(PostgresError) in
            let bytes = slot.buffers.stage.bytes
            let half = bytes.count / 2
            try writer.write(UnsafeRawBufferPointer(rebasing: bytes[..<half]))
            settings.faultPoint(.insideTableCopy)
            try writer.write(UnsafeRawBufferPointer(rebasing: bytes[half...]))
        }
        // A trigger may have dropped rows: whatever it means by that, the merge will see.
        guard copied == batch.contents.stagedRows else { throw Self.notCopied }
        for child in batch.contents.childrenWithRows.sorted() {
            try connection.copyIn(topic.sql.copyChildTables[child]) { writer throws(PostgresError) in
                try writer.write(slot.buffers.children[child].rows.bytes)
            }
        }
        progress.add(StageTimes(copy: (ContinuousClock.now - start) / .seconds(1)))
        var rows: [Partition: Int] = [:]
        for row in batch.rows { rows[row.partition, default: 0] += 1 }
        let end = ContinuousClock.now
        let results = try connection.execute(
            topic.sql.endCopy(claims: claims, contents: batch.contents, letters: letterMoves(batch), rows: rows))
        let outcome = settle(claims, results[results.count - 2], &states, count)
        progress.add(StageTimes(commit: (ContinuousClock.now - end) / .seconds(1), batches: 1, copiedBatches: 1))
        wrote(batch, outcome)
        raiseAlarms(batch.live, outcome.written)
    }

    /// Not the database's: says that this batch goes the other way.
    private static let notCopied = PostgresError(action: "copying into the table", sqlState: "23505")

    private struct Outcome {
        var written: Set<Partition> = []
        var applied = 0
        var inserted = 0
        /// Between the transaction's begin and the positions' move, by the server's clock.
        var seconds = 0.0
    }

    /// Takes the database's word on what was written.
    private func settle(
        _ claims: [MergeSQL.Claim], _ moved: PostgresResult, _ states: inout PartitionTable, _ count: (Fates) -> Void
    ) -> Outcome {
        var outcome = Outcome()
        var fates: [Int32: (applied: Int64, deleted: Int64, foreign: Int64)] = [:]
        for row in 0..<moved.rowCount {
            guard let partition = moved[row, 0].flatMap(Int32.init), let applied = moved[row, 1].flatMap(Int64.init),
                let deleted = moved[row, 2].flatMap(Int64.init), let foreign = moved[row, 3].flatMap(Int64.init),
                let inserted = moved[row, 4].flatMap(Int.init), let seconds = moved[row, 5].flatMap(Double.init)
            else { preconditionFailure("the positions' result has six numbers a row, as MergeSQL writes it") }
            fates[partition] = (applied, deleted, foreign)
            outcome.applied += Int(applied)
            outcome.inserted += inserted
            outcome.seconds = max(outcome.seconds, seconds)
        }
        for claim in claims {
            let key = TopicPartition(topic.definition.name, claim.partition)
            guard let fate = fates[claim.partition.rawValue] else {
                states[key]?.phase = .lost(since: ContinuousClock().now)
                states[key]?.forgetTaken()
                logger.info("\(key) was claimed elsewhere; its share of the batch was not written")
                continue
            }
            guard keeps else { continue }
            states[key]?.wrote(to: claim.next)
            outcome.written.insert(claim.partition)
            let deadLettered = claim.deadLettered + fate.foreign
            count(
                Fates(
                    applied: fate.applied, superseded: claim.consumed - deadLettered - fate.applied - fate.deleted,
                    deleted: fate.deleted, deadLettered: deadLettered
                ))
        }
        return outcome
    }

    /// Says loudly which records of the log are state secrets: only their holder can take them out of it.
    private func raiseAlarms(_ live: [Int], _ written: Set<Partition>) {
        guard !slot.batch.refusals.isEmpty else { return }
        let entries = slot.batch.entries
        for index in live {
            let entry = entries[index]
            guard case .refused(let number) = entry.outcome,
                slot.batch.refusals[number].refusal.reason == .stateSecret, written.contains(entry.partition)
            else { continue }
            let name = topic.definition.name
            let earlier =
                topic.account == .live ? "" : " by this reading; a row that an earlier one made of it stands as it was"
            logger.critical(
                "a state secret stands in the log at \(name)[\(entry.partition)] offset \(entry.offset): its content was kept nowhere here\(earlier), and is still readable in Kafka; delete it with `lienthong topics purge --topic \(name) --partition \(entry.partition) --before \(NextOffset(after: entry.offset)) --because …`"
            )
        }
    }

    private func claims(_ live: [Int], _ states: PartitionTable) -> [MergeSQL.Claim] {
        let positions = states.values(of: topic.definition.name) { (epoch: $0.epoch, written: $0.written) }
        var claims: [(claim: MergeSQL.Claim, last: Int?)?] = positions.map { _ in nil }
        let entries = slot.batch.entries
        for index in live {
            let entry = entries[index]
            let number = Int(entry.partition.rawValue)
            guard let position = positions[number] else { continue }
            if claims[number] == nil {
                claims[number] = (
                    MergeSQL.Claim(
                        partition: entry.partition, epoch: position.epoch, expected: position.written,
                        next: position.written, lastRecord: nil, consumed: 0, deadLettered: 0
                    ), nil
                )
            }
            // Of a state secret not even a fingerprint is kept.
            var remembered: Int? = index
            if case .refused(let refusal) = entry.outcome {
                claims[number]?.claim.deadLettered += 1
                if slot.batch.refusals[refusal].refusal.reason == .stateSecret { remembered = nil }
            }
            claims[number]?.claim.next = NextOffset(after: entry.offset)
            claims[number]?.claim.consumed += 1
            if let remembered { claims[number]?.last = remembered }
        }
        return claims.compactMap { known in
            guard let known else { return nil }
            var claim = known.claim
            claim.lastRecord = known.last.map { (entries[$0].offset, slot.batch.fingerprint($0)) }
            return claim
        }
    }

    // MARK: Staging, before anything is locked

    /// - Parameter begin: what begins the transaction; nil within one.
    private func stageRows(_ batch: PreparedBatch, from begin: String?) throws(PostgresError) {
        let sql = topic.sql
        guard batch.contents.stagedRows > 0 else {
            if let begin { _ = try connection.execute(begin) }
            return
        }
        try connection.copyIn((begin.map { "\($0); " } ?? "") + sql.copyStage) { writer throws(PostgresError) in
            settings.faultPoint(.insideCopy)
            try writer.write(slot.buffers.stage.bytes)
        }
        for child in batch.contents.childrenWithRows.sorted() {
            try connection.copyIn(sql.copyChildren[child]) { writer throws(PostgresError) in
                try writer.write(slot.buffers.children[child].rows.bytes)
            }
        }
    }

    private func stageRest(_ contents: MergeSQL.Contents) throws(PostgresError) {
        if contents.hasDeadLetters {
            try connection.copyIn(topic.sql.copyDeadLetters) { writer throws(PostgresError) in
                try writer.write(slot.buffers.dead.bytes)
            }
        }
        if contents.hasWarnings {
            try connection.copyIn(topic.sql.copyWarnings) { writer throws(PostgresError) in
                try writer.write(slot.buffers.warnings.bytes)
            }
        }
    }
}
