// Everything on this machine, from nothing, each time.
import ArgumentParser
import Foundation
import Model
import Publishing

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Run everything on this machine: sources, broker, publisher, worker, database.",
        discussion: """
            Starts from nothing each time, and leaves nothing running. With --exit the status is 0 only if every record is \
            accounted for.
            """)

    @OptionGroup var common: CommonOptions

    @Option(help: "Records in all sources together.")
    var records = 20_000

    @Flag(help: "End once everything has been dealt with.")
    var exit = false

    @Option(help: "Partitions of each topic; by default as many as the embedded broker needs.")
    var partitions: Int32?

    @Option(help: ArgumentHelp("Folder for the demo's data and logs.", valueName: "folder"))
    var folder = ".local/demo"

    @Option(help: "Seed of the sample: the same seed gives the same records.")
    var seed: UInt64 = 1

    func validate() throws {
        guard (100...SampleGenerator.recordsMax).contains(records) else {
            throw ValidationError("--records is a number from 100 to \(SampleGenerator.recordsMax)")
        }
        if let partitions, !(1...1000).contains(partitions) {
            throw ValidationError("--partitions is a number from 1 to 1000")
        }
    }

    func run() async throws {
        let settings = try common.settings()
        let workspace = DemoWorkspace(folder: URL(fileURLWithPath: folder).standardizedFileURL.path)
        let demo = Demo(
            settings: settings, workspace: workspace, records: records, partitions: partitions, seed: seed,
            isQuiet: common.format == .json)
        let outcome = Box<DemoAccount>()
        let format = common.format
        let exit = exit
        try await runUntilStopped(common.logger("demo"), stop: { demo.stop() }) {
            try await onThread("demo") {
                try demo.run { account in
                    outcome.value = account
                    switch format {
                    case .json: for line in account.json { Terminal.line(line.text) }
                    case .text: Terminal.line(account.text)
                    }
                    return !exit
                }
            }
        }
        guard let account = outcome.value else {
            // Stopped before the account: nothing to judge, but not what was asked for either.
            throw ExitCode(ExitStatus.no.rawValue)
        }
        guard account.differences.isEmpty else {
            for difference in account.differences { Terminal.error(difference) }
            throw ExitCode(ExitStatus.no.rawValue)
        }
        if exit && format == .text { Terminal.line("Every record is accounted for.") }
    }
}
