// The example values that a contract gives beside its fields: a reader copies them, so each must be right.
import Model

enum FieldExamples {
    /// One finding for each example that its own field would refuse.
    static func findings(of topic: TopicDefinition, codeLists: CodeLists) -> [LintFinding] {
        let fields = fieldsWithExamples(topic.contract.fields, under: "")
        guard !fields.isEmpty else { return [] }
        let decoder: RecordDecoder
        do {
            decoder = try RecordDecoder(definition(of: fields.map(\.field), like: topic), codeLists: codeLists)
        } catch {
            return [finding(topic, nil, error.description)]
        }
        return fields.enumerated().flatMap { number, entry in
            entry.field.examples.enumerated().compactMap { place, example in
                refusal(of: example, at: number, by: decoder).map { refusal in
                    finding(
                        topic, entry.field.line,
                        "field \(entry.path): example \(place + 1) would be refused: \(refusal.reason.rawValue), "
                            + "expected \(refusal.rule)")
                }
            }
        }
    }

    private static func finding(_ topic: TopicDefinition, _ line: Int?, _ message: String) -> LintFinding {
        LintFinding(.error, file: "\(topic.folder)/\(CatalogueReading.contractFile)", line: line, message: message)
    }

    private static func fieldsWithExamples(_ fields: [Field], under prefix: String) -> [(path: String, field: Field)] {
        fields.flatMap { field -> [(path: String, field: Field)] in
            let path = prefix + field.name
            let own = field.examples.isEmpty ? [] : [(path: path, field: field)]
            return switch field.type {
            case .object(let inner): own + fieldsWithExamples(inner, under: path + ".")
            case .list(.object(let inner), _, _, _): own + fieldsWithExamples(inner, under: path + "[].")
            case .list, .text, .integer, .boolean, .decimal, .date, .timestamp: own
            }
        }
    }

    /// A topic with these fields alone, each under a name of its own and for itself: no rule between fields, no date of
    /// a code list.
    private static func definition(of fields: [Field], like topic: TopicDefinition) -> TopicDefinition {
        var contract = topic.contract
        contract.fields = [
            Field(name: "key", type: .text(TextRule()), required: true),
            Field(name: "version", type: .integer(minimum: 1, maximum: 1), required: true),
        ]
        for (number, field) in fields.enumerated() {
            var alone = field
            alone.name = name(number)
            alone.required = false
            if case .text(var rule) = field.type {
                rule.codeListDateField = nil
                alone.type = .text(rule)
            }
            contract.fields.append(alone)
        }
        contract.key = ["key"]
        contract.versionField = "version"
        contract.rules = []
        let mapping = Mapping(
            revision: 1, table: topic.mapping.table, view: topic.mapping.view,
            key: [Mapping.Column(name: "key", field: "key")], columns: [], children: [])
        return TopicDefinition(name: topic.name, folder: topic.folder, contract: contract, mapping: mapping)
    }

    private static func name(_ number: Int) -> String { "f\(number)" }

    private static func refusal(of example: JSON, at number: Int, by decoder: RecordDecoder) -> Refusal? {
        let value = JSON.object([("key", .string("k")), ("version", .integer(1)), (name(number), example)])
        decoder.reset()
        let verdict = Array(value.text.utf8).withUnsafeBytes { value in
            [UInt8(ascii: "k")].withUnsafeBytes { key in
                decoder.decode(
                    key: key, value: value, valueIsPadded: false, headersByteCount: 0, timestampMilliseconds: nil,
                    tombstoneVersion: nil)
            }
        }
        if case .refused(let refusal) = verdict { return refusal }
        return nil
    }
}
