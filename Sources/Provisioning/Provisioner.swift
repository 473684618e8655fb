// Does what a plan says, topic by topic, and reads again what has become of it.
package import Kafka
package import Model

/// What became of one step.
package struct StepOutcome: Sendable {
    package enum Result: Sendable {
        /// Done, and read again from the cluster.
        case done
        /// Another did it meanwhile.
        case doneByAnother
        /// Not permitted, or not possible: the step says what to do.
        case left
        case failed(UserError)
        /// The cluster stopped answering before its turn.
        case notTried
    }

    package let step: PlanStep
    package let result: Result
}

package struct ApplyReport: Sendable {
    /// In the order of the topics; those of a topic in the order in which they were done, what is left last.
    package let outcomes: [StepOutcome]
    /// What still differs.
    package let after: Plan

    /// `done` where all agrees, `unavailable` where the cluster did not answer, else `no`.
    package var status: ExitStatus {
        for outcome in outcomes {
            if case .failed(let error) = outcome.result, error.status == .unavailable { return .unavailable }
        }
        return after.agrees && outcomes.allSatisfy { !$0.result.isFailure } ? .done : .no
    }
}

extension StepOutcome.Result {
    package var isFailure: Bool {
        switch self {
        case .failed, .notTried: true
        case .done, .doneByAnother, .left: false
        }
    }
}

