// Looks at a topic's log for its newest record and for those of the last day.
package import Kafka
package import Model

/// Reads at most a few records of each partition; safe to use where its client is.
package struct ServiceLevelSampler {
    private let admin: KafkaAdmin
    private let timeoutMilliseconds: Int32

    package init(admin: KafkaAdmin, timeoutMilliseconds: Int32 = 10_000) {
        self.admin = admin
        self.timeoutMilliseconds = timeoutMilliseconds
    }

    /// How far back a partition's newest record is looked for behind holes: an aborted transaction leaves one.
    static let backOffsetsMax: Int64 = 65_536

    /// A topic that cannot be read is `unknown`: it must not hide the others.
    /// - Parameter nowMilliseconds: since 1970-01-01 UTC.
    package func sample(_ topic: TopicName, _ promise: ServicePromise, nowMilliseconds: Int64) -> ServiceLevel {
        ServiceLevel(
            topic: topic, promise: promise, measurement: try? measure(topic, promise, nowMilliseconds),
            sampledMilliseconds: nowMilliseconds)
    }

    /// - Throws: `KafkaError`; `Unreadable` where a partition shows no time.
    func measure(
        _ topic: TopicName, _ promise: ServicePromise, _ nowMilliseconds: Int64
    ) throws -> ServiceMeasurement {
        let logs = try logs(of: topic)
        let newest = try logs.filter { $0.end > $0.low }.map { try newestRecord(of: $0) }
        let count = try recordsSince(nowMilliseconds - ServiceLevel.dayMilliseconds, newest)
        var measurement = ServiceMeasurement(
            newestMilliseconds: newest.map(\.milliseconds).max(), recordsLastDay: count,
            wasEverUsed: logs.contains { $0.end > 0 })
        // Only where it decides: a look more for each partition.
        if let promised = promise.recordsPerDayMinimum, count < promised {
            measurement.firstMilliseconds = try firstRecord(of: newest, logs)
        }
        return measurement
    }

    private struct Log {
        let partition: TopicPartition
        let low: Int64
        let end: Int64
    }

    /// A partition has no record whose time can be told.
    struct Unreadable: Error {}

    private func logs(of topic: TopicName) throws -> [Log] {
        guard let metadata = try admin.topic(topic, timeoutMilliseconds: timeoutMilliseconds) else {
            throw Unreadable()
        }
        return try metadata.partitions.map { partition in
            let name = TopicPartition(topic, partition.partition)
            let (low, end) = try admin.watermarks(name, timeoutMilliseconds: timeoutMilliseconds)
            return Log(partition: name, low: low, end: end)
        }
    }

    private func newestRecord(of log: Log) throws -> NewestRecord {
        let milliseconds = try Self.newest(in: log.low..<log.end) { try time(log.partition, at: $0) }
        guard let milliseconds else { throw Unreadable() }
        return NewestRecord(partition: log.partition, low: log.low, end: log.end, milliseconds: milliseconds)
    }

    /// Steps back by 1, 2, 4 … from the end, since the last offsets may be control records, or of an aborted
    /// transaction.
    ///
    /// The first step that meets a record has gone too far by less than half its length: the record told may be an
    /// older one of the last few, so that a feed looks older than it is by that little, never younger.
    /// - Parameter time: of the first record at or after an offset; nil where none follows.
    static func newest(in range: Range<Int64>, time: (Int64) throws -> Int64?) rethrows -> Int64? {
        var back: Int64 = 1
        while true {
            let offset = max(range.lowerBound, range.upperBound - back)
            if let milliseconds = try time(offset) { return milliseconds }
            guard offset > range.lowerBound, back < backOffsetsMax else { return nil }
            back *= 2
        }
    }

    private func recordsSince(_ milliseconds: Int64, _ newest: [NewestRecord]) throws -> Int64 {
        let first = try admin.offsets(
            of: newest, searchingAtOrAfter: milliseconds, timeoutMilliseconds: timeoutMilliseconds)
        return newest.reduce(0) { sum, record in
            sum + (first[record.partition].map { max(0, record.end - $0.rawValue) } ?? 0)
        }
    }

    /// Nil where a partition has lost its first records already, hence nobody can tell how old the topic is.
    private func firstRecord(of newest: [NewestRecord], _ logs: [Log]) throws -> Int64? {
        guard logs.allSatisfy({ $0.low == 0 }) else { return nil }
        return try newest.compactMap { try time($0.partition, at: 0) }.min()
    }

    private func time(_ partition: TopicPartition, at offset: Int64) throws -> Int64? {
        try admin.record(partition, at: Offset(offset), timeoutMilliseconds: timeoutMilliseconds)?.timestampMilliseconds
    }
}
