// The machine under measurement: a private PostgreSQL with the product's tables, and embedded brokers with its topic.
import Contracts
import Foundation
import Kafka
import Model
import Postgres

/// A private cluster that is as durable as a production one: fsync and synchronous_commit on.
final class World {
    static let partitions: Int32 = 64
    /// Records in a batch of the floors.
    static let floorBatch = 20_000

    let cluster: PrivateCluster
    let root: String
    let definition: TopicDefinition
    let codeLists: CodeLists
    private var folder: URL

    /// - Parameter root: the repository.
    init(root: String) throws {
        self.root = root
        let catalogue = try Catalogue.load(folder: root + "/Topics")
        guard let name = TopicName("population.citizen.v1"), let definition = catalogue[name] else {
            throw Failure("Topics/ has no population.citizen.v1")
        }
        self.definition = definition
        codeLists = catalogue.codeLists
        cluster = try PrivateCluster.temporary(settings: Self.settings)
        folder = FileManager.default.temporaryDirectory.appending(path: "lienthong-benchmark-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try (String(repeating: "5a", count: 32) + "\n").write(
            to: folder.appending(path: "key"), atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600], ofItemAtPath: folder.appending(path: "key").path)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    static let settings = [
        "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "shared_buffers": "2GB",
        "max_wal_size": "8GB", "checkpoint_timeout": "15min", "wal_level": "logical", "autovacuum_naptime": "10s",
    ]

    var keyFile: String { folder.appending(path: "key").path }
    func file(_ name: String) -> String { folder.appending(path: name).path }

    /// A fresh database with the product's tables, and its URL.
    func freshDatabase(_ name: String) throws -> String {
        let admin = try PostgresConnection(cluster.url(), applicationName: "benchmark")
        defer { admin.close() }
        try admin.execute("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
        try cluster.createDatabase(name)
        let connection = try PostgresConnection(cluster.url(database: name), applicationName: "benchmark")
        defer { connection.close() }
        _ = try Migrations.load(folder: root + "/deploy/database").apply(on: connection)
        return cluster.url(database: name)
    }

    /// Puts other citizens into the table: of other provinces than those of the records, on both sides of them in the
    /// order of keys.
    func fill(_ url: String, _ numbers: ClosedRange<Int>) throws {
        let connection = try PostgresConnection(url, applicationName: "benchmark")
        defer { connection.close() }
        try connection.execute(
            """
            INSERT INTO registry.citizen_record (personal_id, full_name, birth_date_text, sex, identity_status,
              permanent_address_text, current_address_text, birth_place, phone, record_version, record_partition,
              record_incarnation, record_offset, origin_offset, mapping_revision, content_hash, version_conflict,
              applied_at, deleted)
            SELECT CASE WHEN n % 2 = 0 THEN '000' ELSE '09' || n % 7 END || lpad(n::text, 9, '0'), 'Nguyễn Văn Đầy', '1990-01-01',
              'male', 'active', 'Số 1, ngõ 1, phường Ba Đình, thành phố Hà Nội', 'Tổ 1, phường Hải Vân, thành phố Đà Nẵng',
              'Thành phố Huế', '0900000000', 1, n % 64, 0, n, n, 1, n, false, now(), false
            FROM generate_series(\(numbers.lowerBound), \(numbers.upperBound)) AS n
            """)
        try connection.execute("VACUUM ANALYZE registry.citizen_record")
    }

    /// Brings server and files to rest, so that no run pays for the one before.
    func settle(_ url: String) throws {
        let connection = try PostgresConnection(url, applicationName: "benchmark")
        defer { connection.close() }
        try connection.execute("CHECKPOINT")
    }

    /// The topic's log starts anew: positions stand at its beginning, in another incarnation.
    func forgetPositions(_ url: String) throws {
        let connection = try PostgresConnection(url, applicationName: "benchmark")
        defer { connection.close() }
        try connection.execute(
            """
            UPDATE ingest.position SET next_offset = 0, incarnation = incarnation + 1, last_record_offset = NULL,
              last_record_hash = NULL, applied = 0, superseded = 0, deleted = 0, dead_lettered = 0
            """)
    }

    var serverPID: Int32 {
        let text = (try? String(contentsOfFile: cluster.folder + "/data/postmaster.pid", encoding: .utf8)) ?? ""
        return Int32(text.split(separator: "\n").first ?? "") ?? 0
    }

    func measured(_ url: String, records: Int, _ body: () throws -> (seconds: Double, client: Double, memory: Int?))
        throws -> Cost
    {
        try settle(url)
        let connection = try PostgresConnection(url, applicationName: "benchmark")
        defer { connection.close() }
        func wal() throws -> Double {
            Double(try connection.query("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")[0, 0] ?? "") ?? 0
        }
        let walBefore = try wal()
        let serverBefore = Measure.processorSeconds(ofServer: serverPID)
        let (seconds, client, memory) = try body()
        return Cost(
            records: records, seconds: seconds, clientSeconds: client,
            databaseSeconds: Measure.processorSeconds(ofServer: serverPID) - serverBefore,
            walBytes: try wal() - walBefore, peakMemoryBytes: memory)
    }
}

/// An embedded broker with the topic and its records.
struct Log {
    let broker: EmbeddedBroker
    let records: Int

    init(_ world: World, _ range: Range<Int>, _ edition: Edition) throws {
        broker = try EmbeddedBroker()
        try broker.createTopic(world.definition.name, partitions: World.partitions)
        records = range.count
        let producer = try KafkaProducer(settings: broker.settings, clientID: "benchmark")
        defer { producer.close() }
        var sent = 0
        for index in range {
            let (key, value) = Citizens.record(index, edition)
            try producer.send(
                topic: world.definition.name, key: key, value: value,
                tag: UInt64(index - range.lowerBound))
            sent += 1
            if sent % 10_000 == 0 { _ = producer.drainDeliveries() }
        }
        try producer.flush(timeoutMilliseconds: 120_000)
        let state = producer.drainDeliveries()
        if let failure = state.firstFailure { throw failure }
    }
}
