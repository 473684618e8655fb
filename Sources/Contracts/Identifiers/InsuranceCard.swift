// The number of the health-insurance card (số thẻ bảo hiểm y tế).

/// 15 characters: 2 letters of the group, 1 digit of the benefit level 1 to 5, 2 of the province of issue, 10 digits,
/// which are the social-insurance number or a serial number (Decision 1351/QD-BHXH). Sure: A for the shape. The
/// groups are some 44 with army's and police's beside them, so any two letters pass; provinces are the older 63, or
/// 97, 98, 99 for Defence, Police and Cipher.
enum InsuranceCard {
    /// The bits of the older 63 codes and the three of the forces.
    private static let issuers: (low: UInt64, high: UInt64) = {
        var low: UInt64 = 0
        var high: UInt64 = 0
        let codes: [UInt64] = [
            1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33, 34, 35, 36, 37, 38, 40, 42,
            44, 45,
            46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74, 75, 77, 79, 80, 82, 83, 84, 86, 87, 89,
            91,
            92, 93, 94, 95, 96, 97, 98, 99,
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
