// Rules between fields: those that refuse, and those that only warn.
import Foundation
import Model

extension ContractDiff {
    mutating func compareRules() {
        let was = old.rules.map(\.text)
        let isNow = new.rules.map(\.text)
        var gone = old.rules.filter { !isNow.contains($0.text) }
        for (index, rule) in new.rules.enumerated() where !was.contains(rule.text) && !isUnsure(rule) {
            if let earlier = gone.firstIndex(where: { $0.name == rule.name && $0.aim == rule.aim }) {
                change(gone.remove(at: earlier), to: rule, index)
            } else {
                addRule(rule, index)
            }
        }
        for rule in gone { removeRule(rule) }
        let kept = isNow.filter(was.contains)
        if kept != was.filter(isNow.contains), let first = kept.first {
            let index = isNow.firstIndex(of: first)
            add(
                .compatible, .rule(new.rules[index ?? 0].name, index: index),
                "the order of rules changed: a record with several faults may be refused for another one of them")
        }
    }

    /// Whether the older contract may have had the rule, in a form that today's rules cannot read.
    private func isUnsure(_ rule: RecordRule) -> Bool {
        unsure.rules
            || rule.needed.contains { path in
                unsure.fields.contains { path == $0 || path.hasPrefix("\($0).") || path.hasPrefix("\($0)[]") }
            }
    }

    private mutating func addRule(_ rule: RecordRule, _ index: Int) {
        let subject = ContractChange.Subject.rule(rule.name, index: index)
        if rule.onlyWarns {
            add(.dangerous, subject, "is new: \(rule.text): records that it speaks of now count as odd")
        } else if rule.spares(recordsWithout: isNewField) {
            add(.compatible, subject, "is new: \(rule.text): it speaks of new fields, which no older record has")
        } else {
            add(.breaking, subject, "is new: \(rule.text): records that break it, applied until now, are refused")
        }
    }

    private mutating func removeRule(_ rule: RecordRule) {
        let subject = ContractChange.Subject.rule(rule.name, index: nil)
        if rule.onlyWarns {
            add(.compatible, subject, "is gone: \(rule.text): its oddities are counted no longer")
        } else {
            add(.dangerous, subject, "is gone: \(rule.text): readers may meet records that it refused")
        }
    }

    private mutating func change(_ was: RecordRule, to isNow: RecordRule, _ index: Int) {
        let subject = ContractChange.Subject.rule(isNow.name, index: index)
        let words = "was \(was.text), is now \(isNow.text)"
        if isNow.onlyWarns {
            add(.dangerous, subject, "\(words): other records than before count as odd")
        } else if isNow.takesAll(that: was) || isNow.spares(recordsWithout: isNewField) {
            add(.dangerous, subject, "\(words): readers may meet records that it refused")
        } else {
            add(.breaking, subject, "\(words): records that break it, applied until now, are refused")
        }
    }

    /// - Parameter path: those within a list's items as `list[].field`.
    func isNewField(_ path: String) -> Bool {
        guard let mark = path.range(of: "[].", options: .backwards) else { return old.fields.field(at: path) == nil }
        return old.itemFields(ofList: String(path[..<mark.lowerBound]))?.field(at: String(path[mark.upperBound...]))
            == nil
    }
}

extension RecordRule {
    /// As contracts name it.
    var name: String {
        switch self {
        case .dateOrder: "dateOrder"
        case .requireOneOf: "requireOneOf"
        case .atMostOneFlagged: "atMostOneFlagged"
        case .eachRequiresOneOf: "eachRequiresOneOf"
        case .insuranceCardAgrees: "insuranceCardAgrees"
        case .identifierByValue: "identifierByValue"
        case .warnAbsent: "warnAbsent"
        case .warnPersonalNumberDiffers: "warnPersonalNumberDiffers"
        case .warnCardNumberDiffers: "warnCardNumberDiffers"
        }
    }

    var onlyWarns: Bool {
        switch self {
        case .warnAbsent, .warnPersonalNumberDiffers, .warnCardNumberDiffers: true
        case .dateOrder, .requireOneOf, .atMostOneFlagged, .eachRequiresOneOf, .insuranceCardAgrees,
            .identifierByValue:
            false
        }
    }

