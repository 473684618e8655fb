// A partition's records deleted from Kafka for good.
import ArgumentParser
import Contracts
import Kafka
import Model
import Postgres

struct TopicsPurge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge", abstract: "Delete a partition's records before an offset from Kafka, for good; recorded.",
        discussion: """
            For a state secret that reached the log: name the offset after it. Records before it that were not applied yet \
            would be lost, so the position must lie at or beyond that offset.
            """)

    @OptionGroup var common: CommonOptions

    @Option(help: "The topic.")
    var topic: String

    @Option(help: "The partition.")
    var partition: Int32

    @Option(help: "The first offset to keep.")
    var before: Int64

    @Option(help: "Why; kept with your name in ingest.operation.")
    var because: String

    func validate() throws {
        guard before >= 0, partition >= 0 else { throw ValidationError("--partition and --before are 0 or more") }
        guard !because.allSatisfy(\.isWhitespace) else { throw ValidationError("--because wants a reason in words") }
    }

    func run() async throws {
        let settings = try common.settings()
        let definition = try Catalogue.load(folder: settings.topicsFolder).definition(topic)
        let connection = try settings.connect("topics purge")
        defer { connection.close() }
        let admin = try KafkaAdmin(settings: try settings.kafka(common.logger("topics")), clientID: "lienthong-topics")
        defer { admin.close() }
        try requirePartition(definition.name, admin)
        try requireApplied(connection)
        // The order is written down before the deed: a crash between them leaves a record of what may have been done.
        try connection.query(
            """
            INSERT INTO ingest.operation (by, action, topic, partition, because, details)
            VALUES ($1, 'topics purge', $2, $3::integer, $4, jsonb_build_object('before', $5::bigint))
            """, [Host.user, topic, String(partition), because, String(before)])
        let kept = try admin.deleteRecords(
            TopicPartition(definition.name, Partition(partition)), before: NextOffset(before),
            timeoutMilliseconds: 30_000)
        switch common.format {
        case .json:
            Terminal.line(
                JSON.object([
                    ("topic", .string(topic)), ("partition", .integer(Int64(partition))), ("firstKept", .integer(kept)),
                ]).text)
        case .text: Terminal.line("\(topic)[\(partition)]: the first offset kept is \(kept)")
        }
    }

    private func requirePartition(_ name: TopicName, _ admin: KafkaAdmin) throws {
        let partitions = try admin.topic(name, timeoutMilliseconds: 10_000)?.partitions ?? []
        guard !partitions.contains(where: { $0.partition.rawValue == partition }) else { return }
        throw UserError(
            action: "purging", subject: "\(topic)[\(partition)]", cause: "Kafka has no such partition",
            nextStep: partitions.isEmpty
                ? "run `lienthong topics plan`" : "partitions are 0 to \(partitions.count - 1)",
            status: .usage)
    }

    private func requireApplied(_ connection: PostgresConnection) throws {
        let result = try connection.query(
            "SELECT next_offset FROM ingest.position WHERE topic = $1 AND partition = $2::integer",
            [topic, String(partition)])
        let next = result.rowCount == 1 ? result.integer(0, "next_offset") ?? 0 : 0
        guard next >= before else {
            throw UserError(
                action: "purging", subject: "\(topic)[\(partition)] before \(before)",
                cause: "the national database has dealt with records up to \(next) only",
                nextStep: "let `lienthong work` reach that offset first", status: .no)
        }
    }
}
