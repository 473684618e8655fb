// Removes letters whose time is over, by their topics' contracts, and counts what it removed.
package import Contracts
package import Model
package import Postgres

/// Confined to the thread of its connection. A letter goes with its content; its steps stay, and say that it went.
package struct LetterPurge {
    package struct Account: Sendable, Equatable {
        /// Letters removed, or to be removed, by topic and status.
        package var purged: [TopicName: [String: Int64]] = [:]
        /// Letters whose time is over and that stay until their owner was told of them.
        package var untold: [TopicName: Int64] = [:]

        package var total: Int64 { purged.values.reduce(0) { $0 + $1.values.reduce(0, +) } }
    }

    private static let closed = ["applied", "superseded", "discarded"]
    private static let unsettled = ["open", "redriven", "quarantined"]
    /// Of a year of 365.2425 days, a hundred: longer is for ever, and beyond it PostgreSQL's own bounds come near.
    private static let millisecondsMax: Int64 = 36_524 * 86_400_000

    /// What is over: closed so long ago, or not settled and since then neither refused nor redriven. The database's clock
    /// judges, as it set the times.
    private static let isOver = """
        topic = $1 AND status = ANY ($2::text[])
          AND coalesce(closed_at, greatest(received_at, redriven_at)) < now() - $3::bigint * interval '1 millisecond'
        """

    private let connection: PostgresConnection
    private let batchLettersMax: Int

    package init(connection: PostgresConnection, batchLettersMax: Int = 1_000) {
        self.connection = connection
        self.batchLettersMax = batchLettersMax
    }

    /// Counts and changes nothing.
    package func preview(_ topics: [TopicDefinition]) throws -> Account {
        var account = Account()
        for (topic, statuses, milliseconds) in Self.rules(topics) {
            let result = try connection.query(
                """
                SELECT status, count(*) FILTER (WHERE relayed_refusals >= refusals) AS count,
                  count(*) FILTER (WHERE relayed_refusals < refusals) AS untold
                FROM ingest.dead_letter WHERE \(Self.isOver) GROUP BY status ORDER BY status
                """, [topic.rawValue, SQLArray.text(statuses), String(milliseconds)])
            for row in 0..<result.rowCount {
                account.count(result[row, "status"] ?? "", of: topic, result.integer(row, "count") ?? 0)
                let untold = result.integer(row, "untold") ?? 0
                if untold > 0 { account.untold[topic, default: 0] += untold }
            }
        }
        return account
    }

    /// Each letter's step `purged` is written in the transaction that removes it; the run is one operation with the
    /// counts, written at its end, whatever ended it.
    /// - Parameters:
    ///   - isStopping: asked between batches.
    ///   - progress: takes the number of letters removed so far.
    package func run(
        _ topics: [TopicDefinition], by: String, because: String, isStopping: () -> Bool = { false },
        progress: (Int64) -> Void = { _ in }
    ) throws -> Account {
        var account = Account()
        do {
            for rule in Self.rules(topics) {
                var last: Int64 = 0
                while !isStopping() {
                    guard let gone = try batch(rule, after: last, by: by, because: because) else { break }
                    last = gone.last
                    for (status, count) in gone.counts { account.count(status, of: rule.topic, count) }
                    progress(account.total)
                }
            }
        } catch {
            // The first error counts; this one is likely the same.
            try? record(account, by: by, because: because)
            throw error
        }
        try record(account, by: by, because: because)
        account.untold = try preview(topics).untold
        return account
    }

    private typealias Rule = (topic: TopicName, statuses: [String], milliseconds: Int64)

    private static func rules(_ topics: [TopicDefinition]) -> [Rule] {
        topics.flatMap { topic -> [Rule] in
            let kept = topic.contract.deadLetterStore
            let owner = topic.contract.kafka.deadLetterRetentionMilliseconds
            return [
                (topic.name, closed, kept.closedMilliseconds(ownersTopicKeeps: owner)),
                (topic.name, unsettled, kept.openMilliseconds),
            ].compactMap { name, statuses, milliseconds in
                milliseconds.flatMap { $0 > millisecondsMax ? nil : (name, statuses, $0) }
            }
        }
    }

    /// The next letters beyond `after`, in the order of their ids; nil at the end. Those that somebody is at work on are
    /// left for another time.
    private func batch(
        _ rule: Rule, after: Int64, by: String, because: String
    ) throws -> (counts: [String: Int64], last: Int64)? {
        let result = try connection.query(
            """
            WITH over AS (
              SELECT id FROM ingest.dead_letter WHERE id > $7::bigint AND \(Self.isOver) AND relayed_refusals >= refusals
              ORDER BY id LIMIT $4::integer FOR UPDATE SKIP LOCKED),
            gone AS (
              DELETE FROM ingest.dead_letter AS l USING over WHERE l.id = over.id
              RETURNING l.id, l.topic, l.incarnation, l.partition, l."offset", l.reason, l.status),
            told AS (
              INSERT INTO ingest.dead_letter_step (letter, step, by, because, details)
              SELECT id, 'purged', $5, $6, jsonb_build_object('topic', topic, 'incarnation', incarnation,
                'partition', partition, 'offset', "offset", 'reason', reason, 'status', status) FROM gone)
            SELECT status, count(*) AS count, max(max(id)) OVER () AS last FROM gone GROUP BY status
            """,
            [
                rule.topic.rawValue, SQLArray.text(rule.statuses), String(rule.milliseconds),
                String(batchLettersMax), by, because, String(after),
            ])
        guard result.rowCount > 0 else { return nil }
        let counts: [String: Int64] = (0..<result.rowCount).reduce(into: [:]) {
            $0[result[$1, "status"] ?? ""] = result.integer($1, "count")
        }
        return (counts, try LetterColumn.number(result, 0, "last"))
    }

    private func record(_ account: Account, by: String, because: String) throws {
        guard account.total > 0 else { return }
        let counts = account.purged.sorted { $0.key < $1.key }.map { topic, statuses in
            (topic.rawValue, JSON.object(statuses.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) }))
        }
        try connection.query(
            """
            INSERT INTO ingest.operation (by, action, topic, because, details)
            VALUES ($1, 'dead-letters purge', $2, $3, jsonb_build_object('purged', $4::jsonb))
            """,
            [by, counts.count == 1 ? counts[0].0 : nil, because, JSON.object(counts).text])
    }
}

extension LetterPurge.Account {
    fileprivate mutating func count(_ status: String, of topic: TopicName, _ more: Int64) {
        if more > 0 { purged[topic, default: [:]][status, default: 0] += more }
    }
}
