// `work rewind` as a person or a program calls it.
import Foundation
import Kafka
import Model
import Postgres
import TestSupport
import Testing

/// A topic of two partitions that a worker has read, and the program beside it.
private struct ReadWorld {
    let world: ProcessWorld
    let database: TestNationalDatabase
    let connection: PostgresConnection

    init() async throws {
        world = try ProcessWorld(partitions: 2)
        database = try TestNationalDatabase()
        connection = try database.connect()
        try world.kafka.publish(
            (0..<30).map {
                OutgoingTestRecord(
                    partition: $0 < 20 ? 0 : 1, key: "k\($0)", value: ThingTopic.value("k\($0)", 1, "n"))
            }, to: world.thing.name)
        let worker = try world.work(database, group: "readers", ["--until-caught-up"])
        guard try await worker.wait() == 0 else { throw TestFault(worker.printed) }
    }

    struct Call {
        let status: Int32
        let text: String
        let objects: [[String: Any]]
    }

    /// - Parameter because: nil for a call that names its own arguments alone.
    func rewind(_ arguments: [String], because: String? = "a test") async throws -> Call {
        let common = because.map { ["--topic", world.thing.name.rawValue, "--because", $0] } ?? []
        let process = try world.run(database, ["work", "rewind"] + common + arguments)
        let status = try await process.wait()
        let text = process.printed
        let objects = text.split(separator: "\n").filter { $0.hasPrefix("{") }.compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
        return Call(status: status, text: text, objects: objects)
    }

    func positions() throws -> String? {
        try connection.one("SELECT string_agg(next_offset::text, ' ' ORDER BY partition) FROM ingest.position")
    }

    func committed(_ group: String) throws -> [Int64?] {
        let reader = try KafkaConsumer(settings: world.kafka.settings, group: group, clientID: "tests")
        defer { reader.close() }
        let places = [0, 1].map { TopicPartition(world.thing.name, Partition($0)) }
        let committed = try reader.committed(places, timeoutMilliseconds: 10_000)
        return places.map { committed[$0]?.rawValue }
    }
}

