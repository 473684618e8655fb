// The number of the health-insurance card (số thẻ bảo hiểm y tế).

/// 15 characters: 2 letters of the group, 1 digit of the benefit level 1 to 5, 2 of the province of issue, 10 digits.
///
/// Source: the shape as Vietnam Social Security publishes it; Circular 30/2020/TT-BYT art. 10 (official text read) for the temporary
/// numbers of newborns, `TE1`, province, 10 digits, and of donors of organs, `HG4`, province, 10 digits. The groups
/// are some 44 with army's and police's beside them, so any two letters pass. Provinces are the older 63, which cards
/// keep, or 97, 98, 99 for Defence, Police and Cipher.
enum InsuranceCard: Identifier {
    static let summaryEnglish =
        "health-insurance card number: 2 capitals of the group, level 1 to 5, 2 digits of the province, 10 digits"
    static let summaryVietnamese =
        "số thẻ bảo hiểm y tế: 15 ký tự, gồm 2 chữ cái mã đối tượng, mức hưởng 1 đến 5, 2 chữ số mã tỉnh, 10 chữ số"
    static let sureness = Sureness.officialText
    static let examples: [IdentifierExample] = [
        .valid("DN4797912345678", "an employee's, of Thành phố Hồ Chí Minh"),
        .valid("TE1010000000001", "a newborn's, of Hà Nội"),
        .valid("HG4010000000001", "a donor's"),
        .valid("GD4270000000001", "of a province that was merged in 2025: cards keep its code"),
        .valid("QN5970123456789", "of Defence"),
        .valid("CA5980123456789", "of Police"),
        .valid("CY5990123456789", "of Cipher"),
        .invalid("DN479791234567", "14 characters"),
        .invalid("DN47979123456789", "16 characters"),
        .invalid("dn4797912345678", "small letters"),
        .invalid("DN0797912345678", "benefit level 0"),
        .invalid("DN6797912345678", "benefit level 6"),
        .invalid("DN4037912345678", "no province was 03"),
        .invalid("D14797912345678", "one letter"),
        .invalid("DN479791234567X", "a letter among the digits"),
    ]

    /// The bits of the older 63 codes and the three of the forces.
    private static let issuers: (low: UInt64, high: UInt64) = {
        var low: UInt64 = 0
        var high: UInt64 = 0
        let codes: [UInt64] = [
            1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33, 34, 35, 36, 37, 38, 40, 42,
            44, 45, 46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74, 75, 77, 79, 80, 82, 83, 84, 86,
            87, 89, 91, 92, 93, 94, 95, 96, 97, 98, 99,
        ]
        for code in codes { if code < 64 { low |= 1 << code } else { high |= 1 << (code - 64) } }
        return (low, high)
    }()

    static func isValid(_ text: TextBytes) -> Bool {
        guard text.count == 15, text.isCapital(0), text.isCapital(1), text.areDigits(2..<15) else { return false }
        guard (1...5).contains(text.digit(2)) else { return false }
        let issuer = UInt64(text.digit(3) * 10 + text.digit(4))
        return issuer < 64 ? issuers.low & (1 << issuer) != 0 : issuers.high & (1 << (issuer - 64)) != 0
    }
}
