// Contracts as documents for other tools and for people.
import ArgumentParser
import Contracts
import Exports
import Model

struct TopicsExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write contracts as JSON Schema, AsyncAPI, Avro, a catalogue of pages, or SQL.",
        discussion: """
            json-schema, avro and sql make a file a topic, asyncapi one file of all topics, catalogue a folder of HTML \
            pages. One document goes to standard output unless --out names a file; several want --out FOLDER, which is \
            made where there is none.
            """)

    @OptionGroup var common: CommonOptions

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "\(ExportFormat.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "document"),
        transform: { text in
            guard let format = ExportFormat(rawValue: text) else {
                let known = ExportFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("'\(text)' is none of \(known)")
            }
            return format
        })
    var document: ExportFormat

    @Option(help: "The topic; all by default.")
    var topic: String?

    @Option(help: ArgumentHelp("File or folder to write to.", valueName: "path"))
    var out: String?

    func run() async throws {
        let folder = try common.settings().topicsFolder
        let catalogue = try Catalogue.load(folder: folder)
        let topics = try catalogue.select(topic.map { [$0] } ?? [])
        let isOneDocument = Export.isOneDocument(document, ofOneTopic: topic != nil)
        guard out != nil || isOneDocument else { throw missingPlace }
        let files = try Export.files(document, of: topics, in: catalogue, folder: folder)
        guard let out else {
            for file in files { Terminal.line(file.text.hasSuffix("\n") ? String(file.text.dropLast()) : file.text) }
            return
        }
        let written = try ExportWriter.write(files, to: out, isOneDocument: isOneDocument)
        for path in written {
            switch common.format {
            case .json: Terminal.line(JSON.object([("file", .string(path))]).text)
            case .text: Terminal.line(path)
            }
        }
        switch common.format {
        case .json: Terminal.line(JSON.object([("files", .integer(Int64(written.count)))]).text)
        case .text: Terminal.line("\(written.count) \(written.count == 1 ? "file" : "files") written")
        }
    }

    private var missingPlace: UserError {
        UserError(
            action: "exporting", subject: document.rawValue, cause: "it is more than one file",
            nextStep: document == .catalogue ? "name a folder after --out" : "name --topic, or a folder after --out",
            status: .usage)
    }
}
