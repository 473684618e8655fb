// The rows of a CSV file as RFC 4180 has them: cells in quotes may hold the delimiter, line ends and doubled quotes.
// A quote within an unquoted cell is a character like others.
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
    private(set) var cells: [Cell] = []
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

    /// Nil at the end. Blank lines are passed over.
    mutating func next(in window: inout ByteWindow) throws(UserError) -> Row? {
        while true {
            window.consume(handedOutBytes)
            line += handedOutLines
            (handedOutBytes, handedOutLines) = (0, 0)
            guard let row = try row(in: &window) else { return nil }
            let isBlank = cells.count == 1 && window.slice(0..<handedOutBytes).allSatisfy(InputFormat.isBlank)
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
                handedOutLines = Self.lineFeeds(window.slice(0..<size))
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
            let (bytes, count) = (window.bytes, window.count)
            if let found = memchr(bytes, Int32(Self.lineFeed), count) {
                handedOutBytes = UnsafeRawPointer(found) - UnsafeRawPointer(bytes) + 1
                handedOutLines = 1
                return Row(kind: kind, line: line)
            }
            window.consume(count)
            if try window.grow() != .grown { return Row(kind: kind, line: line) }
        }
    }

    private static func lineFeeds(_ bytes: UnsafeRawBufferPointer) -> Int {
        var count = 0
        for byte in bytes where byte == lineFeed { count &+= 1 }
        return count
    }

    /// Fills `cells` from the window's beginning.
    private mutating func scan(_ window: borrowing ByteWindow, isAtEnd: Bool) -> Outcome {
        cells.removeAll(keepingCapacity: true)
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
                while index < count, bytes[index] != delimiter, bytes[index] != Self.lineFeed { index &+= 1 }
                cell = Cell(start: start, count: index - start)
            }
            // A quote or a carriage return at the window's end may be half of a pair.
            if index == count, !isAtEnd { return .unfinished(isInQuotes: false) }
            if index < count, bytes[index] == delimiter {
                cells.append(cell)
                index += 1
                continue
            }
            return finish(cell, bytes, at: index, count, isAtEnd: isAtEnd)
        }
    }

    /// Ends the row after its last cell.
    private mutating func finish(
        _ last: Cell, _ bytes: UnsafePointer<UInt8>, at index: Int, _ count: Int, isAtEnd: Bool
    ) -> Outcome {
        var cell = last
        var index = index
        if cell.start + cell.count == index {
            // Unquoted: the scan went up to the line feed or the end.
            if cell.count > 0, bytes[index - 1] == Self.carriageReturn { cell.count -= 1 }
        } else if index < count, bytes[index] == Self.carriageReturn {
            index += 1
            if index == count, !isAtEnd { return .unfinished(isInQuotes: false) }
        }
        guard index == count || bytes[index] == Self.lineFeed else { return .malformed(.textAfterQuote) }
        cells.append(cell)
        return .row(index == count ? index : index + 1)
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
