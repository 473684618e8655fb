import Contracts
import Foundation
import Model
import TestSupport
import Testing

@testable import Exports

@Suite("Exported documents")
struct DocumentTests {
    private let catalogue: Catalogue
    private let folder = "\(PackageFolder.path)/Topics"

    init() throws {
        catalogue = try Catalogue.load(folder: "\(PackageFolder.path)/Topics")
    }

    @Test("an export is the same whenever it is made", arguments: ExportFormat.allCases)
    func deterministic(format: ExportFormat) throws {
        let first = try Export.files(format, of: catalogue.topics, in: catalogue, folder: folder)
        let second = try Export.files(format, of: catalogue.topics, in: catalogue, folder: folder)
        #expect(first == second)
        #expect(first.allSatisfy { $0.text.hasSuffix("\n") })
        #expect(Set(first.map(\.name)).count == first.count)
    }

    // MARK: Avro

    @Test("Avro has an enum only where every value is a name, and null as the default of what is optional")
    func avro() {
        let text = AvroSchema.document(of: EverythingTopic.definition).text
        for part in [
            #"{"type":"record","name":"EveryThing","namespace":"lienthong.test.v1""#,
            #"{"name":"kind","type":"string""#,
            #"{"name":"state","type":["null",{"type":"enum","name":"EveryThingState","#
                + #""symbols":["on","off"]}],"default":null"#,
            #"{"name":"born","type":"string""#, #"{"name":"day","type":{"type":"int","logicalType":"date"}"#,
            #"{"type":"bytes","logicalType":"decimal","precision":38,"scale":2}"#,
            #"{"type":"long","logicalType":"timestamp-micros"}"#, #""classification":"personal""#,
        ] {
            #expect(text.contains(part), "\(part)")
        }
    }

    @Test("two types of an Avro schema never share a name")
    func avroNames() {
        let inner: FieldType = .object([Field(name: "x", type: .boolean, required: true)])
        var contract = EverythingTopic.contract
        contract.fields = [
            Field(name: "aB", type: .object([Field(name: "c", type: inner, required: true)]), required: true),
            Field(name: "a", type: .object([Field(name: "bC", type: inner, required: true)]), required: true),
        ]
        let topic = TopicDefinition(
            name: EverythingTopic.name, folder: "", contract: contract, mapping: EverythingTopic.definition.mapping)
        let text = AvroSchema.document(of: topic).text
        #expect(text.contains(#""name":"EveryThingABC","#))
        #expect(text.contains(#""name":"EveryThingABC2","#))
    }

    // MARK: SQL

    @Test("the skeleton's tables have the columns that contract and mapping need")
    func skeleton() throws {
        for topic in catalogue.topics + [EverythingTopic.definition] {
            let text = try MigrationSkeleton.text(of: topic)
            let required = try TablePlanBuilder.requiredColumns(for: topic)
            var found: [String] = []
            for table in text.components(separatedBy: "CREATE TABLE ").dropFirst() {
                let lines = table.components(separatedBy: "\n")
                let name = lines[0].split(separator: " ")[0]
                let body = lines.dropFirst().prefix { !$0.hasPrefix(")") }
                for line in body where !line.hasPrefix("     ") {
                    let words = line.split(separator: " ").map { $0.replacing(",", with: "") }
                    // Constraints are in capitals.
                    guard words.count > 1, words[0] == words[0].lowercased() else { continue }
                    found.append("\(name).\(words[0]) \(words[1] == "integer" ? "bigint" : words[1])")
                }
            }
            #expect(found == required.map { "\($0.table).\($0.column) \($0.type.rawValue)" })
        }
    }

    @Test("the skeleton checks that a living row is complete, and quotes words")
    func skeletonChecks() throws {
        let text = try MigrationSkeleton.text(of: EverythingTopic.definition)
        #expect(text.contains("CONSTRAINT thing_complete CHECK ("))
        #expect(text.contains("AND born_text IS NOT NULL"))
        #expect(!text.contains("born IS NOT NULL"))
        #expect(!text.contains("short IS NOT NULL"))
        #expect(text.contains(" boolean NOT NULL"))
        #expect(text.contains("PRIMARY KEY (id, day, position)"))
        #expect(text.contains("'' it"))
        #expect(text.contains("WHERE NOT deleted;"))
    }

    // MARK: AsyncAPI

