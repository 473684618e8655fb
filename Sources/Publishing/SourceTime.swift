// Times of the source as RFC 3339.

enum SourceTime {
    /// PostgreSQL's text of a timestamptz (DateStyle ISO): `2025-07-01 10:00:00.5+07` → `2025-07-01T10:00:00.5+07:00`;
    /// an offset of zero becomes `Z`. Nil where RFC 3339 has no such time: `infinity`, years before 1 or after 9999,
    /// offsets with seconds, no offset.
    static func rfc3339(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[10] == UInt8(ascii: " "), matches(bytes[0..<10], "dddd-dd-dd"),
            matches(bytes[11..<19], "dd:dd:dd"),
            let sign = bytes[19...].firstIndex(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") })
        else { return nil }
        let fraction = bytes[19..<sign]
        guard
            fraction.isEmpty
                || (fraction.count > 1 && fraction.first == UInt8(ascii: ".")
                    && fraction.dropFirst().allSatisfy(isDigit))
        else { return nil }
        var offset = Array(bytes[(sign + 1)...])
        if matches(offset[...], "dd") { offset += Array(":00".utf8) }
        guard matches(offset[...], "dd:dd") else { return nil }
        let zone = offset == Array("00:00".utf8) ? Array("Z".utf8) : [bytes[sign]] + offset
        return String(decoding: bytes[0..<10] + [UInt8(ascii: "T")] + bytes[11..<sign] + zone, as: UTF8.self)
    }

    /// Microseconds since 1970-01-01 UTC; nil outside the years 1 to 9999.
    static func rfc3339(microseconds: Int64) -> String? {
        let seconds = microseconds.floorDivided(by: 1_000_000)
        let days = seconds.floorDivided(by: 86_400)
        // Days to a date of the proleptic Gregorian calendar, in eras of 400 years that begin on a 1 March.
        let shifted = days + 719_468
        let era = shifted.floorDivided(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        guard (1...9_999).contains(year) else { return nil }
        let second = seconds - days * 86_400
        func padded(_ number: Int64, _ width: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: width - text.utf8.count) + text
        }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(padded(second / 3_600, 2)):"
            + "\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2)).\(padded(microseconds - seconds * 1_000_000, 6))Z"
    }

    /// `d` in the pattern stands for a digit, anything else for itself.
    private static func matches(_ bytes: ArraySlice<UInt8>, _ pattern: StaticString) -> Bool {
        bytes.count == pattern.utf8CodeUnitCount
            && zip(bytes, UnsafeBufferPointer(start: pattern.utf8Start, count: pattern.utf8CodeUnitCount)).allSatisfy {
                $1 == UInt8(ascii: "d") ? isDigit($0) : $0 == $1
            }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}

extension Int64 {
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
