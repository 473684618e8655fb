// What is different between a rebuilt copy and the live tables, at one moment at which both had read the same records.
import Contracts
package import Model
import Postgres

/// Rows of the base table: of keys that live, and marks of deleted ones.
package struct RowCounts: Sendable, Equatable {
    package var living: Int64
    package var marks: Int64

    package var rows: Int64 { living + marks }
}

/// What the two base tables come to.
package struct ShadowBalance: Sendable, Equatable {
    package let live: RowCounts
    package let shadow: RowCounts
    /// In the live table and not in the copy: living keys that are not there; and marks of deleted keys that are not there,
    /// or whose keys live in the copy.
    package let onlyLive: RowCounts
    package let onlyShadow: RowCounts
    /// Keys that live in the live table, and are deleted in the copy.
    package let deletedInShadow: Int64
    /// Keys whose best record in the copy is of a lower version than the live one.
    package let older: Int64
    /// Rows that a newer mapping made.
    let byNewerMapping: Int64

    /// Rows that a swap would lose, or put back to something older: not there, deleted in the copy, of a lower version, or
    /// without the delete that they bear; each counted once.
    package let missing: Int64
}

package struct ShadowComparison: Sendable {
    package struct Column: Sendable, Equatable {
        package let name: String
        /// Keys that live in both, with different values.
        package let differing: Int64
    }

    package struct ChildTable: Sendable {
        package let name: String
        package let liveRows: Int64
        package let shadowRows: Int64
        package let onlyLive: Int64
        package let onlyShadow: Int64
        package let columns: [Column]
        /// Sixteen hexadecimal digits over all rows, in any order.
        package let liveChecksum: String
        package let shadowChecksum: String
    }

    package enum Kind: String, Sendable, CaseIterable {
        case onlyLive = "only-live"
        case onlyShadow = "only-shadow"
        case differing
    }

    /// A key by which somebody can look further.
    package struct Example: Sendable {
        package let kind: Kind
        /// Column of the key, and its value where the field is open, else its shape.
        package let key: [(column: String, shown: String)]
        /// Where in the log the content stands; nil for a mark alone.
        package let live: (partition: Int64, offset: Int64)?
        package let shadow: (partition: Int64, offset: Int64)?
        package let columns: [String]
    }

    package let topic: TopicName
    package let table: String
    package let balance: ShadowBalance
    /// Of the base table: what each column holds, and whether the key lives.
    package let liveChecksum: String
    package let shadowChecksum: String
    package let columns: [Column]
    /// Keys that live in both, with a difference in any column of the base table.
    package let differing: Int64
    /// Keys in both whose ranks differ: the best record's, or a delete's.
    package let marksDiffering: Int64
    package let children: [ChildTable]
    package let examples: [Example]

    package var isEqual: Bool {
        liveChecksum == shadowChecksum && balance.live == balance.shadow && balance.missing == 0
            && children.allSatisfy { $0.liveChecksum == $0.shadowChecksum && $0.onlyLive + $0.onlyShadow == 0 }
            && differing == 0
    }
}

extension Shadow {
    /// Brings the copy level, takes one picture of both, lets the workers go on, and compares at leisure.
    package func compare(tell: (ReplayState) -> Void = { _ in }) throws -> ShadowComparison {
        try approach(tell: tell)
        let reader = try connect("compare")
        defer { reader.close() }
        try whileLevel(tell: tell) { _ in
            // Tried again after a conflict, it begins anew.
            if reader.inTransaction { _ = try reader.execute("ROLLBACK") }
            _ = try reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for pair in pairs {
                _ = try reader.execute(
                    "SELECT FROM \(pair.liveTable) LIMIT 0; SELECT FROM \(pair.shadowTable) LIMIT 0")
            }
        }
        let comparison = try ShadowQueries(self, reader).comparison(examplesMax: settings.examplesMax)
        _ = try reader.execute("COMMIT")
        return comparison
    }
}

/// What is asked of the two sets of tables, `l` the live one and `s` the copy.
struct ShadowQueries {
    private let shadow: Shadow
    private let connection: PostgresConnection

    init(_ shadow: Shadow, _ connection: PostgresConnection) {
        self.shadow = shadow
        self.connection = connection
    }

    private var keys: [String] { shadow.table.keyColumns.map(\.name) }
    private var base: ShadowPair { shadow.pairs[0] }

    private func joined(_ pair: ShadowPair, on columns: [String]) -> String {
        let on = columns.map { "l.\(SQLText.identifier($0)) = s.\(SQLText.identifier($0))" }
        return "\(pair.liveTable) l FULL JOIN \(pair.shadowTable) s ON \(on.joined(separator: " AND "))"
    }

