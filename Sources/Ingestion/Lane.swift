// One member of the consumer group with its own thread and database connection: takes, judges, writes.
import Contracts
import Kafka
import Logging
import Model
import Postgres

/// It decides nothing about exactly-once by itself: the database does, in the transaction that moves the position (see
/// `MergeSQL`). All a lane may lose is time.
///
/// Confined to the thread that runs it, which reads, judges and encodes. A full batch is handed to a second thread, which
/// writes it while the next one is read; until that is done (`collect`) the reading thread leaves alone the connection
/// and what was handed over. Whatever changes positions or the assignment settles what is being written first.
final class Lane {
    private let number: Int
    private let settings: WorkerSettings
    private let progress: WorkProgress
    private let logger: Logger
    private let consumer: KafkaConsumer
    private let writer: LaneWriter
    private let clock = ContinuousClock()

    private var topics: [TopicName: LaneTopic] = [:]
    private var states = PartitionTable()
    /// The topic of each of `states`.
    private var topicsOfStates: [LaneTopic] = []
    /// Assigned by Kafka and not yet claimed from the database.
    private var pendingAssignment: [TopicPartition]?
    private var connection: PostgresConnection?
    /// What the writer has; nil where it has nothing.
    private var writing: Writing?
    /// Taken and not yet handed over, in all topics: records, their bytes, and when the first one came.
    private var held = Held()
    private var times = StageTimes()
    /// Of the present `take`, what was no taking.
    private var aside: Duration = .zero
    private var nextControl: ContinuousClock.Instant
    /// When the partitions' standing is told next.
    private var nextTold: ContinuousClock.Instant
    private var backoff: Duration = .milliseconds(100)
    /// When each kind of client error was last told.
    private var reported: [Int32: ContinuousClock.Instant] = [:]

    init(number: Int, settings: WorkerSettings, progress: WorkProgress, logger: Logger) throws {
        self.number = number
        self.settings = settings
        self.progress = progress
        var logger = logger
        logger[metadataKey: "lane"] = "\(number)"
        self.logger = logger
        consumer = try KafkaConsumer(
            settings: settings.kafka, group: settings.group, clientID: "lienthong-work-\(number)")
        let waker = consumer.waker
        writer = LaneWriter(name: "lienthong-write-\(number)") { waker.wake() }
        nextControl = clock.now
        nextTold = clock.now
        for (index, definition) in settings.topics.enumerated() {
            topics[definition.name] = try LaneTopic(
                definition, codeLists: settings.codeLists, prefix: "t\(index)", copyRowsMin: settings.copyRowsMin)
        }
        try consumer.subscribe(settings.topics.map(\.name))
    }

    /// Runs until `progress` says stop. Faults of the world are waited out; what it throws is a bug or a wrong setting.
    func run() throws {
        defer {
            writer.wait()
            for topic in topics.values { topic.forget() }
            progress.add(times)
            progress.tell([:], of: number)
            consumer.close()
            connection?.close()
        }
        while !progress.isStopping {
            do {
                try ensureConnection()
                try claimPending()
                if writing == nil { try heedControls() }
                if clock.now >= nextTold { tellPartitions() }
                try take()
            } catch let error as PostgresError {
                // Whatever a session said that is no more, another one may fare better.
                guard error.fault == .world || connection?.isBroken == true else { throw error }
                waitOut("\(error)")
            } catch let error as KafkaError {
                guard error.isTransient else { throw error }
                waitOut("\(error)")
            }
        }
        do {
            try handOver()
            try settle()
        } catch {
            // What was taken and not written is simply read again by the next owner.
            logger.info("the last batch was not written: \(error)")
        }
    }

    // MARK: Taking

    private struct Held {
        var records = 0
        var bytes = 0
        var since: ContinuousClock.Instant?
    }

