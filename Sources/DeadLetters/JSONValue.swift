// A record's JSON as it is to be mended: members keep their order, numbers their digits.
import Foundation
import Model

/// A JSON value that is written back as it was read, but for white space and escapes.
package enum JSONValue: Sendable {
    case object([Member])
    case array([JSONValue])
    case string(String)
    /// In the text's own digits: no number of a record passes through a binary one.
    case number(String)
    case boolean(Bool)
    case null

    package struct Member: Sendable {
        var name: String
        var value: JSONValue
    }

    /// Nil where the bytes are not one JSON document of RFC 8259, or nest deeper than a record may.
    package init?(_ bytes: [UInt8]) {
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        var parser = JSONValueParser(bytes)
        guard let value = parser.document() else { return nil }
        self = value
    }

    /// On one line, without white space.
    package var text: String {
        switch self {
        case .object(let members):
            "{" + members.map { JSON.string($0.name).text + ":" + $0.value.text }.joined(separator: ",") + "}"
        case .array(let items): "[" + items.map(\.text).joined(separator: ",") + "]"
        case .string(let text): JSON.string(text).text
        case .number(let digits): digits
        case .boolean(let value): value ? "true" : "false"
        case .null: "null"
        }
    }

    /// Over several lines, to be read and changed by a person.
    package func indented(_ indentation: String = "") -> String {
        let inner = indentation + "  "
        func block(_ open: String, _ lines: [String], _ close: String) -> String {
            lines.isEmpty
                ? open + close
                : open + "\n" + lines.map { inner + $0 }.joined(separator: ",\n") + "\n" + indentation + close
        }
        return switch self {
        case .object(let members):
            block("{", members.map { JSON.string($0.name).text + ": " + $0.value.indented(inner) }, "}")
        case .array(let items): block("[", items.map { $0.indented(inner) }, "]")
        case .string, .number, .boolean, .null: text
        }
    }

    /// Equal as RFC 6902 section 4.6 has it: members in any order, numbers by their value.
    package func isEqual(to other: JSONValue) -> Bool {
        switch (self, other) {
        case (.object(let left), .object(let right)):
            left.count == right.count
                && left.allSatisfy { member in
                    right.first { $0.name == member.name }.map { $0.value.isEqual(to: member.value) } ?? false
                }
        case (.array(let left), .array(let right)):
            left.count == right.count && zip(left, right).allSatisfy { $0.isEqual(to: $1) }
        case (.string(let left), .string(let right)): left.unicodeScalars.elementsEqual(right.unicodeScalars)
        case (.number(let left), .number(let right)): Self.plain(left) == Self.plain(right)
        case (.boolean(let left), .boolean(let right)): left == right
        case (.null, .null): true
        default: false
        }
    }

    /// Sign, digits without zeros at either end, and the power of ten: the same for `10`, `1e1` and `10.0`.
    private static func plain(_ number: String) -> [String] {
        let parts = number.lowercased().split(separator: "e", maxSplits: 1)
        let mantissa = parts[0].drop { $0 == "-" }.split(separator: ".", maxSplits: 1)
        let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
        var digits = String(mantissa[0]) + fraction
        // An exponent beyond 64 bits is no number that a record may hold: such are equal where they are spelt alike.
        guard var exponent = parts.count > 1 ? Int(parts[1]) : 0, abs(exponent) < 1 << 32 else { return [number] }
        exponent -= fraction.count
        while digits.last == "0" {
            digits.removeLast()
            exponent += 1
        }
        digits = String(digits.drop { $0 == "0" })
        return digits.isEmpty ? ["0"] : [number.hasPrefix("-") ? "-" : "", digits, String(exponent)]
    }
}

/// Reads bytes that are valid UTF-8.
private struct JSONValueParser {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() -> JSONValue? {
        guard let value = value(depth: 1) else { return nil }
        skipSpace()
        return position == bytes.count ? value : nil
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func value(depth: Int) -> JSONValue? {
        skipSpace()
        guard depth <= Limits.jsonDepthMax, let next else { return nil }
        switch next {
        case UInt8(ascii: "{"): return object(depth)
        case UInt8(ascii: "["): return array(depth)
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "t"): return word("true", .boolean(true))
        case UInt8(ascii: "f"): return word("false", .boolean(false))
        case UInt8(ascii: "n"): return word("null", .null)
        default: return number()
        }
    }

    private mutating func object(_ depth: Int) -> JSONValue? {
        position += 1
        var members: [JSONValue.Member] = []
        if takes("}") { return .object([]) }
        repeat {
            skipSpace()
            guard let name = string(), takes(":"), let value = value(depth: depth + 1) else { return nil }
            members.append(JSONValue.Member(name: name, value: value))
        } while takes(",")
        return takes("}") ? .object(members) : nil
    }

    private mutating func array(_ depth: Int) -> JSONValue? {
        position += 1
        var items: [JSONValue] = []
        if takes("]") { return .array([]) }
        repeat {
            guard let item = value(depth: depth + 1) else { return nil }
            items.append(item)
        } while takes(",")
        return takes("]") ? .array(items) : nil
    }

    private mutating func string() -> String? {
        guard next == UInt8(ascii: "\"") else { return nil }
        let start = position
        position += 1
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { return nil }
            position += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        guard next != nil else { return nil }
        position += 1
        // Foundation knows the escapes, and refuses half a surrogate pair.
        let literal = Data(bytes[start..<position])
        guard literal.contains(UInt8(ascii: "\\")) else {
            return String(decoding: literal.dropFirst().dropLast(), as: UTF8.self)
        }
        return (try? JSONSerialization.jsonObject(with: literal, options: .fragmentsAllowed)) as? String
    }

    private mutating func number() -> JSONValue? {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        let leading = next
        guard digits() > 0, leading != UInt8(ascii: "0") || position - start <= (bytes[start] == leading ? 1 : 2)
        else { return nil }
        if next == UInt8(ascii: ".") {
            position += 1
            guard digits() > 0 else { return nil }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            guard digits() > 0 else { return nil }
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func word(_ word: String, _ value: JSONValue) -> JSONValue? {
        guard bytes[position...].starts(with: word.utf8) else { return nil }
        position += word.utf8.count
        return value
    }

    private mutating func takes(_ mark: Character) -> Bool {
        skipSpace()
        guard let next, next == mark.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let next, [0x20, 0x09, 0x0A, 0x0D].contains(next) { position += 1 }
    }
}
