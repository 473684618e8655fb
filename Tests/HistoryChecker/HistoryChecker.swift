// Says whether what was promised of every acknowledged record holds, or shows the first violation.
import Model

package enum HistoryVerdict: Sendable, CustomStringConvertible {
    case holds
    case broken(Violation)

    package var description: String {
        switch self {
        case .holds: "holds"
        case .broken(let violation): violation.description
        }
    }

    package var rule: HistoryRule? {
        switch self {
        case .holds: nil
        case .broken(let violation): violation.rule
        }
    }
}

package enum HistoryRule: String, CaseIterable, Sendable {
    case acknowledgedIsInLog = "an acknowledged record is in the log"
    case placesAreUnique = "a place in the log holds one record"
    case positionIsWithinLog = "a position lies within the log"
    case fatesAddUp = "the fates add up to the records that were dealt with"
    case fatesFit = "each fate is counted as often as it can have been"
    case letterIsUnique = "a record has one dead letter at most"
    case letterHasRecord = "a dead letter is that of a refused record which was dealt with"
    case refusedHasLetter = "a refused record has a dead letter"
    case letterIsClosed = "a dead letter whose redriven record was accepted is closed"
    case letterTookEffect = "a dead letter is applied only by a record that could win"
    case letterWasOvertaken = "a dead letter is superseded only by something newer"
    case rowIsUnique = "a key has one row"
    case rowHasRecord = "a row is that of a key that was published"
    case rowIsReached = "a row is not ahead of its position"
    case keyHasRow = "a key with an accepted record has a row"
    case rankIsNewest = "a row's marks are the newest"
    case rankHasRecord = "a row's marks are those of records"
    case deletedStaysDeleted = "what is deleted is not resurrected"
    case deletedByTombstone = "only a tombstone deletes"
    case contentIsNewest = "a row's content is that of its newest record"
    case deletedIsEmpty = "a deleted row is empty"
    case originHasContent = "a row's content stands where it says"
}

/// Names places and rules, and a key by its number alone.
package struct Violation: Error, CustomStringConvertible {
    package let rule: HistoryRule
    package let description: String
}

