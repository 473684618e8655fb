// Reading YAML so that every complaint has a file, a line and what was expected.
import Foundation
import Model
import Yams

/// What lint found: where, and what was expected there. Names and limits of contracts only, never a record's value.
package struct LintFinding: Sendable, Hashable, CustomStringConvertible {
    package enum Severity: String, Sendable, Hashable {
        /// The catalogue is not used.
        case error
        /// Used all the same, and wrong towards a reader.
        case warning
        /// Said so that nobody believes in a check that does not take place.
        case note
    }

    package let severity: Severity
    package let file: String
    /// From 1; nil where the finding is about the whole file.
    package let line: Int?
    package let message: String

    package init(_ severity: Severity, file: String, line: Int?, message: String) {
        self.severity = severity
        self.file = file
        self.line = line
        self.message = message
    }

    package var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        return "\(place): \(severity.rawValue): \(message)"
    }
}

/// The findings of one file, gathered while it is read.
final class FindingLog {
    let file: String
    private(set) var findings: [LintFinding] = []
    private(set) var hasErrors = false

    init(file: String) {
        self.file = file
    }

    func add(_ severity: LintFinding.Severity, at line: Int?, _ message: String) {
        if severity == .error { hasErrors = true }
        findings.append(LintFinding(severity, file: file, line: line, message: message))
    }

    func error(_ node: Node?, _ message: String) { add(.error, at: node?.mark?.line, message) }
    func warn(_ node: Node?, _ message: String) { add(.warning, at: node?.mark?.line, message) }
    func note(_ node: Node?, _ message: String) { add(.note, at: node?.mark?.line, message) }

    /// The document's root; nil, with a finding, where the text is no YAML or holds a key twice.
    func compose(_ text: String) -> Node? {
        do {
            // Scalars are told apart below, by their own text; the other resolver tries five patterns on each of them.
            guard let node = try Yams.compose(yaml: text, .basic) else {
                add(.error, at: 1, "the file is empty: expected a mapping")
                return nil
            }
            return node
        } catch YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _)
        {
            add(.error, at: mark.line, "not YAML: \(problem)")
        } catch YamlError.duplicatedKeysInMapping(let duplicates, let context) {
            add(.error, at: context.mark.line, "\(duplicates.joined(separator: ", ")): given twice in one mapping")
        } catch {
            add(.error, at: nil, "not YAML: it could not be read as UTF-8 text in YAML 1.1")
        }
        return nil
    }
}

/// Which keys a mapping may have.
struct KnownKeys {
    /// Read, and acted upon.
    var read: Set<String> = []
    /// For human readers.
    var documentation: Set<String> = []
    /// Constraints of the standard that this product does not check: naming them avoids a false belief.
    var unenforced: Set<String> = []

    var all: Set<String> { read.union(documentation).union(unenforced) }
}

/// One mapping of a document. A key that nobody knows is a finding, so that a misspelt rule is never silently lost.
struct DocumentMapping {
    let subject: String
    let node: Node
    let log: FindingLog
    private var values: [String: Node] = [:]

    init?(_ node: Node?, of subject: String, keys: KnownKeys, log: FindingLog) {
        guard let node else { return nil }
        guard let mapping = node.mapping else {
            log.error(node, "\(subject): expected a mapping")
            return nil
        }
        self.subject = subject
        self.node = node
        self.log = log
        for (key, value) in mapping {
            guard let name = key.scalar?.string else {
                log.error(key, "\(subject): expected a plain text key")
                continue
            }
            if keys.read.contains(name) {
                values[name] = value
            } else if keys.unenforced.contains(name) {
                log.note(key, "\(subject): \(name) is not enforced")
            } else if !keys.documentation.contains(name) {
                log.error(key, "\(subject): unknown key \(name)\(Spelling.suggestion(for: name, among: keys.all))")
            }
        }
    }

    /// `customProperties` of the standard as a mapping: a list of `property` and `value`. A property that looks like a
    /// misspelt one of ours is an error; others belong to somebody else and are named only.
    init(customProperties list: Node?, of parent: Node, subject: String, known: Set<String>, log: FindingLog) {
        self.subject = subject
        self.node = parent
        self.log = log
        guard let list else { return }
        guard let items = list.sequence else {
            log.error(list, "\(subject): expected customProperties to be a list of property and value")
            return
        }
        let keys = KnownKeys(read: ["property", "value"], documentation: ["id", "description"])
        for item in items {
            guard let entry = DocumentMapping(item, of: "a custom property of \(subject)", keys: keys, log: log),
                let name = entry.text("property", required: true)
            else { continue }
            guard let value = entry["value"] else {
                log.error(item, "\(subject): custom property \(name) has no value")
                continue
            }
            if values[name] != nil {
                log.error(item, "\(subject): custom property \(name) given twice")
            } else if known.contains(name) {
                values[name] = value
            } else if let near = Spelling.nearest(to: name, among: known) {
                log.error(item, "\(subject): unknown custom property \(name): did you mean \(near)?")
            } else {
                log.note(item, "\(subject): custom property \(name) is not enforced")
            }
        }
    }

    subscript(key: String) -> Node? { values[key] }

    /// The keys that were given, of those that are read.
    var given: Set<String> { Set(values.keys) }

    func fail(_ key: String, _ message: String) {
        log.error(values[key] ?? node, "\(subject): \(message)")
    }

    func text(_ key: String, required: Bool = false, mayBeEmpty: Bool = false) -> String? {
        guard let value = present(key, required: required) else { return nil }
        guard let text = value.plainText else {
            fail(key, "expected \(key) to be text (in quotes where it looks like a number, a truth value or nothing)")
            return nil
        }
        guard mayBeEmpty || !text.allSatisfy(\.isWhitespace) else {
            fail(key, "expected \(key) to be text, found it empty")
            return nil
        }
        return text
    }

