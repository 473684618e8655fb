// Contract and mapping to the decoder's tables. Whatever does not fit is an error here, never on a record.
import Model

struct RecordCompiler {
    /// The member that marks a record as a state secret; no contract declares it.

    private(set) var paths: [String] = []
    private(set) var warnings: [QualityWarning] = []
    private(set) var fields: [FieldStep] = []
    /// Of each field.
    private(set) var names: [Word] = []
    private(set) var objects: [ObjectStep] = []
    private(set) var lists: [ListStep] = []
    private(set) var items: [FieldStep] = []
    private(set) var columns: [ColumnStep] = []
    private(set) var children: [ChildStep] = []
    private(set) var rules: [RuleStep] = []
    private(set) var listRules: [ListRuleStep] = []
    private(set) var ruleSlots: [Int] = []
    private(set) var ruleCases: [RuleCase] = []
    private(set) var values: [Word] = []
    private(set) var keyFields: [Int] = []
    private(set) var slotCount = 0
    private(set) var ruleStateCount = 0
    private(set) var keyColumns = 0..<0
    private(set) var contentColumns = 0..<0
    private(set) var versionField = 0
    private(set) var patterns: [Pattern] = []
    /// Copies of names and values that the tables point into; who takes the tables frees them.
    private(set) var texts: [UnsafeMutableBufferPointer<UInt8>] = []

    private let subject: String
    private let folder: String

    init(_ definition: TopicDefinition) {
        subject = definition.name.rawValue
        folder = definition.folder
    }

    /// Fills the tables; returns the root's index in `objects`.
    mutating func compile(_ definition: TopicDefinition) throws(UserError) -> Int {
        do {
            let contract = definition.contract
            let root = try compile(contract.fields, prefix: "", top: true)
            try compileVersion(contract, root: root)
            try compileKey(contract, root: root)
            try compileMapping(definition.mapping, of: contract, root: root)
            try compileListRules(contract, root: root)
            for rule in contract.rules { try compile(rule, root: root) }
            return root
        } catch {
            for text in texts { text.deallocate() }
            throw error
        }
    }

    private func failure(_ cause: String) -> UserError {
        UserError(
            action: "compiling the contract of", subject: subject, cause: cause,
            nextStep: "correct contract or mapping in \(folder) and run `lienthong topics lint`", status: .configuration
        )
    }

    // MARK: Fields

    private mutating func compile(_ contract: [Field], prefix: String, top: Bool) throws(UserError) -> Int {
        var steps: [FieldStep] = []
        for field in contract {
            guard contract.filter({ $0.name == field.name }).count == 1 else {
                throw failure("the field \(prefix)\(field.name) is declared twice")
            }
            if top && field.name == Contract.stateSecret {
                throw failure("\(Contract.stateSecret) is not declared: every record may carry it")
            }
            steps.append(try compile(field, prefix: prefix))
        }
        for (index, field) in contract.enumerated() {
            guard case .text(let rule) = field.type, let dateName = rule.codeListDateField else { continue }
            guard let date = contract.firstIndex(where: { $0.name == dateName }), case .date = contract[date].type
            else {
                throw failure("\(prefix)\(field.name): \(dateName) is not a date beside it")
            }
            steps[index].dateSibling = date
        }
        let first = fields.count
        fields += steps
        for field in contract { names.append(Word(keep(field.name))) }
        objects.append(ObjectStep(fields: first..<fields.count))
        return objects.count - 1
    }

    private mutating func compile(_ field: Field, prefix: String) throws(UserError) -> FieldStep {
        let path = prefix + field.name
        var step = FieldStep(
            jsonName: keep(jsonString(field.name) + ":"), kind: .text, isRequired: field.required,
            path: pathIndex(path), slot: slotCount, slotEnd: 0
        )
        slotCount += 1
        switch field.type {
        case .text(let rule): try compile(rule, into: &step, path: path)
        case .integer(let minimum, let maximum):
            step.kind = .integer
            step.minimum = minimum
            step.maximum = maximum
        case .boolean: step.kind = .boolean
        case .decimal(let scale, let minimum):
            step.kind = .decimal
            step.scale = scale
            step.hasMinimum = minimum != nil
            step.minimum = minimum ?? .min
        case .date(let partial, let minimum, let maximum):
            step.kind = .date
            step.isPartial = partial
            step.minimum = minimum.map(Int64.init) ?? .min
            step.maximum = maximum.map(Int64.init) ?? .max
        case .timestamp: step.kind = .timestamp
        case .object(let nested):
            step.kind = .object
            step.nested = try compile(nested, prefix: path + ".", top: false)
        case .list(let item, let uniqueBy, let minimumItems, let maximumItems):
            step.kind = .list
            step.nested = try compileList(
                of: item, uniqueBy: uniqueBy, itemCount: minimumItems...max(minimumItems, maximumItems), path: path)
        }
        step.slotEnd = slotCount
        return step
    }

