// What a rebuilt copy has, and the live tables have not.
import ArgumentParser
import Model
import Replay

struct ReplayCompare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Compare a rebuilt copy with the live tables, at one moment.",
        discussion: """
            Reads on to where the live workers stand, holds them for that moment, and compares both as they were then, \
            while the workers go on. What is only in live is what a swap would lose: mostly records that were applied \
            once and that today's contract refuses, or that the log no longer has. Of keys only the shape is shown, \
            unless the contract has them as open; `partition:offset` tells where in the log the content stands. Ends \
            with status 1 where anything differs.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var shadow: ShadowOptions

    @Option(help: "Most examples of each kind of difference.")
    var examples = 5

    func validate() throws {
        guard (0...100).contains(examples) else { throw ValidationError("--examples is a number from 0 to 100") }
    }

    func run() async throws {
        let comparison = try await shadow.perform(common, action: "comparing", examplesMax: examples) { shadow, tell in
            try shadow.compare(tell: tell)
        }
        switch common.format {
        case .json: json(comparison)
        case .text: text(comparison)
        }
        if !comparison.isEqual { throw ExitCode(ExitStatus.no.rawValue) }
    }

    // MARK: For programs

    private func json(_ comparison: ShadowComparison) {
        for example in comparison.examples {
            Terminal.line(
                JSON.object([
                    ("difference", .string(example.kind.rawValue)),
                    ("key", .object(example.key.map { ($0.column, .string($0.shown)) })),
                    ("live", place(example.live)), ("shadow", place(example.shadow)),
                    ("columns", .array(example.columns.map { .string($0) })),
                ]).text)
        }
        let base = JSON.object([
            ("table", .string(comparison.table)), ("live", counts(comparison.balance.live)),
            ("shadow", counts(comparison.balance.shadow)), ("onlyLive", counts(comparison.balance.onlyLive)),
            ("onlyShadow", counts(comparison.balance.onlyShadow)),
            ("deletedInShadow", .integer(comparison.balance.deletedInShadow)),
            ("older", .integer(comparison.balance.older)), ("differing", .integer(comparison.differing)),
            ("marksDiffering", .integer(comparison.marksDiffering)), ("columns", columns(comparison.columns)),
            ("liveChecksum", .string(comparison.liveChecksum)), ("shadowChecksum", .string(comparison.shadowChecksum)),
        ])
        let children = comparison.children.map { child in
            JSON.object([
                ("table", .string(child.name)), ("live", .integer(child.liveRows)),
                ("shadow", .integer(child.shadowRows)), ("onlyLive", .integer(child.onlyLive)),
                ("onlyShadow", .integer(child.onlyShadow)), ("columns", columns(child.columns)),
                ("liveChecksum", .string(child.liveChecksum)), ("shadowChecksum", .string(child.shadowChecksum)),
            ])
        }
        Terminal.line(
            JSON.object([
                ("topic", .string(comparison.topic.rawValue)), ("equal", .boolean(comparison.isEqual)),
                ("missing", .integer(comparison.balance.missing)), ("base", base), ("children", .array(children)),
            ]).text)
    }

    private func place(_ place: (partition: Int64, offset: Int64)?) -> JSON {
        guard let place else { return .null }
        return .object([("partition", .integer(place.partition)), ("offset", .integer(place.offset))])
    }

    private func counts(_ counts: RowCounts) -> JSON {
        .object([("living", .integer(counts.living)), ("marks", .integer(counts.marks))])
    }

    private func columns(_ columns: [ShadowComparison.Column]) -> JSON {
        .object(columns.filter { $0.differing > 0 }.map { ($0.name, .integer($0.differing)) })
    }

    // MARK: For people

    private func text(_ comparison: ShadowComparison) {
        let balance = comparison.balance
        var table = Table([
            (comparison.table, .left), ("live", .right), ("copy", .right), ("only live", .right),
            ("only copy", .right),
        ])
        func add(_ what: String, _ count: (RowCounts) -> Int64) {
            let counts = [balance.live, balance.shadow, balance.onlyLive, balance.onlyShadow]
            table.add([what] + counts.map { Readable.count(count($0)) })
        }
        add("living keys", \.living)
        add("marks of deleted keys", \.marks)
        for child in comparison.children {
            let counts = [child.liveRows, child.shadowRows, child.onlyLive, child.onlyShadow]
            table.add(["rows of \(child.name)"] + counts.map { Readable.count($0) })
        }
        Terminal.line(table.text)
        var differences = Table([("different in both", .left), ("keys", .right)])
        let others: [(String, Int64)] = [
            ("any column of \(comparison.table)", comparison.differing),
            ("deleted in the copy", balance.deletedInShadow),
            ("an older version in the copy", balance.older), ("rank of record or delete", comparison.marksDiffering),
        ]
        for (name, count) in others where count > 0 { differences.add([name, Readable.count(count)]) }
        for column in comparison.columns where column.differing > 0 {
            differences.add([column.name, Readable.count(column.differing)])
        }
        for child in comparison.children {
            for column in child.columns where column.differing > 0 {
                differences.add(["\(child.name).\(column.name)", Readable.count(column.differing)])
            }
        }
        if !differences.isEmpty { Terminal.line(differences.text) }
        for example in comparison.examples { Terminal.line(sentence(example)) }
        Terminal.line(
            "Checksums: live \(comparison.liveChecksum), copy \(comparison.shadowChecksum)"
                + comparison.children.map { "; \($0.name) \($0.liveChecksum), \($0.shadowChecksum)" }.joined())
        Terminal.line(verdict(comparison))
    }

    private func sentence(_ example: ShadowComparison.Example) -> String {
        func place(_ name: String, _ place: (partition: Int64, offset: Int64)?) -> String? {
            place.map { "\(name) \($0.partition):\($0.offset)" }
        }
        let key = example.key.map { "\($0.column) (\(Terminal.visible($0.shown)))" }.joined(separator: ", ")
        let places = [place("live", example.live), place("copy", example.shadow)].compactMap { $0 }
        let columns = example.columns.isEmpty ? "" : ": \(example.columns.joined(separator: ", "))"
        return (["\(example.kind.rawValue)  \(key)"] + places).joined(separator: "  ") + columns
    }

    private func verdict(_ comparison: ShadowComparison) -> String {
        if comparison.isEqual { return "The copy holds what the live tables hold." }
        let missing = comparison.balance.missing
        if missing == 0 {
            return
                "No live row is missing from the copy: `lienthong replay swap \(shadow.id) --because …` puts it in place."
        }
        return
            "A swap would lose \(Quantity.words(missing, "live row")), and wants --drop-rows \(missing) to do so."
    }
}
