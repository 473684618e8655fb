// Temporary copies of the rows that a trial touches: as they were, and as they would be.
import Contracts
import Model
import Postgres

/// Rows are copied when a batch first meets their key, twice: one copy is merged into, the other stays. What the trial
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
            schema: Self.schema, name: "trial_\(which)", view: table.view, keyColumns: table.keyColumns,
            contentColumns: table.contentColumns)
    }

    private func child(_ index: Int, _ which: String) -> ChildPlan {
        ChildPlan(schema: Self.schema, name: "trial_\(which)_\(index)", columns: liveChildren[index].columns)
    }

    private static let schema = "pg_temp"

    /// Run once on the session, which from then on can write nothing but temporary tables: the server sees to that.
    var setUp: String {
        var statements: [String] = []
        let pairs = [(live.schema, live.name, "trial_")] + liveChildren.map { ($0.schema, $0.name, "trial_") }
        for (index, pair) in pairs.enumerated() {
            for which in ["before", "after"] {
                let name = index == 0 ? "trial_\(which)" : "trial_\(which)_\(index - 1)"
                statements.append(
                    "CREATE TEMPORARY TABLE \(name) (LIKE \(qualified(pair.0, pair.1)) INCLUDING ALL)")
            }
        }
        statements.append(
            "CREATE TEMPORARY TABLE \(Account.trialPositions) (LIKE ingest.replay_position INCLUDING DEFAULTS)")
        return statements.joined(separator: ";\n")
    }

    static let readOnly = "SET default_transaction_read_only = on"

    /// Copies the live rows of staged keys that are not here yet, their lists first.
    /// - Parameter stage: the staging table's name.
    func fetch(_ stage: String) -> [String] {
        let isNew = "NOT EXISTS (SELECT FROM \(name(before)) b WHERE \(equal("b", "s")))"
        var statements: [String] = []
        func take(_ source: String, into tables: [String]) {
            for table in tables {
                statements.append(
                    "INSERT INTO \(table) SELECT t.* FROM \(stage) s JOIN \(source) t ON \(equal("t", "s")) WHERE \(isNew)"
                )
            }
        }
        for (index, child) in liveChildren.enumerated() {
            take(
                qualified(child.schema, child.name),
                into: [name(beforeChildren[index]), name(afterChildren[index])])
        }
        // `before` last: it tells what is here.
        take(qualified(live.schema, live.name), into: [name(after), name(before)])
        return statements
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
