// What PostgreSQL takes for the rows when nothing else is asked: no check, no offsets, no dead letters.
import Foundation
import Postgres

struct Floor {
    let world: World
    let url: String
    let layout: RowLayout
    var isPrepared = false

    /// Sends the batches over `connections` connections, each with its share; every batch is a transaction.
    func run(_ way: Way, _ batches: [ReadyBatch], connections: Int) throws -> Cost {
        let records = batches.reduce(0) { $0 + $1.records }
        let send = { @Sendable [url, layout, isPrepared] (batches: [ReadyBatch]) throws in
            let session = try FloorSession(url, layout, way, isPrepared: isPrepared)
            defer { session.close() }
            for batch in batches { try session.send(batch) }
        }
        return try world.measured(url, records: records) {
            let before = Measure.ownProcessorSeconds()
            let start = ContinuousClock.now
            if connections == 1 {
                try send(batches)
            } else {
                let shares = (0..<connections).map { number in
                    batches.enumerated().filter { $0.offset % connections == number }.map { $0.element }
                }
                let outcome = Outcomes(count: connections)
                DispatchQueue.concurrentPerform(iterations: connections) { number in
                    outcome.set(number, Result { try send(shares[number]) })
                }
                try outcome.check()
            }
            return ((ContinuousClock.now - start) / .seconds(1), Measure.ownProcessorSeconds() - before, nil)
        }
    }
}

/// Results of parallel senders.
private final class Outcomes: @unchecked Sendable {
    // Each slot is written by one thread, and read when all have ended.
    private let lock = NSLock()
    private var results: [Result<Void, any Error>?]

    init(count: Int) { results = Array(repeating: nil, count: count) }

    func set(_ number: Int, _ result: Result<Void, any Error>) {
        lock.lock()
        results[number] = result
        lock.unlock()
    }

    func check() throws { for result in results { try result?.get() } }
}
