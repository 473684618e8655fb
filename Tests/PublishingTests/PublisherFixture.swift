// A source, a topic and a feed of their own for each test, on a cluster and a broker shared by the run.
import Foundation
import Kafka
import Logging
import Model
import Postgres
import Synchronization
import Testing

@testable import Publishing

/// What the tests share: one private PostgreSQL cluster, one broker (`LIENTHONG_TEST_KAFKA`, else the embedded one).
enum Shared {
    static let cluster = Result {
        try PrivateCluster.temporary(settings: ["max_replication_slots": "64", "max_wal_senders": "64"])
    }
    static let broker = Result { () throws -> EmbeddedBroker? in
        if externalKafka != nil { return nil }
        let broker = try EmbeddedBroker()
        try broker.createTopic(ProgressTopic.name, partitions: 1)
        return broker
    }
    static let externalKafka = ProcessInfo.processInfo.environment["LIENTHONG_TEST_KAFKA"]
    private static let numbers = Atomic<Int>(0)

    /// Unique among tests and among runs on one broker.
    static func uniqueName() -> String {
        "t\(getpid())_\(UInt32.random(in: 0...UInt32.max))_\(numbers.wrappingAdd(1, ordering: .relaxed).newValue)"
    }
}

/// A record of the topic, as the tests look at it.
struct Published: Equatable {
    let key: String?
    /// Nil for a tombstone.
    let value: String?
    let version: String?
    let partition: Int32
    let headers: [String: String]
}

/// Confined to the test that made it.
final class PublisherFixture {
    static let partitions: Int32 = 4
    static let patience = Duration.seconds(60)

    let cluster: PrivateCluster
    let kafka: KafkaSettings
    let feed: FeedDefinition
    let url: String
    let database: PostgresConnection
    private let consumer: KafkaConsumer
    /// Everything read from the topic so far; each partition in its order.
    private(set) var records: [Published] = []
    var settings: PublisherSettings

    /// - Parameters:
    ///   - cluster: nil takes the shared one.
    ///   - broker: nil takes the shared one.
    init(
        cluster ownCluster: PrivateCluster? = nil, broker ownBroker: EmbeddedBroker? = nil,
        feed change: (String) -> String = { $0 }
    ) throws {
        let name = Shared.uniqueName()
        cluster = try ownCluster ?? Shared.cluster.get()
        try cluster.createDatabase(name)
        url = cluster.url(database: name)
        database = try PostgresConnection(url, applicationName: "publisher test")
        try database.execute(Self.schema)
        feed = try FeedReader.parse(change(Self.yaml(name)), file: "test.yaml")

        if let external = Shared.externalKafka, ownBroker == nil {
            kafka = KafkaSettings(bootstrapServers: external)
            let admin = try KafkaAdmin(settings: kafka, clientID: "publisher-test")
            try admin.createTopic(
                feed.topic, partitions: Self.partitions, replicationFactor: 1, timeoutMilliseconds: 10_000
            )
            admin.close()
        } else {
            let shared = try Shared.broker.get()
            let broker = try #require(ownBroker ?? shared)
            kafka = broker.settings
            try broker.createTopic(feed.topic, partitions: Self.partitions)
        }
        let topic = feed.topic
        consumer = try KafkaConsumer(settings: kafka, group: name, clientID: "publisher-test")
        try consumer.assign((0..<Self.partitions).map { (TopicPartition(topic, Partition($0)), NextOffset(0)) })
        settings = PublisherSettings(sourceURL: url, kafka: kafka, instance: UInt64.random(in: 0...UInt64.max))
    }

    deinit {
        consumer.close()
        database.close()
        try? Publisher.removeTraces(of: feed, sourceURL: url)
    }

