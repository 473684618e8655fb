// A contract as an Avro schema: a record for those who convert topics for their own tools. The topic itself holds JSON.
package import Contracts
package import Model

package enum AvroSchema {
    /// The schema of a topic's records. Optional fields are unions with null, which is their default; a date of which
    /// a part may be unknown is a string; a decimal has 38 digits, and the contract's scale.
    package static func document(of topic: TopicDefinition) -> JSON {
        let parts = topic.name.rawValue.split(separator: ".").map(String.init)
        var names = Names()
        let namespace = (["lienthong"] + [parts.first, parts.last].compactMap { $0 }).map(Names.part)
        // `<domain>.<entity>.v<major>`
        let name = names.unique(Names.type(parts.dropFirst().dropLast().joined(separator: "-")))
        return .object([
            ("type", .string("record")), ("name", .string(name)),
            ("namespace", .string(namespace.joined(separator: "."))),
            ("doc", .string(topic.contract.descriptionEnglish)),
            ("topic", .string(topic.name.rawValue)), ("contractVersion", .string(topic.contract.version)),
            ("fields", fields(topic.contract.fields, within: name, &names)),
        ])
    }

    private static let decimalPrecision: Int64 = 38

    private static func fields(_ fields: [Field], within record: String, _ names: inout Names) -> JSON {
        .array(
            fields.map { field in
                let type = type(field.type, name: record + Names.type(field.name), &names)
                var members: [(String, JSON)] = [
                    ("name", .string(field.name)),
                    ("type", field.required ? type : .array([.string("null"), type])),
                ]
                if !field.required { members.append(("default", .null)) }
                members.append(("doc", .string(field.descriptionEnglish)))
                members.append(("classification", .string(field.classification.rawValue)))
                return .object(members)
            })
    }

    private static func type(_ type: FieldType, name: String, _ names: inout Names) -> JSON {
        switch type {
        case .text(let rule): return text(rule, name: name, &names)
        case .integer: return .string("long")
        case .boolean: return .string("boolean")
        case .decimal(let scale, minimum: _):
            return .object([
                ("type", .string("bytes")), ("logicalType", .string("decimal")),
                ("precision", .integer(decimalPrecision)), ("scale", .integer(Int64(scale))),
            ])
        case .date(partial: true, minimum: _, maximum: _): return .string("string")
        case .date: return .object([("type", .string("int")), ("logicalType", .string("date"))])
        case .timestamp: return .object([("type", .string("long")), ("logicalType", .string("timestamp-micros"))])
        case .object(let inner):
            let name = names.unique(name)
            return .object([
                ("type", .string("record")), ("name", .string(name)), ("fields", fields(inner, within: name, &names)),
            ])
        case .list(let item, _, minimumItems: _, maximumItems: _):
            return .object([("type", .string("array")), ("items", self.type(item, name: name + "Item", &names))])
        }
    }

    /// Avro's symbols are names: values such as `civil-servant` are none, and stay strings.
    private static func text(_ rule: TextRule, name: String, _ names: inout Names) -> JSON {
        guard let values = rule.values, Set(values).count == values.count, values.allSatisfy(Names.isName) else {
            return .string("string")
        }
        return .object([
            ("type", .string("enum")), ("name", .string(names.unique(name))),
            ("symbols", .array(values.map { .string($0) })),
        ])
    }

    /// Names of types, of which no two may be the same.
    private struct Names {
        private var taken: Set<String> = []

        mutating func unique(_ name: String) -> String {
            var candidate = name
            var number = 2
            while !taken.insert(candidate).inserted {
                candidate = "\(name)\(number)"
                number += 1
            }
            return candidate
        }

        /// `dead-letter` and `deadLetter` as `DeadLetter`.
        static func type(_ text: String) -> String {
            let words = text.split { !isNameByte($0) }
            return words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        }

        /// A part of a namespace.
        static func part(_ text: String) -> String {
            let word = text.replacing("-", with: "_")
            return isName(word) ? word : "_\(word)"
        }

        static func isName(_ text: String) -> Bool {
            guard let first = text.first, !("0"..."9").contains(first) else { return false }
            return text.allSatisfy(isNameByte)
        }

        private static func isNameByte(_ character: Character) -> Bool {
            ("a"..."z").contains(character) || ("A"..."Z").contains(character) || ("0"..."9").contains(character)
                || character == "_"
        }
    }
}
