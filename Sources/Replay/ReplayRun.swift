// One term of one replay with one runner. Confined to its thread.
import Contracts
import Foundation
import Ingestion
import Kafka
import Logging
import Model
import Postgres

final class ReplayRun {
    private let replay: ReplayState
    private let settings: ReplayerSettings
    private let store: ReplayStore
    private let logger: Logger
    private let connection: PostgresConnection
    private let writer: RangeWriter
    private let consumer: KafkaConsumer
    private let admin: KafkaAdmin
    private let keys: KeySelection?
    private let clock = ContinuousClock()

    /// What is still to be read, by partition.
    private var open: [Partition: Reading] = [:]
    private var pace: Pace
    private var rate = RateMeter()
    private var nextLook: ContinuousClock.Instant
    /// Why nothing is read just now.
    private var waiting: String?

    private struct Reading {
        let to: Int64
        /// After the last record taken or passed.
        var taken: Int64
        /// The record before the range's open part is read once more, to see that the log is the one it was.
        var verifying: ReplayPosition.LastRecord?
    }

    /// - Parameter store: on a connection of its own, on which signs are given while a batch is written.
    init(
        _ replay: ReplayState, _ definition: TopicDefinition, _ settings: ReplayerSettings, _ store: ReplayStore,
        _ logger: Logger
    ) throws {
        self.replay = replay
        self.settings = settings
        self.store = store
        var logger = logger
        logger[metadataKey: "replay"] = "\(replay.id)"
        self.logger = logger
        var worker = settings.worker
        worker.topics = [definition]
        connection = try PostgresConnection(worker.databaseURL, applicationName: "lienthong replay")
        writer = try RangeWriter(
            replay.intoShadow
                ? .shadow(replay: replay.id, tables: ShadowNames(replay: replay.id)) : .live(replay: replay.id),
            settings: worker, maxRefusedShare: replay.maxRefusedShare, connection: connection, logger: logger)
        // A consumer that is told where to read joins no group and commits nothing.
        consumer = try KafkaConsumer(
            settings: worker.kafka, group: "lienthong-replay-\(replay.id)", clientID: "lienthong-replay")
        admin = try KafkaAdmin(settings: worker.kafka, clientID: "lienthong-replay")
        keys = replay.keyFingerprints.map { KeySelection($0, topic: replay.topic, sealer: worker.sealer) }
        pace = Pace(recordsASecond: replay.rate)
        nextLook = ContinuousClock.now
    }

    func close() {
        consumer.close()
        admin.close()
        connection.close()
    }

    func go(isStopping: () -> Bool, tell: (ReplayState) -> Void) throws -> Replayer.Ending {
        let positions = try store.positions(replay.id)
        try writer.begin(
            positions.map {
                RangeWriter.Position(
                    partition: $0.partition, incarnation: $0.incarnation, epoch: replay.epoch, next: NextOffset($0.next)
                )
            })
        for position in positions where position.next < position.to {
            let last = position.last.flatMap { $0.offset < position.next ? $0 : nil }
            open[position.partition] = Reading(to: position.to, taken: position.next, verifying: last)
        }
        if let because = try eaten() { return .stopped(because: because) }
        try consumer.assign(
            open.sorted { $0.key < $1.key }.map { partition, reading in
                (place(partition), NextOffset(reading.verifying?.offset ?? reading.taken))
            })
        while !open.isEmpty {
            if isStopping() { return .interrupted }
            if clock.now >= nextLook {
                guard try look(tell) else { return .lost }
            }
            if waiting != nil || pace.mustWait(clock.now) {
                Thread.sleep(forTimeInterval: 0.02)
                continue
            }
            if let because = try step() { return .stopped(because: because) }
            if try flushIfFull(open.isEmpty) == false { return try whyLost() }
        }
        return .done
    }

    // MARK: Reading

