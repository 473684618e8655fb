import Testing

// Dates and timestamps: every day there is, and what is none.
@testable import Contracts

@Suite("Dates")
struct DatesTests {
    @Test("every day of the years 1 to 9999 follows the one before")
    func everyDay() {
        var expected = Dates.daysSince1970(year: 1, month: 1, day: 1)
        #expect(expected == -719_162)
        for year in Int32(1)...9_999 {
            for month in Int32(1)...12 {
                #expect(Dates.daysSince1970(year: year, month: month, day: 1) == expected)
                expected += Dates.daysIn(month: month, of: year)
            }
        }
        #expect(expected == 2_932_897)
    }

    @Test("a day is written as it is read")
    func dayText() {
        for day in Int32(-719_162)..<2_932_897 where day % 97 == 0 || abs(day) < 1_000 {
            let text = Dates.text(day: day)
            #expect(withBytes(text) { Dates.day($0) } == day, "\(text)")
        }
        #expect(Dates.text(day: -719_162) == "0001-01-01")
        #expect(Dates.text(day: 2_932_896) == "9999-12-31")
    }

    @Test(
        "a partial date may mean any of its days",
        arguments: [
            ("2024", "2024-01-01", "2024-12-31"), ("2024-02", "2024-02-01", "2024-02-29"),
            ("2025-04", "2025-04-01", "2025-04-30"), ("2025-12", "2025-12-01", "2025-12-31"),
            ("2025-07-03", "2025-07-03", "2025-07-03"),
        ])
    func partialDays(text: String, first: String, last: String) throws {
        let days = try #require(withBytes(text) { Dates.partialDate($0) }).days
        #expect(Dates.text(day: days.lowerBound) == first)
        #expect(Dates.text(day: days.upperBound) == last)
    }

    @Test(
        "what is no date is refused",
        arguments: [
            "", "2025", "2025-07", "2025-7-1", "2025-02-29", "2100-02-29", "2025-00-01", "2025-13-01", "2025-04-31",
            "2025-01-00", "0000-01-01",
            "2025/07/01", "20250701", "2025-07-01T", "-025-07-01", "２025-07", "2025-07-0a",
        ])
    func noDates(_ text: String) {
        #expect(withBytes(text) { Dates.day($0) } == nil)
    }

    @Test("leap days exist where they do", arguments: ["2000-02-29", "2024-02-29", "1600-02-29"])
    func leapDays(_ text: String) {
        #expect(withBytes(text) { Dates.day($0) } != nil)
    }

    @Test(
        "a partial date knows its year, month or day",
        arguments: [("1985", nil, nil), ("1985-03", 3, nil), ("1985-03-14", 3, 14)] as [(String, Int32?, Int32?)])
    func partial(_ text: String, _ month: Int32?, _ day: Int32?) {
        #expect(withBytes(text) { Dates.partialDate($0) } == PartialDate(year: 1_985, month: month, day: day))
    }

    @Test(
        "what is no partial date is refused",
        arguments: ["198", "19850", "1985-", "1985-1", "1985-00", "1985-13", "1985-02-30", "0000", "1985-03-14 "])
    func noPartialDates(_ text: String) {
        #expect(withBytes(text) { Dates.partialDate($0) } == nil)
    }

    @Test(
        "an instant is the same in every offset",
        arguments: [
            ("1970-01-01T00:00:00Z", 0 as Int64), ("1970-01-01T07:00:00+07:00", 0), ("1969-12-31T19:00:00-05:00", 0),
            ("1970-01-01t00:00:00z", 0),
            ("1970-01-01 00:00:00Z", 0), ("1970-01-01T00:00:00-00:00", 0), ("1970-01-01T00:00:00.5Z", 500_000),
            ("1970-01-01T00:00:00.123456789Z", 123_456),
            ("1969-12-31T23:59:59.999999Z", -1), ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
            ("2025-07-01T00:00:00+07:00", 1_751_302_800_000_000),
            ("0001-01-01T00:00:00+23:59", -62_135_683_140_000_000), ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
        ])
    func instants(_ text: String, _ microseconds: Int64) {
        #expect(withBytes(text) { Dates.microseconds($0) } == microseconds)
    }

    @Test(
        "what is no instant is refused",
        arguments: [
            "", "2025-07-01", "2025-07-01T00:00:00", "2025-07-01T24:00:00Z", "2025-07-01T00:60:00Z",
            "2025-07-01T00:00:61Z", "2025-07-01T00:00Z",
            "2025-07-01T00:00:00.Z", "2025-07-01T00:00:00+07", "2025-07-01T00:00:00+0700", "2025-07-01T00:00:00+24:00",
            "2025-07-01T00:00:00+07:60",
            "2025-02-29T00:00:00Z", "2025-07-01T00:00:00ZZ", "2025-07-01X00:00:00Z", "2025-07-01T00:00:00,5Z",
            "2025-07-01T00.00.00Z",
            "2025-07-01T00:00:00.5", "2025-07-01T00:00:00." + String(repeating: "1", count: 60) + "Z",
        ])
    func noInstants(_ text: String) {
        #expect(withBytes(text) { Dates.microseconds($0) } == nil)
    }
}
