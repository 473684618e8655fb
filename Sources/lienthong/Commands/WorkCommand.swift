// Topics to the national database, and the operator's word on a topic.
import ArgumentParser
import Contracts
import DeadLetters
import Foundation
import Ingestion
import Kafka
import Model
import Postgres
import Replay

struct WorkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "work", abstract: "Bring records from topics into the national database.",
        discussion: """
            `lienthong help work run` tells its options, such as --lanes, --until-caught-up, and --metrics-file, by which \
            Prometheus sees how it is getting on.
            """,
        subcommands: [WorkRun.self, WorkPause.self, WorkResume.self, WorkAcceptGap.self, WorkRewind.self],
        defaultSubcommand: WorkRun.self)
}

struct WorkRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Work until stopped.",
        discussion: "`lienthong help work` lists the rest: pause, resume, accept-gap and rewind.")

    @OptionGroup var common: CommonOptions

    @Option(name: .customLong("topic"), help: ArgumentHelp("Only this topic; may be repeated.", valueName: "topic"))
    var topicNames: [String] = []

    @Flag(help: "End once every record that is there has been dealt with.")
    var untilCaughtUp = false

    @Option(help: "Members of the consumer group in this process, each with its own database connection.")
    var lanes = 2

    @Option(help: "Most records in one transaction.")
    var batchRecords = 20_000

    @Option(help: "Consumer group.")
    var group = "lienthong"

    @Option(
        help: ArgumentHelp(
            """
            File of metrics in Prometheus' text format, replaced every few seconds and at the end; in the folder of \
            node_exporter's textfile collector, with the ending .prom, and one for each process. Also \
            LIENTHONG_METRICS_FILE.
            """, valueName: "file"))
    var metricsFile: String?

    @Option(help: ArgumentHelp("Time between two writings of that file.", valueName: "seconds"))
    var metricsInterval = 5

    @Flag(help: "Leave it to other processes to tell owners of refused records.")
    var noRelay = false

    @Flag(help: "Leave it to other processes to carry replays on.")
    var noReplays = false

    func validate() throws {
        guard (1...3_600).contains(metricsInterval) else {
            throw ValidationError("--metrics-interval is a number of seconds from 1 to 3600")
        }
        guard (1...64).contains(lanes) else { throw ValidationError("--lanes is a number from 1 to 64") }
        guard (1...100_000).contains(batchRecords) else {
            throw ValidationError("--batch-records is a number from 1 to 100000")
        }
        guard !group.isEmpty else { throw ValidationError("--group names a consumer group") }
    }

    func run() async throws {
        let settings = try common.settings(metricsFile.map { ["metrics_file": $0] } ?? [:])
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        let logger = common.logger("work")
        var workerSettings = WorkerSettings(
            kafka: try settings.kafka(logger), databaseURL: try settings.databaseURL(), group: group, lanes: lanes,
            topics: try catalogue.select(topicNames), codeLists: catalogue.codeLists, sealer: try settings.sealer(),
            untilCaughtUp: untilCaughtUp, name: Host.processName)
        workerSettings.batchRecordsMax = batchRecords
        let worker = Worker(settings: workerSettings, logger: logger)
        let relay = noRelay ? nil : try settings.relay(catalogue, logger)
        let replayer =
            noReplays
            ? nil : Replayer(settings: try settings.replayer(catalogue, kafka: workerSettings.kafka), logger: logger)
        let drains = untilCaughtUp
        let summary = Box<WorkSummary>()
        let metricsFile = settings.metricsFile.map { MetricsFile($0, logger: logger) }
        let stop: @Sendable () -> Void = {
            worker.stop()
            relay?.stop()
            replayer?.stop()
        }
        try await withMetrics(of: worker, in: metricsFile, every: .seconds(metricsInterval)) {
            try await withProgress("dealt with", { worker.fates.values.reduce(0) { $0 + $1.consumed } }) {
                try await runUntilStopped(logger, stop: stop) {
                    summary.value = try await withReplayer(replayer) {
                        try await withRelay(relay, drains: drains) { try await worker.run() }
                    }
                }
            }
        }
        guard let summary = summary.value else { return }
        report(summary, relay?.progress)
        // An operator has to decide before these partitions go on: the answer to "caught up?" is no.
        if untilCaughtUp && !summary.standing.isEmpty { throw ExitCode(ExitStatus.no.rawValue) }
    }

    private func report(_ summary: WorkSummary, _ relay: RelayAccount?) {
        let topics = summary.fates.sorted { $0.key < $1.key }
        switch common.format {
        case .json:
            for (topic, fates) in topics {
                Terminal.line(JSON.object([("topic", .string(topic.rawValue))] + fates.members).text)
            }
            for sentence in summary.standing {
                Terminal.line(JSON.object([("standing", .string(sentence))]).text)
            }
            for sentence in relay?.waiting ?? [] {
                Terminal.line(JSON.object([("waiting", .string(sentence))]).text)
            }
            Terminal.line(
                JSON.object(
                    summary.total.members + [
                        ("relayed", .optional(relay?.total)),
                        ("seconds", .decimal(summary.seconds)), ("workedSeconds", .decimal(summary.workedSeconds)),
                        ("batches", .integer(Int64(summary.stages.batches))),
                        ("copiedBatches", .integer(Int64(summary.stages.copiedBatches))),
                        ("stageSeconds", .object(summary.stages.all.map { ($0.name, .decimal($0.seconds)) })),
                    ]
                ).text)
        case .text:
            var table = Table([
                ("topic", .left), ("consumed", .right), ("applied", .right), ("superseded", .right),
                ("deleted", .right),
                ("dead-lettered", .right),
            ])
            for (topic, fates) in topics { table.add([topic.rawValue] + fates.cells) }
            table.add(["all"] + summary.total.cells)
            Terminal.line(table.text)
            for sentence in summary.standing { Terminal.line("Standing still: \(sentence)") }
            if let relay, relay.total > 0 {
                Terminal.line("Told owners of \(Quantity.words(Int(relay.total), "refusal")).")
            }
            for sentence in relay?.waiting ?? [] { Terminal.line("Waiting: \(sentence)") }
            Terminal.line(
                """
                \(Readable.duration(seconds: summary.seconds)), \
                \(Readable.rate(summary.total.consumed, seconds: summary.seconds)) records/s; \
                \(Readable.rate(summary.total.consumed, seconds: summary.workedSeconds)) records/s \
                between the first record and the last commit
                """)
            let stages = summary.stages.all.map { "\($0.name) \(String(format: "%.1f", $0.seconds))" }
            Terminal.line("Seconds by stage, over all lanes: \(stages.joined(separator: ", "))")
        }
    }
}

