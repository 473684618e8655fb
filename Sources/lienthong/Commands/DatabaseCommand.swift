// The national database's own shape: numbered migrations.
import ArgumentParser
import Model
import Postgres

struct DatabaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "database", abstract: "The national database's tables.",
        subcommands: [DatabaseMigrate.self, DatabaseStatus.self])
}

struct DatabaseMigrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Apply the migrations that are not applied yet.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let settings = try common.settings()
        let migrations = try Migrations.load(folder: settings.migrationsFolder)
        let connection = try settings.connect("database migrate")
        defer { connection.close() }
        let applied = try migrations.apply(on: connection)
        switch common.format {
        case .json:
            for migration in applied {
                Terminal.line(JSON.object([("applied", .string(migration.fileName))]).text)
            }
            Terminal.line(JSON.object([("count", .integer(Int64(applied.count)))]).text)
        case .text:
            for migration in applied { Terminal.line("applied \(migration.fileName)") }
            if applied.isEmpty { Terminal.line("nothing to apply: the database is up to date") }
        }
    }
}

struct DatabaseStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Which migrations are applied; status 1 where one is not.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let settings = try common.settings()
        let migrations = try Migrations.load(folder: settings.migrationsFolder)
        let connection = try settings.connect("database status")
        defer { connection.close() }
        let rows = try migrations.status(on: connection)
        var table = Table([("migration", .left), ("state", .left), ("applied at", .left)])
        var isUpToDate = true
        for row in rows {
            let (state, appliedAt) = row.state.words
            if state != "applied" { isUpToDate = false }
            switch common.format {
            case .json:
                Terminal.line(
                    JSON.object([
                        ("migration", .string(row.fileName)), ("state", .string(state)),
                        ("appliedAt", .optional(appliedAt)),
                    ]).text)
            case .text: table.add([row.fileName, state, appliedAt ?? "–"])
            }
        }
        if common.format == .text { Terminal.line(table.text) }
        if !isUpToDate { throw ExitCode(ExitStatus.no.rawValue) }
    }
}

extension MigrationStatus.State {
    /// A stable word for programs, and when it was applied.
    var words: (state: String, appliedAt: String?) {
        switch self {
        case .pending: ("pending", nil)
        case .applied(let time): ("applied", time)
        case .changed(let time): ("changed", time)
        case .fileMissing(let time): ("file-missing", time)
        }
    }
}
