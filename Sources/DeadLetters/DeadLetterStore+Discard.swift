// Letters laid aside for good, each with its step.
package import Model
import Postgres

extension DeadLetterStore {
    /// How many letters would be laid aside, by topic and reason.
    /// - Throws: a sentence where an id is unknown, closed or on its way, or nothing matches.
    package func discardable(_ selection: LetterSelection) throws -> [(topic: TopicName, reason: String, count: Int64)]
    {
        if case .ids(let ids) = selection { for id in ids { try requireDiscardable(id) } }
        var parameters: [String?] = []
        let condition = selection.condition(ofIDs: [.open, .quarantined], &parameters)
        let result = try connection.query(
            """
            SELECT d.topic, d.reason, count(*) AS count FROM ingest.dead_letter d WHERE \(condition)
            GROUP BY d.topic, d.reason ORDER BY d.topic, count(*) DESC, d.reason
            """, parameters)
        guard result.rowCount > 0 else {
            throw UserError(
                action: "looking for", subject: "dead letters to discard", cause: "none matches",
                nextStep: "nothing was done; see `lienthong dead-letters stats --by topic,reason,status`", status: .no)
        }
        return try (0..<result.rowCount).map { row in
            (
                try LetterColumn.topic(result, row), result[row, "reason"] ?? "",
                try LetterColumn.number(result, row, "count")
            )
        }
    }

    /// Lays them aside, all or none.
    /// - Returns: how many.
    package func discard(_ selection: LetterSelection, by: String, because: String) throws -> Int {
        var parameters: [String?] = [by, because]
        let condition = selection.condition(ofIDs: [.open, .quarantined], &parameters)
        // Locked in the order of their ids, as every writer of several letters does.
        return try connection.query(
            """
            WITH chosen AS MATERIALIZED (
              SELECT d.id FROM ingest.dead_letter d WHERE \(condition) ORDER BY d.id FOR UPDATE),
            gone AS (
              UPDATE ingest.dead_letter d SET status = 'discarded', closed_at = now()
              FROM chosen c WHERE d.id = c.id RETURNING d.id)
            INSERT INTO ingest.dead_letter_step (letter, step, by, because)
            SELECT id, 'discarded', $1, $2 FROM gone ORDER BY id
            """, parameters
        ).affectedRows
    }

    private func requireDiscardable(_ id: Int64) throws {
        let status = try required(id: id).summary.status
        func refuse(_ cause: String, _ nextStep: String) -> UserError {
            UserError(
                action: "discarding", subject: "dead letter \(id)", cause: cause, nextStep: nextStep, status: .no)
        }
        switch status {
        case .open, .quarantined: return
        case .redriven:
            throw refuse(
                "its record was sent, and nothing is known of its fate yet",
                "nothing was done; wait for the worker, or discard what never gets there with --stuck MINUTES")
        case .applied, .superseded, .discarded:
            throw refuse("it is closed: \(status.rawValue)", "leave it out; nothing was done")
        }
    }
}
