import Testing

// Encodings against PostgreSQL's own: the expected bytes are what PostgreSQL 15's send functions give for the value
// (`SELECT encode(numeric_send('12345.678'), 'hex')` and its like).
@testable import Contracts

@Suite("COPY BINARY")
struct EncodingTests {
    @Test(
        "numeric has PostgreSQL's digits, weight, sign and scale",
        arguments: [
            ("0", 0, "0000000000000000"), ("0", 2, "0000000000000002"), ("0.00", 2, "0000000000000002"),
            ("-0", 2, "0000000000000002"),
            ("1", 0, "00010000000000000001"), ("-1", 0, "00010000400000000001"), ("1.5", 2, "000200000000000200011388"),
            ("0.01", 2, "0001ffff000000020064"), ("-0.01", 2, "0001ffff400000020064"),
            ("0.0001", 4, "0001ffff000000040001"),
            ("0.00001", 5, "0001fffe0000000503e8"), ("9999", 0, "0001000000000000270f"),
            ("10000", 0, "00010001000000000001"),
            ("100000000", 2, "00010002000000020001"), ("12345.678", 3, "0003000100000003000109291a7c"),
            ("1500000.50", 2, "0003000100000002009600001388"), ("007.10", 2, "000200000000000200070" + "3e8"),
            ("100000000.00000001", 8, "000500020000000800010000000000000001"),
            (
                "99999999999999999999999999999999999999", 0,
                "000a00090000000000" + "63270f270f270f270f270f270f270f270f270f"
            ),
        ])
    func numeric(_ text: String, _ scale: Int, _ hex: String) throws {
        #expect(try numericBytes(text, scale: scale) == hex)
    }

    @Test("equal decimals are equal bytes, however they are written")
    func equalDecimals() throws {
        #expect(try numericBytes("1.5", scale: 2) == numericBytes("001.50", scale: 2))
        #expect(try numericBytes("-0.00", scale: 2) == numericBytes("0", scale: 2))
    }

    @Test(
        "a decimal is digits, a point and digits",
        arguments: ["", "-", ".5", "5.", "1e3", "+1", "1,5", "0x1", " 1", "1.2.3", "--1", "NaN", "١"])
    func badDecimals(_ text: String) {
        #expect(withBytes(text) { DecimalText($0) == nil })
    }

    @Test(
        "a decimal is compared with a whole number exactly",
        arguments: [
            ("-0.01", 0 as Int64, true), ("0", 0, false), ("-0", 0, false), ("0.99", 1, true), ("1", 1, false),
            ("99999999999999999999", 1, false),
            ("-1", -1, false), ("-1.01", -1, true), ("-99999999999999999999", -5, true), ("5", -5, false),
            ("-9223372036854775808", Int64.min, false),
        ])
    func minimum(_ text: String, _ bound: Int64, _ isBelow: Bool) {
        #expect(withBytes(text) { DecimalText($0)?.isBelow(bound) } == isBelow)
    }

    @Test(
        "dates and instants count from 2000-01-01",
        arguments: [
            ("2000-01-01", "0000000400000000"), ("1999-12-31", "00000004ffffffff"), ("2025-07-01", "0000000400002461"),
            ("0001-01-01", "00000004fff4dbf9"), ("9999-12-31", "00000004002c95d3"),
        ])
    func date(_ text: String, _ hex: String) throws {
        var arena = ByteArena(capacity: 1)
        arena.appendDate(day: try #require(withBytes(text) { Dates.day($0) }))
        #expect(Self.hex(arena) == hex)
    }

    @Test("the other types have their send format")
    func others() {
        var arena = ByteArena(capacity: 1)
        arena.appendNull()
        arena.appendBigint(-2)
        arena.appendBoolean(true)
        arena.appendTimestamp(microseconds: Dates.postgresEpochMicroseconds + 1)
        withBytes("ế") { arena.appendText($0) }
        withBytes("ế") { arena.appendText(readable: $0) }
        "{}".utf8.withContiguousStorageIfAvailable { arena.appendJSONB(UnsafeRawBufferPointer($0)) }
        #expect(
            Self.hex(arena)
                == "ffffffff" + "00000008fffffffffffffffe" + "0000000101" + "000000080000000000000001"
                + "00000003e1babf" + "00000003e1babf"
                + "00000003017b7d")
    }

    @Test("readable texts of every length are copied whole, and nothing more")
    func lengths() {
        for length in 0...80 {
            var arena = ByteArena(capacity: 1)
            let text = String((0..<length).map { Character(UnicodeScalar(UInt8(0x30 + $0 % 10))) })
            withBytes(text) { arena.appendText(readable: $0) }
            #expect(arena.count == 4 + length)
            #expect(Array(arena[4..<4 + length]) == Array(text.utf8))
        }
    }

    @Test("an arena grows, is cut at a mark and keeps what was written")
    func arena() {
        var arena = ByteArena(capacity: 1)
        for value in 0..<1_000 { arena.appendBigint(Int64(value)) }
        let mark = arena.count
        arena.appendNull()
        arena.truncate(to: mark)
        #expect(arena.count == 12_000)
        #expect(Array(arena[11_992..<12_000]) == [0, 0, 0, 0, 0, 0, 3, 231])
        arena.removeAll()
        #expect(arena.count == 0)
    }

    @Test("numbers are written as they are read", arguments: [0, 7, -7, 1_234_567_890, Int64.max, Int64.min])
    func decimalDigits(_ number: Int64) {
        #expect(withDecimal(number) { String(decoding: $0.buffer, as: UTF8.self) } == String(number))
    }

    private func numericBytes(_ text: String, scale: Int) throws -> String {
        var arena = ByteArena(capacity: 1)
        let isDecimal = withBytes(text) { bytes in
            guard let decimal = DecimalText(bytes) else { return false }
            arena.appendNumeric(decimal, scale: scale)
            return true
        }
        #expect(isDecimal)
        return String(Self.hex(arena).dropFirst(8))
    }

    private static func hex(_ arena: borrowing ByteArena) -> String {
        arena[0..<arena.count].map { byte in
            let digits = Array("0123456789abcdef")
            return "\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }.joined()
    }
}

/// Lends a text as the parser lends it: with readable bytes after it, here ones that would harm if they were read
/// as its own.
@discardableResult
func withBytes<Result>(_ text: String, _ body: (TextBytes) -> Result) -> Result {
    let bytes = Array(text.utf8)
    let memory = bytes + [UInt8](repeating: 0xCC, count: 64)
    return memory.withUnsafeBufferPointer { memory in
        guard let start = memory.baseAddress else { preconditionFailure("the memory is not empty") }
        return body(TextBytes(start, bytes.count))
    }
}
