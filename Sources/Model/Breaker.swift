// The circuit breaker of a topic: pure arithmetic over a window of records.

/// Watches the share of refused records and of tombstones in a topic's latest records. It is asked before a batch is
/// written, so that a feed that has gone wrong is stopped rather than emptied into the dead letters, and a partner's
/// mistake does not delete the nation.
package struct Breaker: Sendable {
    /// What one batch adds to the window.
    package struct Sample: Sendable, Equatable {
        package var records: Int
        package var refused: Int
        package var tombstones: Int

        package init(records: Int, refused: Int, tombstones: Int) {
            self.records = records
            self.refused = refused
            self.tombstones = tombstones
        }
    }

    package enum Verdict: Equatable, Sendable {
        case closed
        /// The sentence says which share was passed, in numbers only.
        case open(because: String)
    }

    private let maxRefusedShare: Double
    private let maxDeletedShare: Double
    private let windowRecords: Int
    private let minimumRecords: Int
    private var samples: [Sample] = []
    private var total = Sample(records: 0, refused: 0, tombstones: 0)
    /// Records that pass unjudged after an operator said to go on.
    private var grace = 0

    /// - Parameters:
    ///   - maxRefusedShare, maxDeletedShare: 0 to 1; a share above trips.
    ///   - windowRecords: how many of the latest records count.
    ///   - minimumRecords: fewer than this never trip.
    package init(maxRefusedShare: Double, maxDeletedShare: Double, windowRecords: Int, minimumRecords: Int) {
        self.maxRefusedShare = maxRefusedShare
        self.maxDeletedShare = maxDeletedShare
        self.windowRecords = max(1, windowRecords)
        self.minimumRecords = max(1, minimumRecords)
    }

    /// What the breaker would say if the batch were written.
    package func judge(_ batch: Sample) -> Verdict {
        guard grace <= 0 else { return .closed }
        let records = total.records + batch.records
        guard records >= minimumRecords else { return .closed }
        if let cause = passed(total.refused + batch.refused, of: records, limit: maxRefusedShare, what: "were refused")
        {
            return .open(because: cause)
        }
        if let cause = passed(
            total.tombstones + batch.tombstones, of: records, limit: maxDeletedShare, what: "were tombstones")
        {
            return .open(because: cause)
        }
        return .closed
    }

    /// Counts a batch that was written.
    package mutating func record(_ batch: Sample) {
        if grace > 0 {
            grace -= batch.records
            return
        }
        samples.append(batch)
        total.records += batch.records
        total.refused += batch.refused
        total.tombstones += batch.tombstones
        var dropped = 0
        while dropped < samples.count - 1, total.records - samples[dropped].records >= windowRecords {
            total.records -= samples[dropped].records
            total.refused -= samples[dropped].refused
            total.tombstones -= samples[dropped].tombstones
            dropped += 1
        }
        samples.removeFirst(dropped)
    }

    /// An operator said to go on: the window starts anew, and one window of records passes unjudged, since those that
    /// tripped the breaker come first.
    /// - Parameter alreadyPassed: records dealt with since that word, by whomever.
    package mutating func resume(alreadyPassed: Int64) {
        samples = []
        total = Sample(records: 0, refused: 0, tombstones: 0)
        grace = Int(max(0, Int64(windowRecords) - alreadyPassed))
    }

    private func passed(_ count: Int, of records: Int, limit: Double, what: String) -> String? {
        let share = Double(count) / Double(records)
        guard share > limit else { return nil }
        return
            "\(count) of the latest \(records) records \(what), more than the share of \(limit) that is allowed"
    }
}
