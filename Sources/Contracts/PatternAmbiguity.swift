// Whether a pattern reads some texts in ever more ways the longer they are. The automaton here does not mind, but
// engines that try one way after another do, for ever, and readers of an exported JSON Schema have such engines.

/// A tree's paths as states: each set of scalars in it is one, and leads to those that may come next.
struct PatternAmbiguity {
    /// Pairs of states, and steps between them, that are looked at; patterns of fields stay far below.
    static let pairsMax = 250_000
    static let stepsMax = 2_000_000
    /// From one state to another.
    static let waysMax = 250_000

    enum Verdict: Equatable {
        /// No text is read in more ways than a power of its length.
        case harmless
        case exponential
        /// Beyond the bounds.
        case tooLarge
    }

    static func verdict(on pattern: PatternNode) -> Verdict {
        guard let graph = try? PatternGraph(pattern.withoutEmptyRounds) else { return .tooLarge }
        guard var paths = PatternAmbiguity(graph) else { return .tooLarge }
        return paths.judge()
    }

    private let sets: [ScalarSet]
    /// By state, the next ones, each with the number of ways there: 1, or 2 for more than one.
    private let next: [[Int: Int]]
    private var steps = 0

    /// Nil where there are too many ways.
    private init?(_ graph: PatternGraph) {
        let consuming = graph.edges.indices.filter { graph.edges[$0] != nil }
        let states = Dictionary(uniqueKeysWithValues: consuming.enumerated().map { ($1, $0) })
        // No round is empty, so silent edges make no circle: what a node leads to follows from what comes after it.
        var reached = Array(repeating: [Int: Int](), count: graph.silent.count)
        var ways = 0
        for node in Self.afterOthers(graph.silent) {
            if let state = states[node] { reached[node][state] = 1 }
            for target in graph.silent[node] {
                reached[node].merge(reached[target]) { min(2, $0 + $1) }
                ways += reached[target].count
                guard ways <= Self.waysMax else { return nil }
            }
        }
        sets = consuming.compactMap { graph.edges[$0]?.set }
        next = consuming.map { node in graph.edges[node].map { reached[$0.target] } ?? [:] }
    }

    /// The nodes, each after all that it leads to, as far as there is no circle.
    private static func afterOthers(_ edges: [[Int]]) -> [Int] {
        var order: [Int] = []
        var seen = Array(repeating: false, count: edges.count)
        for root in edges.indices where !seen[root] {
            seen[root] = true
            var stack = [(node: root, edge: 0)]
            while let (node, edge) = stack.last {
                if edge == edges[node].count {
                    order.append(node)
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].edge += 1
                let target = edges[node][edge]
                if !seen[target] {
                    seen[target] = true
                    stack.append((target, 0))
                }
            }
        }
        return order
    }

    private mutating func judge() -> Verdict {
        let circles = circles()
        for state in next.indices {
            for (target, ways) in next[state] where ways > 1 && circles[target] == circles[state] {
                return .exponential
            }
        }
        let isMeeting = meetings()
        let inCircle = next.indices.map { state in
            next[state].keys.filter { circles[$0] == circles[state] }
        }
        return judgePairs(inCircle, isMeeting)
    }

    /// By state, the number of the circle that it lies in: states that lead to each other have one number.
    private func circles() -> [Int] {
        var reversed = Array(repeating: [Int](), count: next.count)
        for (state, targets) in next.enumerated() { for target in targets.keys { reversed[target].append(state) } }
        var numbers = Array(repeating: -1, count: next.count)
        for root in Self.afterOthers(next.map { Array($0.keys) }).reversed() where numbers[root] < 0 {
            numbers[root] = root
            var stack = [root]
            while let state = stack.popLast() {
                for source in reversed[state] where numbers[source] < 0 {
                    numbers[source] = root
                    stack.append(source)
                }
            }
        }
        return numbers
    }

    /// Whether some scalar is in the sets of both states.
    private func meetings() -> (Int, Int) -> Bool {
        var distinct: [ScalarSet] = []
        let kinds = sets.map { set in
            if let known = distinct.firstIndex(of: set) { return known }
            distinct.append(set)
            return distinct.count - 1
        }
        let meets = distinct.map { left in distinct.map { left.meets($0) } }
        return { meets[kinds[$0]][kinds[$1]] }
    }

