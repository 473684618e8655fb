import Model
import Postgres
import TestSupport
import Testing

@testable import Replay

@Suite("ranges", .serialized)
struct RangeTests {
    @Test("places become offsets of each partition, at most where the live workers stand")
    func places() async throws {
        let world = try ReplayWorld(partitions: 2)
        try world.world.publish(
            (0..<20).map {
                OutgoingTestRecord(partition: Int32($0 % 2), key: "k\($0)", value: ThingTopic.value("k\($0)", 1, "n"))
            })
        _ = try await world.work(world.older)
        // These are still to come to the workers.
        try world.world.publish(
            (0..<4).map {
                OutgoingTestRecord(partition: 0, key: "l\($0)", value: ThingTopic.value("l\($0)", 1, "n"))
            })
        #expect(try world.spans(ReplayRange()) == ["0: 0..<10", "1: 0..<10"])
        #expect(try world.spans(ReplayRange(from: .offset(4), to: .offset(7))) == ["0: 4..<7", "1: 4..<7"])
        #expect(
            try world.spans(ReplayRange(from: .offset(8), to: .offset(12), partitions: [Partition(0)])) == ["0: 8..<10"]
        )
        #expect(try world.spans(ReplayRange(from: .time(0))) == ["0: 0..<10", "1: 0..<10"])
        let other = try ReplayWorld(partitions: 1)
        try other.publishThings(5)
        _ = try await other.work(other.older)
        let middle = try other.timeBetween()
        try other.publishThings(5, versions: 2)
        _ = try await other.work(other.older)
        #expect(try other.spans(ReplayRange(from: .time(middle))) == ["0: 5..<15"])
        #expect(try other.spans(ReplayRange(to: .time(middle))) == ["0: 0..<5"])
    }

    @Test("a range outside of the log is a sentence, and nothing is half done")
    func outside() async throws {
        let world = try ReplayWorld(partitions: 1)
        #expect(throws: UserError.self) { try world.resolve(ReplayRange()) }
        try world.publishThings(5)
        _ = try await world.work(world.older)
        for range in [
            ReplayRange(from: .offset(6)), ReplayRange(to: .offset(6)), ReplayRange(from: .offset(3), to: .offset(3)),
            ReplayRange(from: .offset(5)), ReplayRange(partitions: [Partition(1)]),
            ReplayRange(from: .time(4_000_000_000_000)),
        ] {
            #expect(throws: UserError.self, "\(range)") { try world.resolve(range) }
        }
        _ = try world.connection.execute(
            "UPDATE ingest.position SET gap_kind = 'other-log', gap_because = 'made anew', gap_at = now()")
        #expect(throws: UserError.self) { try world.resolve(ReplayRange()) }
        #expect(try world.connection.one("SELECT count(*) FROM ingest.replay") == "0")
    }

    @Test("what retention has eaten is counted before anything is read", .enabled(if: TestKafka.isEmbedded))
    func eaten() async throws {
        let world = try ReplayWorld(partitions: 1)
        // The embedded broker keeps 5 MB of a partition.
        for part in 0..<4 {
            try world.publishLong(part * 125..<part * 125 + 125)
            _ = try await world.work(world.older)
        }
        let range = try #require(try world.resolve(ReplayRange()).first)
        #expect(range.missing > 0)
        #expect(range.from == range.missing)
        #expect(range.to == 500)
        let id = try world.ask()
        #expect(try world.replayer().run(id)?.ending == .done)
        #expect(try world.state(id).fates.consumed == range.count)
    }

    @Test("what is eaten while a replay runs stops it with the number", .enabled(if: TestKafka.isEmbedded))
    func eatenMeanwhile() async throws {
        let world = try ReplayWorld(partitions: 1)
        try world.publishThings(10)
        _ = try await world.work(world.older)
        let id = try world.ask()
        try world.publishLong(0..<500)
        guard case .stopped(let because) = try world.replayer().run(id)?.ending else {
            Issue.record("it did not stop")
            return
        }
        #expect(because.contains("are gone"))
        #expect(try world.state(id).note == because)
    }
}

extension ReplayWorld {
    fileprivate func spans(_ range: ReplayRange) throws -> [String] {
        try resolve(range).filter { !$0.isEmpty }.map { "\($0.partition): \($0.from)..<\($0.to)" }
    }

    /// Records that no compression makes small.
    fileprivate func publishLong(_ numbers: Range<Int>) throws {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var random = SeededGenerator(UInt64(numbers.lowerBound))
        try world.publish(
            numbers.map { number in
                let long = String((0..<19_000).map { _ in letters[Int(random.next() % 64)] })
                return OutgoingTestRecord(key: "l\(number)", value: ThingTopic.value("l\(number)", 1, long))
            })
    }

    /// A time after all records so far and before all to come.
    fileprivate func timeBetween() throws -> Int64 {
        let last = try connection.one("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint + 5")
        while let now = try connection.one("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"), let last,
            let then = Int64(last), let time = Int64(now), time <= then + 5
        {}
        return Int64(last ?? "") ?? 0
    }
}
