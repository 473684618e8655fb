// The personal identification number (số định danh cá nhân) of citizens and of foreigners with an electronic identity.

/// 12 digits: 3 of the province or country of birth registration, 1 of century and sex, 2 of the year of birth, 6
/// random; no check digit. Even is male: 0 and 1 are the 1900s, 2 and 3 the 2000s, to 8 and 9, the 2300s.
///
/// Source: Law 26/2023/QH15 art. 12 (12 digits), Decree 137/2015/ND-CP art. 13 (the parts), as published. The table of
/// century and sex is as commonly published; public code agrees with it.
///
/// Codes of provinces and countries begin at 001, so 000 is none. Beyond that they are not judged: the list of
/// countries is not at hand, and numbers keep the province code of their day.
package enum PersonalNumber: Identifier {
    static let summaryEnglish =
        "personal identification number: 12 digits, which tell place (never 000), sex and year of birth"
    static let summaryVietnamese =
        "số định danh cá nhân: 12 chữ số, trong đó có mã nơi đăng ký khai sinh (không phải 000), giới tính và năm sinh"
    static let sureness = Sureness.officialText
    static let examples: [IdentifierExample] = [
        .valid("001085012345", "Hà Nội, male, 1985"),
        .valid("001190004567", "Hà Nội, female, 1990"),
        .valid("079399999999", "Thành phố Hồ Chí Minh, female, 2099"),
        .valid("028204000001", "an older province code, which numbers keep"),
        .valid("221800000000", "a country of birth; male, 2300"),
        .invalid("00108501234", "11 digits"),
        .invalid("0010850123456", "13 digits"),
        .invalid("00108501234a", "a letter"),
        .invalid("000085012345", "no province or country is 000"),
        .invalid("001 085 012 345", "blanks between the digits"),
        .invalid("٠٠١٠٨٥٠١٢٣٤٥", "digits, but not of ASCII"),
    ]

    static func isValid(_ text: TextBytes) -> Bool {
        text.count == 12 && text.areDigits(0..<12) && !(text.digit(0) == 0 && text.digit(1) == 0 && text.digit(2) == 0)
    }

    /// The year of birth that a valid number tells: two century-and-sex digits a century, from 1900.
    static func birthYear(_ text: TextBytes) -> Int32 {
        Int32(1_900 + 100 * (text.digit(3) / 2) + 10 * text.digit(4) + text.digit(5))
    }

    /// The sex at registration that a valid number tells: even is male.
    static func isMale(_ text: TextBytes) -> Bool { text.digit(3) % 2 == 0 }

    /// What a number tells of its person; nil of what is no number.
    package static func reading(_ text: String) -> (birthYear: Int32, isMale: Bool)? {
        text.withTextBytes { isValid($0) ? (birthYear($0), isMale($0)) : nil }
    }
}
