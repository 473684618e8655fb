// A window's lines, one after the other.
import Foundation
import Model

struct LineSplitter {
    struct Line {
        /// From 1.
        let number: Int
        /// In the window, without the line feed; good until the next line is asked for.
        let range: Range<Int>
        /// Longer than the window may become: only its end is there.
        let isTooLarge: Bool
    }

    private var number = 0
    /// Of the line handed out last, with its line feed.
    private var handedOutBytes = 0

    /// Nil at the end.
    mutating func next(in window: inout ByteWindow) throws(UserError) -> Line? {
        window.consume(handedOutBytes)
        handedOutBytes = 0
        number += 1
        var scanned = 0
        var isTooLarge = false
        while true {
            if let length = Self.lineFeed(in: window, from: scanned) {
                handedOutBytes = length + 1
                return Line(number: number, range: 0..<length, isTooLarge: isTooLarge)
            }
            scanned = window.count
            switch try window.grow() {
            case .grown: continue
            case .atEnd:
                guard scanned > 0 || isTooLarge else { return nil }
                handedOutBytes = scanned
                return Line(number: number, range: 0..<scanned, isTooLarge: isTooLarge)
            case .full:
                isTooLarge = true
                window.consume(scanned)
                scanned = 0
            }
        }
    }

    private static func lineFeed(in window: borrowing ByteWindow, from scanned: Int) -> Int? {
        let start = window.bytes
        guard let found = memchr(start + scanned, 0x0A, window.count - scanned) else { return nil }
        return UnsafeRawPointer(found) - UnsafeRawPointer(start)
    }
}
