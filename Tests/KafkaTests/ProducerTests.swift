import Foundation
import Kafka
import Model
import Testing

@Suite("Producer")
struct ProducerTests {
    /// A port of the loopback interface that nobody listens on.
    private static let nowhere = KafkaSettings(bootstrapServers: "127.0.0.1:1")

    @Test("all tags are acknowledged in the end, and never beyond what was sent")
    func acknowledgement() throws {
        let cluster = try TestCluster(partitions: 4)
        let producer = try cluster.producer()
        defer { producer.close() }
        #expect(producer.drainDeliveries().acknowledgedThrough == nil)
        for tag in 1...1_000 as ClosedRange<UInt64> {
            try producer.send(topic: cluster.topic, key: Array(String(tag).utf8), value: [], tag: tag * 10)
            let state = producer.drainDeliveries()
            #expect((state.acknowledgedThrough ?? 0) <= tag * 10)
            #expect(state.acknowledged + UInt64(state.outstanding) == tag)
        }
        let start = ContinuousClock.now
        while producer.drainDeliveries(timeoutMilliseconds: 100).outstanding > 0,
            ContinuousClock.now - start < .milliseconds(patienceMilliseconds)
        {}
        let state = producer.drainDeliveries()
        #expect(
            state
                == DeliveryState(
                    acknowledged: 1_000, failed: 0, outstanding: 0, acknowledgedThrough: 10_000, firstFailure: nil))
    }

    @Test("a full queue makes the sender wait, and drops nothing")
    func backpressure() throws {
        let cluster = try TestCluster()
        let producer = try cluster.producer(properties: ["queue.buffering.max.messages": "10"])
        defer { producer.close() }
        for tag in 0..<500 as Range<UInt64> {
            try producer.send(
                topic: cluster.topic, partition: Partition(0), key: nil, value: [UInt8(tag % 251)], tag: tag)
            #expect(producer.drainDeliveries().outstanding <= 10)
        }
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)
        let consumer = try cluster.reader()
        defer { consumer.close() }
        #expect(try gatherToEnd(consumer).compactMap(\.offset) == Array(0..<500))
    }

    @Test("several threads may send at once")
    func threads() async throws {
        let cluster = try TestCluster(partitions: 4)
        let producer = try cluster.producer()
        defer { producer.close() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<500 {
                        try producer.send(topic: cluster.topic, key: nil, value: [1], tag: 7)
                    }
                }
            }
            try await group.waitForAll()
        }
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)
        #expect(producer.drainDeliveries().acknowledged == 2_000)
    }

    @Test("a tag lower than the one before is refused")
    func fallingTag() throws {
        let cluster = try TestCluster()
        let producer = try cluster.producer()
        defer { producer.close() }
        try producer.send(topic: cluster.topic, key: nil, value: [], tag: 5)
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)
        let error = try #require(throws: KafkaError.self) {
            try producer.send(topic: cluster.topic, key: nil, value: [], tag: 4)
        }
        #expect(error.code == KafkaErrorCode.invalidArgument)
        try producer.send(topic: cluster.topic, key: nil, value: [], tag: 5)
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)
    }

    @Test("an unreachable broker is told in a sentence, not waited for", arguments: [200, 2_000] as [Int32])
    func unreachable(timeoutMilliseconds: Int32) throws {
        let producer = try KafkaProducer(settings: Self.nowhere, clientID: "test")
        defer { producer.close() }
        let topic = try #require(TopicName("nowhere"))
        try producer.send(topic: topic, key: nil, value: [1], tag: 1)
        let error = try #require(throws: KafkaError.self) {
            try producer.flush(timeoutMilliseconds: timeoutMilliseconds)
        }
        #expect(error.isTransient)
        #expect(error.description.contains("1 records"))
        #expect(error.description.contains("reachable"))
    }

    @Test(
        "after one record was refused, none goes out behind it",
        .enabled(if: TestCluster.isEmbedded, "faults are injected into the embedded broker only"))
    func firstFailureStays() throws {
        let cluster = try TestCluster()
        let broker = try #require(cluster.broker)
        let producer = try cluster.producer()
        defer { producer.close() }
        try producer.send(topic: cluster.topic, partition: Partition(0), key: nil, value: [1], tag: 1)
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)
        try broker.injectErrors(.produce, [KafkaErrorCode.topicAuthorizationFailed])
        try producer.send(topic: cluster.topic, partition: Partition(0), key: nil, value: [2], tag: 2)
        let error = try #require(throws: KafkaError.self) {
            try producer.flush(timeoutMilliseconds: patienceMilliseconds)
        }
        #expect(error.code == KafkaErrorCode.topicAuthorizationFailed)
        #expect(error.description.contains(cluster.topic.rawValue))
        let again = try #require(throws: KafkaError.self) {
            try producer.send(topic: cluster.topic, partition: Partition(0), key: nil, value: [3], tag: 3)
        }
        #expect(again == error)
        let state = producer.drainDeliveries()
        #expect(state.acknowledgedThrough == 1)
        #expect(state.failed == 1)
    }

    @Test(
        "a broker that goes away and comes back gets every record once",
        .enabled(if: TestCluster.isEmbedded, "faults are injected into the embedded broker only"))
    func brokerReturns() throws {
        let cluster = try TestCluster()
        let broker = try #require(cluster.broker)
        let producer = try cluster.producer()
        defer { producer.close() }
        for tag in 0..<100 as Range<UInt64> {
            if tag == 40 { try broker.setDown() }
            if tag == 80 { try broker.setUp() }
            try producer.send(topic: cluster.topic, partition: Partition(0), key: nil, value: [UInt8(tag)], tag: tag)
            // Down for a time that a connection attempt is sure to meet: until the client complains.
            if tag == 60 {
                #expect(throws: KafkaError.self) { try producer.flush(timeoutMilliseconds: 300) }
            }
        }
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)
        #expect(producer.drainDeliveries().acknowledgedThrough == 99)
        let consumer = try cluster.reader()
        defer { consumer.close() }
        let values = try gatherToEnd(consumer).compactMap { event -> UInt8? in
            if case .message(_, _, let value?) = event { return value.first }
            return nil
        }
        #expect(values == Array(0..<100))
    }

    @Test(
        "transient answers of the broker are met by trying again",
        .enabled(if: TestCluster.isEmbedded, "faults are injected into the embedded broker only"))
    func transientErrors() throws {
        let cluster = try TestCluster()
        try #require(cluster.broker).injectErrors(
            .produce,
            [KafkaErrorCode.notEnoughReplicas, KafkaErrorCode.requestTimedOut, KafkaErrorCode.notLeaderForPartition])
        try cluster.publish([[1], [2], [3]])
        let consumer = try cluster.reader()
        defer { consumer.close() }
        #expect(try gatherToEnd(consumer).compactMap(\.offset) == [0, 1, 2])
    }

    @Test("a closed producer says so")
    func closed() throws {
        let cluster = try TestCluster()
        let producer = try cluster.producer()
        producer.close()
        producer.close()
        let error = try #require(throws: KafkaError.self) {
            try producer.send(topic: cluster.topic, key: nil, value: nil, tag: 1)
        }
        #expect(error.code == KafkaErrorCode.closed)
    }
}
