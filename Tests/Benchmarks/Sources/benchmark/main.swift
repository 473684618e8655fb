// deploy/benchmark: the product beside PostgreSQL alone, in turn, in one run.
import Foundation
import Model
import Postgres

struct Options {
    var records = 500_000
    var rounds = 3
    var connections = [1, 2]
    var large = false
    /// Nothing but that.
    var latency = false
    var ways = false
    var keep = false

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        func number(_ name: String) throws -> Int {
            guard let text = rest.popFirst(), let value = Int(text), value > 0 else {
                throw Failure("\(name) wants a number above 0")
            }
            return value
        }
        while let argument = rest.popFirst() {
            switch argument {
            case "--records": records = try number(argument)
            case "--rounds": rounds = try number(argument)
            case "--connections": connections = [try number(argument)]
            case "--large": large = true
            case "--latency": latency = true
            case "--ways": ways = true
            case "--keep": keep = true
            default: throw Failure("unknown argument \(argument); see deploy/benchmark --help")
            }
        }
        // The embedded broker forgets what is beyond 5 MB in a partition.
        guard records <= 500_000 else { throw Failure("--records is at most 500000") }
        guard !ways || (!large && connections == [1, 2]) else {
            throw Failure("--ways goes with --records, --rounds and --keep alone")
        }
    }
}

