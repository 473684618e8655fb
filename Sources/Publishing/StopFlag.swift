// Asking a blocking thread to end, and waiting in a way that the asking cuts short.
import Foundation

/// `@unchecked Sendable`: both fields are read and written under the condition's lock only.
final class StopFlag: @unchecked Sendable {
    enum State: Comparable {
        case running
        /// Finish what is in flight, confirm it, end.
        case stopping
        /// End at once and confirm nothing, as if killed.
        case abandoned
    }

    private let condition = NSCondition()
    private var current = State.running

    var state: State { condition.withLock { current } }
    var isSet: Bool { state != .running }

    /// Stopping never turns an abandoned publisher back.
    func set(_ state: State) {
        condition.withLock {
            current = max(current, state)
            condition.broadcast()
        }
    }

    /// Waits `seconds`, or until the flag is set.
    func wait(seconds: Double) {
        condition.withLock {
            // A deadline by the wall clock: a clock that jumps makes one pause shorter or longer, no more.
            let deadline = Date(timeIntervalSinceNow: seconds)
            while current == .running, condition.wait(until: deadline) {}
        }
    }
}
