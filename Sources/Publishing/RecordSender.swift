// Sends a feed's records and tells which of the source's positions are safe: acknowledged by all in-sync replicas.
import Kafka
import Model
import Postgres

/// Confined to the publisher's thread.
final class RecordSender {
    /// A place in the source that may be recorded once everything sent before it is acknowledged.
    enum Position {
        case snapshot(identity: [String])
        case stream(LSN)
    }

    /// Bounds on what is sent and not acknowledged: the producer's own queue is larger, so that sending never blocks in
    /// it.
    static let inFlightMessagesMax = 20_000
    static let inFlightBytesMax = 33_554_432

    private struct Mark {
        let tag: UInt64
        let position: Position
        let counts: PublishAccount
    }

    private let producer: KafkaProducer
    private let definition: FeedDefinition
    /// Unique to this session of this publisher; with a counter it makes `ce_id`, which holds nothing of the record.
    private let idPrefix: String
    private var lastTag: UInt64 = 0
    private(set) var acknowledgedTag: UInt64 = 0
    /// Bytes of each message in flight, in the order of their tags.
    private var sizes = Queue<Int>()
    private var inFlightBytes = 0
    private var marks = Queue<Mark>()
    /// What will be true once all is acknowledged, and what is.
    var counts: PublishAccount
    private(set) var safeCounts: PublishAccount

    init(_ producer: KafkaProducer, definition: FeedDefinition, idPrefix: String, counts: PublishAccount) {
        self.producer = producer
        self.definition = definition
        self.idPrefix = idPrefix
        self.counts = counts
        self.safeCounts = counts
    }

    /// Messages that wait for their acknowledgement.
    var inFlight: Int { sizes.count }
    var hasRoom: Bool { sizes.count < Self.inFlightMessagesMax && inFlightBytes < Self.inFlightBytesMax }
    /// All positions marked so far are safe.
    var isSettled: Bool { marks.isEmpty && sizes.isEmpty }

    // MARK: Sending

    func send(_ row: SourceRow) throws {
        if row.isStateSecret {
            counts.withheldStateSecrets += 1
            return
        }
        // A query that yields no value means a faulty row; a null value would delete the record, so it goes as an empty
        // one, for the worker to refuse.
        var value = row.value ?? []
        if value.count > Limits.recordBytesMax + 1 {
            value.removeSubrange((Limits.recordBytesMax + 1)...)
            counts.cutOversized += 1
        }
        counts.published += 1
        try send(
            key: row.key, value: value, time: row.recordAt, version: row.version,
            more: [("content-type", Array("application/json".utf8))]
        )
    }

    func send(_ tombstone: ChangeBatch.Tombstone) throws {
        counts.tombstones += 1
        try send(
            key: Array(tombstone.key.utf8), value: nil, time: SourceTime.rfc3339(microseconds: tombstone.microseconds),
            version: tombstone.version, more: []
        )
    }

    private func send(
        key: [UInt8]?, value: [UInt8]?, time: String?, version: String?, more: [KafkaHeader]
    ) throws {
        lastTag += 1
        var headers: [KafkaHeader] = [
            ("ce_specversion", Array("1.0".utf8)),
            ("ce_id", Array("\(idPrefix)-\(lastTag)".utf8)),
            ("ce_source", Array(definition.ceSource.utf8)),
            ("ce_type", Array(definition.topic.rawValue.utf8)),
        ]
        if let time { headers.append(("ce_time", Array(time.utf8))) }
        if let version { headers.append(("ce_sourceversion", Array(version.utf8))) }
        headers += more
        let size = (key?.count ?? 0) + (value?.count ?? 0)
        try producer.send(
            topic: definition.topic, key: key, value: value, headers: headers, tag: lastTag
        )
        sizes.append(size)
        inFlightBytes += size
    }

    /// Progress goes through the same producer and the same tags, so it counts as acknowledged only after the records.
    /// - Parameter progress: nil forgets what was recorded.
    func send(_ progress: PublisherProgress?) throws {
        lastTag += 1
        let value = try progress.map(ProgressTopic.encode)
        try producer.send(
            topic: ProgressTopic.name, partition: ProgressTopic.partition.partition, key: Array(definition.feed.utf8),
            value: value,
            tag: lastTag
        )
        let size = value?.count ?? 0
        sizes.append(size)
        inFlightBytes += size
    }

    // MARK: Acknowledgement

    /// Everything sent so far, once acknowledged, makes the position safe.
    func mark(_ position: Position) {
        marks.append(Mark(tag: lastTag, position: position, counts: counts))
    }

    /// Takes the producer's reports, and returns the newest safe position, if another one has become safe.
    /// - Parameter waitMilliseconds: at most so long for a report, where messages are in flight.
    /// - Throws: `KafkaError` when a message was given up: the session must begin again at the last safe position.
    func settle(waitMilliseconds: Int32 = 0) throws -> Position? {
        let deliveries = producer.drainDeliveries(timeoutMilliseconds: waitMilliseconds)
        if let failure = deliveries.firstFailure { throw failure }
        acknowledge(deliveries.acknowledgedThrough ?? 0)
        var newest: Position?
        while let mark = marks.first, mark.tag <= acknowledgedTag {
            newest = mark.position
            safeCounts = mark.counts
            _ = marks.popFirst()
        }
        return newest
    }

    private func acknowledge(_ tag: UInt64) {
        while acknowledgedTag < tag, let size = sizes.popFirst() {
            acknowledgedTag += 1
            inFlightBytes -= size
        }
    }
}

/// First in, first out, in constant time.
struct Queue<Element> {
    private var elements: [Element] = []
    private var start = 0

    var count: Int { elements.count - start }
    var isEmpty: Bool { count == 0 }
    var first: Element? { start < elements.count ? elements[start] : nil }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard start < elements.count else { return nil }
        defer {
            start += 1
            // Space is given back when half of it is spent: each element moves about once.
            if start == elements.count || (start > 1_000 && start * 2 > elements.count) {
                elements.removeFirst(start)
                start = 0
            }
        }
        return elements[start]
    }
}
