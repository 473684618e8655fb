// What is asked of a redrive.
import Model

package struct RedriveRequest: Sendable {
    /// Which records go, of those that nothing stands against.
    package enum Policy: Sendable {
        case thatPass
        case all
    }

    package var selection: LetterSelection
    package var policy: Policy
    /// Records a second, at most.
    package var rate: Int
    /// Records altogether, at most.
    package var cap: Int?
    package var by: String
    package var because: String?

    package init(
        selection: LetterSelection, policy: Policy, rate: Int, cap: Int? = nil, by: String, because: String? = nil
    ) {
        self.selection = selection
        self.policy = policy
        self.rate = rate
        self.cap = cap
        self.by = by
        self.because = because
    }
}

/// Says when the next records may go, so that no more than `rate` a second went since the start.
struct Pace {
    let rate: Int
    private(set) var sent = 0

    init(rate: Int) { self.rate = max(1, rate) }

    mutating func count(_ records: Int) { sent += records }

    /// How long to wait, `elapsed` after the start.
    func wait(elapsed: Duration) -> Duration {
        max(.zero, .seconds(Double(sent) / Double(rate)) - elapsed)
    }
}
