// JSON that is written: for programs one object a line, for people indented.
import Foundation

/// A JSON value whose objects keep their order, so that lines read alike.
package enum JSON: Sendable {
    case string(String)
    case integer(Int64)
    /// Written with at most three decimals.
    case decimal(Double)
    case boolean(Bool)
    case null
    case array([JSON])
    case object([(String, JSON)])

    package static func optional(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
    package static func optional(_ number: Int64?) -> JSON { number.map { .integer($0) } ?? .null }
    package static func optional(_ number: Double?) -> JSON { number.map { .decimal($0) } ?? .null }

    /// On one line.
    package var text: String {
        switch self {
        case .string(let value): Self.quoted(value)
        case .integer(let value): String(value)
        case .decimal(let value): value.isFinite ? Self.short(value) : "null"
        case .boolean(let value): value ? "true" : "false"
        case .null: "null"
        case .array(let items): "[" + items.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { Self.quoted($0.0) + ":" + $0.1.text }.joined(separator: ",") + "}"
        }
    }

    /// Over several lines, for people; no newline at the end.
    package func indented(_ indentation: String = "") -> String {
        let inner = indentation + "  "
        func block(_ open: String, _ lines: [String], _ close: String) -> String {
            lines.isEmpty
                ? open + close
                : open + "\n" + lines.map { inner + $0 }.joined(separator: ",\n") + "\n" + indentation + close
        }
        return switch self {
        case .array(let items): block("[", items.map { $0.indented(inner) }, "]")
        case .object(let members):
            block("{", members.map { Self.quoted($0.0) + ": " + $0.1.indented(inner) }, "}")
        case .string, .integer, .decimal, .boolean, .null: text
        }
    }

    private static func short(_ value: Double) -> String {
        let rounded = (value * 1000).rounded() / 1000
        return rounded == rounded.rounded() && abs(rounded) < 1e15 ? String(Int64(rounded)) : String(rounded)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                result += "\\u" + String(0x10000 + scalar.value, radix: 16).dropFirst()
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
