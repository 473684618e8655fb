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
