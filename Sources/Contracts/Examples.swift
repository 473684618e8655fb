// The examples of a topic: records with the verdict they must get; documentation that the tests run.
import Foundation
package import Model

/// One record of `examples/accepted` or `examples/refused`.
package struct Example: Sendable {
    package enum Expectation: Sendable, Equatable, CustomStringConvertible {
        /// With exactly these warnings, sorted.
        case applied(warnings: [String])
        case deleted
        case refused(ReasonCode, field: String?)

        package var description: String {
            switch self {
            case .applied(let warnings):
                warnings.isEmpty
                    ? "applied without warnings" : "applied with warnings \(warnings.joined(separator: ", "))"
            case .deleted: "deleted"
            case .refused(let reason, let field): reason.rawValue + (field.map { " at \($0)" } ?? " at no field")
            }
        }
    }

    /// The file's path, and the line of `expect`.
    package let file: String
    package let line: Int
    /// One line on what the example shows.
    package let why: String
    package let key: [UInt8]?
    /// The value's exact bytes; nil is a tombstone.
    package let value: [UInt8]?
    package let headers: [(name: String, value: [UInt8])]
    /// Kafka's time of the record.
    package let timestampMilliseconds: Int64?
    package let expectation: Expectation
    /// Only a database can give this verdict.
    package let needsDatabase: Bool

    /// Names and values of all headers, in bytes.
    package var headersByteCount: Int {
        headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.count }
    }

    /// The version that a tombstone bears in its header.
    package var tombstoneVersion: [UInt8]? {
        headers.last { $0.name == "ce_sourceversion" }?.value
    }
}

package enum Examples {
    /// All examples of a topic's folder, in the order of their names, and what is wrong with the others.
    package static func load(topicFolder: String) -> (accepted: [Example], refused: [Example], findings: [LintFinding])
    {
        var findings: [LintFinding] = []
        let accepted = load("\(topicFolder)/examples/accepted", isRefused: false, &findings)
        let refused = load("\(topicFolder)/examples/refused", isRefused: true, &findings)
        return (accepted, refused, findings)
    }

    private static func load(_ folder: String, isRefused: Bool, _ findings: inout [LintFinding]) -> [Example] {
        guard let names = Files.entries(in: folder) else {
            findings.append(LintFinding(.error, file: folder, line: nil, message: "expected a folder of examples"))
            return []
        }
        return names.compactMap { name in
            let file = "\(folder)/\(name)"
            guard name.hasSuffix(".json"), let bytes = FileManager.default.contents(atPath: file) else {
                findings.append(
                    LintFinding(.error, file: file, line: nil, message: "expected a file of the form *.json"))
                return nil
            }
            let reader = ExampleReader(bytes: [UInt8](bytes), isRefused: isRefused, log: FindingLog(file: file))
            let example = reader.example()
            findings += reader.log.findings
            return reader.log.hasErrors ? nil : example
        }
    }
}

/// Reads one example. The record's value is taken as the bytes it has in the file, so that a key given twice, a number
/// beyond 64 bits or an odd escape reaches the decoder as it was written.
struct ExampleReader {
    let bytes: [UInt8]
    let isRefused: Bool
    let log: FindingLog

    private static let names: Set = [
        "why", "key", "value", "valueText", "valueBase64", "valueRepeat", "headers", "timestamp", "expect", "field",
        "warnings",
        "needs",
    ]
    private static let valueNames: Set = ["value", "valueText", "valueBase64", "valueRepeat"]
    private static let repeatedBytesMax = 16 << 20

    func example() -> Example? {
        guard let members = members() else { return nil }
        let given = Self.valueNames.filter { members[$0] != nil }
        guard given.count == 1 else {
            log.add(.error, at: 1, "expected exactly one of \(Self.valueNames.sorted().joined(separator: ", "))")
            return nil
        }
        let why = text("why", members)
        guard let why, let expectation = expectation(members) else { return nil }
        if let needs = members["needs"], string(needs) != "database" { fail(needs, "expected needs to be database") }
        return Example(
            file: log.file, line: members["expect"]?.line ?? 1, why: why, key: key(members), value: value(members),
            headers: headers(members), timestampMilliseconds: timestamp(members), expectation: expectation,
            needsDatabase: members["needs"] != nil
        )
    }

