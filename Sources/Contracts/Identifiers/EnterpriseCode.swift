// The enterprise code (mã số doanh nghiệp), and the code of a household business in its place.

/// A tax code of 10 digits, of a branch 10-3; of a household business the 12 digits of its holder's personal
/// identification number.
///
/// Source: Circular 105/2020/TT-BTC art. 5.2 (the enterprise code is the tax code; official text read); Circular
/// 86/2024/TT-BTC (the personal number in place of a household business's tax code since 2025-07-01; known from the
/// press).
enum EnterpriseCode: Identifier {
    static let summaryEnglish =
        "enterprise code: 10 digits with a check digit, of a branch followed by - and 3 digits; or a household's 12"
    static let summaryVietnamese =
        "mã số doanh nghiệp: 10 chữ số có chữ số kiểm tra, chi nhánh thêm dấu - và 3 chữ số; hộ kinh doanh: 12 chữ số"
    static let sureness = Sureness.officialText
    static let examples: [IdentifierExample] = [
        .valid("0300588569", "an enterprise's, as it publishes it"),
        .valid("0100109106-001", "a branch's"),
        .valid("001085012345", "a household business's: its holder's personal number"),
        .invalid("0300588568", "the check digit differs"),
        .invalid("0100109106-000", "branches begin at 001"),
        .invalid("00108501234", "11 digits"),
        .invalid("000085012345", "no province or country is 000"),
        .invalid("001085012345-001", "a personal number has no branches"),
    ]

    @inline(__always)
    static func isValid(_ text: TextBytes) -> Bool { TaxCode.isValid(text) || PersonalNumber.isValid(text) }
}
