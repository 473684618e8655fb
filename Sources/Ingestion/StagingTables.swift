// The session's temporary tables through which a batch goes.
import Contracts
import Postgres

/// They live within the transaction (`ON COMMIT DELETE ROWS`): to truncate them by a statement would be a change of the
/// catalogue, and a commit of its own.
///
/// PostgreSQL empties all of them at each commit that touched one, and to empty a table that has a TOAST table means to
/// build that one's index anew: half a millisecond each, 8 ms a commit for the tables of one topic. So their columns are
/// stored plain, which makes TOAST tables needless, as long as no row is larger than a page; the first that is
/// (SQLSTATE 54000) makes the connection `widen` those that hold content.
struct StagingTables {
    struct Column: Equatable {
        var name: String
        var type: String

        init(_ name: String, _ type: String) {
            self.name = name
            self.type = type
        }
    }

    struct Table {
        var name: String
        var columns: [Column]
        /// Its rows may be larger than a page.
        var holdsContent = false
    }

    let all: [Table]
    private let prefix: String
    private let keys: [Column]

    init(table: TablePlan, children: [ChildPlan], prefix: String) {
        self.prefix = prefix
        let keys = table.keyColumns.map {
            Column(SQLText.identifier($0.name), $0.type == .text ? "text COLLATE \"C\"" : $0.type.rawValue)
        }
        func columns(_ plans: [ColumnPlan]) -> [Column] {
            plans.map { Column(SQLText.identifier($0.name), $0.type.rawValue) }
        }
        func integers(_ names: String...) -> [Column] { names.map { Column($0, "integer") } }
        func bigints(_ names: String...) -> [Column] { names.map { Column($0, "bigint") } }
        func booleans(_ names: String...) -> [Column] { names.map { Column($0, "boolean") } }
        func texts(_ names: String...) -> [Column] { names.map { Column($0, "text") } }
        let place = integers("partition") + bigints("\"offset\"")
        all =
            [
                Table(
                    name: "stage",
                    columns: integers("stage_ordinal", "stage_partition", "stage_incarnation")
                        + bigints(
                            "stage_record_version", "stage_record_offset", "stage_content_hash", "stage_origin_offset",
                            "stage_delete_version", "stage_delete_offset", "stage_plain_delete_offset") + keys
                        + columns(table.contentColumns),
                    holdsContent: true),
                Table(
                    name: "rank",
                    columns: integers("ordinal", "partition", "incarnation")
                        + bigints("record_version", "record_offset")
                        + keys),
                Table(
                    name: "dead",
                    columns: integers("ordinal") + bigints("letter") + place
                        + texts("reason", "field", "rule", "sql_state") + [
                            Column("record_at", "timestamptz"), Column("key_fingerprint", "bytea"),
                            Column("key_hint", "integer"), Column("record_version", "bigint"), Column("key_id", "text"),
                            Column("payload", "bytea"),
                        ], holdsContent: true),
                Table(name: "warning", columns: integers("ordinal") + place + texts("rule", "field")),
                Table(name: "won", columns: integers("partition", "incarnation")),
                Table(name: "lost", columns: integers("partition")),
                Table(
                    name: "merged",
                    columns: integers("partition") + bigints("record_offset") + booleans("inserted", "conflict") + keys),
                Table(name: "rest", columns: integers("ordinal")),
                Table(
                    name: "marked",
                    columns: integers("delete_partition") + bigints("delete_offset")
                        + integers("plain_delete_partition")
                        + bigints("plain_delete_offset") + keys),
                Table(
                    name: "pending",
                    columns: integers("ordinal", "partition", "incarnation")
                        + bigints("record_version", "record_offset", "delete_offset", "plain_delete_offset")
                        + booleans("applied", "stage_advances", "stage_outlived") + keys),
                Table(name: "killed", columns: integers("partition") + keys),
                Table(name: "foreign", columns: integers("ordinal")),
            ]
            + children.enumerated().map { index, child in
                Table(
                    name: "child\(index)", columns: integers("stage_ordinal", "position") + columns(child.columns),
                    holdsContent: true)
            }
        self.keys = keys
    }

    /// Run once on each new connection.
    var setUp: String {
        // Where hash joins are off (see `MergeSQL`), a batch of tombstones would meet `marked` row by row without it.
        (all.flatMap(plain) + ["CREATE INDEX ON \(prefix)_marked (\(keys.map(\.name).joined(separator: ", ")))"])
            .joined(separator: ";\n")
    }

    /// Run, outside of a transaction, where a row was too large for a page.
    var widen: String {
        all.filter(\.holdsContent).flatMap { table in
            ["DROP TABLE \(prefix)_\(table.name)", "\(creation(table.name, declarations(table))) \(Self.lifetime)"]
        }.joined(separator: ";\n")
    }

    private static let lifetime = "ON COMMIT DELETE ROWS"

    private func creation(_ name: String, _ contents: String) -> String {
        "CREATE TEMPORARY TABLE \(prefix)_\(name) (\(contents))"
    }

    private func declarations(_ table: Table) -> String {
        table.columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
    }

    /// Whether a table gets a TOAST table is decided at its creation, when only another table's columns can already be
    /// stored otherwise than by default.
    private func plain(_ table: Table) -> [String] {
        let form = table.name + "_form"
        let plainly = table.columns.map { "ALTER COLUMN \($0.name) SET STORAGE PLAIN" }.joined(separator: ", ")
        return [
            creation(form, declarations(table)), "ALTER TABLE \(prefix)_\(form) \(plainly)",
            "\(creation(table.name, "LIKE \(prefix)_\(form) INCLUDING STORAGE")) \(Self.lifetime)",
            "DROP TABLE \(prefix)_\(form)",
        ]
    }
}
