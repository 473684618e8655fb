// A batch made ready for the database: reduced to one row a key, and encoded for COPY.
import Contracts
import Model

/// A batch as it goes to the database; the bytes lie in its slot's buffers.
struct PreparedBatch {
    /// The entries it is made of, in the order of the log.
    var live: [Int]
    var rows: [StagedRow]
    var contents: MergeSQL.Contents
    /// How it reaches the table, which decides the form of the bytes.
    var path: PathChooser.Path
}

/// Reduces and encodes; pure but for the buffers.
struct Staging {
    let topic: TopicDefinition
    let account: Account
    let slot: BatchSlot
    let sealer: any PayloadSealer

    /// Nil where a key came by two partitions: such a batch is written partition by partition.
    ///
    /// - Parameter incarnations: of the partitions' logs, by the partition's number.
    func prepare(
        _ live: [Int], incarnations: [Int32?], choose: (_ rows: Int, _ mayCopy: Bool) -> PathChooser.Path
    ) -> PreparedBatch? {
        switch Reduction.reduce(slot.batch.entries, live, keyBytes: { slot.batch.decoder.arena[$0] }) {
        case .keyInTwoPartitions:
            return nil
        case .rows(let rows):
            let path = choose(rows.count, rows.allSatisfy { $0.delete == nil && $0.plainDelete == nil })
            var batch = PreparedBatch(live: live, rows: rows, contents: MergeSQL.Contents(), path: path)
            batch.contents.hasTombstones = rows.contains { $0.delete != nil || $0.plainDelete != nil }
            encodeDeadLetters(live, rows, incarnations, &batch.contents)
            switch path {
            case .merge: encode(&batch, Array(rows.indices), incarnations)
            case .copy:
                encodeTable(rows, incarnations, &batch.contents, into: &slot.buffers.stage)
                encodeChildren(rows, Array(rows.indices), &batch.contents, keyed: true)
                encodeWarnings(rows, Array(rows.indices), &batch.contents)
            case .sieve: encodeRanks(rows, incarnations)
            }
            return batch
        }
    }

    /// Encodes for staging those of the batch's rows that are not beaten, by their ordinals.
    func encode(_ batch: inout PreparedBatch, _ ordinals: [Int], _ incarnations: [Int32?]) {
        encodeStage(batch.rows, ordinals, incarnations, &batch.contents, into: &slot.buffers.stage)
        encodeChildren(batch.rows, ordinals, &batch.contents, keyed: false)
        encodeWarnings(batch.rows, ordinals, &batch.contents)
    }

    /// The ordinals of rows that are ranked before anything else of them is sent. What a tombstone does, or a redriven
    /// record, is left to the merge.
    func ranked(_ rows: [StagedRow]) -> [Int] {
        let entries = slot.batch.entries
        return rows.indices.filter { ordinal in
            let row = rows[ordinal]
            guard let record = row.record, row.delete == nil, row.plainDelete == nil else { return false }
            return entries[record].rank == entries[record].offset
        }
    }

    // MARK: Rows

    /// What decides whether a record can win.
    private func encodeRanks(_ rows: [StagedRow], _ incarnations: [Int32?]) {
        let entries = slot.batch.entries
        let decoder = slot.batch.decoder
        let fields = 5 + decoder.table.keyColumns.count
        let buffers = slot.buffers
        buffers.ranks.begin()
        for ordinal in ranked(rows) {
            guard let index = rows[ordinal].record, case .record(let record) = entries[index].outcome else { continue }
            buffers.ranks.beginRow(fields: fields)
            buffers.ranks.field(Int32(truncatingIfNeeded: ordinal))
            buffers.ranks.field(rows[ordinal].partition.rawValue)
            buffers.ranks.field(incarnations[Int(rows[ordinal].partition.rawValue)] ?? 0)
            buffers.ranks.field(record.version)
            buffers.ranks.field(entries[index].rank.rawValue)
            buffers.ranks.append(raw: decoder.arena[rows[ordinal].key])
        }
        buffers.ranks.end()
    }

