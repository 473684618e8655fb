// A pattern's tree to a deterministic automaton: Thompson's construction, then sets of its states, both bounded.

/// Deterministic; the alphabet is classes of scalars that no set of the pattern tells apart.
struct PatternAutomaton {
    /// A pattern beyond either bound is refused when it is read: no text is ever matched by it.
    static let nodesMax = 20_000
    static let statesMax = 4_096

    private(set) var classStarts: [UInt32] = []
    /// State times class count plus class; `PatternTable.dead` where there is no way on.
    private(set) var transitions: [UInt16] = []
    private(set) var accepting: [Bool] = []

    init(_ pattern: PatternNode) throws(PatternError) {
        let graph = try PatternGraph(pattern)
        classStarts = graph.classStarts
        try determine(graph, start: graph.start, end: graph.end)
    }

    /// The class whose range holds the scalar.
    func classOf(_ scalar: UInt32) -> Int {
        classStarts.lastIndex { $0 <= scalar } ?? 0
    }

    private mutating func determine(_ graph: PatternGraph, start: Int, end: Int) throws(PatternError) {
        var numbers: [[Int]: Int] = [:]
        var queue: [[Int]] = []
        func number(_ nodes: [Int]) -> Int {
            if let known = numbers[nodes] { return known }
            numbers[nodes] = queue.count
            queue.append(nodes)
            return queue.count - 1
        }
        _ = number(graph.closure([start]))
        var next = 0
        while next < queue.count {
            guard queue.count <= Self.statesMax else {
                throw PatternError(
                    message: "the pattern needs more than \(Self.statesMax) states; make it simpler", position: 1)
            }
            let nodes = queue[next]
            accepting.append(nodes.contains(end))
            for first in classStarts {
                let reached = graph.step(nodes, over: first)
                transitions.append(reached.isEmpty ? PatternTable.dead : UInt16(number(graph.closure(reached))))
            }
            next += 1
        }
    }
}

/// Nodes with silent edges and, at most one each, an edge over a set of scalars.
struct PatternGraph {
    private(set) var silent: [[Int]] = []
    private(set) var edges: [(set: ScalarSet, target: Int)?] = []
    private(set) var start = 0
    private(set) var end = 0

    init(_ pattern: PatternNode) throws(PatternError) {
        (start, end) = try add(pattern)
    }

    private mutating func node() throws(PatternError) -> Int {
        guard silent.count < PatternAutomaton.nodesMax else {
            throw PatternError(
                message: "the pattern's counted repetitions multiply beyond \(PatternAutomaton.nodesMax)", position: 1)
        }
        silent.append([])
        edges.append(nil)
        return silent.count - 1
    }

    private mutating func add(_ pattern: PatternNode) throws(PatternError) -> (start: Int, end: Int) {
        switch pattern {
        case .empty:
            let only = try node()
            return (only, only)
        case .scalars(let set):
            let (start, end) = (try node(), try node())
            edges[start] = (set, end)
            return (start, end)
        case .sequence(let items):
            let start = try node()
            var end = start
            for item in items {
                let part = try add(item)
                silent[end].append(part.start)
                end = part.end
            }
            return (start, end)
        case .alternatives(let items):
            let (start, end) = (try node(), try node())
            for item in items {
                let part = try add(item)
                silent[start].append(part.start)
                silent[part.end].append(end)
            }
            return (start, end)
        case .repetition(let item, let minimum, let maximum):
            return try addRepetition(of: item, minimum: minimum, maximum: maximum)
        }
    }

    private mutating func addRepetition(
        of item: PatternNode, minimum: Int, maximum: Int?
    ) throws(PatternError) -> (start: Int, end: Int) {
        let start = try node()
        var tail = start
        for _ in 0..<minimum {
            let part = try add(item)
            silent[tail].append(part.start)
            tail = part.end
        }
        let end = try node()
        if let maximum {
            for _ in minimum..<maximum {
                silent[tail].append(end)
                let part = try add(item)
                silent[tail].append(part.start)
                tail = part.end
            }
        } else {
            let loop = try node()
            let part = try add(item)
            silent[tail].append(loop)
            silent[loop].append(part.start)
            silent[part.end].append(loop)
            tail = loop
        }
        silent[tail].append(end)
        return (start, end)
    }

    /// The first scalar of each class: wherever a set begins, or the scalar after its end.
    var classStarts: [UInt32] {
        var starts: Set<UInt32> = [0]
        for case let edge? in edges {
            for range in edge.set.ranges {
                starts.insert(range.lowerBound)
                if range.upperBound < ScalarSet.last { starts.insert(range.upperBound + 1) }
            }
        }
        return starts.sorted()
    }

    /// The nodes reached without a scalar; sorted, so that a set of nodes has one name.
    func closure(_ nodes: [Int]) -> [Int] {
        var seen = Set(nodes)
        var stack = nodes
        while let node = stack.popLast() {
            for target in silent[node] where seen.insert(target).inserted { stack.append(target) }
        }
        return seen.sorted()
    }

    func step(_ nodes: [Int], over scalar: UInt32) -> [Int] {
        nodes.compactMap { node in
            guard let edge = edges[node], edge.set.contains(scalar) else { return nil }
            return edge.target
        }
    }
}
