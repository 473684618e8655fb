// Rules between fields: the quality checks of engine `lienthong`, each with arguments that must name fields of the right type.
import Model
import Yams

struct RuleReader {
    let fields: [Field]
    /// False where a field's type was at fault: then types say nothing, and only names are judged.
    let fieldsAreSound: Bool
    let log: FindingLog

    /// The arguments of each rule by name; those of rules beginning with `warn` count, the others refuse.
    private static let arguments: [String: Set<String>] = [
        "dateOrder": ["first", "second"],
        "requireOneOf": ["fields"],
        "atMostOneFlagged": ["list", "flag"],
        "eachRequiresOneOf": ["list", "fields"],
        "insuranceCardAgrees": ["card", "group", "level"],
        "identifierByValue": ["field", "by", "cases", "otherwise"],
        "warnAbsent": ["field", "name"],
        "warnPersonalNumberDiffers": ["number", "birthDate", "sex"],
        "warnCardNumberDiffers": ["card", "number"],
    ]
    private static let engine = "lienthong"

    /// The rules in the contract's order.
    func rules(of object: DocumentMapping) -> [RecordRule] {
        (object.list("quality") ?? []).compactMap(rule)
    }

    private func rule(_ node: Node) -> RecordRule? {
        guard let check = DocumentMapping(node, of: "a rule of the record", keys: ContractKeys.quality, log: log) else {
            return nil
        }
        guard check.text("type") == "custom", let engine = check.text("engine") else {
            log.note(
                node, "a rule of the record is not enforced: only those of type custom and engine \(Self.engine) are")
            return nil
        }
        guard engine == Self.engine else {
            if Spelling.nearest(to: engine, among: [Self.engine]) != nil {
                check.fail("engine", "unknown engine \(engine): did you mean \(Self.engine)?")
            } else {
                log.note(node, "a rule of the record is not enforced: its engine is \(engine)")
            }
            return nil
        }
        guard let implementation = check["implementation"], let mapping = implementation.mapping else {
            check.fail("implementation", "expected implementation as a mapping with rule and its arguments")
            return nil
        }
        guard let name = mapping["rule"]?.scalar?.string, let known = Self.arguments[name] else {
            let given = mapping["rule"]?.scalar?.string ?? "(none)"
            let hint = Spelling.suggestion(for: given, among: Set(Self.arguments.keys))
            log.error(implementation, "unknown rule \(given)\(hint)")
            return nil
        }
        let severity = name.hasPrefix("warn") ? "warning" : "error"
        if check.text("severity", required: true).map({ $0 != severity }) ?? false {
            check.fail("severity", "expected severity of rule \(name) to be \(severity)")
        }
        let keys = KnownKeys(read: known.union(["rule"]))
        guard let arguments = DocumentMapping(implementation, of: "rule \(name)", keys: keys, log: log) else {
            return nil
        }
        return rule(name, arguments)
    }

    private func rule(_ name: String, _ arguments: DocumentMapping) -> RecordRule? {
        switch name {
        case "dateOrder": dateOrder(arguments)
        case "requireOneOf": requireOneOf(arguments)
        case "atMostOneFlagged": atMostOneFlagged(arguments)
        case "eachRequiresOneOf": eachRequiresOneOf(arguments)
        case "insuranceCardAgrees": insuranceCardAgrees(arguments)
        case "identifierByValue": identifierByValue(arguments)
        case "warnAbsent": warnAbsent(arguments)
        case "warnPersonalNumberDiffers": warnPersonalNumberDiffers(arguments)
        case "warnCardNumberDiffers": warnCardNumberDiffers(arguments)
        default: nil
        }
    }

    // MARK: One function a rule

    private func dateOrder(_ arguments: DocumentMapping) -> RecordRule? {
        guard let first = path("first", in: arguments, kind: .date),
            let second = path("second", in: arguments, kind: .date)
        else { return nil }
        if first == second { arguments.fail("second", "expected two different fields") }
        return .dateOrder(first: first, second: second)
    }

    private func requireOneOf(_ arguments: DocumentMapping) -> RecordRule? {
        guard let names = arguments.texts("fields", required: true) else { return nil }
        guard optionals(names, of: fields, in: arguments) else { return nil }
        return .requireOneOf(names)
    }

    private func atMostOneFlagged(_ arguments: DocumentMapping) -> RecordRule? {
        guard let (list, items) = listOfObjects(arguments), let flag = arguments.text("flag", required: true),
            let field = find(flag, among: items, key: "flag", in: arguments)
        else { return nil }
        if case .boolean = field.type {} else { mismatch("flag", flag, "a boolean field", in: arguments) }
        return .atMostOneFlagged(list: list, flag: flag)
    }

    private func eachRequiresOneOf(_ arguments: DocumentMapping) -> RecordRule? {
        guard let (list, items) = listOfObjects(arguments), let names = arguments.texts("fields", required: true),
            optionals(names, of: items, in: arguments)
        else { return nil }
        return .eachRequiresOneOf(list: list, fields: names)
    }

    private func insuranceCardAgrees(_ arguments: DocumentMapping) -> RecordRule? {
        guard let card = path("card", in: arguments, kind: .text),
            let group = path("group", in: arguments, kind: .text),
            let level = path("level", in: arguments, kind: .integer)
        else { return nil }
        return .insuranceCardAgrees(card: card, group: group, level: level)
    }

