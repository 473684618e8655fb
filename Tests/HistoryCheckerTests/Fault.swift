// What can go wrong, each to be planted into a good history.
import HistoryChecker
import Model

enum Fault: String, CaseIterable, Sendable {
    case acknowledgedRecordNotInLog, placeTwice, positionBeyondLog, fatesDoubled, fateMissing, fatesMixedUp
    case offsetSkipped, gapPassed, offsetSkippedAndCounted, batchWithoutRows, batchWithoutPosition, childrenLeftOut
    case letterLost, letterDoubled, letterOfAccepted, letterAheadOfPosition, letterLeftOpen
    case letterAppliedWithoutRecord, letterAppliedThoughLost, letterSupersededByNothing
    case rowLost, rowDoubled, rowOfNobody, staleRow, staleRank, deleteForgotten, plainDeleteForgotten, rankOfNothing
    case resurrected, deletedByNothing, deletedKeepsContent, originElsewhere

    /// Those of which one must be found broken.
    var rules: [HistoryRule] {
        switch self {
        case .acknowledgedRecordNotInLog: [.acknowledgedIsInLog]
        case .placeTwice: [.placesAreUnique]
        case .positionBeyondLog: [.positionIsWithinLog]
        case .fatesDoubled, .fateMissing, .offsetSkipped, .gapPassed: [.fatesAddUp]
        case .fatesMixedUp: [.fatesFit]
        // The key had a row before, or had none.
        case .offsetSkippedAndCounted, .batchWithoutRows: [.keyHasRow, .rankIsNewest]
        case .batchWithoutPosition: [.rowIsReached]
        case .childrenLeftOut: [.contentIsNewest]
        case .letterLost: [.refusedHasLetter]
        case .letterDoubled: [.letterIsUnique]
        case .letterOfAccepted, .letterAheadOfPosition: [.letterHasRecord]
        case .letterLeftOpen: [.letterIsClosed]
        case .letterAppliedWithoutRecord, .letterAppliedThoughLost: [.letterTookEffect]
        case .letterSupersededByNothing: [.letterWasOvertaken]
        case .rowLost: [.keyHasRow]
        case .rowDoubled: [.rowIsUnique]
        case .rowOfNobody: [.rowHasRecord]
        case .staleRow, .staleRank, .deleteForgotten, .plainDeleteForgotten: [.rankIsNewest]
        case .rankOfNothing: [.rankHasRecord]
        case .resurrected: [.deletedStaysDeleted]
        case .deletedByNothing: [.deletedByTombstone]
        case .deletedKeepsContent: [.deletedIsEmpty]
        case .originElsewhere: [.originHasContent]
        }
    }

    /// Ends the run, some with a fault in the very run. Nil where the history has no room for it.
    func run(_ world: inout OneByOne) -> (TopicHistory, DatabaseState)? {
        let partition = world.random.below(world.logs.count)
        while world.hasMore(partition) { world.step(partition) }
        let key = world.random.percent(50) ? 100 : (0..<12).first { $0 % world.logs.count == partition } ?? 100
        switch self {
        case .offsetSkipped, .gapPassed:
            let count = self == .gapPassed ? 2 + world.random.below(9) : 1
            for _ in 0..<count { world.publish(partition, key: key, .record(version: 1, hash: 1)) }
            for _ in 0..<count { world.pass(partition, as: nil) }
        case .offsetSkippedAndCounted:
            world.publish(partition, key: key, .record(version: 99, hash: 1))
            world.pass(partition, as: .superseded)
        case .batchWithoutRows:
            let rows = world.rows
            Self.batch(&world, partition, key)
            world.rows = rows
        case .batchWithoutPosition:
            let (positions, letters) = (world.positions, world.letters)
            Self.batch(&world, partition, key)
            world.positions = positions
            world.letters = letters
        default: break
        }
        return (world.history, world.state)
    }

