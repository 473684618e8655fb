// The sampler against a real database and a broker: positions, ends, ages and pauses as they are.
import Foundation
import Kafka
import Model
import Postgres
import Testing

@testable import Lag

private enum TestWorld {
    static let cluster = Result { try PrivateCluster.temporary() }

    static func connect() throws -> PostgresConnection {
        let name = "lag_\(UUID().uuidString.prefix(8).lowercased())"
        let cluster = try cluster.get()
        try cluster.createDatabase(name)
        let connection = try PostgresConnection(cluster.url(database: name), applicationName: "test")
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        try Migrations.load(folder: root.appendingPathComponent("deploy/database").path).apply(on: connection)
        return connection
    }
}

struct LagSamplerTests {
    @Test("a sample tells position, ends, the first waiting record's own age, pause and gap")
    func samples() throws {
        let connection = try TestWorld.connect()
        defer { connection.close() }
        let broker = try EmbeddedBroker()
        defer { broker.stop() }
        let topic = try #require(TopicName("test.record.v1"))
        try broker.createTopic(topic, partitions: 3)
        let producer = try KafkaProducer(settings: broker.settings, clientID: "test")
        defer { producer.close() }
        let now: Int64 = 1_800_000_000_000
        for number in 0..<4 {
            try producer.send(
                topic: topic, partition: Partition(1), key: [1], value: [2], headers: [],
                timestampMilliseconds: now - 40_000 + Int64(number) * 10_000, tag: 0)
        }
        try producer.flush(timeoutMilliseconds: 30_000)
        try connection.execute(
            """
            INSERT INTO ingest.position (topic, partition, next_offset, claimed_at, moved_at, gap_kind, gap_because) VALUES
              ('\(topic)', 1, 2, now(), to_timestamp(1700000000), NULL, NULL),
              ('\(topic)', 2, 5, NULL, NULL, 'other-log', 'the log ends before the position')
            """)
        let admin = try KafkaAdmin(settings: broker.settings, clientID: "test")
        defer { admin.close() }
        let sampler = LagSampler(connection: connection, admin: admin)

        let samples = try sampler.sample([topic], nowMilliseconds: now)
        #expect(samples.map(\.partition.partition.rawValue) == [0, 1, 2])
        #expect(samples.map(\.nextOffset) == [nil, NextOffset(2), NextOffset(5)])
        #expect(samples.map(\.endOffset) == [0, 4, 0])
        #expect(samples.map(\.behind) == [0, 2, 0])
        #expect(samples.map(\.oldestAgeSeconds) == [nil, 20, nil])
        #expect(samples[1].movedMilliseconds == 1_700_000_000_000)
        #expect(samples.map { LagRules().verdict($0) } == [.ok, .stopped, .gap])

        // A worker's session is known by its name, and a pause by the operator's word.
        try connection.execute("SET application_name = 'lienthong work'")
        #expect(try sampler.sample([topic], nowMilliseconds: now).map(\.workerIsPresent) == [true, true, true])
        try connection.execute(
            "INSERT INTO ingest.topic_state (topic, paused, paused_because) VALUES ('\(topic)', true, 'a test')")
        let paused = try sampler.sample([topic], nowMilliseconds: now)
        #expect(paused.map { LagRules().verdict($0) } == [.paused, .paused, .gap])
        let byOperator = TopicPause(topic: topic, by: nil, because: "a test", trialMilliseconds: nil)
        #expect(try sampler.pauses(of: [topic]) == [byOperator])
        try connection.execute(
            "UPDATE ingest.topic_state SET paused_by = 'breaker', trial_at = to_timestamp(1700000000.5)")
        let byBreaker = TopicPause(
            topic: topic, by: "breaker", because: "a test", trialMilliseconds: 1_700_000_000_500)
        #expect(try sampler.pauses(of: [topic]) == [byBreaker])
        try connection.execute("UPDATE ingest.topic_state SET paused = false, trial_at = NULL")
        #expect(try sampler.pauses(of: [topic]).isEmpty)
    }

    @Test("a topic that the cluster does not have is a wrong setting, named")
    func missingTopic() throws {
        let connection = try TestWorld.connect()
        defer { connection.close() }
        let broker = try EmbeddedBroker()
        defer { broker.stop() }
        let admin = try KafkaAdmin(settings: broker.settings, clientID: "test")
        defer { admin.close() }
        let topic = try #require(TopicName("test.missing.v1"))
        let error = try #require(throws: UserError.self) {
            try LagSampler(connection: connection, admin: admin).sample([topic], nowMilliseconds: 0)
        }
        #expect(error.status == .configuration)
        #expect(error.subject == topic.rawValue)
    }
}
