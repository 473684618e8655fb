// The lives of dead letters as workers write them, against a real PostgreSQL.
import Contracts
import Foundation
import Model
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Ingestion

@Suite("dead letters in the merge")
struct LetterTests {
    private let bench: BatchBench

    init() throws { bench = try BatchBench(size: "bigint") }

    private func record(
        _ offset: Int64, _ key: String, _ version: Int64, _ name: String, size: Int? = nil, letter: Int64? = nil
    ) -> LogRecord {
        var raw = LogRecord(offset: offset, key: key, value: ThingTopic.value(key, version, name, size: size)).record
        if let letter { raw.headers.append(("\(DeadLetterLink.header)", Array("\(letter)".utf8))) }
        return LogRecord(offset: offset, key: key, raw: raw)
    }

    /// The contract refuses it: it has no name.
    private func bad(_ offset: Int64, _ key: String, _ version: Int64? = 5, letter: Int64? = nil) -> LogRecord {
        let value = Array("{\"id\": \"\(key)\", \"version\": \(version.map { "\($0)" } ?? "0"), \"tags\": []}".utf8)
        let headers = letter.map { [("\(DeadLetterLink.header)", Array("\($0)".utf8) as [UInt8]?)] } ?? []
        return LogRecord(
            offset: offset, key: key, raw: RawRecord(key: Array(key.utf8), value: value, headers: headers))
    }

    /// What `dead-letters redrive` writes before it publishes.
    private func send(_ letter: Int64, _ record: LogRecord, to other: BatchBench? = nil) throws {
        let bench = other ?? bench
        let print = PlainSealer().recordFingerprint(
            key: record.record.key, value: record.record.value, topic: bench.topic.definition.name)
        _ = try bench.connection.query(
            """
            WITH sent AS (
              UPDATE ingest.dead_letter SET status = 'redriven', redriven_at = now() WHERE id = $1::bigint
              RETURNING id, topic, incarnation, partition, "offset")
            INSERT INTO ingest.redriven SELECT id, $2::bytea, topic, incarnation, partition, "offset", now() FROM sent
            ON CONFLICT (letter, fingerprint) DO UPDATE SET sent_at = excluded.sent_at
            """, ["\(letter)", "\\x" + Hexadecimal.text(print)])
    }

    private func letters() throws -> String? {
        try bench.one(
            "SELECT string_agg(\"offset\" || ' ' || status || ' ' || refusals || ' ' || reason, ', ' ORDER BY id) FROM ingest.dead_letter"
        )
    }

    private func steps() throws -> String? {
        try bench.one("SELECT string_agg(letter || ' ' || step, ', ' ORDER BY id) FROM ingest.dead_letter_step")
    }

    private func name(_ key: String) throws -> String? {
        try bench.one("SELECT name FROM registry.thing WHERE id = '\(key)'")
    }

    @Test("a redriven record keeps its letter's rank: what came since, of its version, still wins")
    func rank() throws {
        try bench.write([bad(0, "a"), bad(1, "b")])
        let again = record(3, "a", 5, "mended", letter: 1)
        let late = record(4, "b", 5, "mended", letter: 2)
        try send(1, again)
        try send(2, late)
        try bench.write([record(2, "b", 5, "since")])
        #expect(try letters() == "0 redriven 1 missing-field, 1 redriven 1 missing-field")
        try bench.write([again, late])
        #expect(try name("a") == "mended")
        #expect(try name("b") == "since")
        #expect(
            try bench.one(
                "SELECT record_offset || ' ' || origin_offset FROM registry.thing_record WHERE id = 'a'") == "0 3")
        #expect(try letters() == "0 applied 1 missing-field, 1 superseded 1 missing-field")
        #expect(try steps() == "1 applied, 2 superseded")
        #expect(bench.fates == Fates(applied: 2, superseded: 1, deadLettered: 2))

