// Where a row came from: its best record, its deletes, and what of the same key was refused.
import ArgumentParser
import Contracts
import DeadLetters
import Foundation
import Model
import Postgres

struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Where a row of the national database came from.",
        discussion: "Shows origin and versions, never the row's content.")

    @OptionGroup var common: CommonOptions

    @Option(help: "The topic.")
    var topic: String

    @Option(help: "The record's key, as in Kafka: its fields joined by a colon.")
    var key: String

    func run() async throws {
        let settings = try common.settings()
        let definition = try Catalogue.load(folder: settings.topicsFolder).definition(topic)
        let connection = try settings.connect("trace")
        defer { connection.close() }
        let rows = TracedRow.Reader(definition: definition, connection: connection)
        let row = try rows.read(key: key)
        let sealer = try settings.sealer()
        let letters = try DeadLetterStore(connection: connection).list(
            DeadLetterFilter(
                topic: definition.name,
                keyFingerprints: sealer.keyFingerprints(of: Array(key.utf8), topic: definition.name)),
            limit: 1000)
        switch common.format {
        case .json:
            var members: [(String, JSON)] = [("topic", .string(topic)), ("found", .boolean(row != nil))]
            if let row { members += row.members }
            members.append(("deadLetters", .array(letters.map(\.json))))
            Terminal.line(JSON.object(members).text)
        case .text:
            if let row {
                let width = row.members.map(\.0.count).max() ?? 0
                for case (let name, let value) in row.members {
                    if case .null = value { continue }
                    let text = if case .string(let text) = value { text } else { value.text }
                    Terminal.line(name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + text)
                }
            } else {
                Terminal.line("No record of this key was applied to \(definition.mapping.table).")
            }
            if letters.isEmpty {
                Terminal.line("No record of this key was refused.")
            } else {
                Terminal.line("Refused records of this key:")
                Terminal.line(DeadLetterSummary.table(letters).text)
            }
        }
        if row == nil && letters.isEmpty { throw ExitCode(ExitStatus.no.rawValue) }
    }
}

/// The marks of one row of a base table.
struct TracedRow {
    let members: [(String, JSON)]

    /// Reads rows of one topic's table by the record's key.
    struct Reader {
        let definition: TopicDefinition
        let connection: PostgresConnection

        /// A condition on the key's columns, with the parameters from `$1` on.
        /// - Throws: where the key has not as many parts as the contract names fields.
        func condition(key: String) throws(UserError) -> (sql: String, parameters: [String?]) {
            let columns = definition.mapping.key
            let parts = key.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == columns.count, parts.allSatisfy({ !$0.isEmpty }) else {
                throw UserError(
                    action: "reading", subject: "the key",
                    cause: "a key of \(definition.name) has \(columns.count) parts, this has \(parts.count)",
                    nextStep: "give \(definition.contract.key.joined(separator: ":"))", status: .usage)
            }
            // In the columns' own types, so that the primary key's index serves.
            let conditions = columns.enumerated().map { index, column in
                "\(SQLText.identifier(column.name)) = $\(index + 1)"
            }
            return (conditions.joined(separator: " AND "), parts)
        }

        var table: String {
            definition.mapping.table.split(separator: ".").map { SQLText.identifier(String($0)) }.joined(separator: ".")
        }

        private func marks(_ condition: (sql: String, parameters: [String?])) throws(PostgresError) -> PostgresResult {
            try connection.query(
                """
                SELECT deleted, record_version, record_partition, record_incarnation, record_offset, origin_offset,
                  mapping_revision, version_conflict, delete_version, delete_partition, delete_offset,
                  plain_delete_partition, plain_delete_offset,
                  to_char(applied_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS applied_at
                FROM \(table) WHERE \(condition.sql)
                """, condition.parameters)
        }

        func read(key: String) throws -> TracedRow? {
            let condition = try condition(key: key)
            let result: PostgresResult
            do {
                result = try marks(condition)
            } catch {
                guard error.fault == .record else { throw error }
                // A part that is no date, say: no row has such a key.
                return nil
            }
            guard result.rowCount == 1 else { return nil }
            func number(_ column: String) -> JSON { .optional(result.integer(0, column)) }
            func version(_ column: String) -> JSON {
                .optional(result.integer(0, column).map { definition.contract.versionText($0) })
            }
            return TracedRow(members: [
                ("table", .string(definition.mapping.table)),
                ("state", .string(result[0, "deleted"] == "t" ? "deleted" : "living")),
                ("version", version("record_version")), ("partition", number("record_partition")),
                ("offset", number("origin_offset")), ("latestOffset", number("record_offset")),
                ("incarnation", number("record_incarnation")), ("mappingRevision", number("mapping_revision")),
                ("appliedAt", .optional(result[0, "applied_at"])),
                ("sameVersionConflict", .boolean(result[0, "version_conflict"] == "t")),
                ("deleteVersion", version("delete_version")), ("deletePartition", number("delete_partition")),
                ("deleteOffset", number("delete_offset")),
                ("plainDeletePartition", number("plain_delete_partition")),
                ("plainDeleteOffset", number("plain_delete_offset")),
            ])
        }
    }
}

extension Contract {
    /// A version as the source writes it: a number, or a timestamp where the contract's version is one.
    func versionText(_ version: Int64) -> String {
        // What `key reset` leaves: below any version of a source.
        if version == .min { return "reset" }
        guard let field = fields.first(where: { $0.name == versionField }), case .timestamp = field.type else {
            return String(version)
        }
        let seconds = version.quotientRounded(by: 1_000_000)
        let style = Date.ISO8601FormatStyle(timeZone: .gmt)
        let whole = Date(timeIntervalSince1970: Double(seconds)).formatted(style).dropLast()
        let rest = version - seconds * 1_000_000
        let fraction = rest == 0 ? "" : "." + String(String(1_000_000 + rest).dropFirst())
        return "\(whole)\(fraction)Z"
    }
}

extension Int64 {
    /// The quotient rounded towards minus infinity, for times before 1970.
    fileprivate func quotientRounded(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
