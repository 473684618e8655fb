// The ordinary connection to a feed's source: its checks, the feed's lock, the slot, and records by page and by
// identity.
import Model
import Postgres

/// A row of the feed's query. It is never printed.
struct SourceRow {
    let identity: [String]
    let key: [UInt8]?
    let version: String?
    let isStateSecret: Bool
    /// RFC 3339, or nil where the source has no such time.
    let recordAt: String?
    let value: [UInt8]?
}

/// Confined to the publisher's thread.
final class SourceDatabase {
    /// Above this many bytes of values in one page, the next page asks for half as many rows.
    static let pageBytesMax = 16_777_216
    /// Records read again by one statement, at most.
    static let identitiesMax = 1_000

    let definition: FeedDefinition
    private let connection: PostgresConnection

    init(_ definition: FeedDefinition, url: String) throws {
        self.definition = definition
        connection = try PostgresConnection(url, applicationName: "lienthong publisher \(definition.feed)")
    }

    func close() { connection.close() }

    // MARK: The lock

    /// One publisher a feed: two on one slot would fight, and two on one feed would publish everything twice.
    /// The lock lives with this connection.
    func tryLock() throws -> Bool {
        try connection.query(
            "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", ["lienthong publisher \(definition.feed)"]
        )[0, 0] == "t"
    }

    /// Throws where the connection broke, and the lock with it.
    func verifyLock() throws { _ = try scalar("SELECT 1") }

    // MARK: Checks

    /// - Throws: `UserError` where the source cannot feed: each says what its owner has to do.
    func check() throws {
        guard try scalar("SELECT current_setting('wal_level')") == "logical" else {
            throw refused("wal_level is not logical", "set wal_level = logical in its postgresql.conf and restart it")
        }
        let root = definition.root
        try checkTable(
            root.table,
            needed: root.identity.map(\.column) + root.recordKey + [root.version]
                + (definition.stateSecret.map { [$0] } ?? [])
        )
        for child in definition.children { try checkTable(child.table, needed: child.identity) }
        try checkIdentity()
        try checkColumn(
            root.version,
            types: root.versionFormat == .integer ? ["smallint", "integer", "bigint"] : ["timestamp with time zone"]
        )
        if let stateSecret = definition.stateSecret { try checkColumn(stateSecret, types: ["boolean"]) }
        try checkQuery()
    }

    private func checkTable(_ table: FeedDefinition.TableName, needed: [String]) throws {
        let found = try connection.query(
            """
            SELECT c.oid::text, c.relkind::text, c.relreplident::text
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2
            """, [table.schema, table.name]
        )
        guard found.rowCount == 1, let oid = found[0, 0] else {
            throw refused("it has no table \(table)", "correct the feed, or create the table")
        }
        guard found[0, 1] == "r" else {
            throw refused(
                "\(table) is not an ordinary table", "feed from ordinary tables (partitioned ones are not supported)")
        }
        // Old tuples carry the columns of the replica identity only.
        let columns = try connection.query(
            """
            SELECT a.attname, ($2 = 'f' OR coalesce(a.attnum = ANY (i.indkey::int2[]), false))::text
            FROM pg_attribute a
            LEFT JOIN pg_index i ON i.indrelid = a.attrelid
                AND (($2 = 'd' AND i.indisprimary) OR ($2 = 'i' AND i.indisreplident))
            WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
            """, [oid, found[0, 2]]
        )
        var covered: [String: Bool] = [:]
        for row in 0..<columns.rowCount { covered[columns[row, 0] ?? ""] = columns[row, 1] == "true" }
        for column in needed {
            guard let isCovered = covered[column] else {
                throw refused("\(table) has no column \(column)", "correct the feed, or add the column")
            }
            if !isCovered {
                throw refused(
                    "old rows of \(table) do not tell \(column), which tombstones need",
                    "let its owner run: ALTER TABLE \(table) REPLICA IDENTITY FULL"
                )
            }
        }
    }

