// The rows of `ingest.position` and `ingest.topic_state`, as a lane reads and writes them outside of its batches.
import Model
import Postgres

/// A partition's row, as it is after a claim or was when it was read.
struct ClaimedPosition {
    var topicPartition: TopicPartition
    var next: NextOffset
    var epoch: Int64
    var incarnation: Int32
    var lastRecord: (offset: Offset, hash: Int64)?
    var gapBecause: String?
}

extension ClaimedPosition {
    /// What `init` reads.
    static let columns =
        "topic, partition, next_offset, epoch, incarnation, last_record_offset, last_record_hash, gap_because"

    init?(_ result: PostgresResult, row: Int) {
        guard let topic = result[row, 0].flatMap(TopicName.init),
            let partition = result[row, 1].flatMap(Int32.init),
            let next = result[row, 2].flatMap(Int64.init), let epoch = result[row, 3].flatMap(Int64.init),
            let incarnation = result[row, 4].flatMap(Int32.init)
        else { return nil }
        var lastRecord: (offset: Offset, hash: Int64)?
        if let offset = result[row, 5].flatMap(Int64.init), let hash = result[row, 6].flatMap(Int64.init) {
            lastRecord = (Offset(offset), hash)
        }
        self.init(
            topicPartition: TopicPartition(topic, Partition(partition)), next: NextOffset(next), epoch: epoch,
            incarnation: incarnation, lastRecord: lastRecord, gapBecause: result[row, 7])
    }
}

/// The operators' word on a topic.
struct TopicControl: Equatable {
    var paused = false
    var because: String?
    /// Grows with each resume.
    var resumed: Int64 = 0
    var mappingRevisionMin: Int32 = 0
}

/// Why a partition stands at a gap, which decides where it may go on.
enum GapKind: String {
    /// Kafka's first offset lies beyond the position.
    case beyondStart = "beyond-start"
    /// The log is shorter than the position, or holds another record before it.
    case otherLog = "other-log"
    /// Records at or after the position cannot be read.
    case unreadable
}

struct PositionStore {
    let connection: PostgresConnection

    /// Keys that have dead letters waiting in the partitions: letters that a newer record of theirs overtakes.
    ///
    /// Letters of a partition are made while its position is locked, so later ones have greater ids: what others than its
    /// lane make, such as a replay, is found by asking again.
    /// - Parameter known: what was found before, to which only later letters are added.
    func waitingLetters(
        of topic: TopicName, _ partitions: [Partition], beside known: [Partition: KeyHints] = [:]
    ) throws(PostgresError) -> [Partition: KeyHints] {
        guard !partitions.isEmpty else { return [:] }
        let places = partitions.map { "(\($0), \(known[$0]?.lastLetter ?? 0)::bigint)" }
        let result = try connection.query(
            """
            SELECT d.partition, d.key_hint, max(d.id)
            FROM (VALUES \(places.joined(separator: ", "))) AS k (partition, last_letter)
            JOIN ingest.dead_letter d ON d.topic = $1 AND d.partition = k.partition AND d.id > k.last_letter
            WHERE d.status IN ('open', 'quarantined') AND d.record_version IS NOT NULL AND d.key_fingerprint IS NOT NULL
            GROUP BY d.partition, d.key_hint
            """, [topic.rawValue])
        var waiting = known
        for row in 0..<result.rowCount {
            guard let partition = result[row, 0].flatMap(Int32.init), let letter = result.integer(row, 2) else {
                continue
            }
            waiting[Partition(partition), default: KeyHints()].insert(result[row, 1].flatMap(Int32.init), of: letter)
        }
        return waiting
    }

    /// Takes the partitions: raises their epochs, so that whoever held them writes nothing more. Waits for commits in flight.
    func claim(_ partitions: [TopicPartition], by name: String) throws -> [ClaimedPosition] {
        guard !partitions.isEmpty else { return [] }
        return try withPatience(for: partitions) {
            let claimed = try raiseEpochs(of: partitions, claimedBy: name)
            return (0..<claimed.rowCount).compactMap { ClaimedPosition(claimed, row: $0) }
        }
    }

    /// Runs what locks the partitions' rows, and ends a session that holds them while it waits for its own client: a worker
    /// that froze inside a COPY into a table, which no timeout of the server's would free.
    /// - Parameter body: leaves no transaction open, and can be run once more.
    func withPatience<Output>(for partitions: [TopicPartition], _ body: () throws -> Output) throws -> Output {
        let places = partitions.map { "(\(SQLText.literal($0.topic.rawValue)), \($0.partition))" }
        guard !places.isEmpty else { return try body() }
        // A holder that nobody may end, or that goes on working, is waited out with everything else of the world.
        return try FrozenHolders(connection: connection).outlast(
            of: """
                FROM ingest.position p JOIN (VALUES \(places.joined(separator: ", "))) AS c (topic, partition)
                  ON c.topic = p.topic AND c.partition = p.partition
                """, body)
    }

