// Questions to the cluster, and the few changes the product makes there.

import CRdkafka
package import Model
import Synchronization

/// One partition as the cluster describes it.
package struct PartitionMetadata: Hashable, Sendable {
    package let partition: Partition
    /// The leader's broker number; nil while there is none.
    package let leader: Int32?
    package let replicaCount: Int
    package let inSyncReplicaCount: Int
}

/// One topic as the cluster describes it.
package struct TopicMetadata: Hashable, Sendable {
    package let name: TopicName
    /// In the order of their numbers.
    package let partitions: [PartitionMetadata]
}

/// The cluster as one of its brokers describes it.
package struct ClusterMetadata: Hashable, Sendable {
    package let brokerCount: Int
    /// In the order of their names; Kafka's own topics (`__consumer_offsets` …) among them.
    package let topics: [TopicMetadata]
}

/// A client for metadata, topics, watermarks and single records; safe to use from several threads.
///
/// `EmbeddedBroker` answers no call of administration: neither `createTopic`, `addPartitions`, `topicSettings`,
/// `alterTopicConfiguration`, `deleteRecords`, `accessRules` nor `allow`.
package final class KafkaAdmin: Sendable {
    private static let rules = [
        "enable.auto.commit": "false",
        "enable.auto.offset.store": "false",
        "auto.offset.reset": "error",
        "check.crcs": "true",
        "enable.partition.eof": "true",
        "isolation.level": "read_committed",
        "allow.auto.create.topics": "false",
    ]

    /// Single records are read, hence little fetched ahead. Not next to nothing: the leftovers of the read before would
    /// count as a full queue, and librdkafka looks at such a one again after a second only.
    private static let tuning = [
        "queued.min.messages": "1000",
        "queued.max.messages.kbytes": "1024",
        "max.partition.fetch.bytes": "65536",
        "fetch.wait.max.ms": "50",
        "fetch.error.backoff.ms": "100",
        "receive.message.max.bytes": "134217728",
        "reconnect.backoff.max.ms": "2000",
        "socket.keepalive.enable": "true",
    ]

    private let client: Mutex<Client?>
    /// Held while a record is read: librdkafka reads a partition once at a time for each client.
    private let reading = Mutex<Void>(())

    /// - Throws: `KafkaError` for an unknown or forbidden property. Reaching the broker is not tried here.
    package init(settings: KafkaSettings, clientID: String, properties: [String: String] = [:]) throws(KafkaError) {
        let action = "making an administration client"
        let resolved = try settings.resolved(
            clientID: clientID, tuning: Self.tuning, properties: properties, rules: Self.rules, action: action)
        client = Mutex(try Client(.consumer, properties: resolved, log: settings.log, action: action))
    }

    /// Closes once the calls under way have returned. Further calls throw.
    package func close() {
        // Released outside the lock: that joins librdkafka's threads.
        let last = client.withLock { client -> Client? in
            defer { client = nil }
            return client
        }
        withExtendedLifetime(last) {}
    }

    /// - Throws: `KafkaErrorCode.closed` after `close`.
    func open(_ action: String) throws(KafkaError) -> Client {
        guard let client = client.withLock({ $0 }) else {
            throw KafkaError(KafkaErrorCode.closed, action: action, detail: "the client is closed")
        }
        return client
    }
}

// MARK: - Questions

extension KafkaAdmin {
    /// All topics that this client may see.
    package func cluster(timeoutMilliseconds: Int32) throws(KafkaError) -> ClusterMetadata {
        let action = "reading the cluster's metadata"
        let client = try open(action)
        var answer: UnsafePointer<rd_kafka_metadata>?
        try check(rd_kafka_metadata(client.pointer, 1, nil, &answer, timeoutMilliseconds), action)
        guard let answer else { throw KafkaError(RD_KAFKA_RESP_ERR__FAIL, action: action) }
        defer { rd_kafka_metadata_destroy(answer) }
        let topics = (0..<Int(answer.pointee.topic_cnt)).compactMap { TopicMetadata(answer.pointee.topics[$0]) }
        return ClusterMetadata(
            brokerCount: Int(answer.pointee.broker_cnt), topics: topics.sorted { $0.name < $1.name })
    }

