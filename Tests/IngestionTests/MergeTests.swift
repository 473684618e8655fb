import Contracts
import Foundation
import Model
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Ingestion

/// The rules of newest wins, told one by one against a real PostgreSQL.
@Suite("newest wins")
struct MergeTests {
    private func record(
        _ offset: Int64, _ key: String, _ version: Int64, _ name: String, partition: Int32 = 0, size: Int? = nil,
        tags: [String] = []
    ) -> LogRecord {
        LogRecord(
            partition: partition, offset: offset, key: key,
            value: ThingTopic.value(key, version, name, size: size, tags: tags))
    }

    private func tombstone(_ offset: Int64, _ key: String, version: Int64? = nil, partition: Int32 = 0) -> LogRecord {
        LogRecord(partition: partition, offset: offset, key: key, value: nil, tombstoneVersion: version)
    }

    @Test("a newer version replaces the row and its list, an older one is superseded")
    func replaces() throws {
        let bench = try BatchBench()
        try bench.write([record(0, "a", 2, "two", tags: ["x", "y"])])
        try bench.write([record(1, "a", 3, "three", tags: ["z"])])
        try bench.write([record(2, "a", 1, "one", tags: ["q", "r", "s"])])
        #expect(try bench.rows() == ["a|three|-|3|0|1|d|p|f|1z"])
        #expect(bench.fates == Fates(applied: 2, superseded: 1))
    }

    @Test("applying the same records again changes nothing and counts them superseded")
    func again() throws {
        let bench = try BatchBench()
        let log = [
            record(0, "a", 1, "one"), record(1, "b", 1, "bee", tags: ["t"]), tombstone(2, "b"),
            record(3, "c", 7, "sea"),
        ]
        try bench.write(log)
        let before = try bench.rows()
        let first = bench.fates
        try bench.write(log)
        #expect(try bench.rows() == before)
        #expect(first == Fates(applied: 2, superseded: 1, deleted: 1))
        #expect(bench.fates - first == Fates(superseded: 4))
    }

    @Test("an equal version with the same content moves the rank and leaves the row")
    func sameContent() throws {
        let bench = try BatchBench()
        try bench.write([record(5, "a", 1, "one")])
        try bench.write([record(9, "a", 1, "one")])
        #expect(try bench.rows() == ["a|one|-|1|0|9|d|p|f"])
        #expect(try bench.one("SELECT origin_offset FROM registry.thing_record") == "5")
        #expect(bench.fates == Fates(applied: 1, superseded: 1))
    }