    @Test("AsyncAPI names each topic's channels, settings and operations")
    func asyncAPI() throws {
        let topics = catalogue.topics + [EverythingTopic.definition]
        let document = AsyncAPI.document(of: topics, codeLists: catalogue.codeLists) {
            Examples.load(topicFolder: $0.folder).accepted
        }
        let text = document.text
        for topic in topics {
            let name = topic.name.rawValue
            let key = name.replacing(".", with: "_")
            for part in [
                "\"\(key)\":{\"address\":\"\(name)\"", "\"address\":\"\(name).dead-letter\"", "\"\(key)_send\"",
                "\"\(key)_dead-letter_receive\"", "\"owner:\(topic.contract.owner)\"",
                // As `topics apply` makes them, whatever the data topic has.
                "{\"topic\":\"\(name)\",\"partitions\":\(topic.contract.kafka.partitions),",
                "{\"topic\":\"\(name).dead-letter\",\"partitions\":3,",
                "\"max.message.bytes\":\(Contract.KafkaSettings.deadLetterMessageBytesMax)}",
            ] {
                #expect(text.contains(part), "\(part)")
            }
        }
        for header in OwnerHeader.allCases {
            #expect(text.contains("\"\(header.rawValue)\":{\"type\":\"string\""), "\(header)")
        }
        #expect(text.contains(#""description":"Vai trò – roles: owner (User:insurance-owner)""#))
        #expect(text.contains(#""cleanup.policy":["compact","delete"],"retention.ms":7200000"#))
        #expect(text.contains(#""servers":{"kafka":{"host":"kafka.lienthong.example:9093","protocol":"kafka"}}"#))
    }

    @Test(
        "the referee finds nothing wrong with AsyncAPI and Avro",
        .enabled(if: Referee.isThere, "\(Referee.absence)"))
    func refereed() throws {
        let topics = catalogue.topics + [EverythingTopic.definition]
        let document = AsyncAPI.document(of: topics, codeLists: catalogue.codeLists) {
            Examples.load(topicFolder: $0.folder).accepted
        }
        let avro = topics.map { ($0.name.rawValue, AvroSchema.document(of: $0)) }
        let report = try ExportReferee.judge(avro: avro, asyncAPI: document)
        #expect(report.asyncapi == [])
        #expect(report.avro.count == topics.count)
        for (name, fault) in report.avro { #expect(fault == nil, "\(name)") }
    }
}

@Suite("Files written whole")
struct ExportWriterTests {
    private static func inTemporaryFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lienthong-export-\(UUID().uuidString)")
            .path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private static let files = [
        ExportedFile(name: "a.json", text: "1\n"), ExportedFile(name: "b.json", text: "2\n"),
    ]

    @Test("several files go to a folder that is made; nothing else is left there")
    func folder() throws {
        try Self.inTemporaryFolder { (root: String) throws in
            for _ in 1...2 {
                let written = try ExportWriter.write(Self.files, to: "\(root)/new/deep", isOneDocument: false)
                #expect(written == ["\(root)/new/deep/a.json", "\(root)/new/deep/b.json"])
                #expect(try FileManager.default.contentsOfDirectory(atPath: "\(root)/new/deep").count == 2)
            }
            #expect(try String(contentsOfFile: "\(root)/new/deep/b.json", encoding: .utf8) == "2\n")
        }
    }

    @Test("one document goes to the file named, or into a folder that is there")
    func document() throws {
        try Self.inTemporaryFolder { (root: String) throws in
            let file = Array(Self.files.prefix(1))
            #expect(try ExportWriter.write(file, to: "\(root)/x.json", isOneDocument: true) == ["\(root)/x.json"])
            #expect(try ExportWriter.write(file, to: root, isOneDocument: true) == ["\(root)/a.json"])
            #expect(try String(contentsOfFile: "\(root)/x.json", encoding: .utf8) == "1\n")
        }
    }

    @Test("a place that cannot be written is named with a next step")
    func failure() throws {
        try Self.inTemporaryFolder { (root: String) throws in
            _ = try ExportWriter.write(Array(Self.files.prefix(1)), to: "\(root)/file", isOneDocument: true)
            for place in ["\(root)/file", "\(root)/file/below"] {
                let error = #expect(throws: UserError.self) {
                    try ExportWriter.write(Self.files, to: place, isOneDocument: false)
                }
                #expect(error?.description.contains(place) == true)
                #expect(error?.nextStep.contains("--out") == true)
            }
        }
    }

    @Test("which exports are one document", arguments: ExportFormat.allCases)
    func oneDocument(format: ExportFormat) {
        #expect(Export.isOneDocument(format, ofOneTopic: false) == (format == .asyncAPI))
        #expect(Export.isOneDocument(format, ofOneTopic: true) == (format != .catalogue))
    }
}

@Suite("JSON in order")
struct OrderedJSONTests {
    @Test(
        "what is read is written back as it was, members in order, of one name the first",
        arguments: [
            (#"{"b":1,"a":[true,null,{"c":"x\ny"}]}"#, #"{"b":1,"a":[true,null,{"c":"x\ny"}]}"#),
            (#" { "b" : -2.5 , "b" : 3 } "#, #"{"b":-2.5}"#), ("[]", "[]"), (#""\u0041""#, #""A""#),
        ])
    func readsBack(text: String, expected: String) {
        #expect(OrderedJSON.parse(Array(text.utf8))?.text == expected)
    }

    @Test(
        "what is no JSON, or would not be written back alike, is nil",
        arguments: [
            "", "{", #"{"a":1"#, #"{"a" 1}"#, "[1,]", "1 2", "nul", "1.0", "1e3", "0.12345", #""x"#, "01",
            "123456789012345678901234567890", String(repeating: "[", count: 100) + String(repeating: "]", count: 100),
        ])
    func refuses(text: String) {
        #expect(OrderedJSON.parse(Array(text.utf8)) == nil)
    }
}
