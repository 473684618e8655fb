import Foundation
import Model
import Postgres
import Testing

@Suite("migrations")
struct MigrationsTests {
    let connection: PostgresConnection
    let folder: MigrationFolder

    init() throws {
        connection = try TestDatabase().connect()
        folder = try MigrationFolder()
        try folder.write("0001_first.sql", "CREATE TABLE first (id int); INSERT INTO first VALUES (1);")
        try folder.write("0002_second.sql", "ALTER TABLE first ADD name text;\n-- tiếng Việt\n")
    }

    private func apply() throws -> [MigrationStatus] { try Migrations.load(folder: folder.path).apply(on: connection) }

    @Test("are applied in order, once, and recorded")
    func applyOnce() throws {
        let migrations = try Migrations.load(folder: folder.path)
        #expect(try migrations.status(on: connection).map(\.state) == [.pending, .pending])
        #expect(try connection.value("SELECT to_regnamespace('ingest') IS NULL") == "t")
        #expect(try apply().map(\.number) == [1, 2])
        #expect(try apply().isEmpty)
        #expect(try connection.value("SELECT count(name) || '/' || count(*) FROM first") == "0/1")
        let recorded = try connection.query("SELECT number, file_name, length(sha256) FROM ingest.migration ORDER BY 1")
        #expect(recorded.rowCount == 2)
        #expect(recorded[1, 1] == "0002_second.sql")
        #expect(recorded[1, 2] == "64")
        for status in try migrations.status(on: connection) {
            guard case .applied(let at) = status.state else {
                Issue.record("not applied: \(status)")
                continue
            }
            #expect(at.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil)
        }
    }

    @Test("a later file is applied alone")
    func later() throws {
        _ = try apply()
        try folder.write("0003_third.sql", "CREATE TABLE third (id int)")
        #expect(try apply().map(\.fileName) == ["0003_third.sql"])
    }

    @Test("a failing one leaves nothing of itself, keeps those before it, and tells the line")
    func failing() throws {
        try folder.write("0003_bad.sql", "CREATE TABLE third (id int);\n\nCREATE TABLE fourth (id nosuchtype);\n")
        let error = try #require(postgresError { _ = try apply() })
        #expect(error.sqlState == "42704")
        #expect(error.description.contains("0003_bad.sql, line 3"))
        #expect(!connection.inTransaction)
        #expect(try connection.value("SELECT to_regclass('third') IS NULL AND to_regclass('first') IS NOT NULL") == "t")
        #expect(try Migrations.load(folder: folder.path).status(on: connection).last?.state == .pending)
        // The lock is free again for another session.
        let locks = try connection.value(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        #expect(locks == "0")
    }

    @Test("an applied file that has changed is refused")
    func changed() throws {
        _ = try apply()
        try folder.write("0001_first.sql", "CREATE TABLE first (id bigint)")
        let error = try #require(throws: UserError.self) { try apply() }
        #expect(error.subject.hasSuffix("0001_first.sql"))
        #expect(error.description.contains("changed"))
        let status = try Migrations.load(folder: folder.path).status(on: connection)
        guard case .changed = status[0].state, case .applied = status[1].state else {
            Issue.record("\(status)")
            return
        }
    }

    @Test("a database migrated by a newer program is refused")
    func newerDatabase() throws {
        _ = try apply()
        try folder.remove("0002_second.sql")
        let error = try #require(throws: UserError.self) { try apply() }
        #expect(error.description.contains("0002_second.sql"))
        guard case .fileMissing = try Migrations.load(folder: folder.path).status(on: connection)[1].state else {
            Issue.record("the missing file is not told")
            return
        }
    }

    @Test(
        "a file that ends its own transaction is refused and not recorded",
        arguments: ["COMMIT", "COMMIT; BEGIN", "ROLLBACK"])
    func ownTransaction(sql: String) throws {
        _ = try apply()
        try folder.write("0003_own.sql", "CREATE TABLE third (id int); \(sql);")
        let error = try #require(throws: UserError.self) { try apply() }
        #expect(error.description.contains("transaction"))
        #expect(try connection.value("SELECT max(number) FROM ingest.migration") == "2")
    }

    @Test("two who migrate at once: one waits, and finds nothing left to do")
    func concurrent() throws {
        let url = try #require(try? TestDatabase())
        let (first, second) = (try url.connect(), try url.connect())
        try first.execute("SELECT pg_advisory_lock(\(0x6C69_656E_7468_6F6E as Int64))")
        try second.send("SELECT pg_advisory_lock(\(0x6C69_656E_7468_6F6E as Int64)), 1")
        #expect(try first.waits(until: "EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"))
        #expect(try Migrations.load(folder: folder.path).apply(on: first).count == 2)
        try first.execute("SELECT pg_advisory_unlock_all()")
        _ = try second.receive()
        #expect(try Migrations.load(folder: folder.path).apply(on: second).isEmpty)
    }

    @Test(
        "a gap, a double number or a wrong name is refused",
        arguments: [
            "0004_gap.sql", "0002_double.sql", "3_third.sql", "0003third.sql", "0003_.sql", "00x3_third.sql",
        ])
    func names(fileName: String) throws {
        try folder.write(fileName, "SELECT 1")
        let error = try #require(throws: UserError.self) { try Migrations.load(folder: folder.path) }
        #expect(error.status == .configuration)
    }

    @Test("an empty or missing folder is refused, other files are not looked at")
    func folders() throws {
        try folder.write("README.md", "words")
        #expect(try Migrations.load(folder: folder.path).migrations.count == 2)
        #expect(throws: UserError.self) { try Migrations.load(folder: folder.path + "/none") }
        let empty = try MigrationFolder()
        #expect(throws: UserError.self) { try Migrations.load(folder: empty.path) }
    }
}

/// A temporary folder that goes with its test.
final class MigrationFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "migrations-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws {
        try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(path)/\(name)") }
}
