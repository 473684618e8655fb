// Contracts, mappings and examples, checked without a broker or a database.
import ArgumentParser
import Contracts
import Model

struct TopicsLint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint", abstract: "Check contracts, mappings and every example, offline.",
        discussion: "Status 1 where something is wrong.")

    @OptionGroup var common: CommonOptions

    @Flag(help: "Show what is only noted, too.")
    var notes = false

    func run() async throws {
        let folder = try common.settings().topicsFolder
        let findings = Lint.run(folder: folder)
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
                    ("notes", .integer(Int64(noted))),
                ]).text)
        case .text: Terminal.line("\(folder): \(errors) errors, \(warnings) warnings, \(noted) notes")
        }
        if errors > 0 { throw ExitCode(ExitStatus.no.rawValue) }
    }
}
