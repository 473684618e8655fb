// A contract that wants two topics, and clusters that have them in some state.
import Contracts
import Kafka
import Model
import Testing

@testable import Provisioning

func topic(_ text: String) throws -> TopicName { try #require(TopicName(text)) }

func definition(
    _ name: String = "test.thing.v1", partitions: Int32 = 4, replicationFactor: Int16 = 3, retention: Int64 = -1,
    policy: String = "delete", deadLetterRetention: Int64 = 7_776_000_000, roles: [Contract.Role] = []
) throws -> TopicDefinition {
    let name = try topic(name)
    let contract = Contract(
        version: "1.0.0", owner: "Tests", descriptionEnglish: "", descriptionVietnamese: "", dataGroups: [24],
        articles: [], fields: [], key: ["id"], versionField: "version", rules: [],
        kafka: Contract.KafkaSettings(
            partitions: partitions, replicationFactor: replicationFactor, retentionMilliseconds: retention,
            cleanupPolicy: policy, deadLetterRetentionMilliseconds: deadLetterRetention),
        breaker: Contract.BreakerSettings(), roles: roles)
    let mapping = Mapping(revision: 1, table: "a.b", view: "a.c", key: [], columns: [], children: [])
    return TopicDefinition(name: name, folder: "", contract: contract, mapping: mapping)
}

/// What Kafka tells of a topic that was made as wanted, among settings that nobody asked for.
func asWanted(_ wanted: WantedTopic) -> TopicState {
    var settings = wanted.creation.mapValues { TopicSetting(value: $0, source: .topic) }
    settings["segment.ms"] = TopicSetting(value: "604800000", source: .inherited)
    return TopicState(
        partitions: Int(wanted.partitions), replicas: Int(wanted.replicationFactor)...Int(wanted.replicationFactor),
        settings: .told(settings))
}

extension TopicState {
    func with(partitions: Int? = nil, replicas: ClosedRange<Int>? = nil, _ changes: [String: String] = [:])
        -> TopicState
    {
        var settings = settings
        if case .told(var told) = settings {
            for (key, value) in changes { told[key] = TopicSetting(value: value, source: .topic) }
            settings = .told(told)
        }
        return TopicState(
            partitions: partitions ?? self.partitions, replicas: replicas ?? self.replicas, settings: settings)
    }
}

extension Plan {
    /// `topic: name kind` of each step.
    var brief: [String] { steps.map { "\($0.topic): \($0.name) \($0.kind.word)" } }
}
