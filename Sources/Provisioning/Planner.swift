// Compares what contracts want with what the cluster has. Pure: nothing is asked and nothing is done here.
import Contracts
import Kafka
package import Model

package enum Planner {
    /// - Parameters:
    ///   - known: names of all topics that any contract wants, also of those that are not compared now.
    package static func plan(_ wanted: [WantedTopic], known: Set<TopicName>, state: ClusterState) -> Plan {
        Plan(
            topics: wanted.map { topic in
                TopicPlan(
                    wanted: topic,
                    steps: steps(for: topic, state: state) + AccessPlanner.steps(for: topic, state.access),
                    warnings: AccessPlanner.warnings(for: topic, state.access))
            },
            strangers: strangers(wanted, known: known, present: state.names),
            accessUnchecked: AccessPlanner.unchecked(state.access))
    }

    /// Settings before partitions: the new ones then have them from their first record on.
    private static func steps(for wanted: WantedTopic, state: ClusterState) -> [PlanStep] {
        guard let topic = state.topics[wanted.name] else { return [creation(of: wanted, brokers: state.brokerCount)] }
        return settings(of: wanted, topic) + partitions(of: wanted, topic) + replicas(of: wanted, topic)
    }

    // MARK: Creation

    private static func creation(of wanted: WantedTopic, brokers: Int) -> PlanStep {
        let settings = wanted.settings.map { "\($0.key) \(SettingWords.value($0.key, $0.value))" }
        let what = """
            missing: create it with \(Quantity.words(Int(wanted.partitions), "partition")), \
            \(Quantity.words(Int(wanted.replicationFactor), "replica")), \(settings.joined(separator: ", "))
            """
        let action = PlanStep.Action.create(wanted)
        guard brokers >= Int(wanted.replicationFactor) else {
            return PlanStep(
                topic: wanted.name, action: action, kind: .impossible,
                sentence: """
                    missing, and cannot be created: its contract wants \
                    \(Quantity.words(Int(wanted.replicationFactor), "replica")), the cluster has \(Quantity.words(brokers, "broker")) \
                    up; start or add brokers, or change kafkaReplicationFactor in the contract of \(wanted.contract)
                    """)
        }
        return PlanStep(topic: wanted.name, action: action, kind: .safe, sentence: what)
    }

    // MARK: Partitions and replicas

    private static func partitions(of wanted: WantedTopic, _ topic: TopicState) -> [PlanStep] {
        let contract = wanted.partitions
        guard wanted.partitionsMatter, topic.partitions != Int(contract) else { return [] }
        let differs = "has \(Quantity.words(topic.partitions, "partition")), its contract says \(contract)"
        guard topic.partitions < Int(contract) else {
            return [
                PlanStep(
                    topic: wanted.name, action: .fewerPartitions(cluster: topic.partitions, contract: contract),
                    kind: .impossible,
                    sentence: """
                        \(differs): Kafka takes none away; in a draft write kafkaPartitions \(topic.partitions) into \
                        the contract; in an active contract that is a breaking change, which takes a new major \
                        version, hence a new topic
                        """)
            ]
        }
        return [
            PlanStep(
                topic: wanted.name, action: .addPartitions(from: topic.partitions, to: contract),
                kind: .needs(.addPartitions),
                sentence: """
                    \(differs): adding some moves keys to other partitions and ends their order: from another \
                    partition than the row's own only a strictly greater version wins, and a tombstone without a \
                    version from there is a dead letter, version-missing; a new major version keeps the order
                    """)
        ]
    }

    private static func replicas(of wanted: WantedTopic, _ topic: TopicState) -> [PlanStep] {
        let factor = Int(wanted.replicationFactor)
        guard topic.replicas != factor...factor else { return [] }
        return [
            PlanStep(
                topic: wanted.name, action: .reassign(cluster: topic.replicas, contract: wanted.replicationFactor),
                kind: .impossible,
                sentence: """
                    its replication factor is \(topic.replicas.words), its contract says \(factor): move replicas with \
                    Kafka's own `kafka-reassign-partitions.sh --reassignment-json-file FILE --execute`, whose FILE \
                    names \(Quantity.words(factor, "broker")) for each of its \(Quantity.words(topic.partitions, "partition"))
                    """)
        ]
    }

    // MARK: Settings

    private static func settings(of wanted: WantedTopic, _ topic: TopicState) -> [PlanStep] {
        switch topic.settings {
        case .untold(let because):
            return [
                PlanStep(
                    topic: wanted.name, action: .readSettings(because: because), kind: .impossible,
                    sentence: "its settings could not be compared: \(because)")
            ]
        case .told(let settings):
            let actual = settings.compactMapValues(\.value)
            return wanted.settings.compactMap { setting($0, of: wanted, topic, actual) }
        }
    }

    private static func setting(
        _ setting: WantedSetting, of wanted: WantedTopic, _ topic: TopicState, _ actual: [String: String]
    ) -> PlanStep? {
        let from = actual[setting.key]
        let replicas = topic.replicas.lowerBound
        let isInSync = setting.key == SettingKey.inSyncReplicasMin && replicas > 0
        let isBlocked = isInSync && (from.flatMap { Int($0) } ?? 0) > replicas
        guard isBlocked || !agrees(from, setting) else { return nil }
        let action = PlanStep.Action.set(key: setting.key, from: from, to: setting.value)
        let change = """
            \(isBlocked ? "with \(Quantity.words(replicas, "replica")) nobody can publish with acks=all: " : "")\(setting.key) is \(from.map { SettingWords.value(setting.key, $0) } ?? "not set"), wanted is \
            \(SettingWords.value(setting.key, setting.value))
            """
        if isInSync, replicas < Int(setting.value) ?? 0 {
            let why = isBlocked ? "" : ": with \(Quantity.words(replicas, "replica")) nobody could publish any more"
            return PlanStep(
                topic: wanted.name, action: action, kind: .impossible,
                sentence: "\(change)\(why); move the replicas first")
        }
        if let loss = loss(setting, from: from, wanted) {
            return PlanStep(
                topic: wanted.name, action: action, kind: .needs(.shrinkRetention), sentence: "\(change): \(loss)")
        }
        return PlanStep(topic: wanted.name, action: action, kind: .safe, sentence: change)
    }

    private static func agrees(_ actual: String?, _ setting: WantedSetting) -> Bool {
        guard let actual else { return false }
        switch setting.rule {
        case .atLeast(let bound): return Int64(actual).map { $0 >= bound } ?? false
        case .exactly(let value) where setting.key == SettingKey.cleanupPolicy:
            return policies(actual) == policies(value)
        case .exactly(let value):
            // Any negative retention keeps for ever.
            if let left = Int64(actual), let right = Int64(value) { return left == right || (left < 0 && right < 0) }
            return actual == value
        }
    }

    /// What the change would delete, for good; nil where it deletes nothing.
    private static func loss(_ setting: WantedSetting, from actual: String?, _ wanted: WantedTopic) -> String? {
        switch setting.key {
        case SettingKey.retentionMilliseconds:
            guard let to = Int64(setting.value), to >= 0 else { return nil }
            // What is not told may have kept records for ever.
            if let actual = actual.flatMap({ Int64($0) }), actual >= 0, actual <= to { return nil }
            return "records older than \(Quantity.span(milliseconds: to)) would be deleted for good"
        case SettingKey.cleanupPolicy:
            let before = policies(actual ?? "")
            let after = policies(setting.value)
            if after.contains("compact"), !before.contains("compact") {
                return "all records of a key but its last would be deleted for good"
            }
            let retention = Int64(wanted.creation[SettingKey.retentionMilliseconds] ?? "") ?? 0
            if after.contains("delete"), !before.contains("delete"), retention >= 0 {
                return "records older than \(Quantity.span(milliseconds: retention)) would be deleted for good"
            }
            return nil
        default: return nil
        }
    }

    private static func policies(_ text: String) -> Set<Substring> {
        Set(text.split { $0 == "," || $0 == " " })
    }

    // MARK: Strangers

    /// Topics of a wanted topic's domain and entity in a version that no contract names, and their dead letters': left
    /// over from an older contract, or made by hand.
    private static func strangers(
        _ wanted: [WantedTopic], known: Set<TopicName>, present: Set<TopicName>
    ) -> [PlanStep] {
        let families = Set(wanted.compactMap { family(of: $0.contract) })
        return present.subtracting(known).sorted().filter { family(of: $0).map { families.contains($0) } ?? false }
            .map { name in
                PlanStep(
                    topic: name, action: .leaveAlone, kind: .note,
                    sentence: "no contract is of this name: left as it is; topics are never deleted from here")
            }
    }

    /// `population.citizen` of `population.citizen.v2` and of its topic of dead letters.
    private static func family(of name: TopicName) -> String? {
        var text = name.rawValue[...]
        let suffix = Contract.KafkaSettings.deadLetterSuffix
        if text.hasSuffix(suffix) { text = text.dropLast(suffix.count) }
        guard let dot = text.lastIndex(of: "."), text[dot...].hasPrefix(".v"), Int(text[dot...].dropFirst(2)) != nil
        else { return nil }
        return String(text[..<dot])
    }
}

/// Settings' values as people read them.
enum SettingWords {
    static func value(_ key: String, _ text: String) -> String {
        guard let number = Int64(text) else { return text }
        switch key {
        case SettingKey.retentionMilliseconds:
            return "\(Quantity.span(milliseconds: number)) (\(number))"
        case SettingKey.retentionBytes: return number < 0 ? "no bound (\(number))" : text
        default: return text
        }
    }
}
