// What a lane keeps for each topic: its statements, its breaker, and two batches in turn.
import Contracts
import Model
import Synchronization

/// Used by the lane's two threads, never at the same time: the writing one has the slot that was handed over and the
/// breaker until it is done, the reading one all the rest.
final class LaneTopic {
    let definition: TopicDefinition
    let account: Account
    let sql: MergeSQL
    var breaker: Breaker
    /// Asked for the next batch while the one before tells what became of it.
    let paths: Mutex<PathChooser>
    var control = TopicControl()
    /// Whether COPY straight into the tables can be read there; nil until asked on this connection.
    var typesMatch: Bool?
    /// Whether the connection's staging tables hold rows larger than a page.
    var isWide = false
    /// Takes records.
    private(set) var filling: BatchSlot
    private var spare: BatchSlot

    /// - Parameters:
    ///   - prefix: of the topic's temporary tables on the lane's connection.
    ///   - account: whose positions are moved.
    ///   - tables: where the rows are instead of in the mapping's tables.
    init(
        _ definition: TopicDefinition, codeLists: CodeLists, prefix: String, copyRowsMin: Int, account: Account = .live,
        tables: ((TablePlan, [ChildPlan]) -> (TablePlan, [ChildPlan], DryTables?))? = nil
    ) throws(UserError) {
        paths = Mutex(PathChooser(copyRowsMin: copyRowsMin))
        self.definition = definition
        self.account = account
        filling = BatchSlot(try TopicBatch(definition, codeLists: codeLists))
        spare = BatchSlot(try TopicBatch(definition, codeLists: codeLists))
        let decoder = filling.batch.decoder
        let (table, children, original) =
            tables?(decoder.table, decoder.children) ?? (decoder.table, decoder.children, nil)
        sql = MergeSQL(
            topic: definition.name, table: table, children: children, mappingRevision: definition.mapping.revision,
            contractVersion: definition.contract.version, prefix: prefix, account: account, original: original)
        breaker = Breaker(definition.contract.breaker)
    }

    /// The slot that was filled, to be written; the other one fills from now on.
    func takeFilled() -> BatchSlot {
        swap(&filling, &spare)
        return spare
    }

    /// Asked before the slot is written.
    /// - Throws: where the latest records with these would be refused, or are deletes, beyond what is allowed.
    func judge(_ slot: BatchSlot) throws(TopicFault) {
        guard case .open(let because) = breaker.judge(slot.sample()) else { return }
        throw TopicFault(because: because + (slot.mostRefused.map { "; mostly \($0)" } ?? ""))
    }

    /// Keys with dead letters waiting, by partition: what a newer record of theirs overtakes. Loaded with each claim, and
    /// added to by the lane's own batches and with each look at the operators' word.
    var waiting: [Partition: KeyHints] = [:]

    /// Forgets what was known of the connection before.
    func connected() {
        typesMatch = nil
        isWide = false
    }

    /// Forgets all records of both batches.
    func forget() {
        filling.clear()
        spare.clear()
    }
}

extension Breaker {
    /// - Parameter minimumRecords: in place of the contract's.
    init(_ limits: Contract.BreakerSettings, minimumRecords: Int? = nil) {
        self.init(
            maxRefusedShare: limits.maxRefusedShare, maxDeletedShare: limits.maxDeletedShare,
            windowRecords: limits.windowRecords, minimumRecords: minimumRecords ?? limits.minimumRecords)
    }
}

/// A batch, and the room to encode it in.
final class BatchSlot {
    let batch: TopicBatch
    let buffers: StageBuffers
    /// The batch as it goes to the database, made while the one before was being written; nil if it is to be made anew.
    var prepared: PreparedBatch?

    init(_ batch: TopicBatch) {
        self.batch = batch
        buffers = StageBuffers(children: batch.decoder.children.count)
    }

    func clear() {
        batch.clear()
        prepared = nil
    }

