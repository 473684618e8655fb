// A rebuilt copy takes the live tables' place, in one transaction.
import Contracts
import Model
package import Postgres

package struct SwapRequest: Sendable {
    package var by: String
    package var because: String
    /// How many rows may be lost, exactly; nil where none may.
    package var dropRows: Int64?
    /// Whether the tables of before are dropped at once.
    package var dropOld: Bool

    package init(by: String, because: String, dropRows: Int64? = nil, dropOld: Bool = false) {
        self.by = by
        self.because = because
        self.dropRows = dropRows
        self.dropOld = dropOld
    }
}

package struct SwapOutcome: Sendable {
    package let balance: ShadowBalance
    /// What the tables of before are called now; empty where they were dropped.
    package let oldTables: [String]
    package let views: [String]
}

extension Shadow {
    /// Ends readers' and writers' wait for a lock of the tables before long, and before the server takes two that wait for
    /// each other apart: it would end the other one.
    private static let tableLockPatience = "800ms"

    /// Brings the copy level with the live tables and puts it in their place. Workers and readers go on with it by the
    /// names they know.
    ///
    /// - Throws: `UserError` where live rows are missing from the copy and were not named by their number, or where
    ///   something stands on the live tables that cannot be carried over; nothing is changed then.
    package func swap(_ request: SwapRequest, tell: (ReplayState) -> Void = { _ in }) throws -> SwapOutcome {
        try approach(tell: tell)
        let looker = try connect("vacuum")
        defer { looker.close() }
        // So that the first queries after the swap know their tables, and the keys are found in the index alone.
        for pair in pairs { _ = try looker.execute("VACUUM (ANALYZE) \(pair.shadowTable)") }
        try approach(tell: tell)
        return try whileLevel(tell: tell) { connection in try swapNow(request, connection) }
    }

    /// Within the transaction that holds the live positions.
    private func swapNow(_ request: SwapRequest, _ connection: PostgresConnection) throws -> SwapOutcome {
        let status = try connection.query("SELECT status FROM ingest.replay WHERE id = $1 FOR UPDATE", ["\(id)"])
        guard status.rowCount == 1, status[0, 0] == ReplayStatus.done.rawValue else {
            throw fault("it was ended meanwhile", "see `lienthong replay status \(id)`")
        }
        // Names within the views' definitions are written whole then.
        _ = try connection.execute("SET LOCAL search_path = ''")
        let dress = TableDress(connection: connection)
        try dress.check(pairs, action: action, topic: topic)
        for pair in pairs {
            guard let difference = try dress.difference(pair) else { continue }
            throw fault(
                "\(pair.schema).\(pair.live) was changed since it was copied (\(difference))",
                "cancel the replay and start a new one")
        }
        let balance = try ShadowQueries(self, connection).balance()
        try check(balance, request)
        let views = try lock(dress, connection)
        try checkLevel(connection)
        try rename(dress, views, connection)
        // A worker may have found a record beaten by the rows as they were: it reads its batch anew; and one of an older
        // mapping would write rows as they were before.
        try ReplayStore(connection: connection).forbidOlder(topic, definition.mapping.revision)
        if request.dropOld { try dropOld(connection) }
        try record(balance, request, connection)
        _ = try connection.execute("COMMIT")
        return SwapOutcome(
            balance: balance, oldTables: request.dropOld ? [] : pairs.map { "\($0.schema).\($0.old)" },
            views: views.map(\.name))
    }

    /// Once more, now that no row of the tables can come: a partition that was new to the topic had no position to be locked.
    private func checkLevel(_ connection: PostgresConnection) throws {
        let behind = try connection.query(
            """
            SELECT FROM ingest.position l LEFT JOIN ingest.replay_position p ON p.replay = $2 AND p.partition = l.partition
            WHERE l.topic = $1 AND l.next_offset > coalesce(p.next_offset, 0)
            """, [topic.rawValue, "\(id)"])
        // As a lock that was not to be had: it is tried again.
        guard behind.rowCount == 0 else { throw PostgresError(action: "swapping", sqlState: "55P03") }
    }

    private func check(_ balance: ShadowBalance, _ request: SwapRequest) throws {
        if balance.byNewerMapping > 0 {
            throw fault(
                "\(Quantity.words(balance.byNewerMapping, "live row")) were made by a newer mapping than the copy's",
                "cancel it and start a new one by today's Topics/")
        }
        let missing = balance.missing
        guard missing != request.dropRows ?? 0 else { return }
        guard missing > 0 else {
            throw fault(
                "--drop-rows names \(Quantity.words(request.dropRows ?? 0, "row")), and none is missing from the copy",
                "leave the option out")
        }
        let what =
            "\(Quantity.words(missing, "live row")) would be lost or put back to what is older: \(Quantity.words(balance.onlyLive.living, "living key")) and \(Quantity.words(balance.onlyLive.marks, "mark")) of deleted ones not in the copy, \(Quantity.words(balance.deletedInShadow, "key")) deleted there, \(Quantity.grouped(balance.older)) of a lower version; mostly today's contract refuses their records, or the log no longer has them"
        let named = request.dropRows.map { ", and --drop-rows names \(Quantity.grouped($0))" } ?? ""
        throw fault(
            what + named,
            "look with `lienthong replay compare \(id)`; --drop-rows \(missing) swaps nevertheless. Nothing was changed"
        )
    }