    /// Raises the partitions' epochs, making rows for those that have none, and locks them in the order in which all do.
    /// - Parameter claimedBy: nil where nobody claims them: whoever did last stays named.
    /// - Returns: rows for `ClaimedPosition`, and the number of records dealt with as `consumed`.
    func raiseEpochs(of partitions: [TopicPartition], claimedBy name: String?) throws(PostgresError) -> PostgresResult {
        let claim = name.map { "\(SQLText.literal($0)), now()" } ?? "NULL, NULL"
        let rows = partitions.sorted().map {
            "(\(SQLText.literal($0.topic.rawValue)), \($0.partition), \(claim), 1)"
        }
        return try connection.query(
            """
            INSERT INTO ingest.position AS p (topic, partition, claimed_by, claimed_at, epoch)
            VALUES \(rows.joined(separator: ", "))
            ON CONFLICT (topic, partition) DO UPDATE SET epoch = p.epoch + 1,
              claimed_by = coalesce(excluded.claimed_by, p.claimed_by),
              claimed_at = coalesce(excluded.claimed_at, p.claimed_at)
            RETURNING \(ClaimedPosition.columns), applied + superseded + deleted + dead_lettered AS consumed
            """
        )
    }

    /// The rows of the topic's partitions; those that nobody ever claimed have none.
    func standing(of topic: TopicName) throws(PostgresError) -> [Partition: ClaimedPosition] {
        let result = try connection.query(
            "SELECT \(ClaimedPosition.columns) FROM ingest.position WHERE topic = $1", [topic.rawValue])
        let rows = (0..<result.rowCount).compactMap { ClaimedPosition(result, row: $0) }
        return Dictionary(rows.map { ($0.topicPartition.partition, $0) }) { first, _ in first }
    }

    func controls(of topics: [TopicName]) throws(PostgresError) -> [TopicName: TopicControl] {
        let names = topics.map { SQLText.literal($0.rawValue) }.joined(separator: ", ")
        let result = try connection.query(
            "SELECT topic, paused, paused_because, resumed, mapping_revision_min FROM ingest.topic_state WHERE topic IN (\(names))"
        )
        var controls: [TopicName: TopicControl] = [:]
        for topic in topics { controls[topic] = TopicControl() }
        for row in 0..<result.rowCount {
            guard let topic = result[row, 0].flatMap(TopicName.init) else { continue }
            controls[topic] = TopicControl(
                paused: result[row, 1] == "t", because: result[row, 2],
                resumed: result[row, 3].flatMap(Int64.init) ?? 0,
                mappingRevisionMin: result[row, 4].flatMap(Int32.init) ?? 0
            )
        }
        return controls
    }

    /// Records of the topic that were dealt with since an operator resumed it.
    func consumedSinceResume(of topic: TopicName) throws(PostgresError) -> Int64 {
        let result = try connection.query(
            """
            SELECT coalesce((SELECT sum(applied + superseded + deleted + dead_lettered) FROM ingest.position WHERE topic = $1), 0)
              - consumed_at_resume FROM ingest.topic_state WHERE topic = $1
            """,
            [topic.rawValue]
        )
        return result.rowCount == 0 ? 0 : result.integer(0, 0) ?? 0
    }

    func epochs(of topics: [TopicName]) throws(PostgresError) -> [TopicPartition: Int64] {
        let names = topics.map { SQLText.literal($0.rawValue) }.joined(separator: ", ")
        let result = try connection.query(
            "SELECT topic, partition, epoch FROM ingest.position WHERE topic IN (\(names))")
        var epochs: [TopicPartition: Int64] = [:]
        for row in 0..<result.rowCount {
            guard let topic = result[row, 0].flatMap(TopicName.init),
                let partition = result[row, 1].flatMap(Int32.init),
                let epoch = result[row, 2].flatMap(Int64.init)
            else { continue }
            epochs[TopicPartition(topic, Partition(partition))] = epoch
        }
        return epochs
    }

    func positions(of topics: [TopicName]) throws(PostgresError) -> [TopicPartition: (
        next: NextOffset, gapBecause: String?
    )] {
        let names = topics.map { SQLText.literal($0.rawValue) }.joined(separator: ", ")
        let result = try connection.query(
            "SELECT topic, partition, next_offset, gap_because FROM ingest.position WHERE topic IN (\(names))")
        var positions: [TopicPartition: (next: NextOffset, gapBecause: String?)] = [:]
        for row in 0..<result.rowCount {
            guard let topic = result[row, 0].flatMap(TopicName.init),
                let partition = result[row, 1].flatMap(Int32.init),
                let next = result[row, 2].flatMap(Int64.init)
            else { continue }
            positions[TopicPartition(topic, Partition(partition))] = (NextOffset(next), result[row, 3])
        }
        return positions
    }

    /// Moves a position over holes to the log's end. False where epoch or position were not as expected.
    func skipHoles(
        _ partition: TopicPartition, epoch: Int64, expected: NextOffset, to next: NextOffset
    ) throws(PostgresError) -> Bool {
        let result = try connection.query(
            """
            UPDATE ingest.position SET next_offset = $5, moved_at = now()
            WHERE topic = $1 AND partition = $2 AND epoch = $3 AND next_offset = $4 RETURNING 1
            """,
            [
                partition.topic.rawValue, String(partition.partition.rawValue), String(epoch),
                String(expected.rawValue),
                String(next.rawValue),
            ]
        )
        return result.rowCount == 1
    }

    /// Notes a gap, unless the partition is no longer ours.
    func noteGap(
        _ partition: TopicPartition, epoch: Int64, _ kind: GapKind, because: String, records: Int64?
    ) throws(PostgresError) {
        _ = try connection.query(
            """
            UPDATE ingest.position SET gap_because = $4, gap_records = $5, gap_kind = $6, gap_at = now()
            WHERE topic = $1 AND partition = $2 AND epoch = $3
            """,
            [
                partition.topic.rawValue, String(partition.partition.rawValue), String(epoch), because,
                records.map(String.init), kind.rawValue,
            ]
        )
    }
}
