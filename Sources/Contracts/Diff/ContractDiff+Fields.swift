// Fields: which came and went, and what each may hold.
import Model

extension ContractDiff {
    /// - Parameter prefix: of the paths, such as `address.` or `parts[].`.
    mutating func compareFields(_ old: [Field], _ new: [Field], under prefix: String) {
        let removed = old.filter { field in !new.contains { $0.name == field.name } }
        var added = new.filter { field in !old.contains { $0.name == field.name } }
        var successors: [String: Field] = [:]
        for field in removed {
            guard let successor = successor(of: field, among: added, prefix, isAlone: removed.count == 1) else {
                continue
            }
            successors[field.name] = successor
            added.removeAll { $0.name == successor.name }
        }
        for field in old {
            if let now = new.first(where: { $0.name == field.name }) {
                compare(field, now, at: prefix + now.name)
            } else {
                remove(field, successor: successors[field.name], prefix)
            }
        }
        for field in added { addNew(field, prefix) }
        compareOrder(old, new, prefix)
    }

    /// The field that a removed one seems to be called now: said alike, in the same column, spelt nearly alike, or the
    /// only change in its place.
    private func successor(of field: Field, among added: [Field], _ prefix: String, isAlone: Bool) -> Field? {
        let alike = added.filter { $0.type.kind == field.type.kind }
        func sharesWords(_ other: Field) -> Bool {
            [
                (field.descriptionEnglish, other.descriptionEnglish),
                (field.descriptionVietnamese, other.descriptionVietnamese),
            ]
            .contains { $0 == $1 && !$0.isEmpty }
        }
        let columns = oldColumns[prefix + field.name] ?? []
        return alike.first { !columns.isDisjoint(with: newColumns[prefix + $0.name] ?? []) }
            ?? alike.first(where: sharesWords)
            ?? alike.first { Spelling.nearest(to: field.name, among: [$0.name]) != nil }
            ?? (isAlone && added.count == 1 ? alike.first { $0.type.summary == field.type.summary } : nil)
    }

    private mutating func remove(_ field: Field, successor: Field?, _ prefix: String) {
        let path = prefix + field.name
        guard let successor else {
            add(
                .breaking, .field(path),
                "was there, is gone: what owners send under this name is no longer stored, and nobody is told")
            return
        }
        let harm =
            successor.required
            ? "records under the older name are refused as missing-field"
            : "what owners send under the older name is no longer stored, and nobody is told"
        add(.breaking, .field(prefix + successor.name), "seems to be \(path) renamed, which is gone: \(harm)")
        compare(field, successor, at: prefix + successor.name)
    }

    private mutating func addNew(_ field: Field, _ prefix: String) {
        let path = prefix + field.name
        if field.required {
            add(
                .breaking, .field(path),
                "is new and required: a record without it, applied until now, is refused as missing-field")
        } else {
            add(.compatible, .field(path), "is new and optional")
        }
    }

    private mutating func compareOrder(_ old: [Field], _ new: [Field], _ prefix: String) {
        let was = old.map(\.name).filter { name in new.contains { $0.name == name } }
        let isNow = new.map(\.name).filter(was.contains)
        guard was != isNow, let moved = zip(was, isNow).first(where: { $0 != $1 })?.1 else { return }
        add(
            .compatible, .field(prefix + moved),
            "the order of fields changed: a record with several faults may be refused for another one of them")
    }

    // MARK: One field

    private mutating func compare(_ old: Field, _ new: Field, at path: String) {
        if !old.required, new.required {
            add(
                .breaking, .field(path),
                "was optional, is now required: a record without it, applied until now, is refused as missing-field")
        } else if old.required, !new.required {
            add(
                .dangerous, .field(path),
                "was required, is now optional: readers may meet records and rows without it")
        }
        compareClass(old.classification, new.classification, at: path)
        compareType(old.type, new.type, at: path)
        let words = [
            ("description", old.descriptionEnglish != new.descriptionEnglish),
            ("descriptionVi", old.descriptionVietnamese != new.descriptionVietnamese),
            ("examples", old.examples.map(\.text) != new.examples.map(\.text)),
        ]
        let changed = words.filter(\.1).map(\.0)
        if !changed.isEmpty {
            add(.compatible, .field(path), "\(changed.joined(separator: ", ")) changed", isForPeopleOnly: true)
        }
    }

    private mutating func compareClass(_ old: Classification, _ new: Classification, at path: String) {
        guard old != new else { return }
        let words = "classification was \(old.rawValue), is now \(new.rawValue)"
        let harm =
            if new.strictness < old.strictness {
                "less strict: more people may read it unmasked"
            } else if new.strictness > old.strictness {
                "stricter: whoever reads it now may need another ground (Decree 102/2025 art. 9.2, 10.2)"
            } else {
                "another class: whoever reads it now may need another ground (Decree 102/2025 art. 9.2, 10.2)"
            }
        add(.dangerous, .field(path), "\(words), \(harm)")
    }

    // MARK: Types

