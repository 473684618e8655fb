// Bytes as digits, as PostgreSQL and people read them.

/// Two digits a byte, lower case.
package enum Hexadecimal {
    package static func byte(_ value: UInt8) -> String {
        let text = String(value, radix: 16)
        return text.count == 2 ? text : "0" + text
    }

    package static func text(_ bytes: [UInt8]) -> String { bytes.reduce(into: "") { $0 += byte($1) } }

    /// Nil where a character is no hexadecimal digit or their number is odd.
    package static func decode(_ text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue.map { UInt8($0) } }
        guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
