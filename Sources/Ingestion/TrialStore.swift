// The breaker's word on topics, and when each one's next records are tried; times are the database's own.
import Contracts
import Model
import Postgres

/// All workers share one trial of a topic between them: whoever puts off `trial_at` makes it. Should that one die, the next
/// is due all the same.
struct TrialStore {
    let connection: PostgresConnection
    let settings: WorkerSettings

    /// A topic whose next records this worker is to try.
    struct Due {
        let topic: TopicName
        /// Of the topic's state when it was claimed: an operator's word since then makes the trial void.
        fileprivate let resumed: String
    }

    /// The breaker pauses the topic. Soon after a trial let it go on, the next trial waits as if that one had failed.
    /// - Parameter resumed: the resumption under which the records were judged; a later one is a later word.
    /// - Returns: when its records are tried; nil where it was paused already, or resumed since.
    func pause(
        _ topic: TopicName, because: String, windowRecords: Int, resumed: Int64
    ) throws(PostgresError) -> String? {
        // The breaker's own resumption counts one window as passed already (see `resume`).
        let trials = """
            CASE WHEN \(Self.consumed) - s.consumed_at_resume >= 2 * \(windowRecords)::bigint THEN 0 ELSE s.trials END
            """
        let result = try connection.query(
            """
            WITH paused AS (
              INSERT INTO ingest.topic_state AS s (topic, paused, paused_because, paused_by, paused_at, trial_at)
              VALUES ($1, true, $2, 'breaker', now(), now() + \(wait(after: "0")))
              ON CONFLICT (topic) DO UPDATE SET paused = true, paused_because = excluded.paused_because,
                paused_by = excluded.paused_by, paused_at = now(), trials = \(trials),
                trial_at = now() + \(wait(after: trials))
              WHERE NOT s.paused AND s.resumed = $3 RETURNING topic, trial_at),
            noted AS (
              INSERT INTO ingest.operation (by, action, topic, because) SELECT 'breaker', 'pause', topic, $2 FROM paused)
            SELECT \(Self.text("trial_at")) FROM paused
            """, [topic.rawValue, because, "\(resumed)"])
        return result.rowCount == 0 ? nil : result[0, 0]
    }

    /// Topics whose trial is due, and may be made by this worker's mapping.
    func due() throws(PostgresError) -> Set<TopicName> {
        let result = try connection.query("SELECT s.topic FROM \(isDue)")
        return Set((0..<result.rowCount).compactMap { result[$0, 0].flatMap { TopicName($0) } })
    }

    /// Takes one of them, and puts off its next trial until this one should long be over.
    func claim() throws(PostgresError) -> Due? {
        let result = try connection.query(
            """
            UPDATE ingest.topic_state t SET trial_at = now() + \(wait(after: "t.trials"))
              + make_interval(secs => \(settings.trialPatience / .seconds(1)))
            FROM (SELECT s.topic FROM \(isDue) ORDER BY s.trial_at LIMIT 1 FOR UPDATE OF s SKIP LOCKED) AS d
            WHERE t.topic = d.topic RETURNING t.topic, t.resumed
            """)
        guard result.rowCount == 1, let topic = result[0, 0].flatMap({ TopicName($0) }), let resumed = result[0, 1]
        else { return nil }
        return Due(topic: topic, resumed: resumed)
    }

    /// - Parameter counts: false where the trial came to nothing, and the next one waits no longer.
    /// - Returns: when the next trial is; nil where somebody else had a word since.
    func ended(_ due: Due, counts: Bool) throws(PostgresError) -> String? {
        let trials = "trials + \(counts ? 1 : 0)"
        let result = try connection.query(
            """
            UPDATE ingest.topic_state SET trials = \(trials), trial_at = now() + \(wait(after: trials))
            WHERE topic = $1 AND trial_at IS NOT NULL AND resumed = $2::bigint RETURNING \(Self.text("trial_at"))
            """, [due.topic.rawValue, due.resumed])
        return result.rowCount == 0 ? nil : result[0, 0]
    }

    /// Lets the topic go on, recorded. Unlike after an operator's word no record passes unjudged: one window counts as
    /// passed already.
    /// - Returns: false where somebody else had a word since.
    func resume(_ due: Due, _ sample: Breaker.Sample, windowRecords: Int) throws(PostgresError) -> Bool {
        let details = JSON.object([
            ("records", .integer(Int64(sample.records))), ("refused", .integer(Int64(sample.refused))),
            ("tombstones", .integer(Int64(sample.tombstones))),
        ])
        let result = try connection.query(
            """
            WITH resumed AS (
              UPDATE ingest.topic_state s SET paused = false, paused_because = NULL, paused_by = NULL, paused_at = NULL,
                trial_at = NULL, trials = trials + 1, resumed = resumed + 1,
                consumed_at_resume = \(Self.consumed) - \(windowRecords)::bigint
              WHERE topic = $1 AND trial_at IS NOT NULL AND resumed = $2::bigint RETURNING topic)
            INSERT INTO ingest.operation (by, action, topic, because, details)
            SELECT 'breaker', 'resume', topic, 'a trial of its next records passed', $3::jsonb FROM resumed RETURNING id
            """, [due.topic.rawValue, due.resumed, details.text])
        return result.rowCount == 1
    }

    /// As a FROM clause with its condition.
    private var isDue: String {
        let known = settings.topics.map { "(\(SQLText.literal($0.name.rawValue)), \($0.mapping.revision))" }
        return """
            ingest.topic_state s JOIN (VALUES \(known.joined(separator: ", "))) AS k (topic, revision) ON k.topic = s.topic
            WHERE s.trial_at <= now() AND s.mapping_revision_min <= k.revision
            """
    }

    /// The time until the next trial, after so many.
    private func wait(after trials: String) -> String {
        let first = settings.trialInterval / .seconds(1)
        let longest = settings.trialIntervalMax / .seconds(1)
        return "make_interval(secs => least(\(longest), \(first) * power(2, least(\(trials), 30))))"
    }

    /// Records of the topic of `s` that were ever dealt with.
    private static let consumed = """
        coalesce((SELECT sum(applied + superseded + deleted + dead_lettered) FROM ingest.position p
          WHERE p.topic = s.topic), 0)
        """

    private static func text(_ time: String) -> String {
        #"to_char(\#(time) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"#
    }
}
