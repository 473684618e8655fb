// What the decoder and the merge agree upon: tables, columns and their types in COPY BINARY order.

/// A PostgreSQL type that the decoder can encode for COPY BINARY.
package enum ColumnType: String, Sendable, Equatable {
    case text
    case bigint
    case boolean
    case date
    case timestamptz
    case numeric
    case jsonb
}

/// A column of a staging table: the target's name and the type that the decoder writes.
package struct ColumnPlan: Sendable, Equatable {
    package let name: String
    package let type: ColumnType

    package init(name: String, type: ColumnType) {
        self.name = name
        self.type = type
    }
}

/// The parent table. `contentColumns` excludes the key.
package struct TablePlan: Sendable, Equatable {
    package let schema: String
    package let name: String
    package let view: String
    package let keyColumns: [ColumnPlan]
    package let contentColumns: [ColumnPlan]

    package init(schema: String, name: String, view: String, keyColumns: [ColumnPlan], contentColumns: [ColumnPlan]) {
        self.schema = schema
        self.name = name
        self.view = view
        self.keyColumns = keyColumns
        self.contentColumns = contentColumns
    }
}

/// A child table; its rows begin with the parent's key columns and `position`, which are not in `columns`.
package struct ChildPlan: Sendable, Equatable {
    package let schema: String
    package let name: String
    package let columns: [ColumnPlan]

    package init(schema: String, name: String, columns: [ColumnPlan]) {
        self.schema = schema
        self.name = name
        self.columns = columns
    }

    /// Of a list within another list's items.
    package var isNested: Bool { columns.first?.name == ListPath.parentPositionColumn }
}
