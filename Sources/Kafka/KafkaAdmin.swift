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
/// `EmbeddedBroker` answers neither `createTopic`, `topicConfigurations` nor `deleteRecords`.
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

    private func open(_ action: String) throws(KafkaError) -> Client {
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

    /// The first offset of each partition whose record's time is at or after the given one; partitions without such a
    /// record are absent.
    /// - Parameter milliseconds: since 1970-01-01 UTC.
    package func offsets(
        of partitions: [TopicPartition], atOrAfter milliseconds: Int64, timeoutMilliseconds: Int32
    ) throws(KafkaError) -> [TopicPartition: NextOffset] {
        let action = "reading the offsets of \(partitions.count) partitions by time"
        let client = try open(action)
        let list = PartitionList(partitions.map { ($0, milliseconds) })
        try check(rd_kafka_offsets_for_times(client.pointer, list.pointer, timeoutMilliseconds), action)
        try list.checkEach(action)
        var result: [TopicPartition: NextOffset] = [:]
        for index in 0..<Int(list.pointer.pointee.cnt) {
            let element = list.pointer.pointee.elems[index]
            if element.offset >= 0, let partition = TopicPartition(element) {
                result[partition] = NextOffset(element.offset)
            }
        }
        return result
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

// MARK: - Administration

extension KafkaAdmin {
    /// Creates a topic and waits until the controller has done so.
    /// - Parameter configuration: the topic's own settings, such as `cleanup.policy`.
    /// - Throws: `KafkaErrorCode.topicAlreadyExists` where there is one of that name, whatever its partitions.
    package func createTopic(
        _ name: TopicName, partitions: Int32, replicationFactor: Int32, configuration: [String: String] = [:],
        timeoutMilliseconds: Int32
    ) throws(KafkaError) {
        let action = "creating the topic \(name)"
        let client = try open(action)
        var reason = [CChar](repeating: 0, count: 512)
        guard
            let topic = rd_kafka_NewTopic_new(name.rawValue, partitions, replicationFactor, &reason, reason.count)
        else { throw KafkaError(KafkaErrorCode.invalidArgument, action: action, detail: text(reason)) }
        defer { rd_kafka_NewTopic_destroy(topic) }
        for (key, value) in configuration.sorted(by: { $0.key < $1.key }) {
            try check(rd_kafka_NewTopic_set_config(topic, key, value), action)
        }
        let event = try AdminCall(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeoutMilliseconds, action)
            .perform { options, queue in
                var topics: [OpaquePointer?] = [topic]
                rd_kafka_CreateTopics(client.pointer, &topics, 1, options, queue)
            }
        var count = 0
        guard let answer = rd_kafka_event_CreateTopics_result(event.pointer),
            let results = rd_kafka_CreateTopics_result_topics(answer, &count), count == 1, let result = results[0]
        else { throw KafkaError(RD_KAFKA_RESP_ERR__BAD_MSG, action: action) }
        let code = rd_kafka_topic_result_error(result)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(
                code, action: action, detail: rd_kafka_topic_result_error_string(result).map { String(cString: $0) })
        }
    }

    /// The topic's settings in effect, defaults among them; those that are secret are absent.
    package func topicConfiguration(
        _ name: TopicName, timeoutMilliseconds: Int32
    ) throws(KafkaError) -> [String: String] {
        let action = "reading the configuration of \(name)"
        let client = try open(action)
        guard let resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.rawValue) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, action: action)
        }
        defer { rd_kafka_ConfigResource_destroy(resource) }
        let event = try AdminCall(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeoutMilliseconds, action)
            .perform { options, queue in
                var resources: [OpaquePointer?] = [resource]
                rd_kafka_DescribeConfigs(client.pointer, &resources, 1, options, queue)
            }
        var count = 0
        guard let answer = rd_kafka_event_DescribeConfigs_result(event.pointer),
            let described = rd_kafka_DescribeConfigs_result_resources(answer, &count), count == 1,
            let topic = described[0]
        else { throw KafkaError(RD_KAFKA_RESP_ERR__BAD_MSG, action: action) }
        let code = rd_kafka_ConfigResource_error(topic)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(
                code, action: action, detail: rd_kafka_ConfigResource_error_string(topic).map { String(cString: $0) })
        }
        return entries(of: topic)
    }

    private func entries(of topic: OpaquePointer) -> [String: String] {
        var count = 0
        guard let entries = rd_kafka_ConfigResource_configs(topic, &count) else { return [:] }
        var result: [String: String] = [:]
        for index in 0..<count {
            guard let entry = entries[index], rd_kafka_ConfigEntry_is_sensitive(entry) == 0,
                let name = rd_kafka_ConfigEntry_name(entry), let value = rd_kafka_ConfigEntry_value(entry)
            else { continue }
            result[String(cString: name)] = String(cString: value)
        }
        return result
    }

    /// Deletes the partition's records before an offset, for good.
    /// - Returns: the first offset kept.
    @discardableResult
    package func deleteRecords(
        _ partition: TopicPartition, before next: NextOffset, timeoutMilliseconds: Int32
    ) throws(KafkaError) -> Int64 {
        let action = "deleting the records of \(partition) before \(next)"
        let client = try open(action)
        let list = PartitionList(CollectionOfOne((partition, next.rawValue)))
        guard let request = rd_kafka_DeleteRecords_new(list.pointer) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, action: action)
        }
        defer { rd_kafka_DeleteRecords_destroy(request) }
        let event = try AdminCall(client, RD_KAFKA_ADMIN_OP_DELETERECORDS, timeoutMilliseconds, action)
            .perform { options, queue in
                var requests: [OpaquePointer?] = [request]
                rd_kafka_DeleteRecords(client.pointer, &requests, 1, options, queue)
            }
        guard let answer = rd_kafka_event_DeleteRecords_result(event.pointer),
            let offsets = rd_kafka_DeleteRecords_result_offsets(answer), offsets.pointee.cnt == 1
        else { throw KafkaError(RD_KAFKA_RESP_ERR__BAD_MSG, action: action) }
        try check(offsets.pointee.elems[0].err, action)
        return offsets.pointee.elems[0].offset
    }
}

