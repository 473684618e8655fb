// The cluster made to agree with the contracts, as far as nothing is lost by it.
import ArgumentParser
import Contracts
import Foundation
import Kafka
import Model
import Provisioning

struct TopicsApply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Make the cluster's topics agree with the contracts; delete none.",
        discussion: """
            Where input, output or errors are a terminal it shows what it would do, until you add --yes; in a script \
            without any it does it. What deletes records or ends the order of keys is done only where a flag names \
            the topic. Access that a contract gives is granted, and none is taken away. A second run does nothing. \
            Afterwards the cluster is read again: status 0 where all agrees, 1 where something is left, 69 where the \
            cluster did not answer.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var selection: TopicSelection

    @Flag(help: "Do it, at a terminal too.")
    var yes = false

    @Flag(help: "Show what would be done, in a script too.")
    var dryRun = false

    @Option(
        help: ArgumentHelp(
            "Shorten this topic's retention, or begin to compact it, though records are deleted; may be repeated.",
            valueName: "topic"))
    var shrinkRetention: [String] = []

    @Option(
        help: ArgumentHelp(
            "Add partitions to this topic, though the order of its keys ends; may be repeated.", valueName: "topic"))
    var addPartitions: [String] = []

    func validate() throws {
        if yes && dryRun { throw ValidationError("--yes and --dry-run contradict each other") }
    }

    func run() async throws {
        let session = try ProvisioningSession(common, selection)
        defer { session.close() }
        let permissions = try permissions(session.wanted)
        let areTerminals = [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO].map { isatty($0) == 1 }
        let mode = ApplyMode(areTerminals: areTerminals, saidYes: yes, askedForDryRun: dryRun)
        switch mode {
        case .change: try apply(session, permissions)
        case .dryRun, .dryRunUntilYes: try showOnly(session, permissions, mode)
        }
    }

    /// A flag for a topic that is not looked at would be a wish silently not met.
    private func permissions(_ wanted: [WantedTopic]) throws -> Permissions {
        func names(_ texts: [String], _ flag: PlanFlag) throws -> Set<TopicName> {
            Set(
                try texts.map { text in
                    if let topic = wanted.first(where: { $0.name.rawValue == text }) { return topic.name }
                    throw UserError(
                        action: "reading", subject: "\(flag.rawValue) \(text)",
                        cause: "no contract \(selection.names.isEmpty ? "" : "of --topic ")wants a topic of that name",
                        nextStep: "topics are \(wanted.map(\.name.rawValue).joined(separator: ", "))", status: .usage)
                })
        }
        return Permissions([
            .shrinkRetention: try names(shrinkRetention, .shrinkRetention),
            .addPartitions: try names(addPartitions, .addPartitions),
        ])
    }

    // MARK: A dry run

    private func showOnly(_ session: ProvisioningSession, _ permissions: Permissions, _ mode: ApplyMode) throws {
        let plan = try session.provisioner.plan(session.wanted, known: session.known)
        switch common.format {
        case .json:
            for step in plan.steps {
                tell(step, permissions.allow(step) ? "would-be-done" : "left")
            }
            Terminal.line(JSON.object(PlanOutput.summary(plan) + [("dryRun", .boolean(true))]).text)
        case .text:
            PlanOutput(format: .text).show(plan, permissions)
            if let words = plan.dryRunWords(mode, permissions) { Terminal.line(words) }
        }
        if !plan.agrees { throw ExitCode(ExitStatus.no.rawValue) }
    }

    private static func nothingToDo(_ plan: Plan) -> String {
        "Nothing to do: \(plan.topics.count) topics are as their contracts say."
    }

    // MARK: In earnest

    private func apply(_ session: ProvisioningSession, _ permissions: Permissions) throws {
        let report = try session.provisioner.apply(session.wanted, known: session.known, permissions: permissions)
        switch common.format {
        case .json: showLines(report)
        case .text: showText(report)
        }
        guard report.status == .done else { throw ExitCode(report.status.rawValue) }
    }

    private func showLines(_ report: ApplyReport) {
        for outcome in report.outcomes { tell(outcome.step, outcome.result.word, failure: outcome.result.failure) }
        func count(_ words: String...) -> JSON {
            .integer(Int64(report.outcomes.count { words.contains($0.result.word) }))
        }
        let left = report.outcomes.count { $0.result.word == "left" && !$0.step.kind.isRemark }
        Terminal.line(
            JSON.object([
                ("topics", .integer(Int64(report.after.topics.count))), ("done", count("done", "done-by-another")),
                ("left", .integer(Int64(left))), ("failed", count("failed", "not-tried")),
                ("accessNotChecked", .optional(report.after.accessUnchecked)), ("dryRun", .boolean(false)),
            ]).text)
    }

    private func tell(_ step: PlanStep, _ outcome: String, failure: UserError? = nil) {
        var members = step.json + [("outcome", .string(outcome))]
        if let failure { members.append(("failure", .string(failure.description))) }
        Terminal.line(JSON.object(members).text)
    }

    private func showText(_ report: ApplyReport) {
        var topic: TopicName?
        for outcome in report.outcomes {
            if outcome.step.topic != topic { Terminal.line("\(outcome.step.topic)") }
            topic = outcome.step.topic
            let step = PlanOutput.text(outcome.step)
            switch outcome.result {
            case .done: Terminal.line("    done: \(outcome.step.deed)")
            case .doneByAnother: Terminal.line("    done meanwhile by another: \(outcome.step.deed)")
            case .left: Terminal.line(outcome.step.kind == .warning ? "    \(step)" : "    left: \(step)")
            case .failed(let error): Terminal.line("    FAILED: \(error)")
            case .notTried: Terminal.line("    not tried, since the cluster does not answer: \(step)")
            }
        }
        PlanOutput.showAccess(report.after)
        if report.after.agrees {
            let isIdle = report.outcomes.allSatisfy { $0.step.kind.isRemark }
            Terminal.line(
                isIdle
                    ? Self.nothingToDo(report.after)
                    : "All \(report.after.topics.count) topics are as their contracts say.")
        }
    }
}

extension StepOutcome.Result {
    fileprivate var word: String {
        switch self {
        case .done: "done"
        case .doneByAnother: "done-by-another"
        case .left: "left"
        case .failed: "failed"
        case .notTried: "not-tried"
        }
    }

    fileprivate var failure: UserError? {
        if case .failed(let error) = self { return error }
        return nil
    }
}
