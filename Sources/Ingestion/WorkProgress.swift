// What lanes tell the worker, and the worker the lanes.
import Model
import Synchronization

/// Shared by all lanes of a worker.
final class WorkProgress: Sendable {
    private let stopping = Atomic<Bool>(false)
    private let fates = Mutex<[TopicName: Fates]>([:])
    private let work = Mutex<Work>(Work())
    /// By the number of the lane.
    private let partitions = Mutex<[Int: PartitionCounts]>([:])

    /// Odd while a topic may be on trial here.
    private let trials = Atomic<Int>(0)

    private struct Work {
        var stages = StageTimes()
        var firstTaken: ContinuousClock.Instant?
        var lastWritten: ContinuousClock.Instant?
    }

    var isStopping: Bool { stopping.load(ordering: .acquiring) }
    func stop() { stopping.store(true, ordering: .releasing) }

    /// Whoever reads the same even number before and after, saw a moment without a trial of this process.
    var trialMark: Int { trials.load(ordering: .acquiring) }
    func beginTrial() { trials.add(1, ordering: .acquiringAndReleasing) }
    func endTrial() { trials.add(1, ordering: .acquiringAndReleasing) }

    func count(_ more: Fates, of topic: TopicName) {
        fates.withLock { $0[topic, default: Fates()] += more }
    }

    func snapshot() -> [TopicName: Fates] { fates.withLock { $0 } }

    func add(_ times: StageTimes) { work.withLock { $0.stages += times } }
    var stages: StageTimes { work.withLock { $0.stages } }

    /// A batch was begun at `start` and is written.
    func wrote(since start: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        work.withLock {
            $0.firstTaken = min($0.firstTaken ?? start, start)
            $0.lastWritten = now
        }
    }

    var lastWritten: ContinuousClock.Instant? { work.withLock { $0.lastWritten } }

    /// What a lane's partitions are doing from now on.
    func tell(_ counts: PartitionCounts, of lane: Int) { partitions.withLock { $0[lane] = counts } }

    /// Those of all lanes together.
    var partitionCounts: PartitionCounts {
        partitions.withLock { lanes in
            lanes.values.reduce(into: [:]) { sum, lane in
                for (topic, counts) in lane { sum[topic, default: [:]].merge(counts, uniquingKeysWith: +) }
            }
        }
    }

    var workedSeconds: Double {
        work.withLock { work in
            guard let first = work.firstTaken, let last = work.lastWritten else { return 0 }
            return (last - first) / .seconds(1)
        }
    }
}
