// A contract's fields: names, types and the options that fit each type.
import Model
import Yams

/// Reads lists of properties, and remembers which of the top-level ones are the key and the version.
struct FieldReader {
    private let log: FindingLog
    private var keyFields: [(field: Field, position: Int64, node: Node)] = []
    private var versionFields: [(field: Field, node: Node)] = []

    private static let depthMax = 5
    private static let fieldsMax = 500
    private static let itemsMax: Int64 = 10_000

    init(log: FindingLog) {
        self.log = log
    }

    /// The fields of one object. A field whose type is at fault is kept as a text, so that rules and mapping find its name.
    mutating func fields(_ nodes: [Node], of path: String, depth: Int) -> [Field] {
        guard depth <= Self.depthMax, nodes.count <= Self.fieldsMax else {
            log.error(nodes.first, "expected at most \(Self.fieldsMax) fields, at most \(Self.depthMax) objects deep")
            return []
        }
        if nodes.isEmpty {
            log.add(.error, at: nil, "\(path.isEmpty ? "the record" : path): expected at least one field")
        }
        var read: [(field: Field, node: Node)] = []
        for node in nodes {
            guard let field = field(node, within: path, depth: depth) else { continue }
            if read.contains(where: { $0.field.name == field.name }) {
                log.error(node, "field \(path)\(field.name): two fields of one name")
            } else {
                read.append((field, node))
            }
        }
        let fields = read.map(\.field)
        for (field, node) in read { checkDateField(of: field, among: fields, within: path, at: node) }
        return fields
    }

    /// The names of the key's fields, in order.
    func key(at object: Node) -> [String] {
        let sorted = keyFields.sorted { $0.position < $1.position }
        if sorted.isEmpty { log.error(object, "expected a field with primaryKey: true") }
        for (index, entry) in sorted.enumerated() {
            let name = entry.field.name
            if entry.position != Int64(index + 1) {
                log.error(entry.node, "field \(name): expected primaryKeyPosition to number the key's fields from 1")
            }
            if !entry.field.required {
                log.error(entry.node, "field \(name): expected a field of the key to be required")
            }
            switch entry.field.type {
            case .text, .integer, .date(partial: false, minimum: _, maximum: _): break
            case .boolean, .decimal, .date, .timestamp, .object, .list:
                log.error(
                    entry.node, "field \(name): expected a field of the key to be text, a whole number or a whole date")
            }
        }
        return sorted.map(\.field.name)
    }

    /// The name of the field that holds a record's version.
    func version(at object: Node) -> String? {
        guard let first = versionFields.first else {
            log.error(
                object,
                "expected a field with the custom property version: a whole number or a timestamp that only grows")
            return nil
        }
        for other in versionFields.dropFirst() {
            log.error(other.node, "field \(other.field.name): the version is \(first.field.name) already")
        }
        if !first.field.required {
            log.error(first.node, "field \(first.field.name): expected the version to be required")
        }
        switch first.field.type {
        case .integer, .timestamp: break
        case .text, .boolean, .decimal, .date, .object, .list:
            log.error(first.node, "field \(first.field.name): expected the version to be an integer or a timestamp")
        }
        return first.field.name
    }

    private mutating func field(_ node: Node, within path: String, depth: Int) -> Field? {
        let label = node.mapping?["name"]?.scalar?.string ?? "without a name"
        guard let property = DocumentMapping(node, of: "field \(path)\(label)", keys: ContractKeys.property, log: log),
            let name = property.text("name", required: true)
        else { return nil }
        if !Self.isFieldName(name) { property.fail("name", "expected a name in lowerCamelCase of a-z, A-Z and 0-9") }
        let custom = customProperties(of: property)
        if property.text("description") == nil { log.warn(node, "\(property.subject): description is missing") }
        let vietnamese = custom.text("descriptionVi")
        if vietnamese == nil { log.warn(node, "\(property.subject): descriptionVi is missing") }
        let type = type(of: property, custom: custom, path: "\(path)\(name)", depth: depth)
        let field = Field(
            name: name, type: type ?? .text(TextRule()), required: property.flag("required") ?? false,
            classification: property.choice("classification", of: Classification.self, what: "classification")
                ?? .internal,
            descriptionEnglish: property.text("description") ?? "", descriptionVietnamese: vietnamese ?? "",
            examples: (property.list("examples") ?? []).map(\.json), line: property.node.mark?.line
        )
        remember(field, property, custom, isTopLevel: depth == 0)
        return field
    }

