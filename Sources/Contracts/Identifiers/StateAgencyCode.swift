// The electronic identification code (mã định danh điện tử) of state agencies and of organisations beside them.

/// At most 35 of `0-9A-Z.`: level one is a letter A to Y and two digits, each lower level follows a point, as in
/// `G01.02.034`. Other organisations have the code of a scheme, `Z01` to `Z99`, followed without a sign by at most 32
/// characters that the scheme lays down; of these, letters, digits, `.`, `-`, `/` and `_` pass. Enterprises,
/// cooperatives and household businesses have their registration number in its place: see `EnterpriseCode`.
///
/// Source: Decision 20/2020/QD-TTg art. 4, 5 and 6 (official text read). How long a lower level is, is left open.
enum StateAgencyCode: Identifier {
    static let summaryEnglish =
        "electronic identification code of an agency: a letter and two digits, lower levels after points, at most 35"
    static let summaryVietnamese =
        "mã định danh điện tử của cơ quan: một chữ cái và hai chữ số, các cấp dưới sau dấu chấm, nhiều nhất 35 ký tự"
    static let sureness = Sureness.officialText
    static let examples: [IdentifierExample] = [
        .valid("G01", "level one"),
        .valid("Y99", "the last of level one"),
        .valid("H26.12", "level two"),
        .valid("G01.02.034.A1", "level four"),
        .valid("A01.9999999999999999999999999999999", "35 characters"),
        .valid("Z01ABC-0001", "another organisation's, of a scheme of its own"),
        .invalid("A01.99999999999999999999999999999999", "36 characters"),
        .invalid("Z01", "a scheme without a code in it"),
        .invalid("Z00ABC", "schemes begin at Z01"),
        .invalid("G1", "one digit"),
        .invalid("g01", "a small letter"),
        .invalid("G01.", "ends with a point"),
        .invalid("G01..02", "an empty level"),
        .invalid("G012", "no point before level two"),
        .invalid("G01-02", "a sign that is no point"),
    ]

    static func isValid(_ text: TextBytes) -> Bool {
        guard (3...35).contains(text.count), text.isCapital(0), text.areDigits(1..<3) else { return false }
        return text[0] == UInt8(ascii: "Z") ? isOfScheme(text) : isOfAgency(text)
    }

    private static func isOfAgency(_ text: TextBytes) -> Bool {
        var previousIsPoint = false
        for index in 3..<text.count {
            let isPoint = text[index] == UInt8(ascii: ".")
            if index == 3 && !isPoint { return false }
            if isPoint ? previousIsPoint : !(text.isDigit(index) || text.isCapital(index)) { return false }
            previousIsPoint = isPoint
        }
        return !previousIsPoint
    }

    private static func isOfScheme(_ text: TextBytes) -> Bool {
        guard text.count > 3, text.digit(1) != 0 || text.digit(2) != 0 else { return false }
        for index in 3..<text.count where !(text.isDigit(index) || text.isCapital(index) || text.isSmallLetter(index)) {
            switch text[index] {
            case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: "_"): break
            default: return false
            }
        }
        return true
    }
}
