// How replays are getting on, and the operator's word on them.
import ArgumentParser
import Model
import Postgres
import Replay

struct ReplayStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show how replays are getting on.")

    @OptionGroup var common: CommonOptions

    @Argument(help: "Only this replay.")
    var id: Int64?

    @Flag(help: "Also those that have ended.")
    var all = false

    func run() async throws {
        let connection = try common.settings().connect("replay status")
        defer { connection.close() }
        let store = ReplayStore(connection: connection)
        if let id {
            try store.known(id).tell(common.format)
            return
        }
        let states = try store.states().filter { all || $0.isUnderWay }
        switch common.format {
        case .json: for state in states { Terminal.line(JSON.object(state.members).text) }
        case .text:
            if states.isEmpty {
                Terminal.line(
                    all ? "There was never a replay." : "No replay is under way; --all shows those that ended.")
                return
            }
            var table = Table([
                ("replay", .right), ("topic", .left), ("status", .left), ("done", .right), ("records/s", .right),
                ("left", .right), ("applied", .right), ("superseded", .right), ("deleted", .right), ("refused", .right),
                ("note", .left),
            ])
            for state in states {
                table.add([
                    "\(state.id)", state.topic.rawValue, state.word, "\(Int(state.share * 100)) %",
                    state.recordsASecond.map { Readable.count(Int64($0)) } ?? "–",
                    state.secondsLeft.map { Readable.duration(seconds: $0) } ?? "–",
                    Readable.count(state.fates.applied), Readable.count(state.fates.superseded),
                    Readable.count(state.fates.deleted), Readable.count(state.fates.deadLettered),
                    Terminal.visible(state.note ?? ""),
                ])
            }
            Terminal.line(table.text)
        }
    }
}

struct ReplayResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Let a replay that stopped go on; recorded.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var word: ReplayWord

    @Option(
        help: ArgumentHelp(
            "From now on stop only where more than this share of the latest records is refused.", valueName: "share"))
    var maxRefusedShare: Double?

    func validate() throws {
        if let maxRefusedShare, !(0...1).contains(maxRefusedShare) {
            throw ValidationError("--max-refused-share is a number from 0 to 1")
        }
    }

    func run() async throws {
        try word.perform(common, "resume", from: [.stopped]) { store in
            try store.resume(word.id, maxRefusedShare: maxRefusedShare, by: Host.user, because: word.because)
        }
    }
}

struct ReplayCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "End a replay; what it wrote stays; recorded.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var word: ReplayWord

    func run() async throws {
        try word.perform(common, "cancel", from: [.running, .stopped]) { store in
            try store.cancel(word.id, by: Host.user, because: word.because)
        }
    }
}

/// A replay, and a reason that is kept.
struct ReplayWord: ParsableArguments {
    @Argument(help: "The replay, as `replay status` shows it.")
    var id: Int64

    @Option(help: "Why; kept with your name in ingest.operation.")
    var because: String

    func validate() throws {
        guard !because.allSatisfy(\.isWhitespace) else { throw ValidationError("--because wants a reason in words") }
    }

    /// - Parameter statuses: those in which the word can be given.
    func perform(
        _ common: CommonOptions, _ verb: String, from statuses: [ReplayStatus], _ body: (ReplayStore) throws -> Bool
    ) throws {
        let connection = try common.settings().connect("replay")
        defer { connection.close() }
        let store = ReplayStore(connection: connection)
        _ = try store.known(id)
        guard try body(store) else {
            let state = try store.known(id)
            throw UserError(
                action: "asking to \(verb)", subject: "replay \(id)", cause: "it is \(state.status.rawValue)",
                nextStep: "only one that is \(statuses.map(\.rawValue).joined(separator: " or ")) can be asked to",
                status: .no)
        }
        try store.known(id).tell(common.format)
    }
}

extension ReplayStore {
    func known(_ id: Int64) throws -> ReplayState {
        if let state = try state(id) { return state }
        throw UserError(
            action: "looking for", subject: "replay \(id)", cause: "there is none of that number",
            nextStep: "`lienthong replay status --all` shows all", status: .no)
    }
}

extension ReplayState {
    var isUnderWay: Bool {
        switch status {
        case .running, .stopped: true
        case .done: intoShadow
        case .cancelled, .swapped: false
        }
    }

    /// Its status; of one that runs, also whether somebody carries it on.
    var word: String {
        guard status == .running else { return status.rawValue }
        return hasRunner ? "running" : "waiting for a runner"
    }

    var members: [(String, JSON)] {
        [
            ("id", .integer(id)), ("topic", .string(topic.rawValue)), ("status", .string(status.rawValue)),
            ("intoShadow", .boolean(intoShadow)), ("mappingRevision", .integer(Int64(mappingRevision))),
            ("offsets", .integer(offsets)), ("passed", .integer(passed)),
        ] + fates.members + [
            ("recordsASecond", .optional(recordsASecond)), ("secondsLeft", .optional(secondsLeft)),
            ("runner", .optional(hasRunner ? runner : nil)), ("note", .optional(note)), ("askedAt", .string(askedAt)),
            ("by", .string(by)), ("because", .string(because)),
        ]
    }

    func tell(_ format: OutputFormat) {
        switch format {
        case .json: Terminal.line(JSON.object(members).text)
        case .text:
            Terminal.line(
                "Replay \(id) of \(topic), asked for \(askedAt) by \(Terminal.visible(by)): \(Terminal.visible(because))"
            )
            Terminal.line(
                """
                \(word), \(Int(share * 100)) % of \(Readable.count(offsets)) offsets: applied \
                \(Readable.count(fates.applied)), superseded \(Readable.count(fates.superseded)), deleted \
                \(Readable.count(fates.deleted)), refused \(Readable.count(fates.deadLettered))
                """)
            if status == .running, let recordsASecond {
                let left = secondsLeft.map { ", about \(Readable.duration(seconds: $0)) left" } ?? ""
                Terminal.line("\(Readable.count(Int64(recordsASecond))) records/s of late\(left)")
            }
            if let note { Terminal.line(note) }
            if status == .done, !intoShadow, fates.applied == 0, fates.superseded > 0 {
                Terminal.line(
                    "No row was written anew: revision \(mappingRevision) of the mapping had made them. After mending a mapping, raise its revision."
                )
            }
            if status == .done, intoShadow {
                Terminal.line(
                    "See what differs by `lienthong replay compare \(id)`, then `lienthong replay swap \(id) --because …`."
                )
            }
            if status == .stopped {
                Terminal.line(
                    "Let it go on with `lienthong replay resume \(id) --because …` (one window passes unjudged; --max-refused-share allows more), or end it with `lienthong replay cancel \(id) --because …`."
                )
            }
        }
    }
}
