// Frees rows from sessions that froze while they held them.
package import Postgres

/// A process that froze inside a COPY keeps the rows that its session had locked, and no timeout of the server's frees
/// them, since the server only waits for its client. Whoever needs such a row ends that session.
package struct FrozenHolders {
    private let connection: PostgresConnection
    /// How long a commit in flight may take before its session is looked at.
    private static let patience = "5s"
    private static let roundsMax = 3

    package init(connection: PostgresConnection) { self.connection = connection }

    /// Runs `body`, which waits for locks of rows no longer than some seconds; then ends the sessions that hold them while
    /// they wait for their own clients, and tries again. A transaction that `body` left open is rolled back before.
    ///
    /// - Parameter rows: what is waited for: the FROM clause, and the WHERE clause if any, of a query in which `p` is the
    ///   table of those rows.
    /// - Throws: SQLSTATE 55P03 where a holder may not be ended, or goes on working.
    package func outlast<Output>(of rows: String, _ body: () throws -> Output) throws -> Output {
        var rounds = 0
        while true {
            do {
                return try withinPatience(body)
            } catch let error as PostgresError {
                rounds += 1
                guard error.sqlState == "55P03", rounds < Self.roundsMax else { throw error }
                try end(of: rows)
            }
        }
    }

    private func withinPatience<Output>(_ body: () throws -> Output) throws -> Output {
        _ = try connection.execute("SET lock_timeout = \(SQLText.literal(Self.patience))")
        let outcome = Result { try body() }
        if !connection.isBroken {
            if case .failure = outcome, connection.inTransaction { _ = try connection.execute("ROLLBACK") }
            _ = try connection.execute("RESET lock_timeout")
        }
        return try outcome.get()
    }

    private func end(of rows: String) throws(PostgresError) {
        // A row's holder stands in xmax until it ends; its transaction is locked by its session. That session must be seen
        // waiting for its client now, or it is only slow.
        _ = try connection.query(
            """
            SELECT pg_terminate_backend(a.pid) FROM (
              SELECT DISTINCT l.pid FROM (SELECT p.xmax \(rows)) AS held
              JOIN pg_locks l ON l.locktype = 'transactionid' AND l.granted AND l.transactionid = held.xmax) AS holder
            JOIN pg_stat_activity a ON a.pid = holder.pid
            WHERE a.pid <> pg_backend_pid() AND a.wait_event_type = 'Client' AND a.wait_event = 'ClientRead'
              AND a.state_change < clock_timestamp() - \(SQLText.literal(Self.patience))::interval
            """)
    }
}