    private mutating func compile(_ rule: TextRule, into step: inout FieldStep, path: String) throws(UserError) {
        step.kind = .text
        step.minimumLength = rule.minimumLength
        step.maximumLength = rule.maximumLength
        if let text = rule.pattern {
            do throws(PatternError) {
                let pattern = try Pattern(text)
                patterns.append(pattern)
                step.pattern = pattern.table
            } catch {
                throw failure("\(path): pattern: \(error)")
            }
        }
        if let allowed = rule.values {
            let first = values.count
            for value in allowed { values.append(Word(keep(value))) }
            step.values = first..<values.count
            guard !step.values.isEmpty else { throw failure("\(path): a list of no values allows none") }
        }
        step.identifier = rule.identifier
        step.codeList = rule.codeList
    }

    private mutating func compileList(
        of item: FieldType, uniqueBy: String?, itemCount: ClosedRange<Int>, path: String
    ) throws(UserError) -> Int {
        let itemPath = path + "[]"
        // An item has no name of its own, and none may be null: it is required.
        let step = try compile(Field(name: "", type: item, required: true), prefix: itemPath)
        var list = ListStep(
            itemCount: itemCount, uniqueSlot: -1, uniquePath: -1, children: 0..<0, rules: 0..<0
        )
        if let uniqueBy {
            var unique = step
            if !uniqueBy.isEmpty {
                guard step.kind == .object, let field = field(uniqueBy, of: step.nested) else {
                    throw failure("\(itemPath) has no field \(uniqueBy) to be unique by")
                }
                unique = fields[field]
            }
            switch unique.kind {
            case .text, .decimal, .date, .timestamp: break
            case .integer, .boolean, .object, .list: throw failure("\(itemPath) is unique by a string only")
            }
            list.uniqueSlot = unique.slot
            list.uniquePath = unique.path
        }
        lists.append(list)
        items.append(step)
        return lists.count - 1
    }

    // MARK: Version and key

    private mutating func compileVersion(_ contract: Contract, root: Int) throws(UserError) {
        guard let index = field(contract.versionField, of: root) else {
            throw failure("the version field \(contract.versionField) is not a field")
        }
        guard fields[index].isRequired, fields[index].kind == .integer || fields[index].kind == .timestamp else {
            throw failure("the version field \(contract.versionField) is a required integer or timestamp")
        }
        fields[index].isVersion = true
        if fields[index].kind == .integer { fields[index].minimum = max(1, fields[index].minimum) }
        versionField = index
    }

    private mutating func compileKey(_ contract: Contract, root: Int) throws(UserError) {
        guard !contract.key.isEmpty else { throw failure("the contract names no key") }
        let first = objects[root].fields.lowerBound
        for name in contract.key {
            guard let index = field(name, of: root), fields[index].isRequired else {
                throw failure("the key's field \(name) is not a required field of the record")
            }
            switch fields[index].kind {
            case .text, .integer: break
            case .date where !fields[index].isPartial: break
            case .boolean, .decimal, .date, .timestamp, .object, .list:
                throw failure("the key's field \(name) is a text, a whole number or a whole date")
            }
            keyFields.append(index - first)
        }
    }

    // MARK: Columns

    private mutating func compileMapping(_ mapping: Mapping, of contract: Contract, root: Int) throws(UserError) {
        keyColumns = try compile(mapping.key, in: root)
        guard mapping.key.map(\.field) == contract.key, !mapping.key.contains(where: { $0.normaliser != nil }) else {
            // A tombstone has the key alone, and a normalised key would make two keys of Kafka one row.
            throw failure("the mapping's key columns are the contract's key fields in order, without normalisers")
        }
        contentColumns = try compile(mapping.columns, in: root)
        var childrenOfList: [Int: [Int]] = [:]
        for (number, child) in mapping.children.enumerated() {
            childrenOfList[try list(at: child.list, root: root), default: []].append(number)
        }
        // The order of `children` is the mapping's, hence one list's children must stand together.
        for (number, child) in mapping.children.enumerated() {
            let list = try list(at: child.list, root: root)
            let numbers = childrenOfList[list] ?? []
            guard let first = numbers.first, let last = numbers.last, last - first + 1 == numbers.count else {
                throw failure("the child tables of \(child.list) stand one after the other in the mapping")
            }
            lists[list].children = first..<last + 1
            let columns = try compile(child.columns, ofItemsIn: list)
            children.append(ChildStep(columns: columns, isNested: ListPath(child.list).isNested))
            precondition(children.count == number + 1, "children keep the mapping's order")
        }
    }