    private static func batch(_ world: inout OneByOne, _ partition: Int, _ key: Int) {
        for version in 90..<95 as Range<Int64> {
            world.publish(partition, key: key, .record(version: version, hash: 3))
        }
        while world.hasMore(partition) { world.step(partition) }
    }

    /// Says whether there was something to break.
    func plant(_ history: inout TopicHistory, _ state: inout DatabaseState, _ world: inout OneByOne) -> Bool {
        switch self {
        case .offsetSkipped, .gapPassed, .offsetSkippedAndCounted, .batchWithoutRows, .batchWithoutPosition: true
        case .acknowledgedRecordNotInLog, .placeTwice: plantInLog(&history, state, &world.random)
        case .positionBeyondLog, .fatesDoubled, .fateMissing, .fatesMixedUp:
            plantInPosition(&state, history, &world.random)
        case .letterLost, .letterDoubled, .letterOfAccepted, .letterAheadOfPosition, .letterLeftOpen,
            .letterAppliedWithoutRecord, .letterAppliedThoughLost, .letterSupersededByNothing:
            plantInLetters(&state, world.letters, history, &world.random)
        case .rowLost, .rowDoubled, .rowOfNobody, .staleRow, .staleRank, .deleteForgotten, .plainDeleteForgotten,
            .rankOfNothing, .resurrected, .deletedByNothing, .deletedKeepsContent, .originElsewhere, .childrenLeftOut:
            plantInRows(&state, history, &world.random)
        }
    }

    private func plantInLog(_ history: inout TopicHistory, _ state: DatabaseState, _ random: inout Chance) -> Bool {
        guard var record = history.records.randomElement(using: &random) else { return false }
        if self == .placeTwice {
            // Of what was dealt with: the rest is nothing to the checker.
            let position = state.positions.first { $0.partition == record.partition }
            guard let place = record.place, let position,
                place < LogPlace(position.reached, incarnation: position.incarnation)
            else { return false }
        } else {
            record.place = nil
            record.isAcknowledged = true
        }
        history.records.insert(record, at: random.below(history.records.count))
        return true
    }

    private func plantInPosition(
        _ state: inout DatabaseState, _ history: TopicHistory, _ random: inout Chance
    ) -> Bool {
        let index = random.below(state.positions.count)
        var position = state.positions[index]
        switch self {
        case .positionBeyondLog:
            position.reached = (history.ends[position.partition] ?? 0) + 1 + Int64(random.below(9))
            if position.readAgain == 0 { position.next = position.reached }
        case .fatesDoubled: position.fates += Fates(applied: 1 + Int64(random.below(5)))
        case .fateMissing:
            guard position.fates.superseded > 0 else { return false }
            position.fates.superseded -= 1
        default:
            let isRefused = history.records.contains {
                $0.partition == position.partition && $0.acceptance == .refused
                    && ($0.place ?? LogPlace(0)) < LogPlace(position.reached, incarnation: position.incarnation)
            }
            guard isRefused else { return false }
            position.fates.superseded += position.fates.deadLettered
            position.fates.deadLettered = 0
        }
        state.positions[index] = position
        return true
    }

