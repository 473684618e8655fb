// Chance that repeats itself: every sample row is a function of (seed, stream, index) and of nothing else.

/// A SplitMix64 generator (Steele, Lea, Flood 2014). Each row has its own, so that any row can be made alone and
/// the same person can be met again in another source database.
struct SampleRandom: RandomNumberGenerator {
    /// What the numbers are for; two streams of one index have nothing in common.
    enum Stream: UInt64 {
        case person = 1
        case citizen, organization, enterprise, business, participant, card, employee, post
        case faultPlace, secretPlace, personPermutation, enterprisePermutation, insurancePermutation
    }

    private var state: UInt64

    init(seed: UInt64, _ stream: Stream, _ index: Int) {
        state = Self.mixed(
            Self.mixed(seed &+ stream.rawValue &* 0x9E37_79B9_7F4A_7C15) &+ UInt64(truncatingIfNeeded: index))
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    /// 0 ..< `bound`; the bias of the multiplication is below 2⁻³² for the bounds used here.
    mutating func below(_ bound: Int) -> Int {
        Int(((next() >> 32) &* UInt64(truncatingIfNeeded: bound)) >> 32)
    }

    mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

    mutating func chance(perThousand: Int) -> Bool { below(1_000) < perThousand }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

    mutating func pick<Element>(_ choice: Weighted<Element>) -> Element { choice.element(at: below(choice.total)) }

    static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A choice by frequency.
struct Weighted<Element: Sendable>: Sendable {
    private let elements: [Element]
    /// Sums of the weights up to and with each element, growing.
    private let sums: [Int]
    let total: Int

    init(_ pairs: [(Element, Int)]) {
        var sum = 0
        elements = pairs.map(\.0)
        sums = pairs.map { pair in
            sum += pair.1
            return sum
        }
        total = sum
    }

    func element(at place: Int) -> Element {
        var low = 0
        var high = sums.count - 1
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > place { high = middle } else { low = middle + 1 }
        }
        return elements[low]
    }
}

/// A bijection of 0 ..< `size` that looks like chance: numbers drawn from it never repeat, and no set of those already
/// drawn is needed. A four-round Feistel network over the next even power of two, walked until it falls below `size`.
struct SamplePermutation: Sendable {
    private let size: Int
    private let halfBits: UInt64
    private let keys: [UInt64]

    init(size: Int, seed: UInt64, _ stream: SampleRandom.Stream) {
        precondition(size > 0)
        self.size = size
        var bits: UInt64 = 2
        while (1 << bits) < size { bits += 2 }
        halfBits = bits / 2
        var random = SampleRandom(seed: seed, stream, 0)
        keys = (0..<4).map { _ in random.next() }
    }

    /// - Parameter index: taken modulo `size`.
    subscript(index: Int) -> Int {
        let mask: UInt64 = (1 << halfBits) - 1
        var value = UInt64(index % size)
        repeat {
            var left = value >> halfBits
            var right = value & mask
            for key in keys { (left, right) = (right, left ^ (SampleRandom.mixed(right &+ key) & mask)) }
            value = left << halfBits | right
        } while value >= UInt64(size)
        return Int(value)
    }
}
