// Letters in groups, against the feed's own account.
import Model
import Postgres
import TestSupport
import Testing

@testable import DeadLetters

struct DeadLetterStatisticsTests {
    private let world: LetterWorld

    init() throws { world = try LetterWorld() }

    private func groups(
        _ dimensions: [DeadLetterStatistics.Dimension], _ filter: DeadLetterFilter = DeadLetterFilter(),
        limit: Int = 100
    ) throws -> [String] {
        try world.store.statistics(filter, by: dimensions, limit: limit).groups.map { group in
            let values = group.values.map { $0 ?? "-" }.joined(separator: " ")
            return "\(values) \(group.letters) \(group.share.map { "\($0)" } ?? "-")"
        }
    }

    private func fill() throws {
        try world.insert(LetterWorld.bad("k"), offset: 1)
        try world.insert(LetterWorld.bad("k"), offset: 2)
        try world.insert(LetterWorld.bad("k"), offset: 3, reason: .notJSON, field: nil)
        try world.insert(LetterWorld.bad("k"), offset: 4, status: .discarded, topic: TopicName("test.other.v1"))
        try world.connection.query(
            "UPDATE ingest.dead_letter SET received_at = '2026-11-22T08:59:59Z'::timestamptz + (\"offset\" - 1) * interval '1 second'"
        )
    }

    @Test("letters are grouped by what is asked for, with their share of the feed")
    func grouped() throws {
        try fill()
        for (topic, count) in [(world.thing.name.rawValue, 10), ("test.other.v1", 40)] {
            try world.connection.query(
                """
                INSERT INTO ingest.position (topic, partition, applied, superseded, deleted, dead_lettered)
                VALUES ($1, 0, $2::bigint, 1, 2, 3), ($1, 1, 4, 0, 0, 0)
                """, [topic, String(count - 10)])
        }
        #expect(try groups([.reason]) == ["wrong-type 3 0.06", "not-json 1 0.02"])
        #expect(try groups([.reason, .field]) == ["wrong-type name 3 0.06", "not-json - 1 0.02"])
        #expect(try groups([.status]) == ["open 3 0.06", "discarded 1 0.02"])
        #expect(
            try groups([.topic, .reason])
                == [
                    "\(world.thing.name) wrong-type 2 0.2", "test.other.v1 wrong-type 1 0.025",
                    "\(world.thing.name) not-json 1 0.1",
                ])
        // The latest hour comes first.
        #expect(
            try groups([.hour, .reason])
                == [
                    "2026-11-22T09:00Z wrong-type 2 0.04", "2026-11-22T09:00Z not-json 1 0.02",
                    "2026-11-22T08:00Z wrong-type 1 0.02",
                ])
        #expect(
            try groups([.reason], DeadLetterFilter(topic: world.thing.name)) == ["wrong-type 2 0.2", "not-json 1 0.1"])
        #expect(try groups([.reason], limit: 1) == ["wrong-type 3 0.06"])
        let whole = try world.store.statistics(.init(), by: [.reason], limit: 1)
        #expect(whole.letters == 4 && whole.consumed == 50 && whole.groupCount == 2)
    }

    @Test("without an account of the feed there is no share, and without letters no group")
    func empty() throws {
        #expect(try groups([.reason]).isEmpty)
        try fill()
        #expect(try groups([.status]) == ["open 3 -", "discarded 1 -"])
    }
}