    /// The topic, or nil where the cluster has none of that name that this client may see.
    ///
    /// Looks through the list of all topics, since a broker may create a topic that it is asked for by name.
    package func topic(_ name: TopicName, timeoutMilliseconds: Int32) throws(KafkaError) -> TopicMetadata? {
        try cluster(timeoutMilliseconds: timeoutMilliseconds).topics.first { $0.name == name }
    }

    /// The first offset kept, and the one the next record will get (the first still in an open transaction).
    package func watermarks(
        _ partition: TopicPartition, timeoutMilliseconds: Int32
    ) throws(KafkaError) -> (low: Int64, high: Int64) {
        try queryWatermarks(try open("reading the watermarks of \(partition)"), partition, timeoutMilliseconds)
    }

    /// The record at the offset or the next one after it (compaction and control records leave holes); nil at the end
    /// of the partition.
    /// - Throws: an error that `isOutOfRange` where the offset lies before the log's first or beyond its end.
    package func record(
        _ partition: TopicPartition, at offset: Offset, timeoutMilliseconds: Int32
    ) throws(KafkaError) -> KafkaRecord? {
        let action = "reading \(partition) at \(offset)"
        let client = try open(action)
        guard let topic = rd_kafka_topic_new(client.pointer, partition.topic.rawValue, nil) else {
            throw KafkaError(rd_kafka_last_error(), action: action)
        }
        defer { rd_kafka_topic_destroy(topic) }
        return try reading.withLock { _ throws(KafkaError) -> KafkaRecord? in
            let number = partition.partition.rawValue
            guard rd_kafka_consume_start(topic, number, offset.rawValue) == 0 else {
                throw KafkaError(rd_kafka_last_error(), action: action)
            }
            defer { rd_kafka_consume_stop(topic, number) }
            // librdkafka notices a start in a partition it knows after up to a second, a seek at once.
            rd_kafka_seek(topic, number, offset.rawValue, 0)
            return try firstRecord(topic, partition, offset, timeoutMilliseconds, action)
        }
    }

    private func firstRecord(
        _ topic: OpaquePointer, _ partition: TopicPartition, _ offset: Offset, _ timeoutMilliseconds: Int32,
        _ action: String
    ) throws(KafkaError) -> KafkaRecord? {
        let start = ContinuousClock.now
        var last: KafkaError?
        while true {
            let remaining = timeoutMilliseconds.remaining(since: start)
            guard let message = rd_kafka_consume(topic, partition.partition.rawValue, remaining) else {
                throw last
                    ?? KafkaError(
                        KafkaErrorCode.timedOut, action: action, detail: "no answer in \(timeoutMilliseconds) ms")
            }
            defer { rd_kafka_message_destroy(message) }
            switch message.pointee.err {
            case RD_KAFKA_RESP_ERR_NO_ERROR:
                if message.pointee.offset >= offset.rawValue { return KafkaRecord(partition, copying: message) }
            case RD_KAFKA_RESP_ERR__PARTITION_EOF:
                return nil
            case let code:
                // The message's payload is librdkafka's sentence here, not a record.
                let error = KafkaError(
                    code, action: action, detail: rd_kafka_message_errstr(message).map { String(cString: $0) })
                guard error.isTransient, remaining > 0 else { throw error }
                last = error
            }
        }
    }
}

extension TopicMetadata {
    fileprivate init?(_ raw: rd_kafka_metadata_topic) {
        guard let text = raw.topic, let name = TopicName(String(cString: text)) else { return nil }
        self.name = name
        partitions = (0..<Int(raw.partition_cnt)).map { PartitionMetadata(raw.partitions[$0]) }
            .sorted { $0.partition < $1.partition }
    }
}

extension PartitionMetadata {
    fileprivate init(_ raw: rd_kafka_metadata_partition) {
        partition = Partition(raw.id)
        leader = raw.leader < 0 ? nil : raw.leader
        replicaCount = Int(raw.replica_cnt)
        inSyncReplicaCount = Int(raw.isr_cnt)
    }
}
