// One attempt of a publisher: connections, checks, snapshot, stream. Everything it owns ends with it.
import Kafka
import Logging
import Model
import Postgres

/// Confined to the publisher's thread.
final class PublisherSession {
    /// How long a change that is in the source's log, but not visible yet, goes without being mentioned.
    static let invisibleWarning = Duration.seconds(5)
    static let silentBrokerWarning = Duration.seconds(5)
    static let statusInterval = Duration.seconds(5)
    static let lockCheckInterval = Duration.seconds(3)
    /// A predecessor's session may take a moment to end at the source.
    static let lockAttempts = 10
    /// At the end of a publisher: how long the broker is waited for.
    static let endWait = Duration.seconds(10)
    /// Transactions gathered while more arrive without a pause.
    static let batchAge = Duration.milliseconds(20)

    private let publisher: Publisher
    private let definition: FeedDefinition
    private let settings: PublisherSettings
    private let logger: Logger
    private let attempt: Int
    private let isFirst: Bool
    private var source: SourceDatabase?
    private var producer: KafkaProducer?
    private var stream: ReplicationStream?
    private let startAccount: PublishAccount
    private var statusDueAt = ContinuousClock.now
    private var lockCheckDueAt = ContinuousClock.now
    /// Source and broker were reached and found fit.
    private(set) var isReady = false

    init(_ publisher: Publisher, attempt: Int, account: PublishAccount, isFirst: Bool) {
        self.publisher = publisher
        definition = publisher.definition
        settings = publisher.settings
        logger = publisher.logger
        self.attempt = attempt
        self.isFirst = isFirst
        startAccount = account
    }

    /// Harmless when repeated. What is queued is thrown away before the lock is released.
    func close() {
        producer?.close()
        stream?.close()
        source?.close()
        stream = nil
        source = nil
        producer = nil
    }

    /// - Parameter resnapshot: taken back once the new snapshot is recorded, so that a later attempt goes on with it.
    func run(resnapshot: inout Bool) throws {
        let source = try SourceDatabase(definition, url: settings.sourceURL)
        self.source = source
        guard try lock(source) else { return }
        try source.check()
        try ProgressTopic.prepare(settings.kafka, definition: definition)
        let progress = try ProgressTopic.read(settings.kafka, feed: definition.feed)
        let producer = try KafkaProducer(settings: settings.kafka, clientID: "lienthong-publisher-\(definition.feed)")
        self.producer = producer
        let sender = RecordSender(
            producer, definition: definition, idPrefix: "\(String(settings.instance, radix: 16))-\(attempt)",
            counts: startAccount
        )
        let slot = try source.slot()
        try source.checkPublication(slotExists: slot != nil)
        isReady = true
        var step = try ResumeStep.decide(slot: slot, progress: progress, definition: definition, resnapshot: resnapshot)
        if case .createSlotAndSnapshot(let dropFirst) = step {
            if progress != nil {
                // Beside a new slot the old progress would read as if the stream might go on from there.
                guard try record(nil, source, sender) else { return }
            }
            if dropFirst { try source.dropSlot() }
            guard let consistent = try createSlot(source) else { return }
            step = .snapshot(after: nil, consistentLSN: consistent)
        }
        if case .snapshot(let identity, let consistent) = step {
            var start = PublisherProgress(slot: definition.slot, phase: .snapshot, consistentLSN: "\(consistent)")
            start.identity = identity
            guard try snapshot(source, sender, from: start, resnapshot: &resnapshot) else { return }
        }
        try follow(source, sender)
    }

    /// - Returns: false when asked to stop.
    private func lock(_ source: SourceDatabase) throws -> Bool {
        for _ in 0..<Self.lockAttempts {
            if try source.tryLock() { return true }
            publisher.stopFlag.wait(seconds: 0.2)
            if publisher.stopFlag.isSet { return false }
        }
        // The source may not have noticed the end of our own broken session: only a first attempt surely meets
        // another's.
        guard isFirst else {
            throw PostgresError(action: "locking feed \(definition.feed) at its source", sqlState: "55P03")
        }
        throw UserError(
            action: "publishing feed", subject: definition.feed, cause: "another publisher of this feed is running",
            nextStep: "let that one go on, or stop it first", status: .no
        )
    }

    /// - Returns: nil when asked to stop.
    private func createSlot(_ source: SourceDatabase) throws -> LSN? {
        var seconds = 1
        while !publisher.stopFlag.isSet {
            if let lsn = try source.createSlot(seconds: seconds) {
                logger.info("replication slot \(definition.slot) made at \(lsn)")
                return lsn
            }
            logger.notice(
                "waiting for the transactions open at the source, to make replication slot \(definition.slot)")
            seconds = min(seconds * 2, 30)
        }
        return nil
    }

