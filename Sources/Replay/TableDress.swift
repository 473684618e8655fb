// What a table has beside its rows, as the catalogue tells it: what a copy takes over, and what nothing could take over.
import Model
import Postgres

struct TableDress {
    let connection: PostgresConnection

    // MARK: What cannot be carried over

    /// - Throws: `UserError` naming all that ties something to the live tables themselves and not to their names.
    func check(_ pairs: [ShadowPair], action: String, topic: TopicName) throws {
        var obstacles: [String] = []
        for pair in pairs {
            let found = try connection.query(Self.obstacles, [pair.schema, pair.live])
            obstacles += (0..<found.rowCount).compactMap { found[$0, 0].map { "\(pair.schema).\(pair.live) \($0)" } }
        }
        guard !obstacles.isEmpty else { return }
        throw UserError(
            action: action, subject: topic.rawValue,
            cause: "what stands on a table would not go over to its copy: \(obstacles.joined(separator: "; "))",
            nextStep: "take it away for the time being, or replay into the live tables; nothing was changed",
            status: .no)
    }

    private static let obstacles = """
        WITH m AS (
          SELECT c.*, (SELECT t.typarray FROM pg_type t WHERE t.oid = c.reltype) AS array_type
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2)
        SELECT 'is not there' WHERE NOT EXISTS (SELECT FROM m)
        UNION ALL SELECT 'is no ordinary table' FROM m
          WHERE relkind <> 'r' OR relispartition OR relpersistence <> 'p' OR reloftype <> 0
        UNION ALL SELECT 'inherits, or is inherited' FROM m
          WHERE EXISTS (SELECT FROM pg_inherits i WHERE m.oid IN (i.inhrelid, i.inhparent))
        UNION ALL SELECT 'has the foreign key ' || k.conname FROM m JOIN pg_constraint k ON k.conrelid = m.oid
          WHERE k.contype = 'f'
        UNION ALL SELECT format('is referred to by the foreign key %s of %s', k.conname, k.conrelid::regclass)
          FROM m JOIN pg_constraint k ON k.confrelid = m.oid WHERE k.contype = 'f' AND k.conrelid <> m.oid
        UNION ALL SELECT 'has the trigger ' || t.tgname FROM m JOIN pg_trigger t ON t.tgrelid = m.oid
          WHERE NOT t.tgisinternal
        UNION ALL SELECT 'has row-level security' FROM m
          WHERE relrowsecurity OR relforcerowsecurity OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = m.oid)
        UNION ALL SELECT 'has the rule ' || w.rulename FROM m JOIN pg_rewrite w ON w.ev_class = m.oid
        UNION ALL SELECT 'is in the publication ' || p.pubname FROM pg_publication_tables p
          WHERE p.schemaname = $1 AND p.tablename = $2
        UNION ALL SELECT 'owns the sequence ' || s.relname FROM m
          JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = m.oid AND d.deptype IN ('a', 'i')
          JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S'
        UNION ALL SELECT 'has a security label' FROM m
          WHERE EXISTS (SELECT FROM pg_seclabel l WHERE l.classoid = 'pg_class'::regclass AND l.objoid = m.oid)
        UNION ALL SELECT 'has an index as its replica identity' FROM m WHERE relreplident = 'i'
        UNION ALL SELECT DISTINCT 'is used by ' || pg_describe_object(d.classid, d.objid, 0)
          FROM m JOIN pg_depend d ON d.deptype = 'n' AND (
            d.refclassid = 'pg_class'::regclass AND d.refobjid = m.oid
            OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (m.reltype, m.array_type))
          WHERE NOT (d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND EXISTS (
              SELECT FROM pg_rewrite w JOIN pg_class v ON v.oid = w.ev_class
              WHERE w.oid = d.objid AND (v.relkind = 'v' AND w.rulename = '_RETURN' OR v.oid = m.oid)))
            AND NOT (d.classid = 'pg_constraint'::regclass AND EXISTS (
              SELECT FROM pg_constraint k WHERE k.oid = d.objid AND (k.conrelid = m.oid OR k.contype = 'f')))
            AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (
              SELECT FROM pg_index i WHERE i.indexrelid = d.objid AND i.indrelid = m.oid))
            AND d.classid NOT IN ('pg_attrdef'::regclass, 'pg_policy'::regclass, 'pg_trigger'::regclass)
        """

    // MARK: The copy