    /// Takes records until there is a batch to hand over, or something else has happened.
    ///
    /// Batches follow the load: what is there is written at once while the writer is idle, and what comes while it is
    /// busy grows into the next batch.
    private func take() throws {
        settings.faultPoint(.idle)
        let start = clock.now
        aside = .zero
        defer {
            times.decode += (clock.now - start - aside) / .seconds(1)
            progress.add(times)
            times = StageTimes()
        }
        while !progress.isStopping {
            if writing != nil, writer.isIdle { try collect() }
            switch nextEvent() {
            case nil:
                if writing != nil { continue }
                if held.records > 0 { try handOver() } else { try skipHoles() }
                return
            case .message(let message):
                try take(message)
            case .endOfPartition(let partition, let end):
                try reachedEnd(partition, end)
            case .assigned(let partitions):
                try settle()
                forgetTaken()
                states = PartitionTable()
                pendingAssignment = partitions
                return
            case .revoked(_, let lost):
                try revoke(lost: lost)
                return
            case .outOfRange(let partition):
                try settle()
                try outOfRange(partition)
            case .failure(let error, let partition):
                try report(error, partition)
            }
            if held.records >= settings.batchRecordsMax || held.bytes >= settings.batchBytesMax {
                return try handOver()
            }
        }
    }

    private func nextEvent() -> ConsumerEvent? {
        if let ready = consumer.poll(timeoutMilliseconds: 0) { return ready }
        // With something in hand and an idle writer there is nothing to wait for; a busy one wakes us.
        if writing == nil ? held.records > 0 : writer.isIdle { return nil }
        let start = clock.now
        defer {
            aside += clock.now - start
            times.wait += (clock.now - start) / .seconds(1)
        }
        return consumer.poll(timeoutMilliseconds: 100)
    }

    /// Puts the message into its topic's batch, where it is the next one of its partition.
    private func take(_ message: consuming KafkaMessage) throws {
        let number = message.assignmentIndex
        guard number < states.keys.count, states.keys[number] == message.topicPartition else { return }
        let topic = topicsOfStates[number]
        let before = topic.filling.batch.byteCount
        guard try take(message, number, of: topic) else { return }
        if held.records == 0 { held.since = clock.now }
        held.records += 1
        held.bytes += topic.filling.batch.byteCount - before
    }

    /// True if the message went into its topic's batch.
    private func take(_ message: consuming KafkaMessage, _ number: Int, of topic: LaneTopic) throws -> Bool {
        let offset = message.offset
        let arrival = states[number].arrival(of: offset)
        if arrival == .take {
            states[number].take(offset)
            topic.filling.batch.add(message)
            return true
        }
        let partition = message.topicPartition
        var state = states[number]
        switch arrival {
        case .drop:
            return false
        case .compare(let hash):
            guard recordFingerprint(key: message.key, value: message.value) == hash else {
                try stop(
                    partition, .otherLog,
                    because:
                        "the record before the position is not the one that was dealt with: the topic was made anew",
                    records: nil)
                return false
            }
            state.phase = .active
            states[partition] = state
            return false
        case .expectedRecordMissing(let last):
            guard try lastRecordMayBeMissing(last, partition) else { return false }
            state.phase = .active
            states[partition] = state
            if offset.rawValue < state.taken.rawValue { return false }
            return try take(message, number, of: topic)
        case .afterHole(let from):
            // One offset is a transaction's control record. More may be a log whose start moved past us.
            if offset.rawValue - from.rawValue > 1, let low = try lowWatermarkBeyond(from, partition) {
                // What is in hand of before the gap can be read nowhere any more: it is written first.
                guard try writeThrough(partition) else { return false }
                try stop(
                    partition, .beyondStart, because: "Kafka's first offset \(low) lies beyond the position \(from)",
                    records: low - from.rawValue)
                return false
            }
        case .take:
            break
        }
        states[number].take(offset)
        topic.filling.batch.add(message)
        return true
    }

    /// Compaction and retention may remove the record that would have been compared; nothing else may.
    private func lastRecordMayBeMissing(_ last: Offset, _ partition: TopicPartition) throws -> Bool {
        if topics[partition.topic]?.definition.contract.kafka.cleanupPolicy.contains("compact") == true { return true }
        if try consumer.watermarks(partition, timeoutMilliseconds: 5_000).low > last.rawValue { return true }
        try stop(
            partition, .otherLog, because: "the record before the position is no longer in the log", records: nil)
        return false
    }

    private func lowWatermarkBeyond(_ from: NextOffset, _ partition: TopicPartition) throws -> Int64? {
        let low = try consumer.watermarks(partition, timeoutMilliseconds: 5_000).low
        return low > from.rawValue ? low : nil
    }