    private mutating func remember(
        _ field: Field, _ property: DocumentMapping, _ custom: DocumentMapping, isTopLevel: Bool
    ) {
        let isKey = property.flag("primaryKey") ?? false
        let position = property.integer("primaryKeyPosition", in: 1...16, required: isKey)
        if isKey {
            if !isTopLevel { property.fail("primaryKey", "expected the key's fields at the top of the record") }
            if let position { keyFields.append((field, position, property.node)) }
        } else if position != nil {
            property.fail("primaryKeyPosition", "expected primaryKey: true beside primaryKeyPosition")
        }
        if custom.flag("version") ?? false {
            if !isTopLevel { property.fail("name", "expected the version at the top of the record") }
            versionFields.append((field, property.node))
        }
    }

    private func customProperties(of property: DocumentMapping) -> DocumentMapping {
        DocumentMapping(
            customProperties: property["customProperties"], of: property.node, subject: property.subject,
            known: ContractKeys.fieldProperties, log: log
        )
    }

    // MARK: Types

    private static let logicalTypes: Set = ["string", "integer", "boolean", "date", "timestamp", "object", "array"]
    /// Custom properties that fit a type; a rule on the wrong type would never be checked.
    private static let propertiesOfType: [String: Set<String>] = [
        "string": ["identifier", "codeList", "codeListDateField", "decimalScale", "decimalMinimum"],
        "integer": ["version"], "timestamp": ["version"], "date": ["partialDate"], "array": ["uniqueBy"],
    ]

    /// Classes of Decree 102/2025 art. 9.2 b and c.
    private static let classesOfPersons: Set = [
        Classification.personal.rawValue, Classification.health.rawValue, Classification.family.rawValue,
    ]

    private mutating func type(
        of property: DocumentMapping, custom: DocumentMapping, path: String, depth: Int
    ) -> FieldType? {
        guard let name = property.text("logicalType", required: true) else { return nil }
        guard Self.logicalTypes.contains(name) else {
            let hint =
                name == "number"
                ? ": decimals are texts, so write string with the custom property decimalScale"
                : Spelling.suggestion(for: name, among: Self.logicalTypes)
            property.fail("logicalType", "unknown type \(name)\(hint)")
            return nil
        }
        let subject = "logicalTypeOptions of \(property.subject)"
        let options = DocumentMapping(
            property["logicalTypeOptions"] ?? Node([(Node, Node)]()), of: subject, keys: ContractKeys.options(of: name),
            log: log
        )
        guard let options else { return nil }
        let fitting = Self.propertiesOfType[name, default: []].union(["descriptionVi"])
        for stray in custom.given.subtracting(fitting).sorted() {
            custom.fail(stray, "\(stray) does not fit a field of type \(name)")
        }
        if name != "object", property["properties"] != nil {
            property.fail("properties", "only an object has properties")
        }
        if name != "array", property["items"] != nil { property.fail("items", "only an array has items") }
        let values = allowedValues(of: property, isText: name == "string")
        switch name {
        case "string": return text(property, options: options, custom: custom, values: values)
        case "integer": return integer(options)
        case "boolean": return .boolean
        case "date": return date(options, custom: custom)
        case "timestamp": return .timestamp
        case "object":
            guard let nodes = property.list("properties", required: true) else { return nil }
            return .object(fields(nodes, of: path + ".", depth: depth + 1))
        default: return list(property, options: options, custom: custom, path: path, depth: depth)
        }
    }

