// Rules between fields, after all fields and in the contract's order; warnings are kept, the rest refuses.
import Model

extension RecordEngine {
    mutating func judgeRules() throws(Fault) {
        for rule in program.rules {
            switch rule.kind {
            case .dateOrder:
                let (first, second) = (slots[rule.first], slots[rule.second])
                if first.isPresent, first.isWhole, second.isPresent, second.isWhole, first.number > second.number {
                    throw Fault(.inconsistent, .dateOrder, path: rule.path)
                }
            case .requireOneOf:
                if !program.ruleSlots[rule.range].contains(where: { slots[$0].isPresent }) {
                    throw Fault(.missingField, .requireOneOf, path: rule.path)
                }
            case .atMostOneFlagged:
                if ruleStates[rule.first] > 1 { throw Fault(.inconsistent, .atMostOneFlagged, path: rule.path) }
            case .eachRequiresOneOf:
                if ruleStates[rule.first] > 0 { throw Fault(.missingField, .eachRequiresOneOf, path: rule.path) }
            case .insuranceCardAgrees: try judgeCard(rule)
            case .identifierByValue:
                guard slots[rule.first].isPresent else { continue }
                let identifier = self.identifier(rule)
                if !identifier.isValid(slots[rule.first].text) {
                    throw Fault(.invalidIdentifier, .identifier(identifier), path: rule.path)
                }
            case .warnAbsent:
                if !slots[rule.first].isPresent { warnings.append(program.warnings[rule.warning]) }
            case .warnPersonalNumberDiffers: warnOfNumber(rule)
            case .warnCardNumberDiffers: warnOfCard(rule)
            }
        }
    }

    /// The card's letters against the group, its digit against the level; a card of another shape agrees with nothing.
    private mutating func judgeCard(_ rule: RuleStep) throws(Fault) {
        guard slots[rule.first].isPresent else { return }
        let card = slots[rule.first].text
        let (group, level) = (slots[rule.second], slots[rule.third])
        if group.isPresent, card.count < 3 || !TextBytes(card.start, 2).isEqual(to: group.text) {
            throw Fault(.inconsistent, .cardGroup, path: rule.path)
        }
        if level.isPresent, card.count < 3 || !card.isDigit(2) || Int64(card.digit(2)) != level.number {
            throw Fault(.inconsistent, .cardLevel, path: rule.secondPath)
        }
    }

    private mutating func identifier(_ rule: RuleStep) -> IdentifierKind {
        if slots[rule.second].isPresent {
            let value = slots[rule.second].text
            for index in rule.range where program.ruleCases[index].value.isEqual(to: value) {
                return program.ruleCases[index].identifier
            }
        }
        return rule.identifier
    }

    private mutating func warnOfNumber(_ rule: RuleStep) {
        let number = slots[rule.first]
        guard number.isPresent, PersonalNumber.isValid(number.text) else { return }
        if rule.second >= 0, slots[rule.second].isPresent,
            Dates.year(slots[rule.second].text) != PersonalNumber.birthYear(number.text)
        {
            warnings.append(program.warnings[rule.warning])
        }
        if rule.third >= 0, slots[rule.third].isPresent {
            let sex = slots[rule.third].text
            let isMale = sex.isEqual(toLiteral: "male")
            // Other words for sex say nothing against the number.
            if isMale || sex.isEqual(toLiteral: "female"), isMale != PersonalNumber.isMale(number.text) {
                warnings.append(program.warnings[rule.warning + 1])
            }
        }
    }

    private mutating func warnOfCard(_ rule: RuleStep) {
        let (card, number) = (slots[rule.first], slots[rule.second])
        guard card.isPresent, number.isPresent, card.text.count == 15, number.text.count == 10 else { return }
        if !TextBytes(card.text.start + 5, 10).isEqual(to: number.text) {
            warnings.append(program.warnings[rule.warning])
        }
    }
}

extension TextBytes {
    func isEqual(toLiteral text: StaticString) -> Bool {
        isEqual(to: TextBytes(text.utf8Start, text.utf8CodeUnitCount))
    }
}
