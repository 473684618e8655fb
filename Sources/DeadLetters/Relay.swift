// Tells the owners of data of each refusal, on `<topic>.dead-letter`, from what the database holds.
import Contracts
import Dispatch
package import Kafka
package import Logging
package import Model
import Postgres
import Synchronization

package struct RelaySettings: Sendable {
    package var kafka: KafkaSettings
    /// URL of the national database.
    package var databaseURL: String
    /// Topics that have a contract. All of them, whatever this process works on: one relay tells for all processes.
    package var topics: [TopicName]
    package var sealer: DeadLetterSealer
    /// Most letters, and bytes of them, that are on their way at once; one letter may be over the bytes.
    package var batchLettersMax = 500
    package var batchBytesMax = 8 << 20
    /// Largest message, in bytes before compression; of a larger one the value is left away.
    package var messageBytesMax = Int(Contract.KafkaSettings.deadLetterMessageBytesMax)
    /// How often the database is asked while there is nothing to tell, and while another process tells.
    package var pollInterval: Duration = .milliseconds(500)
    package var standbyInterval: Duration = .seconds(1)
    /// How long a topic rests that cannot be told on, and how long an error is waited out, at first and at most.
    package var restInterval: Duration = .seconds(30)
    package var backoffMin: Duration = .milliseconds(200)
    package var backoffMax: Duration = .seconds(10)
    /// How long the broker may take to acknowledge a batch.
    package var deliveryTimeout: Duration = .seconds(30)
    /// Places at which a test may end a relay as a crash would; what it throws, `run` throws.
    package var faultPoint: @Sendable (RelayFaultPoint) throws -> Void = { _ in }

    package init(kafka: KafkaSettings, databaseURL: String, topics: [TopicName], sealer: DeadLetterSealer) {
        self.kafka = kafka
        self.databaseURL = databaseURL
        self.topics = topics
        self.sealer = sealer
    }
}

package enum RelayFaultPoint: Sendable, CaseIterable {
    /// Letters are read, nothing is sent.
    case beforeSend
    /// The broker has acknowledged, the database does not know.
    case beforeMark
    case afterMark
}

/// What a relay did.
package struct RelayAccount: Sendable, Equatable {
    /// Refusals that were told, by the topic of the record.
    package var relayed: [TopicName: Int64]
    /// What keeps letters from being told, each with its next step; told again once it is gone.
    package var waiting: [String]

    package init(relayed: [TopicName: Int64] = [:], waiting: [String] = []) {
        self.relayed = relayed
        self.waiting = waiting
    }

    package var total: Int64 { relayed.values.reduce(0, +) }
}

