// What a partition's position says, by rules tried in order. Pure: the time comes in with the sample.
package import Model

/// One look at one partition. Times are milliseconds since 1970-01-01 UTC.
package struct LagSample: Sendable, Hashable {
    package var partition: TopicPartition
    /// First offset not yet dealt with; nil where no worker ever claimed the partition.
    package var nextOffset: NextOffset?
    /// First offset that the log still holds, and the one after its last.
    package var startOffset: Int64
    package var endOffset: Int64
    /// The first unapplied record's own timestamp; nil where there is none or it has no time.
    package var oldestMilliseconds: Int64?
    /// When the position last moved, and when it was last claimed.
    package var movedMilliseconds: Int64?
    package var claimedMilliseconds: Int64?
    /// A worker is connected to the national database.
    package var workerIsPresent: Bool
    package var isPaused: Bool
    /// The worker stopped here because records are missing.
    package var hasGap: Bool
    package var sampledMilliseconds: Int64

    package init(
        partition: TopicPartition, nextOffset: NextOffset?, startOffset: Int64, endOffset: Int64,
        oldestMilliseconds: Int64? = nil, movedMilliseconds: Int64? = nil, claimedMilliseconds: Int64? = nil,
        workerIsPresent: Bool, isPaused: Bool = false, hasGap: Bool = false, sampledMilliseconds: Int64
    ) {
        self.partition = partition
        self.nextOffset = nextOffset
        self.startOffset = startOffset
        self.endOffset = endOffset
        self.oldestMilliseconds = oldestMilliseconds
        self.movedMilliseconds = movedMilliseconds
        self.claimedMilliseconds = claimedMilliseconds
        self.workerIsPresent = workerIsPresent
        self.isPaused = isPaused
        self.hasGap = hasGap
        self.sampledMilliseconds = sampledMilliseconds
    }

    /// Offsets not yet dealt with; never below 0. Transactions' control records count among them until passed.
    package var behind: Int64 { max(0, endOffset - (nextOffset?.rawValue ?? startOffset)) }

    /// Age of the first unapplied record in seconds; never below 0, though clocks differ.
    package var oldestAgeSeconds: Double? {
        oldestMilliseconds.map { max(0, Double(sampledMilliseconds - $0) / 1000) }
    }
}

/// What to make of a partition's lag.
package enum LagVerdict: String, Sendable, CaseIterable, Comparable {
    case ok
    case behind
    case stalled
    case stopped
    case gap
    case paused

    /// Worse is greater: for naming a topic's state by its worst partition.
    private var severity: Int {
        switch self {
        case .ok: 0
        case .behind: 1
        case .paused: 2
        case .stopped: 3
        case .stalled: 4
        case .gap: 5
        }
    }

    package static func < (left: Self, right: Self) -> Bool { left.severity < right.severity }
}

/// The bounds of the rules.
package struct LagRules: Sendable {
    /// A first unapplied record younger than this is on its way, not late.
    package var freshMilliseconds: Int64
    /// A worker that has not moved for this long, with records waiting all the while, is stalled.
    package var stallMilliseconds: Int64

    package init(freshMilliseconds: Int64 = 10_000, stallMilliseconds: Int64 = 60_000) {
        self.freshMilliseconds = freshMilliseconds
        self.stallMilliseconds = stallMilliseconds
    }

    /// The first rule that holds decides:
    /// 1. A gap comes first: it means loss, and no other state makes it less so.
    /// 2. A pause is someone's word, and explains all that follows from it.
    /// 3. Nothing waiting is ok, whoever is or is not at work.
    /// 4. Records wait and nobody is there: stopped, however young they are, for nobody is coming for them.
    /// 5. A worker is there, has not moved, and records have waited as long: stalled. Before `behind`, which it implies.
    /// 6. The first waiting record is late: behind.
    package func verdict(_ sample: LagSample) -> LagVerdict {
        if isGap(sample) { return .gap }
        if sample.isPaused { return .paused }
        if sample.behind == 0 { return .ok }
        if isStopped(sample) { return .stopped }
        if isStalled(sample) { return .stalled }
        if isLate(sample) { return .behind }
        return .ok
    }

    /// The log no longer holds our position, or holds less than we have read.
    func isGap(_ sample: LagSample) -> Bool {
        guard let next = sample.nextOffset?.rawValue else { return sample.hasGap }
        return sample.hasGap || next < sample.startOffset || next > sample.endOffset
    }

    func isStopped(_ sample: LagSample) -> Bool {
        !sample.workerIsPresent
    }

    func isStalled(_ sample: LagSample) -> Bool {
        // A claim counts as a move: a worker that has just come has had no time yet.
        let lastSign = [sample.movedMilliseconds, sample.claimedMilliseconds].compactMap { $0 }.max()
        guard let lastSign else { return false }
        return sample.sampledMilliseconds - lastSign >= stallMilliseconds && hasWaited(sample, stallMilliseconds)
    }

    func isLate(_ sample: LagSample) -> Bool {
        hasWaited(sample, freshMilliseconds)
    }

    /// A record without a time counts as having waited: silence must not look like freshness.
    private func hasWaited(_ sample: LagSample, _ milliseconds: Int64) -> Bool {
        guard let oldest = sample.oldestMilliseconds else { return true }
        return sample.sampledMilliseconds - oldest >= milliseconds
    }
}
