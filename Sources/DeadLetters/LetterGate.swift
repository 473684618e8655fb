// Decides of one letter whether its record may go back into the log.
import Foundation
import Model

/// A letter that was looked up, and whether its partition's log is still the one it came from.
struct LetterCandidate {
    let letter: DeadLetter
    let isOfPresentLog: Bool
}

/// Confined to one thread, as its judge is.
final class LetterGate {
    enum Decision {
        /// - refusal: what today's contract says against it.
        case free(RawRecord, refusal: Refusal?)
        case kept(RedriveObstacle)
    }

    let sealer: DeadLetterSealer
    private let judge: LetterJudge
    /// Nil where nothing is to be sent: then Kafka is not asked, and every partition taken for there.
    private let publisher: (any RedrivePublisher)?
    private let now: () -> Int64
    private var partitionCounts: [TopicName: Int32] = [:]

    /// - Parameter now: milliseconds since 1970-01-01 UTC.
    init(
        sealer: DeadLetterSealer, judge: LetterJudge, publisher: (any RedrivePublisher)?, now: @escaping () -> Int64
    ) {
        self.sealer = sealer
        self.judge = judge
        self.publisher = publisher
        self.now = now
    }

    func decide(_ candidate: LetterCandidate) throws -> Decision {
        let letter = candidate.letter
        let origin = letter.summary.origin
        guard let sealed = letter.current else { return .kept(.contentNotKept) }
        guard candidate.isOfPresentLog else { return .kept(.otherIncarnation) }
        guard judge.hasContract(origin.topic) else { return .kept(.noContract) }
        guard sealer.knows(keyID: sealed.keyID) else { return .kept(.unknownKey) }
        guard hasPartition(origin) else { return .kept(.noPartition) }
        let record = try sealer.open(sealed, origin: origin)
        let refusal = try judge(record, of: origin.topic)
        return refusal?.reason == .stateSecret ? .kept(.stateSecret) : .free(record, refusal: refusal)
    }

    func judge(_ record: RawRecord, of topic: TopicName) throws -> Refusal? {
        try judge.judge(record, topic: topic, nowMilliseconds: now())
    }

    /// Asks Kafka, which may take its time: to be done before letters are locked.
    func learnPartitions(of topics: [TopicName]) throws {
        guard let publisher else { return }
        for topic in topics { partitionCounts[topic] = try publisher.partitionCount(of: topic) }
    }

    private func hasPartition(_ origin: RecordOrigin) -> Bool {
        publisher == nil || origin.partition.rawValue < partitionCounts[origin.topic] ?? 0
    }
}

extension RawRecord {
    /// The record with the one link to its letter; whatever link it came with is no longer true.
    func linked(to letter: Int64) -> RawRecord {
        let name = "\(DeadLetterLink.header)"
        var record = self
        record.headers = headers.filter { $0.name != name } + [(name: name, value: DeadLetterLink.value(of: letter))]
        return record
    }
}
