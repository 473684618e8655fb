// What is shown of a refused record to whoever has named no ground: shapes, and values of open fields alone.
import Contracts
import Model
import Testing

@testable import DeadLetters

struct MaskedRecordTests {
    private static let contract = Contract(
        version: "1.0.0", owner: "a ministry", descriptionEnglish: "", descriptionVietnamese: "", dataGroups: [],
        articles: [],
        fields: [
            Field(name: "code", type: .text(TextRule()), required: true, classification: .open),
            Field(name: "name", type: .text(TextRule()), required: true, classification: .personal),
            Field(name: "alive", type: .boolean, required: false),
            Field(name: "weight", type: .integer(minimum: 0, maximum: 9), required: false, classification: .health),
            Field(
                name: "address",
                type: .object([Field(name: "text", type: .text(TextRule()), required: true, classification: .family)]),
                required: false),
            Field(
                name: "parts",
                type: .list(
                    .object([Field(name: "id", type: .text(TextRule()), required: true, classification: .open)]),
                    uniqueBy: nil, maximumItems: 9), required: false),
        ],
        key: ["code"], versionField: "code", rules: [],
        kafka: .init(partitions: 1, replicationFactor: 1, retentionMilliseconds: -1, cleanupPolicy: "delete"),
        breaker: .init())

    private func shown(_ json: String) -> [String]? {
        MaskedRecord.fields(of: Array(json.utf8), contract: Self.contract)?.fields.map { "\($0.path)=\($0.shown)" }
    }

    @Test("open fields show their value, all others their type and length")
    func masks() {
        let json = #"{"code": "A1", "name": "Nguyễn", "alive": true, "weight": 1, "address": {"text": "xyz"}}"#
        #expect(
            shown(json) == ["code=A1", "name=text of 6", "alive=boolean", "weight=number", "address.text=text of 3"])
    }

    @Test("a value of a wrong type is shown by its type, whatever its class")
    func wrongTypes() {
        #expect(shown(#"{"code": {"secret": 1}, "name": ["x", "y"]}"#) == ["code=object of 1", "name=list of 2"])
        #expect(
            shown(#"{"name": null, "address": "text here", "parts": 5}"#)
                == ["name=null", "address=text of 9", "parts=number"])
    }

    @Test("items of a list are shown one by one; fields that no contract names are counted, at every depth")
    func listsAndUnknown() throws {
        let json = #"{"parts": [{"id": "1", "hidden": "s"}, 7, {"id": "2"}], "extra": "secret", "address": {"zip": 1}}"#
        let masked = try #require(MaskedRecord.fields(of: Array(json.utf8), contract: Self.contract))
        #expect(
            masked.fields.map { "\($0.path)=\($0.shown)" } == ["parts=list of 3", "parts[0].id=1", "parts[2].id=2"])
        #expect(masked.unknown == 3)
    }

    @Test("what is no JSON object has no fields", arguments: ["", "[]", "7", "{", "\u{0}"])
    func noObject(text: String) {
        #expect(shown(text) == nil)
    }

    @Test("a record of very many items is cut at the bound")
    func bounded() throws {
        let items = Array(repeating: #"{"id": "1"}"#, count: 2_000).joined(separator: ",")
        let masked = try #require(
            MaskedRecord.fields(of: Array("{\"parts\": [\(items)]}".utf8), contract: Self.contract))
        #expect(masked.fields.count == MaskedRecord.fieldsMax)
    }
}
