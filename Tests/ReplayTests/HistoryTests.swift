// Whatever was replayed, redriven and rewound, in whatever order: the rows are those of one clean pass over the log.
import Contracts
import Foundation
import HistoryChecker
import Ingestion
import Kafka
import Model
import Postgres
import TestSupport
import Testing

@testable import Replay

@Suite("histories of replays, redrives and rewinds", .serialized)
struct HistoryTests {
    /// Seeds beyond these are tried with LIENTHONG_TEST_SEEDS=first-last.
    static let seeds: [UInt64] = {
        let asked = ProcessInfo.processInfo.environment["LIENTHONG_TEST_SEEDS"]?.split(separator: "-").compactMap {
            UInt64($0)
        }
        guard let asked, asked.count == 2, asked[0] <= asked[1] else { return [1, 2, 3] }
        return Array(asked[0]...asked[1])
    }()

    @Test("end in the tables of one clean pass with today's mapping", arguments: seeds)
    func anyOrder(seed: UInt64) async throws {
        let world = try ReplayWorld(partitions: 3)
        var history = History(world: world, random: SeededGenerator(seed))
        // The mapping is mended at some moment.
        for _ in 0..<Int.random(in: 1...3, using: &history.random) { try await history.step(by: world.older) }
        for _ in 0..<Int.random(in: 3...6, using: &history.random) { try await history.step(by: world.today) }
        _ = try await world.work(world.today)
        // What no step happened to read again is still as the older mapping made it.
        try await history.replay(ReplayRange())
        #expect(try thingRows(world.connection) == (try await history.cleanPass()), "seed \(seed)")
        // Each of the log's records was dealt with, and none stands beyond.
        #expect(
            try world.connection.one("SELECT sum(next_offset) FROM ingest.position") == "\(history.published.count)")
        let verdict = try ThingHistory.check(
            world.topic, partitions: 3, published: history.published, kafka: world.world.kafka.settings,
            world.connection)
        #expect(verdict.rule == nil, "seed \(seed): \(verdict)")
    }

    /// What has happened to a world so far.
    private struct History {
        let world: ReplayWorld
        var random: SeededGenerator
        /// All of it acknowledged.
        var published: [OutgoingTestRecord] = []

        mutating func step(by mapping: TopicDefinition) async throws {
            try publish(Int.random(in: 20...80, using: &random))
            let isMended = mapping.mapping.revision == 2
            switch Int.random(in: 0..<6, using: &random) {
            case 0: break
            case 1:
                _ = try await world.work(mapping)
                try redrive(most: 6)
            case 2:
                _ = try await world.work(mapping)
                try rewind()
            case 3 where isMended:
                _ = try await world.work(mapping)
                try await replay(range())
            case 4 where isMended:
                // Beside workers that are behind, and letters on their way.
                _ = try await world.work(mapping)
                try redrive(most: 3)
                try publish(40)
                let range = range()
                try await world.world.whileWorking({ $0.topics = [mapping] }) { try await replay(range) }
            default: _ = try await world.work(mapping)
            }
        }

        private mutating func publish(_ count: Int) throws {
            try send(
                (0..<count).map { number in
                    let key = "k\(Int.random(in: 0..<15, using: &random))"
                    let version = Int64.random(in: 1...9, using: &random)
                    switch Int.random(in: 0..<12, using: &random) {
                    case 0: return OutgoingTestRecord(key: key, value: nil, version: version)
                    case 1: return OutgoingTestRecord(key: key, value: nil)
                    case 2, 3:
                        // Refused by the contract: it has no name.
                        return OutgoingTestRecord(
                            key: key, value: Array("{\"id\": \"\(key)\", \"version\": \(version)}".utf8))
                    default:
                        return OutgoingTestRecord(
                            key: key,
                            value: ThingTopic.value(
                                key, version, "n\(number % 5)", size: Int.random(in: 0...9, using: &random),
                                tags: number % 3 == 0 ? ["t"] : []))
                    }
                })
        }

        private mutating func send(_ records: [OutgoingTestRecord]) throws {
            try world.world.publish(records)
            published += records
        }

        /// Some letters mended and sent again, as `dead-letters redrive` does it.
        private mutating func redrive(most: Int) throws {
            let letters = try world.connection.query(
                """
                SELECT id, partition, encode(key_fingerprint, 'escape'), convert_from(payload, 'UTF8')
                FROM ingest.dead_letter WHERE status = 'open' AND reason = 'missing-field' ORDER BY id
                """)
            let rows = Array(0..<letters.rowCount).shuffled(using: &random).prefix(most)
            for row in rows {
                guard let id = letters[row, 0], let partition = letters[row, 1].flatMap(Int32.init),
                    let key = letters[row, 2], let value = letters[row, 3]
                else { continue }
                let mended = Array(value.replacing("\"version\"", with: "\"name\": \"mended \(id)\", \"version\"").utf8)
                let fingerprint = PlainSealer().recordFingerprint(
                    key: Array(key.utf8), value: mended, topic: world.topic)
                _ = try world.connection.query(
                    """
                    WITH sent AS (
                      UPDATE ingest.dead_letter SET status = 'redriven', redriven_at = now() WHERE id = $1::bigint
                      RETURNING id, topic, incarnation, partition, "offset")
                    INSERT INTO ingest.redriven SELECT id, $2::bytea, topic, incarnation, partition, "offset", now() FROM sent
                    """, [id, Hexadecimal.bytea(fingerprint)])
                try send([
                    OutgoingTestRecord(
                        partition: partition, key: Array(key.utf8), value: mended,
                        headers: [("\(DeadLetterLink.header)", Array(id.utf8))])
                ])
            }
        }

        private mutating func rewind() throws {
            let targets: [Rewind.Target] = [
                .beginning, .offset(Int64.random(in: 0...5, using: &random)),
                .back(Int64.random(in: 1...60, using: &random)),
            ]
            let admin = try KafkaAdmin(settings: world.world.kafka.settings, clientID: "tests")
            defer { admin.close() }
            let target = targets.randomElement(using: &random) ?? .beginning
            let rewind = Rewind(
                world.today, codeLists: world.world.thing.codeLists, partitions: [], to: target,
                connection: world.connection, admin: admin)
            do {
                _ = try rewind.perform(skipRecords: 0, because: "a history", by: "tests")
            } catch let error as UserError where error.status != .configuration {
                // An offset that a short partition does not have.
            }
        }

        private mutating func range() -> ReplayRange {
            let from = Int64.random(in: 0...10, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: return ReplayRange()
            case 1: return ReplayRange(from: .offset(from))
            default:
                return ReplayRange(
                    from: .offset(from), to: .offset(from + 15), partitions: [Partition(0), Partition(2)])
            }
        }

        func replay(_ range: ReplayRange) async throws {
            let id: Int64
            do { id = try world.ask(range) } catch let error as UserError where error.status != .configuration {
                return
            }
            let replayer = world.replayer()
            #expect(try await onReplayThread { try replayer.run(id)?.ending } == .done)
        }

        /// One pass over the log, by a database that knows what was sent for which letter and nothing else.
        func cleanPass() async throws -> [String] {
            let database = try TestNationalDatabase()
            let connection = try database.connect()
            defer { connection.close() }
            let sent = try world.connection.query(
                "SELECT letter, fingerprint, topic, incarnation, partition, \"offset\", sent_at FROM ingest.redriven")
            for row in 0..<sent.rowCount {
                _ = try connection.query(
                    "INSERT INTO ingest.redriven VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    (0..<7).map { sent[row, $0] })
            }
            return try await world.cleanPass(world.today, database)
        }
    }
}
