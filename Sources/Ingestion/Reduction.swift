// Of the records of one key in a batch, the ones that matter: the best record and the greatest deletes.
import Contracts
import Model

/// What is staged for one key. Indices point into the batch's entries.
struct StagedRow: Equatable {
    var partition: Partition
    var key: Range<Int>
    var record: Int?
    var delete: Int?
    var plainDelete: Int?
    /// All tombstones of the key without a version, the staged one among them: each is a dead letter where the row
    /// belongs to another partition.
    var plainDeletes: [Int] = []
    /// Records of the best one's version with other content: counted as same-version-conflict.
    var conflicts = 0
}

enum Reduction: Equatable {
    /// One row a key, in the order of the encoded keys.
    case rows([StagedRow])
    /// A key came by two partitions: their offsets cannot be compared, so the batch must be written partition by partition.
    case keyInTwoPartitions

    /// - Parameters:
    ///   - indices: the entries to reduce, in the order of the log; refused ones are passed over.
    ///   - keyBytes: gives the bytes that an entry's key range points to.
    static func reduce(
        _ entries: [TopicBatch.Entry], _ indices: [Int], keyBytes: (Range<Int>) -> UnsafeRawBufferPointer
    ) -> Reduction {
        var keyed: [(key: Range<Int>, prefix: UInt64, index: Int)] = []
        keyed.reserveCapacity(indices.count)
        for index in indices {
            switch entries[index].outcome {
            case .record(let record): keyed.append((record.key, prefix(keyBytes(record.key)), index))
            case .tombstone(let tombstone): keyed.append((tombstone.key, prefix(keyBytes(tombstone.key)), index))
            case .refused: continue
            }
        }
        // Sorted keys meet the index in its order, and two lanes lock rows in the same order.
        keyed.sort { left, right in
            if left.prefix != right.prefix { return left.prefix < right.prefix }
            let order = compare(keyBytes(left.key), keyBytes(right.key))
            return order == 0 ? left.index < right.index : order < 0
        }
        var rows: [StagedRow] = []
        rows.reserveCapacity(keyed.count)
        var lastPrefix: UInt64 = 0
        for (key, prefix, index) in keyed {
            let entry = entries[index]
            if let last = rows.last, lastPrefix == prefix, compare(keyBytes(last.key), keyBytes(key)) == 0 {
                guard last.partition == entry.partition else { return .keyInTwoPartitions }
            } else {
                rows.append(StagedRow(partition: entry.partition, key: key))
            }
            lastPrefix = prefix
            rows[rows.count - 1].take(index, entry, among: entries)
        }
        return .rows(rows)
    }

    /// The first bytes after the first column's length, as a number that sorts as they do.
    private static func prefix(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var result: UInt64 = 0
        for index in 4..<12 { result = result << 8 | (index < bytes.count ? UInt64(bytes[index]) : 0) }
        return result
    }

    private static func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        let common = min(left.count, right.count)
        for index in 0..<common where left[index] != right[index] { return left[index] < right[index] ? -1 : 1 }
        return left.count - right.count
    }
}

extension StagedRow {
    /// Takes one more record of the key. They come in the order of the log, which is that of their ranks but for those
    /// that were redriven.
    fileprivate mutating func take(_ index: Int, _ entry: TopicBatch.Entry, among entries: [TopicBatch.Entry]) {
        switch entry.outcome {
        case .record(let record):
            guard let best = self.record, case .record(let other) = entries[best].outcome else {
                self.record = index
                return
            }
            if record.version == other.version, record.contentHash != other.contentHash { conflicts += 1 }
            if record.version > other.version { conflicts = 0 }
            if record.version > other.version || record.version == other.version && entry.rank >= entries[best].rank {
                self.record = index
            }
        case .tombstone(let tombstone):
            guard let version = tombstone.version else {
                if plainDelete.map({ entries[$0].rank < entry.rank }) ?? true { plainDelete = index }
                plainDeletes.append(index)
                return
            }
            if let greatest = delete, case .tombstone(let other) = entries[greatest].outcome,
                let otherVersion = other.version,
                otherVersion > version || otherVersion == version && entries[greatest].rank > entry.rank
            {
                return
            }
            delete = index
        case .refused:
            return
        }
    }
}
