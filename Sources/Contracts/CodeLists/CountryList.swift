// Countries and territories, by ISO 3166-1 alpha-3.

/// Three capital letters, 249 codes. The list is not dated: a code that ISO withdrew (such as ANT in 2010) would be
/// refused even in a record of its time.
///
/// Source: `countries.csv`; its README names the standard and the source of the names.
struct CountryList: Sendable {
    static let summaryEnglish = "country: 3 capital letters of ISO 3166-1"
    static let summaryVietnamese = "mã quốc gia: 3 chữ cái viết hoa theo ISO 3166-1"
    static let examples: [CodeListExample] = [
        .listed("VNM", "Vietnam"),
        .listed("ABW", "the first"),
        .listed("ZWE", "the last"),
        .notListed("vnm", "small letters"),
        .notListed("VN", "two letters: alpha-2"),
        .notListed("704", "digits: the numeric code"),
        .notListed("XYZ", "no country"),
    ]

    private static let codeCount = 26 * 26 * 26
    /// One bit for each three-letter code.
    private var bits: [UInt64]

    init(_ codes: some Sequence<String>) {
        bits = Array(repeating: 0, count: (Self.codeCount + 63) / 64)
        for code in codes {
            guard let index = code.withTextBytes(Self.index) else { continue }
            bits[index >> 6] |= 1 << UInt64(index & 63)
        }
    }

    func contains(_ text: TextBytes) -> Bool {
        guard let index = Self.index(text) else { return false }
        return contains(index)
    }

    /// In alphabetical order.
    var codes: [String] {
        (0..<Self.codeCount).filter(contains).map { index in
            let letters = [index / (26 * 26), index / 26 % 26, index % 26].map { UInt8(ascii: "A") + UInt8($0) }
            return String(decoding: letters, as: UTF8.self)
        }
    }

    private func contains(_ index: Int) -> Bool { bits[index >> 6] & (1 << UInt64(index & 63)) != 0 }

    /// nil where the text is not three capital letters.
    private static func index(_ text: TextBytes) -> Int? {
        guard text.count == 3, text.isCapital(0), text.isCapital(1), text.isCapital(2) else { return nil }
        let letter = { (index: Int) in Int(text[index] &- UInt8(ascii: "A")) }
        return (letter(0) * 26 + letter(1)) * 26 + letter(2)
    }
}