    /// Makes an empty copy, dressed as the live table is.
    func copy(_ pair: ShadowPair) throws(PostgresError) {
        let storage = try connection.query(
            """
            SELECT format(' USING %I', a.amname) || coalesce(' WITH (' || nullif(concat_ws(', ',
                (SELECT string_agg(format('%I = %L', option_name, option_value), ', ')
                 FROM pg_options_to_table(c.reloptions)),
                (SELECT string_agg(format('toast.%I = %L', option_name, option_value), ', ')
                 FROM pg_class t, pg_options_to_table(t.reloptions) WHERE t.oid = c.reltoastrelid)), '') || ')', '')
              || CASE WHEN s.oid IS NULL THEN '' ELSE format(' TABLESPACE %I', s.spcname) END
            FROM pg_class c JOIN pg_am a ON a.oid = c.relam LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
            WHERE c.oid = $1::regclass
            """, [pair.liveTable])
        let clauses = storage.rowCount == 0 ? "" : storage[0, 0] ?? ""
        _ = try connection.execute(
            "CREATE TABLE \(pair.shadowTable) (LIKE \(pair.liveTable) INCLUDING ALL)\(clauses)")
        try dress(pair)
    }

    /// Gives the copy what `LIKE` leaves out, and what has changed on the live table since.
    func dress(_ pair: ShadowPair) throws(PostgresError) {
        // A change of owner changes the grants, so these are looked at afterwards.
        for statements in [Self.owner, Self.rest] {
            let found = try connection.query(statements, [pair.liveTable, pair.shadowTable])
            for row in 0..<found.rowCount {
                if let statement = found[row, 0] { _ = try connection.execute(statement) }
            }
        }
    }

    /// The two tables, and how the copy is called in a statement.
    private static let both = """
        WITH l AS (SELECT * FROM pg_class WHERE oid = $1::regclass), s AS (SELECT * FROM pg_class WHERE oid = $2::regclass),
        b AS (SELECT l.oid AS live, s.oid AS shadow, format('%I.%I', n.nspname, s.relname) AS name
          FROM l, s JOIN pg_namespace n ON n.oid = s.relnamespace)
        """

    private static let owner = """
        \(both)
        SELECT format('ALTER TABLE %s OWNER TO %I', b.name, pg_get_userbyid(l.relowner))
        FROM b, l, s WHERE l.relowner <> s.relowner
        """

    private static let rest = """
        \(both),
        columns AS (
          SELECT ls.attname, ls.attnum, ls.attacl AS acl, ss.attacl AS shadow_acl, ls.attstattarget AS target,
            ss.attstattarget AS shadow_target, \(options("ls")) AS options, \(options("ss")) AS shadow_options,
            col_description(b.live, ls.attnum) AS words, col_description(b.shadow, ss.attnum) AS shadow_words
          FROM b JOIN pg_attribute ls ON ls.attrelid = b.live AND ls.attnum > 0 AND NOT ls.attisdropped
          JOIN pg_attribute ss ON ss.attrelid = b.shadow AND ss.attname = ls.attname AND NOT ss.attisdropped),
        changed AS (SELECT l.relacl IS DISTINCT FROM s.relacl OR EXISTS (
            SELECT FROM columns c WHERE c.acl IS DISTINCT FROM c.shadow_acl) AS grants FROM l, s)
        SELECT statement FROM (
          SELECT 1 AS place, format('COMMENT ON TABLE %s IS %L', b.name, obj_description(b.live, 'pg_class')) AS statement
          FROM b WHERE obj_description(b.live, 'pg_class') IS DISTINCT FROM obj_description(b.shadow, 'pg_class')
          UNION ALL SELECT 2, format('COMMENT ON COLUMN %s.%I IS %L', b.name, attname, words) FROM b, columns
            WHERE words IS DISTINCT FROM shadow_words
          UNION ALL SELECT 3, format('ALTER TABLE %s RESET (%s)', b.name, string_agg(quote_ident(o.option_name), ', '))
            FROM b, l, s, pg_options_to_table(s.reloptions) o
            WHERE o.option_name NOT IN (SELECT option_name FROM pg_options_to_table(l.reloptions)) GROUP BY b.name
          UNION ALL SELECT 4, format('ALTER TABLE %s SET (%s)', b.name,
              string_agg(format('%I = %L', o.option_name, o.option_value), ', '))
            FROM b, l, s, pg_options_to_table(l.reloptions) o WHERE l.reloptions IS DISTINCT FROM s.reloptions
            GROUP BY b.name
          UNION ALL SELECT 5, format('ALTER TABLE %s REPLICA IDENTITY %s', b.name,
              CASE l.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE 'DEFAULT' END)
            FROM b, l, s WHERE l.relreplident <> s.relreplident
          UNION ALL SELECT 6, format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', b.name, attname,
              coalesce(target, -1))
            FROM b, columns WHERE coalesce(target, -1) <> coalesce(shadow_target, -1)
          UNION ALL SELECT 7, format('ALTER TABLE %s ALTER COLUMN %I SET (%s)', b.name, attname, options)
            FROM b, columns WHERE options IS NOT NULL AND options IS DISTINCT FROM shadow_options
          UNION ALL SELECT DISTINCT 8, format('REVOKE ALL ON %s FROM %s', b.name, \(grantee))
            FROM b, changed, (SELECT grantee FROM s, aclexplode(coalesce(s.relacl, acldefault('r', s.relowner)))
              UNION SELECT grantee FROM columns, aclexplode(shadow_acl)) a WHERE changed.grants
          UNION ALL SELECT 9, format('GRANT %s ON %s TO %s%s', a.privilege_type, b.name, \(grantee),
              CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END)
            FROM b, l, changed, aclexplode(coalesce(l.relacl, acldefault('r', l.relowner))) a WHERE changed.grants
          UNION ALL SELECT 10, format('GRANT %s (%I) ON %s TO %s%s', a.privilege_type, c.attname, b.name, \(grantee),
              CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END)
            FROM b, columns c, changed, aclexplode(c.acl) a WHERE changed.grants
        ) AS statements ORDER BY place
        """

