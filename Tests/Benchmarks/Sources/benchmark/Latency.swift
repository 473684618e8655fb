// From the broker's acknowledgement to the visible row, at a steady rate.
import Contracts
import Foundation
import Kafka
import Model
import Postgres

enum Latency {
    /// Publishes `rate` records/s for `seconds`, one by one, and asks the database meanwhile which of them are there.
    ///
    /// - Returns: milliseconds from a record's acknowledgement to the first look that saw its row; a look every 2 ms or so,
    ///   which is the measure's own coarseness.
    static func measure(_ program: WorkerProgram, _ url: String, rate: Int, seconds: Int) throws -> (
        milliseconds: [Double], summary: WorkerSummary
    ) {
        let world = program.world
        let log = try Log(world, 0..<0, .first)
        let child = try program.start(log, url, 2, "latency", [])
        var isEnded = false
        defer { if !isEnded { kill(child.pid, SIGKILL) } }
        let connection = try PostgresConnection(url, applicationName: "benchmark")
        defer { connection.close() }
        // Planned once, and not for the empty table that it meets first: on two cores, whoever looks takes from the
        // worker's time.
        try connection.execute(
            "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; PREPARE look (text[]) AS SELECT personal_id FROM registry.citizen WHERE personal_id = ANY ($1)"
        )
        let producer = try KafkaProducer(
            settings: log.broker.settings, clientID: "benchmark", properties: ["linger.ms": "0"])
        defer { producer.close() }
        let patience = ContinuousClock.now + .seconds(30)
        while try connection.query("SELECT count(*) FROM ingest.position WHERE claimed_by IS NOT NULL").integer(0, 0)
            != Int64(World.partitions)
        {
            guard ContinuousClock.now < patience else { throw Failure("the worker has claimed nothing in 30 s") }
            Thread.sleep(forTimeInterval: 0.05)
        }
        Thread.sleep(forTimeInterval: 1)
        let total = rate * seconds
        var acknowledged = [ContinuousClock.Instant?](repeating: nil, count: total)
        var seen = [ContinuousClock.Instant?](repeating: nil, count: total)
        var numbers: [String: Int] = [:]
        for number in 0..<total {
            numbers[String(decoding: Citizens.record(number, .first).key, as: UTF8.self)] = number
        }
        let start = ContinuousClock.now
        var sent = 0
        var acknowledgedCount = 0
        var seenCount = 0
        while seenCount < total {
            guard ContinuousClock.now - start < .seconds(seconds + 60) else {
                throw Failure("\(total - seenCount) of \(total) records have not arrived a minute after the last")
            }
            let due = min(total, Int((ContinuousClock.now - start) / .seconds(1) * Double(rate)))
            while sent < due {
                let (key, value) = Citizens.record(sent, .first)
                try producer.send(topic: world.definition.name, key: key, value: value, tag: UInt64(sent))
                sent += 1
            }
            let state = producer.drainDeliveries(timeoutMilliseconds: 1)
            if let failure = state.firstFailure { throw failure }
            let now = ContinuousClock.now
            if let through = state.acknowledgedThrough {
                while acknowledgedCount <= Int(through) {
                    acknowledged[acknowledgedCount] = now
                    acknowledgedCount += 1
                }
            }
            // Those that are acknowledged and not yet seen.
            let missing = (seenFloor(seen)..<acknowledgedCount).filter { seen[$0] == nil }.map { key(of: $0) }
            guard !missing.isEmpty else { continue }
            let rows = try connection.query("EXECUTE look ('{\(missing.joined(separator: ","))}')")
            let looked = ContinuousClock.now
            for row in 0..<rows.rowCount {
                guard let key = rows[row, 0], let number = numbers[key], seen[number] == nil else { continue }
                seen[number] = looked
                seenCount += 1
            }
        }
        child.stop()
        let summary = try WorkerProgram.summary(of: try child.wait().output)
        isEnded = true
        let milliseconds: [Double] = (0..<total).compactMap { number in
            guard let from = acknowledged[number], let to = seen[number] else { return nil }
            return (to - from) / .milliseconds(1)
        }
        return (milliseconds, summary)
    }

    private static func key(of number: Int) -> String {
        String(decoding: Citizens.record(number, .first).key, as: UTF8.self)
    }

    private static func seenFloor(_ seen: [ContinuousClock.Instant?]) -> Int {
        seen.firstIndex { $0 == nil } ?? seen.count
    }
}
