// Text as it is compared and stored: trimmed of white space, in Unicode's form NFC. Nearly all text already is, and
// one look at its bytes proves it; only the rest goes through Foundation.
import CSimdjson
import Foundation

/// Bytes of valid UTF-8 that someone else owns.
///
/// A **readable** text is one whose memory goes on for `overread` bytes, whatever they are: what the parser
/// unescapes, what NFC composed, and keys copied for it are such. It lets the hot path read whole words.
struct TextBytes {
    /// Within the padding that simdjson gives the memory of its strings, beyond the longest possible text (64 bytes).
    static let overread = 32

    var start: UnsafePointer<UInt8>
    var count: Int

    @inline(__always)
    init(_ start: UnsafePointer<UInt8>, _ count: Int) {
        self.start = start
        self.count = count
    }

    var buffer: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: start, count: count) }

    @inline(__always)
    subscript(index: Int) -> UInt8 { start[index] }

    @inline(__always)
    func isEqual(to other: TextBytes) -> Bool {
        count == other.count && memcmp(start, other.start, count) == 0
    }
}

/// What one look at a text's bytes tells.
struct TextScan: Equatable {
    var hasNUL: Bool
    /// Every scalar is of a range whose members are unchanged by NFC beside any neighbour of these ranges.
    var isSurelyNFC: Bool
}

enum TextNormalisation {
    /// NFC makes a UTF-8 text at most three times as long (Unicode FAQ on normalisation, expansion factors).
    static let growthMax = 3

    /// Without the white space (Unicode property White_Space) at both ends.
    @inline(__always)
    static func trimmed(_ text: TextBytes) -> TextBytes {
        guard text.count > 0 else { return text }
        if isPlain(text[0]), isPlain(text[text.count &- 1]) { return text }
        return trimmedSlowly(text)
    }

    /// Printable ASCII: the beginning and end of nearly every text.
    @inline(__always)
    private static func isPlain(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x80 }

    @inline(never)
    private static func trimmedSlowly(_ text: TextBytes) -> TextBytes {
        var low = 0
        var high = text.count
        while low < high {
            let length = whiteSpaceLength(text, from: low, to: high)
            if length == 0 { break }
            low += length
        }
        while high > low {
            var first = high - 1
            while first > low, text[first] & 0xC0 == 0x80 { first -= 1 }
            if whiteSpaceLength(text, from: first, to: high) != high - first { break }
            high = first
        }
        return TextBytes(text.start + low, high - low)
    }

    /// The bytes of the white-space scalar that begins at `index`; 0 for any other.
    private static func whiteSpaceLength(_ text: TextBytes, from index: Int, to end: Int) -> Int {
        let first = text[index]
        if first == 0x20 || (first >= 0x09 && first <= 0x0D) { return 1 }
        if first == 0xC2, index + 1 < end { return text[index + 1] == 0x85 || text[index + 1] == 0xA0 ? 2 : 0 }
        guard first >= 0xE1, first <= 0xE3, index + 2 < end else { return 0 }
        switch (first, text[index + 1], text[index + 2]) {
        case (0xE1, 0x9A, 0x80): return 3  // U+1680
        case (0xE2, 0x80, 0x80...0x8A), (0xE2, 0x80, 0xA8...0xA9), (0xE2, 0x80, 0xAF):
            return 3  // U+2000–200A, 2028, 2029, 202F
        case (0xE2, 0x81, 0x9F): return 3  // U+205F
        case (0xE3, 0x80, 0x80): return 3  // U+3000
        default: return 0
        }
    }

    /// Whether no text of a JSON document needs a look of its own: no escape, hence no NUL, and only scalars that NFC
    /// leaves. One look at the whole document, as the parser takes it, costs less than one at each text.
    /// - Parameter document: valid UTF-8, readable for the parser's padding beyond `count`.
    static func isPlain(document: UnsafeRawPointer, count: Int) -> Bool { lt_json_look(document, count).is_plain }