    // MARK: Snapshot

    /// - Returns: false when asked to stop.
    private func snapshot(
        _ source: SourceDatabase, _ sender: RecordSender, from start: PublisherProgress, resnapshot: inout Bool
    ) throws -> Bool {
        publisher.update { $0.phase = .snapshot }
        logger.info("snapshot \(start.identity == nil ? "begins" : "goes on")")
        var progress = start
        guard try record(progress, source, sender) else { return false }
        resnapshot = false
        guard try awaitEarlierTransactions(source) else { return false }

        var limit = settings.pageRows
        var pages = 0
        var identity = start.identity
        while true {
            let rows = try source.page(after: identity, limit: limit)
            for row in rows { try sender.send(row) }
            sender.counts.snapshotRows += Int64(rows.count)
            if let last = rows.last {
                identity = last.identity
                sender.mark(.snapshot(identity: last.identity))
                pages += 1
            }
            // The progress tells the newest page that is acknowledged, not the newest that was sent.
            guard try waitFor(sender, until: { sender.hasRoom }, onPage: { progress.identity = $0 }) else {
                return false
            }
            if rows.count < limit { break }
            if pages >= settings.pagesPerProgress {
                try source.verifyLock()
                try sender.send(progress)
                pages = 0
            }
            limit = SourceDatabase.limit(after: rows, limit, most: settings.pageRows)
        }
        guard try waitFor(sender, until: { sender.isSettled }) else { return false }
        progress.phase = .stream
        progress.identity = nil
        guard try record(progress, source, sender) else { return false }
        logger.info("snapshot published; \(sender.safeCounts.snapshotRows) rows read")
        return true
    }

    /// Records the progress, nil to forget it, and waits until it is acknowledged.
    /// - Returns: false when asked to stop.
    private func record(
        _ progress: PublisherProgress?, _ source: SourceDatabase, _ sender: RecordSender
    ) throws -> Bool {
        try source.verifyLock()
        try sender.send(progress)
        return try waitFor(sender, until: { sender.isSettled })
    }

    /// What was committed before the slot's position must show before the first page is read: see `SourceDatabase`.
    /// - Returns: false when asked to stop.
    private func awaitEarlierTransactions(_ source: SourceDatabase) throws -> Bool {
        let first = try source.firstUnassignedTransaction()
        var pause = 0.001
        while try !source.haveEnded(below: first) {
            publisher.stopFlag.wait(seconds: pause)
            if publisher.stopFlag.isSet { return false }
            pause = min(pause * 2, 0.25)
        }
        return true
    }

    /// Waits for the broker. Meanwhile pages become safe, and the account is told.
    /// - Returns: false when asked to stop.
    private func waitFor(
        _ sender: RecordSender, until isDone: () -> Bool, onPage: ([String]) -> Void = { _ in }
    ) throws -> Bool {
        var silence = Silence(logger)
        var wait: Int32 = 0
        while true {
            if case .snapshot(let identity)? = try settle(sender, waitMilliseconds: wait) { onPage(identity) }
            if publisher.stopFlag.isSet { return false }
            if isDone() { return true }
            try watchLock()
            silence.observe(sender)
            wait = 50
        }
    }

    private func settle(_ sender: RecordSender, waitMilliseconds: Int32 = 0) throws -> RecordSender.Position? {
        let position = try sender.settle(waitMilliseconds: waitMilliseconds)
        if position != nil {
            let counts = sender.safeCounts
            publisher.update { account in
                let (phase, restarts) = (account.phase, account.restarts)
                account = counts
                account.phase = phase
                account.restarts = restarts
            }
        }
        return position
    }

    // MARK: Stream

