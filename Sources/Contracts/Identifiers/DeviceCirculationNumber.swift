// The number under which a medical device may be sold (số lưu hành trang thiết bị y tế).

/// Of classes C and D some 7 digits, `ĐKLH/BYT-` and who issued it; of classes A and B the number of the published
/// standard, digits, `/PCBA-` or `/PCBB-` and the province. Import licences of before look alike, as in
/// `1234NK/BYT-TB-CT`.
///
/// As commonly published (the decree on medical devices leaves the form to the Ministry), so the check is loose: digits
/// first, at most 40 bytes of letters, Đ, digits, `-`, `.` and single blanks, and one `/` with a letter behind it.
enum DeviceCirculationNumber: Identifier {
    static let summaryEnglish =
        "medical-device circulation number: digits, then who issued it after a /, as in 2300001ĐKLH/BYT-HTTB"
    static let summaryVietnamese =
        "số lưu hành trang thiết bị y tế: các chữ số, rồi ký hiệu nơi cấp sau dấu /, như 2300001ĐKLH/BYT-HTTB"
    static let sureness = Sureness.shapeOnly
    static let examples: [IdentifierExample] = [
        .valid("2300001ĐKLH/BYT-HTTB", "class C or D"),
        .valid("2300001ĐKLH/BYT-TB-CT", "the same, issued by another department"),
        .valid("2300001 DKLH/BYT-HTTB", "a blank, and D for Đ"),
        .valid("2300001đklh/byt-htTB", "small letters, đ among them"),
        .valid("220000001/PCBA-HN", "class A, of Hà Nội"),
        .valid("000000001/PCBB-HCM", "class B"),
        .valid("1234NK/BYT-TB-CT", "an import licence of before"),
        .invalid("2300001", "digits alone"),
        .invalid("ĐKLH/BYT-HTTB", "no digits in front"),
        .invalid("2300001ĐKLH", "no /"),
        .invalid("2300001ĐKLH/", "nothing behind the /"),
        .invalid("2300001/2023", "no letter behind the /"),
        .invalid("2300001ĐKLH/BYT/HTTB", "two of /"),
        .invalid("2300001  ĐKLH/BYT-HTTB", "two blanks"),
        .invalid("2300001ĐKLH/BYT-HTTB-AAAAAAAAAAAAAAAAAAAA", "too long"),
    ]

    private static let bytesMax = 40

    static func isValid(_ text: TextBytes) -> Bool {
        guard (5...bytesMax).contains(text.count), text.isDigit(0) else { return false }
        var slashes = 0
        var hasIssuer = false
        var index = 0
        while index < text.count {
            let letter = letterLength(text, index)
            if letter > 0 {
                if slashes > 0 { hasIssuer = true }
                index += letter
                continue
            }
            switch text[index] {
            case UInt8(ascii: "/"): slashes += 1
            case UInt8(ascii: " "): if text[index - 1] == UInt8(ascii: " ") { return false }
            case UInt8(ascii: "-"), UInt8(ascii: "."): break
            default: if !text.isDigit(index) { return false }
            }
            index += 1
        }
        return slashes == 1 && hasIssuer
    }

    /// Bytes of the letter at an index, in either case; 0 where there is none.
    private static func letterLength(_ text: TextBytes, _ index: Int) -> Int {
        let isSmallBarredD = text[index] == 0xC4 && index + 1 < text.count && text[index + 1] == 0x91
        return isSmallBarredD ? 2 : text.isSmallLetter(index) ? 1 : text.capitalLength(index)
    }
}
