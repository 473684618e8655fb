// A source database of its own for each test, with the schema of `deploy/sources`.
import Foundation
import Postgres

@testable import Publishing

let repositoryRoot = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

extension SampleGenerator {
    static let testDay = SampleDate(year: 2026, month: 7, day: 15)
    static let testPlaces = Result { try SamplePlaces.load(folder: "\(repositoryRoot)/Topics/code-lists") }

    static func forTest(seed: UInt64 = 7, records: Int = 3_000) throws -> SampleGenerator {
        try SampleGenerator(seed: seed, records: records, today: testDay, places: try testPlaces.get())
    }
}

extension SampleWorld {
    static func forTest(seed: UInt64 = 7, records: Int) throws -> SampleWorld {
        SampleWorld(
            seed: seed, records: records, today: SampleGenerator.testDay, places: try SampleGenerator.testPlaces.get())
    }
}

/// A fresh source database with its tables and no rows. Confined to one test.
struct SampleDatabase {
    let source: SampleSource
    let connection: PostgresConnection

    init(_ source: SampleSource) throws {
        self.source = source
        let cluster = try Shared.cluster.get()
        let name = "\(source.rawValue)_\(Shared.uniqueName())"
        try cluster.createDatabase(name)
        connection = try PostgresConnection(cluster.url(database: name), applicationName: "sample test")
        try connection.execute(try String(contentsOfFile: "\(repositoryRoot)/\(source.schemaFile)", encoding: .utf8))
    }

    var feeds: [FeedDefinition] {
        get throws {
            try source.feeds.map { try FeedReader.load(file: "\(repositoryRoot)/deploy/feeds/\($0).yaml") }
        }
    }

    func value(_ sql: String) throws -> String? { try connection.query(sql)[0, 0] }
}
