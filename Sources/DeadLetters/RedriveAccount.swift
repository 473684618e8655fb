// What a redrive found and did, by the reason for which records were refused.
package import Model

/// Why a letter is not sent again, whatever the contract says of its record.
package enum RedriveObstacle: String, CaseIterable, Sendable, Hashable {
    case quarantined
    case contentNotKept = "content-not-kept"
    case stateSecret = "state-secret"
    case otherIncarnation = "other-incarnation"
    case noContract = "no-contract"
    case noPartition = "no-partition"
    case unknownKey = "unknown-key"
    case busy

    /// Said of one letter.
    package var sentenceOfOne: String {
        switch self {
        case .quarantined: "it was refused three times, and is redriven only by its id"
        case .contentNotKept: "it is a state secret, whose content is kept nowhere"
        case .stateSecret: "today's contract sees a state secret in it, which never goes into a log"
        case .otherIncarnation: "it is from a log that another has replaced: its rank means nothing in today's"
        case .noContract: "no contract of its topic was read"
        case .noPartition: "Kafka has no such topic and partition any more"
        case .unknownKey: "it was sealed with a key that is not among the known ones"
        case .busy: "it was closed, or taken by another process, since it was looked up"
        }
    }

    /// Said of several.
    package var sentence: String {
        switch self {
        case .quarantined: "refused three times, and redriven only by their ids"
        case .contentNotKept: "state secrets, whose content is kept nowhere"
        case .stateSecret: "today's contract sees a state secret in them, which never goes into a log"
        case .otherIncarnation: "from a log that another has replaced: their ranks mean nothing in today's"
        case .noContract: "no contract of their topic was read"
        case .noPartition: "Kafka has no such topic and partition any more"
        case .unknownKey: "sealed with a key that is not among the known ones"
        case .busy: "closed, or taken by another process, since they were looked up"
        }
    }
}

/// Counts of letters. Each letter is in exactly one of `passes`, `fails` and `kept`.
package struct RedriveCounts: Sendable, Equatable {
    /// Today's contract lets the record pass.
    package internal(set) var passes = 0
    /// Today's contract would refuse it again, by the reason.
    package internal(set) var fails: [ReasonCode: Int] = [:]
    /// Not to be sent in any case.
    package internal(set) var kept: [RedriveObstacle: Int] = [:]
    /// Sent, and acknowledged by Kafka.
    package internal(set) var published = 0

    package var failing: Int { fails.values.reduce(0, +) }
    package var withheld: Int { kept.values.reduce(0, +) }
    package var letters: Int { passes + failing + withheld }

    static func += (left: inout Self, right: Self) {
        left.passes += right.passes
        left.fails.merge(right.fails, uniquingKeysWith: +)
        left.kept.merge(right.kept, uniquingKeysWith: +)
        left.published += right.published
    }
}

package struct RedriveAccount: Sendable, Equatable {
    /// By the letter's own reason.
    package internal(set) var byReason: [String: RedriveCounts] = [:]
    /// The letters that were asked for by id and not sent, and why: an obstacle, or the reason of today's contract.
    package internal(set) var unsent: [Int64: Unsent] = [:]
    /// The cap was reached, or the work was stopped, before all letters were looked at.
    package internal(set) var endedEarly = false

    package enum Unsent: Sendable, Equatable {
        case kept(RedriveObstacle)
        case fails(Refusal)
    }

    package var total: RedriveCounts { byReason.values.reduce(into: RedriveCounts()) { $0 += $1 } }
}
