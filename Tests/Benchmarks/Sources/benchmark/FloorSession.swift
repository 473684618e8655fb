// One connection of a floor: staging made ready once, then batch after batch.
import Foundation
import Postgres

struct FloorSession {
    private let connection: PostgresConnection
    private let layout: RowLayout
    private let way: Way
    /// What follows the COPYs into staging, up to COMMIT.
    private var ending = ""

    /// - Parameter isPrepared: the statements of the merge are parsed once, and planned when they are first needed.
    init(_ url: String, _ layout: RowLayout, _ way: Way, isPrepared: Bool = false) throws {
        connection = try PostgresConnection(url, applicationName: "floor")
        self.layout = layout
        self.way = way
        // As the worker's sessions have them.
        try connection.execute("SET jit = off; SET work_mem = '32MB'")
        func temporary(_ name: String, _ columns: [String], like table: String) throws {
            try connection.execute(
                """
                CREATE TEMPORARY TABLE \(name) ON COMMIT DELETE ROWS
                AS SELECT \(columns.joined(separator: ", ")) FROM \(table) WHERE false
                """)
        }
        try temporary("stage", layout.columns, like: layout.target)
        for (number, child) in layout.children.enumerated() {
            try temporary("child\(number)", layout.columns(child), like: layout.target(child))
        }
        ending = try merge(isPrepared: isPrepared)
    }

    func close() {
        // What it counted is there for the next who asks; the end of a session is not waited for.
        _ = try? connection.execute("SELECT pg_stat_force_next_flush()")
        connection.close()
    }

    /// Sends one batch as a transaction.
    func send(_ batch: ReadyBatch) throws {
        try connection.execute("BEGIN")
        switch way {
        case .copy: try copy(batch, parent: layout.target, children: layout.children.map { layout.target($0) })
        case .unnest: try sendArrays(batch)
        default: try stage(batch)
        }
        try connection.execute(ending)
    }

    /// The plan of the merge of the parent's rows, as JSON; nil where there is none.
    func plan(_ batch: ReadyBatch) throws -> String? {
        guard let merging = layout.merging(way) else { return nil }
        try connection.execute("BEGIN")
        defer { _ = try? connection.execute("ROLLBACK") }
        if way != .unnest { try stage(batch) }
        if way.isHeld { try connection.execute(Way.hold) }
        return try connection.query(
            "EXPLAIN (FORMAT JSON) \(merging)", way == .unnest ? batch.arrays.first ?? [] : [])[0, 0]
    }

    /// The rows of a batch as arrays in text form, one a column: the parent's, then each child's.
    func arrays(_ batch: ReadyBatch) throws -> [[String?]] {
        try connection.execute("BEGIN")
        defer { _ = try? connection.execute("ROLLBACK") }
        try stage(batch)
        let tables =
            [("stage", layout.columns)] + layout.children.enumerated().map { ("child\($0)", layout.columns($1)) }
        return try tables.map { name, columns in
            let aggregates = columns.map { "array_agg(\($0))::text" }.joined(separator: ", ")
            let row = try connection.query("SELECT \(aggregates) FROM \(name)")
            return columns.indices.map { row[0, $0] }
        }
    }

    /// Staging lives within the transaction: to truncate it would be a commit of its own.
    private func stage(_ batch: ReadyBatch) throws {
        try copy(batch, parent: "stage", children: layout.children.indices.map { "child\($0)" })
    }

    private func copy(_ batch: ReadyBatch, parent: String, children: [String]) throws {
        func copy(_ table: String, _ columns: [String], _ bytes: [UInt8]) throws {
            try connection.copyIn("COPY \(table) (\(columns.joined(separator: ", "))) FROM STDIN (FORMAT binary)") {
                writer in try writer.write(bytes)
            }
        }
        try copy(parent, layout.columns, batch.parent)
        for (number, child) in layout.children.enumerated() {
            try copy(children[number], layout.columns(child), batch.children[number])
        }
    }

    private func sendArrays(_ batch: ReadyBatch) throws {
        guard let parent = batch.arrays.first, let merging = layout.merging(way) else {
            throw Failure("the batch was not made ready as arrays")
        }
        try connection.query(merging, parent)
        try connection.execute(Way.hold)
        for number in layout.children.indices {
            let (delete, insert) = layout.replacing(number, way)
            if let delete { try connection.query(delete, Array(parent.prefix(layout.keys.count))) }
            try connection.query(insert, batch.arrays[number + 1])
        }
    }

    private func merge(isPrepared: Bool) throws -> String {
        guard let merging = layout.merging(way), way != .unnest else { return "COMMIT" }
        var prepared = 0
        func statement(_ sql: String) throws -> String {
            guard isPrepared else { return sql }
            prepared += 1
            try connection.execute("PREPARE floor\(prepared) AS \(sql)")
            return "EXECUTE floor\(prepared)"
        }
        var statements = way.isHeld ? [Way.hold] : []
        statements.append(try statement(merging))
        statements.append(Way.hold)
        for number in layout.children.indices {
            let (delete, insert) = layout.replacing(number, way)
            if let delete { statements.append(try statement(delete)) }
            statements.append(try statement(insert))
        }
        return (statements + ["COMMIT"]).joined(separator: ";\n")
    }
}