    /// Two ways walk in step over one text. In a circle all states are reached from each of them, so that texts are read
    /// in ever more ways where two ways part from one state and meet in one again.
    /// - Parameter edges: of states, within their circle.
    private mutating func judgePairs(_ edges: [[Int]], _ isMeeting: (Int, Int) -> Bool) -> Verdict {
        var sources = Array(repeating: [Int](), count: edges.count)
        for (state, targets) in edges.enumerated() { for target in targets { sources[target].append(state) } }
        let together = edges.indices.filter { !edges[$0].isEmpty && isMeeting($0, $0) }.map { Pair($0, $0) }
        guard let parted = walk(from: together, over: edges, where: { isMeeting($0.low, $0.high) }),
            let meeting = walk(from: together, over: sources, where: { parted.contains($0) })
        else { return .tooLarge }
        return meeting.contains { $0.low != $0.high } ? .exponential : .harmless
    }

    private struct Pair: Hashable {
        let low: Int
        let high: Int

        init(_ one: Int, _ other: Int) {
            low = min(one, other)
            high = max(one, other)
        }
    }

    /// The pairs that are reached; nil where there are too many.
    private mutating func walk(
        from starts: [Pair], over edges: [[Int]], where isAllowed: (Pair) -> Bool
    ) -> Set<Pair>? {
        var seen = Set(starts)
        var stack = starts
        while let pair = stack.popLast() {
            for one in edges[pair.low] {
                for other in edges[pair.high] {
                    steps += 1
                    let reached = Pair(one, other)
                    if isAllowed(reached), seen.insert(reached).inserted { stack.append(reached) }
                }
            }
            guard seen.count <= Self.pairsMax, steps <= Self.stepsMax else { return nil }
        }
        return seen
    }
}

extension ScalarSet {
    fileprivate func meets(_ other: ScalarSet) -> Bool {
        ranges.contains { range in other.ranges.contains { $0.overlaps(range) } }
    }
}

extension PatternNode {
    private var takesEmpty: Bool {
        switch self {
        case .empty: true
        case .scalars: false
        case .sequence(let items): items.allSatisfy(\.takesEmpty)
        case .alternatives(let items): items.contains(where: \.takesEmpty)
        case .repetition(let item, let minimum, maximum: _): minimum == 0 || item.takesEmpty
        }
    }

    /// The same texts, where no round of an endless repetition is empty: engines leave such a round, too.
    fileprivate var withoutEmptyRounds: PatternNode {
        switch self {
        case .empty, .scalars: self
        case .sequence(let items): .sequence(items.map(\.withoutEmptyRounds))
        case .alternatives(let items): .alternatives(items.map(\.withoutEmptyRounds))
        case .repetition(let item, _, maximum: nil) where item.takesEmpty:
            item.withoutEmptyRounds.nonEmpty.map { .repetition($0, minimum: 0, maximum: nil) } ?? .empty
        case .repetition(let item, let minimum, let maximum):
            .repetition(item.withoutEmptyRounds, minimum: minimum, maximum: maximum)
        }
    }

    /// The texts but the empty one; nil where no other is left. Its endless rounds are not empty.
    private var nonEmpty: PatternNode? {
        switch self {
        case .empty: return nil
        case .scalars: return self
        case .alternatives(let items): return Self.any(of: items.compactMap(\.nonEmpty))
        case .sequence(let items):
            // The first item that is not empty, with what follows it.
            var ways: [PatternNode] = []
            for (index, item) in items.enumerated() {
                if let first = item.nonEmpty { ways.append(.sequence([first] + items[(index + 1)...])) }
                if !item.takesEmpty { break }
            }
            return Self.any(of: ways)
        case .repetition(_, _, maximum: 0): return nil
        case .repetition(let item, let minimum, let maximum):
            guard item.takesEmpty || minimum == 0 else { return self }
            // Empty rounds before the first one that is not need no place of their own.
            let fewest = item.takesEmpty ? 0 : max(0, minimum - 1)
            return item.nonEmpty.map {
                .sequence([$0, .repetition(item, minimum: fewest, maximum: maximum.map { $0 - 1 })])
            }
        }
    }

    private static func any(of ways: [PatternNode]) -> PatternNode? {
        ways.count > 1 ? .alternatives(ways) : ways.first
    }
}
