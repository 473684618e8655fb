// Vietnamese identifiers: each kind's table of examples is judged here, alone and through a contract.
import Contracts
import Foundation
import Model
import Testing

@Suite("Identifiers")
struct IdentifierTests {
    @Test("a line of an identifier's table gets its verdict", arguments: IdentifierKind.allCases)
    func examples(_ kind: IdentifierKind) {
        for example in kind.examples {
            #expect(kind.isValid(example.text) == example.isValid, "\(example.text): \(example.why)")
        }
    }

    @Test(
        "a table has six lines or more, of both verdicts, no text twice, each with its why",
        arguments: IdentifierKind.allCases)
    func tables(_ kind: IdentifierKind) {
        let examples = kind.examples
        #expect(examples.count >= 6)
        #expect(examples.filter(\.isValid).count >= 2)
        #expect(examples.filter { !$0.isValid }.count >= 2)
        #expect(Set(examples.map(\.text)).count == examples.count)
        #expect(examples.allSatisfy { !$0.why.isEmpty })
    }

    @Test("every kind is summed up in both languages, in words of its own")
    func summaries() {
        let kinds = IdentifierKind.allCases
        #expect(Set(kinds.map(\.summaryEnglish)).count == kinds.count)
        #expect(Set(kinds.map(\.summaryVietnamese)).count == kinds.count)
        for kind in kinds { #expect(!kind.summaryEnglish.isEmpty && !kind.summaryVietnamese.isEmpty) }
        #expect(Set(kinds.map(\.sureness)) == Set(Sureness.allCases))
    }

    @Test("a contract names any kind, and its records are judged by the table", arguments: IdentifierKind.allCases)
    func throughContract(_ kind: IdentifierKind) throws {
        let folder = try Sample.folder()
        try folder.write("\(Sample.topic)/contract.odcs.yaml", Self.contract(kind))
        let topic = try #require(try Catalogue.load(folder: folder.path).topics.first)
        var bench = try Bench(topic)
        for example in kind.examples {
            let verdict = bench.verdict(
                Array(Self.value(example.text).utf8), key: Array("001085012345:2020-01-01".utf8))
            switch verdict {
            case .record: #expect(example.isValid, "\(example.text): \(example.why)")
            case .refused(let refusal):
                #expect(!example.isValid, "\(example.text): \(example.why)")
                #expect(refusal.reason == .invalidIdentifier)
                #expect(refusal.field == "kind")
            case .tombstone: Issue.record("\(example.text): a tombstone")
            }
        }
    }

    @Test("of the ten last digits at most one makes a tax code, and none where the sum leaves ten")
    func checkDigit() {
        var without = 0
        for number in stride(from: 10_000_001, to: 999_999_999, by: 7_654_321) {
            let digits = String(number)
            let nine = String(repeating: "0", count: 9 - digits.count) + digits
            let valid = (0...9).filter { IdentifierKind.taxCode.isValid(nine + String($0)) }
            #expect(valid.count <= 1)
            if valid.isEmpty { without += 1 }
        }
        #expect(without > 0)
    }

    @Test("a personal number tells the year of birth and the sex of five centuries")
    func reading() throws {
        for (century, first) in [0, 2, 4, 6, 8].enumerated() {
            let male = try #require(PersonalNumber.reading("001\(first)07000000"))
            #expect(male == (Int32(1_907 + 100 * century), true))
            let female = try #require(PersonalNumber.reading("001\(first + 1)99000000"))
            #expect(female == (Int32(1_999 + 100 * century), false))
        }
        #expect(PersonalNumber.reading("00008501234") == nil)
    }

    @Test(
        "an empty text is no identifier, and a text cut anywhere is judged without a trap",
        arguments: IdentifierKind.allCases)
    func bounds(_ kind: IdentifierKind) {
        #expect(!kind.isValid(""))
        // Each beginning of each example gets a verdict: none reads beyond its end or traps.
        for example in kind.examples {
            let scalars = Array(example.text.unicodeScalars)
            for count in scalars.indices {
                _ = kind.isValid(String(String.UnicodeScalarView(scalars[..<count])))
            }
        }
    }

    /// The sample's contract, its text field `kind` being the identifier.
    private static func contract(_ kind: IdentifierKind) -> String {
        Sample.contract
            .replacingOccurrences(
                of: """
                            quality:
                              - {type: library, metric: invalidValues, arguments: {validValues: [a, b]}, mustBe: 0}

                    """, with: ""
            )
            .replacingOccurrences(
                of: "{property: descriptionVi, value: Loại.}",
                with:
                    "{property: descriptionVi, value: Loại.}\n          - {property: identifier, value: \(kind.rawValue)}"
            )
    }

    private static func value(_ text: String) -> String {
        #"{"code":"001085012345","since":"2020-01-01","kind":"\#(text)","updatedAt":"2025-06-01T00:00:00Z"}"#
    }
}
