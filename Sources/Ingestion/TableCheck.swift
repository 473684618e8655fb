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
        for marker in markerColumns { wanted.append((plans.table.schema, plans.table.name, marker, nil)) }
        for child in plans.children { wanted.append((child.schema, child.name, "position", nil)) }
        let columns = try connection.query(
            """
            SELECT n.nspname || '.' || c.relname || '.' || a.attname, t.typname
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_type t ON t.oid = a.atttypid
            WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
              AND n.nspname || '.' || c.relname = ANY (string_to_array($1, ','))
            """,
            [Set(wanted.map { "\($0.schema).\($0.table)" }).sorted().joined(separator: ",")]
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
        return findings
    }

    private static let markerColumns = [
        "record_version", "record_partition", "record_incarnation", "record_offset", "origin_offset",
        "mapping_revision",
        "content_hash", "version_conflict", "applied_at", "delete_version", "delete_partition", "delete_incarnation",
        "delete_offset", "plain_delete_partition", "plain_delete_incarnation", "plain_delete_offset", "deleted",
    ]
}