    /// Views before tables, as readers lock them.
    private func lock(_ dress: TableDress, _ connection: PostgresConnection) throws -> [TableDress.View] {
        _ = try connection.execute("SET LOCAL lock_timeout = \(SQLText.literal(Self.tableLockPatience))")
        for view in try dress.views(over: pairs) { _ = try connection.execute(view.lock) }
        let tables = pairs.flatMap { [$0.liveTable, $0.shadowTable] }
        _ = try connection.execute("LOCK TABLE \(tables.joined(separator: ", ")) IN ACCESS EXCLUSIVE MODE")
        // As they are now that nobody can change them, or make another one.
        try dress.check(pairs, action: action, topic: topic)
        return try dress.views(over: pairs)
    }

    private func rename(
        _ dress: TableDress, _ views: [TableDress.View], _ connection: PostgresConnection
    ) throws {
        for pair in pairs {
            try dress.dress(pair)
            for statement in try dress.renaming(pair, replay: id) { _ = try connection.execute(statement) }
        }
        for view in views { _ = try connection.execute(view.replacement) }
        _ = try connection.query(
            """
            UPDATE ingest.shadow_table t SET old_name = o.name
            FROM unnest($2::text[]) WITH ORDINALITY AS o (name, number) WHERE t.replay = $1 AND t.place = o.number - 1
            """, ["\(id)", "{\(pairs.map { "\"\($0.old)\"" }.joined(separator: ","))}"])
    }

    private func dropOld(_ connection: PostgresConnection) throws(PostgresError) {
        for pair in pairs { _ = try connection.execute("DROP TABLE \(pair.oldTable)") }
        _ = try connection.query("UPDATE ingest.shadow_table SET old_name = NULL WHERE replay = $1", ["\(id)"])
    }

    private func record(
        _ balance: ShadowBalance, _ request: SwapRequest, _ connection: PostgresConnection
    ) throws(PostgresError) {
        _ = try connection.query(
            """
            UPDATE ingest.replay SET status = 'swapped', ended_at = now(), note = NULL, epoch = epoch + 1 WHERE id = $1
            """, ["\(id)"])
        let details = JSON.object([
            ("replay", .integer(id)), ("liveRows", .integer(balance.live.rows)),
            ("shadowRows", .integer(balance.shadow.rows)), ("droppedKeys", .integer(balance.onlyLive.living)),
            ("droppedMarks", .integer(balance.onlyLive.marks)), ("addedKeys", .integer(balance.onlyShadow.living)),
            ("deleted", .integer(balance.deletedInShadow)), ("older", .integer(balance.older)),
            ("oldTablesDropped", .boolean(request.dropOld)),
        ])
        _ = try connection.query(
            """
            INSERT INTO ingest.operation (by, action, topic, because, details)
            VALUES ($1, 'replay-swap', $2, $3, $4::jsonb)
            """, [request.by, topic.rawValue, request.because, details.text])
    }
}

/// The tables that a copy has replaced.
package struct OldTables {
    private let connection: PostgresConnection

    package init(connection: PostgresConnection) { self.connection = connection }

    /// Drops them for good; recorded.
    /// - Returns: what they were called.
    /// - Throws: `UserError` where there are none, or something has been made that stands on them.
    package func drop(replay id: Int64, by: String, because: String) throws -> [String] {
        func fault(_ cause: String, _ nextStep: String, _ status: ExitStatus) -> UserError {
            UserError(
                action: "dropping the tables of before", subject: "replay \(id)", cause: cause, nextStep: nextStep,
                status: status)
        }
        do {
            _ = try connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '5s'")
            let rows = try connection.query(
                """
                SELECT t.schema_name, t.old_name, r.topic FROM ingest.shadow_table t JOIN ingest.replay r ON r.id = t.replay
                WHERE r.id = $1 AND r.status = 'swapped' AND t.old_name IS NOT NULL ORDER BY t.place DESC
                FOR UPDATE OF t
                """, ["\(id)"])
            guard rows.rowCount > 0 else {
                throw fault(
                    "it has left none: it was not swapped in, or they were dropped already",
                    "`lienthong replay status --all` shows all", .no)
            }
            var names: [String] = []
            for row in 0..<rows.rowCount {
                guard let schema = rows[row, 0], let name = rows[row, 1] else { continue }
                _ = try connection.execute("DROP TABLE IF EXISTS \(ShadowPair.quoted(schema, name))")
                names.append("\(schema).\(name)")
            }
            _ = try connection.query("UPDATE ingest.shadow_table SET old_name = NULL WHERE replay = $1", ["\(id)"])
            _ = try connection.query(
                """
                INSERT INTO ingest.operation (by, action, topic, because, details)
                VALUES ($1, 'replay-drop-old', $2, $3, $4::jsonb)
                """,
                [
                    by, rows[0, 2], because,
                    JSON.object([
                        ("replay", .integer(id)), ("tables", .array(names.map { .string($0) })),
                    ]).text,
                ])
            _ = try connection.execute("COMMIT")
            return names.reversed()
        } catch {
            if !connection.isBroken, connection.inTransaction { _ = try connection.execute("ROLLBACK") }
            guard let refused = error as? PostgresError else { throw error }
            switch refused.sqlState {
            case "2BP01":
                throw fault("something was made that stands on them", "drop that first; nothing was changed", .no)
            case "55P03": throw fault("others are reading them", "try again later; nothing was changed", .no)
            default: throw error
            }
        }
    }
}
