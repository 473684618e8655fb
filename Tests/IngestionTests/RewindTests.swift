// Positions moved by an operator: with workers at work, at rest, frozen elsewhere, and away.
import Contracts
import Foundation
import Kafka
import Model
import Postgres
import TestSupport
import Testing

@testable import Ingestion

/// Moves positions from a thread of its own, with connections of its own, as a command does.
private struct Mover: Sendable {
    let kafka: TestKafka
    let thing: ThingTopic
    let database: TestNationalDatabase

    func withRewind<Value>(
        to target: Rewind.Target, _ partitions: [Int32], _ body: (Rewind) throws -> Value
    ) throws -> Value {
        let connection = try database.connect()
        defer { connection.close() }
        let admin = try KafkaAdmin(settings: kafka.settings, clientID: "tests")
        defer { admin.close() }
        return try body(
            Rewind(
                thing.definition, codeLists: thing.codeLists, partitions: Set(partitions.map { Partition($0) }),
                to: target, connection: connection, admin: admin))
    }

    @discardableResult
    func rewind(to target: Rewind.Target, _ partitions: [Int32] = [], skip: Int64 = 0) throws -> [Rewind.Move] {
        try withRewind(to: target, partitions) {
            try $0.perform(skipRecords: skip, because: "a test", by: "tests")
        }
    }
}

extension WorkerWorld {
    fileprivate var mover: Mover { Mover(kafka: kafka, thing: thing, database: database) }

    @discardableResult
    fileprivate func rewind(
        to target: Rewind.Target, _ partitions: [Int32] = [], skip: Int64 = 0
    ) throws -> [Rewind.Move] {
        try mover.rewind(to: target, partitions, skip: skip)
    }

    fileprivate func plan(_ target: Rewind.Target, _ partitions: [Int32] = []) throws -> [String] {
        try mover.withRewind(to: target, partitions) { try $0.plan() }.map { "\($0.partition): \($0.from) \($0.to)" }
    }

    fileprivate func positions() throws -> String? {
        try connection.one("SELECT string_agg(next_offset::text, ' ' ORDER BY partition) FROM ingest.position")
    }

    /// Everything that a rewind may change.
    fileprivate func everything() throws -> String? {
        try connection.one(
            """
            SELECT concat((SELECT string_agg(p::text, '|' ORDER BY partition) FROM ingest.position p),
              (SELECT string_agg(o::text, '|' ORDER BY id) FROM ingest.operation o))
            """)
    }

    fileprivate func letters() throws -> String? {
        try connection.one(
            "SELECT string_agg(concat_ws(' ', id, partition, \"offset\", status), '|' ORDER BY id) FROM ingest.dead_letter"
        )
    }

    /// What lag tools see of the workers' group.
    fileprivate func committed() throws -> [Int64] {
        let reader = try KafkaConsumer(settings: kafka.settings, group: "\(thing.name)", clientID: "tests")
        defer { reader.close() }
        let places = (0..<thing.definition.contract.kafka.partitions).map { TopicPartition(thing.name, Partition($0)) }
        let committed = try reader.committed(places, timeoutMilliseconds: 10_000)
        return places.map { committed[$0]?.rawValue ?? -1 }
    }

    /// Versions, deletes and refused records, spread over two partitions.
    fileprivate func publishHistory() throws {
        try publish(
            (0..<300).map { number in
                let key = "k\(number % 70)"
                let version = Int64(number / 70 + 1)
                let value: [UInt8]? =
                    switch number % 10 {
                    case 7: nil
                    case 9: ThingTopic.value(key, version, "n", size: 1_000)
                    case 5: Array("{}".utf8)
                    default: ThingTopic.value(key, version, "n\(number)", tags: ["t"])
                    }
                return OutgoingTestRecord(
                    partition: Int32(number % 70 % 2), key: key, value: value,
                    version: value == nil ? version : nil)
            })
    }
}