    /// A page of the snapshot ends between two identities, so these have to be unique and never null.
    private func checkIdentity() throws {
        let root = definition.root
        for column in root.identity {
            let found = try connection.query(
                """
                SELECT (a.atttypid = to_regtype($3))::text, a.attnotnull::text FROM pg_attribute a
                WHERE a.attrelid = to_regclass($1) AND a.attname = $2
                """, ["\(root.table)", column.column, column.type]
            )
            guard found.rowCount == 1, found[0, 0] == "true" else {
                throw refused(
                    "\(root.table).\(column.column) is not of type \(column.type)", "correct the feed's identity")
            }
            guard found[0, 1] == "true" else {
                throw refused("\(root.table).\(column.column) may be null", "feed by the columns of the primary key")
            }
        }
        let unique = try connection.query(
            """
            SELECT count(*) FROM pg_index i WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid
                AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT EXISTS (
                    SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (number, place)
                    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                    WHERE k.place <= i.indnkeyatts AND NOT a.attname = ANY ($2::text[]))
            """, ["\(root.table)", Self.arrayLiteral(root.identity.map(\.column))]
        )
        guard let count = unique[0, 0], count != "0" else {
            throw refused(
                "no unique index of \(root.table) has only the identity's columns",
                "feed by the columns of the primary key"
            )
        }
    }

    private func checkColumn(_ column: String, types: [String]) throws {
        let type = try connection.query(
            "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2",
            ["\(definition.root.table)", column]
        )[0, 0]
        guard let type, types.contains(type) else {
            throw refused(
                "\(definition.root.table).\(column) is not of type \(types.joined(separator: " or "))",
                "correct the feed"
            )
        }
    }

    private func checkQuery() throws {
        let result = try connection.query("SELECT * FROM (\(definition.query)\n) q LIMIT 0")
        let wanted = definition.root.identity.map(\.column) + FeedDefinition.Column.allCases.map(\.rawValue)
        for column in wanted where !result.columns.contains(column) {
            throw refused("the feed's query returns no column \(column)", "add it to the query")
        }
    }

    /// Creates the publication where there is none; the slot must come after it, since decoding looks for the
    /// publication as it was at each change.
    func checkPublication(slotExists: Bool) throws {
        let name = definition.publication
        let tables = definition.tables.map { "\($0)" }.joined(separator: ", ")
        let found = try connection.query(
            "SELECT (puballtables OR (pubinsert AND pubupdate AND pubdelete AND pubtruncate))::text, "
                + "(pubinsert AND pubupdate AND pubdelete AND pubtruncate)::text FROM pg_publication WHERE pubname = $1",
            [name]
        )
        if found.rowCount == 0 {
            if slotExists {
                throw refused(
                    "publication \(name) is gone, but its replication slot is there: changes may have passed it by",
                    "let its owner drop slot \(definition.slot), then run with --resnapshot"
                )
            }
            do {
                _ = try connection.execute("CREATE PUBLICATION \(name) FOR TABLE \(tables)")
            } catch {
                guard error.fault == .ours else { throw error }
                throw refused(
                    "this role may not create publication \(name) (\(error))",
                    "let the tables' owner run: CREATE PUBLICATION \(name) FOR TABLE \(tables)"
                )
            }
            return
        }
        guard found[0, 1] == "true" else {
            throw refused(
                "publication \(name) leaves out some kinds of change",
                "let its owner run: ALTER PUBLICATION \(name) SET (publish = 'insert, update, delete, truncate')"
            )
        }
        for table in definition.tables {
            // By way of JSON, since PostgreSQL before 15 has neither of the two columns.
            let member = try connection.query(
                """
                SELECT ((to_jsonb(p) ->> 'rowfilter') IS NULL AND coalesce(jsonb_array_length(to_jsonb(p) -> 'attnames') >= (
                    SELECT count(*) FROM pg_attribute a WHERE a.attrelid = to_regclass($2) AND a.attnum > 0
                        AND NOT a.attisdropped AND a.attgenerated = ''), true))::text
                FROM pg_publication_tables p WHERE p.pubname = $1 AND format('%s.%s', p.schemaname, p.tablename) = $2
                """, [name, "\(table)"]
            )
            guard member.rowCount == 1 else {
                throw refused(
                    "publication \(name) has no table \(table)",
                    "let its owner run: ALTER PUBLICATION \(name) ADD TABLE \(table)"
                )
            }
            guard member[0, 0] == "true" else {
                throw refused(
                    "publication \(name) has a row filter or a column list on \(table)",
                    "let its owner publish the whole table"
                )
            }
        }
    }