struct WorkPause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "pause", abstract: "Let a topic rest; recorded.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var intervention: Intervention

    func run() async throws {
        try intervention.perform(common) { topic, connection, _ in
            let changed = try WorkControl.pause(
                topic: topic, because: intervention.because, by: Host.user, connection: connection)
            return [
                [("topic", .string(topic.rawValue)), ("outcome", .string(changed ? "paused" : "was paused already"))]
            ]
        }
    }
}

struct WorkResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Let a topic that was paused go on; recorded.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var intervention: Intervention

    func run() async throws {
        try intervention.perform(common) { topic, connection, _ in
            let changed = try WorkControl.resume(
                topic: topic, because: intervention.because, by: Host.user, connection: connection)
            return [[("topic", .string(topic.rawValue)), ("outcome", .string(changed ? "resumed" : "was not paused"))]]
        }
    }
}

struct WorkAcceptGap: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept-gap", abstract: "Go on beyond records that are lost; recorded.",
        discussion:
            "Ask the owner of the data for a full snapshot afterwards: what was in the gap is not in the database.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var intervention: Intervention

    @Option(help: "Only this partition; all of the topic that stand at a gap by default.")
    var partition: Int32?

    @Option(help: "First offset to read again; wanted, with --partition, where records cannot be read.")
    var to: Int64?

    func validate() throws {
        guard to == nil || partition != nil else { throw ValidationError("--to wants --partition") }
    }

    func run() async throws {
        try intervention.perform(common) { topic, connection, settings in
            let admin = try KafkaAdmin(settings: try settings.kafka(common.logger("work")), clientID: "lienthong-work")
            defer { admin.close() }
            let accepted = try WorkControl.acceptGap(
                topic: topic, partition: partition.map { Partition($0) }, to: to.map { NextOffset($0) },
                because: intervention.because, by: Host.user,
                connection: connection, admin: admin)
            return accepted.map { gap in
                [
                    ("topic", .string(topic.rawValue)), ("outcome", .string("gap accepted")),
                    ("partition", .integer(Int64(gap.partition.rawValue))), ("from", .integer(gap.from.rawValue)),
                    ("to", .integer(gap.to.rawValue)), ("lost", .optional(gap.lost)),
                ]
            }
        }
    }
}

/// What every intervention names: a topic, and a reason that is kept.
struct Intervention: ParsableArguments {
    @Option(help: "The topic.")
    var topic: String

    @Option(help: "Why; kept with your name in ingest.operation.")
    var because: String

    func validate() throws {
        guard !because.allSatisfy(\.isWhitespace) else { throw ValidationError("--because wants a reason in words") }
    }

    /// What an intervention works with. Close the connection.
    func open(
        _ common: CommonOptions
    ) throws -> (
        topic: TopicDefinition, codeLists: CodeLists, connection: PostgresConnection, settings: Settings
    ) {
        let settings = try common.settings()
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        return (try catalogue.definition(topic), catalogue.codeLists, try settings.connect("operator"), settings)
    }

    /// Runs an intervention and tells its outcomes, each with a member `outcome`.
    func perform(
        _ common: CommonOptions,
        _ body: (_ topic: TopicName, _ connection: PostgresConnection, _ settings: Settings) throws -> [[(
            String, JSON
        )]]
    ) throws {
        let (definition, _, connection, settings) = try open(common)
        defer { connection.close() }
        let outcomes = try body(definition.name, connection, settings)
        for outcome in outcomes {
            switch common.format {
            case .json: Terminal.line(JSON.object(outcome).text)
            case .text:
                Terminal.line(
                    outcome.map { name, value in
                        let text = if case .string(let text) = value { text } else { value.text }
                        return ["topic", "outcome"].contains(name) ? text : "\(name) \(text)"
                    }.joined(separator: "  "))
            }
        }
        if outcomes.isEmpty && common.format == .text { Terminal.line("\(topic): nothing to do") }
    }
}

extension Fates {
    var members: [(String, JSON)] {
        [
            ("consumed", .integer(consumed)), ("applied", .integer(applied)), ("superseded", .integer(superseded)),
            ("deleted", .integer(deleted)), ("deadLettered", .integer(deadLettered)),
        ]
    }

    var cells: [String] { [consumed, applied, superseded, deleted, deadLettered].map { Readable.count($0) } }
}
