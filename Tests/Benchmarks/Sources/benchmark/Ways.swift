// What might make the merge cheaper, tried in PostgreSQL alone: each beside the way that `work` uses.
import Contracts
import Foundation
import Postgres

/// How the rows of one edition are sent.
private struct Sending {
    var way: Way
    var size = 20_000
    /// In an order of numbers that is not that of the inserts.
    var isScattered = false
    var isPrepared = false
    /// Else it does no more than bring the rows that are updated.
    var isReported = true
}

/// One thing that is tried: fresh tables, changed by `alteration`, then inserts and updates.
private struct Experiment {
    var name: String
    var insert: Sending
    /// Nil where updates could not be compared, or would say nothing.
    var update: Sending?
    var alteration = ""
}

/// Experiments that are compared with the first of them.
private struct Comparison {
    var name: String
    var records: Int
    var experiments: [Experiment]
}

/// Whether it was inserts or updates, and of which experiment.
private struct Place: Hashable {
    var comparison: Int
    var experiment: Int
    var isUpdate: Bool
}

/// What the rounds gave; by round, so that a failed one leaves no gap.
private struct Outcome {
    var costs: [Int: Cost] = [:]
    var batches = 0
    /// Of the updated rows, those whose indexes were left alone.
    var hotShares: [Double] = []
    /// Why the numbers are not there, or not to be compared.
    var problem: String?
}

final class Ways {
    private let world: World
    private let rounds: Int
    private let records: Int
    private let layout: RowLayout
    private var ready: [String: [ReadyBatch]] = [:]
    private var outcomes: [Place: Outcome] = [:]

    init(_ world: World, _ options: Options) throws {
        self.world = world
        rounds = options.rounds
        records = options.records
        layout = try Rows.batches(world, 0..<1, .first, size: 1, sorted: true).layout
    }

    private var comparisons: [Comparison] {
        let table = layout.target
        let former = "registry.citizen_former_id"
        let small = Sending(way: .sortedMerge, size: 50)
        let loaded = Sending(way: .copy, isReported: false)
        let known = Sending(way: .update)
        let scattered = Sending(way: .update, isScattered: true)
        func filled(_ percent: Int) -> String { "ALTER TABLE \(table) SET (fillfactor = \(percent))" }
        func both(_ name: String, _ way: Way, isPrepared: Bool = false) -> Experiment {
            let sending = Sending(way: way, isPrepared: isPrepared)
            return Experiment(name: name, insert: sending, update: sending)
        }
        let withoutFormer = "DROP INDEX \(former)_former_id"
        let withoutChildren =
            withoutFormer + layout.children.map { "; \(Self.withoutKey(layout.target($0), $0.name))" }.joined()
        let withoutAny = withoutChildren + "; " + Self.withoutKey(table, layout.table.name)

        var certain = [Experiment(name: "as `work`", insert: Sending(way: .copy), update: known)]
        for size in [1_000, 5_000, 50_000] {
            certain.append(
                Experiment(
                    name: "", insert: Sending(way: .copy, size: size), update: Sending(way: .update, size: size)))
        }
        certain += [
            Experiment(name: "fillfactor 70", insert: Sending(way: .copy), update: known, alteration: filled(70)),
            Experiment(name: "fillfactor 100", insert: Sending(way: .copy), update: known, alteration: filled(100)),
            Experiment(
                name: "without citizen_former_id_former_id, the only index beside primary keys",
                insert: Sending(way: .copy), update: known, alteration: withoutFormer),
            Experiment(
                name: "without any index on child tables (updates would read them whole)",
                insert: Sending(way: .copy), alteration: withoutChildren),
            Experiment(
                name: "without any index at all (nothing would keep a key from coming twice)",
                insert: Sending(way: .copy), alteration: withoutAny),
            Experiment(name: "as `work` once more: what noise does", insert: Sending(way: .copy), update: known),
        ]
        let mixed =
            [both("as `work`", .sortedMerge)]
            + [1_000, 5_000, 50_000].map { Experiment(name: "", insert: Sending(way: .sortedMerge, size: $0)) } + [
                both("merge prepared", .sortedMerge, isPrepared: true), both("", .plannedMerge), both("", .heldMerge),
                both("arrays in text form", .unnest),
            ]
        return [
            Comparison(
                name: "Keys known to be new or known to be there, updates in the order of the inserts",
                records: records, experiments: certain),
            Comparison(
                // Half of them, for the sake of time.
                name: "Keys of which nothing is known: all of them new, then all of them there",
                records: (records + 1) / 2, experiments: mixed),
            Comparison(
                name: "Updates in an order that is not that of the inserts", records: records,
                experiments: [
                    Experiment(name: "fillfactor 80, as deployed", insert: loaded, update: scattered),
                    Experiment(name: "fillfactor 70", insert: loaded, update: scattered, alteration: filled(70)),
                    Experiment(name: "fillfactor 100", insert: loaded, update: scattered, alteration: filled(100)),
                ]),
            Comparison(
                name: "Batches of 50", records: min(5_000, records),
                experiments: [
                    Experiment(name: "text each time", insert: small, update: Sending(way: .update, size: 50)),
                    Experiment(
                        name: "merge prepared", insert: Sending(way: .sortedMerge, size: 50, isPrepared: true),
                        update: Sending(way: .update, size: 50, isPrepared: true)),
                ]),
        ]
    }

