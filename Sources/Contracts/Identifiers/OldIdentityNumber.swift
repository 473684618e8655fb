// The number of the identity card (chứng minh nhân dân) that came before the personal identification number.

/// 9 digits, no check digit. Sure: B.
enum OldIdentityNumber {
    static func isValid(_ text: TextBytes) -> Bool { text.count == 9 && text.areDigits(0..<9) }
}
