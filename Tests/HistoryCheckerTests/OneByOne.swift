// Another model of the promise, independent of the checker's: one record after the other, in the order of the log, each
// changing a row, a letter and a count. It knows no maxima, only what is there and what comes.
import HistoryChecker
import Model

/// SplitMix64: the same seed gives the same history everywhere.
struct Chance: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var result = state
        result = (result ^ (result >> 30)) &* 0xBF58_476D_1CE4_E5B9
        result = (result ^ (result >> 27)) &* 0x94D0_49BB_1331_11EB
        return result ^ (result >> 31)
    }
    mutating func percent(_ share: Int) -> Bool { Int.random(in: 0..<100, using: &self) < share }
    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
}

struct OneByOne {
    struct Letter {
        var record: PublishedRecord
        var status: DatabaseState.Letter.Status = .open
        var reason = "missing-field"
        /// What was sent of it lost, when it was first read, against a greater version of its partition.
        var hasLost = false
        var hasAcceptedCopy = false
    }

    enum Fate { case applied, superseded, deleted, deadLettered }

    static let topic: TopicName = {
        guard let name = TopicName("test.thing.v1") else { preconditionFailure("this is a topic's name") }
        return name
    }()

    var random: Chance
    /// By partition: the present log, and what older ones held.
    var logs: [[PublishedRecord]]
    var older: [PublishedRecord] = []
    var rows: [Int: DatabaseState.Row] = [:]
    var letters: [Origin: Letter] = [:]
    var positions: [DatabaseState.Position]

    init(seed: UInt64, partitions: Int) {
        random = Chance(seed)
        logs = Array(repeating: [], count: partitions)
        positions = (0..<partitions).map {
            DatabaseState.Position(partition: Partition(Int32($0)), next: 0, fates: Fates())
        }
    }

    var history: TopicHistory {
        TopicHistory(
            topic: Self.topic, records: older + logs.flatMap(\.self),
            ends: Dictionary(uniqueKeysWithValues: logs.indices.map { (Partition(Int32($0)), Int64(logs[$0].count)) }))
    }

    var state: DatabaseState {
        DatabaseState(
            rows: rows.values.sorted { $0.key < $1.key },
            letters: letters.sorted { $0.key < $1.key }.map {
                DatabaseState.Letter(origin: $0.key, status: $0.value.status, reason: $0.value.reason)
            },
            positions: positions)
    }

    /// To the end of a partition's log.
    mutating func publish(
        _ partition: Int, key: Int?, _ content: PublishedRecord.Content,
        _ acceptance: PublishedRecord.Acceptance = .accepted, copyOf: LogPlace? = nil
    ) {
        logs[partition].append(
            PublishedRecord(
                partition: Partition(Int32(partition)),
                place: LogPlace(Int64(logs[partition].count), incarnation: positions[partition].incarnation), key: key,
                content: content, isAcknowledged: random.percent(95), acceptance: acceptance, copyOf: copyOf))
    }

    func hasMore(_ partition: Int) -> Bool { positions[partition].next < logs[partition].count }

    /// Deals with a partition's next record.
    mutating func step(_ partition: Int) {
        let record = logs[partition][Int(positions[partition].next)]
        pass(partition, as: deal(record))
    }

    /// Moves a position past its next record.
    mutating func pass(_ partition: Int, as fate: Fate?) {
        positions[partition].next += 1
        positions[partition].reached = max(positions[partition].reached, positions[partition].next)
        switch fate {
        case .applied: positions[partition].fates.applied += 1
        case .superseded: positions[partition].fates.superseded += 1
        case .deleted: positions[partition].fates.deleted += 1
        case .deadLettered: positions[partition].fates.deadLettered += 1
        case nil: break
        }
    }

    mutating func rewind(_ partition: Int, to offset: Int64) {
        positions[partition].readAgain += positions[partition].next - offset
        positions[partition].next = offset
    }

    /// Another log in the place of one that was read to its end.
    mutating func replaceLog(_ partition: Int) {
        older += logs[partition]
        logs[partition] = []
        positions[partition].incarnation += 1
        positions[partition].next = 0
        positions[partition].reached = 0
    }