    private func reachedEnd(_ partition: TopicPartition, _ end: NextOffset) throws {
        guard var state = states[partition] else { return }
        if case .verifying(let last, _) = state.phase, end.rawValue > last.rawValue {
            guard try lastRecordMayBeMissing(last, partition) else { return }
            state.phase = .active
        }
        state.endOfLog = end
        states[partition] = state
    }

    private func outOfRange(_ partition: TopicPartition) throws {
        guard var state = states[partition] else { return }
        let (low, high) = try consumer.watermarks(partition, timeoutMilliseconds: 5_000)
        let position = state.written.rawValue
        if low > position {
            try stop(
                partition, .beyondStart, because: "Kafka's first offset \(low) lies beyond the position \(position)",
                records: low - position)
        } else if high < position {
            try stop(
                partition, .otherLog,
                because:
                    "Kafka's log ends at \(high), before the position \(position): the topic was made anew or truncated",
                records: nil)
        } else {
            // Retention removed the record that would have been compared, and nothing of ours.
            if case .verifying = state.phase { state.phase = .active }
            states[partition] = state
            try fetchAnew()
        }
    }

    private func report(_ error: KafkaError, _ partition: TopicPartition?) throws {
        let place = partition.map { " on \($0)" } ?? ""
        if error.isFatal { throw error }
        if let partition, error.isUnreadableData {
            // librdkafka goes on behind what it could not read: that must not pass for a hole. What came before is written
            // first, so that the position at which the partition stands is the one that cannot be read.
            guard try writeThrough(partition) else { return }
            return try stop(
                partition, .unreadable, because: "Kafka gave records that cannot be read (\(error.name))", records: nil)
        }
        // A client whose broker is away repeats itself many times a second.
        if let last = reported[error.code], clock.now - last < .seconds(10) { return }
        reported[error.code] = clock.now
        logger.warning("reading Kafka\(place): \(error)")
    }

    /// Writes all that is in hand. False where the partition does not stand behind it then: paused, lost or claimed anew,
    /// it comes to this place again.
    private func writeThrough(_ partition: TopicPartition) throws -> Bool {
        guard let taken = states[partition]?.taken else { return false }
        try handOver()
        try settle()
        guard pendingAssignment == nil, let state = states[partition] else { return false }
        return state.phase == .active && state.written == taken
    }

    // MARK: Assignment

    private func ensureConnection() throws {
        guard writing == nil else { return }
        if let connection, !connection.isBroken { return }
        connection?.close()
        connection = nil
        let fresh = try PostgresConnection(settings.databaseURL, applicationName: "lienthong work")
        // Compiling a merge's expressions costs more than a batch's run of them saves.
        _ = try fresh.execute("SET jit = off")
        // A batch's keys, hashed.
        _ = try fresh.execute("SET work_mem = '32MB'")
        for topic in topics.values {
            _ = try fresh.execute(topic.sql.tables.setUp)
            topic.connected()
        }
        connection = fresh
        // Whatever was known of positions is from before: claim all again.
        if !states.isEmpty, pendingAssignment == nil { pendingAssignment = states.keys }
        logger.debug("connected to the national database")
    }

    private func database() throws -> PostgresConnection {
        guard let connection else { throw LaneFault.noConnection }
        return connection
    }

    /// Claims what Kafka assigned and starts fetching at the database's positions.
    private func claimPending() throws {
        guard let partitions = pendingAssignment else { return }
        try settle()
        let store = PositionStore(connection: try database())
        let claimed = try store.claim(partitions, by: settings.name)
        // Asked after the claim: a word that was given in between either is seen here, or raised the epoch.
        let controls = try store.controls(of: settings.topics.map(\.name))
        for (name, control) in controls { try heed(control, of: name, store) }
        let fresh = claimed.map { ($0.topicPartition, state(of: $0)) }
        forgetTaken()
        states = PartitionTable(fresh.filter { topics[$0.0.topic] != nil })
        topicsOfStates = states.keys.compactMap { topics[$0.topic] }
        for topic in topics.values {
            topic.waiting = try store.waitingLetters(
                of: topic.definition.name, states.keys.filter { $0.topic == topic.definition.name }.map(\.partition))
        }
        pendingAssignment = nil
        try fetchAnew()
        // Whoever moved the positions from outside could not tell Kafka while the group has members.
        tellKafka { _ in true }
        logger.debug("claimed \(partitions.count) partitions")
    }

