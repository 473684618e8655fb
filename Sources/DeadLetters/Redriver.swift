// Sends refused records back to their topics: written down first, then published, at a bounded rate.
package import Contracts
import Foundation
import Model
package import Postgres
import Synchronization

/// Works through letters by batches. A crash between a batch's commit and its publishing leaves its letters `redriven`;
/// they are sent again by their ids or as stuck ones, and twice sent does no harm: the rank is the letter's.
///
/// Confined to one thread, that of its connection, but for its `Stop`.
package final class Redriver {
    /// Letters in one transaction, at most.
    var batchMax = 500
    /// Bytes of sealed records in one transaction; one letter may be larger.
    private static let batchBytesMax: Int64 = 16 << 20
    /// The longest pause that does not look whether it is to stop.
    private static let pauseMax = Duration.milliseconds(100)

    private let request: RedriveRequest
    private let store: DeadLetterStore
    private let gate: LetterGate
    private let publisher: (any RedrivePublisher)?
    private let stop: Stop
    private var account = RedriveAccount()
    private var looked: Int64 = 0

    /// What other threads may say.
    package final class Stop: Sendable {
        private let state = Mutex(false)

        package init() {}

        /// The batch in hand is finished, then the work ends.
        package func set() { state.withLock { $0 = true } }
        var isSet: Bool { state.withLock { $0 } }
    }

    /// - Parameters:
    ///   - publisher: nil for a dry run, which changes nothing and needs no broker.
    ///   - now: milliseconds since 1970-01-01 UTC.
    package init(
        _ request: RedriveRequest, connection: PostgresConnection, sealer: DeadLetterSealer, catalogue: Catalogue,
        publisher: (any RedrivePublisher)?, stop: Stop = Stop(), now: @escaping () -> Int64
    ) {
        self.request = request
        store = DeadLetterStore(connection: connection)
        gate = LetterGate(
            sealer: sealer, judge: LetterJudge(catalogue: catalogue), publisher: publisher, now: now)
        self.publisher = publisher
        self.stop = stop
    }

    /// How many letters the request is about now.
    /// - Throws: a sentence where an id is unknown or closed, or nothing matches.
    package func count() throws -> Int64 {
        if case .ids(let ids) = request.selection { try requireOpen(ids) }
        let count = try store.count(DeadLetterStore.Range(selection: request.selection, last: .max))
        guard count > 0 else {
            throw UserError(
                action: "looking for", subject: "dead letters to redrive", cause: "none matches",
                nextStep: "nothing was done; see `lienthong dead-letters stats --by topic,reason,status`", status: .no)
        }
        return count
    }

    /// Looks at every letter, and sends what is to be sent unless this is a dry run.
    /// - Parameter progress: told from time to time how many letters were looked at.
    /// - Throws: also where Kafka did not acknowledge; the letters of that batch stay `redriven`.
    package func run(progress: (Int64) -> Void = { _ in }) throws -> RedriveAccount {
        let range = DeadLetterStore.Range(selection: request.selection, last: try store.lastID())
        try gate.learnPartitions(of: store.topics(range))
        let start = ContinuousClock.now
        var pace = Pace(rate: request.rate)
        var after: Int64 = 0
        var taken = 0
        while true {
            guard !stop.isSet, request.cap.map({ taken < $0 }) ?? true else {
                account.endedEarly = try !store.next(range, after: after, limit: 1, locking: false).isEmpty
                break
            }
            guard let batch = try takeBatch(range, after: after, room: request.cap.map { $0 - taken }) else { break }
            after = batch.last
            taken += batch.records.count
            if let publisher, !batch.records.isEmpty {
                try publish(batch, publisher)
                pace.count(batch.records.count)
                pause(pace, start) { progress(looked) }
            }
            progress(looked)
        }
        try noteUnseen()
        return account
    }

    // MARK: - One batch

    private struct Batch {
        var records: [RedrivenRecord] = []
        /// The letters' reasons, one for each record.
        var reasons: [String] = []
        var last: Int64 = 0
    }

    /// Locks, judges and writes down the next letters; nil at the end.
    private func takeBatch(_ range: DeadLetterStore.Range, after: Int64, room: Int?) throws -> Batch? {
        let isReal = publisher != nil
        let limit = min(batchMax, max(1, request.rate), room ?? .max)
        func take() throws -> Batch? {
            let letters = try store.next(range, after: after, limit: limit, locking: isReal)
            guard !letters.isEmpty else { return nil }
            var batch = Batch()
            var bytes: Int64 = 0
            for letter in letters {
                bytes += letter.byteCount
                // The rest is let go with the transaction, and taken next.
                if batch.last > 0, bytes > Self.batchBytesMax { break }
                batch.last = letter.id
                if let candidate = try store.candidate(id: letter.id) { try look(at: candidate, &batch) }
            }
            if isReal, !batch.records.isEmpty { try markRedriven(batch) }
            return batch
        }
        return isReal ? try store.transaction(take) : try take()
    }

    private func look(at candidate: LetterCandidate, _ batch: inout Batch) throws {
        let summary = candidate.letter.summary
        looked += 1
        if isByID { seen.insert(summary.id) }
        func count(_ change: (inout RedriveCounts) -> Void) {
            change(&account.byReason[summary.reason, default: RedriveCounts()])
        }
        if summary.status == .quarantined, !isByID {
            count { $0.kept[.quarantined, default: 0] += 1 }
            return
        }
        switch try gate.decide(candidate) {
        case .kept(let obstacle):
            count { $0.kept[obstacle, default: 0] += 1 }
            if isByID { account.unsent[summary.id] = .kept(obstacle) }
        case .free(let record, let refusal):
            if let refusal {
                count { $0.fails[refusal.reason, default: 0] += 1 }
                guard request.policy == .all else {
                    if isByID { account.unsent[summary.id] = .fails(refusal) }
                    return
                }
            } else {
                count { $0.passes += 1 }
            }
            batch.reasons.append(summary.reason)
            batch.records.append(
                RedrivenRecord(
                    letter: summary.id, topic: summary.origin.topic, partition: summary.origin.partition,
                    record: record.linked(to: summary.id)))
        }
    }

    private func markRedriven(_ batch: Batch) throws {
        let letters = batch.records.map { record in
            (
                id: record.letter,
                fingerprint: gate.sealer.recordFingerprint(
                    key: record.record.key, value: record.record.value, topic: record.topic)
            )
        }
        try store.markRedriven(letters, by: request.by, because: request.because)
    }

    private func publish(_ batch: Batch, _ publisher: any RedrivePublisher) throws {
        do {
            try publisher.publish(batch.records)
        } catch {
            throw UserError(
                action: "redriving", subject: Quantity.words(batch.records.count, "record"),
                cause: "\(error); \(Quantity.grouped(account.total.published)) went before them",
                nextStep:
                    "their letters are `redriven`: send them again with `lienthong dead-letters redrive --stuck 1`",
                status: .unavailable)
        }
        for reason in batch.reasons { account.byReason[reason]?.published += 1 }
    }

    private func pause(_ pace: Pace, _ start: ContinuousClock.Instant, tell: () -> Void) {
        while !stop.isSet {
            let wait = pace.wait(elapsed: ContinuousClock.now - start)
            guard wait > .zero else { return }
            tell()
            Thread.sleep(forTimeInterval: min(wait, Self.pauseMax) / .seconds(1))
        }
    }

    // MARK: - By id

    private var seen: Set<Int64> = []
    private var isByID: Bool { if case .ids = request.selection { true } else { false } }

    /// Each id must be one that can be redriven at all: a slip of the hand leaves everything as it is.
    private func requireOpen(_ ids: [Int64]) throws {
        for id in ids {
            let status = try store.required(id: id).summary.status
            guard status.isClosed else { continue }
            throw UserError(
                action: "redriving", subject: "dead letter \(id)", cause: "it is closed: \(status.rawValue)",
                nextStep: "leave it out; nothing was done", status: .no)
        }
    }

    private func noteUnseen() throws {
        guard case .ids(let ids) = request.selection, !account.endedEarly else { return }
        for id in Set(ids).subtracting(seen) {
            let reason = try store.required(id: id).summary.reason
            account.byReason[reason, default: RedriveCounts()].kept[.busy, default: 0] += 1
            account.unsent[id] = .kept(.busy)
        }
    }
}
