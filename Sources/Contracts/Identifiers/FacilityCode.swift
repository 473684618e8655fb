// The code of a health facility (mã cơ sở khám bệnh, chữa bệnh) as health insurance uses it.

/// 5 characters, 2 digits of the province and 3 digits or capitals; since 2026 also 13 digits. Sure: B. The
/// province is not judged: facilities keep their older code.
enum FacilityCode {
    static func isValid(_ text: TextBytes) -> Bool {
        if text.count == 13 { return text.areDigits(0..<13) }
        guard text.count == 5, text.areDigits(0..<2) else { return false }
        for index in 2..<5 where !(text.isDigit(index) || text.isCapital(index)) { return false }
        return true
    }
}
