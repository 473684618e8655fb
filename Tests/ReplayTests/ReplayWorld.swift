// A topic that was worked under an older mapping, and replays of it.
import Contracts
import Ingestion
import Kafka
import Logging
import Model
import Postgres
import TestSupport

@testable import Replay

/// The older mapping forgets the thing's size; today's, revision 2, does not.
struct ReplayWorld {
    let world: WorkerWorld
    var connection: PostgresConnection { world.connection }
    var topic: TopicName { world.thing.name }
    let today: TopicDefinition
    let older: TopicDefinition

    init(partitions: Int32 = 4) throws {
        world = try WorkerWorld(partitions: partitions)
        today = world.thing.withRevision(2)
        var mapping = world.thing.definition.mapping
        mapping.columns.removeAll { $0.name == "size" }
        older = TopicDefinition(
            name: world.thing.name, folder: today.folder, contract: today.contract, mapping: mapping)
    }

    func work(_ definition: TopicDefinition) async throws -> WorkSummary {
        try await world.worker(untilCaughtUp: true) { $0.topics = [definition] }.run()
    }

    func replayer(_ definition: TopicDefinition? = nil, _ change: (inout ReplayerSettings) -> Void = { _ in })
        -> Replayer
    {
        var worker = world.settings(untilCaughtUp: false)
        worker.topics = [definition ?? today]
        worker.name = "replayer"
        var settings = ReplayerSettings(worker: worker)
        settings.lookInterval = .milliseconds(50)
        change(&settings)
        return Replayer(settings: settings, logger: Logger(label: "tests"))
    }

    func resolve(_ range: ReplayRange) throws -> [PartitionRange] {
        let admin = try KafkaAdmin(settings: world.kafka.settings, clientID: "tests")
        defer { admin.close() }
        return try RangeResolver(topic: topic, admin: admin, connection: connection).resolve(range)
    }

    /// Asks for a replay by today's mapping.
    func ask(
        _ range: ReplayRange = ReplayRange(), rate: Int = 1_000_000, keys: [String]? = nil, revision: Int32 = 2,
        liveLagMax: Int64 = 1_000_000, maxRefusedShare: Double = 1
    ) throws -> Int64 {
        try ReplayStore(connection: connection).create(
            ReplayRequest(
                topic: topic, intoShadow: false, mappingRevision: revision,
                keyFingerprints: keys.map {
                    KeySelection.fingerprints(of: $0.map { Array($0.utf8) }, topic: topic, sealer: PlainSealer())
                }, rate: rate, liveLagMax: liveLagMax,
                maxRefusedShare: maxRefusedShare, by: "tests", because: "the size was forgotten"),
            try resolve(range))
    }

    func state(_ id: Int64) throws -> ReplayState {
        guard let state = try ReplayStore(connection: connection).state(id) else { throw TestFault("no replay \(id)") }
        return state
    }

    /// Rows as one clean pass over the log with that mapping makes them, in a database of its own.
    func cleanPass(_ definition: TopicDefinition, _ given: TestNationalDatabase? = nil) async throws -> [String] {
        let database = try given ?? TestNationalDatabase()
        _ = try await world.worker(untilCaughtUp: true) {
            $0.topics = [definition]
            $0.databaseURL = database.url
            $0.group = "clean-\(UInt32.random(in: 0...UInt32.max))"
        }.run()
        let connection = try database.connect()
        defer { connection.close() }
        return try thingRows(connection)
    }

    func publishThings(_ count: Int, versions: Int64 = 1) throws {
        for version in 1...versions {
            try world.publish(
                (0..<count).map { number in
                    OutgoingTestRecord(
                        key: "k\(number)",
                        value: ThingTopic.value(
                            "k\(number)", version, "n\(number)", size: number % 100, tags: ["v\(version)"]))
                })
        }
    }
}
