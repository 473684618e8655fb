// Whether a changed pattern takes all that the older one took: decided on their automata, not by their looks.
import Model

extension ContractDiff {
    mutating func compareLanguages(_ was: String, _ isNow: String, at path: String) {
        let words = "the pattern was \(was), is now \(isNow)"
        switch PatternRelation(was, isNow) {
        case .same: add(.compatible, .field(path), "\(words): both take the same texts")
        case .wider: add(.dangerous, .field(path), "\(words): readers may meet texts of another form")
        case .other:
            add(.breaking, .field(path), "\(words): texts that fit only the older one are refused as wrong-format")
        case .unknown:
            add(
                .breaking, .field(path),
                "\(words): texts that fit only the older one, if any, are refused as wrong-format")
        }
    }
}

/// How the texts that a pattern takes relate to those of an older one.
enum PatternRelation: Equatable {
    case same
    /// All of the older one's, and more.
    case wider
    case other
    /// One of them is none of `Pattern`'s language, or both are too large together.
    case unknown

    /// Pairs of states looked at; two patterns of fields stay far below.
    private static let pairsMax = 200_000

    init(_ was: String, _ isNow: String) {
        guard let old = try? Pattern(was), let new = try? Pattern(isNow),
            let differences = Self.differences(old.automaton, new.automaton)
        else {
            self = .unknown
            return
        }
        self = differences.onlyOld ? .other : differences.onlyNew ? .wider : .same
    }

    /// Whether some text is taken by one of them alone. Both automata walk in step, over scalars that neither tells
    /// apart.
    private static func differences(
        _ old: PatternAutomaton, _ new: PatternAutomaton
    ) -> (onlyOld: Bool, onlyNew: Bool)? {
        struct Pair: Hashable {
            var old: UInt16
            var new: UInt16
        }
        let dead = PatternTable.dead
        let classes = Set(old.classStarts + new.classStarts).sorted().map { (old.classOf($0), new.classOf($0)) }
        var queue = [Pair(old: 0, new: 0)]
        var seen = Set(queue)
        var (onlyOld, onlyNew) = (false, false)
        var next = 0
        while next < queue.count, !onlyOld {
            let pair = queue[next]
            next += 1
            let takenByOld = pair.old != dead && old.accepting[Int(pair.old)]
            let takenByNew = pair.new != dead && new.accepting[Int(pair.new)]
            if takenByOld, !takenByNew { onlyOld = true }
            if takenByNew, !takenByOld { onlyNew = true }
            for (oldClass, newClass) in classes {
                let reached = Pair(
                    old: old.step(from: pair.old, over: oldClass), new: new.step(from: pair.new, over: newClass))
                // From two dead ends nothing more is taken by either.
                guard reached.old != dead || reached.new != dead, seen.insert(reached).inserted else { continue }
                guard queue.count < pairsMax else { return nil }
                queue.append(reached)
            }
        }
        return (onlyOld, onlyNew)
    }
}

extension PatternAutomaton {
    fileprivate func step(from state: UInt16, over scalarClass: Int) -> UInt16 {
        state == PatternTable.dead ? state : transitions[Int(state) * classStarts.count + scalarClass]
    }
}
