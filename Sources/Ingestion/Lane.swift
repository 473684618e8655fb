// One member of the consumer group with its own thread and database connection: takes, judges, writes.
import Contracts
import Kafka
import Logging
import Model
import Postgres

/// Confined to the thread that runs it. It decides nothing about exactly-once by itself: the database does, in the
/// transaction that moves the position (see `MergeSQL`). All a lane may lose is time.
final class Lane {
    private let settings: WorkerSettings
    private let progress: WorkProgress
    private let logger: Logger
    private let consumer: KafkaConsumer
    private let clock = ContinuousClock()

    private var topics: [TopicName: LaneTopic] = [:]
    private var states: [TopicPartition: PartitionState] = [:]
    /// Assigned by Kafka and not yet claimed from the database.
    private var pendingAssignment: [TopicPartition]?
    private var connection: PostgresConnection?
    private var nextControl: ContinuousClock.Instant
    private var backoff: Duration = .milliseconds(100)
    /// When each kind of client error was last told.
    private var reported: [Int32: ContinuousClock.Instant] = [:]

    init(number: Int, settings: WorkerSettings, progress: WorkProgress, logger: Logger) throws {
        self.settings = settings
        self.progress = progress
        var logger = logger
        logger[metadataKey: "lane"] = "\(number)"
        self.logger = logger
        consumer = try KafkaConsumer(
            settings: settings.kafka, group: settings.group, clientID: "lienthong-work-\(number)")
        nextControl = clock.now
        for (index, definition) in settings.topics.enumerated() {
            topics[definition.name] = try LaneTopic(definition, codeLists: settings.codeLists, prefix: "t\(index)")
        }
        try consumer.subscribe(settings.topics.map(\.name))
    }

    /// Runs until `progress` says stop. Faults of the world are waited out; what it throws is a bug or a wrong setting.
    func run() throws {
        defer {
            consumer.close()
            connection?.close()
        }
        while !progress.isStopping {
            do {
                try ensureConnection()
                try claimPending()
                try heedControls()
                try takeAndWrite()
            } catch let error as PostgresError {
                guard error.fault == .world else { throw error }
                waitOut("\(error)")
            } catch let error as KafkaError {
                guard error.isTransient else { throw error }
                waitOut("\(error)")
            }
        }
        // What was taken and not written is simply read again by the next owner.
    }

    // MARK: Taking

    private func takeAndWrite() throws {
        settings.faultPoint(.idle)
        var event = consumer.poll(timeoutMilliseconds: 100)
        var records = 0
        var bytes = 0
        while true {
            switch consume event {
            case nil:
                try writeAll()
                return
            case .message(let message):
                let topic = message.topicPartition.topic
                let before = topics[topic]?.batch.byteCount ?? 0
                if try take(message) {
                    records += 1
                    bytes += (topics[topic]?.batch.byteCount ?? 0) - before
                }
            case .endOfPartition(let partition, let end):
                try reachedEnd(partition, end)
            case .assigned(let partitions):
                forgetTaken()
                states = [:]
                pendingAssignment = partitions
                return
            case .revoked(_, let lost):
                try revoke(lost: lost)
                return
            case .outOfRange(let partition):
                try outOfRange(partition)
            case .failure(let error, let partition):
                try report(error, partition)
            }
            if records >= settings.batchRecordsMax || bytes >= settings.batchBytesMax || progress.isStopping {
                try writeAll()
                return
            }
            event = consumer.poll(timeoutMilliseconds: 0)
        }
    }

