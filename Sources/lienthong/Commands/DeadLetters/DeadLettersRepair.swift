// One refused record's value, mended and sent.
import ArgumentParser
import Contracts
import DeadLetters
import Foundation
import Logging
import Model
import Postgres

struct DeadLettersRepair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair", abstract: "Mend one refused record's value, and send it.",
        discussion: """
            Opens the value in $VISUAL or $EDITOR, as a file in memory that only you may read and that is gone \
            afterwards; who looked and why is kept in ingest.operation. Or applies a patch: an array is taken as a JSON \
            Patch (RFC 6902), an object as a JSON Merge Patch (RFC 7396). Key and headers stay as they are. A value that \
            still breaks the contract is not sent, and nothing is changed.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "The letter's id, as `dead-letters list` shows it.")
    var id: Int64

    @Option(help: ArgumentHelp("Take the patch from this file; - is standard input.", valueName: "file"))
    var patch: String?

    @Option(help: "On what ground you look, and why you change it; kept with your name in the letter's life.")
    var because: String

    func validate() throws {
        guard !because.allSatisfy(\.isWhitespace) else { throw ValidationError("--because wants a reason in words") }
    }

    func run() async throws {
        let settings = try common.settings()
        let logger = common.logger("dead-letters")
        try await onThread("repair") {
            let session = try RepairSession(settings, logger)
            defer { session.publisher.close() }
            if let patch {
                try byPatch(patch, session)
            } else {
                try byEditor(session)
            }
        }
        switch common.format {
        case .json:
            Terminal.line(JSON.object([("id", .integer(id)), ("outcome", .string("repaired and redriven"))]).text)
        case .text: Terminal.line("Dead letter \(id) was repaired and redriven.")
        }
    }

    private func byPatch(_ path: String, _ session: RepairSession) throws {
        func fault(_ cause: String, _ status: ExitStatus) -> UserError {
            UserError(
                action: "repairing", subject: "dead letter \(id)", cause: cause,
                nextStep: "nothing was sent, and the letter is as it was", status: status)
        }
        let opened = try session.withRepairer { repairer, _ in try repairer.open(id: id) }
        guard let bytes = InputFile.read(path, bytesMax: Self.valueBytesMax) else {
            throw fault("the patch cannot be read, or is larger than \(Self.valueBytesMax) bytes", .usage)
        }
        guard let document = JSONValue(opened.value) else {
            throw fault("its value is not JSON, which no patch can change: use the editor", .no)
        }
        let (value, name): (JSONValue, String)
        do {
            let patch = try RecordPatch([UInt8](bytes))
            (value, name) = (try patch.applied(to: document), patch.name)
        } catch {
            throw fault(error.description, .no)
        }
        try session.withRepairer { repairer, _ in
            try repairer.send(Array(value.text.utf8), of: opened, how: name, by: Host.user, because: because)
        }
    }

    private func byEditor(_ session: RepairSession) throws {
        let editor = try Editor()
        let opened = try session.withRepairer { repairer, store in
            let opened = try repairer.open(id: id)
            try store.recordReveal(
                of: opened.letter.summary, by: Host.user, because: because, action: "dead-letters repair")
            return opened
        }
        // Laid out for reading; what is no JSON is shown as it came.
        let shown = JSONValue(opened.value).map { Array(($0.indented() + "\n").utf8) } ?? opened.value
        try PrivateFile.with(shown, name: "value.json") { file in
            while true {
                let edited = try editor.edit(file, bytesMax: Self.valueBytesMax)
                let value = JSONValue(edited).map { Array($0.text.utf8) } ?? edited
                do {
                    return try session.withRepairer { repairer, _ in
                        try repairer.send(value, of: opened, how: "editor", by: Host.user, because: because)
                    }
                } catch let error as UserError where error.status == .no && Terminal.asks {
                    // What was typed so far would be lost with the file.
                    Terminal.error(error.description)
                    guard Terminal.confirms("Edit again?") else { throw ExitCode(ExitStatus.no.rawValue) }
                }
            }
        }
    }

    /// Laid out with white space a value is larger than in the log.
    private static let valueBytesMax = 16 * Limits.recordBytesMax
}

/// What a repair needs. The database is reached anew after the editor, which may have been open for hours.
private struct RepairSession {
    let publisher: KafkaRedrivePublisher
    private let settings: Settings
    private let catalogue: Catalogue
    private let sealer: DeadLetterSealer

    init(_ settings: Settings, _ logger: Logger) throws {
        self.settings = settings
        catalogue = try Catalogue.load(folder: settings.topicsFolder)
        sealer = try settings.sealer()
        publisher = try KafkaRedrivePublisher(settings: try settings.kafka(logger))
    }

    func withRepairer<Output>(_ body: (Repairer, DeadLetterStore) throws -> Output) throws -> Output {
        let connection = try settings.connect("dead-letters repair")
        defer { connection.close() }
        let repairer = Repairer(
            connection: connection, sealer: sealer, catalogue: catalogue, publisher: publisher,
            now: { Clock.nowMilliseconds })
        return try body(repairer, DeadLetterStore(connection: connection))
    }
}