        // Read again from the log's beginning, the same ends alike.
        try bench.write([
            bad(0, "a"), bad(1, "b"), record(2, "b", 5, "since"), again,
            late,
        ])
        #expect(try name("a") == "mended")
        #expect(try name("b") == "since")
        #expect(try letters() == "0 applied 1 missing-field, 1 superseded 1 missing-field")
    }

    @Test("within one batch, too, the rank decides, not the order of the log", arguments: [true, false])
    func rankWithinBatch(oneBatch: Bool) throws {
        try bench.write([bad(0, "a")])
        let again = record(3, "a", 5, "mended", letter: 1)
        try send(1, again)
        let log = [record(2, "a", 5, "since"), again]
        for batch in oneBatch ? [log] : log.map({ [$0] }) { try bench.write(batch) }
        #expect(try name("a") == "since")
        #expect(try letters() == "0 superseded 1 missing-field")
    }

    @Test("what is refused once more is its letter again, and the third time quarantined; no other letter is made")
    func refusedAgain() throws {
        try bench.write([bad(0, "a")])
        for offset in 1...3 as ClosedRange<Int64> {
            let again = bad(offset, "a", letter: 1)
            try send(1, again)
            try bench.write([again])
            let status = offset == 1 ? "open 2" : offset == 2 ? "quarantined 3" : "quarantined 4"
            #expect(try letters() == "0 \(status) missing-field")
        }
        #expect(try steps() == "1 refused, 1 quarantined, 1 quarantined")
        #expect(bench.fates == Fates(deadLettered: 4))
        #expect(try bench.one("SELECT dead_lettered FROM ingest.position") == "4")
    }

    @Test(
        "a record that names a letter and is not known to be sent of it takes no rank: it is a dead letter of its own")
    func forged() throws {
        try bench.write([bad(0, "a"), bad(1, "b")])
        try send(1, record(9, "a", 5, "mended"))
        try bench.write([
            record(2, "a", 5, "forged", letter: 1), record(3, "b", 1, "stranger", letter: 77), bad(4, "c", letter: 78),
        ])
        #expect(try bench.one("SELECT count(*) FROM registry.thing_record") == "0")
        #expect(
            try letters()
                == "0 redriven 1 missing-field, 1 open 1 missing-field, 2 open 1 inconsistent, 3 open 1 inconsistent, 4 open 1 missing-field"
        )
        #expect(bench.fates == Fates(deadLettered: 5))
    }

    @Test("a redriven record that is refused when its letter is closed, or gone, is a letter of its own: none is lost")
    func refusedWithoutLetter() throws {
        try bench.write([bad(0, "a"), bad(1, "b")])
        let first = bad(2, "a", letter: 1)
        let second = bad(3, "b", letter: 2)
        try send(1, first)
        try send(2, second)
        _ = try bench.connection.execute(
            """
            UPDATE ingest.dead_letter SET status = 'discarded', closed_at = now() WHERE id = 1;
            DELETE FROM ingest.dead_letter WHERE id = 2
            """)
        try bench.write([first, second])
        #expect(
            try letters() == "0 discarded 1 missing-field, 2 open 1 missing-field, 3 open 1 missing-field")
        #expect(bench.fates == Fates(deadLettered: 4))
        #expect(try bench.one("SELECT sum(dead_lettered) FROM ingest.position") == "4")
    }

    @Test("only the refusal of what was sent last is the letter's; an older copy is kept apart")
    func olderCopy() throws {
        try bench.write([bad(0, "a")])
        let old = bad(1, "a", letter: 1)
        let repaired = record(2, "a", 5, "mended", letter: 1)
        try send(1, old)
        try send(1, repaired)
        try bench.write([old])
        #expect(try letters() == "0 redriven 1 missing-field, 1 open 1 missing-field")
        try bench.write([repaired])
        #expect(try letters() == "0 applied 1 missing-field, 1 open 1 missing-field")
        #expect(try name("a") == "mended")
    }

    @Test(
        "a repaired record stays in place of the original, which a later contract lets pass", arguments: [true, false])
    func repairedStays(oneBatch: Bool) throws {
        let thing = try ThingTopic()
        let database = try TestNationalDatabase(size: "bigint")
        let original = record(0, "a", 5, "original")
        let repaired = record(1, "a", 5, "repaired", letter: 1)
        let old = try BatchBench(database, thing.definition, thing.codeLists)
        // Refused once, for whatever reason that is no more.
        try old.write([bad(0, "a")])
        try send(1, repaired, to: old)
        try old.write([repaired])
        let new = try BatchBench(database, thing.withRevision(2), thing.codeLists)
        for batch in oneBatch ? [[original, repaired]] : [[original], [repaired]] { try new.write(batch) }
        #expect(
            try new.one("SELECT name || ' ' || mapping_revision || ' ' || origin_offset FROM registry.thing_record")
                == "repaired 2 1")
    }

    @Test(
        "what is newer than its record closes a waiting letter, on every path; what is older, or cannot be told, does not",
        arguments: [PathChooser.Path.merge(.insertFirst), .merge(.updateFirst), .copy, .sieve])
    func overtaken(path: PathChooser.Path) throws {
        func big(_ offset: Int64, _ key: String, _ version: Int64) -> LogRecord {
            record(offset, key, version, "big", size: 101)
        }
        bench.topic.paths.withLock { $0 = .always(path) }
        try bench.write([
            big(0, "a", 5), big(1, "b", 5), big(2, "c", 5), big(3, "d", 5), bad(4, "e", nil), big(5, "f", 5),
            bad(6, "g"), bad(7, "h"), bad(8, "i"),
        ])
        try bench.write([
            record(9, "a", 6, "newer"), record(10, "c", 4, "older"), record(11, "d", 5, "later"),
            record(12, "e", 9, "n"), record(13, "g", 6, "newer"), record(14, "h", 4, "older"),
        ])
        try bench.write([
            LogRecord(offset: 15, key: "b", tombstoneVersion: 7), LogRecord(offset: 16, key: "f", tombstoneVersion: 4),
            LogRecord(offset: 17, key: "i", tombstoneVersion: 5),
        ])
        #expect(
            try bench.one("SELECT string_agg(\"offset\" || ' ' || status, ', ' ORDER BY id) FROM ingest.dead_letter")
                == "0 superseded, 1 superseded, 2 open, 3 superseded, 4 open, 5 open, 6 superseded, 7 open, 8 superseded"
        )
        #expect(try steps() == "1 superseded, 4 superseded, 7 superseded, 2 superseded, 9 superseded")
        #expect(try name("c") == "older")
    }

    @Test("what was repaired to another version counts by that one, where it is refused again")
    func repairedVersion() throws {
        try bench.write([bad(0, "a"), bad(1, "b")])
        let later = bad(2, "a", 7, letter: 1)
        let unknown = bad(3, "b", nil, letter: 2)
        try send(1, later)
        try send(2, unknown)
        try bench.write([later, unknown])
        try bench.write([record(4, "a", 6, "between"), record(5, "b", 9, "newer")])
        #expect(try letters() == "0 open 2 missing-field, 1 open 2 missing-field")
        try bench.write([record(6, "a", 8, "newer")])
        #expect(try letters() == "0 superseded 2 missing-field, 1 open 2 missing-field")
    }

    @Test("a letter that another worker of the partition has made is closed by the next one's newer record")
    func letterOfAnother() throws {
        let thing = try ThingTopic()
        let database = try TestNationalDatabase(size: "bigint")
        let first = try BatchBench(database, thing.definition, thing.codeLists)
        let second = try BatchBench(database, thing.definition, thing.codeLists)
        try second.write([record(0, "z", 1, "before")])
        try first.write([bad(1, "a"), bad(2, "b", nil)])
        // As a lane does with each claim.
        let place = Partition(0)
        second.topic.waiting = try PositionStore(connection: second.connection)
            .waitingLetters(of: thing.definition.name, [place])
        try second.write([record(3, "a", 6, "newer"), record(4, "b", 6, "newer")])
        #expect(
            try second.one("SELECT string_agg(\"offset\" || ' ' || status, ', ' ORDER BY id) FROM ingest.dead_letter")
                == "1 superseded, 2 open")
        // And now and then in between.
        try first.write([bad(5, "c"), bad(6, "d")])
        try second.write([record(7, "c", 6, "unseen")])
        second.topic.waiting = try PositionStore(connection: second.connection)
            .waitingLetters(of: thing.definition.name, [place], beside: second.topic.waiting)
        try second.write([record(8, "c", 7, "newer"), record(9, "d", 6, "newer")])
        #expect(
            try second.one("SELECT string_agg(\"offset\" || ' ' || status, ', ' ORDER BY id) FROM ingest.dead_letter")
                == "1 superseded, 2 open, 5 superseded, 6 superseded")
    }

    @Test("in any order and any batches, a letter is closed by what is newer and takes effect, and by nothing else")
    func randomOrders() throws {
        var random = SystemRandomNumberGenerator()
        for round in 0..<12 {
            let bench = try BatchBench(size: "bigint")
            var model: [String: [(version: Int64, offset: Int64, isOpen: Bool)]] = [:]
            var best: [String: Int64] = [:]
            var log: [String] = []
            var offset: Int64 = 0
            for _ in 0..<6 {
                var batch: [LogRecord] = []
                var winners: [String: Int64] = [:]
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    let key = ["a", "b", "c"].randomElement(using: &random) ?? "a"
                    // Every version once at most, so that which one takes effect needs no second rule.
                    let version = Int64.random(in: 1...1_000_000, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0:
                        batch.append(bad(offset, key, version))
                        model[key, default: []].append((version, offset, true))
                    case 1:
                        batch.append(bad(offset, key, nil))
                        model[key, default: []].append((.max, offset, true))
                    default:
                        batch.append(record(offset, key, version, "n\(offset)"))
                        winners[key] = max(winners[key] ?? 0, version)
                    }
                    log.append("\(offset) \(key) \(version)")
                    offset += 1
                }
                try bench.write(batch)
                for (key, version) in winners where version > best[key] ?? 0 {
                    best[key] = version
                    for index in (model[key] ?? []).indices where model[key]?[index].version ?? .max < version {
                        model[key]?[index].isOpen = false
                    }
                }
            }
            let expected = model.values.joined().sorted { $0.offset < $1.offset }
                .map { "\($0.offset) \($0.isOpen ? "open" : "superseded")" }.joined(separator: ", ")
            let found = try bench.one(
                "SELECT string_agg(\"offset\" || ' ' || status, ', ' ORDER BY \"offset\") FROM ingest.dead_letter")
            #expect(found ?? "" == expected, "round \(round): \(log)")
        }
    }

    @Test("a letter that was thought refused is applied all the same where its record arrives and passes")
    func lateSuccess() throws {
        try bench.write([bad(0, "a")])
        let again = record(1, "a", 5, "mended", letter: 1)
        try send(1, again)
        _ = try bench.connection.execute("UPDATE ingest.dead_letter SET status = 'open'")
        try bench.write([again])
        #expect(try letters() == "0 applied 1 missing-field")
    }

    @Test(
        "a tombstone that no row can rank is its letter again when it is sent again, and a delete where it can be ranked"
    )
    func foreignTombstone() throws {
        func tombstone(_ offset: Int64, letter: Int64? = nil) -> LogRecord {
            let headers = letter.map { [("\(DeadLetterLink.header)", Array("\($0)".utf8) as [UInt8]?)] } ?? []
            return LogRecord(
                partition: 1, offset: offset, key: "a",
                raw: RawRecord(key: Array("a".utf8), value: nil, headers: headers))
        }
        try bench.write([record(0, "a", 5, "here")])
        try bench.write([tombstone(1)])
        #expect(try letters() == "1 open 1 version-missing")
        try send(1, tombstone(2, letter: 1))
        try bench.write([tombstone(2, letter: 1)])
        #expect(try letters() == "1 open 2 version-missing")
        #expect(try steps() == "1 refused")
        #expect(try name("a") == "here")
        // The row has come to that partition meanwhile, but as it was before the letter: then the delete counts.
        let moved = ThingTopic.value("a", 6, "moved")
        try bench.write([LogRecord(partition: 1, offset: 0, key: "a", value: moved)])
        try send(1, tombstone(3, letter: 1))
        try bench.write([tombstone(3, letter: 1)])
        #expect(try letters() == "1 applied 2 version-missing")
        #expect(try name("a") == nil)
    }

    @Test("of a redriven record that turns out a state secret nothing is kept")
    func secret() throws {
        try bench.write([bad(0, "a")])
        let value = Array("{\"id\": \"a\", \"name\": \"n\", \"version\": 5, \"stateSecret\": true}".utf8)
        let again = LogRecord(
            offset: 1, key: "a",
            raw: RawRecord(key: Array("a".utf8), value: value, headers: [("\(DeadLetterLink.header)", Array("1".utf8))])
        )
        try send(1, again)
        try bench.write([again])
        #expect(try letters() == "0 open 2 state-secret")
        #expect(
            try bench.one(
                "SELECT coalesce(payload, key_fingerprint, repaired) IS NULL AND key_hint IS NULL AND key_id IS NULL FROM ingest.dead_letter"
            ) == "t")
    }
}
