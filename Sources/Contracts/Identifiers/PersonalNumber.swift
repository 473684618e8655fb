// The personal identification number (số định danh cá nhân) of citizens and of foreigners with an electronic identity.

/// 12 digits: 3 of the province or country of birth registration, 1 of century and sex, 2 of the year of birth, 6
/// random; no check digit (Law 26/2023/QH15 art. 12; Decree 70/2024/ND-CP). Sure: A for the structure, B for the
/// table of century and sex. Codes of provinces and countries begin at 001, so 000 is none; beyond that they are
/// not judged, since the list of countries is not at hand.
enum PersonalNumber {
    static func isValid(_ text: TextBytes) -> Bool {
        text.count == 12 && text.areDigits(0..<12) && !(text.digit(0) == 0 && text.digit(1) == 0 && text.digit(2) == 0)
    }

    /// The year of birth that a valid number tells: two century-and-sex digits a century, from 1900.
    static func birthYear(_ text: TextBytes) -> Int32 {
        Int32(1_900 + 100 * (text.digit(3) / 2) + 10 * text.digit(4) + text.digit(5))
    }

    /// The sex at registration that a valid number tells: even is male.
    static func isMale(_ text: TextBytes) -> Bool { text.digit(3) % 2 == 0 }
}
