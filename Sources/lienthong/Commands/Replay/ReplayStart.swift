// A replay begun, carried on, let go on.
import ArgumentParser
import Contracts
import Foundation
import Kafka
import Logging
import Model
import Postgres
import Replay

struct ReplayStart: AsyncParsableCommand {
    static let defaultRate = 5_000
    private static let shadowRate = 50_000

    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Read a range again and write it by today's mapping; recorded.",
        discussion: """
            It stays until the replay has ended, and tells how it is getting on; interrupted or killed, or with --detach, \
            a worker or `replay run` carries on where it stood, on any machine. From its start on, workers of an older \
            mapping write no more of the topic: bring today's Topics/ to all of them.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var range: ReplayRangeOptions

    @Option(help: "Why; kept with your name in ingest.operation.")
    var because: String

    @Option(
        help: "Records a second, at most; \(Self.defaultRate) by default, \(Self.shadowRate) into a shadow.")
    var rate: Int?

    @Flag(
        help: """
            Fill a copy of the topic's tables from the log's start and leave the live ones alone: then `replay compare`, \
            and `replay swap`.
            """)
    var intoShadow = false

    @Option(
        help: ArgumentHelp("Wait while live workers are more records behind than this.", valueName: "records"))
    var liveLag: Int64 = 10_000

    @Option(
        help: ArgumentHelp(
            "Stop where more than this share of the latest records is refused, 0 to 1; as the contract has it by default.",
            valueName: "share"))
    var maxRefusedShare: Double?

    @Option(
        help: ArgumentHelp(
            "Begin although exactly so many offsets of the range are no longer in Kafka.", valueName: "offsets"))
    var acceptMissing: Int64?

    @Option(
        help: ArgumentHelp(
            "Begin although exactly so many offsets of the range were left out by operators, as by `work rewind`.",
            valueName: "offsets"))
    var includeLeftOut: Int64?

    @Option(
        help: ArgumentHelp(
            "Begin although the range holds the records because of which exactly so many keys were reset.",
            valueName: "keys"))
    var despiteResets: Int64?

    @Flag(help: "Only write the replay down: a worker carries it on.")
    var detach = false

    func validate() throws {
        guard !because.allSatisfy(\.isWhitespace) else { throw ValidationError("--because wants a reason in words") }
        guard (1...10_000_000).contains(rate ?? 1) else {
            throw ValidationError("--rate is a number from 1 to 10000000")
        }
        guard liveLag >= 0 else { throw ValidationError("--live-lag is 0 or more") }
        if intoShadow, !range.isWhole {
            throw ValidationError("--into-shadow fills a copy from the whole log: name no part of it")
        }
        if let maxRefusedShare, !(0...1).contains(maxRefusedShare) {
            throw ValidationError("--max-refused-share is a number from 0 to 1")
        }
    }

    func run() async throws {
        let settings = try common.settings()
        let (definition, catalogue) = try range.definition(settings)
        let logger = common.logger("replay")
        let kafka = try settings.kafka(logger)
        let replayer = Replayer(settings: try settings.replayer(catalogue, kafka: kafka), logger: logger)
        let id = try await onThread("replay-start") {
            let connection = try settings.connect("replay start")
            defer { connection.close() }
            let ranges = try range.ranges(settings, definition, connection: connection, kafka: kafka)
            try checkMissing(ranges.reduce(0) { $0 + $1.missing })
            let store = ReplayStore(connection: connection)
            try checkLeftOut(try store.leftOut(definition.name, ranges))
            try checkResets(try store.resets(definition.name, ranges))
            return try store.create(
                ReplayRequest(
                    topic: definition.name, intoShadow: intoShadow, mappingRevision: definition.mapping.revision,
                    keyFingerprints: try range.keyFingerprints(settings, definition.name),
                    rate: rate ?? (intoShadow ? Self.shadowRate : Self.defaultRate),
                    liveLagMax: liveLag,
                    maxRefusedShare: maxRefusedShare ?? definition.contract.breaker.maxRefusedShare, by: Host.user,
                    because: because, runner: detach ? nil : replayer.name),
                ranges, shadowOf: intoShadow ? definition : nil)
        }
        if common.format == .text {
            Terminal.line("Replay \(id) of \(definition.name) is written down.")
            if !intoShadow {
                Terminal.line(
                    "Workers of a mapping before revision \(definition.mapping.revision) write nothing of the topic from now on."
                )
            }
            if detach { Terminal.line("A worker carries it on, or `lienthong replay run \(id)`.") }
        }
        if detach {
            if common.format == .json { Terminal.line(JSON.object([("id", .integer(id))]).text) }
            return
        }
        try await ReplayCarrying(common: common, catalogue: catalogue, replayer: replayer, logger: logger)
            .carry(id, settings)
    }

    /// What is out of the ordinary in the range, named by its exact number or not begun.
    private func demand(_ count: Int64, is named: Int64?, by option: String, cause: String, nextStep: String)
        throws(UserError)
    {
        guard count != named ?? 0 else { return }
        throw UserError(
            action: "starting a replay of", subject: range.topic, cause: cause,
            nextStep: count == 0 ? "leave out \(option)" : "\(nextStep), or begin with \(option) \(count)", status: .no)
    }

    private func checkMissing(_ missing: Int64) throws(UserError) {
        try demand(
            missing, is: acceptMissing, by: "--accept-missing",
            cause:
                "\(Quantity.words(missing, "offset")) of the range \(missing == 1 ? "is" : "are") no longer in Kafka",
            nextStep: "name a later --from")
    }

    private func checkLeftOut(_ leftOut: Int64) throws(UserError) {
        try demand(
            leftOut, is: includeLeftOut, by: "--include-left-out",
            cause: "operators had the workers leave out \(Quantity.words(leftOut, "offset")) of the range",
            nextStep: "see who and why in ingest.operation; name another range")
    }

    private func checkResets(_ resets: Int64) throws(UserError) {
        try demand(
            resets, is: despiteResets, by: "--despite-resets",
            cause:
                "the range holds records because of which \(Quantity.words(resets, "key")) \(resets == 1 ? "was" : "were") reset: read again, they block them again",
            nextStep: "name another range")
    }
}

struct ReplayRunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Carry on a replay that nobody carries on.")

    @OptionGroup var common: CommonOptions

    @Argument(help: "The replay, as `replay status` shows it; whichever waits by default.")
    var id: Int64?

    func run() async throws {
        let settings = try common.settings()
        let logger = common.logger("replay")
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        let replayer = Replayer(
            settings: try settings.replayer(catalogue, kafka: try settings.kafka(logger)), logger: logger)
        try await ReplayCarrying(common: common, catalogue: catalogue, replayer: replayer, logger: logger)
            .carry(id, settings)
    }
}

/// Carries a replay on in this process and tells of it.
struct ReplayCarrying {
    let common: CommonOptions
    let catalogue: Catalogue
    let replayer: Replayer
    let logger: Logger

    /// - Parameter id: nil takes whichever waits.
    func carry(_ id: Int64?, _ settings: Settings) async throws {
        let replayer = replayer
        let told = Box<ReplayState>()
        try await runUntilStopped(logger, stop: { replayer.stop() }) {
            told.value = try await onThread("replay") {
                var progress = Progress("replayed")
                defer { progress.end() }
                func carryOn(_ id: Int64?) throws -> (id: Int64, ending: Replayer.Ending)? {
                    try replayer.run(id) { state in
                        progress.tell(records: state.fates.consumed, share: state.share)
                    }
                }
                guard let id = try carryOn(id)?.id ?? id else { return nil }
                let connection = try settings.connect("replay")
                defer { connection.close() }
                let store = ReplayStore(connection: connection)
                // Whoever carries it on: it is looked at until it has ended, and taken on where that one is gone.
                var state = try store.known(id)
                while state.status == .running, !replayer.isStopping {
                    if state.hasRunner {
                        Thread.sleep(forTimeInterval: 0.5)
                    } else {
                        try checkRevision(state)
                        if try carryOn(id) == nil { Thread.sleep(forTimeInterval: 0.5) }
                    }
                    state = try store.known(id)
                    progress.tell(records: state.fates.consumed, share: state.share)
                }
                return state
            }
        }
        guard let state = told.value else {
            if common.format == .text { Terminal.line("No replay waits to be carried on.") }
            return
        }
        state.tell(common.format)
        let foundNothing = state.keyFingerprints != nil && state.fates.consumed == 0
        if common.format == .text {
            if state.status == .running {
                Terminal.line("Not at its end: a worker carries it on, or `lienthong replay run \(state.id)`.")
            }
            if state.status == .done, foundNothing {
                Terminal.line("None of the named keys has a record in the range.")
            }
        }
        switch state.status {
        case .done where !foundNothing, .swapped: return
        case .done, .running, .stopped, .cancelled: throw ExitCode(ExitStatus.no.rawValue)
        }
    }
}

extension ReplayCarrying {
    /// A replay goes on under the mapping that it began with, or not at all.
    private func checkRevision(_ state: ReplayState) throws(UserError) {
        let revision = catalogue[state.topic]?.mapping.revision
        guard revision != state.mappingRevision else { return }
        throw UserError(
            action: "carrying on", subject: "replay \(state.id)",
            cause: revision.map {
                "it began under revision \(state.mappingRevision) of the mapping of \(state.topic), and here is revision \($0)"
            } ?? "no contract of \(state.topic) was read",
            nextStep: "carry it on with the Topics/ of then, or cancel it and begin a new one", status: .configuration)
    }
}

/// Runs `body` with a runner of replays beside it, which gives back what it has when `body` ends.
func withReplayer<Output: Sendable>(
    _ replayer: Replayer?, _ body: () async throws -> Output
) async throws -> Output {
    guard let replayer else { return try await body() }
    let carrying = Task {
        try await onThread("lienthong-replay") { replayer.serve() }
    }
    let output: Result<Output, any Error>
    do { output = .success(try await body()) } catch { output = .failure(error) }
    replayer.stop()
    let carried = await carrying.result
    let value = try output.get()
    try carried.get()
    return value
}
