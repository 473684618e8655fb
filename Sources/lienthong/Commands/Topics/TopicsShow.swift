// Contracts in short.
import ArgumentParser
import Contracts
import Model

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
                Dead letters in \(topic.name)\(Contract.KafkaSettings.deadLetterSuffix).
                \(contract.roles.map(Self.words).joined(separator: "\n"))

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

    private static func words(_ role: Contract.Role) -> String {
        let principals = role.principals.isEmpty ? "nobody named" : role.principals.joined(separator: ", ")
        return "Role \(role.name) (\(role.access.rawValue)): \(principals)"
    }

    private static func json(_ role: Contract.Role) -> JSON {
        .object([
            ("role", .string(role.name)), ("access", .string(role.access.rawValue)),
            ("kafkaPrincipals", .array(role.principals.map { .string($0) })),
        ])
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
            ("deadLetterTopic", .string("\(topic.name)\(Contract.KafkaSettings.deadLetterSuffix)")),
            ("deadLetterRetentionMilliseconds", .integer(contract.kafka.deadLetterRetentionMilliseconds)),
            ("roles", .array(contract.roles.map(json))),
        ]
    }

    private static func flatten(_ fields: [Field], prefix: String) -> [(String, Field)] {
        fields.flatMap { field -> [(String, Field)] in
            let path = prefix + field.name
            return switch field.type {
            case .object(let inner): [(path, field)] + flatten(inner, prefix: path + ".")
            case .list(.object(let inner), _, _, _): [(path, field)] + flatten(inner, prefix: path + "[].")
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
        case .date(let partial, _, _): partial ? "date or part" : "date"
        case .timestamp: "timestamp"
        case .object: "object"
        case .list: "list"
        }
    }
}
