import Foundation
import Kafka
import Model
import Testing

@Suite("Groups")
struct GroupTests {
    /// A member as a worker is one: answers each rebalance, and remembers what it owns.
    private final class Member {
        let consumer: KafkaConsumer
        var owned: Set<TopicPartition> = []
        var lost = false
        /// Of the present assignment: each one starts from 0 again.
        var offsets: [TopicPartition: [Int64]] = [:]

        init(_ cluster: TestCluster, group: String, properties: [String: String] = [:]) throws {
            consumer = try cluster.consumer(group: group, properties: properties)
            try consumer.subscribe([cluster.topic])
        }

        func step() throws {
            guard let event = consumer.poll(timeoutMilliseconds: 10) else { return }
            switch Seen(event) {
            case .assigned(let partitions):
                owned = partitions
                offsets = [:]
                try consumer.assign(partitions.map { ($0, NextOffset(0)) })
            case .revoked(_, let lost):
                owned = []
                self.lost = self.lost || lost
                try consumer.unassign()
            case .message(let partition, let offset, _): offsets[partition, default: []].append(offset)
            case .endOfPartition, .failure: break
            case .outOfRange(let partition): Issue.record("a gap in \(partition)")
            }
        }
    }

    private func step(_ members: [Member], _ what: String, until isDone: () -> Bool) throws {
        let start = ContinuousClock.now
        while !isDone() {
            guard ContinuousClock.now - start < .milliseconds(patienceMilliseconds) else {
                throw Impatience(description: "\(what): owned \(members.map(\.owned))")
            }
            for member in members { try member.step() }
        }
    }

    @Test("two members share the partitions, and the one that closes hands its own over at once")
    func sharing() throws {
        let cluster = try TestCluster(partitions: 4)
        for number in 0..<4 as Range<Int32> { try cluster.publish([[1], [2], [3]], partition: number) }
        let all = Set(cluster.partitions)
        let group = UUID().uuidString
        let first = try Member(cluster, group: group)
        defer { first.consumer.close() }
        try step([first], "one member owns all") { first.owned == all }
        #expect(first.consumer.memberID != nil)
        #expect(!first.consumer.isAssignmentLost)
        let second = try Member(cluster, group: group)
        defer { second.consumer.close() }
        try step([first, second], "two members share") {
            first.owned.count == 2 && second.owned == all.subtracting(first.owned)
        }
        first.consumer.close()
        if let event = first.consumer.poll(timeoutMilliseconds: 0) { Issue.record("closed, it gave \(Seen(event))") }
        try step([second], "the second owns all and reads all") {
            second.owned == all && second.offsets.count == 4 && second.offsets.values.allSatisfy { $0.count >= 3 }
        }
        #expect(!first.lost && !second.lost)
        #expect(Set(second.offsets.values) == [[0, 1, 2]])
    }

    @Test("a member that stops polling loses its partitions to others, and learns that it has")
    func frozenMember() throws {
        let cluster = try TestCluster(partitions: 2)
        let all = Set(cluster.partitions)
        let group = UUID().uuidString
        let interval = ["max.poll.interval.ms": TestCluster.isEmbedded ? "4000" : "6000"]
        let frozen = try Member(cluster, group: group, properties: interval)
        defer { frozen.consumer.close() }
        try step([frozen], "the first owns all") { frozen.owned == all }
        // Looking is not polling: the interval runs out meanwhile.
        try step([], "the first is put out") { frozen.consumer.isAssignmentLost }
        let other = try Member(cluster, group: group)
        defer { other.consumer.close() }
        try step([other], "the other owns all") { other.owned == all }
        try step([frozen, other], "the first learns it and comes back") { frozen.lost && !frozen.owned.isEmpty }
    }

    @Test("closing with a rebalance that was never answered does not hang")
    func closeUnanswered() throws {
        let cluster = try TestCluster(partitions: 2)
        let consumer = try cluster.consumer()
        try consumer.subscribe([cluster.topic])
        try gather(consumer, "the assignment") { $0.contains(.assigned(Set(cluster.partitions))) }
        let start = ContinuousClock.now
        consumer.close()
        #expect(ContinuousClock.now - start < .seconds(9), "the close ran into its time-out")
    }

    @Test("a commit is visible to the group")
    func commit() throws {
        let cluster = try TestCluster(partitions: 2)
        try cluster.publish([[1], [2], [3]])
        let member = try Member(cluster, group: UUID().uuidString)
        defer { member.consumer.close() }
        try step([member], "the member owns all") { member.owned.count == 2 }
        let wanted = [cluster.partition(0): NextOffset(2), cluster.partition(1): NextOffset(0)]
        try member.consumer.commit(wanted)
        var committed: [TopicPartition: NextOffset] = [:]
        let start = ContinuousClock.now
        while committed != wanted, ContinuousClock.now - start < .milliseconds(patienceMilliseconds) {
            try member.step()
            committed = try member.consumer.committed(
                cluster.partitions, timeoutMilliseconds: patienceMilliseconds)
        }
        #expect(committed == wanted)
    }

    @Test("a group without members is moved from outside, one with members commits by itself alone")
    func commitFromOutside() throws {
        let cluster = try TestCluster(partitions: 2)
        try cluster.publish([[1], [2], [3]])
        let admin = try KafkaAdmin(settings: cluster.settings, clientID: "test")
        defer { admin.close() }
        let group = UUID().uuidString
        let wanted = [cluster.partition(0): NextOffset(2), cluster.partition(1): NextOffset(0)]
        try admin.commit(wanted, group: group, timeoutMilliseconds: patienceMilliseconds)
        let member = try Member(cluster, group: group)
        defer { member.consumer.close() }
        func committed() throws -> [TopicPartition: NextOffset] {
            try member.consumer.committed(cluster.partitions, timeoutMilliseconds: patienceMilliseconds)
        }
        #expect(try committed() == wanted)
        try step([member], "the member owns all") { member.owned.count == 2 }
        #expect(throws: KafkaError.self) {
            try admin.commit(
                wanted.mapValues { _ in NextOffset(1) }, group: group, timeoutMilliseconds: patienceMilliseconds)
        }
        #expect(try committed() == wanted)
    }

    @Test(
        "an unknown topic is a failure that names it, and the group goes on",
        .disabled(if: TestCluster.isEmbedded, "the embedded broker creates it: set LIENTHONG_TEST_KAFKA"))
    func unknownTopic() throws {
        let cluster = try TestCluster()
        let unknown = try #require(TopicName("lienthong-test-unknown-\(UUID().uuidString)"))
        let consumer = try cluster.consumer()
        defer { consumer.close() }
        try consumer.subscribe([unknown, cluster.topic])
        let seen = try gather(consumer, "failure and assignment") { seen in
            seen.contains(.assigned([cluster.partition()]))
                && seen.contains { if case .failure = $0 { true } else { false } }
        }
        let failures = seen.compactMap { event -> KafkaError? in
            if case .failure(let error, _) = event { return error }
            return nil
        }
        let failure = try #require(failures.first)
        #expect(failure.code == KafkaErrorCode.unknownTopicOrPartition)
        #expect(failure.description.contains(unknown.rawValue))
    }
}
