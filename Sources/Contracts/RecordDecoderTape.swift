// A parsed document as `CSimdjson` leaves it: words of an 8-bit kind above a 56-bit payload.

struct Tape {
    enum Kind {
        static let string = UInt8(ascii: "\"")
        static let object = UInt8(ascii: "{")
        static let list = UInt8(ascii: "[")
        /// A whole number within Int64; its value is the next word.
        static let signed = UInt8(ascii: "l")
        /// A whole number beyond Int64 and within UInt64.
        static let unsigned = UInt8(ascii: "u")
        /// A number with fraction or exponent.
        static let double = UInt8(ascii: "d")
        static let `true` = UInt8(ascii: "t")
        static let `false` = UInt8(ascii: "f")
        static let null = UInt8(ascii: "n")
    }

    /// Word 0 is the root's mark; the document's value begins here.
    static let rootValue = 1

    var words: UnsafePointer<UInt64>
    var strings: UnsafePointer<UInt8>

    @inline(__always)
    func kind(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: words[index] >> 56) }

    /// The unescaped text of the string at `index`, readable. Of one longer than 16 MiB, of which no record has any,
    /// the beginning.
    @inline(__always)
    func string(_ index: Int) -> TextBytes {
        let word = words[index]
        return TextBytes(
            strings + Int(truncatingIfNeeded: word & 0xFFFF_FFFF), Int(truncatingIfNeeded: word &>> 32 & 0xFF_FFFF))
    }

    @inline(__always)
    func integer(_ index: Int) -> Int64 { Int64(bitPattern: words[index &+ 1]) }

    /// The index after the value at `index`; of an object or list, after its closing word.
    @inline(__always)
    func after(_ index: Int) -> Int {
        let word = words[index]
        let kind = UInt8(truncatingIfNeeded: word &>> 56)
        if kind == Kind.string { return index &+ 1 }
        switch kind {
        case Kind.object, Kind.list: return Int(truncatingIfNeeded: word & 0xFFFF_FFFF)
        case Kind.signed, Kind.unsigned, Kind.double: return index &+ 2
        default: return index &+ 1
        }
    }

    /// Items of the list at `index`, up to 0xFFFFFF of them, which stands for that many or more.
    @inline(__always)
    func itemCount(_ index: Int) -> Int { Int(words[index] >> 32 & 0xFF_FFFF) }
}
