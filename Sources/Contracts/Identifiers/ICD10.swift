// Codes of diseases and causes of death of the International Classification of Diseases, 10th revision (mã bệnh ICD-10).

/// A letter and two digits, and if wanted one or two digits more, with or without a point before them; a dagger or an
/// asterisk, which mark a cause and its manifestation in print, may end it.
///
/// Source: the classification itself (3, 4 or 5 characters); Circular 06/2026/TT-BYT art. 3 and 4 (official text read),
/// whose annex lists the codes in use since 2026-07-01. Which codes exist is not judged: the list is not at hand, and
/// a record keeps the code of its day. Codes of traditional medicine are a list of their own.
enum ICD10: Identifier {
    static let summaryEnglish = "ICD-10 code: a letter and two digits, then none, one or two digits, as in A00 or E11.9"
    static let summaryVietnamese =
        "mã bệnh ICD-10: một chữ cái và hai chữ số, có thể thêm một hoặc hai chữ số, như A00 hoặc E11.9"
    static let sureness = Sureness.officialText
    static let examples: [IdentifierExample] = [
        .valid("A00", "a category"),
        .valid("E11.9", "a subcategory"),
        .valid("S72.01", "a fifth character"),
        .valid("Z99.9", "the last chapter but one"),
        .valid("U07.1", "of the chapter for special purposes"),
        .valid("E119", "without the point, as some systems store it"),
        .valid("A17.0†", "a cause"),
        .valid("G01*", "a manifestation"),
        .invalid("A0", "one digit"),
        .invalid("A00.", "a point and nothing behind"),
        .invalid("A00.123", "three digits behind the point"),
        .invalid("A00.1A", "a letter behind the point"),
        .invalid("a00", "a small letter"),
        .invalid("100", "no letter"),
        .invalid("A00-A09", "a block, not a code"),
        .invalid("A00;B01", "two codes"),
    ]

    static func isValid(_ text: TextBytes) -> Bool {
        let count = text.count - markLength(text)
        guard (3...6).contains(count), text.isCapital(0), text.areDigits(1..<3) else { return false }
        guard count > 3 else { return true }
        let first = text[3] == UInt8(ascii: ".") ? 4 : 3
        return (1...2).contains(count - first) && text.areDigits(first..<count)
    }

    /// The bytes of the mark at the end.
    @inline(__always)
    private static func markLength(_ text: TextBytes) -> Int {
        guard text.count > 3 else { return 0 }
        return text[text.count - 1] == UInt8(ascii: "*") ? 1 : text.hasSuffix("†") ? 3 : 0
    }
}
