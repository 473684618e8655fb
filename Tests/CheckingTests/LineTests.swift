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
            testDescription: "a key alone deletes", text: "001190000001\t\n\n001190000001\t", withKey: true,
            deleted: 2,
            findings: []),
        Case(
            testDescription: "a carriage return is a value, and not JSON, as kcat sends it",
            text: "001190000001\t\r\n001190000001\t\(good)\r\n\r\n", withKey: true, accepted: 1,
            findings: ["1: not-json -", "3: not-json -"]),
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

    @Test("a byte order mark would be part of the first key", arguments: [1, 4096])
    func markBeforeKey(blockBytes: Int) throws {
        let error = #expect(throws: UserError.self) {
            try check("\u{FEFF}001190000001\t\(Self.good)\n", withKey: true, blockBytes: blockBytes)
        }
        #expect(error?.cause.contains("byte order mark") == true)
        #expect(error?.status == .no)
    }

    @Test("lines that end in a carriage return alone are told in one sentence", arguments: [false, true])
    func returns(withKey: Bool) throws {
        let line = withKey ? "001190000001\t\(Self.good)" : Self.good
        for text in [line + "\r" + line, line + "\r" + line + "\r", line + " \r\r " + line] {
            let error = #expect(throws: UserError.self) { try check(text, withKey: withKey) }
            #expect(error?.cause.contains("carriage return") == true)
        }
        for text in [line, line + "\r", "\r" + line + "\r\n", line + "\r\n" + line] where !withKey {
            #expect(try check(text).account.refused == 0)
        }
        let pretty = Self.good.replacing(",\"", with: "\r,\r\"").replacing("}", with: "\r}\r")
        #expect(try check(pretty).account.accepted == 1)
    }

    @Test("members spelt nearly like a field are counted by the field, and their names told nowhere")
    func misspelt() throws {
        let text = [
            #"{"personalID":"001190000001"}"#, #"{"PERSONALID":1,"personal_id":2,"Representativs":3}"#,
            citizen(1, extra: #","statesecret":true,"fulName":"x","remark":1,"zzz":2"#),
            citizen(2).replacing(#""text":"#, with: #""txet":1,"text":"#),
        ].joined(separator: "\n")
        let outcome = try check(text, format: .ndjson)
        let expected = [
            "personalId": 3, "representatives": 1, "stateSecret": 1, "fullName": 1, "permanentAddress.text": 1,
        ]
        #expect(outcome.account.misspelt == expected)
        let report = CheckReport(try definition("population.citizen.v1"), outcome.account, file: "x")
        #expect(report.notes.contains("3 members are spelt nearly like personalId and are lost"))
        #expect(report.notes.contains("1 member is spelt nearly like fullName and is lost"))
        let summary = report.json(seconds: 1).text
        #expect(summary.contains(#""misspelt":["fullName","permanentAddress.text","personalId""#))
        let page = report.page(checkedAtMilliseconds: 0)
        #expect(page.contains("tên viết gần giống personalId"))
        for text in report.notes + [summary, page] {
            for name in ["personalID", "personal_id", "fulName", "txet"] { #expect(!text.contains(name)) }
        }
    }

    @Test("a thousand names are looked at, and what else is met is passed over")
    func manyNames() throws {
        let names = (0..<1_000).map { "\"unknown\($0)\":1" }.joined(separator: ",")
        let text = "{\(names)}\n{\"personalid\":1,\"unknown3\":2}"
        #expect(try check(text, format: .ndjson).account.misspelt.isEmpty)
        #expect(try check("{\"personalid\":1,\(names)}", format: .ndjson).account.misspelt == ["personalId": 1])
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
