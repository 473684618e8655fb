// Contracts: checked, compared with the cluster, created there, shown; and records deleted from a log.
import ArgumentParser
import Contracts
import Foundation
import Kafka
import Model
import Postgres

struct TopicsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics", abstract: "The topics and their contracts.",
        subcommands: [TopicsLint.self, TopicsPlan.self, TopicsApply.self, TopicsShow.self, TopicsPurge.self])
}

struct TopicsLint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint", abstract: "Check contracts, mappings and every example, offline.",
        discussion: "Status 1 where something is wrong.")

    @OptionGroup var common: CommonOptions

    @Flag(help: "Show what is only noted, too.")
    var notes = false

    func run() async throws {
        let folder = try common.settings().topicsFolder
        let findings = Lint.run(folder: folder)
        func count(_ severity: LintFinding.Severity) -> Int { findings.count { $0.severity == severity } }
        let (errors, warnings, noted) = (count(.error), count(.warning), count(.note))
        for finding in findings {
            switch common.format {
            case .json:
                Terminal.line(
                    JSON.object([
                        ("severity", .string(finding.severity.rawValue)), ("file", .string(finding.file)),
                        ("line", .optional(finding.line.map { Int64($0) })), ("message", .string(finding.message)),
                    ]).text)
            case .text where finding.severity != .note || notes: Terminal.line("\(finding)")
            case .text: continue
            }
        }
        switch common.format {
        case .json:
            Terminal.line(
                JSON.object([
                    ("errors", .integer(Int64(errors))), ("warnings", .integer(Int64(warnings))),
                    ("notes", .integer(Int64(noted))),
                ]).text)
        case .text: Terminal.line("\(folder): \(errors) errors, \(warnings) warnings, \(noted) notes")
        }
        if errors > 0 { throw ExitCode(ExitStatus.no.rawValue) }
    }
}

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

struct TopicsShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "The topics, or one topic's contract in short.")

    @OptionGroup var common: CommonOptions

    @Argument(help: "The topic; all by default.")
    var topic: String?

    func run() async throws {
        let catalogue = try Catalogue.load(folder: try common.settings().topicsFolder)
        if let topic {
            show(try catalogue.definition(topic))
        } else {
            list(catalogue.topics)
        }
    }

    private func list(_ topics: [TopicDefinition]) {
        var table = Table([
            ("topic", .left), ("version", .left), ("owner", .left), ("groups", .left), ("key", .left), ("table", .left),
        ])
        for topic in topics {
            switch common.format {
            case .json: Terminal.line(JSON.object(Self.members(topic)).text)
            case .text:
                table.add([
                    topic.name.rawValue, topic.contract.version, topic.contract.owner,
                    topic.contract.dataGroups.map(String.init).joined(separator: " "),
                    topic.contract.key.joined(separator: ":"), topic.mapping.table,
                ])
            }
        }
        if common.format == .text { Terminal.line(table.text) }
    }

    private func show(_ topic: TopicDefinition) {
        let fields = Self.flatten(topic.contract.fields, prefix: "")
        switch common.format {
        case .json:
            let list = fields.map { path, field in
                JSON.object([
                    ("field", .string(path)), ("type", .string(field.type.word)),
                    ("required", .boolean(field.required)),
                    ("classification", .string(field.classification.rawValue)),
                    ("description", .string(field.descriptionEnglish)),
                    ("descriptionVi", .string(field.descriptionVietnamese)),
                ])
            }
            Terminal.line(JSON.object(Self.members(topic) + [("fields", .array(list))]).text)
        case .text:
            let contract = topic.contract
            Terminal.line("\(topic.name) \(contract.version), \(contract.owner)")
            Terminal.line(contract.descriptionEnglish)
            Terminal.line(
                """
                Key \(contract.key.joined(separator: ":")), version in \(contract.versionField), mapping revision \
                \(topic.mapping.revision) to \(topic.mapping.table), \(contract.kafka.partitions) partitions.

                """)
            var table = Table([
                ("field", .left), ("type", .left), ("required", .left), ("class", .left), ("description", .left),
            ])
            for (path, field) in fields {
                table.add([
                    path, field.type.word, field.required ? "yes" : "", field.classification.rawValue,
                    field.descriptionEnglish,
                ])
            }
            Terminal.line(table.text)
        }
    }

    private static func members(_ topic: TopicDefinition) -> [(String, JSON)] {
        let contract = topic.contract
        return [
            ("topic", .string(topic.name.rawValue)), ("version", .string(contract.version)),
            ("owner", .string(contract.owner)), ("description", .string(contract.descriptionEnglish)),
            ("dataGroups", .array(contract.dataGroups.map { .integer(Int64($0)) })),
            ("articles", .array(contract.articles.map { .string($0) })),
            ("key", .array(contract.key.map { .string($0) })), ("versionField", .string(contract.versionField)),
            ("table", .string(topic.mapping.table)), ("mappingRevision", .integer(Int64(topic.mapping.revision))),
            ("partitions", .integer(Int64(contract.kafka.partitions))),
        ]
    }

    private static func flatten(_ fields: [Field], prefix: String) -> [(String, Field)] {
        fields.flatMap { field -> [(String, Field)] in
            let path = prefix + field.name
            return switch field.type {
            case .object(let inner): [(path, field)] + flatten(inner, prefix: path + ".")
            case .list(.object(let inner), _, _): [(path, field)] + flatten(inner, prefix: path + "[].")
            case .list, .text, .integer, .boolean, .decimal, .date, .timestamp: [(path, field)]
            }
        }
    }
}