/// Compares contracts with a cluster and makes them agree, as far as it is permitted. It never deletes a topic.
package struct Provisioner {
    private let administration: any TopicAdministration
    private let questionTimeoutMilliseconds: Int32
    private let changeTimeoutMilliseconds: Int32
    private let looksMax: Int
    private let pause: () -> Void

    /// - Parameters:
    ///   - looksMax: how often a change is looked for; brokers hear of it one after another.
    ///   - pause: passes the time between two looks.
    package init(
        _ administration: any TopicAdministration, questionTimeoutMilliseconds: Int32 = 5_000,
        changeTimeoutMilliseconds: Int32 = 20_000, looksMax: Int = 20, pause: @escaping () -> Void
    ) {
        self.administration = administration
        self.questionTimeoutMilliseconds = questionTimeoutMilliseconds
        self.changeTimeoutMilliseconds = changeTimeoutMilliseconds
        self.looksMax = looksMax
        self.pause = pause
    }

    /// - Parameter known: names of all topics that any contract wants.
    /// - Throws: where not even the cluster's topics can be listed.
    package func plan(_ wanted: [WantedTopic], known: Set<TopicName>) throws(KafkaError) -> Plan {
        Planner.plan(wanted, known: known, state: try state(of: wanted))
    }

    /// Does each permitted step. A topic that fails does not stop the others; a cluster that does not answer does.
    package func apply(
        _ wanted: [WantedTopic], known: Set<TopicName>, permissions: Permissions
    ) throws(KafkaError) -> ApplyReport {
        var plan = try plan(wanted, known: known)
        var outcomes: [StepOutcome] = []
        // A topic that another made meanwhile is compared, and set right, in a second round.
        for _ in 0..<Self.roundsMax {
            let made = perform(plan, permissions)
            outcomes += made
            guard !made.isEmpty else { break }
            plan = try settled(wanted, known: known, after: made)
            guard made.contains(where: { if case .doneByAnother = $0.result { true } else { false } }) else { break }
        }
        return report(outcomes, plan)
    }

    private static let roundsMax = 2

    // MARK: Reading

    /// A broker that does not answer one question for settings is not asked the next.
    private func state(of wanted: [WantedTopic]) throws(KafkaError) -> ClusterState {
        let cluster = try administration.cluster(timeoutMilliseconds: questionTimeoutMilliseconds)
        let present = Dictionary(cluster.topics.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var topics: [TopicName: TopicState] = [:]
        var silence: String?
        for name in wanted.map(\.name) {
            guard let topic = present[name] else { continue }
            var settings = TopicState.Settings.untold(because: silence ?? "")
            if silence == nil {
                do {
                    settings = .told(
                        try administration.topicSettings(name, timeoutMilliseconds: questionTimeoutMilliseconds))
                } catch {
                    let because = ProvisioningFault.cause(of: error)
                    if ProvisioningFault.isSilence(error) { silence = because }
                    settings = .untold(because: because)
                }
            }
            let replicas = topic.partitions.map(\.replicaCount)
            topics[name] = TopicState(
                partitions: topic.partitions.count, replicas: (replicas.min() ?? 0)...(replicas.max() ?? 0),
                settings: settings)
        }
        return ClusterState(
            brokerCount: cluster.brokerCount, names: Set(cluster.topics.map(\.name)), topics: topics,
            access: access(of: wanted, silence: silence))
    }

    /// - Parameter silence: why the broker is not asked anything more; nil where it answers.
    private func access(of wanted: [WantedTopic], silence: String?) -> AccessState {
        let named = wanted.filter { !$0.access.isEmpty }
        guard !named.isEmpty else { return .notAsked }
        if let silence { return .unchecked(because: silence) }
        var rules: [TopicName: [AccessRule]] = [:]
        do throws(KafkaError) {
            for topic in named {
                rules[topic.name] = try administration.accessRules(
                    of: topic.name, timeoutMilliseconds: questionTimeoutMilliseconds)
            }
        } catch {
            if error.code == KafkaErrorCode.securityDisabled {
                return .unchecked(because: "the cluster has no authorizer")
            }
            let because = ProvisioningFault.cause(of: error)
            return ProvisioningFault.isSilence(error) ? .unchecked(because: because) : .untold(because: because)
        }
        return .told(rules)
    }

    /// Reads until nothing is left of the steps that were done.
    private func settled(
        _ wanted: [WantedTopic], known: Set<TopicName>, after made: [StepOutcome]
    ) throws(KafkaError) -> Plan {
        let done = made.filter { !$0.result.isFailure }.map(\.step)
        var plan = try plan(wanted, known: known)
        for _ in 1..<max(looksMax, 1) where done.contains(where: { plan.still($0) }) {
            pause()
            plan = try self.plan(wanted, known: known)
        }
        return plan
    }

    // MARK: Doing

    private func perform(_ plan: Plan, _ permissions: Permissions) -> [StepOutcome] {
        var outcomes: [StepOutcome] = []
        var isSilent = false
        for topic in plan.topics {
            let steps = topic.steps.filter { permissions.allow($0) }
            for group in Self.groups(steps) {
                guard !isSilent else {
                    outcomes += group.map { StepOutcome(step: $0, result: .notTried) }
                    continue
                }
                let result = perform(group, of: topic.wanted)
                if case .failed(let error) = result, error.status == .unavailable { isSilent = true }
                outcomes += group.map { StepOutcome(step: $0, result: result) }
            }
        }
        return outcomes
    }

    /// All settings of a topic go in one request: it replaces them together or not at all.
    private static func groups(_ steps: [PlanStep]) -> [[PlanStep]] {
        let settings = steps.filter(\.isSetting)
        let others = steps.filter { !$0.isSetting }.map { [$0] }
        return settings.isEmpty ? others : [settings] + others
    }

    private func perform(_ group: [PlanStep], of wanted: WantedTopic) -> StepOutcome.Result {
        do {
            try change(group, of: wanted)
            return .done
        } catch {
            if error.code == KafkaErrorCode.topicAlreadyExists { return .doneByAnother }
            return .failed(ProvisioningFault.describe(error, doing: Self.verb(group), wanted))
        }
    }

    private static func verb(_ group: [PlanStep]) -> String {
        let keys = group.compactMap { step -> String? in
            if case .set(let key, _, _) = step.action { return key }
            return nil
        }
        if !keys.isEmpty { return "setting \(keys.joined(separator: ", ")) of" }
        switch group.first?.action {
        case .addPartitions: return "adding partitions to"
        case .grant(let access): return "granting \(access.operation.word) to \(access.principal) on"
        default: return "creating"
        }
    }

    private func change(_ group: [PlanStep], of wanted: WantedTopic) throws(KafkaError) {
        var settings: [String: String] = [:]
        for step in group {
            switch step.action {
            case .create(let topic):
                try administration.createTopic(
                    topic.name, partitions: topic.partitions, replicationFactor: Int32(topic.replicationFactor),
                    configuration: topic.creation, timeoutMilliseconds: changeTimeoutMilliseconds)
            case .addPartitions(_, let total):
                try administration.addPartitions(
                    wanted.name, total: total, timeoutMilliseconds: changeTimeoutMilliseconds)
            case .set(let key, _, let value): settings[key] = value
            case .grant(let access):
                try administration.allow(
                    access.principal, access.operation, on: wanted.name,
                    timeoutMilliseconds: changeTimeoutMilliseconds)
            case .fewerPartitions, .reassign, .readSettings, .denied, .readAccess, .beyond, .leaveAlone: break
            }
        }
        guard !settings.isEmpty else { return }
        try administration.alterTopicConfiguration(
            wanted.name, setting: settings, timeoutMilliseconds: changeTimeoutMilliseconds)
    }

    // MARK: Telling

    /// What the cluster tells in the end decides, not what was answered: a step that was done and still differs has
    /// failed, and one that failed and no longer differs was done, by another or after its answer was given up.
    private static func checked(_ outcome: StepOutcome, _ plan: Plan) -> StepOutcome {
        switch (outcome.result, plan.still(outcome.step)) {
        case (.done, true):
            let error = UserError(
                action: "checking", subject: "\(outcome.step.topic)",
                cause: "the broker took \(outcome.step.name), and the cluster still tells another state",
                nextStep: "run `lienthong topics plan`; somebody else may be changing the topic", status: .no)
            return StepOutcome(step: outcome.step, result: .failed(error))
        case (.failed, false): return StepOutcome(step: outcome.step, result: .doneByAnother)
        case (.done, false), (.failed, true), (.doneByAnother, _), (.left, _), (.notTried, _): return outcome
        }
    }

    private func report(_ outcomes: [StepOutcome], _ plan: Plan) -> ApplyReport {
        let checked = outcomes.map { Self.checked($0, plan) }
        var ordered: [StepOutcome] = []
        for topic in plan.topics {
            let own = checked.filter { $0.step.topic == topic.wanted.name }
            let left = topic.steps.filter { step in !own.contains { $0.step.name == step.name } }
            ordered += own + (left + topic.warnings).map { StepOutcome(step: $0, result: .left) }
        }
        ordered += plan.strangers.map { StepOutcome(step: $0, result: .left) }
        return ApplyReport(outcomes: ordered, after: plan)
    }
}

extension Plan {
    /// The same step is in the plan, whatever its values.
    fileprivate func still(_ step: PlanStep) -> Bool {
        topics.contains { topic in
            topic.wanted.name == step.topic && topic.steps.contains { $0.name == step.name }
        }
    }
}

extension PlanStep {
    fileprivate var isSetting: Bool {
        if case .set = action { return true }
        return false
    }
}
