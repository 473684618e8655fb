// One field as a subschema.
import Contracts
import Model

struct FieldSchema {
    let codeLists: CodeLists

    typealias Members = [(String, JSON)]

    /// Counted repetitions beyond this are more than some engines of regular expressions bear.
    private static let lengthInPatternMax = 1_000

    /// `properties` and `required` of an object's fields.
    /// - Parameter contract: of the record itself, whose key and version are marked; nil for objects within it.
    func members(of fields: [Field], contract: Contract? = nil) -> Members {
        var properties = fields.map { ($0.name, schema(of: $0, in: contract)) }
        if contract != nil { properties.append((Contract.stateSecret, Self.stateSecret)) }
        let required = fields.filter(\.required).map { JSON.string($0.name) }
        return [("properties", .object(properties))] + (required.isEmpty ? [] : [("required", .array(required))])
    }

    func schema(of field: Field, in contract: Contract?) -> JSON {
        let isVersion = contract?.versionField == field.name
        var members: Members = [
            ("description", .string(field.descriptionEnglish)),
            ("x-lienthong-descriptionVi", .string(field.descriptionVietnamese)),
            ("x-lienthong-classification", .string(field.classification.rawValue)),
        ]
        if let position = contract?.key.firstIndex(of: field.name) {
            members.append(("x-lienthong-keyPosition", .integer(Int64(position + 1))))
        }
        if isVersion { members.append(("x-lienthong-version", .boolean(true))) }
        members += self.members(of: field.type, required: field.required, isVersion: isVersion)
        if !field.examples.isEmpty { members.append(("examples", .array(field.examples))) }
        return .object(members)
    }

    /// The keywords of a type. An optional value may be null, and an optional text blank: both count as absent.
    func members(of type: FieldType, required: Bool, isVersion: Bool = false) -> Members {
        func typed(_ name: String) -> (String, JSON) {
            ("type", required ? .string(name) : .array([.string(name), .string("null")]))
        }
        switch type {
        case .text(let rule): return [typed("string")] + text(rule, required: required)
        case .integer(let minimum, let maximum):
            let least = isVersion ? max(1, minimum) : minimum
            return [typed("integer"), ("minimum", .integer(least)), ("maximum", .integer(maximum))]
        case .boolean: return [typed("boolean")]
        case .decimal(let scale, let minimum):
            return [typed("string")] + decimal(scale: scale, minimum: minimum, required: required)
        case .date(let partial, let minimum, let maximum):
            return [typed("string")] + date(partial: partial, minimum: minimum, maximum: maximum, required: required)
        case .timestamp:
            let format = Self.format("date-time", or: SchemaPattern.timestampOfRareForm)
            return [typed("string"), Self.pattern(SchemaPattern.timestamp, required: required), format]
        case .object(let fields): return [typed("object")] + members(of: fields)
        case .list(let item, let uniqueBy, let minimumItems, let maximumItems):
            return [typed("array")]
                + list(item, uniqueBy: uniqueBy, items: minimumItems...max(minimumItems, maximumItems))
        }
    }

    private static let stateSecret = JSON.object([
        (
            "description",
            .string("A record with anything but false or null here is refused, and kept nowhere (art. 1.2).")
        ),
        ("enum", .array([.boolean(false), .null])),
    ])

    static func pattern(_ body: String, required: Bool) -> (String, JSON) {
        ("pattern", .string(SchemaPattern.whole(body, required: required)))
    }

    /// Validators that assert formats know nothing of blanks around a text, nor of rare forms: those are told apart
    /// by a pattern, which validators that only annotate formats need not look at.
    private static func format(_ name: String, or otherForms: String) -> (String, JSON) {
        ("anyOf", .array([.object([("format", .string(name))]), .object([("pattern", .string(otherForms))])]))
    }

    // MARK: Text

    private func text(_ rule: TextRule, required: Bool) -> Members {
        var bodies: [String] = []
        var choices: [[String]] = []
        var comments: [String] = []
        var members: Members = []
        if let values = rule.values { choices.append(values) }
        if let codeList = rule.codeList {
            members.append(("x-lienthong-codeList", .string(codeList.rawValue)))
            if let date = rule.codeListDateField { members.append(("x-lienthong-codeListDateField", .string(date))) }
            let (codes, comment) = codes(of: codeList, dateField: rule.codeListDateField)
            if let codes { choices.append(codes) } else { bodies.append("[0-9]{5}") }
            if let comment { comments.append(comment) }
        }
        if let identifier = rule.identifier {
            members.append(("x-lienthong-identifier", .string(identifier.rawValue)))
            bodies += SchemaPattern.identifier(identifier)
            comments += SchemaPattern.identifierComment(identifier).map { [$0] } ?? []
        }
        if let pattern = rule.pattern {
            if let body = SchemaPattern.body(ofContractPattern: pattern) {
                bodies.append(body)
            } else {
                comments.append("In Unicode form NFC the text matches \(pattern).")
            }
        }
        let standard = TextRule()
        let isBounded = rule.minimumLength != standard.minimumLength || rule.maximumLength != standard.maximumLength
        if isBounded || (choices.isEmpty && rule.identifier == nil && rule.codeList == nil) {
            let length = length(rule, required: required, bodies: &bodies)
            members += length.members
            comments += length.comment.map { [$0] } ?? []
        }
        members += Self.patterns(bodies, required: required)
        members += Self.choices(choices, required: required)
        if !comments.isEmpty { members.append(("$comment", .string(comments.joined(separator: " ")))) }
        return members
    }