    // MARK: The slot

    func slot() throws -> SlotState? {
        let found = try connection.query(
            """
            SELECT confirmed_flush_lsn::text, coalesce(wal_status = 'lost', false)::text,
                (slot_type = 'logical' AND plugin = 'pgoutput' AND database = current_database())::text
            FROM pg_replication_slots WHERE slot_name = $1
            """, [definition.slot]
        )
        guard found.rowCount == 1 else { return nil }
        return SlotState(
            confirmed: found[0, 0].flatMap { LSN($0) }, isLost: found[0, 1] == "true", isOurs: found[0, 2] == "true"
        )
    }

    func dropSlot() throws {
        _ = try connection.query(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1",
            [definition.slot]
        )
    }

    func dropPublication() throws { _ = try connection.execute("DROP PUBLICATION IF EXISTS \(definition.publication)") }

    /// Making a slot waits for the transactions open at the source. It is tried for a bounded time, since the caller
    /// has to see whether it is asked to stop; an attempt given up leaves no slot.
    /// - Returns: the position from which the slot holds every change, or nil after `seconds`.
    func createSlot(seconds: Int) throws -> LSN? {
        _ = try connection.query("SELECT set_config('statement_timeout', $1, false)", ["\(seconds)s"])
        defer { _ = try? connection.query("SELECT set_config('statement_timeout', '0', false)") }
        do {
            let made = try connection.query(
                "SELECT lsn::text FROM pg_create_logical_replication_slot($1, 'pgoutput')", [definition.slot]
            )
            return made[0, 0].flatMap { LSN($0) }
        } catch {
            guard error.sqlState == "57014" else { throw error }
            return nil
        }
    }

    // MARK: What is visible

    /// A transaction is in the log before other sessions can see its rows; with synchronous replication long before.
    /// Read in between, a record would be published as it was, and nothing would ever publish it as it is. These two
    /// answers close that window, for the snapshot and for the stream.
    func firstUnassignedTransaction() throws -> Int64 {
        try scalar("SELECT pg_snapshot_xmax(pg_current_snapshot())").flatMap { Int64($0) } ?? 0
    }

    /// Whether every transaction below `id` has ended, and shows.
    func haveEnded(below id: Int64) throws -> Bool {
        try scalar("SELECT pg_snapshot_xmin(pg_current_snapshot())").flatMap { Int64($0) } ?? 0 >= id
    }

    /// - Parameter ids: 32-bit ids from the change stream, all of committed transactions.
    func areVisible(_ ids: [UInt32]) throws -> Bool {
        if ids.isEmpty { return true }
        // Asked for each time: an id remembered from long ago would widen to the wrong 2³².
        let near = try firstUnassignedTransaction()
        let wide = ids.map { "\(Self.widen($0, near: near))" }
        return try connection.query(
            "SELECT bool_and(pg_visible_in_snapshot(x::xid8, pg_current_snapshot()))::text FROM unnest($1::text[]) x",
            [Self.arrayLiteral(wide)]
        )[0, 0] == "true"
    }

    /// The 64-bit id with these low 32 bits that lies nearest: ids of live transactions are never 2³¹ apart.
    static func widen(_ id: UInt32, near: Int64) -> Int64 {
        near + Int64(Int32(truncatingIfNeeded: Int64(id) - near))
    }

