// Writes records of a range as the live workers write theirs: the same judging, merging and ranks.
import Contracts
package import Kafka
package import Logging
package import Model
package import Postgres
import Synchronization

/// Takes records of one topic in the order of the log, and writes them in batches into the live tables, into a rebuilt
/// copy, or into a dry run that changes nothing. Confined to one thread, and to one connection, which is its own.
package final class RangeWriter {
    package enum Target: Sendable {
        /// Beside the live workers, on the account of a replay.
        case live(replay: Int64)
        /// Into tables of those names that nobody else writes, on the account of a replay.
        case shadow(replay: Int64, tables: ShadowNames)
        case dryRun
    }

    /// What one partition stands at.
    package struct Position: Sendable {
        package var partition: Partition
        package var incarnation: Int32
        package var epoch: Int64
        package var next: NextOffset

        package init(partition: Partition, incarnation: Int32, epoch: Int64, next: NextOffset) {
            self.partition = partition
            self.incarnation = incarnation
            self.epoch = epoch
            self.next = next
        }
    }

    /// What one batch came to.
    package struct Written: Sendable {
        package var fates = Fates()
        /// Refused by the contract or the database, by reason.
        package var refused: [ReasonCode: Int64] = [:]
        /// Partitions whose account somebody else has: nothing of them was written.
        package var lost: [Partition] = []
    }

    /// Nil but in a dry run.
    let dry: DryTables?
    private let account: Account
    let topic: LaneTopic
    private let settings: WorkerSettings
    private let logger: Logger
    let connection: PostgresConnection
    private let progress = WorkProgress()
    private var states = PartitionTable()

    /// - Parameters:
    ///   - settings: with the topic's definition as the first of `topics`.
    ///   - passedSinceResume: records since somebody let it go on, so that the rest of one window passes unjudged.
    ///   - maxRefusedShare: 0 to 1; more of the latest records refused is a fault of ours. 1 lets all pass.
    package init(
        _ target: Target, settings: WorkerSettings, maxRefusedShare: Double, passedSinceResume: Int64? = nil,
        connection: PostgresConnection,
        logger: Logger
    ) throws {
        guard let definition = settings.topics.first else { preconditionFailure("a range has a topic") }
        var dry: DryTables?
        let account: Account =
            switch target {
            case .live(let replay): .replay(replay)
            case .shadow(let replay, _): .shadow(replay: replay)
            case .dryRun: .dryRun
            }
        topic = try LaneTopic(
            definition, codeLists: settings.codeLists, prefix: "r0", copyRowsMin: settings.copyRowsMin, account: account
        ) { table, children in
            switch target {
            case .live: return (table, children, nil)
            case .shadow(_, let names): return (names.shadow(of: table), children.map(names.shadow), nil)
            case .dryRun:
                let tables = DryTables(live: table, liveChildren: children)
                dry = tables
                return (tables.after, tables.afterChildren, tables)
            }
        }
        let limits = definition.contract.breaker
        topic.breaker = Breaker(
            maxRefusedShare: maxRefusedShare,
            // Deletes of the past were dealt with once, and are safe by rank; what was left out is asked for beforehand.
            maxDeletedShare: 1, windowRecords: limits.windowRecords, minimumRecords: limits.minimumRecords)
        if let passedSinceResume { topic.breaker.resume(alreadyPassed: passedSinceResume) }
        self.account = account
        self.dry = dry
        self.settings = settings
        self.connection = connection
        self.logger = logger
        _ = try connection.execute("SET jit = off; SET work_mem = '32MB'")
        _ = try connection.execute(topic.sql.tables.setUp)
        // COPY waits for us with the positions locked: were we frozen then, live workers would wait as long.
        if case .live = target { topic.paths.withLock { $0.neverCopy() } }
        guard let dry else { return }
        // Rows larger than a page are provided for beforehand: later this session may make no table.
        _ = try connection.execute(topic.sql.tables.widen)
        topic.isWide = true
        topic.paths.withLock { $0 = .always(.merge(.updateFirst)) }
        _ = try connection.execute(dry.setUp)
        _ = try connection.execute(DryTables.readOnly)
    }

    /// Begins, or begins anew, at these positions; what was taken and not written is forgotten.
    package func begin(_ positions: [Position]) throws(PostgresError) {
        topic.forget()
        let name = topic.definition.name
        states = PartitionTable(
            positions.map {
                (
                    TopicPartition(name, $0.partition),
                    PartitionState(phase: .active, epoch: $0.epoch, incarnation: $0.incarnation, position: $0.next)
                )
            })
        if account == .dryRun {
            _ = try connection.execute("DELETE FROM \(account.positions)")
            for position in positions {
                _ = try connection.query(
                    """
                    INSERT INTO \(account.positions) (replay, partition, incarnation, from_offset, to_offset, next_offset, epoch)
                    VALUES (0, $1, $2, $3, $3, $3, $4)
                    """,
                    [
                        "\(position.partition)", "\(position.incarnation)", "\(position.next)", "\(position.epoch)",
                    ])
            }
        }
        guard account.movesLetters else { return }
        topic.waiting = try PositionStore(connection: connection).waitingLetters(
            of: name, positions.map(\.partition))
    }

    /// How many records are taken and not written.
    package var held: Int { topic.filling.batch.entries.count }
    package var heldBytes: Int { topic.filling.batch.byteCount }

    /// Takes the next record of its partition.
    package func take(_ message: consuming KafkaMessage) {
        states[message.topicPartition]?.take(message.offset)
        topic.filling.batch.add(message)
    }

    /// Goes past records of the partition that are not asked for, or are not there.
    package func pass(_ partition: Partition, to next: NextOffset) {
        states[TopicPartition(topic.definition.name, partition)]?.pass(to: next)
    }

    /// The record at the end of what was taken of each partition is written, or passed over, when this returns.
    ///
    /// - Throws: `TopicFault` where too much is refused, or the tables do not fit; the world's faults as `PostgresError`.
    package func flush() throws -> Written {
        var written = Written()
        if held > 0 {
            let slot = topic.takeFilled()
            defer { slot.clear() }
            try topic.judge(slot)
            try BatchWriter(
                topic: topic, slot: slot, connection: connection, settings: settings, logger: logger,
                progress: progress
            ).write(states: &states) { written.fates += $0 }
            topic.breaker.record(slot.sample())
            for entry in slot.batch.entries {
                guard case .refused(let number) = entry.outcome else { continue }
                written.refused[slot.batch.refusals[number].refusal.reason, default: 0] += 1
            }
            // Tombstones of foreign partitions are refused within the transaction alone.
            let foreign = written.fates.deadLettered - written.refused.values.reduce(0, +)
            if foreign > 0 { written.refused[.versionMissing, default: 0] += foreign }
        }
        for (place, state) in states {
            if state.phase != .active {
                written.lost.append(place.partition)
            } else if state.taken > state.written {
                if try movePast(place.partition, state) {
                    states[place]?.wrote(to: state.taken)
                } else {
                    written.lost.append(place.partition)
                }
            }
        }
        return written
    }

    private func movePast(_ partition: Partition, _ state: PartitionState) throws(PostgresError) -> Bool {
        let result = try connection.query(
            """
            UPDATE \(account.positions) p SET next_offset = $1, moved_at = now()
            WHERE \(account.owns(SQLText.literal(topic.definition.name.rawValue))) AND p.partition = $2 AND p.epoch = $3
              AND p.next_offset = $4 RETURNING 1
            """, ["\(state.taken)", "\(partition)", "\(state.epoch)", "\(state.written)"])
        return result.rowCount == 1
    }
}