    private mutating func compile(
        _ columns: [Mapping.Column], in object: Int
    ) throws(UserError) -> Range<Int> {
        let first = self.columns.count
        for column in columns {
            guard let index = place(column.field, from: object) else {
                throw failure("column \(column.name): \(column.field) is not a field")
            }
            self.columns.append(try columnStep(column, of: &fields[index]))
        }
        return first..<self.columns.count
    }

    private mutating func compile(_ columns: [Mapping.Column], ofItemsIn list: Int) throws(UserError) -> Range<Int> {
        if items[list].kind == .object { return try compile(columns, in: items[list].nested) }
        let first = self.columns.count
        for column in columns {
            guard column.field == "." else { throw failure("column \(column.name): an item without fields is `.`") }
            self.columns.append(try columnStep(column, of: &items[list]))
        }
        return first..<self.columns.count
    }

    private func columnStep(_ column: Mapping.Column, of step: inout FieldStep) throws(UserError) -> ColumnStep {
        let type: ColumnType
        switch (step.kind, column.normaliser) {
        case (.date, .wholeDate): type = .date
        case (.text, nil), (.text, .uppercase): type = .text
        case (.integer, nil): type = .bigint
        case (.boolean, nil): type = .boolean
        case (.decimal, nil): type = .numeric
        case (.date, nil): type = step.isPartial ? .text : .date
        case (.timestamp, nil): type = .timestamptz
        case (.object, nil), (.list, nil):
            type = .jsonb
            step.isJSON = true
        case (_, .wholeDate), (_, .uppercase):
            throw failure("column \(column.name): its normaliser does not fit the field's type")
        }
        return ColumnStep(slot: step.slot, type: type, scale: step.scale, isUppercase: column.normaliser == .uppercase)
    }

    // MARK: Rules

    private mutating func compileListRules(_ contract: Contract, root: Int) throws(UserError) {
        // The rules of one list stand together in `listRules`, so that the list names them by a range.
        for list in lists.indices {
            let first = listRules.count
            for (number, rule) in contract.rules.enumerated() {
                switch rule {
                case .atMostOneFlagged(let name, let flag):
                    guard try listIndex(name, root: root) == list else { continue }
                    let slot = try itemField(flag, of: list, kinds: [.boolean]).slot
                    listRules.append(ListRuleStep(isFlagCount: true, slots: keepSlots([slot]), state: number))
                case .eachRequiresOneOf(let name, let members):
                    guard try listIndex(name, root: root) == list else { continue }
                    guard !members.isEmpty else { throw failure("eachRequiresOneOf \(name) names no field") }
                    var slots: [Int] = []
                    for member in members { slots.append(try itemField(member, of: list, kinds: nil).slot) }
                    listRules.append(ListRuleStep(isFlagCount: false, slots: keepSlots(slots), state: number))
                case .dateOrder, .requireOneOf, .insuranceCardAgrees, .identifierByValue, .warnAbsent,
                    .warnPersonalNumberDiffers,
                    .warnCardNumberDiffers:
                    continue
                }
            }
            lists[list].rules = first..<listRules.count
        }
        ruleStateCount = contract.rules.count
    }

