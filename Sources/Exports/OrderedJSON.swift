// JSON read so that members keep their order: examples are shown as their authors wrote them.
import Foundation
import Model

enum OrderedJSON {
    private static let depthMax = 64

    /// The value; nil where the bytes are not one JSON document, nest too deeply, or hold a number that `JSON` would
    /// not write back as it is. Of members of one name the first counts, as for the decoder.
    static func parse(_ bytes: [UInt8]) -> JSON? {
        var parser = Parser(bytes: bytes)
        guard let value = parser.value(depth: 0) else { return nil }
        parser.skipSpace()
        return parser.position == bytes.count ? value : nil
    }

    private struct Parser {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func value(depth: Int) -> JSON? {
            skipSpace()
            guard depth < OrderedJSON.depthMax, position < bytes.count else { return nil }
            switch bytes[position] {
            case UInt8(ascii: "{"): return object(depth: depth)
            case UInt8(ascii: "["): return array(depth: depth)
            case UInt8(ascii: "\""): return string().map { .string($0) }
            default: return word()
            }
        }

        private mutating func object(depth: Int) -> JSON? {
            position += 1
            var members: [(String, JSON)] = []
            var names: Set<String> = []
            if take("}") { return .object([]) }
            repeat {
                skipSpace()
                guard let name = string(), take(":"), let value = value(depth: depth + 1) else { return nil }
                if names.insert(name).inserted { members.append((name, value)) }
            } while take(",")
            return take("}") ? .object(members) : nil
        }

        private mutating func array(depth: Int) -> JSON? {
            position += 1
            var items: [JSON] = []
            if take("]") { return .array([]) }
            repeat {
                guard let item = value(depth: depth + 1) else { return nil }
                items.append(item)
            } while take(",")
            return take("]") ? .array(items) : nil
        }

        private mutating func string() -> String? {
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return nil }
            let start = position
            position += 1
            while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
                position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
            }
            guard position < bytes.count else { return nil }
            position += 1
            let text = Data(bytes[start..<position])
            return (try? JSONSerialization.jsonObject(with: text, options: .fragmentsAllowed)) as? String
        }

        private mutating func word() -> JSON? {
            let start = position
            while position < bytes.count, !Self.endsWord(bytes[position]) { position += 1 }
            let word = String(decoding: bytes[start..<position], as: UTF8.self)
            switch word {
            case "true": return .boolean(true)
            case "false": return .boolean(false)
            case "null": return .null
            default:
                let value = Int64(word).map { JSON.integer($0) } ?? Double(word).map { JSON.decimal($0) }
                return value?.text == word ? value : nil
            }
        }

        private static func endsWord(_ byte: UInt8) -> Bool {
            isSpace(byte) || [UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}")].contains(byte)
        }

        private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        mutating func skipSpace() {
            while position < bytes.count, Self.isSpace(bytes[position]) { position += 1 }
        }
    }
}
