// Carries replays on: reads their ranges and writes them beside the live workers.
import Contracts
import Foundation
package import Ingestion
import Kafka
package import Logging
import Model
import Postgres
import Synchronization

package struct ReplayerSettings: Sendable {
    /// How records are read and written: as the live workers do; `topics` are those that can be read here.
    package var worker: WorkerSettings
    /// Most records in one transaction: live workers wait for its commit.
    package var batchRecordsMax = 5_000
    /// How often the runner gives a sign, heeds the operators' word and measures the live workers' lag.
    package var lookInterval: Duration = .seconds(1)
    /// Records a second, at most, instead of what was asked for.
    package var rate: Int?
    /// When to stop, whatever is left.
    package var deadline: ContinuousClock.Instant?
    /// How often a service looks for a replay that nobody carries on.
    package var searchInterval: Duration = .seconds(5)

    package init(worker: WorkerSettings) { self.worker = worker }
}

/// One runner. A replay is a row in the database: any runner, on any machine, goes on where another was killed.
package final class Replayer: Sendable {
    /// How a run of one replay ended here.
    package enum Ending: Sendable, Equatable, CustomStringConvertible {
        case done
        /// A person must look: the sentence says at what.
        case stopped(because: String)
        /// It was cancelled, or another runner has it.
        case lost
        /// This runner was told to stop.
        case interrupted

        package var description: String {
            switch self {
            case .done: "done"
            case .stopped(let because): "stopped: \(because)"
            case .lost: "ended, or carried on elsewhere"
            case .interrupted: "left for others to carry on"
            }
        }
    }

    /// How the database knows this runner. Processes may share a name: containers, for one.
    package let name: String
    private let settings: ReplayerSettings
    private let logger: Logger
    private let stopping = Atomic<Bool>(false)

    package init(settings: ReplayerSettings, logger: Logger) {
        name = "\(settings.worker.name)/\(String(UInt32.random(in: 0...UInt32.max), radix: 16))"
        self.settings = settings
        self.logger = logger
    }

    package func stop() { stopping.store(true, ordering: .releasing) }
    package var isStopping: Bool {
        stopping.load(ordering: .acquiring) || settings.deadline.map { ContinuousClock.now >= $0 } ?? false
    }

    /// Carries one replay on until it ends. Blocks its thread.
    ///
    /// - Parameters:
    ///   - id: nil takes whichever nobody carries on.
    ///   - tell: called about once a second.
    /// - Returns: nil where there is none to carry on.
    package func run(_ id: Int64?, tell: (ReplayState) -> Void = { _ in }) throws -> (id: Int64, ending: Ending)? {
        var taken: Int64?
        var backoff = Duration.milliseconds(100)
        while !isStopping {
            do {
                let connection = try PostgresConnection(
                    settings.worker.databaseURL, applicationName: "lienthong replay")
                defer { connection.close() }
                let store = ReplayStore(connection: connection)
                let topics = Dictionary(
                    settings.worker.topics.map { ($0.name, $0.mapping.revision) }, uniquingKeysWith: { $1 })
                guard let claimed = try store.claim(taken ?? id, topics: topics, by: name) else {
                    // What was ours is somebody else's, or ended.
                    return taken.map { ($0, .lost) }
                }
                taken = claimed.id
                return (claimed.id, try carryOn(claimed.id, epoch: claimed.epoch, store, tell))
            } catch {
                guard Self.isOfTheWorld(error) else { throw error }
                logger.warning("replaying: \(error); trying again in \(backoff)")
            }
            let until = ContinuousClock.now + backoff
            while ContinuousClock.now < until, !isStopping { Thread.sleep(forTimeInterval: 0.05) }
            backoff = min(backoff * 2, settings.worker.backoffMax)
        }
        return taken.map { ($0, .interrupted) }
    }

    /// Carries on whatever there is until stopped. What fails is told in the log: the work beside it goes on.
    package func serve() {
        var next = ContinuousClock.now
        var told: String?
        while !isStopping {
            if ContinuousClock.now >= next {
                do {
                    if let (id, ending) = try run(nil) { logger.info("replay \(id): \(ending)") }
                    told = nil
                } catch {
                    if told != "\(error)" { logger.error("looking for replays to carry on: \(error)") }
                    told = "\(error)"
                }
                next = ContinuousClock.now + settings.searchInterval
            }
            Thread.sleep(forTimeInterval: 0.1)
        }
    }

    private static func isOfTheWorld(_ error: any Error) -> Bool {
        switch error {
        case let error as PostgresError: error.fault == .world
        case let error as KafkaError: error.isTransient
        default: false
        }
    }

    private func carryOn(
        _ id: Int64, epoch: Int64, _ store: ReplayStore, _ tell: (ReplayState) -> Void
    ) throws -> Ending {
        guard let state = try store.state(id), state.epoch == epoch else { return .lost }
        guard let definition = settings.worker.topics.first(where: { $0.name == state.topic }) else { return .lost }
        do {
            let run = try ReplayRun(state, definition, settings, store, logger)
            defer { run.close() }
            let ending = try run.go(isStopping: { isStopping }, tell: tell)
            switch ending {
            case .done: try store.finish(id, epoch: epoch, .done, note: nil)
            case .stopped(let because): try store.finish(id, epoch: epoch, .stopped, note: because)
            case .interrupted: try store.release(id, epoch: epoch)
            case .lost: break
            }
            return ending
        } catch {
            if Self.isOfTheWorld(error) || store.connection.isBroken { throw error }
            // Whatever else it is: a person must look, and other replays go on.
            let because = (error as? TopicFault)?.because ?? "\(error)"
            try store.finish(id, epoch: epoch, .stopped, note: because)
            return .stopped(because: because)
        }
    }
}