@Suite("the command that moves the live position", .serialized)
struct RewindCommandTests {
    @Test("it shows first and changes nothing; --yes moves positions and Kafka's offsets together, and records it")
    func moves() async throws {
        let world = try await ReadWorld()
        for shown in [[], ["--dry-run"]] {
            let call = try await world.rewind(["--to", "-15", "--format", "json"] + shown)
            #expect(call.status == 0, "\(call.text)")
            #expect(call.objects.map { $0["from"] as? Int } == [20, 10, nil])
            #expect(call.objects.map { $0["to"] as? Int } == [5, 0, nil])
            #expect(call.objects.map { $0["readAgain"] as? Int } == [15, 10, 25])
            #expect(call.objects.last?["dryRun"] as? Bool == true)
            #expect(call.objects.last?["kafkaCommitted"] is NSNull)
            #expect(try world.positions() == "20 10")
        }
        // A group that has no members: nobody but the command can tell Kafka.
        let call = try await world.rewind(["--to=-15", "--yes", "--group", "lag-only", "--format", "json"])
        #expect(call.status == 0, "\(call.text)")
        #expect(call.objects.last?["moved"] as? Int == 2)
        #expect(call.objects.last?["kafkaCommitted"] as? Bool == true)
        #expect(try world.positions() == "5 0")
        #expect(try world.committed("lag-only") == [5, 0])
        #expect(
            try world.connection.one(
                "SELECT string_agg(concat_ws(' ', action, topic, partition, because), '|' ORDER BY id) FROM ingest.operation"
            )
                == [0, 1].map { "rewind \(world.world.thing.name) \($0) a test" }.joined(separator: "|"))
        let again = try await world.rewind(["--to", "beginning", "--partition", "1", "--yes"])
        #expect(again.status == 0)
        #expect(again.text.contains("Nothing to do"))
    }

    @Test("beside a running worker: that reads again and tells Kafka itself")
    func besideWorker() async throws {
        let world = try await ReadWorld()
        let worker = try world.world.work(world.database, group: "readers")
        let consumed = "SELECT sum(applied + superseded + deleted + dead_lettered) FROM ingest.position"
        try await waitUntil("the worker has claimed") {
            try world.connection.one("SELECT bool_and(epoch > 1) FROM ingest.position") == "t" || !worker.isRunning
        }
        let call = try await world.rewind(["--to", "2020-01-01T00:00:00+07:00", "--yes", "--group", "readers"])
        #expect(call.status == 0, "\(call.text)")
        #expect(call.text.contains("follow when its workers take up the new positions"))
        try await waitUntil("all is read again") { try world.connection.one(consumed) == "60" || !worker.isRunning }
        try await waitUntil("Kafka knows") { try world.committed("readers") == [20, 10] || !worker.isRunning }
        worker.send(SIGTERM)
        #expect(try await worker.wait() == 0, "\(worker.printed)")
        #expect(try world.connection.one(consumed) == "60")
    }

    @Test("what would be skipped is told, and wants its exact number")
    func skips() async throws {
        let world = try await ReadWorld()
        #expect(try await world.rewind(["--to", "beginning", "--yes"]).status == 0)
        let shown = try await world.rewind(["--to", "end"])
        #expect(shown.status == 0)
        #expect(shown.text.contains("--yes and --skip-records 30"))
        for wrong in [[], ["--skip-records", "29"]] {
            let call = try await world.rewind(["--to", "end", "--yes"] + wrong)
            #expect(call.status == 1, "\(call.text)")
            #expect(call.text.contains("give --skip-records 30"))
        }
        #expect(try world.positions() == "0 0")
        #expect(try await world.rewind(["--to", "end", "--yes", "--skip-records", "30"]).status == 0)
        #expect(try world.positions() == "20 10")
    }

    @Test("bad input is a sentence with a status, and nothing moves")
    func badInput() async throws {
        let world = try await ReadWorld()
        let topic = world.world.thing.name.rawValue
        let cases: [(arguments: [String], because: String?, status: Int32, words: String)] = [
            (["--to", "soon"], "a test", 64, "soon"),
            (["--to", "-0"], "a test", 64, "-0"),
            (["--to", "--yes"], "a test", 64, "--yes"),
            (["--to", "2026-11-22T08:30:00"], "a test", 64, "2026-11-22T08:30:00"),
            (["--to", "99999999999999999999"], "a test", 64, "99999999999999999999"),
            (["--to", "21", "--partition", "0"], "a test", 64, "from 0 to 20"),
            (["--to", "beginning", "--partition", "2"], "a test", 64, "partitions are 0 to 1"),
            (["--to", "beginning", "--partition", "-1"], "a test", 64, "--partition"),
            (["--to", "end", "--skip-records", "-1"], "a test", 64, "--skip-records"),
            (["--to", "beginning", "--yes", "--dry-run"], "a test", 64, "contradict"),
            (["--yes"], "a test", 64, "--to"),
            (["--to", "beginning", "--yes"], " ", 64, "--because"),
            (["--to", "beginning", "--yes", "--topic", topic], nil, 64, "--because"),
            (
                ["--to", "beginning", "--topic", "no.such.v1", "--because", "a test"], nil, 64,
                "no contract of that name"
            ),
        ]
        for wrong in cases {
            let call = try await world.rewind(wrong.arguments, because: wrong.because)
            #expect(call.status == wrong.status, "\(wrong.arguments): \(call.text)")
            #expect(call.text.contains(wrong.words), "\(wrong.arguments): \(call.text)")
        }
        #expect(try world.positions() == "20 10")
        #expect(try world.connection.one("SELECT count(*) FROM ingest.operation") == "0")
        let help = try ProcessUnderTest("lienthong", ["help", "work"], environment: [:])
        #expect(try await help.wait() == 0)
        #expect(help.printed.contains("rewind"))
    }

    @Test("without a broker or a database nothing is changed and the status says unavailable")
    func unavailable() async throws {
        let world = try await ReadWorld()
        let whole = world.world.environment(world.database)
        for broken in [
            ["LIENTHONG_KAFKA": "127.0.0.1:1"], ["LIENTHONG_DATABASE": "postgresql://postgres@127.0.0.1:1/none"],
        ] {
            let process = try ProcessUnderTest(
                "lienthong",
                [
                    "work", "rewind", "--topic", world.world.thing.name.rawValue, "--to", "beginning", "--yes",
                    "--because", "a test",
                ], environment: whole.merging(broken) { _, given in given })
            #expect(try await process.wait() == 69, "\(process.printed)")
        }
        #expect(try world.positions() == "20 10")
    }
}
