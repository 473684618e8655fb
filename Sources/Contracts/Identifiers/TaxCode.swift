// The tax code (mã số thuế) of organisations, which is the enterprise code too.

/// 10 digits N1…N10, of a branch followed by `-` and 001 to 999. N3…N9 are 0000001 to 9999999. N10 is a check digit:
/// 10 − (Σ w·N mod 11) with the weights below; a result of 10 makes no number.
///
/// Source: Circular 105/2020/TT-BTC art. 5 (official text read), which Circular 86/2024/TT-BTC replaced on 2025-02-06
/// with the same structure. The weights are as commonly published: public validators and real codes agree upon them.
enum TaxCode: Identifier {
    static let summaryEnglish =
        "tax code: 10 digits with a check digit; of a branch followed by - and 3 digits from 001"
    static let summaryVietnamese =
        "mã số thuế: 10 chữ số có chữ số kiểm tra; đơn vị phụ thuộc thêm dấu - và 3 chữ số từ 001"
    static let sureness = Sureness.officialText
    static let examples: [IdentifierExample] = [
        .valid("0300588569", "an enterprise's, as it publishes it"),
        .valid("0101248141", "an enterprise's"),
        .valid("0100112437", "an enterprise's"),
        .valid("0100109106", "an enterprise's"),
        .valid("0100109106-001", "its first branch"),
        .valid("0100109106-999", "the last number that a branch may have"),
        .invalid("0300588568", "the check digit differs"),
        .invalid("1300588569", "the first digit differs"),
        .invalid("0300588659", "two digits swapped"),
        .invalid("030058856", "9 digits"),
        .invalid("03005885690", "11 digits"),
        .invalid("0100109106-000", "branches begin at 001"),
        .invalid("0100109106-1", "a branch has 3 digits"),
        .invalid("0100109106001", "a branch without the sign between"),
        .invalid("0100000003", "N3…N9 are all zero"),
        .invalid("001085012345", "a personal identification number: see personal-tax-code"),
    ]

    /// w of N1…N9.
    private static func weight(_ index: Int) -> Int {
        switch index {
        case 0: 31
        case 1: 29
        case 2: 23
        case 3: 19
        case 4: 17
        case 5: 13
        case 6: 7
        case 7: 5
        default: 3
        }
    }

    static func isValid(_ text: TextBytes) -> Bool {
        guard text.count == 10 || text.count == 14, text.areDigits(0..<10) else { return false }
        var sum = 0
        for index in 0..<9 { sum += weight(index) * text.digit(index) }
        guard 10 - sum % 11 == text.digit(9) else { return false }
        guard (2...8).contains(where: { text.digit($0) != 0 }) else { return false }
        guard text.count == 14 else { return true }
        return text[10] == UInt8(ascii: "-") && text.areDigits(11..<14)
            && (text.digit(11) != 0 || text.digit(12) != 0 || text.digit(13) != 0)
    }
}