    private func text(
        _ property: DocumentMapping, options: DocumentMapping, custom: DocumentMapping, values: [String]?
    ) -> FieldType? {
        if custom["decimalScale"] != nil { return decimal(options: options, custom: custom, values: values) }
        if custom["decimalMinimum"] != nil {
            custom.fail("decimalMinimum", "expected decimalScale beside decimalMinimum")
        }
        let bytesMax = Int64(Limits.recordBytesMax)
        var rule = TextRule(values: values)
        if let length = options.integer("minLength", in: 1...bytesMax) { rule.minimumLength = Int(length) }
        if let length = options.integer("maxLength", in: 1...bytesMax) { rule.maximumLength = Int(length) }
        if rule.minimumLength > rule.maximumLength {
            options.fail("minLength", "expected minLength not above maxLength")
        }
        rule.pattern = options.text("pattern")
        if let pattern = rule.pattern, let fault = Self.fault(ofPattern: pattern) { options.fail("pattern", fault) }
        rule.identifier = custom.choice("identifier", of: IdentifierKind.self, what: "identifier")
        if let identifier = rule.identifier, identifier.namesPerson,
            !Self.classesOfPersons.contains(property.text("classification") ?? "")
        {
            let classes = Self.classesOfPersons.sorted().joined(separator: ", ")
            log.warn(
                property.node,
                "\(property.subject): it identifies a person: expected its classification among \(classes)")
        }
        rule.codeList = custom.choice("codeList", of: CodeListKind.self, what: "code list")
        rule.codeListDateField = custom.text("codeListDateField")
        if rule.codeListDateField != nil {
            switch rule.codeList {
            case .province, .commune: break
            case .provinceOfAnyTime, .country, nil:
                custom.fail("codeListDateField", "only the code lists province and commune are judged at a date")
            }
        }
        return .text(rule)
    }

    private func decimal(options: DocumentMapping, custom: DocumentMapping, values: [String]?) -> FieldType? {
        for stray in options.given.sorted() { options.fail(stray, "\(stray) does not fit a decimal") }
        for stray in custom.given.intersection(["identifier", "codeList", "codeListDateField"]).sorted() {
            custom.fail(stray, "\(stray) does not fit a decimal")
        }
        if values != nil { custom.fail("decimalScale", "validValues do not fit a decimal") }
        guard let scale = custom.integer("decimalScale", in: 0...18) else { return nil }
        return .decimal(scale: Int(scale), minimum: custom.integer("decimalMinimum"))
    }

    private func integer(_ options: DocumentMapping) -> FieldType? {
        let minimum = options.integer("minimum") ?? Int64.min
        let maximum = options.integer("maximum") ?? Int64.max
        guard minimum <= maximum else {
            options.fail("minimum", "expected minimum not above maximum")
            return nil
        }
        return .integer(minimum: minimum, maximum: maximum)
    }

    private func date(_ options: DocumentMapping, custom: DocumentMapping) -> FieldType? {
        let minimum = options.day("minimum")
        let maximum = options.day("maximum")
        if let minimum, let maximum, minimum > maximum {
            options.fail("minimum", "expected minimum not above maximum")
        }
        return .date(partial: custom.flag("partialDate") ?? false, minimum: minimum, maximum: maximum)
    }

    private mutating func list(
        _ property: DocumentMapping, options: DocumentMapping, custom: DocumentMapping, path: String, depth: Int
    ) -> FieldType? {
        let itemsMax = options.integer("maxItems", in: 1...Self.itemsMax)
        if itemsMax == nil, options["maxItems"] == nil {
            property.fail("logicalTypeOptions", "expected logicalTypeOptions.maxItems: every list has a bound")
        }
        let itemsMin = options.integer("minItems", in: 0...Self.itemsMax) ?? 0
        if let itemsMax, itemsMin > itemsMax { options.fail("minItems", "expected minItems not above maxItems") }
        guard let node = property["items"] else {
            property.fail("items", "items is missing")
            return nil
        }
        let subject = "the items of \(property.subject)"
        guard depth < Self.depthMax,
            let item = DocumentMapping(node, of: subject, keys: ContractKeys.property, log: log)
        else {
            return nil
        }
        for stray in ["primaryKey", "primaryKeyPosition", "required"] where item[stray] != nil {
            item.fail(stray, "\(stray) does not fit the items of a list")
        }
        // The list's class is the one that masking obeys, so another one on the items would be lost.
        if let own = item.text("classification"), own != property.text("classification") {
            item.fail("classification", "expected the items' classification to be that of the list")
        }
        let itemCustom = customProperties(of: item)
        if itemCustom["codeListDateField"] != nil {
            itemCustom.fail("codeListDateField", "an item of a list has no date beside it: expected objects with both")
        }
        let type = type(of: item, custom: itemCustom, path: "\(path)[]", depth: depth + 1)
        guard let type, let itemsMax else { return nil }
        let uniqueBy = uniqueBy(options, custom, item: type)
        return .list(type, uniqueBy: uniqueBy, minimumItems: Int(itemsMin), maximumItems: Int(itemsMax))
    }

