// The letters that a filter asks for, for people and programs.
import ArgumentParser
import Contracts
import DeadLetters
import Model
import Postgres

struct DeadLettersList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "The latest refused records.")

    @OptionGroup var common: CommonOptions

    @Option(help: "Only of this topic.")
    var topic: String?

    @Option(help: "Only with this reason code, such as wrong-format.")
    var reason: String?

    @Option(help: "Only with this status: open, redriven, applied, superseded or discarded.")
    var status: String?

    @Option(help: "At most this many.")
    var limit = 100

    func validate() throws {
        guard (1...1_000_000).contains(limit) else { throw ValidationError("--limit is a number from 1 to 1000000") }
        if let reason, ReasonCode(rawValue: reason) == nil {
            throw ValidationError(
                "'\(reason)' is no reason code; codes are \(ReasonCode.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        if let status, !["open", "redriven", "applied", "superseded", "discarded"].contains(status) {
            throw ValidationError("'\(status)' is no status; one is open, redriven, applied, superseded or discarded")
        }
    }

    func run() async throws {
        let settings = try common.settings()
        let topic = try topic.map { try Catalogue.load(folder: settings.topicsFolder).definition($0).name }
        let connection = try settings.connect("dead-letters list")
        defer { connection.close() }
        let letters = try DeadLetterStore(connection: connection).list(
            DeadLetterStore.Filter(topic: topic, reason: reason, status: status, limit: limit)
        )
        switch common.format {
        case .json:
            for letter in letters { Terminal.line(letter.json.text) }
        case .text:
            guard !letters.isEmpty else {
                Terminal.line("No dead letters.")
                return
            }
            Terminal.line(DeadLetterSummary.table(letters).text)
            if letters.count == limit { Terminal.line("The latest \(limit); --limit shows more.") }
        }
    }
}