    private func identifierByValue(_ arguments: DocumentMapping) -> RecordRule? {
        guard let field = path("field", in: arguments, kind: .text), let by = path("by", in: arguments, kind: .text),
            let otherwise = arguments.choice("otherwise", of: IdentifierKind.self, what: "identifier")
        else {
            if arguments["otherwise"] == nil { arguments.fail("otherwise", "otherwise is missing") }
            return nil
        }
        guard let node = arguments["cases"], let mapping = node.mapping, !mapping.isEmpty else {
            arguments.fail("cases", "expected cases as a mapping from a value of \(by) to an identifier")
            return nil
        }
        var allowed: [String]?
        if case .text(let rule) = fields.field(at: by)?.type { allowed = rule.values }
        var cases: [String: IdentifierKind] = [:]
        let kinds = Set(IdentifierKind.allCases.map(\.rawValue))
        for (key, value) in mapping {
            guard let word = key.plainText, let name = value.plainText, let kind = IdentifierKind(rawValue: name) else {
                let name = value.scalar?.string ?? ""
                log.error(value, "unknown identifier \(name)\(Spelling.suggestion(for: name, among: kinds))")
                continue
            }
            if let allowed, !allowed.contains(word) {
                log.error(key, "\(word) is no value of \(by)\(Spelling.suggestion(for: word, among: Set(allowed)))")
            }
            cases[word] = kind
        }
        return .identifierByValue(field: field, by: by, cases: cases, otherwise: otherwise)
    }

    private func warnAbsent(_ arguments: DocumentMapping) -> RecordRule? {
        guard let path = path("field", in: arguments, kind: .any), let name = arguments.text("name", required: true)
        else {
            return nil
        }
        if fieldsAreSound, fields.field(at: path)?.required ?? false, !path.contains(".") {
            arguments.fail("field", "\(path) is required, so it is never absent")
        }
        let isCode = name.utf8.allSatisfy {
            ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == UInt8(ascii: "-")
        }
        if !isCode { arguments.fail("name", "expected name in a-z, 0-9 and -") }
        return .warnAbsent(field: path, name: name)
    }

    private func warnPersonalNumberDiffers(_ arguments: DocumentMapping) -> RecordRule? {
        guard let number = path("number", in: arguments, kind: .text) else { return nil }
        let birthDate = arguments["birthDate"] == nil ? nil : path("birthDate", in: arguments, kind: .date)
        let sex = arguments["sex"] == nil ? nil : path("sex", in: arguments, kind: .text)
        if arguments["birthDate"] == nil, arguments["sex"] == nil {
            arguments.fail("rule", "expected birthDate, sex or both")
        }
        return .warnPersonalNumberDiffers(number: number, birthDate: birthDate, sex: sex)
    }

    private func warnCardNumberDiffers(_ arguments: DocumentMapping) -> RecordRule? {
        guard let card = path("card", in: arguments, kind: .text),
            let number = path("number", in: arguments, kind: .text)
        else { return nil }
        return .warnCardNumberDiffers(card: card, number: number)
    }

    // MARK: Arguments

    private enum Kind: String {
        case text = "a text"
        case integer = "a whole number"
        case date = "a date"
        case any = "a field"
    }

    /// A dotted path to a field of the record that is of that kind.
    private func path(_ key: String, in arguments: DocumentMapping, kind: Kind) -> String? {
        guard let path = arguments.text(key, required: true),
            let field = find(path, among: fields, key: key, in: arguments)
        else { return nil }
        let fits =
            switch (kind, field.type) {
            case (.any, _), (.text, .text), (.integer, .integer), (.date, .date): true
            default: false
            }
        if !fits { mismatch(key, path, kind.rawValue, in: arguments) }
        return path
    }

    private func find(_ path: String, among fields: [Field], key: String, in arguments: DocumentMapping) -> Field? {
        if let field = fields.field(at: path) { return field }
        let hint = Spelling.suggestion(for: path, among: Set(fields.paths()))
        arguments.fail(key, "\(key) names \(path), which is no field of the contract\(hint)")
        return nil
    }

    private func mismatch(_ key: String, _ path: String, _ expected: String, in arguments: DocumentMapping) {
        guard fieldsAreSound else { return }
        arguments.fail(key, "expected \(key) to name \(expected), and \(path) is none")
    }

    private func listOfObjects(_ arguments: DocumentMapping) -> (String, [Field])? {
        guard let name = arguments.text("list", required: true),
            let field = find(name, among: fields, key: "list", in: arguments)
        else { return nil }
        guard case .list(.object(let items), _, _, _) = field.type else {
            mismatch("list", name, "a list of objects", in: arguments)
            return nil
        }
        return (name, items)
    }

    /// Whether all are fields, at least two; a required one would make the rule idle.
    private func optionals(_ names: [String], of fields: [Field], in arguments: DocumentMapping) -> Bool {
        if names.count < 2 { arguments.fail("fields", "expected at least two fields: one alone is simply required") }
        let found = names.map { find($0, among: fields, key: "fields", in: arguments) }
        // A required field within an optional object may be absent with it.
        for (name, field) in zip(names, found) where field?.required ?? false && fieldsAreSound && !name.contains(".") {
            arguments.fail("fields", "\(name) is required already, so the rule never acts")
        }
        return !found.contains { $0 == nil }
    }
}

extension Array where Element == Field {
    /// Dotted paths of all fields reachable through objects, for suggestions and for what a mapping forgets.
    func paths(under prefix: String = "") -> [String] {
        flatMap { field -> [String] in
            let path = prefix + field.name
            guard case .object(let inner) = field.type else { return [path] }
            return [path] + inner.paths(under: path + ".")
        }
    }
}
