// The whole catalogue as one AsyncAPI 3.0 document: servers, topics with their Kafka settings, messages, and who sends
// them.
package import Contracts
package import Model

package enum AsyncAPI {
    package static let version = "3.0.0"
    private static let kafkaBindingVersion = "0.5.0"
    private static let schemaFormat = "application/schema+json;version=draft-2020-12"

    /// - Parameter examples: of a topic, by its name.
    package static func document(
        of topics: [TopicDefinition], codeLists: CodeLists, examples: (TopicDefinition) -> [Example]
    ) -> JSON {
        let hosts = servers(of: topics)
        let pages = topics.map { topic in
            Page(topic: topic, server: hosts[topic.contract.server] ?? "", examples: examples(topic))
        }
        let schemas = topics.map { topic -> (String, JSON) in
            let schema = JSONSchema.document(of: topic, codeLists: codeLists, examples: [])
            return (
                identifier(topic.name.rawValue), .object([("schemaFormat", .string(schemaFormat)), ("schema", schema)])
            )
        }
        return .object([
            ("asyncapi", .string(version)),
            ("id", .string("urn:lienthong:catalogue")),
            ("info", info(of: topics)),
            ("defaultContentType", .string("application/json")),
            (
                "servers",
                .object(
                    hosts.sorted { $0.value < $1.value }.map { host, name in
                        (name, .object([("host", .string(host)), ("protocol", .string("kafka"))]))
                    })
            ),
            ("channels", .object(pages.flatMap(\.channels))),
            ("operations", .object(pages.flatMap(\.operations))),
            (
                "components",
                .object([("schemas", .object(schemas)), ("messages", .object(pages.flatMap(\.messages)))])
            ),
        ])
    }

    /// A name by which the document's parts refer to one another. The standard allows points in it, some readers do
    /// not.
    private static func identifier(_ name: String) -> String { name.replacing(".", with: "_") }

    /// Names of the brokers' addresses, in the order of the topics.
    private static func servers(of topics: [TopicDefinition]) -> [String: String] {
        var names: [String: String] = [:]
        for server in topics.map(\.contract.server) where !server.isEmpty && names[server] == nil {
            names[server] = names.isEmpty ? "kafka" : "kafka-\(names.count + 1)"
        }
        return names
    }

    /// The document's version is the newest among the contracts'.
    private static func info(of topics: [TopicDefinition]) -> JSON {
        let versions = topics.compactMap { topic in
            ContractVersion(topic.contract.version).map { (number: $0, text: topic.contract.version) }
        }
        let newest = versions.max { $0.number < $1.number }?.text
        return .object([
            ("title", .string("Danh mục cơ sở dữ liệu liên thông y tế – Catalogue of the health data exchange")),
            ("version", .string(newest ?? "0.0.0")),
            (
                "description",
                .string(
                    """
                    Các chủ đề (topic) mà cơ quan chủ quản gửi vào Cơ sở dữ liệu quốc gia về y tế \
                    (Nghị định 102/2025/NĐ-CP).

                    The topics by which the holders of national databases send their data to the National Health \
                    Database (Decree 102/2025/ND-CP).
                    """)
            ),
        ])
    }

    /// What the document says of one topic.
    private struct Page {
        let topic: TopicDefinition
        /// Empty where the contract names none.
        let server: String
        let examples: [Example]

        private var name: String { topic.name.rawValue }
        private var deleteName: String { name + ".delete" }
        private var deadLetterName: String { name + Contract.KafkaSettings.deadLetterSuffix }
        private var contract: Contract { topic.contract }

        private var tags: JSON {
            let domain = name.split(separator: ".").first.map(String.init) ?? name
            let tags: [(String, String)] = [
                ("owner:\(contract.owner)", "Cơ quan chủ quản – owner"), ("domain:\(domain)", "Lĩnh vực – domain"),
            ]
            return .array(tags.map { .object([("name", .string($0.0)), ("description", .string($0.1))]) })
        }

        private var description: String { "\(contract.descriptionVietnamese)\n\n\(contract.descriptionEnglish)" }

        // MARK: Channels

        var channels: [(String, JSON)] {
            let record = channel(
                name, "Bản ghi của \(contract.owner) – records of \(contract.owner)", description,
                messages: ["record": name, "delete": deleteName], partitions: contract.kafka.partitions,
                retention: contract.kafka.retentionMilliseconds,
                policy: contract.kafka.cleanupPolicy, messageBytesMax: Contract.KafkaSettings.messageBytesMax)
            let deadLetter = channel(
                deadLetterName, "Bản ghi bị từ chối – refused records",
                """
                Bản ghi của \(name) bị từ chối. \(DeadLetterGuide.summary.vi)

                Refused records of \(name). \(DeadLetterGuide.summary.en)
                """,
                messages: ["refused": deadLetterName], partitions: Contract.KafkaSettings.deadLetterPartitions,
                retention: contract.kafka.deadLetterRetentionMilliseconds,
                policy: "delete", messageBytesMax: Contract.KafkaSettings.deadLetterMessageBytesMax)
            return [(identifier(name), record), (identifier(deadLetterName), deadLetter)]
        }

        private func channel(
            _ address: String, _ title: String, _ description: String, messages: KeyValuePairs<String, String>,
            partitions: Int32, retention: Int64, policy: String, messageBytesMax: Int64
        ) -> JSON {
            let kafka = JSON.object([
                ("topic", .string(address)),
                ("partitions", .integer(Int64(partitions))),
                ("replicas", .integer(Int64(contract.kafka.replicationFactor))),
                (
                    "topicConfiguration",
                    .object([
                        ("cleanup.policy", .array(policy.split(separator: ",").map { .string(String($0)) })),
                        ("retention.ms", .integer(retention)),
                        ("max.message.bytes", .integer(messageBytesMax)),
                    ])
                ),
                ("bindingVersion", .string(kafkaBindingVersion)),
            ])
            let servers = server.isEmpty ? [] : [reference("servers", server)]
            return .object([
                ("address", .string(address)), ("title", .string(title)), ("description", .string(description)),
                ("servers", .array(servers)),
                (
                    "messages",
                    .object(messages.map { ($0.key, reference("components/messages", identifier($0.value))) })
                ),
                ("tags", tags), ("bindings", .object([("kafka", kafka)])),
            ])
        }

        // MARK: Operations

        var operations: [(String, JSON)] {
            let worker =
                "Bộ phận tiếp nhận của Cơ sở dữ liệu quốc gia về y tế – workers of the National Health Database"
            let sent = ["record", "delete"]
            return [
                operation(name, .send, by: contract.owner, .write, sent),
                operation(name, .receive, by: worker, .read, sent),
                operation(deadLetterName, .send, by: worker, .writeDeadLetters, ["refused"]),
                operation(deadLetterName, .receive, by: contract.owner, .readDeadLetters, ["refused"]),
            ]
        }

        private enum Action: String {
            case send, receive
        }

        private func operation(
            _ channel: String, _ action: Action, by actor: String, _ access: Contract.Role.Access, _ messages: [String]
        ) -> (String, JSON) {
            var members: [(String, JSON)] = [
                ("action", .string(action.rawValue)), ("channel", reference("channels", identifier(channel))),
                ("title", .string(actor)),
            ]
            let holders = contract.holders(of: access)
            if !holders.isEmpty { members.append(("description", .string("Vai trò – roles: \(holders)"))) }
            members.append(
                ("messages", .array(messages.map { reference("channels/\(identifier(channel))/messages", $0) })))
            return (identifier("\(channel).\(action.rawValue)"), .object(members))
        }

        // MARK: Messages

        var messages: [(String, JSON)] {
            let records = ExampleRecord.shown(of: examples)
            let tombstones = ExampleRecord.tombstone(of: examples).map { [$0] } ?? []
            let record = message(
                name, "Bản ghi – record", description, payload: reference("components/schemas", identifier(name)),
                headers: CloudEventHeaders.schema(isTombstone: false), examples: records.map { example($0) })
            let delete = message(
                deleteName, "Xóa bản ghi – delete (tombstone)",
                "Giá trị null xóa bản ghi có khóa này.\n\nA null value deletes the record of this key.",
                payload: .object([("type", .string("null"))]), headers: CloudEventHeaders.schema(isTombstone: true),
                examples: tombstones.map { example($0) })
            let refused = message(
                deadLetterName, "Bản ghi bị từ chối – refused record",
                """
                Một bản ghi bị từ chối của \(name), đúng từng byte. \(DeadLetterGuide.others.vi)

                A refused record of \(name), byte for byte. \(DeadLetterGuide.others.en)
                """,
                // What was refused need not be JSON.
                contentType: "application/octet-stream", payload: nil, headers: DeadLetterGuide.headerSchema,
                examples: [])
            let messages = [(name, record), (deleteName, delete), (deadLetterName, refused)]
            return messages.map { (identifier($0.0), $0.1) }
        }

        private func message(
            _ messageName: String, _ title: String, _ description: String, contentType: String = "application/json",
            payload: JSON?, headers: JSON?, examples: [JSON]
        ) -> JSON {
            let key = JSON.object([
                ("type", .string("string")), ("description", .string(contract.key.joined(separator: ":"))),
            ])
            let kafka = JSON.object([("key", key), ("bindingVersion", .string(kafkaBindingVersion))])
            var members: [(String, JSON)] = [
                ("name", .string(messageName)), ("title", .string(title)), ("description", .string(description)),
                ("contentType", .string(contentType)), ("tags", tags),
            ]
            if let headers { members.append(("headers", headers)) }
            if let payload { members.append(("payload", payload)) }
            members.append(("bindings", .object([("kafka", kafka)])))
            if !examples.isEmpty { members.append(("examples", .array(examples))) }
            return .object(members)
        }

        private func example(_ record: ExampleRecord) -> JSON {
            let headers = JSON.object(record.headers.map { ($0.name, .string($0.value)) })
            return .object([
                ("name", .string(record.name)), ("summary", .string(record.why)), ("headers", headers),
                ("payload", record.value),
            ])
        }

        private func reference(_ place: String, _ name: String) -> JSON {
            .object([("$ref", .string("#/\(place)/\(name)"))])
        }
    }
}

/// Headers of CloudEvents 1.0 in Kafka's binary mode: welcome, and none of them required.
enum CloudEventHeaders {
    static func schema(isTombstone: Bool) -> JSON {
        var headers = [
            text("ce_specversion", "CloudEvents' version.", ("const", .string("1.0"))),
            text("ce_id", "Names the event; unique within its source.", ("minLength", .integer(1))),
            text("ce_source", "Where the event arose, a URI reference.", ("format", .string("uri-reference"))),
            text("ce_type", "What happened.", ("minLength", .integer(1))),
            text("ce_time", "When it happened, RFC 3339.", ("format", .string("date-time"))),
            text("content-type", "Of the value.", ("examples", .array([.string("application/json")]))),
        ]
        if isTombstone {
            let words =
                "The version of the delete, in the form of the version field; without it the offset alone decides."
            headers.append(text("ce_sourceversion", words, ("minLength", .integer(1))))
        }
        return .object([("type", .string("object")), ("properties", .object(headers))])
    }

    private static func text(_ name: String, _ description: String, _ keyword: (String, JSON)) -> (String, JSON) {
        (name, .object([("type", .string("string")), ("description", .string(description)), keyword]))
    }
}
