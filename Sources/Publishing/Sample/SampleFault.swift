// What is wrong on purpose in a sample, and the account that tells of it.
package import Model

/// A kind of faulty row, and the reason with which a worker must refuse its record.
package struct SampleFault: Hashable, Sendable, CustomStringConvertible {
    package let name: String
    package let reason: ReasonCode

    package var description: String { "\(name) (\(reason.rawValue))" }
}

/// What one feed's rows are made of; what a run of the demo must find again.
package struct SampleFeedAccount: Hashable, Sendable {
    /// Name of the feed, as in `deploy/feeds`.
    package let feed: String
    package let topic: String
    /// All root rows, faulty and secret ones included.
    package var rows = 0
    /// Rows marked as state secrets: the publisher withholds them. None of them is faulty besides.
    package var stateSecrets = 0
    /// Rows that a worker must refuse, by kind.
    package var faults: [SampleFault: Int] = [:]
    /// Good rows of which a worker must warn, by the warning's rule.
    package var warnings: [String: Int] = [:]

    package var faulty: Int { faults.values.reduce(0, +) }
    /// Records that reach Kafka.
    package var publishable: Int { rows - stateSecrets }
    package var refusals: [ReasonCode: Int] {
        Dictionary(faults.map { ($0.key.reason, $0.value) }, uniquingKeysWith: +)
    }
}

/// What was written into one source database.
package struct SampleAccount: Hashable, Sendable {
    package let source: SampleSource
    package var feeds: [SampleFeedAccount]
}

/// The faults that a table's rows may have.
protocol SampleFaultKind: CaseIterable, RawRepresentable, Hashable, Sendable where RawValue == String {
    var reason: ReasonCode { get }
}

/// Which rows are faulty or secret: one in a hundred and one in a thousand, scattered, the first row never, so that
/// it can serve as an example.
struct SampleMarks: Sendable {
    let seed: UInt64
    /// Keeps the feeds of one seed apart.
    let feedOrdinal: Int
    let rows: Int

    func isSecret(_ index: Int) -> Bool { isChosen(index, outOf: 1_000, atLeast: 50, .secretPlace) }

    /// The turn of a faulty row, nil of a good one. Kinds follow the turns, so that each is met as often as another.
    func faultTurn(_ index: Int) -> Int? {
        isChosen(index, outOf: 100, atLeast: 20, .faultPlace) && !isSecret(index) ? index / 100 : nil
    }

    /// The row's fault: the next kind by turn that `isPossible` allows.
    func fault<Kind: SampleFaultKind>(_ index: Int, where isPossible: (Kind) -> Bool) -> Kind? {
        guard let turn = faultTurn(index) else { return nil }
        let kinds = Array(Kind.allCases)
        for step in 0..<kinds.count where isPossible(kinds[(turn + step) % kinds.count]) {
            return kinds[(turn + step) % kinds.count]
        }
        return nil
    }

    /// Each block of `size` rows has one, save a last block of fewer than `minimum`.
    private func isChosen(_ index: Int, outOf size: Int, atLeast minimum: Int, _ stream: SampleRandom.Stream) -> Bool {
        let block = index / size
        let length = min(size, rows - block * size)
        guard length >= minimum else { return false }
        var random = SampleRandom(seed: seed, stream, feedOrdinal << 40 | block)
        return index % size == 1 + random.below(length - 1)
    }
}

extension SampleFeedAccount {
    mutating func count(_ fault: (some SampleFaultKind)?, isSecret: Bool, warnings found: [String]) {
        rows += 1
        if isSecret {
            stateSecrets += 1
        } else if let fault {
            faults[SampleFault(name: fault.rawValue, reason: fault.reason), default: 0] += 1
        } else {
            for warning in found { warnings[warning, default: 0] += 1 }
        }
    }
}