    func flag(_ key: String) -> Bool? {
        guard let value = values[key] else { return nil }
        switch value.plainScalar {
        case "true": return true
        case "false": return false
        default:
            fail(key, "expected \(key) to be true or false")
            return nil
        }
    }

    func integer(_ key: String, in range: ClosedRange<Int64> = Int64.min...Int64.max, required: Bool = false) -> Int64?
    {
        guard let value = present(key, required: required) else { return nil }
        guard let text = value.plainScalar, let number = Int64(text), range.contains(number) else {
            let bounds = range == Int64.min...Int64.max ? "" : " from \(range.lowerBound) to \(range.upperBound)"
            fail(key, "expected \(key) to be a whole number\(bounds)")
            return nil
        }
        return number
    }

    func number(_ key: String, in range: ClosedRange<Double>) -> Double? {
        guard let value = values[key] else { return nil }
        guard let text = value.plainScalar, let number = Double(text), range.contains(number) else {
            fail(key, "expected \(key) to be a number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    /// A date as days since 1970-01-01.
    func day(_ key: String) -> Int32? {
        guard let value = values[key] else { return nil }
        var text = value.scalar?.string ?? ""
        let day = text.withUTF8 { bytes -> Int32? in
            guard let start = bytes.baseAddress, bytes.count == 10 else { return nil }
            return Dates.day(TextBytes(start, bytes.count))
        }
        if day == nil { fail(key, "expected \(key) to be a date, YYYY-MM-DD") }
        return day
    }

    func list(_ key: String, required: Bool = false) -> [Node]? {
        guard let value = present(key, required: required) else { return nil }
        guard let sequence = value.sequence else {
            fail(key, "expected \(key) to be a list")
            return nil
        }
        return Array(sequence)
    }

    /// A list of texts that are not empty and differ from each other.
    func texts(_ key: String, required: Bool = false) -> [String]? {
        guard let nodes = list(key, required: required) else { return nil }
        var texts: [String] = []
        for node in nodes {
            guard let text = node.plainText, !text.isEmpty else {
                log.error(
                    node, "\(subject): expected each of \(key) to be text (in quotes where it looks like a number)")
                return nil
            }
            guard !texts.contains(text) else {
                log.error(node, "\(subject): \(text) stands twice in \(key)")
                return nil
            }
            texts.append(text)
        }
        guard !texts.isEmpty else {
            fail(key, "expected \(key) to hold at least one item")
            return nil
        }
        return texts
    }

    /// A text that names a case of an enumeration of ours.
    func choice<Choice>(_ key: String, of type: Choice.Type, what: String) -> Choice?
    where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
        guard let text = text(key) else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        fail(
            key, "unknown \(what) \(text)\(Spelling.suggestion(for: text, among: Set(Choice.allCases.map(\.rawValue))))"
        )
        return nil
    }

    private func present(_ key: String, required: Bool) -> Node? {
        if let value = values[key] { return value }
        if required { fail(key, "\(key) is missing") }
        return nil
    }
}

extension Node {
    /// The characters of an unquoted scalar.
    var plainScalar: String? {
        guard let scalar, scalar.style == .plain || scalar.style == .any else { return nil }
        return scalar.string
    }

    /// The value as JSON writes it.
    var json: JSON {
        switch self {
        case .scalar:
            if let text = plainText { return .string(text) }
            switch plainScalar ?? "" {
            case "true": return .boolean(true)
            case "false": return .boolean(false)
            case "", "~", "null": return .null
            case let plain:
                return Int64(plain).map { .integer($0) } ?? Double(plain).map { .decimal($0) } ?? .string(plain)
            }
        case .sequence(let items): return .array(items.map(\.json))
        case .mapping(let members): return .object(members.map { ($0.key.scalar?.string ?? "", $0.value.json) })
        case .alias: return .null
        }
    }

    private static let wordsOfOtherTypes: Set = ["", "~", "null", "true", "false", "yes", "no", "on", "off"]

    /// The text of a scalar that YAML reads as text: quoted, or unlike a number, a truth value or nothing.
    var plainText: String? {
        guard let scalar else { return nil }
        guard let plain = plainScalar else { return scalar.string }
        if Self.wordsOfOtherTypes.contains(plain.lowercased()) { return nil }
        let looksNumeric = plain.first.map { $0.isNumber || "+-.".contains($0) } ?? false
        return looksNumeric && Double(plain) != nil ? nil : plain
    }
}

package enum Spelling {
    /// `: did you mean …?`, or the possibilities where none is near and they are few.
    package static func suggestion(for word: String, among known: Set<String>) -> String {
        if let near = nearest(to: word, among: known) { return ": did you mean \(near)?" }
        return known.isEmpty ? "" : ": expected one of \(known.sorted().joined(separator: ", "))"
    }

    /// The known word at the smallest distance, where that is at most two edits and a third of its length.
    package static func nearest(to word: String, among known: Set<String>) -> String? {
        let candidates = known.sorted().map { (word: $0, distance: distance(word.lowercased(), $0.lowercased())) }
        guard let best = candidates.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= min(2, max(1, best.word.count / 3)) ? best.word : nil
    }

    /// Insertions, deletions, replacements and swaps of neighbours.
    static func distance(_ left: String, _ right: String) -> Int {
        let a = Array(left)
        let b = Array(right)
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        var rows = [Array(0...b.count)]
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                var best = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, rows[i - 2][j - 2] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
