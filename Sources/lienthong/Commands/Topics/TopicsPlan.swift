// The contracts against the cluster: what differs, and what would become of it.
import ArgumentParser
import Contracts
import Foundation
import Kafka
import Model
import Provisioning

struct TopicsPlan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Compare the contracts with the cluster; change nothing.",
        discussion: """
            Each contract wants two topics: its own, and `<topic>.dead-letter`, in which its owner gets back what was \
            refused. Where contracts name Kafka principals, it compares who may read and write them, too; whoever has \
            more than that of a topic of dead letters is told of as a warning. Status 1 where something differs, or \
            where the broker does not tell.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var selection: TopicSelection

    func run() async throws {
        let session = try ProvisioningSession(common, selection)
        defer { session.close() }
        let plan = try session.provisioner.plan(session.wanted, known: session.known)
        PlanOutput(format: common.format).show(plan)
        if !plan.agrees { throw ExitCode(ExitStatus.no.rawValue) }
    }
}

struct TopicSelection: ParsableArguments {
    @Option(
        name: .customLong("topic"),
        help: ArgumentHelp(
            "Only this contract's topic and its dead-letter topic; may be repeated.", valueName: "topic"))
    var names: [String] = []
}

/// What `plan` and `apply` work with.
struct ProvisioningSession {
    let wanted: [WantedTopic]
    /// Names of what any contract wants, selected or not.
    let known: Set<TopicName>
    let provisioner: Provisioner
    private let admin: KafkaAdmin

    /// Two looks at a change lie this far apart.
    private static let pauseMicroseconds: UInt32 = 250_000

    /// - Throws: `UserError` for a topic without a contract, and for wrong settings.
    init(_ common: CommonOptions, _ selection: TopicSelection) throws {
        let settings = try common.settings()
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        wanted = try catalogue.select(selection.names).flatMap { try WantedTopic.all(of: $0) }
        known = Set(try catalogue.topics.flatMap { try WantedTopic.all(of: $0) }.map(\.name))
        admin = try KafkaAdmin(settings: try settings.kafka(common.logger("topics")), clientID: "lienthong-topics")
        provisioner = Provisioner(admin) { usleep(Self.pauseMicroseconds) }
    }

    func close() { admin.close() }
}

/// A plan in words or as JSON: one object a step, the summary last.
struct PlanOutput {
    let format: OutputFormat

    /// - Parameter permissions: what the flags permit already.
    func show(_ plan: Plan, _ permissions: Permissions = Permissions()) {
        switch format {
        case .json:
            for step in plan.steps { Terminal.line(JSON.object(step.json).text) }
            Terminal.line(JSON.object(Self.summary(plan)).text)
        case .text:
            for topic in plan.topics {
                let shown = topic.steps + topic.warnings
                Terminal.line("\(topic.wanted.name)\(shown.isEmpty ? ": as its contract says" : "")")
                for step in shown {
                    Terminal.line("    \(permissions.allow(step) ? step.sentence : Self.text(step))")
                }
            }
            for step in plan.strangers { Terminal.line("\(step.topic): \(step.sentence)") }
            Self.showAccess(plan)
            Terminal.line(Self.lastLine(plan, permissions))
        }
    }

    /// In words, and only where something keeps it from being compared.
    static func showAccess(_ plan: Plan) {
        if let because = plan.accessUnchecked { Terminal.line("access not checked: \(because)") }
    }

    private static func lastLine(_ plan: Plan, _ permissions: Permissions) -> String {
        guard !plan.agrees else { return "Nothing to do: \(plan.topics.count) topics are as their contracts say." }
        let differing = plan.topics.count { !$0.steps.isEmpty }
        let steps = plan.topics.flatMap(\.steps)
        return """
            \(differing) of \(plan.topics.count) topics differ; `topics apply` does \
            \(steps.count { permissions.allow($0) }) of the \(steps.count) steps.
            """
    }

    static func text(_ step: PlanStep) -> String {
        step.flag.map { "\(step.sentence). It takes \($0)" } ?? step.sentence
    }

    static func summary(_ plan: Plan) -> [(String, JSON)] {
        func count(_ isCounted: (PlanStep.Kind) -> Bool) -> JSON {
            .integer(Int64(plan.steps.count { isCounted($0.kind) }))
        }
        return [
            ("topics", .integer(Int64(plan.topics.count))),
            ("differing", .integer(Int64(plan.topics.count { !$0.steps.isEmpty }))),
            ("safe", count { $0 == .safe }),
            (
                "needFlag",
                count {
                    if case .needs = $0 { true } else { false }
                }
            ),
            ("impossible", count { $0 == .impossible }),
            ("warnings", count { $0 == .warning }),
            ("accessNotChecked", .optional(plan.accessUnchecked)),
        ]
    }
}