    /// What most of the refused records were refused for: reason, field, and how many; nil where none was.
    var mostRefused: String? {
        var counts: [String: Int] = [:]
        for refused in batch.refusals {
            let place = refused.refusal.field.map { " in \($0)" } ?? ""
            counts[refused.refusal.reason.rawValue + place, default: 0] += 1
        }
        return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }.map { "\($0.key), \($0.value) of this batch" }
    }

    /// The batch, or the part of it that is dealt with at `index`.
    func sample(through index: Int? = nil) -> Breaker.Sample {
        let entries = batch.entries.prefix(index.map { $0 + 1 } ?? batch.entries.count)
        var sample = Breaker.Sample(records: entries.count, refused: 0, tombstones: 0)
        for entry in entries { sample.count(entry.outcome) }
        return sample
    }
}

extension Breaker.Sample {
    /// Adds what became of a record that `records` has already.
    mutating func count(_ outcome: TopicBatch.Outcome) {
        switch outcome {
        case .record: break
        case .tombstone: tombstones += 1
        case .refused: refused += 1
        }
    }
}

/// COPY streams, kept from batch to batch.
final class StageBuffers {
    final class Child {
        var rows = CopyBuffer()
    }

    var stage = CopyBuffer(capacity: 1 << 20)
    var ranks = CopyBuffer()
    let children: [Child]
    var dead = CopyBuffer()
    var warnings = CopyBuffer()
    /// Where `stage` wants the transaction's time, which only the server knows; filled for COPY into the table alone.
    var times: [Int] = []

    init(children: Int) { self.children = (0..<children).map { _ in Child() } }
}

/// Decides how the next batch reaches the table, by what became of the last ones. A wrong guess costs time only.
struct PathChooser {
    /// How a batch reaches the table.
    enum Path: Equatable {
        case merge(MergeSQL.Path)
        /// COPY straight into the tables, which an already known key undoes.
        case copy
        /// Ranks first, then the records alone that do not lose to what is there: for topics that are read again.
        case sieve
    }

    /// Something that pays only where batches are of one kind.
    private struct Guess {
        /// Of the latest batches, those of the kind without a break; tried after `wanted` of them, which each failure
        /// doubles.
        var streak = 0
        var wanted: Int
        private static let wantedMax = 64

        var isLikely: Bool { streak >= wanted }
        mutating func saw(_ isOfTheKind: Bool) { streak = isOfTheKind ? streak + 1 : 0 }
        mutating func failed() {
            streak = 0
            if wanted <= Self.wantedMax { wanted = min(wanted * 2, Self.wantedMax) }
        }
    }

    /// Smaller batches do not gain what additional round trips cost.
    private let rowsMin: Int
    /// Set by tests alone.
    private var only: Path?
    private var known = MergeSQL.Path.insertFirst
    /// Nothing but new keys.
    private var new = Guess(wanted: 2)
    /// Mostly records that the table has already, or newer ones.
    private var beaten = Guess(wanted: 1)

    init(copyRowsMin: Int) { rowsMin = copyRowsMin }

    /// For a batch of `rows` keys, none of them with a tombstone where `copy` is to be considered.
    func path(rows: Int, mayCopy: Bool) -> Path {
        if let only { return only == .copy && !mayCopy ? .merge(known) : only }
        guard rows >= rowsMin else { return .merge(known) }
        if mayCopy, new.isLikely { return .copy }
        return beaten.isLikely ? .sieve : .merge(known)
    }

    /// - Parameters:
    ///   - applied: of those records, the ones that made or replaced a row.
    ///   - inserted: of those, the ones whose key was not there.
    mutating func wrote(records: Int, applied: Int, inserted: Int) {
        // A handful of rows says little of the thousands to come.
        guard records > 0, records >= min(100, rowsMin) else { return }
        new.saw(inserted == records)
        beaten.saw(applied * 2 < records)
        known = inserted * 2 >= records ? .insertFirst : .updateFirst
    }

    /// Takes this path wherever it can be taken.
    static func always(_ path: Path) -> PathChooser {
        var chooser = PathChooser(copyRowsMin: 1)
        chooser.only = path
        return chooser
    }

    mutating func neverCopy() { new.wanted = .max }
    mutating func copyFailed() { new.failed() }
    mutating func sieved(records: Int, left: Int) { if left * 2 > records { beaten.failed() } }
}
