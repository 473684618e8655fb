// Bytes of a replication connection to messages: pure, bounds-checked, without state.

package enum ReplicationDecoder {
    /// What the server sends inside COPY BOTH.
    package enum Frame: Hashable, Sendable {
        /// Log data: where it begins, how far the server's log reaches, and pgoutput's message in it.
        case data(start: LSN, walEnd: LSN, serverMicroseconds: Int64, ReplicationMessage)
        case keepalive(walEnd: LSN, serverMicroseconds: Int64, replyRequested: Bool)
    }

    /// Decodes one CopyData message.
    ///
    /// - Throws: SQLSTATE 08P01 naming the kind of message and the byte, never its content.
    package static func frame(_ bytes: UnsafeRawBufferPointer) throws(PostgresError) -> Frame {
        var reader = ByteReader(bytes)
        switch try reader.byte() {
        case UInt8(ascii: "w"):
            let start = LSN(try reader.unsigned64())
            let walEnd = LSN(try reader.unsigned64())
            let time = microsecondsSince1970(try reader.signed64())
            return .data(start: start, walEnd: walEnd, serverMicroseconds: time, try message(&reader))
        case UInt8(ascii: "k"):
            reader.kind = "keepalive"
            let walEnd = LSN(try reader.unsigned64())
            let time = microsecondsSince1970(try reader.signed64())
            let replyRequested = try reader.byte() != 0
            try reader.end()
            return .keepalive(walEnd: walEnd, serverMicroseconds: time, replyRequested: replyRequested)
        default: throw reader.malformed()
        }
    }

    /// Decodes one message of pgoutput, protocol version 1.
    package static func message(_ bytes: UnsafeRawBufferPointer) throws(PostgresError) -> ReplicationMessage {
        var reader = ByteReader(bytes)
        return try message(&reader)
    }

    private static func message(_ reader: inout ByteReader) throws(PostgresError) -> ReplicationMessage {
        let kind = try reader.byte()
        let message: ReplicationMessage
        switch kind {
        case UInt8(ascii: "B"):
            reader.kind = "begin"
            let lsn = LSN(try reader.unsigned64())
            let time = microsecondsSince1970(try reader.signed64())
            message = .begin(lsn: lsn, commitMicroseconds: time, transaction: try reader.unsigned32())
        case UInt8(ascii: "C"):
            reader.kind = "commit"
            _ = try reader.byte()  // flags, none defined
            let lsn = LSN(try reader.unsigned64())
            let endLSN = LSN(try reader.unsigned64())
            let time = microsecondsSince1970(try reader.signed64())
            message = .commit(lsn: lsn, endLSN: endLSN, commitMicroseconds: time)
        case UInt8(ascii: "R"):
            reader.kind = "relation"
            message = .relation(try relation(&reader))
        case UInt8(ascii: "I"):
            reader.kind = "insert"
            let relation = try reader.unsigned32()
            try reader.expect(UInt8(ascii: "N"))
            message = .insert(relation: relation, new: try row(&reader))
        case UInt8(ascii: "U"):
            reader.kind = "update"
            message = try update(&reader)
        case UInt8(ascii: "D"):
            reader.kind = "delete"
            let relation = try reader.unsigned32()
            guard let old = try oldRow(try reader.byte(), &reader) else { throw reader.malformed() }
            message = .delete(relation: relation, old: old)
        case UInt8(ascii: "T"):
            reader.kind = "truncate"
            message = try truncate(&reader)
        case UInt8(ascii: "O"):
            reader.kind = "origin"
            _ = try reader.unsigned64()
            message = .origin(name: try reader.string())
        case UInt8(ascii: "Y"):
            reader.kind = "type"
            let id = try reader.unsigned32()
            let schema = try reader.string()
            message = .type(id: id, schema: schema, name: try reader.string())
        default:
            return .unknown(kind)
        }
        try reader.end()
        return message
    }

    private static func relation(_ reader: inout ByteReader) throws(PostgresError) -> ReplicatedRelation {
        let id = try reader.unsigned32()
        let schema = try reader.string()
        let name = try reader.string()
        let identity: ReplicatedRelation.Identity =
            switch try reader.byte() {
            case UInt8(ascii: "d"): .primaryKey
            case UInt8(ascii: "i"): .index
            case UInt8(ascii: "f"): .full
            case UInt8(ascii: "n"): .nothing
            case let raw: .unknown(raw)
            }
        var columns: [ReplicatedRelation.Column] = []
        for _ in 0..<(try reader.unsigned16()) {
            let isKey = try reader.byte() & 1 != 0
            let name = try reader.string()
            let typeID = try reader.unsigned32()
            _ = try reader.unsigned32()  // type modifier
            columns.append(ReplicatedRelation.Column(name: name, isKey: isKey, typeID: typeID))
        }
        // The schema pg_catalog travels as an empty name.
        return ReplicatedRelation(
            id: id, schema: schema.isEmpty ? "pg_catalog" : schema, name: name, identity: identity, columns: columns
        )
    }

    private static func update(_ reader: inout ByteReader) throws(PostgresError) -> ReplicationMessage {
        let relation = try reader.unsigned32()
        let mark = try reader.byte()
        let old = try oldRow(mark, &reader)
        let newMark = old == nil ? mark : try reader.byte()
        guard newMark == UInt8(ascii: "N") else { throw reader.malformed() }
        return .update(relation: relation, old: old, new: try row(&reader))
    }

    private static func truncate(_ reader: inout ByteReader) throws(PostgresError) -> ReplicationMessage {
        let count = try reader.unsigned32()
        let options = try reader.byte()
        var relations: [UInt32] = []
        for _ in 0..<count { relations.append(try reader.unsigned32()) }
        return .truncate(relations: relations, cascade: options & 1 != 0, restartIdentity: options & 2 != 0)
    }

    private static func oldRow(_ mark: UInt8, _ reader: inout ByteReader) throws(PostgresError) -> OldRow? {
        switch mark {
        case UInt8(ascii: "K"): .key(try row(&reader))
        case UInt8(ascii: "O"): .full(try row(&reader))
        default: nil
        }
    }

    private static func row(_ reader: inout ByteReader) throws(PostgresError) -> [ColumnValue] {
        var values: [ColumnValue] = []
        for _ in 0..<(try reader.unsigned16()) {
            switch try reader.byte() {
            case UInt8(ascii: "n"): values.append(.null)
            case UInt8(ascii: "u"): values.append(.unchangedToast)
            case UInt8(ascii: "t"): values.append(.text(try reader.text(byteCount: Int(try reader.unsigned32()))))
            default: throw reader.malformed()  // binary values are sent only when asked for
            }
        }
        return values
    }

    /// PostgreSQL counts from 2000-01-01. Wrapping, since a damaged message must not trap.
    private static func microsecondsSince1970(_ postgres: Int64) -> Int64 { postgres &+ epochMicroseconds }

    static let epochMicroseconds: Int64 = 946_684_800_000_000
}