    private static func withoutKey(_ target: String, _ name: String) -> String {
        "ALTER TABLE \(target) DROP CONSTRAINT \(name)_pkey"
    }

    func report() throws -> Report {
        var report = Report(
            "what might make the merge cheaper",
            command: "--ways --records \(records) --rounds \(rounds)",
            "PostgreSQL alone, one connection, each batch a transaction that waits for its commit")
        report.notes.append(
            "Ratio: records/s to those of the table's first row of the same kind, the median over the rounds; above 1 is faster. HOT: share of updated parents whose indexes were left alone. Even rounds go backwards through the list."
        )
        let comparisons = comparisons
        let all = comparisons.enumerated().flatMap { place, comparison in
            comparison.experiments.indices.map { (place, $0) }
        }
        for round in 1...rounds {
            for (place, experiment) in round % 2 == 1 ? all : all.reversed() {
                try run(comparisons[place], place, experiment, round)
            }
        }
        for (place, comparison) in comparisons.enumerated() {
            let citizens = Report.grouped(Double(comparison.records))
            report.tables.append(("\(comparison.name); \(citizens) citizens", table(comparison, place)))
        }
        report.tables.append(
            (
                "Whether the plan of the parents' merge reads the whole table, by rows of the table and of the batch",
                try plans()
            )
        )
        return report
    }

    // MARK: - Running

    private func run(_ comparison: Comparison, _ place: Int, _ number: Int, _ round: Int) throws {
        let experiment = comparison.experiments[number]
        let url = try world.freshDatabase("bench")
        let connection = try PostgresConnection(url, applicationName: "benchmark")
        try connection.execute(experiment.alteration)
        connection.close()
        for (sending, edition) in [(experiment.insert, Edition.first), (experiment.update, .second)] {
            guard let sending else { continue }
            let isUpdate = edition == .second
            let key = Place(comparison: place, experiment: number, isUpdate: isUpdate)
            var outcome = outcomes[key] ?? Outcome()
            defer { outcomes[key] = outcome }
            let batches = try batches(sending, edition, comparison.records)
            var floor = Floor(world: world, url: url, layout: layout)
            floor.isPrepared = sending.isPrepared
            outcome.batches = batches.count
            let label =
                "Round \(round), \(isUpdate ? "update" : "insert"): \(sending.way.rawValue), batches of \(sending.size)"
                + (experiment.name.isEmpty ? "" : ", \(experiment.name)")
            do {
                let cost = try floor.run(sending.way, batches, connections: 1)
                outcome.costs[round] = cost
                let hot = try judge(url, batches, version: isUpdate ? 2 : 1)
                if isUpdate { outcome.hotShares.append(hot) }
                progress("\(label): \(Report.grouped(cost.rate))/s")
            } catch {
                // What follows in these tables could not be compared either.
                outcome.problem = "\(error)".split(separator: "\n").joined(separator: " ")
                progress("\(label): \(error)")
                return
            }
        }
    }

    /// The batches of a sending, made once.
    private func batches(_ sending: Sending, _ edition: Edition, _ count: Int) throws -> [ReadyBatch] {
        let isArrays = sending.way == .unnest
        let name = "\(edition) \(count) \(sending.size) \(sending.isScattered) \(isArrays)"
        if let batches = ready[name] { return batches }
        var numbers = Array(0..<count)
        if sending.isScattered { numbers.sort { Citizens.scatter(UInt64($0)) < Citizens.scatter(UInt64($1)) } }
        var batches = try Rows.batches(world, numbers, edition, size: sending.size, sorted: true).batches
        if isArrays {
            let session = try FloorSession(world.cluster.url(database: "bench"), layout, .sortedMerge)
            defer { session.close() }
            for index in batches.indices { batches[index].arrays = try session.arrays(batches[index]) }
        }
        ready[name] = batches
        return batches
    }

