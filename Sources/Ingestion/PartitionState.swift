// What a lane knows of one assigned partition: decisions only, no input or output.
import Model

/// The invariant: records are taken in an unbroken row from the position that the database has. A message is dropped only
/// in a phase that takes none, and every way back to `active` begins with a new claim and a new fetch position.
struct PartitionState {
    enum Phase: Equatable {
        /// The last record dealt with is read once more, to see that the log is still the one we knew.
        case verifying(last: Offset, hash: Int64)
        case active
        /// The topic is paused.
        case paused
        /// A gap waits for the operator.
        case gap
        /// Another worker moved the position or the epoch: claimed again, if the partition is still ours, after a delay.
        case lost(since: ContinuousClock.Instant)
    }

    var phase: Phase
    let epoch: Int64
    let incarnation: Int32
    /// The position in the database.
    private(set) var written: NextOffset
    /// After the last record taken into a batch; never before `written`.
    private(set) var taken: NextOffset
    /// Where the log ended when it was last reached.
    var endOfLog: NextOffset?

    init(phase: Phase, epoch: Int64, incarnation: Int32, position: NextOffset) {
        self.phase = phase
        self.epoch = epoch
        self.incarnation = incarnation
        written = position
        taken = position
    }

    /// Where fetching begins.
    var fetchPosition: NextOffset {
        if case .verifying(let last, _) = phase { return NextOffset(last.rawValue) }
        return written
    }

    enum Arrival: Equatable {
        case take
        /// Nothing to do with the message.
        case drop
        /// The record before ours: compare it.
        case compare(hash: Int64)
        /// The record before ours is not there, this one is later.
        case expectedRecordMissing(Offset)
        /// Offsets between are missing: holes of transactions and compaction, or a log whose start moved past us.
        case afterHole(from: NextOffset)
    }

    /// What to do with a message at `offset`.
    func arrival(of offset: Offset) -> Arrival {
        switch phase {
        case .paused, .gap, .lost:
            return .drop
        case .verifying(let last, let hash):
            if offset < last { return .drop }
            return offset == last ? .compare(hash: hash) : .expectedRecordMissing(last)
        case .active:
            if offset.rawValue < taken.rawValue { return .drop }
            return offset.rawValue == taken.rawValue ? .take : .afterHole(from: taken)
        }
    }

    mutating func take(_ offset: Offset) {
        precondition(
            phase == .active && offset.rawValue >= taken.rawValue, "records are taken in order, in the active phase")
        taken = NextOffset(after: offset)
    }

    /// Goes past what is not asked for: nothing before `next` is taken any more.
    mutating func pass(to next: NextOffset) {
        if next > taken { taken = next }
    }

    /// The database moved the position.
    mutating func wrote(to next: NextOffset) {
        precondition(next > written && next <= taken, "a position moves forward, over records that were taken")
        written = next
    }

    /// The log's end lies beyond holes that hold no record.
    mutating func skippedHoles(to next: NextOffset) {
        precondition(written == taken && next > written, "only a partition with nothing in hand moves over holes")
        written = next
        taken = next
    }

    /// What was taken and not written is forgotten, and with it the end of the log that was reached: between the position
    /// and that end lie the forgotten records, not holes. Reading anew tells the end again.
    mutating func forgetTaken() {
        taken = written
        endOfLog = nil
    }
}
