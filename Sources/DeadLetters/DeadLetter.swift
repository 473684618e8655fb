// A refused record as the database keeps it: its place, its reason, its state, its sealed bytes.
package import Model

/// Where a letter is in its life.
package enum DeadLetterStatus: String, CaseIterable, Sendable {
    /// To be dealt with.
    case open
    /// Sent again; its fate is not yet known.
    case redriven
    /// Refused three times: sent again only by its id.
    case quarantined
    case applied
    case superseded
    case discarded

    package var isClosed: Bool {
        switch self {
        case .open, .redriven, .quarantined: false
        case .applied, .superseded, .discarded: true
        }
    }
}

/// What a list of dead letters shows: all but the record itself. Times are text as PostgreSQL writes them, in UTC.
package struct DeadLetterSummary: Sendable, Hashable {
    package let id: Int64
    package let origin: RecordOrigin
    package let reason: String
    package let field: String?
    package let rule: String?
    package let sqlState: String?
    package let contractVersion: String
    package let status: DeadLetterStatus
    /// How often the record was refused.
    package let refusals: Int
    package let recordAt: String?
    package let receivedAt: String
    /// When it was last sent again.
    package let redrivenAt: String?
    package let closedAt: String?
}

/// One letter with its sealed bytes.
package struct DeadLetter: Sendable {
    package let summary: DeadLetterSummary
    /// The record as it came; nil for a state secret, whose content is kept nowhere.
    package let sealed: SealedPayload?
    /// The record as it was repaired; nil where nobody did.
    package let repaired: SealedPayload?

    /// What is sent again, sealed: the repaired record where there is one.
    package var current: SealedPayload? { repaired ?? sealed }
}

/// One step in a letter's life after its first refusal.
package struct DeadLetterStep: Sendable, Hashable {
    package let at: String
    package let step: String
    package let by: String
    package let because: String?
    /// A JSON object, never with a value of the record.
    package let details: String?
}
