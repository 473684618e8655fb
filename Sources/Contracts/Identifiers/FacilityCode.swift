// The code of a health facility (mã cơ sở khám bệnh, chữa bệnh) as health insurance uses it.

/// 5 characters: 2 digits of the province, 97 of Defence, 98 of Police, and 3 more from 001; since 2026 also 13
/// digits.
///
/// Source: Decision 384/QD-BYT of 2019 (digests read) for the 5, which it says are digits; lists in use have capitals
/// among the last 3, so they pass. The 13 digits are as commonly published; nothing of their structure is judged. Nor
/// is the province: facilities keep their older code.
enum FacilityCode: Identifier {
    static let summaryEnglish =
        "health facility code: 2 digits of the province and 3 characters; since 2026 also 13 digits"
    static let summaryVietnamese =
        "mã cơ sở khám bệnh, chữa bệnh: 2 chữ số mã tỉnh và 3 ký tự; từ năm 2026 còn có mã 13 chữ số"
    static let sureness = Sureness.publicData
    static let examples: [IdentifierExample] = [
        .valid("01001", "a hospital of Hà Nội"),
        .valid("06001", "of a province before 2025-07-01"),
        .valid("97001", "of Defence"),
        .valid("01A23", "a capital among the last 3"),
        .valid("1234567890123", "13 digits, since 2026"),
        .invalid("7900", "4 characters"),
        .invalid("790011", "6 characters"),
        .invalid("A9001", "a letter in place of the province"),
        .invalid("79 01", "a blank"),
        .invalid("01a23", "a small letter"),
        .invalid("123456789012", "12 digits"),
        .invalid("12345678901234", "14 digits"),
        .invalid("123456789012A", "13 characters, not all digits"),
    ]

    static func isValid(_ text: TextBytes) -> Bool {
        if text.count == 13 { return text.areDigits(0..<13) }
        guard text.count == 5, text.areDigits(0..<2) else { return false }
        for index in 2..<5 where !(text.isDigit(index) || text.isCapital(index)) { return false }
        return true
    }
}
