import Model
import Testing

@testable import Checking

@Suite struct LineTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let text: String
        var withKey = false
        var accepted = 0
        var deleted = 0
        let findings: [String]
    }

    static let good = citizen(1)
    static let cases = [
        Case(testDescription: "line feeds", text: good + "\n" + good + "\n", accepted: 2, findings: []),
        Case(testDescription: "no last line feed", text: good + "\n" + good, accepted: 2, findings: []),
        Case(testDescription: "carriage returns", text: good + "\r\n" + good + "\r\n", accepted: 2, findings: []),
        Case(
            testDescription: "blank lines count as lines and not as records", text: "\n \t\r\n" + good + "\n\n[]\n\n",
            accepted: 1, findings: ["5: not-an-object -"]),
        Case(testDescription: "a byte order mark", text: "\u{FEFF}" + good + "\n", accepted: 1, findings: []),
        Case(
            testDescription: "what is no JSON", text: "oops\n" + good + "\n{\"personalId\":\n", accepted: 1,
            findings: ["1: not-json -", "3: not-json -"]),
        Case(
            testDescription: "null is no tombstone, since it has no key", text: "null\n",
            findings: ["1: not-an-object -"]),
        Case(
            testDescription: "keys", text: "001190000001\t\(good)\n001190000002\t\(good)\n", withKey: true, accepted: 1,
            findings: ["2: key-mismatch -"]),
        Case(
            testDescription: "a key alone deletes", text: "001190000001\t\n001190000001\t\r\n", withKey: true,
            deleted: 2,
            findings: []),
        Case(
            testDescription: "a key that is none", text: "0011\t\n", withKey: true,
            findings: ["1: invalid-identifier personalId"]),
        Case(
            testDescription: "no key", text: "\(good)\n\t\(good)\n\t\n", withKey: true,
            findings: ["1: missing-key -", "2: missing-key -", "3: missing-key -"]),
        Case(
            testDescription: "only the first tab parts key and value", text: "001190000001\t\t\(good)\t\n",
            withKey: true,
            accepted: 1, findings: []),
    ]

    @Test("lines are read as they stand", arguments: cases)
    func lines(_ given: Case) throws {
        let outcome = try check(given.text, format: .ndjson, withKey: given.withKey)
        #expect(outcome.account.accepted == given.accepted)
        #expect(outcome.account.deleted == given.deleted)
        #expect(outcome.findings.map(\.short) == given.findings)
    }

    @Test("a line beyond the bound is too large, and the next one is read", arguments: [1, 7, 64])
    func longLine(blockBytes: Int) throws {
        let long = citizen(2, name: String(repeating: "x", count: 2_000))
        let text = [citizen(1), long, citizen(3), long].joined(separator: "\n")
        let outcome = try check(text, format: .ndjson, blockBytes: blockBytes, recordBytesMax: 1_000)
        #expect(outcome.account.accepted == 2)
        #expect(outcome.findings.map(\.short) == ["2: too-large -", "4: too-large -"])
    }

    @Test("a line that is too large for a record is judged secret all the same")
    func secretLine() throws {
        let filler = String(repeating: "x", count: Limits.recordBytesMax)
        let text = citizen(1, extra: #","note":"\#(filler)""#) + "\n" + #"{"note":"\#(filler)","stateSecret":true}"#
        let outcome = try check(text, format: .ndjson)
        #expect(outcome.findings.map(\.short) == ["1: too-large -", "2: state-secret -"])
    }

    @Test("members beyond the contract are counted for accepted records")
    func unknownMembers() throws {
        let text = [
            citizen(1, extra: #","a":1,"b":{"c":1}"#), #"{"a":1}"#, citizen(2, extra: #","a":2"#),
        ].joined(separator: "\n")
        #expect(try check(text, format: .ndjson).account.unknownMembers == 3)
    }
}
