import Foundation
import Ingestion
import Model
import Postgres
import TestSupport
import Testing

@testable import Replay

@Suite("a replay", .serialized)
struct ReplayerTests {
    @Test("after a mending of the mapping it leaves the rows of one clean pass, and accounts for each record once")
    func mends() async throws {
        let world = try ReplayWorld()
        try world.publishThings(200, versions: 3)
        try world.world.publish((0..<20).map { OutgoingTestRecord(key: "k\($0)", value: nil, version: 4) })
        _ = try await world.work(world.older)
        #expect(try world.connection.one("SELECT count(size) FROM registry.thing") == "0")
        let id = try world.ask()
        let ended = try world.replayer().run(id)
        #expect(ended?.ending == .done)
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
        let state = try world.state(id)
        #expect(state.status == .done)
        #expect(state.fates.consumed == 620)
        #expect(state.share == 1)
        #expect(state.fates.applied > 0)
        // Once more: nothing is left to be changed.
        let again = try world.ask()
        #expect(try world.replayer().run(again)?.ending == .done)
        #expect(try world.state(again).fates.applied == 0)
    }

    @Test("newer records that came since are not overwritten, and live workers go on beside it")
    func besideWorkers() async throws {
        let world = try ReplayWorld()
        try world.publishThings(400, versions: 2)
        _ = try await world.work(world.older)
        let id = try world.ask(rate: 2_000)
        try await world.world.whileWorking({ $0.topics = [world.today] }) {
            let replayer = world.replayer()
            async let ended = onReplayThread { try replayer.run(id)?.ending }
            for version in 3...6 as ClosedRange<Int64> {
                try world.world.publish(
                    (0..<100).map {
                        OutgoingTestRecord(key: "k\($0)", value: ThingTopic.value("k\($0)", version, "new"))
                    })
            }
            #expect(try await ended == .done)
            try await waitUntil("the worker has dealt with all") {
                try world.connection.one("SELECT sum(next_offset) FROM ingest.position") == "1200"
            }
        }
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
    }

    @Test("a runner that dies leaves the replay to another, which goes on where it stood")
    func takenOver() async throws {
        let world = try ReplayWorld()
        try world.publishThings(500, versions: 2)
        _ = try await world.work(world.older)
        let id = try world.ask(rate: 500)
        let first = world.replayer()
        async let interrupted = onReplayThread { try first.run(id)?.ending }
        try await waitUntil("some of it was read") { try world.state(id).passed > 100 }
        // As a killed process leaves it: nobody gives it back.
        _ = try world.connection.execute(
            "UPDATE ingest.replay SET runner = 'dead', seen_at = now() - interval '1 hour', epoch = epoch + 1; UPDATE ingest.replay_position SET epoch = epoch + 1"
        )
        #expect(try await interrupted == .lost)
        _ = try world.connection.execute("UPDATE ingest.replay SET rate = 1000000")
        #expect(try world.replayer().run(nil)?.ending == .done)
        #expect(try world.state(id).fates.consumed == 1_000)
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
    }

    @Test("cancelled, it writes nothing more, and says so")
    func cancelled() async throws {
        let world = try ReplayWorld()
        try world.publishThings(500)
        _ = try await world.work(world.older)
        let id = try world.ask(rate: 200)
        let replayer = world.replayer()
        async let ended = onReplayThread { try replayer.run(id)?.ending }
        try await waitUntil("some of it was read") { try world.state(id).passed > 20 }
        #expect(try ReplayStore(connection: world.connection).cancel(id, by: "tests", because: "enough"))
        let passed = try world.state(id).passed
        #expect(try await ended == .lost)
        #expect(try world.state(id).passed == passed)
        #expect(try world.state(id).status == .cancelled)
        #expect(try !ReplayStore(connection: world.connection).cancel(id, by: "tests", because: "again"))
        #expect(try world.replayer().run(nil) == nil)
    }

    @Test("it waits while live workers are behind")
    func yields() async throws {
        let world = try ReplayWorld()
        try world.publishThings(100)
        _ = try await world.work(world.older)
        let id = try world.ask(liveLagMax: 10)
        // Nobody works: these stay.
        try world.publishThings(50, versions: 2)
        let replayer = world.replayer()
        async let ended = onReplayThread { try replayer.run(id)?.ending }
        try await waitUntil("it waits") { try world.state(id).note?.contains("live workers") == true }
        #expect(try world.state(id).passed == 0)
        _ = try await world.work(world.today)
        #expect(try await ended == .done)
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
    }

