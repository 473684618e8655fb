import Foundation
import Model
import Testing

@testable import Publishing

@Suite("a feed's file")
struct FeedReaderTests {
    static let good = PublisherFixture.yaml("good")

    @Test("is read into a definition")
    func reads() throws {
        let feed = try FeedReader.parse(Self.good, file: "good.yaml")
        #expect(feed.feed == "good")
        #expect(feed.topic.rawValue == "test.good.v1")
        #expect(feed.sourceVariable == "LIENTHONG_SOURCE_TEST")
        #expect(feed.root.table == FeedDefinition.TableName(schema: "public", name: "person"))
        #expect(feed.root.identity == [FeedDefinition.IdentityColumn(column: "person_id", type: "bigint")])
        #expect(feed.root.recordKey == ["number"])
        #expect(feed.root.versionFormat == .integer)
        #expect(feed.children.map(\.identity) == [["person_id"]])
        #expect(feed.tables.count == 2)
        #expect(feed.stateSecret == "secret")
        #expect(feed.query.hasPrefix("SELECT p.person_id"))
    }

    @Test("may leave out children and the state secret, and end its query with a semicolon")
    func optional() throws {
        let text =
            Self.good.replacing("children:\n  - {table: public.residence, identity: [person_id]}\n", with: "")
            .replacing("stateSecret: secret\n", with: "") + ";\n"
        let feed = try FeedReader.parse(text, file: "good.yaml")
        #expect(feed.children.isEmpty)
        #expect(feed.stateSecret == nil)
        #expect(feed.query.hasSuffix("public.person p"))
    }

    @Test(
        "that is wrong is refused with its line",
        arguments: [
            ("feed: good", "feed: Good", 1),
            ("topic: test.good.v1", "topic: test good", 2),
            ("source: test", "source: test-1", 3),
            ("ceSource: /test/source", "ceSource: /có dấu", 4),
            ("slot: good", "slot: good-slot", 5),
            ("publication: good", "publication: \"good; drop table x\"", 6),
            ("publication: good", "publicaton: good", 6),
            ("table: public.person", "table: person", 8),
            ("table: public.person", "table: public.\"Person\"", 8),
            ("type: bigint", "type: \"bigint) OR (1=1\"", 9),
            ("recordKey: [number]", "recordKey: []", 10),
            ("recordKey: [number]", "recordKey: number", 10),
            ("version: change_no", "version: [change_no]", 11),
            ("versionFormat: integer", "versionFormat: number", 12),
            ("public.residence, identity: [person_id]", "public.residence, identity: [person_id, place]", 14),
            ("public.residence, identity", "public.person, identity", 14),
            ("public.residence, identity", "public.residence, where: x, identity", 14),
        ]
    )
    func wrong(good: String, bad: String, line: Int) throws {
        #expect(Self.good.contains(good))
        let error = #expect(throws: UserError.self) {
            try FeedReader.parse(Self.good.replacing(good, with: bad), file: "bad.yaml")
        }
        #expect(error?.subject == "bad.yaml:\(line)")
        #expect(error?.status == .configuration)
    }

    @Test(
        "that is no YAML, empty or absent is refused", arguments: ["feed: [", "", "feed: a\nfeed: b\n", "- feed", "\t"])
    func noFeed(text: String) {
        #expect(throws: UserError.self) { try FeedReader.parse(text, file: "bad.yaml") }
    }

    @Test("a folder's feeds have names and slots of their own")
    func folder() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "feeds-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(throws: UserError.self) { try FeedReader.load(folder: folder) }
        try PublisherFixture.yaml("a").write(toFile: "\(folder)/a.yaml", atomically: true, encoding: .utf8)
        try PublisherFixture.yaml("b").write(toFile: "\(folder)/b.yaml", atomically: true, encoding: .utf8)
        #expect(try FeedReader.load(folder: folder).map(\.feed) == ["a", "b"])
        let sameSlot = PublisherFixture.yaml("c").replacing("slot: c", with: "slot: a")
        try sameSlot.write(toFile: "\(folder)/c.yaml", atomically: true, encoding: .utf8)
        #expect(throws: UserError.self) { try FeedReader.load(folder: folder) }
        try PublisherFixture.yaml("a").write(toFile: "\(folder)/c.yaml", atomically: true, encoding: .utf8)
        #expect(throws: UserError.self) { try FeedReader.load(folder: folder) }
        #expect(throws: UserError.self) { try FeedReader.load(folder: "\(folder)/absent") }
    }

    @Test("every feed that is delivered can be read")
    func delivered() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let feeds = try FeedReader.load(folder: root.appending(path: "deploy/feeds").path)
        #expect(feeds.count >= 5)
    }
}