    /// Those of a column that people set: the server keeps marks of its own among them (`pg_attver` since 15.20).
    private static func options(_ column: String) -> String {
        """
        (SELECT string_agg(format('%I = %L', option_name, option_value), ', ' ORDER BY option_name)
         FROM pg_options_to_table(\(column).attoptions) WHERE option_name LIKE 'n\\_distinct%')
        """
    }

    private static let grantee =
        "CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END"

    // MARK: Whether they are still alike

    /// What one of the two tables has and the other has not; nil where they are alike.
    func difference(_ pair: ShadowPair) throws(PostgresError) -> String? {
        let live = Self.facts("$1::regclass")
        let shadow = Self.facts("$2::regclass")
        let found = try connection.query(
            """
            SELECT DISTINCT kind || ' ' || name FROM (
              ((\(live)) EXCEPT ALL (\(shadow))) UNION ALL ((\(shadow)) EXCEPT ALL (\(live)))) AS f ORDER BY 1 LIMIT 5
            """, [pair.liveTable, pair.shadowTable])
        guard found.rowCount > 0 else { return nil }
        return (0..<found.rowCount).compactMap { found[$0, 0] }.joined(separator: ", ")
    }

    private static func facts(_ table: String) -> String {
        """
        SELECT 'column' AS kind, a.attname::text AS name, concat_ws('|', row_number() OVER (ORDER BY a.attnum),
            format_type(a.atttypid, a.atttypmod), a.attcollation, a.attnotnull, a.attidentity, a.attgenerated,
            a.attstorage, a.attcompression, pg_get_expr(d.adbin, d.adrelid)) AS fact
        FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = \(table) AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL SELECT 'constraint', conname::text, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid = \(table) AND contype = 'c'
        UNION ALL SELECT 'index or key', shape, shape FROM (\(indexes(table))) AS i
        UNION ALL SELECT 'statistics', shape, shape FROM (\(statistics(table))) AS i
        """
    }

    /// Name, shape and number among those of one shape, by which those of two tables are paired off.
    private static func indexes(_ table: String) -> String {
        """
        SELECT name, shape, row_number() OVER (PARTITION BY shape ORDER BY name) AS number FROM (
          SELECT c.relname::text AS name, concat_ws(' ', CASE WHEN i.indisprimary THEN 'PRIMARY KEY'
              WHEN i.indisunique THEN 'UNIQUE' END, substring(pg_get_indexdef(c.oid) FROM ' USING .*$'),
            (SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
             WHERE k.conindid = c.oid AND k.conrelid = i.indrelid AND k.contype IN ('u', 'x'))) AS shape
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = \(table) AND i.indisvalid) AS i
        """
    }

    private static func statistics(_ table: String) -> String {
        """
        SELECT schema, name, shape, row_number() OVER (PARTITION BY shape ORDER BY name) AS number FROM (
          SELECT n.nspname::text AS schema, x.stxname::text AS name,
            x.stxkind::text || ' ON ' || pg_get_statisticsobjdef_columns(x.oid) AS shape
          FROM pg_statistic_ext x JOIN pg_namespace n ON n.oid = x.stxnamespace WHERE x.stxrelid = \(table)) AS x
        """
    }

