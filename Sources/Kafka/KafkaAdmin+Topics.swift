// Changes to the cluster's topics: made, widened, set, and emptied before an offset. None is ever deleted.

import CRdkafka
import Foundation
package import Model

/// One of a topic's settings, as the cluster describes it.
package struct TopicSetting: Hashable, Sendable {
    package enum Source: Hashable, Sendable {
        /// Set for this topic.
        case topic
        /// A broker's setting, or Kafka's own default.
        case inherited
        /// The broker is too old to say (before Kafka 1.1).
        case unknown
    }

    /// Nil where it is unset, or secret.
    package let value: String?
    package let source: Source
    package let isReadOnly: Bool
    package let isSensitive: Bool

    package init(value: String?, source: Source, isReadOnly: Bool = false, isSensitive: Bool = false) {
        self.value = value
        self.source = source
        self.isReadOnly = isReadOnly
        self.isSensitive = isSensitive
    }
}

extension KafkaErrorCode {
    package static let unsupportedFeature = RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE.rawValue
    package static let unsupportedVersion = RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION.rawValue
    package static let clusterAuthorizationFailed = RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED.rawValue
    package static let invalidPartitions = RD_KAFKA_RESP_ERR_INVALID_PARTITIONS.rawValue
    package static let invalidReplicationFactor = RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR.rawValue
    package static let invalidConfiguration = RD_KAFKA_RESP_ERR_INVALID_CONFIG.rawValue
    package static let notController = RD_KAFKA_RESP_ERR_NOT_CONTROLLER.rawValue
    package static let policyViolation = RD_KAFKA_RESP_ERR_POLICY_VIOLATION.rawValue
    package static let invalidRequest = RD_KAFKA_RESP_ERR_INVALID_REQUEST.rawValue
}

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
        try Self.requireDone(result, action)
    }

    /// Adds partitions to a topic and waits until the controller has done so. Keys then fall into other partitions.
    /// - Parameter total: how many it then has.
    /// - Throws: `KafkaErrorCode.invalidPartitions` where it has as many or more already.
    package func addPartitions(
        _ name: TopicName, total: Int32, timeoutMilliseconds: Int32
    ) throws(KafkaError) {
        let action = "adding partitions to \(name)"
        let client = try open(action)
        var reason = [CChar](repeating: 0, count: 512)
        guard let request = rd_kafka_NewPartitions_new(name.rawValue, Int(max(total, 0)), &reason, reason.count) else {
            throw KafkaError(KafkaErrorCode.invalidArgument, action: action, detail: text(reason))
        }
        defer { rd_kafka_NewPartitions_destroy(request) }
        let event = try AdminCall(client, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, timeoutMilliseconds, action)
            .perform { options, queue in
                var requests: [OpaquePointer?] = [request]
                rd_kafka_CreatePartitions(client.pointer, &requests, 1, options, queue)
            }
        var count = 0
        guard let answer = rd_kafka_event_CreatePartitions_result(event.pointer),
            let results = rd_kafka_CreatePartitions_result_topics(answer, &count), count == 1, let result = results[0]
        else { throw KafkaError(RD_KAFKA_RESP_ERR__BAD_MSG, action: action) }
        try Self.requireDone(result, action)
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

// MARK: - Settings

extension KafkaAdmin {
    /// The topic's settings in effect, defaults among them; those that are unset or secret are absent.
    package func topicConfiguration(
        _ name: TopicName, timeoutMilliseconds: Int32
    ) throws(KafkaError) -> [String: String] {
        try topicSettings(name, timeoutMilliseconds: timeoutMilliseconds).compactMapValues(\.value)
    }

    /// The topic's settings in effect, and where each comes from.
    package func topicSettings(
        _ name: TopicName, timeoutMilliseconds: Int32
    ) throws(KafkaError) -> [String: TopicSetting] {
        let action = "reading the configuration of \(name)"
        let client = try open(action)
        let resource = try Resource(name, action)
        let event = try AdminCall(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeoutMilliseconds, action)
            .perform { options, queue in
                var resources: [OpaquePointer?] = [resource.pointer]
                rd_kafka_DescribeConfigs(client.pointer, &resources, 1, options, queue)
            }
        var count = 0
        guard let answer = rd_kafka_event_DescribeConfigs_result(event.pointer),
            let described = rd_kafka_DescribeConfigs_result_resources(answer, &count), count == 1,
            let topic = described[0]
        else { throw KafkaError(RD_KAFKA_RESP_ERR__BAD_MSG, action: action) }
        try Self.requireDone(resource: topic, action)
        return Self.entries(of: topic)
    }

    /// Sets some of a topic's own settings and keeps the others; then reads them again, and throws where they differ.
    ///
    /// librdkafka 2.0.2 has only the older request, which takes back each setting of the topic that it does not name.
    /// So the topic's own settings are read and sent with the change. Somebody else's change between the reading and
    /// the sending would be undone: two operators should not set one topic at once.
    /// - Throws: `KafkaErrorCode.invalidRequest`, and changes nothing, where one of the topic's own settings is secret
    ///   or the broker does not say which they are: what cannot be read cannot be kept.
    package func alterTopicConfiguration(
        _ name: TopicName, setting changes: [String: String], timeoutMilliseconds: Int32
    ) throws(KafkaError) {
        let action = "setting \(changes.keys.sorted().joined(separator: ", ")) of \(name)"
        let wanted = try Self.whole(
            try topicSettings(name, timeoutMilliseconds: timeoutMilliseconds), setting: changes, action: action)
        try replaceTopicConfiguration(name, wanted, timeoutMilliseconds, action)
        try requireTold(wanted, of: name, timeoutMilliseconds, action)
    }

    /// Looks until the broker tells the new values: brokers hear of a change one after another.
    private func requireTold(
        _ wanted: [String: String], of name: TopicName, _ timeoutMilliseconds: Int32, _ action: String
    ) throws(KafkaError) {
        let start = ContinuousClock.now
        while true {
            let now = try topicSettings(name, timeoutMilliseconds: timeoutMilliseconds)
            let different = wanted.filter { now[$0.key]?.value != $0.value }.keys.sorted()
            if different.isEmpty { return }
            guard timeoutMilliseconds.remaining(since: start) > 0 else {
                throw KafkaError(
                    RD_KAFKA_RESP_ERR__STATE, action: action,
                    detail: "the broker took it, and still tells another value of \(different.joined(separator: ", "))")
            }
            usleep(50_000)
        }
    }

    /// Everything that must be sent so that nothing but the changes changes.
    static func whole(
        _ present: [String: TopicSetting], setting changes: [String: String], action: String
    ) throws(KafkaError) -> [String: String] {
        guard !present.values.contains(where: { $0.source == .unknown }) else {
            throw KafkaError(
                KafkaErrorCode.invalidRequest, action: action,
                detail: "the broker does not say which settings are the topic's own, and those not sent would be lost")
        }
        let own = present.filter { $0.value.source == .topic && !$0.value.isReadOnly && changes[$0.key] == nil }
        let secret = own.filter { $0.value.isSensitive }.keys.sorted()
        guard secret.isEmpty else {
            throw KafkaError(
                KafkaErrorCode.invalidRequest, action: action,
                detail: "its setting \(secret.joined(separator: ", ")) is secret, cannot be read and would be lost")
        }
        return own.compactMapValues(\.value).merging(changes) { $1 }
    }

    private func replaceTopicConfiguration(
        _ name: TopicName, _ settings: [String: String], _ timeoutMilliseconds: Int32, _ action: String
    ) throws(KafkaError) {
        let client = try open(action)
        let resource = try Resource(name, action)
        for (key, value) in settings.sorted(by: { $0.key < $1.key }) {
            try check(rd_kafka_ConfigResource_set_config(resource.pointer, key, value), action)
        }
        let event = try AdminCall(client, RD_KAFKA_ADMIN_OP_ALTERCONFIGS, timeoutMilliseconds, action)
            .perform { options, queue in
                var resources: [OpaquePointer?] = [resource.pointer]
                rd_kafka_AlterConfigs(client.pointer, &resources, 1, options, queue)
            }
        var count = 0
        guard let answer = rd_kafka_event_AlterConfigs_result(event.pointer),
            let altered = rd_kafka_AlterConfigs_result_resources(answer, &count), count == 1, let topic = altered[0]
        else { throw KafkaError(RD_KAFKA_RESP_ERR__BAD_MSG, action: action) }
        try Self.requireDone(resource: topic, action)
    }

    private static func entries(of topic: OpaquePointer) -> [String: TopicSetting] {
        var count = 0
        guard let entries = rd_kafka_ConfigResource_configs(topic, &count) else { return [:] }
        var result: [String: TopicSetting] = [:]
        for index in 0..<count {
            guard let entry = entries[index], let name = rd_kafka_ConfigEntry_name(entry) else { continue }
            let isSensitive = rd_kafka_ConfigEntry_is_sensitive(entry) == 1
            let value = isSensitive ? nil : rd_kafka_ConfigEntry_value(entry).map { String(cString: $0) }
            result[String(cString: name)] = TopicSetting(
                value: value, source: TopicSetting.Source(entry),
                isReadOnly: rd_kafka_ConfigEntry_is_read_only(entry) == 1, isSensitive: isSensitive)
        }
        return result
    }

    /// The topic's name as a request carries it.
    private struct Resource: ~Copyable {
        let pointer: OpaquePointer

        init(_ name: TopicName, _ action: String) throws(KafkaError) {
            guard let pointer = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.rawValue) else {
                throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, action: action)
            }
            self.pointer = pointer
        }

        deinit { rd_kafka_ConfigResource_destroy(pointer) }
    }

    private static func requireDone(_ result: OpaquePointer, _ action: String) throws(KafkaError) {
        let code = rd_kafka_topic_result_error(result)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(
                code, action: action, detail: rd_kafka_topic_result_error_string(result).map { String(cString: $0) })
        }
    }

    private static func requireDone(resource: OpaquePointer, _ action: String) throws(KafkaError) {
        let code = rd_kafka_ConfigResource_error(resource)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(
                code, action: action,
                detail: rd_kafka_ConfigResource_error_string(resource).map { String(cString: $0) })
        }
    }
}

extension TopicSetting.Source {
    fileprivate init(_ entry: OpaquePointer) {
        switch rd_kafka_ConfigEntry_source(entry) {
        case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG: self = .topic
        case RD_KAFKA_CONFIG_SOURCE_UNKNOWN_CONFIG:
            // Such a broker tells defaults from all that was set, by whomever.
            self = rd_kafka_ConfigEntry_is_default(entry) == 1 ? .inherited : .unknown
        default: self = .inherited
        }
    }
}