    /// Takes what comes within a moment. Returns why the replay must stop, nil while it may go on.
    private func step() throws -> String? {
        switch consumer.poll(timeoutMilliseconds: writer.held > 0 ? 20 : 100) {
        case .message(let message):
            return try take(message)
        case .endOfPartition(let place, let end):
            // The log ends behind the range: what is left of that are holes.
            if let reading = open[place.partition], end.rawValue >= reading.to, reading.verifying == nil {
                passRest(place.partition, reading)
            }
        case .outOfRange(let place):
            guard let because = try eaten() else {
                return "the log of \(place) no longer reaches to where the replay stands: it was made anew or truncated"
            }
            return because
        case .failure(let error, let partition):
            if error.isFatal { throw error }
            if let partition, error.isUnreadableData {
                return "Kafka gave records of \(partition) that cannot be read (\(error.name))"
            }
            logger.warning("reading Kafka: \(error)")
        // It is in no group.
        case .assigned: break
        case .revoked: break
        case nil: break
        }
        return nil
    }

    private func take(_ message: consuming KafkaMessage) throws -> String? {
        let partition = message.topicPartition.partition
        let offset = message.offset
        guard var reading = open[partition] else { return nil }
        if let last = reading.verifying {
            if offset.rawValue < last.offset { return nil }
            reading.verifying = nil
            if offset.rawValue == last.offset {
                guard recordFingerprint(key: message.key, value: message.value) == last.hash else {
                    return "the log of \(message.topicPartition) is another one than the replay began with"
                }
                open[partition] = reading
                return nil
            }
        }
        guard offset.rawValue >= reading.taken else { return nil }
        if offset.rawValue - reading.taken > 1, let because = try eaten() { return because }
        guard offset.rawValue < reading.to else {
            passRest(partition, reading)
            return nil
        }
        reading.taken = offset.rawValue + 1
        open[partition] = reading
        pace.took(1, clock.now)
        if keys.map({ !$0.contains(message) }) ?? false {
            writer.pass(partition, to: NextOffset(reading.taken))
        } else {
            writer.take(message)
        }
        if reading.taken == reading.to { finish(partition) }
        return nil
    }

    private func passRest(_ partition: Partition, _ reading: Reading) {
        writer.pass(partition, to: NextOffset(reading.to))
        finish(partition)
    }

    /// Nothing more of it is fetched; its last records may still be in hand.
    private func finish(_ partition: Partition) {
        open[partition] = nil
        do { try consumer.pause([place(partition)]) } catch { logger.debug("pausing \(place(partition)): \(error)") }
    }

    /// Why the range cannot be read whole any more: retention took records of it; nil where none are missing.
    private func eaten() throws -> String? {
        for (partition, reading) in open.sorted(by: { $0.key < $1.key }) {
            let low = try admin.watermarks(place(partition), timeoutMilliseconds: 10_000).low
            if low > reading.taken {
                return
                    "\(low - reading.taken) offsets of \(place(partition)) that were still to be read are gone: Kafka's first offset is \(low)"
            }
        }
        return nil
    }

    private func place(_ partition: Partition) -> TopicPartition { TopicPartition(replay.topic, partition) }

    // MARK: Writing

    private var lastFlush = ContinuousClock.now

    /// The account did not let us write: it is another runner's, or the live log is another one now.
    private func whyLost() throws -> Replayer.Ending {
        guard try store.beat(replay.id, epoch: replay.epoch, note: nil, recordsASecond: nil) else { return .lost }
        return .stopped(because: "the topic's log was accepted as a new one; what the replay was to read is gone")
    }

    /// False where the account is not ours any more.
    private func flushIfFull(_ isLast: Bool) throws -> Bool {
        let most = min(settings.batchRecordsMax, max(100, replay.rate / 2))
        let isDue = clock.now - lastFlush > .milliseconds(500)
        guard isLast || isDue || writer.held >= most || writer.heldBytes >= settings.worker.batchBytesMax else {
            return true
        }
        lastFlush = clock.now
        let written = try writer.flush()
        rate.add(written.fates.consumed)
        return written.lost.isEmpty
    }