    private func state(of claimed: ClaimedPosition) -> PartitionState {
        let partition = claimed.topicPartition
        let topic = topics[partition.topic]
        var phase = PartitionState.Phase.active
        if let because = claimed.gapBecause {
            phase = .gap
            logger.error(
                "reading \(partition) from \(claimed.next): a gap stands open: \(because); decide with `lienthong work accept-gap --topic \(partition.topic) --partition \(partition.partition) --because …`"
            )
        } else if let control = topic?.control, control.paused {
            phase = .paused
        } else if let topic, topic.definition.mapping.revision < topic.control.mappingRevisionMin {
            phase = .paused
            logger.error(
                "working \(partition): the mapping's revision \(topic.definition.mapping.revision) is older than the lowest that the database permits, \(topic.control.mappingRevisionMin); deploy today's Topics/"
            )
        } else if let last = claimed.lastRecord, last.offset.rawValue < claimed.next.rawValue {
            phase = .verifying(last: last.offset, hash: last.hash)
        }
        return PartitionState(
            phase: phase, epoch: claimed.epoch, incarnation: claimed.incarnation, position: claimed.next)
    }

    /// The one way to (re)position: everything in hand is forgotten, and all partitions are assigned at their positions
    /// anew, which also discards what librdkafka had fetched from elsewhere.
    private func fetchAnew() throws {
        try settle()
        forgetTaken()
        try consumer.assign(states.map { ($0, $1.fetchPosition) })
        let still = states.filter { _, state in
            switch state.phase {
            case .verifying, .active: false
            case .paused, .gap, .lost: true
            }
        }
        if !still.isEmpty { try consumer.pause(still.map { $0.0 }) }
    }

    private func revoke(lost: Bool) throws {
        defer {
            states = PartitionTable()
            pendingAssignment = nil
            forgetTaken()
        }
        // A batch in hand can still be written, as long as nobody else can own the partitions.
        let result = Result {
            try settle()
            if !lost, connection?.isBroken == false {
                try handOver()
                try settle()
            }
        }
        try consumer.unassign()
        try result.get()
    }

    private func forgetTaken() {
        precondition(writing == nil, "what is being written is settled before anything is forgotten")
        for topic in topics.values { topic.forget() }
        held = Held()
        for key in states.keys { states[key]?.forgetTaken() }
    }

    private func tellPartitions() {
        nextTold = clock.now + settings.controlInterval
        var counts: PartitionCounts = [:]
        if let pendingAssignment {
            for partition in pendingAssignment { counts[partition.topic, default: [:]][.unclaimed, default: 0] += 1 }
        } else {
            for (partition, state) in states {
                counts[partition.topic, default: [:]][PartitionStanding(state.phase), default: 0] += 1
            }
        }
        progress.tell(counts, of: number)
    }

    // MARK: The operators' word

    private func heedControls() throws {
        guard clock.now >= nextControl, !states.isEmpty else { return }
        nextControl = clock.now + settings.controlInterval
        let store = PositionStore(connection: try database())
        var mustClaim = false
        for (name, control) in try store.controls(of: settings.topics.map(\.name)) {
            if topics[name]?.control != control { mustClaim = true }
            try heed(control, of: name, store)
        }
        for (partition, epoch) in try store.epochs(of: settings.topics.map(\.name)) {
            guard let state = states[partition] else { continue }
            if case .lost(let since) = state.phase {
                if clock.now - since >= settings.reclaimDelay { mustClaim = true }
            } else if state.epoch != epoch {
                lose(partition)
            }
        }
        if mustClaim { pendingAssignment = states.keys } else { try lookForLetters(store) }
    }

    /// Letters may be made of a partition's records by others than its lane.
    private func lookForLetters(_ store: PositionStore) throws {
        for (name, topic) in topics {
            let partitions = states.keys.filter { $0.topic == name }.map(\.partition)
            topic.waiting = try store.waitingLetters(of: name, partitions, beside: topic.waiting)
        }
    }

