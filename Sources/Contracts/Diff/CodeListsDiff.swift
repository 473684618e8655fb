// Two states of the code lists: a code that leaves its list, or a day of its time, makes records wrong that were right.

struct CodeListsDiff {
    /// The topic's name that changes of what all topics share bear.
    static let topic = "code-lists"
    private static let shownMax = 10

    /// What each topic judges by the lists.
    private let judging: [(topic: String, contract: Contract, lists: Set<CodeListKind>)]
    private var changes: [ContractChange] = []

    /// - Parameter judging: the older state's topics: whose records were right.
    static func changes(
        from old: CodeLists, to new: CodeLists, judging: [(topic: String, contract: Contract)] = []
    ) -> [ContractChange] {
        var diff = CodeListsDiff(judging: judging.map { ($0.topic, $0.contract, $0.contract.codeLists) })
        diff.compare("provinces", old.provinces.spans, new.provinces.spans, digits: 2, by: .province)
        diff.compare(
            "communes", old.communes.spans, new.communes.spans, digits: 5, by: .commune, since: CommuneList.firstDay)
        diff.compareCountries(old.countryCodes, new.countryCodes)
        return diff.changes
    }

    private init(judging: [(topic: String, contract: Contract, lists: Set<CodeListKind>)]) {
        self.judging = judging
    }

    /// - Parameter since: the first day on which the list is asked.
    private mutating func compare(
        _ list: String, _ old: [DatedCodes.Span], _ new: [DatedCodes.Span], digits: Int, by kind: CodeListKind,
        since firstDay: Int32 = .min
    ) {
        let was = Days.byCode(old, since: firstDay)
        let isNow = Days.byCode(new, since: firstDay)
        func show(_ code: Int) -> String {
            String(repeating: "0", count: max(0, digits - String(code).count)) + String(code)
        }
        let gone = was.keys.filter { isNow[$0] == nil }.sorted()
        lose(list, "no longer in the list", gone.map(show), by: [kind, .provinceOfAnyTime])
        let lost = was.filter { isNow[$0.key] != nil }
            .reduce(into: [Int: Days]()) { $0[$1.key] = $1.value.without(isNow[$1.key]) }
        for (days, codes) in Self.groups(lost) {
            lose(list, "no longer in force \(days)", codes.map(show), by: [kind])
        }
        let gained = isNow.reduce(into: [Int: Days]()) { $0[$1.key] = $1.value.without(was[$1.key]) }
        for (days, codes) in Self.groups(gained) { gain(list, "new, in force \(days)", codes.map(show)) }
    }

    private mutating func compareCountries(_ old: [String], _ new: [String]) {
        let (was, isNow) = (Set(old), Set(new))
        lose("countries", "no longer in the list", was.subtracting(isNow).sorted(), by: [.country])
        gain("countries", "new in the list", isNow.subtracting(was).sorted())
    }

    private mutating func lose(_ list: String, _ words: String, _ codes: [String], by kinds: Set<CodeListKind>) {
        guard !codes.isEmpty else { return }
        // Communes and countries of any time are not judged.
        let kinds = list == "provinces" ? kinds : kinds.subtracting([.provinceOfAnyTime])
        let users = judging.filter { !$0.lists.isDisjoint(with: kinds) }
        let sentence = "\(words): \(Self.words(codes)): records with them are refused as not-in-list"
        guard !users.isEmpty else {
            changes.append(
                ContractChange(.dangerous, topic: Self.topic, .codeList(list), "\(sentence) where a topic judges by it")
            )
            return
        }
        changes.append(
            ContractChange(
                .breaking, topic: Self.topic, .codeList(list), "\(sentence) by \(Self.words(users.map(\.topic)))",
                wasPromised: users.contains { $0.contract.status.isPromise }))
    }

    private mutating func gain(_ list: String, _ words: String, _ codes: [String]) {
        guard !codes.isEmpty else { return }
        changes.append(
            ContractChange(.compatible, topic: Self.topic, .codeList(list), "\(words): \(Self.words(codes))"))
    }

    /// Codes by their days in words; beyond some, days are not told apart.
    private static func groups(_ codes: [Int: Days]) -> [(days: String, codes: [Int])] {
        var groups = Dictionary(grouping: codes.keys.filter { codes[$0]?.isEmpty == false }) { codes[$0]?.words ?? "" }
        if groups.count > shownMax { groups = ["on some days": groups.values.flatMap(\.self)] }
        return groups.map { ($0.key, $0.value.sorted()) }.sorted { $0.days < $1.days }
    }

    private static func words(_ codes: [String]) -> String {
        let shown = codes.prefix(shownMax).joined(separator: ", ")
        return codes.count > shownMax ? "\(shown) and \(codes.count - shownMax) more" : shown
    }
}

/// Days since 1970-01-01, as ranges that are in order and do not touch.
private struct Days {
    private var ranges: [ClosedRange<Int32>] = []

    var isEmpty: Bool { ranges.isEmpty }

    static func byCode(_ spans: [DatedCodes.Span], since firstDay: Int32) -> [Int: Days] {
        var days: [Int: Days] = [:]
        for span in spans.sorted(by: { $0.first < $1.first }) where span.last >= firstDay {
            days[span.code, default: Days()].append(max(span.first, firstDay)...span.last)
        }
        return days
    }

    /// - Parameter range: begins not before the last one.
    private mutating func append(_ range: ClosedRange<Int32>) {
        if let last = ranges.last, last.upperBound == .max || range.lowerBound <= last.upperBound + 1 {
            ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
        } else {
            ranges.append(range)
        }
    }

    func without(_ other: Days?) -> Days {
        var rest = self
        for taken in other?.ranges ?? [] {
            rest.ranges = rest.ranges.flatMap { range -> [ClosedRange<Int32>] in
                guard range.overlaps(taken) else { return [range] }
                var parts: [ClosedRange<Int32>] = []
                if range.lowerBound < taken.lowerBound { parts.append(range.lowerBound...(taken.lowerBound - 1)) }
                if taken.upperBound < range.upperBound { parts.append((taken.upperBound + 1)...range.upperBound) }
                return parts
            }
        }
        return rest
    }

    /// Such as `from 2025-07-01`.
    var words: String {
        ranges.map { range in
            switch (range.lowerBound, range.upperBound) {
            case (.min, .max): "on any day"
            case (.min, let last): "until \(Dates.text(day: last))"
            case (let first, .max): "from \(Dates.text(day: first))"
            case (let first, let last) where first == last: "on \(Dates.text(day: first))"
            case (let first, let last): "from \(Dates.text(day: first)) to \(Dates.text(day: last))"
            }
        }.joined(separator: ", ")
    }
}
