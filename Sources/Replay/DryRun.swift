// A range read through today's code against today's rows, with nothing written.
package import Contracts
package import Ingestion
import Kafka
package import Logging
package import Model
package import Postgres

package struct DryRunReport: Sendable {
    /// Records read.
    package var records: Int64 = 0
    package var refused: [ReasonCode: Int64] = [:]
    package var difference = DryRunDifference()
    /// Why it ended before the range did; nil where all was read.
    package var endedEarly: String?
}

package enum DryRun {
    /// - Parameters:
    ///   - settings: as the live workers'; its `topics` are not looked at.
    ///   - recordsMax: a longer range is not begun.
    ///   - connection: a session of its own, which can write nothing but temporary tables afterwards.
    ///   - tell: called with the number of records read.
    /// - Throws: `KafkaError`, `PostgresError`; `TopicFault` where the tables do not fit the mapping.
    package static func run(
        _ definition: TopicDefinition, _ ranges: [PartitionRange], keyFingerprints: [[UInt8]]?,
        settings: WorkerSettings, connection: PostgresConnection, recordsMax: Int64, samplesMax: Int, logger: Logger,
        isStopping: () -> Bool, tell: (Int64) -> Void
    ) throws -> DryRunReport {
        let ranges = ranges.filter { !$0.isEmpty }
        let offsets = ranges.reduce(0) { $0 + $1.count }
        guard offsets <= recordsMax else {
            throw UserError(
                action: "trying a replay of", subject: "\(definition.name)",
                cause:
                    "the range has \(Quantity.words(offsets, "offset")), more than \(Quantity.grouped(recordsMax)): the rows that it touches are copied, on the database's disk",
                nextStep: "name a narrower range or some partitions, or raise --most-records", status: .no)
        }
        var settings = settings
        settings.topics = [definition]
        let writer = try RangeWriter(
            .dryRun, settings: settings, maxRefusedShare: 1, connection: connection, logger: logger)
        let reader = try RangeReader(
            definition.name, kafka: settings.kafka, name: "dry-run",
            keys: try keyFingerprints.map { try KeySelection($0, topic: definition.name, sealer: settings.sealer) },
            writer: writer, logger: logger)
        defer { reader.close() }
        try writer.begin(
            ranges.map {
                RangeWriter.Position(
                    partition: $0.partition, incarnation: $0.incarnation, epoch: 0, next: NextOffset($0.from))
            })
        var report = DryRunReport()
        report.endedEarly = try reader.begin(
            ranges.map {
                ReplayPosition(
                    partition: $0.partition, incarnation: $0.incarnation, from: $0.from, to: $0.to, next: $0.from,
                    last: nil)
            })
        func flush() throws {
            let written = try writer.flush()
            report.records += written.fates.consumed
            report.refused.merge(written.refused, uniquingKeysWith: +)
            tell(report.records)
        }
        while !reader.isDone, report.endedEarly == nil {
            if isStopping() { report.endedEarly = "it was interrupted" }
            if case .cannotGoOn(let because) = try reader.step() { report.endedEarly = because }
            if writer.held >= settings.batchRecordsMax || writer.heldBytes >= settings.batchBytesMax { try flush() }
        }
        try flush()
        report.difference = try writer.difference(samplesMax: samplesMax)
        return report
    }
}
