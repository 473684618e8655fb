// The tax code of a person, a household or a household business (many pharmacies are one).

/// Since 2025-07-01 the 12 digits of the personal identification number. Until then people had a code of 10 digits
/// like an organisation's, and each place of a household's business one of 10-3; records of that time keep it, so it
/// passes.
///
/// Source: Circular 105/2020/TT-BTC art. 5.3h (the former; official text read); Circular 86/2024/TT-BTC (the latter;
/// known from the press).
enum PersonalTaxCode: Identifier {
    static let summaryEnglish =
        "tax code of a person or household: the 12-digit personal identification number, or a former one of 10 digits"
    static let summaryVietnamese =
        "mã số thuế của cá nhân, hộ gia đình, hộ kinh doanh: số định danh cá nhân 12 chữ số, hoặc mã số thuế cũ 10 chữ số"
    static let sureness = Sureness.publicData
    static let examples: [IdentifierExample] = [
        .valid("001085012345", "the personal identification number"),
        .valid("079399999999", "another"),
        .valid("9900000016", "10 digits with their check digit, as issued to 2025-06-30"),
        .valid("9900000016-001", "a place of business, as issued to 2025-06-30"),
        .invalid("000085012345", "no province or country is 000"),
        .invalid("00108501234", "11 digits"),
        .invalid("9900000015", "the check digit differs"),
        .invalid("9900000016-000", "places of business begin at 001"),
        .invalid("012345678", "the number of an older identity card"),
    ]

    @inline(__always)
    static func isValid(_ text: TextBytes) -> Bool { PersonalNumber.isValid(text) || TaxCode.isValid(text) }
}