/// Reads big-endian numbers and texts, and never a byte beyond the end.
private struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    var kind: StaticString = "replication"

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    func malformed() -> PostgresError {
        PostgresError(
            action: "reading the replication stream", sqlState: "08P01",
            primary: "malformed \(kind) message near byte \(position) of \(bytes.count)"
        )
    }

    private mutating func take(_ count: Int) throws(PostgresError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= bytes.count - position else { throw malformed() }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    private mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws(PostgresError) -> Number {
        Number(bigEndian: try take(MemoryLayout<Number>.size).loadUnaligned(as: Number.self))
    }

    mutating func byte() throws(PostgresError) -> UInt8 { try number(UInt8.self) }
    mutating func unsigned16() throws(PostgresError) -> UInt16 { try number(UInt16.self) }
    mutating func unsigned32() throws(PostgresError) -> UInt32 { try number(UInt32.self) }
    mutating func unsigned64() throws(PostgresError) -> UInt64 { try number(UInt64.self) }
    mutating func signed64() throws(PostgresError) -> Int64 { try number(Int64.self) }

    mutating func expect(_ byte: UInt8) throws(PostgresError) {
        guard try self.byte() == byte else { throw malformed() }
    }

    mutating func text(byteCount: Int) throws(PostgresError) -> String {
        guard let text = String(validating: try take(byteCount), as: UTF8.self) else { throw malformed() }
        return text
    }

    /// A text ended by a zero byte.
    mutating func string() throws(PostgresError) -> String {
        guard let end = bytes[position...].firstIndex(of: 0) else { throw malformed() }
        let text = try text(byteCount: end - position)
        _ = try byte()
        return text
    }

    /// A message longer than its content is another message than we take it for.
    func end() throws(PostgresError) {
        guard position == bytes.count else { throw malformed() }
    }
}
