// Dates and timestamps from their text, in the proleptic Gregorian calendar (ISO 8601, RFC 3339), as PostgreSQL
// counts them.

/// A date of which the day, or day and month, may be unknown.
struct PartialDate: Equatable {
    var year: Int32
    var month: Int32?
    var day: Int32?

    /// Days since 1970-01-01, where the date is whole.
    var daysSince1970: Int32? {
        guard let month, let day else { return nil }
        return Dates.daysSince1970(year: year, month: month, day: day)
    }

    /// The days, since 1970-01-01, that it may mean.
    var days: ClosedRange<Int32> {
        let lastMonth = month ?? 12
        let first = Dates.daysSince1970(year: year, month: month ?? 1, day: day ?? 1)
        let last = Dates.daysSince1970(
            year: year, month: lastMonth, day: day ?? Dates.daysIn(month: lastMonth, of: year))
        return first...max(first, last)
    }
}

package enum Dates {
    /// Days from 1970-01-01 to 2000-01-01, PostgreSQL's day 0.
    static let postgresEpochDay: Int32 = 10_957
    /// The same in microseconds.
    static let postgresEpochMicroseconds: Int64 = 946_684_800_000_000

    /// Days since 1970-01-01 of a date that exists, in the years from 1. Counting years from March puts the leap
    /// day last.
    @inline(__always)
    static func daysSince1970(year: Int32, month: Int32, day: Int32) -> Int32 {
        let isBeforeMarch = month <= 2
        let shiftedYear = UInt32(bitPattern: isBeforeMarch ? year &- 1 : year)
        let shiftedMonth = UInt32(bitPattern: isBeforeMarch ? month &+ 9 : month &- 3)
        // Every 5 months from March have 153 days.
        let dayOfYear = (153 &* shiftedMonth &+ 2) / 5
        let days = shiftedYear &* 365 &+ shiftedYear / 4 &- shiftedYear / 100 &+ shiftedYear / 400 &+ dayOfYear
        return Int32(bitPattern: days) &+ day &- 1 &- 719_468
    }

    @inline(__always)
    static func daysIn(month: Int32, of year: Int32) -> Int32 {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// `YYYY-MM-DD` of a day since 1970-01-01, in the years 0001 to 9999.
    package static func text(day: Int32) -> String {
        // Days are counted from 0000-03-01, in eras of 400 years.
        let shifted = Int(day) + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func padded(_ number: Int, _ width: Int) -> String {
            String(repeating: "0", count: max(0, width - String(number).count)) + String(number)
        }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1, 2))"
    }

    /// `YYYY-MM-DD`, a date that exists in the years 0001 to 9999, as days since 1970-01-01; else nil.
    @inline(__always)
    static func day(_ text: TextBytes) -> Int32? {
        guard text.count == 10 else { return nil }
        return day(text.start)
    }

    /// The same for the ten bytes at `start`, the first eight judged at once.
    @inline(__always)
    private static func day(_ start: UnsafePointer<UInt8>) -> Int32? {
        let word = UInt64(littleEndian: UnsafeRawPointer(start).loadUnaligned(as: UInt64.self))
        // Each byte against "0000-00-": a digit leaves 0 to 9, a hyphen 0. Adding what is missing to 0x80 sets the
        // top bit of a byte that leaves more; the top bits of the difference itself catch the rest.
        let digits = word ^ 0x2D30_302D_3030_3030
        guard ((digits &+ 0x7F76_767F_7676_7676) | digits) & 0x8080_8080_8080_8080 == 0, let day = twoDigits(start + 8)
        else {
            return nil
        }
        @inline(__always) func digit(_ place: UInt64) -> Int32 {
            Int32(truncatingIfNeeded: digits &>> (place &* 8) & 0x0F)
        }
        let year = digit(0) &* 1_000 &+ digit(1) &* 100 &+ digit(2) &* 10 &+ digit(3)
        let month = digit(5) &* 10 &+ digit(6)
        guard year >= 1, month >= 1, month <= 12, day >= 1, day <= 28 || day <= daysIn(month: month, of: year) else {
            return nil
        }
        return daysSince1970(year: year, month: month, day: day)
    }

    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    static func partialDate(_ text: TextBytes) -> PartialDate? {
        guard text.count == 4 || text.count == 7 || text.count == 10, let century = twoDigits(text.start),
            let yearOfCentury = twoDigits(text.start + 2)
        else { return nil }
        let year = century * 100 + yearOfCentury
        guard year >= 1 else { return nil }
        if text.count == 4 { return PartialDate(year: year, month: nil, day: nil) }
        guard text[4] == UInt8(ascii: "-"), let month = twoDigits(text.start + 5), month >= 1, month <= 12 else {
            return nil
        }
        if text.count == 7 { return PartialDate(year: year, month: month, day: nil) }
        guard text[7] == UInt8(ascii: "-"), let day = twoDigits(text.start + 8), day >= 1,
            day <= daysIn(month: month, of: year)
        else { return nil }
        return PartialDate(year: year, month: month, day: day)
    }

    /// The year of a text that was found to be a date, whole or partial.
    static func year(_ text: TextBytes) -> Int32? {
        guard text.count >= 4, let century = twoDigits(text.start), let year = twoDigits(text.start + 2) else {
            return nil
        }
        return century * 100 + year
    }

    /// RFC 3339 with an offset, as microseconds since 1970-01-01 UTC; digits beyond microseconds are cut. A leap second
    /// counts as the first of the next minute, as PostgreSQL has it. Nil for anything else.
    static func microseconds(_ text: TextBytes) -> Int64? {
        guard text.count >= 20, text.count <= 64, let day = day(text.start) else { return nil }
        let separator = text[10]
        guard separator == UInt8(ascii: "T") || separator == UInt8(ascii: "t") || separator == UInt8(ascii: " "),
            text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
            let hour = twoDigits(text.start + 11), hour <= 23, let minute = twoDigits(text.start + 14), minute <= 59,
            let second = twoDigits(text.start + 17), second <= 60
        else { return nil }
        var index = 19
        var fraction: Int64 = 0
        if text[index] == UInt8(ascii: ".") {
            index += 1
            let firstDigit = index
            var weight: Int64 = 100_000
            while index < text.count, let digit = digit(text[index]) {
                fraction += Int64(digit) * weight
                weight /= 10
                index += 1
            }
            guard index > firstDigit else { return nil }
        }
        guard index < text.count, let offset = offsetSeconds(TextBytes(text.start + index, text.count - index)) else {
            return nil
        }
        let secondOfDay = Int64(hour) * 3_600 + Int64(minute) * 60 + Int64(second)
        return (Int64(day) * 86_400 + secondOfDay - Int64(offset)) * 1_000_000 + fraction
    }

    /// `Z` or `+hh:mm`, in seconds east of UTC.
    private static func offsetSeconds(_ text: TextBytes) -> Int32? {
        let sign = text[0]
        if sign == UInt8(ascii: "Z") || sign == UInt8(ascii: "z") { return text.count == 1 ? 0 : nil }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), text.count == 6, text[3] == UInt8(ascii: ":"),
            let hours = twoDigits(text.start + 1), hours <= 23, let minutes = twoDigits(text.start + 4), minutes <= 59
        else { return nil }
        let seconds = hours * 3_600 + minutes * 60
        return sign == UInt8(ascii: "-") ? -seconds : seconds
    }

    @inline(__always)
    private static func digit(_ byte: UInt8) -> Int32? {
        let value = byte &- UInt8(ascii: "0")
        return value <= 9 ? Int32(value) : nil
    }

    @inline(__always)
    private static func twoDigits(_ start: UnsafePointer<UInt8>) -> Int32? {
        let tens = start[0] &- UInt8(ascii: "0")
        let units = start[1] &- UInt8(ascii: "0")
        return tens <= 9 && units <= 9 ? Int32(tens) &* 10 &+ Int32(units) : nil
    }
}