    private func differs(_ column: ColumnPlan) -> String {
        let name = SQLText.identifier(column.name)
        // The column may be of type json, which knows no equality.
        let cast = column.type == .jsonb ? "::jsonb" : ""
        return "l.\(name)\(cast) IS DISTINCT FROM s.\(name)\(cast)"
    }

    private func checksum(_ side: String, _ columns: [String], _ isThere: String) -> String {
        let row = columns.map { "\(side).\(SQLText.identifier($0))" }.joined(separator: ", ")
        return """
            lpad(to_hex(coalesce(bit_xor(hashtextextended(ROW(\(row))::text, 0)) FILTER (WHERE \(isThere)), 0)), 16, '0')
            """
    }

    // MARK: The base table

    private var balanceColumns: String {
        """
        count(*) FILTER (WHERE NOT l.deleted), count(*) FILTER (WHERE l.deleted),
        count(*) FILTER (WHERE NOT s.deleted), count(*) FILTER (WHERE s.deleted),
        count(*) FILTER (WHERE NOT l.deleted AND s.deleted IS NULL),
        count(*) FILTER (WHERE l.deleted AND s.deleted IS NOT TRUE),
        count(*) FILTER (WHERE NOT s.deleted AND l.deleted IS NULL),
        count(*) FILTER (WHERE s.deleted AND l.deleted IS NULL),
        count(*) FILTER (WHERE NOT l.deleted AND s.deleted),
        count(*) FILTER (WHERE s.record_version < l.record_version),
        count(*) FILTER (WHERE l.mapping_revision > \(shadow.definition.mapping.revision)),
        count(*) FILTER (WHERE l.deleted IS NOT NULL AND (s.deleted IS NULL OR l.deleted <> s.deleted
          OR s.record_version < l.record_version OR l.delete_version > coalesce(s.delete_version, l.delete_version - 1)))
        """
    }

    func balance() throws(PostgresError) -> ShadowBalance {
        balance(try connection.query("SELECT \(balanceColumns) FROM \(joined(base, on: keys))"))
    }

    private func balance(_ result: PostgresResult) -> ShadowBalance {
        func number(_ column: Int) -> Int64 { result.integer(0, column) ?? 0 }
        return ShadowBalance(
            live: RowCounts(living: number(0), marks: number(1)),
            shadow: RowCounts(living: number(2), marks: number(3)),
            onlyLive: RowCounts(living: number(4), marks: number(5)),
            onlyShadow: RowCounts(living: number(6), marks: number(7)), deletedInShadow: number(8), older: number(9),
            byNewerMapping: number(10), missing: number(11))
    }

    private static let markColumns = [
        "record_version", "record_partition", "record_incarnation", "record_offset", "delete_version",
        "delete_partition", "delete_incarnation", "delete_offset", "plain_delete_partition",
        "plain_delete_incarnation", "plain_delete_offset",
    ]

    private var anyDiffers: String {
        let columns = shadow.table.contentColumns.map(differs)
        return "(NOT l.deleted AND NOT s.deleted AND (\((columns + ["false"]).joined(separator: " OR "))))"
    }

    func comparison(examplesMax: Int) throws(PostgresError) -> ShadowComparison {
        let content = shadow.table.contentColumns
        let shown = keys + content.map(\.name) + ["deleted"]
        func marks(_ side: String) -> String { Self.markColumns.map { "\(side).\($0)" }.joined(separator: ", ") }
        let both = "l.deleted IS NOT NULL AND s.deleted IS NOT NULL"
        let columns =
            [
                balanceColumns, checksum("l", shown, "l.deleted IS NOT NULL"),
                checksum("s", shown, "s.deleted IS NOT NULL"), "count(*) FILTER (WHERE \(anyDiffers))",
                "count(*) FILTER (WHERE \(both) AND (\(marks("l"))) IS DISTINCT FROM (\(marks("s"))))",
            ]
            + content.map { "count(*) FILTER (WHERE NOT l.deleted AND NOT s.deleted AND \(differs($0)))" }
        let result = try connection.query(
            "SELECT \(columns.joined(separator: ", ")) FROM \(joined(base, on: keys))")
        let balance = balance(result)
        let differing = result.integer(0, 14) ?? 0
        var children: [ShadowComparison.ChildTable] = []
        for index in shadow.children.indices { children.append(try child(index)) }
        var examples: [ShadowComparison.Example] = []
        if balance.onlyLive.rows > 0 { examples += try self.examples(.onlyLive, examplesMax) }
        if balance.onlyShadow.rows > 0 { examples += try self.examples(.onlyShadow, examplesMax) }
        if differing > 0 { examples += try self.examples(.differing, examplesMax) }
        return ShadowComparison(
            topic: shadow.topic, table: "\(base.schema).\(base.live)", balance: balance,
            liveChecksum: result[0, 12] ?? "", shadowChecksum: result[0, 13] ?? "",
            columns: content.enumerated().map { index, column in
                ShadowComparison.Column(name: column.name, differing: result.integer(0, 16 + index) ?? 0)
            },
            differing: differing, marksDiffering: result.integer(0, 15) ?? 0, children: children, examples: examples)
    }

