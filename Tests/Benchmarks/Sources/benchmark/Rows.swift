// The same rows as the product writes, ready-made in COPY BINARY: what a loop that does nothing but send would send.
import Contracts
import Foundation
import Model
import Postgres

/// One batch of a floor: the parent's rows and the children's, each a whole COPY stream.
struct ReadyBatch: Sendable {
    var records: Int
    var childRecords: Int
    var parent: [UInt8]
    var children: [[UInt8]]
    /// The same once more in text form, an array for each column: the parent's, then each child's. Empty unless wanted.
    var arrays: [[String?]] = []
}

/// Columns as the buffers have them.
struct RowLayout: Sendable {
    let table: TablePlan
    let children: [ChildPlan]

    var keys: [String] { table.keyColumns.map { $0.name } }
    var contents: [String] { table.contentColumns.map { $0.name } }
    static let markers: KeyValuePairs = [
        "record_version": "bigint", "record_partition": "integer", "record_incarnation": "integer",
        "record_offset": "bigint", "origin_offset": "bigint", "mapping_revision": "integer", "content_hash": "bigint",
        "version_conflict": "boolean", "applied_at": "timestamptz", "deleted": "boolean",
    ]
    var columns: [String] { keys + contents + Self.markers.map(\.key) }
    var types: [String] {
        (table.keyColumns + table.contentColumns).map(\.type.rawValue) + Self.markers.map(\.value)
    }
    var target: String { "\(table.schema).\(table.name)" }
    func target(_ child: ChildPlan) -> String { "\(child.schema).\(child.name)" }
    func columns(_ child: ChildPlan) -> [String] { keys + ["position"] + child.columns.map { $0.name } }
    func types(_ child: ChildPlan) -> [String] {
        table.keyColumns.map(\.type.rawValue) + ["integer"] + child.columns.map(\.type.rawValue)
    }
}

enum Rows {
    /// - Parameters:
    ///   - numbers: of citizens, in the order of their batches.
    ///   - sorted: by key within each batch; else in the order of arrival.
    static func batches(
        _ world: World, _ numbers: some RandomAccessCollection<Int>, _ edition: Edition, size: Int, sorted: Bool
    ) throws -> (layout: RowLayout, batches: [ReadyBatch]) {
        let decoder = try RecordDecoder(world.definition, codeLists: world.codeLists)
        let layout = RowLayout(table: decoder.table, children: decoder.children)
        var batches: [ReadyBatch] = []
        var rest = numbers[...]
        while !rest.isEmpty {
            let share = rest.prefix(size)
            rest = rest.dropFirst(size)
            decoder.reset()
            var rows: [(key: [UInt8], index: Int, record: DecodedRecord)] = []
            for index in share {
                let (key, value) = Citizens.record(index, edition)
                let verdict = key.withUnsafeBytes { key in
                    value.withUnsafeBytes { value in
                        decoder.decode(
                            key: key, value: value, valueIsPadded: false, headersByteCount: 0,
                            timestampMilliseconds: nil, tombstoneVersion: nil)
                    }
                }
                guard case .record(let record) = verdict else {
                    throw Failure("the made-up citizen \(index) is not accepted: \(verdict)")
                }
                rows.append((key, index, record))
            }
            if sorted { rows.sort { $0.key.lexicographicallyPrecedes($1.key) } }
            var childRecords = 0
            var parent = CopyStream()
            var children = layout.children.map { _ in CopyStream() }
            for row in rows {
                parent.row(1 + layout.contents.count + RowLayout.markers.count)
                parent.raw(decoder.arena[row.record.key])
                parent.raw(decoder.arena[row.record.content])
                parent.field(row.record.version)
                parent.field(Int32(row.index % Int(World.partitions)))
                parent.field(Int32(0))
                parent.field(Int64(row.index))
                parent.field(Int64(row.index))
                parent.field(Int32(1))
                parent.field(Int64(bitPattern: row.record.contentHash))
                parent.field(false)
                parent.field(Int64(800_000_000_000_000))
                parent.field(false)
                for child in decoder.childRows[row.record.children] {
                    childRecords += 1
                    children[child.child].row(2 + layout.children[child.child].columns.count)
                    children[child.child].raw(decoder.arena[row.record.key])
                    children[child.child].field(child.position)
                    children[child.child].raw(decoder.arena[child.content])
                }
            }
            batches.append(
                ReadyBatch(
                    records: share.count, childRecords: childRecords, parent: parent.ended(),
                    children: children.map { $0.ended() }))
        }
        return (layout, batches)
    }
}

/// COPY BINARY, as PostgreSQL's documentation of COPY has it.
private struct CopyStream {
    private var bytes: [UInt8] =
        [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00] + [UInt8](repeating: 0, count: 8)

    mutating func row(_ fields: Int) { number(Int16(fields)) }
    mutating func raw(_ range: UnsafeRawBufferPointer) { bytes.append(contentsOf: range) }
    mutating func field(_ value: Bool) {
        number(Int32(1))
        bytes.append(value ? 1 : 0)
    }
    mutating func field<Value: FixedWidthInteger>(_ value: Value) {
        number(Int32(MemoryLayout<Value>.size))
        number(value)
    }
    private mutating func number<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
    func ended() -> [UInt8] { bytes + [0xFF, 0xFF] }
}
