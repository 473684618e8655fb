// Temporary copies of the rows that a dry run touches: as they were, and as they would be.
import Contracts
import Model
import Postgres

/// Rows are copied when a batch first meets their key, twice: one copy is merged into, the other stays. What the dry run
/// would change is the difference, whatever live workers do meanwhile.
struct DryTables: Sendable {
    let live: TablePlan
    let liveChildren: [ChildPlan]

    /// What is merged into, in the place of the live tables.
    var after: TablePlan { copy(live, "after") }
    var afterChildren: [ChildPlan] { liveChildren.indices.map { child($0, "after") } }
    var before: TablePlan { copy(live, "before") }
    var beforeChildren: [ChildPlan] { liveChildren.indices.map { child($0, "before") } }

    private func copy(_ table: TablePlan, _ which: String) -> TablePlan {
        TablePlan(
            schema: Self.schema, name: "dry_\(which)", view: table.view, keyColumns: table.keyColumns,
            contentColumns: table.contentColumns)
    }

    private func child(_ index: Int, _ which: String) -> ChildPlan {
        ChildPlan(schema: Self.schema, name: "dry_\(which)_\(index)", columns: liveChildren[index].columns)
    }

    private static let schema = "pg_temp"

    /// Run once on the session, which from then on can write nothing but temporary tables: the server sees to that.
    var setUp: String {
        var pairs = [(live.schema, live.name, before.name), (live.schema, live.name, after.name)]
        for (index, child) in liveChildren.enumerated() {
            pairs.append((child.schema, child.name, beforeChildren[index].name))
            pairs.append((child.schema, child.name, afterChildren[index].name))
        }
        var statements = pairs.map { schema, name, copy in
            "CREATE TEMPORARY TABLE \(copy) (LIKE \(qualified(schema, name)) INCLUDING ALL)"
        }
        statements.append(
            "CREATE TEMPORARY TABLE \(Account.dryPositions) (LIKE ingest.replay_position INCLUDING DEFAULTS)")
        return statements.joined(separator: ";\n")
    }

    static let readOnly = "SET default_transaction_read_only = on"

    /// Copies the live rows of staged keys that are not here yet, with their lists; in one statement, so that rows and
    /// lists are of one moment. A key that the dry run itself made is not copied, though it lives by now.
    /// - Parameter stage: the staging table's name.
    func fetch(_ stage: String) -> [String] {
        var parts = [
            """
            fetched AS (INSERT INTO \(name(before)) SELECT t.* FROM \(stage) s
              JOIN \(qualified(live.schema, live.name)) t ON \(equal("t", "s"))
              WHERE NOT EXISTS (SELECT FROM \(name(after)) a WHERE \(equal("a", "s"))) RETURNING *)
            """
        ]
        for (index, child) in liveChildren.enumerated() {
            parts.append(
                """
                list\(index) AS (INSERT INTO \(name(beforeChildren[index])) SELECT c.* FROM fetched f
                  JOIN \(qualified(child.schema, child.name)) c ON \(equal("c", "f")) RETURNING *),
                copied\(index) AS (INSERT INTO \(name(afterChildren[index])) SELECT * FROM list\(index))
                """)
        }
        return ["WITH \(parts.joined(separator: ",\n")) INSERT INTO \(name(after)) SELECT * FROM fetched"]
    }

    func name(_ table: TablePlan) -> String { qualified(table.schema, table.name) }
    func name(_ child: ChildPlan) -> String { qualified(child.schema, child.name) }

    func equal(_ left: String, _ right: String) -> String {
        live.keyColumns.map { "\(left).\(SQLText.identifier($0.name)) = \(right).\(SQLText.identifier($0.name))" }
            .joined(separator: " AND ")
    }

    private func qualified(_ schema: String, _ name: String) -> String {
        "\(SQLText.identifier(schema)).\(SQLText.identifier(name))"
    }
}
