// The operators' word on a topic: pause, resume, accept a gap. Each is recorded with who and why.
package import Kafka
package import Model
package import Postgres

package enum WorkControl {
    /// Workers stop taking the topic within their control interval; nothing of it is lost. A pause of its breaker becomes
    /// the operator's, and ends by the operator's word alone.
    /// - Returns: false where an operator had paused it already.
    @discardableResult
    package static func pause(
        topic: TopicName, because: String, by: String, connection: PostgresConnection
    ) throws(PostgresError) -> Bool {
        let result = try connection.query(
            """
            WITH paused AS (
              INSERT INTO ingest.topic_state AS s (topic, paused, paused_because, paused_by, paused_at)
              VALUES ($1, true, $2, $3, now())
              ON CONFLICT (topic) DO UPDATE SET paused = true, paused_because = excluded.paused_because,
                paused_by = excluded.paused_by, paused_at = now(), trial_at = NULL
              WHERE NOT s.paused OR s.trial_at IS NOT NULL
              RETURNING topic)
            INSERT INTO ingest.operation (by, action, topic, because) SELECT $3, 'pause', topic, $2 FROM paused RETURNING id
            """,
            [topic.rawValue, because, by]
        )
        return result.rowCount == 1
    }

    /// Workers go on with the topic; the breaker's window starts anew.
    /// - Returns: false where it was not paused.
    @discardableResult
    package static func resume(
        topic: TopicName, because: String, by: String, connection: PostgresConnection
    ) throws(PostgresError) -> Bool {
        let result = try connection.query(
            """
            WITH resumed AS (
              UPDATE ingest.topic_state SET paused = false, paused_because = NULL, paused_by = NULL, paused_at = NULL,
                trial_at = NULL, trials = 0, resumed = resumed + 1, consumed_at_resume = coalesce((
                  SELECT sum(applied + superseded + deleted + dead_lettered) FROM ingest.position p WHERE p.topic = $1), 0)
              WHERE topic = $1 AND paused RETURNING topic)
            INSERT INTO ingest.operation (by, action, topic, because) SELECT $3, 'resume', topic, $2 FROM resumed RETURNING id
            """,
            [topic.rawValue, because, by]
        )
        return result.rowCount == 1
    }

    /// What accepting a gap did to a partition.
    package struct AcceptedGap: Sendable, Equatable {
        package let partition: Partition
        package let from: NextOffset
        package let to: NextOffset
        /// Records between, where the log is the same; nil where it was made anew.
        package let lost: Int64?
    }

    /// Lets the partitions that stand at a gap go on: at Kafka's first offset where that lies beyond the position; at the
    /// log's beginning, as a new incarnation, where the log is another one; at `to` where records cannot be read. Workers
    /// claim them again within their control interval.
    /// - Parameters:
    ///   - partition: nil for all partitions of the topic that stand at a gap.
    ///   - to: the first offset to read again, beyond the position; for records that cannot be read, and for those alone.
    package static func acceptGap(
        topic: TopicName, partition: Partition?, to: NextOffset? = nil, because: String, by: String,
        connection: PostgresConnection, admin: KafkaAdmin
    ) throws -> [AcceptedGap] {
        let standing = try connection.query(
            """
            SELECT partition, next_offset, gap_kind FROM ingest.position
            WHERE topic = $1 AND gap_because IS NOT NULL AND ($2::integer IS NULL OR partition = $2::integer) ORDER BY partition
            """,
            [topic.rawValue, partition.map { String($0.rawValue) }]
        )
        var accepted: [AcceptedGap] = []
        for row in 0..<standing.rowCount {
            guard let number = standing[row, 0].flatMap(Int32.init), let next = standing[row, 1].flatMap(Int64.init)
            else {
                continue
            }
            let place = TopicPartition(topic, Partition(number))
            let marks = try admin.watermarks(place, timeoutMilliseconds: 10_000)
            let kind = standing[row, 2].flatMap(GapKind.init(rawValue:))
            let low: Int64
            switch (kind, to) {
            case (.unreadable, let to?) where to.rawValue > next && to.rawValue <= marks.high:
                low = to.rawValue
            case (.beyondStart, nil), (.otherLog, nil):
                low = marks.low
            case (.unreadable, _), (.beyondStart, _), (.otherLog, _), (nil, _):
                throw UserError(
                    action: "accepting the gap of", subject: "\(place) at \(next)",
                    cause: kind == .unreadable
                        ? "records there cannot be read, so the offset to go on from has to be named"
                        : "an offset is named only where records cannot be read",
                    nextStep: kind == .unreadable
                        ? "give --to an offset from \(next + 1) to \(marks.high)" : "leave --to away", status: .usage)
            }
            let sameLog = kind != .otherLog
            let details = "{\"from\": \(next), \"to\": \(low), \"newIncarnation\": \(!sameLog)}"
            let result = try connection.query(
                """
                WITH accepted AS (
                  UPDATE ingest.position SET next_offset = $4, epoch = epoch + 1,
                    incarnation = incarnation + CASE WHEN $5::boolean THEN 0 ELSE 1 END,
                    last_record_offset = NULL, last_record_hash = NULL,
                    gap_kind = NULL, gap_because = NULL, gap_records = NULL, gap_at = NULL
                  WHERE topic = $1 AND partition = $2 AND next_offset = $3 AND gap_because IS NOT NULL RETURNING 1)
                INSERT INTO ingest.operation (by, action, topic, partition, because, details)
                SELECT $7, 'accept-gap', $1, $2, $6, $8::jsonb FROM accepted RETURNING id
                """,
                [
                    topic.rawValue, String(number), String(next), String(low), sameLog ? "true" : "false", because, by,
                    details,
                ]
            )
            if result.rowCount == 1 {
                accepted.append(
                    AcceptedGap(
                        partition: Partition(number), from: NextOffset(next), to: NextOffset(low),
                        lost: sameLog ? low - next : nil))
            }
        }
        return accepted
    }
}
