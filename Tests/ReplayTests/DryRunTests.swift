import Foundation
import Ingestion
import Logging
import Model
import Postgres
import TestSupport
import Testing

@testable import Replay

@Suite("a dry run", .serialized)
struct DryRunTests {
    @Test("tells by column what a replay then changes, and writes nothing", arguments: [1, 2, 3] as [UInt64])
    func foretells(seed: UInt64) async throws {
        let world = try ReplayWorld()
        // No size that the table refuses: a record that loses to a newer one is judged by the table or not, as batches fall.
        try world.publishHistory(seed: seed, keys: 60, records: 600)
        _ = try await world.work(world.older)
        let everything = try Everything(world.connection)
        let report = try world.dryRun()
        #expect(try Everything(world.connection) == everything)
        let before = try Living(world.connection)
        let id = try world.ask()
        #expect(try world.replayer().run(id)?.ending == .done)
        let after = try Living(world.connection)
        #expect(report.endedEarly == nil)
        #expect(report.difference.inserted == Int64(Set(after.rows.keys).subtracting(before.rows.keys).count))
        #expect(report.difference.deleted == Int64(Set(before.rows.keys).subtracting(after.rows.keys).count))
        let both = Set(before.rows.keys).intersection(after.rows.keys)
        let changed = both.filter { before.rows[$0] != after.rows[$0] }
        #expect(report.difference.changed == Int64(changed.count))
        #expect(changed.count > 0)
        for (index, name) in ["name", "size", "tags"].enumerated() {
            let rows = both.count { before.rows[$0]?[index] != after.rows[$0]?[index] }
            #expect((report.difference.byColumn.first { $0.name == name }?.rows ?? 0) == Int64(rows), "\(name)")
        }
        let state = try world.state(id)
        #expect(report.records == state.fates.consumed)
        #expect(report.refused.values.reduce(0, +) == state.fates.deadLettered)
        // Of the whole log, every key is spoken of.
        #expect(
            "\(report.difference.inserted + report.difference.changed + report.difference.deleted + report.difference.untouched)"
                == (try world.connection.one("SELECT count(*) FROM registry.thing_record")))
    }

    @Test("of a part of the log it tells of those keys alone, by the ranks that the rows have")
    func part() async throws {
        let world = try ReplayWorld(partitions: 1)
        try world.publishThings(10, versions: 2)
        _ = try await world.work(world.older)
        // The first version of each: the second is there and newer.
        let first = try world.dryRun(ReplayRange(from: .offset(0), to: .offset(10)))
        #expect(first.difference.changed == 0)
        #expect(first.difference.untouched == 10)
        let last = try world.dryRun(ReplayRange(from: .offset(15)))
        #expect(last.records == 5)
        #expect(last.difference.changed == 5)
        #expect(last.difference.byColumn.map(\.name) == ["size"])
        #expect(last.difference.samples.map(\.offset.rawValue) == [15, 16, 17])
        #expect(last.difference.samples.first?.columns.map(\.after) == ["5"])
    }

    @Test("a key that live workers insert between two of its batches is no refusal and no change")
    func besideWorkers() async throws {
        let world = try ReplayWorld(partitions: 1)
        try world.publishThings(4)
        _ = try await world.work(world.older)
        _ = try world.connection.execute("DELETE FROM registry.thing_record; DELETE FROM registry.thing_tag")
        let own = try world.world.database.connect()
        defer { own.close() }
        var read = 0
        let report = try world.dryRun(connection: own, batchRecordsMax: 1) {
            // What a live worker would do meanwhile: the key of the next batch too.
            read += 1
            _ = try? world.connection.execute(
                """
                INSERT INTO registry.thing_record (id, name, record_version, record_partition, record_incarnation,
                  record_offset, origin_offset, mapping_revision, content_hash, version_conflict, applied_at, deleted)
                SELECT 'k' || n, 'live', 1, 0, 0, n, n, 2, n, false, now(), false FROM generate_series(0, 3) AS n
                ON CONFLICT DO NOTHING
                """)
        }
        #expect(read > 1)
        #expect(report.refused.isEmpty)
    }

    @Test("what the table would refuse is told, and the rows that such records made before stay")
    func refusedByTable() async throws {
        let world = try ReplayWorld(partitions: 1)
        try world.world.publish(
            (0..<10).map {
                OutgoingTestRecord(key: "k\($0)", value: ThingTopic.value("k\($0)", 1, "n", size: $0 < 4 ? 101 : 1))
            })
        _ = try await world.work(world.older)
        let report = try world.dryRun()
        #expect(report.refused == [.databaseRefused: 4])
        #expect(report.difference.changed == 6)
        #expect(report.difference.deleted == 0)
    }

    @Test("a range that is too long is not begun")
    func tooLong() async throws {
        let world = try ReplayWorld(partitions: 1)
        try world.publishThings(3)
        _ = try await world.work(world.older)
        #expect(throws: UserError.self) { try world.dryRun(recordsMax: 2) }
    }

    @Test("its session can write no table that others see")
    func readOnly() async throws {
        let world = try ReplayWorld(partitions: 1)
        try world.publishThings(1)
        _ = try await world.work(world.older)
        let connection = try world.world.database.connect()
        defer { connection.close() }
        _ = try world.dryRun(connection: connection)
        #expect(throws: PostgresError.self) { try connection.execute("DELETE FROM registry.thing_record") }
    }

    /// What readers see of each thing: name, size, tags.
    private struct Living {
        var rows: [String: [String?]] = [:]

        init(_ connection: PostgresConnection) throws {
            let result = try connection.query(
                """
                SELECT id, name, size, (SELECT string_agg(position || tag, ',' ORDER BY position)
                  FROM registry.thing_tag c WHERE c.id = t.id) FROM registry.thing t
                """)
            for row in 0..<result.rowCount {
                guard let id = result[row, 0] else { continue }
                rows[id] = [result[row, 1], result[row, 2], result[row, 3]]
            }
        }
    }

    /// All that the database holds of the exchange.
    private struct Everything: Equatable {
        var rows: [String]
        var accounts: [String?]

        init(_ connection: PostgresConnection) throws {
            rows = try thingRows(connection)
            accounts = try ["position", "dead_letter", "dead_letter_step", "quality_warning", "operation", "replay"].map
            {
                try connection.one("SELECT string_agg(t::text, '|' ORDER BY t::text) FROM ingest.\($0) t")
            }
        }
    }
}