    /// In the columns of the staging table.
    private func encodeStage(
        _ rows: [StagedRow], _ ordinals: [Int], _ incarnations: [Int32?], _ contents: inout MergeSQL.Contents,
        into buffer: inout CopyBuffer
    ) {
        contents.stagedRows = ordinals.count
        let entries = slot.batch.entries
        let decoder = slot.batch.decoder
        let contentColumns = decoder.table.contentColumns.count
        let fields = 10 + decoder.table.keyColumns.count + contentColumns
        buffer.begin()
        for ordinal in ordinals {
            let row = rows[ordinal]
            buffer.beginRow(fields: fields)
            buffer.field(Int32(truncatingIfNeeded: ordinal))
            buffer.field(row.partition.rawValue)
            buffer.field(incarnations[Int(row.partition.rawValue)] ?? 0)
            var content: Range<Int>?
            if let index = row.record, case .record(let record) = entries[index].outcome {
                contents.recordRows += 1
                content = record.content
                buffer.field(record.version)
                buffer.field(entries[index].rank.rawValue)
                buffer.field(Int64(bitPattern: record.contentHash))
                buffer.field(entries[index].rank == entries[index].offset ? nil : entries[index].offset.rawValue)
            } else {
                for _ in 0..<4 { buffer.null() }
            }
            if let index = row.delete, case .tombstone(let tombstone) = entries[index].outcome {
                buffer.field(tombstone.version)
                buffer.field(entries[index].rank.rawValue)
            } else {
                for _ in 0..<2 { buffer.null() }
            }
            if let index = row.plainDelete {
                buffer.field(entries[index].rank.rawValue)
            } else {
                buffer.null()
            }
            buffer.append(raw: decoder.arena[row.key])
            if let content {
                buffer.append(raw: decoder.arena[content])
            } else {
                for _ in 0..<contentColumns { buffer.null() }
            }
        }
        buffer.end()
    }

    /// In the columns of the table itself (see `MergeSQL.copyTable`).
    private func encodeTable(
        _ rows: [StagedRow], _ incarnations: [Int32?], _ contents: inout MergeSQL.Contents,
        into buffer: inout CopyBuffer
    ) {
        let entries = slot.batch.entries
        let decoder = slot.batch.decoder
        let fields = decoder.table.keyColumns.count + decoder.table.contentColumns.count + MergeSQL.markersCopied.count
        contents.stagedRows = rows.count
        slot.buffers.times.removeAll(keepingCapacity: true)
        buffer.begin()
        for row in rows {
            guard let index = row.record, case .record(let record) = entries[index].outcome else {
                preconditionFailure("only rows with a record are copied into the table")
            }
            contents.recordRows += 1
            let offset = entries[index].offset.rawValue
            buffer.beginRow(fields: fields)
            buffer.append(raw: decoder.arena[row.key])
            buffer.append(raw: decoder.arena[record.content])
            buffer.field(record.version)
            buffer.field(row.partition.rawValue)
            buffer.field(incarnations[Int(row.partition.rawValue)] ?? 0)
            buffer.field(offset)
            buffer.field(offset)
            buffer.field(topic.mapping.revision)
            buffer.field(Int64(bitPattern: record.contentHash))
            buffer.field(false)
            slot.buffers.times.append(buffer.field(Int64(0)))
            buffer.field(false)
        }
        buffer.end()
    }

    /// - Parameter keyed: each row begins with its parent's key, as in the child's table; else with the parent's ordinal.
    private func encodeChildren(
        _ rows: [StagedRow], _ ordinals: [Int], _ contents: inout MergeSQL.Contents, keyed: Bool
    ) {
        let decoder = slot.batch.decoder
        guard !decoder.children.isEmpty else { return }
        let parentFields = keyed ? decoder.table.keyColumns.count : 1
        let fields = decoder.children.map { parentFields + 1 + $0.columns.count }
        let entries = slot.batch.entries
        let childRows = decoder.childRows
        for child in slot.buffers.children { child.rows.begin() }
        for ordinal in ordinals {
            let row = rows[ordinal]
            guard let index = row.record, case .record(let record) = entries[index].outcome else { continue }
            for childRow in childRows[record.children] {
                let child = slot.buffers.children[childRow.child]
                contents.childrenWithRows.insert(childRow.child)
                child.rows.beginRow(fields: fields[childRow.child])
                if keyed {
                    child.rows.append(raw: decoder.arena[row.key])
                } else {
                    child.rows.field(Int32(truncatingIfNeeded: ordinal))
                }
                child.rows.field(childRow.position)
                child.rows.append(raw: decoder.arena[childRow.content])
            }
        }
        for child in slot.buffers.children { child.rows.end() }
    }

    // MARK: What goes beside them

    static let foreignDelete = Refusal(
        .versionMissing, rule: "a tombstone from another partition than its row's needs ce_sourceversion")

