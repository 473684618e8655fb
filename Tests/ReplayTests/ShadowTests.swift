import Contracts
import Foundation
import Ingestion
import Kafka
import Logging
import Model
import Postgres
import TestSupport
import Testing

@testable import Replay

@Suite("a rebuilt table", .serialized)
struct ShadowTests {
    @Test("is filled beside the live one, told apart from it, and takes its place")
    func rebuilt() async throws {
        let world = try ReplayWorld()
        try world.publishThings(200, versions: 3)
        try world.world.publish((0..<20).map { OutgoingTestRecord(key: "k\($0)", value: nil, version: 4) })
        _ = try await world.work(world.older)
        let before = try thingRows(world.connection)
        let id = try world.filledShadow()
        #expect(try thingRows(world.connection) == before)
        #expect(try world.connection.one("SELECT count(*) FROM ingest.dead_letter") == "0")

        let comparison = try world.shadow(id).compare()
        #expect(comparison.balance.live == RowCounts(living: 180, marks: 20))
        #expect(comparison.balance.shadow == RowCounts(living: 180, marks: 20))
        #expect(comparison.columns.map(\.differing) == [0, 180])
        #expect(comparison.columns.map(\.name) == ["name", "size"])
        #expect(comparison.differing == 180)
        #expect(comparison.marksDiffering == 0)
        #expect(!comparison.isEqual)
        #expect(comparison.liveChecksum != comparison.shadowChecksum)
        #expect(
            comparison.children.map { [$0.liveRows, $0.shadowRows, $0.onlyLive, $0.onlyShadow] } == [[180, 180, 0, 0]])
        #expect(comparison.children.allSatisfy { $0.liveChecksum == $0.shadowChecksum })

