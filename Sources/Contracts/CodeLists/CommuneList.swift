// Communes, wards and special zones (xã, phường, đặc khu), by the Statistics Office's codes.

/// 5 digits; 3,321 of them since 2025-07-01, when districts ended. What was before the list begins is not listed: a
/// code of an earlier date, or of a date that may be earlier, passes by its shape, since refusing it would refuse good
/// records. The province within the same address is not compared.
///
/// Source: `communes.csv`; its README names the data set.
struct CommuneList: Sendable {
    static let summaryEnglish = "commune: 5 digits, of the 3,321 since 2025-07-01; any 5 digits before"
    static let summaryVietnamese =
        "mã xã, phường, đặc khu: 5 chữ số, theo 3.321 đơn vị từ ngày 01/7/2025; trước đó chỉ xét đủ 5 chữ số"
    static let examples: [CodeListExample] = [
        .listed("00004", "a ward of Hà Nội"),
        .listed("00004", on: "2025-07-01", "the list's first day"),
        .notListed("00001", "none of today's: the ward was merged"),
        .notListed("00001", on: "2025-07-01", "nor of the first day"),
        .listed("00001", on: "2025-06-30", "the day before, by its shape"),
        .listed("00001", on: "2025", "the date may be a day before"),
        .notListed("00001", on: "2025-07", "a month of the list"),
        .notListed("0000a", on: "2020-01-01", "a letter"),
        .notListed("0004", "4 digits"),
        .notListed("000004", "6 digits"),
    ]

    private static let codeRange = 0..<100_000
    private var codes: DatedCodes
    /// The list is complete from this day on: it was made of the units that began it. A row of an earlier day makes the
    /// time before no more complete, so it is no row that says where the list begins.
    static let firstDay = CodeLists.mergerDay

    init(_ spans: some Sequence<DatedCodes.Span>) {
        codes = DatedCodes(spans, codes: Self.codeRange)
    }

    func contains(_ text: TextBytes, at period: CodeLists.Period) -> Bool {
        guard text.count == 5, text.areDigits(0..<5) else { return false }
        var number = 0
        for index in 0..<5 { number = number * 10 + text.digit(index) }
        return contains(number, at: period)
    }

    /// Whether the code, as a number, names a commune in that period.
    func contains(_ number: Int, at period: CodeLists.Period) -> Bool {
        guard Self.codeRange.contains(number) else { return false }
        return period.first < Self.firstDay || codes.contains(number, at: period)
    }

    func codes(at period: CodeLists.Period) -> [Int] { codes.codes(at: period) }

    var spans: [DatedCodes.Span] { codes.spans }
}