/// Each accepted record counts by its rank in `KeyMarks`; then letters, rows and counts must be what the marks say. All is
/// read once, in the order of the log, and found by key or place.
///
/// Where a key comes by several partitions, the order of arrival decides ties, and the checker allows each outcome; of such
/// keys it cannot judge plain tombstones that are read again or meet redriven records. It knows nothing of records that an
/// operator told the workers to skip, nor of keys that were reset: leave those out of the history.
package struct HistoryChecker {
    private let history: TopicHistory
    private let state: DatabaseState

    private var positions: [Partition: DatabaseState.Position] = [:]
    private var letters: [Origin: DatabaseState.Letter] = [:]
    /// The records that were dealt with, in the order of the log.
    private var dealt: [PublishedRecord] = []
    private var placed: [Origin: Int] = [:]
    private var marks: [Int: [KeyMarks]] = [:]
    private var copies: [Origin: Copies] = [:]
    private var foreignDeletes: [PublishedRecord] = []
    private var counts: [Partition: Counts] = [:]

    /// What was sent again of a letter, was dealt with and accepted.
    private struct Copies {
        var last: PublishedRecord
        var mayHaveWon = false
        var mayHaveLost = false
    }

    private struct Counts {
        var records: Int64 = 0
        var beforeNext: Int64 = 0
        var refused: Int64 = 0
        var refusedByContract: Int64 = 0
        var uncertain: Int64 = 0
        var tombstones: Int64 = 0
        var livingRows: Int64 = 0
    }

    private init(_ history: TopicHistory, _ state: DatabaseState) {
        self.history = history
        self.state = state
    }

    package static func check(_ history: TopicHistory, against state: DatabaseState) -> HistoryVerdict {
        var checker = HistoryChecker(history, state)
        do throws(Violation) {
            try checker.readPositions()
            try checker.readLog()
            try checker.checkSums()
            try checker.readLetters()
            for record in checker.dealt { try checker.deal(record) }
            try checker.checkLetters()
            try checker.checkRows()
            try checker.checkFates()
            return .holds
        } catch {
            return .broken(error)
        }
    }

    // MARK: The log and the positions

    private mutating func readPositions() throws(Violation) {
        for position in state.positions {
            positions[position.partition] = position
            let end = history.ends[position.partition] ?? 0
            guard position.next >= 0, position.reached <= end else {
                throw violation(
                    .positionIsWithinLog, position.partition, position.reached, "the log ends before offset \(end)")
            }
        }
    }

    private func isDealtWith(_ origin: Origin) -> Bool {
        guard let position = positions[origin.partition] else { return false }
        return origin.place < LogPlace(position.reached, incarnation: position.incarnation)
    }

    private mutating func readLog() throws(Violation) {
        for record in history.records {
            guard let origin = record.origin else {
                guard record.isAcknowledged else { continue }
                throw violation(.acknowledgedIsInLog, record.partition, nil, "a record\(of(record.key)) is not")
            }
            if isDealtWith(origin) { dealt.append(record) }
        }
        dealt.sort { left, right in
            guard let left = left.origin, let right = right.origin else { return false }
            return left < right
        }
        placed.reserveCapacity(dealt.count)
        for (index, record) in dealt.enumerated() {
            guard let origin = record.origin, let position = positions[origin.partition] else { continue }
            guard placed.updateValue(index, forKey: origin) == nil else {
                throw violation(.placesAreUnique, origin, "the history has two")
            }
            let isBefore = origin.place < LogPlace(position.next, incarnation: position.incarnation)
            counts[origin.partition, default: Counts()].records += 1
            counts[origin.partition, default: Counts()].beforeNext += isBefore ? 1 : 0
        }
    }

    private func checkSums() throws(Violation) {
        for position in state.positions {
            let expected = (counts[position.partition]?.beforeNext ?? 0) + position.readAgain
            guard position.fates.consumed == expected else {
                throw violation(
                    .fatesAddUp, position.partition, position.next,
                    "they are \(position.fates.consumed), and before that position lie \(expected) records, "
                        + "\(position.readAgain) read again among them")
            }
        }
    }

    private mutating func readLetters() throws(Violation) {
        for letter in state.letters where letters.updateValue(letter, forKey: letter.origin) != nil {
            throw violation(.letterIsUnique, letter.origin, "there are two")
        }
    }

    // MARK: Each record

    private mutating func deal(_ record: PublishedRecord) throws(Violation) {
        guard let origin = record.origin else { return }
        let isAccepted = try judge(record, origin)
        if case .tombstone = record.content, isAccepted { counts[origin.partition]?.tombstones += 1 }
        if !isAccepted { counts[origin.partition]?.refused += 1 }
        guard isAccepted, let key = record.key else { return }

        let rank = record.copyOf ?? origin.place
        var ofKey = marks[key] ?? []
        marks[key] = nil  // So that the array is changed in place.
        let index = ofKey.firstIndex { $0.partition == origin.partition } ?? ofKey.count
        if index == ofKey.count { ofKey.append(KeyMarks(partition: origin.partition)) }
        let effect = ofKey[index].take(record.content, rank: rank, place: origin.place)
        marks[key] = ofKey
        guard let copyOf = record.copyOf else { return }
        let letter = Origin(origin.partition, copyOf)
        copies[letter, default: Copies(last: record)].last = record
        if effect != .beaten { copies[letter]?.mayHaveWon = true }
        if effect != .took { copies[letter]?.mayHaveLost = true }
    }

    /// Whether the record was accepted, as far as its dead letter tells.
    private mutating func judge(_ record: PublishedRecord, _ origin: Origin) throws(Violation) -> Bool {
        let own = letters[origin]
        let first = record.copyOf.flatMap { letters[Origin(origin.partition, $0)] }
        var acceptance = record.acceptance
        let isPlainDelete = record.content == .tombstone(version: nil)
        // Whether it came from another partition than the row's own, only the database can tell.
        if isPlainDelete, acceptance == .accepted, own != nil || record.copyOf != nil {
            if own != nil { foreignDeletes.append(record) }
            acceptance = .unknown
        }
        switch acceptance {
        case .accepted:
            if own != nil {
                throw violation(.letterHasRecord, origin, "its record\(of(record.key)) keeps the contract")
            }
            return true
        case .refused:
            counts[origin.partition]?.refusedByContract += 1
            guard own != nil || first != nil else {
                throw violation(.refusedHasLetter, origin, "that record\(of(record.key)) has none")
            }
            return false
        case .unknown:
            guard record.copyOf != nil else { return own == nil }
            counts[origin.partition]?.uncertain += 1
            return own == nil && (first?.status == .applied || first?.status == .superseded)
        }
    }

    // MARK: Dead letters

    private func checkLetters() throws(Violation) {
        for letter in state.letters {
            guard let index = placed[letter.origin] else {
                throw violation(.letterHasRecord, letter.origin, "no record was dealt with there")
            }
            try checkLife(of: letter, record: dealt[index])
        }
        for record in foreignDeletes {
            guard let origin = record.origin, let key = record.key else { continue }
            let isForeign = (marks[key] ?? []).contains { $0.partition != origin.partition }
            guard isForeign, letters[origin]?.reason == ReasonCode.versionMissing.rawValue else {
                throw violation(.letterHasRecord, origin, "its tombstone\(of(record.key)) could be ranked")
            }
        }
    }

    private func checkLife(of letter: DatabaseState.Letter, record: PublishedRecord) throws(Violation) {
        let sent = copies[letter.origin]
        switch letter.status {
        case .discarded:
            return
        case .open, .quarantined, .redriven:
            if sent != nil { throw violation(.letterIsClosed, letter.origin, "it is \(letter.status.rawValue)") }
        case .applied:
            guard sent?.mayHaveWon == true else {
                let why = sent == nil ? "nothing sent of it was accepted" : "what was sent of it lost"
                throw violation(.letterTookEffect, letter.origin, why)
            }
        case .superseded:
            let isOvertaken = isOutranked(record, as: letter.origin) || sent?.mayHaveLost == true
            guard isOvertaken || sent.map({ isOutranked($0.last, as: letter.origin) }) == true else {
                throw violation(.letterWasOvertaken, letter.origin, "nothing newer\(of(record.key)) was accepted")
            }
        }
    }

    private func isOutranked(_ record: PublishedRecord, as origin: Origin) -> Bool {
        guard let key = record.key else { return false }
        return (marks[key] ?? []).contains { $0.outranks(record.content, rank: origin.place, in: origin.partition) }
    }

    // MARK: Rows

    private mutating func checkRows() throws(Violation) {
        var keys: Set<Int> = []
        for row in state.rows {
            let place = row.record?.origin ?? row.delete?.origin ?? row.plainDelete
            guard keys.insert(row.key).inserted else { throw violation(.rowIsUnique, place, "key \(row.key) has two") }
            for origin in [row.record?.origin, row.delete?.origin, row.plainDelete].compactMap(\.self) {
                guard isDealtWith(origin) else { throw violation(.rowIsReached, origin, "key \(row.key) is") }
            }
            guard let ofKey = marks[row.key] else {
                throw violation(.rowHasRecord, place, "key \(row.key) has no accepted record")
            }
            try checkMarks(of: row, ofKey)
            try checkLife(of: row, ofKey)
            if !row.isDeleted, let place { counts[place.partition]?.livingRows += 1 }
        }
        for record in dealt {
            guard let key = record.key, marks[key] != nil, !keys.contains(key) else { continue }
            throw violation(.keyHasRow, record.origin, "key \(key) has none")
        }
    }

    private func checkMarks(of row: DatabaseState.Row, _ ofKey: [KeyMarks]) throws(Violation) {
        let bests = ofKey.compactMap { marks in marks.best.map { (marks.partition, $0.version, $0.rank) } }
        try checkMark(row.record, "record", row, bests)
        try checkMark(
            row.delete, "delete", row,
            ofKey.compactMap { marks in marks.delete.map { (marks.partition, $0.version, $0.rank) } })
        let plain = ofKey.compactMap { marks in marks.plainDelete.map { Origin(marks.partition, $0) } }
        // With several partitions it depends on the order of events whose is kept, but one is.
        if ofKey.count == 1 || row.plainDelete == nil, row.plainDelete != plain.first {
            let isOlder = row.plainDelete.map { mark in plain.contains { mark < $0 } } ?? true
            throw violation(
                isOlder ? .rankIsNewest : .rankHasRecord, plain.first ?? row.plainDelete,
                "key \(row.key) has another plain delete")
        }
        if let mark = row.plainDelete, !plain.contains(where: { $0.partition == mark.partition && $0 >= mark }) {
            throw violation(.rankHasRecord, mark, "key \(row.key) has no such plain delete")
        }
    }

    /// A mark has the greatest version, and the greatest rank with it in one of the partitions that have that version.
    private func checkMark(
        _ mark: DatabaseState.Mark?, _ name: String, _ row: DatabaseState.Row,
        _ known: [(partition: Partition, version: Int64, rank: LogPlace)]
    ) throws(Violation) {
        let newest = known.max { $0.version < $1.version }
        guard let mark else {
            guard let newest else { return }
            throw violation(
                .rankIsNewest, Origin(newest.partition, newest.rank), "key \(row.key) has no mark of that \(name)")
        }
        guard let newest, mark.version <= newest.version else {
            throw violation(.rankHasRecord, mark.origin, "key \(row.key) has no such \(name)")
        }
        let equal = known.first { $0.version == newest.version && $0.partition == mark.origin.partition }
        if mark.version == newest.version, let equal, mark.origin.place == equal.rank { return }
        let isOlder = mark.version < newest.version || equal.map { mark.origin.place < $0.rank } == true
        throw violation(
            isOlder ? .rankIsNewest : .rankHasRecord, Origin(newest.partition, newest.rank),
            "key \(row.key) has the \(name) of \(mark.origin.partition) offset \(mark.origin.place.offset)")
    }

    private func checkLife(of row: DatabaseState.Row, _ ofKey: [KeyMarks]) throws(Violation) {
        let place = row.record?.origin ?? row.delete?.origin ?? row.plainDelete
        let own = ofKey.first { $0.partition == row.record?.origin.partition }
        guard let own, let best = own.best else {
            guard row.isDeleted else { throw violation(.deletedStaysDeleted, place, "key \(row.key) has no record") }
            return
        }
        let isEndedElsewhere = ofKey.contains { $0.delete.map { best.version <= $0.version } ?? false }
        let isEnded = isEndedElsewhere ? true : own.isEnded(version: best.version, rank: best.rank)
        if let isEnded, row.isDeleted != isEnded {
            throw violation(
                isEnded ? .deletedStaysDeleted : .deletedByTombstone, place,
                "key \(row.key) \(isEnded ? "lives" : "is deleted")")
        }
        guard !row.isDeleted else {
            guard row.content == nil else { throw violation(.deletedIsEmpty, place, "key \(row.key) has content") }
            return
        }
        guard row.content == best.hash else {
            let origin = Origin(own.partition, best.place)
            throw violation(.contentIsNewest, origin, "key \(row.key) has other content")
        }
        let origin = row.contentOffset.map { Origin(own.partition, LogPlace($0, incarnation: best.rank.incarnation)) }
        let record = origin.flatMap { placed[$0] }.map { dealt[$0] }
        // A repeated record moves the rank alone. What was redriven may stand for its letter's place.
        let isThere = record?.content == .record(version: best.version, hash: best.hash)
        guard record?.key == row.key && isThere || origin.flatMap({ copies[$0] })?.last.key == row.key else {
            throw violation(.originHasContent, origin, "key \(row.key) says so")
        }
    }

    // MARK: Counts

    /// How often each fate can have come up; which of the records of a batch are superseded unseen, batches decide.
    private func checkFates() throws(Violation) {
        for position in state.positions {
            let count = counts[position.partition] ?? Counts()
            let isReadOnce = position.readAgain == 0 && !state.wasReplayed
            let refused =
                (isReadOnce
                    ? count.refused - count.uncertain
                    : count.refusedByContract)...(count.refused + count.uncertain + position.readAgain)
            let records = count.records - count.refused - count.tombstones + count.uncertain
            let fates = position.fates
            try require(refused.contains(fates.deadLettered), position, "dead-lettered", fates.deadLettered)
            try require(
                (count.livingRows...(max(records, count.livingRows) + position.readAgain)).contains(fates.applied),
                position, "applied", fates.applied)
            try require(
                (0...(count.tombstones + count.uncertain + position.readAgain)).contains(fates.deleted), position,
                "deleted", fates.deleted)
            try require(fates.superseded >= 0, position, "superseded", fates.superseded)
        }
    }

    private func require(
        _ holds: Bool, _ position: DatabaseState.Position, _ fate: String, _ count: Int64
    ) throws(Violation) {
        if !holds { throw violation(.fatesFit, position.partition, position.next, "\(fate) is \(count)") }
    }

    // MARK: Words

    private func of(_ key: Int?) -> String { key.map { " of key \($0)" } ?? "" }

    private func violation(_ rule: HistoryRule, _ origin: Origin?, _ what: String) -> Violation {
        guard let origin else {
            return Violation(rule: rule, description: "\(history.topic): \(rule.rawValue): \(what)")
        }
        return violation(rule, origin.partition, origin.place.offset, what)
    }

    private func violation(_ rule: HistoryRule, _ partition: Partition, _ offset: Int64?, _ what: String) -> Violation {
        let place = offset.map { " offset \($0)" } ?? ""
        return Violation(
            rule: rule, description: "\(history.topic)[\(partition)]\(place): \(rule.rawValue): \(what)")
    }
}

extension PublishedRecord {
    fileprivate var origin: Origin? { place.map { Origin(partition, $0) } }
}