    @Test("of named keys alone nothing else is touched")
    func keys() async throws {
        let world = try ReplayWorld()
        try world.publishThings(50)
        _ = try await world.work(world.older)
        let id = try world.ask(keys: ["k7", "k11"])
        #expect(try world.replayer().run(id)?.ending == .done)
        #expect(
            try world.connection.one(
                "SELECT string_agg(id, ' ' ORDER BY id) FROM registry.thing WHERE size IS NOT NULL") == "k11 k7")
        #expect(try world.state(id).fates.consumed == 2)
        #expect(try world.state(id).share == 1)
    }

    @Test("where too much is refused it stops, and goes on by a person's word")
    func refusals() async throws {
        let world = try ReplayWorld(partitions: 1)
        // The database takes no size above 100; the older mapping never told it.
        try world.world.publish(
            (0..<600).map {
                OutgoingTestRecord(
                    key: "k\($0)", value: ThingTopic.value("k\($0)", 1, "n", size: $0 >= 300 ? 101 : 1))
            })
        _ = try await world.work(world.older)
        let before = try thingRows(world.connection)
        let id = try world.ask(maxRefusedShare: 0.1)
        guard case .stopped(let because) = try world.replayer().run(id)?.ending else {
            Issue.record("it did not stop")
            return
        }
        #expect(because.contains("refused"))
        #expect(try world.state(id).status == .stopped)
        #expect(try world.connection.one("SELECT count(*) FROM ingest.topic_state WHERE paused") == "0")
        let store = ReplayStore(connection: world.connection)
        // One window passes unjudged then, which is more than these.
        #expect(try store.resume(id, maxRefusedShare: nil, by: "tests", because: "known"))
        #expect(try world.replayer().run(id)?.ending == .done)
        #expect(try world.state(id).fates == Fates(applied: 300, deadLettered: 300))
        // What was applied once, and is refused today, stays as it was.
        let after = try thingRows(world.connection)
        let keys = (300..<600).map { "k\($0)" }
        #expect(
            after.filter { row in keys.contains { row.hasPrefix("\($0)|") } }
                == before.filter { row in keys.contains { row.hasPrefix("\($0)|") } })
        #expect(
            try world.connection.one("SELECT count(*) FROM ingest.dead_letter WHERE reason = 'database-refused'")
                == "300")
    }

    @Test("workers of an older mapping write nothing of the topic from its start on")
    func fencesOlder() async throws {
        let world = try ReplayWorld()
        try world.publishThings(50)
        _ = try await world.work(world.older)
        try await world.world.whileWorking({ $0.topics = [world.older] }) {
            try await waitUntil("the older worker has the partitions") {
                try world.connection.one("SELECT count(*) FROM ingest.position WHERE claimed_by = 'tests'") == "4"
            }
            let id = try world.ask()
            try world.publishThings(50, versions: 2)
            #expect(try world.replayer().run(id)?.ending == .done)
            #expect(
                try world.connection.one("SELECT count(*) FROM registry.thing_record WHERE mapping_revision < 2") == "0"
            )
        }
        _ = try await world.work(world.today)
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
    }

    @Test("what turns out a state secret only now leaves nothing of its content in the letter it had")
    func secret() async throws {
        let world = try ReplayWorld(partitions: 1)
        try world.world.publish([
            OutgoingTestRecord(
                key: "s", value: Array(#"{"id": "s", "stateSecret": true, "name": "x", "version": 1}"#.utf8))
        ])
        _ = try await world.work(world.older)
        // As a worker that did not yet know it for one would have left it.
        _ = try world.connection.execute(
            "UPDATE ingest.dead_letter SET reason = 'wrong-type', payload = 'x', key_id = 'k', key_fingerprint = 'f', key_hint = 1"
        )
        let id = try world.ask()
        #expect(try world.replayer().run(id)?.ending == .done)
        #expect(
            try world.connection.one(
                "SELECT concat_ws(' ', reason, payload, key_id, key_fingerprint, key_hint) FROM ingest.dead_letter")
                == "state-secret")
        #expect(try world.state(id).fates == Fates(deadLettered: 1))
    }

    @Test("of a letter that was sent again it makes no second one, neither beside it nor after its purge")
    func letters() async throws {
        let world = try ReplayWorld(partitions: 1)
        let bad = Array(#"{"id": "a", "version": 1}"#.utf8)
        func send(_ value: [UInt8]) throws {
            _ = try world.connection.query(
                """
                INSERT INTO ingest.redriven SELECT id, $1::bytea, topic, incarnation, partition, "offset", clock_timestamp()
                FROM ingest.dead_letter WHERE id = 1
                """,
                [
                    Hexadecimal.bytea(
                        PlainSealer().recordFingerprint(key: Array("a".utf8), value: value, topic: world.topic))
                ])
            _ = try world.connection.execute(
                "UPDATE ingest.dead_letter SET status = 'redriven', redriven_at = now(), closed_at = NULL WHERE id = 1")
            try world.world.publish([
                OutgoingTestRecord(
                    partition: 0, key: Array("a".utf8), value: value,
                    headers: [("\(DeadLetterLink.header)", Array("1".utf8))])
            ])
        }
        try world.world.publish([OutgoingTestRecord(key: "a", value: bad)])
        _ = try await world.work(world.older)
        let first = Array(#"{"id": "a", "version": 1, "name": 7}"#.utf8)
        try send(first)
        _ = try await world.work(world.older)
        try send(ThingTopic.value("a", 1, "mended"))
        _ = try await world.work(world.older)
        let letters =
            "SELECT string_agg(\"offset\" || ' ' || status || ' ' || refusals, ', ' ORDER BY id) FROM ingest.dead_letter"
        #expect(try world.connection.one(letters) == "0 applied 2")
        let id = try world.ask()
        #expect(try world.replayer().run(id)?.ending == .done)
        #expect(try world.connection.one(letters) == "0 applied 2")
        _ = try world.connection.execute(
            """
            WITH gone AS (DELETE FROM ingest.dead_letter RETURNING *)
            INSERT INTO ingest.dead_letter_step (letter, step, by, details) SELECT id, 'purged', 'tests',
              jsonb_build_object('topic', topic, 'incarnation', incarnation, 'partition', partition, 'offset', "offset")
            FROM gone
            """)
        let again = try world.ask()
        #expect(try world.replayer().run(again)?.ending == .done)
        #expect(try world.connection.one(letters) == nil)
        #expect(try world.connection.one("SELECT name FROM registry.thing") == "mended")
    }

    @Test("it rests while its topic is paused, and one that fails for itself stops itself alone")
    func restsAndStops() async throws {
        let world = try ReplayWorld(partitions: 1)
        try world.publishThings(10)
        _ = try await world.work(world.older)
        let id = try world.ask()
        _ = try WorkControl.pause(topic: world.topic, because: "x", by: "tests", connection: world.connection)
        let replayer = world.replayer()
        async let ended = onReplayThread { try replayer.run(id)?.ending }
        try await waitUntil("it rests") { try world.state(id).note?.contains("paused") == true }
        #expect(try world.state(id).passed == 0)
        _ = try world.connection.execute("ALTER TABLE registry.thing_record RENAME COLUMN name TO other")
        _ = try WorkControl.resume(topic: world.topic, because: "x", by: "tests", connection: world.connection)
        guard case .stopped = try await ended else {
            Issue.record("it did not stop")
            return
        }
        #expect(try world.state(id).status == .stopped)
        _ = try world.connection.execute("ALTER TABLE registry.thing_record RENAME COLUMN other TO name")
        #expect(
            try ReplayStore(connection: world.connection).resume(id, maxRefusedShare: nil, by: "tests", because: "x"))
        #expect(try world.replayer().run(nil)?.ending == .done)
    }

    @Test("two of one topic at once are refused, and an older mapping's")
    func refusesSecond() async throws {
        let world = try ReplayWorld()
        try world.publishThings(5)
        _ = try await world.work(world.today)
        _ = try world.ask()
        #expect(throws: UserError.self) { try world.ask() }
        let other = try ReplayWorld()
        try other.publishThings(5)
        _ = try await other.work(other.today)
        let id = try other.ask()
        #expect(try other.replayer().run(id)?.ending == .done)
        #expect(throws: UserError.self) { try other.ask(revision: 1) }
    }
}

/// Runs blocking work beside a test.
func onReplayThread<Output: Sendable>(_ body: @escaping @Sendable () throws -> Output) async throws -> Output {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Result { try body() }) }.start()
    }
}
