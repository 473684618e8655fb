// The whole way against brokers: one that answers administration, and the embedded one, which does not.
import Contracts
import Foundation
import Kafka
import Model
import Testing

@testable import Provisioning

private enum RealCluster {
    static let address: String? = {
        let environment = ProcessInfo.processInfo.environment
        return environment["LIENTHONG_TEST_ADMIN_KAFKA"] ?? environment["LIENTHONG_TEST_KAFKA"]
    }()
    static let isMissing = address == nil
    static let comment: Comment =
        "the embedded broker answers no administration: set LIENTHONG_TEST_ADMIN_KAFKA or LIENTHONG_TEST_KAFKA"
}

@Suite("Provisioning a cluster", .disabled(if: RealCluster.isMissing, RealCluster.comment))
struct ClusterTests {
    private let admin: KafkaAdmin
    /// Of its own, since tests share a cluster.
    private let name = "test.plan-\(UInt32.random(in: 0...UInt32.max)).v1"

    init() throws {
        admin = try KafkaAdmin(
            settings: KafkaSettings(bootstrapServers: try #require(RealCluster.address)), clientID: "test")
    }

    private func wanted(
        partitions: Int32 = 2, replicationFactor: Int16 = 1, retention: Int64 = -1, policy: String = "delete"
    ) throws -> [WantedTopic] {
        try WantedTopic.all(
            of: try definition(
                name, partitions: partitions, replicationFactor: replicationFactor, retention: retention, policy: policy
            ))
    }

    private var provisioner: Provisioner { Provisioner(admin) { usleep(100_000) } }

    private func plan(_ wanted: [WantedTopic]) throws -> Plan {
        try provisioner.plan(wanted, known: Set(wanted.map(\.name)))
    }

    @discardableResult
    private func apply(_ wanted: [WantedTopic], _ permissions: Permissions = Permissions()) throws -> ApplyReport {
        try provisioner.apply(wanted, known: Set(wanted.map(\.name)), permissions: permissions)
    }

    private func setting(_ name: TopicName, _ key: String) throws -> String? {
        try admin.topicConfiguration(name, timeoutMilliseconds: 20_000)[key]
    }

    @Test("missing topics are created as their contract says, and a second run does nothing")
    func creates() throws {
        defer { admin.close() }
        let wanted = try wanted(retention: 3_600_000)
        #expect(try plan(wanted).brief == wanted.map { "\($0.name): create safe" })
        let report = try apply(wanted)
        #expect(report.status == .done, "\(report.outcomes)")
        for topic in wanted {
            let metadata = try #require(try admin.topic(topic.name, timeoutMilliseconds: 20_000))
            #expect(metadata.partitions.count == Int(topic.partitions))
            for (key, value) in topic.creation {
                #expect(try setting(topic.name, key) == value, "\(topic.name) \(key)")
            }
        }
        #expect(try plan(wanted).agrees)
        #expect(try apply(wanted).outcomes.isEmpty)
    }

    @Test("access is granted and told again, or the cluster says that it has no authorizer")
    func access() throws {
        defer { admin.close() }
        let data = try topic(name)
        do {
            #expect(try admin.accessRules(of: data, timeoutMilliseconds: 20_000).isEmpty)
            try admin.allow("User:\(name)", .read, on: data, timeoutMilliseconds: 20_000)
            let wanted = [AccessRule(principal: "User:\(name)", operation: .read)]
            // Brokers hear of a rule one after another.
            var told: [AccessRule] = []
            for _ in 0..<100 where told != wanted {
                told = try admin.accessRules(of: data, timeoutMilliseconds: 20_000)
                if told != wanted { usleep(100_000) }
            }
            #expect(told == wanted)
        } catch {
            #expect(error.code == KafkaErrorCode.securityDisabled, "\(error)")
        }
    }

    @Test("retention grows by itself, shrinks with the flag alone, and other settings of the topic stay")
    func retention() throws {
        defer { admin.close() }
        let data = try topic(name)
        try apply(try wanted(retention: 3_600_000))
        try admin.alterTopicConfiguration(data, setting: ["segment.ms": "7200000"], timeoutMilliseconds: 20_000)

        #expect(try apply(try wanted(retention: 7_200_000)).status == .done)
        #expect(try setting(data, "retention.ms") == "7200000")

        let shorter = try wanted(retention: 60_000, policy: "compact")
        let refused = try apply(shorter)
        #expect(refused.status == .no)
        #expect(refused.after.brief == ["set cleanup.policy", "set retention.ms"].map { "\(data): \($0) needs-flag" })
        #expect(try setting(data, "retention.ms") == "7200000")

        #expect(try apply(shorter, Permissions([.shrinkRetention: [data]])).status == .done)
        #expect(try setting(data, "retention.ms") == "60000")
        #expect(try setting(data, "cleanup.policy") == "compact")
        #expect(try setting(data, "segment.ms") == "7200000")
    }

    @Test("partitions are added with the flag alone, and never taken away")
    func partitions() throws {
        defer { admin.close() }
        let data = try topic(name)
        try apply(try wanted(partitions: 2))
        let more = try wanted(partitions: 5)
        #expect(try apply(more).after.brief == ["\(data): add-partitions needs-flag"])
        #expect(try apply(more, Permissions([.addPartitions: [data]])).status == .done)
        #expect(try admin.topic(data, timeoutMilliseconds: 20_000)?.partitions.count == 5)

        let fewer = try apply(try wanted(partitions: 3), Permissions([.addPartitions: [data]]))
        #expect(fewer.after.brief == ["\(data): fewer-partitions impossible"])
        #expect(fewer.status == .no)
        #expect(try admin.topic(data, timeoutMilliseconds: 20_000)?.partitions.count == 5)
    }

    @Test("more replicas than brokers are refused with a sentence, by us and by the broker")
    func tooManyReplicas() throws {
        defer { admin.close() }
        let brokers = try admin.cluster(timeoutMilliseconds: 20_000).brokerCount
        let factor = Int16(brokers) + 1
        let wanted = try wanted(replicationFactor: factor)
        #expect(try plan(wanted).brief == wanted.map { "\($0.name): create impossible" })
        let error = try #require(throws: KafkaError.self) {
            try admin.createTopic(
                try topic(name), partitions: 1, replicationFactor: Int32(factor), timeoutMilliseconds: 20_000)
        }
        #expect(error.code == KafkaErrorCode.invalidReplicationFactor)
        let sentence = "\(ProvisioningFault.describe(error, doing: "creating", wanted[0]))"
        #expect(sentence.contains("cannot hold \(factor) replicas"))
    }

    @Test("many at once: each ends in agreement, and every topic was made once")
    func atOnce() async throws {
        defer { admin.close() }
        let wanted = try wanted(partitions: 3)
        let address = try #require(RealCluster.address)
        let statuses = try await withThrowingTaskGroup(of: ExitStatus.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let admin = try KafkaAdmin(
                        settings: KafkaSettings(bootstrapServers: address), clientID: "test")
                    defer { admin.close() }
                    return try Provisioner(admin) { usleep(100_000) }
                        .apply(wanted, known: Set(wanted.map(\.name)), permissions: Permissions()).status
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == [.done, .done, .done, .done])
        #expect(try plan(wanted).agrees)
    }
}

@Suite("Provisioning an embedded broker")
struct EmbeddedClusterTests {
    @Test("it tells its topics and partitions, not their settings; nothing can be created, and one refusal suffices")
    func embedded() throws {
        let broker = try EmbeddedBroker()
        defer { broker.stop() }
        let wanted = try WantedTopic.all(of: try definition(replicationFactor: 1))
        try broker.createTopic(wanted[0].name, partitions: 5)
        let admin = try KafkaAdmin(settings: broker.settings, clientID: "test")
        defer { admin.close() }
        let provisioner = Provisioner(
            admin, questionTimeoutMilliseconds: 1_000, changeTimeoutMilliseconds: 1_000, pause: {})
        let known = Set(wanted.map(\.name))
        let expected = [
            "\(wanted[0].name): read-settings impossible", "\(wanted[0].name): fewer-partitions impossible",
            "\(wanted[1].name): create safe",
        ]
        #expect(try provisioner.plan(wanted, known: known).brief == expected)
        let report = try provisioner.apply(wanted, known: known, permissions: Permissions())
        #expect(report.status == .unavailable)
        #expect(report.after.brief == expected)
        let failures = report.outcomes.compactMap { outcome in
            if case .failed(let error) = outcome.result { error } else { nil }
        }
        #expect(failures.count == 1)
        #expect(failures.first.map { "\($0)".contains("its host makes the topics by itself") } ?? false)
    }
}