    /// The end of the log that is on the source's disk.
    func flushedLSN() throws -> LSN? { try scalar("SELECT pg_current_wal_flush_lsn()::text").flatMap { LSN($0) } }

    // MARK: Records

    /// The records that follow `identity` in the identity's order, at most `limit`.
    func page(after identity: [String]?, limit: Int) throws -> [SourceRow] {
        let columns = definition.root.identity
        let order = columns.map { "q.\($0.column)" }.joined(separator: ", ")
        var condition = ""
        if identity != nil {
            let places = columns.indices.map { "$\($0 + 1)::\(columns[$0].type)" }.joined(separator: ", ")
            condition = "WHERE (\(order)) > (\(places))"
        }
        let result = try connection.query(
            "SELECT \(Self.list(definition)) FROM (\(definition.query)\n) q \(condition) ORDER BY \(order) LIMIT \(limit)",
            identity ?? []
        )
        return rows(result)
    }

    /// The records of these identities as they are now; those that are gone are left out.
    func records(_ identities: ArraySlice<[String]>) throws -> [SourceRow] {
        let columns = definition.root.identity
        var condition = "q.\(columns[0].column) = ANY ($1::\(columns[0].type)[])"
        if columns.count > 1 {
            // The first condition alone can be answered from an index inside a grouped query; the second is the exact
            // one.
            let names = columns.map { "q.\($0.column)" }.joined(separator: ", ")
            let arrays = columns.indices.map { "$\($0 + 1)::\(columns[$0].type)[]" }.joined(separator: ", ")
            condition += " AND (\(names)) IN (SELECT * FROM unnest(\(arrays)))"
        }
        let parameters = columns.indices.map { column in Self.arrayLiteral(identities.map { $0[column] }) }
        return rows(
            try connection.query(
                "SELECT \(Self.list(definition)) FROM (\(definition.query)\n) q WHERE \(condition)", parameters
            )
        )
    }

    /// How many rows to ask for next, so that neither few large nor many small ones fill the memory.
    static func limit(after rows: [SourceRow], _ limit: Int, most: Int) -> Int {
        let bytes = rows.reduce(0) { $0 + ($1.value?.count ?? 0) }
        return bytes > pageBytesMax ? max(1, limit / 2) : min(most, limit * 2)
    }

    private static func list(_ definition: FeedDefinition) -> String {
        (definition.root.identity.map(\.column) + FeedDefinition.Column.allCases.map(\.rawValue)).map { "q.\($0)" }
            .joined(separator: ", ")
    }

    private func rows(_ result: PostgresResult) -> [SourceRow] {
        let count = definition.root.identity.count
        return (0..<result.rowCount).map { row in
            SourceRow(
                identity: (0..<count).map { result[row, $0] ?? "" },
                key: result.withBytes(row, count) { $0.map { [UInt8]($0) } },
                version: result[row, count + 1],
                // Anything but a clear no keeps the row back.
                isStateSecret: !(result[row, count + 2] == nil || result[row, count + 2] == "f"),
                recordAt: result[row, count + 3].flatMap(SourceTime.rfc3339),
                value: result.withBytes(row, count + 4) { $0.map { [UInt8]($0) } }
            )
        }
    }

    // MARK: Helpers

    private func scalar(_ sql: String) throws -> String? { try connection.query(sql)[0, 0] }

    private func refused(_ cause: String, _ nextStep: String) -> UserError {
        UserError(
            action: "publishing feed \(definition.feed) from", subject: "source \(definition.source)", cause: cause,
            nextStep: nextStep, status: .configuration
        )
    }

    /// `{"…","…"}`: every element quoted, so that no value can end the array.
    static func arrayLiteral(_ values: [String]) -> String {
        var literal = "{"
        for (index, value) in values.enumerated() {
            if index > 0 { literal += "," }
            literal += "\""
            for character in value.unicodeScalars {
                if character == "\"" || character == "\\" { literal += "\\" }
                literal.unicodeScalars.append(character)
            }
            literal += "\""
        }
        return literal + "}"
    }
}
