// The social-insurance number (mã số bảo hiểm xã hội).

/// 10 digits without check digit; since 2025-08-01 the 12-digit personal identification number takes its place.
/// Both as commonly published; public data agree. What was issued before stays in the records, so both pass.
enum SocialInsuranceNumber: Identifier {
    static let summaryEnglish =
        "social-insurance number: 10 digits, or since 2025-08-01 the 12-digit personal identification number"
    static let summaryVietnamese =
        "mã số bảo hiểm xã hội: 10 chữ số, hoặc từ ngày 01/8/2025 là số định danh cá nhân 12 chữ số"
    static let sureness = Sureness.publicData
    static let examples: [IdentifierExample] = [
        .valid("7912345678", "10 digits"),
        .valid("0000000000", "never issued, but nothing says so"),
        .valid("001085012345", "the personal identification number"),
        .invalid("791234567", "9 digits"),
        .invalid("79123456789", "11 digits"),
        .invalid("791234567X", "a letter"),
        .invalid("000085012345", "12 digits that are no personal number"),
    ]

    static func isValid(_ text: TextBytes) -> Bool {
        (text.count == 10 && text.areDigits(0..<10)) || PersonalNumber.isValid(text)
    }
}
