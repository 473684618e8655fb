// Two states of the code lists: a code that left its list makes records wrong that were right.

enum CodeListsDiff {
    /// The topic's name that changes of what all topics share bear.
    static let topic = "code-lists"
    private static let shownMax = 10

    static func changes(from old: CodeLists, to new: CodeLists) -> [ContractChange] {
        compare("provinces", "in force today", old.provincesOfToday, new.provincesOfToday, digits: 2)
            + compare(
                "provinces", "in force before 2025-07-01", old.provincesOfBeforeMerger, new.provincesOfBeforeMerger,
                digits: 2)
            + compare("communes", "in force today", old.communesOfToday, new.communesOfToday, digits: 5)
            + compare("countries", "in the list", old.countryCodes, new.countryCodes) { $0 }
    }

    private static func compare(
        _ list: String, _ place: String, _ old: [Int], _ new: [Int], digits: Int
    ) -> [ContractChange] {
        compare(list, place, old, new) { code in
            String(repeating: "0", count: max(0, digits - String(code).count)) + String(code)
        }
    }

    private static func compare<Code: Hashable & Comparable>(
        _ list: String, _ place: String, _ old: [Code], _ new: [Code], show: (Code) -> String
    ) -> [ContractChange] {
        func words(_ codes: Set<Code>) -> String {
            let shown = codes.sorted().prefix(shownMax).map(show).joined(separator: ", ")
            return codes.count > shownMax ? "\(shown) and \(codes.count - shownMax) more" : shown
        }
        let gone = Set(old).subtracting(new)
        let come = Set(new).subtracting(old)
        var changes: [ContractChange] = []
        if !gone.isEmpty {
            let sentence = "no longer \(place): \(words(gone)): records with them are refused as not-in-list"
            changes.append(ContractChange(.dangerous, topic: topic, .codeList(list), sentence))
        }
        if !come.isEmpty {
            changes.append(
                ContractChange(.compatible, topic: topic, .codeList(list), "new, \(place): \(words(come))"))
        }
        return changes
    }
}