    private func heed(_ control: TopicControl, of name: TopicName, _ store: PositionStore) throws {
        guard let topic = topics[name], topic.control != control else { return }
        if control.resumed != topic.control.resumed {
            topic.breaker.resume(alreadyPassed: try store.consumedSinceResume(of: name))
        }
        if control.paused, !topic.control.paused {
            logger.warning(
                "\(name) is paused: \(control.because ?? "no reason given"); go on with `lienthong work resume --topic \(name)`"
            )
        }
        topic.control = control
    }

    /// The database says that somebody else moved the partition. Kafka may be about to say so too: wait a moment, since
    /// claiming at once would take the partition from its new owner.
    private func lose(_ partition: TopicPartition) {
        states[partition]?.phase = .lost(since: clock.now)
        states[partition]?.forgetTaken()
        logger.info("\(partition) was claimed elsewhere; nothing more of it is written here until it is claimed again")
    }

    /// Stops a partition at a gap: nothing passes it until an operator accepts it.
    private func stop(_ partition: TopicPartition, _ kind: GapKind, because: String, records: Int64?) throws {
        try settle()
        guard let state = states[partition] else { return }
        try PositionStore(connection: try database()).noteGap(
            partition, epoch: state.epoch, kind, because: because, records: records)
        states[partition]?.phase = .gap
        logger.error(
            "reading \(partition) from \(state.written): \(because)\(records.map { " (\($0) records lost)" } ?? ""); the partition stands until `lienthong work accept-gap --topic \(partition.topic) --partition \(partition.partition)\(kind == .unreadable ? " --to OFFSET" : "") --because …`"
        )
        try fetchAnew()
    }

    // MARK: Writing

    /// A batch of each topic on its way into the database. The writing thread has it from `submit` until it is idle.
    private final class Writing {
        let items: [(topic: LaneTopic, slot: BatchSlot)]
        var states: PartitionTable
        let since: ContinuousClock.Instant
        var written: [TopicName] = []
        var pauses: [(topic: LaneTopic, because: String)] = []
        var failure: (any Error)?

        init(
            _ items: [(topic: LaneTopic, slot: BatchSlot)], _ states: PartitionTable,
            since: ContinuousClock.Instant
        ) {
            self.items = items
            self.states = states
            self.since = since
        }
    }

    /// Gives what was taken to the writer, as soon as that is done with what it has.
    private func handOver() throws {
        guard held.records > 0 else { return }
        let begin = clock.now
        defer { aside += clock.now - begin }
        let filled = topics.keys.sorted().compactMap { name in
            topics[name].flatMap { $0.filling.batch.entries.isEmpty ? nil : $0 }
        }
        let start = clock.now
        // While the batch before is still being written.
        for topic in filled {
            topic.filling.prepared = BatchWriter.prepare(topic.filling, of: topic, states, sealer: settings.sealer)
        }
        times.encode += (clock.now - start) / .seconds(1)
        let ready = clock.now
        try settle()
        times.queue += (clock.now - ready) / .seconds(1)
        // The operators' word may be that nothing of this is to be written.
        try heedControls()
        guard pendingAssignment == nil, held.records > 0 else { return }
        let work = Writing(filled.map { ($0, $0.takeFilled()) }, states, since: held.since ?? start)
        held = Held()
        let connection = try database()
        let settings = settings
        let logger = logger
        let progress = progress
        writing = work
        writer.submit { Self.write(work, connection, settings, logger, progress) }
    }

    /// On the writing thread. A fault that meets one topic's tables does not keep the others from being written.
    private static func write(
        _ work: Writing, _ connection: PostgresConnection, _ settings: WorkerSettings, _ logger: Logger,
        _ progress: WorkProgress
    ) {
        for (topic, slot) in work.items {
            do {
                try topic.judge(slot)
                try BatchWriter(
                    topic: topic, slot: slot, connection: connection, settings: settings, logger: logger,
                    progress: progress
                ).write(states: &work.states) { fates in progress.count(fates, of: topic.definition.name) }
                topic.breaker.record(slot.sample())
                work.written.append(topic.definition.name)
            } catch let fault as TopicFault {
                work.pauses.append((topic, fault.because))
            } catch {
                work.failure = work.failure ?? error
                // What the connection did not survive meets the other topics, too.
                guard let error = error as? PostgresError, error.fault == .world, !connection.isBroken else { break }
            }
        }
        if !work.written.isEmpty { progress.wrote(since: work.since) }
    }

