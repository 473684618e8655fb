// From a record's bytes to the bytes that PostgreSQL's COPY BINARY reads: the product's only judge of records.
package import Model

/// What became of one record's bytes. The same record always gets the same verdict.
package enum Verdict: Sendable, Equatable {
    case record(DecodedRecord)
    case tombstone(DecodedTombstone)
    case refused(Refusal)
}

/// A good record: ranges into the decoder's arena and lists, good until its `reset`.
package struct DecodedRecord: Sendable, Equatable {
    /// The key columns, each as COPY BINARY has it (Int32 length, bytes). Equal keys are equal bytes.
    package let key: Range<Int>
    /// The content columns, likewise.
    package let content: Range<Int>
    /// Indices into `RecordDecoder.childRows`.
    package let children: Range<Int>
    /// Indices into `RecordDecoder.warnings`.
    package let warnings: Range<Int>
    /// The contract's version field: an integer as it is, a timestamp as microseconds since 1970-01-01 UTC.
    package let version: Int64
    /// Of the content and the children; equal content is an equal hash.
    package let contentHash: UInt64
}

/// A row of a child table, without the parent's key.
package struct ChildRow: Sendable, Equatable {
    /// Index into `RecordDecoder.children`.
    package let child: Int
    /// From 1, in the order of the list.
    package let position: Int32
    /// The child's columns as COPY BINARY has them, in the arena.
    package let content: Range<Int>
}

/// A null value: the key's row is to be deleted.
package struct DecodedTombstone: Sendable, Equatable {
    /// As in `DecodedRecord`.
    package let key: Range<Int>
    /// From the header `ce_sourceversion`; nil without it.
    package let version: Int64?
}

/// Judges and encodes the records of one topic. One a lane: it is confined to one thread, and not Sendable.
package final class RecordDecoder {
    package let table: TablePlan
    package let children: [ChildPlan]
    // Both are unchecked because the checks take calls for every record, and no second access can begin during one:
    // the decoder is confined to one thread, and the engine calls nothing that knows it.
    /// Encoded bytes of all records since `reset`; a refused record leaves none.
    @exclusivity(unchecked) package private(set) var arena = ByteArena()
    @exclusivity(unchecked) private var engine: RecordEngine

    /// Throws where contract and mapping do not fit each other, or a pattern is not of `Pattern`'s language.
    package init(_ definition: TopicDefinition, codeLists: CodeLists) throws(UserError) {
        let plan = try TablePlanBuilder.plan(for: definition)
        table = plan.table
        children = plan.children
        engine = try RecordEngine(try RecordProgram(definition, codeLists: codeLists))
    }

    /// Bytes that must be readable beyond a value for `valueIsPadded`.
    package static let paddingBytes = RecordEngine.paddingBytes

    /// The version of the record that was refused last, as `DecodedRecord` and `DecodedTombstone` have it: told where its
    /// key and version are good for themselves, whatever it was refused for; never of a state secret.
    package var refusedVersion: Int64? { engine.refusedVersion }
    /// Rows of child tables of all records since `reset`.
    package var childRows: [ChildRow] { engine.childRows }
    /// Oddities of all records since `reset`.
    package var warnings: [QualityWarning] { engine.warnings }
    /// Members that the contract does not name, in all good records since `reset`.
    package var unknownFieldCount: Int { engine.unknownFieldCount }

    /// Whether `misspeltFields` is asked for in the end; costs time where records have members beyond the contract.
    package var keepsUnknownNames: Bool {
        get { engine.keepsUnknownNames }
        set { engine.keepsUnknownNames = newValue }
    }

    /// Members spelt nearly like a field of their object, in all records since `keepsUnknownNames` was set, refused
    /// ones as well: how many, by the path of the field that was perhaps meant. Of a thousand names at most.
    package var misspeltFields: [String: Int] { engine.misspeltFields() }

    /// Clears arena, child rows and warnings: the ranges handed out before are void.
    package func reset() {
        arena.removeAll()
        engine.reset()
    }

    /// Judges one record.
    /// - Parameters:
    ///   - key: the message's key; nil for a null one.
    ///   - value: the message's value; nil for a tombstone, never to be confused with an empty one.
    ///   - valueIsPadded: `paddingBytes` bytes after the value are readable; otherwise the value is copied.
    ///   - headersByteCount: names and values of all headers, for the bound on a record's size.
    ///   - timestampMilliseconds: the record's Kafka time, against which a timestamp version is judged; nil judges
    /// none.
    ///   - tombstoneVersion: the header `ce_sourceversion`, read for a tombstone only.
    package func decode(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, valueIsPadded: Bool, headersByteCount: Int,
        timestampMilliseconds: Int64?, tombstoneVersion: [UInt8]?
    ) -> Verdict {
        engine.decode(
            RecordInput(
                key: key, value: value, valueIsPadded: valueIsPadded, headersByteCount: headersByteCount,
                timestampMilliseconds: timestampMilliseconds, tombstoneVersion: tombstoneVersion
            ),
            into: &arena
        )
    }

    /// Judges a value from where there are no keys, such as a file: as `decode` does with the very key that the
    /// value's key fields make, and without headers. Neither `missing-key` nor `key-mismatch` can come of it.
    package func decode(
        valueOfOwnKey value: UnsafeRawBufferPointer, valueIsPadded: Bool, timestampMilliseconds: Int64?
    ) -> Verdict {
        engine.decode(
            RecordInput(
                key: nil, keyIsOfValue: true, value: value, valueIsPadded: valueIsPadded, headersByteCount: 0,
                timestampMilliseconds: timestampMilliseconds, tombstoneVersion: nil
            ),
            into: &arena
        )
    }

    /// What `decode` says of a value beyond the bound that cannot be judged secret, for whoever does not keep so much.
    package static let tooLarge = Refusal(.tooLarge, rule: FaultRule.recordBytesMax.description)
}
