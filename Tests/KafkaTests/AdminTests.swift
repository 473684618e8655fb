import Foundation
import Kafka
import Model
import Testing

@Suite("Administration")
struct AdminTests {
    private func admin(_ cluster: TestCluster) throws -> KafkaAdmin {
        try KafkaAdmin(settings: cluster.settings, clientID: "test")
    }

    @Test("a topic is described with its partitions, alone and in the cluster")
    func metadata() throws {
        let cluster = try TestCluster(partitions: 5)
        let admin = try admin(cluster)
        defer { admin.close() }
        let topic = try #require(try admin.topic(cluster.topic, timeoutMilliseconds: patienceMilliseconds))
        #expect(topic.partitions.map(\.partition.rawValue) == [0, 1, 2, 3, 4])
        #expect(topic.partitions.allSatisfy { $0.replicaCount == 1 && $0.inSyncReplicaCount == 1 && $0.leader != nil })
        let all = try admin.cluster(timeoutMilliseconds: patienceMilliseconds)
        #expect(all.brokerCount >= 1)
        #expect(all.topics.first { $0.name == cluster.topic }?.partitions.count == 5)
    }

    @Test("asking for a topic that is not there answers nil and does not create it")
    func unknownTopic() throws {
        let cluster = try TestCluster()
        let admin = try admin(cluster)
        defer { admin.close() }
        let unknown = try #require(TopicName("lienthong-test-unknown-\(UUID().uuidString)"))
        for _ in 0..<2 {
            #expect(try admin.topic(unknown, timeoutMilliseconds: patienceMilliseconds) == nil)
        }
        let names = try admin.cluster(timeoutMilliseconds: patienceMilliseconds).topics.map(\.name)
        #expect(!names.contains(unknown))
    }

    @Test("single records are read at their offsets, in any order")
    func records() throws {
        let cluster = try TestCluster(partitions: 2)
        let producer = try cluster.producer()
        defer { producer.close() }
        for number in 0..<20 as Range<UInt64> {
            try producer.send(
                topic: cluster.topic, partition: Partition(1), key: [UInt8(number)], value: number == 7 ? nil : [0xff],
                headers: [("h", [1])], timestampMilliseconds: recently + Int64(number), tag: number)
        }
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)
        let admin = try admin(cluster)
        defer { admin.close() }
        #expect(try admin.watermarks(cluster.partition(1), timeoutMilliseconds: patienceMilliseconds) == (0, 20))
        for offset in [19, 0, 7, 7, 3] as [Int64] {
            let record = try #require(
                try admin.record(cluster.partition(1), at: Offset(offset), timeoutMilliseconds: patienceMilliseconds))
            #expect(record.offset.rawValue == offset)
            #expect(record.key == [UInt8(offset)])
            #expect(record.value == (offset == 7 ? nil : [0xff]))
            #expect(record.timestampMilliseconds == recently + offset)
            #expect(record.headers.map(\.name) == ["h"])
        }
        for (number, end) in [(1, 20), (0, 0)] as [(Int32, Int64)] {
            let none = try admin.record(
                cluster.partition(number), at: Offset(end), timeoutMilliseconds: patienceMilliseconds)
            #expect(none == nil)
        }
        let error = try #require(throws: KafkaError.self) {
            try admin.record(cluster.partition(1), at: Offset(21), timeoutMilliseconds: patienceMilliseconds)
        }
        #expect(error.isOutOfRange)
    }

    @Test("an unreachable cluster is told in a sentence, within the time given")
    func unreachable() throws {
        let admin = try KafkaAdmin(settings: KafkaSettings(bootstrapServers: "127.0.0.1:1"), clientID: "test")
        defer { admin.close() }
        let topic = try #require(TopicName("nowhere"))
        let partition = TopicPartition(topic, Partition(0))
        let calls: [(String, () throws -> Void)] = [
            ("cluster", { _ = try admin.cluster(timeoutMilliseconds: 300) }),
            ("topic", { _ = try admin.topic(topic, timeoutMilliseconds: 300) }),
            ("watermarks", { _ = try admin.watermarks(partition, timeoutMilliseconds: 300) }),
            ("record", { _ = try admin.record(partition, at: Offset(0), timeoutMilliseconds: 300) }),
            (
                "createTopic",
                { try admin.createTopic(topic, partitions: 1, replicationFactor: 1, timeoutMilliseconds: 300) }
            ),
            ("topicConfiguration", { _ = try admin.topicConfiguration(topic, timeoutMilliseconds: 300) }),
            ("deleteRecords", { try admin.deleteRecords(partition, before: NextOffset(0), timeoutMilliseconds: 300) }),
        ]
        for (name, call) in calls {
            let error = try #require(throws: KafkaError.self, "\(name)") { try call() }
            #expect(error.isTransient, "\(name): \(error)")
        }
    }

    @Test(
        "an embedded broker does not hang an administration call",
        .enabled(if: TestCluster.isEmbedded, "a real broker answers it"))
    func embeddedHasNoAdministration() throws {
        let cluster = try TestCluster()
        let admin = try admin(cluster)
        defer { admin.close() }
        let topic = try #require(TopicName("never-made"))
        #expect(throws: KafkaError.self) {
            try admin.createTopic(topic, partitions: 1, replicationFactor: 1, timeoutMilliseconds: 500)
        }
    }

    @Test(
        "a topic is created with its configuration, and only once",
        .disabled(if: TestCluster.isEmbedded, "it answers no administration: set LIENTHONG_TEST_KAFKA"))
    func createTopic() throws {
        let cluster = try TestCluster()
        let admin = try admin(cluster)
        defer { admin.close() }
        let name = try #require(TopicName("lienthong-test-\(UUID().uuidString)"))
        func create() throws {
            try admin.createTopic(
                name, partitions: 3, replicationFactor: 1, configuration: ["retention.ms": "3600000"],
                timeoutMilliseconds: patienceMilliseconds)
        }
        try create()
        #expect(try admin.topic(name, timeoutMilliseconds: patienceMilliseconds)?.partitions.count == 3)
        let configuration = try admin.topicConfiguration(name, timeoutMilliseconds: patienceMilliseconds)
        #expect(configuration["retention.ms"] == "3600000")
        let error = try #require(throws: KafkaError.self) { try create() }
        #expect(error.code == KafkaErrorCode.topicAlreadyExists)
    }

    @Test(
        "deleted records make a gap: the log starts later, and reading before it is out of range",
        .disabled(if: TestCluster.isEmbedded, "it answers no administration: set LIENTHONG_TEST_KAFKA"))
    func deleteRecords() throws {
        let cluster = try TestCluster()
        try cluster.publish((0..<10).map { [UInt8($0)] })
        let admin = try admin(cluster)
        defer { admin.close() }
        let low = try admin.deleteRecords(
            cluster.partition(), before: NextOffset(4), timeoutMilliseconds: patienceMilliseconds)
        #expect(low == 4)
        #expect(try admin.watermarks(cluster.partition(), timeoutMilliseconds: patienceMilliseconds) == (4, 10))
        let consumer = try cluster.reader(from: 2)
        defer { consumer.close() }
        try gather(consumer, "the gap") { $0.contains(.outOfRange(cluster.partition())) }
    }
}
