// Does the national database have the tables that a topic's mapping names?
package import Contracts
package import Postgres

package enum TableCheck {
    /// What is missing or of the wrong type for the topic, one sentence each; empty if all fits.
    package static func findings(
        of definition: TopicDefinition, connection: PostgresConnection
    ) throws -> [String] {
        let plans = try TablePlanBuilder.plan(for: definition)
        var findings: [String] = []
        var wanted = try TablePlanBuilder.requiredColumns(for: definition).map {
            (schema: $0.table.schema, table: $0.table.name, column: $0.column, type: Optional($0.type))
        }
        for marker in MappingReader.markerColumns.sorted() {
            wanted.append((plans.table.schema, plans.table.name, marker, nil))
        }
        let tables = Set(wanted.map { "\($0.schema).\($0.table)" }).sorted().joined(separator: ",")
        // A domain takes what the type beneath it takes.
        let columns = try connection.query(
            """
            WITH RECURSIVE base (id, type) AS (
                SELECT oid, oid FROM pg_type WHERE typtype <> 'd'
                UNION ALL SELECT d.oid, b.type FROM pg_type d JOIN base b ON b.id = d.typbasetype WHERE d.typtype = 'd'
            )
            SELECT n.nspname || '.' || c.relname || '.' || a.attname, t.typname
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN base b ON b.id = a.atttypid JOIN pg_type t ON t.oid = b.type
            WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
              AND n.nspname || '.' || c.relname = ANY (string_to_array($1, ','))
            """,
            [tables]
        )
        var types: [String: String] = [:]
        for row in 0..<columns.rowCount {
            if let name = columns[row, 0], let type = columns[row, 1] { types[name] = type }
        }
        for want in wanted {
            let name = "\(want.schema).\(want.table).\(want.column)"
            guard let type = types[name] else {
                findings.append("\(definition.name): the database has no column \(name)")
                continue
            }
            if let expected = want.type, !expected.assignableTypes.contains(type) {
                findings.append(
                    "\(definition.name): column \(name) is of type \(type), which the field's \(expected.rawValue) is not assigned to"
                )
            }
        }
        return try findings + keyFindings(of: definition, tables: tables, connection: connection) { types[$0] != nil }
    }

    /// Tables whose rows are told apart by other columns than the mapping's: two would be one, or one two.
    private static func keyFindings(
        of definition: TopicDefinition, tables: String, connection: PostgresConnection, has: (String) -> Bool
    ) throws -> [String] {
        let rows = try connection.query(
            """
            SELECT n.nspname || '.' || c.relname, a.attname
            FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k (attnum, place) ON k.place <= i.indnkeyatts
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
            WHERE i.indisprimary AND n.nspname || '.' || c.relname = ANY (string_to_array($1, ','))
            ORDER BY 1, k.place
            """,
            [tables]
        )
        var found: [String: [String]] = [:]
        for row in 0..<rows.rowCount {
            if let table = rows[row, 0], let column = rows[row, 1] { found[table, default: []].append(column) }
        }
        let keys = Dictionary(grouping: try TablePlanBuilder.requiredColumns(for: definition).filter(\.isKey)) {
            $0.table.description
        }
        return keys.sorted { $0.key < $1.key }.compactMap { table, columns in
            let key = columns.map(\.column)
            // A column that is not there is a finding already.
            guard key.allSatisfy({ has("\(table).\($0)") }), Set(found[table] ?? []) != Set(key) else { return nil }
            let words = found[table].map { "the primary key \($0.joined(separator: ", "))" } ?? "no primary key"
            return "\(definition.name): \(table) has \(words): expected \(key.joined(separator: ", "))"
        }
    }
}
