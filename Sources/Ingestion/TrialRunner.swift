// Makes the trials that are due, one after the other, beside a worker's lanes: those go on with their other topics.
import Contracts
import Foundation
import Kafka
import Logging
import Model
import Postgres

struct TrialRunner {
    let settings: WorkerSettings
    let progress: WorkProgress
    let logger: Logger
    private let clock = ContinuousClock()

    init(settings: WorkerSettings, progress: WorkProgress, logger: Logger) {
        self.settings = settings
        self.progress = progress
        self.logger = logger
    }

    /// Runs until `progress` says stop. Whatever fails here is tried again: what ends a worker, its lanes meet as well.
    func run() {
        var connection: PostgresConnection?
        defer { connection?.close() }
        var backoff = settings.controlInterval
        while !progress.isStopping {
            do {
                let live = try connection ?? PostgresConnection(settings.databaseURL, applicationName: "lienthong work")
                connection = live
                while !progress.isStopping, try makeOne(live) {}
                backoff = settings.controlInterval
            } catch {
                logger.debug("looking for topics on trial: \(error)")
                connection?.close()
                connection = nil
                backoff = min(backoff * 2, settings.backoffMax)
            }
            sleep(backoff)
        }
    }

    /// In short steps, so that a stop is heard at once.
    private func sleep(_ time: Duration) {
        let until = clock.now + time
        while clock.now < until, !progress.isStopping { Thread.sleep(forTimeInterval: 0.05) }
    }

    /// False where none is due.
    private func makeOne(_ connection: PostgresConnection) throws -> Bool {
        progress.beginTrial()
        defer { progress.endTrial() }
        let store = TrialStore(connection: connection, settings: settings)
        guard let due = try store.claim(), let definition = settings.topics.first(where: { $0.name == due.topic })
        else { return false }
        let name = due.topic
        do {
            let own = try PostgresConnection(settings.databaseURL, applicationName: "lienthong work")
            defer { own.close() }
            switch try Trial(definition, settings: settings, connection: own, progress: progress).run() {
            case .passed(let sample):
                let window = definition.contract.breaker.windowRecords
                guard try store.resume(due, sample, windowRecords: window) else { break }
                logger.notice(
                    "\(name) goes on: of its next \(sample.records) records \(sample.refused) would be refused, and \(sample.tombstones) are tombstones"
                )
            case .failed(let because):
                guard let next = try store.ended(due, counts: true) else { break }
                logger.warning(
                    "\(name) stays paused by its breaker: its next records were tried, and \(because); they are tried again at \(next)"
                )
            case .undecided(let because):
                try undecided(due, because, store)
            }
        } catch {
            if connection.isBroken { throw error }
            try undecided(due, "\(error)", store)
        }
        return true
    }

    private func undecided(_ due: TrialStore.Due, _ because: String, _ store: TrialStore) throws {
        guard let next = try store.ended(due, counts: false) else { return }
        logger.info(
            "\(due.topic) stays paused by its breaker: its next records could not be tried: \(because); they are tried again at \(next)"
        )
    }
}