extension FieldType {
    fileprivate var word: String {
        switch self {
        case .text(let rule): rule.identifier?.rawValue ?? rule.codeList?.rawValue ?? "text"
        case .integer: "integer"
        case .boolean: "boolean"
        case .decimal: "decimal"
        case .date(let partial): partial ? "date or part" : "date"
        case .timestamp: "timestamp"
        case .object: "object"
        case .list: "list"
        }
    }
}

struct TopicsPurge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge", abstract: "Delete a partition's records before an offset from Kafka, for good; recorded.",
        discussion: """
            For a state secret that reached the log: name the offset after it. Records before it that were not applied yet \
            would be lost, so the position must lie at or beyond that offset.
            """)

    @OptionGroup var common: CommonOptions

    @Option(help: "The topic.")
    var topic: String

    @Option(help: "The partition.")
    var partition: Int32

    @Option(help: "The first offset to keep.")
    var before: Int64

    @Option(help: "Why; kept with your name in ingest.operation.")
    var because: String

    func validate() throws {
        guard before >= 0, partition >= 0 else { throw ValidationError("--partition and --before are 0 or more") }
        guard !because.allSatisfy(\.isWhitespace) else { throw ValidationError("--because wants a reason in words") }
    }

    func run() async throws {
        let settings = try common.settings()
        let definition = try Catalogue.load(folder: settings.topicsFolder).definition(topic)
        let connection = try settings.connect("topics purge")
        defer { connection.close() }
        let admin = try KafkaAdmin(settings: try settings.kafka(common.logger("topics")), clientID: "lienthong-topics")
        defer { admin.close() }
        try requirePartition(definition.name, admin)
        try requireApplied(connection)
        // The order is written down before the deed: a crash between them leaves a record of what may have been done.
        try connection.query(
            """
            INSERT INTO ingest.operation (by, action, topic, partition, because, details)
            VALUES ($1, 'topics purge', $2, $3::integer, $4, jsonb_build_object('before', $5::bigint))
            """, [Host.user, topic, String(partition), because, String(before)])
        let kept = try admin.deleteRecords(
            TopicPartition(definition.name, Partition(partition)), before: NextOffset(before),
            timeoutMilliseconds: 30_000)
        switch common.format {
        case .json:
            Terminal.line(
                JSON.object([
                    ("topic", .string(topic)), ("partition", .integer(Int64(partition))), ("firstKept", .integer(kept)),
                ]).text)
        case .text: Terminal.line("\(topic)[\(partition)]: the first offset kept is \(kept)")
        }
    }

    private func requirePartition(_ name: TopicName, _ admin: KafkaAdmin) throws {
        let partitions = try admin.topic(name, timeoutMilliseconds: 10_000)?.partitions ?? []
        guard !partitions.contains(where: { $0.partition.rawValue == partition }) else { return }
        throw UserError(
            action: "purging", subject: "\(topic)[\(partition)]", cause: "Kafka has no such partition",
            nextStep: partitions.isEmpty
                ? "run `lienthong topics plan`" : "partitions are 0 to \(partitions.count - 1)",
            status: .usage)
    }

    private func requireApplied(_ connection: PostgresConnection) throws {
        let result = try connection.query(
            "SELECT next_offset FROM ingest.position WHERE topic = $1 AND partition = $2::integer",
            [topic, String(partition)])
        let next = result.rowCount == 1 ? result.integer(0, "next_offset") ?? 0 : 0
        guard next >= before else {
            throw UserError(
                action: "purging", subject: "\(topic)[\(partition)] before \(before)",
                cause: "the national database has dealt with records up to \(next) only",
                nextStep: "let `lienthong work` reach that offset first", status: .no)
        }
    }
}
