// Refused records sent back to their topics.
import ArgumentParser
import Contracts
import DeadLetters
import Model
import Postgres

struct DeadLettersRedrive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive", abstract: "Send refused records back to their topics, to be judged anew.",
        discussion: """
            Names letters by id, or by a filter; --dry-run tells what would become of them and changes nothing. A filter \
            sends the open letters whose record today's contract lets pass, and --all sends the others as well; ids are \
            sent whatever the contract says of them. A record that was refused three times is sent by its id alone. A \
            redriven record keeps the rank of its letter: what came since and is newer still wins.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "The letters' ids, as `dead-letters list` shows them.")
    var ids: [Int64] = []

    @OptionGroup var filter: LetterFilterOptions

    @Option(
        help: ArgumentHelp(
            "What was redriven longer ago than so many minutes and never came to the worker: send it again.",
            valueName: "minutes"))
    var stuck: Int?

    @Flag(help: "Only records that today's contract lets pass; without a filter, of all topics.")
    var wouldPass = false

    @Flag(help: "Of a filter, also records that today's contract would refuse again.")
    var all = false

    @Flag(help: "Tell how many would pass now, by reason; send nothing.")
    var dryRun = false

    @Option(help: "Records a second, at most.")
    var rate = 500

    @Option(help: "Records altogether, at most.")
    var limit: Int?

    @Option(help: "Why; kept with your name in the letters' lives. Wanted unless it is a dry run.")
    var because: String?

    func validate() throws {
        if !dryRun, because?.allSatisfy(\.isWhitespace) ?? true {
            throw ValidationError("--because wants a reason in words; --dry-run needs none")
        }
        guard (1...1_000_000).contains(rate) else { throw ValidationError("--rate is a number from 1 to 1000000") }
        if let limit, limit < 1 { throw ValidationError("--limit is 1 or more") }
        try LetterChoice.validate(ids: ids, filter: filter, stuck: stuck)
        if wouldPass, all { throw ValidationError("--would-pass and --all contradict each other") }
        if stuck != nil, wouldPass || all {
            throw ValidationError("--stuck sends again what was sent before, whatever the contract says of it")
        }
        if all, !ids.isEmpty { throw ValidationError("--all goes with a filter; ids are sent in any case") }
        if ids.isEmpty, filter.isEmpty, stuck == nil, !wouldPass, !dryRun {
            throw ValidationError("name letters by id or by a filter such as --topic; --would-pass takes all topics")
        }
    }

    func run() async throws {
        let settings = try common.settings()
        let logger = common.logger("dead-letters")
        let stop = Redriver.Stop()
        let account = Box<RedriveAccount>()
        try await runUntilStopped(logger, stop: { stop.set() }) {
            account.value = try await onThread("redrive") {
                var publisher: KafkaRedrivePublisher?
                if !dryRun { publisher = try KafkaRedrivePublisher(settings: try settings.kafka(logger)) }
                defer { publisher?.close() }
                return try redrive(settings, publisher, stop)
            }
        }
        guard let account = account.value else { return }
        report(account)
        if !dryRun, !account.unsent.isEmpty { throw ExitCode(ExitStatus.no.rawValue) }
    }

    private func redrive(
        _ settings: Settings, _ publisher: KafkaRedrivePublisher?, _ stop: Redriver.Stop
    ) throws -> RedriveAccount {
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        let connection = try settings.connect("dead-letters redrive")
        defer { connection.close() }
        let filter = try filter.filter(settings: settings, catalogue: catalogue, connection: connection)
        let request = RedriveRequest(
            selection: LetterChoice.selection(ids: ids, filter, stuck: stuck), policy: policy, rate: rate, cap: limit,
            by: Host.user, because: because)
        let redriver = Redriver(
            request, connection: connection, sealer: try settings.sealer(), catalogue: catalogue,
            publisher: publisher, stop: stop, now: { Clock.nowMilliseconds })
        var progress = Progress(dryRun ? "looked at" : "redriving: looked at", total: try redriver.count())
        defer { progress.end() }
        return try redriver.run { looked in progress.tell { looked } }
    }

    private var policy: RedriveRequest.Policy {
        if wouldPass { return .thatPass }
        return all || stuck != nil || !ids.isEmpty ? .all : .thatPass
    }

    // MARK: - Telling

    private func report(_ account: RedriveAccount) {
        let reasons = account.byReason.sorted { ($0.value.letters, $1.key) > ($1.value.letters, $0.key) }
        switch common.format {
        case .json:
            for (reason, counts) in reasons {
                Terminal.line(JSON.object([("reason", .string(reason))] + counts.members).text)
            }
            for (id, unsent) in account.unsent.sorted(by: { $0.key < $1.key }) {
                Terminal.line(JSON.object([("id", .integer(id)), ("notRedriven", .string(unsent.sentence))]).text)
            }
            Terminal.line(
                JSON.object(
                    account.total.members + [
                        ("dryRun", .boolean(dryRun)), ("endedEarly", .boolean(account.endedEarly)),
                    ]
                ).text)
        case .text: tellPeople(account, reasons)
        }
    }

    private func tellPeople(_ account: RedriveAccount, _ reasons: [(key: String, value: RedriveCounts)]) {
        var table = Table([
            ("reason", .left), ("letters", .right), ("would pass", .right), ("would fail", .right),
            ("kept back", .right), ("redriven", .right),
        ])
        for (reason, counts) in reasons { table.add([reason] + counts.cells) }
        if reasons.count > 1 { table.add(["all"] + account.total.cells) }
        Terminal.line(table.text)
        let total = account.total
        if total.failing > 0 {
            let fails = total.fails.sorted { ($0.value, $1.key.rawValue) > ($1.value, $0.key.rawValue) }
            let words = fails.map { "\($0.key.rawValue) \(Readable.count($0.value))" }.joined(separator: ", ")
            Terminal.line("Would fail again by today's contract: \(words).")
        }
        for (obstacle, count) in total.kept.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            Terminal.line("Kept back, \(Quantity.words(count, "letter")): \(obstacle.sentence).")
        }
        if let refused = account.byReason[ReasonCode.databaseRefused.rawValue], refused.passes > 0 {
            Terminal.line(
                "Of \(Quantity.words(refused.passes, "record")) that the database refused, the database has the last word."
            )
        }
        for (id, unsent) in account.unsent.sorted(by: { $0.key < $1.key }) {
            Terminal.line("Dead letter \(id) \(dryRun ? "would not be" : "was not") redriven: \(unsent.sentence).")
        }
        if account.endedEarly {
            Terminal.line("Ended before all were looked at\(limit.map { ", at --limit \($0)" } ?? "").")
        }
        if dryRun { Terminal.line("A dry run: nothing was sent and nothing changed.") }
    }
}

/// Letters by id, by a filter, or those that are stuck.
enum LetterChoice {
    static func validate(ids: [Int64], filter: LetterFilterOptions, stuck: Int?) throws {
        if !ids.isEmpty, !filter.isEmpty || stuck != nil {
            throw ValidationError("name letters by id or by a filter, not both")
        }
        if let stuck, !(0...1_000_000).contains(stuck) {
            throw ValidationError("--stuck is a number of minutes from 0 to 1000000")
        }
    }

    static func selection(ids: [Int64], _ filter: DeadLetterFilter, stuck: Int?) -> LetterSelection {
        if let stuck { return .stuck(filter, minutes: stuck) }
        return ids.isEmpty ? .filter(filter) : .ids(Set(ids).sorted())
    }
}

extension RedriveCounts {
    fileprivate var members: [(String, JSON)] {
        func object(_ counts: [(String, Int)]) -> JSON {
            .object(counts.sorted { $0.0 < $1.0 }.map { ($0.0, .integer(Int64($0.1))) })
        }
        return [
            ("letters", .integer(Int64(letters))), ("wouldPass", .integer(Int64(passes))),
            ("wouldFail", object(fails.map { ($0.key.rawValue, $0.value) })),
            ("keptBack", object(kept.map { ($0.key.rawValue, $0.value) })),
            ("redriven", .integer(Int64(published))),
        ]
    }

    fileprivate var cells: [String] { [letters, passes, failing, withheld, published].map { Readable.count($0) } }
}

extension RedriveAccount.Unsent {
    fileprivate var sentence: String {
        switch self {
        case .kept(let obstacle): obstacle.sentenceOfOne
        case .fails(let refusal):
            "today's contract would refuse it again: \(refusal.reason.rawValue)"
                + (refusal.field.map { " in field \($0)" } ?? "") + ", rule \(refusal.rule)"
        }
    }
}