    // MARK: Names

    /// The statements after which the copy and what belongs to it have the live names, and the live ones the names of old.
    func renaming(_ pair: ShadowPair, replay: Int64) throws(PostgresError) -> [String] {
        let schema = SQLText.identifier(pair.schema)
        var away = ["ALTER TABLE \(pair.liveTable) RENAME TO \(SQLText.identifier(pair.old))"]
        var into = ["ALTER TABLE \(pair.shadowTable) RENAME TO \(SQLText.identifier(pair.live))"]
        func rename(_ kind: String, _ schema: String, live: String, shadowSchema: String, shadow: String) {
            let old = SQLText.identifier(ShadowTables.oldName(live, replay: replay))
            away.append("ALTER \(kind) \(schema).\(SQLText.identifier(live)) RENAME TO \(old)")
            into.append(
                "ALTER \(kind) \(shadowSchema).\(SQLText.identifier(shadow)) RENAME TO \(SQLText.identifier(live))")
        }
        let indexes = try connection.query(
            """
            SELECT l.name, s.name FROM (\(Self.indexes("$1::regclass"))) AS l
            JOIN (\(Self.indexes("$2::regclass"))) AS s USING (shape, number) ORDER BY 1
            """, [pair.liveTable, pair.shadowTable])
        for row in 0..<indexes.rowCount {
            // An index is in its table's schema; with it goes the constraint that it serves.
            guard let live = indexes[row, 0], let shadow = indexes[row, 1] else { continue }
            rename("INDEX", schema, live: live, shadowSchema: schema, shadow: shadow)
        }
        let statistics = try connection.query(
            """
            SELECT l.schema, l.name, s.schema, s.name FROM (\(Self.statistics("$1::regclass"))) AS l
            JOIN (\(Self.statistics("$2::regclass"))) AS s USING (shape, number) ORDER BY 1, 2
            """, [pair.liveTable, pair.shadowTable])
        for row in 0..<statistics.rowCount {
            guard let liveSchema = statistics[row, 0], let live = statistics[row, 1],
                let shadowSchema = statistics[row, 2], let shadow = statistics[row, 3]
            else { continue }
            rename(
                "STATISTICS", SQLText.identifier(liveSchema), live: live,
                shadowSchema: SQLText.identifier(shadowSchema), shadow: shadow)
        }
        return away + into
    }

    // MARK: Views

    /// A view that reads one of the tables: it knows the table itself, not its name.
    struct View {
        /// Quoted, with its schema.
        let name: String
        let owner: String
        let definition: String
        /// As in `WITH (…)`; nil for none.
        let options: String?

        /// Takes an exclusive lock of the view alone and changes nothing. `LOCK TABLE` would lock its tables, too, out of
        /// order.
        var lock: String { "ALTER VIEW \(name) OWNER TO \(owner)" }
        /// Keeps owner, grants, comments and whoever reads the view; options are kept only where they are said again.
        var replacement: String {
            "CREATE OR REPLACE VIEW \(name)\(options.map { " WITH (\($0))" } ?? "") AS \(definition)"
        }
    }

    /// Those that read a table directly: others read these, which stay what they are. With an empty search path, or the
    /// names within would not be whole.
    func views(over pairs: [ShadowPair]) throws(PostgresError) -> [View] {
        let tables = pairs.map { "\(SQLText.literal($0.liveTable))::regclass" }.joined(separator: ", ")
        let found = try connection.query(
            """
            SELECT format('%I.%I', n.nspname, v.relname), quote_ident(pg_get_userbyid(v.relowner)), pg_get_viewdef(v.oid),
              (SELECT string_agg(format('%I = %L', option_name, option_value), ', ')
               FROM pg_options_to_table(v.reloptions))
            FROM pg_class v JOIN pg_namespace n ON n.oid = v.relnamespace
            WHERE v.relkind = 'v' AND v.oid IN (
              SELECT w.ev_class FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid AND w.rulename = '_RETURN'
              WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
                AND d.refobjid IN (\(tables)))
            ORDER BY v.oid
            """)
        return (0..<found.rowCount).map { row in
            guard let name = found[row, 0], let owner = found[row, 1], let definition = found[row, 2] else {
                preconditionFailure("a view has a name, an owner and a definition")
            }
            return View(name: name, owner: owner, definition: definition, options: found[row, 3])
        }
    }
}
