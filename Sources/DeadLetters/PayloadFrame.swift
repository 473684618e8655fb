// Key, value and headers as one run of bytes, keeping what is null apart from what is empty.
import Model

/// Version byte, key, value, count of headers, then each header's name and value. Integers are big-endian; an optional
/// block is a byte 0 (null), or 1 and a block; a block is its length (32 bits) and its bytes.
enum PayloadFrame {
    private static let version: UInt8 = 1

    static func encode(_ record: RawRecord) -> [UInt8] {
        var writer = ByteWriter()
        writer.bytes.append(version)
        writer.optionalBlock(record.key)
        writer.optionalBlock(record.value)
        writer.integer(UInt32(record.headers.count))
        for header in record.headers {
            writer.block(Array(header.name.utf8))
            writer.optionalBlock(header.value)
        }
        return writer.bytes
    }

    /// Nil where the bytes are not exactly one frame.
    static func decode(_ bytes: [UInt8]) -> RawRecord? {
        var reader = ByteReader(bytes)
        guard
            reader.byte() == version,
            let key = reader.optionalBlock(),
            let value = reader.optionalBlock(),
            let count = reader.integer(UInt32.self)
        else { return nil }
        var headers: [(name: String, value: [UInt8]?)] = []
        for _ in 0..<count {
            // Each header takes bytes of the frame, so a false count ends here and not in memory.
            guard
                let name = reader.block(), let text = String(validating: name, as: UTF8.self),
                let value = reader.optionalBlock()
            else { return nil }
            headers.append((text, value))
        }
        return reader.isAtEnd ? RawRecord(key: key, value: value, headers: headers) : nil
    }
}

struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func integer(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func block(_ block: [UInt8]) {
        integer(UInt32(block.count))
        bytes.append(contentsOf: block)
    }

    mutating func optionalBlock(_ block: [UInt8]?) {
        bytes.append(block == nil ? 0 : 1)
        if let block { self.block(block) }
    }
}

struct ByteReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func byte() -> UInt8? {
        guard position < bytes.count else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func integer<Value: FixedWidthInteger>(_: Value.Type) -> Value? {
        let size = MemoryLayout<Value>.size
        guard bytes.count - position >= size else { return nil }
        defer { position += size }
        return bytes[position..<(position + size)].reduce(0) { $0 << 8 | Value($1) }
    }

    mutating func block() -> [UInt8]? {
        guard let count = integer(UInt32.self), bytes.count - position >= Int(count) else { return nil }
        defer { position += Int(count) }
        return Array(bytes[position..<(position + Int(count))])
    }

    /// The outer nil: not a block. The inner: null.
    mutating func optionalBlock() -> [UInt8]?? {
        switch byte() {
        case 0: .some(nil)
        case 1: block().map { .some($0) }
        default: nil
        }
    }
}
