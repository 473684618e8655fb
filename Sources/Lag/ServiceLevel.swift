// Whether a feed keeps what its owner promised. Pure: the time comes in with the sample.
package import Model

/// What was seen of a topic's log. Times are milliseconds since 1970-01-01 UTC, and the records' own.
package struct ServiceMeasurement: Sendable, Hashable {
    /// Nil where the log holds no record, or none whose time is believed.
    package var newestMilliseconds: Int64?
    /// Records of the last 24 hours, counted by offsets: control records of transactions are among them, and what
    /// compaction took away is, too.
    package var recordsLastDay: Int64
    /// The topic's first record, where the log still holds it; else nil. It tells how young the topic is.
    package var firstMilliseconds: Int64?
    /// Whether the topic ever held a record.
    package var wasEverUsed: Bool
    /// Partitions of whose newest or first record the time is not believed; these times are left out above.
    package var unbelievedPartitions: Int

    package init(
        newestMilliseconds: Int64?, recordsLastDay: Int64, firstMilliseconds: Int64? = nil, wasEverUsed: Bool = true,
        unbelievedPartitions: Int = 0
    ) {
        self.newestMilliseconds = newestMilliseconds
        self.recordsLastDay = recordsLastDay
        self.firstMilliseconds = firstMilliseconds
        self.wasEverUsed = wasEverUsed
        self.unbelievedPartitions = unbelievedPartitions
    }

    /// A clock may be ahead; a time beyond a day is a fault, such as microseconds for milliseconds, and would make a
    /// feed look new for ever.
    static func isBelieved(_ milliseconds: Int64, now: Int64) -> Bool {
        milliseconds <= now + ServiceLevel.dayMilliseconds
    }
}

package enum ServiceLevelVerdict: String, Sendable, CaseIterable {
    case kept
    /// The newest record is older than promised.
    case late
    /// Fewer records a day than promised.
    case thin
    case lateAndThin = "late and thin"
    /// The log could not be read, or its times tell nothing.
    case unknown

    package var isLate: Bool { self == .late || self == .lateAndThin }
    package var isThin: Bool { self == .thin || self == .lateAndThin }
}

/// One look at one topic.
package struct ServiceLevel: Sendable, Hashable {
    package let topic: TopicName
    package let promise: ServicePromise
    /// Nil where the log could not be read.
    package let measurement: ServiceMeasurement?
    /// Why it could not.
    package let failure: String?
    package let sampledMilliseconds: Int64

    package init(
        topic: TopicName, promise: ServicePromise, measurement: ServiceMeasurement?, failure: String? = nil,
        sampledMilliseconds: Int64
    ) {
        self.topic = topic
        self.promise = promise
        self.measurement = measurement
        self.failure = failure
        self.sampledMilliseconds = sampledMilliseconds
    }

    package static let dayMilliseconds: Int64 = 86_400_000

    /// Age of the newest record in seconds; never below 0, though clocks differ.
    package var newestAgeSeconds: Double? {
        measurement?.newestMilliseconds.map { max(0, Double(sampledMilliseconds - $0) / 1000) }
    }

    package var verdict: ServiceLevelVerdict {
        guard let measurement, !areTimesUnknown else { return .unknown }
        return switch (isLate, isThin(measurement)) {
        case (false, false): .kept
        case (true, false): .late
        case (false, true): .thin
        case (true, true): .lateAndThin
        }
    }

    private var areTimesUnknown: Bool {
        guard let measurement else { return true }
        return measurement.newestMilliseconds == nil && measurement.unbelievedPartitions > 0
    }

    /// What a person should know beside the verdict; nil mostly.
    package var note: String? {
        if let failure { return "its newest records could not be read: \(failure)" }
        guard let count = measurement?.unbelievedPartitions, count > 0 else { return nil }
        let partitions = count == 1 ? "1 partition has records" : "\(count) partitions have records"
        let rest = areTimesUnknown ? "no other partition tells any" : "the others are judged"
        return "\(partitions) whose time lies more than a day ahead, which is not believed; \(rest)"
    }

    /// A log without a record is late, for what was promised is not there.
    private var isLate: Bool {
        guard let promised = promise.freshnessSeconds else { return false }
        return newestAgeSeconds.map { $0 > Double(promised) } ?? true
    }

    /// A topic younger than a day has had no 24 hours yet. One that never held a record is not thin either: how young
    /// it is nobody can tell, and late says what is wrong.
    private func isThin(_ measurement: ServiceMeasurement) -> Bool {
        guard let promised = promise.recordsPerDayMinimum, measurement.wasEverUsed else { return false }
        if let first = measurement.firstMilliseconds, sampledMilliseconds - first < Self.dayMilliseconds {
            return false
        }
        return measurement.recordsLastDay < promised
    }

    /// What `lag --format json` tells of a topic.
    package var json: JSON {
        let members: [(String, JSON)] = [
            ("topic", .string(topic.rawValue)), ("newestAgeSeconds", .optional(newestAgeSeconds)),
            ("promisedFreshnessSeconds", .optional(promise.freshnessSeconds)),
            ("recordsLastDay", .optional(measurement?.recordsLastDay)),
            ("promisedRecordsPerDay", .optional(promise.recordsPerDayMinimum)),
            ("serviceLevel", .string(verdict.rawValue)),
        ]
        return .object(members + (note.map { [("note", .string($0))] } ?? []))
    }
}