extension ReplayWorld {
    func dryRun(
        _ range: ReplayRange = ReplayRange(), connection: PostgresConnection? = nil, recordsMax: Int64 = 10_000,
        batchRecordsMax: Int = 20_000, afterBatch: () -> Void = {}
    ) throws -> DryRunReport {
        let own = try connection ?? world.database.connect()
        defer { if connection == nil { own.close() } }
        var settings = world.settings(untilCaughtUp: false)
        settings.batchRecordsMax = batchRecordsMax
        return try DryRun.run(
            today, try resolve(range), keyFingerprints: nil, settings: settings,
            connection: own, recordsMax: recordsMax, samplesMax: 3, logger: Logger(label: "tests"),
            isStopping: { false }, tell: { _ in afterBatch() })
    }

    /// Updates, repetitions, deletes with and without a version, and records that the contract refuses.
    func publishHistory(seed: UInt64, keys: Int, records: Int) throws {
        var random = SeededGenerator(seed)
        var versions: [Int: Int64] = [:]
        try world.publish(
            (0..<records).map { number in
                let key = Int.random(in: 0..<keys, using: &random)
                let id = "k\(key)"
                // Mostly newer, sometimes as old or older.
                let version = max(1, (versions[key] ?? 0) + Int64.random(in: -1...2, using: &random))
                versions[key] = max(version, versions[key] ?? 0)
                switch Int.random(in: 0..<20, using: &random) {
                case 0: return OutgoingTestRecord(key: id, value: nil, version: version)
                case 1: return OutgoingTestRecord(key: id, value: nil)
                case 2: return OutgoingTestRecord(key: id, value: Array("{\"id\": \"\(id)\"}".utf8))
                default:
                    return OutgoingTestRecord(
                        key: id,
                        value: ThingTopic.value(
                            id, version, "n\(number % 7)", size: Int.random(in: 0...100, using: &random),
                            tags: (0..<Int.random(in: 0...2, using: &random)).map { "t\($0)" }))
                }
            })
    }
}