    /// Publishes something of an open letter again.
    mutating func redrive(_ origin: Origin) {
        guard let letter = letters[origin], letter.status == .open,
            origin.place.incarnation == positions[Int(origin.partition.rawValue)].incarnation
        else { return }
        letters[origin]?.status = .redriven
        let hash = UInt64(random.below(50))
        let content: PublishedRecord.Content =
            switch letter.record.content {
            case .record(let version, _): .record(version: version, hash: hash)
            case .tombstone(let version): .tombstone(version: version)
            case .unreadable: .record(version: Int64(random.below(9) + 1), hash: hash)
            }
        publish(
            Int(origin.partition.rawValue), key: letter.record.key, content, random.percent(80) ? .accepted : .refused,
            copyOf: origin.place)
    }

    // MARK: One record

    private mutating func deal(_ record: PublishedRecord) -> Fate {
        guard let place = record.place else { return .superseded }
        switch record.acceptance {
        case .refused: return refuse(record)
        case .unknown:
            guard case .record(let version, let hash) = record.content, let key = record.key, hash % 2 == 1 else {
                break
            }
            // The database refuses it, but need not be asked about one that loses.
            let best = rows[key]?.record
            if let best, best.version > version, random.percent(50) { return .superseded }
            return refuse(record)
        case .accepted: break
        }
        guard let key = record.key else { return .superseded }
        let rank = Origin(record.partition, record.copyOf ?? place)
        let loses = rows[key]?.record
        let fate: Fate
        var version: Int64?
        switch record.content {
        case .record(let its, let hash):
            version = its
            fate = apply(key, its, hash, rank, place)
            if let loses, loses.version > its, loses.origin.partition == rank.partition, record.copyOf != nil,
                letters[rank]?.status == .redriven
            {
                letters[rank]?.hasLost = true
            }
        case .tombstone(let its?):
            version = its
            fate = delete(key, its, rank)
        case .tombstone(nil): fate = deletePlainly(key, rank)
        case .unreadable: fate = .deadLettered
        }
        if fate == .deadLettered { return refuse(record, reason: "version-missing") }
        settle(record, rank, version, tookEffect: fate != .superseded)
        return fate
    }

    private mutating func refuse(_ record: PublishedRecord, reason: String = "missing-field") -> Fate {
        guard let place = record.place else { return .deadLettered }
        let origin = Origin(record.partition, record.copyOf ?? place)
        if record.copyOf == nil, letters[origin] == nil {
            letters[origin] = Letter(record: record, reason: reason)
        } else if letters[origin]?.status == .redriven {
            letters[origin]?.status = .open
        }
        return .deadLettered
    }

    /// What was sent of a letter closes it; what took effect closes the older letters of its key.
    private mutating func settle(_ record: PublishedRecord, _ rank: Origin, _ version: Int64?, tookEffect: Bool) {
        if record.copyOf != nil, let letter = letters[rank] {
            letters[rank]?.hasAcceptedCopy = true
            if [.open, .redriven].contains(letter.status) {
                letters[rank]?.status = tookEffect ? .applied : .superseded
            }
        }
        guard tookEffect, let version else { return }
        for (origin, letter) in letters where letter.record.key == record.key && letter.status == .open {
            guard origin.partition == rank.partition, case .record(let its, _) = letter.record.content else { continue }
            if version > its || version == its && origin < rank { letters[origin]?.status = .superseded }
        }
    }

    // MARK: One row

    private mutating func apply(_ key: Int, _ version: Int64, _ hash: UInt64, _ rank: Origin, _ place: LogPlace) -> Fate
    {
        var row = rows[key] ?? DatabaseState.Row(key: key, isDeleted: true)
        defer { rows[key] = row }
        let isRepeated = row.record.map { $0.version == version } ?? false && row.content == hash && !row.isDeleted
        if let best = row.record {
            if version < best.version { return .superseded }
            if version == best.version {
                if rank.partition != best.origin.partition || rank < best.origin { return .superseded }
                if rank == best.origin, isRepeated || place.offset <= row.contentOffset ?? 0 { return .superseded }
            }
        }
        let isEnded = row.delete.map { version <= $0.version } ?? false || isPlainlyEnded(row, version, rank)
        let isOtherLog = row.record.map { $0.origin.place.incarnation != rank.place.incarnation } ?? false
        row.record = DatabaseState.Mark(version: version, origin: rank)
        if isEnded {
            row.isDeleted = true
            row.content = nil
            row.contentOffset = place.offset
            return .superseded
        }
        if isRepeated {
            if isOtherLog || row.contentOffset ?? 0 > rank.place.offset { row.contentOffset = rank.place.offset }
            return .superseded
        }
        row.isDeleted = false
        row.content = hash
        row.contentOffset = place.offset
        return .applied
    }

