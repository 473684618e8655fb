// Patterns of a contract: a small language of regular expressions whose matching time is linear in the text, whatever
// pattern or text, because each compiles to a deterministic automaton. A subset of ECMA 262, as JSON Schema writes
// patterns.

/// Why a pattern is not of the language, and where.
package struct PatternError: Error, Hashable, Sendable, CustomStringConvertible {
    package let message: String
    /// Unicode scalar of the pattern, from 1.
    package let position: Int

    package var description: String { "\(message), at character \(position)" }
}

/// A whole text matches or does not. `^…$` around literals, `.`, `\d`, classes `[…]`, groups `(…)` and `(?:…)`,
/// alternatives, `?`, `*`, `+`, `{m}`, `{m,}`, `{m,n}`.
package final class Pattern: Sendable {
    let automaton: PatternAutomaton
    /// Proof of `Sendable`: written in `init`, read only afterwards, freed when nobody holds the pattern.
    nonisolated(unsafe) let table: PatternTable

    package init(_ text: String) throws(PatternError) {
        automaton = try PatternAutomaton(PatternParser.parse(text))
        table = PatternTable(automaton)
    }

    deinit { table.deallocate() }

    /// Why engines that try one way after another may read a text by this pattern for ever; nil where they do not.
    /// - Throws: where the pattern is not of the language.
    package static func ambiguity(of text: String) throws(PatternError) -> String? {
        switch PatternAmbiguity.verdict(on: try PatternParser.parse(text)) {
        case .harmless: nil
        case .exponential:
            "the pattern reads some texts in ever more ways the longer they are, so that other engines may not come "
                + "to an end: expected a pattern that reads each text in one way"
        case .tooLarge:
            "the pattern is too large to judge whether it reads each text in one way: expected a simpler one"
        }
    }

    /// - Parameter text: valid UTF-8.
    package func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            guard let start = bytes.baseAddress else { return table.matchesEmpty }
            return table.matches(TextBytes(start, bytes.count))
        }
    }
}

/// The automaton laid out for the hot path: scalars to classes, (state, class) to states. Trivial; `Pattern` owns
/// its memory.
struct PatternTable {
    /// States from 0, the start; `dead` has no way on.
    static let dead = UInt16.max

    private let classCount: Int
    /// The class of each ASCII scalar.
    private let asciiClasses: UnsafeMutablePointer<UInt16>
    /// Class `i` begins at `classStarts[i]`.
    private let classStarts: UnsafeMutablePointer<UInt32>
    private let transitions: UnsafeMutablePointer<UInt16>
    private let accepting: UnsafeMutablePointer<Bool>

    init(_ automaton: PatternAutomaton) {
        classCount = automaton.classStarts.count
        classStarts = .allocate(capacity: classCount)
        classStarts.initialize(from: automaton.classStarts, count: classCount)
        transitions = .allocate(capacity: automaton.transitions.count)
        transitions.initialize(from: automaton.transitions, count: automaton.transitions.count)
        accepting = .allocate(capacity: automaton.accepting.count)
        accepting.initialize(from: automaton.accepting, count: automaton.accepting.count)
        asciiClasses = .allocate(capacity: 128)
        for scalar in 0..<UInt32(128) { asciiClasses[Int(scalar)] = UInt16(automaton.classOf(scalar)) }
    }

    func deallocate() {
        classStarts.deallocate()
        transitions.deallocate()
        accepting.deallocate()
        asciiClasses.deallocate()
    }

    var matchesEmpty: Bool { accepting[0] }

    /// - Parameter text: valid UTF-8.
    @inline(__always)
    func matches(_ text: TextBytes) -> Bool {
        var state: UInt16 = 0
        var index = 0
        while index < text.count {
            let byte = text[index]
            let scalarClass: Int
            if byte < 0x80 {
                scalarClass = Int(asciiClasses[Int(byte)])
                index &+= 1
            } else {
                scalarClass = wideClass(text, at: &index)
            }
            state = transitions[Int(state) &* classCount &+ scalarClass]
            if state == Self.dead { return false }
        }
        return accepting[Int(state)]
    }

    @inline(never)
    private func wideClass(_ text: TextBytes, at index: inout Int) -> Int {
        let first = UInt32(text[index])
        let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        var scalar = first & (0x7F >> UInt32(length))
        for offset in 1..<length { scalar = scalar << 6 | UInt32(text[index + offset] & 0x3F) }
        index += length
        var low = 0
        var high = classCount
        while high - low > 1 {
            let middle = (low + high) / 2
            if classStarts[middle] <= scalar { low = middle } else { high = middle }
        }
        return low
    }
}