    @Test("an equal version with other content is applied and counted as a conflict")
    func conflict() throws {
        let bench = try BatchBench()
        try bench.write([record(0, "a", 1, "one")])
        try bench.write([record(1, "a", 1, "other")])
        #expect(try bench.rows() == ["a|other|-|1|0|1|d|p|f"])
        #expect(bench.fates.applied == 2)
        try bench.write([record(2, "b", 1, "one"), record(3, "b", 1, "other")])
        #expect(
            try bench.one("SELECT sum(count) FROM ingest.quality_warning WHERE rule = 'same-version-conflict'") == "2")
    }

    @Test("a delete empties the row and its list; a late older record does not bring it back")
    func deletes() throws {
        let bench = try BatchBench()
        try bench.write([record(0, "a", 5, "five", tags: ["x"])])
        try bench.write([tombstone(1, "a", version: 6)])
        try bench.write([record(2, "a", 4, "four")])
        #expect(try bench.rows() == ["a|-|-|5|0|0|d|6|0|1|p|t"])
        #expect(bench.fates == Fates(applied: 1, superseded: 1, deleted: 1))
        #expect(
            try bench.one("SELECT sum(count) FROM ingest.quality_warning WHERE rule = 'lower-version-after-delete'")
                == "1")
        try bench.write([record(3, "a", 7, "seven", tags: ["y"])])
        #expect(try bench.rows() == ["a|seven|-|7|0|3|d|6|0|1|p|f|1y"])
    }

    @Test("a batch of nothing but tombstones, and one of nothing but repeated records, are each accounted for")
    func largeBatches() throws {
        let bench = try BatchBench()
        let records = (0..<6_000).map { record(Int64($0), "k\($0)", 1, "n", tags: ["t"]) }
        try bench.write(records)
        try bench.write(records)
        #expect(bench.fates == Fates(applied: 6_000, superseded: 6_000))
        try bench.write((0..<6_000).map { tombstone(Int64(6_000 + $0), "k\($0)", version: $0 % 2 == 0 ? 2 : nil) })
        #expect(bench.fates == Fates(applied: 6_000, superseded: 6_000, deleted: 6_000))
        #expect(try bench.one("SELECT count(*) FROM registry.thing_tag") == "0")
    }

    @Test("a tombstone without a version deletes what came before it, by offset alone")
    func plainDelete() throws {
        let bench = try BatchBench()
        try bench.write([record(0, "a", 5, "five"), tombstone(1, "a"), record(2, "a", 6, "six")])
        #expect(try bench.rows() == ["a|six|-|6|0|2|d|p|0|1|f"])
        try bench.write([tombstone(3, "a")])
        #expect(try bench.one("SELECT count(*) FROM registry.thing") == "0")
        #expect(bench.fates == Fates(applied: 1, superseded: 2, deleted: 1))
    }

    @Test("from another partition only a strictly greater version wins, and a tombstone without one is a dead letter")
    func foreignPartition() throws {
        let bench = try BatchBench()
        try bench.write([record(10, "a", 5, "five")])
        try bench.write([record(0, "a", 5, "foreign", partition: 1)])
        try bench.write([tombstone(1, "a", partition: 1)])
        #expect(try bench.rows() == ["a|five|-|5|0|10|d|p|f"])
        #expect(bench.fates == Fates(applied: 1, superseded: 1, deadLettered: 1))
        #expect(
            try bench.one("SELECT reason || ' ' || partition || ' ' || \"offset\" FROM ingest.dead_letter")
                == "version-missing 1 1")
        try bench.write([record(2, "a", 6, "six", partition: 1)])
        #expect(try bench.rows() == ["a|six|-|6|1|2|d|p|f"])
    }

    @Test("a key that comes by two partitions in one batch is written partition by partition")
    func twoPartitions() throws {
        let bench = try BatchBench()
        try bench.write([record(0, "a", 1, "zero"), record(0, "a", 2, "one", partition: 1), record(1, "b", 1, "bee")])
        #expect(try bench.rows() == ["a|one|-|2|1|0|d|p|f", "b|bee|-|1|0|1|d|p|f"])
        #expect(bench.fates == Fates(applied: 3))
    }

    @Test(
        "records that the database refuses become dead letters, and a good older version is not lost for a refused newer one"
    )
    func refused() throws {
        let bench = try BatchBench()
        var log = (0..<40).map { record(Int64($0), "k\($0)", 1, "n") }
        log.append(record(40, "x", 5, "good"))
        log.append(record(41, "x", 6, "bad", size: 101))
        log.append(record(42, "k3", 2, "worse", size: 1_000_000))
        log.append(record(43, "y", 1, "last"))
        try bench.write(log)
        #expect(bench.fates == Fates(applied: 42, deadLettered: 2))
        #expect(try bench.one("SELECT name FROM registry.thing WHERE id = 'x'") == "good")
        #expect(try bench.one("SELECT name FROM registry.thing WHERE id = 'k3'") == "n")
        #expect(
            try bench.one(
                "SELECT string_agg(reason || ' ' || sql_state || ' ' || \"offset\", ',' ORDER BY \"offset\") FROM ingest.dead_letter"
            )
                == "database-refused 23514 41,database-refused 22003 42")
        #expect(try bench.one("SELECT next_offset FROM ingest.position") == "44")
    }

    @Test("all records that break a constraint are found at once: what is left is one transaction, not halves")
    func breaches() throws {
        let bench = try BatchBench()
        try bench.write(
            (0..<600).map { record(Int64($0), "k\($0)", 1, "n", size: $0 % 10 == 3 ? 101 : 1, tags: ["t"]) })
        #expect(bench.fates == Fates(applied: 540, deadLettered: 60))
        #expect(bench.batches == 1)
        #expect(
            try bench.one(
                "SELECT count(*) || ' ' || min(\"offset\") || ' ' || max(\"offset\") FROM ingest.dead_letter WHERE reason = 'database-refused' AND rule = 'SQLSTATE 23514, constraint thing_record_size_check' AND sql_state = '23514'"
            ) == "60 3 593")
        #expect(try bench.one("SELECT count(*) FROM registry.thing_tag") == "540")
    }

    @Test("new rows are copied straight into the tables; a key that is known sends the batch the other way")
    func copied() throws {
        let bench = try BatchBench(size: "bigint")
        bench.topic.paths.withLock { $0 = .always(.copy) }
        let first = (0..<50).map { record(Int64($0), "k\($0)", 1, "n", size: 7, tags: $0 % 3 == 0 ? ["x", "y"] : []) }
        try bench.write(
            first + [record(50, "k49", 2, "again"), LogRecord(offset: 51, key: "bad", value: Array("{".utf8))])
        #expect(bench.fates == Fates(applied: 50, superseded: 1, deadLettered: 1))
        #expect(try bench.one("SELECT count(*) FROM registry.thing WHERE name = 'n' AND size = 7") == "49")
        #expect(try bench.one("SELECT count(*) FROM registry.thing_tag") == "34")
        #expect(try bench.one("SELECT next_offset FROM ingest.position") == "52")
        #expect(
            try bench.one("SELECT count(*) FROM registry.thing_record WHERE applied_at > now() - interval '1 hour'")
                == "50")
        #expect(bench.copies == 1)

        try bench.write([record(52, "k1", 3, "known"), record(53, "new", 1, "n")])
        #expect(bench.fates == Fates(applied: 52, superseded: 1, deadLettered: 1))
        #expect(
            try bench.one("SELECT string_agg(name, ',' ORDER BY id) FROM registry.thing WHERE id IN ('k1', 'new')")
                == "known,n")
        #expect(bench.copies == 1)
    }

    @Test("after batches of nothing but new keys the next is copied, until that fails; then only after longer")
    func chooses() {
        var paths = PathChooser(copyRowsMin: 1_000)
        #expect(paths.path(rows: 5_000, mayCopy: true) == .merge(.insertFirst))
        paths.wrote(records: 5_000, applied: 5_000, inserted: 5_000)
        paths.wrote(records: 5_000, applied: 5_000, inserted: 5_000)
        #expect(paths.path(rows: 5_000, mayCopy: true) == .copy)
        #expect(paths.path(rows: 5_000, mayCopy: false) == .merge(.insertFirst))
        #expect(paths.path(rows: 500, mayCopy: true) == .merge(.insertFirst))
        paths.copyFailed()
        paths.wrote(records: 5_000, applied: 5_000, inserted: 4_999)
        for _ in 0..<3 { paths.wrote(records: 5_000, applied: 5_000, inserted: 5_000) }
        #expect(paths.path(rows: 5_000, mayCopy: true) == .merge(.insertFirst))
        paths.wrote(records: 5_000, applied: 5_000, inserted: 5_000)
        #expect(paths.path(rows: 5_000, mayCopy: true) == .copy)
        paths.wrote(records: 5_000, applied: 5_000, inserted: 100)
        #expect(paths.path(rows: 5_000, mayCopy: true) == .merge(.updateFirst))
        paths.wrote(records: 50, applied: 50, inserted: 50)
        #expect(paths.path(rows: 5_000, mayCopy: true) == .merge(.updateFirst))
    }

    @Test("after batches that mostly lost, ranks go first, until that finds most of them unbeaten")
    func choosesSieve() {
        var paths = PathChooser(copyRowsMin: 1_000)
        paths.wrote(records: 5_000, applied: 2_499, inserted: 0)
        #expect(paths.path(rows: 5_000, mayCopy: true) == .sieve)
        #expect(paths.path(rows: 999, mayCopy: true) == .merge(.updateFirst))
        paths.sieved(records: 5_000, left: 2_500)
        paths.wrote(records: 5_000, applied: 100, inserted: 0)
        #expect(paths.path(rows: 5_000, mayCopy: true) == .sieve)
        paths.sieved(records: 5_000, left: 2_501)
        paths.wrote(records: 5_000, applied: 2_501, inserted: 0)
        #expect(paths.path(rows: 5_000, mayCopy: true) == .merge(.updateFirst))
        paths.wrote(records: 5_000, applied: 0, inserted: 0)
        #expect(paths.path(rows: 5_000, mayCopy: true) == .merge(.updateFirst))
        paths.wrote(records: 5_000, applied: 0, inserted: 0)
        #expect(paths.path(rows: 5_000, mayCopy: true) == .sieve)
    }

    @Test("of a topic that is read again only ranks are sent: no row is written, and what is newer is applied")
    func sieved() throws {
        let bench = try BatchBench(size: "bigint")
        let log = (0..<300).map { record(Int64($0), "k\($0)", 5, "n", size: 7, tags: $0 % 3 == 0 ? ["x"] : []) }
        try bench.write(log + [tombstone(300, "k7", version: 5)])
        let places = "SELECT string_agg(id || xmin || ctid || cmax, ',' ORDER BY id) FROM registry.thing_record"
        let before = try #require(try bench.one(places))
        let first = bench.fates

        bench.topic.paths.withLock { $0 = .always(.sieve) }
        try bench.write(log + [LogRecord(offset: 301, key: "bad", value: Array("{".utf8))])
        #expect(try bench.one(places) == before)
        #expect(bench.fates - first == Fates(superseded: 300, deadLettered: 1))

        let second = bench.fates
        try bench.write(
            log.dropLast() + [
                record(310, "k1", 6, "newer", tags: ["y"]), record(311, "new", 1, "n"),
                record(312, "k2", 5, "n", size: 7),
                tombstone(313, "k3", version: 9), record(314, "k7", 6, "again"),
                record(315, "k4", 7, "m", size: 9),
            ])
        #expect(bench.fates - second == Fates(applied: 4, superseded: 300, deleted: 1))
        #expect(
            try bench.one(
                "SELECT string_agg(name, ',' ORDER BY id) FROM registry.thing WHERE id IN ('k1', 'k4', 'k7', 'new')")
                == "newer,m,again,n")
        #expect(try bench.one("SELECT record_offset FROM registry.thing_record WHERE id = 'k2'") == "312")
        #expect(try bench.one("SELECT deleted FROM registry.thing_record WHERE id = 'k3'") == "t")
    }

    @Test(
        "a record larger than a database page is staged as well as any other, on every path",
        arguments: [PathChooser.Path.merge(.insertFirst), .merge(.updateFirst), .copy, .sieve])
    func wide(path: PathChooser.Path) throws {
        let bench = try BatchBench()
        bench.topic.paths.withLock { $0 = .always(path) }
        // Nothing that compresses: a page is 8 kB.
        var random = SeededGenerator(7)
        let long = (0..<9_900).map { _ in String("abcdefghijklmnopqrstuvwxyz0123456789".randomElement(using: &random)!)
        }
        .joined()
        try bench.write([record(0, "a", 1, "short"), record(1, "b", 1, long, tags: ["t"]), record(2, "c", 1, "n")])
        try bench.write([record(3, "a", 2, long), record(4, "c", 2, "short", tags: ["u"])])
        #expect(bench.fates == Fates(applied: 5))
        #expect(
            try bench.one("SELECT string_agg(length(name)::text, ',' ORDER BY id) FROM registry.thing")
                == "9900,9900,5")
        try bench.write([LogRecord(offset: 5, key: "a", value: Array("{\"\(long)".utf8))])
        #expect(try bench.one("SELECT length(payload) > 9900 FROM ingest.dead_letter") == "t")
    }

    @Test(
        "a record that the database refuses leaves no rank, whether the tombstone after it comes in its batch or later",
        arguments: [true, false])
    func refusedBeforePlainDelete(oneBatch: Bool) throws {
        let bench = try BatchBench()
        let log = [record(0, "x", 6, "bad", size: 101), tombstone(1, "x"), record(2, "x", 5, "good")]
        for batch in oneBatch ? [log] : log.map({ [$0] }) { try bench.write(batch) }
        #expect(try bench.rows() == ["x|good|-|5|0|2|d|p|0|1|f"])
        // Within one batch the row lives, so the tombstone is overtaken unseen.
        let deleted: Int64 = oneBatch ? 0 : 1
        #expect(bench.fates == Fates(applied: 1, superseded: 1 - deleted, deleted: deleted, deadLettered: 1))
    }

    @Test("a row of an older mapping revision is rewritten at the same rank, and never by an older mapping")
    func mappingRevision() throws {
        let thing = try ThingTopic()
        let database = try TestNationalDatabase()
        let log = [record(0, "a", 1, "one", tags: ["t"])]
        let old = try BatchBench(database, thing.definition, thing.codeLists)
        try old.write(log)
        let new = try BatchBench(database, thing.withRevision(2), thing.codeLists)
        try new.write(log)
        #expect(new.fates == Fates(applied: 1))
        try old.write(log)
        #expect(old.fates == Fates(applied: 1, superseded: 1))
        #expect(try old.one("SELECT mapping_revision FROM registry.thing_record") == "2")
        #expect(try old.one("SELECT count(*) FROM ingest.quality_warning") == "0")
    }

    @Test("a new incarnation of the log ranks after the old one at equal versions")
    func incarnation() throws {
        let bench = try BatchBench()
        try bench.write([record(100, "a", 1, "old")])
        try bench.write([record(0, "a", 1, "new")], incarnation: 1)
        #expect(try bench.one("SELECT name FROM registry.thing") == "new")
        try bench.write([record(200, "a", 1, "old again")])
        #expect(try bench.one("SELECT name FROM registry.thing") == "new")
    }

    @Test("a delete ends every record up to its version, even one that a stalled producer sends afterwards")
    func lateRecord() throws {
        let bench = try BatchBench()
        try bench.write([record(0, "a", 5, "five"), tombstone(1, "a", version: 5)])
        try bench.write([record(2, "a", 5, "five")])
        #expect(try bench.one("SELECT count(*) FROM registry.thing") == "0")
        try bench.write([record(3, "a", 6, "six")])
        #expect(try bench.one("SELECT name FROM registry.thing") == "six")
    }

    @Test("a truncated log that is read again brings no deleted row back", arguments: [5, nil] as [Int64?])
    func truncated(version: Int64?) throws {
        let bench = try BatchBench()
        try bench.write([record(10, "a", 5, "five")])
        try bench.write([tombstone(90, "a", version: version)])
        // The tombstone is gone from the log, the record is there again.
        try bench.write([record(10, "a", 5, "five")], incarnation: 1)
        #expect(try bench.one("SELECT count(*) FROM registry.thing") == "0")
        try bench.write([record(11, "a", 6, "six")], incarnation: 1)
        #expect(try bench.one("SELECT name FROM registry.thing") == "six")
        try bench.write([record(12, "a", 6, "six"), record(13, "b", 1, "bee")], incarnation: 1)
        #expect(try bench.one("SELECT count(*) FROM registry.thing") == "2")
    }

    @Test(
        "a key that moves to another partition and is deleted there ends alike in one batch and in two",
        arguments: [true, false])
    func movedAndDeleted(oneBatch: Bool) throws {
        let bench = try BatchBench()
        try bench.write([record(10, "a", 5, "five")])
        let moved = [record(10, "a", 9, "nine", partition: 1), tombstone(11, "a", partition: 1)]
        if oneBatch { try bench.write(moved) } else { for entry in moved { try bench.write([entry]) } }
        #expect(try bench.rows() == ["a|-|-|9|1|10|d|p|1|11|t"])
        #expect(bench.fates == Fates(applied: 2, deleted: 1))
    }

    @Test("of a state secret at a batch's end not even a fingerprint is remembered")
    func secretLast() throws {
        let bench = try BatchBench()
        let secret = LogRecord(offset: 1, key: "s", value: Array("{\"stateSecret\": true}".utf8))
        try bench.write([record(0, "a", 1, "one"), secret])
        #expect(try bench.one("SELECT concat_ws(' ', next_offset, last_record_offset) FROM ingest.position") == "2 0")
    }

    @Test("a table that refuses everything pauses the topic instead of filling the dead letters")
    func refusingTable() throws {
        let bench = try BatchBench()
        _ = try bench.connection.execute("ALTER TABLE registry.thing_record ADD CONSTRAINT nobody CHECK (deleted)")
        #expect(throws: TopicFault.self) {
            try bench.write((0..<1_000).map { record(Int64($0), "k\($0)", 1, "n") })
        }
        let letters = try #require(try bench.one("SELECT count(*) FROM ingest.dead_letter").flatMap { Int($0) })
        #expect(letters < 250)
    }

    @Test(
        "any order of arrival, in batches of any size, ends in the same rows",
        arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func anyOrder(seed: UInt64) throws {
        var random = SeededGenerator(seed)
        var log: [LogRecord] = []
        for offset in 0..<160 as Range<Int64> {
            let key = "k\(Int.random(in: 0..<6, using: &random))"
            switch Int.random(in: 0..<10, using: &random) {
            case 0: log.append(tombstone(offset, key))
            case 1, 2: log.append(tombstone(offset, key, version: Int64.random(in: 1...12, using: &random)))
            case 3:
                // The database refuses it, so it leaves no mark, wherever in a batch it comes.
                log.append(record(offset, key, Int64.random(in: 1...12, using: &random), "big", size: 101))
            default:
                let version = Int64.random(in: 1...12, using: &random)
                let tags = (0..<Int.random(in: 0...2, using: &random)).map { "t\($0)" }
                log.append(record(offset, key, version, "n\(Int.random(in: 0...1, using: &random))", tags: tags))
            }
        }
        let expected = Reference.rows(of: log.filter { !($0.value.map(Reference.isTooBig) ?? false) })
        let straight = try BatchBench()
        for entry in log { try straight.write([entry]) }
        #expect(try straight.rows() == expected)
        #expect(straight.fates.consumed == 160)

        for _ in 0..<3 {
            let bench = try BatchBench(size: "bigint")
            var rest = log.shuffled(using: &random)
            while !rest.isEmpty {
                let path = [PathChooser.Path.merge(.insertFirst), .merge(.updateFirst), .copy, .sieve].randomElement(
                    using: &random)!
                bench.topic.paths.withLock { $0 = .always(path) }
                let size = min(rest.count, Int.random(in: 1...40, using: &random))
                try bench.write(Array(rest.prefix(size)))
                rest.removeFirst(size)
            }
            #expect(try bench.rows() == expected)
            #expect(bench.fates.consumed == 160)
        }
    }
}

