// Provinces and centrally run cities (tỉnh, thành phố trực thuộc trung ương), by the Statistics Office's codes.

/// 2 digits. 34 provinces since 2025-07-01, 63 from 2008-08-01 to 2025-06-30. Seven codes changed hands that day: 24
/// was Bắc Giang and is Bắc Ninh now, 15 was Yên Bái and is Lào Cai now; so did 44, 52, 80, 82 and 91. A code means
/// nothing without its date, so it is judged at the date beside it where the contract names one.
///
/// Source: `provinces.csv`; its README names the data sets. The 34 and the 63 agree with the lists that public data
/// give; the older time's first day is the merger of Hà Tây into Hà Nội, and dates before it are judged by the same 63.
struct ProvinceList: Sendable {
    static let summaryEnglish = "province: 2 digits, of the 34 since 2025-07-01 or the 63 before"
    static let summaryVietnamese = "mã tỉnh, thành phố: 2 chữ số, theo 34 tỉnh từ ngày 01/7/2025 hoặc 63 tỉnh trước đó"
    static let examples: [CodeListExample] = [
        .listed("01", "Hà Nội; without a date, by the list of today"),
        .listed("24", "Bắc Ninh"),
        .listed("24", on: "2025-06-30", "the same code was Bắc Giang the day before"),
        .listed("27", on: "2025-06-30", "Bắc Ninh's code to that day"),
        .notListed("27", on: "2025-07-01", "Bắc Ninh is 24 from that day"),
        .notListed("27", "no province of today"),
        .listed("27", on: "2025", "the date may be a day before the merger"),
        .listed("27", on: "2025-06", "a month before it"),
        .notListed("27", on: "2025-07", "a month after it"),
        .listed("27", on: "1999-12-31", "before the list begins its first codes count"),
        .notListed("03", on: "2020-01-01", "no province at any time"),
        .notListed("1", "one digit"),
        .notListed("001", "three digits"),
    ]

    private var codes: DatedCodes

    init(_ spans: some Sequence<DatedCodes.Span>) {
        let spans = Array(spans)
        // What was before the list begins is not known: its first codes count for it.
        let first = spans.map(\.first).min()
        codes = DatedCodes(
            spans.map { span in
                var span = span
                if span.first == first { span.first = .min }
                return span
            }, codes: 0..<100)
    }

    @inline(__always)
    func contains(_ text: TextBytes, at period: CodeLists.Period) -> Bool {
        text.count == 2 && text.areDigits(0..<2) && contains(text.digit(0) * 10 + text.digit(1), at: period)
    }

    /// Whether the code, as a number, names a province in that period.
    @inline(__always)
    func contains(_ number: Int, at period: CodeLists.Period) -> Bool { codes.contains(number, at: period) }

    func codes(at period: CodeLists.Period) -> [Int] { codes.codes(at: period) }

    /// As codes are judged: those that begin the list reach back without end.
    var spans: [DatedCodes.Span] { codes.spans }
}
