// The way of redriven records to Kafka.
package import Kafka
package import Model

/// A record on its way back to its topic.
package struct RedrivenRecord: Sendable, Hashable {
    package let letter: Int64
    package let topic: TopicName
    package let partition: Partition
    /// Key, value and headers, the link to the letter among them.
    package let record: RawRecord
}

/// Where redriven records go.
package protocol RedrivePublisher {
    /// - Returns: 0 where Kafka knows no such topic.
    func partitionCount(of topic: TopicName) throws -> Int32
    /// Returns when all are acknowledged.
    func publish(_ records: [RedrivenRecord]) throws
}

package final class KafkaRedrivePublisher: RedrivePublisher {
    private static let timeoutMilliseconds: Int32 = 60_000

    private let producer: KafkaProducer
    private let admin: KafkaAdmin
    private var sent: UInt64 = 0

    package init(settings: KafkaSettings) throws(KafkaError) {
        producer = try KafkaProducer(settings: settings, clientID: "lienthong-redrive")
        admin = try KafkaAdmin(settings: settings, clientID: "lienthong-redrive")
    }

    /// What was not acknowledged by then is dropped: its letters stay `redriven`.
    package func close() {
        producer.close()
        admin.close()
    }

    package func partitionCount(of topic: TopicName) throws -> Int32 {
        Int32(try admin.topic(topic, timeoutMilliseconds: 10_000)?.partitions.count ?? 0)
    }

    package func publish(_ records: [RedrivenRecord]) throws {
        for record in records {
            sent += 1
            // Without a time of its own: a record of long ago would look like lag, and might meet the topic's retention.
            try producer.send(
                topic: record.topic, partition: record.partition, key: record.record.key, value: record.record.value,
                headers: record.record.headers, tag: sent)
        }
        try producer.flush(timeoutMilliseconds: Self.timeoutMilliseconds)
    }
}