/// One request of the administration protocol: its options, and a queue of its own for the answer.
private struct AdminCall {
    private let client: Client
    private let operation: rd_kafka_admin_op_t
    private let timeoutMilliseconds: Int32
    private let action: String

    init(_ client: Client, _ operation: rd_kafka_admin_op_t, _ timeoutMilliseconds: Int32, _ action: String) {
        self.client = client
        self.operation = operation
        self.timeoutMilliseconds = timeoutMilliseconds
        self.action = action
    }

    /// - Parameter body: starts the request with these options and this queue.
    func perform(_ body: (_ options: OpaquePointer, _ queue: OpaquePointer) -> Void) throws(KafkaError) -> Event {
        guard let options = rd_kafka_AdminOptions_new(client.pointer, operation),
            let pointer = rd_kafka_queue_new(client.pointer)
        else { throw KafkaError(RD_KAFKA_RESP_ERR__FAIL, action: action) }
        defer { rd_kafka_AdminOptions_destroy(options) }
        let queue = EventQueue(client, owning: pointer)
        var reason = [CChar](repeating: 0, count: 512)
        // The request's time-out covers the search for the controller; the operation's, the controller's own work.
        try check(
            rd_kafka_AdminOptions_set_request_timeout(options, timeoutMilliseconds, &reason, reason.count), action)
        if operation != RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS {
            try check(
                rd_kafka_AdminOptions_set_operation_timeout(options, timeoutMilliseconds, &reason, reason.count),
                action)
        }
        body(options, queue.pointer)
        // librdkafka answers each request within its time-out; the second is for its own thread to do so.
        guard let raw = rd_kafka_queue_poll(queue.pointer, timeoutMilliseconds + 1_000) else {
            throw KafkaError(KafkaErrorCode.timedOut, action: action)
        }
        let event = Event(pointer: raw)
        let code = rd_kafka_event_error(raw)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(code, action: action, detail: rd_kafka_event_error_string(raw).map { String(cString: $0) })
        }
        return event
    }

    /// Owns the answer, which the results point into.
    struct Event: ~Copyable {
        let pointer: OpaquePointer
        deinit { rd_kafka_event_destroy(pointer) }
    }
}
