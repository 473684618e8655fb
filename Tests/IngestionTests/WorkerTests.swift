import Contracts
import Kafka
import Logging
import Model
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Ingestion

@Suite("a worker", .serialized)
struct WorkerTests {
    @Test("records flow from the topic to rows, each accounted for once")
    func flows() async throws {
        let world = try WorkerWorld()
        try world.publish(
            (0..<300).map {
                OutgoingTestRecord(key: "k\($0)", value: ThingTopic.value("k\($0)", 1, "n\($0)", tags: ["a"]))
            })
        try world.publish((0..<10).map { OutgoingTestRecord(key: "k\($0)", value: nil, version: 2) })
        let summary = try await world.catchUp()
        // A record whose tombstone comes in its own batch never makes a row; where batches end is chance.
        let overtaken = summary.total.superseded
        #expect((0...10).contains(overtaken))
        #expect(summary.total == Fates(applied: 300 - overtaken, superseded: overtaken, deleted: 10))
        #expect(summary.standing.isEmpty)
        #expect(try world.connection.one("SELECT count(*) FROM registry.thing") == "290")
        #expect(try world.connection.one("SELECT count(*) FROM registry.thing_tag") == "290")
        #expect(try world.connection.one("SELECT sum(next_offset) FROM ingest.position") == "310")
    }

    @Test("reading a topic twice from the start changes no row")
    func twice() async throws {
        let world = try WorkerWorld()
        var records: [OutgoingTestRecord] = []
        for round in 1...4 as ClosedRange<Int64> {
            for key in 0..<40 {
                // Updates, equal versions with the same and with other content, deletes with and without a version.
                let version = round == 4 ? 3 : round
                if key % 7 == 0, round == 3 {
                    records.append(
                        OutgoingTestRecord(key: "k\(key)", value: nil, version: key % 2 == 0 ? version : nil))
                } else {
                    records.append(
                        OutgoingTestRecord(
                            key: "k\(key)",
                            value: ThingTopic.value(
                                "k\(key)", version, key % 5 == 0 ? "r\(round)" : "same", tags: ["t"])))
                }
            }
        }
        try world.publish(records)
        let first = try await world.catchUp()
        let before = try thingRows(world.connection)
        #expect(first.total.consumed == 160)
        _ = try world.connection.execute(
            "UPDATE ingest.position SET next_offset = 0, last_record_offset = NULL, epoch = epoch + 1")
        let second = try await world.catchUp()
        #expect(second.total.consumed == 160)
        #expect(second.total.applied == 0)
        #expect(try thingRows(world.connection) == before)
    }