@Suite("moving the live position", .serialized)
struct RewindTests {
    @Test("to the beginning while a worker runs: it catches up again, to the same rows and the same dead letters")
    func whileWorking() async throws {
        let world = try WorkerWorld(partitions: 2)
        try world.publishHistory()
        _ = try await world.catchUp()
        let ends = try #require(try world.positions())
        let rows = try thingRows(world.connection)
        let letters = try #require(try world.letters())
        let consumed = "SELECT sum(applied + superseded + deleted + dead_lettered) FROM ingest.position"
        try await world.whileWorking {
            try await waitUntil("the worker has told Kafka") { try world.committed().reduce(0, +) == 300 }
            for round in 1...3 as ClosedRange<Int64> {
                let moves = try world.rewind(to: .beginning)
                #expect(moves.map(\.to) == [NextOffset(0), NextOffset(0)])
                #expect(moves.reduce(0) { $0 + $1.readAgain } == 300)
                try await waitUntil("the worker has caught up again") { try world.positions() == ends }
                #expect(try world.connection.one(consumed) == "\(300 * (round + 1))")
            }
            try await waitUntil("Kafka follows") { try world.committed().reduce(0, +) == 300 }
        }
        #expect(try thingRows(world.connection) == rows)
        #expect(try world.letters() == letters)
        let operations = try world.connection.query(
            """
            SELECT by, because, partition, details ->> 'to', details ->> 'skipped',
              (SELECT sum((o.details ->> 'readAgain')::bigint) FROM ingest.operation o),
              (SELECT sum((o.details ->> 'consumed')::bigint) FROM ingest.operation o)
            FROM ingest.operation WHERE action = 'rewind' ORDER BY id
            """)
        #expect(operations.rowCount == 6)
        #expect((0..<7).map { operations[1, $0] } == ["tests", "a test", "1", "0", "0", "900", "1800"])
    }

    @Test("a paused topic stays where it is put, and is read from there once it is resumed; Kafka knows meanwhile")
    func whilePaused() async throws {
        let world = try WorkerWorld(partitions: 2)
        try world.publishHistory()
        _ = try await world.catchUp()
        let ends = try #require(try world.positions())
        try await world.whileWorking {
            try WorkControl.pause(topic: world.thing.name, because: "a test", by: "tests", connection: world.connection)
            try world.rewind(to: .offset(20))
            try await waitUntil("Kafka follows") { try world.committed() == [20, 20] }
            #expect(try world.positions() == "20 20")
            try WorkControl.resume(
                topic: world.thing.name, because: "a test", by: "tests", connection: world.connection)
            try await waitUntil("the worker has caught up again") { try world.positions() == ends }
        }
    }

    @Test("every kind of place, on logs of different lengths; a dry run changes nothing")
    func places() async throws {
        let world = try WorkerWorld(partitions: 3)
        let producer = try KafkaProducer(settings: world.kafka.settings, clientID: "tests")
        defer { producer.close() }
        for (partition, count) in [(0, 40), (1, 5)] as [(Int32, Int64)] {
            for number in 0..<count {
                let key = "k\(partition)-\(number)"
                try producer.send(
                    topic: world.thing.name, partition: Partition(partition), key: Array(key.utf8),
                    value: ThingTopic.value(key, 1, "n"), timestampMilliseconds: 1_700_000_000_000 + number * 1_000,
                    tag: 0)
            }
        }
        try producer.flush(timeoutMilliseconds: 60_000)
        _ = try await world.catchUp()
        let before = try world.everything()
        #expect(try world.plan(.beginning) == ["0: 40 0", "1: 5 0", "2: 0 0"])
        #expect(try world.plan(.end) == ["0: 40 40", "1: 5 5", "2: 0 0"])
        #expect(try world.plan(.offset(3), [0, 1]) == ["0: 40 3", "1: 5 3"])
        #expect(try world.plan(.offset(40), [0]) == ["0: 40 40"])
        #expect(try world.plan(.back(10)) == ["0: 40 30", "1: 5 0", "2: 0 0"])
        #expect(try world.plan(.back(.max)) == ["0: 40 0", "1: 5 0", "2: 0 0"])
        #expect(try world.plan(.time(milliseconds: 0)) == ["0: 40 0", "1: 5 0", "2: 0 0"])
        #expect(try world.plan(.time(milliseconds: 1_700_000_004_000)) == ["0: 40 4", "1: 5 4", "2: 0 0"])
        #expect(try world.plan(.time(milliseconds: 1_700_000_009_001)) == ["0: 40 10", "1: 5 5", "2: 0 0"])
        #expect(try world.plan(.time(milliseconds: .max)) == ["0: 40 40", "1: 5 5", "2: 0 0"])
        #expect(try world.everything() == before)
    }

