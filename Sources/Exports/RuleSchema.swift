// Rules between fields as subschemas of the whole record.
import Contracts
import Model

struct RuleSchema {
    /// Of the record.
    let fields: [Field]

    /// What can be expressed, and in words what cannot; both nil for a rule that only warns.
    func schema(of rule: RecordRule) -> (keywords: JSON?, comment: String?) {
        switch rule {
        case .dateOrder(let first, let second):
            return (nil, "\(first) does not lie after \(second), where both are whole dates.")
        case .requireOneOf(let paths):
            return (.object([("anyOf", .array(paths.compactMap { presence($0[...], in: fields) }))]), nil)
        case .atMostOneFlagged(let list, let flag):
            let flagged = Self.nested(flag, .object([("const", .boolean(true))]), isRequired: true)
            let contains: [(String, JSON)] = [
                ("contains", flagged), ("minContains", .integer(0)), ("maxContains", .integer(1)),
            ]
            return (Self.nested(list, .object(contains)), nil)
        case .eachRequiresOneOf(let list, let paths):
            guard case .list(.object(let members), _, _, _) = fields.field(at: list)?.type else { return (nil, nil) }
            let items = JSON.object([("anyOf", .array(paths.compactMap { presence($0[...], in: members) }))])
            return (Self.nested(list, .object([("items", items)])), nil)
        case .insuranceCardAgrees(let card, let group, let level):
            return (levels(card: card, level: level), "The first two letters of \(card) are \(group).")
        case .identifierByValue(let field, let by, let cases, let otherwise):
            return identifier(of: field, by: by, cases: cases, otherwise: otherwise)
        case .warnAbsent, .warnPersonalNumberDiffers, .warnCardNumberDiffers: return (nil, nil)
        }
    }

    /// A schema for the member at a dotted path; without it, or through something that is no object, there is nothing
    /// to judge unless the path is required.
    private static func nested(_ path: String, _ schema: JSON, isRequired: Bool = false) -> JSON {
        path.split(separator: ".").reversed().reduce(schema) { inner, name in
            let properties = ("properties", JSON.object([(String(name), inner)]))
            return .object(isRequired ? [("required", .array([.string(String(name))])), properties] : [properties])
        }
    }

    /// That the field at the path counts as present: not null, and of a text not blank.
    private func presence(_ path: Substring, in fields: [Field]) -> JSON? {
        fields.field(at: String(path)).map { Self.nested(String(path), Self.present($0.type), isRequired: true) }
    }

    private static func present(_ type: FieldType) -> JSON {
        switch type {
        case .text, .decimal, .date, .timestamp:
            .object([("type", .string("string")), ("pattern", .string(SchemaPattern.present))])
        case .integer, .boolean, .object, .list: .object([("not", .object([("type", .string("null"))]))])
        }
    }

    // MARK: Insurance cards

    /// The card's third character is the level, level by level. Only of cards in their standard shape, where it is a
    /// digit after two letters.
    private func levels(card: String, level: String) -> JSON? {
        guard case .text(let rule) = fields.field(at: card)?.type, rule.identifier == .insuranceCard,
            case .integer(let minimum, let maximum) = fields.field(at: level)?.type, minimum >= 0, maximum <= 9
        else { return nil }
        let cases = (minimum...maximum).map { number -> JSON in
            let isLevel = Self.nested(level, .object([("const", .integer(number))]), isRequired: true)
            let pattern = SchemaPattern.whole("[A-Z]{2}\(number)[0-9]{12}", required: false)
            return .object([
                ("if", isLevel), ("then", Self.nested(card, .object([("pattern", .string(pattern))]))),
            ])
        }
        return .object([("allOf", .array(cases))])
    }

    // MARK: Identifiers by value

    private func identifier(
        of field: String, by: String, cases: [String: IdentifierKind], otherwise: IdentifierKind
    ) -> (JSON, String?) {
        func shape(_ kind: IdentifierKind) -> JSON {
            let patterns = SchemaPattern.identifier(kind).map {
                JSON.object([FieldSchema.pattern($0, required: false)])
            }
            return Self.nested(field, patterns.count == 1 ? patterns[0] : .object([("allOf", .array(patterns))]))
        }
        let kinds = Set(cases.values).sorted { $0.rawValue < $1.rawValue }
        let choice = kinds.reversed().reduce(shape(otherwise)) { rest, kind in
            let values = cases.filter { $0.value == kind }.keys.sorted()
            let pattern = SchemaPattern.whole(SchemaPattern.oneOf(values), required: true)
            // A pattern alone is silent about null, which is no case.
            let isText = JSON.object([("type", .string("string")), ("pattern", .string(pattern))])
            let isCase = Self.nested(by, isText, isRequired: true)
            return .object([("if", isCase), ("then", shape(kind)), ("else", rest)])
        }
        let comments = Set((kinds + [otherwise]).compactMap(SchemaPattern.identifierComment)).sorted()
        return (choice, comments.isEmpty ? nil : "\(field): " + comments.joined(separator: " "))
    }
}
