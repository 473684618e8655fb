// From `contract.odcs.yaml` to a `Contract`: the part of the Open Data Contract Standard 3.1.0 that the product enforces.
import Model
import Yams

/// Reads one contract. It is handed out only where no error was found in it.
package struct ContractReader {
    let topic: String
    let log: FindingLog

    /// - Parameters:
    ///   - text: the YAML.
    ///   - file: its path, for findings.
    ///   - topic: the name of the folder, which the contract must bear.
    ///   - acceptingErrors: hands out, for a comparison with an older state, what could be built of a faulty one.
    package static func read(
        _ text: String, file: String, topic: String, acceptingErrors: Bool = false
    ) -> (contract: Contract?, findings: [LintFinding]) {
        let reader = ContractReader(topic: topic, log: FindingLog(file: file))
        guard let root = reader.log.compose(text) else { return (nil, reader.log.findings) }
        let contract = reader.contract(root)
        return (reader.log.hasErrors && !acceptingErrors ? nil : contract, reader.log.findings)
    }

    private func contract(_ node: Node) -> Contract? {
        guard let root = DocumentMapping(node, of: "the contract", keys: ContractKeys.root, log: log) else {
            return nil
        }
        let heading = heading(root)
        let settings = settings(root)
        let server = server(root)
        let roles = roles(root)
        let support = support(root)
        let serviceLevels = serviceLevels(root, kafka: settings?.kafka)
        guard let object = schemaObject(root), let properties = object.list("properties", required: true) else {
            return nil
        }

        var reader = FieldReader(log: log)
        let fields = reader.fields(properties, of: "", depth: 0)
        let fieldsAreSound = !log.hasErrors
        let key = reader.key(at: object.node)
        let version = reader.version(at: object.node)
        let rules = RuleReader(fields: fields, fieldsAreSound: fieldsAreSound, log: log).rules(of: object)
        if fields.contains(where: { $0.name == Contract.stateSecret }) {
            object.fail(
                "properties", "\(Contract.stateSecret) is reserved: every record may carry it, and no contract names it"
            )
        }
        guard let heading, let settings, let version else { return nil }
        return Contract(
            version: heading.version, status: heading.status, owner: heading.owner,
            ownerDescription: heading.ownerDescription, descriptionEnglish: heading.purpose,
            descriptionVietnamese: settings.descriptionVietnamese, usage: heading.usage,
            usageVietnamese: settings.usageVietnamese, limitations: heading.limitations,
            limitationsVietnamese: settings.limitationsVietnamese, dataGroups: settings.dataGroups,
            articles: settings.articles,
            fields: fields, key: key, versionField: version, rules: rules, kafka: settings.kafka,
            breaker: settings.breaker, server: server, roles: roles, support: support, serviceLevels: serviceLevels,
            deadLetterStore: settings.deadLetterStore
        )
    }

    private struct Heading {
        let version: String
        let status: Contract.Status
        let owner: String
        let ownerDescription: String
        let purpose: String
        let usage: String
        let limitations: String
    }

    /// What identifies the contract, and who answers for the data.
    private func heading(_ root: DocumentMapping) -> Heading? {
        expect(root, "apiVersion", toBe: "v3.1.0")
        expect(root, "kind", toBe: "DataContract")
        expect(root, "name", toBe: topic)
        expect(root, "id", toBe: topic)
        if root["status"] == nil { root.fail("status", "status is missing") }
        let status = root.choice("status", of: Contract.Status.self, what: "status")
        if let domain = root.text("domain"), domain != topic.prefix(while: { $0 != "." }) {
            root.fail("domain", "expected domain to be the first word of the topic's name")
        }
        let version = root.text("version", required: true)
        if let version, let major = TopicNaming.majorVersion(of: topic) { check(version, against: major, in: root) }
        let description = section("description", of: root, keys: ContractKeys.description)
        let team = section("team", of: root, keys: ContractKeys.team)
        let purpose = description?.text("purpose", required: true)
        guard let version, let status, let owner = team?.text("name", required: true), let purpose else { return nil }
        return Heading(
            version: version, status: status, owner: owner, ownerDescription: team?.text("description") ?? "",
            purpose: purpose, usage: description?.text("usage") ?? "",
            limitations: description?.text("limitations") ?? "")
    }

    private func check(_ version: String, against major: Int, in root: DocumentMapping) {
        let parts = version.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in part.allSatisfy(\.isNumber) ? Int(part) : nil }
        if parts.count != 3 || numbers.count != 3 {
            root.fail("version", "expected version as major.minor.patch")
        } else if numbers[0] != major {
            root.fail(
                "version", "expected version \(major).x.y as the topic's name says: a new major version is a new topic")
        }
    }

    private func expect(_ mapping: DocumentMapping, _ key: String, toBe expected: String) {
        guard let text = mapping.text(key, required: true), text != expected else { return }
        mapping.fail(key, "expected \(key) to be \(expected)")
    }

    private func section(_ key: String, of root: DocumentMapping, keys: KnownKeys) -> DocumentMapping? {
        guard let node = root[key] else {
            root.fail(key, "\(key) is missing")
            return nil
        }
        return DocumentMapping(node, of: key, keys: keys, log: log)
    }

    /// The brokers that the owner publishes to.
    private func server(_ root: DocumentMapping) -> String {
        guard let nodes = root.list("servers", required: true) else { return "" }
        var kafka: String?
        for node in nodes {
            guard let server = DocumentMapping(node, of: "a server", keys: ContractKeys.server, log: log) else {
                continue
            }
            guard server.text("type", required: true) == "kafka" else { continue }
            if kafka != nil { server.fail("type", "expected one server of type kafka: a topic has one place") }
            kafka = server.text("host", required: true) ?? ""
            expect(server, "format", toBe: "json")
        }
        if kafka == nil { root.fail("servers", "expected a server of type kafka") }
        return kafka ?? ""
    }

    private func schemaObject(_ root: DocumentMapping) -> DocumentMapping? {
        guard let nodes = root.list("schema", required: true) else { return nil }
        guard nodes.count == 1 else {
            root.fail("schema", "expected exactly one object: a topic holds records of one kind")
            return nil
        }
        guard let object = DocumentMapping(nodes[0], of: "the schema's object", keys: ContractKeys.object, log: log)
        else {
            return nil
        }
        expect(object, "name", toBe: topic)
        expect(object, "logicalType", toBe: "object")
        for (key, expected) in [("physicalName", topic), ("physicalType", "topic")] {
            guard let text = object.text(key), text != expected else { continue }
            object.fail(key, "expected \(key) to be \(expected)")
        }
        return object
    }

    // MARK: Settings of ours, as the contract's custom properties

    private struct Settings {
        let descriptionVietnamese: String
        let usageVietnamese: String
        let limitationsVietnamese: String
        let dataGroups: [Int]
        let articles: [String]
        let kafka: Contract.KafkaSettings
        let breaker: Contract.BreakerSettings
        let deadLetterStore: Contract.DeadLetterStoreSettings
    }

    private func settings(_ root: DocumentMapping) -> Settings? {
        let custom = DocumentMapping(
            customProperties: root["customProperties"], of: root.node, subject: "the contract",
            known: ContractKeys.contractProperties, log: log
        )
        let vietnamese = custom.text("descriptionVi")
        if vietnamese == nil { log.warn(root.node, "the contract: descriptionVi is missing") }
        let groups = dataGroups(custom)
        let articles = custom.texts("articles", required: true)
        let partitions = custom.integer("kafkaPartitions", in: 1...10_000, required: true)
        let replicas = custom.integer("kafkaReplicationFactor", in: 1...100)
        let retention = milliseconds("kafkaRetentionMilliseconds", custom)
        let deadLetterRetention = milliseconds("deadLetterRetentionMilliseconds", custom)
        let policy = custom.text("kafkaCleanupPolicy") ?? "delete"
        if !["delete", "compact"].contains(policy) {
            custom.fail("kafkaCleanupPolicy", "expected kafkaCleanupPolicy to be delete or compact")
        }
        let standard = Contract.BreakerSettings()
        let breaker = Contract.BreakerSettings(
            maxRefusedShare: custom.number("maxRefusedShare", in: 0...1) ?? standard.maxRefusedShare,
            maxDeletedShare: custom.number("maxDeletedShare", in: 0...1) ?? standard.maxDeletedShare,
            windowRecords: custom.integer("breakerWindowRecords", in: 1...10_000_000).map(Int.init)
                ?? standard.windowRecords,
            minimumRecords: custom.integer("breakerMinimumRecords", in: 1...10_000_000).map(Int.init)
                ?? standard.minimumRecords
        )
        if breaker.minimumRecords > breaker.windowRecords {
            custom.fail("breakerMinimumRecords", "expected breakerMinimumRecords not above breakerWindowRecords")
        }
        guard let groups, let articles, let partitions else { return nil }
        return Settings(
            descriptionVietnamese: vietnamese ?? "",
            usageVietnamese: translation("usageVi", of: "usage", root, custom),
            limitationsVietnamese: translation("limitationsVi", of: "limitations", root, custom), dataGroups: groups,
            articles: articles,
            kafka: Contract.KafkaSettings(
                partitions: Int32(partitions), replicationFactor: Int16(replicas ?? 3),
                retentionMilliseconds: retention ?? -1, cleanupPolicy: policy,
                deadLetterRetentionMilliseconds: deadLetterRetention
                    ?? Contract.KafkaSettings.deadLetterRetentionStandard
            ),
            breaker: breaker,
            deadLetterStore: Contract.DeadLetterStoreSettings(
                closedDays: days("deadLetterStoreRetentionDays", custom),
                openDays: days("deadLetterStoreOpenRetentionDays", custom))
        )
    }

    /// Days; -1 keeps for ever.
    private func days(_ key: String, _ custom: DocumentMapping) -> Int64? {
        let value = custom.integer(key, in: -1...Contract.DeadLetterStoreSettings.daysMax)
        if value == 0 { custom.fail(key, "expected \(key) to be -1 or at least a day, 1") }
        return value
    }

    /// Milliseconds; -1 keeps for ever. Less than an hour would delete records before anybody could read them.
    private func milliseconds(_ key: String, _ custom: DocumentMapping) -> Int64? {
        guard let value = custom.integer(key, in: -1...Int64.max) else { return nil }
        if value >= 0, value < 3_600_000 { custom.fail(key, "expected \(key) to be -1 or at least an hour, 3600000") }
        return value
    }

    /// The Vietnamese text beside one of `description`; people who read one language must not be told less.
    private func translation(
        _ key: String, of english: String, _ root: DocumentMapping, _ custom: DocumentMapping
    ) -> String {
        let text = custom.text(key)
        if text == nil, let node = root["description"]?.mapping?[Node(english)] {
            log.warn(node, "the contract: the custom property \(key) is missing beside \(english)")
        }
        return text ?? ""
    }

    /// Numbers of the 24 groups of Decree 102/2025 art. 5.
    private func dataGroups(_ custom: DocumentMapping) -> [Int]? {
        guard let nodes = custom.list("dataGroups", required: true) else { return nil }
        let numbers = nodes.compactMap { $0.plainScalar.flatMap { Int($0) } }.filter { (1...24).contains($0) }
        guard !nodes.isEmpty, numbers.count == nodes.count, Set(numbers).count == numbers.count else {
            custom.fail("dataGroups", "expected dataGroups to be different numbers from 1 to 24")
            return nil
        }
        return numbers
    }
}

