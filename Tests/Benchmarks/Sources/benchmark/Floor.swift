// What PostgreSQL takes for the rows when nothing else is asked: no check, no offsets, no dead letters.
import Foundation
import Postgres

/// A way of bringing ready rows into the table.
enum Way: String, CaseIterable, Sendable {
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

    var isSorted: Bool { self != .merge }
}

struct Floor {
    let world: World
    let url: String
    let layout: RowLayout

    /// Sends the batches over `connections` connections, each with its share; every batch is a transaction.
    func run(_ way: Way, _ batches: [ReadyBatch], connections: Int) throws -> Cost {
        let records = batches.reduce(0) { $0 + $1.records }
        return try world.measured(url, records: records) {
            let before = Measure.ownProcessorSeconds()
            let start = ContinuousClock.now
            if connections == 1 {
                try send(way, batches)
            } else {
                let shares = (0..<connections).map { number in
                    batches.enumerated().filter { $0.offset % connections == number }.map { $0.element }
                }
                let outcome = Outcomes(count: connections)
                let url = url
                let layout = layout
                DispatchQueue.concurrentPerform(iterations: connections) { number in
                    outcome.set(number, Result { try Self.send(way, shares[number], url, layout) })
                }
                try outcome.check()
            }
            return ((ContinuousClock.now - start) / .seconds(1), Measure.ownProcessorSeconds() - before, nil)
        }
    }

    private func send(_ way: Way, _ batches: [ReadyBatch]) throws { try Self.send(way, batches, url, layout) }

    private static func send(_ way: Way, _ batches: [ReadyBatch], _ url: String, _ layout: RowLayout) throws {
        let connection = try PostgresConnection(url, applicationName: "floor")
        defer { connection.close() }
        try connection.execute("SET jit = off")
        try connection.execute(
            "CREATE TEMPORARY TABLE stage ON COMMIT DELETE ROWS AS SELECT \(list(layout.columns)) FROM \(layout.target) WHERE false"
        )
        for (number, child) in layout.children.enumerated() {
            try connection.execute(
                "CREATE TEMPORARY TABLE child\(number) ON COMMIT DELETE ROWS AS SELECT \(list(layout.columns(child))) FROM \(layout.target(child)) WHERE false"
            )
        }
        for batch in batches { try send(way, batch, connection, layout) }
    }

    private static func send(
        _ way: Way, _ batch: ReadyBatch, _ connection: PostgresConnection, _ layout: RowLayout
    ) throws {
        let columns = list(layout.columns)
        func copy(_ sql: String, _ bytes: [UInt8]) throws {
            try connection.copyIn(sql) { writer in try writer.write(bytes) }
        }
        if way == .copy {
            try connection.execute("BEGIN")
            try copy("COPY \(layout.target) (\(columns)) FROM STDIN (FORMAT binary)", batch.parent)
            for (number, child) in layout.children.enumerated() {
                try copy(
                    "COPY \(layout.target(child)) (\(list(layout.columns(child)))) FROM STDIN (FORMAT binary)",
                    batch.children[number])
            }
            try connection.execute("COMMIT")
            return
        }
        // Staging lives within the transaction: to truncate it would be a commit of its own.
        try connection.execute("BEGIN")
        try copy("COPY stage (\(columns)) FROM STDIN (FORMAT binary)", batch.parent)
        for number in layout.children.indices {
            try copy("COPY child\(number) FROM STDIN (FORMAT binary)", batch.children[number])
        }
        var statements: [String] = []
        let values = layout.contents + RowLayout.markers
        let newer = "excluded.record_version > t.record_version"
        switch way {
        case .copy: break
        case .insert:
            statements.append("INSERT INTO \(layout.target) (\(columns)) SELECT \(columns) FROM stage")
        case .sortedMerge, .merge:
            statements.append(
                """
                INSERT INTO \(layout.target) AS t (\(columns)) SELECT \(columns) FROM stage
                ON CONFLICT (\(list(layout.keys))) DO UPDATE SET \(values.map { "\($0) = excluded.\($0)" }.joined(separator: ", "))
                WHERE \(newer)
                """)
        case .update:
            statements.append("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
            statements.append(
                """
                UPDATE \(layout.target) t SET \(values.map { "\($0) = s.\($0)" }.joined(separator: ", "))
                FROM stage s WHERE \(layout.keys.map { "t.\($0) = s.\($0)" }.joined(separator: " AND "))
                  AND s.record_version > t.record_version
                """)
        }
        for (number, child) in layout.children.enumerated() {
            if way != .insert {
                statements.append(
                    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; DELETE FROM \(layout.target(child)) c USING stage s WHERE \(layout.keys.map { "c.\($0) = s.\($0)" }.joined(separator: " AND "))"
                )
            }
            statements.append("INSERT INTO \(layout.target(child)) SELECT * FROM child\(number)")
        }
        statements.append("COMMIT")
        try connection.execute(statements.joined(separator: ";\n"))
    }

    private static func list(_ names: [String]) -> String { names.joined(separator: ", ") }
}

/// Results of parallel senders.
private final class Outcomes: @unchecked Sendable {
    // Each slot is written by one thread, and read when all have ended.
    private let lock = NSLock()
    private var results: [Result<Void, any Error>?]

    init(count: Int) { results = Array(repeating: nil, count: count) }

    func set(_ number: Int, _ result: Result<Void, any Error>) {
        lock.lock()
        results[number] = result
        lock.unlock()
    }

    func check() throws { for result in results { try result?.get() } }
}
