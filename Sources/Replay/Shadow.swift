// A rebuilt copy of a topic's tables, brought level with the live ones while these stand still for a moment.
import Contracts
import Foundation
import Ingestion
import Kafka
package import Logging
import Model
package import Postgres

package struct Shadow {
    package struct Settings: Sendable {
        /// As replays are read and written; its worker's `topics` is the one topic.
        package var replayer: ReplayerSettings
        /// How long live workers may be kept waiting at a time.
        package var patience: Duration = .seconds(30)
        /// What is left to be read while the live workers wait; all else is read before.
        package var restMax: Int64 = 1_000
        /// Most keys shown of each kind of difference.
        package var examplesMax = 5

        package init(replayer: ReplayerSettings) { self.replayer = replayer }
    }

    package let id: Int64
    let settings: Settings
    let definition: TopicDefinition
    let pairs: [ShadowPair]
    let table: TablePlan
    let children: [ChildPlan]
    let logger: Logger
    private let store: ReplayStore
    /// What is done to the shadow, in the words of a sentence that begins with it.
    let action: String
    private static let passesMax = 10
    private static let attemptsMax = 8

    /// - Parameters:
    ///   - connection: for what is looked up; not within a transaction.
    ///   - action: what is to be done to it, such as `comparing`.
    /// - Throws: `UserError` where there is no such copy, or it is not ready, or today's mapping is another one.
    package init(_ id: Int64, settings: Settings, connection: PostgresConnection, action: String, logger: Logger) throws
    {
        func fault(_ cause: String, _ nextStep: String, _ status: ExitStatus = .no) -> UserError {
            UserError(action: action, subject: "replay \(id)", cause: cause, nextStep: nextStep, status: status)
        }
        let store = ReplayStore(connection: connection)
        guard let state = try store.state(id) else {
            throw fault("there is no replay of this id", "`lienthong replay status --all` shows all", .no)
        }
        guard state.intoShadow else {
            throw fault("it went into the live tables", "only what was started with --into-shadow is a copy", .usage)
        }
        if let standing = Self.standing(state) { throw fault(standing.cause, standing.nextStep) }
        guard let definition = settings.replayer.worker.topics.first(where: { $0.name == state.topic }) else {
            throw fault("there is no contract of \(state.topic) here", "use the Topics/ it was started with")
        }
        guard definition.mapping.revision == state.mappingRevision else {
            throw fault(
                "it was filled by the mapping's revision \(state.mappingRevision), and today's is \(definition.mapping.revision)",
                "cancel it and start a new one, or use the Topics/ of that revision")
        }
        (table, children) = try TablePlanBuilder.plan(for: definition)
        pairs = try ShadowTables(connection: connection).pairs(replay: id)
        guard
            pairs.map({ "\($0.schema).\($0.live)" })
                == ["\(table.schema).\(table.name)"] + children.map({ "\($0.schema).\($0.name)" })
        else {
            throw fault("the mapping names other tables than were copied", "cancel it and start a new one")
        }
        self.id = id
        var settings = settings
        settings.replayer.worker.topics = [definition]
        self.settings = settings
        self.definition = definition
        self.logger = logger
        self.store = store
        self.action = action
    }

    var topic: TopicName { definition.name }

    /// Why it cannot be dealt with as it stands; nil where it can.
    private static func standing(_ state: ReplayState) -> (cause: String, nextStep: String)? {
        switch state.status {
        case .done: nil
        case .running:
            (
                "it is still being read (\(Int(state.share * 100)) %)",
                state.hasRunner
                    ? "wait until it is done: `lienthong replay status \(state.id)`"
                    : "nobody carries it on: `lienthong replay run \(state.id)`"
            )
        case .stopped:
            (
                "it stopped: \(state.note ?? "no reason was kept")",
                "look into it, then `lienthong replay resume \(state.id)`"
            )
        case .cancelled: ("it was cancelled", "start a new one")
        case .swapped: ("it was swapped in already", "see `lienthong replay status \(state.id)`")
        }
    }

    func fault(_ cause: String, _ nextStep: String, _ status: ExitStatus = .no) -> UserError {
        UserError(
            action: action, subject: "replay \(id) of \(topic)", cause: cause, nextStep: nextStep, status: status)
    }

    func connect(_ purpose: String) throws(PostgresError) -> PostgresConnection {
        let connection = try PostgresConnection(
            settings.replayer.worker.databaseURL, applicationName: "lienthong replay \(purpose)")
        _ = try connection.execute("SET jit = off; SET work_mem = '256MB'")
        return connection
    }

    // MARK: Level with the live tables

    struct LivePosition {
        let partition: Partition
        let incarnation: Int32
        let next: Int64
    }

    /// Reads what came since, until little is left. Live workers go on meanwhile.
    func approach(tell: (ReplayState) -> Void) throws {
        for pass in 0..<Self.passesMax {
            let live = try positions(on: store.connection, locking: false)
            guard try rest(live) > settings.restMax else { return }
            // Later passes read what came during the one before them: at the rate that was asked for they might never end.
            try read(to: live, rate: pass == 0 ? nil : .max, deadline: nil, tell)
        }
        let left = try rest(positions(on: store.connection, locking: false))
        guard left > settings.restMax else { return }
        throw fault(
            "live workers are faster than the copy can follow: \(Quantity.grouped(left)) records are left",
            "try again when fewer records come")
    }

    /// Runs `body` in a transaction that holds all live positions, with the copy level with them. Live workers of the topic
    /// wait meanwhile; readers do not. The transaction is rolled back unless `body` commits it.
    func whileLevel<Output>(
        tell: (ReplayState) -> Void, _ body: (PostgresConnection) throws -> Output
    ) throws -> Output {
        let connection = try connect("positions")
        defer { connection.close() }
        var attempts = 0
        while true {
            do {
                return try attemptLevel(connection, tell, body)
            } catch let error as PostgresError {
                guard let state = error.sqlState, ["55P03", "40P01", "57014"].contains(state), !connection.isBroken
                else { throw error }
                if connection.inTransaction { _ = try connection.execute("ROLLBACK") }
                if state == "57014" { throw tooLong }
                attempts += 1
                guard attempts < Self.attemptsMax else { throw fault(try holders(), "try again later") }
                logger.info("\(error): others hold what is needed; trying again")
            } catch {
                if !connection.isBroken, connection.inTransaction { _ = try connection.execute("ROLLBACK") }
                throw error
            }
            // Whoever waited for us gets on first.
            try approach(tell: tell)
        }
    }

    private func attemptLevel<Output>(
        _ connection: PostgresConnection, _ tell: (ReplayState) -> Void, _ body: (PostgresConnection) throws -> Output
    ) throws -> Output {
        let milliseconds = Int(settings.patience / .milliseconds(1))
        let deadline = ContinuousClock.now + settings.patience
        // Should this process freeze, the server lets the workers go on.
        _ = try connection.execute(
            """
            BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = \(milliseconds);
            SET LOCAL idle_in_transaction_session_timeout = \(milliseconds + 10_000)
            """)
        let live = try positions(on: connection, locking: true)
        try read(to: live, rate: .max, deadline: deadline) { state in
            // A worker that claims partitions ends sessions that hold positions and say nothing.
            do { _ = try connection.execute("SELECT 1") } catch { logger.warning("\(error)") }
            tell(state)
        }
        guard try rest(live) == 0 else { throw tooLong }
        let left = max(1, Int((deadline - ContinuousClock.now) / .milliseconds(1)))
        _ = try connection.execute("SET LOCAL statement_timeout = \(left)")
        let output = try body(connection)
        if connection.inTransaction { _ = try connection.execute("ROLLBACK") }
        return output
    }

    private var tooLong: UserError {
        fault(
            "it took longer than \(settings.patience) to bring the copy level and look at it, with live workers waiting; they go on, and nothing was changed",
            "let them wait longer with --patience, or try again when fewer records come")
    }

    /// Who has locks on the tables just now.
    private func holders() throws(PostgresError) -> String {
        let tables = pairs.flatMap { [$0.liveTable, $0.shadowTable] }
        let found = try store.connection.query(
            """
            SELECT DISTINCT format('%s (%s)', a.pid, coalesce(nullif(a.application_name, ''), a.usename))
            FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
            WHERE l.granted AND l.pid <> pg_backend_pid() AND l.relation IN (
              SELECT to_regclass(name) FROM unnest($1::text[]) AS t (name))
            ORDER BY 1 LIMIT 5
            """, ["{\(tables.map { "\"\($0.replacing("\"", with: "\\\""))\"" }.joined(separator: ","))}"])
        let who = (0..<found.rowCount).compactMap { found[$0, 0] }.joined(separator: ", ")
        return "others held the positions or the tables each time"
            + (who.isEmpty ? "" : "; just now sessions with the tables are \(who)")
    }

    private func positions(on connection: PostgresConnection, locking: Bool) throws -> [LivePosition] {
        let rows = try connection.query(
            """
            SELECT partition, incarnation, next_offset, gap_because IS NOT NULL FROM ingest.position
            WHERE topic = $1 ORDER BY partition\(locking ? " FOR UPDATE" : "")
            """, [topic.rawValue])
        return try (0..<rows.rowCount).map { row in
            guard let partition = rows[row, 0].flatMap(Int32.init), let incarnation = rows[row, 1].flatMap(Int32.init),
                let next = rows.integer(row, 2)
            else { preconditionFailure("these columns of ingest.position have no nulls") }
            guard rows[row, 3] == "f" else {
                throw fault(
                    "\(TopicPartition(topic, Partition(partition))) stands at a gap: its log may be another one",
                    "decide with `lienthong work accept-gap` first")
            }
            return LivePosition(partition: Partition(partition), incarnation: incarnation, next: next)
        }
    }

    /// Offsets before the live positions that the copy has not read.
    private func rest(_ live: [LivePosition]) throws -> Int64 {
        let read = Dictionary(
            try store.positions(id).map { ($0.partition, $0) }, uniquingKeysWith: { first, _ in first })
        return try live.reduce(0) { sum, position in
            guard let copy = read[position.partition] else { return sum + position.next }
            guard copy.incarnation == position.incarnation else {
                throw fault(
                    "the log of \(TopicPartition(topic, position.partition)) was accepted as a new one since",
                    "cancel it and start a new one")
            }
            return sum + max(0, position.next - copy.next)
        }
    }

    /// Reads on to these positions.
    private func read(
        to live: [LivePosition], rate: Int?, deadline: ContinuousClock.Instant?, _ tell: (ReplayState) -> Void
    ) throws {
        guard try rest(live) > 0 else { return }
        let ends = live.map { ($0.partition, $0.incarnation, $0.next) }
        var settings = settings.replayer
        settings.rate = rate.map { min($0, 10_000_000) }
        settings.deadline = deadline
        settings.lookInterval = min(settings.lookInterval, .seconds(1))
        let replayer = Replayer(settings: settings, logger: logger)
        guard try store.extend(id, to: ends, by: replayer.name) else {
            guard let state = try store.state(id), let standing = Self.standing(state) else { return }
            throw fault(standing.cause, standing.nextStep)
        }
        let ended = try replayer.run(id, tell: tell)
        switch ended?.ending {
        case .done: return
        case .stopped(let because): throw fault("it stopped: \(because)", "then `lienthong replay resume \(id)`")
        case .interrupted: break
        // Somebody who carries replays on was faster.
        case .lost, nil: try awaitOthers(deadline, tell)
        }
        guard try store.state(id)?.status == .running else { return }
        try store.settle(id)
        throw deadline == nil ? fault("whoever was reading it gives no more signs", "try again") : tooLong
    }

    private func awaitOthers(_ deadline: ContinuousClock.Instant?, _ tell: (ReplayState) -> Void) throws {
        let clock = ContinuousClock()
        while let state = try store.state(id), state.status == .running {
            if let deadline, clock.now >= deadline { return }
            if !state.hasRunner, state.unseenSeconds != nil { return }
            tell(state)
            Thread.sleep(forTimeInterval: 0.1)
        }
        guard let state = try store.state(id), let standing = Self.standing(state) else { return }
        throw fault(standing.cause, standing.nextStep)
    }
}
