// The social-insurance number (mã số bảo hiểm xã hội).

/// 10 digits without check digit; since 2025-08-01 the 12-digit personal number takes its place. Sure: A for the
/// former, B for the latter.
enum SocialInsuranceNumber {
    static func isValid(_ text: TextBytes) -> Bool {
        (text.count == 10 && text.areDigits(0..<10)) || PersonalNumber.isValid(text)
    }
}
