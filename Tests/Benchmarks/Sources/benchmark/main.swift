import Foundation
import Model

let world = try World(root: FileManager.default.currentDirectoryPath)
let count = Int(CommandLine.arguments.dropFirst().first ?? "") ?? 200_000
let size = 20_000
let program = WorkerProgram(world: world, program: world.root + "/.build/release/lienthong")
func show(_ name: String, _ cost: Cost, _ more: String = "") {
    print(
        name, Int(cost.rate), "/s client/M", String(format: "%.2f", cost.perMillion(cost.clientSeconds)), "db/M",
        String(format: "%.1f", cost.perMillion(cost.databaseSeconds)), "wal/row", Int(cost.walBytes / Double(cost.records)),
        "MB", (cost.peakMemoryBytes ?? 0) / 1_048_576, more)
}
let (layout, sorted) = try Rows.batches(world, 0..<count, .first, size: size, sorted: true)
let (_, sorted2) = try Rows.batches(world, 0..<count, .second, size: size, sorted: true)
let first = try Log(world, 0..<count, .first)
let second = try Log(world, 0..<count, .second)
let bad = try Log(world, 0..<count, .firstWithBad)
for _ in 0..<2 {
    var url = try world.freshDatabase("bench")
    let floor = Floor(world: world, url: url, layout: layout)
    show("floor copy", try floor.run(.copy, sorted, connections: 1))
    show("floor update", try floor.run(.update, sorted2, connections: 1))
    url = try world.freshDatabase("bench")
    func work(_ name: String, _ log: Log) throws {
        let run = try program.work(log, url)
        show(name, run.cost, "\(run.summary)")
        try world.forgetPositions(url)
    }
    try work("work insert", first)
    try work("work update", second)
    try work("work superseded", first)
    url = try world.freshDatabase("bench")
    try work("work bad", bad)
}
