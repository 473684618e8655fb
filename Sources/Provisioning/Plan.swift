// What differs between contracts and cluster, as steps in the order in which they would be done.
package import Kafka
package import Model

package struct Plan: Sendable {
    /// In the order of the wanted topics.
    package let topics: [TopicPlan]
    /// Topics that look like ours and have no contract: shown, and left alone.
    package let strangers: [PlanStep]
    /// Why nobody's access was compared, though contracts name who has it; nil where it was, or none is named.
    package let accessUnchecked: String?

    /// Of all topics, strangers last.
    package var steps: [PlanStep] { topics.flatMap { $0.steps + $0.warnings } + strangers }

    /// Everything is as the contracts say, as far as the broker tells.
    package var agrees: Bool { topics.allSatisfy(\.steps.isEmpty) }

    /// What a dry run says last; nil where nothing differs.
    /// - Parameter mode: one of the dry runs.
    package func dryRunWords(_ mode: ApplyMode, _ permissions: Permissions) -> String? {
        guard !agrees else { return nil }
        let steps = topics.flatMap(\.steps)
        if steps.contains(where: { permissions.allow($0) }) {
            return mode == .dryRunUntilYes
                ? "Nothing was changed. Add --yes to do it." : "Nothing was changed: a dry run."
        }
        return steps.contains { $0.flag != nil }
            ? "Nothing was changed: without the flags that are named, no step can be done."
            : "Nothing was changed: none of the steps can be done from here."
    }
}

package struct TopicPlan: Sendable {
    package let wanted: WantedTopic
    /// None where the topic is as its contract says.
    package let steps: [PlanStep]
    /// What the contract does not forbid in so many words, and a person should look at.
    package let warnings: [PlanStep]
}

/// One difference, and what becomes of it.
package struct PlanStep: Hashable, Sendable {
    package enum Action: Hashable, Sendable {
        case create(WantedTopic)
        case set(key: String, from: String?, to: String)
        case addPartitions(from: Int, to: Int32)
        /// Kafka cannot take partitions away.
        case fewerPartitions(cluster: Int, contract: Int32)
        case reassign(cluster: ClosedRange<Int>, contract: Int16)
        /// The settings cannot be compared.
        case readSettings(because: String)
        case grant(WantedAccess)
        /// A rule forbids what the contract gives.
        case denied(WantedAccess)
        /// Who may do what cannot be compared.
        case readAccess(because: String)
        /// Somebody may do what the contract gives nobody.
        case beyond(AccessRule)
        /// The topic has no contract.
        case leaveAlone
    }

    package enum Kind: Hashable, Sendable {
        /// Nothing is lost by it.
        case safe
        /// Done only where the flag names the topic.
        case needs(PlanFlag)
        /// Shown, with what a person can do about it.
        case impossible
        /// Shown, for a person to judge; no step of ours.
        case warning
        /// Shown; nothing needs to be done.
        case note
    }

    package let topic: TopicName
    package let action: Action
    package let kind: Kind
    /// What differs and what follows, for a person.
    package let sentence: String

    package init(topic: TopicName, action: Action, kind: Kind, sentence: String) {
        self.topic = topic
        self.action = action
        self.kind = kind
        self.sentence = sentence
    }

    /// Names the step among its topic's, whatever the values: `set retention.ms`.
    package var name: String {
        switch action {
        case .create: "create"
        case .set(let key, _, _): "set \(key)"
        case .addPartitions: "add-partitions"
        case .fewerPartitions: "fewer-partitions"
        case .reassign: "reassign"
        case .readSettings: "read-settings"
        case .grant(let access): "grant \(access.words)"
        case .denied(let access): "denied \(access.words)"
        case .readAccess: "read-access"
        case .beyond(let rule): "beyond \(rule.operation.word) \(rule.principal)"
        case .leaveAlone: "leave-alone"
        }
    }

    /// The flag that would do it, as it is written on the command line.
    package var flag: String? {
        if case .needs(let flag) = kind { return "\(flag.rawValue) \(topic)" }
        return nil
    }

    /// The step in a few words, once it is done.
    package var deed: String {
        switch action {
        case .create(let wanted):
            "created with partitions \(wanted.partitions), replicas \(wanted.replicationFactor), and its settings"
        case .set(let key, let from, let to):
            "set \(key) from \(from.map { SettingWords.value(key, $0) } ?? "unset") to \(SettingWords.value(key, to))"
        case .addPartitions(let from, let to): "added partitions, from \(from) to \(to)"
        case .grant(let access): "granted \(access.operation.word) to \(access.principal)"
        case .fewerPartitions, .reassign, .readSettings, .denied, .readAccess, .beyond, .leaveAlone: sentence
        }
    }

    /// Its members; a topic that is created has its partitions, replicas and settings besides.
    package var json: [(String, JSON)] {
        let (from, to) = values
        var members: [(String, JSON)] = [
            ("topic", .string(topic.rawValue)), ("step", .string(name)), ("kind", .string(kind.word)),
            ("from", .optional(from)), ("to", .optional(to)), ("flag", .optional(flag)),
        ]
        if case .create(let wanted) = action {
            members += [
                ("partitions", .integer(Int64(wanted.partitions))),
                ("replicationFactor", .integer(Int64(wanted.replicationFactor))),
                ("settings", .object(wanted.settings.map { ($0.key, .string($0.value)) })),
            ]
        }
        if let (principal, operation) = who {
            members += [("principal", .string(principal)), ("operation", .string(operation.word))]
        }
        return members + [("sentence", .string(sentence))]
    }

    private var who: (String, AccessRule.Operation)? {
        switch action {
        case .grant(let access), .denied(let access): (access.principal, access.operation)
        case .beyond(let rule): (rule.principal, rule.operation)
        case .create, .set, .addPartitions, .fewerPartitions, .reassign, .readSettings, .readAccess, .leaveAlone: nil
        }
    }

    private var values: (from: String?, to: String?) {
        switch action {
        case .set(_, let from, let to): (from, to)
        case .addPartitions(let from, let to): ("\(from)", "\(to)")
        case .fewerPartitions(let cluster, let contract): ("\(cluster)", "\(contract)")
        case .reassign(let cluster, let contract): (cluster.words, "\(contract)")
        case .create, .readSettings, .grant, .denied, .readAccess, .beyond, .leaveAlone: (nil, nil)
        }
    }
}