    private func members() -> [String: JSONMember]? {
        guard let list = JSONMember.members(of: bytes) else {
            log.add(.error, at: 1, "expected one JSON object")
            return nil
        }
        var members: [String: JSONMember] = [:]
        for member in list {
            if !Self.names.contains(member.name) {
                fail(member, "unknown name \(member.name)\(Spelling.suggestion(for: member.name, among: Self.names))")
            } else if members.updateValue(member, forKey: member.name) != nil {
                fail(member, "\(member.name) given twice")
            }
        }
        return members
    }

    private func expectation(_ members: [String: JSONMember]) -> Example.Expectation? {
        guard let member = members["expect"], let word = string(member) else {
            log.add(.error, at: members["expect"]?.line ?? 1, "expected expect to be applied, deleted or a reason code")
            return nil
        }
        let field = members["field"].flatMap(string)
        guard isRefused else {
            if let stray = members["field"] { fail(stray, "an accepted record has no field to blame") }
            switch word {
            case "applied": return .applied(warnings: warnings(members))
            case "deleted":
                if let stray = members["warnings"] { fail(stray, "a deleted record has no warnings") }
                return .deleted
            default:
                fail(member, "expected expect of an accepted record to be applied or deleted")
                return nil
            }
        }
        if let stray = members["warnings"] { fail(stray, "a refused record has no warnings") }
        guard let reason = ReasonCode(rawValue: word) else {
            let codes = Set(ReasonCode.allCases.map(\.rawValue))
            fail(member, "unknown reason code \(word)\(Spelling.suggestion(for: word, among: codes))")
            return nil
        }
        return .refused(reason, field: field)
    }

    private func warnings(_ members: [String: JSONMember]) -> [String] {
        guard let member = members["warnings"] else { return [] }
        guard let list = decoded(member) as? [String] else {
            fail(member, "expected warnings to be a list of rules' names")
            return []
        }
        return list.sorted()
    }

    private func key(_ members: [String: JSONMember]) -> [UInt8]? {
        guard let member = members["key"] else {
            log.add(.error, at: 1, "expected key as text or null")
            return nil
        }
        if isNull(member) { return nil }
        if let text = string(member) { return Array(text.utf8) }
        fail(member, "expected key as text or null")
        return nil
    }

    private func value(_ members: [String: JSONMember]) -> [UInt8]? {
        if let member = members["value"] { return isNull(member) ? nil : Array(bytes[member.range]) }
        if let member = members["valueText"] {
            if let text = string(member) { return Array(text.utf8) }
            fail(member, "expected valueText to be text")
        } else if let member = members["valueBase64"] {
            if let data = string(member).flatMap({ Data(base64Encoded: $0) }) { return [UInt8](data) }
            fail(member, "expected valueBase64 to be text in Base64")
        } else if let member = members["valueRepeat"] {
            let parts = decoded(member) as? [String: Any]
            if let text = parts?["text"] as? String, let times = parts?["times"] as? Int, times > 0,
                text.utf8.count.multipliedReportingOverflow(by: times).partialValue <= Self.repeatedBytesMax
            {
                return repeated(Array(text.utf8), times)
            }
            fail(member, "expected valueRepeat as text and times, at most \(Self.repeatedBytesMax) bytes in all")
        }
        return nil
    }

    /// By doubling: a byte at a time, the megabytes of the `too-large` examples took most of lint's time.
    private func repeated(_ bytes: [UInt8], _ times: Int) -> [UInt8] {
        var result = bytes
        let count = bytes.count * times
        result.reserveCapacity(count)
        while result.count < count { result += Array(result.prefix(count - result.count)) }
        return result
    }

    private func headers(_ members: [String: JSONMember]) -> [(name: String, value: [UInt8])] {
        guard let member = members["headers"] else { return [] }
        guard let headers = decoded(member) as? [String: String] else {
            fail(member, "expected headers as names and texts")
            return []
        }
        return headers.sorted { $0.key < $1.key }.map { ($0.key, Array($0.value.utf8)) }
    }

