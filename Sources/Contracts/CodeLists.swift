// Code lists that records are judged by: provinces, communes and countries, held as bits so that a test costs one load.

/// The lists of `Topics/code-lists/`. Provinces and communes are numbers: the code `08` is 8, `00004` is 4.
package struct CodeLists: Sendable {
    /// Which list of provinces a code is judged by: 34 of them since 2025-07-01, 63 before; nine codes changed hands.
    package enum Period: Sendable {
        case today
        case beforeMerger
        /// Either list: for records whose date is not known.
        case any
    }

    /// 2025-07-01, the first day of the 34 provinces and of communes without districts, in days since 1970-01-01.
    package static let mergerDay: Int32 = 20_270

    /// The period of a date given in days since 1970-01-01; without a date, today's.
    package static func period(ofDay day: Int32?) -> Period {
        guard let day, day < mergerDay else { return .today }
        return .beforeMerger
    }

    private var provincesToday = ProvinceBits()
    private var provincesBeforeMerger = ProvinceBits()
    /// For each of the 100,000 codes the province's number, or `noProvince`.
    private var provinceOfCommune: [UInt8]
    /// One bit for each of the 26³ three-letter codes.
    private var countryBits: [UInt64]
    package private(set) var communeCount = 0
    package private(set) var countryCount = 0

    private static let noProvince: UInt8 = 255
    private static let communeCodes = 100_000
    private static let countryCodes = 26 * 26 * 26

    /// Numbers outside their range (provinces 0–99, communes 0–99,999) and countries that are not three capital
    /// letters are left out: the loader of the files has refused them before.
    package init(
        provincesToday: some Sequence<Int>, provincesBeforeMerger: some Sequence<Int>,
        communes: some Sequence<(code: Int, province: Int)>, countries: some Sequence<String>
    ) {
        provinceOfCommune = Array(repeating: Self.noProvince, count: Self.communeCodes)
        countryBits = Array(repeating: 0, count: (Self.countryCodes + 63) / 64)
        for number in provincesToday { self.provincesToday.insert(number) }
        for number in provincesBeforeMerger { self.provincesBeforeMerger.insert(number) }
        for commune in communes
        where (0..<Self.communeCodes).contains(commune.code) && (0...99).contains(commune.province) {
            if provinceOfCommune[commune.code] == Self.noProvince { communeCount += 1 }
            provinceOfCommune[commune.code] = UInt8(commune.province)
        }
        for country in countries {
            let letters = Array(country.utf8)
            guard letters.count == 3, let index = Self.countryIndex(letters[0], letters[1], letters[2]) else {
                continue
            }
            if countryBits[index >> 6] & (1 << UInt64(index & 63)) == 0 { countryCount += 1 }
            countryBits[index >> 6] |= 1 << UInt64(index & 63)
        }
    }

    /// Whether the two-digit code, as a number, names a province in that period.
    package func isProvince(_ number: Int, at period: Period) -> Bool {
        switch period {
        case .today: provincesToday.contains(number)
        case .beforeMerger: provincesBeforeMerger.contains(number)
        case .any: provincesToday.contains(number) || provincesBeforeMerger.contains(number)
        }
    }

    /// The same for the code's two ASCII characters.
    package func isProvince(_ tens: UInt8, _ units: UInt8, at period: Period) -> Bool {
        guard let high = Self.digit(tens), let low = Self.digit(units) else { return false }
        return isProvince(high * 10 + low, at: period)
    }

    /// Whether the five-digit code, as a number, names a commune. Only today's list is known: a code of an
    /// earlier or unknown date passes by its shape alone, since refusing it would refuse good records.
    package func isCommune(_ number: Int, at period: Period) -> Bool {
        guard (0..<Self.communeCodes).contains(number) else { return false }
        return switch period {
        case .today: provinceOfCommune[number] != Self.noProvince
        case .beforeMerger, .any: true
        }
    }

    /// The province's number of one of today's communes.
    package func province(ofCommune number: Int) -> Int? {
        guard (0..<Self.communeCodes).contains(number) else { return nil }
        let province = provinceOfCommune[number]
        return province == Self.noProvince ? nil : Int(province)
    }

    /// Whether three ASCII characters are an ISO 3166-1 alpha-3 code; lower case is not.
    package func isCountry(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> Bool {
        guard let index = Self.countryIndex(first, second, third) else { return false }
        return countryBits[index >> 6] & (1 << UInt64(index & 63)) != 0
    }

    package var provincesOfToday: [Int] { (0...99).filter(provincesToday.contains) }
    package var provincesOfBeforeMerger: [Int] { (0...99).filter(provincesBeforeMerger.contains) }

    private static func digit(_ character: UInt8) -> Int? {
        let value = character &- UInt8(ascii: "0")
        return value <= 9 ? Int(value) : nil
    }

    private static func countryIndex(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> Int? {
        let a = Int(first &- UInt8(ascii: "A"))
        let b = Int(second &- UInt8(ascii: "A"))
        let c = Int(third &- UInt8(ascii: "A"))
        guard a < 26, b < 26, c < 26 else { return nil }
        return (a * 26 + b) * 26 + c
    }

    /// 100 bits.
    private struct ProvinceBits: Sendable {
        private var low: UInt64 = 0
        private var high: UInt64 = 0

        mutating func insert(_ number: Int) {
            guard (0...99).contains(number) else { return }
            if number < 64 { low |= 1 << UInt64(number) } else { high |= 1 << UInt64(number - 64) }
        }

        func contains(_ number: Int) -> Bool {
            guard (0...99).contains(number) else { return false }
            return number < 64 ? low & (1 << UInt64(number)) != 0 : high & (1 << UInt64(number - 64)) != 0
        }
    }
}
