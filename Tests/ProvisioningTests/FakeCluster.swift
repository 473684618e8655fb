// A cluster in memory, for what no broker does on demand: faults, haste and slowness at a chosen step.
import Model

@testable import Kafka
@testable import Provisioning

/// Answers as Kafka does, and writes down each change it is asked for.
final class FakeCluster: TopicAdministration {
    struct Topic {
        var partitions: Int32
        var replicas: Int
        var settings: [String: TopicSetting]
    }

    var brokerCount: Int32 = 3
    var topics: [TopicName: Topic] = [:]
    /// Of the authorizer, by topic.
    var rules: [TopicName: [AccessRule]] = [:]
    /// Thrown by questions for them.
    var accessFault: Int32?
    private(set) var accessQuestions = 0
    /// Every request for a change, in order.
    private(set) var log: [String] = []
    /// Thrown by the change of that text, each time.
    var faults: [String: Int32] = [:]
    /// Thrown by questions for settings.
    var settingsFault: Int32?
    private(set) var settingsQuestions = 0
    /// Does something before a change of that text, once: another operator's deed.
    var before: [String: (FakeCluster) -> Void] = [:]
    /// So many questions for topics are answered with the state before the last change.
    var staleAnswers = 0
    private var stale: [TopicName: Topic]?
    /// Changes are acknowledged and not made.
    var forgets = false

    func cluster(timeoutMilliseconds: Int32) throws(KafkaError) -> ClusterMetadata {
        var shown = topics
        if staleAnswers > 0, let stale {
            staleAnswers -= 1
            shown = stale
        }
        let all = shown.map { name, topic in
            TopicMetadata(
                name: name,
                partitions: (0..<topic.partitions).map { number in
                    PartitionMetadata(
                        partition: Partition(number), leader: 1, replicaCount: topic.replicas,
                        inSyncReplicaCount: topic.replicas)
                })
        }
        return ClusterMetadata(brokerCount: Int(brokerCount), topics: all)
    }

    func topicSettings(
        _ name: TopicName, timeoutMilliseconds: Int32
    ) throws(KafkaError) -> [String: TopicSetting] {
        settingsQuestions += 1
        if let settingsFault { throw KafkaError(settingsFault, action: "reading the configuration of \(name)") }
        return topics[name]?.settings ?? [:]
    }

    func createTopic(
        _ name: TopicName, partitions: Int32, replicationFactor: Int32, configuration: [String: String],
        timeoutMilliseconds: Int32
    ) throws(KafkaError) {
        try change("create \(name)") { () throws(KafkaError) in
            guard topics[name] == nil else { throw KafkaError(KafkaErrorCode.topicAlreadyExists, action: "") }
            topics[name] = Topic(
                partitions: partitions, replicas: Int(replicationFactor),
                settings: configuration.mapValues { TopicSetting(value: $0, source: .topic) })
        }
    }

    func addPartitions(_ name: TopicName, total: Int32, timeoutMilliseconds: Int32) throws(KafkaError) {
        try change("add \(name) \(total)") { () throws(KafkaError) in
            guard let present = topics[name]?.partitions, present < total else {
                throw KafkaError(KafkaErrorCode.invalidPartitions, action: "")
            }
            topics[name]?.partitions = total
        }
    }

    func alterTopicConfiguration(
        _ name: TopicName, setting changes: [String: String], timeoutMilliseconds: Int32
    ) throws(KafkaError) {
        try change("set \(name) \(changes.keys.sorted().joined(separator: " "))") { () throws(KafkaError) in
            for (key, value) in changes { topics[name]?.settings[key] = TopicSetting(value: value, source: .topic) }
        }
    }

    func accessRules(of name: TopicName, timeoutMilliseconds: Int32) throws(KafkaError) -> [AccessRule] {
        accessQuestions += 1
        if let accessFault { throw KafkaError(accessFault, action: "reading the access rules of \(name)") }
        return rules[name] ?? []
    }

    func allow(
        _ principal: String, _ operation: AccessRule.Operation, on name: TopicName, timeoutMilliseconds: Int32
    ) throws(KafkaError) {
        try change("allow \(principal) \(operation.word) \(name)") { () throws(KafkaError) in
            rules[name, default: []].append(AccessRule(principal: principal, operation: operation))
        }
    }

    private func change(_ text: String, _ body: () throws(KafkaError) -> Void) throws(KafkaError) {
        log.append(text)
        before.removeValue(forKey: text)?(self)
        if let code = faults[text] { throw KafkaError(code, action: "", detail: "as told to") }
        if forgets { return }
        stale = topics
        try body()
    }

    /// Has the topic as wanted.
    func make(_ wanted: WantedTopic) {
        topics[wanted.name] = Topic(
            partitions: wanted.partitions, replicas: Int(wanted.replicationFactor),
            settings: wanted.creation.mapValues { TopicSetting(value: $0, source: .topic) })
    }

    func set(_ name: TopicName, _ key: String, _ value: String) {
        topics[name]?.settings[key] = TopicSetting(value: value, source: .topic)
    }
}
