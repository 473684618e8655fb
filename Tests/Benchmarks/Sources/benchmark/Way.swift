// The ways of bringing rows into the tables, and their SQL.
import Contracts

/// A way of bringing ready rows into the table.
enum Way: String, Sendable {
    /// COPY straight into the table, sorted by key: for new keys alone.
    case copy = "COPY into the table"
    /// COPY into staging, then a plain INSERT in the order of keys: for new keys alone.
    case insert = "COPY into staging, INSERT"
    /// COPY into staging, then INSERT … ON CONFLICT DO UPDATE in the order of keys.
    case sortedMerge = "COPY into staging, ON CONFLICT, sorted"
    /// The same with keys in the order of arrival: what other tools do at best.
    case merge = "COPY into staging, ON CONFLICT, as they arrive"
    /// COPY into staging, then UPDATE … FROM held to the primary key: for known keys alone.
    case update = "COPY into staging, UPDATE by index"
    /// The same by the plan that the server likes best.
    case plannedUpdate = "COPY into staging, UPDATE as planned"
    /// COPY into staging, then MERGE by the plan that the server likes best.
    case plannedMerge = "COPY into staging, MERGE as planned"
    /// The same held to the primary key.
    case heldMerge = "COPY into staging, MERGE by index"
    /// No staging: an array for each column as a parameter, then ON CONFLICT.
    case unnest = "arrays as parameters, ON CONFLICT, sorted"

    /// Whether it may meet the target through the primary key alone.
    var isHeld: Bool { self == .update || self == .heldMerge }

    static let hold = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
}

extension RowLayout {
    /// What brings the parent's rows from where they are staged into the table; nil where nothing is staged.
    func merging(_ way: Way) -> String? {
        let all = columns.joined(separator: ", ")
        let values = contents + Self.markers.map(\.key)
        switch way {
        case .copy: return nil
        case .insert: return "INSERT INTO \(target) (\(all)) SELECT \(all) FROM stage"
        case .sortedMerge, .merge: return upsert(from: "stage")
        case .unnest: return upsert(from: "\(unnest(types)) AS stage (\(all))")
        case .update, .plannedUpdate:
            return """
                UPDATE \(target) t SET \(values.map { "\($0) = s.\($0)" }.joined(separator: ", "))
                FROM stage s WHERE \(keysEqual("t", "s")) AND s.record_version > t.record_version
                """
        case .plannedMerge, .heldMerge:
            return """
                MERGE INTO \(target) AS t USING stage AS s ON \(keysEqual("t", "s"))
                WHEN MATCHED AND s.record_version > t.record_version
                  THEN UPDATE SET \(values.map { "\($0) = s.\($0)" }.joined(separator: ", "))
                WHEN NOT MATCHED
                  THEN INSERT (\(all)) VALUES (\(columns.map { "s.\($0)" }.joined(separator: ", ")))
                """
        }
    }

    /// What replaces the rows of a child by those of the batch; the first is nil where no key was known before.
    func replacing(_ number: Int, _ way: Way) -> (delete: String?, insert: String) {
        let child = children[number]
        let parents =
            way == .unnest
            ? "\(unnest(Array(types.prefix(keys.count)))) AS s (\(keys.joined(separator: ", ")))" : "stage s"
        let rows = way == .unnest ? "\(unnest(types(child))) AS c" : "child\(number)"
        return (
            way == .insert ? nil : "DELETE FROM \(target(child)) c USING \(parents) WHERE \(keysEqual("c", "s"))",
            "INSERT INTO \(target(child)) (\(columns(child).joined(separator: ", "))) SELECT * FROM \(rows)"
        )
    }

    private func upsert(from source: String) -> String {
        let all = columns.joined(separator: ", ")
        let values = (contents + Self.markers.map(\.key)).map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        return """
            INSERT INTO \(target) AS t (\(all)) SELECT \(all) FROM \(source)
            ON CONFLICT (\(keys.joined(separator: ", "))) DO UPDATE SET \(values)
            WHERE excluded.record_version > t.record_version
            """
    }

    private func unnest(_ types: [String]) -> String {
        "unnest(\(types.enumerated().map { "$\($0.offset + 1)::\($0.element)[]" }.joined(separator: ", ")))"
    }

    private func keysEqual(_ left: String, _ right: String) -> String {
        keys.map { "\(left).\($0) = \(right).\($0)" }.joined(separator: " AND ")
    }
}
