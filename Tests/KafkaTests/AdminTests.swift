import Foundation
import Model
import Testing

@testable import Kafka

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
            ("addPartitions", { try admin.addPartitions(topic, total: 2, timeoutMilliseconds: 300) }),
            (
                "alterTopicConfiguration",
                { try admin.alterTopicConfiguration(topic, setting: ["retention.ms": "1"], timeoutMilliseconds: 300) }
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
        let calls: [() throws -> Void] = [
            { try admin.createTopic(topic, partitions: 1, replicationFactor: 1, timeoutMilliseconds: 500) },
            { try admin.addPartitions(cluster.topic, total: 2, timeoutMilliseconds: 500) },
            { _ = try admin.topicSettings(cluster.topic, timeoutMilliseconds: 500) },
            {
                try admin.alterTopicConfiguration(
                    cluster.topic, setting: ["retention.ms": "1"], timeoutMilliseconds: 500)
            },
        ]
        for call in calls {
            let error = try #require(throws: KafkaError.self) { try call() }
            #expect(error.isTransient || error.code == KafkaErrorCode.unsupportedFeature, "\(error)")
        }
    }

    @Test("where a time lies is found on a broker that does not tell, too")
    func offsetsByTime() throws {
        let cluster = try TestCluster(partitions: 3)
        let producer = try cluster.producer()
        defer { producer.close() }
        for number in 0..<40 as Range<Int64> {
            try producer.send(
                topic: cluster.topic, partition: Partition(number < 30 ? 0 : 1), key: nil, value: [1],
                timestampMilliseconds: recently + number * 1_000, tag: UInt64(number))
        }
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)
        let admin = try admin(cluster)
        defer { admin.close() }
        let newest = [
            NewestRecord(partition: cluster.partition(0), low: 0, end: 30, milliseconds: recently + 29_000),
            NewestRecord(partition: cluster.partition(1), low: 0, end: 10, milliseconds: recently + 39_000),
        ]
        func find(_ milliseconds: Int64) throws -> [Int64?] {
            let found = try admin.offsets(
                of: newest, searchingAtOrAfter: recently + milliseconds, timeoutMilliseconds: patienceMilliseconds)
            return newest.map { found[$0.partition]?.rawValue }
        }
        #expect(try find(-1) == [0, 0])
        #expect(try find(11_500) == [12, 0])
        #expect(try find(12_000) == [12, 0])
        #expect(try find(29_000) == [29, 0])
        #expect(try find(29_001) == [nil, 0])
        #expect(try find(39_000) == [nil, 9])
        #expect(try find(40_000) == [nil, nil])
    }

    @Test("halving finds the first record of a time, with holes, for every time and every hole")
    func timeSearch() throws {
        for hole in 0..<12 as Range<Int64> {
            for width in 0..<4 as Range<Int64> {
                let offsets = (3..<20 as Range<Int64>).filter { !(hole + 3..<hole + 3 + width).contains($0) }
                for time in 0..<45 as Range<Int64> {
                    var looks = 0
                    let found = try TimeSearch.firstOffset(in: 3..<20, atOrAfter: time) { offset in
                        looks += 1
                        return offsets.first { $0 >= offset }.map { ($0, $0 * 2) }
                    }
                    // A hole's own offsets lead to the same record as the record's.
                    #expect(offsets.first { $0 >= found } == offsets.first { $0 * 2 >= time })
                    #expect(looks <= 5)
                }
            }
        }
    }

    @Test("a change of one setting is sent with all of the topic's own, since the broker forgets what is not sent")
    func wholeConfiguration() throws {
        let present = [
            "retention.ms": TopicSetting(value: "1", source: .topic),
            "segment.ms": TopicSetting(value: "2", source: .topic),
            "cleanup.policy": TopicSetting(value: "delete", source: .inherited),
            "computed": TopicSetting(value: "3", source: .topic, isReadOnly: true),
        ]
        let whole = try KafkaAdmin.whole(present, setting: ["retention.ms": "9"], action: "testing")
        #expect(whole == ["retention.ms": "9", "segment.ms": "2"])
    }

    @Test(
        "what cannot be read cannot be kept: nothing is changed",
        arguments: [
            TopicSetting(value: nil, source: .topic, isSensitive: true), TopicSetting(value: "1", source: .unknown),
        ])
    func unreadableConfiguration(_ setting: TopicSetting) throws {
        let error = try #require(throws: KafkaError.self) {
            try KafkaAdmin.whole(["some.key": setting], setting: ["retention.ms": "9"], action: "testing")
        }
        #expect(error.code == KafkaErrorCode.invalidRequest)
        #expect(error.detail.contains("lost"))
    }
}

/// A cluster that answers administration: the one of all tests, or one for these alone.
private enum AdminCluster {
    static let address: String? = {
        let environment = ProcessInfo.processInfo.environment
        return environment["LIENTHONG_TEST_ADMIN_KAFKA"] ?? environment["LIENTHONG_TEST_KAFKA"]
    }()

