// A contract as JSON Schema 2020-12: whatever it can express of what the decoder checks, never more than that.
package import Contracts
package import Model

package enum JSONSchema {
    package static let dialect = "https://json-schema.org/draft/2020-12/schema"

    /// The schema of a topic's values. A value that it refuses is refused by the decoder; what the decoder checks
    /// beyond it is said in `$comment`. It speaks of JSON's data: of members of one name the first counts.
    /// - Parameter examples: of the topic; accepted ones that are plain JSON become `examples`.
    package static func document(of topic: TopicDefinition, codeLists: CodeLists, examples: [Example]) -> JSON {
        let contract = topic.contract
        let fields = FieldSchema(codeLists: codeLists)
        let rules = contract.rules.map { RuleSchema(fields: contract.fields).schema(of: $0) }
        let keywords = rules.compactMap(\.keywords)
        let comments = generalComments(of: contract) + rules.compactMap(\.comment)
        var members: [(String, JSON)] = [
            ("$schema", .string(dialect)),
            ("$id", .string(identifier(of: topic))),
            ("$comment", .string(comments.joined(separator: " "))),
            ("title", .string(topic.name.rawValue)),
            ("description", .string(contract.descriptionEnglish)),
            ("x-lienthong-descriptionVi", .string(contract.descriptionVietnamese)),
            ("x-lienthong-owner", .string(contract.owner)),
            ("x-lienthong-articles", .array(contract.articles.map { .string($0) })),
            ("x-lienthong-dataGroups", .array(contract.dataGroups.map { .integer(Int64($0)) })),
            ("type", .string("object")),
        ]
        members += fields.members(of: contract.fields, contract: contract)
        if !keywords.isEmpty { members.append(("allOf", .array(keywords))) }
        let values = ExampleRecord.shown(of: examples).map(\.value)
        if !values.isEmpty { members.append(("examples", .array(values))) }
        return .object(members)
    }

    /// Of the topic and the contract's version.
    package static func identifier(of topic: TopicDefinition) -> String {
        "urn:lienthong:topic:\(topic.name.rawValue):\(topic.contract.version)"
    }

    private static func generalComments(of contract: Contract) -> [String] {
        var comments = [
            "Members that are not named here are allowed and not stored.",
            "Texts are judged in Unicode form NFC, without the blanks around them.",
            "The message's key is \(contract.key.joined(separator: ":")) and must agree with the value;"
                + " key, value and headers have at most \(Limits.recordBytesMax) bytes together.",
            "Whole numbers are written without a fraction: 7.0 is refused, although it is an integer here.",
        ]
        if let version = contract.fields.first(where: { $0.name == contract.versionField }),
            case .timestamp = version.type
        {
            comments.append("\(version.name) lies at most a day beyond the time of the Kafka record.")
        }
        return comments
    }
}
