// The account of what became of records: each consumed record has exactly one fate.

/// Counts of records by fate. `consumed` is their sum by definition, never counted apart.
package struct Fates: Hashable, Sendable {
    /// The row was inserted or replaced.
    package var applied: Int64
    /// An equal or newer version was there already.
    package var superseded: Int64
    /// A tombstone took effect.
    package var deleted: Int64
    /// Refused, and kept as a dead letter.
    package var deadLettered: Int64

    package init(applied: Int64 = 0, superseded: Int64 = 0, deleted: Int64 = 0, deadLettered: Int64 = 0) {
        self.applied = applied
        self.superseded = superseded
        self.deleted = deleted
        self.deadLettered = deadLettered
    }

    package var consumed: Int64 { applied + superseded + deleted + deadLettered }

    package static func + (left: Self, right: Self) -> Self {
        Fates(
            applied: left.applied + right.applied,
            superseded: left.superseded + right.superseded,
            deleted: left.deleted + right.deleted,
            deadLettered: left.deadLettered + right.deadLettered
        )
    }

    package static func += (left: inout Self, right: Self) { left = left + right }
}