    /// Refused records, and plain tombstones: those become dead letters only where the row turns out to belong to another
    /// partition, and then within the transaction, so their bytes must lie ready.
    private func encodeDeadLetters(
        _ live: [Int], _ rows: [StagedRow], _ incarnations: [Int32?], _ contents: inout MergeSQL.Contents
    ) {
        slot.buffers.dead.begin()
        let entries = slot.batch.entries
        for index in live {
            guard case .refused(let number) = entries[index].outcome else { continue }
            // Another copy was sent since. The live workers, who read this one first, had their say on it.
            if account != .live, let letter = slot.batch.letters[index], !letter.isLastSent { continue }
            contents.hasDeadLetters = true
            append(index, slot.batch.refusals[number], ordinal: nil, incarnations)
        }
        if contents.hasTombstones {
            let foreign = TopicBatch.Refused(refusal: Self.foreignDelete, sqlState: nil)
            for (ordinal, row) in rows.enumerated() where row.plainDelete != nil {
                for index in row.plainDeletes {
                    contents.hasDeadLetters = true
                    append(index, foreign, ordinal: Int32(truncatingIfNeeded: ordinal), incarnations)
                }
            }
        }
        slot.buffers.dead.end()
    }

    private func append(
        _ index: Int, _ refused: TopicBatch.Refused, ordinal: Int32?, _ incarnations: [Int32?]
    ) {
        let entry = slot.batch.entries[index]
        let refusal = refused.refusal
        let origin = RecordOrigin(
            topic: topic.name, incarnation: incarnations[Int(entry.partition.rawValue)] ?? 0,
            partition: entry.partition,
            offset: entry.offset)
        var sealed: SealedPayload?
        // Of a state secret nothing is kept but reason and origin (Decree 102/2025 art. 1.2).
        if refusal.reason != .stateSecret {
            do {
                sealed = try sealer.seal(slot.batch.rawRecord(index), origin: origin)
            } catch {
                preconditionFailure("sealing bytes in memory with a checked key fails only by a bug: \(error)")
            }
        }
        let hint = sealed?.keyFingerprint.flatMap { _ in
            slot.batch.withKey(index) { key in key.map { keyHint(of: $0, seed: sealer.hintSeeds[0]) } }
        }
        slot.buffers.dead.beginRow(fields: 14)
        slot.buffers.dead.field(ordinal)
        // What was redriven in vain is that letter again, where it is still there to be it (see `MergeSQL.keepDeadLetters`).
        slot.buffers.dead.field(slot.batch.letters[index].flatMap { $0.isLastSent ? $0.id : nil })
        slot.buffers.dead.field(entry.partition.rawValue)
        slot.buffers.dead.field(entry.offset.rawValue)
        slot.buffers.dead.field(refusal.reason.rawValue)
        slot.buffers.dead.field(refusal.field)
        slot.buffers.dead.field(refusal.rule)
        slot.buffers.dead.field(refused.sqlState)
        slot.buffers.dead.field(entry.timestampMilliseconds.map(Self.postgresMicroseconds))
        slot.buffers.dead.field(sealed?.keyFingerprint)
        slot.buffers.dead.field(hint)
        slot.buffers.dead.field(sealed == nil ? nil : refused.version)
        slot.buffers.dead.field(sealed?.keyID)
        slot.buffers.dead.field(sealed?.bytes)
    }

    private func encodeWarnings(_ rows: [StagedRow], _ ordinals: [Int], _ contents: inout MergeSQL.Contents) {
        let warnings = slot.batch.decoder.warnings
        let entries = slot.batch.entries
        slot.buffers.warnings.begin()
        for ordinal in ordinals {
            let row = rows[ordinal]
            guard let index = row.record, case .record(let record) = entries[index].outcome,
                !record.warnings.isEmpty || row.conflicts > 0
            else { continue }
            for warning in warnings[record.warnings] {
                append(warning, ordinal, index)
                contents.hasWarnings = true
            }
            for _ in 0..<row.conflicts {
                append(QualityWarning(rule: "same-version-conflict", field: nil), ordinal, index)
                contents.hasWarnings = true
            }
        }
        slot.buffers.warnings.end()
    }

    private func append(_ warning: QualityWarning, _ ordinal: Int, _ index: Int) {
        slot.buffers.warnings.beginRow(fields: 5)
        slot.buffers.warnings.field(Int32(truncatingIfNeeded: ordinal))
        slot.buffers.warnings.field(slot.batch.entries[index].partition.rawValue)
        slot.buffers.warnings.field(slot.batch.entries[index].offset.rawValue)
        slot.buffers.warnings.field(warning.rule)
        slot.buffers.warnings.field(warning.field ?? "")
    }

    /// PostgreSQL counts timestamps in microseconds from 2000-01-01 UTC. Kafka times beyond what it can store are left out.
    private static func postgresMicroseconds(_ milliseconds: Int64) -> Int64 {
        let bounded = min(max(milliseconds, -62_000_000_000_000), 250_000_000_000_000)
        return bounded * 1_000 - 946_684_800_000_000
    }
}