    // MARK: Child tables

    private func child(_ index: Int) throws(PostgresError) -> ShadowComparison.ChildTable {
        let plan = shadow.children[index]
        let pair = shadow.pairs[index + 1]
        let place = keys + (plan.isNested ? [ListPath.parentPositionColumn] : []) + ["position"]
        let content = plan.isNested ? Array(plan.columns.dropFirst()) : plan.columns
        let all = place + content.map(\.name)
        let columns =
            [
                "count(l.position)", "count(s.position)", "count(*) FILTER (WHERE s.position IS NULL)",
                "count(*) FILTER (WHERE l.position IS NULL)", checksum("l", all, "l.position IS NOT NULL"),
                checksum("s", all, "s.position IS NOT NULL"),
            ]
            + content.map {
                "count(*) FILTER (WHERE l.position IS NOT NULL AND s.position IS NOT NULL AND \(differs($0)))"
            }
        let result = try connection.query(
            "SELECT \(columns.joined(separator: ", ")) FROM \(joined(pair, on: place))")
        return ShadowComparison.ChildTable(
            name: "\(pair.schema).\(pair.live)", liveRows: result.integer(0, 0) ?? 0,
            shadowRows: result.integer(0, 1) ?? 0, onlyLive: result.integer(0, 2) ?? 0,
            onlyShadow: result.integer(0, 3) ?? 0,
            columns: content.enumerated().map { index, column in
                ShadowComparison.Column(name: column.name, differing: result.integer(0, 6 + index) ?? 0)
            },
            liveChecksum: result[0, 4] ?? "", shadowChecksum: result[0, 5] ?? "")
    }

    // MARK: Examples

    /// A value of a class that is not open never leaves the database.
    private func shown(_ column: ColumnPlan, field: String, of side: String) -> String {
        let name = "\(side).\(SQLText.identifier(column.name))"
        let classification = shadow.definition.contract.fields.field(at: field)?.classification
        if classification == .open { return "\(name)::text" }
        switch column.type {
        case .text: return "'text of ' || char_length(\(name)::text)"
        case .bigint, .numeric: return "'number'"
        case .boolean: return "'boolean'"
        case .date, .timestamptz, .jsonb: return SQLText.literal(column.type.rawValue)
        }
    }

    private func examples(
        _ kind: ShadowComparison.Kind, _ limit: Int
    ) throws(PostgresError) -> [ShadowComparison.Example] {
        let condition: String
        let side: String
        switch kind {
        case .onlyLive:
            (condition, side) = ("l.deleted AND s.deleted IS NOT TRUE OR NOT l.deleted AND s.deleted IS NULL", "l")
        case .onlyShadow: (condition, side) = ("l.deleted IS NULL", "s")
        case .differing: (condition, side) = (anyDiffers, "l")
        }
        let content = shadow.table.contentColumns
        let keyFields = shadow.definition.mapping.key.map(\.field)
        let columns =
            ["l.record_partition", "l.origin_offset", "s.record_partition", "s.origin_offset"]
            + zip(shadow.table.keyColumns, keyFields).map { shown($0, field: $1, of: side) }
            + (kind == .differing ? content.map { "(\(differs($0)))" } : [])
        let result = try connection.query(
            "SELECT \(columns.joined(separator: ", ")) FROM \(joined(base, on: keys)) WHERE \(condition) LIMIT \(limit)"
        )
        return (0..<result.rowCount).map { row in
            func place(_ column: Int) -> (Int64, Int64)? {
                guard let partition = result.integer(row, column), let offset = result.integer(row, column + 1) else {
                    return nil
                }
                return (partition, offset)
            }
            let first = 4 + keys.count
            return ShadowComparison.Example(
                kind: kind, key: keys.enumerated().map { ($1, result[row, 4 + $0] ?? "") }, live: place(0),
                shadow: place(2),
                columns: kind == .differing
                    ? content.indices.filter { result[row, first + $0] == "t" }.map { content[$0].name } : [])
        }
    }
}
