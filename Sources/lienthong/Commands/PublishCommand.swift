// Source databases to topics.
import ArgumentParser
import Foundation
import Logging
import Model
import Publishing

struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Publish source databases' records and changes to their topics.")

    @OptionGroup var common: CommonOptions

    @Option(name: .customLong("feed"), help: ArgumentHelp("Only this feed; may be repeated.", valueName: "feed"))
    var feedNames: [String] = []

    @Flag(help: "End once everything that the source holds now is published.")
    var once = false

    @Flag(help: "Publish every record again; the answer to a lost replication slot.")
    var resnapshot = false

    @Flag(help: "Go on past a TRUNCATE at the source, deleting nothing.")
    var acceptTruncate = false

    func run() async throws {
        let settings = try common.settings()
        let logger = common.logger("publish")
        let kafka = try settings.kafka(logger)
        let publishers = try select(try FeedReader.load(folder: settings.feedsFolder)).map { feed in
            var publisher = PublisherSettings(
                sourceURL: try settings.sourceURL(feed.source), kafka: kafka, instance: .random(in: .min ... .max))
            publisher.once = once
            publisher.resnapshot = resnapshot
            publisher.acceptTruncate = acceptTruncate
            return Publisher(feed, settings: publisher, logger: logger)
        }
        let clock = ContinuousClock()
        let start = clock.now
        let stop: @Sendable () -> Void = { for publisher in publishers { publisher.stop() } }
        try await withProgress("published", { publishers.reduce(0) { $0 + $1.account.messages } }) {
            try await runUntilStopped(logger, stop: stop) { try await Self.run(publishers, logger) }
        }
        report(publishers.map(\.account), seconds: (clock.now - start) / .seconds(1))
    }

    /// Runs all feeds. One that needs a person stops by itself and says so; the others go on, since they belong to other
    /// owners. Throws the first such error once all have ended.
    private static func run(_ publishers: [Publisher], _ logger: Logger) async throws {
        let first = await withTaskGroup(of: (any Error)?.self) { group in
            for publisher in publishers {
                group.addTask {
                    do {
                        try await publisher.run()
                        return nil
                    } catch {
                        if publishers.count > 1 {
                            let what = Failure(error)?.sentence ?? "\(type(of: error))"
                            logger.critical("feed \(publisher.account.feed) has stopped, the others go on: \(what)")
                        }
                        return error
                    }
                }
            }
            return await group.reduce(nil) { $0 ?? $1 }
        }
        if let first { throw first }
    }

    private func select(_ feeds: [FeedDefinition]) throws(UserError) -> [FeedDefinition] {
        if feedNames.isEmpty { return feeds }
        for name in feedNames where !feeds.contains(where: { $0.feed == name }) {
            throw UserError(
                action: "looking for", subject: "feed \(name)", cause: "there is none of that name",
                nextStep: "feeds are \(feeds.map(\.feed).joined(separator: ", "))", status: .usage)
        }
        return feeds.filter { feedNames.contains($0.feed) }
    }

    private func report(_ accounts: [PublishAccount], seconds: Double) {
        let messages = accounts.reduce(0) { $0 + $1.messages }
        switch common.format {
        case .json:
            for account in accounts { Terminal.line(account.json.text) }
            Terminal.line(
                JSON.object([
                    ("published", .integer(accounts.reduce(0) { $0 + $1.published })),
                    ("tombstones", .integer(accounts.reduce(0) { $0 + $1.tombstones })),
                    ("withheldStateSecrets", .integer(accounts.reduce(0) { $0 + $1.withheldStateSecrets })),
                    ("seconds", .decimal(seconds)),
                ]).text)
        case .text:
            var table = Table([
                ("feed", .left), ("topic", .left), ("published", .right), ("tombstones", .right), ("withheld", .right),
                ("oversized", .right), ("restarts", .right),
            ])
            for account in accounts {
                table.add(
                    [account.feed, account.topic.rawValue]
                        + [
                            account.published, account.tombstones, account.withheldStateSecrets, account.cutOversized,
                            account.restarts,
                        ].map { Readable.count($0) })
            }
            Terminal.line(table.text)
            Terminal.line(
                "\(Readable.duration(seconds: seconds)), \(Readable.rate(messages, seconds: seconds)) records/s")
        }
    }
}

extension PublishAccount {
    fileprivate var json: JSON {
        .object([
            ("feed", .string(feed)), ("topic", .string(topic.rawValue)), ("published", .integer(published)),
            ("tombstones", .integer(tombstones)), ("withheldStateSecrets", .integer(withheldStateSecrets)),
            ("cutOversized", .integer(cutOversized)), ("snapshotRows", .integer(snapshotRows)),
            ("transactions", .integer(transactions)), ("restarts", .integer(restarts)),
        ])
    }
}