    /// Throws unless all rows are there; returns the share of HOT among the updates so far.
    private func judge(_ url: String, _ batches: [ReadyBatch], version: Int) throws -> Double {
        let connection = try PostgresConnection(url, applicationName: "benchmark")
        defer { connection.close() }
        func count(_ sql: String) throws -> Int { try Int(connection.query("SELECT \(sql)").integer(0, 0) ?? 0) }
        let parents = try count("count(*) FROM \(layout.target) WHERE record_version = \(version)")
        let children = try layout.children.reduce(0) { try $0 + count("count(*) FROM \(layout.target($1))") }
        let wanted = batches.reduce((0, 0)) { ($0.0 + $1.records, $0.1 + $1.childRecords) }
        guard parents == wanted.0, children == wanted.1 else {
            throw Failure(
                "not comparable: \(parents) rows of \(wanted.0) are there, and \(children) child rows of \(wanted.1)")
        }
        let row = try connection.query(
            "SELECT n_tup_hot_upd, n_tup_upd FROM pg_stat_user_tables WHERE relid = $1::regclass", [layout.target])
        return Double(row.integer(0, 0) ?? 0) / Double(max(1, row.integer(0, 1) ?? 0))
    }

    // MARK: - Telling

    private func table(_ comparison: Comparison, _ place: Int) -> Table {
        var table = Table(columns: [
            "what", "way", "rows a batch", "with", "ratio", "records/s (median)", "each round", "ms a batch",
            "PostgreSQL CPU s a million", "WAL bytes a record", "HOT",
        ])
        for isUpdate in [false, true] {
            for (number, experiment) in comparison.experiments.enumerated() {
                guard let sending = isUpdate ? experiment.update : experiment.insert, sending.isReported else {
                    continue
                }
                let outcome = outcomes[Place(comparison: place, experiment: number, isUpdate: isUpdate)] ?? Outcome()
                let first = outcomes[Place(comparison: place, experiment: 0, isUpdate: isUpdate)] ?? Outcome()
                table.rows.append(
                    [
                        isUpdate ? "update" : "insert", sending.way.rawValue, Report.grouped(Double(sending.size)),
                        experiment.name,
                    ] + cells(outcome, beside: first))
            }
        }
        return table
    }

    private func cells(_ outcome: Outcome, beside first: Outcome) -> [String] {
        if let problem = outcome.problem { return ["–", problem, "", "", "", "", ""] }
        let costs = outcome.costs.sorted { $0.key < $1.key }
        guard !costs.isEmpty else { return ["–", "not run, since its inserts failed", "", "", "", "", ""] }
        func median(_ value: (Cost) -> Double) -> Double { Measure.median(costs.map { value($0.value) }) }
        let ratios = costs.compactMap { round, cost in first.costs[round].map { cost.rate / $0.rate } }
        return [
            ratios.isEmpty ? "–" : String(format: "%.2f", Measure.median(ratios)), Report.grouped(median(\.rate)),
            costs.map { Report.grouped($0.value.rate) }.joined(separator: " · "),
            String(format: "%.1f", median(\.seconds) * 1_000 / Double(outcome.batches)),
            String(format: "%.1f", median { $0.perMillion($0.databaseSeconds) }),
            Report.grouped(median { $0.walBytes / Double($0.records) }),
            outcome.hotShares.isEmpty ? "" : String(format: "%.0f %%", Measure.median(outcome.hotShares) * 100),
        ]
    }

    // MARK: - Plans

    private func plans() throws -> Table {
        let ways = [Way.sortedMerge, .unnest, .update, .plannedUpdate, .heldMerge, .plannedMerge]
        let sizes = [50, 1_000, 20_000]
        let url = try world.freshDatabase("bench")
        var table = Table(columns: ["way"], rows: ways.map { [$0.rawValue] })
        for (numbers, name) in [(1...100_000, "0.1 million"), (100_001...1_000_000, "1 million")] {
            progress("Plans in a table of \(name)")
            try world.fill(url, numbers)
            table.columns += sizes.map { "\(name), \(Report.grouped(Double($0)))" }
            for (row, way) in ways.enumerated() {
                let session = try FloorSession(url, layout, way)
                defer { session.close() }
                for size in sizes {
                    let batches = try batches(Sending(way: way, size: size), .second, min(records, size))
                    table.rows[row].append(try batches.first.flatMap { try session.plan($0) }.map(judgement) ?? "–")
                }
            }
        }
        return table
    }

    /// Whether a plan reads the whole target, and how it comes to its rows where a join does.
    private func judgement(_ json: String) throws -> String {
        let plans = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]]
        guard let root = plans?.first?["Plan"] as? [String: Any] else { throw Failure("EXPLAIN gave no plan: \(json)") }
        var nodes: [String] = []
        var readsWhole = false
        func walk(_ node: [String: Any]) {
            let type = node["Node Type"] as? String ?? ""
            let isTarget = node["Relation Name"] as? String == layout.table.name && type != "ModifyTable"
            if isTarget, node["Index Cond"] == nil, node["Recheck Cond"] == nil { readsWhole = true }
            if isTarget || node["Join Type"] != nil { nodes.append(type) }
            for child in node["Plans"] as? [[String: Any]] ?? [] { walk(child) }
        }
        walk(root)
        return ([readsWhole ? "**yes**" : "no"] + nodes).joined(separator: ", ")
    }
}