    /// Waits until nothing is being written, and takes in what became of it.
    private func settle() throws {
        guard writing != nil else { return }
        writer.wait()
        try collect()
    }

    /// Takes in what the writer did.
    private func collect() throws {
        guard let work = writing else { return }
        writing = nil
        for (_, slot) in work.items { slot.clear() }
        for (partition, after) in work.states {
            guard let state = states[partition] else { continue }
            if after.written > state.written { states[partition]?.wrote(to: after.written) }
            if case .lost = after.phase {
                states[partition]?.phase = after.phase
                states[partition]?.forgetTaken()
            }
        }
        if !work.written.isEmpty { tellKafka(of: work.written.contains) }
        for (topic, because) in work.pauses { try pause(topic, because: because) }
        if let failure = work.failure { throw failure }
        backoff = .milliseconds(100)
    }

    /// Kafka's committed offsets follow the database's positions, for lag tools only.
    private func tellKafka(of isMeant: (TopicName) -> Bool) {
        var next: [TopicPartition: NextOffset] = [:]
        for (partition, state) in states where isMeant(partition.topic) {
            if case .lost = state.phase { continue }
            next[partition] = state.written
        }
        do {
            try consumer.commit(next)
        } catch {
            logger.debug("committing offsets to Kafka: \(error)")
        }
    }

    private func pause(_ topic: LaneTopic, because: String) throws {
        let name = topic.definition.name
        for key in states.keys where key.topic == name { states[key]?.forgetTaken() }
        let next = try TrialStore(connection: try database(), settings: settings)
            .pause(
                name, because: because, windowRecords: topic.definition.contract.breaker.windowRecords,
                resumed: topic.control.resumed)
        logger.error(
            "\(name) is paused by its breaker: \(because); \(next.map { "its next records are tried at \($0)" } ?? "it was paused already, or resumed since"); nothing of them is written yet. Mend the source or the contract, or let one window of them pass with `lienthong work resume --topic \(name) --because …`"
        )
        nextControl = clock.now
        topic.control.paused = true
        topic.control.because = because
        for key in states.keys where key.topic == name { states[key]?.phase = .paused }
        try fetchAnew()
    }

    private func skipHoles() throws {
        for (partition, state) in states {
            guard let end = state.endOfLog, state.phase == .active, state.written == state.taken, end > state.written
            else {
                continue
            }
            if try PositionStore(connection: try database()).skipHoles(
                partition, epoch: state.epoch, expected: state.written, to: end)
            {
                states[partition]?.skippedHoles(to: end)
            } else {
                lose(partition)
            }
        }
    }

    // MARK: Faults of the world

    /// Waits and goes on polling, so that the member stays in its group; what was in hand is read again afterwards.
    private func waitOut(_ what: String) {
        logger.warning("\(what); trying again in \(backoff)")
        do { try settle() } catch { logger.debug("what was being written when that came: \(error)") }
        connection?.close()
        connection = nil
        forgetTaken()
        if !states.isEmpty {
            if pendingAssignment == nil { pendingAssignment = states.keys }
            do { try consumer.pause(states.keys) } catch { logger.debug("pausing: \(error)") }
            for key in states.keys { states[key]?.phase = .lost(since: clock.now) }
        }
        tellPartitions()
        let until = clock.now + backoff
        backoff = min(backoff * 2, settings.backoffMax)
        while clock.now < until, !progress.isStopping {
            switch consumer.poll(timeoutMilliseconds: 50) {
            case .assigned(let partitions):
                states = PartitionTable()
                pendingAssignment = partitions
            case .revoked:
                states = PartitionTable()
                pendingAssignment = nil
                do { try consumer.unassign() } catch { logger.warning("letting partitions go: \(error)") }
            case .failure(let error, _):
                logger.debug("\(error)")
            // All partitions are `lost` here: they are claimed and fetched anew.
            case .message: break
            case .endOfPartition: break
            case .outOfRange: break
            case nil: break
            }
        }
    }
}

/// We are bad: statement, schema or permission. The topic is paused, not emptied into the dead letters.
package struct TopicFault: Error {
    /// A sentence without any value of a record.
    package let because: String
}

enum LaneFault: Error {
    case noConnection
}