    private func follow(_ source: SourceDatabase, _ sender: RecordSender) throws {
        // The end is asked for before the stream opens: everything committed by now lies before it.
        let end = settings.once ? try source.flushedLSN() : nil
        let stream = try ReplicationStream(settings.sourceURL, applicationName: "lienthong feed \(definition.feed)")
        self.stream = stream
        try stream.start(slot: definition.slot, publication: definition.publication)
        publisher.update { $0.phase = .stream }
        logger.info("following the changes\(end.map { " up to \($0)" } ?? "")")

        var batch = ChangeBatch(definition)
        var roles: [UInt32: ChangeBatch.Role] = [:]
        var reached = LSN.zero
        var oldest: ContinuousClock.Instant?
        var silence = Silence(logger)
        while true {
            try confirm(sender, stream)
            silence.observe(sender)
            switch publisher.stopFlag.state {
            case .running: break
            case .abandoned: return
            case .stopping: return try finish(sender, stream)
            }
            if let end, reached >= end, batch.isEmpty, sender.isSettled { return try finish(sender, stream) }
            // Nothing more is taken in while too much is in flight.
            guard try awaitRoom(sender, stream) else { continue }
            let wait: Int32 = batch.commits > 0 ? 0 : sender.isSettled ? 100 : 2
            let message = try stream.next(timeoutMilliseconds: wait)
            switch message {
            case .begin(_, let microseconds, let transaction)?:
                batch.begin(id: transaction, microseconds: microseconds)
            case .relation(let relation)?:
                let table = FeedDefinition.TableName(schema: relation.schema, name: relation.name)
                let role = try batch.role(of: table, columns: relation.columns.map(\.name))
                if let place = role.places.first(where: { !relation.columns[$0].isKey }) {
                    try stopUntold(relation.columns[place].name, of: table, sender, stream, source, &batch)
                    continue
                }
                roles[relation.id] = role
            case .insert(let relation, let new)?:
                batch.change(roles[relation] ?? .other, old: nil, new: new.map(\.text))
            case .update(let relation, let old, let new)?:
                let before = old?.values
                // A large value that did not change is in the old row, if anywhere.
                let after = new.enumerated().map { $1 == .unchangedToast ? before?[$0].text : $1.text }
                batch.change(roles[relation] ?? .other, old: before?.map(\.text), new: after)
            case .delete(let relation, let old)?:
                batch.change(roles[relation] ?? .other, old: old.values.map(\.text), new: nil)
            case .truncate(let relations, _, _)?:
                if relations.contains(where: { roles[$0] ?? .other != .other }) {
                    guard try passTruncate(sender, stream, source, &batch) else { continue }
                }
            case .commit(_, let endLSN, _)?:
                batch.commit(end: endLSN)
                reached = endLSN
                if oldest == nil { oldest = .now }
            case .keepalive(let endLSN, _)?:
                // Within a transaction it tells nothing: its changes are still to come.
                if batch.open == nil {
                    reached = max(reached, endLSN)
                    // Nothing of what lies before concerns this feed: without this an idle feed would hold the source's
                    // log.
                    if batch.isEmpty { sender.mark(.stream(endLSN)) }
                }
            case .origin?, .type?, .unknown?, nil: break
            }
            let isOld = oldest.map { ContinuousClock.now - $0 > Self.batchAge } ?? false
            if batch.count >= settings.batchRecordsMax || (batch.commits > 0 && (message == nil || isOld)) {
                guard try publish(&batch, source, sender, stream) else { continue }
                oldest = nil
            }
        }
    }

    /// Publishes what the batch gathered: tombstones first, then the records as they are now.
    /// - Returns: false when asked to stop meanwhile; the batch is as it was.
    private func publish(
        _ batch: inout ChangeBatch, _ source: SourceDatabase, _ sender: RecordSender, _ stream: ReplicationStream
    ) throws -> Bool {
        guard try awaitVisible(batch.transactionIDs, source, sender, stream) else { return false }
        for tombstone in batch.tombstones { try sender.send(tombstone) }
        var rest = batch.touched[...]
        var limit = SourceDatabase.identitiesMax
        while !rest.isEmpty {
            guard try awaitRoom(sender, stream) else { return false }
            let rows = try source.records(rest.prefix(limit))
            for row in rows { try sender.send(row) }
            rest = rest.dropFirst(limit)
            limit = SourceDatabase.limit(after: rows, limit, most: SourceDatabase.identitiesMax)
        }
        sender.counts.transactions += Int64(batch.commits)
        // A part of a transaction is published without a position: the slot stands before the whole of it until its
        // end.
        if let end = batch.commitEnd { sender.mark(.stream(end)) }
        batch.clear()
        return true
    }

    /// Waits until other sessions of the source see the transactions; see `SourceDatabase.areVisible`.
    private func awaitVisible(
        _ transactions: [UInt32], _ source: SourceDatabase, _ sender: RecordSender, _ stream: ReplicationStream
    ) throws -> Bool {
        let start = ContinuousClock.now
        var pause = 0.001
        var isTold = false
        while try !source.areVisible(transactions) {
            try confirm(sender, stream)
            try keepAlive(stream)
            publisher.stopFlag.wait(seconds: pause)
            if publisher.stopFlag.isSet { return false }
            pause = min(pause * 2, 0.1)
            if !isTold, ContinuousClock.now - start > Self.invisibleWarning {
                logger.warning(
                    "the source has logged a change that its sessions do not see yet (a synchronous standby behind?); waiting"
                )
                isTold = true
            }
        }
        return true
    }

