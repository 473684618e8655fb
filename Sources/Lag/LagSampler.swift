// Looks at positions and logs from outside, as an operator would: it needs no word from any worker.
package import Kafka
package import Model
package import Postgres

/// By whose word a topic rests, and why.
package struct TopicPause: Sendable, Hashable {
    package let topic: TopicName
    package let by: String?
    package let because: String?
    /// When its next records are tried, since 1970-01-01 UTC; nil where it waits for an operator's word.
    package let trialMilliseconds: Int64?
}

/// Samples partitions' lag. Confined to the thread of its connection.
package struct LagSampler {
    private let connection: PostgresConnection
    private let admin: KafkaAdmin
    private let timeoutMilliseconds: Int32

    package init(connection: PostgresConnection, admin: KafkaAdmin, timeoutMilliseconds: Int32 = 10_000) {
        self.connection = connection
        self.admin = admin
        self.timeoutMilliseconds = timeoutMilliseconds
    }

    /// One sample of each partition of the topics, in their order.
    ///
    /// Positions are read before the logs' ends: a record that is applied in between makes a partition look further behind
    /// than it is for a moment, never further ahead.
    /// - Parameter nowMilliseconds: the time of the samples, since 1970-01-01 UTC.
    /// - Throws: `UserError` for a topic that the cluster does not have; `KafkaError`, `PostgresError`.
    package func sample(_ topics: [TopicName], nowMilliseconds: Int64) throws -> [LagSample] {
        let positions = try readPositions(topics)
        let paused = try readPaused(topics)
        let workerIsPresent = try readWorkerIsPresent()
        var samples: [LagSample] = []
        for topic in topics.sorted() {
            for partition in try partitions(of: topic) {
                let (low, high) = try admin.watermarks(partition, timeoutMilliseconds: timeoutMilliseconds)
                let position = positions[partition]
                var sample = LagSample(
                    partition: partition, nextOffset: position?.next, startOffset: low, endOffset: high,
                    movedMilliseconds: position?.moved, claimedMilliseconds: position?.claimed,
                    workerIsPresent: workerIsPresent, isPaused: paused.contains(topic),
                    hasGap: position?.hasGap ?? false, sampledMilliseconds: nowMilliseconds)
                sample.oldestMilliseconds = try oldest(of: sample)
                samples.append(sample)
            }
        }
        return samples
    }

    /// Its own timestamp, read from the log: offsets alone cannot tell a young record from an old one.
    private func oldest(of sample: LagSample) throws -> Int64? {
        guard sample.behind > 0 else { return nil }
        let offset = Offset(max(sample.nextOffset?.rawValue ?? 0, sample.startOffset))
        do {
            return try admin.record(sample.partition, at: offset, timeoutMilliseconds: timeoutMilliseconds)?
                .timestampMilliseconds
        } catch {
            guard error.isOutOfRange else { throw error }
            // The log moved on under our eyes; the next sample shows the gap.
            return nil
        }
    }

    private func partitions(of topic: TopicName) throws -> [TopicPartition] {
        guard let metadata = try admin.topic(topic, timeoutMilliseconds: timeoutMilliseconds) else {
            throw UserError(
                action: "measuring the lag of", subject: "\(topic)", cause: "Kafka has no such topic",
                nextStep: "create it with `lienthong topics apply`", status: .configuration)
        }
        return metadata.partitions.map { TopicPartition(topic, $0.partition) }
    }

    private struct Position {
        let next: NextOffset
        let moved: Int64?
        let claimed: Int64?
        let hasGap: Bool
    }

    private func readPositions(_ topics: [TopicName]) throws -> [TopicPartition: Position] {
        let result = try connection.query(
            """
            SELECT topic, partition, next_offset, gap_because IS NOT NULL AS has_gap,
              (extract(epoch FROM moved_at) * 1000)::bigint AS moved,
              (extract(epoch FROM claimed_at) * 1000)::bigint AS claimed
            FROM ingest.position WHERE topic = ANY (string_to_array($1, ','))
            """, [Self.list(topics)])
        var positions: [TopicPartition: Position] = [:]
        for row in 0..<result.rowCount {
            guard
                let topic = result[row, "topic"].flatMap({ TopicName($0) }),
                let partition = result[row, "partition"].flatMap({ Int32($0) }),
                let next = result.integer(row, "next_offset")
            else { continue }
            positions[TopicPartition(topic, Partition(partition))] = Position(
                next: NextOffset(next), moved: result.integer(row, "moved"), claimed: result.integer(row, "claimed"),
                hasGap: result[row, "has_gap"] == "t")
        }
        return positions
    }

    private func readPaused(_ topics: [TopicName]) throws -> Set<TopicName> {
        let result = try connection.query(
            "SELECT topic FROM ingest.topic_state WHERE paused AND topic = ANY (string_to_array($1, ','))",
            [Self.list(topics)])
        return Set((0..<result.rowCount).compactMap { result[$0, "topic"].flatMap { TopicName($0) } })
    }

    /// The topics that rest, in their order.
    package func pauses(of topics: [TopicName]) throws -> [TopicPause] {
        let result = try connection.query(
            """
            SELECT topic, paused_by, paused_because, (extract(epoch FROM trial_at) * 1000)::bigint AS trial
            FROM ingest.topic_state WHERE paused AND topic = ANY (string_to_array($1, ',')) ORDER BY topic
            """, [Self.list(topics)])
        return (0..<result.rowCount).compactMap { row in
            result[row, "topic"].flatMap { TopicName($0) }.map {
                TopicPause(
                    topic: $0, by: result[row, "paused_by"], because: result[row, "paused_because"],
                    trialMilliseconds: result.integer(row, "trial"))
            }
        }
    }

    /// Workers name their sessions `lienthong work`; every user may see the names of all sessions.
    private func readWorkerIsPresent() throws -> Bool {
        let result = try connection.query(
            """
            SELECT EXISTS (SELECT FROM pg_stat_activity
              WHERE datname = current_database() AND application_name LIKE 'lienthong work%')
            """)
        return result[0, 0] == "t"
    }

    /// No topic's name holds a comma.
    private static func list(_ topics: [TopicName]) -> String { topics.map(\.rawValue).joined(separator: ",") }
}
