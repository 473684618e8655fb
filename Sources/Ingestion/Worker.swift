// Runs the lanes of one process until told to stop, or until nothing is behind.
import Contracts
import Foundation
import Kafka
package import Logging
package import Model
import Postgres

/// Topics to the national database. One worker is one process's share of a consumer group.
package final class Worker: Sendable {
    private let settings: WorkerSettings
    private let logger: Logger
    private let progress = WorkProgress()

    package init(settings: WorkerSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    /// The fates counted so far, by topic.
    package var fates: [TopicName: Fates] { progress.snapshot() }

    /// The worker as it is now.
    /// - Parameters:
    ///   - name: tells workers of one machine apart.
    ///   - startSeconds: Unix time at which the process began.
    ///   - unixSeconds: what the wall clock showed at an instant.
    package func metrics(
        name: String, startSeconds: Double, unixSeconds: (ContinuousClock.Instant) -> Double
    ) -> WorkMetrics {
        let none = settings.topics.map { ($0.name, Fates()) }
        return WorkMetrics(
            worker: name, startSeconds: startSeconds, lanes: max(1, settings.lanes),
            fates: Dictionary(none, uniquingKeysWith: +).merging(progress.snapshot(), uniquingKeysWith: +),
            partitions: progress.partitionCounts, stages: progress.stages,
            lastBatchSeconds: progress.lastWritten.map(unixSeconds) ?? 0)
    }

    /// Lanes finish the batch in hand, leave the group and end.
    package func stop() { progress.stop() }

    /// - Throws: `UserError` for what a person must mend first: an unreachable broker or database, a missing topic, a table
    ///   that does not fit. After the start, faults of the world are waited out.
    package func run() async throws -> WorkSummary {
        let clock = ContinuousClock()
        let start = clock.now
        let settings = settings
        let logger = logger
        let progress = progress
        try await onThread("lienthong-check") { try Self.check(settings) }
        let standing = try await withThrowingTaskGroup(of: [String].self) { group in
            for number in 0..<max(1, settings.lanes) {
                group.addTask {
                    // A lane that fails takes the others with it: the process is to end with its error.
                    defer { progress.stop() }
                    try await onThread("lienthong-lane-\(number)") {
                        try Lane(number: number, settings: settings, progress: progress, logger: logger).run()
                    }
                    return []
                }
            }
            group.addTask {
                try await onThread("lienthong-trial") {
                    TrialRunner(settings: settings, progress: progress, logger: logger).run()
                }
                return []
            }
            if settings.untilCaughtUp {
                group.addTask {
                    defer { progress.stop() }
                    return try await onThread("lienthong-watch") {
                        try CaughtUpWatch(settings: settings, progress: progress).wait()
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let elapsed = clock.now - start
        return WorkSummary(
            fates: progress.snapshot(), seconds: elapsed / .seconds(1), workedSeconds: progress.workedSeconds,
            stages: progress.stages, standing: standing)
    }

    private static func check(_ settings: WorkerSettings) throws {
        let connection: PostgresConnection
        do {
            connection = try PostgresConnection(settings.databaseURL, applicationName: "lienthong work")
        } catch {
            if error.isUnreadableURL { throw error }
            throw UserError(
                action: "connecting to", subject: "the national database", cause: "\(error)",
                nextStep: "check LIENTHONG_DATABASE and that PostgreSQL is running", status: .unavailable)
        }
        defer { connection.close() }
        let migrated = try connection.query("SELECT to_regclass('ingest.position')")
        guard migrated[0, 0] != nil else {
            throw UserError(
                action: "starting work on", subject: "the national database", cause: "it has no table ingest.position",
                nextStep: "run `lienthong database migrate` first", status: .configuration)
        }
        let findings = try settings.topics.flatMap { try TableCheck.findings(of: $0, connection: connection) }
        if let first = findings.first {
            throw UserError(
                action: "fitting contracts to", subject: "the national database",
                cause: findings.count == 1 ? first : "\(first), and \(findings.count - 1) more findings",
                nextStep: "run `lienthong database migrate`, or mend the mapping; `lienthong doctor` lists all",
                status: .configuration)
        }
        // Made outside of what blames the broker: a wrong property is the settings' fault.
        let admin = try KafkaAdmin(settings: settings.kafka, clientID: "lienthong-work")
        defer { admin.close() }
        let known: Set<TopicName>
        do {
            known = Set(try admin.cluster(timeoutMilliseconds: 10_000).topics.map(\.name))
        } catch {
            throw UserError(
                action: "asking for topics at", subject: settings.kafka.bootstrapServers, cause: "\(error)",
                nextStep: "check LIENTHONG_KAFKA and that the broker is running", status: .unavailable)
        }
        if let missing = settings.topics.first(where: { !known.contains($0.name) }) {
            throw UserError(
                action: "starting work on", subject: "\(missing.name)", cause: "Kafka has no such topic",
                nextStep: "create it with `lienthong topics apply`", status: .configuration)
        }
    }
}

/// Waits until the database's positions have reached the ends of all partitions.
private struct CaughtUpWatch {
    let settings: WorkerSettings
    let progress: WorkProgress

    /// Returns what stands still and keeps the rest from being caught up: empty when nothing is behind.
    func wait() throws -> [String] {
        let admin = try KafkaAdmin(settings: settings.kafka, clientID: "lienthong-watch")
        defer { admin.close() }
        var connection: PostgresConnection?
        defer { connection?.close() }
        while !progress.isStopping {
            do {
                let live = try connection ?? PostgresConnection(settings.databaseURL, applicationName: "lienthong work")
                connection = live
                if let standing = try look(admin, live) { return standing }
            } catch let error as PostgresError {
                guard error.fault == .world else { throw error }
                connection?.close()
                connection = nil
            } catch let error as KafkaError {
                guard error.isTransient else { throw error }
            }
            Thread.sleep(forTimeInterval: 0.1)
        }
        return []
    }

    /// Nil while somebody still has work.
    private func look(_ admin: KafkaAdmin, _ connection: PostgresConnection) throws -> [String]? {
        let names = settings.topics.map(\.name)
        let mark = progress.trialMark
        let store = PositionStore(connection: connection)
        let trials = try TrialStore(connection: connection, settings: settings).due()
        let controls = try store.controls(of: names)
        let positions = try store.positions(of: names)
        var standing: [String] = []
        for topic in try admin.cluster(timeoutMilliseconds: 5_000).topics where names.contains(topic.name) {
            for partition in topic.partitions {
                let place = TopicPartition(topic.name, partition.partition)
                let end = try admin.watermarks(place, timeoutMilliseconds: 5_000).high
                let position = positions[place]
                if (position?.next.rawValue ?? 0) >= end { continue }
                if let because = position?.gapBecause {
                    standing.append("\(place) stands at a gap: \(because)")
                } else if let control = controls[topic.name], control.paused {
                    // Whether it goes on is known once its records were tried.
                    if trials.contains(topic.name) || mark % 2 == 1 || mark != progress.trialMark { return nil }
                    standing.append("\(topic.name) is paused: \(control.because ?? "no reason given")")
                } else {
                    return nil
                }
            }
        }
        return Array(Set(standing)).sorted()
    }
}

/// Runs blocking work on a thread of its own, so that it never holds one of the concurrency pool's.
func onThread<Value: Sendable>(_ name: String, _ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Result { try body() }) }
        thread.name = name
        thread.stackSize = 8 << 20
        thread.start()
    }
}