        let outcome = try world.swap(id)
        #expect(outcome.views == [#"registry.thing"#])
        #expect(outcome.oldTables == ["registry.thing_record_before\(id)", "registry.thing_tag_before\(id)"])
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
        #expect(try world.connection.one("SELECT count(size) FROM registry.thing") == "180")
        #expect(try world.state(id).status == .swapped)
        #expect(
            try world.connection.one(
                "SELECT concat_ws(' ', by, topic, because, details ->> 'liveRows', details ->> 'droppedKeys') FROM ingest.operation WHERE action = 'replay-swap'"
            ) == "tests \(world.topic) it is right now 200 0")
        #expect(
            try world.tables(like: "thing%") == "thing_record thing_record_before\(id) thing_tag thing_tag_before\(id)")
        let old = OldTables(connection: world.connection)
        #expect(try old.drop(replay: id, by: "tests", because: "not needed").count == 2)
        #expect(try world.tables(like: "thing%") == "thing_record thing_tag")
        #expect(throws: UserError.self) { try old.drop(replay: id, by: "tests", because: "again") }
        // Another one may follow, and finds nothing to change.
        let next = try world.filledShadow()
        #expect(try world.shadow(next).compare().isEqual)
        #expect(try world.swap(next, dropOld: true).oldTables == [])
        #expect(try world.tables(like: "thing%") == "thing_record thing_tag")
    }

    @Test("differences are counted by kind, column and list, and examples do not quote keys")
    func compared() async throws {
        let world = try ReplayWorld()
        try world.publishThings(50)
        _ = try await world.work(world.today)
        let id = try world.filledShadow()
        #expect(try world.shadow(id).compare().isEqual)
        _ = try world.connection.execute(
            """
            DELETE FROM registry.thing_record WHERE id IN ('k1', 'k2');
            DELETE FROM registry.thing_record_shadow\(id) WHERE id IN ('k3', 'k4', 'k5');
            UPDATE registry.thing_record SET name = 'other' WHERE id IN ('k6', 'k7');
            UPDATE registry.thing_record SET size = 0, record_offset = record_offset + 1000 WHERE id = 'k7';
            DELETE FROM registry.thing_tag WHERE id = 'k8';
            UPDATE registry.thing_tag SET tag = 'other' WHERE id = 'k9';
            UPDATE registry.thing_record SET deleted = true, plain_delete_offset = 1 WHERE id = 'k10'
            """)
        let comparison = try world.shadow(id).compare()
        #expect(comparison.balance.onlyLive == RowCounts(living: 3, marks: 1))
        #expect(comparison.balance.onlyShadow == RowCounts(living: 2, marks: 0))
        #expect(comparison.columns.map(\.differing) == [2, 1])
        #expect(comparison.differing == 2)
        #expect(comparison.marksDiffering == 2)
        #expect(comparison.children.map { [$0.onlyLive, $0.onlyShadow, $0.columns[0].differing] } == [[0, 1, 1]])
        #expect(comparison.examples.count { $0.kind == .onlyLive } == 4)
        #expect(comparison.examples.count { $0.kind == .onlyShadow } == 2)
        #expect(
            comparison.examples.filter { $0.kind == .differing }.map(\.columns).sorted { $0.count < $1.count } == [
                ["name"], ["name", "size"],
            ])
        #expect(comparison.examples.allSatisfy { $0.key.allSatisfy { $0.shown.hasPrefix("text of ") } })
        #expect(!comparison.isEqual)
    }

    @Test("live keys and marks that the copy lacks are lost only by their exact number")
    func dropRows() async throws {
        let world = try ReplayWorld(partitions: 1)
        // The database takes no size above 100; the older mapping never told it.
        try world.world.publish(
            (0..<300).map {
                OutgoingTestRecord(
                    key: "k\($0)", value: ThingTopic.value("k\($0)", 1, "n", size: $0 >= 293 ? 101 : 1))
            })
        _ = try await world.work(world.older)
        let id = try world.filledShadow()
        // As when retention has eaten a tombstone.
        _ = try world.connection.execute(
            """
            INSERT INTO registry.thing_record (id, deleted, plain_delete_partition, plain_delete_incarnation, plain_delete_offset)
            VALUES ('gone', true, 0, 0, 0)
            """)
        let before = try thingRows(world.connection)
        for wrong in [nil, 0, 1, 7, 9] as [Int64?] {
            let sentence = try #require(try refusal { try world.swap(id, dropRows: wrong) })
            #expect(
                sentence.contains("8 live rows would be lost or put back to what is older: 7 living keys and 1 mark"))
            #expect(sentence.contains("--drop-rows 8"))
            #expect(try thingRows(world.connection) == before)
            #expect(try world.state(id).status == .done)
        }
        try world.swap(id, dropRows: 8)
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
        #expect(
            try world.connection.one(
                "SELECT concat_ws(' ', details ->> 'droppedKeys', details ->> 'droppedMarks') FROM ingest.operation WHERE action = 'replay-swap'"
            ) == "7 1")
    }

    @Test("keys that are deleted in the copy, and older versions there, are among what must be named")
    func putBack() async throws {
        let world = try ReplayWorld(partitions: 1)
        try world.world.publish([
            OutgoingTestRecord(key: "a", value: ThingTopic.value("a", 1, "a", size: 1)),
            OutgoingTestRecord(key: "a", value: nil, version: 2),
            // The database takes no size above 100; the older mapping never told it.
            OutgoingTestRecord(key: "a", value: ThingTopic.value("a", 3, "a", size: 101)),
            OutgoingTestRecord(key: "b", value: ThingTopic.value("b", 4, "b", size: 1)),
            OutgoingTestRecord(key: "b", value: ThingTopic.value("b", 5, "b", size: 101)),
            OutgoingTestRecord(key: "c", value: ThingTopic.value("c", 1, "c", size: 1)),
        ])
        _ = try await world.work(world.older)
        let id = try world.askShadow()
        #expect(try world.replayer().run(id)?.ending == .done)
        let balance = try world.shadow(id).compare().balance
        #expect(balance.deletedInShadow == 1)
        // The best record of a deleted key counts as well; what is missing counts it once.
        #expect(balance.older == 2)
        #expect(balance.missing == 2)
        let before = try thingRows(world.connection)
        #expect(try refusal { try world.swap(id) }?.contains("--drop-rows 2") == true)
        #expect(try thingRows(world.connection) == before)
        try world.swap(id, dropRows: 2)
        #expect(
            try world.connection.one("SELECT string_agg(id || name, ' ' ORDER BY id) FROM registry.thing") == "bb cc")
    }

    @Test("a number where nothing is missing is refused")
    func dropNone() async throws {
        let world = try ReplayWorld()
        try world.publishThings(5)
        _ = try await world.work(world.today)
        let id = try world.filledShadow()
        #expect(try refusal { try world.swap(id, dropRows: 3) }?.contains("none is missing") == true)
        try world.swap(id, dropRows: 0)
    }

    @Test("is level with the live positions when it is swapped in, also of partitions that were empty at its start")
    func level() async throws {
        let world = try ReplayWorld()
        try world.world.publish(
            (0..<30).map {
                OutgoingTestRecord(partition: 1, key: "a\($0)", value: ThingTopic.value("a\($0)", 1, "n", size: 3))
            })
        _ = try await world.work(world.older)
        let id = try world.filledShadow()
        try world.publishThings(300, versions: 2)
        _ = try await world.work(world.today)
        #expect(try world.shadow(id, restMax: 100).compare().balance.missing == 0)
        try world.publishThings(50, versions: 3)
        _ = try await world.work(world.today)
        try world.swap(id)
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
        let far = try world.connection.one(
            "SELECT count(*) FROM ingest.position l LEFT JOIN ingest.replay_position p ON p.replay = \(id) AND p.partition = l.partition WHERE l.next_offset > coalesce(p.next_offset, 0)"
        )
        #expect(far == "0")
    }

    @Test("live workers go on through the swap, and none of their records is lost", arguments: [1, 10] as [Int])
    func besideWorkers(copyRowsMin: Int) async throws {
        let world = try ReplayWorld()
        try world.publishThings(300, versions: 2)
        _ = try await world.work(world.older)
        let id = try world.filledShadow()
        let hand = world.hand
        let kafka = world.world.kafka
        let topic = world.topic
        try await world.world.whileWorking({
            $0.topics = [world.today]
            $0.copyRowsMin = copyRowsMin
        }) {
            async let published: Void = onReplayThread {
                for round in 3...12 as ClosedRange<Int64> {
                    try kafka.publish(
                        (0..<60).map {
                            let key = "k\($0 * Int(round))"
                            return OutgoingTestRecord(
                                key: key, value: ThingTopic.value(key, round, "new", size: 5, tags: ["t\(round)"]))
                        }, to: topic)
                }
            }
            let outcome = try await onReplayThread { try hand.swap(id) }
            #expect(outcome.balance.missing == 0)
            try await published
            try await waitUntil("the workers have dealt with all") {
                try world.connection.one("SELECT sum(next_offset) FROM ingest.position") == "1200"
            }
        }
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
        #expect(try world.connection.one("SELECT count(*) FROM ingest.topic_state WHERE paused") == "0")
    }

    @Test("a connection that dies before the commit leaves all as it was")
    func crash() async throws {
        let world = try ReplayWorld()
        try world.publishThings(50)
        _ = try await world.work(world.older)
        let id = try world.filledShadow()
        let before = try thingRows(world.connection)
        let tables = try world.tables(like: "thing%")
        // Views are made anew after all has been renamed.
        _ = try world.connection.execute(
            """
            CREATE FUNCTION registry.die() RETURNS event_trigger LANGUAGE plpgsql AS
              'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); END';
            CREATE EVENT TRIGGER die ON ddl_command_end WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION registry.die()
            """)
        #expect(throws: PostgresError.self) { try world.swap(id) }
        _ = try world.connection.execute("DROP EVENT TRIGGER die")
        #expect(try thingRows(world.connection) == before)
        #expect(try world.tables(like: "thing%") == tables)
        #expect(try world.state(id).status == .done)
        #expect(try world.connection.one("SELECT count(*) FROM ingest.operation WHERE action = 'replay-swap'") == "0")
        try world.swap(id)
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
    }

    @Test("of two swaps at once one succeeds, and the other says why not")
    func twice() async throws {
        let world = try ReplayWorld()
        try world.publishThings(200)
        _ = try await world.work(world.older)
        let id = try world.filledShadow()
        let hand = world.hand
        async let first = onReplayThread { try refusal { try hand.swap(id) } }
        async let second = onReplayThread { try refusal { try hand.swap(id) } }
        let sentences = try await [first, second]
        #expect(sentences.count { $0 == nil } == 1)
        #expect(try world.connection.one("SELECT count(*) FROM ingest.operation WHERE action = 'replay-swap'") == "1")
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
    }

    @Test("what is no copy, or not ready, is neither compared nor swapped in")
    func notReady() async throws {
        let world = try ReplayWorld()
        try world.publishThings(20)
        _ = try await world.work(world.older)
        #expect(try refusal { try world.swap(4711) }?.contains("there is no replay of this id") == true)
        let plain = try world.ask()
        #expect(try refusal { try world.swap(plain) }?.contains("into the live tables") == true)
        #expect(try world.replayer().run(plain)?.ending == .done)
        let id = try world.askShadow()
        #expect(try refusal { try world.swap(id) }?.contains("still being read (0 %)") == true)
        #expect(try refusal { try world.shadow(id).compare() }?.contains("replay run \(id)") == true)
        #expect(try world.replayer().run(id)?.ending == .done)
        let store = ReplayStore(connection: world.connection)
        #expect(try store.cancel(id, by: "tests", because: "enough"))
        #expect(try refusal { try world.swap(id) }?.contains("it was cancelled") == true)
        let next = try world.filledShadow()
        try world.swap(next)
        #expect(try refusal { try world.swap(next) }?.contains("swapped in already") == true)
        #expect(try !store.cancel(next, by: "tests", because: "too late"))
        #expect(try world.connection.one("SELECT count(*) FROM registry.thing") == "20")
    }

    @Test("cancelled, its tables are gone, also while they are being filled")
    func cancelled() async throws {
        let world = try ReplayWorld()
        try world.publishThings(500)
        _ = try await world.work(world.older)
        let id = try world.askShadow(rate: 300)
        #expect(try world.tables(like: "thing%shadow%") == "thing_record_shadow\(id) thing_tag_shadow\(id)")
        let replayer = world.replayer()
        async let ended = onReplayThread { try replayer.run(id)?.ending }
        try await waitUntil("some of it was read") { try world.state(id).passed > 20 }
        #expect(try ReplayStore(connection: world.connection).cancel(id, by: "tests", because: "enough"))
        #expect(try await ended == .lost)
        #expect(try world.tables(like: "thing%") == "thing_record thing_tag")
        #expect(try world.connection.one("SELECT count(*) FROM registry.thing") == "500")
    }

    @Test("a reader that holds the tables for long is named, and nothing is changed")
    func heldByReader() async throws {
        let world = try ReplayWorld()
        try world.publishThings(20)
        _ = try await world.work(world.older)
        let id = try world.filledShadow()
        let reader = try PostgresConnection(world.world.database.url, applicationName: "a long report")
        defer { reader.close() }
        _ = try reader.execute("BEGIN; SELECT count(*) FROM registry.thing")
        #expect(try refusal { try world.swap(id) }?.contains("(a long report)") == true)
        #expect(try world.state(id).status == .done)
        _ = try reader.execute("COMMIT")
        try world.swap(id)
    }

    @Test("a worker that looks at the table before it takes its position does not end in a deadlock with the swap")
    func otherOrder() async throws {
        let world = try ReplayWorld()
        try world.publishThings(20)
        _ = try await world.work(world.older)
        let id = try world.filledShadow()
        let worker = try world.world.database.connect()
        defer { worker.close() }
        _ = try worker.execute("BEGIN; SELECT FROM registry.thing_record")
        let hand = world.hand
        async let outcome = onReplayThread { try hand.swap(id) }
        try await waitUntil("the swap waits for the table") {
            try world.connection.one(
                """
                SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
                WHERE a.datname = current_database() AND a.application_name = 'lienthong replay positions'
                  AND NOT l.granted AND l.locktype = 'relation'
                """) == "1"
        }
        _ = try worker.execute("SELECT FROM ingest.position ORDER BY partition FOR UPDATE; COMMIT")
        #expect(try await outcome.balance.missing == 0)
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
    }

    @Test("workers are not kept waiting for longer than was said")
    func impatient() async throws {
        let world = try ReplayWorld()
        try world.publishThings(20)
        _ = try await world.work(world.older)
        let id = try world.filledShadow()
        try world.publishThings(300, versions: 4)
        _ = try await world.work(world.today)
        let hasty = try world.hand.shadow(id, restMax: .max, patience: .milliseconds(1))
        let sentence = try refusal { try hasty.swap(SwapRequest(by: "tests", because: "in haste")) }
        #expect(sentence?.contains("nothing was changed") == true, "\(sentence ?? "swapped")")
        #expect(try world.state(id).status == .done)
        try world.swap(id)
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
    }

    @Test("a live table that was changed meanwhile is not replaced by a copy of what it was")
    func changedMeanwhile() async throws {
        let world = try ReplayWorld()
        try world.publishThings(5)
        _ = try await world.work(world.older)
        let id = try world.filledShadow()
        let changes = [
            ("ALTER TABLE registry.thing_record ADD COLUMN extra text", "ALTER TABLE registry.thing_record DROP extra"),
            ("CREATE INDEX more ON registry.thing_tag (tag)", "DROP INDEX registry.more"),
            (
                "ALTER TABLE registry.thing_record ADD CONSTRAINT named CHECK (name <> '')",
                "ALTER TABLE registry.thing_record DROP CONSTRAINT named"
            ),
            (
                "ALTER TABLE registry.thing_record ALTER COLUMN name SET DEFAULT 'x'",
                "ALTER TABLE registry.thing_record ALTER COLUMN name DROP DEFAULT"
            ),
        ]
        for (change, undo) in changes {
            _ = try world.connection.execute(change)
            let sentence = try refusal { try world.swap(id) }
            #expect(
                sentence?.contains("was changed since it was copied") == true, "\(change): \(sentence ?? "swapped")")
            _ = try world.connection.execute(undo)
        }
        try world.swap(id)
    }

    @Test("what stands on a table and cannot be carried over is told when the copy is asked for, and at the swap")
    func obstacles() async throws {
        let world = try ReplayWorld()
        try world.publishThings(5)
        _ = try await world.work(world.older)
        let obstacles = [
            (
                "CREATE TABLE registry.other (id text REFERENCES registry.thing_record)",
                "foreign key other_id_fkey", "DROP TABLE registry.other"
            ),
            (
                "CREATE TRIGGER t BEFORE UPDATE ON registry.thing_tag EXECUTE FUNCTION ingest.refuse_change()",
                "the trigger t", "DROP TRIGGER t ON registry.thing_tag"
            ),
            (
                "ALTER TABLE registry.thing_record ENABLE ROW LEVEL SECURITY", "row-level security",
                "ALTER TABLE registry.thing_record DISABLE ROW LEVEL SECURITY"
            ),
            ("CREATE PUBLICATION p FOR ALL TABLES", "publication p", "DROP PUBLICATION p"),
            (
                "CREATE MATERIALIZED VIEW registry.m AS SELECT id FROM registry.thing_record",
                "materialized view registry.m", "DROP MATERIALIZED VIEW registry.m"
            ),
            ("CREATE TABLE registry.heir () INHERITS (registry.thing_tag)", "inherits", "DROP TABLE registry.heir"),
            (
                "CREATE FUNCTION registry.f(registry.thing_record) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
                "function registry.f", "DROP FUNCTION registry.f"
            ),
            (
                "CREATE VIEW registry.whole AS SELECT t FROM registry.thing_record t", "view registry.whole",
                "DROP VIEW registry.whole"
            ),
            (
                "CREATE RULE r AS ON DELETE TO registry.thing_tag DO ALSO SELECT 1", "the rule r",
                "DROP RULE r ON registry.thing_tag"
            ),
            (
                "CREATE SEQUENCE registry.s OWNED BY registry.thing_tag.position", "the sequence s",
                "DROP SEQUENCE registry.s"
            ),
        ]
        for (statement, words, undo) in obstacles {
            _ = try world.connection.execute(statement)
            let sentence = try refusal { try world.askShadow() } ?? "asked for"
            #expect(sentence.contains(words), "\(statement): \(sentence)")
            _ = try world.connection.execute(undo)
        }
        #expect(try world.tables(like: "thing%shadow%") == nil)
        #expect(try world.connection.one("SELECT count(*) FROM ingest.replay") == "0")
        let id = try world.filledShadow()
        for (statement, words, undo) in obstacles {
            _ = try world.connection.execute(statement)
            let sentence = try refusal { try world.swap(id) } ?? "swapped"
            #expect(sentence.contains(words), "\(statement): \(sentence)")
            _ = try world.connection.execute(undo)
        }
        try world.swap(id)
    }

    @Test("a runner that froze with the positions in its hands does not keep another from going on")
    func frozenRunner() async throws {
        let world = try ReplayWorld()
        try world.publishThings(100)
        _ = try await world.work(world.older)
        let id = try world.askShadow()
        let frozen = try PostgresConnection(world.world.database.url, applicationName: "frozen")
        defer { frozen.close() }
        _ = try frozen.execute(
            "BEGIN; SELECT FROM ingest.replay_position WHERE replay = \(id) FOR UPDATE")
        _ = try world.connection.execute(
            "UPDATE ingest.replay SET runner = 'frozen', seen_at = now() - interval '1 hour' WHERE id = \(id)")
        let replayer = world.replayer()
        #expect(try await onReplayThread { try replayer.run(id)?.ending } == .done)
        try world.swap(id)
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
    }

    @Test("whatever the history, it is one clean pass after the swap", arguments: 1...3 as ClosedRange<UInt64>)
    func randomHistories(seed: UInt64) async throws {
        var random = SeededRandom(seed)
        let world = try ReplayWorld(partitions: 3)
        func publishSome(_ count: Int) throws {
            try world.world.publish(
                (0..<count).map { _ in
                    let key = "k\(Int.random(in: 0..<25, using: &random))"
                    let version = Int64.random(in: 1...12, using: &random)
                    switch Int.random(in: 0..<10, using: &random) {
                    case 0: return OutgoingTestRecord(key: key, value: nil, version: version)
                    case 1: return OutgoingTestRecord(key: key, value: nil)
                    // Refused by the contract.
                    case 2: return OutgoingTestRecord(key: key, value: ThingTopic.value("other", version, "n"))
                    default:
                        // Sizes above 100 are refused by the database, where the mapping tells it.
                        return OutgoingTestRecord(
                            key: key,
                            value: ThingTopic.value(
                                key, version, "n\(Int.random(in: 0..<4, using: &random))",
                                size: Int.random(in: 0..<115, using: &random),
                                tags: (0..<Int.random(in: 0..<3, using: &random)).map { "t\($0)" }))
                    }
                })
        }
        try publishSome(150)
        _ = try await world.work(world.older)
        let id = try world.askShadow()
        try publishSome(60)
        _ = try await world.work(world.today)
        #expect(try world.replayer().run(id)?.ending == .done)
        try publishSome(60)
        _ = try await world.work(world.today)
        let comparison = try world.shadow(id).compare()
        let missing = comparison.balance.missing
        #expect(comparison.examples.count { $0.kind == .onlyLive } == min(Int(comparison.balance.onlyLive.rows), 5))
        if missing > 0 { #expect(throws: UserError.self) { try world.swap(id) } }
        try publishSome(40)
        _ = try await world.work(world.today)
        let now = try world.shadow(id).compare().balance.missing
        try world.swap(id, dropRows: now)
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
        #expect(
            try world.connection.one("SELECT count(*) FROM registry.thing")
                == world.connection.one("SELECT count(*) FROM registry.thing_record WHERE NOT deleted"))
        // The workers go on with it.
        try publishSome(50)
        _ = try await world.work(world.today)
        #expect(try thingRows(world.connection) == (try await world.cleanPass(world.today)))
    }
}

/// The same sequence for the same seed.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
