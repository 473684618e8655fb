// Numbers and spans of time in words, as all rooms write them.

/// Numbers of things in words.
package enum Quantity {
    /// 1234567 as `1,234,567`.
    /// - Parameter separator: a no-break space where the text is read in several languages, whose commas and points differ.
    package static func grouped(_ value: some BinaryInteger, separator: String = ",") -> String {
        let digits = String(value.magnitude)
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index) % 3 == 0 { result += separator }
            result.append(digit)
        }
        return (value < 0 ? "-" : "") + result
    }

    /// Such as `1 day` or `2,000 days`.
    /// - Parameter unit: for one; takes an s for more.
    package static func words(_ count: some BinaryInteger, _ unit: String) -> String {
        "\(grouped(count)) \(unit)\(count == 1 ? "" : "s")"
    }

    package enum TimeUnit: String, Sendable {
        case day, hour, minute, second
    }

    /// A span in the greatest unit that leaves no rest: 7200 as 2 hours.
    package static func whole(seconds: Int64) -> (count: Int64, unit: TimeUnit) {
        let units: [(Int64, TimeUnit)] = [(86_400, .day), (3_600, .hour), (60, .minute)]
        let (length, unit) = units.first { seconds > 0 && seconds % $0.0 == 0 } ?? (1, .second)
        return (seconds / length, unit)
    }

    /// The same in words.
    package static func span(seconds: Int64) -> String {
        let (count, unit) = whole(seconds: seconds)
        return words(count, unit.rawValue)
    }

    /// Kafka's milliseconds, of which a negative number has no end: `90 days`, `for ever`.
    package static func span(milliseconds: Int64) -> String {
        if milliseconds < 0 { return "for ever" }
        return milliseconds % 1_000 == 0 ? span(seconds: milliseconds / 1_000) : "\(grouped(milliseconds)) ms"
    }
}
