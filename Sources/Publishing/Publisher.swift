// One feed's publisher: runs its sessions, begins again when the surroundings fail, and keeps the account.
import Foundation
package import Kafka
package import Logging
import Model
import Postgres
import Synchronization

/// What a publisher needs to know beside the feed's definition.
package struct PublisherSettings: Sendable {
    /// URL of the feed's source. The role needs REPLICATION, SELECT on what the query reads, and the publication (or
    /// the right to create it).
    package var sourceURL: String
    package var kafka: KafkaSettings
    /// Snapshot if there is none yet, then the stream up to the end of the source's log at that time, then the end.
    package var once = false
    /// Publish every record again, from the first; the operator's answer to a lost slot.
    package var resnapshot = false
    /// Go on past a TRUNCATE at the source, deleting nothing; the operator's answer to its question.
    package var acceptTruncate = false
    /// Part of every `ce_id`: drawn at random for each publisher, so that no two events share an id.
    package var instance: UInt64
    package var pageRows = 2_000
    /// Pages between two records of progress.
    package var pagesPerProgress = 5
    /// Records that are gathered from the stream before they are published, a single transaction's too.
    package var batchRecordsMax = 10_000

    package init(sourceURL: String, kafka: KafkaSettings, instance: UInt64) {
        self.sourceURL = sourceURL
        self.kafka = kafka
        self.instance = instance
    }
}

/// Publishes one feed: a snapshot in the identity's order, then every change, for ever.
///
/// Nothing committed at the source is lost: the slot is made before the snapshot, and what the slot is told to forget
/// was acknowledged by all in-sync replicas. Records may come more than once, and newer than the change that caused
/// them.
package final class Publisher: Sendable {
    package let definition: FeedDefinition
    let settings: PublisherSettings
    let logger: Logger
    let stopFlag = StopFlag()
    private let state: Mutex<PublishAccount>

    /// The longest pause between two attempts, in seconds.
    static let pauseSecondsMax = 30.0

    package init(_ definition: FeedDefinition, settings: PublisherSettings, logger: Logger) {
        self.definition = definition
        self.settings = settings
        var logger = logger
        logger[metadataKey: "feed"] = "\(definition.feed)"
        self.logger = logger
        state = Mutex(PublishAccount(feed: definition.feed, topic: definition.topic))
    }

    /// May be read from any thread at any time.
    package var account: PublishAccount { state.withLock { $0 } }

    /// Asks the publisher to end: what is in flight is finished and confirmed. `run` returns soon after.
    package func stop() { stopFlag.set(.stopping) }

    /// Ends as if killed: what is in flight is neither waited for nor confirmed. For tests.
    func abandon() { stopFlag.set(.abandoned) }

    /// Runs the feed on a thread of its own until it is stopped, or in `once` mode until its end. Cancelling stops it.
    /// - Throws: `UserError` where going on needs a person: wrong settings, a lost slot, a TRUNCATE, another
    ///   publisher; or where source or broker cannot be reached at the first attempt.
    @discardableResult
    package func run() async throws -> PublishAccount {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let thread = Thread { continuation.resume(with: Result { try self.runBlocking() }) }
                thread.name = "publisher \(definition.feed)"
                thread.start()
            }
        } onCancel: {
            stop()
        }
    }

    /// As `run`, on the caller's thread.
    @discardableResult
    package func runBlocking() throws -> PublishAccount {
        defer { update { $0.phase = .ended } }
        try runSessions()
        update { $0.phase = .ended }
        return account
    }

    private func runSessions() throws {
        var resnapshot = settings.resnapshot
        var failures = 0
        var hasRun = false
        var attempt = 0
        while !stopFlag.isSet {
            attempt += 1
            let session = PublisherSession(self, attempt: attempt, account: account, isFirst: !hasRun)
            defer { session.close() }
            do {
                try session.run(resnapshot: &resnapshot)
                return
            } catch {
                // Settled records of the session are in the account already; the rest is sent again.
                guard let problem = Self.transientProblem(error) else { throw Self.explained(error, definition) }
                // Settings that never worked are more likely wrong than the world is.
                guard hasRun || session.isReady else { throw unavailable(problem) }
                if session.isReady {
                    failures = 0
                    hasRun = true
                }
                failures += 1
                update {
                    $0.restarts += 1
                    $0.phase = .starting
                }
                let pause = min(0.1 * Double(1 << min(failures, 10)), Self.pauseSecondsMax)
                logger.warning("\(problem); trying again in \(pause) s from the last confirmed position")
                session.close()
                stopFlag.wait(seconds: pause)
            }
        }
    }

    /// Removes the feed's slot and publication from its source, so that nothing there holds log for it any more.
    package static func removeTraces(of definition: FeedDefinition, sourceURL: String) throws {
        let source = try SourceDatabase(definition, url: sourceURL)
        defer { source.close() }
        try source.dropSlot()
        try source.dropPublication()
    }

    func update(_ change: (inout PublishAccount) -> Void) { state.withLock { change(&$0) } }

    // MARK: Failures

    /// The failure in a sentence, if time may heal it; nil if a person has to act.
    private static func transientProblem(_ error: any Error) -> String? {
        switch error {
        // No slot is free (`max_replication_slots`), or no sender: time alone will not change that.
        case let error as PostgresError where error.sqlState == "53400": nil
        case let error as PostgresError:
            switch error.fault {
            case .world, .unknown: "\(error)"
            case .ours, .record: nil
            }
        case let error as KafkaError: error.isTransient || error.isFatal ? "\(error)" : nil
        default: nil
        }
    }

    private static func explained(_ error: any Error, _ definition: FeedDefinition) -> any Error {
        switch error {
        case let error as PostgresError:
            UserError(
                action: "publishing feed \(definition.feed) from", subject: "source \(definition.source)",
                cause: "\(error)",
                nextStep: error.fault == .record
                    ? "make the feed's query accept every row: a row it cannot express is for the worker to refuse"
                    : "check \(definition.sourceVariable), the role's permissions and the feed's query",
                status: .configuration
            )
        case let error as KafkaError:
            UserError(
                action: "publishing feed \(definition.feed) to", subject: "\(definition.topic)", cause: "\(error)",
                nextStep: "check the Kafka settings, the topic and this user's permissions", status: .configuration
            )
        default: error
        }
    }

    private func unavailable(_ problem: String) -> UserError {
        UserError(
            action: "starting feed", subject: definition.feed, cause: problem,
            nextStep:
                "check that source \(definition.source) (\(definition.sourceVariable)) and the broker (LIENTHONG_KAFKA) "
                + "are up and can be reached from here",
            status: .unavailable
        )
    }
}
