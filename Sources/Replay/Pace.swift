// How fast a replay may go, and goes. Pure: time comes in.

/// Holds a bound of records a second, give or take a fifth of a second's worth.
struct Pace {
    private let recordsASecond: Int
    private var since: ContinuousClock.Instant?
    private var taken = 0

    init(recordsASecond: Int) { self.recordsASecond = recordsASecond }

    mutating func took(_ records: Int, _ now: ContinuousClock.Instant) {
        if since == nil { since = now }
        taken += records
    }

    mutating func mustWait(_ now: ContinuousClock.Instant) -> Bool {
        guard let start = since else { return false }
        let allowed = (now - start) / .seconds(1) * Double(recordsASecond)
        let slack = Double(recordsASecond) / 10
        // What was not used up is not saved for later.
        if allowed > Double(taken) + slack {
            since = now
            taken = 0
            return false
        }
        return Double(taken) > allowed + slack
    }

    /// Time spent waiting for others is no time saved.
    mutating func rest() {
        since = nil
        taken = 0
    }
}

/// Records a second over the last half minute or so.
struct RateMeter {
    private var samples: [(at: ContinuousClock.Instant, records: Int64)] = []
    private var unsampled: Int64 = 0

    mutating func add(_ records: Int64) { unsampled += records }

    /// Asked about once a second.
    mutating func recordsASecond(_ now: ContinuousClock.Instant) -> Double? {
        samples.append((now, unsampled))
        unsampled = 0
        while let first = samples.first, now - first.at > .seconds(30), samples.count > 2 { samples.removeFirst() }
        guard let first = samples.first, now - first.at >= .milliseconds(500) else { return nil }
        // What came before the first sample was read before its time.
        return Double(samples.dropFirst().reduce(0) { $0 + $1.records }) / ((now - first.at) / .seconds(1))
    }
}
