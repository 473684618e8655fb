// The options by which commands choose what is read again.
import ArgumentParser
import Contracts
import DeadLetters
import Foundation
import Ingestion
import Kafka
import Model
import Postgres
import Replay

struct ReplayRangeOptions: ParsableArguments {
    @Option(help: "The topic.")
    var topic: String

    @Option(
        help: ArgumentHelp(
            """
            Where the range begins: beginning, an offset, or a time as 2026-11-22, 2026-11-22T08:30:00Z, or 90m, 6h, 7d \
            ago.
            """, valueName: "place"))
    var from: ReplayPlaceArgument = .beginning

    @Option(
        help: ArgumentHelp(
            "The first place beyond the range; as --from, or live: what the live workers have dealt with, at most.",
            valueName: "place"))
    var to: ReplayPlaceArgument = .live

    @Option(
        name: .customLong("partition"),
        help: ArgumentHelp("Only this partition; may be repeated.", valueName: "partition"))
    var partitions: [Int32] = []

    @Option(help: ArgumentHelp("Only the keys in this file, one a line; - is standard input.", valueName: "file"))
    var keyFile: String?

    /// Nothing less than all that the live workers have dealt with.
    var isWhole: Bool {
        guard case .beginning = from, case .live = to else { return false }
        return partitions.isEmpty && keyFile == nil
    }

    func validate() throws {
        if let negative = partitions.first(where: { $0 < 0 }) {
            throw ValidationError("--partition \(negative): partitions are numbered from 0")
        }
    }

    func definition(_ settings: Settings) throws -> (TopicDefinition, Catalogue) {
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        return (try catalogue.definition(topic), catalogue)
    }

    func keyFingerprints(_ settings: Settings, _ topic: TopicName) throws -> [[UInt8]]? {
        guard let keyFile else { return nil }
        return KeySelection.fingerprints(of: try KeyFile.read(keyFile), topic: topic, sealer: try settings.sealer())
    }

    /// - Throws: also where the tables do not fit the mapping: nothing could be written by it.
    func ranges(
        _ settings: Settings, _ definition: TopicDefinition, connection: PostgresConnection, kafka: KafkaSettings
    ) throws -> [PartitionRange] {
        let topic = definition.name
        if let finding = try TableCheck.findings(of: definition, connection: connection).first {
            throw UserError(
                action: "fitting contracts to", subject: "the national database", cause: finding,
                nextStep: "mend the mapping or run `lienthong database migrate`; `lienthong doctor` lists all",
                status: .configuration)
        }
        let admin = try KafkaAdmin(settings: kafka, clientID: "lienthong-replay")
        defer { admin.close() }
        let now = Clock.nowMilliseconds
        return try RangeResolver(topic: topic, admin: admin, connection: connection).resolve(
            ReplayRange(
                from: from.place(now: now), to: to.place(now: now),
                partitions: partitions.isEmpty ? nil : Set(partitions.map { Partition($0) })))
    }
}

enum ReplayPlaceArgument: ExpressibleByArgument, CustomStringConvertible {
    case beginning
    case live
    case offset(Int64)
    case time(PointInTime, String)

    init?(argument: String) {
        switch argument {
        case "beginning": self = .beginning
        case "live": self = .live
        default:
            if let offset = Int64(argument), offset >= 0 {
                self = .offset(offset)
            } else if let time = PointInTime(argument: argument) {
                self = .time(time, argument)
            } else {
                return nil
            }
        }
    }

    var description: String {
        switch self {
        case .beginning: "beginning"
        case .live: "live"
        case .offset(let offset): "\(offset)"
        case .time(_, let text): text
        }
    }

    func place(now: Int64) -> ReplayPlace {
        switch self {
        case .beginning: .beginning
        case .live: .livePosition
        case .offset(let offset): .offset(offset)
        case .time(let time, _): .time(time.milliseconds(now: now))
        }
    }
}

extension Settings {
    /// As the live workers read and write; the database names this process as the runner.
    func replayer(_ catalogue: Catalogue, kafka: KafkaSettings) throws -> ReplayerSettings {
        ReplayerSettings(
            worker: WorkerSettings(
                kafka: kafka, databaseURL: try databaseURL(), group: "lienthong", lanes: 1, topics: catalogue.topics,
                codeLists: catalogue.codeLists, sealer: try sealer(), untilCaughtUp: false, name: Host.processName))
    }
}
