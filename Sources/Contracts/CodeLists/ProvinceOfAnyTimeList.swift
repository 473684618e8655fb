// Provinces of today and of before, whatever the date: for texts that were not brought up to date.

/// The codes of `ProvinceList` at any time. Enterprises need not update their address after the merger of provinces,
/// so old codes are right in it, without a date that would tell.
///
/// Source: `provinces.csv`.
enum ProvinceOfAnyTimeList {
    static let summaryEnglish = "province: 2 digits, of today's 34 or the 63 before 2025-07-01, whatever the date"
    static let summaryVietnamese =
        "mã tỉnh, thành phố: 2 chữ số, theo 34 tỉnh hiện nay hoặc 63 tỉnh trước ngày 01/7/2025, không xét theo ngày"
    static let examples: [CodeListExample] = [
        .listed("01", "Hà Nội"),
        .listed("27", "Bắc Ninh's code before"),
        .listed("24", "Bắc Ninh's code now, Bắc Giang's before"),
        .listed("27", on: "2026-01-01", "the date does not matter"),
        .notListed("03", "no province at any time"),
        .notListed("97", "Defence: an issuer of insurance cards, not a province"),
        .notListed("2A", "a letter"),
    ]
}