    private func timestamp(_ members: [String: JSONMember]) -> Int64? {
        guard let member = members["timestamp"] else { return nil }
        guard let text = string(member), let microseconds = text.withTextBytes(Dates.microseconds),
            microseconds % 1_000_000 == 0
        else {
            fail(member, "expected timestamp as RFC 3339 in whole seconds")
            return nil
        }
        return microseconds / 1_000
    }

    private func text(_ name: String, _ members: [String: JSONMember]) -> String? {
        if let text = members[name].flatMap(string), !text.isEmpty { return text }
        log.add(.error, at: members[name]?.line ?? 1, "expected \(name) to be text")
        return nil
    }

    private func string(_ member: JSONMember) -> String? { decoded(member) as? String }
    private func isNull(_ member: JSONMember) -> Bool { decoded(member) is NSNull }
    private func fail(_ member: JSONMember, _ message: String) { log.add(.error, at: member.line, message) }

    private func decoded(_ member: JSONMember) -> Any? {
        try? JSONSerialization.jsonObject(with: Data(bytes[member.range]), options: .fragmentsAllowed)
    }
}

/// A member of a JSON object, by the place of its value's bytes. Only the outermost object is looked at; what is within
/// a value is passed over by its brackets and quotes, and need not be JSON that a parser accepts.
struct JSONMember {
    let name: String
    let range: Range<Int>
    /// From 1.
    let line: Int

    /// Nil where the bytes are no object.
    static func members(of bytes: [UInt8]) -> [JSONMember]? {
        var scanner = Scanner(bytes: bytes)
        return scanner.members()
    }

    private struct Scanner {
        let bytes: [UInt8]
        var position = 0
        var line = 1

        init(bytes: [UInt8]) {
            self.bytes = bytes
        }

        mutating func members() -> [JSONMember]? {
            guard take("{") else { return nil }
            var members: [JSONMember] = []
            guard !take("}") else { return atEnd() ? members : nil }
            repeat {
                skipSpace()
                let nameStart = position
                guard skipString(), let name = text(nameStart..<position), take(":") else { return nil }
                skipSpace()
                let start = position
                let startLine = line
                guard skipValue() else { return nil }
                members.append(JSONMember(name: name, range: start..<position, line: startLine))
            } while take(",")
            return take("}") && atEnd() ? members : nil
        }

        private mutating func atEnd() -> Bool {
            skipSpace()
            return position == bytes.count
        }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        private mutating func skipSpace() {
            while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { advance() }
        }

        private mutating func advance() {
            if bytes[position] == 0x0A { line += 1 }
            position += 1
        }

        private mutating func skipString() -> Bool {
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return false }
            position += 1
            while position < bytes.count {
                let byte = bytes[position]
                advance()
                if byte == UInt8(ascii: "\"") { return true }
                if byte == UInt8(ascii: "\\"), position < bytes.count { advance() }
            }
            return false
        }

        /// Up to the comma or bracket that ends the value at its own depth, without the space before it.
        private mutating func skipValue() -> Bool {
            let start = position
            var end = position
            var depth = 0
            while position < bytes.count {
                switch bytes[position] {
                case UInt8(ascii: "\""):
                    guard skipString() else { return false }
                    end = position
                    continue
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    if depth == 0 { return finish(at: end, from: start) }
                    depth -= 1
                case UInt8(ascii: ",") where depth == 0: return finish(at: end, from: start)
                case 0x20, 0x09, 0x0A, 0x0D:
                    advance()
                    continue
                default: break
                }
                position += 1
                end = position
            }
            return false
        }

        private mutating func finish(at end: Int, from start: Int) -> Bool {
            line -= bytes[end..<position].count { $0 == 0x0A }
            position = end
            return end > start
        }

        private func text(_ range: Range<Int>) -> String? {
            let data = Data(bytes[range])
            return (try? JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)) as? String
        }
    }
}
