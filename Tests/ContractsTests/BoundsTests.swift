// Bounds of dates and of lists, as a contract's options name them.
import Model
import Testing

@testable import Contracts

@Suite("Bounds of dates and lists")
struct BoundsTests {
    private static func definition() -> TopicDefinition {
        Fixtures.definition(
            fields: [
                Field(name: "id", type: .text(TextRule()), required: true),
                // 2000-01-01 to 2025-06-30
                Field(name: "day", type: .date(partial: false, minimum: 10_957, maximum: 20_269), required: false),
                Field(name: "part", type: .date(partial: true, minimum: 10_957, maximum: 20_269), required: false),
                Field(
                    name: "list",
                    type: .list(
                        .integer(minimum: 0, maximum: 9), uniqueBy: nil, minimumItems: 1, maximumItems: 2),
                    required: false),
                Field(name: "version", type: .integer(minimum: 1, maximum: .max), required: true),
            ], key: ["id"], versionField: "version")
    }

    @Test(
        "a date before or after the bounds, and a list of too few or too many, are out of range",
        arguments: [
            (#""day":"1999-12-31""#, "not before 2000-01-01"), (#""day":"2000-01-01""#, nil),
            (#""day":"2025-06-30""#, nil), (#""day":"2025-07-01""#, "not after 2025-06-30"),
            // A part is out of range only where all its days are.
            (#""part":"1999""#, "not before 2000-01-01"), (#""part":"2000""#, nil), (#""part":"2025""#, nil),
            (#""part":"2025-06""#, nil), (#""part":"2025-07""#, "not after 2025-06-30"),
            (#""list":[]"#, "minItems 1"), (#""list":[1]"#, nil), (#""list":[1,2]"#, nil),
            (#""list":[1,2,3]"#, "maxItems 2"), (#""list":null"#, nil),
        ] as [(String, String?)])
    func bounds(member: String, rule: String?) throws {
        var bench = try Bench(Self.definition())
        let verdict = bench.verdict(Array("{\"id\":\"k\",\"version\":1,\(member)}".utf8), key: [UInt8(ascii: "k")])
        guard let rule else {
            guard case .record = verdict else {
                Issue.record("\(member) is refused: \(verdict)")
                return
            }
            return
        }
        let field = String(member.dropFirst().prefix { $0 != "\"" })
        #expect(verdict == .refused(Refusal(.outOfRange, field: field, rule: rule)))
    }
}