    /// - Returns: false when asked to stop.
    private func passTruncate(
        _ sender: RecordSender, _ stream: ReplicationStream, _ source: SourceDatabase, _ batch: inout ChangeBatch
    ) throws -> Bool {
        if settings.acceptTruncate {
            logger.warning("a table of the feed was truncated at the source; nothing is deleted by that, as accepted")
            return true
        }
        // What came before is published and confirmed first, so that the answer concerns the TRUNCATE alone.
        guard try publish(&batch, source, sender, stream) else { return false }
        try finish(sender, stream)
        throw UserError(
            action: "publishing feed", subject: definition.feed,
            cause: "a table of the feed was truncated at the source; which records were deleted by that is not known",
            nextStep:
                "ask the source's owner; then run with --accept-truncate to go on without deleting anything, together "
                + "with --resnapshot if the remaining records changed by it",
            status: .no
        )
    }

    /// The replica identity was narrowed while the feed ran, or between two runs: what was deleted, renamed or made
    /// secret since is not told by the old rows. Returns only when asked to stop.
    private func stopUntold(
        _ column: String, of table: FeedDefinition.TableName, _ sender: RecordSender, _ stream: ReplicationStream,
        _ source: SourceDatabase, _ batch: inout ChangeBatch
    ) throws {
        // What came before is told in full, and must not be lost with the slot that the answer gives up.
        guard try publish(&batch, source, sender, stream) else { return }
        while !sender.isSettled {
            if publisher.stopFlag.isSet { return }
            try confirm(sender, stream, waitMilliseconds: 50)
            try keepAlive(stream)
        }
        throw UserError(
            action: "publishing feed", subject: definition.feed,
            cause: "changes of \(table) were logged whose old rows do not tell \(column); which records were deleted "
                + "or became secret by them is not known",
            nextStep: "let its owner run: ALTER TABLE \(table) REPLICA IDENTITY FULL; then drop slot "
                + "\(definition.slot), run with --resnapshot, and compare the topic's records with the source "
                + "(records deleted in between stay in the topic)",
            status: .no
        )
    }

    /// Waits until more may be sent, and keeps the stream alive meanwhile.
    /// - Returns: false when asked to stop.
    private func awaitRoom(_ sender: RecordSender, _ stream: ReplicationStream) throws -> Bool {
        var silence = Silence(logger)
        try confirm(sender, stream)
        try keepAlive(stream)
        while !sender.hasRoom {
            if publisher.stopFlag.isSet { return false }
            try confirm(sender, stream, waitMilliseconds: 50)
            try keepAlive(stream)
            silence.observe(sender)
        }
        return true
    }

    /// Tells the slot what is safe.
    private func confirm(_ sender: RecordSender, _ stream: ReplicationStream, waitMilliseconds: Int32 = 0) throws {
        if case .stream(let lsn)? = try settle(sender, waitMilliseconds: waitMilliseconds) {
            stream.confirm(flushed: lsn)
        }
    }

    /// Whoever waits for the broker may lose the feed's lock meanwhile. What is queued then must not go out beside
    /// another publisher's records: the error ends the session, and the queue with it.
    private func watchLock() throws {
        guard ContinuousClock.now >= lockCheckDueAt else { return }
        try source?.verifyLock()
        lockCheckDueAt = .now + Self.lockCheckInterval
    }

    /// The server ends a stream from which it hears nothing for `wal_sender_timeout`.
    private func keepAlive(_ stream: ReplicationStream) throws {
        try watchLock()
        guard ContinuousClock.now >= statusDueAt else { return }
        try stream.sendStatus()
        statusDueAt = .now + Self.statusInterval
    }

    /// Waits a bounded time for what is in flight, and confirms it. What is not acknowledged by then is sent again next
    /// time.
    private func finish(_ sender: RecordSender, _ stream: ReplicationStream) throws {
        let deadline = ContinuousClock.now + Self.endWait
        while !sender.isSettled, ContinuousClock.now < deadline, publisher.stopFlag.state != .abandoned {
            try confirm(sender, stream, waitMilliseconds: 50)
            try keepAlive(stream)
        }
        try confirm(sender, stream)
    }
}

/// Says once in a while that the broker acknowledges nothing.
private struct Silence {
    private let logger: Logger
    private var acknowledged: UInt64 = 0
    private var since = ContinuousClock.now
    private var patience = PublisherSession.silentBrokerWarning

    init(_ logger: Logger) { self.logger = logger }

    mutating func observe(_ sender: RecordSender) {
        if sender.inFlight == 0 || sender.acknowledgedTag != acknowledged {
            acknowledged = sender.acknowledgedTag
            since = .now
            patience = PublisherSession.silentBrokerWarning
        } else if ContinuousClock.now - since > patience {
            logger.warning(
                "the broker has acknowledged nothing for \(patience); \(sender.inFlight) messages wait for it")
            patience *= 2
        }
    }
}
