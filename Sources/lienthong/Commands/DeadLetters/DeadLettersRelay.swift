// Owners are told of what was refused, by `work` beside its lanes or by a process of its own.
import ArgumentParser
import Contracts
import DeadLetters
import Foundation
import Logging
import Model
import Postgres

struct DeadLettersRelay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay", abstract: "Tell owners of refused records, on <topic>.dead-letter.",
        discussion: """
            `work` does so beside its lanes; this is for a process of its own. Of all that run, one tells and the others \
            stand by. With --once the status is 1 where letters have to wait.
            """)

    @OptionGroup var common: CommonOptions

    @Flag(help: "End once every refusal that can be told is told.")
    var once = false

    func run() async throws {
        let settings = try common.settings()
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        let logger = common.logger("relay")
        try checkTables(settings)
        let relay = try settings.relay(catalogue, logger)
        if once { relay.drain() }
        try await withProgress("told", { relay.progress.total }) {
            try await runUntilStopped(logger, stop: { relay.stop() }) {
                _ = try await onThread("lienthong-relay") { try relay.run() }
            }
        }
        report(relay.progress)
        if once && !relay.progress.waiting.isEmpty { throw ExitCode(ExitStatus.no.rawValue) }
    }

    /// Later on a fault of the database is waited out, whatever it is.
    private func checkTables(_ settings: Settings) throws {
        let connection = try settings.connect("relay")
        defer { connection.close() }
        let columns = try connection.query(
            """
            SELECT count(*) FROM pg_attribute
            WHERE attrelid = to_regclass('ingest.dead_letter') AND attname = 'relayed_refusals'
            """)
        guard columns[0, 0] == "1" else {
            throw UserError(
                action: "starting the relay on", subject: "the national database",
                cause: "it has no column ingest.dead_letter.relayed_refusals",
                nextStep: "run `lienthong database migrate` first", status: .configuration)
        }
    }

    private func report(_ account: RelayAccount) {
        let topics = account.relayed.sorted { $0.key < $1.key }
        switch common.format {
        case .json:
            for (topic, count) in topics {
                Terminal.line(
                    JSON.object([("topic", .string(topic.rawValue)), ("relayed", .integer(count))]).text)
            }
            for sentence in account.waiting { Terminal.line(JSON.object([("waiting", .string(sentence))]).text) }
            Terminal.line(JSON.object([("relayed", .integer(account.total))]).text)
        case .text:
            for (topic, count) in topics { Terminal.line("\(topic): \(Readable.count(count)) told") }
            for sentence in account.waiting { Terminal.line("Waiting: \(sentence)") }
            if topics.isEmpty && account.waiting.isEmpty { Terminal.line("Nothing to tell.") }
        }
    }
}

extension Settings {
    /// Tells of all topics that have a contract, whichever of them this process works on: others may stand by for it.
    func relay(_ catalogue: Catalogue, _ logger: Logger) throws -> DeadLetterRelay {
        DeadLetterRelay(
            settings: RelaySettings(
                kafka: try kafka(logger), databaseURL: try databaseURL(), topics: catalogue.topics.map(\.name),
                sealer: try sealer()),
            logger: logger)
    }
}

/// Runs `body` with a relay beside it, which ends with it.
/// - Parameter drains: after `body` whatever is left to tell is told first.
func withRelay<Output: Sendable>(
    _ relay: DeadLetterRelay?, drains: Bool, _ body: () async throws -> Output
) async throws -> Output {
    guard let relay else { return try await body() }
    let relaying = Task {
        try await onThread("lienthong-relay") { try relay.run() }
    }
    let output: Result<Output, any Error>
    do { output = .success(try await body()) } catch { output = .failure(error) }
    if drains, case .success = output { relay.drain() } else { relay.stop() }
    let relayed = await relaying.result
    let value = try output.get()
    _ = try relayed.get()
    return value
}
