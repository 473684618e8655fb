// The model of ranks: of all that one partition says of one key, what counts.
import Model

/// Three maxima: they come out alike in any order. A rank is (version, place); a redriven record's place is its letter's.
struct KeyMarks {
    let partition: Partition
    private(set) var best: Best?
    private(set) var delete: (version: Int64, rank: LogPlace)?
    private(set) var plainDelete: LogPlace?

    init(partition: Partition) { self.partition = partition }

    struct Best {
        var version: Int64
        var rank: LogPlace
        /// Where it stands. Of several records of one rank, copies of one letter, the last in the log counts.
        var place: LogPlace
        var hash: UInt64

        static func < (left: Self, right: Self) -> Bool {
            (left.version, left.rank, left.place) < (right.version, right.rank, right.place)
        }
    }

    /// What a record can have done when it was first read, since all before it in its partition had been read.
    enum Effect {
        case took
        /// Something of the same version, or the very same, was there: whether that counts as an effect depends on its
        /// content under the mapping of the day.
        case either
        case beaten
    }

    /// Takes one accepted record. They come in the order of the log.
    mutating func take(_ content: PublishedRecord.Content, rank: LogPlace, place: LogPlace) -> Effect {
        switch content {
        case .record(let version, let hash):
            let isBuried = isEnded(version: version, rank: rank) == true
            let new = Best(version: version, rank: rank, place: place, hash: hash)
            guard let old = best else {
                best = new
                return isBuried ? .beaten : .took
            }
            if old < new { best = new }
            if isBuried || new < old { return .beaten }
            return old.version == version ? .either : .took
        case .tombstone(let version?):
            guard let old = delete, (old.version, old.rank) >= (version, rank) else {
                delete = (version, rank)
                return .took
            }
            return old.version == version && old.rank == rank ? .either : .beaten
        case .tombstone(nil):
            guard let old = plainDelete, old >= rank else {
                plainDelete = rank
                return .took
            }
            return old == rank ? .either : .beaten
        case .unreadable:
            return .beaten
        }
    }

    /// Whether the deletes end a record of this partition. Nil where that depends on the order of events: a plain
    /// tombstone of an older log says little of a record of a newer one.
    func isEnded(version: Int64, rank: LogPlace) -> Bool? {
        if let delete, version <= delete.version { return true }
        guard let plainDelete else { return false }
        return plainDelete.incarnation < rank.incarnation ? nil : rank < plainDelete
    }

    /// Whether anything that is known outranks a record of that partition, version and rank.
    func outranks(_ content: PublishedRecord.Content, rank: LogPlace, in other: Partition) -> Bool {
        switch content {
        case .record(let version, _), .tombstone(let version?):
            let isItself = partition == other && delete.map { ($0.version, $0.rank) == (version, rank) } ?? false
            if let delete, !isItself, delete.version >= version { return true }
            if partition == other, let plainDelete, plainDelete > rank { return true }
            guard let best else { return false }
            return best.version > version || best.version == version && (partition != other || best.rank > rank)
        case .tombstone(nil):
            guard partition == other else { return true }
            return plainDelete.map { $0 > rank } ?? false || best.map { $0.rank > rank } ?? false
        case .unreadable:
            return false
        }
    }
}