/// `<domain>.<entity>.v<major>`.
package enum TopicNaming {
    /// The major version in the name; nil where the name is not of that form. Words begin with a letter and hold `a-z`, `0-9`, `-`.
    package static func majorVersion(of name: String) -> Int? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, isWord(parts[0]), isWord(parts[1]), parts[2].first == "v" else { return nil }
        let digits = parts[2].dropFirst()
        guard let major = Int(digits), major > 0, String(major) == digits else { return nil }
        return major
    }

    private static func isWord(_ text: Substring) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
        guard let first = text.utf8.first, isLetter(first), text.last != "-" else { return false }
        return text.utf8.allSatisfy {
            isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
        }
    }
}

/// The keys of the standard, by place. What the standard knows and we do not check is listed, to be named.
enum ContractKeys {
    /// Labels of other tools: neither checked nor shown.
    private static let labels: Set = ["id", "tags", "businessName", "authoritativeDefinitions"]

    static let root = KnownKeys(
        read: [
            "apiVersion", "kind", "id", "name", "version", "status", "domain", "description", "team", "roles",
            "support",
            "servers", "slaProperties", "schema", "customProperties",
        ],
        documentation: [],
        unenforced: [
            "tenant", "tags", "dataProduct", "authoritativeDefinitions", "contractCreatedTs", "price",
            "slaDefaultElement",
        ]
    )
    static let description = KnownKeys(
        read: ["purpose", "usage", "limitations"], unenforced: ["authoritativeDefinitions", "customProperties"]
    )
    static let team = KnownKeys(
        read: ["name", "description"],
        unenforced: ["id", "members", "tags", "customProperties", "authoritativeDefinitions"]
    )
    static let server = KnownKeys(
        read: ["type", "host", "format"], documentation: ["server", "description"],
        unenforced: ["id", "environment", "roles", "customProperties"]
    )
    static let role = KnownKeys(
        read: ["role", "access", "description", "customProperties"],
        unenforced: ["id", "firstLevelApprovers", "secondLevelApprovers"]
    )
    static let support = KnownKeys(
        read: ["channel", "description", "url"], documentation: ["tool", "scope"],
        unenforced: ["id", "invitationUrl", "notes", "customProperties"]
    )
    static let serviceLevel = KnownKeys(
        read: ["property", "value", "unit"], documentation: ["description"],
        unenforced: ["id", "valueExt", "element", "driver", "scheduler", "schedule"]
    )
    static let object = KnownKeys(
        read: ["name", "logicalType", "physicalName", "physicalType", "properties", "quality"],
        documentation: ["description"],
        unenforced: labels.union(["dataGranularityDescription", "customProperties", "relationships"])
    )
    static let property = KnownKeys(
        read: [
            "name", "logicalType", "logicalTypeOptions", "required", "classification", "description", "properties",
            "items", "primaryKey", "primaryKeyPosition", "customProperties", "quality", "examples",
        ],
        unenforced: labels.union([
            "physicalName", "physicalType", "criticalDataElement", "transformSourceObjects", "transformLogic",
            "transformDescription", "unique", "partitioned", "partitionKeyPosition", "encryptedName", "relationships",
        ])
    )
    static let quality = KnownKeys(
        read: ["type", "metric", "arguments", "mustBe", "engine", "severity", "implementation"],
        documentation: ["name", "description", "dimension"],
        unenforced: labels.union([
            "businessImpact", "method", "unit", "customProperties", "schedule", "scheduler", "query", "rule",
            "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo",
            "mustBeLessThan", "mustBeLessOrEqualTo", "mustBeBetween", "mustNotBeBetween",
        ])
    )
    static let contractProperties: Set = [
        "descriptionVi", "usageVi", "limitationsVi", "dataGroups", "articles", "maxRefusedShare", "maxDeletedShare",
        "breakerWindowRecords",
        "breakerMinimumRecords", "kafkaPartitions", "kafkaReplicationFactor", "kafkaRetentionMilliseconds",
        "kafkaCleanupPolicy", "deadLetterRetentionMilliseconds", "deadLetterStoreRetentionDays",
        "deadLetterStoreOpenRetentionDays",
    ]
    static let roleProperties: Set = ["kafkaPrincipals"]
    static let fieldProperties: Set = [
        "descriptionVi", "identifier", "codeList", "codeListDateField", "partialDate", "decimalScale", "decimalMinimum",
        "uniqueBy", "version",
    ]

    /// Options of a logical type.
    static func options(of type: String) -> KnownKeys {
        switch type {
        case "string": KnownKeys(read: ["minLength", "maxLength", "pattern"], unenforced: ["format"])
        case "integer":
            KnownKeys(
                read: ["minimum", "maximum"],
                unenforced: ["multipleOf", "exclusiveMinimum", "exclusiveMaximum", "format"]
            )
        case "date":
            KnownKeys(
                read: ["minimum", "maximum"],
                unenforced: ["format", "exclusiveMinimum", "exclusiveMaximum", "timezone", "defaultTimezone"]
            )
        case "timestamp":
            KnownKeys(
                unenforced: [
                    "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "timezone",
                    "defaultTimezone",
                ]
            )
        case "object": KnownKeys(unenforced: ["minProperties", "maxProperties", "required"])
        case "array": KnownKeys(read: ["minItems", "maxItems", "uniqueItems"])
        default: KnownKeys()
        }
    }
}
