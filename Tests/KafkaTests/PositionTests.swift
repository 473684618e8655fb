import Foundation
import Kafka
import Model
import Testing

@Suite("Positions")
struct PositionTests {
    private func numbers(_ range: Range<Int>) -> [[UInt8]?] { range.map { Array(String($0).utf8) } }

    @Test("a partition assigned at an offset starts there", arguments: [0, 1, 50, 99] as [Int64])
    func startsAtOffset(start: Int64) throws {
        let cluster = try TestCluster()
        try cluster.publish(numbers(0..<100))
        let consumer = try cluster.reader(from: start)
        defer { consumer.close() }
        let seen = try gatherToEnd(consumer)
        #expect(seen.compactMap(\.offset) == Array(start..<100))
        #expect(seen.last == .endOfPartition(cluster.partition(), 100))
    }

    @Test("an empty partition ends at 0, and again after each new record")
    func endOfPartition() throws {
        let cluster = try TestCluster()
        let consumer = try cluster.reader()
        defer { consumer.close() }
        #expect(try gatherToEnd(consumer) == [.endOfPartition(cluster.partition(), 0)])
        try cluster.publish([[1]])
        let seen = try gatherToEnd(consumer)
        #expect(seen == [.message(cluster.partition(), 0, [1]), .endOfPartition(cluster.partition(), 1)])
    }

    @Test("starting beyond the log is a gap, told once for the partition, and a seek goes on from there")
    func outOfRange() throws {
        let cluster = try TestCluster()
        try cluster.publish(numbers(0..<5))
        let consumer = try cluster.reader(from: 6)
        defer { consumer.close() }
        let seen = try gather(consumer, "the gap") { $0.contains(.outOfRange(cluster.partition())) }
        #expect(seen.allSatisfy { $0.offset == nil })
        try consumer.seek(cluster.partition(), to: NextOffset(3))
        #expect(try gatherToEnd(consumer).compactMap(\.offset) == [3, 4])
    }

    @Test("a gap in one partition neither moves the others when it is passed, nor wakes those that are paused")
    func outOfRangeAmongOthers() throws {
        let cluster = try TestCluster(partitions: 3)
        for partition in 0..<3 as Range<Int32> { try cluster.publish(numbers(0..<5), partition: partition) }
        let consumer = try cluster.consumer()
        defer { consumer.close() }
        try consumer.assign([
            (cluster.partition(0), NextOffset(0)), (cluster.partition(1), NextOffset(9)),
            (cluster.partition(2), NextOffset(0)),
        ])
        try consumer.pause([cluster.partition(2)])
        let before = try gather(consumer, "the gap and the other's end") { seen in
            seen.contains(.outOfRange(cluster.partition(1))) && seen.contains(.endOfPartition(cluster.partition(0), 5))
        }
        #expect(before.compactMap(\.offset) == Array(0..<5))
        try consumer.seek(cluster.partition(1), to: NextOffset(3))
        let after = try gather(consumer, "the end") { $0.contains(.endOfPartition(cluster.partition(1), 5)) }
        #expect(after.compactMap(\.offset) == [3, 4])
        try consumer.resume([cluster.partition(2)])
        let last = try gather(consumer, "the paused one's end") {
            $0.contains(.endOfPartition(cluster.partition(2), 5))
        }
        #expect(last.compactMap(\.offset) == Array(0..<5))
    }

    @Test("one beyond the last record is no gap but the end")
    func startsAtEnd() throws {
        let cluster = try TestCluster()
        try cluster.publish(numbers(0..<5))
        let consumer = try cluster.reader(from: 5)
        defer { consumer.close() }
        #expect(try gatherToEnd(consumer) == [.endOfPartition(cluster.partition(), 5)])
    }

