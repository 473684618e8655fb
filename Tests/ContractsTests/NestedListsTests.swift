// Lists within objects and within the items of lists, each to a table of its own.
import Model
import Testing

@testable import Contracts

@Suite("Nested lists")
struct NestedListsTests {
    private static func list(_ item: FieldType) -> FieldType { .list(item, uniqueBy: nil, maximumItems: 9) }

    private static let fields: [Field] = [
        Field(name: "id", type: .text(TextRule()), required: true),
        Field(
            name: "head", type: .object([Field(name: "tags", type: list(.text(TextRule())), required: false)]),
            required: false),
        Field(
            name: "parts",
            type: list(
                .object([
                    Field(name: "code", type: .text(TextRule()), required: true),
                    Field(
                        name: "labels",
                        type: list(.object([Field(name: "text", type: .text(TextRule()), required: true)])),
                        required: false),
                ])), required: false),
        Field(name: "version", type: .integer(minimum: 1, maximum: .max), required: true),
    ]

    private static func definition() -> TopicDefinition {
        func child(_ table: String, _ list: String, _ column: String, _ field: String) -> Mapping.Child {
            Mapping.Child(table: table, list: list, columns: [Mapping.Column(name: column, field: field)])
        }
        return Fixtures.definition(
            fields: fields, key: ["id"], versionField: "version",
            mapping: Mapping(
                revision: 1, table: "registry.t", view: "registry.v", key: [Mapping.Column(name: "id", field: "id")],
                columns: [],
                children: [
                    child("registry.tag", "head.tags", "tag", "."), child("registry.part", "parts", "code", "code"),
                    child("registry.label", "parts[].labels", "text", "text"),
                ]))
    }

    private static let value =
        #"{"id":"k","version":1,"head":{"tags":["x"]},"parts":[{"code":"a","labels":[{"text":"p"},{"text":"q"}]},{"code":"b","labels":[{"text":"r"}]}]}"#

    @Test("rows of an inner list bear the position of the item around them, then their own")
    func rows() throws {
        var bench = try Bench(Self.definition())
        #expect(
            bench.decoder.children.map { $0.columns.map(\.name) } == [["tag"], ["code"], ["parent_position", "text"]])
        let record = try bench.record(Self.value, key: "k")
        let rows = bench.decoder.childRows[record.children].map { row in
            "\(row.child) \(row.position) \(bench.columns(row.content))"
        }
        func bigint(_ value: UInt8) -> Column { .bytes([0, 0, 0, 0, 0, 0, 0, value]) }
        #expect(
            rows == [
                "0 1 \([Column.text("x")])", "2 1 \([bigint(1), .text("p")])", "2 2 \([bigint(1), .text("q")])",
                "1 1 \([Column.text("a")])", "2 1 \([bigint(2), .text("r")])", "1 2 \([Column.text("b")])",
            ])
    }

    @Test("an inner item that moves to another outer item is other content")
    func hash() throws {
        var bench = try Bench(Self.definition())
        let first = try bench.record(
            #"{"id":"k","version":1,"parts":[{"code":"a","labels":[{"text":"p"}]},{"code":"a"}]}"#, key: "k")
        let second = try bench.record(
            #"{"id":"k","version":1,"parts":[{"code":"a"},{"code":"a","labels":[{"text":"p"}]}]}"#, key: "k")
        #expect(first.contentHash != second.contentHash)
    }

    @Test("the mapping needs the position of the outer item as part of the inner table's key")
    func required() throws {
        let columns = try TablePlanBuilder.requiredColumns(for: Self.definition())
        let labels = columns.filter { $0.table.name == "label" }
        #expect(labels.map(\.column) == ["id", "position", "parent_position", "text"])
        #expect(labels.map(\.isKey) == [true, true, true, false])
    }

    @Test("a table of an inner list is known as such")
    func nested() throws {
        #expect(try TablePlanBuilder.plan(for: Self.definition()).children.map(\.isNested) == [false, false, true])
    }

    @Test("a refusal within both lists leaves no row, and the next record is judged as if it had not been")
    func refused() throws {
        var bench = try Bench(Self.definition())
        let clean = try bench.record(Self.value, key: "k").contentHash
        let bad = bench.verdict(
            Array(#"{"id":"k","version":1,"parts":[{"code":"a"},{"code":"b","labels":[{"text":"p"},{}]}]}"#.utf8),
            key: [UInt8(ascii: "k")])
        #expect(bad == .refused(Refusal(.missingField, field: "parts[].labels[].text", rule: "required")))
        #expect(try bench.record(Self.value, key: "k").contentHash == clean)
    }

    @Test(
        "a list that is none, and one too deep, are no list that can have a table",
        arguments: ["part", "head", "parts[].code", "parts[].labels[].text", "[].parts", "parts[]"])
    func unknownLists(path: String) {
        let definition = Self.definition()
        #expect(definition.contract.listPaths == ["head.tags", "parts", "parts[].labels"])
        var mapping = definition.mapping
        mapping.children = [
            Mapping.Child(table: "registry.x", list: path, columns: [Mapping.Column(name: "x", field: ".")])
        ]
        let spoilt = TopicDefinition(
            name: definition.name, folder: definition.folder, contract: definition.contract, mapping: mapping)
        #expect(throws: UserError.self) { try RecordDecoder(spoilt, codeLists: Fixtures.codeLists) }
    }
}
