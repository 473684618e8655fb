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
    let slot: BatchSlot
    let sealer: any PayloadSealer

    private var entries: [TopicBatch.Entry] { slot.batch.entries }

    /// Nil where a key came by two partitions: such a batch is written partition by partition.
    ///
    /// - Parameter incarnations: of the partitions' logs.
    func prepare(
        _ live: [Int], incarnations: [Partition: Int32], choose: (_ rows: Int, _ mayCopy: Bool) -> PathChooser.Path
    ) -> PreparedBatch? {
        switch Reduction.reduce(slot.batch.entries, live, keyBytes: { slot.batch.decoder.arena[$0] }) {
        case .keyInTwoPartitions:
            return nil
        case .rows(let rows):
            let path = choose(rows.count, rows.allSatisfy { $0.delete == nil && $0.plainDelete == nil })
            var contents = MergeSQL.Contents()
            contents.stagedRows = rows.count
            switch path {
            case .merge: encodeStage(rows, incarnations, &contents)
            case .copy: encodeTable(rows, incarnations, &contents)
            }
            encodeChildren(rows, &contents, keyed: path == .copy)
            encodeDeadLetters(live, rows, incarnations, &contents)
            encodeWarnings(rows, &contents)
            return PreparedBatch(live: live, rows: rows, contents: contents, path: path)
        }
    }

    // MARK: Rows

    /// In the columns of the staging table.
    private func encodeStage(
        _ rows: [StagedRow], _ incarnations: [Partition: Int32], _ contents: inout MergeSQL.Contents
    ) {
        let decoder = slot.batch.decoder
        let contentColumns = decoder.table.contentColumns.count
        let fields = 9 + decoder.table.keyColumns.count + contentColumns
        slot.buffers.stage.begin()
        for (ordinal, row) in rows.enumerated() {
            slot.buffers.stage.beginRow(fields: fields)
            slot.buffers.stage.field(Int32(truncatingIfNeeded: ordinal))
            slot.buffers.stage.field(row.partition.rawValue)
            slot.buffers.stage.field(incarnations[row.partition] ?? 0)
            var content: Range<Int>?
            if let index = row.record, case .record(let record) = entries[index].verdict {
                contents.recordRows += 1
                content = record.content
                slot.buffers.stage.field(record.version)
                slot.buffers.stage.field(entries[index].offset.rawValue)
                slot.buffers.stage.field(Int64(bitPattern: record.contentHash))
            } else {
                for _ in 0..<3 { slot.buffers.stage.null() }
            }
            if let index = row.delete, case .tombstone(let tombstone) = entries[index].verdict {
                contents.hasTombstones = true
                slot.buffers.stage.field(tombstone.version)
                slot.buffers.stage.field(entries[index].offset.rawValue)
            } else {
                for _ in 0..<2 { slot.buffers.stage.null() }
            }
            if let index = row.plainDelete {
                contents.hasTombstones = true
                slot.buffers.stage.field(entries[index].offset.rawValue)
            } else {
                slot.buffers.stage.null()
            }
            slot.buffers.stage.append(raw: decoder.arena[row.key])
            if let content {
                slot.buffers.stage.append(raw: decoder.arena[content])
            } else {
                for _ in 0..<contentColumns { slot.buffers.stage.null() }
            }
        }
        slot.buffers.stage.end()
    }

    /// In the columns of the table itself (see `MergeSQL.copyTable`).
    private func encodeTable(
        _ rows: [StagedRow], _ incarnations: [Partition: Int32], _ contents: inout MergeSQL.Contents
    ) {
        let decoder = slot.batch.decoder
        let fields = decoder.table.keyColumns.count + decoder.table.contentColumns.count + MergeSQL.markersCopied.count
        slot.buffers.times.removeAll(keepingCapacity: true)
        slot.buffers.stage.begin()
        for row in rows {
            guard let index = row.record, case .record(let record) = entries[index].verdict else {
                preconditionFailure("only rows with a record are copied into the table")
            }
            contents.recordRows += 1
            let offset = entries[index].offset.rawValue
            slot.buffers.stage.beginRow(fields: fields)
            slot.buffers.stage.append(raw: decoder.arena[row.key])
            slot.buffers.stage.append(raw: decoder.arena[record.content])
            slot.buffers.stage.field(record.version)
            slot.buffers.stage.field(row.partition.rawValue)
            slot.buffers.stage.field(incarnations[row.partition] ?? 0)
            slot.buffers.stage.field(offset)
            slot.buffers.stage.field(offset)
            slot.buffers.stage.field(topic.mapping.revision)
            slot.buffers.stage.field(Int64(bitPattern: record.contentHash))
            slot.buffers.stage.field(false)
            slot.buffers.times.append(slot.buffers.stage.field(Int64(0)))
            slot.buffers.stage.field(false)
        }
        slot.buffers.stage.end()
    }

    /// - Parameter keyed: each row begins with its parent's key, as in the child's table; else with the parent's ordinal.
    private func encodeChildren(_ rows: [StagedRow], _ contents: inout MergeSQL.Contents, keyed: Bool) {
        let decoder = slot.batch.decoder
        guard !decoder.children.isEmpty else { return }
        let parentFields = keyed ? decoder.table.keyColumns.count : 1
        let fields = decoder.children.map { parentFields + 1 + $0.columns.count }
        for child in slot.buffers.children { child.rows.begin() }
        for (ordinal, row) in rows.enumerated() {
            guard let index = row.record, case .record(let record) = entries[index].verdict else { continue }
            for childRow in decoder.childRows[record.children] {
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

    /// Refused records, and plain tombstones: those become dead letters only where the row turns out to belong to another
    /// partition, and then within the transaction, so their bytes must lie ready.
    private func encodeDeadLetters(
        _ live: [Int], _ rows: [StagedRow], _ incarnations: [Partition: Int32], _ contents: inout MergeSQL.Contents
    ) {
        slot.buffers.dead.begin()
        for index in live {
            guard case .refused(let refusal) = entries[index].verdict else { continue }
            contents.hasDeadLetters = true
            append(index, refusal, ordinal: nil, incarnations)
        }
        if contents.hasTombstones {
            let foreign = Refusal(
                .versionMissing, rule: "a tombstone from another partition than its row's needs ce_sourceversion")
            for (ordinal, row) in rows.enumerated() where row.plainDelete != nil {
                for index in row.plainDeletes {
                    contents.hasDeadLetters = true
                    append(index, foreign, ordinal: Int32(truncatingIfNeeded: ordinal), incarnations)
                }
            }
        }
        slot.buffers.dead.end()
    }

    private func append(_ index: Int, _ refusal: Refusal, ordinal: Int32?, _ incarnations: [Partition: Int32]) {
        let entry = entries[index]
        let origin = RecordOrigin(
            topic: topic.name, incarnation: incarnations[entry.partition] ?? 0, partition: entry.partition,
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
        slot.buffers.dead.beginRow(fields: 11)
        slot.buffers.dead.field(ordinal)
        slot.buffers.dead.field(entry.partition.rawValue)
        slot.buffers.dead.field(entry.offset.rawValue)
        slot.buffers.dead.field(refusal.reason.rawValue)
        slot.buffers.dead.field(refusal.field)
        slot.buffers.dead.field(refusal.rule)
        slot.buffers.dead.field(entry.sqlState)
        slot.buffers.dead.field(entry.timestampMilliseconds.map(Self.postgresMicroseconds))
        slot.buffers.dead.field(sealed?.keyFingerprint)
        slot.buffers.dead.field(sealed?.keyID)
        slot.buffers.dead.field(sealed?.bytes)
    }

    private func encodeWarnings(_ rows: [StagedRow], _ contents: inout MergeSQL.Contents) {
        let warnings = slot.batch.decoder.warnings
        slot.buffers.warnings.begin()
        for (ordinal, row) in rows.enumerated() {
            guard let index = row.record, case .record(let record) = entries[index].verdict,
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
        slot.buffers.warnings.field(entries[index].partition.rawValue)
        slot.buffers.warnings.field(entries[index].offset.rawValue)
        slot.buffers.warnings.field(warning.rule)
        slot.buffers.warnings.field(warning.field ?? "")
    }

    /// PostgreSQL counts timestamps in microseconds from 2000-01-01 UTC. Kafka times beyond what it can store are left out.
    private static func postgresMicroseconds(_ milliseconds: Int64) -> Int64 {
        let bounded = min(max(milliseconds, -62_000_000_000_000), 250_000_000_000_000)
        return bounded * 1_000 - 946_684_800_000_000
    }
}
