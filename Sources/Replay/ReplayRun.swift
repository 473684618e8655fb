// One term of one replay with one runner. Confined to its thread.
import Contracts
import Foundation
import Ingestion
import Kafka
import Logging
package import Model
import Postgres

final class ReplayRun {
    private let replay: ReplayState
    private let settings: ReplayerSettings
    private let store: ReplayStore
    private let logger: Logger
    private let connection: PostgresConnection
    private let writer: RangeWriter
    private let reader: RangeReader
    private let recordsASecondMax: Int
    private let clock = ContinuousClock()

    private var pace: Pace
    private var rate = RateMeter()
    private var nextLook: ContinuousClock.Instant
    /// Why nothing is read just now.
    private var waiting: String?

    /// - Parameter store: on a connection of its own.
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
            settings: worker, maxRefusedShare: replay.maxRefusedShare,
            passedSinceResume: replay.resumedAt.map { replay.passed - $0 }, connection: connection, logger: logger)
        reader = try RangeReader(
            replay.topic, kafka: worker.kafka, name: "replay-\(replay.id)",
            keys: try replay.keyFingerprints.map { try KeySelection($0, topic: replay.topic, sealer: worker.sealer) },
            writer: writer, logger: logger)
        recordsASecondMax = settings.rate ?? replay.rate
        pace = Pace(recordsASecond: recordsASecondMax)
        nextLook = ContinuousClock.now
    }

    func close() {
        reader.close()
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
        if let because = try reader.begin(positions) { return .stopped(because: because) }
        while !reader.isDone {
            if isStopping() { return .interrupted }
            if clock.now >= nextLook {
                if let ending = try look(tell) { return ending }
            }
            if waiting != nil || pace.mustWait(clock.now) {
                Thread.sleep(forTimeInterval: 0.02)
                continue
            }
            switch try reader.step() {
            case .took:
                pace.took(1, clock.now)
                rate.add(1)
            case .nothing: break
            case .cannotGoOn(let because):
                // What came before that place is written, so that going on later begins there.
                return try flushIfFull(true) ? .stopped(because: because) : whyLost()
            }
            if try flushIfFull(reader.isDone) == false { return try whyLost() }
        }
        return .done
    }

    // MARK: Writing

    private var lastFlush = ContinuousClock.now

    /// The account did not let us write: it is another runner's, or the live log is another one now.
    private func whyLost() throws -> Replayer.Ending {
        guard try store.beat(replay.id, epoch: replay.epoch, note: nil, recordsASecond: nil) else { return .lost }
        return .stopped(
            because: "the log of \(replay.topic) is no longer the one that the replay began with: see `lienthong lag`")
    }

    /// False where the account is not ours any more.
    private func flushIfFull(_ isLast: Bool) throws -> Bool {
        let most = min(settings.batchRecordsMax, max(100, recordsASecondMax / 2))
        let isDue = clock.now - lastFlush > .milliseconds(500)
        guard isLast || isDue || writer.held >= most || writer.heldBytes >= settings.worker.batchBytesMax else {
            return true
        }
        lastFlush = clock.now
        let written = try writer.flush()
        return written.lost.isEmpty
    }

    // MARK: Looking around

    /// Gives a sign, and sees whether it is time to wait. Nil while the replay may go on.
    private func look(_ tell: (ReplayState) -> Void) throws -> Replayer.Ending? {
        waiting = replay.intoShadow ? nil : try reasonToWait()
        if waiting != nil {
            // What is in hand is written before a long wait begins.
            guard try flushIfFull(true) else { return try whyLost() }
            pace.rest()
        }
        nextLook = clock.now + settings.lookInterval
        let recordsASecond = rate.recordsASecond(clock.now)
        guard try store.beat(replay.id, epoch: replay.epoch, note: waiting, recordsASecond: recordsASecond) else {
            return .lost
        }
        if let state = try store.state(replay.id) { tell(state) }
        return nil
    }

    private func reasonToWait() throws -> String? {
        let control = try store.connection.query(
            "SELECT 1 FROM ingest.topic_state WHERE topic = $1 AND paused", [replay.topic.rawValue])
        if control.rowCount > 0 { return "the topic is paused: the replay rests with it" }
        let behind = try liveLag()
        guard behind > replay.liveLagMax else { return nil }
        return "live workers are \(behind) records behind, more than \(replay.liveLagMax): the replay waits for them"
    }

    /// Records that the live workers have not yet dealt with, in all partitions but those that wait for a person.
    private func liveLag() throws -> Int64 {
        let positions = try store.connection.query(
            "SELECT partition, next_offset FROM ingest.position WHERE topic = $1 AND gap_because IS NULL",
            [replay.topic.rawValue])
        var behind: Int64 = 0
        for row in 0..<positions.rowCount {
            guard let partition = positions[row, 0].flatMap(Int32.init), let next = positions.integer(row, 1) else {
                continue
            }
            let end = try reader.end(of: Partition(partition))
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
    mutating func rest() {
        since = nil
        taken = 0
    }
}

/// Records a second over the last half minute or so.
struct RateMeter {
    private var samples: [(at: ContinuousClock.Instant, records: Int64)] = []
    private var unsampled: Int64 = 0

    mutating func add(_ records: Int64) { unsampled += records }

    /// Asked about once a second.
    mutating func recordsASecond(_ now: ContinuousClock.Instant) -> Double? {
        samples.append((now, unsampled))
        unsampled = 0
        while let first = samples.first, now - first.at > .seconds(30), samples.count > 2 { samples.removeFirst() }
        guard let first = samples.first, now - first.at >= .milliseconds(500) else { return nil }
        // What came before the first sample was read before its time.
        return Double(samples.dropFirst().reduce(0) { $0 + $1.records }) / ((now - first.at) / .seconds(1))
    }
}

/// The only keys that are asked for. They are known by keyed fingerprints: no key stands in the database.
package struct KeySelection {
    /// No record has this key. Its fingerprint goes with the others, and tells whether they were made with a secret that
    /// is known here.
    private static let witness: [UInt8] = [0]

    private let fingerprints: Set<[UInt8]>
    private let topic: TopicName
    private let sealer: any PayloadSealer

    /// What to keep of the keys, under each secret known.
    package static func fingerprints(of keys: [[UInt8]], topic: TopicName, sealer: any PayloadSealer) -> [[UInt8]] {
        ([witness] + keys).flatMap { sealer.keyFingerprints(of: $0, topic: topic) }
    }

    /// - Throws: `UserError` where they were made with a secret that is not known here.
    init(_ fingerprints: [[UInt8]], topic: TopicName, sealer: any PayloadSealer) throws(UserError) {
        self.fingerprints = Set(fingerprints)
        self.topic = topic
        self.sealer = sealer
        guard isSelected(Self.witness) else {
            throw UserError(
                action: "choosing keys of", subject: "\(topic)",
                cause: "they were written down with a dead-letter key that is not known here",
                nextStep: "carry on with the key file of then, or cancel and name the keys anew", status: .configuration
            )
        }
    }

    func contains(_ message: borrowing KafkaMessage) -> Bool {
        guard let key = message.key.map({ [UInt8]($0) }) else { return false }
        return isSelected(key)
    }

    private func isSelected(_ key: [UInt8]) -> Bool {
        sealer.keyFingerprints(of: key, topic: topic).contains { fingerprints.contains($0) }
    }
}