    @Test("a new assignment replaces the old one, and nothing of the old one comes after it")
    func reassign() throws {
        let cluster = try TestCluster(partitions: 2)
        try cluster.publish(numbers(0..<500), partition: 0)
        try cluster.publish(numbers(0..<10), partition: 1)
        let consumer = try cluster.reader()
        defer { consumer.close() }
        try gather(consumer, "some records") { $0.count { $0.offset != nil } >= 10 }
        try consumer.assign([(cluster.partition(1), NextOffset(4))])
        let seen = try gatherToEnd(consumer)
        #expect(
            seen == (4..<10).map { .message(cluster.partition(1), $0, Array(String($0).utf8)) }
                + [.endOfPartition(cluster.partition(1), 10)])
    }

    @Test("pausing and resuming again and again loses nothing and doubles nothing")
    func pauseResume() throws {
        let cluster = try TestCluster()
        try cluster.publish(numbers(0..<2_000))
        let consumer = try cluster.reader()
        defer { consumer.close() }
        var offsets: [Int64] = []
        var turns = 0
        try gather(consumer, "2,000 records") { seen in
            let new = seen.compactMap(\.offset)
            guard new.count > offsets.count else { return false }
            offsets = new
            // Now and then pause twice, poll with nothing to come, resume twice: a resume too many must not go back.
            if offsets.count % 97 == 0 {
                turns += 1
                try consumer.pause([cluster.partition()])
                try consumer.pause([cluster.partition()])
                if let event = consumer.poll(timeoutMilliseconds: 5) {
                    Issue.record("a paused partition gave \(Seen(event))")
                }
                try consumer.resume([cluster.partition()])
                try consumer.resume([cluster.partition()])
            }
            // Resuming what is not paused must not go back either.
            if offsets.count % 97 == 50 { try consumer.resume([cluster.partition()]) }
            return offsets.count == 2_000
        }
        #expect(turns == 20)
        #expect(offsets == Array(0..<2_000))
    }

    @Test("a seek drops what was fetched before it, forwards and backwards, paused or not")
    func seek() throws {
        let cluster = try TestCluster()
        try cluster.publish(numbers(0..<1_000))
        let consumer = try cluster.reader()
        defer { consumer.close() }
        let partition = cluster.partition()
        func next(_ count: Int) throws -> [Int64] {
            try gather(consumer, "\(count) records") { $0.count { $0.offset != nil } == count }.compactMap(\.offset)
        }
        #expect(try next(100) == Array(0..<100))
        try consumer.seek(partition, to: NextOffset(500))
        #expect(try next(10) == Array(500..<510))
        try consumer.seek(partition, to: NextOffset(20))
        #expect(try next(10) == Array(20..<30))
        try consumer.pause([partition])
        try consumer.seek(partition, to: NextOffset(700))
        try consumer.resume([partition])
        #expect(try next(10) == Array(700..<710))
        try consumer.seek(partition, to: NextOffset(5))
        try consumer.pause([partition])
        try consumer.resume([partition])
        #expect(try next(995) == Array(5..<1_000))
    }

    @Test("a seek right after the assignment holds", arguments: 0..<5)
    func seekAtOnce(turn: Int) throws {
        let cluster = try TestCluster()
        try cluster.publish(numbers(0..<50))
        let consumer = try cluster.reader()
        defer { consumer.close() }
        try consumer.seek(cluster.partition(), to: NextOffset(40))
        #expect(try gatherToEnd(consumer).compactMap(\.offset) == Array(40..<50))
    }

    @Test("a partition that is not assigned cannot be sought")
    func seekUnassigned() throws {
        let cluster = try TestCluster()
        let consumer = try cluster.consumer()
        defer { consumer.close() }
        let error = try #require(throws: KafkaError.self) {
            try consumer.seek(cluster.partition(), to: NextOffset(0))
        }
        #expect(error.code == KafkaErrorCode.state)
    }

    @Test("a pause does not outlive its assignment")
    func pauseEnds() throws {
        let cluster = try TestCluster()
        try cluster.publish(numbers(0..<5))
        let consumer = try cluster.reader()
        defer { consumer.close() }
        try consumer.pause([cluster.partition()])
        try consumer.unassign()
        try consumer.assign([(cluster.partition(), NextOffset(2))])
        #expect(try gatherToEnd(consumer).compactMap(\.offset) == [2, 3, 4])
    }

    @Test("the watermarks are the first offset and the next one to come")
    func watermarks() throws {
        let cluster = try TestCluster()
        try cluster.publish(numbers(0..<7))
        let consumer = try cluster.consumer()
        defer { consumer.close() }
        let marks = try consumer.watermarks(cluster.partition(), timeoutMilliseconds: patienceMilliseconds)
        #expect(marks == (0, 7))
    }

    @Test(
        "fetch errors of a broker lose nothing and double nothing",
        .enabled(if: TestCluster.isEmbedded, "faults are injected into the embedded broker only"))
    func fetchErrors() throws {
        let cluster = try TestCluster()
        try cluster.publish(numbers(0..<200))
        let broker = try #require(cluster.broker)
        try broker.injectErrors(
            .fetch,
            [
                KafkaErrorCode.notLeaderForPartition, KafkaErrorCode.transport, 0,
                KafkaErrorCode.leaderNotAvailable, KafkaErrorCode.requestTimedOut,
            ])
        let consumer = try cluster.reader()
        defer { consumer.close() }
        #expect(try gatherToEnd(consumer).compactMap(\.offset) == Array(0..<200))
    }
}
