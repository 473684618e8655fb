// A made-up topic, added by files alone: key `id`, integer version, a name, a size, a list of tags.
package import Contracts
import Foundation
package import Model
package import Postgres

package struct ThingTopic: Sendable {
    package let name: TopicName
    /// A folder as `LIENTHONG_TOPICS` names one, with this topic alone.
    package let topicsFolder: String
    package let definition: TopicDefinition
    package let codeLists: CodeLists

    /// - Parameter partitions: what the contract asks of Kafka.
    package init(revision: Int32 = 1, partitions: Int32 = 4) throws {
        // A name of its own, since tests may share a cluster.
        let text = "test.thing-\(UInt32.random(in: 0...UInt32.max)).v1"
        guard let name = TopicName(text) else { throw TestFault("\(text) is no topic's name") }
        let root = FileManager.default.temporaryDirectory.appending(path: "lienthong-topics-\(UUID().uuidString)")
        let folder = root.appending(path: text)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            at: root.appending(path: "code-lists"),
            withDestinationURL: URL(fileURLWithPath: PackageFolder.path + "/Topics/code-lists"))
        try Self.contract(text, partitions).write(
            to: folder.appending(path: "contract.odcs.yaml"), atomically: true, encoding: .utf8)
        try Self.mapping(revision).write(to: folder.appending(path: "mapping.yaml"), atomically: true, encoding: .utf8)
        let catalogue = try Catalogue.load(folder: root.path)
        guard let definition = catalogue[name] else { throw TestFault("the made-up topic was not read") }
        self.name = name
        self.definition = definition
        topicsFolder = root.path
        codeLists = catalogue.codeLists
    }

    /// The same topic under another revision of its mapping.
    package func withRevision(_ revision: Int32) -> TopicDefinition {
        var mapping = definition.mapping
        mapping.revision = revision
        return TopicDefinition(name: name, folder: definition.folder, contract: definition.contract, mapping: mapping)
    }

    /// `size` is at most 100, which the contract does not know: the database refuses.
    ///
    /// - Parameter size: the type of `size`: with `bigint`, which is what the worker sends, new rows may be copied
    ///   straight into the table; with `smallint` they may not, and larger numbers are refused for the type.
    package static func tables(size: String) -> String {
        """
        CREATE TABLE registry.thing_record (id text COLLATE "C" PRIMARY KEY, name text, size \(size) CHECK (size <= 100),
          LIKE ingest.marker INCLUDING ALL, CHECK (deleted OR name IS NOT NULL));
        CREATE VIEW registry.thing AS SELECT id, name, size FROM registry.thing_record WHERE NOT deleted;
        CREATE TABLE registry.thing_tag (id text COLLATE "C", position integer, tag text NOT NULL, PRIMARY KEY (id, position));
        """
    }

    package static func value(
        _ id: String, _ version: Int64, _ name: String, size: Int? = nil, tags: [String] = []
    ) -> [UInt8] {
        let sizeText = size.map { ", \"size\": \($0)" } ?? ""
        let tagText = tags.map { "\"\($0)\"" }.joined(separator: ", ")
        return Array(
            "{\"id\": \"\(id)\", \"name\": \"\(name)\", \"version\": \(version), \"tags\": [\(tagText)]\(sizeText)}"
                .utf8)
    }

    private static func contract(_ name: String, _ partitions: Int32) -> String {
        """
        apiVersion: v3.1.0
        kind: DataContract
        id: \(name)
        name: \(name)
        version: 1.0.0
        status: draft
        description: {purpose: Things of the tests., usage: None., limitations: None.}
        team: {name: Tests, description: Holder of the things.}
        support: [{channel: tests, url: "mailto:tests@lienthong.example"}]
        roles: [{role: publisher, access: write}, {role: worker, access: read}]
        slaProperties: [{property: freshness, value: 1, unit: days}, {property: volume, value: 0, unit: records/day}]
        servers: [{server: kafka, type: kafka, host: "127.0.0.1:9092", format: json}]
        customProperties:
          - {property: descriptionVi, value: Dữ liệu thử.}
          - {property: usageVi, value: Không.}
          - {property: limitationsVi, value: Không.}
          - {property: dataGroups, value: [24]}
          - {property: articles, value: ["14.1a"]}
          - {property: maxRefusedShare, value: 0.5}
          - {property: maxDeletedShare, value: 0.9}
          - {property: breakerWindowRecords, value: 400}
          - {property: breakerMinimumRecords, value: 200}
          - {property: kafkaPartitions, value: \(partitions)}
          - {property: kafkaReplicationFactor, value: 1}
          - {property: kafkaRetentionMilliseconds, value: -1}
          - {property: kafkaCleanupPolicy, value: delete}
        schema:
          - name: \(name)
            physicalName: \(name)
            physicalType: topic
            logicalType: object
            description: One record a thing.
            properties:
              - {name: id, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1, description: Key.,
                 customProperties: [{property: descriptionVi, value: Khóa.}]}
              - {name: name, logicalType: string, required: true, description: Name., logicalTypeOptions: {maxLength: 20000},
                 customProperties: [{property: descriptionVi, value: Tên.}]}
              - {name: size, logicalType: integer, description: Size., logicalTypeOptions: {minimum: 0},
                 customProperties: [{property: descriptionVi, value: Cỡ.}]}
              - name: tags
                logicalType: array
                description: Tags.
                logicalTypeOptions: {maxItems: 100}
                customProperties: [{property: descriptionVi, value: Nhãn.}]
                items: {logicalType: string, description: A tag., customProperties: [{property: descriptionVi, value: Nhãn.}]}
              - {name: version, logicalType: integer, required: true, description: Version., logicalTypeOptions: {minimum: 1},
                 customProperties: [{property: descriptionVi, value: Phiên bản.}, {property: version, value: true}]}
        """
    }

    private static func mapping(_ revision: Int32) -> String {
        """
        revision: \(revision)
        table: registry.thing_record
        view: registry.thing
        key:
          - {column: id, field: id}
        columns:
          - {column: name, field: name}
          - {column: size, field: size}
        children:
          - table: registry.thing_tag
            list: tags
            columns:
              - {column: tag, field: .}
        """
    }
}

