// The lane's second thread: writes one batch while the first reads the next.
import Dispatch
import Synchronization

/// Runs one piece of work at a time. Whoever submits must not touch what the work uses until `isIdle`.
final class LaneWriter: Sendable {
    /// Confined to whoever holds it: handed over whole, and given back by becoming idle.
    private struct Work: @unchecked Sendable {
        let body: () -> Void
    }

    private let queue: DispatchQueue
    private let group = DispatchGroup()
    /// True where nothing is waiting or running; read without a lock for each record.
    private let idle = Atomic<Bool>(true)
    private let done: @Sendable () -> Void

    /// - Parameter done: called on the writing thread after each piece of work.
    init(name: String, done: @escaping @Sendable () -> Void) {
        queue = DispatchQueue(label: name)
        self.done = done
    }

    var isIdle: Bool { idle.load(ordering: .acquiring) }

    func submit(_ body: @escaping () -> Void) {
        precondition(isIdle, "the writer takes one batch at a time")
        idle.store(false, ordering: .releasing)
        let work = Work(body: body)
        queue.async(group: group) { [self] in
            work.body()
            idle.store(true, ordering: .releasing)
            done()
        }
    }

    /// Returns when the work is done.
    func wait() { group.wait() }
}