    private func length(
        _ rule: TextRule, required: Bool, bodies: inout [String]
    ) -> (members: Members, comment: String?) {
        let stated: Members = [("x-lienthong-maxLength", .integer(Int64(rule.maximumLength)))]
        guard rule.maximumLength > Self.lengthInPatternMax else {
            bodies.append(SchemaPattern.length(rule.minimumLength...max(rule.minimumLength, rule.maximumLength)))
            return (stated, nil)
        }
        // The product's own bound on a record keeps even the blanks within it.
        bodies.append(SchemaPattern.length(1...1) + #"[^\u0000]*"#)
        let limits = "\(rule.minimumLength) to \(rule.maximumLength)"
        return (stated, "The text has \(limits) characters after NFC and without blanks around it.")
    }

    private static func patterns(_ bodies: [String], required: Bool) -> Members {
        let patterns = bodies.map { pattern($0, required: required) }
        guard let first = patterns.first else { return [] }
        let others = patterns.dropFirst().map { JSON.object([$0]) }
        return [first] + (others.isEmpty ? [] : [("allOf", .array(others))])
    }

    /// Lists of values: as `enum` for readers and generators of code; with blanks around them, as a pattern.
    private static func choices(_ choices: [[String]], required: Bool) -> Members {
        let schemas = choices.map { values -> (String, JSON) in
            let listed = values.map { JSON.string($0) } + (required ? [] : [.null])
            let padded = JSON.object([pattern(SchemaPattern.oneOf(values), required: required)])
            return ("anyOf", .array([.object([("enum", .array(listed))]), padded]))
        }
        guard schemas.count > 1 else { return schemas }
        return [schemas[0], ("if", .boolean(true)), ("then", .object(Array(schemas.dropFirst())))]
    }

    /// The codes, nil where there are too many to list; and what is checked beyond them.
    private func codes(of kind: CodeListKind, dateField: String?) -> (codes: [String]?, comment: String?) {
        switch kind {
        case .province:
            guard let dateField else { return (codeLists.provinces(of: .province), nil) }
            return (
                codeLists.provinces(of: .provinceOfAnyTime),
                "The codes of today and of before are listed; which of them count is judged at \(dateField)."
            )
        case .provinceOfAnyTime: return (codeLists.provinces(of: .provinceOfAnyTime), nil)
        case .commune:
            let when = dateField.map {
                " where \($0) does not lie before \(Dates.text(day: CodeLists.mergerDay))"
            }
            return (nil, "The code is one of \(codeLists.communesOfToday.count) communes\(when ?? "").")
        case .country: return (codeLists.countryCodes, nil)
        }
    }

    // MARK: Decimals, dates and lists

    private func decimal(scale: Int, minimum: Int64?, required: Bool) -> Members {
        let pattern = Self.pattern(SchemaPattern.decimal(scale: scale, minimum: minimum), required: required)
        guard let minimum, minimum != 0 else { return [pattern] }
        return [pattern, ("$comment", .string("The number is not below \(minimum)."))]
    }

    private func date(partial: Bool, minimum: Int32?, maximum: Int32?, required: Bool) -> Members {
        let form = partial ? SchemaPattern.partialDate : SchemaPattern.date
        var bodies = [form]
        if let minimum {
            bodies.append(SchemaPattern.date(notBefore: Dates.text(day: minimum), partial: partial))
        }
        if let maximum { bodies.append(SchemaPattern.date(notAfter: Dates.text(day: maximum), partial: partial)) }
        let format = partial ? [] : [Self.format("date", or: SchemaPattern.blankOrPadded)]
        return Self.patterns(bodies, required: required) + format
    }

    private func list(_ item: FieldType, uniqueBy: String?, items: ClosedRange<Int>) -> Members {
        var members: Members = [("items", .object(self.members(of: item, required: true)))]
        if items.lowerBound > 0 { members.append(("minItems", .integer(Int64(items.lowerBound)))) }
        members.append(("maxItems", .integer(Int64(items.upperBound))))
        switch uniqueBy {
        case nil: break
        case "":
            members.append(("uniqueItems", .boolean(true)))
            if case .text = item {
                let rule = "No two items are the same in Unicode form NFC and without the blanks around them."
                members.append(("$comment", .string(rule)))
            }
        case .some(let name):
            members.append(("x-lienthong-uniqueBy", .string(name)))
            members.append(("$comment", .string("No two items have the same \(name).")))
        }
        return members
    }
}

extension CodeLists {
    /// The two-digit codes without a date, in their order.
    fileprivate func provinces(of kind: CodeListKind) -> [String] {
        (0...99).map(SchemaPattern.twoDigits).filter { contains($0, of: kind, on: nil) }
    }
}