    private func plantInLetters(
        _ state: inout DatabaseState, _ known: [Origin: OneByOne.Letter], _ history: TopicHistory,
        _ random: inout Chance
    ) -> Bool {
        let candidates = state.letters.indices.filter { index in
            let letter = state.letters[index]
            guard let model = known[letter.origin] else { return false }
            return switch self {
            case .letterLost: model.record.acceptance == .refused
            case .letterLeftOpen: model.hasAcceptedCopy
            case .letterAppliedWithoutRecord: !model.hasAcceptedCopy
            case .letterAppliedThoughLost: model.hasLost && letter.status == .superseded
            case .letterSupersededByNothing:
                model.record.key == nil || !state.rows.contains { $0.key == model.record.key }
            default: true
            }
        }
        if self == .letterOfAccepted || self == .letterAheadOfPosition {
            let reached = Dictionary(
                uniqueKeysWithValues: state.positions.map {
                    ($0.partition, LogPlace($0.reached, incarnation: $0.incarnation))
                })
            let places = history.records.filter { record in
                guard let place = record.place, let end = reached[record.partition] else { return false }
                guard self == .letterOfAccepted else { return place >= end }
                guard case .record = record.content else { return false }
                return place < end && record.acceptance == .accepted
            }
            guard let record = places.randomElement(using: &random), let place = record.place else { return false }
            state.letters.append(
                DatabaseState.Letter(
                    origin: Origin(record.partition, place), status: .open, reason: "missing-field"))
            return true
        }
        guard let index = candidates.randomElement(using: &random) else { return false }
        switch self {
        case .letterLost: state.letters.remove(at: index)
        case .letterDoubled: state.letters.append(state.letters[index])
        case .letterLeftOpen: state.letters[index].status = random.percent(50) ? .open : .redriven
        case .letterSupersededByNothing: state.letters[index].status = .superseded
        default: state.letters[index].status = .applied
        }
        return true
    }

    private func plantInRows(_ state: inout DatabaseState, _ history: TopicHistory, _ random: inout Chance) -> Bool {
        let candidates = state.rows.indices.filter { canBreak(state.rows[$0]) }
        guard let index = candidates.randomElement(using: &random) else { return false }
        var row = state.rows[index]
        switch self {
        case .rowLost:
            state.rows.remove(at: index)
            return true
        case .rowDoubled:
            state.rows.append(row)
            return true
        case .rowOfNobody:
            row.key = 1_000
            state.rows.append(row)
            return true
        case .staleRow:
            let older = history.records.filter { record in
                guard case .record(let version, _) = record.content, let best = row.record else { return false }
                return record.key == row.key && version < best.version && record.acceptance == .accepted
                    && record.partition == best.origin.partition && (record.place ?? LogPlace(0)) < best.origin.place
            }
            guard let record = older.randomElement(using: &random), let place = record.place,
                case .record(let version, let hash) = record.content
            else { return false }
            row.record = DatabaseState.Mark(version: version, origin: Origin(record.partition, place))
            row.content = hash
            row.contentOffset = place.offset
        case .staleRank: row.record?.origin.place.offset -= 1
        case .deleteForgotten: row.delete = nil
        case .plainDeleteForgotten: row.plainDelete = nil
        case .rankOfNothing: row.record?.version += 1
        case .resurrected:
            row.isDeleted = false
            row.content = 1
        case .deletedByNothing:
            row.isDeleted = true
            row.content = nil
        case .deletedKeepsContent: row.content = 1
        case .originElsewhere:
            let others = history.records.filter {
                $0.key != row.key && $0.partition == row.record?.origin.partition
                    && $0.place != row.record?.origin.place
                    && $0.place?.incarnation == row.record?.origin.place.incarnation
            }
            guard let place = others.randomElement(using: &random)?.place,
                place.offset != row.record?.origin.place.offset
            else { return false }
            row.contentOffset = place.offset
        default: row.content = (row.content ?? 0) &+ 1
        }
        state.rows[index] = row
        return true
    }

    private func canBreak(_ row: DatabaseState.Row) -> Bool {
        switch self {
        case .staleRow, .originElsewhere, .childrenLeftOut: !row.isDeleted
        // What a plain tombstone of an older log ended, the order of events decides.
        case .deletedByNothing:
            !row.isDeleted
                && row.plainDelete.map { $0.place.incarnation == row.record?.origin.place.incarnation } ?? true
        case .staleRank, .rankOfNothing: row.record != nil
        case .deleteForgotten: row.delete != nil
        case .plainDeleteForgotten: row.plainDelete != nil
        case .deletedKeepsContent: row.isDeleted && row.record != nil
        case .resurrected:
            row.isDeleted
                && (row.record == nil
                    || row.delete.map { delete in row.record.map { $0.version <= delete.version } ?? true } ?? false)
        default: true
        }
    }
}
