// What a replay would read, and what it would change.
import ArgumentParser
import Contracts
import Foundation
import Ingestion
import Model
import Postgres
import Replay
import Synchronization

struct ReplayPlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Tell what a replay would read; with --dry-run also what it would change.",
        discussion: """
            A dry run reads the whole range through today's code against today's rows, in a session that can write \
            nothing. It changes nothing, not even a position, and may be interrupted.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var range: ReplayRangeOptions

    @Flag(help: "Read the range and tell which rows would be inserted, changed, deleted, and what would be refused.")
    var dryRun = false

    @Option(help: "Changed rows to show as samples of a dry run; values of fields that are not open are masked.")
    var samples = 3

    @Option(
        help: ArgumentHelp(
            "The longest range of a dry run: the rows that it touches are copied into temporary tables.",
            valueName: "records"))
    var mostRecords: Int64 = 2_000_000

    @Option(help: "Records a second, for the estimate of time.")
    var rate = ReplayStart.defaultRate

    func validate() throws {
        guard (0...1_000).contains(samples) else { throw ValidationError("--samples is a number from 0 to 1000") }
        guard (1...10_000_000).contains(rate) else { throw ValidationError("--rate is a number from 1 to 10000000") }
    }

    func run() async throws {
        let settings = try common.settings()
        let (definition, catalogue) = try range.definition(settings)
        let logger = common.logger("replay")
        let kafka = try settings.kafka(logger)
        let stopping = Atomic<Bool>(false)
        let outcome = Box<(ReplayPlan, DryRunReport?)>()
        try await runUntilStopped(logger, stop: { stopping.store(true, ordering: .releasing) }) {
            outcome.value = try await onThread("replay-plan") {
                let connection = try settings.connect("replay plan")
                defer { connection.close() }
                let ranges = try range.ranges(settings, definition, connection: connection, kafka: kafka)
                let plan = try ReplayPlan(definition, ranges, connection: connection)
                let keys = try range.keyFingerprints(settings, definition.name)
                guard dryRun else { return (plan, nil) }
                let session = try PostgresConnection(
                    try settings.databaseURL(), applicationName: "lienthong replay plan")
                defer { session.close() }
                var progress = Progress("read", total: plan.records)
                defer { progress.end() }
                let report = try DryRun.run(
                    definition, ranges, keyFingerprints: keys,
                    settings: try settings.replayer(catalogue, kafka: kafka).worker, connection: session,
                    recordsMax: mostRecords, samplesMax: samples, logger: logger,
                    isStopping: { stopping.load(ordering: .acquiring) }, tell: { read in progress.tell { read } })
                return (plan, report)
            }
        }
        guard let (plan, report) = outcome.value else { return }
        switch common.format {
        case .json: tellPrograms(plan, report, definition)
        case .text: tellPeople(plan, report, definition)
        }
        if report?.endedEarly != nil { throw ExitCode(ExitStatus.no.rawValue) }
    }

    // MARK: - Telling

    private func tellPeople(_ plan: ReplayPlan, _ report: DryRunReport?, _ definition: TopicDefinition) {
        var table = Table([
            ("partition", .right), ("from", .right), ("to", .right), ("offsets", .right), ("gone", .right),
        ])
        for range in plan.ranges {
            table.add([
                "\(range.partition)", "\(range.from)", "\(range.to)", Readable.count(range.count),
                range.missing == 0 ? "–" : Readable.count(range.missing),
            ])
        }
        if plan.ranges.count > 1 {
            table.add([
                "all", "", "", Readable.count(plan.records), plan.missing == 0 ? "–" : Readable.count(plan.missing),
            ])
        }
        Terminal.line(table.text)
        if plan.missing > 0 {
            Terminal.line(
                "Of the range, \(Quantity.words(plan.missing, "offset")) are no longer in Kafka: retention took them.")
        }
        if plan.leftOut > 0 {
            Terminal.line(
                "Of the range, operators had the workers leave out \(Quantity.words(plan.leftOut, "offset")): a replay would be the first to read them."
            )
        }
        if plan.resets > 0 {
            Terminal.line(
                "\(Quantity.words(plan.resets, "key")) were reset because of records that the range holds: read again, they block them again."
            )
        }
        for (revision, rows) in plan.rowsByRevision {
            Terminal.line(
                "\(Quantity.words(rows, "living row")) made by revision \(revision) of the mapping\(revision == definition.mapping.revision ? ", today's" : "")."
            )
        }
        if plan.rowsByRevision.contains(where: { $0.revision == definition.mapping.revision }),
            !plan.rowsByRevision.contains(where: { $0.revision < definition.mapping.revision })
        {
            Terminal.line(
                "Rows of today's revision are not rewritten: after mending the mapping, raise its revision.")
        }
        if !plan.letters.isEmpty {
            let words = plan.letters.map { "\($0.status) \(Readable.count($0.count))" }.joined(separator: ", ")
            Terminal.line("Dead letters of the range: \(words).")
        }
        if range.keyFile != nil { Terminal.line("Of these, the records of the named keys alone are taken.") }
        Terminal.line(
            "At \(Readable.count(rate)) records/s about \(Readable.duration(seconds: plan.seconds(rate: rate))).")
        guard let report else { return }
        if let early = report.endedEarly { Terminal.line("The dry run ended before the range did: \(early).") }
        let difference = report.difference
        Terminal.line(
            """
            Of \(Quantity.words(report.records, "record")) read, these rows would be: \
            inserted \(Readable.count(difference.inserted)), changed \(Readable.count(difference.changed)), \
            deleted \(Readable.count(difference.deleted)), untouched \(Readable.count(difference.untouched)).
            """)
        for (name, rows) in difference.byColumn { Terminal.line("  \(name): \(Quantity.words(rows, "changed row"))") }
        let refused = report.refused.sorted { ($0.value, $1.key.rawValue) > ($1.value, $0.key.rawValue) }
        if !refused.isEmpty {
            Terminal.line(
                "Refused: \(refused.map { "\($0.key.rawValue) \(Readable.count($0.value))" }.joined(separator: ", ")). Rows that such records made before stay as they are."
            )
        }
        for sample in difference.samples {
            Terminal.line("  \(definition.name)[\(sample.partition)] offset \(sample.offset):")
            for column in sample.columns {
                let masked = MaskedChange(column, definition.contract)
                Terminal.line("    \(column.name): \(masked.before) → \(masked.after)")
            }
        }
        Terminal.line("A dry run: nothing was written.")
    }

    private func tellPrograms(_ plan: ReplayPlan, _ report: DryRunReport?, _ definition: TopicDefinition) {
        for range in plan.ranges {
            Terminal.line(
                JSON.object([
                    ("partition", .integer(Int64(range.partition.rawValue))), ("from", .integer(range.from)),
                    ("to", .integer(range.to)), ("offsets", .integer(range.count)),
                    ("missing", .integer(range.missing)),
                ]).text)
        }
        for sample in report?.difference.samples ?? [] {
            let columns = sample.columns.map { column in
                let masked = MaskedChange(column, definition.contract)
                return (
                    column.name, JSON.object([("before", .string(masked.before)), ("after", .string(masked.after))])
                )
            }
            Terminal.line(
                JSON.object([
                    ("partition", .integer(Int64(sample.partition.rawValue))),
                    ("offset", .integer(sample.offset.rawValue)), ("changes", .object(columns)),
                ]).text)
        }
        var summary: [(String, JSON)] = [
            ("topic", .string(definition.name.rawValue)), ("offsets", .integer(plan.records)),
            ("missing", .integer(plan.missing)), ("leftOut", .integer(plan.leftOut)),
            ("keyResets", .integer(plan.resets)), ("mappingRevision", .integer(Int64(definition.mapping.revision))),
            (
                "rowsByRevision",
                .object(plan.rowsByRevision.map { ("\($0.revision)", .integer($0.rows)) })
            ),
            ("deadLetters", .object(plan.letters.map { ($0.status, .integer($0.count)) })),
            ("estimatedSeconds", .decimal(plan.seconds(rate: rate))), ("dryRun", .boolean(report != nil)),
        ]
        if let report {
            let difference = report.difference
            summary += [
                ("records", .integer(report.records)), ("inserted", .integer(difference.inserted)),
                ("changed", .integer(difference.changed)), ("deleted", .integer(difference.deleted)),
                ("untouched", .integer(difference.untouched)),
                ("changedByColumn", .object(difference.byColumn.map { ($0.name, .integer($0.rows)) })),
                (
                    "refused",
                    .object(
                        report.refused.sorted { $0.key.rawValue < $1.key.rawValue }
                            .map { ($0.key.rawValue, .integer($0.value)) })
                ),
                ("endedEarly", .optional(report.endedEarly)),
            ]
        }
        Terminal.line(JSON.object(summary).text)
    }
}

/// A column's change as it may be shown: values of open fields, of others their form.
private struct MaskedChange {
    let before: String
    let after: String

    init(_ column: DryRunDifference.Sample.Column, _ contract: Contract) {
        guard !column.isList else {
            before = "a list"
            after = "another list"
            return
        }
        let isOpen = contract.fields.field(at: column.field)?.classification == .open
        func shown(_ value: String?) -> String {
            guard let value else { return "null" }
            return isOpen ? Terminal.visible(value) : "\(value.unicodeScalars.count) characters"
        }
        before = shown(column.before)
        after = shown(column.after)
    }
}
