// What lanes tell the worker, and the worker the lanes.
import Model
import Synchronization

/// Shared by all lanes of a worker.
final class WorkProgress: Sendable {
    private let stopping = Atomic<Bool>(false)
    private let fates = Mutex<[TopicName: Fates]>([:])

    var isStopping: Bool { stopping.load(ordering: .acquiring) }
    func stop() { stopping.store(true, ordering: .releasing) }

    func count(_ more: Fates, of topic: TopicName) {
        fates.withLock { $0[topic, default: Fates()] += more }
    }

    func snapshot() -> [TopicName: Fates] { fates.withLock { $0 } }
}
