import Testing

@testable import Checking

@Suite struct ArrayTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let text: String
        var accepted = 0
        let findings: [String]
    }

    static let good = citizen(1)
    static let cases = [
        Case(testDescription: "empty", text: " [ \n ] \n", findings: []),
        Case(testDescription: "one line", text: "[\(good),\(good)]", accepted: 2, findings: []),
        Case(testDescription: "a line each", text: "[\n\(good),\n\(good)\n]\n", accepted: 2, findings: []),
        Case(
            testDescription: "brackets, commas and quotes within strings",
            text: "[" + citizen(1, name: #"a]}[{,\"b\\"#) + ",\n" + citizen(2, name: #"\\\","#) + "]", accepted: 2,
            findings: []),
        Case(
            testDescription: "elements that are no objects", text: "[1,\n\"a,b\",\n[\(good)],\nnull, true,\n\(good)]",
            accepted: 1,
            findings: [
                "1: not-an-object -", "2: not-an-object -", "3: not-an-object -", "4: not-an-object -",
                "4: not-an-object -",
            ]),
        Case(
            testDescription: "an element that is no JSON costs itself only", text: "[{\"a\":},\n\(good),\noops]",
            accepted: 1, findings: ["1: not-json -", "3: not-json -"]),
        Case(
            testDescription: "a lost comma", text: "[\(good)\n\(good),\n\(good)]", accepted: 1,
            findings: ["1: not-json -"]),
        Case(
            testDescription: "commas too many", text: "[,\(good),\n,\(good),\n]", accepted: 2,
            findings: ["1: empty-element", "2: empty-element", "3: empty-element"]),
        Case(
            testDescription: "not closed after a record", text: "[\(good),\n\(good)\n", accepted: 2,
            findings: ["3: open-array"]),
        Case(
            testDescription: "cut off within a record", text: "[\(good),\n" + good.prefix(50), accepted: 1,
            findings: ["2: open-array"]),
        Case(testDescription: "cut off after a comma", text: "[\(good),", accepted: 1, findings: ["1: open-array"]),
        Case(
            testDescription: "something after it", text: "[\(good)]\n\(good)\n", accepted: 1,
            findings: ["2: text-after-array"]),
        Case(
            testDescription: "one record over several lines",
            text: good.replacing(",\"", with: ",\n\""), accepted: 1, findings: []),
        Case(
            testDescription: "one record that does not end", text: "\n" + good.prefix(50) + "\n\(good)\n",
            findings: ["2: open-record"]),
        Case(
            testDescription: "two records without an array", text: "\(good)\n\(good)\n", accepted: 1,
            findings: ["2: text-after-array"]),
        Case(testDescription: "no array at all", text: "oops", findings: ["1: not-json -"]),
    ]

    @Test("an array's elements are its records", arguments: cases)
    func elements(_ given: Case) throws {
        let outcome = try check(given.text, format: .array)
        #expect(outcome.account.accepted == given.accepted)
        #expect(outcome.findings.map(\.short) == given.findings)
    }

    @Test("an element beyond the bound is too large, and the next one is read", arguments: [1, 7, 64])
    func longElement(blockBytes: Int) throws {
        let long = citizen(2, name: String(repeating: "]},", count: 700))
        let text = "[" + [citizen(1), long, citizen(3), long].joined(separator: ",\n") + "]"
        let outcome = try check(text, format: .array, blockBytes: blockBytes, recordBytesMax: 1_000)
        #expect(outcome.account.accepted == 2)
        #expect(outcome.findings.map(\.short) == ["2: too-large -", "4: too-large -"])
    }

    @Test("records on one line are told by their numbers")
    func places() throws {
        let outcome = try check("[{},\(Self.good),{}]", format: .array)
        let report = CheckReport(try definition("population.citizen.v1"), outcome.account, file: "x")
        #expect(report.placesAreRecords)
        #expect(report.refused.map(\.places) == ["1, 3"])
        let lines = try check("[{},\n\(Self.good),\n{}]", format: .array)
        #expect(
            CheckReport(try definition("population.citizen.v1"), lines.account, file: "x").refused.map(\.places) == [
                "1, 3"
            ])
    }
}
