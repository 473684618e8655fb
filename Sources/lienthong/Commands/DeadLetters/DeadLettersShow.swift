// One letter: why, where from, its shape, its life; its content for who has a ground to see it.
import ArgumentParser
import Contracts
import DeadLetters
import Foundation
import Model
import Postgres

struct DeadLettersShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One refused record: why, where from, and its shape.",
        discussion: """
            Fields that are not open are shown by type and length alone. --reveal shows the record as it came; who looked \
            and why is kept in ingest.operation.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "The letter's id, as `dead-letters list` shows it.")
    var id: Int64

    @Flag(help: "Show the record's content.")
    var reveal = false

    @Option(help: "On what ground you look; required with --reveal.")
    var because: String?

    func validate() throws {
        if reveal && (because ?? "").allSatisfy(\.isWhitespace) {
            throw ValidationError("--reveal wants --because with the ground on which you look")
        }
    }

    func run() async throws {
        let settings = try common.settings()
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        let connection = try settings.connect("dead-letters show")
        defer { connection.close() }
        let store = DeadLetterStore(connection: connection)
        let letter = try store.required(id: id)
        let steps = try store.steps(of: id)
        let summary = letter.summary
        guard let sealed = letter.sealed else {
            show(summary, content: [("content", .string("not kept: the record is marked as a state secret"))], steps)
            return
        }
        let sealer = try settings.sealer()
        let record = try sealer.open(sealed, origin: summary.origin)
        let repaired = try letter.repaired.map { try sealer.open($0, origin: summary.origin) }
        if reveal {
            try store.recordReveal(of: summary, by: Host.user, because: because ?? "")
            show(summary, content: Self.revealed(record, repaired), steps)
        } else {
            let contract = catalogue[summary.origin.topic]?.contract
            show(summary, content: Self.masked(record, repaired, contract: contract), steps)
        }
    }

    private func show(_ summary: DeadLetterSummary, content: [(String, JSON)], _ steps: [DeadLetterStep]) {
        let members = summary.members + content
        switch common.format {
        case .json: Terminal.line(JSON.object(members + [("life", .array(steps.map(\.json)))]).text)
        case .text:
            let width = members.map(\.0.count).max() ?? 0
            defer {
                for (index, step) in steps.enumerated() {
                    let label = index == 0 ? "life" : ""
                    Terminal.line(
                        label.padding(toLength: width + 2, withPad: " ", startingAt: 0) + Terminal.visible(step.line))
                }
            }
            for (name, value) in members {
                let label = name.padding(toLength: width + 2, withPad: " ", startingAt: 0)
                switch value {
                case .null: continue
                case .string(let text): Terminal.line(label + Terminal.visible(text))
                case .object(let members):
                    for (index, member) in members.enumerated() {
                        let indent = index == 0 ? label : String(repeating: " ", count: label.count)
                        let text = if case .string(let text) = member.1 { text } else { member.1.text }
                        Terminal.line(indent + Terminal.visible("\(member.0): \(text)"))
                    }
                default: Terminal.line(label + value.text)
                }
            }
        }
    }

    private static func revealed(_ record: RawRecord, _ repaired: RawRecord?) -> [(String, JSON)] {
        /// Text where the bytes are text, else base64 under another name: the two are never mistaken for each other.
        func member(_ name: String, _ bytes: [UInt8]?) -> (String, JSON) {
            guard let bytes else { return (name, .null) }
            if let text = String(validating: bytes, as: UTF8.self) { return (name, .string(text)) }
            return (name + "Base64", .string(Data(bytes).base64EncodedString()))
        }
        return [
            member("key", record.key), member("value", record.value),
            ("headers", .object(record.headers.map { member($0.name, $0.value) })),
        ] + (repaired.map { [member("repairedValue", $0.value)] } ?? [])
    }

    /// The fields are those of the repaired value, where there is one.
    private static func masked(_ record: RawRecord, _ repaired: RawRecord?, contract: Contract?) -> [(String, JSON)] {
        func size(_ bytes: [UInt8]?) -> JSON { .string(bytes.map { "\($0.count) bytes" } ?? "null") }
        var members: [(String, JSON)] = [
            ("key", size(record.key)), ("value", size(record.value)),
            ("headers", .integer(Int64(record.headers.count))),
        ]
        if let repaired { members.append(("repairedValue", size(repaired.value))) }
        guard let value = (repaired ?? record).value, let contract else { return members }
        guard let (fields, unknown) = MaskedRecord.fields(of: value, contract: contract) else {
            members.append(("shape", .string("not a JSON object")))
            return members
        }
        members.append(
            ("fields", .object(fields.map { ($0.path, .string("\($0.shown) (\($0.classification.rawValue))")) })))
        members.append(("unknownFields", .integer(Int64(unknown))))
        return members
    }
}
