import Contracts
import Kafka
import Model
import Testing

@testable import Provisioning

@Suite("Provisioning")
struct ProvisionerTests {
    private let cluster = FakeCluster()
    private let wanted: [WantedTopic]
    private let first: TopicName
    private let firstLetters: TopicName
    private let second: TopicName
    private let secondLetters: TopicName

    init() throws {
        let definitions = [
            try definition("test.a.v1", partitions: 4, retention: 1_000), try definition("test.b.v1"),
        ]
        wanted = try definitions.flatMap { try WantedTopic.all(of: $0) }
        (first, firstLetters, second, secondLetters) = (wanted[0].name, wanted[1].name, wanted[2].name, wanted[3].name)
    }

    private func apply(_ permissions: Permissions = Permissions(), pauses: Int = 0) throws -> ApplyReport {
        var left = pauses
        let provisioner = Provisioner(cluster, looksMax: 20) {
            left -= 1
            #expect(left >= 0, "looked more often than the cluster was stale")
        }
        return try provisioner.apply(wanted, known: Set(wanted.map(\.name)), permissions: permissions)
    }

    private func makeAll() {
        for topic in wanted { cluster.make(topic) }
    }

    private func words(_ report: ApplyReport) -> [String] {
        report.outcomes.map { outcome in
            let result =
                switch outcome.result {
                case .done: "done"
                case .doneByAnother: "done by another"
                case .left: "left"
                case .failed: "failed"
                case .notTried: "not tried"
                }
            return "\(outcome.step.topic) \(outcome.step.name): \(result)"
        }
    }

    @Test("an empty cluster gets every topic, and a second run does nothing")
    func idempotent() throws {
        let report = try apply()
        #expect(cluster.log == wanted.map { "create \($0.name)" })
        #expect(report.after.agrees)
        #expect(report.status == .done)
        #expect(words(report) == wanted.map { "\($0.name) create: done" })
        let again = try apply()
        #expect(cluster.log.count == 4)
        #expect(again.outcomes.isEmpty)
        #expect(again.status == .done)
    }

    @Test("a plan changes nothing")
    func planOnly() throws {
        let plan = try Provisioner(cluster, pause: {}).plan(wanted, known: [])
        #expect(plan.steps.count == 4)
        #expect(cluster.log.isEmpty)
    }

    @Test("the settings of a topic go in one request, before its partitions, and only what is permitted goes")
    func order() throws {
        makeAll()
        cluster.topics[first]?.partitions = 3
        cluster.set(first, "retention.ms", "-1")
        cluster.set(first, "min.insync.replicas", "1")
        cluster.set(first, "max.message.bytes", "1000")
        cluster.set(second, "retention.ms", "5")

        let careful = try apply()
        #expect(cluster.log == ["set \(first) max.message.bytes min.insync.replicas", "set \(second) retention.ms"])
        #expect(
            words(careful) == [
                "\(first) set max.message.bytes: done", "\(first) set min.insync.replicas: done",
                "\(first) set retention.ms: left", "\(first) add-partitions: left", "\(second) set retention.ms: done",
            ])
        #expect(careful.status == .no)
        #expect(cluster.topics[first]?.settings["retention.ms"]?.value == "-1")

        // A flag for another topic permits nothing here.
        _ = try apply(Permissions([.shrinkRetention: [second], .addPartitions: [second]]))
        #expect(cluster.log.count == 2)

