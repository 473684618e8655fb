// The product itself: `lienthong work` as its users run it, a process of its own on the real topic.
import Contracts
import Foundation
import Kafka
import Model
import Postgres

/// What a worker says at its end (the summary of `work --format json`).
struct WorkerSummary: Decodable {
    var consumed: Int
    var applied: Int
    var superseded: Int
    var deleted: Int
    var deadLettered: Int
    var seconds: Double
    var workedSeconds: Double
    var batches: Int
    var copiedBatches: Int
    var stageSeconds: [String: Double]

    /// In the order of a batch's life.
    static let stages = ["wait", "decode", "encode", "queue", "copy", "merge", "commit"]

    private func milliseconds(_ stage: String) -> String {
        String(format: "%.1f", (stageSeconds[stage] ?? 0) * 1_000 / Double(max(1, batches)))
    }
    var stageCells: [String] { ["\(batches)", "\(copiedBatches)"] + Self.stages.map(milliseconds) }
    var millisecondsPerBatch: String { Self.stages.map { "\($0) \(milliseconds($0))" }.joined(separator: ", ") }
}

struct WorkerRun {
    var cost: Cost
    var summary: WorkerSummary
}

struct WorkerProgram {
    let world: World
    let program: String

    /// Works the log into the database until nothing is behind. The time is the worker's own, from the first record
    /// taken to the last commit: joining a group of the embedded broker alone takes three seconds.
    ///
    /// - Parameter processes: members of one group, each with `lanes` connections.
    func work(_ log: Log, _ url: String, lanes: Int = 1, processes: Int = 1, arguments: [String] = []) throws
        -> WorkerRun
    {
        var summaries: [WorkerSummary] = []
        let cost = try world.measured(url, records: log.records) {
            let children = try (0..<processes).map {
                try start(log, url, lanes, "\($0)", arguments + ["--until-caught-up"])
            }
            var processor = 0.0
            var memory = 0
            for child in children {
                let end = try child.wait()
                processor += end.processorSeconds
                memory = max(memory, end.peakMemoryBytes)
                summaries.append(try Self.summary(of: end.output))
            }
            return (summaries.map(\.workedSeconds).max() ?? 0, processor, memory)
        }
        guard var all = summaries.first else { throw Failure("no worker ran") }
        for more in summaries.dropFirst() {
            all.consumed += more.consumed
            all.applied += more.applied
            all.superseded += more.superseded
            all.deadLettered += more.deadLettered
        }
        guard all.consumed == log.records else {
            throw Failure("\(log.records) records were published, \(all.consumed) dealt with")
        }
        return WorkerRun(cost: cost, summary: all)
    }

    func start(_ log: Log, _ url: String, _ lanes: Int, _ name: String, _ arguments: [String]) throws -> Child {
        let settings = log.broker.settings
        let config = world.file("settings.yaml")
        let lines = settings.properties.sorted { $0.key < $1.key }.map { "  \($0.key): \"\($0.value)\"" }
        try ("kafka:\n" + lines.joined(separator: "\n") + "\n").write(toFile: config, atomically: true, encoding: .utf8)
        return try Child(
            program,
            [
                "work", "--config", config, "--topic", world.definition.name.rawValue, "--lanes", "\(lanes)",
                "--no-relay", "--format",
                "json",
            ] + arguments,
            environment: [
                "LIENTHONG_KAFKA": settings.bootstrapServers, "LIENTHONG_DATABASE": url,
                "LIENTHONG_TOPICS": world.root + "/Topics", "LIENTHONG_DEAD_LETTER_KEY_FILE": world.keyFile,
            ], outputFile: world.file("worker-\(name)"))
    }

    static func summary(of output: String) throws -> WorkerSummary {
        guard let line = output.split(separator: "\n").last else { throw Failure("the worker printed no summary") }
        return try JSONDecoder().decode(WorkerSummary.self, from: Data(line.utf8))
    }
}