    /// - Parameter text: readable. The common ranges are judged eight bytes at a time; whatever else is there, one
    /// by one.
    @inline(__always)
    static func scan(readable text: TextBytes) -> TextScan {
        let bytes = UnsafeRawPointer(text.start)
        var (nul, doubt) = (UInt64(0), UInt64(0))
        var index = 0
        while index < text.count {
            var word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let left = text.count &- index
            if left < 8 {
                let mask: UInt64 = (1 &<< UInt64(left &* 8)) &- 1
                word = (word & mask) | (0x2020_2020_2020_2020 & ~mask)
            }
            // Below, the top bit of each byte of a word is the answer for that byte.
            nul |= (word &- ones) & ~word
            let high = word & topBits
            if high != 0 {
                let (bit6, bit5) = (word &<< 1, word &<< 2)
                let lead = high & bit6
                // Two bytes, C2 to CB: U+0080–U+02FF. From CC on, U+0300, there are combining marks.
                doubt |= lead & ~bit5 & ((word &<< 3) | ((word &<< 4) & (word &<< 5)))
                // Three bytes, E1 and B8 to BB: U+1E00–U+1EFF, all of them composed. `other` is zero in just their
                // first.
                let next = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index &+ 1, as: UInt64.self))
                let other = (word ^ (0xE1 &* ones)) | ((next ^ (0xB8 &* ones)) & (0xFC &* ones))
                doubt |= lead & bit5 & (((other & ~topBits) &+ ~topBits) | other)
            }
            index &+= 8
        }
        if doubt != 0 { return scanSlowly(text) }
        return TextScan(hasNUL: nul & topBits != 0, isSurelyNFC: true)
    }

    /// Unicode scalars of a text.
    static func scalarCount(_ text: TextBytes) -> Int {
        var count = 0
        for index in 0..<text.count where text[index] & 0xC0 != 0x80 { count &+= 1 }
        return count
    }

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let topBits: UInt64 = 0x8080_8080_8080_8080

    /// Reads words of 8, 4 and 2 bytes, the last of them overlapping the one before.
    @inline(__always)
    static func isASCIIWithoutNUL(_ text: TextBytes) -> Bool {
        let bytes = UnsafeRawPointer(text.start)
        let count = text.count
        if count >= 8 {
            var index = 0
            while index &+ 8 < count {
                if !isASCIIWithoutNUL(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) { return false }
                index &+= 8
            }
            return isASCIIWithoutNUL(bytes.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self))
        }
        if count >= 4 {
            let low = UInt64(bytes.loadUnaligned(as: UInt32.self))
            let high = UInt64(bytes.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
            return isASCIIWithoutNUL(low | high << 32)
        }
        for index in 0..<count where text[index] == 0 || text[index] >= 0x80 { return false }
        return true
    }

    @inline(__always)
    private static func isASCIIWithoutNUL(_ word: UInt64) -> Bool {
        // A byte of zero borrows from its own top bit; a byte above 0x7F has it set.
        ((word &- 0x0101_0101_0101_0101) | word) & 0x8080_8080_8080_8080 == 0
    }

    /// The same without words, and with more ranges known.
    @inline(never)
    static func scanSlowly(_ text: TextBytes) -> TextScan {
        var scan = TextScan(hasNUL: false, isSurelyNFC: true)
        var index = 0
        let count = text.count
        while index < count {
            let byte = text[index]
            if byte < 0x80 {
                if byte == 0 { scan.hasNUL = true }
                index &+= 1
            } else if byte < 0xE0 {
                // U+0080–U+02FF; from U+0300 on there are combining marks.
                if byte >= 0xCC { scan.isSurelyNFC = false }
                index &+= 2
            } else if byte < 0xF0 {
                let second = text[index &+ 1]
                // U+1E00–U+1EFF, all of them composed; U+2010–U+203F, dashes and quotes; U+4000–U+9FFF, ideographs.
                let isComposed =
                    (byte == 0xE1 && second >= 0xB8 && second <= 0xBB)
                    || (byte >= 0xE4 && byte <= 0xE9)
                    || (byte == 0xE2 && second == 0x80 && text[index &+ 2] >= 0x90)
                if !isComposed { scan.isSurelyNFC = false }
                index &+= 3
            } else {
                scan.isSurelyNFC = false
                index &+= 4
            }
        }
        return scan
    }

    /// The text in NFC, written to `destination`, which has room for `growthMax` times the text; returns the bytes
    /// written.
    @inline(never)
    static func composeSlowly(_ text: TextBytes, to destination: UnsafeMutablePointer<UInt8>) -> Int {
        var composed = String(decoding: text.buffer, as: UTF8.self).precomposedStringWithCanonicalMapping
        return composed.withUTF8 { bytes in
            precondition(bytes.count <= growthMax * text.count, "NFC grows a text threefold at most")
            if let source = bytes.baseAddress { destination.update(from: source, count: bytes.count) }
            return bytes.count
        }
    }

    /// The upper case of a text; the result may be longer, hence an array.
    static func uppercased(_ text: TextBytes) -> [UInt8] {
        Array(String(decoding: text.buffer, as: UTF8.self).uppercased().precomposedStringWithCanonicalMapping.utf8)
    }
}
