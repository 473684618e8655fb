// The Kafka that a test speaks to: an embedded broker of its own, or the cluster that LIENTHONG_TEST_KAFKA names.
import Foundation
package import Kafka
package import Model

package struct TestKafka: Sendable {
    /// `host:port` of a cluster; nil runs against embedded brokers.
    package static let external = ProcessInfo.processInfo.environment["LIENTHONG_TEST_KAFKA"]
    package static var isEmbedded: Bool { external == nil }

    /// Nil on an external cluster.
    package let broker: EmbeddedBroker?
    package let settings: KafkaSettings

    package init() throws {
        if let external = Self.external {
            broker = nil
            settings = KafkaSettings(
                bootstrapServers: external, properties: ["session.timeout.ms": "6000", "heartbeat.interval.ms": "500"])
        } else {
            let broker = try EmbeddedBroker()
            self.broker = broker
            settings = broker.settings
        }
    }

    package func createTopic(_ name: TopicName, partitions: Int32) throws {
        if let broker {
            try broker.createTopic(name, partitions: partitions)
        } else {
            let admin = try KafkaAdmin(settings: settings, clientID: "tests")
            defer { admin.close() }
            try admin.createTopic(name, partitions: partitions, replicationFactor: 1, timeoutMilliseconds: 20_000)
        }
    }

    /// Publishes and returns when all is acknowledged.
    package func publish(_ records: [OutgoingTestRecord], to topic: TopicName) throws {
        let producer = try KafkaProducer(settings: settings, clientID: "tests")
        defer { producer.close() }
        for (index, record) in records.enumerated() {
            try producer.send(
                topic: topic, partition: record.partition.map(Partition.init), key: record.key, value: record.value,
                headers: record.headers, tag: UInt64(index))
        }
        try producer.flush(timeoutMilliseconds: 60_000)
    }
}

package struct OutgoingTestRecord: Sendable {
    package var partition: Int32?
    package var key: [UInt8]?
    package var value: [UInt8]?
    package var headers: [KafkaHeader]

    package init(partition: Int32? = nil, key: [UInt8]?, value: [UInt8]?, headers: [KafkaHeader] = []) {
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
    }

    package init(partition: Int32? = nil, key: String, value: [UInt8]?, version: Int64? = nil) {
        self.init(
            partition: partition, key: Array(key.utf8), value: value,
            headers: version.map { [(name: "ce_sourceversion", value: Array("\($0)".utf8))] } ?? [])
    }
}