    func publisher(_ change: (inout PublisherSettings) -> Void = { _ in }) -> Publisher {
        var settings = settings
        change(&settings)
        return Publisher(feed, settings: settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs a publisher to the end of the source's log.
    @discardableResult
    func publishOnce(_ change: (inout PublisherSettings) -> Void = { _ in }) throws -> PublishAccount {
        try publisher { settings in
            settings.once = true
            change(&settings)
        }.runBlocking()
    }

    // MARK: Waiting

    /// Reads the topic until the records are as wanted.
    @discardableResult
    func read(_ comment: Comment? = nil, until isDone: ([Published]) -> Bool) throws -> [Published] {
        let deadline = ContinuousClock.now + Self.patience
        while !isDone(records) {
            try #require(ContinuousClock.now < deadline, comment ?? "the topic never came to the wanted state")
            poll()
        }
        return records
    }

    /// Reads up to what the topic holds now.
    @discardableResult
    func readAll() throws -> [Published] {
        var wanted: [Int32: Int64] = [:]
        for number in 0..<Self.partitions {
            wanted[number] = try consumer.watermarks(
                TopicPartition(feed.topic, Partition(number)), timeoutMilliseconds: 10_000
            ).high
        }
        return try read { records in
            wanted.allSatisfy { number, high in records.count { $0.partition == number } >= Int(high) }
        }
    }

    private func poll() {
        guard let event = consumer.poll(timeoutMilliseconds: 20) else { return }
        switch consume event {
        case .message(let message):
            func text(_ bytes: UnsafeRawBufferPointer?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
            var headers: [String: String] = [:]
            for (name, value) in message.headers() { headers[name] = value.map { String(decoding: $0, as: UTF8.self) } }
            records.append(
                Published(
                    key: text(message.key), value: text(message.value), version: headers["ce_sourceversion"],
                    partition: message.topicPartition.partition.rawValue, headers: headers
                )
            )
        default: break
        }
    }

    /// Waits until another thread has brought something about.
    static func wait(_ comment: Comment, until isTrue: () throws -> Bool) throws {
        let deadline = ContinuousClock.now + patience
        while try !isTrue() {
            try #require(ContinuousClock.now < deadline, comment)
            usleep(2_000)
        }
    }

    /// What a worker would hold after all records: for each key the record of the greatest version, unless a tombstone
    /// of the same or a greater version came later, or one of a greater version at all.
    func living() -> [String: String] {
        var best: [String: (version: Int64, place: Int, value: String)] = [:]
        var deleted: [String: (version: Int64, place: Int)] = [:]
        for (place, record) in records.enumerated() {
            guard let key = record.key, let version = record.version.flatMap({ Int64($0) }) else { continue }
            if let value = record.value {
                if let old = best[key], old.version > version { continue }
                best[key] = (version, place, value)
            } else {
                if let old = deleted[key], old.version > version { continue }
                deleted[key] = (version, place)
            }
        }
        return best.filter { key, record in
            guard let gone = deleted[key] else { return true }
            return (record.version, record.place) > (gone.version, gone.place)
        }.mapValues(\.value)
    }

    /// What the source holds: the record of each row that has a key and is no secret.
    func expected() throws -> [String: String] {
        let rows = try database.query(
            "SELECT record_key, value FROM (\(feed.query)) q WHERE NOT state_secret AND record_key IS NOT NULL"
        )
        var result: [String: String] = [:]
        for row in 0..<rows.rowCount { result[rows[row, 0] ?? ""] = rows[row, 1] }
        return result
    }

    /// The slot's confirmed position.
    func confirmed() throws -> LSN {
        let text = try database.query(
            "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = $1", [feed.slot]
        )
        return try #require(text.rowCount == 1 ? text[0, 0].flatMap { LSN($0) } : nil)
    }

    // MARK: The source

    static let schema = """
        CREATE TABLE person (
            person_id bigint PRIMARY KEY, number text, name text, change_no bigint NOT NULL DEFAULT 1,
            secret boolean NOT NULL DEFAULT false, changed_at timestamptz NOT NULL DEFAULT '2025-07-01 08:30:00+07'
        );
        ALTER TABLE person REPLICA IDENTITY FULL;
        CREATE TABLE residence (residence_id bigint PRIMARY KEY, person_id bigint NOT NULL, place text);
        ALTER TABLE residence REPLICA IDENTITY FULL;
        CREATE TABLE unrelated (note text);
        CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN NEW.change_no := OLD.change_no + 1; RETURN NEW; END $$;
        CREATE TRIGGER count_change BEFORE UPDATE ON person FOR EACH ROW EXECUTE FUNCTION count_change();
        """

    static func yaml(_ name: String) -> String {
        """
        feed: \(name.replacing("_", with: "-"))
        topic: test.\(name).v1
        source: test
        ceSource: /test/source
        slot: \(name)
        publication: \(name)
        root:
          table: public.person
          identity: [{column: person_id, type: bigint}]
          recordKey: [number]
          version: change_no
          versionFormat: integer
        children:
          - {table: public.residence, identity: [person_id]}
        stateSecret: secret
        query: |
          SELECT p.person_id, p.number AS record_key, p.change_no::text AS version, p.secret AS state_secret,
              p.changed_at AS record_at,
              CASE WHEN p.name IS NOT NULL THEN json_build_object('number', p.number, 'name', p.name, 'places', (
                  SELECT json_agg(r.place ORDER BY r.residence_id) FROM public.residence r
                  WHERE r.person_id = p.person_id))::text END AS value
          FROM public.person p
        """
    }

    func insertPeople(_ range: ClosedRange<Int>) throws {
        try database.execute(
            "INSERT INTO person (person_id, number, name) SELECT i, 'N' || i, 'name ' || i "
                + "FROM generate_series(\(range.lowerBound), \(range.upperBound)) i"
        )
    }
}

/// Runs a publisher beside the test. `end` must be called, so that no thread outlives its test.
final class RunningPublisher {
    let publisher: Publisher
    private let task: Task<PublishAccount, any Error>

    init(_ publisher: Publisher) {
        self.publisher = publisher
        task = Task { try await publisher.run() }
    }

    func wait(for phase: PublishAccount.Phase) throws {
        try PublisherFixture.wait("the publisher never came to phase \(phase.rawValue)") {
            publisher.account.phase == phase
        }
    }

    @discardableResult
    func end() async throws -> PublishAccount {
        publisher.stop()
        return try await task.value
    }

    /// As if the process were killed.
    @discardableResult
    func kill() async throws -> PublishAccount {
        publisher.abandon()
        return try await task.value
    }

    /// The error by which it ended by itself.
    func failure() async -> UserError? {
        do {
            _ = try await task.value
            return nil
        } catch {
            return error as? UserError
        }
    }
}