    private func uniqueBy(_ options: DocumentMapping, _ custom: DocumentMapping, item: FieldType) -> String? {
        guard let name = custom.text("uniqueBy", mayBeEmpty: true) else {
            guard options.flag("uniqueItems") ?? false else { return nil }
            switch item {
            case .object, .list:
                options.fail(
                    "uniqueItems", "items with parts are told apart by one field: write uniqueBy with its name")
            case .text, .integer, .boolean, .decimal, .date, .timestamp: break
            }
            return ""
        }
        if options["uniqueItems"] != nil { options.fail("uniqueItems", "uniqueBy says it already") }
        guard case .object(let fields) = item else {
            if !name.isEmpty { custom.fail("uniqueBy", "expected uniqueBy \"\" where items are no objects") }
            return name
        }
        guard let field = fields.first(where: { $0.name == name }) else {
            let names = Set(fields.map(\.name))
            custom.fail(
                "uniqueBy", "uniqueBy names no field of the items\(Spelling.suggestion(for: name, among: names))")
            return nil
        }
        switch field.type {
        case .object, .list: custom.fail("uniqueBy", "expected uniqueBy to name a field that is no object and no list")
        case .text, .integer, .boolean, .decimal, .date, .timestamp: break
        }
        return name
    }

    // MARK: Rules within a field

    /// `validValues` of the library check `invalidValues`; other checks are named as not enforced.
    private func allowedValues(of property: DocumentMapping, isText: Bool) -> [String]? {
        var values: [String]?
        for node in property.list("quality") ?? [] {
            let subject = "a quality check of \(property.subject)"
            guard let check = DocumentMapping(node, of: subject, keys: ContractKeys.quality, log: log) else { continue }
            let metrics: Set = ["invalidValues", "nullValues", "missingValues", "duplicateValues", "rowCount"]
            guard let metric = check.text("metric") else {
                log.note(node, "\(subject) is not enforced: only metric invalidValues is")
                continue
            }
            guard metrics.contains(metric) else {
                check.fail("metric", "unknown metric \(metric)\(Spelling.suggestion(for: metric, among: metrics))")
                continue
            }
            guard metric == "invalidValues" else {
                log.note(node, "\(subject): \(metric) is not enforced")
                continue
            }
            if check.integer("mustBe", required: true).map({ $0 != 0 }) ?? false {
                check.fail("mustBe", "expected mustBe: 0")
            }
            let keys = KnownKeys(read: ["validValues"], unenforced: ["pattern"])
            guard
                let arguments = DocumentMapping(check["arguments"], of: "arguments of \(subject)", keys: keys, log: log)
            else {
                check.fail("arguments", "expected arguments with validValues")
                continue
            }
            if !isText { check.fail("arguments", "validValues fit a field of type string only") }
            if values != nil { check.fail("metric", "given twice") }
            values = arguments.texts("validValues", required: true)
        }
        return values
    }

    private func checkDateField(of field: Field, among siblings: [Field], within path: String, at node: Node) {
        guard case .text(let rule) = field.type, let name = rule.codeListDateField else { return }
        guard let sibling = siblings.first(where: { $0.name == name }), case .date = sibling.type else {
            let dates = siblings.filter { if case .date = $0.type { true } else { false } }.map(\.name)
            let hint = Spelling.suggestion(for: name, among: Set(dates))
            log.error(node, "field \(path)\(field.name): codeListDateField names no date field beside it\(hint)")
            return
        }
    }

    private static func isFieldName(_ text: String) -> Bool {
        guard let first = text.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first) else { return false }
        return text.utf8.count <= 63
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
    }

    /// What is wrong with a pattern, or nil.
    private static func fault(ofPattern pattern: String) -> String? {
        guard pattern.hasPrefix("^"), pattern.hasSuffix("$") else { return "expected pattern to be anchored: ^…$" }
        do {
            _ = try Pattern(pattern)
            return try Pattern.ambiguity(of: pattern)
        } catch {
            return "the pattern is not of the language that can be checked: \(error.description)"
        }
    }
}

extension IdentifierKind {
    /// Whether the identifier is a person's own.
    fileprivate var namesPerson: Bool {
        switch self {
        case .personalNumber, .oldIdentityNumber, .passportNumber, .personalTaxCode, .socialInsuranceNumber,
            .insuranceCard:
            true
        case .taxCode, .enterpriseCode, .stateAgencyCode, .practiceLicence, .facilityCode, .medicineRegistrationNumber,
            .deviceCirculationNumber, .icd10:
            false
        }
    }
}
