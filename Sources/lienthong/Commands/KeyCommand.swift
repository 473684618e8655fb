// Frees a key that a wrong version has blocked: an operator's act, kept with its reason.
import ArgumentParser
import Contracts
import Model
import Postgres

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "One record's key.", subcommands: [KeyReset.self])
}

struct KeyReset: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset", abstract: "Let the next record of a key win, whatever its version; recorded.",
        discussion: """
            For a key whose row or delete carries a version too high for the source ever to pass. The row stays as it is \
            until the next record of the key arrives: ask the owner to send it again.
            """)

    @OptionGroup var common: CommonOptions

    @Option(help: "The topic.")
    var topic: String

    @Option(help: "The record's key, as in Kafka: its fields joined by a colon.")
    var key: String

    @Option(help: "Why; kept with your name in ingest.operation.")
    var because: String

    func validate() throws {
        guard !because.allSatisfy(\.isWhitespace) else { throw ValidationError("--because wants a reason in words") }
    }

    func run() async throws {
        let settings = try common.settings()
        let definition = try Catalogue.load(folder: settings.topicsFolder).definition(topic)
        let connection = try settings.connect("key reset")
        defer { connection.close() }
        let reader = TracedRow.Reader(definition: definition, connection: connection)
        let condition = try reader.condition(key: key)
        guard let before = try reader.read(key: key) else {
            throw UserError(
                action: "resetting a key of", subject: topic, cause: "no record of this key was applied",
                nextStep: "check the key; nothing was changed", status: .no)
        }
        // Positions before rows, as workers lock them: the two never wait for each other in a circle.
        try connection.query("BEGIN")
        try connection.query("SELECT FROM ingest.position WHERE topic = $1 ORDER BY partition FOR UPDATE", [topic])
        // A worker may have found a record beaten by the marks as they were: it reads its batch anew.
        try connection.query("UPDATE ingest.position SET epoch = epoch + 1 WHERE topic = $1", [topic])
        // The lowest version there is: any record is newer, and the marks stay in their partition.
        let updated = try connection.query(
            """
            UPDATE \(reader.table) SET
              record_version = CASE WHEN record_version IS NOT NULL THEN \(Int64.min) END,
              delete_version = CASE WHEN delete_version IS NOT NULL THEN \(Int64.min) END
            WHERE \(condition.sql)
            """, condition.parameters)
        // The key itself is personal, and is kept nowhere but in the row.
        try connection.query(
            """
            INSERT INTO ingest.operation (by, action, topic, because, details)
            VALUES ($1, 'key reset', $2, $3, $4::jsonb)
            """, [Host.user, topic, because, JSON.object(before.members).text])
        try connection.query("COMMIT")
        switch common.format {
        case .json:
            Terminal.line(
                JSON.object([("topic", .string(topic)), ("reset", .integer(Int64(updated.affectedRows)))]).text)
        case .text: Terminal.line("\(topic): the next record of this key will be applied, whatever its version")
        }
    }
}