    private mutating func compile(_ rule: RecordRule, root: Int) throws(UserError) {
        var step: RuleStep
        switch rule {
        case .dateOrder(let first, let second):
            step = RuleStep(kind: .dateOrder)
            let (one, other) = (
                try single(first, [.date, .timestamp], root), try single(second, [.date, .timestamp], root)
            )
            guard one.kind == other.kind else { throw failure("dateOrder compares two dates or two timestamps") }
            (step.first, step.second, step.path) = (one.slot, other.slot, one.path)
        case .requireOneOf(let names):
            step = RuleStep(kind: .requireOneOf)
            var slots: [Int] = []
            for name in names {
                let field = try single(name, nil, root)
                if slots.isEmpty { step.path = field.path }
                slots.append(field.slot)
            }
            guard !slots.isEmpty else { throw failure("requireOneOf names no field") }
            step.range = keepSlots(slots)
        case .atMostOneFlagged(let list, let flag):
            step = RuleStep(kind: .atMostOneFlagged)
            step.path = try itemField(flag, of: listIndex(list, root: root), kinds: nil).path
            step.first = rules.count
        case .eachRequiresOneOf(let list, let names):
            step = RuleStep(kind: .eachRequiresOneOf)
            step.path = try itemField(names[0], of: listIndex(list, root: root), kinds: nil).path
            step.first = rules.count
        case .insuranceCardAgrees(let card, let group, let level):
            step = RuleStep(kind: .insuranceCardAgrees)
            let (one, two) = (try single(card, [.text], root), try single(group, [.text], root))
            let three = try single(level, [.integer], root)
            (step.first, step.second, step.third, step.path) = (one.slot, two.slot, three.slot, two.path)
            step.secondPath = three.path
        case .identifierByValue(let field, let by, let cases, let otherwise):
            step = RuleStep(kind: .identifierByValue)
            let (one, two) = (try single(field, [.text], root), try single(by, [.text], root))
            (step.first, step.second, step.path, step.identifier) = (one.slot, two.slot, one.path, otherwise)
            let first = ruleCases.count
            for (value, identifier) in cases.sorted(by: { $0.key < $1.key }) {
                ruleCases.append(RuleCase(value: keep(value), identifier: identifier))
            }
            step.range = first..<ruleCases.count
        case .warnAbsent(let field, let name):
            step = RuleStep(kind: .warnAbsent)
            step.first = try single(field, nil, root).slot
            step.warning = warning(name, field)
        case .warnPersonalNumberDiffers(let number, let birthDate, let sex):
            step = RuleStep(kind: .warnPersonalNumberDiffers)
            step.first = try single(number, [.text], root).slot
            if let birthDate { step.second = try single(birthDate, [.date], root).slot }
            if let sex { step.third = try single(sex, [.text], root).slot }
            step.warning = warning("birth-year-differs-from-number", birthDate)
            _ = warning("sex-differs-from-number", sex)
        case .warnCardNumberDiffers(let card, let number):
            step = RuleStep(kind: .warnCardNumberDiffers)
            (step.first, step.second) = (try single(card, [.text], root).slot, try single(number, [.text], root).slot)
            step.warning = warning("social-insurance-number-differs-from-card", number)
        }
        rules.append(step)
    }

    // MARK: Names

    private func field(_ name: String, of object: Int) -> Int? {
        let name = Array(name.utf8)
        return objects[object].fields.first { names[$0].text.buffer.elementsEqual(name) }
    }

    /// The field at a dotted path through objects.
    private func place(_ path: String, from object: Int) -> Int? {
        var object = object
        var found: Int?
        for name in path.split(separator: ".", omittingEmptySubsequences: false) {
            guard object >= 0, let index = field(String(name), of: object) else { return nil }
            found = index
            object = fields[index].kind == .object ? fields[index].nested : -1
        }
        return found
    }

    /// Index into `lists` of the list at a path of `Mapping.Child.list`.
    private func list(at path: String, root: Int) throws(UserError) -> Int {
        let parts = ListPath(path).parts
        var object = root
        var list = -1
        for part in parts {
            guard parts.count <= ListPath.depthMax, object >= 0, let index = place(part, from: object),
                fields[index].kind == .list
            else {
                throw failure("\(path) is not a list of the record, nor one of a list's items")
            }
            list = fields[index].nested
            object = items[list].kind == .object ? items[list].nested : -1
        }
        return list
    }

    private func single(_ path: String, _ kinds: [StepKind]?, _ root: Int) throws(UserError) -> FieldStep {
        guard let index = place(path, from: root) else { throw failure("a rule names \(path), which is not a field") }
        let step = fields[index]
        if let kinds, !kinds.contains(step.kind) { throw failure("a rule names \(path), whose type does not fit") }
        return step
    }

    private func listIndex(_ name: String, root: Int) throws(UserError) -> Int {
        try single(name, [.list], root).nested
    }

    private func itemField(_ name: String, of list: Int, kinds: [StepKind]?) throws(UserError) -> FieldStep {
        let item = items[list]
        guard item.kind == .object, let index = place(name, from: item.nested) else {
            throw failure("a rule names \(name), which is not a field of the list's items")
        }
        let step = fields[index]
        if let kinds, !kinds.contains(step.kind) { throw failure("a rule names \(name), whose type does not fit") }
        return step
    }

    private mutating func keepSlots(_ slots: [Int]) -> Range<Int> {
        ruleSlots += slots
        return ruleSlots.count - slots.count..<ruleSlots.count
    }

    private mutating func pathIndex(_ path: String) -> Int32 {
        if let known = paths.firstIndex(of: path) { return Int32(known) }
        paths.append(path)
        return Int32(paths.count - 1)
    }

    private mutating func warning(_ rule: String, _ field: String?) -> Int {
        warnings.append(QualityWarning(rule: rule, field: field))
        return warnings.count - 1
    }

    private mutating func keep(_ text: String) -> TextBytes {
        let bytes = Array(text.utf8)
        // Never empty, so that there is an address.
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count + 1)
        _ = copy.initialize(from: bytes + [0])
        texts.append(copy)
        // The buffer's capacity is above zero: it has an address.
        return TextBytes(UnsafePointer(copy.baseAddress.unsafelyUnwrapped), bytes.count)
    }

    private func jsonString(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }
}