    static let isMissing = address == nil
    static let comment: Comment =
        "the embedded broker answers no administration: set LIENTHONG_TEST_ADMIN_KAFKA or LIENTHONG_TEST_KAFKA"

    /// - Parameter body: gets a client, and a topic's name that is free.
    static func with(_ body: (KafkaAdmin, TopicName) throws -> Void) throws {
        let settings = KafkaSettings(bootstrapServers: try #require(address))
        let admin = try KafkaAdmin(settings: settings, clientID: "test")
        defer { admin.close() }
        try body(admin, try #require(TopicName("lienthong-test-\(UUID().uuidString)")))
    }
}

@Suite("Administration of a cluster", .disabled(if: AdminCluster.isMissing, AdminCluster.comment))
struct AdminClusterTests {
    private func create(_ admin: KafkaAdmin, _ name: TopicName, _ configuration: [String: String] = [:]) throws {
        try admin.createTopic(
            name, partitions: 3, replicationFactor: 1, configuration: configuration,
            timeoutMilliseconds: patienceMilliseconds)
    }

    @Test("a topic is created with its configuration, and only once")
    func createTopic() throws {
        try AdminCluster.with { admin, name in
            try create(admin, name, ["retention.ms": "3600000"])
            #expect(try admin.topic(name, timeoutMilliseconds: patienceMilliseconds)?.partitions.count == 3)
            let settings = try admin.topicSettings(name, timeoutMilliseconds: patienceMilliseconds)
            #expect(settings["retention.ms"] == TopicSetting(value: "3600000", source: .topic))
            #expect(settings["cleanup.policy"]?.source == .inherited)
            let error = try #require(throws: KafkaError.self) { try create(admin, name) }
            #expect(error.code == KafkaErrorCode.topicAlreadyExists)
        }
    }

    @Test("partitions are added, never taken away")
    func addPartitions() throws {
        try AdminCluster.with { admin, name in
            try create(admin, name)
            try admin.addPartitions(name, total: 5, timeoutMilliseconds: patienceMilliseconds)
            #expect(try admin.topic(name, timeoutMilliseconds: patienceMilliseconds)?.partitions.count == 5)
            for total in [5, 2] as [Int32] {
                let error = try #require(throws: KafkaError.self) {
                    try admin.addPartitions(name, total: total, timeoutMilliseconds: patienceMilliseconds)
                }
                #expect(error.code == KafkaErrorCode.invalidPartitions)
            }
        }
    }

    @Test("setting one thing keeps the topic's other settings")
    func alterKeepsTheRest() throws {
        try AdminCluster.with { admin, name in
            try create(admin, name, ["retention.ms": "3600000", "segment.ms": "600000"])
            try admin.alterTopicConfiguration(
                name, setting: ["retention.ms": "-1"], timeoutMilliseconds: patienceMilliseconds)
            let settings = try admin.topicSettings(name, timeoutMilliseconds: patienceMilliseconds)
            #expect(settings["retention.ms"]?.value == "-1")
            #expect(settings["segment.ms"] == TopicSetting(value: "600000", source: .topic))
        }
    }

    @Test("a setting that the broker does not know is refused, and nothing is changed")
    func unknownSetting() throws {
        try AdminCluster.with { admin, name in
            try create(admin, name, ["retention.ms": "3600000"])
            let error = try #require(throws: KafkaError.self) {
                try admin.alterTopicConfiguration(
                    name, setting: ["no.such.key": "1"], timeoutMilliseconds: patienceMilliseconds)
            }
            #expect(!error.isTransient)
            let configuration = try admin.topicConfiguration(name, timeoutMilliseconds: patienceMilliseconds)
            #expect(configuration["retention.ms"] == "3600000")
        }
    }

    @Test("deleted records make a gap: the log starts later, and reading before it is out of range")
    func deleteRecords() throws {
        try AdminCluster.with { admin, name in
            try create(admin, name)
            let partition = TopicPartition(name, Partition(1))
            let settings = KafkaSettings(bootstrapServers: try #require(AdminCluster.address))
            let producer = try KafkaProducer(settings: settings, clientID: "test")
            defer { producer.close() }
            for number in 0..<10 as Range<UInt64> {
                try producer.send(topic: name, partition: Partition(1), key: nil, value: [1], tag: number)
            }
            try producer.flush(timeoutMilliseconds: patienceMilliseconds)
            let low = try admin.deleteRecords(
                partition, before: NextOffset(4), timeoutMilliseconds: patienceMilliseconds)
            #expect(low == 4)
            #expect(try admin.watermarks(partition, timeoutMilliseconds: patienceMilliseconds) == (4, 10))
            let consumer = try KafkaConsumer(settings: settings, group: UUID().uuidString, clientID: "test")
            defer { consumer.close() }
            try consumer.assign([(partition, NextOffset(2))])
            try gather(consumer, "the gap") { $0.contains(.outOfRange(partition)) }
        }
    }
}
