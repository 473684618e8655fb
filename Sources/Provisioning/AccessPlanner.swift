// Compares who may do what by the contracts with what the cluster's authorizer allows. Pure, and it takes nothing away.
import Contracts
import Kafka
import Model

enum AccessPlanner {
    /// A line for a person where there is nothing to compare with.
    static func unchecked(_ state: AccessState) -> String? {
        if case .unchecked(let because) = state { return because }
        return nil
    }

    static func steps(for wanted: WantedTopic, _ state: AccessState) -> [PlanStep] {
        guard !wanted.access.isEmpty else { return [] }
        switch state {
        case .notAsked, .unchecked: return []
        case .untold(let because):
            return [
                PlanStep(
                    topic: wanted.name, action: .readAccess(because: because), kind: .impossible,
                    sentence: "who may read and write it could not be compared: \(because)")
            ]
        case .told(let rules): return wanted.access.compactMap { step($0, wanted, rules[wanted.name] ?? []) }
        }
    }

    private static func step(_ access: WantedAccess, _ wanted: WantedTopic, _ rules: [AccessRule]) -> PlanStep? {
        let given = "the role \(access.role) in the contract of \(wanted.contract)"
        // To Kafka a denial is stronger than any permission.
        if let denial = rules.first(where: { !$0.isAllowed && $0.bears(on: access) }) {
            return PlanStep(
                topic: wanted.name, action: .denied(access), kind: .impossible,
                sentence: """
                    \(given) gives \(access.principal) \(access.operation.word), and the cluster denies it\(denial.whence): \
                    take that rule away with Kafka's own kafka-acls.sh, or change the contract
                    """)
        }
        guard !rules.contains(where: { $0.isAllowed && $0.bears(on: access) }) else { return nil }
        return PlanStep(
            topic: wanted.name, action: .grant(access), kind: .safe,
            sentence: "\(access.principal) lacks \(access.operation.word), which \(given) gives: grant it")
    }

    /// Who may do what the contract gives nobody, where that matters. A description of a topic tells no record.
    static func warnings(for wanted: WantedTopic, _ state: AccessState) -> [PlanStep] {
        guard wanted.isForFew, case .told(let rules) = state else { return [] }
        var seen: Set<AccessRule> = []
        return (rules[wanted.name] ?? []).filter { rule in
            rule.isAllowed && ![.describe, .describeConfigs].contains(rule.operation) && seen.insert(rule).inserted
                && !wanted.access.contains { $0.principal == rule.principal && $0.operation == rule.operation }
        }.map { rule in
            PlanStep(
                topic: wanted.name, action: .beyond(rule), kind: .warning,
                sentence: """
                    WARNING: \(rule.principal) has \(rule.operation.word)\(rule.whence), which no role in the contract \
                    of \(wanted.contract) gives; it is left as it is: kafka-acls.sh takes it away
                    """)
        }
    }
}

extension AccessRule {
    /// For any host; a rule of some hosts gives nobody what the contract says, and denies it to nobody altogether.
    fileprivate func bears(on access: WantedAccess) -> Bool {
        [access.principal, "User:*"].contains(principal) && host == "*" && [access.operation, .all].contains(operation)
    }

    /// Where the rule stands, if not with the topic.
    fileprivate var whence: String {
        let hosts = host == "*" ? "" : " from \(host)"
        switch pattern {
        case .literal: return hosts
        case .wider(let topics): return "\(hosts) by a rule for \(topics == "*" ? "all topics" : "topics \(topics)")"
        }
    }
}