/// Publishes each refusal, marks it in the database after the broker's acknowledgement, and waits for more.
///
/// Each one arrives. What was acknowledged and not yet marked when a process died is sent again under the same `ce_id`.
/// Of all relays of a database one works, the holder of a lock of PostgreSQL; the others stand by.
package final class DeadLetterRelay: Sendable {
    private let settings: RelaySettings
    private let logger: Logger
    private let control = RelayControl()
    private let account = Mutex(RelayAccount())

    package init(settings: RelaySettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    /// What was done so far.
    package var progress: RelayAccount { account.withLock { $0 } }

    /// Ends after the batch in hand.
    package func stop() { control.stop() }

    /// Ends once all that can be told is told.
    package func drain() { control.drain() }

    /// Works on the caller's thread until `stop`, or until `drain` is done. The world's faults are waited out; our own
    /// (a missing table, a permission) too as long as nobody asked to drain.
    package func run() throws -> RelayAccount {
        let run = RelayRun(settings: settings, control: control, logger: logger) { change in
            self.account.withLock { change(&$0) }
        }
        defer { run.close() }
        do {
            try run.untilEnd()
        } catch {
            // Beside a worker nobody looks at what is thrown before that one ends.
            logger.error("owners are told of refused records no more by this process: \(error)")
            throw error
        }
        return progress
    }
}

/// What others tell a relay.
final class RelayControl: Sendable {
    private let state = Mutex((isStopping: false, isDraining: false))
    private let signal = DispatchSemaphore(value: 0)

    var isStopping: Bool { state.withLock { $0.isStopping } }
    var isDraining: Bool { state.withLock { $0.isDraining } }

    func stop() {
        state.withLock { $0.isStopping = true }
        signal.signal()
    }

    func drain() {
        state.withLock { $0.isDraining = true }
        signal.signal()
    }

    /// Returns early when told something.
    func wait(_ duration: Duration) {
        guard !isStopping else { return }
        let (seconds, attoseconds) = duration.components
        _ = signal.wait(
            timeout: .now() + .nanoseconds(Int(clamping: seconds * 1_000_000_000 + attoseconds / 1_000_000_000)))
    }
}

/// One run of a relay. Confined to its thread.
private final class RelayRun {
    private let settings: RelaySettings
    private let control: RelayControl
    private let logger: Logger
    private let change: ((inout RelayAccount) -> Void) -> Void
    private let sender: RelaySender
    private let clock = ContinuousClock()
    private var queue: RelayQueue?
    private var backoff: Duration
    /// Topics that cannot be told on for now.
    private var resting: [TopicName: Rest] = [:]
    /// Letters whose bytes do not open, or that the broker takes in no form; tried again by the next relay.
    private var hopeless: Set<Int64> = []
    /// What keeps letters waiting, by its cause; each is logged when it comes up.
    private var obstacles: [String: String] = [:]
    private var looksAgain: ContinuousClock.Instant
    /// While another process holds the lock: what is left to it, and since when that has not become less.
    private var leftToOther: (count: Int64, since: ContinuousClock.Instant)?

    private struct Rest {
        var until: ContinuousClock.Instant
        var length: Duration
        /// It will end by itself, as an election does; a missing topic does not.
        var isTransient: Bool
    }

    init(
        settings: RelaySettings, control: RelayControl, logger: Logger,
        change: @escaping ((inout RelayAccount) -> Void) -> Void
    ) {
        self.settings = settings
        self.control = control
        self.logger = logger
        self.change = change
        sender = RelaySender(settings.kafka, deliveryTimeout: settings.deliveryTimeout, control: control)
        backoff = settings.backoffMin
        looksAgain = clock.now
    }

    func close() {
        sender.close()
        queue?.close()
    }

    // MARK: Course

    func untilEnd() throws {
        while !control.isStopping {
            do {
                if try turn() { return }
                backoff = settings.backoffMin
            } catch let error as PostgresError where !error.isUnreadableURL {
                guard error.fault == .world || !control.isDraining else { throw error }
                waitOut("\(error)")
            } catch let error as KafkaError where error.isTransient || error.isFatal {
                waitOut("\(error)")
            }
        }
    }

    private func waitOut(_ what: String) {
        logger.warning("telling owners of refused records: \(what); trying again in \(backoff)")
        queue?.close()
        queue = nil
        sender.close()
        control.wait(backoff)
        backoff = min(backoff * 2, settings.backoffMax)
    }

    /// One pass over what is untold, and the wait after it. True at the end of draining.
    private func turn() throws -> Bool {
        let queue =
            try self.queue
            ?? RelayQueue(settings.databaseURL, topics: settings.topics, keyIDs: settings.sealer.keyIDs)
        self.queue = queue
        guard try queue.hold() else { return try standBy(queue) }
        leftToOther = nil
        let start = clock.now
        try lookForUnreachable(queue)
        // Asked before the pass: what is refused after the order to drain may be left.
        let isDraining = control.isDraining
        guard try pass(queue) == 0 else { return false }
        // What rested during the pass was not asked for.
        if isDraining && !resting.values.contains(where: { $0.isTransient && $0.until > start }) { return true }
        if control.isDraining && !isDraining { return false }
        // Letters that cannot be told lie in the way of each question: asking never takes more than a twentieth of the time.
        control.wait(max(settings.pollInterval, min((clock.now - start) * 20, settings.restInterval)))
        return false
    }

    /// Another process tells. Who drains waits as long as what is left becomes less.
    private func standBy(_ queue: RelayQueue) throws -> Bool {
        if control.isDraining {
            let count = try queue.reachable().reduce(Int64(0)) { sum, entry in
                guard let target = Contract.KafkaSettings.deadLetterTopic(of: entry.key), try sender.exists(target)
                else { return sum }
                return sum + entry.value
            }
            if count == 0 { return true }
            if let left = leftToOther, count >= left.count {
                if clock.now - left.since > settings.restInterval {
                    report("another", "another process tells owners, and \(count) letters wait still; look at its log")
                    return true
                }
            } else {
                leftToOther = (count, clock.now)
            }
        }
        control.wait(control.isDraining ? min(settings.standbyInterval, .milliseconds(100)) : settings.standbyInterval)
        return false
    }

    /// From the lowest id to the highest. Returns how many refusals were told.
    private func pass(_ queue: RelayQueue) throws -> Int64 {
        var told: Int64 = 0
        var last: Int64 = 0
        while !control.isStopping {
            let letters = try queue.batch(
                after: last, resting: Set(resting.filter { $0.value.until > clock.now }.keys),
                lettersMax: settings.batchLettersMax, bytesMax: settings.batchBytesMax)
            guard let id = letters.last?.id else { break }
            last = id
            for (topic, letters) in Self.byTopic(letters) { told += try tell(letters, of: topic, queue) }
        }
        return told
    }

    /// Each topic's letters by id; topics in the order of their first.
    private static func byTopic(_ letters: [UntoldLetter]) -> [(TopicName, [UntoldLetter])] {
        let groups = Dictionary(grouping: letters, by: \.origin.topic)
        return groups.sorted { ($0.value.first?.id ?? 0) < ($1.value.first?.id ?? 0) }.map { ($0.key, $0.value) }
    }

    // MARK: One topic

    private func tell(_ letters: [UntoldLetter], of topic: TopicName, _ queue: RelayQueue) throws -> Int64 {
        guard let target = Contract.KafkaSettings.deadLetterTopic(of: topic), try sender.exists(target) else {
            rest(topic, isTransient: false, because: "Kafka has no topic for them: run `lienthong topics apply`")
            return 0
        }
        var left = letters.flatMap { messages(of: $0) }[...]
        try settings.faultPoint(.beforeSend)
        var told: Int64 = 0
        while !left.isEmpty {
            let delivery = try sender.send(left, to: target)
            told += try mark(left.prefix(delivery.acknowledged), of: topic, queue)
            left = left.dropFirst(delivery.acknowledged)
            guard let failure = delivery.failure else { continue }
            guard failure.code == KafkaErrorCode.messageTooLarge else {
                sender.forget(target)
                rest(topic, isTransient: failure.isTransient || failure.isFatal, because: "\(failure)")
                return told
            }
            // Which of them it is, the broker does not say: the next goes alone.
            guard let first = left.popFirst(), let count = try tellAlone(first, of: topic, to: target, queue) else {
                return told
            }
            told += count
        }
        resting[topic] = nil
        obstacles[topic.rawValue] = nil
        publishObstacles()
        return told
    }

    /// Sends one message, smaller each time that the broker finds it too large. Nil where the topic has to rest.
    private func tellAlone(
        _ message: RelayMessage, of topic: TopicName, to target: TopicName, _ queue: RelayQueue
    ) throws -> Int64? {
        var message = message
        while true {
            guard let failure = try sender.send(CollectionOfOne(message), to: target).failure else {
                return try mark([message], of: topic, queue)
            }
            guard failure.code == KafkaErrorCode.messageTooLarge else {
                rest(topic, isTransient: failure.isTransient || failure.isFatal, because: "\(failure)")
                return nil
            }
            guard message.shrink(bytesMax: nil) else {
                hopeless.insert(message.letter)
                report(
                    "letter \(message.letter)",
                    "dead letter \(message.letter) is too large for \(target) even without content: raise max.message.bytes"
                )
                return 0
            }
        }
    }

    private func messages(of letter: UntoldLetter) -> [RelayMessage] {
        guard !hopeless.contains(letter.id) else { return [] }
        let record: RawRecord?
        let repaired: RawRecord?
        do {
            record = try letter.sealed.map { try settings.sealer.open($0, origin: letter.origin) }
            repaired = try letter.repaired.map { try settings.sealer.open($0.sealed, origin: letter.origin) }
        } catch {
            hopeless.insert(letter.id)
            report("letter \(letter.id)", "dead letter \(letter.id) is not told to its owner: \(error)")
            return []
        }
        return letter.refusals.map { number in
            let isRepaired = letter.form(ofRefusal: number) == .repaired
            var message = RelayMessage(letter, refusal: number, record: isRepaired ? repaired : record)
            while message.byteCount > settings.messageBytesMax, message.shrink(bytesMax: settings.messageBytesMax) {}
            return message
        }
    }

    private func mark(_ messages: some Collection<RelayMessage>, of topic: TopicName, _ queue: RelayQueue) throws
        -> Int64
    {
        guard !messages.isEmpty else { return 0 }
        try settings.faultPoint(.beforeMark)
        try queue.mark(messages.reduce(into: [:]) { $0[$1.letter] = max($0[$1.letter] ?? 0, $1.refusal) })
        try settings.faultPoint(.afterMark)
        let count = Int64(messages.count)
        change { $0.relayed[topic, default: 0] += count }
        return count
    }

    // MARK: What has to wait

    private func rest(_ topic: TopicName, isTransient: Bool, because: String) {
        let length =
            isTransient
            ? min((resting[topic]?.length ?? settings.backoffMin) * 2, settings.backoffMax) : settings.restInterval
        resting[topic] = Rest(until: clock.now + length, length: length, isTransient: isTransient)
        report(topic.rawValue, "dead letters of \(topic) wait to be told to its owner: \(because)")
    }

    /// Now and then: what no question finds is told as well, once.
    private func lookForUnreachable(_ queue: RelayQueue) throws {
        guard clock.now >= looksAgain else { return }
        looksAgain = clock.now + settings.restInterval
        let prefix = "unreachable "
        var found: Set<String> = []
        for (topic, keyID, count) in try queue.unreachable() {
            let cause = "\(prefix)\(topic) \(keyID ?? "")"
            found.insert(cause)
            let why =
                keyID.map { "sealed with key \($0), which is not known: add it to the dead-letter key file" }
                ?? "no contract of that topic was read: add its folder"
            report(cause, "\(count) dead letters of \(topic) wait to be told to its owner: \(why)")
        }
        for cause in obstacles.keys where cause.hasPrefix(prefix) && !found.contains(cause) { obstacles[cause] = nil }
        publishObstacles()
    }

    private func report(_ cause: String, _ sentence: String) {
        // Once for a cause; the account has its newest words.
        if obstacles[cause] == nil { logger.warning("\(sentence)") }
        obstacles[cause] = sentence
        publishObstacles()
    }

    private func publishObstacles() {
        let sentences = obstacles.values.sorted()
        change { $0.waiting = sentences }
    }
}
