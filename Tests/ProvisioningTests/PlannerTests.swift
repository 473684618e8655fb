import Contracts
import Kafka
import Model
import Testing

@testable import Provisioning

@Suite("Planning")
struct PlannerTests {
    private let data = "test.thing.v1"
    private let deadLetters = "test.thing.v1.dead-letter"

    private func plan(
        _ definition: TopicDefinition, brokers: Int = 3, extra: [String] = [],
        change: (inout TopicState, WantedTopic) -> Void = { _, _ in }
    ) throws -> Plan {
        let wanted = try WantedTopic.all(of: definition)
        var topics: [TopicName: TopicState] = [:]
        for topic in wanted {
            var state = asWanted(topic)
            change(&state, topic)
            topics[topic.name] = state
        }
        let names = Set(topics.keys).union(try extra.map { try topic($0) })
        let state = ClusterState(brokerCount: brokers, names: names, topics: topics)
        return Planner.plan(wanted, known: Set(wanted.map(\.name)), state: state)
    }

    /// The plan where the data topic has these settings.
    private func plan(_ definition: TopicDefinition, _ settings: [String: String]) throws -> Plan {
        try plan(definition) { state, topic in
            if topic.partitionsMatter { state = state.with(settings) }
        }
    }

    @Test("a cluster that is as the contract says needs nothing")
    func agrees() throws {
        let plan = try plan(try definition())
        #expect(plan.agrees)
        #expect(plan.steps.isEmpty)
    }

