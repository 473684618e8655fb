// Looks at everything a worker needs and says what is not as it should be.
import ArgumentParser
import Contracts
import DeadLetters
import Foundation
import Ingestion
import Kafka
import Model
import Postgres

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check settings, broker, database, tables, topics and permissions.",
        discussion: "Status 1 where something is wrong, 69 where broker or database cannot be reached.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        var report = Report(format: common.format)
        let settings = try common.settings()
        let catalogue = report.check("contracts") {
            let findings = Lint.run(folder: settings.topicsFolder, migrationsFolder: settings.migrationsFolder)
                .filter { $0.severity == .error }
            return (findings.map(\.description), try? Catalogue.load(folder: settings.topicsFolder))
        }
        let sealer = report.check("dead-letter key") { ([], try settings.sealer()) }
        let connection = report.check("database") { ([], try settings.connect("doctor")) }
        if let connection {
            defer { connection.close() }
            _ = report.check("migrations") {
                let rows = try Migrations.load(folder: settings.migrationsFolder).status(on: connection)
                let open = rows.filter { $0.state.words.state != "applied" }
                return (open.map { "\($0.fileName) is \($0.state.words.state)" }, ())
            }
            _ = report.check("server log without values") {
                (try Self.loggedValues(connection), ())
            }
            if let sealer {
                _ = report.check("open dead letters can be read") {
                    let unknown = try DeadLetterStore(connection: connection).openKeys()
                        .filter { !sealer.knows(keyID: $0.keyID) }
                    let findings = unknown.map {
                        "\($0.count) sealed with key \($0.keyID): add it as a further line of the dead-letter key file"
                    }
                    return (findings, ())
                }
            }
            if let catalogue {
                for topic in catalogue.topics {
                    _ = report.check("tables of \(topic.name)") {
                        let older = try Self.olderThanPermitted(topic, connection)
                        return (try TableCheck.findings(of: topic, connection: connection) + older, ())
                    }
                }
                _ = report.check("permissions") {
                    (try Self.missingPermissions(of: catalogue.topics, connection: connection), ())
                }
            }
        }
        if let catalogue { try checkKafka(&report, settings, catalogue) }
        report.end()
        if let status = report.status { throw ExitCode(status.rawValue) }
    }

    private func checkKafka(_ report: inout Report, _ settings: Settings, _ catalogue: Catalogue) throws {
        let admin = report.check("broker") { () -> ([String], KafkaAdmin) in
            let admin = try KafkaAdmin(settings: try settings.kafka(), clientID: "lienthong-doctor")
            _ = try admin.cluster(timeoutMilliseconds: 10_000)
            return ([], admin)
        }
        guard let admin else { return }
        defer { admin.close() }
        for definition in catalogue.topics {
            _ = report.check("topic \(definition.name)") {
                let topic = try admin.topic(definition.name, timeoutMilliseconds: 10_000)
                guard let topic else { return (["Kafka has no such topic: run `lienthong topics apply`"], ()) }
                let names = try admin.cluster(timeoutMilliseconds: 10_000).topics.map(\.name)
                let ownersTopic = Contract.KafkaSettings.deadLetterTopic(of: definition.name)
                if let ownersTopic, !names.contains(ownersTopic) {
                    return (
                        ["Kafka has no topic \(ownersTopic), by which its owner is told: run `lienthong topics apply`"],
                        ()
                    )
                }
                let leaderless = topic.partitions.filter { $0.leader == nil }.map { "\($0.partition)" }
                return (
                    leaderless.isEmpty ? [] : ["partitions without a leader: \(leaderless.joined(separator: ", "))"], ()
                )
            }
        }
    }

    /// With more than terse words, PostgreSQL's own log quotes the row that it refuses.
    private static func loggedValues(_ connection: PostgresConnection) throws -> [String] {
        let verbosity = try connection.query("SELECT current_setting('log_error_verbosity')")[0, 0]
        return verbosity == "terse"
            ? []
            : ["log_error_verbosity is \(verbosity ?? "unknown"): set it to terse, or the log quotes refused records"]
    }

    /// A replay by a newer mapping keeps workers of an older one from writing.
    private static func olderThanPermitted(
        _ topic: TopicDefinition, _ connection: PostgresConnection
    ) throws -> [String] {
        let least = try connection.query(
            "SELECT mapping_revision_min FROM ingest.topic_state WHERE topic = $1 AND mapping_revision_min > $2",
            [topic.name.rawValue, "\(topic.mapping.revision)"])
        guard least.rowCount > 0, let revision = least[0, 0] else { return [] }
        return [
            "its mapping here is of revision \(topic.mapping.revision), and since a replay the database takes none before \(revision): workers with this Topics/ write nothing of it"
        ]
    }

    /// What a worker does to each table, and may not.
    private static func missingPermissions(
        of topics: [TopicDefinition], connection: PostgresConnection
    ) throws -> [String] {
        let bases = topics.flatMap { [$0.mapping.table] + $0.mapping.children.map(\.table) }
        let wanted =
            bases.map { ($0, "SELECT, INSERT, UPDATE, DELETE") } + [
                ("ingest.position", "SELECT, INSERT, UPDATE"), ("ingest.topic_state", "SELECT, INSERT, UPDATE"),
                ("ingest.dead_letter", "SELECT, INSERT, UPDATE"), ("ingest.dead_letter_step", "SELECT, INSERT"),
                ("ingest.redriven", "SELECT, INSERT"), ("ingest.quality_warning", "SELECT, INSERT, UPDATE"),
                ("ingest.operation", "INSERT"),
                // A worker carries replays on; who asks for one needs more.
                ("ingest.replay", "SELECT, UPDATE"), ("ingest.replay_position", "SELECT, UPDATE"),
            ]
        var missing: [String] = []
        for (table, privileges) in wanted {
            for privilege in privileges.split(separator: ", ") {
                let result = try connection.query(
                    "SELECT has_table_privilege(to_regclass($1), $2)", [table, String(privilege)])
                // Null where the table is not there, which the check of tables has told.
                if result[0, 0] == "f" { missing.append("no \(privilege) on \(table)") }
            }
        }
        return missing
    }

    /// Tells each check as it is made.
    private struct Report {
        let format: OutputFormat
        private(set) var status: ExitStatus?
        private var wrong = 0
        private var checks = 0

        init(format: OutputFormat) { self.format = format }

        /// - Returns: what the check gives to later ones; nil where it failed.
        mutating func check<Value>(_ name: String, _ body: () throws -> ([String], Value?)) -> Value? {
            let findings: [String]
            var value: Value?
            do {
                (findings, value) = try body()
            } catch {
                let failure = Failure(error)
                findings = [failure?.sentence ?? "an unforeseen error of type \(type(of: error))"]
                if failure?.status == .unavailable { status = .unavailable }
            }
            tell(name, findings)
            return value
        }

        private mutating func tell(_ name: String, _ findings: [String]) {
            checks += 1
            if !findings.isEmpty {
                wrong += 1
                status = status ?? .no
            }
            switch format {
            case .json:
                Terminal.line(
                    JSON.object([
                        ("check", .string(name)), ("ok", .boolean(findings.isEmpty)),
                        ("findings", .array(findings.map { .string($0) })),
                    ]).text)
            case .text:
                Terminal.line("\(findings.isEmpty ? "ok     " : "WRONG  ")\(name)")
                for finding in findings { Terminal.line("       \(finding)") }
            }
        }

        func end() {
            switch format {
            case .json:
                Terminal.line(
                    JSON.object([("checks", .integer(Int64(checks))), ("wrong", .integer(Int64(wrong)))]).text)
            case .text: Terminal.line(wrong == 0 ? "All is well." : "\(wrong) of \(checks) checks failed.")
            }
        }
    }
}
