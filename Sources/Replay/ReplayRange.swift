// Which part of a topic's log is read again: what a person names, and the offsets that it comes to.
package import Kafka
package import Model
package import Postgres

/// One end of a range.
package enum ReplayPlace: Sendable, Hashable {
    case beginning
    /// Where the live workers stand: what lies beyond is still to come to them.
    case livePosition
    /// The same offset in each partition.
    case offset(Int64)
    /// Milliseconds since 1970-01-01 UTC: the first record of that time or later.
    case time(Int64)
}

package struct ReplayRange: Sendable {
    package var from: ReplayPlace
    /// The first place beyond the range.
    package var to: ReplayPlace
    /// Nil for all.
    package var partitions: Set<Partition>?

    package init(from: ReplayPlace = .beginning, to: ReplayPlace = .livePosition, partitions: Set<Partition>? = nil) {
        self.from = from
        self.to = to
        self.partitions = partitions
    }
}

/// The range within one partition. The log's holes are in it, so it has at most `count` records.
package struct PartitionRange: Sendable, Equatable {
    package let partition: Partition
    package let incarnation: Int32
    package let from: Int64
    package let to: Int64
    /// Offsets before `from` that the range asks for and Kafka no longer has; by a time before the log's first record at
    /// most so many.
    package let missing: Int64
    /// It ends where the live workers stand, wherever that is when the replay is written down.
    package let endsAtLivePosition: Bool

    package var count: Int64 { to - from }
    package var isEmpty: Bool { to <= from }
}

/// Turns places into offsets by asking Kafka and the national database.
package struct RangeResolver {
    private let topic: TopicName
    private let admin: KafkaAdmin
    private let connection: PostgresConnection
    private let timeoutMilliseconds: Int32 = 10_000

    package init(topic: TopicName, admin: KafkaAdmin, connection: PostgresConnection) {
        self.topic = topic
        self.admin = admin
        self.connection = connection
    }

    private struct Known {
        let partition: Partition
        let incarnation: Int32
        let position: Int64
        let low: Int64
        let high: Int64
        var place: TopicPartition
    }

    /// - Returns: the partitions in which the range is not empty, and those where it ends at the live position.
    /// - Throws: `UserError` for a range that lies outside of the log or of what the live workers have dealt with.
    package func resolve(_ range: ReplayRange) throws -> [PartitionRange] {
        if case .offset(let from) = range.from, case .offset(let to) = range.to, to <= from {
            throw fault("the range ends at \(to), before it begins at \(from)", "name a later end", .usage)
        }
        let known = try partitions(range.partitions)
        guard !known.isEmpty else {
            throw fault("no worker has dealt with any record of it", "run `lienthong work` first", .no)
        }
        let starts = try offsets(range.from, known)
        let ends = try offsets(range.to, known)
        var ranges: [PartitionRange] = []
        for one in known {
            guard let start = starts[one.partition], let end = ends[one.partition] else { continue }
            try check(range.from, start, one)
            try check(range.to, end, one)
            let bounded = min(end, one.position)
            let first = max(start, one.low)
            // Where the log begins with the time asked for or later, nobody knows what of that time was before it.
            var asked = start
            if case .time = range.from, start == one.low { asked = 0 }
            let missing = max(0, min(first, bounded) - asked)
            // An empty one may still get records by an older mapping, until that is forbidden (`ReplayStore.create`).
            guard first < bounded || missing > 0 || bounded == one.position else { continue }
            ranges.append(
                PartitionRange(
                    partition: one.partition, incarnation: one.incarnation, from: min(first, bounded), to: bounded,
                    missing: missing, endsAtLivePosition: bounded == one.position))
        }
        guard ranges.contains(where: { !$0.isEmpty || $0.missing > 0 }) else {
            throw fault("the range holds no record that the live workers have dealt with", "name a wider range", .no)
        }
        return ranges
    }

    /// An offset that somebody named must be one of the log; places found by time always are.
    private func check(_ place: ReplayPlace, _ offset: Int64, _ known: Known) throws(UserError) {
        guard case .offset = place, offset > known.high else { return }
        throw fault(
            "offset \(offset) lies beyond the end of \(known.place), which is \(known.high)",
            "name offsets up to \(known.high), or the partitions with --partition", .usage)
    }

    private func partitions(_ wanted: Set<Partition>?) throws -> [Known] {
        guard let metadata = try admin.topic(topic, timeoutMilliseconds: timeoutMilliseconds) else {
            throw fault(
                "Kafka has no such topic", "check the topic's name with `lienthong topics plan`", .configuration)
        }
        let there = Set(metadata.partitions.map(\.partition))
        if let strange = wanted?.subtracting(there).min() {
            throw fault(
                "it has no partition \(strange)", "partitions are 0 to \(max(0, there.count - 1))", .usage)
        }
        let positions = try connection.query(
            """
            SELECT partition, next_offset, incarnation, gap_because IS NOT NULL FROM ingest.position
            WHERE topic = $1 ORDER BY partition
            """, [topic.rawValue])
        var standing: [Partition: (next: Int64, incarnation: Int32, hasGap: Bool)] = [:]
        for row in 0..<positions.rowCount {
            guard let number = positions[row, 0].flatMap(Int32.init), let next = positions.integer(row, 1),
                let incarnation = positions[row, 2].flatMap(Int32.init)
            else { continue }
            standing[Partition(number)] = (next, incarnation, positions[row, 3] == "t")
        }
        guard !standing.isEmpty else { return [] }
        return try there.filter { wanted?.contains($0) ?? true }.sorted().map { partition in
            let place = TopicPartition(topic, partition)
            let position = standing[partition] ?? (0, 0, false)
            guard !position.hasGap else {
                throw fault(
                    "\(place) stands at a gap: its log may be another one",
                    "decide with `lienthong work accept-gap` first", .no)
            }
            let marks = try admin.watermarks(place, timeoutMilliseconds: timeoutMilliseconds)
            return Known(
                partition: partition, incarnation: position.incarnation, position: position.next, low: marks.low,
                high: marks.high, place: place)
        }
    }

    /// Partitions that have no such place are absent.
    private func offsets(_ place: ReplayPlace, _ known: [Known]) throws -> [Partition: Int64] {
        var offsets: [Partition: Int64] = [:]
        switch place {
        case .beginning: for one in known { offsets[one.partition] = 0 }
        case .livePosition: for one in known { offsets[one.partition] = one.position }
        case .offset(let offset): for one in known { offsets[one.partition] = offset }
        case .time(let milliseconds):
            let logs = Dictionary(
                known.map { ($0.place, $0.low..<max($0.low, $0.high)) }, uniquingKeysWith: { first, _ in first })
            let found = try admin.offsets(in: logs, atOrAfter: milliseconds, timeoutMilliseconds: timeoutMilliseconds)
            // A time after all records is the end of what there is.
            for one in known { offsets[one.partition] = found[one.place]?.rawValue ?? one.high }
        }
        return offsets
    }

    private func fault(_ cause: String, _ nextStep: String, _ status: ExitStatus) -> UserError {
        UserError(action: "reading again", subject: "\(topic)", cause: cause, nextStep: nextStep, status: status)
    }
}