/// The flags of `topics apply` that permit what loses something; each names a topic.
package enum PlanFlag: String, Hashable, Sendable, CaseIterable {
    case shrinkRetention = "--shrink-retention"
    case addPartitions = "--add-partitions"
}

extension PlanStep.Kind {
    package var word: String {
        switch self {
        case .safe: "safe"
        case .needs: "needs-flag"
        case .impossible: "impossible"
        case .warning: "warning"
        case .note: "note"
        }
    }

    /// Told, and nothing that could be done or left.
    package var isRemark: Bool {
        switch self {
        case .warning, .note: true
        case .safe, .needs, .impossible: false
        }
    }
}

extension ClosedRange<Int> {
    /// `2`, or `2 to 3`.
    var words: String { lowerBound == upperBound ? "\(lowerBound)" : "\(lowerBound) to \(upperBound)" }
}

/// What the operator permitted, topic by topic.
package struct Permissions: Sendable {
    package let topics: [PlanFlag: Set<TopicName>]

    package init(_ topics: [PlanFlag: Set<TopicName>] = [:]) {
        self.topics = topics
    }

    package func allow(_ step: PlanStep) -> Bool {
        switch step.kind {
        case .safe: true
        case .needs(let flag): topics[flag]?.contains(step.topic) ?? false
        case .impossible, .warning, .note: false
        }
    }
}

/// Whether `topics apply` changes anything.
package enum ApplyMode: Hashable, Sendable {
    case change
    /// As asked for.
    case dryRun
    /// A person at a terminal sees what would happen before it does.
    case dryRunUntilYes

    /// - Parameter areTerminals: of standard input, output and errors. One is enough for a person to be there, who
    ///   may have piped the output into a file, or let the input be empty.
    package init(areTerminals: [Bool], saidYes: Bool, askedForDryRun: Bool) {
        self = askedForDryRun ? .dryRun : areTerminals.contains(true) && !saidYes ? .dryRunUntilYes : .change
    }
}

extension WantedAccess {
    /// `Read User:feed`.
    var words: String { "\(operation.word) \(principal)" }
}
