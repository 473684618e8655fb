import Model
import Postgres
import Testing

@Suite("the replication decoder")
struct ReplicationDecoderTests {
    private static func message(_ bytes: [UInt8]) throws -> ReplicationMessage {
        try bytes.withUnsafeBytes { try ReplicationDecoder.message($0) }
    }

    @Test("reads each kind of message")
    func kinds() throws {
        for (bytes, expected) in Sample.messages { #expect(try Self.message(bytes) == expected) }
    }

    @Test("reads log data and keepalives")
    func frames() throws {
        let header: [UInt8] = Sample.int(0x10, 8) + Sample.int(0x20, 8) + Sample.int(5, 8)
        for (bytes, expected) in Sample.messages {
            let frame = try (Array("w".utf8) + header + bytes).withUnsafeBytes { try ReplicationDecoder.frame($0) }
            let time: Int64 = 946_684_800_000_005
            #expect(frame == .data(start: LSN(0x10), walEnd: LSN(0x20), serverMicroseconds: time, expected))
        }
        let keepalive: [UInt8] = Array("k".utf8) + Sample.int(0x20, 8) + Sample.int(-5, 8) + [1]
        let expected = ReplicationDecoder.Frame.keepalive(
            walEnd: LSN(0x20), serverMicroseconds: 946_684_799_999_995, replyRequested: true
        )
        #expect(try keepalive.withUnsafeBytes { try ReplicationDecoder.frame($0) } == expected)
    }

    @Test("an unknown kind is told, not guessed")
    func unknown() throws {
        #expect(try Self.message([UInt8(ascii: "?"), 1, 2, 3]) == .unknown(UInt8(ascii: "?")))
    }

    @Test("every message cut short or prolonged is an error")
    func truncated() throws {
        for (bytes, expected) in Sample.messages {
            for count in 0..<bytes.count {
                let error = postgresError { _ = try Self.message(Array(bytes.prefix(count))) }
                #expect(error?.sqlState == "08P01", "\(expected) cut to \(count)")
                #expect(error?.fault == .world)
            }
            #expect(postgresError { _ = try Self.message(bytes + [0]) } != nil, "\(expected) prolonged")
        }
    }

    @Test("no byte changed to any other makes it crash, and no error quotes a value")
    func damaged() throws {
        for (bytes, _) in Sample.messages {
            for position in bytes.indices {
                for value in [0, 1, 0x7F, 0x80, 0xFF, bytes[position] ^ 1] as [UInt8] {
                    var damaged = bytes
                    damaged[position] = value
                    let error = postgresError { _ = try Self.message(damaged) }
                    #expect(error?.description.contains("Ánh") != true)
                    let frame = Array("w".utf8) + damaged
                    _ = postgresError { _ = try frame.withUnsafeBytes { try ReplicationDecoder.frame($0) } }
                }
            }
        }
    }

    @Test("random bytes are decoded or refused, never more")
    func random() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...64, using: &generator)
            let kinds = Array("BCRIUDTOYwk".utf8)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if count > 0 { bytes[0] = kinds.randomElement(using: &generator) ?? 0 }
            _ = postgresError { _ = try Self.message(bytes) }
            _ = postgresError { _ = try bytes.withUnsafeBytes { try ReplicationDecoder.frame($0) } }
        }
    }

    @Test("text that is not UTF-8 is refused")
    func notUTF8() {
        let bytes = Array("I".utf8) + Sample.int(7, 4) + Array("N".utf8) + Sample.int(1, 2) + Array("t".utf8)
        #expect(postgresError { _ = try Self.message(bytes + Sample.int(2, 4) + [0xC3, 0x28]) }?.sqlState == "08P01")
    }
}

/// Messages as bytes and as what they mean.
private enum Sample {
    static func int(_ value: Int64, _ count: Int) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0.suffix(count)) }
    }

    private static func string(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }
    private static func letter(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static let rowBytes: [UInt8] =
        int(4, 2) + letter("t") + int(Int64("Ánh".utf8.count), 4) + Array("Ánh".utf8) + letter("n") + letter("u")
        + letter("t") + int(0, 4)
    private static let row: [ColumnValue] = [.text("Ánh"), .null, .unchangedToast, .text("")]
    private static let epoch: Int64 = 946_684_800_000_000

    static let messages: [([UInt8], ReplicationMessage)] = [
        (
            letter("B") + int(0x1_0000_0002, 8) + int(1_000_000, 8) + int(77, 4),
            .begin(lsn: LSN(0x1_0000_0002), commitMicroseconds: epoch + 1_000_000, transaction: 77)
        ),
        (
            letter("C") + [0] + int(0x10, 8) + int(0x18, 8) + int(-1, 8),
            .commit(lsn: LSN(0x10), endLSN: LSN(0x18), commitMicroseconds: epoch - 1)
        ),
        (
            letter("R") + int(7, 4) + string("public") + string("person") + letter("d") + int(2, 2) + [1] + string("id")
                + int(20, 4) + int(-1, 4) + [0] + string("tên") + int(25, 4) + int(-1, 4),
            .relation(
                ReplicatedRelation(
                    id: 7, schema: "public", name: "person", identity: .primaryKey,
                    columns: [.init(name: "id", isKey: true, typeID: 20), .init(name: "tên", isKey: false, typeID: 25)]
                )
            )
        ),
        (
            letter("R") + int(8, 4) + string("") + string("x") + letter("z") + int(0, 2),
            .relation(
                ReplicatedRelation(
                    id: 8, schema: "pg_catalog", name: "x", identity: .unknown(UInt8(ascii: "z")), columns: []
                )
            )
        ),
        (letter("I") + int(7, 4) + letter("N") + rowBytes, .insert(relation: 7, new: row)),
        (letter("U") + int(7, 4) + letter("N") + rowBytes, .update(relation: 7, old: nil, new: row)),
        (
            letter("U") + int(7, 4) + letter("K") + rowBytes + letter("N") + rowBytes,
            .update(relation: 7, old: .key(row), new: row)
        ),
        (
            letter("U") + int(7, 4) + letter("O") + rowBytes + letter("N") + rowBytes,
            .update(relation: 7, old: .full(row), new: row)
        ),
        (letter("D") + int(7, 4) + letter("K") + rowBytes, .delete(relation: 7, old: .key(row))),
        (letter("D") + int(0xFFFF_FFFF, 4) + letter("O") + rowBytes, .delete(relation: .max, old: .full(row))),
        (
            letter("T") + int(2, 4) + [3] + int(7, 4) + int(8, 4),
            .truncate(relations: [7, 8], cascade: true, restartIdentity: true)
        ),
        (letter("O") + int(1, 8) + string("elsewhere"), .origin(name: "elsewhere")),
        (letter("Y") + int(9, 4) + string("public") + string("mood"), .type(id: 9, schema: "public", name: "mood")),
    ]
}
