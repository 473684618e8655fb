// Fills a source database with credible records.
import ArgumentParser
import Foundation
import Model
import Postgres
import Publishing

struct SampleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample", abstract: "Fill a source database with credible records, some faulty on purpose.",
        discussion: """
            Makes the source's tables where the database has none, and refuses a database that holds rows: a ministry's own \
            database is no place for a sample.
            """)

    @OptionGroup var common: CommonOptions

    @Option(help: "The feed whose source database to fill; a source's other feeds get their records, too.")
    var feed: String

    @Option(help: "Records of all feeds together; each source gets its share.")
    var records = 20_000

    @Option(help: "The same seed gives the same records.")
    var seed: UInt64 = 1

    func run() async throws {
        let settings = try common.settings()
        guard let source = SampleSource(feed: feed) else {
            throw UserError(
                action: "making a sample for", subject: "feed \(feed)", cause: "there is no sample for it",
                nextStep: "feeds are \(SampleSource.allCases.flatMap(\.feeds).joined(separator: ", "))", status: .usage)
        }
        let connection = try PostgresConnection(
            try settings.sourceURL(source.rawValue), applicationName: "lienthong sample")
        defer { connection.close() }
        let account = try Sample(settings: settings, records: records, seed: seed).fill(source, connection)
        report(account)
    }

    private func report(_ account: SampleAccount) {
        var table = Table([
            ("feed", .left), ("topic", .left), ("rows", .right), ("state secrets", .right), ("faulty", .right),
        ])
        for feed in account.feeds {
            switch common.format {
            case .json:
                let refusals = feed.refusals.sorted { $0.key.rawValue < $1.key.rawValue }
                Terminal.line(
                    JSON.object([
                        ("feed", .string(feed.feed)), ("topic", .string(feed.topic)),
                        ("rows", .integer(Int64(feed.rows))),
                        ("stateSecrets", .integer(Int64(feed.stateSecrets))), ("faulty", .integer(Int64(feed.faulty))),
                        ("refusals", .object(refusals.map { ($0.key.rawValue, .integer(Int64($0.value))) })),
                    ]).text)
            case .text:
                table.add([
                    feed.feed, feed.topic, Readable.count(feed.rows), Readable.count(feed.stateSecrets),
                    Readable.count(feed.faulty),
                ])
            }
        }
        if common.format == .text { Terminal.line(table.text) }
    }
}

/// Makes a source's tables and fills them.
struct Sample {
    let settings: Settings
    let records: Int
    let seed: UInt64

    func fill(_ source: SampleSource, _ connection: PostgresConnection) throws -> SampleAccount {
        let places = try SamplePlaces.load(folder: "\(settings.topicsFolder)/code-lists")
        let today = SampleDate(daysSince1970: Int(Clock.nowMilliseconds / 86_400_000))
        let generator = try SampleGenerator(seed: seed, records: records, today: today, places: places)
        let tables = try connection.query(
            "SELECT count(*) AS tables FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        if tables.integer(0, "tables") == 0 {
            guard let sql = try? String(contentsOfFile: source.schemaFile, encoding: .utf8) else {
                throw UserError(
                    action: "making the tables of", subject: source.rawValue,
                    cause: "\(source.schemaFile) cannot be read", nextStep: "run this in the repository's folder",
                    status: .configuration)
            }
            try connection.execute(sql)
        }
        return try generator.fill(source: source, connection: connection)
    }
}
