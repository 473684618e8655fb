// The number of a certificate (chứng chỉ hành nghề) or licence (giấy phép hành nghề) to practise medicine.

/// 6 or 7 digits, `/`, the abbreviation of a province or ministry, `-CCHN` or `-GPHN`, as in `000123/HNO-GPHN` (Decree
/// 96/2023/ND-CP for the newer form). Sure: B; the abbreviation is any 2 to 10 capitals, Đ and digits among them.
enum PracticeLicence {
    static func isValid(_ text: TextBytes) -> Bool {
        var index = 0
        while index < text.count, text.isDigit(index) { index += 1 }
        guard (6...7).contains(index), index < text.count, text[index] == UInt8(ascii: "/") else { return false }
        let first = index + 1
        let end = text.count - 5
        guard end > first else { return false }
        var letters = 0
        index = first
        while index < end {
            if text.isCapital(index) || text.isDigit(index) {
                index += 1
            } else if text[index] == 0xC4, index + 1 < end, text[index + 1] == 0x90 {  // Đ
                index += 2
            } else {
                return false
            }
            letters += 1
        }
        return (2...10).contains(letters) && (hasSuffix("-CCHN", text) || hasSuffix("-GPHN", text))
    }

    private static func hasSuffix(_ suffix: StaticString, _ text: TextBytes) -> Bool {
        let count = suffix.utf8CodeUnitCount
        return TextBytes(text.start + text.count - count, count).isEqual(to: TextBytes(suffix.utf8Start, count))
    }
}
