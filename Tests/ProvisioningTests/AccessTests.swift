// Who may do what: the contract's roles against the rules of the cluster's authorizer.
import Contracts
import Kafka
import Model
import Testing

@testable import Provisioning

@Suite("Access")
struct AccessTests {
    private let cluster = FakeCluster()
    private let wanted: [WantedTopic]
    private let data: TopicName
    private let letters: TopicName

    init() throws {
        let roles = [
            Contract.Role(name: "publisher", access: .write, principals: ["User:feed"]),
            Contract.Role(name: "worker", access: .read, principals: ["User:worker"]),
            Contract.Role(name: "redrive", access: .write, principals: ["User:worker", "User:feed"]),
            Contract.Role(name: "owner", access: .readDeadLetters, principals: ["User:owner"]),
            Contract.Role(name: "relay", access: .writeDeadLetters, principals: ["User:worker"]),
        ]
        wanted = try WantedTopic.all(of: try definition("test.a.v1", roles: roles))
        (data, letters) = (wanted[0].name, wanted[1].name)
        for topic in wanted { cluster.make(topic) }
    }

    private var provisioner: Provisioner { Provisioner(cluster, looksMax: 3, pause: {}) }
    private func plan() throws -> Plan { try provisioner.plan(wanted, known: Set(wanted.map(\.name))) }
    private func apply() throws -> ApplyReport {
        try provisioner.apply(wanted, known: Set(wanted.map(\.name)), permissions: Permissions())
    }

    @Test("what the roles give is granted once, topic by topic, and a second run does nothing")
    func grants() throws {
        #expect(
            try plan().brief == [
                "\(data): grant Write User:feed safe", "\(data): grant Read User:worker safe",
                "\(data): grant Write User:worker safe", "\(letters): grant Read User:owner safe",
                "\(letters): grant Write User:worker safe",
            ])
        #expect(cluster.log.isEmpty)
        let report = try apply()
        #expect(report.status == .done, "\(report.outcomes)")
        #expect(
            cluster.log == [
                "allow User:feed Write \(data)", "allow User:worker Read \(data)", "allow User:worker Write \(data)",
                "allow User:owner Read \(letters)", "allow User:worker Write \(letters)",
            ])
        let again = try apply()
        #expect(again.outcomes.isEmpty && again.status == .done)
        #expect(cluster.log.count == 5)
    }

    @Test(
        "a rule that gives more than is wanted suffices, one that gives it from some hosts or of another kind does not",
        arguments: [
            (AccessRule(principal: "User:owner", operation: .read), true),
            (AccessRule(principal: "User:owner", operation: .all), true),
            (AccessRule(principal: "User:*", operation: .read), true),
            (AccessRule(principal: "User:owner", operation: .read, pattern: .wider("test.*")), true),
            (AccessRule(principal: "User:owner", host: "10.0.0.1", operation: .read), false),
            (AccessRule(principal: "User:owner", operation: .describe), false),
            (AccessRule(principal: "User:owners", operation: .read), false),
            (AccessRule(principal: "Group:owner", operation: .read), false),
        ])
    func suffices(_ rule: AccessRule, _ doesSuffice: Bool) throws {
        cluster.rules[letters] = [rule]
        #expect(try plan().steps.contains { $0.name == "grant Read User:owner" } == !doesSuffice)
    }

    @Test(
        "a denial cannot be granted away: it is told, and the run is not done",
        arguments: ["User:owner", "User:*"], [AccessRule.Operation.read, .all])
    func denied(_ principal: String, _ operation: AccessRule.Operation) throws {
        try #require(try apply().status == .done)
        cluster.rules[letters]?.append(AccessRule(principal: principal, operation: operation, isAllowed: false))
        let step = try #require(try plan().steps.first { $0.name == "denied Read User:owner" })
        #expect(step.kind == .impossible)
        #expect(step.sentence.contains("the role owner in the contract of test.a.v1"))
        #expect(try apply().status == .no)
    }

    @Test(
        "whoever has more of the dead letters than the contract gives is a warning, takes no rule away and fails nothing"
    )
    func beyond() throws {
        try #require(try apply().status == .done)
        let stranger = AccessRule(principal: "User:stranger", operation: .read, pattern: .wider("test.*"))
        cluster.rules[letters, default: []] += [
            stranger, AccessRule(principal: "User:owner", operation: .all),
            AccessRule(principal: "User:monitor", operation: .describe),
            AccessRule(principal: "User:other", operation: .read, isAllowed: false),
        ]
        // Of the data topic the contract's owner decides; others may read it for good reasons.
        cluster.rules[data]?.append(stranger)
        let plan = try plan()
        #expect(
            plan.brief == [
                "\(letters): beyond Read User:stranger warning", "\(letters): beyond All User:owner warning",
            ])
        #expect(plan.steps[0].sentence.contains("by a rule for topics test.*"))
        #expect(plan.agrees)
        let rules = cluster.rules
        let report = try apply()
        #expect(report.status == .done)
        #expect(report.outcomes.map(\.step.kind) == [.warning, .warning])
        #expect(cluster.rules == rules)
    }

    @Test("a cluster without an authorizer is a line, and no failure")
    func noAuthorizer() throws {
        cluster.accessFault = KafkaErrorCode.securityDisabled
        let plan = try plan()
        #expect(plan.accessUnchecked == "the cluster has no authorizer")
        #expect(plan.agrees && plan.steps.isEmpty)
        #expect(cluster.accessQuestions == 1)
        #expect(try apply().status == .done)
    }

    @Test("a broker that answers no administration is not asked a second time")
    func silent() throws {
        cluster.settingsFault = KafkaErrorCode.timedOut
        let plan = try plan()
        #expect(plan.accessUnchecked?.contains("answers no requests of administration") == true)
        #expect(cluster.accessQuestions == 0)
    }

    @Test("rules that this client may not see are no agreement")
    func forbidden() throws {
        cluster.accessFault = KafkaErrorCode.clusterAuthorizationFailed
        let plan = try plan()
        #expect(plan.accessUnchecked == nil)
        #expect(plan.brief == ["\(data): read-access impossible", "\(letters): read-access impossible"])
        #expect(try apply().status == .no)
    }

    @Test("where no principal is named nothing is asked and nothing is said")
    func unnamed() throws {
        let wanted = try WantedTopic.all(of: try definition("test.a.v1"))
        let plan = try provisioner.plan(wanted, known: Set(wanted.map(\.name)))
        #expect(plan.agrees && plan.accessUnchecked == nil)
        #expect(cluster.accessQuestions == 0)
    }

    @Test("a grant that is refused is told with what it takes, and the others are made")
    func refused() throws {
        cluster.faults["allow User:feed Write \(data)"] = KafkaErrorCode.clusterAuthorizationFailed
        let report = try apply()
        #expect(cluster.log.count == 5)
        #expect(report.status == .no)
        guard case .failed(let error)? = report.outcomes.first?.result else {
            Issue.record("\(report.outcomes)")
            return
        }
        #expect("\(error)".hasPrefix("granting Write to User:feed on test.a.v1: "))
        #expect("\(error)".contains("Alter and Describe on the cluster"))
    }
}
