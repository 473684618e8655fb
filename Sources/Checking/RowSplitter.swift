// The rows of a CSV file as RFC 4180 has them: cells in quotes may hold the delimiter, line ends and doubled quotes.
// A quote within an unquoted cell is a character like others. A carriage return alone ends a row, too, as Excel for
// the Macintosh writes it: otherwise the whole file would be one row.
import Foundation
import Model

/// A cell by its place in the window, without its outer quotes.
struct Cell {
    var start: Int
    var count: Int
    /// Its quotes are doubled.
    var hasQuotes = false
}

struct RowSplitter {
    struct Row {
        enum Kind {
            /// They are in `cells`, good until the next row is asked for.
            case cells
            case tooLarge
            case malformed(Malformation)
        }
        let kind: Kind
        /// Where it begins, from 1.
        let line: Int
    }

    var delimiter = UInt8(ascii: ",")
    /// No more of a row are kept, so that a row of delimiters alone costs no memory.
    var cellsMax = Int.max
    private(set) var cells: [Cell] = []
    /// Of the row at hand, with the cells beyond `cellsMax`.
    private var isBlank = true
    private var line = 1
    /// Of the row handed out last, with its line end.
    private var handedOutBytes = 0
    private var handedOutLines = 0

    private enum Outcome {
        /// With the bytes up to the next row.
        case row(Int)
        case unfinished(isInQuotes: Bool)
        case malformed(Malformation)
    }

    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed: UInt8 = 0x0A
    private static let carriageReturn: UInt8 = 0x0D

    /// Nil at the end. Blank lines, and rows of blank cells, are passed over.
    mutating func next(in window: inout ByteWindow) throws(UserError) -> Row? {
        while true {
            window.consume(handedOutBytes)
            line += handedOutLines
            (handedOutBytes, handedOutLines) = (0, 0)
            guard let row = try row(in: &window) else { return nil }
            if case .cells = row.kind, isBlank { continue }
            return row
        }
    }

    private mutating func row(in window: inout ByteWindow) throws(UserError) -> Row? {
        var isAtEnd = false
        while true {
            switch scan(window, isAtEnd: isAtEnd) {
            case .row(let size):
                guard size > 0 else { return nil }
                handedOutBytes = size
                handedOutLines = Self.lineEnds(window.slice(0..<size))
                return Row(kind: .cells, line: line)
            case .malformed(let malformation):
                return try skipLine(in: &window, .malformed(malformation))
            case .unfinished(let isInQuotes):
                switch try window.grow() {
                case .grown: continue
                case .atEnd: isAtEnd = true
                case .full: return try skipLine(in: &window, isInQuotes ? .malformed(.openQuote) : .tooLarge)
                }
            }
        }
    }

    /// A row whose end cannot be told is given up, and the next line is read as a row: a lost quote costs one row, and
    /// not all up to the next quote.
    private mutating func skipLine(in window: inout ByteWindow, _ kind: Row.Kind) throws(UserError) -> Row {
        while true {
            let bytes = window.slice(0..<window.count)
            let end = bytes.firstIndex { $0 == Self.lineFeed || $0 == Self.carriageReturn } ?? bytes.count
            // A carriage return at the window's end may be half of a pair.
            let isHalf = end + 1 == bytes.count && bytes[end] == Self.carriageReturn
            if end < bytes.count, !isHalf {
                let isPair = bytes[end] == Self.carriageReturn && bytes[end + 1] == Self.lineFeed
                handedOutBytes = end + (isPair ? 2 : 1)
                handedOutLines = 1
                return Row(kind: kind, line: line)
            }
            window.consume(end)
            if try window.grow() != .grown {
                handedOutBytes = window.count
                handedOutLines = isHalf ? 1 : 0
                return Row(kind: kind, line: line)
            }
        }
    }

    private static func lineEnds(_ bytes: UnsafeRawBufferPointer) -> Int {
        var count = 0
        for (index, byte) in bytes.enumerated() where byte == lineFeed || byte == carriageReturn {
            let isPair = byte == carriageReturn && index + 1 < bytes.count && bytes[index + 1] == lineFeed
            if !isPair { count &+= 1 }
        }
        return count
    }

    /// Fills `cells` from the window's beginning.
    private mutating func scan(_ window: borrowing ByteWindow, isAtEnd: Bool) -> Outcome {
        cells.removeAll(keepingCapacity: true)
        isBlank = true
        let (bytes, count) = (window.bytes, window.count)
        if count == 0 { return isAtEnd ? .row(0) : .unfinished(isInQuotes: false) }
        var index = 0
        while true {
            var cell: Cell
            if index < count, bytes[index] == Self.quote {
                guard let quoted = Self.quotedCell(bytes, from: index + 1, count) else {
                    return isAtEnd ? .malformed(.openQuote) : .unfinished(isInQuotes: true)
                }
                cell = quoted
                index = cell.start + cell.count + 1
            } else {
                let start = index
                while index < count, bytes[index] != delimiter, bytes[index] != Self.lineFeed,
                    bytes[index] != Self.carriageReturn
                {
                    index &+= 1
                }
                cell = Cell(start: start, count: index - start)
            }
            // A quote or a carriage return at the window's end may be half of a pair.
            if index == count, !isAtEnd { return .unfinished(isInQuotes: false) }
            if index < count, bytes[index] == delimiter {
                add(cell, of: bytes)
                index += 1
                continue
            }
            return finish(cell, bytes, at: index, count, isAtEnd: isAtEnd)
        }
    }

    private mutating func add(_ cell: Cell, of bytes: UnsafePointer<UInt8>) {
        if isBlank { isBlank = UnsafeBufferPointer(start: bytes + cell.start, count: cell.count).isBlankCell }
        if cells.count < cellsMax { cells.append(cell) }
    }

    /// Ends the row after its last cell.
    private mutating func finish(
        _ cell: Cell, _ bytes: UnsafePointer<UInt8>, at index: Int, _ count: Int, isAtEnd: Bool
    ) -> Outcome {
        var end = index
        if index < count {
            let isReturn = bytes[index] == Self.carriageReturn
            guard isReturn || bytes[index] == Self.lineFeed else { return .malformed(.textAfterQuote) }
            end += 1
            if isReturn, end == count, !isAtEnd { return .unfinished(isInQuotes: false) }
            if isReturn, end < count, bytes[end] == Self.lineFeed { end += 1 }
        }
        add(cell, of: bytes)
        return .row(end)
    }

    /// The cell whose opening quote stands before `start`; nil where no closing one is in sight.
    private static func quotedCell(_ bytes: UnsafePointer<UInt8>, from start: Int, _ count: Int) -> Cell? {
        var cell = Cell(start: start, count: 0)
        var index = start
        while let found = memchr(bytes + index, Int32(quote), count - index) {
            index = UnsafeRawPointer(found) - UnsafeRawPointer(bytes)
            guard index + 1 < count, bytes[index + 1] == quote else {
                cell.count = index - start
                return cell
            }
            cell.hasQuotes = true
            index += 2
        }
        return nil
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// What counts as an empty cell.
    var isBlankCell: Bool { allSatisfy { $0 == 0x20 || $0 == 0x09 } }

    /// Without blanks around it.
    var trimmedCell: UnsafeBufferPointer<UInt8> {
        guard let first = firstIndex(where: { $0 != 0x20 && $0 != 0x09 }),
            let last = lastIndex(where: { $0 != 0x20 && $0 != 0x09 })
        else { return UnsafeBufferPointer(rebasing: self[..<0]) }
        return UnsafeBufferPointer(rebasing: self[first...last])
    }
}