        let bold = try apply(Permissions([.shrinkRetention: [first], .addPartitions: [first]]))
        #expect(cluster.log.suffix(2) == ["set \(first) retention.ms", "add \(first) 4"])
        #expect(bold.status == .done)
    }

    @Test(
        "a refused topic does not stop the others, and its sentence says what to do",
        arguments: [
            (KafkaErrorCode.policyViolation, "rule of the cluster"),
            (KafkaErrorCode.topicAuthorizationFailed, "grant it Create"),
            (KafkaErrorCode.clusterAuthorizationFailed, "grant it Create"),
            (KafkaErrorCode.invalidReplicationFactor, "kafkaReplicationFactor in the contract of test.a.v1"),
            (KafkaErrorCode.invalidConfiguration, "does not accept a setting"),
            (KafkaErrorCode.invalidPartitions, "number of partitions"),
            (KafkaErrorCode.invalidRequest, "kafka-configs.sh"),
            (-1, "see the broker's log"),
        ] as [(Int32, String)])
    func refused(_ code: Int32, _ words: String) throws {
        cluster.faults["create \(first)"] = code
        let report = try apply()
        #expect(cluster.log == wanted.map { "create \($0.name)" })
        #expect(report.outcomes.count == 4)
        guard case .failed(let error)? = report.outcomes.first?.result else {
            Issue.record("\(report.outcomes[0])")
            return
        }
        #expect("\(error)".hasPrefix("creating test.a.v1: "))
        #expect("\(error)".contains(words), "\(error)")
        #expect(report.status == .no)
        #expect(report.after.topics.map(\.steps.count) == [1, 0, 0, 0])
    }

    @Test(
        "a cluster that does not answer is not asked for each topic",
        arguments: [
            KafkaErrorCode.timedOut, KafkaErrorCode.transport, KafkaErrorCode.unsupportedFeature,
            KafkaErrorCode.unsupportedVersion,
        ])
    func silent(_ code: Int32) throws {
        cluster.faults["create \(firstLetters)"] = code
        let report = try apply()
        #expect(cluster.log == ["create \(first)", "create \(firstLetters)"])
        #expect(
            words(report) == [
                "\(first) create: done", "\(firstLetters) create: failed", "\(second) create: not tried",
                "\(secondLetters) create: not tried",
            ])
        #expect(report.status == .unavailable)
    }

    @Test("a topic that another makes meanwhile is compared, and set right")
    func race() throws {
        let made = wanted[0]
        cluster.before["create \(first)"] = { cluster in
            cluster.make(made)
            cluster.set(made.name, "min.insync.replicas", "1")
        }
        let report = try apply()
        #expect(cluster.log == wanted.map { "create \($0.name)" } + ["set \(first) min.insync.replicas"])
        #expect(
            words(report).prefix(2) == ["\(first) create: done by another", "\(first) set min.insync.replicas: done"])
        #expect(report.status == .done)
    }

    @Test("partitions that another adds meanwhile are no failure")
    func racePartitions() throws {
        makeAll()
        cluster.topics[first]?.partitions = 2
        let name = first
        cluster.before["add \(first) 4"] = { $0.topics[name]?.partitions = 4 }
        let report = try apply(Permissions([.addPartitions: [first]]))
        #expect(words(report) == ["\(first) add-partitions: done by another"])
        #expect(report.status == .done)
    }

    @Test("brokers that hear late of a change are looked at again")
    func stale() throws {
        cluster.staleAnswers = 0
        for topic in wanted.dropLast() { cluster.make(topic) }
        let late = cluster
        late.before["create \(secondLetters)"] = { $0.staleAnswers = 3 }
        let report = try apply(pauses: 3)
        #expect(report.status == .done)
    }

    @Test("what the broker takes and does not do is told as a failure")
    func forgotten() throws {
        cluster.forgets = true
        let report = try apply(pauses: 19)
        #expect(words(report) == wanted.map { "\($0.name) create: failed" })
        #expect(report.status == .no)
    }

    @Test("a broker silent about settings is asked once, and its topics are no agreement")
    func untoldSettings() throws {
        makeAll()
        cluster.settingsFault = KafkaErrorCode.timedOut
        let plan = try Provisioner(cluster, pause: {}).plan(wanted, known: [])
        #expect(cluster.settingsQuestions == 1)
        #expect(plan.topics.allSatisfy { $0.steps.map(\.name) == ["read-settings"] })
        #expect(plan.steps[3].sentence.contains("answers no requests of administration"))
    }

    @Test("settings that may not be read are asked for topic by topic, since rights are given so")
    func forbiddenSettings() throws {
        makeAll()
        cluster.settingsFault = KafkaErrorCode.topicAuthorizationFailed
        let report = try apply()
        #expect(cluster.settingsQuestions == 4)
        #expect(report.status == .no)
        #expect(cluster.log.isEmpty)
    }
}
