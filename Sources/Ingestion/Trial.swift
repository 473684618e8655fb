// Whether a topic that its breaker paused may go on: its next records are tried, and nothing of that is kept.
import Contracts
import Kafka
import Logging
import Model
import Postgres

/// One trial of one topic, confined to its thread. It reads on from the positions of all partitions, whoever has them, and
/// writes what it read as a lane would, in transactions that are undone: only the database knows what it refuses, be it a
/// record or the whole statement.
struct Trial {
    enum Outcome {
        case passed(Breaker.Sample)
        case failed(because: String)
        /// Nothing can be said, and nobody is to blame.
        case undecided(because: String)
    }

    let definition: TopicDefinition
    let settings: WorkerSettings
    /// Of the trial alone: it gets temporary tables.
    let connection: PostgresConnection
    let progress: WorkProgress
    private let clock = ContinuousClock()

    init(
        _ definition: TopicDefinition, settings: WorkerSettings, connection: PostgresConnection, progress: WorkProgress
    ) {
        self.definition = definition
        self.settings = settings
        self.connection = connection
        self.progress = progress
    }

    /// - Throws: the world's faults, of Kafka and the database: they say nothing of the topic.
    func run() throws -> Outcome {
        do {
            return try tried()
        } catch let fault as TopicFault {
            return .failed(because: fault.because)
        } catch let error as PostgresError where error.fault == .ours {
            return .failed(because: "\(error)")
        }
    }

    private func tried() throws -> Outcome {
        // Rows are few, and never copied straight into the table: that is a question of speed.
        let topic = try LaneTopic(definition, codeLists: settings.codeLists, prefix: "trial", copyRowsMin: .max)
        _ = try connection.execute("SET jit = off")
        _ = try connection.execute(topic.sql.tables.setUp)
        var states = try positions()
        guard !states.isEmpty else { return .undecided(because: "none of its partitions can be read on") }
        let consumer = try KafkaConsumer(
            settings: settings.kafka, group: settings.group, clientID: "lienthong-work-trial")
        defer {
            topic.forget()
            consumer.close()
        }
        guard try take(into: topic.filling.batch, &states, from: consumer) else {
            return .undecided(because: "Kafka did not give the topic's next records within \(settings.trialPatience)")
        }
        if case .open(let because) = judgement(of: topic.filling) { return .failed(because: because) }
        let writer = BatchWriter(
            topic: topic, slot: topic.filling, connection: connection, settings: settings,
            // What it says of records that are kept, or claimed elsewhere, is not true of a trial.
            logger: Logger(label: "trial") { _ in SwiftLogNoOpLogHandler() }, progress: WorkProgress(), keeps: false)
        try writer.write(states: &states) { _ in }
        if let lost = states.first(where: { $0.1.phase != .active }) {
            return .undecided(because: "\(lost.0) was claimed anew meanwhile")
        }
        if case .open(let because) = judgement(of: topic.filling) { return .failed(because: because) }
        return .passed(topic.filling.sample())
    }

    /// Where the topic's partitions stand, but for those at a gap, which wait for their own word.
    private func positions() throws(PostgresError) -> PartitionTable {
        let result = try connection.query(
            """
            SELECT partition, next_offset, epoch, incarnation FROM ingest.position
            WHERE topic = $1 AND gap_because IS NULL
            """, [definition.name.rawValue])
        return PartitionTable(
            (0..<result.rowCount).compactMap { row in
                guard let partition = result[row, 0].flatMap(Int32.init), let next = result.integer(row, 1),
                    let epoch = result.integer(row, 2), let incarnation = result[row, 3].flatMap(Int32.init)
                else { return nil }
                return (
                    TopicPartition(definition.name, Partition(partition)),
                    PartitionState(
                        phase: .active, epoch: epoch, incarnation: incarnation, position: NextOffset(next))
                )
            })
    }

    /// Takes of each partition its share of a batch, and at least what its breaker wants to see, or all that is there.
    /// False where that was not to be had in time.
    private func take(
        into batch: TopicBatch, _ states: inout PartitionTable, from consumer: KafkaConsumer
    ) throws -> Bool {
        var wanted = Set(states.keys)
        let recordsMax = max(definition.contract.breaker.minimumRecords, settings.batchRecordsMax / wanted.count)
        let bytesMax = settings.batchBytesMax / wanted.count
        var taken: [TopicPartition: (records: Int, bytes: Int)] = [:]
        try consumer.assign(states.map { ($0, $1.written) })
        let deadline = clock.now + settings.trialPatience
        while !wanted.isEmpty {
            guard clock.now < deadline, !progress.isStopping else { return false }
            switch consumer.poll(timeoutMilliseconds: 100) {
            case .message(let message):
                let place = message.topicPartition
                guard wanted.contains(place) else { continue }
                let before = batch.byteCount
                states[place]?.take(message.offset)
                batch.add(message)
                var share = taken[place] ?? (0, 0)
                share.records += 1
                share.bytes += batch.byteCount - before
                taken[place] = share
                guard share.records >= recordsMax || share.bytes >= bytesMax else { continue }
                wanted.remove(place)
                try consumer.pause([place])
            case .endOfPartition(let place, _):
                wanted.remove(place)
            case .outOfRange(let place):
                // A log that begins or ends elsewhere is a gap, which the lanes will find.
                wanted.remove(place)
            case .failure(let error, let place):
                if error.isFatal { throw error }
                if error.isUnreadableData, let place { wanted.remove(place) }
            // Nothing is subscribed.
            case .assigned: break
            case .revoked: break
            case nil: break
            }
        }
        return true
    }

    /// What the breaker of whichever lane would say: it may have any of the partitions, and take them in batches of any
    /// size. Of fewer records than a breaker wants to see all together decide.
    private func judgement(of slot: BatchSlot) -> Breaker.Verdict {
        let limits = definition.contract.breaker
        let breaker = Breaker(limits)
        var samples: [Partition: Breaker.Sample] = [:]
        for entry in slot.batch.entries {
            var sample = samples[entry.partition] ?? Breaker.Sample(records: 0, refused: 0, tombstones: 0)
            sample.records += 1
            sample.count(entry.outcome)
            samples[entry.partition] = sample
            if case .open(let because) = breaker.judge(sample) { return .open(because: because) }
        }
        let whole = slot.sample()
        return Breaker(limits, minimumRecords: min(limits.minimumRecords, whole.records)).judge(whole)
    }
}
