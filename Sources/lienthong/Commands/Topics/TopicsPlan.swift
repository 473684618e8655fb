// The contracts against the cluster: what differs, and what is made to agree.
import ArgumentParser
import Contracts
import Kafka
import Model

/// How the cluster's topic compares with the contract's.
private struct TopicPlan {
    let definition: TopicDefinition
    let isMissing: Bool
    /// What differs, in words; `topics apply` changes none of it.
    let differences: [String]

    var configuration: [String: String] {
        let kafka = definition.contract.kafka
        return ["retention.ms": String(kafka.retentionMilliseconds), "cleanup.policy": kafka.cleanupPolicy]
    }

    private static let timeoutMilliseconds: Int32 = 10_000

    /// - Parameter brokerTells: whether the broker answers questions for settings; one that did not is not asked again.
    init(_ definition: TopicDefinition, admin: KafkaAdmin, brokerTells: inout Bool) throws {
        self.definition = definition
        guard let topic = try admin.topic(definition.name, timeoutMilliseconds: Self.timeoutMilliseconds) else {
            isMissing = true
            differences = []
            return
        }
        isMissing = false
        let wanted = definition.contract.kafka
        var found: [String] = []
        if topic.partitions.count != Int(wanted.partitions) {
            found.append("\(topic.partitions.count) partitions, the contract says \(wanted.partitions)")
        }
        let replicas = topic.partitions.map(\.replicaCount).min() ?? 0
        if replicas < Int(wanted.replicationFactor) {
            found.append("\(replicas) replicas, the contract says \(wanted.replicationFactor)")
        }
        differences =
            found
            + (try Self.settingsDifferences(definition, admin: admin, brokerTells: &brokerTells))
    }

    private static func settingsDifferences(
        _ definition: TopicDefinition, admin: KafkaAdmin, brokerTells: inout Bool
    ) throws -> [String] {
        if brokerTells {
            do {
                let actual = try admin.topicConfiguration(definition.name, timeoutMilliseconds: timeoutMilliseconds)
                return compare(actual, definition.contract.kafka)
            } catch {
                guard error.code == KafkaErrorCode.timedOut || error.isTransient else { throw error }
                brokerTells = false
            }
        }
        return ["the broker does not tell its settings"]
    }

    private static func compare(_ actual: [String: String], _ wanted: Contract.KafkaSettings) -> [String] {
        var found: [String] = []
        if let retention = actual["retention.ms"].flatMap({ Int64($0) }), retention >= 0,
            wanted.retentionMilliseconds < 0 || retention < wanted.retentionMilliseconds
        {
            found.append("retention.ms \(retention), the contract says \(wanted.retentionMilliseconds)")
        }
        if let policy = actual["cleanup.policy"], policy != wanted.cleanupPolicy {
            found.append("cleanup.policy \(policy), the contract says \(wanted.cleanupPolicy)")
        }
        if actual["unclean.leader.election.enable"] == "true" {
            found.append("unclean.leader.election.enable is true: acknowledged records can be lost")
        }
        if let inSync = actual["min.insync.replicas"].flatMap({ Int($0) }), inSync < 2, wanted.replicationFactor > 1 {
            found.append("min.insync.replicas \(inSync): one broker's death can lose acknowledged records; 2 is wanted")
        }
        return found
    }
}

struct TopicsPlan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Compare the contracts with the cluster; change nothing.",
        discussion: "Status 1 where something differs.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let settings = try common.settings()
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        let admin = try KafkaAdmin(settings: try settings.kafka(common.logger("topics")), clientID: "lienthong-topics")
        defer { admin.close() }
        var differs = false
        var brokerTells = true
        for definition in catalogue.topics {
            let plan = try TopicPlan(definition, admin: admin, brokerTells: &brokerTells)
            let state = plan.isMissing ? "missing" : plan.differences.isEmpty ? "as the contract says" : "differs"
            if plan.isMissing || !plan.differences.isEmpty { differs = true }
            switch common.format {
            case .json:
                Terminal.line(
                    JSON.object([
                        ("topic", .string(definition.name.rawValue)),
                        ("state", .string(plan.isMissing ? "missing" : plan.differences.isEmpty ? "same" : "differs")),
                        ("differences", .array(plan.differences.map { .string($0) })),
                    ]).text)
            case .text:
                Terminal.line("\(definition.name): \(state)")
                for difference in plan.differences { Terminal.line("    \(difference)") }
            }
        }
        if differs { throw ExitCode(ExitStatus.no.rawValue) }
    }
}

struct TopicsApply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Create the topics that are missing; never delete, never shrink.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let settings = try common.settings()
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        let admin = try KafkaAdmin(settings: try settings.kafka(common.logger("topics")), clientID: "lienthong-topics")
        defer { admin.close() }
        var created: Int64 = 0
        var brokerTells = true
        for definition in catalogue.topics {
            let plan = try TopicPlan(definition, admin: admin, brokerTells: &brokerTells)
            if plan.isMissing {
                let kafka = definition.contract.kafka
                try admin.createTopic(
                    definition.name, partitions: kafka.partitions, replicationFactor: Int32(kafka.replicationFactor),
                    configuration: plan.configuration, timeoutMilliseconds: 30_000)
                created += 1
            }
            let outcome = plan.isMissing ? "created" : "exists"
            switch common.format {
            case .json:
                Terminal.line(
                    JSON.object([("topic", .string(definition.name.rawValue)), ("outcome", .string(outcome))]).text)
            case .text:
                Terminal.line("\(definition.name): \(outcome)")
                for difference in plan.differences { Terminal.line("    left as it is: \(difference)") }
            }
        }
        if common.format == .json { Terminal.line(JSON.object([("created", .integer(created))]).text) }
    }
}
