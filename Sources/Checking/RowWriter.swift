// A CSV row as the JSON object that it stands for, in padded memory for the decoder.
import Contracts
import Foundation
import Model

struct RowWriter: ~Copyable {
    private let steps: [CSVHeader.Step]
    private let labels: [UInt8]
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var count = 0
    /// The objects and lists that are open: where each began, and whether nothing stood before it.
    private var open: [(mark: Int, isFirst: Bool)] = []

    init(_ header: CSVHeader) {
        steps = header.steps
        labels = header.labels
        capacity = 1 << 16
        memory = .allocate(capacity: capacity + RecordDecoder.paddingBytes)
        memory.initialize(repeating: 0, count: capacity + RecordDecoder.paddingBytes)
    }

    deinit { memory.deallocate() }

    /// - Parameter bytes: what the cells point into; as many cells as the header has.
    /// The result is good until the next row, and padded.
    mutating func write(_ cells: [Cell], of bytes: UnsafePointer<UInt8>) -> UnsafeRawBufferPointer {
        count = 0
        open.removeAll(keepingCapacity: true)
        append(UInt8(ascii: "{"))
        var isFirst = true
        for step in steps {
            switch step.kind {
            case .cell(let column, let kind):
                let cell = cells[column]
                let text = UnsafeBufferPointer(start: bytes + cell.start, count: cell.count)
                if text.isBlankCell { continue }
                begin(step.label, isFirst: isFirst)
                isFirst = false
                write(text, kind, hasQuotes: cell.hasQuotes)
            case .open(let bracket):
                open.append((count, isFirst))
                begin(step.label, isFirst: isFirst)
                append(bracket)
                isFirst = true
            case .close(let bracket):
                guard let (mark, wasFirst) = open.popLast() else { continue }
                if isFirst {
                    count = mark
                    isFirst = wasFirst
                } else {
                    append(bracket)
                }
            }
        }
        append(UInt8(ascii: "}"))
        return UnsafeRawBufferPointer(start: memory, count: count)
    }

    private mutating func begin(_ label: Range<Int>, isFirst: Bool) {
        if !isFirst { append(UInt8(ascii: ",")) }
        labels.withUnsafeBufferPointer { append(UnsafeBufferPointer(rebasing: $0[label])) }
    }

    private mutating func write(_ text: UnsafeBufferPointer<UInt8>, _ kind: CSVHeader.CellKind, hasQuotes: Bool) {
        switch kind {
        case .integer where Self.isWholeNumber(text.trimmedCell): append(text.trimmedCell)
        case .boolean where Self.truthValue(text.trimmedCell) != nil:
            for byte in Self.truthValue(text.trimmedCell) == true ? "true".utf8 : "false".utf8 { append(byte) }
        case .json:
            let json = hasQuotes ? Self.withoutDoubledQuotes(text) : Array(text)
            if Self.isJSON(json) {
                json.withUnsafeBufferPointer { append($0) }
            } else {
                // As a text it gets a reason that names the field, and cannot end the record before its end.
                writeString(text, hasQuotes: hasQuotes)
            }
        case .text, .integer, .boolean: writeString(text, hasQuotes: hasQuotes)
        }
    }

    // MARK: Values

    /// As JSON writes it, and of 64 bits, since beyond them a number spoils the record around it.
    private static func isWholeNumber(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard text.count <= 20 else { return false }
        let digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text[...]
        guard let first = digits.first, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return false }
        if first == 0x30 && digits.count > 1 { return false }
        return text.count <= 18 || isWithin64Bits(text)
    }

    private static func isWithin64Bits(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let number = String(decoding: text, as: UTF8.self)
        return Int64(number) != nil || UInt64(number) != nil
    }

    /// In any letters, as spreadsheets write TRUE and FALSE; nil of what is none.
    private static func truthValue(_ text: UnsafeBufferPointer<UInt8>) -> Bool? {
        func isEqual(_ word: String.UTF8View) -> Bool {
            // Of letters the bit tells small from capital; no other byte becomes a letter by it that is not one.
            text.count == word.count && zip(text, word).allSatisfy { $0 | 0x20 == $1 && $0 & 0x40 != 0 }
        }
        return isEqual("true".utf8) ? true : isEqual("false".utf8) ? false : nil
    }

    private static func withoutDoubledQuotes(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            result.append(text[index])
            index += text[index] == UInt8(ascii: "\"") ? 2 : 1
        }
        return result
    }

    /// Whether a list or object, whole and by itself.
    private static func isJSON(_ text: [UInt8]) -> Bool {
        guard let first = text.first(where: { !InputFormat.isBlank($0) }),
            first == UInt8(ascii: "[") || first == UInt8(ascii: "{")
        else { return false }
        return (try? JSONSerialization.jsonObject(with: Data(text))) != nil
    }

    // MARK: Bytes

    private mutating func writeString(_ text: UnsafeBufferPointer<UInt8>, hasQuotes: Bool) {
        // A byte becomes at most the six of \u00XX.
        reserve(text.count * 6 + 2)
        memory[count] = UInt8(ascii: "\"")
        var end = count + 1
        var index = 0
        while index < text.count {
            let byte = text[index]
            index &+= 1
            if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                memory[end] = byte
                end &+= 1
                continue
            }
            memory[end] = UInt8(ascii: "\\")
            if byte >= 0x20 {
                memory[end + 1] = byte
                end &+= 2
                if byte == UInt8(ascii: "\""), hasQuotes { index &+= 1 }
            } else {
                memory[end + 1] = UInt8(ascii: "u")
                memory[end + 2] = UInt8(ascii: "0")
                memory[end + 3] = UInt8(ascii: "0")
                memory[end + 4] = UInt8(ascii: "0") + (byte >> 4)
                memory[end + 5] = Self.hexadecimal(byte & 0xF)
                end &+= 6
            }
        }
        memory[end] = UInt8(ascii: "\"")
        count = end + 1
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress else { return }
        reserve(bytes.count)
        (memory + count).update(from: start, count: bytes.count)
        count += bytes.count
    }

    private mutating func append(_ byte: UInt8) {
        reserve(1)
        memory[count] = byte
        count += 1
    }

    @inline(__always)
    private mutating func reserve(_ size: Int) {
        if capacity &- count < size { grow(by: size) }
    }

    @inline(never)
    private mutating func grow(by size: Int) {
        let larger = max(capacity * 2, count + size)
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger + RecordDecoder.paddingBytes)
        moved.initialize(repeating: 0, count: larger + RecordDecoder.paddingBytes)
        moved.update(from: memory, count: count)
        memory.deallocate()
        memory = moved
        capacity = larger
    }
}
