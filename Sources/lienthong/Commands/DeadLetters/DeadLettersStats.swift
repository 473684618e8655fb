// Where the letters are: groups, and their share of the feed.
import ArgumentParser
import Contracts
import DeadLetters
import Foundation
import Model
import Postgres

struct DeadLettersStats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "How many refused records, by reason, field and hour.",
        discussion: """
            The share is of all records that the feeds in question brought so far: of the one feed where letters are \
            grouped by topic or --topic names one, else of all.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var filter: LetterFilterOptions
    @OptionGroup var status: LetterStatusOption

    @Option(
        help: ArgumentHelp("One or more of topic, reason, field, hour, status.", valueName: "groups"),
        transform: { try Self.parse($0) })
    var by: [DeadLetterStatistics.Dimension] = [.reason, .field, .hour]

    @Option(help: "At most this many groups.")
    var limit = 100

    func validate() throws {
        guard (1...100_000).contains(limit) else { throw ValidationError("--limit is a number from 1 to 100000") }
    }

    private static func parse(_ text: String) throws -> [DeadLetterStatistics.Dimension] {
        var dimensions: [DeadLetterStatistics.Dimension] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let dimension = DeadLetterStatistics.Dimension(rawValue: String(word)),
                !dimensions.contains(dimension)
            else {
                throw ValidationError("'\(text)' is not one or more of topic, reason, field, hour, status, each once")
            }
            dimensions.append(dimension)
        }
        return dimensions
    }

    func run() async throws {
        let settings = try common.settings()
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        let connection = try settings.connect("dead-letters stats")
        defer { connection.close() }
        let filter = try filter.filter(
            statuses: status.statuses, settings: settings, catalogue: catalogue, connection: connection)
        let statistics = try DeadLetterStore(connection: connection).statistics(filter, by: by, limit: limit)
        switch common.format {
        case .json: tellPrograms(statistics)
        case .text: tellPeople(statistics)
        }
    }

    private func tellPrograms(_ statistics: DeadLetterStatistics) {
        for group in statistics.groups {
            let values = zip(by, group.values).map { ($0.rawValue, JSON.optional($1)) }
            Terminal.line(
                JSON.object(values + [("letters", .integer(group.letters)), Self.perMillion(group.share)]).text)
        }
        Terminal.line(
            JSON.object([
                ("letters", .integer(statistics.letters)), Self.perMillion(statistics.share),
                ("consumed", .integer(statistics.consumed)), ("groups", .integer(statistics.groupCount)),
                ("listed", .integer(Int64(statistics.groups.count))),
            ]).text)
    }

    private func tellPeople(_ statistics: DeadLetterStatistics) {
        guard !statistics.groups.isEmpty else {
            Terminal.line("No dead letters.")
            return
        }
        var table = Table(by.map { ($0.rawValue, .left) } + [("letters", .right), ("share of feed", .right)])
        for group in statistics.groups {
            table.add(group.values.map { $0 ?? "–" } + [Readable.count(group.letters), Self.percent(group.share)])
        }
        Terminal.line(table.text)
        if statistics.groupCount > statistics.groups.count {
            Terminal.line("\(Readable.count(statistics.groupCount)) groups; --limit shows more.")
        }
        Terminal.line(
            """
            \(Quantity.words(statistics.letters, "letter")), \(Self.percent(statistics.share)) of \
            \(Quantity.words(statistics.consumed, "record"))
            """)
    }

    /// In millionths: `JSON.decimal` writes three decimals, too few for a share of 20 million records.
    private static func perMillion(_ share: Double?) -> (String, JSON) {
        ("sharePerMillion", .optional(share.map { $0 * 1_000_000 }))
    }

    private static func percent(_ share: Double?) -> String {
        share.map { String(format: "%.3f %%", $0 * 100) } ?? "–"
    }
}
