import Contracts
import Model
import Postgres
import TestSupport
import Testing

@testable import Ingestion

/// The topics as they are in `Topics/`, against the tables as the migrations make them.
@Suite("examples of the topics, through to the database")
struct ExampleTests {
    private static let catalogue = Result { try Catalogue.load(folder: PackageFolder.path + "/Topics") }
    static var topics: [String] { (try? catalogue.get().topics.map(\.name.rawValue)) ?? [] }

    @Test("the five topics are there")
    func five() throws {
        #expect(try Self.catalogue.get().topics.count == 5)
    }

    @Test(
        "every example ends as it says: applied, deleted, or a dead letter of its reason and field", arguments: topics)
    func ends(topic: String) throws {
        let catalogue = try Self.catalogue.get()
        let definition = try #require(catalogue.topics.first { $0.name.rawValue == topic })
        let database = try TestNationalDatabase()
        let bench = try BatchBench(database, definition, catalogue.codeLists)
        #expect(try TableCheck.findings(of: definition, connection: bench.connection) == [])

        let examples = Examples.load(topicFolder: definition.folder)
        #expect(examples.accepted.count >= 6)
        #expect(examples.refused.count >= 12)
        let complete = try #require(examples.accepted.first { $0.file.hasSuffix("/complete.json") })
        let tables = ([definition.mapping.table] + definition.mapping.children.map(\.table)).joined(separator: ", ")
        for example in examples.accepted + examples.refused {
            _ = try bench.connection.execute("TRUNCATE \(tables), ingest.dead_letter, ingest.position")
            // A tombstone without a version is refused only where its row belongs to another partition.
            if example.expectation == .refused(.versionMissing, field: nil), example.value == nil {
                try bench.write([record(of: complete, partition: 1)])
            }
            let before = bench.fates
            try bench.write([record(of: example, partition: 0)])
            let fates = bench.fates - before
            let letter = try bench.one(
                "SELECT concat_ws(' ', reason, coalesce(field, '-')) FROM ingest.dead_letter ORDER BY id DESC LIMIT 1")
            switch example.expectation {
            case .applied:
                #expect(fates == Fates(applied: 1), "\(example.file): \(letter ?? "no dead letter")")
            case .deleted:
                #expect(fates == Fates(deleted: 1), "\(example.file): \(letter ?? "no dead letter")")
            case .refused(let reason, let field):
                #expect(fates == Fates(deadLettered: 1), "\(example.file)")
                #expect(letter == "\(reason.rawValue) \(field ?? "-")", "\(example.file)")
            }
        }
    }

    private func record(of example: Example, partition: Int32) -> LogRecord {
        LogRecord(
            partition: partition, offset: 0, timestampMilliseconds: example.timestampMilliseconds,
            raw: RawRecord(
                key: example.key, value: example.value,
                headers: example.headers.map { (name: $0.name, value: Optional($0.value)) }))
    }
}
