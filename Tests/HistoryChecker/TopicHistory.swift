// What the publishers of one topic know, and what the national database says afterwards. One topic owns its tables, so
// topics are checked one by one.
package import Model

/// A place in one partition's log. A log that was accepted in place of another one has the next incarnation.
package struct LogPlace: Hashable, Comparable, Sendable {
    package var incarnation: Int32
    package var offset: Int64

    package init(_ offset: Int64, incarnation: Int32 = 0) {
        self.offset = offset
        self.incarnation = incarnation
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.incarnation, left.offset) < (right.incarnation, right.offset)
    }
}

/// A place in the topic's log.
package struct Origin: Hashable, Comparable, Sendable {
    package var partition: Partition
    package var place: LogPlace

    package init(_ partition: Partition, _ place: LogPlace) {
        self.partition = partition
        self.place = place
    }

    package static func < (left: Self, right: Self) -> Bool {
        left.partition == right.partition ? left.place < right.place : left.partition < right.partition
    }
}

package struct PublishedRecord: Sendable {
    package enum Content: Hashable, Sendable {
        /// `hash` stands for all that a row, its lists included, keeps of the record.
        case record(version: Int64, hash: UInt64)
        case tombstone(version: Int64?)
        /// Its version cannot be told; such a record is refused.
        case unreadable
    }

    package enum Acceptance: Hashable, Sendable {
        /// Keeps the contract and the tables' own rules.
        case accepted
        /// Breaks the contract.
        case refused
        /// Keeps the contract; what the database says of it, only the database can tell, if it is ever asked: a record
        /// that loses against a newer one of its batch is not.
        case unknown
    }

    package var partition: Partition
    /// Nil for what is not in the log.
    package var place: LogPlace?
    /// A number that stands for the key; nil for a record without one.
    package var key: Int?
    package var content: Content
    package var isAcknowledged: Bool
    package var acceptance: Acceptance
    /// Of what was redriven, the place of its dead letter, in the same partition: that ranks it.
    package var copyOf: LogPlace?

    package init(
        partition: Partition, place: LogPlace?, key: Int?, content: Content, isAcknowledged: Bool = true,
        acceptance: Acceptance = .accepted, copyOf: LogPlace? = nil
    ) {
        self.partition = partition
        self.place = place
        self.key = key
        self.content = content
        self.isAcknowledged = isAcknowledged
        self.acceptance = acceptance
        self.copyOf = copyOf
    }
}

package struct TopicHistory: Sendable {
    package var topic: TopicName
    /// In any order. Those with a place are all that the log has, or had, for a reader of committed records.
    package var records: [PublishedRecord]
    /// The offset after the last of each partition's present log.
    package var ends: [Partition: Int64]

    package init(topic: TopicName, records: [PublishedRecord], ends: [Partition: Int64]) {
        self.topic = topic
        self.records = records
        self.ends = ends
    }
}

/// The database after the run, of one topic.
package struct DatabaseState: Sendable {
    package struct Mark: Hashable, Sendable {
        package var version: Int64
        package var origin: Origin

        package init(version: Int64, origin: Origin) {
            self.version = version
            self.origin = origin
        }
    }

    package struct Row: Sendable {
        /// The history's number for the row's key; any other number for a key that nobody published.
        package var key: Int
        package var record: Mark?
        /// Where the content stands, in the log of the record's mark.
        package var contentOffset: Int64?
        package var delete: Mark?
        package var plainDelete: Origin?
        package var isDeleted: Bool
        /// As the publisher counts it, children included; nil where the row's content is empty.
        package var content: UInt64?

        package init(key: Int, isDeleted: Bool) {
            self.key = key
            self.isDeleted = isDeleted
        }
    }

    package struct Letter: Sendable {
        package enum Status: String, Sendable {
            case open, redriven, quarantined, applied, superseded, discarded
        }

        package var origin: Origin
        package var status: Status
        package var reason: String

        package init(origin: Origin, status: Status, reason: String) {
            self.origin = origin
            self.status = status
            self.reason = reason
        }
    }

    package struct Position: Sendable {
        package var partition: Partition
        package var incarnation: Int32
        package var next: Int64
        /// The greatest that `next` ever was in this incarnation: more than `next` after a rewind.
        package var reached: Int64
        /// How many records rewinds let be read again, all of them together.
        package var readAgain: Int64
        package var fates: Fates

        package init(
            partition: Partition, incarnation: Int32 = 0, next: Int64, reached: Int64? = nil, readAgain: Int64 = 0,
            fates: Fates
        ) {
            self.partition = partition
            self.incarnation = incarnation
            self.next = next
            self.reached = max(reached ?? next, next)
            self.readAgain = readAgain
            self.fates = fates
        }
    }

    package var rows: [Row]
    package var letters: [Letter]
    package var positions: [Position]
    /// Whether replays ran: their letters stand in their own accounts.
    package var wasReplayed: Bool

    package init(rows: [Row], letters: [Letter], positions: [Position], wasReplayed: Bool = false) {
        self.rows = rows
        self.letters = letters
        self.positions = positions
        self.wasReplayed = wasReplayed
    }
}