package struct TestFault: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

package enum PackageFolder {
    /// The repository's folder: Tests/TestSupport/ThingTopic.swift is three steps below it.
    package static let path: String = {
        var url = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<3 { url.deleteLastPathComponent() }
        return url.path
    }()
}

/// A national database with the tables of `ThingTopic`, in one PostgreSQL for all tests of the process.
package struct TestNationalDatabase: Sendable {
    private static let cluster = Result { try PrivateCluster.temporary() }

    package let url: String

    package init(size: String = "smallint") throws {
        let cluster = try Self.cluster.get()
        let name = "t\(UInt64.random(in: 0...UInt64.max))"
        try cluster.createDatabase(name)
        url = cluster.url(database: name)
        let connection = try connect()
        defer { connection.close() }
        _ = try Migrations.load(folder: PackageFolder.path + "/deploy/database").apply(on: connection)
        _ = try connection.execute(ThingTopic.tables(size: size))
    }

    package func connect() throws -> PostgresConnection {
        try PostgresConnection(url, applicationName: "tests")
    }
}

/// A role of its own by which a worker logs in to a database, so that a test can refuse it and nobody else.
package struct WorkerLogin: Sendable {
    package let url: String
    private let role = "worker_\(UInt64.random(in: 0...UInt64.max))"
    private let database: TestNationalDatabase

    /// How a server refuses somebody it knows.
    package enum Refusal: Sendable, CaseIterable {
        case noLogin
        case noDatabase

        package var sqlState: String {
            switch self {
            case .noLogin: "28000"
            case .noDatabase: "42501"
            }
        }
    }

    package init(_ database: TestNationalDatabase) throws {
        self.database = database
        url = database.url.replacing("//postgres@", with: "//\(role)@")
        try execute("CREATE ROLE \(role) LOGIN; GRANT pg_read_all_data, pg_write_all_data TO \(role)")
    }

    /// From now on; sessions that are there go on until they are ended.
    package func refuse(_ refusal: Refusal) throws {
        switch refusal {
        case .noLogin: try execute("ALTER ROLE \(role) NOLOGIN")
        case .noDatabase:
            try execute(
                "DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()); END $$")
        }
    }

    package func endSessions() throws {
        try execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '\(role)'")
    }

    private func execute(_ sql: String) throws {
        let connection = try database.connect()
        defer { connection.close() }
        _ = try connection.execute(sql)
    }
}

extension PostgresConnection {
    /// The first column of the first row.
    package func one(_ sql: String) throws -> String? {
        let result = try query(sql)
        return result.rowCount == 0 ? nil : result[0, 0]
    }
}

/// Every row, as text, without the columns that tell when and from which repetition it came.
package func thingRows(_ connection: PostgresConnection, ranks: Bool = true) throws -> [String] {
    let marks =
        ranks
        ? "record_version, record_partition, record_offset, 'd', delete_version, delete_partition, delete_offset, 'p', plain_delete_partition, plain_delete_offset,"
        : "record_version,"
    let result = try connection.query(
        """
        SELECT concat_ws('|', id, coalesce(name, '-'), coalesce(size::text, '-'), \(marks) deleted,
          (SELECT string_agg(position || tag, ',' ORDER BY position) FROM registry.thing_tag c WHERE c.id = t.id))
        FROM registry.thing_record t ORDER BY id
        """)
    return (0..<result.rowCount).map { result[$0, 0] ?? "" }
}

/// Waits for a state, not for a time: looks until it is there, and fails after a patience that no healthy run needs.
/// It gives its thread away between looks, since those who are waited for may need one.
package func waitUntil(
    _ what: String, patience: Duration = .seconds(90), _ condition: () throws -> Bool
) async throws {
    let start = ContinuousClock.now
    while try !condition() {
        guard ContinuousClock.now - start < patience else {
            throw TestFault("waited \(patience) in vain until \(what)")
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}
