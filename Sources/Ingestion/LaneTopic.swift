// What a lane keeps for each topic: its statements, its breaker, and two batches in turn.
import Contracts
import Model
import Synchronization

/// Used by the lane's two threads, never at the same time: the writing one has the slot that was handed over and the
/// breaker until it is done, the reading one all the rest.
final class LaneTopic {
    let definition: TopicDefinition
    let sql: MergeSQL
    var breaker: Breaker
    /// Asked for the next batch while the one before tells what became of it.
    let paths: Mutex<PathChooser>
    var control = TopicControl()
    /// Whether COPY straight into the tables can be read there; nil until asked on this connection.
    var typesMatch: Bool?
    /// Takes records.
    private(set) var filling: BatchSlot
    private var spare: BatchSlot

    /// - Parameter prefix: of the topic's temporary tables on the lane's connection.
    init(
        _ definition: TopicDefinition, codeLists: CodeLists, prefix: String, copyRowsMin: Int
    ) throws(UserError) {
        paths = Mutex(PathChooser(copyRowsMin: copyRowsMin))
        self.definition = definition
        filling = BatchSlot(try TopicBatch(definition, codeLists: codeLists))
        spare = BatchSlot(try TopicBatch(definition, codeLists: codeLists))
        let decoder = filling.batch.decoder
        sql = MergeSQL(
            topic: definition.name, table: decoder.table, children: decoder.children,
            mappingRevision: definition.mapping.revision, contractVersion: definition.contract.version, prefix: prefix
        )
        let limits = definition.contract.breaker
        breaker = Breaker(
            maxRefusedShare: limits.maxRefusedShare, maxDeletedShare: limits.maxDeletedShare,
            windowRecords: limits.windowRecords, minimumRecords: limits.minimumRecords
        )
    }

    /// The slot that was filled, to be written; the other one fills from now on.
    func takeFilled() -> BatchSlot {
        swap(&filling, &spare)
        return spare
    }

    /// Forgets all records of both batches.
    func forget() {
        filling.clear()
        spare.clear()
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

    /// The batch, or the part of it that is dealt with at `index`.
    func sample(through index: Int? = nil) -> Breaker.Sample {
        let entries = batch.entries.prefix(index.map { $0 + 1 } ?? batch.entries.count)
        var sample = Breaker.Sample(records: entries.count, refused: 0, tombstones: 0)
        for entry in entries {
            switch entry.outcome {
            case .record: break
            case .tombstone: sample.tombstones += 1
            case .refused: sample.refused += 1
            }
        }
        return sample
    }
}

/// COPY streams, kept from batch to batch.
final class StageBuffers {
    final class Child {
        var rows = CopyBuffer()
    }

    var stage = CopyBuffer(capacity: 1 << 20)
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
    }

    /// Batches of nothing but new keys after which COPY is tried; doubled by every time that it failed.
    private static let newBatchesMin = 2
    private static let newBatchesMax = 64

    /// Smaller batches do not gain what COPY's additional round trips cost.
    private let copyRowsMin: Int
    /// Set by tests alone.
    private var only: Path?
    private var known = MergeSQL.Path.insertFirst
    private var newBatches = 0
    private var newBatchesWanted = newBatchesMin

    init(copyRowsMin: Int) { self.copyRowsMin = copyRowsMin }

    /// For a batch of `rows` keys, none of them with a tombstone where `copy` is to be considered.
    func path(rows: Int, mayCopy: Bool) -> Path {
        if let only { return only == .copy && !mayCopy ? .merge(known) : only }
        if mayCopy, rows >= copyRowsMin, newBatches >= newBatchesWanted { return .copy }
        return .merge(known)
    }

    /// - Parameters:
    ///   - inserted: of those rows, the ones whose key was not there.
    mutating func wrote(rows: Int, inserted: Int) {
        // A handful of rows says little of the thousands to come.
        guard rows >= min(100, copyRowsMin) else { return }
        newBatches = inserted == rows ? newBatches + 1 : 0
        known = inserted * 2 >= rows ? .insertFirst : .updateFirst
    }

    /// Takes this path wherever it can be taken.
    static func always(_ path: Path) -> PathChooser {
        var chooser = PathChooser(copyRowsMin: 1)
        chooser.only = path
        return chooser
    }

    mutating func neverCopy() { newBatchesWanted = .max }

    mutating func copyFailed() {
        newBatches = 0
        if newBatchesWanted <= Self.newBatchesMax { newBatchesWanted = min(newBatchesWanted * 2, Self.newBatchesMax) }
    }
}
