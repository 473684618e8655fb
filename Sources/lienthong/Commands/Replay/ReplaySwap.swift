// A rebuilt copy takes the live tables' place; and what it has replaced is dropped.
import ArgumentParser
import Model
import Postgres
import Replay

struct ReplaySwap: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swap", abstract: "Put a rebuilt copy in the live tables' place, in one transaction; recorded.",
        discussion: """
            Reads on to where the live workers stand, then holds them: they wait until the copy is level, every live key \
            has been looked for in it (one to three seconds for a million rows; readers do not wait for that), and the tables \
            are renamed; for longer than --patience they never wait. Refused where live rows are missing from the copy, unless \
            --drop-rows names their exact number: mostly those are keys whose records today's contract refuses, so that \
            the row that was applied once stands in the live table alone. Views, owners, grants, comments, settings and the \
            names of indexes go over to the new tables; what could not (foreign keys, triggers, row-level security, \
            publications and the like) is named, and nothing is changed. Wants the rights of the tables' owner.

            A copy keeps no dead letters: `lienthong replay start` over the same range, afterwards, changes no row and makes \
            a dead letter of each record that today's contract refuses. A key that `key reset` freed is as the log has it.

            The tables of before stay under names that end in _before and the replay's id, until `lienthong replay \
            drop-old`: no worker writes them any more, their grants are as they were, and they hold personal data, so do \
            not keep them longer than you look at them.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var shadow: ShadowOptions

    @Option(help: ArgumentHelp("How many live rows may be lost: exactly as many as are missing.", valueName: "N"))
    var dropRows: Int64?

    @Flag(help: "Drop the tables of before at once: there is no way back.")
    var dropOld = false

    @Option(help: "Why; kept with your name in ingest.operation.")
    var because: String

    func validate() throws {
        guard !because.allSatisfy(\.isWhitespace) else { throw ValidationError("--because wants a reason in words") }
        guard dropRows.map({ $0 >= 0 }) ?? true else { throw ValidationError("--drop-rows is a number of rows") }
    }

    func run() async throws {
        let request = SwapRequest(by: Host.user, because: because, dropRows: dropRows, dropOld: dropOld)
        let outcome = try await shadow.perform(common, action: "swapping in") { shadow, tell in
            try shadow.swap(request, tell: tell)
        }
        let balance = outcome.balance
        switch common.format {
        case .json:
            Terminal.line(
                JSON.object([
                    ("replay", .integer(shadow.id)), ("outcome", .string("swapped")),
                    ("liveRows", .integer(balance.live.rows)), ("shadowRows", .integer(balance.shadow.rows)),
                    ("dropped", .integer(balance.missing)), ("added", .integer(balance.onlyShadow.rows)),
                    ("deleted", .integer(balance.deletedInShadow)), ("older", .integer(balance.older)),
                    ("oldTables", .array(outcome.oldTables.map { .string($0) })),
                ]).text)
        case .text:
            Terminal.line(
                "Swapped in: \(Quantity.words(balance.shadow.rows, "row")) in the place of \(Readable.count(balance.live.rows)); \(Readable.count(balance.missing)) lost, \(Readable.count(balance.onlyShadow.rows)) new, \(Readable.count(balance.deletedInShadow)) deleted now, \(Readable.count(balance.older)) of an older version."
            )
            if balance.missing > 0 {
                Terminal.line(
                    "What today's contract refuses is no row now: `lienthong replay start` over the same log makes dead letters of it."
                )
            }
            guard !outcome.oldTables.isEmpty else {
                Terminal.line("The tables of before are dropped.")
                return
            }
            Terminal.line(
                "The tables of before are \(outcome.oldTables.joined(separator: ", ")); `lienthong replay drop-old \(shadow.id) --because …` drops them."
            )
        }
    }
}

struct ReplayDropOld: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop-old", abstract: "Drop the tables that a swap has replaced; recorded.")

    @OptionGroup var common: CommonOptions

    @Argument(help: "The replay's id, as `lienthong replay status` shows it.")
    var id: Int64

    @Option(help: "Why; kept with your name in ingest.operation.")
    var because: String

    func validate() throws {
        guard !because.allSatisfy(\.isWhitespace) else { throw ValidationError("--because wants a reason in words") }
    }

    func run() async throws {
        let connection = try common.settings().connect("replay drop-old")
        defer { connection.close() }
        let names = try OldTables(connection: connection).drop(replay: id, by: Host.user, because: because)
        switch common.format {
        case .json:
            Terminal.line(
                JSON.object([("replay", .integer(id)), ("dropped", .array(names.map { .string($0) }))]).text)
        case .text: Terminal.line("Dropped \(names.joined(separator: ", ")).")
        }
    }
}
