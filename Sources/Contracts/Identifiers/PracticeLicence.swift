// The number of a certificate (chứng chỉ hành nghề) or licence (giấy phép hành nghề) to practise medicine.

/// 6 or 7 digits, `/`, the abbreviation of a province or ministry, `-CCHN` or `-GPHN`, as in `000123/HNO-GPHN`. As
/// commonly published; public data agree. `GPHN` came with the licences of the Law on Medical Examination and
/// Treatment of 2023; certificates of before keep `CCHN`. The abbreviation is any 2 to 10 letters and digits that
/// begin with a capital, Đ among them: several spellings of one province are about.
enum PracticeLicence: Identifier {
    static let summaryEnglish =
        "practice certificate or licence: 6 or 7 digits, /, who issued it, -CCHN or -GPHN"
    static let summaryVietnamese =
        "số chứng chỉ hoặc giấy phép hành nghề: 6 hoặc 7 chữ số, /, ký hiệu nơi cấp, -CCHN hoặc -GPHN"
    static let sureness = Sureness.publicData
    static let examples: [IdentifierExample] = [
        .valid("000123/HNO-GPHN", "a licence of Hà Nội"),
        .valid("0001234/BYT-CCHN", "a certificate of the Ministry of Health"),
        .valid("001234/ĐNA-CCHN", "an abbreviation with Đ"),
        .valid("001234/QNg-CCHN", "an abbreviation with a small letter"),
        .valid("000123/ZZZZZZZZZZ-GPHN", "10 letters"),
        .invalid("00123/HNO-GPHN", "5 digits"),
        .invalid("00001234/HNO-GPHN", "8 digits"),
        .invalid("000123HNO-GPHN", "no /"),
        .invalid("000123/H-GPHN", "an abbreviation of one letter"),
        .invalid("000123/ZZZZZZZZZZZ-GPHN", "11 letters"),
        .invalid("000123/-GPHN", "no abbreviation"),
        .invalid("000123/hno-GPHN", "an abbreviation without a capital"),
        .invalid("000123/HNO-XXXX", "neither certificate nor licence"),
        .invalid("000123", "digits alone"),
    ]

    static func isValid(_ text: TextBytes) -> Bool {
        var index = 0
        while index < text.count, text.isDigit(index) { index += 1 }
        guard (6...7).contains(index), index < text.count, text[index] == UInt8(ascii: "/") else { return false }
        guard text.hasSuffix("-CCHN") || text.hasSuffix("-GPHN") else { return false }
        index += 1
        let end = text.count - 5
        guard index < end, text.capitalLength(index) > 0 else { return false }
        var letters = 0
        while index < end {
            let isSingle = text.isCapital(index) || text.isSmallLetter(index) || text.isDigit(index)
            guard isSingle || text.isBarredD(index) else { return false }
            index += isSingle ? 1 : 2
            letters += 1
        }
        return (2...10).contains(letters)
    }
}
