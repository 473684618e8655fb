// Contracts, mappings and examples, checked without a broker or a database.
import ArgumentParser
import Contracts
import Model

struct TopicsLint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint", abstract: "Check contracts, mappings, their tables and every example, offline.",
        discussion: """
            What breaks a contract that was promised is an error: contracts, mappings and code lists are compared with \
            git's last commit, where they differ from it, and with the state before the last commit that touched them. \
            Status 1 where something is wrong.
            """)

    @OptionGroup var common: CommonOptions

    @Flag(help: "Show what is only noted, too.")
    var notes = false

    @Option(help: ArgumentHelp("What must not be broken: a folder of topics, a revision of git, or none; that alone."))
    var against: String?

    func run() async throws {
        let settings = try common.settings()
        let (findings, baseline) = try lint(settings)
        func count(_ severity: LintFinding.Severity) -> Int { findings.count { $0.severity == severity } }
        let (errors, warnings, noted) = (count(.error), count(.warning), count(.note))
        for finding in findings {
            switch common.format {
            case .json:
                Terminal.line(
                    JSON.object([
                        ("severity", .string(finding.severity.rawValue)), ("file", .string(finding.file)),
                        ("line", .optional(finding.line.map { Int64($0) })), ("message", .string(finding.message)),
                    ]).text)
            case .text where finding.severity != .note || notes: Terminal.line("\(finding)")
            case .text: continue
            }
        }
        switch common.format {
        case .json:
            Terminal.line(
                JSON.object([
                    ("errors", .integer(Int64(errors))), ("warnings", .integer(Int64(warnings))),
                    ("notes", .integer(Int64(noted))), ("comparedWith", .optional(baseline)),
                ]).text)
        case .text:
            let compared = baseline.map { "compared with \($0)" } ?? "not compared with an older state"
            Terminal.line(
                "\(settings.topicsFolder): \(Quantity.words(errors, "error")), \(Quantity.words(warnings, "warning")), "
                    + "\(Quantity.words(noted, "note")); \(compared)")
        }
        if errors > 0 { throw ExitCode(ExitStatus.no.rawValue) }
    }

    /// The findings, and what the folder was compared with.
    private func lint(_ settings: Settings) throws -> (findings: [LintFinding], baseline: String?) {
        let folder = settings.topicsFolder
        func run(_ baselines: [CatalogueState]) -> [LintFinding] {
            Lint.run(folder: folder, migrationsFolder: settings.migrationsFolder, baselines: baselines)
        }
        if against == "none" { return (run([]), nil) }
        if let against {
            return try TopicsDiff.withState(against, of: folder) { (run([$0]), against) }
        }
        return Self.lint(folder, run)
    }

    /// Compares with what git has; without git or history what would break is not seen, which is said.
    /// - Parameter run: finds faults, compared with the states that it is lent.
    static func lint(
        _ folder: String, git program: String = "git", _ run: ([CatalogueState]) -> [LintFinding]
    ) -> (findings: [LintFinding], baseline: String?) {
        func missed(_ severity: LintFinding.Severity, _ reason: String) -> LintFinding {
            let message = "what would break was not looked for: \(reason)"
            return LintFinding(severity, file: folder, line: nil, message: message)
        }
        do {
            let git = try GitFolder(folder, program: program)
            let baselines = try git.baselines()
            var findings = try git.withStates(of: baselines.revisions, run)
            if let reason = baselines.reason, baselines.lacksHistory || baselines.revisions.isEmpty {
                findings.append(missed(baselines.lacksHistory ? .warning : .note, reason))
            }
            let names = baselines.revisions.map(\.shortHash)
            return (findings, names.isEmpty ? nil : names.joined(separator: " and "))
        } catch {
            let reason = (error as? UserError)?.cause ?? "an older state could not be read"
            return (run([]) + [missed(.warning, reason)], nil)
        }
    }
}
