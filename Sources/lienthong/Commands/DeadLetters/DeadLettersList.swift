// The letters that a filter asks for, for people and programs.
import ArgumentParser
import Contracts
import DeadLetters
import Model
import Postgres

struct DeadLettersList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "The latest refused records.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var filter: LetterFilterOptions
    @OptionGroup var status: LetterStatusOption

    @Option(help: "At most this many.")
    var limit = 100

    func validate() throws {
        guard (1...1_000_000).contains(limit) else { throw ValidationError("--limit is a number from 1 to 1000000") }
    }

    func run() async throws {
        let settings = try common.settings()
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        let connection = try settings.connect("dead-letters list")
        defer { connection.close() }
        let filter = try filter.filter(
            statuses: status.statuses, settings: settings, catalogue: catalogue, connection: connection)
        let store = DeadLetterStore(connection: connection)
        let letters = try store.list(filter, limit: limit)
        let matching = letters.count < limit ? Int64(letters.count) : try store.count(filter)
        switch common.format {
        case .json:
            for letter in letters { Terminal.line(letter.json.text) }
            Terminal.line(
                JSON.object([("letters", .integer(matching)), ("listed", .integer(Int64(letters.count)))]).text)
        case .text:
            guard !letters.isEmpty else {
                Terminal.line("No dead letters.")
                return
            }
            Terminal.line(DeadLetterSummary.table(letters).text)
            if matching > letters.count {
                Terminal.line("The latest \(Readable.count(limit)) of \(Readable.count(matching)); --limit shows more.")
            }
        }
    }
}

struct LetterStatusOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Only with these statuses, separated by commas: open, redriven, quarantined, applied, superseded, discarded.",
            valueName: "statuses"),
        transform: { try Self.parse($0) })
    var status: [DeadLetterStatus]?

    var statuses: [DeadLetterStatus] { status ?? [] }

    private static func parse(_ text: String) throws -> [DeadLetterStatus] {
        try text.split(separator: ",").map { word in
            if let status = DeadLetterStatus(rawValue: String(word)) { return status }
            let known = DeadLetterStatus.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("'\(word)' is no status; statuses are \(known)")
        }
    }
}
