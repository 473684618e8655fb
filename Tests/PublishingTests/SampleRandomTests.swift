import Testing

@testable import Publishing

@Suite struct SampleRandomTests {
    @Test("a permutation meets each number once", arguments: [1, 2, 15, 16, 17, 1_000])
    func permutation(size: Int) {
        let permutation = SamplePermutation(size: size, seed: 3, .personPermutation)
        #expect(Set((0..<size).map { permutation[$0] }) == Set(0..<size))
    }

    @Test("a permutation of a thousand keeps few numbers in place, and another seed gives another")
    func permutationMixes() {
        let permutation = SamplePermutation(size: 1_000, seed: 3, .personPermutation)
        #expect((0..<1_000).count { permutation[$0] == $0 } < 20)
        let other = SamplePermutation(size: 1_000, seed: 4, .personPermutation)
        #expect((0..<1_000).count { permutation[$0] == other[$0] } < 20)
    }

    @Test("streams of one index have nothing in common, and one stream repeats itself")
    func streams() {
        var person = SampleRandom(seed: 1, .person, 5)
        var again = SampleRandom(seed: 1, .person, 5)
        var card = SampleRandom(seed: 1, .card, 5)
        let first = (0..<8).map { _ in person.next() }
        #expect(first == (0..<8).map { _ in again.next() })
        #expect(Set(first).isDisjoint(with: (0..<8).map { _ in card.next() }))
    }

    @Test("a choice by frequency follows the weights")
    func weighted() {
        let choice = Weighted([("a", 1), ("b", 0), ("c", 3)])
        #expect((0..<choice.total).map { choice.element(at: $0) } == ["a", "c", "c", "c"])
    }

    @Test(
        "days of the calendar come back as they went",
        arguments: [
            (SampleDate(year: 1970, month: 1, day: 1), 0), (SampleDate(year: 2000, month: 2, day: 29), 11_016),
            (SampleDate(year: 2025, month: 7, day: 1), 20_270), (SampleDate(year: 1900, month: 3, day: 1), -25_508),
        ])
    func dates(date: SampleDate, days: Int) {
        #expect(date.daysSince1970 == days)
        #expect(SampleDate(daysSince1970: days) == date)
    }

    @Test("each day of two centuries follows the one before")
    func calendar() {
        var date = SampleDate(year: 1850, month: 1, day: 1)
        for days in date.daysSince1970..<SampleDate(year: 2050, month: 1, day: 1).daysSince1970 {
            #expect(SampleDate(daysSince1970: days) == date && date.daysSince1970 == days)
            let next = date.adding(days: 1)
            #expect(next > date && (1...31).contains(next.day) && (1...12).contains(next.month))
            date = next
        }
    }

    @Test("what COPY takes for a mark is escaped")
    func copyText() {
        var rows = CopyText()
        rows.text("a\tb\\c\nd\re")
        rows.text(nil)
        rows.integer(-42)
        rows.integer(nil)
        rows.boolean(true)
        rows.endRow()
        rows.date(SampleDate(year: 2026, month: 2, day: 3))
        rows.timestamp(SampleDate(year: 2026, month: 12, day: 31), secondOfDay: 3_661)
        rows.text("")
        rows.endRow()
        #expect(
            String(decoding: rows.bytes, as: UTF8.self)
                == "a\\tb\\\\c\\nd\\re\t\\N\t-42\t\\N\tt\n2026-02-03\t2026-12-31 01:01:01+00\t\n"
        )
    }
}