    @Test("both topics are created, with all that keeps records, and dead letters may be larger than records")
    func creation() throws {
        let wanted = try WantedTopic.all(of: try definition(retention: 86_400_000, policy: "compact"))
        let plan = Planner.plan(
            wanted, known: Set(wanted.map(\.name)), state: ClusterState(brokerCount: 3, topics: [:]))
        #expect(plan.brief == ["\(data): create safe", "\(deadLetters): create safe"])
        #expect(
            wanted[0].creation == [
                "cleanup.policy": "compact", "retention.ms": "86400000", "retention.bytes": "-1",
                "max.message.bytes": "1114112", "min.insync.replicas": "2", "unclean.leader.election.enable": "false",
            ])
        #expect(
            wanted[1].creation == [
                "cleanup.policy": "delete", "retention.ms": "7776000000", "retention.bytes": "-1",
                "max.message.bytes": "1179648", "min.insync.replicas": "2", "unclean.leader.election.enable": "false",
            ])
        #expect(wanted.map(\.partitions) == [4, 3])
        #expect(wanted.map(\.replicationFactor) == [3, 3])
        #expect(plan.steps[0].sentence.contains("4 partitions, 3 replicas"))
    }

    @Test("one replica alone is not asked to be in sync with another, whatever the cluster's own number")
    func singleReplica() throws {
        let single = try definition(replicationFactor: 1)
        let wanted = try WantedTopic.all(of: single)
        #expect(wanted.allSatisfy { $0.creation["min.insync.replicas"] == "1" })
        #expect(try plan(single).agrees)
        let inherited = try plan(single, ["min.insync.replicas": "2"])
        #expect(inherited.brief == ["\(data): set min.insync.replicas safe"])
        #expect(inherited.steps[0].sentence.contains("with 1 replica nobody can publish"))
    }

    @Test("more replicas wanted in sync than there are is shown, and mended where the replicas suffice")
    func blocked() throws {
        func plan(_ replicas: ClosedRange<Int>, _ inSync: String) throws -> [String] {
            try self.plan(try definition(replicationFactor: 2)) { state, topic in
                if topic.partitionsMatter { state = state.with(replicas: replicas, ["min.insync.replicas": inSync]) }
            }.brief
        }
        #expect(try plan(2...2, "3") == ["\(data): set min.insync.replicas safe"])
        #expect(try plan(2...2, "2").isEmpty)
        #expect(
            try plan(1...2, "2") == ["\(data): set min.insync.replicas impossible", "\(data): reassign impossible"])
    }

    @Test("what the cluster has too few brokers for is not tried, and the sentence counts them")
    func tooFewBrokers() throws {
        let wanted = try WantedTopic.all(of: try definition())
        let plan = Planner.plan(
            wanted, known: Set(wanted.map(\.name)), state: ClusterState(brokerCount: 1, topics: [:]))
        #expect(plan.brief == ["\(data): create impossible", "\(deadLetters): create impossible"])
        #expect(plan.steps[0].sentence.contains("wants 3 replicas, the cluster has 1 broker up"))
    }

    @Test("more partitions need a flag, and the sentence says what they break")
    func morePartitions() throws {
        let plan = try plan(try definition(partitions: 8)) { state, _ in state = state.with(partitions: 3) }
        // Nothing rests on the number of a dead-letter topic's partitions.
        #expect(plan.brief == ["\(data): add-partitions needs-flag"])
        #expect(plan.steps[0].flag == "--add-partitions \(data)")
        for word in ["other partitions", "order", "strictly greater version", "version-missing"] {
            #expect(plan.steps[0].sentence.contains(word))
        }
    }

    @Test("fewer partitions are never made")
    func fewerPartitions() throws {
        let plan = try plan(try definition()) { state, _ in state = state.with(partitions: 9) }
        #expect(plan.brief == ["\(data): fewer-partitions impossible"])
        #expect(plan.steps[0].sentence.contains("in a draft write kafkaPartitions 9"))
        #expect(plan.steps[0].sentence.contains("breaking change"))
        #expect(!plan.agrees)
    }

    @Test("replicas are moved by Kafka's own tool, which is named", arguments: [2...2, 2...3, 4...4])
    func replicas(_ replicas: ClosedRange<Int>) throws {
        let plan = try plan(try definition()) { state, topic in
            if topic.partitionsMatter { state = state.with(replicas: replicas) }
        }
        #expect(plan.brief == ["\(data): reassign impossible"])
        #expect(plan.steps[0].sentence.contains("kafka-reassign-partitions.sh"))
    }

    @Test(
        "what deletes records needs a flag, what keeps more does not",
        arguments: [
            (policy: "delete", retention: -1, has: ["retention.ms": "604800000"], kinds: ["set retention.ms safe"]),
            (policy: "delete", retention: -1, has: ["retention.ms": "-2"], kinds: []),
            (policy: "delete", retention: 1_000, has: ["retention.ms": "999"], kinds: ["set retention.ms safe"]),
            (policy: "delete", retention: 1_000, has: ["retention.ms": "1000"], kinds: []),
            (policy: "delete", retention: 1_000, has: ["retention.ms": "1001"], kinds: ["set retention.ms needs-flag"]),
            (policy: "delete", retention: 1_000, has: ["retention.ms": "-1"], kinds: ["set retention.ms needs-flag"]),
            (
                policy: "compact", retention: -1, has: ["cleanup.policy": "delete"],
                kinds: ["set cleanup.policy needs-flag"]
            ),
            (
                policy: "compact", retention: -1, has: ["cleanup.policy": "compact,delete"],
                kinds: ["set cleanup.policy safe"]
            ),
            (policy: "delete", retention: -1, has: ["cleanup.policy": "compact"], kinds: ["set cleanup.policy safe"]),
            (
                policy: "delete", retention: 9_000, has: ["cleanup.policy": "compact"],
                kinds: ["set cleanup.policy needs-flag"]
            ),
            (
                policy: "delete", retention: -1, has: ["cleanup.policy": "compact, delete"],
                kinds: ["set cleanup.policy safe"]
            ),
            (policy: "delete", retention: -1, has: ["retention.bytes": "1000"], kinds: ["set retention.bytes safe"]),
            (
                policy: "delete", retention: -1, has: ["max.message.bytes": "1048588"],
                kinds: ["set max.message.bytes safe"]
            ),
            (
                policy: "delete", retention: -1, has: ["max.message.bytes": "1114111"],
                kinds: ["set max.message.bytes safe"]
            ),
            (policy: "delete", retention: -1, has: ["max.message.bytes": "1114112"], kinds: []),
            (policy: "delete", retention: -1, has: ["max.message.bytes": "99999999"], kinds: []),
            (
                policy: "delete", retention: -1, has: ["min.insync.replicas": "1"],
                kinds: ["set min.insync.replicas safe"]
            ),
            (policy: "delete", retention: -1, has: ["min.insync.replicas": "3"], kinds: []),
            (
                policy: "delete", retention: -1, has: ["unclean.leader.election.enable": "true"],
                kinds: ["set unclean.leader.election.enable safe"]
            ),
        ] as [(policy: String, retention: Int64, has: [String: String], kinds: [String])])
    func settings(_ row: (policy: String, retention: Int64, has: [String: String], kinds: [String])) throws {
        let plan = try plan(try definition(retention: row.retention, policy: row.policy), row.has)
        #expect(plan.brief == row.kinds.map { "\(data): \($0)" })
        for step in plan.steps where step.kind == .needs(.shrinkRetention) {
            #expect(step.flag == "--shrink-retention \(data)")
            #expect(step.sentence.contains("deleted for good"))
        }
    }

    @Test("a retention that is not told may be longer than wanted", arguments: [nil, "long"] as [String?])
    func untoldRetention(_ text: String?) throws {
        let plan = try plan(try definition(retention: 1_000)) { state, topic in
            guard topic.partitionsMatter, case .told(var settings) = state.settings else { return }
            settings["retention.ms"] = TopicSetting(value: text, source: .topic)
            state = TopicState(partitions: state.partitions, replicas: state.replicas, settings: .told(settings))
        }
        #expect(plan.brief == ["\(data): set retention.ms needs-flag"])
    }

    @Test("dead letters are compared too")
    func deadLetterTopic() throws {
        let plan = try plan(try definition()) { state, topic in
            if !topic.partitionsMatter { state = state.with(["cleanup.policy": "compact", "retention.ms": "1000"]) }
        }
        #expect(
            plan.brief == ["\(deadLetters): set cleanup.policy needs-flag", "\(deadLetters): set retention.ms safe"])
    }

    @Test("replicas in sync are not asked for where there is one replica alone: nobody could publish")
    func inSyncBeforeReassignment() throws {
        let plan = try plan(try definition()) { state, topic in
            if topic.partitionsMatter { state = state.with(replicas: 1...3, ["min.insync.replicas": "1"]) }
        }
        #expect(
            plan.brief == ["\(data): set min.insync.replicas impossible", "\(data): reassign impossible"])
    }

    @Test("a broker that does not tell settings leaves the rest to be compared, and is no agreement")
    func untold() throws {
        let plan = try plan(try definition()) { state, _ in
            state = TopicState(partitions: 5, replicas: state.replicas, settings: .untold(because: "it is shy"))
        }
        #expect(
            plan.brief == [
                "\(data): read-settings impossible", "\(data): fewer-partitions impossible",
                "\(deadLetters): read-settings impossible",
            ])
        #expect(plan.steps[0].sentence.contains("it is shy"))
    }

    @Test("a topic of our domain and entity without a contract is shown and left; others are not ours to name")
    func strangers() throws {
        let plan = try plan(
            try definition(),
            extra: [
                "test.thing.v2", "test.thing.v2.dead-letter", "test.thing.vx", "test.other.v1", "__consumer_offsets",
                "test.thing", "lienthong.test.thing.v1",
            ])
        #expect(plan.brief == ["test.thing.v2: leave-alone note", "test.thing.v2.dead-letter: leave-alone note"])
        #expect(plan.agrees)
    }

    @Test("a topic that another contract wants is no stranger")
    func otherContracts() throws {
        let wanted = try WantedTopic.all(of: try definition())
        let other = try topic("test.thing.v2")
        var topics = Dictionary(uniqueKeysWithValues: wanted.map { ($0.name, asWanted($0)) })
        topics[other] = asWanted(wanted[0])
        let state = ClusterState(brokerCount: 3, topics: topics)
        let known = Set(wanted.map(\.name))
        #expect(Planner.plan(wanted, known: known, state: state).strangers.count == 1)
        #expect(Planner.plan(wanted, known: known.union([other]), state: state).strangers.isEmpty)
    }

    @Test("a name that leaves no room for the dead letters' is a fault of the contract")
    func longName() throws {
        let most = String(repeating: "a", count: 249 - 12 - 3) + ".v1"
        #expect(try WantedTopic.all(of: try definition(most)).count == 2)
        let error = try #require(throws: UserError.self) { try WantedTopic.all(of: try definition("a" + most)) }
        #expect(error.status == .configuration)
    }

    @Test("a person at a terminal sees the plan first; a script is not asked")
    func modes() {
        for terminal in 0..<3 {
            let areTerminals = (0..<3).map { $0 == terminal }
            func mode(saidYes: Bool = false, askedForDryRun: Bool = false) -> ApplyMode {
                ApplyMode(areTerminals: areTerminals, saidYes: saidYes, askedForDryRun: askedForDryRun)
            }
            #expect(mode() == .dryRunUntilYes)
            #expect(mode(saidYes: true) == .change)
            #expect(mode(askedForDryRun: true) == .dryRun)
        }
        let none = [false, false, false]
        #expect(ApplyMode(areTerminals: none, saidYes: false, askedForDryRun: false) == .change)
        #expect(ApplyMode(areTerminals: none, saidYes: false, askedForDryRun: true) == .dryRun)
    }

    @Test("--yes is asked for only where it would do something")
    func dryRunWords() throws {
        let definition = try definition(retention: 1_000)
        let permissions = Permissions()
        let possible = try plan(definition, ["retention.ms": "999"])
        #expect(possible.dryRunWords(.dryRunUntilYes, permissions)?.contains("--yes") == true)
        #expect(possible.dryRunWords(.dryRun, permissions) == "Nothing was changed: a dry run.")
        let flagged = try plan(definition, ["retention.ms": "-1"])
        #expect(flagged.dryRunWords(.dryRunUntilYes, permissions)?.contains("without the flags") == true)
        let allowed = Permissions([.shrinkRetention: [try topic(data)]])
        #expect(flagged.dryRunWords(.dryRunUntilYes, allowed)?.contains("--yes") == true)
        let impossible = try plan(definition) { state, _ in state = state.with(partitions: 9) }
        #expect(impossible.dryRunWords(.dryRunUntilYes, permissions)?.contains("none of the steps") == true)
        #expect(try plan(definition).dryRunWords(.dryRunUntilYes, permissions) == nil)
    }

    @Test("a creation as JSON tells partitions, replicas and settings")
    func creationJSON() throws {
        let wanted = try WantedTopic.all(of: try definition(replicationFactor: 1))
        let plan = Planner.plan(
            wanted, known: Set(wanted.map(\.name)), state: ClusterState(brokerCount: 1, topics: [:]))
        let text = JSON.object(try #require(plan.steps.last).json).text
        #expect(
            text.hasPrefix(
                """
                {"topic":"test.thing.v1.dead-letter","step":"create","kind":"safe","from":null,"to":null,"flag":null,\
                "partitions":3,"replicationFactor":1,"settings":{"cleanup.policy":"delete","retention.ms":"7776000000",
                """))
    }

    @Test("a step as JSON tells the change and the flag")
    func json() throws {
        let plan = try plan(try definition(retention: 3_600_000), ["retention.ms": "-1"])
        let step = try #require(plan.steps.first)
        #expect(
            JSON.object(step.json).text == """
                {"topic":"test.thing.v1","step":"set retention.ms","kind":"needs-flag","from":"-1","to":"3600000",\
                "flag":"--shrink-retention test.thing.v1","sentence":"retention.ms is for ever (-1), wanted is 1 hour \
                (3600000): records older than 1 hour would be deleted for good"}
                """)
    }
}
