// A pattern's text to its tree; what the language leaves out is an error that names its place.

/// A set of Unicode scalars as sorted, disjoint, closed ranges.
struct ScalarSet: Equatable {
    private(set) var ranges: [ClosedRange<UInt32>] = []

    static let last: UInt32 = 0x10_FFFF
    static let digits = ScalarSet(UInt32(UInt8(ascii: "0"))...UInt32(UInt8(ascii: "9")))
    /// `.`: every scalar but the ends of lines.
    static let anyInLine: ScalarSet = {
        var ends = ScalarSet(0x0A...0x0A)
        ends.insert(0x0D...0x0D)
        ends.insert(0x2028...0x2029)
        return ends.inverted
    }()

    init() {}
    init(_ range: ClosedRange<UInt32>) { ranges = [range] }

    mutating func insert(_ range: ClosedRange<UInt32>) {
        ranges.append(range)
        ranges.sort { $0.lowerBound < $1.lowerBound }
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges {
            if let previous = merged.last, range.lowerBound <= previous.upperBound + 1 {
                merged[merged.count - 1] = previous.lowerBound...max(previous.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        ranges = merged
    }

    mutating func insert(_ other: ScalarSet) { for range in other.ranges { insert(range) } }

    var inverted: ScalarSet {
        var result = ScalarSet()
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { result.ranges.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= Self.last { result.ranges.append(next...Self.last) }
        return result
    }

    func contains(_ scalar: UInt32) -> Bool { ranges.contains { $0.contains(scalar) } }
}

indirect enum PatternNode: Equatable {
    case empty
    case scalars(ScalarSet)
    case sequence([PatternNode])
    case alternatives([PatternNode])
    /// `maximum` nil: without end.
    case repetition(PatternNode, minimum: Int, maximum: Int?)
}

struct PatternParser {
    /// Bounds of a pattern: nesting of groups, and a counted repetition's count.
    static let depthMax = 64
    static let repetitionMax = 1_000

    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var depth = 0

    static func parse(_ text: String) throws(PatternError) -> PatternNode {
        var parser = PatternParser(scalars: Array(text.unicodeScalars))
        return try parser.parseAll()
    }

    private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    private var current: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private func failure(_ message: String) -> PatternError { PatternError(message: message, position: index + 1) }

    private mutating func parseAll() throws(PatternError) -> PatternNode {
        guard current == "^" else { throw failure("a pattern begins with ^, since it judges the whole text") }
        index += 1
        let node = try parseSequence()
        if current == "|" { throw failure("alternatives stand in a group, as in ^(a|b)$") }
        if current == ")" { throw failure("this ) closes no group") }
        guard current == "$" else { throw failure("a pattern ends with $, since it judges the whole text") }
        index += 1
        guard current == nil else { throw failure("nothing follows the closing $") }
        return node
    }

    private mutating func parseAlternatives() throws(PatternError) -> PatternNode {
        var alternatives = [try parseSequence()]
        while current == "|" {
            index += 1
            alternatives.append(try parseSequence())
        }
        return alternatives.count == 1 ? alternatives[0] : .alternatives(alternatives)
    }

    private mutating func parseSequence() throws(PatternError) -> PatternNode {
        var items: [PatternNode] = []
        while let scalar = current, scalar != "|", scalar != ")", scalar != "$" {
            items.append(try parseRepetition(of: try parseAtom(scalar)))
        }
        return items.isEmpty ? .empty : items.count == 1 ? items[0] : .sequence(items)
    }

    private mutating func parseAtom(_ scalar: Unicode.Scalar) throws(PatternError) -> PatternNode {
        switch scalar {
        case "(": return try parseGroup()
        case "[": return .scalars(try parseClass())
        case "\\": return .scalars(try parseEscape())
        case ".":
            index += 1
            return .scalars(.anyInLine)
        case "^": throw failure("^ stands at the beginning only")
        case "?", "*", "+", "{": throw failure("nothing stands before this repetition")
        case "]", "}": throw failure("write \\\(scalar) for the character itself")
        default:
            index += 1
            return .scalars(ScalarSet(scalar.value...scalar.value))
        }
    }

    private mutating func parseGroup() throws(PatternError) -> PatternNode {
        depth += 1
        guard depth <= Self.depthMax else { throw failure("groups nest at most \(Self.depthMax) deep") }
        let opening = index
        index += 1
        if current == "?" {
            index += 1
            guard current == ":" else { throw failure("of the (?…) groups only (?:…) is known") }
            index += 1
        }
        let node = try parseAlternatives()
        guard current == ")" else {
            if current == "$" { throw failure("$ stands at the end only") }
            throw PatternError(message: "this group is never closed", position: opening + 1)
        }
        index += 1
        depth -= 1
        return node
    }

    private mutating func parseRepetition(of node: PatternNode) throws(PatternError) -> PatternNode {
        var result = node
        switch current {
        case "?": result = .repetition(node, minimum: 0, maximum: 1)
        case "*": result = .repetition(node, minimum: 0, maximum: nil)
        case "+": result = .repetition(node, minimum: 1, maximum: nil)
        case "{": return try parseCountedRepetition(of: node)
        default: return result
        }
        index += 1
        try refuseSecondRepetition()
        return result
    }

    private mutating func parseCountedRepetition(of node: PatternNode) throws(PatternError) -> PatternNode {
        index += 1
        let minimum = try parseCount()
        var maximum: Int? = minimum
        if current == "," {
            index += 1
            maximum = current == "}" ? nil : try parseCount()
        }
        guard current == "}" else { throw failure("a counted repetition is {m}, {m,} or {m,n}") }
        if let maximum, maximum < minimum { throw failure("the repetition's end lies before its beginning") }
        index += 1
        try refuseSecondRepetition()
        return .repetition(node, minimum: minimum, maximum: maximum)
    }

    private func refuseSecondRepetition() throws(PatternError) {
        if let scalar = current, ["?", "*", "+", "{"].contains(scalar) {
            throw failure("lazy, possessive and doubled repetitions are not known")
        }
    }

    private mutating func parseCount() throws(PatternError) -> Int {
        var count: Int?
        while let scalar = current, ("0"..."9").contains(scalar) {
            count = (count ?? 0) * 10 + Int(scalar.value - 0x30)
            guard let count, count <= Self.repetitionMax else {
                throw failure("a repetition counts to at most \(Self.repetitionMax)")
            }
            index += 1
        }
        guard let count else { throw failure("a number is wanted here") }
        return count
    }

    private mutating func parseEscape() throws(PatternError) -> ScalarSet {
        index += 1
        guard let scalar = current else { throw failure("nothing follows the \\") }
        let set: ScalarSet
        switch scalar {
        case "d": set = .digits
        case "t": set = ScalarSet(0x09...0x09)
        case _
        where scalar.isASCII && scalar.value > 0x20 && !scalar.properties.isAlphabetic && !("0"..."9").contains(scalar):
            set = ScalarSet(scalar.value...scalar.value)
        default: throw failure("the escape \\\(scalar) is not known; write the class out")
        }
        index += 1
        return set
    }

    private mutating func parseClass() throws(PatternError) -> ScalarSet {
        let opening = index
        index += 1
        let isInverted = current == "^"
        if isInverted { index += 1 }
        var set = ScalarSet()
        while let scalar = current, scalar != "]" {
            let first = try parseClassMember(scalar)
            guard current == "-", index + 1 < scalars.count, scalars[index + 1] != "]" else {
                set.insert(first)
                continue
            }
            index += 1
            let last = try parseClassMember(scalars[index])
            guard let low = first.single, let high = last.single else {
                throw failure("a range has one character at each end")
            }
            guard low <= high else { throw failure("the range's end lies before its beginning") }
            set.insert(low...high)
        }
        guard current == "]" else { throw PatternError(message: "this class is never closed", position: opening + 1) }
        guard !set.ranges.isEmpty else { throw failure("an empty class matches nothing") }
        index += 1
        return isInverted ? set.inverted : set
    }

    private mutating func parseClassMember(_ scalar: Unicode.Scalar) throws(PatternError) -> ScalarSet {
        if scalar == "\\" { return try parseEscape() }
        if scalar == "[" { throw failure("write \\[ for the character itself") }
        index += 1
        return ScalarSet(scalar.value...scalar.value)
    }
}

extension ScalarSet {
    fileprivate var single: UInt32? {
        guard ranges.count == 1, ranges[0].lowerBound == ranges[0].upperBound else { return nil }
        return ranges[0].lowerBound
    }
}