    /// Equal texts are equal rules.
    var text: String {
        func list(_ names: [String]) -> String { names.sorted().joined(separator: " or ") }
        return switch self {
        case .dateOrder(let first, let second): "\(first) not after \(second)"
        case .requireOneOf(let fields): list(fields)
        case .atMostOneFlagged(let list, let flag): "at most one of \(list)[] with \(flag)"
        case .eachRequiresOneOf(let name, let fields): "each of \(name)[] with \(list(fields))"
        case .insuranceCardAgrees(let card, let group, let level): "\(card) agrees with \(group) and \(level)"
        case .identifierByValue(let field, let by, let cases, let otherwise):
            "\(field) is by \(by) "
                + cases.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.rawValue), " }.joined()
                + "else \(otherwise.rawValue)"
        case .warnAbsent(let field, let name): "\(name) where \(field) is absent"
        case .warnPersonalNumberDiffers(let number, let birthDate, let sex):
            "\(number) agrees with \([birthDate, sex].compactMap(\.self).joined(separator: " and "))"
        case .warnCardNumberDiffers(let card, let number): "\(card) agrees with \(number)"
        }
    }

    /// What it is about: two rules of one name and aim are one rule in two states.
    fileprivate var aim: String {
        switch self {
        case .dateOrder(let first, second: _): first
        case .requireOneOf: ""
        case .atMostOneFlagged(let list, flag: _): list
        case .eachRequiresOneOf(let list, fields: _): list
        case .insuranceCardAgrees(let card, group: _, level: _): card
        case .identifierByValue(let field, by: _, cases: _, otherwise: _): field
        case .warnAbsent(field: _, let name): name
        case .warnPersonalNumberDiffers(let number, birthDate: _, sex: _): number
        case .warnCardNumberDiffers(let card, number: _): card
        }
    }

    /// The fields that the rule speaks of, without which it mostly refuses nothing; those within a list's items as `list[].field`.
    fileprivate var needed: [String] {
        switch self {
        case .dateOrder(let first, let second): [first, second]
        case .atMostOneFlagged(let list, let flag): [list, "\(list)[].\(flag)"]
        case .eachRequiresOneOf(let list, fields: _): [list]
        case .insuranceCardAgrees(let card, let group, let level): [card, group, level]
        case .identifierByValue(let field, by: _, cases: _, otherwise: _): [field]
        case .requireOneOf, .warnAbsent, .warnPersonalNumberDiffers, .warnCardNumberDiffers: []
        }
    }

    /// Whether it refuses no record that lacks the fields.
    fileprivate func spares(recordsWithout isAbsent: (String) -> Bool) -> Bool {
        switch self {
        // The group and the level are compared with the card each on its own.
        case .insuranceCardAgrees(let card, let group, let level):
            isAbsent(card) || isAbsent(group) && isAbsent(level)
        case .dateOrder, .atMostOneFlagged, .eachRequiresOneOf, .identifierByValue, .requireOneOf, .warnAbsent,
            .warnPersonalNumberDiffers, .warnCardNumberDiffers:
            needed.contains(where: isAbsent)
        }
    }

    /// Whether it surely refuses no record that `other`, of the same name and aim, let pass.
    fileprivate func takesAll(that other: RecordRule) -> Bool {
        switch (other, self) {
        case (.requireOneOf(let was), .requireOneOf(let isNow)): Set(isNow).isSuperset(of: was)
        case (.eachRequiresOneOf(_, let was), .eachRequiresOneOf(_, let isNow)): Set(isNow).isSuperset(of: was)
        case (
            .identifierByValue(_, let byWas, let was, let elseWas), .identifierByValue(_, let by, let isNow, let other)
        ):
            byWas == by && elseWas.isPart(of: other)
                && Set(was.keys).union(isNow.keys).allSatisfy { value in
                    (was[value] ?? elseWas).isPart(of: isNow[value] ?? other)
                }
        default: false
        }
    }
}
