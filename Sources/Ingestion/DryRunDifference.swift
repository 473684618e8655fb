// What a dry run would have changed: the rows as they were against the rows as they would be.
import Contracts
package import Model
package import Postgres

package struct DryRunDifference: Sendable {
    /// Living rows that would appear, change or go.
    package var inserted: Int64 = 0
    package var changed: Int64 = 0
    package var deleted: Int64 = 0
    /// Rows that the range speaks of and that would stay as readers see them.
    package var untouched: Int64 = 0
    /// Of the changed rows, how many in which column or list; those without a change are not there.
    package var byColumn: [(name: String, rows: Int64)] = []
    package var samples: [Sample] = []

    package init() {}

    /// One changed row. It is named by the record that would make it, not by its key.
    package struct Sample: Sendable {
        package let partition: Partition
        package let offset: Offset
        package let columns: [Column]

        package struct Column: Sendable {
            package let name: String
            /// The field of the contract that the column holds.
            package let field: String
            /// As PostgreSQL writes them; of a list nothing.
            package let before: String?
            package let after: String?
            package let isList: Bool
        }
    }
}

extension RangeWriter {
    /// Of a dry run: what it would have changed so far.
    /// - Parameter samplesMax: changed rows to be shown.
    package func difference(samplesMax: Int) throws(PostgresError) -> DryRunDifference {
        guard let dry else { preconditionFailure("only a dry run has a difference") }
        // The tables were empty when the session began: without this each lookup would be planned for that.
        _ = try connection.execute(
            "ANALYZE \(dry.name(dry.before)); ANALYZE \(dry.name(dry.after))"
                + (dry.beforeChildren + dry.afterChildren).map { "; ANALYZE \(dry.name($0))" }.joined())
        let names = dry.live.contentColumns.map(\.name) + topic.definition.mapping.children.map(\.list)
        let counts = try connection.query(dry.counts(parts: names.count))
        func count(_ column: Int) -> Int64 {
            guard let count = counts.integer(0, column) else { preconditionFailure("counts are numbers") }
            return count
        }
        var difference = DryRunDifference()
        difference.inserted = count(0)
        difference.changed = count(1)
        difference.deleted = count(2)
        difference.untouched = count(3)
        difference.byColumn = names.enumerated().compactMap { index, name in
            let rows = count(4 + index)
            return rows > 0 ? (name, rows) : nil
        }
        difference.samples = try samples(dry, samplesMax)
        return difference
    }

    private func samples(_ dry: DryTables, _ most: Int) throws(PostgresError) -> [DryRunDifference.Sample] {
        guard most > 0 else { return [] }
        let result = try connection.query(dry.samples(most: most))
        let columns = dry.live.contentColumns
        let fields = Dictionary(
            topic.definition.mapping.columns.map { ($0.name, $0.field) }, uniquingKeysWith: { first, _ in first })
        let lists = topic.definition.mapping.children.map(\.list)
        return (0..<result.rowCount).compactMap { row in
            guard let partition = result[row, 0].flatMap(Int32.init), let offset = result.integer(row, 1),
                let flags = result[row, 2]
            else { return nil }
            // As PostgreSQL writes an array of booleans: {t,f,f}.
            let differs = flags.dropFirst().dropLast().split(separator: ",").map { $0 == "t" }
            var changed: [DryRunDifference.Sample.Column] = []
            for (index, column) in columns.enumerated() where differs[index] {
                changed.append(
                    DryRunDifference.Sample.Column(
                        name: column.name, field: fields[column.name] ?? column.name,
                        before: result[row, 3 + index * 2],
                        after: result[row, 4 + index * 2], isList: false))
            }
            for (index, list) in lists.enumerated() where differs[columns.count + index] {
                changed.append(
                    DryRunDifference.Sample.Column(name: list, field: list, before: nil, after: nil, isList: true))
            }
            return DryRunDifference.Sample(partition: Partition(partition), offset: Offset(offset), columns: changed)
        }
    }
}

extension DryTables {
    /// Each key that the dry run met: whether its row lived before and lives after, and which columns and lists differ.
    private var compared: String {
        let columns = live.contentColumns.map {
            "a.\(SQLText.identifier($0.name)) IS DISTINCT FROM b.\(SQLText.identifier($0.name))"
        }
        let lists = liveChildren.indices.map { index in
            func rows(_ child: ChildPlan, _ parent: String) -> String {
                "(SELECT string_agg(c::text, E'\\n' ORDER BY c::text) FROM \(name(child)) c WHERE \(equal("c", parent)))"
            }
            return "\(rows(afterChildren[index], "a")) IS DISTINCT FROM \(rows(beforeChildren[index], "a"))"
        }
        return """
            SELECT NOT coalesce(b.deleted, true) AS was, NOT a.deleted AS lives,
              ARRAY[\((columns + lists).joined(separator: ", "))]::boolean[] AS differs, a, b
            FROM \(name(after)) a LEFT JOIN \(name(before)) b ON \(equal("b", "a"))
            """
    }

    /// One row: inserted, changed, deleted, untouched, then how many changed rows differ in each column and list.
    fileprivate func counts(parts: Int) -> String {
        let changed = "was AND lives AND true = ANY (differs)"
        let each = (0..<parts).map { ", count(*) FILTER (WHERE was AND lives AND differs[\($0 + 1)])" }.joined()
        return """
            SELECT count(*) FILTER (WHERE lives AND NOT was), count(*) FILTER (WHERE \(changed)),
              count(*) FILTER (WHERE was AND NOT lives),
              count(*) FILTER (WHERE was = lives AND NOT (was AND true = ANY (differs)))\(each)
            FROM (\(compared)) AS compared
            """
    }

    fileprivate func samples(most: Int) -> String {
        let values = live.contentColumns.map { column in
            "(b).\(SQLText.identifier(column.name))::text, (a).\(SQLText.identifier(column.name))::text"
        }
        return """
            SELECT (a).record_partition, (a).origin_offset, differs::text\(values.map { ", \($0)" }.joined())
            FROM (\(compared)) AS compared WHERE was AND lives AND true = ANY (differs)
            ORDER BY 1, 2 LIMIT \(most)
            """
    }
}
