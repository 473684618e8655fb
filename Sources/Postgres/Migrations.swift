// Numbered SQL files that bring a database to the present shape, each applied once.

import Foundation
package import Model

/// A file `NNNN_name.sql`.
package struct Migration: Hashable, Sendable {
    package let number: Int
    /// The file's name, such as `0001_ingest.sql`.
    package let fileName: String
    package let sql: String
}

/// Where a migration stands on a database.
package struct MigrationStatus: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        case pending
        /// The time in ISO form, UTC, by the database's clock.
        case applied(at: String)
        /// Applied, but the file is another now.
        case changed(appliedAt: String)
        /// Applied by a newer program: no such file here.
        case fileMissing(appliedAt: String)
    }

    package let number: Int
    package let fileName: String
    package let state: State
}

/// The migrations of a folder. Applied ones are recorded with their SHA-256 in `ingest.migration`.
package struct Migrations: Sendable {
    package let migrations: [Migration]
    private let folder: String

    /// Held by who migrates; any constant that nothing else in the database takes.
    private static let lockKey: Int64 = 0x6C69_656E_7468_6F6E
    private static let action = "migrating the database"

    /// Reads `NNNN_name.sql` files, numbered from 1 without gap; files that do not end in `.sql` are not looked at.
    package static func load(folder: String) throws(UserError) -> Migrations {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".sql") }.sorted()
        } catch {
            throw unusable(folder, "the folder cannot be read", "set LIENTHONG_MIGRATIONS to the folder of migrations")
        }
        guard !names.isEmpty else {
            throw unusable(folder, "it holds no .sql file", "set LIENTHONG_MIGRATIONS to the folder of migrations")
        }
        var migrations: [Migration] = []
        for name in names {
            let digits = name.prefix(4)
            guard digits.count == 4, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits),
                name.dropFirst(4).hasPrefix("_"), name.count > "0000_.sql".count
            else {
                throw unusable("\(folder)/\(name)", "a migration is named NNNN_name.sql", "rename the file")
            }
            guard number == migrations.count + 1 else {
                let expected = String(migrations.count + 1)
                throw unusable(
                    "\(folder)/\(name)", "number \(expected) was expected here",
                    "number the files from 0001 without gap"
                )
            }
            guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)"),
                let sql = String(validating: data, as: UTF8.self), !sql.utf8.contains(0)
            else {
                throw unusable("\(folder)/\(name)", "the file is no readable UTF-8 text", "repair the file")
            }
            migrations.append(Migration(number: number, fileName: name, sql: sql))
        }
        return Migrations(migrations: migrations, folder: folder)
    }

    /// How each migration stands, in their order; changes nothing.
    package func status(on connection: PostgresConnection) throws(PostgresError) -> [MigrationStatus] {
        let exists = try connection.query("SELECT to_regclass('ingest.migration') IS NOT NULL")[0, 0] == "t"
        return try exists ? compare(on: connection) : migrations.map { $0.status(.pending) }
    }

    /// Applies what is pending, each file and its record in one transaction, while holding a lock against others who
    /// migrate.
    ///
    /// - Returns: those applied now.
    /// - Throws: `UserError` where an applied file has changed or is missing, or a file ends its own transaction;
    ///   `PostgresError` naming the file where the database refuses it.
    @discardableResult
    package func apply(on connection: PostgresConnection) throws -> [MigrationStatus] {
        try connection.query("SELECT pg_advisory_lock($1)", [String(Self.lockKey)])
        defer { _ = try? connection.query("SELECT pg_advisory_unlock($1)", [String(Self.lockKey)]) }
        try connection.execute(Self.recordTable)
        let before = try compare(on: connection)
        try refuseDivergence(before)
        let pending = Set(before.filter { $0.state == .pending }.map(\.number))
        for migration in migrations where pending.contains(migration.number) {
            do {
                try apply(migration, on: connection)
            } catch {
                if connection.inTransaction { _ = try? connection.execute("ROLLBACK") }
                throw error
            }
        }
        return try compare(on: connection).filter { pending.contains($0.number) }
    }

    private static let recordTable = """
        CREATE SCHEMA IF NOT EXISTS ingest;
        CREATE TABLE IF NOT EXISTS ingest.migration (
            number integer PRIMARY KEY,
            file_name text NOT NULL,
            sha256 text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        );
        COMMENT ON TABLE ingest.migration IS 'Migrations applied to this database, each once';
        """

    private func apply(_ migration: Migration, on connection: PostgresConnection) throws {
        let transaction = try connection.execute("BEGIN; SELECT pg_current_xact_id()")[1][0, 0]
        do {
            try connection.execute(migration.sql)
        } catch {
            throw error.during("\(Self.action) by \(migration.place(of: error))")
        }
        let after = connection.inTransaction ? try connection.query("SELECT pg_current_xact_id()")[0, 0] : nil
        guard after == transaction else {
            throw Self.unusable(
                "\(folder)/\(migration.fileName)",
                "it ends the transaction it runs in, and may have been applied in part",
                "take BEGIN, COMMIT and ROLLBACK out of the file and repair the database by hand"
            )
        }
        try connection.query(
            "INSERT INTO ingest.migration (number, file_name, sha256) VALUES ($1, $2, \(Self.sha256("$3")))",
            [String(migration.number), migration.fileName, migration.sql]
        )
        try connection.execute("COMMIT")
    }

    private func compare(on connection: PostgresConnection) throws(PostgresError) -> [MigrationStatus] {
        let recorded = try connection.execute(
            "SELECT number, file_name, sha256, to_char(applied_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
                + "FROM ingest.migration ORDER BY number"
        )[0]
        var statuses = migrations.map { $0.status(.pending) }
        for row in 0..<recorded.rowCount {
            let number = Int(recorded.integer(row, 0) ?? 0)
            let appliedAt = recorded[row, 3] ?? ""
            guard migrations.indices.contains(number - 1) else {
                let fileName = recorded[row, 1] ?? ""
                statuses.append(
                    MigrationStatus(number: number, fileName: fileName, state: .fileMissing(appliedAt: appliedAt))
                )
                continue
            }
            let migration = migrations[number - 1]
            let sha256 = try connection.query("SELECT \(Self.sha256("$1"))", [migration.sql])[0, 0]
            let isSame = sha256 == recorded[row, 2]
            statuses[number - 1] = migration.status(isSame ? .applied(at: appliedAt) : .changed(appliedAt: appliedAt))
        }
        return statuses
    }

    private func refuseDivergence(_ statuses: [MigrationStatus]) throws(UserError) {
        for status in statuses {
            switch status.state {
            case .pending, .applied: continue
            case .changed(let appliedAt):
                throw Self.unusable(
                    "\(folder)/\(status.fileName)", "the file has changed since it was applied at \(appliedAt)",
                    "restore the file and put the change into a new migration"
                )
            case .fileMissing:
                throw Self.unusable(
                    status.fileName, "the database was migrated by it, but \(folder) has no such file",
                    "use the version of this program that migrated the database, or a newer one"
                )
            }
        }
    }

    private static func sha256(_ parameter: String) -> String {
        "encode(sha256(convert_to(\(parameter), 'UTF8')), 'hex')"
    }

    private static func unusable(_ subject: String, _ cause: String, _ nextStep: String) -> UserError {
        UserError(action: action, subject: subject, cause: cause, nextStep: nextStep, status: .configuration)
    }
}

extension Migration {
    fileprivate func status(_ state: MigrationStatus.State) -> MigrationStatus {
        MigrationStatus(number: number, fileName: fileName, state: state)
    }

    /// The file and, where the server named a character of it, the line.
    fileprivate func place(of error: PostgresError) -> String {
        guard let position = error.statementPosition else { return fileName }
        let line = sql.unicodeScalars.prefix(position - 1).count { $0 == "\n" } + 1
        return "\(fileName), line \(line)"
    }
}
