// Partner's records against the contract, before anything is published: offline.
import ArgumentParser
import Checking
import Contracts
import Foundation
import Model

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a file of records against a topic's contract, offline.",
        discussion: """
            FILE holds one JSON value a line, one JSON array of records, or CSV whose header names the contract's \
            fields (permanentAddress.provinceCode, industries[0].code); - is standard input. The verdicts are the \
            worker's own; the key is made from the value unless --with-key is given. In CSV an empty cell is absent, \
            and a list or an object may stand in one cell as JSON.

            With --format json each refused record is an object with line, record, reason, field, rule and expected; \
            what makes no record, such as a row with too few cells, has malformed instead of reason; warnings have \
            warning; the summary is last. Status 1 where a record would be refused, or the file holds none.
            """)

    @OptionGroup var common: CommonOptions

    @Option(help: "The topic.")
    var topic: String

    @Option(help: "ndjson, array or csv; told by the file itself without it.")
    var input: InputFormat?

    @Flag(
        help: ArgumentHelp(
            "Lines are key<TAB>value, as kcat -K '\\t' -Z sends them; an empty value is a delete (kcat needs -Z for that)."
        ))
    var withKey = false

    @Option(help: ArgumentHelp("Write a page for people, in Vietnamese and English.", valueName: "file.html"))
    var report: String?

    @Argument(help: "The file; - is standard input.")
    var file: String

    func validate() throws {
        if report == "-" { throw ValidationError("--report needs a file: standard output has the text") }
        if let report,
            URL(fileURLWithPath: report).standardizedFileURL == URL(fileURLWithPath: file).standardizedFileURL
        {
            throw ValidationError("--report would overwrite the file that is checked")
        }
    }

    func run() throws {
        // Before the reading, which may be long.
        if let report { try Self.expectWritable(report) }
        let catalogue = try Catalogue.load(folder: try common.settings().topicsFolder)
        let definition = try catalogue.definition(topic)
        let now = Clock.nowMilliseconds
        let checker = try Checker(
            definition, codeLists: catalogue.codeLists,
            options: CheckOptions(format: input, withKey: withKey, nowMilliseconds: now))
        let source = try FileSource(path: file)
        let clock = ContinuousClock()
        let start = clock.now
        let account = try check(source, with: checker, contract: definition.contract)
        let seconds = (clock.now - start) / .seconds(1)
        let result = CheckReport(definition, account, file: URL(fileURLWithPath: source.name).lastPathComponent)
        switch common.format {
        case .json: Terminal.line(result.json(seconds: seconds).text)
        case .text: show(result, seconds: seconds)
        }
        if let report { try write(result.page(checkedAtMilliseconds: now), to: report) }
        if !account.isPassed { throw ExitCode(ExitStatus.no.rawValue) }
    }

    /// Findings go out while the file is read, many in one system call.
    private func check(
        _ source: FileSource, with checker: Checker, contract: Contract
    ) throws(UserError) -> CheckAccount {
        var writer = FindingWriter(contract)
        var progress = Progress("checking")
        var lines = ""
        func flush() {
            if !lines.isEmpty { Terminal.line(String(lines.dropLast())) }
            lines = ""
        }
        let isJSON = common.format == .json
        defer { progress.end() }
        let account = try checker.check(
            source, name: source.name,
            tell: { finding in
                guard isJSON else { return }
                lines += writer.json(finding).text + "\n"
                if lines.utf8.count > Self.outputBytesMax { flush() }
            },
            progress: { done in
                let share = source.byteCount.map { Double(done.bytes) / Double(max($0, 1)) }
                progress.tell(records: Int64(done.records), share: share)
            })
        flush()
        return account
    }

    private static let outputBytesMax = 1 << 16

    private func show(_ report: CheckReport, seconds: Double) {
        let account = report.account
        let contract = report.definition.contract
        Terminal.line(
            "\(Terminal.visible(report.file)) against \(report.definition.name), contract \(contract.version): "
                + report.verdict)
        if !report.notes.isEmpty { Terminal.line("") }
        for note in report.notes { Terminal.line(Terminal.visible(note)) }
        let places = report.placesAreRecords ? "first records" : "first lines"
        show(report.refused, title: "Refused", columns: ("reason", "expected"), places: places)
        show(
            report.warnings, title: "Warnings, of records that are accepted", columns: ("warning", "meaning"),
            places: places)
        var summary = [
            Quantity.words(account.records, "record"), "\(Readable.count(account.accepted)) accepted",
            "\(Readable.count(account.refused)) refused", Quantity.words(account.warningCount, "warning"),
        ]
        if account.deleted > 0 { summary.insert(Quantity.words(account.deleted, "delete"), at: 2) }
        if account.unknownMembers > 0 {
            summary.append("\(Quantity.words(account.unknownMembers, "member")) beyond the contract")
        }
        let rate = Readable.rate(Int64(account.records), seconds: seconds)
        Terminal.line("")
        Terminal.line("\(summary.joined(separator: ", ")); \(Readable.duration(seconds: seconds)), \(rate) records/s")
        Terminal.line(CheckReport.beyondCheck)
    }

    private func show(
        _ rows: [CheckReport.Row], title: String, columns: (name: String, expected: String), places: String
    ) {
        guard !rows.isEmpty else { return }
        var table = Table([
            (columns.name, .left), ("field", .left), (columns.expected, .left), ("records", .right), ("share", .right),
            (places, .left),
        ])
        for row in rows {
            table.add([
                row.name, row.field ?? "–", row.expected, Readable.count(row.count), CheckReport.percent(row.share),
                row.places,
            ])
        }
        Terminal.line("\n\(title)\n\(table.text)")
    }

    private static func expectWritable(_ path: String) throws(UserError) {
        let url = URL(fileURLWithPath: path)
        let files = FileManager.default
        var isFolder: ObjCBool = false
        let isThere = files.fileExists(atPath: url.path, isDirectory: &isFolder)
        let isWritable = files.isWritableFile(atPath: url.deletingLastPathComponent().path)
        if !isWritable || isThere && isFolder.boolValue { throw unwritable(path) }
    }

    private static func unwritable(_ path: String) -> UserError {
        UserError(
            action: "writing the report", subject: path, cause: "the file cannot be written",
            nextStep: "check that its folder is there and your permission to write in it", status: .configuration)
    }

    private func write(_ page: String, to path: String) throws(UserError) {
        do {
            try page.write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw Self.unwritable(path)
        }
    }
}

extension InputFormat: ExpressibleByArgument {}