    private func isPlainlyEnded(_ row: DatabaseState.Row, _ version: Int64, _ rank: Origin) -> Bool {
        guard let plain = row.plainDelete, plain.partition == rank.partition else { return false }
        guard plain.place.incarnation < rank.place.incarnation else { return rank < plain }
        // Of another log: only a greater version comes back from it.
        return row.isDeleted && row.record.map { version <= $0.version } ?? false
    }

    private mutating func delete(_ key: Int, _ version: Int64, _ rank: Origin) -> Fate {
        var row = rows[key] ?? DatabaseState.Row(key: key, isDeleted: true)
        defer { rows[key] = row }
        if let old = row.delete {
            if version < old.version { return .superseded }
            if version == old.version, rank.partition != old.origin.partition || rank <= old.origin {
                return .superseded
            }
        }
        row.delete = DatabaseState.Mark(version: version, origin: rank)
        if let best = row.record, best.version > version, !row.isDeleted { return .superseded }
        row.isDeleted = true
        row.content = nil
        return .deleted
    }

    private mutating func deletePlainly(_ key: Int, _ rank: Origin) -> Fate {
        var row = rows[key] ?? DatabaseState.Row(key: key, isDeleted: true)
        let own = row.record?.origin.partition ?? row.delete?.origin.partition ?? row.plainDelete?.partition
        if let own, own != rank.partition { return .deadLettered }
        defer { rows[key] = row }
        if let old = row.plainDelete, old.partition == rank.partition, rank <= old { return .superseded }
        row.plainDelete = rank
        if let best = row.record, rank < best.origin, !row.isDeleted { return .superseded }
        row.isDeleted = true
        row.content = nil
        return .deleted
    }
}

extension OneByOne {
    /// A history in which nothing is wrong. Some read records again and see logs replaced, others have keys that come by
    /// several partitions, with plain tombstones or redriven records, but not both.
    static func random(seed: UInt64, steps: Int = 150) -> OneByOne {
        var world = OneByOne(seed: seed, partitions: 1 + Int(seed % 3))
        let isScattered = seed % 4 == 0
        let hasPlainDeletes = seed % 8 != 4
        for _ in 0..<steps {
            let partition = world.random.below(world.logs.count)
            switch world.random.below(100) {
            case 0..<50: world.publishAnything(isScattered: isScattered, hasPlainDeletes: hasPlainDeletes)
            case 50..<55 where !isScattered || !hasPlainDeletes:
                if let origin = world.letters.keys.sorted().randomElement(using: &world.random) {
                    world.redrive(origin)
                }
            case 55..<57 where !isScattered && world.positions[partition].next > 0:
                world.rewind(partition, to: Int64(world.random.below(Int(world.positions[partition].next))))
            case 57 where !isScattered && !world.hasMore(partition): world.replaceLog(partition)
            default: if world.hasMore(partition) { world.step(partition) }
            }
        }
        return world
    }

    private mutating func publishAnything(isScattered: Bool, hasPlainDeletes: Bool) {
        let key = random.below(12)
        let partition = isScattered && key < 6 ? random.below(logs.count) : key % logs.count
        let version = Int64(random.below(8) + 1)
        let record = PublishedRecord.Content.record(version: version, hash: UInt64(random.below(50)))
        switch random.below(20) {
        case 0: publish(partition, key: random.percent(50) ? key : nil, .unreadable, .refused)
        case 1, 2: publish(partition, key: key, record, .refused)
        case 3, 4: publish(partition, key: key, record, .unknown)
        case 5, 6: publish(partition, key: key, .tombstone(version: version))
        case 7 where hasPlainDeletes: publish(partition, key: key, .tombstone(version: nil))
        default: publish(partition, key: key, record)
        }
    }
}
