// The history checker before a real database: it holds, and it does not where somebody tampers with what was written.
import HistoryChecker
import Model
import Postgres
import TestSupport
import Testing

@Suite("the history checker and a national database", .serialized)
struct ThingHistoryTests {
    /// What to do to the database, and the rule that must be found broken.
    static let faults: [(sql: String, rule: HistoryRule)] = [
        ("DELETE FROM registry.thing_record WHERE id = 'k3'", .keyHasRow),
        ("DELETE FROM registry.thing_tag WHERE id = 'k3'", .contentIsNewest),
        ("INSERT INTO registry.thing_tag VALUES ('k3', 99, 'more')", .contentIsNewest),
        ("UPDATE registry.thing_record SET name = 'other' WHERE id = 'k3'", .contentIsNewest),
        ("UPDATE registry.thing_record SET record_offset = record_offset - 1 WHERE id = 'k3'", .rankIsNewest),
        ("UPDATE registry.thing_record SET record_version = 99 WHERE id = 'k3'", .rankHasRecord),
        ("UPDATE registry.thing_record SET deleted = false, name = 'n' WHERE id = 'k4'", .deletedStaysDeleted),
        ("UPDATE registry.thing_record SET name = 'n' WHERE id = 'k4'", .deletedIsEmpty),
        ("UPDATE registry.thing_record SET id = 'nobody' WHERE id = 'k3'", .rowHasRecord),
        ("DELETE FROM ingest.dead_letter WHERE reason = 'missing-field'", .refusedHasLetter),
        ("UPDATE ingest.dead_letter SET status = 'applied', closed_at = now()", .letterTookEffect),
        ("UPDATE ingest.position SET next_offset = next_offset - 1", .fatesAddUp),
        ("UPDATE ingest.position SET next_offset = next_offset + 1", .positionIsWithinLog),
        ("UPDATE ingest.position SET applied = applied * 2", .fatesAddUp),
        (
            "UPDATE ingest.position SET superseded = superseded + dead_lettered, dead_lettered = 0", .fatesFit
        ),
    ]

    @Test("it holds after a run, and finds what is changed afterwards")
    func tampered() async throws {
        let world = try WorkerWorld(partitions: 2)
        var records = (0..<60).map { number in
            let key = "k\(number % 12)"
            return OutgoingTestRecord(
                key: key, value: ThingTopic.value(key, Int64(number / 12 + 1), "n\(number)", size: number, tags: ["t"]))
        }
        records.append(OutgoingTestRecord(key: "k4", value: nil, version: 7))
        records.append(OutgoingTestRecord(key: "k5", value: nil))
        records.append(OutgoingTestRecord(key: "k3", value: Array("{\"id\": \"k3\", \"version\": 9}".utf8)))
        records.append(OutgoingTestRecord(key: "k6", value: ThingTopic.value("k6", 9, "n", size: 1_000)))
        try world.publish(records)
        _ = try await world.catchUp()
        func check(_ published: [OutgoingTestRecord]) throws -> HistoryVerdict {
            try ThingHistory.check(
                world.thing.name, partitions: 2, published: published, kafka: world.kafka.settings, world.connection)
        }
        let verdict = try check(records)
        #expect(verdict.rule == nil, "\(verdict)")
        for fault in Self.faults {
            _ = try world.connection.execute("BEGIN; \(fault.sql)")
            let verdict = try check(records)
            _ = try world.connection.execute("ROLLBACK")
            #expect(verdict.rule == fault.rule, "\(fault.sql): \(verdict)")
        }
        let lost = try check(records + [OutgoingTestRecord(key: "k1", value: nil, version: 100)])
        #expect(lost.rule == .acknowledgedIsInLog, "\(lost)")
        let unacknowledged = try check(Array(records.dropLast(5)))
        #expect(unacknowledged.rule == nil, "\(unacknowledged)")
    }
}