extension Fates {
    static func - (left: Self, right: Self) -> Self {
        Fates(
            applied: left.applied - right.applied, superseded: left.superseded - right.superseded,
            deleted: left.deleted - right.deleted, deadLettered: left.deadLettered - right.deadLettered)
    }
}

/// What the rows must be, computed from the whole log at once, apart from the product's code.
enum Reference {
    static func rows(of log: [LogRecord]) -> [String] {
        Dictionary(grouping: log, by: { $0.key ?? "" }).sorted { $0.key < $1.key }.map { key, entries in
            let records = entries.compactMap { entry in
                entry.value.map { (version: number("version", $0), entry: entry) }
            }
            let best = records.max { ($0.version, $0.entry.offset) < ($1.version, $1.entry.offset) }
            let tombstones = entries.filter { $0.value == nil }
            let versioned = tombstones.filter { $0.tombstoneVersion != nil }
                .max { ($0.tombstoneVersion!, $0.offset) < ($1.tombstoneVersion!, $1.offset) }
            let plain = tombstones.filter { $0.tombstoneVersion == nil }.max { $0.offset < $1.offset }
            var lives = best != nil
            if let best, let versioned,
                best.version <= versioned.tombstoneVersion!
            {
                lives = false
            }
            if let best, let plain, best.entry.offset < plain.offset { lives = false }
            var parts = [key, lives ? text("name", best!.entry.value!) : "-", "-"]
            if let best { parts += ["\(best.version)", "0", "\(best.entry.offset)"] }
            parts.append("d")
            if let versioned { parts += ["\(versioned.tombstoneVersion!)", "0", "\(versioned.offset)"] }
            parts.append("p")
            if let plain { parts += ["0", "\(plain.offset)"] }
            parts.append(lives ? "f" : "t")
            if lives {
                let tags = String(decoding: best!.entry.value!, as: UTF8.self).matches(of: /"(t\d)"/).map {
                    String($0.1)
                }
                if !tags.isEmpty { parts.append(tags.enumerated().map { "\($0 + 1)\($1)" }.joined(separator: ",")) }
            }
            return parts.joined(separator: "|")
        }
    }

    static func isTooBig(_ value: [UInt8]) -> Bool { String(decoding: value, as: UTF8.self).contains("\"size\": 101") }

    private static func number(_ name: String, _ value: [UInt8]) -> Int64 {
        let text = String(decoding: value, as: UTF8.self)
        let start = text.range(of: "\"\(name)\": ")!.upperBound
        return Int64(text[start...].prefix { $0.isNumber })!
    }

    private static func text(_ name: String, _ value: [UInt8]) -> String {
        let text = String(decoding: value, as: UTF8.self)
        let start = text.range(of: "\"\(name)\": \"")!.upperBound
        return String(text[start...].prefix { $0 != "\"" })
    }
}
