// What operators have said of a topic's log that a replay of it would undo.
package import Model
package import Postgres

extension ReplayStore {
    /// Offsets of the ranges that operators had the live workers leave out, by `work rewind --skip-records` or
    /// `work accept-gap --to`, and that were not read since: a replay would be the first to read them.
    package func leftOut(_ topic: TopicName, _ ranges: [PartitionRange]) throws(PostgresError) -> Int64 {
        let moves = try connection.query(
            """
            SELECT partition, (details->>'from')::bigint, (details->>'to')::bigint,
              coalesce((details->>'newIncarnation')::boolean, false)
            FROM ingest.operation WHERE topic = $1 AND action IN ('rewind', 'accept-gap') AND partition IS NOT NULL
            ORDER BY id
            """, [topic.rawValue])
        var left: [Partition: [Range<Int64>]] = [:]
        for row in 0..<moves.rowCount {
            guard let partition = moves[row, 0].flatMap(Int32.init).map({ Partition($0) }),
                let from = moves.integer(row, 1), let to = moves.integer(row, 2)
            else { continue }
            if moves[row, 3] == "t" {
                left[partition] = []
            } else if to > from {
                left[partition, default: []].append(from..<to)
            } else {
                // All from there on is read again.
                left[partition] = left[partition]?.compactMap { $0.lowerBound < to ? $0.clamped(to: 0..<to) : nil }
            }
        }
        return ranges.filter { !$0.isEmpty }.reduce(0) { sum, range in
            let pieces = (left[range.partition] ?? []).map { $0.clamped(to: range.from..<range.to) }
            return pieces.reduce(sum) { $0 + Int64($1.count) }
        }
    }

    /// How many keys were freed by `key reset` from a version that a record of the ranges has: read again, it blocks the
    /// key again.
    package func resets(_ topic: TopicName, _ ranges: [PartitionRange]) throws(PostgresError) -> Int64 {
        let rows = ranges.filter { !$0.isEmpty }.map { "(\($0.partition), \($0.from)::bigint, \($0.to)::bigint)" }
        guard !rows.isEmpty else { return 0 }
        func isThere(_ partition: String, _ offset: String) -> String {
            "(o.details->>'\(partition)')::integer = r.partition AND (o.details->>'\(offset)')::bigint >= r.start "
                + "AND (o.details->>'\(offset)')::bigint < r.beyond"
        }
        let count = try connection.query(
            """
            SELECT count(DISTINCT o.id) FROM ingest.operation o
            JOIN (VALUES \(rows.joined(separator: ", "))) AS r (partition, start, beyond)
              ON \(isThere("partition", "latestOffset")) OR \(isThere("deletePartition", "deleteOffset"))
            WHERE o.topic = $1 AND o.action = 'key reset'
            """, [topic.rawValue])
        return count.integer(0, 0) ?? 0
    }
}
