// Judged values to COPY BINARY and to the text of jsonb.
import Model

extension RecordEngine {
    @inline(__always)
    mutating func encode(_ columns: Range<Int>, into arena: inout ByteArena) {
        for index in columns {
            let column = program.columns[index]
            let slot = slots + column.slot
            guard slot.pointee.isPresent else {
                arena.appendNull()
                continue
            }
            switch column.type {
            case .text:
                if column.isUppercase {
                    encodeUppercased(slot.pointee.text, into: &arena)
                } else {
                    arena.appendText(readable: slot.pointee.text)
                }
            case .bigint: arena.appendBigint(slot.pointee.number)
            case .boolean: arena.appendBoolean(slot.pointee.number != 0)
            case .date:
                if slot.pointee.isWhole {
                    arena.appendDate(day: Int32(truncatingIfNeeded: slot.pointee.number))
                } else {
                    arena.appendNull()
                }
            case .timestamptz: arena.appendTimestamp(microseconds: slot.pointee.number)
            case .numeric: encodeNumeric(slot.pointee.text, scale: column.scale, into: &arena)
            case .jsonb: arena.appendJSONB(json[jsonRange(slot.pointee.number)])
            }
        }
    }

    private mutating func jsonRange(_ packed: Int64) -> Range<Int> {
        let bits = UInt64(bitPattern: packed)
        return Int(bits >> 32)..<Int(bits & 0xFFFF_FFFF)
    }

    @inline(never)
    private mutating func encodeUppercased(_ text: TextBytes, into arena: inout ByteArena) {
        if TextNormalisation.isASCIIWithoutNUL(text) {
            let mark = arena.count
            arena.appendText(readable: text)
            arena.uppercaseASCII(from: mark + 4)
            return
        }
        let bytes = TextNormalisation.uppercased(text)
        bytes.withUnsafeBufferPointer { bytes in
            if let start = bytes.baseAddress { arena.appendText(TextBytes(start, bytes.count)) }
        }
    }

    @inline(never)
    private mutating func encodeNumeric(_ text: TextBytes, scale: Int, into arena: inout ByteArena) {
        guard let decimal = DecimalText(text) else { preconditionFailure("the slot holds a decimal that was judged") }
        arena.appendNumeric(decimal, scale: scale)
    }

    /// Appends a judged value to the text of the jsonb at hand.
    @inline(never)
    mutating func writeJSON(_ step: UnsafeMutablePointer<FieldStep>) {
        let slot = slots + step.pointee.slot
        switch step.pointee.kind {
        case .text, .decimal, .date, .timestamp: json.appendJSONString(slot.pointee.text)
        case .integer: withDecimal(slot.pointee.number) { json.append(UnsafeRawBufferPointer($0.buffer)) }
        case .boolean: json.append(slot.pointee.number != 0 ? Self.trueWord : Self.falseWord)
        case .object, .list: break  // their own members were written one by one
        }
    }

    private static let trueWord: StaticString = "true"
    private static let falseWord: StaticString = "false"
}

extension ByteArena {
    /// Of the bytes since `mark`, all ASCII.
    func uppercaseASCII(from mark: Int) {
        for index in mark..<count {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if byte &- UInt8(ascii: "a") < 26 { base.storeBytes(of: byte & 0xDF, toByteOffset: index, as: UInt8.self) }
        }
    }

    mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Quoted and escaped as RFC 8259 section 7 wants.
    mutating func appendJSONString(_ text: TextBytes) {
        // A control character takes six bytes.
        let mark = count
        var written = 0
        write(text.count * 6 + 2) { destination in
            func put(_ byte: UInt8) {
                destination.storeBytes(of: byte, toByteOffset: written, as: UInt8.self)
                written += 1
            }
            put(UInt8(ascii: "\""))
            for byte in text.buffer {
                if byte < 0x20 {
                    for character in "\\u00".utf8 { put(character) }
                    put(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
                    let low = byte & 0x0F
                    put(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
                } else {
                    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { put(UInt8(ascii: "\\")) }
                    put(byte)
                }
            }
            put(UInt8(ascii: "\""))
        }
        truncate(to: mark + written)
    }
}

/// Lends the decimal digits of a number.
func withDecimal<Result>(_ number: Int64, _ body: (TextBytes) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
        var first = 20
        var rest = number.magnitude
        repeat {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        } while rest > 0
        if number < 0 {
            first -= 1
            digits[first] = UInt8(ascii: "-")
        }
        // The allocation has room, hence an address.
        return body(TextBytes(UnsafePointer(digits.baseAddress.unsafelyUnwrapped) + first, 20 - first))
    }
}
