// Where in a log a time lies, also on a broker that does not tell.

import CRdkafka
package import Model

extension KafkaAdmin {
    /// The first offset of each partition whose record's time is at or after the given one; partitions without such a
    /// record are absent.
    /// - Parameter milliseconds: since 1970-01-01 UTC.
    package func offsets(
        of partitions: [TopicPartition], atOrAfter milliseconds: Int64, timeoutMilliseconds: Int32
    ) throws(KafkaError) -> [TopicPartition: NextOffset] {
        let action = "reading the offsets of \(partitions.count) partitions by time"
        let client = try open(action)
        let list = PartitionList(partitions.map { ($0, milliseconds) })
        try check(rd_kafka_offsets_for_times(client.pointer, list.pointer, timeoutMilliseconds), action)
        try list.checkEach(action)
        var result: [TopicPartition: NextOffset] = [:]
        for index in 0..<Int(list.pointer.pointee.cnt) {
            let element = list.pointer.pointee.elems[index]
            if element.offset >= 0, let partition = TopicPartition(element) {
                result[partition] = NextOffset(element.offset)
            }
        }
        return result
    }

    /// The first offset of each partition whose record's time is at or after the given one, whatever the broker: the
    /// embedded one answers no question for offsets by time (as if no record were that young), so a partition whose
    /// newest record is young enough, and which the broker was silent about, is searched by halving.
    ///
    /// Tolerance of the search: times are assumed not to fall within a partition. Where some do, the offset found may
    /// be off by as many records as stand out of order around the time asked for.
    /// - Parameters:
    ///   - newest: of each partition that holds records, one of its last records and the log's first and end offset.
    ///   - milliseconds: since 1970-01-01 UTC.
    /// - Returns: partitions without such a record are absent.
    package func offsets(
        of newest: [NewestRecord], searchingAtOrAfter milliseconds: Int64, timeoutMilliseconds: Int32
    ) throws(KafkaError) -> [TopicPartition: NextOffset] {
        guard !newest.isEmpty else { return [:] }
        var result = try offsets(
            of: newest.map(\.partition), atOrAfter: milliseconds, timeoutMilliseconds: timeoutMilliseconds)
        for record in newest where result[record.partition] == nil && record.milliseconds >= milliseconds {
            let found = try TimeSearch.firstOffset(in: record.low..<record.end, atOrAfter: milliseconds) {
                offset throws(KafkaError) in
                try self.record(record.partition, at: Offset(offset), timeoutMilliseconds: timeoutMilliseconds)
                    .flatMap { found in found.timestampMilliseconds.map { (found.offset.rawValue, $0) } }
            }
            result[record.partition] = NextOffset(found)
        }
        return result
    }
}

extension KafkaAdmin {
    /// The first offset of each log whose record's time is at or after the given one, or its end where there is none;
    /// whatever the broker, with the tolerance of the search by halving.
    /// - Parameters:
    ///   - logs: with their first and end offsets.
    ///   - milliseconds: since 1970-01-01 UTC.
    package func offsets(
        in logs: [TopicPartition: Range<Int64>], atOrAfter milliseconds: Int64, timeoutMilliseconds: Int32
    ) throws(KafkaError) -> [TopicPartition: NextOffset] {
        var newest: [NewestRecord] = []
        for (partition, log) in logs where !log.isEmpty {
            let last = try record(
                partition, at: Offset(log.upperBound - 1), timeoutMilliseconds: timeoutMilliseconds)
            // The last offset may be a control record's: then it takes the search to tell.
            newest.append(
                NewestRecord(
                    partition: partition, low: log.lowerBound, end: log.upperBound,
                    milliseconds: last?.timestampMilliseconds ?? .max))
        }
        let found = try offsets(
            of: newest, searchingAtOrAfter: milliseconds, timeoutMilliseconds: timeoutMilliseconds)
        return logs.mapValues { NextOffset($0.upperBound) }.merging(found) { _, found in found }
    }
}

/// A partition's newest record, as far as it was looked for, and the bounds of its log.
package struct NewestRecord: Hashable, Sendable {
    package let partition: TopicPartition
    /// The log's first offset, and the one after its last.
    package let low: Int64
    package let end: Int64
    /// Since 1970-01-01 UTC.
    package let milliseconds: Int64

    package init(partition: TopicPartition, low: Int64, end: Int64, milliseconds: Int64) {
        self.partition = partition
        self.low = low
        self.end = end
        self.milliseconds = milliseconds
    }
}

/// Halving by the records' times, apart from any broker.
enum TimeSearch {
    /// Reads at most 64 records, since each look halves what is left.
    /// - Parameter record: offset and time of the first record at or after the offset; nil where none follows.
    /// - Returns: the first offset at or after the time, which may lie in a hole before that record; the range's end
    ///   where all are older.
    static func firstOffset(
        in range: Range<Int64>, atOrAfter milliseconds: Int64,
        record: (Int64) throws(KafkaError) -> (offset: Int64, milliseconds: Int64)?
    ) throws(KafkaError) -> Int64 {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high {
            let middle = low + (high - low) / 2
            if let found = try record(middle), found.milliseconds < milliseconds {
                // Behind a hole the record may lie beyond `high`, where another look has put the answer already.
                low = min(found.offset + 1, high)
            } else {
                high = middle
            }
        }
        return low
    }
}