func progress(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

func run() throws {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    let root = FileManager.default.currentDirectoryPath
    let world = try World(root: root)
    let report = options.ways ? try Ways(world, options).report() : try full(world, options)
    print(report.markdown)
    if options.keep { try report.keep(in: root + "/Tests/Benchmarks/RESULTS.md") }
}

/// The product beside the floors.
func full(_ world: World, _ options: Options) throws -> Report {
    let program = WorkerProgram(world: world, program: world.root + "/.build/release/lienthong")
    var report = Report(
        "\(Report.grouped(Double(options.records))) citizens",
        command: "--records \(options.records) --rounds \(options.rounds)\(options.large ? " --large" : "")",
        "floors in batches of \(Report.grouped(Double(World.floorBatch))), `work` at its defaults but for the lanes and `--no-relay`; embedded broker with \(World.partitions) partitions, its processor time in neither column"
    )

    if !options.latency { try rates(world, program, options, &report) }

    progress("Latency at 1,000 records/s")
    let (milliseconds, summary) = try Latency.measure(
        program, try world.freshDatabase("bench"), rate: 1_000, seconds: 20)
    report.notes.append(
        "Latency at 1,000 records/s for 20 s, from the broker's acknowledgement to the visible row, worker at its defaults, embedded broker with fetch.wait.max.ms 5: median \(String(format: "%.1f", Measure.median(milliseconds))) ms, 99th percentile \(String(format: "%.1f", Measure.percentile(milliseconds, 0.99))) ms (wanted: 15 and 60). \(summary.batches) batches; milliseconds a batch: \(summary.millisecondsPerBatch)."
    )

    if options.large { try large(world, program, &report) }
    return report
}

/// Floors and `work` in turn, and their ratios.
func rates(_ world: World, _ program: WorkerProgram, _ options: Options, _ report: inout Report) throws {
    let size = World.floorBatch
    let range = 0..<options.records
    progress("Making \(options.records) citizens in two editions, and four logs of them")
    let (layout, sorted) = try Rows.batches(world, range, .first, size: size, sorted: true)
    let (_, arriving) = try Rows.batches(world, range, .first, size: size, sorted: false)
    let (_, sortedSecond) = try Rows.batches(world, range, .second, size: size, sorted: true)
    let (_, arrivingSecond) = try Rows.batches(world, range, .second, size: size, sorted: false)
    let first = try Log(world, range, .first)
    let second = try Log(world, range, .second)
    let bad = try Log(world, range, .firstWithBad)
    let badForTable = try Log(world, range, .firstWithBadForTable)

    let decoding = try Decoding.rate(world, count: min(100_000, options.records))
    report.notes.append(
        "Decode, check and encode alone: \(Report.grouped(decoding)) records/s of processor time, best of 5 (wanted: 800,000)."
    )

    var stages = Table(columns: ["what", "connections", "batches", "copied"] + WorkerSummary.stages)
    for connections in options.connections {
        var costs: [String: [Cost]] = [:]
        func note(_ name: String, _ cost: Cost) {
            costs[name, default: []].append(cost)
            progress(
                "\(connections) × \(name): \(Report.grouped(cost.rate))/s, client \(String(format: "%.2f", cost.perMillion(cost.clientSeconds))) and PostgreSQL \(String(format: "%.1f", cost.perMillion(cost.databaseSeconds))) CPU s a million"
            )
        }
        func noteWork(_ name: String, _ run: WorkerRun) {
            note(name, run.cost)
            progress("    \(run.summary.batches) batches; milliseconds a batch: \(run.summary.millisecondsPerBatch)")
            stages.rows.removeAll { $0[0] == name && $0[1] == "\(connections)" }
            stages.rows.append([name, "\(connections)"] + run.summary.stageCells)
        }
        for round in 1...options.rounds {
            progress("Round \(round) of \(options.rounds), \(connections) connection(s)")
            for (insert, update, rows, rowsSecond) in [
                (Way.copy, Way.update, sorted, sortedSecond), (.insert, .sortedMerge, sorted, sortedSecond),
                (.merge, .merge, arriving, arrivingSecond),
            ] {
                let url = try world.freshDatabase("bench")
                let floor = Floor(world: world, url: url, layout: layout)
                note("insert: \(insert.rawValue)", try floor.run(insert, rows, connections: connections))
                note("update: \(update.rawValue)", try floor.run(update, rowsSecond, connections: connections))
            }
            var url = try world.freshDatabase("bench")
            noteWork("insert: work", try program.work(first, url, lanes: connections))
            try world.forgetPositions(url)
            noteWork("update: work", try program.work(second, url, lanes: connections))
            try world.forgetPositions(url)
            noteWork("superseded: work", try program.work(first, url, lanes: connections))
            url = try world.freshDatabase("bench")
            noteWork("1 % bad: work", try program.work(bad, url, lanes: connections))
            url = try world.freshDatabase("bench")
            noteWork("1 % refused by the table: work", try program.work(badForTable, url, lanes: connections))
            if connections == 2 {
                url = try world.freshDatabase("bench")
                noteWork("insert: two processes", try program.work(first, url, lanes: 1, processes: 2))
            }
        }
        var rates: [String: Double] = [:]
        for name in costs.keys.sorted() {
            let parts = name.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            rates[name] = report.add(parts[0], parts[1], connections, costs[name] ?? []).rate
        }
        func ratio(_ name: String, _ above: String, _ below: [String], _ wanted: String) {
            guard let value = rates[above], let base = below.compactMap({ rates[$0] }).max() else { return }
            report.ratios.append(
                Ratio(
                    name: "\(name), \(connections) connection(s)", value: value / base,
                    wanted: connections == 1 ? wanted : ""))
        }
        let inserts = [Way.copy, .insert].map { "insert: \($0.rawValue)" }
        let updates = [Way.update, .sortedMerge].map { "update: \($0.rawValue)" }
        ratio("inserts: work to the best floor", "insert: work", inserts, "≥ 0.90")
        ratio("updates: work to the best floor", "update: work", updates, "≥ 0.90")
        ratio("backfill: work to the ordinary floor", "insert: work", ["insert: \(Way.merge.rawValue)"], "≥ 1.6")
        ratio("updates: work to the ordinary floor", "update: work", ["update: \(Way.merge.rawValue)"], "≥ 1.0")
        ratio("1 % bad: to the run without", "1 % bad: work", ["insert: work"], "≥ 0.85")
        ratio(
            "1 % refused by the table alone: to the run without", "1 % refused by the table: work", ["insert: work"], ""
        )
        ratio(
            "superseded: to the ordinary floor's inserts", "superseded: work", ["insert: \(Way.merge.rawValue)"],
            "≥ 1.5")
    }
    report.tables.append(
        (
            "Where a batch's time goes in `work`, milliseconds by stage, last round (reading and writing run beside each other)",
            stages
        ))
}

/// The same records into tables of a million and of twenty million other citizens.
func large(_ world: World, _ program: WorkerProgram, _ report: inout Report) throws {
    let count = 200_000
    let first = try Log(world, 0..<count, .first)
    let second = try Log(world, 0..<count, .second)
    var seconds: [String: [Double]] = [:]
    for rows in [1_000_000, 20_000_000] {
        progress("Filling a table with \(rows) rows")
        let url = try world.freshDatabase("bench")
        try world.fill(url, 1...rows)
        for (name, log) in [("insert", first), ("update", second)] {
            let cost = try program.work(log, url).cost
            _ = report.add("\(name), \(Report.grouped(Double(rows))) rows", "work", 1, [cost])
            seconds[name, default: []].append(cost.seconds)
            try world.forgetPositions(url)
        }
    }
    for (name, times) in seconds.sorted(by: { $0.key < $1.key }) where times.count == 2 {
        report.ratios.append(
            Ratio(
                name: "\(name)s: time a record at 20 million rows to that at 1 million", value: times[1] / times[0],
                wanted: "≤ 1.5"))
    }
}

do {
    try run()
} catch {
    progress("benchmark: \(error)")
    exit(1)
}
