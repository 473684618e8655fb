// The number of the identity card (chứng minh nhân dân) that came before the personal identification number.

/// 9 digits, no check digit, as commonly published; public code agrees. The later cards of 12 digits bear the personal
/// identification number.
enum OldIdentityNumber: Identifier {
    static let summaryEnglish = "number of the older identity card: 9 digits"
    static let summaryVietnamese = "số chứng minh nhân dân cũ: 9 chữ số"
    static let sureness = Sureness.publicData
    static let examples: [IdentifierExample] = [
        .valid("012345678", "9 digits"),
        .valid("999999999", "the highest"),
        .valid("000000000", "never issued, but nothing says so"),
        .invalid("12345678", "8 digits: a zero in front was lost"),
        .invalid("0123456789", "10 digits"),
        .invalid("A23456789", "a letter"),
        .invalid("001085012345", "a personal identification number"),
    ]

    static func isValid(_ text: TextBytes) -> Bool { text.count == 9 && text.areDigits(0..<9) }
}
