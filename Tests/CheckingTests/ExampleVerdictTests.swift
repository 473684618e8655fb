// The checker's verdicts against those that the topics' examples state, which the worker's tests run as well.
import Contracts
import Foundation
import Model
import Testing

@testable import Checking

@Suite struct ExampleVerdictTests {
    static let topics = ((try? catalogue.get())?.topics ?? []).map(\.name.rawValue)

    @Test("every example that fits a line gets its own verdict from a file with keys", arguments: topics)
    func withKeys(topic: String) throws {
        var judged = 0
        for example in try Self.examples(of: topic) {
            guard let line = Self.line(of: example) else { continue }
            let outcome = try check(
                line, topic: topic, format: .ndjson, withKey: true, now: example.timestampMilliseconds ?? .max)
            #expect(Self.expectation(outcome) == example.expectation, "\(example.file)")
            judged += 1
        }
        #expect(judged >= 18)
    }

    @Test(
        "a value alone gets the verdict that it gets with its own key, in lines, arrays and windows", arguments: topics)
    func withoutKeys(topic: String) throws {
        var judged = 0
        for example in try Self.examples(of: topic) {
            guard let value = example.value.flatMap(Self.compacted), !value.allSatisfy(InputFormat.isBlank) else {
                continue
            }
            if case .refused(.missingKey, _) = example.expectation { continue }
            if case .refused(.keyMismatch, _) = example.expectation { continue }
            let now = example.timestampMilliseconds ?? .max
            let line = try check(value, topic: topic, format: .ndjson, now: now)
            #expect(Self.expectation(line) == example.expectation, "\(example.file)")
            if case .refused(.notJSON, _) = example.expectation { continue }
            let array = try check(
                [UInt8(ascii: "[")] + value + [UInt8(ascii: "]")], topic: topic, format: .array, now: now)
            #expect(Self.expectation(array) == example.expectation, "\(example.file)")
            judged += 1
        }
        #expect(judged >= 12)
    }

    @Test("no value alone is refused for its key", arguments: topics)
    func neverForItsKey(topic: String) throws {
        for example in try Self.examples(of: topic) {
            guard let value = example.value.flatMap(Self.compacted) else { continue }
            let outcome = try? check(value, topic: topic, format: .ndjson)
            for case .refused(let refusal) in outcome?.findings.map(\.kind) ?? [] {
                #expect(refusal.reason != .missingKey && refusal.reason != .keyMismatch, "\(example.file)")
            }
        }
    }

    @Test("the key that a value makes counts for its size", arguments: [-40, -14, -13, -12, -11, -1, 0, 1])
    func sizeWithKey(beyond: Int) throws {
        // The value is so far from the bound; its key has twelve bytes.
        let bare = citizen(1, extra: #","note":"""#).utf8.count
        let filler = String(repeating: "x", count: Limits.recordBytesMax + beyond - bare)
        let value = citizen(1, extra: #","note":"\#(filler)""#)
        #expect(value.utf8.count == Limits.recordBytesMax + beyond)
        let alone = try check(value, format: .ndjson)
        let keyed = try check("001190000001\t" + value, format: .ndjson, withKey: true)
        #expect(alone == keyed)
        #expect(alone.account.refused == (beyond > -12 ? 1 : 0))
    }

    // MARK: Examples

    private static func examples(of topic: String) throws -> [Example] {
        let (accepted, refused, findings) = Examples.load(topicFolder: try definition(topic).folder)
        try #require(findings.isEmpty)
        return (accepted + refused).filter { !$0.needsDatabase }
    }

    /// As `kcat -K '\t'` writes it; nil where the bytes cannot stand on a line, or a header decides.
    private static func line(of example: Example) -> [UInt8]? {
        guard example.tombstoneVersion == nil || example.value != nil else { return nil }
        guard let value = example.value else { return example.key.map { $0 + [0x09] } }
        guard let value = compacted(value), !value.isEmpty, example.headersByteCount < 1_000 else { return nil }
        guard let key = example.key else { return value.contains(0x09) ? nil : value }
        return key.contains { $0 == 0x09 || $0 == 0x0A } ? nil : key + [0x09] + value
    }

    /// The same JSON on one line; nil where a line feed stands within a string.
    private static func compacted(_ bytes: [UInt8]) -> [UInt8]? {
        var result = bytes
        var isInString = false
        var isEscaped = false
        for index in bytes.indices {
            let byte = bytes[index]
            if isInString {
                if byte == 0x0A || byte == 0x0D { return nil }
                if !isEscaped, byte == UInt8(ascii: "\"") { isInString = false }
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
            } else if byte == UInt8(ascii: "\"") {
                isInString = true
            } else if byte == 0x0A || byte == 0x0D || byte == 0x09 {
                result[index] = 0x20
            }
        }
        return result
    }

    private static func expectation(_ outcome: Outcome) -> Example.Expectation? {
        guard outcome.account.records == 1 else { return nil }
        if outcome.account.deleted == 1 { return .deleted }
        if outcome.account.accepted == 1 {
            let warnings = outcome.findings.compactMap { finding in
                if case .warning(let warning) = finding.kind { warning.rule } else { nil }
            }
            return .applied(warnings: warnings.sorted())
        }
        guard case .refused(let refusal) = outcome.findings.first?.kind else { return nil }
        return .refused(refusal.reason, field: refusal.field)
    }
}
