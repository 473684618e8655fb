// Positions moved by an operator: read again, or skipped.
import ArgumentParser
import Contracts
import Foundation
import Ingestion
import Kafka
import Logging
import Model
import Postgres

struct WorkRewind: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rewind", abstract: "Read a topic again from an earlier place, or skip records; recorded.",
        discussion: """
            Shows old and new positions and changes nothing; --yes moves them, all or none. Workers may run: what they are \
            writing is finished or dropped, and they go on from the new position within moments. Reading again is safe, a \
            newer row or a delete always wins, and a refused record has one dead letter however often it is read. The \
            cumulative counts of `work` and the database count a record each time it is read; ingest.operation keeps, with \
            your name, what they were.

            Records are counted by their offsets, holes of transactions and compaction among them. Moving forward leaves \
            records unread: --skip-records must name their exact number over all partitions, so pause the topic first.

            The national database decides where workers read. Kafka's committed offsets follow, for lag tools: at once \
            where the group has no members, else when its workers take up the new position.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var intervention: Intervention

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            beginning, end, an offset, a time (2026-11-22T08:30:00+07:00, 2026-11-22, or 90m, 6h, 7d ago), or -N: so many \
            records before each partition's position, at most all.
            """, valueName: "place"))
    var to: RewindPlace

    @Option(
        name: .customLong("partition"), help: ArgumentHelp("Only this one; may be repeated.", valueName: "partition"))
    var partitions: [Int32] = []

    @Option(help: ArgumentHelp("Skip so many records, exactly.", valueName: "records"))
    var skipRecords: Int64 = 0

    @Option(help: "Consumer group whose committed offsets follow.")
    var group = "lienthong"

    @Flag(help: "Do it.")
    var yes = false

    @Flag(help: "Only show it, as without --yes.")
    var dryRun = false

    func validate() throws {
        if yes && dryRun { throw ValidationError("--yes and --dry-run contradict each other") }
        guard skipRecords >= 0 else { throw ValidationError("--skip-records is a number of records") }
        guard partitions.allSatisfy({ $0 >= 0 }) else { throw ValidationError("--partition is 0 or more") }
        guard !group.isEmpty else { throw ValidationError("--group names a consumer group") }
    }

    func run() async throws {
        let (topic, codeLists, connection, settings) = try intervention.open(common)
        defer { connection.close() }
        let admin = try KafkaAdmin(settings: try settings.kafka(common.logger("work")), clientID: "lienthong-work")
        defer { admin.close() }
        let rewind = Rewind(
            topic, codeLists: codeLists, partitions: Set(partitions.map { Partition($0) }),
            to: to.target(now: Clock.nowMilliseconds), connection: connection, admin: admin)
        guard yes else { return report(try rewind.plan(), kafka: nil) }
        let moves = try rewind.perform(skipRecords: skipRecords, because: intervention.because, by: Host.user)
        report(moves, kafka: tellKafka(moves, topic.name, admin))
    }

    /// False where the group has members, or Kafka is not to be had just now: workers tell it when they claim. The move
    /// itself is done, so this is no failure.
    private func tellKafka(_ moves: [Rewind.Move], _ topic: TopicName, _ admin: KafkaAdmin) -> Bool {
        let moved = moves.filter { $0.from != $0.to }.map { (TopicPartition(topic, $0.partition), $0.to) }
        do {
            try admin.commit(
                Dictionary(moved) { first, _ in first }, group: group, timeoutMilliseconds: 10_000)
            return true
        } catch {
            common.logger("work").debug("committing offsets to Kafka: \(error)")
            return false
        }
    }

    // MARK: Telling

    private func report(_ moves: [Rewind.Move], kafka: Bool?) {
        let (again, skipped) = moves.reduce((0, 0)) { ($0.0 + $1.readAgain, $0.1 + $1.skipped) }
        let moved = moves.count { $0.from != $0.to }
        switch common.format {
        case .json:
            for move in moves {
                Terminal.line(
                    JSON.object([
                        ("topic", .string(intervention.topic)), ("partition", .integer(Int64(move.partition.rawValue))),
                        ("from", .integer(move.from.rawValue)), ("to", .integer(move.to.rawValue)),
                        ("readAgain", .integer(move.readAgain)), ("skipped", .integer(move.skipped)),
                    ]).text)
            }
            Terminal.line(
                JSON.object([
                    ("moved", .integer(Int64(moved))), ("readAgain", .integer(again)), ("skipped", .integer(skipped)),
                    ("kafkaCommitted", kafka.map { .boolean($0) } ?? .null), ("dryRun", .boolean(!yes)),
                ]).text)
        case .text:
            var table = Table([
                ("partition", .right), ("from", .right), ("to", .right), ("read again", .right), ("skipped", .right),
            ])
            for move in moves {
                table.add(
                    ["\(move.partition)"]
                        + [move.from.rawValue, move.to.rawValue, move.readAgain, move.skipped].map(Readable.count))
            }
            if moves.count > 1 { table.add(["all", "", "", Readable.count(again), Readable.count(skipped)]) }
            Terminal.line(table.text)
            Terminal.line(sentence(moved: moved, skipped: skipped, kafka: kafka))
        }
    }

    private func sentence(moved: Int, skipped: Int64, kafka: Bool?) -> String {
        if moved == 0 { return "Nothing to do: all partitions stand there." }
        guard let kafka else {
            let permission = skipped == skipRecords ? "" : " and --skip-records \(skipped)"
            return "A dry run: nothing was changed. It is done with --yes\(skipped > 0 ? permission : "")."
        }
        return "Moved \(Quantity.words(moved, "partition")). "
            + (kafka
                ? "Kafka's committed offsets of group \(group) moved with them."
                : "Kafka's committed offsets of group \(group) follow when its workers take up the new positions.")
    }
}

/// Where to read from, as it is written on a command line.
enum RewindPlace: ExpressibleByArgument, Equatable {
    case beginning
    case end
    case offset(Int64)
    case back(Int64)
    case time(PointInTime)

    init?(argument: String) {
        switch argument {
        case "beginning": self = .beginning
        case "end": self = .end
        case _ where argument.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }:
            guard let offset = Int64(argument) else { return nil }
            self = .offset(offset)
        case _ where argument.first == "-":
            guard let count = Int64(argument.dropFirst()), count > 0 else { return nil }
            self = .back(count)
        default:
            guard let time = PointInTime(argument: argument) else { return nil }
            self = .time(time)
        }
    }

    func target(now: Int64) -> Rewind.Target {
        switch self {
        case .beginning: .beginning
        case .end: .end
        case .offset(let offset): .offset(offset)
        case .back(let count): .back(count)
        case .time(let time): .time(milliseconds: time.milliseconds(now: now))
        }
    }
}
