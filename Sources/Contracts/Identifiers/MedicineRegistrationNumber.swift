// The number under which a medicine may be sold (số đăng ký, of the giấy đăng ký lưu hành thuốc).

/// Since 2023 12 digits: 3 of the country (893 is Vietnam), 1 of the group, 2 of the class, 4 in sequence, 2 of the
/// year. Before, a prefix of letters and digits, a number, a year, parted by `-`, as in `VD-32243-19`; such numbers
/// stay in use.
///
/// Source: Circular 08/2022/TT-BYT art. 46.3 (official text read: the new structure holds from 2023-01-01); the
/// structure itself stands in its Annex VI, which was not read. So of the 12 digits only their count is judged. Of the
/// older ones some dozen prefixes are about (VD, VN, VN2, QLSP, QLĐB, GC, VNB, V1 …), some with a part more: any text
/// passes that begins with a capital and has 2 to 5 parts of capitals and digits, one of them digits alone.
enum MedicineRegistrationNumber: Identifier {
    static let summaryEnglish =
        "medicine registration number: 12 digits, or of before 2023 prefix, number and year, as in VD-32243-19"
    static let summaryVietnamese =
        "số đăng ký thuốc: 12 chữ số, hoặc dạng trước năm 2023 gồm ký hiệu, số và năm, như VD-32243-19"
    static let sureness = Sureness.shapeOnly
    static let examples: [IdentifierExample] = [
        .valid("893110000123", "12 digits, made in Vietnam"),
        .valid("400110000123", "12 digits, made elsewhere"),
        .valid("VD-32243-19", "made in Vietnam, before 2023"),
        .valid("VN-21939-19", "imported, before 2023"),
        .valid("VN2-123-13", "a prefix with a digit"),
        .valid("QLSP-H02-1049-17", "a part more"),
        .valid("QLĐB-512-15", "a prefix with Đ"),
        .invalid("89311000012", "11 digits"),
        .invalid("8931100001234", "13 digits"),
        .invalid("89311000012A", "a letter among 12"),
        .invalid("VD3224319", "nothing parts it"),
        .invalid("VD--32243-19", "an empty part"),
        .invalid("vd-32243-19", "small letters"),
        .invalid("32243-VD-19", "begins with digits"),
        .invalid("VD-ABC", "no part of digits alone"),
        .invalid("VD-1-2-3-4-5", "6 parts"),
    ]

    private static let bytesMax = 40
    private static let partsMax = 5

    static func isValid(_ text: TextBytes) -> Bool {
        if text.count == 12, text.areDigits(0..<12) { return true }
        return isOfBefore2023(text)
    }

    private static func isOfBefore2023(_ text: TextBytes) -> Bool {
        guard (1...bytesMax).contains(text.count), text.capitalLength(0) > 0 else { return false }
        var parts = 0
        var hasNumber = false
        var index = 0
        while index <= text.count {
            let first = index
            var isNumber = true
            while index < text.count, text[index] != UInt8(ascii: "-") {
                let letter = text.capitalLength(index)
                guard letter > 0 || text.isDigit(index) else { return false }
                if letter > 0 { isNumber = false }
                index += max(letter, 1)
            }
            guard index > first else { return false }
            parts += 1
            if isNumber { hasNumber = true }
            index += 1
        }
        return hasNumber && (2...partsMax).contains(parts)
    }
}