    /// True if the message went into its topic's batch.
    private func take(_ message: consuming KafkaMessage) throws -> Bool {
        let partition = message.topicPartition
        let offset = message.offset
        guard var state = states[partition], let topic = topics[partition.topic] else { return false }
        switch state.arrival(of: offset) {
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
            return try take(message)
        case .afterHole(let from):
            // One offset is a transaction's control record. More may be a log whose start moved past us.
            if offset.rawValue - from.rawValue > 1, let low = try lowWatermarkBeyond(from, partition) {
                try stop(
                    partition, .beyondStart, because: "Kafka's first offset \(low) lies beyond the position \(from)",
                    records: low - from.rawValue)
                return false
            }
        case .take:
            break
        }
        states[partition]?.take(offset)
        topic.batch.add(message)
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
            try writeAll()
            return try stop(
                partition, .unreadable, because: "Kafka gave records that cannot be read (\(error.name))", records: nil)
        }
        // A client whose broker is away repeats itself many times a second.
        if let last = reported[error.code], clock.now - last < .seconds(10) { return }
        reported[error.code] = clock.now
        logger.warning("reading Kafka\(place): \(error)")
    }

    // MARK: Assignment

    private func ensureConnection() throws {
        if let connection, !connection.isBroken { return }
        connection?.close()
        connection = nil
        let fresh = try PostgresConnection(settings.databaseURL, applicationName: "lienthong work")
        // Compiling a merge's expressions costs more than a batch's run of them saves.
        _ = try fresh.execute("SET jit = off")
        for topic in topics.values { _ = try fresh.execute(topic.sql.setUp) }
        connection = fresh
        // Whatever was known of positions is from before: claim all again.
        if !states.isEmpty, pendingAssignment == nil { pendingAssignment = Array(states.keys) }
        logger.debug("connected to the national database")
    }

    private func database() throws -> PostgresConnection {
        guard let connection else { throw LaneFault.noConnection }
        return connection
    }

    /// Claims what Kafka assigned and starts fetching at the database's positions.
    private func claimPending() throws {
        guard let partitions = pendingAssignment else { return }
        let store = PositionStore(connection: try database())
        let controls = try store.controls(of: settings.topics.map(\.name))
        for (name, control) in controls { try heed(control, of: name, store) }
        var fresh: [TopicPartition: PartitionState] = [:]
        for claimed in try store.claim(partitions, by: settings.name) {
            fresh[claimed.topicPartition] = state(of: claimed)
        }
        forgetTaken()
        states = fresh
        pendingAssignment = nil
        try fetchAnew()
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
        forgetTaken()
        try consumer.assign(states.keys.sorted().compactMap { key in states[key].map { (key, $0.fetchPosition) } })
        let still = states.filter { entry in
            switch entry.value.phase {
            case .verifying, .active: false
            case .paused, .gap, .lost: true
            }
        }
        if !still.isEmpty { try consumer.pause(Array(still.keys)) }
    }

    private func revoke(lost: Bool) throws {
        defer {
            states = [:]
            pendingAssignment = nil
            forgetTaken()
        }
        // A batch in hand can still be written, as long as nobody else can own the partitions.
        let result = Result { if !lost, connection?.isBroken == false { try writeAll() } }
        try consumer.unassign()
        try result.get()
    }

    private func forgetTaken() {
        for topic in topics.values { topic.batch.clear() }
        for key in states.keys { states[key]?.forgetTaken() }
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
        if mustClaim { pendingAssignment = Array(states.keys) }
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

    /// A fault that meets one topic's tables does not keep the others from being written.
    private func writeAll() throws {
        var first: PostgresError?
        for name in topics.keys.sorted() {
            guard let topic = topics[name], topic.batch.entries.count > 0 else { continue }
            do {
                try write(topic)
            } catch let error as PostgresError {
                guard error.fault == .world, connection?.isBroken == false else { throw error }
                first = first ?? error
            }
        }
        if let first { throw first }
        try skipHoles()
        backoff = .milliseconds(100)
    }

    private func write(_ topic: LaneTopic) throws {
        let sample = topic.sample()
        if case .open(let because) = topic.breaker.judge(sample) {
            try pause(topic, because: because)
            return
        }
        do {
            try BatchWriter(
                topic: topic, connection: try database(), settings: settings, logger: logger
            ).write(Array(topic.batch.entries.indices), states: &states) { [progress] fates in
                progress.count(fates, of: topic.definition.name)
            }
        } catch let fault as TopicFault {
            try pause(topic, because: fault.because)
            return
        }
        topic.breaker.record(topic.sample())
        topic.batch.clear()
        var committed: [TopicPartition: NextOffset] = [:]
        for (partition, state) in states where partition.topic == topic.definition.name {
            if case .lost = state.phase { continue }
            committed[partition] = state.written
        }
        do {
            try consumer.commit(committed)
        } catch {
            // Kafka's own offsets serve lag tools only.
            logger.debug("committing offsets to Kafka: \(error)")
        }
    }

    private func pause(_ topic: LaneTopic, because: String) throws {
        let name = topic.definition.name
        topic.batch.clear()
        for key in states.keys where key.topic == name { states[key]?.forgetTaken() }
        try WorkControl.pause(topic: name, because: because, by: "breaker", connection: try database())
        logger.error(
            "\(name) is paused by its breaker: \(because); look into `lienthong dead-letters list --topic \(name)`, then `lienthong work resume --topic \(name)`"
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
        connection?.close()
        connection = nil
        forgetTaken()
        if !states.isEmpty {
            if pendingAssignment == nil { pendingAssignment = Array(states.keys) }
            do { try consumer.pause(Array(states.keys)) } catch { logger.debug("pausing: \(error)") }
            for key in states.keys { states[key]?.phase = .lost(since: clock.now) }
        }
        let until = clock.now + backoff
        backoff = min(backoff * 2, settings.backoffMax)
        while clock.now < until, !progress.isStopping {
            switch consumer.poll(timeoutMilliseconds: 50) {
            case .assigned(let partitions):
                states = [:]
                pendingAssignment = partitions
            case .revoked:
                states = [:]
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

/// What a lane keeps for each topic.
final class LaneTopic {
    let definition: TopicDefinition
    let batch: TopicBatch
    let sql: MergeSQL
    var breaker: Breaker
    var control = TopicControl()
    let buffers = StageBuffers()
    /// How the next batch is merged.
    var path = MergeSQL.Path.insertFirst

    init(_ definition: TopicDefinition, codeLists: CodeLists, prefix: String) throws(UserError) {
        self.definition = definition
        batch = try TopicBatch(definition, codeLists: codeLists)
        sql = MergeSQL(
            topic: definition.name, table: batch.decoder.table, children: batch.decoder.children,
            mappingRevision: definition.mapping.revision, contractVersion: definition.contract.version, prefix: prefix
        )
        let limits = definition.contract.breaker
        breaker = Breaker(
            maxRefusedShare: limits.maxRefusedShare, maxDeletedShare: limits.maxDeletedShare,
            windowRecords: limits.windowRecords, minimumRecords: limits.minimumRecords
        )
    }

    /// The batch, or the part of it that is dealt with at `index`.
    func sample(through index: Int? = nil) -> Breaker.Sample {
        let entries = batch.entries.prefix(index.map { $0 + 1 } ?? batch.entries.count)
        var sample = Breaker.Sample(records: entries.count, refused: 0, tombstones: 0)
        for entry in entries {
            switch entry.verdict {
            case .record: break
            case .tombstone: sample.tombstones += 1
            case .refused: sample.refused += 1
            }
        }
        return sample
    }
}

/// We are bad: statement, schema or permission. The topic is paused, not emptied into the dead letters.
struct TopicFault: Error {
    let because: String
}

enum LaneFault: Error {
    case noConnection
}
