// Contracts, mappings and examples, checked without a broker or a database.
import ArgumentParser
import Contracts
import Model

struct TopicsLint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint", abstract: "Check contracts, mappings, their tables and every example, offline.",
        discussion: """
            What breaks a contract that was promised is an error: what is here is compared with git's last commit, or, \
            where nothing was changed since, with the state before the last commit that touched the folder. Status 1 \
            where something is wrong.
            """)

    @OptionGroup var common: CommonOptions

    @Flag(help: "Show what is only noted, too.")
    var notes = false

    @Option(help: ArgumentHelp("What must not be broken: a folder of topics, a revision of git, or none."))
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
                "\(settings.topicsFolder): \(errors) errors, \(warnings) warnings, \(noted) notes; \(compared)")
        }
        if errors > 0 { throw ExitCode(ExitStatus.no.rawValue) }
    }

    /// The findings, and what the folder was compared with.
    private func lint(_ settings: Settings) throws -> (findings: [LintFinding], baseline: String?) {
        let folder = settings.topicsFolder
        func run(_ baseline: CatalogueState?) -> [LintFinding] {
            Lint.run(folder: folder, migrationsFolder: settings.migrationsFolder, baseline: baseline)
        }
        if against == "none" { return (run(nil), nil) }
        if let against {
            return try TopicsDiff.withState(against, of: folder) { (run($0), against) }
        }
        // Without git or history there is nothing to compare with, which is no fault of the topics.
        let reason: String
        do {
            let git = try GitFolder(folder)
            switch try git.baseline() {
            case .revision(let revision):
                let name = revision.shortHash
                return try git.withState(of: revision, name: name) { (run($0), name) }
            case .none(let why): reason = why
            }
        } catch let error as UserError {
            reason = error.cause
        }
        let message = "what would break was not looked for: \(reason)"
        return (run(nil) + [LintFinding(.note, file: folder, line: nil, message: message)], nil)
    }
}