    // MARK: Looking around

    /// Gives a sign, and sees whether live workers are kept waiting. False where the replay is no longer ours.
    private func look(_ tell: (ReplayState) -> Void) throws -> Bool {
        // What is in hand is written before a long wait begins.
        let behind = replay.intoShadow ? 0 : try liveLag()
        waiting =
            behind > replay.liveLagMax
            ? "live workers are \(behind) records behind, more than \(replay.liveLagMax): the replay waits for them"
            : nil
        if waiting != nil {
            _ = try flushIfFull(true)
            pace.rest(clock.now)
        }
        nextLook = clock.now + settings.lookInterval
        guard
            try store.beat(
                replay.id, epoch: replay.epoch, note: waiting, recordsASecond: rate.recordsASecond(clock.now))
        else { return false }
        if let state = try store.state(replay.id) { tell(state) }
        return true
    }

    /// Records that the live workers have not yet dealt with, in all partitions.
    private func liveLag() throws -> Int64 {
        let positions = try store.connection.query(
            "SELECT partition, next_offset FROM ingest.position WHERE topic = $1", [replay.topic.rawValue])
        var behind: Int64 = 0
        for row in 0..<positions.rowCount {
            guard let partition = positions[row, 0].flatMap(Int32.init), let next = positions.integer(row, 1) else {
                continue
            }
            let end = try admin.watermarks(place(Partition(partition)), timeoutMilliseconds: 10_000).high
            behind += max(0, end - next)
        }
        return behind
    }
}

/// Holds a bound of records a second, with at most a second's worth at once. Pure: time comes in.
struct Pace {
    private let recordsASecond: Int
    private var since: ContinuousClock.Instant?
    private var taken = 0

    init(recordsASecond: Int) { self.recordsASecond = recordsASecond }

    mutating func took(_ records: Int, _ now: ContinuousClock.Instant) {
        if since == nil { since = now }
        taken += records
    }

    mutating func mustWait(_ now: ContinuousClock.Instant) -> Bool {
        guard let start = since else { return false }
        let allowed = (now - start) / .seconds(1) * Double(recordsASecond)
        // What was not used up is not saved for later.
        if allowed > Double(taken + recordsASecond) {
            since = now
            taken = 0
            return false
        }
        return Double(taken) > allowed + Double(recordsASecond) / 10
    }

    /// Time spent waiting for others is no time saved.
    mutating func rest(_ now: ContinuousClock.Instant) {
        since = nil
        taken = 0
    }
}

/// Records a second over the last half minute or so.
struct RateMeter {
    private var samples: [(at: ContinuousClock.Instant, records: Int64)] = []
    private var sum: Int64 = 0

    mutating func add(_ records: Int64) {
        samples.append((ContinuousClock.now, records))
        sum += records
    }

    mutating func recordsASecond(_ now: ContinuousClock.Instant) -> Double? {
        while let first = samples.first, now - first.at > .seconds(30), samples.count > 1 {
            sum -= first.records
            samples.removeFirst()
        }
        guard let first = samples.first else { return nil }
        let seconds = (now - first.at) / .seconds(1)
        return seconds < 1 ? nil : Double(sum) / seconds
    }
}

/// The only keys that are asked for. They are known by keyed fingerprints: no key stands in the database.
struct KeySelection {
    private let fingerprints: Set<[UInt8]>
    private let topic: TopicName
    private let sealer: any PayloadSealer

    init(_ fingerprints: [[UInt8]], topic: TopicName, sealer: any PayloadSealer) {
        self.fingerprints = Set(fingerprints)
        self.topic = topic
        self.sealer = sealer
    }

    func contains(_ message: borrowing KafkaMessage) -> Bool {
        guard let key = message.key.map({ [UInt8]($0) }) else { return false }
        return sealer.keyFingerprints(of: key, topic: topic).contains { fingerprints.contains($0) }
    }
}
