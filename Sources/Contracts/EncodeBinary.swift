// Values as PostgreSQL's COPY BINARY has them: an Int32 length in network order, then the type's send format; -1 is
// null.

extension ByteArena {
    @inline(__always)
    mutating func appendNull() {
        write(4) { $0.storeBytes(of: -1, as: Int32.self) }
    }

    @inline(__always)
    mutating func appendText(_ text: TextBytes) {
        write(4 &+ text.count) {
            $0.storeBytes(of: Int32(truncatingIfNeeded: text.count).bigEndian, as: Int32.self)
            ($0 + 4).copyMemory(from: text.start, byteCount: text.count)
        }
    }

    /// The same for a readable text: a short one is copied by two loads and stores, without a call.
    @inline(__always)
    mutating func appendText(readable text: TextBytes) {
        guard text.count <= TextBytes.overread else { return appendText(text) }
        write(4 &+ text.count, room: 4 &+ TextBytes.overread) {
            $0.storeBytes(of: Int32(truncatingIfNeeded: text.count).bigEndian, as: Int32.self)
            let source = UnsafeRawPointer(text.start)
            let (low, high) = (
                source.loadUnaligned(as: SIMD16<UInt8>.self),
                source.loadUnaligned(fromByteOffset: 16, as: SIMD16<UInt8>.self)
            )
            $0.storeBytes(of: low, toByteOffset: 4, as: SIMD16<UInt8>.self)
            $0.storeBytes(of: high, toByteOffset: 20, as: SIMD16<UInt8>.self)
        }
    }

    @inline(__always)
    mutating func appendBigint(_ value: Int64) {
        write(12) {
            $0.storeBytes(of: Int32(8).bigEndian, as: Int32.self)
            $0.storeBytes(of: value.bigEndian, toByteOffset: 4, as: Int64.self)
        }
    }

    @inline(__always)
    mutating func appendBoolean(_ value: Bool) {
        write(5) {
            $0.storeBytes(of: Int32(1).bigEndian, as: Int32.self)
            $0.storeBytes(of: value ? 1 : 0, toByteOffset: 4, as: UInt8.self)
        }
    }

    /// - Parameter day: days since 1970-01-01; sent as days since 2000-01-01.
    @inline(__always)
    mutating func appendDate(day: Int32) {
        write(8) {
            $0.storeBytes(of: Int32(4).bigEndian, as: Int32.self)
            $0.storeBytes(of: (day &- Dates.postgresEpochDay).bigEndian, toByteOffset: 4, as: Int32.self)
        }
    }

    /// - Parameter microseconds: since 1970-01-01 UTC; sent as those since 2000-01-01.
    @inline(__always)
    mutating func appendTimestamp(microseconds: Int64) {
        appendBigint(microseconds &- Dates.postgresEpochMicroseconds)
    }

    /// jsonb: a version byte of 1, then the text.
    mutating func appendJSONB(_ json: UnsafeRawBufferPointer) {
        write(5 + json.count) {
            $0.storeBytes(of: Int32(json.count + 1).bigEndian, as: Int32.self)
            $0.storeBytes(of: 1, toByteOffset: 4, as: UInt8.self)
            if let source = json.baseAddress { ($0 + 5).copyMemory(from: source, byteCount: json.count) }
        }
    }

    /// numeric: counts of digits of base 10,000, the weight of the first, sign, decimals shown, then the digits without
    /// zeros at either end, so that equal values of one scale are equal bytes.
    mutating func appendNumeric(_ decimal: DecimalText, scale: Int) {
        let integerDigits = decimal.integerDigits
        let groupsBefore = (integerDigits.count + 3) / 4
        let groupsAfter = (decimal.fractionDigits.count + 3) / 4
        // The digit at decimal place `place` of the integer part (from its end) or of the fraction (from its start).
        func integerGroup(_ group: Int) -> Int16 {
            var value: Int16 = 0
            for place in (0..<4).reversed() {
                let index = integerDigits.count - 1 - ((groupsBefore - 1 - group) * 4 + place)
                value = value * 10 + (index >= 0 ? Int16(integerDigits[index] &- UInt8(ascii: "0")) : 0)
            }
            return value
        }
        func fractionGroup(_ group: Int) -> Int16 {
            var value: Int16 = 0
            for index in group * 4..<group * 4 + 4 {
                let isThere = index < decimal.fractionDigits.count
                value = value * 10 + (isThere ? Int16(decimal.fractionDigits[index] &- UInt8(ascii: "0")) : 0)
            }
            return value
        }
        func group(_ index: Int) -> Int16 {
            index < groupsBefore ? integerGroup(index) : fractionGroup(index - groupsBefore)
        }
        var first = 0
        var end = groupsBefore + groupsAfter
        while first < end, group(first) == 0 { first += 1 }
        while end > first, group(end - 1) == 0 { end -= 1 }
        let count = end - first
        let weight = count == 0 ? 0 : groupsBefore - 1 - first
        let sign: UInt16 = count > 0 && decimal.isNegative ? 0x4000 : 0
        write(12 + count * 2) {
            $0.storeBytes(of: Int32(8 + count * 2).bigEndian, as: Int32.self)
            $0.storeBytes(of: Int16(count).bigEndian, toByteOffset: 4, as: Int16.self)
            $0.storeBytes(of: Int16(weight).bigEndian, toByteOffset: 6, as: Int16.self)
            $0.storeBytes(of: sign.bigEndian, toByteOffset: 8, as: UInt16.self)
            $0.storeBytes(of: Int16(scale).bigEndian, toByteOffset: 10, as: Int16.self)
            for index in 0..<count {
                $0.storeBytes(of: group(first + index).bigEndian, toByteOffset: 12 + index * 2, as: Int16.self)
            }
        }
    }
}

/// A decimal of the form `-?digits(.digits)?`, without exponent.
struct DecimalText {
    var isNegative: Bool
    var integerDigits: TextBytes
    var fractionDigits: TextBytes

    init?(_ text: TextBytes) {
        var index = 0
        isNegative = text.count > 0 && text[0] == UInt8(ascii: "-")
        if isNegative { index = 1 }
        func digits() -> TextBytes {
            let first = index
            while index < text.count, text[index] &- UInt8(ascii: "0") <= 9 { index += 1 }
            return TextBytes(text.start + first, index - first)
        }
        integerDigits = digits()
        fractionDigits = TextBytes(text.start, 0)
        guard integerDigits.count > 0 else { return nil }
        if index < text.count, text[index] == UInt8(ascii: ".") {
            index += 1
            fractionDigits = digits()
            guard fractionDigits.count > 0 else { return nil }
        }
        guard index == text.count else { return nil }
    }

    /// Whether the value is below a whole number.
    func isBelow(_ minimum: Int64) -> Bool {
        let magnitude = integerMagnitude
        let hasFraction = fractionDigits.buffer.contains { $0 != UInt8(ascii: "0") }
        if minimum >= 0 {
            if isNegative && (magnitude != 0 || hasFraction) { return true }
            guard let magnitude else { return false }
            return magnitude < minimum.magnitude
        }
        guard isNegative else { return false }
        guard let magnitude else { return true }
        return magnitude > minimum.magnitude || (magnitude == minimum.magnitude && hasFraction)
    }

    /// Nil beyond 64 bits.
    private var integerMagnitude: UInt64? {
        var value: UInt64 = 0
        for digit in integerDigits.buffer {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit &- UInt8(ascii: "0")))
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }
}

extension DecimalText {
    /// Digits before the point that a decimal may have, leading zeros included; far beyond any amount of money.
    static let integerDigitsMax = 38
}
