// Rows in PostgreSQL's COPY BINARY form, built in one buffer that is kept from batch to batch.
// Source: PostgreSQL 15 documentation, COPY, "Binary Format".

/// Appends a header, rows of fields and a trailer. Confined to one lane.
struct CopyBuffer: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 1 << 16) {
        self.capacity = capacity
        base = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// The bytes written so far; good until the next append.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Starts anew: signature, no flags, no header extension.
    mutating func begin() {
        count = 0
        for byte in [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00] as [UInt8] { append(byte) }
        append(Int32(0))
        append(Int32(0))
    }

    mutating func end() { append(Int16(-1)) }

    mutating func beginRow(fields: Int) { append(Int16(fields)) }

    mutating func null() { append(Int32(-1)) }

    mutating func field(_ value: Int32?) {
        guard let value else { return null() }
        append(Int32(4))
        append(value)
    }

    mutating func field(_ value: Int64?) {
        guard let value else { return null() }
        append(Int32(8))
        append(value)
    }

    /// Returns the place of the value, for `overwrite`.
    @discardableResult
    mutating func field(_ value: Int64) -> Int {
        append(Int32(8))
        append(value)
        return count - 8
    }

    mutating func overwrite(at place: Int, _ value: Int64) {
        precondition(place >= 0 && place + 8 <= count, "a place is one that `field` returned")
        (base + place).storeBytes(of: value.bigEndian, as: Int64.self)
    }

    mutating func field(_ value: Bool) {
        append(Int32(1))
        append(UInt8(value ? 1 : 0))
    }

    mutating func field(_ text: String?) {
        guard var text else { return null() }
        text.withUTF8 { utf8 in
            append(Int32(utf8.count))
            append(raw: UnsafeRawBufferPointer(utf8))
        }
    }

    mutating func field(_ bytes: [UInt8]?) {
        guard let bytes else { return null() }
        append(Int32(bytes.count))
        bytes.withUnsafeBytes { append(raw: $0) }
    }

    /// Fields that are encoded already, each with its length.
    mutating func append(raw bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        (base + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    private mutating func append<Value: FixedWidthInteger>(_ value: Value) {
        let size = MemoryLayout<Value>.size
        reserve(size)
        (base + count).storeBytes(of: value.bigEndian, as: Value.self)
        count += size
    }

    private mutating func reserve(_ size: Int) {
        guard capacity - count < size else { return }
        let larger = max(capacity * 2, count + size)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        moved.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = moved
        capacity = larger
    }
}