    @Test("whatever bytes arrive, they are applied rightly or kept as a dead letter, and the neighbours go on")
    func badInput() async throws {
        let world = try WorkerWorld(partitions: 1)
        let good = ThingTopic.value("good", 1, "n")
        let deep =
            [UInt8](repeating: UInt8(ascii: "["), count: 2_000) + [UInt8](repeating: UInt8(ascii: "]"), count: 2_000)
        func text(_ value: String) -> [UInt8] { Array(value.utf8) }
        let cases: [(key: [UInt8]?, value: [UInt8]?, expected: String)] = [
            (nil, good, "missing-key"),
            ([], good, "missing-key"),
            (nil, nil, "missing-key"),
            ([0xFF, 0xFE], good, "not-utf8"),
            (text("a"), [], "not-json"),
            (text("a"), [0xFF, 0xFF], "not-utf8"),
            (text("a"), [0], "not-json"),
            (text("a"), deep, "not-json"),
            (text("a"), text("[1]"), "not-an-object"),
            (
                text("a"), text("{\"id\": \"a\", \"name\": \"n\", \"version\": 123456789012345678901234567890}"),
                "not-json"
            ),
            (text("a"), text("{\"id\": \"a\", \"name\": \"n\\u0000m\", \"version\": 1}"), "wrong-format"),
            (text("a"), text("{\"id\": \"b\", \"name\": \"n\", \"version\": 1}"), "key-mismatch"),
            (text("a"), text("{\"id\": \"a\", \"name\": 7, \"version\": 1}"), "wrong-type"),
            (text("a"), text("{\"id\": \"a\", \"name\": \"n\", \"version\": 7.0}"), "wrong-type"),
            (text("a"), text("{\"id\": \"a\", \"name\": \"n\"}"), "version-missing"),
            (text("a"), text("{\"id\": \"a\", \"name\": \"n\", \"version\": 1, \"size\": 101}"), "database-refused"),
            (text("a"), text("{\"id\": \"a\", \"name\": \"n\", \"version\": 1, \"size\": 40000}"), "database-refused"),
            (text("a"), text("{\"id\": \"a\", \"stateSecret\": true, \"name\": \"hidden\"}"), "state-secret"),
            (
                text("a"),
                text("{\"id\": \"a\", \"name\": \"") + [UInt8](repeating: 0x61, count: 1_100_000)
                    + text("\", \"version\": 1}"), "too-large"
            ),
        ]
        var records: [OutgoingTestRecord] = []
        for (number, entry) in cases.enumerated() {
            records.append(
                OutgoingTestRecord(
                    partition: 0, key: "n\(number)", value: ThingTopic.value("n\(number)", 1, "neighbour")))
            records.append(
                OutgoingTestRecord(
                    partition: 0, key: entry.key, value: entry.value,
                    headers: [(name: "x", value: [0xFF]), (name: "x", value: nil), (name: "content-type", value: [])]))
        }
        // Of duplicate keys the first counts; unknown members are allowed.
        records.append(
            OutgoingTestRecord(
                partition: 0, key: "dup",
                value: text(
                    "{\"id\": \"dup\", \"name\": \"first\", \"name\": \"second\", \"other\": {\"x\": [1]}, \"version\": 1}"
                )))
        try world.publish(records)
        let summary = try await world.catchUp()
        #expect(summary.total == Fates(applied: Int64(cases.count) + 1, deadLettered: Int64(cases.count)))
        let letters = try world.connection.query("SELECT reason FROM ingest.dead_letter ORDER BY \"offset\"")
        #expect((0..<letters.rowCount).map { letters[$0, 0] } == cases.map { $0.expected })
        #expect(try world.connection.one("SELECT name FROM registry.thing WHERE id = 'dup'") == "first")
        // The content of a state secret is nowhere, and all other bytes are kept as they came.
        #expect(
            try world.connection.one(
                "SELECT count(*) FROM ingest.dead_letter WHERE reason = 'state-secret' AND payload IS NULL AND key_fingerprint IS NULL"
            ) == "1")
        #expect(
            try world.connection.one(
                "SELECT encode(payload, 'hex') FROM ingest.dead_letter WHERE reason = 'not-utf8' ORDER BY \"offset\" DESC LIMIT 1"
            ) == "ffff")
    }

    @Test(
        "a feed that has gone wrong is paused before it empties into the dead letters, and goes on by an operator's word"
    )
    func breaker() async throws {
        let world = try WorkerWorld(partitions: 1)
        try world.publish((0..<600).map { OutgoingTestRecord(partition: 0, key: "k\($0)", value: Array("{}".utf8)) })
        let summary = try await world.catchUp()
        #expect(summary.standing.count == 1)
        #expect(summary.total.deadLettered < 600)
        #expect(try world.connection.one("SELECT paused_by FROM ingest.topic_state WHERE paused") == "breaker")
        let resumed = try WorkControl.resume(
            topic: world.thing.name, because: "seen", by: "tests", connection: world.connection)
        #expect(resumed)
        // What tripped the breaker passes, as the operator said; what comes after is judged anew.
        let after = try await world.catchUp()
        #expect(after.standing.isEmpty)
        #expect(try world.fates() == "0 0 0 600")
        try world.publish((0..<600).map { OutgoingTestRecord(partition: 0, key: "l\($0)", value: Array("{}".utf8)) })
        #expect(try await world.catchUp().standing.count == 1)
        #expect(try world.fates() == "0 0 0 600")
        #expect(
            try world.connection.one("SELECT count(*) >= 2 FROM ingest.operation WHERE action IN ('pause', 'resume')")
                == "t")
    }

    @Test("a topic that its breaker stops takes no record of its neighbour with it")
    func neighbour() async throws {
        let world = try WorkerWorld(partitions: 1)
        let other = try ThingTopic(partitions: 1)
        try world.kafka.createTopic(other.name, partitions: 1)
        try world.publish((0..<600).map { OutgoingTestRecord(partition: 0, key: "k\($0)", value: Array("{}".utf8)) })
        try world.kafka.publish(
            (0..<50).map { OutgoingTestRecord(partition: 0, key: "o\($0)", value: ThingTopic.value("o\($0)", 1, "n")) },
            to: other.name)
        // Both are there before the worker starts: it takes them, and the end of the log, in one turn.
        let summary = try await world.worker(untilCaughtUp: true) { $0.topics.append(other.definition) }.run()
        #expect(summary.standing.count == 1)
        #expect(summary.fates[other.name] == Fates(applied: 50))
        #expect(try world.connection.one("SELECT count(*) FROM registry.thing") == "50")
    }

    @Test("a paused topic is not taken until it is resumed")
    func pause() async throws {
        let world = try WorkerWorld(partitions: 2)
        try await world.whileWorking {
            try world.publish([OutgoingTestRecord(key: "a", value: ThingTopic.value("a", 1, "one"))])
            try await waitUntil("the first record is there") {
                try world.connection.one("SELECT count(*) FROM registry.thing") == "1"
            }
            try WorkControl.pause(topic: world.thing.name, because: "a test", by: "tests", connection: world.connection)
            let before = try world.connection.one("SELECT sum(epoch) FROM ingest.position")
            try await waitUntil("the worker heeds it") {
                try world.connection.one("SELECT sum(epoch) FROM ingest.position") != before
            }
            try world.publish([OutgoingTestRecord(key: "b", value: ThingTopic.value("b", 1, "two"))])
            try WorkControl.resume(
                topic: world.thing.name, because: "a test", by: "tests", connection: world.connection)
            try await waitUntil("the second record is there") {
                try world.connection.one("SELECT count(*) FROM registry.thing") == "2"
            }
        }
        #expect(try world.fates() == "2 0 0 0")
    }

    @Test("a letter that somebody else makes of a worker's partition is closed by what is newer, without a new claim")
    func letterOfAnother() async throws {
        let world = try WorkerWorld(partitions: 1)
        var version: Int64 = 5
        try await world.whileWorking {
            try world.publish([OutgoingTestRecord(partition: 0, key: "b", value: ThingTopic.value("b", 1, "n"))])
            try await waitUntil("the worker has claimed") {
                try world.connection.one("SELECT count(*) FROM registry.thing") == "1"
            }
            let epoch = try world.connection.one("SELECT epoch FROM ingest.position")
            _ = try world.connection.query(
                """
                INSERT INTO ingest.dead_letter (topic, incarnation, partition, "offset", reason, contract_version,
                  key_fingerprint, key_hint, record_version, key_id, payload)
                VALUES ($1, 0, 0, 1000, 'missing-field', '1.0.0', 'a', $2, 5, 'plain', '{}')
                """,
                [
                    world.thing.name.rawValue,
                    String(Array("a".utf8).withUnsafeBytes { keyHint(of: $0, seed: PlainSealer().hintSeeds[0]) }),
                ])
            // The worker looks now and then: one of them finds it.
            try await waitUntil("the letter is closed") {
                version += 1
                try world.publish([
                    OutgoingTestRecord(partition: 0, key: "a", value: ThingTopic.value("a", version, "n"))
                ])
                return try world.connection.one("SELECT status FROM ingest.dead_letter") == "superseded"
            }
            #expect(try world.connection.one("SELECT epoch FROM ingest.position") == epoch)
        }
    }

    @Test("a position beyond the log's end stands as a gap until it is accepted")
    func gapBeyondEnd() async throws {
        let world = try WorkerWorld(partitions: 1)
        try world.publish(
            (0..<5).map { OutgoingTestRecord(partition: 0, key: "k\($0)", value: ThingTopic.value("k\($0)", 1, "n")) })
        _ = try await world.catchUp()
        _ = try world.connection.execute(
            "UPDATE ingest.position SET next_offset = 50, last_record_offset = 49, last_record_hash = 1, epoch = epoch + 1"
        )
        try await world.whileWorking {
            try await waitUntil("the gap is noted") {
                try world.connection.one("SELECT gap_because FROM ingest.position") != nil
            }
            let admin = try KafkaAdmin(settings: world.kafka.settings, clientID: "tests")
            defer { admin.close() }
            let accepted = try WorkControl.acceptGap(
                topic: world.thing.name, partition: nil, because: "a test", by: "tests", connection: world.connection,
                admin: admin)
            #expect(accepted == [.init(partition: Partition(0), from: NextOffset(50), to: NextOffset(0), lost: nil)])
            try await waitUntil("the log is read again") {
                try world.connection.one("SELECT next_offset FROM ingest.position") == "5"
            }
        }
        #expect(try world.connection.one("SELECT incarnation FROM ingest.position") == "1")
        #expect(try world.connection.one("SELECT count(*) FROM registry.thing") == "5")
    }

    @Test("a log that is not the one we knew is not read on")
    func otherLog() async throws {
        let world = try WorkerWorld(partitions: 1)
        try world.publish(
            (0..<5).map { OutgoingTestRecord(partition: 0, key: "k\($0)", value: ThingTopic.value("k\($0)", 1, "n")) })
        _ = try await world.catchUp()
        _ = try world.connection.execute(
            "UPDATE ingest.position SET last_record_hash = last_record_hash + 1, epoch = epoch + 1")
        try world.publish([OutgoingTestRecord(partition: 0, key: "later", value: ThingTopic.value("later", 1, "n"))])
        let summary = try await world.catchUp()
        #expect(summary.standing.count == 1)
        #expect(try world.connection.one("SELECT count(*) FROM registry.thing WHERE id = 'later'") == "0")
        #expect(try world.connection.one("SELECT next_offset FROM ingest.position") == "5")
    }

    @Test("a database that goes away is waited for, and nothing is a dead letter")
    func databaseAway() async throws {
        let world = try WorkerWorld(partitions: 1)
        try await world.whileWorking {
            try world.publish([OutgoingTestRecord(partition: 0, key: "a", value: ThingTopic.value("a", 1, "one"))])
            try await waitUntil("the first record is there") {
                try world.connection.one("SELECT count(*) FROM registry.thing") == "1"
            }
            for round in 0..<3 {
                _ = try world.connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lienthong work'"
                )
                try world.publish([
                    OutgoingTestRecord(partition: 0, key: "b\(round)", value: ThingTopic.value("b\(round)", 1, "two"))
                ])
                try await waitUntil("record \(round) is there") {
                    try world.connection.one("SELECT count(*) FROM registry.thing WHERE id = 'b\(round)'") == "1"
                }
            }
        }
        #expect(try world.fates() == "4 0 0 0")
    }

    @Test(
        "a login refused after the start ends the worker with that error, and is not tried for ever",
        arguments: WorkerLogin.Refusal.allCases)
    func refusedLogin(refusal: WorkerLogin.Refusal) async throws {
        let world = try WorkerWorld(partitions: 1)
        let login = try WorkerLogin(world.database)
        let worker = world.worker(untilCaughtUp: false) { $0.databaseURL = login.url }
        let outcome = Mutex<Result<WorkSummary, any Error>?>(nil)
        let running = Task {
            do {
                let summary = try await worker.run()
                outcome.withLock { $0 = .success(summary) }
            } catch {
                outcome.withLock { $0 = .failure(error) }
            }
        }
        do {
            try world.publish([OutgoingTestRecord(partition: 0, key: "a", value: ThingTopic.value("a", 1, "one"))])
            try await waitUntil("the first record is there") {
                try world.connection.one("SELECT count(*) FROM registry.thing") == "1"
            }
            // A session that breaks while its login is good is made anew: the error below is the refusal's alone.
            try login.endSessions()
            try world.publish([OutgoingTestRecord(partition: 0, key: "b", value: ThingTopic.value("b", 1, "two"))])
            try await waitUntil("the second record is there") {
                try world.connection.one("SELECT count(*) FROM registry.thing") == "2"
            }
            try login.refuse(refusal)
            try login.endSessions()
            try await waitUntil("the worker has ended") { outcome.withLock { $0 != nil } }
        } catch {
            worker.stop()
            await running.value
            throw error
        }
        #expect {
            try outcome.withLock { $0 }?.get()
        } throws: { error in
            guard let error = error as? PostgresError else { return false }
            return error.sqlState == refusal.sqlState && error.fault == .ours && error.primary != nil
        }
        #expect(try world.fates() == "2 0 0 0")
    }

    @Test("a statement that cannot work pauses the topic and loses nothing")
    func brokenTable() async throws {
        let world = try WorkerWorld(partitions: 1)
        try await world.whileWorking {
            try await waitUntil("the worker has claimed") {
                try world.connection.one("SELECT count(*) FROM ingest.position") == "1"
            }
            _ = try world.connection.execute("ALTER TABLE registry.thing_record RENAME COLUMN name TO renamed")
            try world.publish([OutgoingTestRecord(partition: 0, key: "a", value: ThingTopic.value("a", 1, "one"))])
            try await waitUntil("the topic is paused") {
                try world.connection.one("SELECT paused FROM ingest.topic_state") == "t"
            }
            #expect(
                try world.connection.one("SELECT paused_because FROM ingest.topic_state")?.contains("42703") == true)
            _ = try world.connection.execute("ALTER TABLE registry.thing_record RENAME COLUMN renamed TO name")
            try WorkControl.resume(
                topic: world.thing.name, because: "mended", by: "tests", connection: world.connection)
            try await waitUntil("the record is there") {
                try world.connection.one("SELECT count(*) FROM registry.thing") == "1"
            }
        }
        #expect(try world.fates() == "1 0 0 0")
    }

    @Test("a missing topic, a missing table and an unreachable database are sentences with a status")
    func settingsFaults() async throws {
        let world = try WorkerWorld()
        let other = try ThingTopic()
        let missingTopic = world.worker(untilCaughtUp: true) { $0.topics = [other.definition] }
        await #expect { try await missingTopic.run() } throws: { ($0 as? UserError)?.status == .configuration }
        let unreachable = world.worker(untilCaughtUp: true) { $0.databaseURL = "postgresql://postgres@127.0.0.1:1/x" }
        await #expect { try await unreachable.run() } throws: { ($0 as? UserError)?.status == .unavailable }
        _ = try world.connection.execute("ALTER TABLE registry.thing_tag DROP COLUMN tag")
        let misfit = world.worker(untilCaughtUp: true)
        await #expect { try await misfit.run() } throws: { error in
            (error as? UserError)?.status == .configuration && "\(error)".contains("registry.thing_tag.tag")
        }
    }
}
