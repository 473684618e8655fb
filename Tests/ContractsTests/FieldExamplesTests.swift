// Example values beside fields: a reader copies them, so lint judges them.
import Contracts
import Foundation
import Model
import Testing

@Suite("Example values of fields")
struct FieldExamplesTests {
    /// A field of the sample contract given one example.
    struct Case: Sendable, CustomTestStringConvertible {
        let field: String
        let example: String
        var complaint: String?

        var testDescription: String { "\(field) \(example)" }
    }

    static let cases: [Case] = [
        Case(field: "capital", example: "\"1500.25\""),
        Case(field: "capital", example: "\"1500.255\"", complaint: "wrong-format, expected at most 2 decimals"),
        Case(field: "capital", example: "1500", complaint: "wrong-type, expected a decimal as a string"),
        Case(field: "kind", example: "a"),
        Case(field: "kind", example: "zzz", complaint: "not-in-list"),
        Case(field: "count", example: "5"),
        Case(field: "count", example: "6", complaint: "out-of-range, expected maximum 5"),
        Case(field: "provinceCode", example: "\"01\""),
        Case(field: "provinceCode", example: "\"00\"", complaint: "not-in-list, expected code list province"),
        Case(field: "main", example: "true"),
        Case(field: "main", example: "yes please", complaint: "wrong-type, expected true or false"),
        Case(field: "until", example: "2024-02"),
        Case(field: "until", example: "2024-02-30", complaint: "wrong-format"),
    ]

    @Test("an example is an error where its own field would refuse it, and only there", arguments: cases)
    func judged(given: Case) throws {
        let declaration = "- name: \(given.field)\n"
        let range = try #require(Sample.contract.range(of: declaration), "the sample has no \(given.field)")
        let indentation = Sample.contract[..<range.lowerBound].reversed().prefix { $0 == " " }.count
        let added = String(repeating: " ", count: indentation + 2) + "examples: [\(given.example)]\n"
        let contract = Sample.contract.replacingCharacters(in: range, with: declaration + added)
        let folder = try Sample.folder()
        try folder.write("\(Sample.topic)/contract.odcs.yaml", contract)
        let found = Lint.run(folder: folder.path).filter { $0.message.contains("would be refused") }
        guard let complaint = given.complaint else {
            #expect(found.isEmpty)
            return
        }
        #expect(found.count == 1)
        let finding = try #require(found.first)
        #expect(finding.severity == .error)
        #expect(finding.message.contains("example 1 would be refused: \(complaint)"), "\(finding)")
        #expect(finding.line == Sample.line(of: "- name: \(given.field)", in: contract))
        // The value itself is the contract's own, but no habit is made of quoting one.
        #expect(!finding.message.contains(given.example))
    }
}
