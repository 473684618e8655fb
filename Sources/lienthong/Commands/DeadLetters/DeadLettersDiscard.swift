// Refused records laid aside for good.
import ArgumentParser
import Contracts
import DeadLetters
import Model
import Postgres

struct DeadLettersDiscard: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard", abstract: "Close letters that nobody will mend; recorded.",
        discussion: """
            Names letters by id, or open and quarantined ones by a filter; --dry-run tells how many there are. Their \
            content stays until the contract's retention ends.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "The letters' ids, as `dead-letters list` shows them.")
    var ids: [Int64] = []

    @OptionGroup var filter: LetterFilterOptions

    @Option(
        help: ArgumentHelp(
            "What was redriven longer ago than so many minutes and never came to the worker.", valueName: "minutes"))
    var stuck: Int?

    @Flag(help: "Tell how many, by topic and reason; change nothing.")
    var dryRun = false

    @Option(help: "Why; kept with your name in the letters' lives. Wanted, but for a dry run.")
    var because: String?

    func validate() throws {
        try LetterChoice.validate(ids: ids, filter: filter, stuck: stuck)
        if ids.isEmpty, filter.isEmpty, stuck == nil {
            throw ValidationError("name letters by id, or by a filter such as --topic")
        }
        if !dryRun, (because ?? "").allSatisfy(\.isWhitespace) {
            throw ValidationError("--because wants a reason in words")
        }
    }

    func run() async throws {
        let settings = try common.settings()
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        let connection = try settings.connect("dead-letters discard")
        defer { connection.close() }
        let filter = try filter.filter(settings: settings, catalogue: catalogue, connection: connection)
        let selection = LetterChoice.selection(ids: ids, filter, stuck: stuck)
        let store = DeadLetterStore(connection: connection)
        let found = try store.discardable(selection)
        var discarded = 0
        if !dryRun { discarded = try store.discard(selection, by: Host.user, because: because ?? "") }
        report(found, discarded)
    }

    private func report(_ found: [(topic: TopicName, reason: String, count: Int64)], _ discarded: Int) {
        switch common.format {
        case .json:
            for group in found {
                Terminal.line(
                    JSON.object([
                        ("topic", .string(group.topic.rawValue)), ("reason", .string(group.reason)),
                        ("letters", .integer(group.count)),
                    ]).text)
            }
            Terminal.line(
                JSON.object([
                    ("letters", .integer(found.reduce(0) { $0 + $1.count })), ("discarded", .integer(Int64(discarded))),
                    ("dryRun", .boolean(dryRun)),
                ]).text)
        case .text:
            var table = Table([("topic", .left), ("reason", .left), ("letters", .right)])
            for group in found { table.add([group.topic.rawValue, group.reason, Readable.count(group.count)]) }
            Terminal.line(table.text)
            Terminal.line(
                dryRun
                    ? "A dry run: nothing changed." : "\(Quantity.words(discarded, "letter")) discarded.")
        }
    }
}