    @Test("partitions that no worker ever claimed are moved as well; a worker begins there")
    func withoutWorker() async throws {
        let world = try WorkerWorld(partitions: 2)
        try world.publish(
            (0..<20).map {
                OutgoingTestRecord(
                    partition: Int32($0 % 2), key: "k\($0)", value: ThingTopic.value("k\($0)", 1, "n"))
            })
        // No worker has claimed anything yet.
        #expect(try world.plan(.end) == ["0: 0 10", "1: 0 10"])
        try world.rewind(to: .offset(4), [1], skip: 4)
        _ = try await world.catchUp()
        #expect(try world.positions() == "10 10")
        #expect(try world.connection.one("SELECT count(*) FROM registry.thing") == "16")
    }

    @Test("what is skipped is named exactly, over all partitions, and recorded; else nothing moves at all")
    func skipping() async throws {
        let world = try WorkerWorld(partitions: 2)
        try world.publishHistory()
        _ = try await world.catchUp()
        try world.rewind(to: .beginning, [0])
        let length = try #require(try world.mover.withRewind(to: .end, []) { try $0.plan() }.map(\.skipped).max())
        let before = try world.everything()
        for wrong in [0, length - 1, length + 1] {
            let error = try #require(throws: UserError.self) { try world.rewind(to: .end, skip: wrong) }
            #expect(error.status == .no)
            #expect(error.description.contains("--skip-records \(length)"))
        }
        // Backward in the one and forward in the other: neither, unless the number is right.
        #expect(throws: UserError.self) { try world.rewind(to: .offset(50), skip: 49) }
        #expect(try world.everything() == before)
        #expect(try world.rewind(to: .offset(50), skip: 50).map(\.to) == [NextOffset(50), NextOffset(50)])
        #expect(
            try world.connection.one(
                "SELECT string_agg(concat(partition, ' ', details ->> 'skipped'), ', ' ORDER BY id DESC) FROM ingest.operation WHERE id > 1"
            ) == "1 0, 0 50")
        #expect(throws: UserError.self) { try world.rewind(to: .beginning, skip: 1) }
    }

    @Test("the record before the new position is kept with it, so that another log is still noticed")
    func knownLog() async throws {
        let world = try WorkerWorld(partitions: 1)
        func known() throws -> String? {
            try world.connection.one(
                "SELECT concat_ws(' ', next_offset, last_record_offset, last_record_hash) FROM ingest.position")
        }
        func publish(_ numbers: Range<Int>) throws {
            try world.publish(
                numbers.map {
                    OutgoingTestRecord(partition: 0, key: "k\($0)", value: ThingTopic.value("k\($0)", 1, "n"))
                })
        }
        try publish(0..<5)
        _ = try await world.catchUp()
        let five = try known()
        try publish(5..<9)
        _ = try await world.catchUp()
        try world.rewind(to: .back(4))
        #expect(try known() == five)
        try world.rewind(to: .beginning)
        #expect(try known() == "0")
        try world.rewind(to: .offset(5), skip: 5)
        _ = try await world.catchUp()
        #expect(try world.connection.one("SELECT next_offset FROM ingest.position") == "9")
    }

    @Test(
        "away from a gap nothing is moved, whether it stands or nobody has noticed it yet",
        arguments: [
            "gap_kind = 'unreadable', gap_because = 'a test'", "next_offset = 50", "last_record_hash = 1",
            "last_record_offset = 3, last_record_hash = 1",
        ])
    func gaps(change: String) async throws {
        let world = try WorkerWorld(partitions: 2)
        try world.publish(
            (0..<12).map {
                OutgoingTestRecord(
                    partition: Int32($0 % 2), key: "k\($0)", value: ThingTopic.value("k\($0)", 1, "n"))
            })
        _ = try await world.catchUp()
        _ = try world.connection.execute("UPDATE ingest.position SET \(change) WHERE partition = 1")
        let before = try world.everything()
        let error = try #require(throws: UserError.self) { try world.rewind(to: .beginning) }
        #expect(error.status == .no)
        #expect(error.description.contains("accept-gap"))
        #expect(throws: UserError.self) { try world.plan(.beginning) }
        #expect(try world.everything() == before)
        try world.rewind(to: .beginning, [0])
        #expect(try world.connection.one("SELECT next_offset FROM ingest.position WHERE partition = 0") == "0")
    }

    @Test("an unknown partition, an offset outside of the log and a topic that Kafka has not are sentences")
    func badPlaces() async throws {
        let world = try WorkerWorld(partitions: 2)
        try world.publish([OutgoingTestRecord(partition: 0, key: "a", value: ThingTopic.value("a", 1, "n"))])
        _ = try await world.catchUp()
        let before = try world.everything()
        func refusal(_ target: Rewind.Target, _ partitions: [Int32] = []) throws -> UserError {
            try #require(throws: UserError.self) { try world.rewind(to: target, partitions) }
        }
        #expect(try refusal(.beginning, [0, 2]).description.contains("partitions are 0 to 1"))
        let outside = try refusal(.offset(2), [0])
        #expect(outside.status == .usage)
        #expect(outside.description.contains("from 0 to 1"))
        #expect(try refusal(.offset(1)).description.contains("\(world.thing.name)[1]"))
        #expect(try refusal(.offset(-1), [0]).status == .usage)
        #expect(try world.everything() == before)
        let missing = try ThingTopic(partitions: 1)
        let admin = try KafkaAdmin(settings: world.kafka.settings, clientID: "tests")
        defer { admin.close() }
        let error = try #require(throws: UserError.self) {
            try Rewind(
                missing.definition, codeLists: missing.codeLists, partitions: [], to: .end,
                connection: world.connection, admin: admin
            ).plan()
        }
        #expect(error.status == .configuration)
    }

    @Test("a log is known again whatever its values spell with escapes, and of a state secret no fingerprint is kept")
    func fingerprints() async throws {
        let world = try WorkerWorld(partitions: 1)
        func record(_ members: String) -> OutgoingTestRecord {
            OutgoingTestRecord(key: "k", value: Array("{\"id\": \"k\", \(members)}".utf8))
        }
        try world.publish([
            record(#""name": "\u0041", "version": 1"#), record(#""name": "stateSecret", "version": 2"#),
            record(#""stateSecre\u0074": true, "version": 3"#), record(#""name": "\u0042", "version": 4"#),
        ])
        _ = try await world.catchUp()
        func last(after target: Rewind.Target) throws -> String? {
            try world.rewind(to: target)
            return try world.connection.one(
                "SELECT concat_ws(' ', next_offset, last_record_offset, last_record_hash IS NOT NULL) FROM ingest.position"
            )
        }
        #expect(try last(after: .offset(3)) == "3 f")
        #expect(try last(after: .offset(2)) == "2 1 t")
        #expect(try last(after: .offset(1)) == "1 0 t")
        #expect(try last(after: .offset(0)) == "0 f")
        _ = try await world.catchUp()
        #expect(try world.connection.one("SELECT record_version FROM registry.thing_record") == "4")
    }

    @Test("two at the same time: one after the other, to the same rows")
    func together() async throws {
        let world = try WorkerWorld(partitions: 2)
        try world.publishHistory()
        _ = try await world.catchUp()
        let ends = try #require(try world.positions())
        let rows = try thingRows(world.connection)
        let mover = world.mover
        try await world.whileWorking {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for target in [Rewind.Target.beginning, .back(20), .beginning, .back(100)] {
                    group.addTask {
                        try await onThread("rewind") {
                            // Whoever finds the position behind its own aim would skip, and says so.
                            do { try mover.rewind(to: target) } catch let error as UserError {
                                guard case .back = target, error.description.contains("--skip-records") else {
                                    throw error
                                }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await waitUntil("the worker has caught up again") { try world.positions() == ends }
        }
        #expect(try thingRows(world.connection) == rows)
    }

    @Test("one that was overtaken by another does not skip what that one wanted read again")
    func overtaken() async throws {
        let world = try WorkerWorld(partitions: 1)
        try world.publish(
            (0..<9).map { OutgoingTestRecord(partition: 0, key: "k\($0)", value: ThingTopic.value("k\($0)", 1, "n")) })
        _ = try await world.catchUp()
        _ = try world.connection.execute("BEGIN; SELECT FROM ingest.position FOR UPDATE")
        let mover = world.mover
        async let second = onThread("rewind") { Result { try mover.rewind(to: .back(2)) } }
        let watcher = try world.database.connect()
        try await waitUntil("the second waits for the row") {
            try watcher.one(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
                == "1"
        }
        _ = try world.connection.execute("UPDATE ingest.position SET next_offset = 0, epoch = epoch + 1; COMMIT")
        let outcome = try await second
        let error = try #require(throws: UserError.self) { try outcome.get() }
        #expect(error.description.contains("--skip-records 7"))
        #expect(try world.positions() == "0")
    }

    @Test("a dead letter is not doubled by reading again; where its record now passes it is closed")
    func lettersReadAgain() async throws {
        let world = try WorkerWorld(partitions: 1)
        let large = ThingTopic.value("c", 1, "n", size: 102)
        try world.publish([
            OutgoingTestRecord(partition: 0, key: "a", value: ThingTopic.value("a", 1, "n", size: 101)),
            OutgoingTestRecord(partition: 0, key: "b", value: Array("{}".utf8)),
            OutgoingTestRecord(partition: 0, key: "c", value: large),
        ])
        _ = try await world.catchUp()
        #expect(try world.letters() == "1 0 0 open|2 0 1 open|3 0 2 open")
        try world.rewind(to: .beginning)
        _ = try await world.catchUp()
        #expect(try world.letters() == "1 0 0 open|2 0 1 open|3 0 2 open")
        #expect(try world.fates() == "0 0 0 6")

        // Of the third the same was sent again, and has not been read yet when the position is moved.
        let print = PlainSealer().recordFingerprint(key: Array("c".utf8), value: large, topic: world.thing.name)
        _ = try world.connection.query(
            """
            WITH sent AS (
              UPDATE ingest.dead_letter SET status = 'redriven', redriven_at = now() WHERE id = 3
              RETURNING id, topic, incarnation, partition, "offset")
            INSERT INTO ingest.redriven SELECT id, $1::bytea, topic, incarnation, partition, "offset", now() FROM sent
            """, [Hexadecimal.bytea(print)])
        try world.publish([
            OutgoingTestRecord(
                partition: 0, key: Array("c".utf8), value: large,
                headers: [(name: "\(DeadLetterLink.header)", value: Array("3".utf8))])
        ])
        _ = try world.connection.execute("ALTER TABLE registry.thing_record DROP CONSTRAINT thing_record_size_check")
        try world.rewind(to: .beginning)
        _ = try await world.catchUp()
        let letters = try #require(try world.letters())
        // Whether the record or what was sent of it was applied, depends on the batches.
        #expect(["applied", "superseded"].map { "1 0 0 applied|2 0 1 open|3 0 2 \($0)" }.contains(letters))
        #expect(try world.connection.one("SELECT string_agg(id, ' ' ORDER BY id) FROM registry.thing") == "a c")
        try world.rewind(to: .beginning)
        _ = try await world.catchUp()
        #expect(try world.letters() == letters)
    }
}
