// What the tables of a rebuilt copy are called.
package import Contracts

/// A shadow stands beside its table, in the same schema.
package struct ShadowNames: Sendable, Equatable {
    package let suffix: String

    package init(replay: Int64) { suffix = "_shadow\(replay)" }

    /// PostgreSQL cuts names at 63 bytes; tables' names are ASCII.
    private func name(_ live: String) -> String { live.prefix(63 - suffix.utf8.count) + suffix }

    package func shadow(of table: TablePlan) -> TablePlan {
        TablePlan(
            schema: table.schema, name: name(table.name), view: table.view, keyColumns: table.keyColumns,
            contentColumns: table.contentColumns)
    }

    package func shadow(of child: ChildPlan) -> ChildPlan {
        ChildPlan(schema: child.schema, name: name(child.name), columns: child.columns)
    }
}
