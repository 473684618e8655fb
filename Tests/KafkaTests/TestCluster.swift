// The cluster the tests speak to: an embedded broker, or the one that LIENTHONG_TEST_KAFKA names.

import Foundation
import Kafka
import Model
import Testing

/// A cluster with one topic of its own, so that tests do not see each other's records.
struct TestCluster {
    /// `host:port` of a real cluster; nil runs against embedded brokers.
    static let external = ProcessInfo.processInfo.environment["LIENTHONG_TEST_KAFKA"]
    static var isEmbedded: Bool { external == nil }

    let broker: EmbeddedBroker?
    let settings: KafkaSettings
    let topic: TopicName
    let partitionCount: Int32

    init(partitions: Int32 = 1) throws {
        topic = try #require(TopicName("lienthong-test-\(UUID().uuidString)"))
        partitionCount = partitions
        if let external = Self.external {
            broker = nil
            settings = KafkaSettings(
                bootstrapServers: external,
                properties: ["session.timeout.ms": "6000", "heartbeat.interval.ms": "500"])
            let admin = try KafkaAdmin(settings: settings, clientID: "test")
            defer { admin.close() }
            try admin.createTopic(
                topic, partitions: partitions, replicationFactor: 1, timeoutMilliseconds: patienceMilliseconds)
        } else {
            let broker = try EmbeddedBroker()
            try broker.createTopic(topic, partitions: partitions)
            self.broker = broker
            settings = broker.settings
        }
    }

    func partition(_ number: Int32 = 0) -> TopicPartition { TopicPartition(topic, Partition(number)) }

    var partitions: [TopicPartition] { (0..<partitionCount).map { partition($0) } }

    func consumer(group: String = UUID().uuidString, properties: [String: String] = [:]) throws -> KafkaConsumer {
        try KafkaConsumer(settings: settings, group: group, clientID: "test", properties: properties)
    }

    /// A consumer reading partition 0 from an offset, without a group's rebalances.
    func reader(from offset: Int64 = 0, properties: [String: String] = [:]) throws -> KafkaConsumer {
        let consumer = try consumer(properties: properties)
        try consumer.assign([(partition(), NextOffset(offset))])
        return consumer
    }

    func producer(properties: [String: String] = [:]) throws -> KafkaProducer {
        try KafkaProducer(settings: settings, clientID: "test", properties: properties)
    }

    /// Publishes values to a partition, acknowledged when it returns.
    func publish(_ values: [[UInt8]?], partition: Int32 = 0) throws {
        let producer = try producer()
        defer { producer.close() }
        for (index, value) in values.enumerated() {
            try producer.send(
                topic: topic, partition: Partition(partition), key: nil, value: value, tag: UInt64(index))
        }
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)
    }
}

/// The longest any test waits for a state; a machine under load needs much of it, a good one little.
let patienceMilliseconds: Int32 = 60_000

/// Milliseconds since 1970-01-01 UTC, an hour ago: brokers delete what is older than the topic's retention.
let recently = Int64(Date().timeIntervalSince1970 * 1_000) - 3_600_000

/// A copy of an event, for comparing.
enum Seen: Equatable {
    case message(TopicPartition, Int64, [UInt8]?)
    case endOfPartition(TopicPartition, Int64)
    case assigned(Set<TopicPartition>)
    case revoked(Set<TopicPartition>, lost: Bool)
    case outOfRange(TopicPartition)
    case failure(KafkaError, TopicPartition?)

    init(_ event: consuming ConsumerEvent) {
        switch consume event {
        case .message(let message):
            self = .message(message.topicPartition, message.offset.rawValue, message.value.map { [UInt8]($0) })
        case .endOfPartition(let partition, let next): self = .endOfPartition(partition, next.rawValue)
        case .assigned(let partitions): self = .assigned(Set(partitions))
        case .revoked(let partitions, let lost): self = .revoked(Set(partitions), lost: lost)
        case .outOfRange(let partition): self = .outOfRange(partition)
        case .failure(let error, let partition): self = .failure(error, partition)
        }
    }

    var offset: Int64? {
        if case .message(_, let offset, _) = self { return offset }
        return nil
    }
}

struct Impatience: Error, CustomStringConvertible {
    let description: String
}

/// Polls until the condition holds, gathering the events; fails after the common patience.
@discardableResult
func gather(
    _ consumer: KafkaConsumer, _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
    until isDone: ([Seen]) throws -> Bool
) throws -> [Seen] {
    var seen: [Seen] = []
    let start = ContinuousClock.now
    while try !isDone(seen) {
        guard ContinuousClock.now - start < .milliseconds(patienceMilliseconds) else {
            throw Impatience(description: "\(what): not within \(patienceMilliseconds) ms; seen \(seen.suffix(20))")
        }
        if let event = consumer.poll(timeoutMilliseconds: 20) { seen.append(Seen(event)) }
    }
    return seen
}

/// Polls the partition's end.
func gatherToEnd(_ consumer: KafkaConsumer) throws -> [Seen] {
    try gather(consumer, "the end of the partition") { seen in
        if case .endOfPartition? = seen.last { return true }
        return false
    }
}
