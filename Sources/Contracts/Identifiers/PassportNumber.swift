// The number of a passport (số hộ chiếu), of any country.

/// 3 to 20 letters and digits with at least one digit; a blank, `-` or `/` may part them. Vietnamese ones are a letter
/// and 7 digits, newer ones 8 digits, as commonly published; a passport's country stands in another field, so any form
/// passes. Beyond that nothing is judged: other countries' numbers differ, and registers hold them as people read them
/// out.
enum PassportNumber: Identifier {
    static let summaryEnglish = "passport number of any country: 3 to 20 letters and digits, at least one digit"
    static let summaryVietnamese = "số hộ chiếu của bất kỳ nước nào: 3 đến 20 chữ cái và chữ số, ít nhất một chữ số"
    static let sureness = Sureness.shapeOnly
    static let examples: [IdentifierExample] = [
        .valid("B0000000", "Vietnamese: a letter and 7 digits"),
        .valid("P00000000", "Vietnamese, newer: a letter and 8 digits"),
        .valid("00000000", "8 digits"),
        .valid("XX00AA000", "letters and digits mixed, as other countries have them"),
        .valid("AB 000000", "a blank between"),
        .valid("c00000000", "small letters, as some systems store them"),
        .valid("A00", "the shortest"),
        .valid("A0000000000000000000", "the longest: 20"),
        .invalid("A0", "2 characters"),
        .invalid("A00000000000000000000", "21 characters"),
        .invalid("PASSPORT", "no digit"),
        .invalid("-B000000", "begins with neither letter nor digit"),
        .invalid("B0000000?", "a character of no passport"),
        .invalid("Hộ chiếu 1", "not ASCII"),
    ]

    static func isValid(_ text: TextBytes) -> Bool {
        guard (3...20).contains(text.count) else { return false }
        var hasDigit = false
        var isParted = true  // nor may the first be a sign
        for index in 0..<text.count {
            if text.isDigit(index) {
                hasDigit = true
                isParted = false
            } else if text.isCapital(index) || text.isSmallLetter(index) {
                isParted = false
            } else {
                let sign = text[index]
                guard sign == UInt8(ascii: " ") || sign == UInt8(ascii: "-") || sign == UInt8(ascii: "/"), !isParted
                else { return false }
                isParted = true
            }
        }
        return hasDigit && !isParted
    }
}
