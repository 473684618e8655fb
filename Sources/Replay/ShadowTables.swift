// The tables of a rebuilt copy: made beside the live ones, and taken away again.
package import Contracts
import Ingestion
import Model
package import Postgres

/// One table, its copy, and what the table is called once the copy has taken its name.
struct ShadowPair: Sendable, Equatable {
    let schema: String
    let live: String
    let shadow: String
    let old: String

    var liveTable: String { Self.quoted(schema, live) }
    var shadowTable: String { Self.quoted(schema, shadow) }
    var oldTable: String { Self.quoted(schema, old) }

    static func quoted(_ schema: String, _ name: String) -> String {
        "\(SQLText.identifier(schema)).\(SQLText.identifier(name))"
    }
}

package struct ShadowTables {
    private let connection: PostgresConnection

    package init(connection: PostgresConnection) { self.connection = connection }

    /// Makes empty copies of the topic's tables, with all that the live ones have. Within the transaction that writes the
    /// replay down.
    ///
    /// - Throws: `UserError` where a table has what could not be carried over when the copy is swapped in: better now
    ///   than after hours of filling.
    package func create(replay: Int64, of definition: TopicDefinition) throws {
        let (table, children) = try TablePlanBuilder.plan(for: definition)
        let names = ShadowNames(replay: replay)
        var pairs = [
            ShadowPair(
                schema: table.schema, live: table.name, shadow: names.shadow(of: table).name,
                old: Self.oldName(table.name, replay: replay))
        ]
        pairs += children.map { child in
            ShadowPair(
                schema: child.schema, live: child.name, shadow: names.shadow(of: child).name,
                old: Self.oldName(child.name, replay: replay))
        }
        let dress = TableDress(connection: connection)
        try dress.check(pairs, action: "making a copy of the tables of", topic: definition.name)
        for (place, pair) in pairs.enumerated() {
            try dress.copy(pair)
            _ = try connection.query(
                """
                INSERT INTO ingest.shadow_table (replay, place, schema_name, live_name, shadow_name)
                VALUES ($1, $2, $3, $4, $5)
                """, ["\(replay)", "\(place)", pair.schema, pair.live, pair.shadow])
        }
    }

    /// Drops the copies, where they are still there. Within the transaction that ends the replay.
    package func drop(replay: Int64) throws(PostgresError) {
        for pair in try pairs(replay: replay).reversed() {
            _ = try connection.execute("DROP TABLE IF EXISTS \(pair.shadowTable)")
        }
    }

    /// The base table first.
    func pairs(replay: Int64) throws(PostgresError) -> [ShadowPair] {
        let rows = try connection.query(
            "SELECT schema_name, live_name, shadow_name FROM ingest.shadow_table WHERE replay = $1 ORDER BY place",
            ["\(replay)"])
        return (0..<rows.rowCount).map { row in
            guard let schema = rows[row, 0], let live = rows[row, 1], let shadow = rows[row, 2] else {
                preconditionFailure("these columns of ingest.shadow_table have no nulls")
            }
            return ShadowPair(
                schema: schema, live: live, shadow: shadow, old: Self.oldName(live, replay: replay))
        }
    }

    /// PostgreSQL cuts names at 63 bytes.
    static func oldName(_ name: String, replay: Int64) -> String {
        let suffix = "_before\(replay)"
        var kept = name
        while kept.utf8.count + suffix.utf8.count > 63 { kept.removeLast() }
        return kept + suffix
    }
}
