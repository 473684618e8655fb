// The elements of a JSON array, or a single record over several lines. Only brackets, strings and commas are looked
// at: whether an element is JSON is for the decoder to say.
import Model

struct ArraySplitter {
    struct Element {
        enum Kind {
            /// In the window; good until the next element is asked for.
            case record(Range<Int>)
            case tooLarge
            case malformed(Malformation)
        }
        let kind: Kind
        /// Where it begins, from 1.
        let line: Int
    }

    private enum State {
        case beforeArray, beforeElement, afterComma, afterElement, afterArray, done
    }

    private var state = State.beforeArray
    private var line = 1
    /// Of the element handed out last; its lines are counted already.
    private var handedOutBytes = 0
    /// The file's only value is a record and no array.
    private var isSingle = false

    private enum Sign {
        static let quote = UInt8(ascii: "\"")
        static let backslash = UInt8(ascii: "\\")
        static let comma = UInt8(ascii: ",")
        static let openList = UInt8(ascii: "[")
        static let closeList = UInt8(ascii: "]")
        static let openObject = UInt8(ascii: "{")
        static let closeObject = UInt8(ascii: "}")
        static let lineFeed: UInt8 = 0x0A
    }

    /// Nil at the end.
    mutating func next(in window: inout ByteWindow) throws(UserError) -> Element? {
        window.consume(handedOutBytes)
        handedOutBytes = 0
        while state != .done {
            guard let byte = try skipBlanks(in: &window) else { return end() }
            switch (state, byte) {
            case (.beforeArray, Sign.openList):
                window.consume(1)
                state = .beforeElement
            case (.beforeArray, _):
                isSingle = true
                return try element(in: &window)
            case (.beforeElement, Sign.closeList), (.afterElement, Sign.closeList):
                window.consume(1)
                state = .afterArray
            case (.afterComma, Sign.closeList):
                window.consume(1)
                state = .afterArray
                return Element(kind: .malformed(.emptyElement), line: line)
            case (.beforeElement, Sign.comma), (.afterComma, Sign.comma):
                window.consume(1)
                state = .afterComma
                return Element(kind: .malformed(.emptyElement), line: line)
            case (.afterElement, _):
                // An element ends at a comma or a closing bracket only.
                window.consume(1)
                state = .afterComma
            case (.beforeElement, _), (.afterComma, _): return try element(in: &window)
            case (.afterArray, _), (.done, _):
                state = .done
                return Element(kind: .malformed(.textAfterArray), line: line)
            }
        }
        return nil
    }

    private mutating func end() -> Element? {
        let isOpen = state != .afterArray && state != .beforeArray
        state = .done
        return isOpen ? Element(kind: .malformed(.openArray), line: line) : nil
    }

    private mutating func skipBlanks(in window: inout ByteWindow) throws(UserError) -> UInt8? {
        while true {
            let (bytes, count) = (window.bytes, window.count)
            var index = 0
            while index < count, InputFormat.isBlank(bytes[index]) {
                if bytes[index] == Sign.lineFeed { line += 1 }
                index += 1
            }
            let found = index < count ? bytes[index] : nil
            window.consume(index)
            if let found { return found }
            guard try window.grow() == .grown else { return nil }
        }
    }

    /// Where a scan of an element stands, so that it goes on where the window ended.
    private struct Scan {
        var depth = 0
        var isInString = false
        var isEscaped = false
        var lineFeeds = 0
        var isEnded = false
    }

    /// The element that begins at the window's first byte.
    private mutating func element(in window: inout ByteWindow) throws(UserError) -> Element {
        let first = line
        var scan = Scan()
        var scanned = 0
        var isTooLarge = false
        while true {
            scanned = Self.advance(&scan, from: scanned, in: window, isSingle: isSingle)
            if scan.isEnded { break }
            let growth = try window.grow()
            if growth == .atEnd { break }
            if growth == .full {
                isTooLarge = true
                window.consume(scanned)
                scanned = 0
            }
        }
        line += scan.lineFeeds
        handedOutBytes = scanned
        state = isSingle ? .afterArray : .afterElement
        // What the file's end cuts off is no record; one that is whole is, and the array's end is missed next.
        if !scan.isEnded, scan.depth > 0 || scan.isInString {
            state = .done
            return Element(kind: .malformed(isSingle ? .openRecord : .openArray), line: first)
        }
        return Element(kind: isTooLarge ? .tooLarge : .record(0..<scanned), line: first)
    }

    /// Scans up to the element's end or the window's, whichever is first, and tells how far.
    private static func advance(
        _ scan: inout Scan, from start: Int, in window: borrowing ByteWindow, isSingle: Bool
    ) -> Int {
        let (bytes, count) = (window.bytes, window.count)
        var index = start
        while index < count {
            if scan.isInString {
                index = passString(&scan, bytes, from: index, count)
                continue
            }
            switch bytes[index] {
            case Sign.quote: scan.isInString = true
            case Sign.lineFeed: scan.lineFeeds += 1
            case Sign.openList, Sign.openObject: scan.depth += 1
            case Sign.comma where scan.depth == 0 && !isSingle, Sign.closeList where scan.depth == 0 && !isSingle:
                scan.isEnded = true
                return index
            case Sign.closeList, Sign.closeObject:
                // A stray one belongs to the element, which is no JSON then.
                if scan.depth > 0 { scan.depth -= 1 }
                if isSingle && scan.depth == 0 {
                    scan.isEnded = true
                    return index + 1
                }
            default: break
            }
            index &+= 1
        }
        return index
    }

    /// Up to beyond the string's closing quote; most of a record is within strings.
    private static func passString(
        _ scan: inout Scan, _ bytes: UnsafePointer<UInt8>, from start: Int, _ count: Int
    ) -> Int {
        var index = start
        if scan.isEscaped, index < count {
            scan.isEscaped = false
            if bytes[index] == Sign.lineFeed { scan.lineFeeds += 1 }
            index &+= 1
        }
        while index < count {
            let byte = bytes[index]
            index &+= 1
            if byte == Sign.quote {
                scan.isInString = false
                return index
            }
            if byte == Sign.lineFeed { scan.lineFeeds += 1 }
            if byte == Sign.backslash {
                scan.isEscaped = true
                return index
            }
        }
        return index
    }
}
