// The writer that is tested, fed without Kafka.
import Contracts
import Foundation
import Kafka
import Logging
import Model
import Postgres
import TestSupport

@testable import Ingestion

/// One message of a test's log.
struct LogRecord {
    var partition: Int32 = 0
    var offset: Int64
    var key: String?
    var value: [UInt8]?
    var tombstoneVersion: Int64?
    var timestampMilliseconds: Int64? = 0
    /// Exact bytes, in place of key, value and version.
    var raw: RawRecord?

    var record: RawRecord {
        if let raw { return raw }
        var headers: [(name: String, value: [UInt8]?)] = []
        if let tombstoneVersion { headers = [("ce_sourceversion", Array("\(tombstoneVersion)".utf8))] }
        return RawRecord(key: key.map { Array($0.utf8) }, value: value, headers: headers)
    }
}

/// Writes batches as a lane does, without Kafka.
final class BatchBench {
    let connection: PostgresConnection
    let topic: LaneTopic
    private let settings: WorkerSettings
    private(set) var fates = Fates()
    private let progress = WorkProgress()
    /// Transactions that were committed, and those of them that were copied straight into the table.
    var batches: Int { progress.stages.batches }
    var copies: Int { progress.stages.copiedBatches }

    convenience init(size: String = "smallint") throws {
        let thing = try ThingTopic()
        try self.init(try TestNationalDatabase(size: size), thing.definition, thing.codeLists)
    }

    init(_ database: TestNationalDatabase, _ definition: TopicDefinition, _ codeLists: CodeLists) throws {
        connection = try database.connect()
        topic = try LaneTopic(definition, codeLists: codeLists, prefix: "t0", copyRowsMin: 1_000)
        settings = WorkerSettings(
            kafka: KafkaSettings(bootstrapServers: "127.0.0.1:1"), databaseURL: database.url, group: "tests", lanes: 1,
            topics: [definition], codeLists: codeLists, sealer: PlainSealer(), untilCaughtUp: false, name: "tests")
        _ = try connection.execute(topic.sql.tables.setUp)
    }

    /// Writes the records in one batch, from positions that are made to fit: each record alone decides its rank.
    func write(_ records: [LogRecord], incarnation: Int32 = 0) throws {
        var fresh: [(TopicPartition, PartitionState)] = []
        let store = PositionStore(connection: connection)
        for partition in Set(records.map(\.partition)).sorted() {
            let place = TopicPartition(topic.definition.name, Partition(partition))
            let claimed = try store.claim([place], by: "tests")[0]
            _ = try connection.execute(
                "UPDATE ingest.position SET next_offset = 0, incarnation = \(incarnation) WHERE topic = '\(topic.definition.name)' AND partition = \(partition)"
            )
            fresh.append(
                (
                    place,
                    PartitionState(
                        phase: .active, epoch: claimed.epoch, incarnation: incarnation, position: NextOffset(0))
                ))
        }
        var states = PartitionTable(fresh)
        let slot = topic.filling
        slot.clear()
        for record in records.sorted(by: { ($0.partition, $0.offset) < ($1.partition, $1.offset) }) {
            let place = TopicPartition(topic.definition.name, Partition(record.partition))
            states[place]?.take(Offset(record.offset))
            slot.batch.add(
                partition: Partition(record.partition), offset: Offset(record.offset),
                timestampMilliseconds: record.timestampMilliseconds, .copy(record.record))
        }
        try writer.write(states: &states) { fates += $0 }
        slot.clear()
        for (place, state) in states where state.phase != .active { throw Lost(place: "\(place)") }
    }

    struct Lost: Error { var place: String }

    private var writer: BatchWriter {
        BatchWriter(
            topic: topic, slot: topic.filling, connection: connection, settings: settings,
            logger: Logger(label: "tests"), progress: progress)
    }

    func rows() throws -> [String] { try thingRows(connection) }

    func one(_ sql: String) throws -> String? { try connection.one(sql) }
}
