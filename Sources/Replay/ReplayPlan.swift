// What a replay would read, before anything is read.
package import Contracts
import Model
package import Postgres

package struct ReplayPlan: Sendable {
    package let ranges: [PartitionRange]
    /// Living rows whose best record lies in the range, by the mapping's revision that made them.
    package let rowsByRevision: [(revision: Int32, rows: Int64)]
    /// Dead letters of the range's records, by status.
    package let letters: [(status: String, count: Int64)]

    /// Of the range, what operators had the live workers leave out.
    package let leftOut: Int64
    /// How many keys were freed by `key reset` from a version that stands in the range.
    package let resets: Int64

    /// At most: the log's holes are among them.
    package var records: Int64 { ranges.reduce(0) { $0 + $1.count } }
    package var missing: Int64 { ranges.reduce(0) { $0 + $1.missing } }

    package init(_ definition: TopicDefinition, _ ranges: [PartitionRange], connection: PostgresConnection) throws {
        let ranges = ranges.filter { !$0.isEmpty || $0.missing > 0 }
        self.ranges = ranges
        let rows = ranges.map {
            "(\($0.partition), \($0.incarnation), \($0.from)::bigint, \($0.to)::bigint)"
        }
        let values = "(VALUES \(rows.joined(separator: ", "))) AS r (partition, incarnation, start, beyond)"
        let table = definition.mapping.table.split(separator: ".").map { SQLText.identifier(String($0)) }
        let revisions = try connection.query(
            """
            SELECT t.mapping_revision, count(*) FROM \(table.joined(separator: ".")) t JOIN \(values)
              ON t.record_partition = r.partition AND t.record_incarnation = r.incarnation
                AND t.record_offset >= r.start AND t.record_offset < r.beyond
            WHERE NOT t.deleted GROUP BY t.mapping_revision ORDER BY t.mapping_revision
            """)
        rowsByRevision = (0..<revisions.rowCount).compactMap { row in
            guard let revision = revisions[row, 0].flatMap(Int32.init), let count = revisions.integer(row, 1) else {
                return nil
            }
            return (revision, count)
        }
        let statuses = try connection.query(
            """
            SELECT d.status, count(*) FROM ingest.dead_letter d JOIN \(values)
              ON d.partition = r.partition AND d.incarnation = r.incarnation
                AND d."offset" >= r.start AND d."offset" < r.beyond
            WHERE d.topic = $1 GROUP BY d.status ORDER BY d.status
            """, [definition.name.rawValue])
        let store = ReplayStore(connection: connection)
        leftOut = try store.leftOut(definition.name, ranges)
        resets = try store.resets(definition.name, ranges)
        letters = (0..<statuses.rowCount).compactMap { row in
            guard let status = statuses[row, 0], let count = statuses.integer(row, 1) else { return nil }
            return (status, count)
        }
    }

    /// Seconds that it takes at a rate of records a second.
    package func seconds(rate: Int) -> Double { Double(records) / Double(max(1, rate)) }
}
