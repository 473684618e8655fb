// Refused records whose time is over, by their contracts, leave the national database.
import ArgumentParser
import Contracts
import DeadLetters
import Foundation
import Model
import Postgres
import Synchronization

struct DeadLettersPurge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge", abstract: "Remove refused records that have been kept long enough.",
        discussion: """
            How long is in the contract: deadLetterStoreRetentionDays for those that are closed, \
            deadLetterStoreOpenRetentionDays for the others, which stay for ever where it says nothing. A letter's steps \
            stay. What its owner was not told of yet stays too.
            """)

    @OptionGroup var common: CommonOptions

    @Option(name: .customLong("topic"), help: ArgumentHelp("Only of this topic; may be repeated.", valueName: "topic"))
    var topicNames: [String] = []

    @Flag(help: "Count what would be removed, and change nothing.")
    var dryRun = false

    @Option(help: "Why; kept with your name in each letter's life and in ingest.operation.")
    var because: String?

    func validate() throws {
        if !dryRun && (because ?? "").allSatisfy(\.isWhitespace) {
            throw ValidationError("--because wants a reason in words, unless it is a --dry-run")
        }
    }

    func run() async throws {
        let settings = try common.settings()
        let topics = try Catalogue.load(folder: settings.topicsFolder).select(topicNames)
        let (dryRun, because) = (dryRun, because ?? "")
        let done = Mutex<Int64>(0)
        let isStopping = Mutex(false)
        let outcome = Box<LetterPurge.Account>()
        try await withProgress("removed", { done.withLock { $0 } }) {
            try await runUntilStopped(common.logger("purge"), stop: { isStopping.withLock { $0 = true } }) {
                outcome.value = try await onThread("lienthong-purge") {
                    let connection = try settings.connect("dead-letters purge")
                    defer { connection.close() }
                    let purge = LetterPurge(connection: connection)
                    if dryRun { return try purge.preview(topics) }
                    return try purge.run(
                        topics, by: Host.user, because: because, isStopping: { isStopping.withLock { $0 } },
                        progress: { count in done.withLock { $0 = count } })
                }
            }
        }
        if let account = outcome.value { report(account) }
    }

    private func report(_ account: LetterPurge.Account) {
        let topics = account.purged.sorted { $0.key < $1.key }
        let untold = account.untold.sorted { $0.key < $1.key }
        switch common.format {
        case .json:
            for (topic, statuses) in topics {
                let counts = statuses.sorted { $0.key < $1.key }.map { ($0.key, JSON.integer($0.value)) }
                Terminal.line(JSON.object([("topic", .string(topic.rawValue)), ("purged", .object(counts))]).text)
            }
            for (topic, count) in untold {
                Terminal.line(JSON.object([("topic", .string(topic.rawValue)), ("untold", .integer(count))]).text)
            }
            Terminal.line(JSON.object([("purged", .integer(account.total)), ("dryRun", .boolean(dryRun))]).text)
        case .text:
            for (topic, statuses) in topics {
                let counts = statuses.sorted { $0.key < $1.key }.map { "\($0.key) \(Readable.count($0.value))" }
                Terminal.line("\(topic): \(counts.joined(separator: ", "))")
            }
            for (topic, count) in untold {
                Terminal.line(
                    """
                    \(topic): \(Quantity.words(count, "letter")) kept, since the owner was not told yet; run \
                    `lienthong dead-letters relay --once`
                    """)
            }
            Terminal.line("\(Quantity.words(account.total, "letter")) \(dryRun ? "would be removed" : "removed").")
        }
    }
}
