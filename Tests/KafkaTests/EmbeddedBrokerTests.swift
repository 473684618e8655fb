import Foundation
import Kafka
import Model
import Testing

@Suite("Embedded broker")
struct EmbeddedBrokerTests {
    @Test("a topic is made once, with the partitions asked for or the broker's default")
    func topics() throws {
        let broker = try EmbeddedBroker(defaultPartitions: 6)
        defer { broker.stop() }
        let first = try #require(TopicName("first"))
        let second = try #require(TopicName("second"))
        try broker.createTopic(first)
        try broker.createTopic(second, partitions: 2)
        let error = try #require(throws: KafkaError.self) { try broker.createTopic(first) }
        #expect(error.code == KafkaErrorCode.topicAlreadyExists)
        let admin = try KafkaAdmin(settings: broker.settings, clientID: "test")
        defer { admin.close() }
        let counts = try admin.cluster(timeoutMilliseconds: patienceMilliseconds).topics.map(\.partitions.count)
        #expect(counts == [6, 2])
    }

    @Test("stopped, it says so")
    func stopped() throws {
        let broker = try EmbeddedBroker()
        broker.stop()
        broker.stop()
        let error = try #require(throws: KafkaError.self) { try broker.setRoundTripMilliseconds(1) }
        #expect(error.code == KafkaErrorCode.closed)
    }
}
