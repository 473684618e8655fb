// The walk through `Topics/README.md`, with the files of `NewFeed`: a feed is added without any Swift.
import Foundation
import Kafka
import Model
import Postgres
import Publishing
import TestSupport
import Testing

@Suite(
    "a new feed without Swift", .serialized,
    .enabled(if: TestKafka.isEmbedded, "the made-up topic's name is always the same"))
struct NewFeedTests {
    private static let topic = "reference.clinic.v1"

    @Test("files alone add a topic with a composed key, lists in objects and in lists, and four tables")
    func filesAlone() async throws {
        let world = try NewFeedWorld()
        _ = try await world.run("topics", "lint")
        _ = try await world.run("database", "migrate")
        let source = try PostgresConnection(world.sourceURL, applicationName: "tests")
        defer { source.close() }
        _ = try source.execute(try world.text("sources/clinics.sql"))
        let national = try PostgresConnection(world.nationalURL, applicationName: "tests")
        defer { national.close() }

        // Not of the example: it holds workers to deleting from the inner list outwards, and inserting inwards.
        _ = try national.execute(
            """
            ALTER TABLE registry.clinic_bed ADD FOREIGN KEY (clinic_code, site, parent_position)
              REFERENCES registry.clinic_department (clinic_code, site, position)
            """)

        try await world.publishAndWork()
        #expect(
            try Self.rows(national) == [
                "bed|01999|1|1|1|N1|ward", "bed|01999|1|1|2|N2|intensive", "bed|01999|1|2|1|G1|ward",
                "clinic|01999|1|Phòng khám Mẫu|2020-02-29|01", "clinic|01999|2|Phòng khám Mẫu II|-|79",
                "department|01999|1|1|NOI|Khoa Nội", "department|01999|1|2|NGOAI|Khoa Ngoại",
                "phone|01999|1|1|0240000001", "phone|01999|1|2|0240000002",
            ])

        // A bed within a list within a list, a whole department, and a site: each goes with what hangs on it.
        _ = try source.execute(
            "UPDATE bed SET kind = 'ward' WHERE bed_id = 2; DELETE FROM department WHERE code = 'NGOAI'")
        _ = try source.execute("DELETE FROM phone WHERE phone_id = 1; DELETE FROM clinic WHERE site = 2")
        try await world.publishAndWork()
        #expect(
            try Self.rows(national) == [
                "bed|01999|1|1|1|N1|ward", "bed|01999|1|1|2|N2|ward",
                "clinic|01999|1|Phòng khám Mẫu|2020-02-29|01", "department|01999|1|1|NOI|Khoa Nội",
                "phone|01999|1|1|0240000002",
            ])

        // What breaks the contract goes to the dead letters, by its own reason and the path within both lists.
        _ = try source.execute("INSERT INTO bed VALUES (9, 1, 1, 'N9', 'sofa')")
        try await world.publishAndWork()
        #expect(
            try national.one("SELECT topic || ' ' || reason || ' ' || field FROM ingest.dead_letter")
                == "\(Self.topic) not-in-list departments[].beds[].kind")
        #expect(try Self.rows(national).count == 5)
    }

    private static func rows(_ connection: PostgresConnection) throws -> [String] {
        let result = try connection.query(
            """
            SELECT row FROM (
              SELECT concat_ws('|', 'clinic', clinic_code, site, name, coalesce(opened_on::text, '-'), province_code)
                FROM registry.clinic
              UNION ALL SELECT concat_ws('|', 'phone', clinic_code, site, position, phone) FROM registry.clinic_phone
              UNION ALL SELECT concat_ws('|', 'department', clinic_code, site, position, department_code, name)
                FROM registry.clinic_department
              UNION ALL SELECT concat_ws('|', 'bed', clinic_code, site, parent_position, position, bed_number, kind)
                FROM registry.clinic_bed
            ) all_rows(row) ORDER BY row COLLATE "C"
            """)
        return (0..<result.rowCount).map { result[$0, 0] ?? "" }
    }
}

/// A folder with the product's own code lists and migrations, and the new feed's files beside them; a broker, a source
/// and a national database.
private final class NewFeedWorld {
    private let kafka: TestKafka
    private let cluster: PrivateCluster
    private let folder: URL
    let sourceURL: String
    let nationalURL: String

    private static let files = PackageFolder.path + "/Tests/EndToEndTests/NewFeed"

    init() throws {
        kafka = try TestKafka()
        cluster = try PrivateCluster.temporary()
        for name in ["clinics", "national"] { try cluster.createDatabase(name) }
        sourceURL = cluster.url(database: "clinics")
        nationalURL = cluster.url(database: "national")
        folder = FileManager.default.temporaryDirectory.appending(path: "lienthong-new-feed-\(UUID().uuidString)")
        try copyFiles()
        guard let topic = TopicName("reference.clinic.v1") else { throw TestFault("the topic's name is well formed") }
        try kafka.createTopic(topic, partitions: 3)
        try kafka.createTopic(ProgressTopic.name, partitions: 1)
        try writeSettings()
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func copyFiles() throws {
        let manager = FileManager.default
        try manager.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in ["Topics", "feeds"] {
            try manager.copyItem(atPath: "\(Self.files)/\(name)", toPath: folder.appending(path: name).path)
        }
        try manager.copyItem(
            atPath: PackageFolder.path + "/Topics/code-lists", toPath: folder.appending(path: "Topics/code-lists").path)
        // A migration takes the next number.
        let migrations = folder.appending(path: "database").path
        try manager.copyItem(atPath: PackageFolder.path + "/deploy/database", toPath: migrations)
        let number = String(10_001 + (try manager.contentsOfDirectory(atPath: migrations)).count).dropFirst()
        try manager.copyItem(
            atPath: "\(Self.files)/database/NNNN_clinic.sql", toPath: "\(migrations)/\(number)_clinic.sql")
    }

    private func writeSettings() throws {
        let key = folder.appending(path: "dead-letter.key")
        try (String(repeating: "5a", count: 32) + "\n").write(to: key, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key.path)
        let properties = kafka.settings.properties.sorted { $0.key < $1.key }.map { "  \($0.key): \"\($0.value)\"\n" }
        try """
        database: \(nationalURL)
        deadLetterKeyFile: \(key.path)
        topics: \(folder.path)/Topics
        feeds: \(folder.path)/feeds
        migrations: \(folder.path)/database
        sources:
          clinics: \(sourceURL)
        kafka:
          bootstrap.servers: "\(kafka.settings.bootstrapServers)"
        \(properties.joined())
        """.write(to: folder.appending(path: "lienthong.yaml"), atomically: true, encoding: .utf8)
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: "\(Self.files)/\(name)", encoding: .utf8) }

    /// Runs a command to its end, which must be a good one.
    func run(_ arguments: String...) async throws -> String {
        let process = try ProcessUnderTest(
            "lienthong", arguments + ["--config", folder.appending(path: "lienthong.yaml").path], environment: [:])
        let status = try await process.wait()
        try #require(status == 0, "\(arguments.joined(separator: " ")): status \(status)\n\(process.printed)")
        return process.printed
    }

    func publishAndWork() async throws {
        _ = try await run("publish", "--feed", "reference-clinic", "--once")
        _ = try await run("work", "--until-caught-up")
    }
}
