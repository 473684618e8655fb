// Code lists that records are judged by: provinces, communes and countries. The lists are data, `Topics/code-lists/`,
// with the days on which each code is in force; each kind of list is a file of the folder `CodeLists/`.

/// The lists of `Topics/code-lists/`.
package struct CodeLists: Sendable {
    /// The days, from 1970-01-01, at one of which a code must be in force. A whole date is one day; of a date known in
    /// part, any of the days that it may mean.
    package struct Period: Sendable, Equatable {
        var first: Int32
        var last: Int32

        /// Of records without a date: the lists as they stand, that is the codes whose time has no end.
        package static let today = Period(first: .max, last: .max)
        /// The last day of the 63 provinces.
        package static let beforeMerger = Period(first: mergerDay - 1, last: mergerDay - 1)
        /// For records whose date cannot be read: whatever was in force at some time.
        package static let any = Period(first: .min, last: .max)
    }

    /// 2025-07-01, the first day of the 34 provinces and of communes without districts, in days since 1970-01-01.
    package static let mergerDay: Int32 = 20_270

    var provinces: ProvinceList
    var communes: CommuneList
    var countries: CountryList

    init(provinces: ProvinceList, communes: CommuneList, countries: CountryList) {
        self.provinces = provinces
        self.communes = communes
        self.countries = countries
    }

    /// Provinces of before and since the merger, communes since it. Numbers outside their range (provinces 0–99,
    /// communes 0–99,999) and countries that are not three capital letters are left out: the loader of the files has
    /// refused them before.
    package init(
        provincesToday: some Sequence<Int>, provincesBeforeMerger: some Sequence<Int>,
        communes: some Sequence<(code: Int, province: Int)>, countries: some Sequence<String>
    ) {
        let before = provincesBeforeMerger.map { DatedCodes.Span(code: $0, last: Self.mergerDay - 1) }
        let today = provincesToday.map { DatedCodes.Span(code: $0, first: Self.mergerDay) }
        let spans = communes.filter { (0...99).contains($0.province) }
            .map { DatedCodes.Span(code: $0.code, first: Self.mergerDay) }
        self.init(
            provinces: ProvinceList(before + today), communes: CommuneList(spans), countries: CountryList(countries)
        )
    }

    /// Whether a code is of the list, by the list of that period where the list depends on time.
    /// - Parameter text: trimmed.
    func contains(_ text: TextBytes, of kind: CodeListKind, at period: Period) -> Bool {
        switch kind {
        case .province: provinces.contains(text, at: period)
        case .provinceOfAnyTime: provinces.contains(text, at: .any)
        case .commune: communes.contains(text, at: period)
        case .country: countries.contains(text)
        }
    }

    /// The same for a string, judged at the date beside it.
    /// - Parameter date: as a record has it, whole or in part; nil where it has none.
    package func contains(_ code: String, of kind: CodeListKind, on date: String?) -> Bool {
        let period = date.map { $0.withTextBytes(Self.period(ofDate:)) } ?? .today
        return code.withTextBytes { contains($0, of: kind, at: period) }
    }

    /// The period of a date given in days since 1970-01-01; without a date, today's.
    package static func period(ofDay day: Int32?) -> Period {
        guard let day else { return .today }
        return Period(first: day, last: day)
    }

    /// The period of a date in a record. A malformed one has its own reason to be refused, and leaves the code in doubt.
    static func period(ofDate text: TextBytes) -> Period {
        if text.count == 0 { return .today }
        if let day = Dates.day(text) { return period(ofDay: day) }
        guard let days = Dates.partialDate(text)?.days else { return .any }
        return Period(first: days.lowerBound, last: days.upperBound)
    }

    package var provincesOfToday: [Int] { provinces.codes(at: .today) }
    package var provincesOfBeforeMerger: [Int] { provinces.codes(at: .beforeMerger) }
    package var communesOfToday: [Int] { communes.codes(at: .today) }
    /// In alphabetical order.
    package var countryCodes: [String] { countries.codes }
}

/// A line of a list's table of examples.
package struct CodeListExample: Sendable {
    package let code: String
    /// The date beside the code; nil where the record has none.
    package let date: String?
    package let isListed: Bool
    package let why: String

    static func listed(_ code: String, on date: String? = nil, _ why: String) -> Self {
        Self(code: code, date: date, isListed: true, why: why)
    }

    static func notListed(_ code: String, on date: String? = nil, _ why: String) -> Self {
        Self(code: code, date: date, isListed: false, why: why)
    }
}

extension CodeListKind {
    package var summaryEnglish: String {
        switch self {
        case .province: ProvinceList.summaryEnglish
        case .provinceOfAnyTime: ProvinceOfAnyTimeList.summaryEnglish
        case .commune: CommuneList.summaryEnglish
        case .country: CountryList.summaryEnglish
        }
    }

    package var summaryVietnamese: String {
        switch self {
        case .province: ProvinceList.summaryVietnamese
        case .provinceOfAnyTime: ProvinceOfAnyTimeList.summaryVietnamese
        case .commune: CommuneList.summaryVietnamese
        case .country: CountryList.summaryVietnamese
        }
    }

    /// Verdicts of the lists that the product brings.
    package var examples: [CodeListExample] {
        switch self {
        case .province: ProvinceList.examples
        case .provinceOfAnyTime: ProvinceOfAnyTimeList.examples
        case .commune: CommuneList.examples
        case .country: CountryList.examples
        }
    }
}

extension Contract {
    /// The lists by which some field's codes are judged.
    package var codeLists: Set<CodeListKind> {
        fields.reduce(into: []) { $0.formUnion($1.type.codeLists) }
    }
}

extension FieldType {
    fileprivate var codeLists: Set<CodeListKind> {
        switch self {
        case .text(let rule): rule.codeList.map { [$0] } ?? []
        case .object(let fields): fields.reduce(into: []) { $0.formUnion($1.type.codeLists) }
        case .list(let item, uniqueBy: _, minimumItems: _, maximumItems: _): item.codeLists
        case .integer, .boolean, .decimal, .date, .timestamp: []
        }
    }
}
