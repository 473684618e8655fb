// Bytes as digits, as PostgreSQL and people read them.

/// Two digits a byte, lower case.
package enum Hexadecimal {
    package static func byte(_ value: UInt8) -> String {
        let text = String(value, radix: 16)
        return text.count == 2 ? text : "0" + text
    }

    package static func text(_ bytes: [UInt8]) -> String { String(bytea(bytes).dropFirst(2)) }

    /// Nil where a character is no hexadecimal digit or their number is odd.
    package static func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { decode(UnsafeRawBufferPointer($0)) }
    }

    package static func decode(_ digits: UnsafeRawBufferPointer) -> [UInt8]? {
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for place in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digit(digits[place]), let low = digit(digits[place + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    /// As PostgreSQL reads a `bytea`: `\x` and two digits a byte.
    package static func bytea(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: 2 + bytes.count * 2) { text in
            text[0] = UInt8(ascii: "\\")
            text[1] = UInt8(ascii: "x")
            for (index, byte) in bytes.enumerated() {
                text[2 + index * 2] = digits[Int(byte >> 4)]
                text[3 + index * 2] = digits[Int(byte & 15)]
            }
            return 2 + bytes.count * 2
        }
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
