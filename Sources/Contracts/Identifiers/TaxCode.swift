// The tax code (mã số thuế), which is the enterprise code too.

/// 10 digits N1…N10, of a branch followed by `-` and 001 to 999. N10 = 10 − (Σ w·N mod 11) with the weights below; a
/// result of 10 makes no number, and N3…N9 are not all zero (Circular 86/2024/TT-BTC art. 5). Sure: A for the
/// structure, B for the check digit, upon which public validators and real codes agree.
enum TaxCode {
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
