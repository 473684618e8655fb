// Reads a range of one topic and hands its records to a writer. Confined to its thread.
import Ingestion
import Kafka
import Logging
import Model

final class RangeReader {
    enum Step {
        /// A record of the range was taken, or passed over.
        case took
        case nothing
        /// The range cannot be read whole: the sentence says why.
        case cannotGoOn(because: String)
    }

    private let topic: TopicName
    private let consumer: KafkaConsumer
    private let admin: KafkaAdmin
    private let keys: KeySelection?
    private let writer: RangeWriter
    private let logger: Logger
    /// What is still to be read, by partition.
    private var open: [Partition: Reading] = [:]
    private static let timeoutMilliseconds: Int32 = 10_000

    private struct Reading {
        let to: Int64
        /// After the last record taken or passed.
        var taken: Int64
        /// The record before is read once more, to see that the log is the one it was.
        var verifying: ReplayPosition.LastRecord?
    }

    /// - Parameter keys: the only ones to be taken; nil takes all.
    init(
        _ topic: TopicName, kafka: KafkaSettings, name: String, keys: KeySelection?, writer: RangeWriter, logger: Logger
    ) throws {
        self.topic = topic
        self.keys = keys
        self.writer = writer
        self.logger = logger
        // A consumer that is told where to read joins no group and commits nothing.
        consumer = try KafkaConsumer(settings: kafka, group: "lienthong-\(name)", clientID: "lienthong-replay")
        admin = try KafkaAdmin(settings: kafka, clientID: "lienthong-replay")
    }

    func close() {
        consumer.close()
        admin.close()
    }

    var isDone: Bool { open.isEmpty }

    /// - Returns: why the range cannot be read whole; nil where it can.
    func begin(_ positions: [ReplayPosition]) throws -> String? {
        for position in positions where position.next < position.to {
            let low = try marks(position.partition).low
            // What retention took can be compared with nothing.
            let last = position.last.flatMap { $0.offset < position.next && $0.offset >= low ? $0 : nil }
            open[position.partition] = Reading(to: position.to, taken: position.next, verifying: last)
            if let because = try eaten(position.partition) { return because }
        }
        try consumer.assign(
            open.sorted { $0.key < $1.key }.map { partition, reading in
                (place(partition), NextOffset(reading.verifying?.offset ?? reading.taken))
            })
        return nil
    }

    /// Takes what comes within a moment.
    func step() throws -> Step {
        switch consumer.poll(timeoutMilliseconds: writer.held > 0 ? 20 : 100) {
        case .message(let message):
            return try take(message)
        case .endOfPartition(let place, let end):
            guard let reading = open[place.partition] else { break }
            if end.rawValue >= reading.to {
                // The log ends behind the range: what is left of that are holes, also where the record was by which the
                // log is known again.
                passRest(place.partition, reading)
            } else if try self.end(of: place.partition) < reading.to {
                return .cannotGoOn(
                    because: "the log of \(place) ends before the range does: it was made anew or truncated")
            }
        case .outOfRange(let place):
            let because = try eaten(place.partition)
            return .cannotGoOn(
                because: because ?? "the log of \(place) ends before the range does: it was made anew or truncated")
        case .failure(let error, let partition):
            if error.isFatal { throw error }
            if let partition, error.isUnreadableData {
                return .cannotGoOn(because: "Kafka gave records of \(partition) that cannot be read (\(error.name))")
            }
            logger.warning("reading Kafka: \(error)")
        // It is in no group.
        case .assigned: break
        case .revoked: break
        case nil: break
        }
        return .nothing
    }

    private func take(_ message: consuming KafkaMessage) throws -> Step {
        let partition = message.topicPartition.partition
        let offset = message.offset
        guard var reading = open[partition] else { return .nothing }
        if let last = reading.verifying {
            if offset.rawValue < last.offset { return .nothing }
            reading.verifying = nil
            if offset.rawValue == last.offset {
                guard recordFingerprint(key: message.key, value: message.value) == last.hash else {
                    return .cannotGoOn(
                        because: "the log of \(message.topicPartition) is another one than the replay began with")
                }
                open[partition] = reading
                return .nothing
            }
        }
        guard offset.rawValue >= reading.taken else { return .nothing }
        // One offset is a transaction's control record. More may be a log whose start moved past us.
        if offset.rawValue - reading.taken > 1, let because = try eaten(partition) {
            return .cannotGoOn(because: because)
        }
        guard offset.rawValue < reading.to else {
            passRest(partition, reading)
            return .nothing
        }
        reading.taken = offset.rawValue + 1
        open[partition] = reading
        if keys.map({ !$0.contains(message) }) ?? false {
            writer.pass(partition, to: NextOffset(reading.taken))
        } else {
            writer.take(message)
        }
        if reading.taken == reading.to { finish(partition) }
        return .took
    }

    private func passRest(_ partition: Partition, _ reading: Reading) {
        writer.pass(partition, to: NextOffset(reading.to))
        finish(partition)
    }

    /// Nothing more of it is fetched; its last records may still be in the writer's hand.
    private func finish(_ partition: Partition) {
        open[partition] = nil
        do { try consumer.pause([place(partition)]) } catch { logger.debug("pausing \(place(partition)): \(error)") }
    }

    /// Why the partition cannot be read whole any more: retention took records of it; nil where none are missing.
    private func eaten(_ partition: Partition) throws -> String? {
        guard let reading = open[partition] else { return nil }
        let low = try marks(partition).low
        guard low > reading.taken else { return nil }
        return
            "\(low - reading.taken) offsets of \(place(partition)) that were still to be read are gone: Kafka's first offset is \(low)"
    }

    /// The offset after the partition's last record, as Kafka has it now.
    func end(of partition: Partition) throws -> Int64 { try marks(partition).high }

    private func marks(_ partition: Partition) throws -> (low: Int64, high: Int64) {
        try admin.watermarks(place(partition), timeoutMilliseconds: Self.timeoutMilliseconds)
    }

    private func place(_ partition: Partition) -> TopicPartition { TopicPartition(topic, partition) }
}
