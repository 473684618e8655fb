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
        func level(_ measurement: ServiceMeasurement?, _ failure: String?) -> ServiceLevel {
            ServiceLevel(
                topic: topic, promise: promise, measurement: measurement, failure: failure,
                sampledMilliseconds: nowMilliseconds)
        }
        do {
            return level(try measure(topic, promise, nowMilliseconds), nil)
        } catch {
            return level(nil, "\(error)")
        }
    }

    /// - Throws: `KafkaError`; `Unreadable` where no partition of a log that holds something shows a time.
    func measure(
        _ topic: TopicName, _ promise: ServicePromise, _ nowMilliseconds: Int64
    ) throws -> ServiceMeasurement {
        let logs = try logs(of: topic)
        let filled = logs.filter { $0.end > $0.low }
        let newest = try Self.newestRecords(of: filled) { try time($0, at: $1) }
        func isBelieved(_ milliseconds: Int64) -> Bool {
            ServiceMeasurement.isBelieved(milliseconds, now: nowMilliseconds)
        }
        var unbelieved = Set(newest.filter { !isBelieved($0.milliseconds) }.map(\.partition))
        let count = try recordsSince(
            nowMilliseconds - ServiceLevel.dayMilliseconds, newest, isChecked: promise.recordsPerDayMinimum != nil,
            isBelieved)
        var measurement = ServiceMeasurement(
            newestMilliseconds: newest.map(\.milliseconds).filter(isBelieved).max(), recordsLastDay: count,
            wasEverUsed: logs.contains { $0.end > 0 })
        // Only where it decides: a look more for each partition.
        if let promised = promise.recordsPerDayMinimum, count < promised {
            let first = try firstRecords(of: newest, logs)
            unbelieved.formUnion(first.filter { !isBelieved($0.value) }.keys)
            measurement.firstMilliseconds = first.values.filter(isBelieved).min()
        }
        measurement.unbelievedPartitions = unbelieved.count
        return measurement
    }

    struct Log {
        let partition: TopicPartition
        let low: Int64
        let end: Int64
    }

    enum Unreadable: String, Error, CustomStringConvertible {
        case missing = "Kafka has no such topic"
        case timeless = "none of its records tells a time"

        var description: String { rawValue }
    }

    private func logs(of topic: TopicName) throws -> [Log] {
        guard let metadata = try admin.topic(topic, timeoutMilliseconds: timeoutMilliseconds) else {
            throw Unreadable.missing
        }
        return try metadata.partitions.map { partition in
            let name = TopicPartition(topic, partition.partition)
            let (low, end) = try admin.watermarks(name, timeoutMilliseconds: timeoutMilliseconds)
            return Log(partition: name, low: low, end: end)
        }
    }

    /// Of each partition that shows one: a log may hold nothing but control and aborted records.
    /// - Parameter logs: those that are not empty.
    static func newestRecords(
        of logs: [Log], time: (TopicPartition, Int64) throws -> Int64?
    ) throws -> [NewestRecord] {
        let records = try logs.compactMap { log in
            try newest(in: log.low..<log.end) { try time(log.partition, $0) }.map {
                NewestRecord(partition: log.partition, low: log.low, end: log.end, milliseconds: $0)
            }
        }
        guard logs.isEmpty || !records.isEmpty else { throw Unreadable.timeless }
        return records
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

    /// - Parameter isChecked: whether it is looked whether the broker found a record of a time that is believed: one
    ///   far ahead would bring in all behind it.
    private func recordsSince(
        _ milliseconds: Int64, _ newest: [NewestRecord], isChecked: Bool, _ isBelieved: (Int64) -> Bool
    ) throws -> Int64 {
        let found = try admin.offsets(
            of: newest, searchingAtOrAfter: milliseconds, timeoutMilliseconds: timeoutMilliseconds)
        return try newest.reduce(0) { sum, record in
            guard var first = found[record.partition]?.rawValue, first < record.end else { return sum }
            if isChecked, let seen = try time(record.partition, at: first), !isBelieved(seen) {
                first = try Self.first(in: first..<record.end) { offset in
                    let seen = try time(record.partition, at: offset)
                    return seen.map { $0 >= milliseconds && isBelieved($0) } ?? true
                }
            }
            return sum + max(0, record.end - first)
        }
    }

    /// The first offset from which on `isWanted` holds, by halving: a stray one before it that does not matter.
    static func first(in range: Range<Int64>, isWanted: (Int64) throws -> Bool) rethrows -> Int64 {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = low + (high - low) / 2
            if try isWanted(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Times; none where a partition has lost its first records already, hence nobody can tell how old the topic is.
    private func firstRecords(of newest: [NewestRecord], _ logs: [Log]) throws -> [TopicPartition: Int64] {
        guard logs.allSatisfy({ $0.low == 0 }) else { return [:] }
        return try newest.reduce(into: [:]) { $0[$1.partition] = try time($1.partition, at: 0) }
    }

    private func time(_ partition: TopicPartition, at offset: Int64) throws -> Int64? {
        try admin.record(partition, at: Offset(offset), timeoutMilliseconds: timeoutMilliseconds)?.timestampMilliseconds
    }
}