    private mutating func compareType(_ old: FieldType, _ new: FieldType, at path: String) {
        guard !unsure.fields.contains(path) else { return }
        switch (old, new) {
        case (.text(let was), .text(let isNow)): compareText(was, isNow, at: path)
        case (.integer(let minimumWas, let maximumWas), .integer(let minimum, let maximum)):
            compareBound(
                "minimum", minimumWas.unless(.min), minimum.unless(.min), isLower: true, at: path)
            compareBound(
                "maximum", maximumWas.unless(.max), maximum.unless(.max), isLower: false, at: path)
        case (.decimal(let scaleWas, let minimumWas), .decimal(let scale, let minimum)):
            compareScale(scaleWas, scale, at: path)
            compareBound("decimalMinimum", minimumWas, minimum, isLower: true, at: path)
        case (.date(let partialWas, let minimumWas, let maximumWas), .date(let partial, let minimum, let maximum)):
            comparePartial(partialWas, partial, at: path)
            compareBound("minimum", minimumWas, minimum, isLower: true, at: path, show: Dates.text(day:))
            compareBound("maximum", maximumWas, maximum, isLower: false, at: path, show: Dates.text(day:))
        case (.object(let was), .object(let isNow)): compareFields(was, isNow, under: path + ".")
        case (
            .list(let itemWas, let uniqueWas, let fewestWas, let mostWas),
            .list(let item, let unique, let fewest, let most)
        ):
            compareUnique(uniqueWas, unique, at: path)
            compareBound("minItems", fewestWas.unless(0), fewest.unless(0), isLower: true, at: path)
            compareBound("maxItems", mostWas, most, isLower: false, at: path)
            compareItems(itemWas, item, at: path)
        case (.boolean, .boolean), (.timestamp, .timestamp): break
        case (.text, _), (.integer, _), (.decimal, _), (.date, _), (.object, _), (.list, _), (.boolean, _),
            (.timestamp, _):
            let refusal = old.isJSONString && new.isJSONString ? "by its form" : "as wrong-type"
            add(
                .breaking, .field(path),
                "was \(old.kind), is now \(new.kind): values that were right are refused \(refusal), and the "
                    + "column's type changes with it")
        }
    }

    private mutating func compareItems(_ old: FieldType, _ new: FieldType, at path: String) {
        if case .object(let was) = old, case .object(let isNow) = new {
            compareFields(was, isNow, under: path + "[].")
        } else {
            compareType(old, new, at: path + "[]")
        }
    }

    private mutating func comparePartial(_ was: Bool, _ isNow: Bool, at path: String) {
        guard was != isNow else { return }
        if was {
            add(
                .breaking, .field(path),
                "YYYY and YYYY-MM were taken, only whole dates are now: partial ones are refused as wrong-format")
        } else {
            add(
                .dangerous, .field(path),
                "only whole dates were taken, YYYY and YYYY-MM are now, too: readers may meet dates in part")
        }
    }

    private mutating func compareScale(_ was: Int, _ isNow: Int, at path: String) {
        guard was != isNow else { return }
        let words = "decimalScale was \(was), is now \(isNow)"
        if isNow < was {
            add(.breaking, .field(path), "\(words): values with more decimals are refused as wrong-format")
        } else {
            add(.dangerous, .field(path), "\(words): readers may meet more decimals than they keep")
        }
    }

    private mutating func compareUnique(_ was: String?, _ isNow: String?, at path: String) {
        guard was != isNow else { return }
        func word(_ name: String) -> String { name.isEmpty ? "the item itself" : name }
        switch (was, isNow) {
        case (nil, let isNow?):
            add(
                .breaking, .field(path),
                "items are now told apart by \(word(isNow)): lists with two alike are refused as inconsistent")
        case (let was?, nil):
            add(.dangerous, .field(path), "items were told apart by \(word(was)): readers may meet two alike now")
        case (let was?, let isNow?):
            add(
                .breaking, .field(path),
                "items were told apart by \(word(was)), are now by \(word(isNow)): lists with two alike are refused as "
                    + "inconsistent")
        case (nil, nil): break
        }
    }

    /// A limit from below or from above; nil is none.
    mutating func compareBound<Value: Comparable>(
        _ name: String, _ was: Value?, _ isNow: Value?, isLower: Bool, at path: String,
        show: (Value) -> String = { "\($0)" }
    ) {
        guard was != isNow else { return }
        let words = "\(name) was \(was.map(show) ?? "none"), is now \(isNow.map(show) ?? "none")"
        let isNarrower =
            switch (was, isNow) {
            case (_, nil): false
            case (nil, _): true
            case (let was?, let isNow?): isLower ? isNow > was : isNow < was
            }
        if isNarrower {
            add(.breaking, .field(path), "\(words): what lies beyond, applied until now, is refused as out-of-range")
        } else {
            add(.dangerous, .field(path), "\(words): readers may meet what they never met")
        }
    }
}

extension Equatable {
    /// Nil for the value that stands for no limit.
    fileprivate func unless(_ none: Self) -> Self? { self == none ? nil : self }
}

extension FieldType {
    /// Its kind in one word.
    var kind: String {
        switch self {
        case .text: "text"
        case .integer: "integer"
        case .boolean: "boolean"
        case .decimal: "decimal"
        case .date: "date"
        case .timestamp: "timestamp"
        case .object: "object"
        case .list: "list"
        }
    }

    /// Two types that take the same values have the same summary; objects by their fields' names.
    var summary: String {
        switch self {
        case .object(let fields): "object of \(fields.map { $0.name + ($0.required ? "!" : "") })"
        case .list(let item, let uniqueBy, let fewest, let most):
            "list of \(item.summary) \(uniqueBy ?? "-") \(fewest)-\(most)"
        case .text, .integer, .boolean, .decimal, .date, .timestamp: "\(self)"
        }
    }

    /// Whether JSON writes it as a string.
    fileprivate var isJSONString: Bool {
        switch self {
        case .text, .decimal, .date, .timestamp: true
        case .integer, .boolean, .object, .list: false
        }
    }
}

extension Classification {
    /// By how many may read it: those of art. 9.2 b and c are one step.
    fileprivate var strictness: Int {
        switch self {
        case .open: 0
        case .internal: 1
        case .businessSecret: 2
        case .personal, .health, .family: 3
        }
    }
}
