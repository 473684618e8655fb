// Publishes records; tells which are acknowledged by all replicas in sync.

import CRdkafka
package import Model
import Synchronization

/// What has become of a producer's messages so far.
package struct DeliveryState: Hashable, Sendable {
    package var acknowledged: UInt64
    package var failed: UInt64
    /// Sent and neither acknowledged nor failed.
    package var outstanding: Int
    /// Every message sent so far with a tag up to this one is acknowledged; nil before the first. If several messages
    /// share a tag, rely on it only after the last of them was sent.
    package var acknowledgedThrough: UInt64?
    /// The first message or client failure. It stays: this producer sends nothing any more.
    package var firstFailure: KafkaError?

    package init(
        acknowledged: UInt64, failed: UInt64, outstanding: Int, acknowledgedThrough: UInt64?, firstFailure: KafkaError?
    ) {
        self.acknowledged = acknowledged
        self.failed = failed
        self.outstanding = outstanding
        self.acknowledgedThrough = acknowledgedThrough
        self.firstFailure = firstFailure
    }
}

/// An idempotent producer; safe to use from several threads, in order for each of them.
///
/// It drops nothing: after the first failure every further call throws it, since a later record of the same key must
/// not follow a lost one. Make a new producer then, and publish again from the last acknowledged tag.
package final class KafkaProducer: Sendable {
    /// Guarantees rest on these; settings cannot change them.
    private static let rules = [
        "enable.idempotence": "true",
        "acks": "all",
        // As Java's clients do: one key stays in one partition, whoever publishes.
        "partitioner": "murmur2_random",
    ]

    private static let tuning = [
        "queue.buffering.max.kbytes": "65536",
        "queue.buffering.max.messages": "100000",
        // The broker's `max.message.bytes` of the topic decides, not the client.
        "message.max.bytes": "16777216",
        "linger.ms": "5",
        "compression.type": "lz4",
        "reconnect.backoff.max.ms": "2000",
        "socket.keepalive.enable": "true",
        "allow.auto.create.topics": "false",
    ]

    /// Delivery reports are taken in at least once in so many sends, so that they do not pile up.
    private static let sendsPerServe: UInt64 = 256

    private let state: Mutex<State>

    fileprivate struct State {
        var producer: Handles?
        var ledger = DeliveryLedger()
        var sends: UInt64 = 0
        var firstFailure: KafkaError?
        /// The client's last complaint, told when messages stay unacknowledged; cleared by the next acknowledgement.
        var complaint: String?
    }

    /// The queue of reports and the topics' handles, released before the client they belong to.
    ///
    /// `@unchecked Sendable`: `topics` is touched only under the lock of `state`, and in `deinit`, when nobody else
    /// holds the object.
    fileprivate final class Handles: @unchecked Sendable {
        let queue: EventQueue
        var topics: [TopicName: OpaquePointer] = [:]

        init(_ queue: EventQueue) { self.queue = queue }

        deinit { for topic in topics.values { rd_kafka_topic_destroy(topic) } }
    }

    /// - Throws: `KafkaError` for an unknown or forbidden property. Reaching the broker is not tried here.
    package init(
        settings: KafkaSettings, clientID: String, properties: [String: String] = [:]
    ) throws(KafkaError) {
        let action = "making a producer"
        let resolved = try settings.resolved(
            clientID: clientID, tuning: Self.tuning, properties: properties, rules: Self.rules, action: action)
        let client = try Client(.producer, properties: resolved, log: settings.log, action: action)
        guard let pointer = rd_kafka_queue_get_main(client.pointer) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__FAIL, action: action, detail: "the client has no queue")
        }
        state = Mutex(State(producer: Handles(EventQueue(client, owning: pointer))))
    }

    /// Puts a copy of the record in the local queue; waits while that is full (64 MB or 100,000 records), at most until
    /// the oldest record there fails for its age (`message.timeout.ms`, 5 minutes).
    ///
    /// - Parameters:
    ///   - partition: nil lets the partitioner choose: by the key's hash, or at random for a null key.
    ///   - key: nil is a null key, which is not an empty one.
    ///   - value: nil is a tombstone, which is not an empty value.
    ///   - timestampMilliseconds: since 1970-01-01 UTC; nil takes the time of sending.
    ///   - tag: comes back in `DeliveryState.acknowledgedThrough`; may not be lower than the message's before.
    /// - Throws: what keeps this record from being taken, or the producer's first failure.
    package func send(
        topic: TopicName, partition: Partition? = nil, key: [UInt8]?, value: [UInt8]?,
        headers: [KafkaHeader] = [], timestampMilliseconds: Int64? = nil, tag: UInt64
    ) throws(KafkaError) {
        // The closure cannot throw a typed error, hence the result.
        let result = value.withBytes { bytes in
            enqueueWhenRoom(
                OutgoingRecord(
                    topic: topic, partition: partition, key: key, value: bytes, headers: headers,
                    timestampMilliseconds: timestampMilliseconds, tag: tag))
        }
        try result.get()
    }

    /// As above, for a value that lies elsewhere; it is copied before the call returns.
    package func send(
        topic: TopicName, partition: Partition? = nil, key: [UInt8]?, value: UnsafeRawBufferPointer,
        headers: [KafkaHeader] = [], timestampMilliseconds: Int64? = nil, tag: UInt64
    ) throws(KafkaError) {
        let record = OutgoingRecord(
            topic: topic, partition: partition, key: key, value: value, headers: headers,
            timestampMilliseconds: timestampMilliseconds, tag: tag)
        try enqueueWhenRoom(record).get()
    }

    /// Waits until every message is acknowledged.
    /// - Throws: the first failure, or a time-out that names the client's last complaint; the messages stay queued then.
    package func flush(timeoutMilliseconds: Int32) throws(KafkaError) {
        let start = ContinuousClock.now
        while true {
            let remaining = timeoutMilliseconds.remaining(since: start)
            let state = drainDeliveries(timeoutMilliseconds: 0)
            if let failure = state.firstFailure { throw failure }
            if state.outstanding == 0 { return }
            guard remaining > 0, let queue = self.state.withLock({ $0.producer?.queue }) else {
                let complaint = self.state.withLock { $0.complaint }
                throw KafkaError(
                    KafkaErrorCode.timedOut, action: "waiting for the acknowledgement of \(state.outstanding) records",
                    detail: complaint ?? "the broker has not answered in \(timeoutMilliseconds) ms")
            }
            // In slices, since another thread may take the last report.
            serve(queue, timeoutMilliseconds: min(remaining, 100))
        }
    }

    /// Takes in the delivery reports that have arrived and tells where things stand.
    /// - Parameter timeoutMilliseconds: waits at most so long for a first report, where messages are outstanding.
    package func drainDeliveries(timeoutMilliseconds: Int32 = 0) -> DeliveryState {
        if let queue = state.withLock({ $0.producer?.queue }) {
            let waits = timeoutMilliseconds > 0 && state.withLock { $0.ledger.outstanding > 0 }
            serve(queue, timeoutMilliseconds: waits ? timeoutMilliseconds : 0)
        }
        return state.withLock { $0.summary }
    }

    /// Closes at once: messages not yet acknowledged may be lost, so `flush` first. Further sends throw.
    package func close() {
        // The handles are released outside the lock: that joins librdkafka's threads.
        let handles = state.withLock { state -> Handles? in
            defer { state.producer = nil }
            return state.producer
        }
        guard let handles else { return }
        rd_kafka_purge(handles.queue.client.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
    }
}

// MARK: - Sending

extension KafkaProducer {
    private struct OutgoingRecord {
        let topic: TopicName
        let partition: Partition?
        let key: [UInt8]?
        let value: UnsafeRawBufferPointer?
        let headers: [KafkaHeader]
        let timestampMilliseconds: Int64?
        let tag: UInt64
    }

    private enum Enqueued {
        case taken
        case takenServeDue(EventQueue)
        case full(EventQueue)
    }

    private func enqueueWhenRoom(_ record: OutgoingRecord) -> Result<Void, KafkaError> {
        do throws(KafkaError) {
            while true {
                switch try enqueue(record) {
                case .taken: return .success(())
                case .takenServeDue(let queue):
                    serve(queue, timeoutMilliseconds: 0)
                    return .success(())
                case .full(let queue):
                    serve(queue, timeoutMilliseconds: 100)
                }
            }
        } catch {
            return .failure(error)
        }
    }

    private func enqueue(_ record: OutgoingRecord) throws(KafkaError) -> Enqueued {
        try state.withLock { state throws(KafkaError) -> Enqueued in
            if let failure = state.firstFailure { throw failure }
            guard let handles = state.producer else {
                throw KafkaError(
                    KafkaErrorCode.closed, action: "sending to \(record.topic)", detail: "the producer is closed")
            }
            guard state.ledger.accepts(record.tag) else {
                throw KafkaError(
                    KafkaErrorCode.invalidArgument, action: "sending to \(record.topic)",
                    detail: "the tag is lower than the one before")
            }
            let code = produce(record, try handles.handle(of: record.topic), handles.queue.client)
            switch code {
            case RD_KAFKA_RESP_ERR_NO_ERROR:
                // Under the lock, so that the report cannot be counted before the message.
                state.ledger.sent(record.tag)
                state.sends += 1
                return state.sends % Self.sendsPerServe == 0 ? .takenServeDue(handles.queue) : .taken
            case RD_KAFKA_RESP_ERR__QUEUE_FULL:
                return .full(handles.queue)
            default:
                throw handles.queue.client.fatalError(action: "sending to \(record.topic)")
                    ?? KafkaError(code, action: "sending to \(record.topic)")
            }
        }
    }

    private func produce(_ record: OutgoingRecord, _ topic: OpaquePointer, _ client: Client) -> rd_kafka_resp_err_t {
        let headers = record.headers.isEmpty ? nil : makeHeaders(record.headers)
        let code = record.key.withBytes { key in
            lienthong_produce(
                client.pointer, topic, record.partition?.rawValue ?? RD_KAFKA_PARTITION_UA,
                key.pointerOrNull, key?.count ?? 0, record.value.pointerOrNull, record.value?.count ?? 0,
                headers, record.timestampMilliseconds ?? 0, UnsafeMutableRawPointer(bitPattern: UInt(record.tag)))
        }
        // Only a success takes the headers over.
        if code != RD_KAFKA_RESP_ERR_NO_ERROR, let headers { rd_kafka_headers_destroy(headers) }
        return code
    }

    private func makeHeaders(_ headers: [KafkaHeader]) -> OpaquePointer? {
        let list = rd_kafka_headers_new(headers.count)
        for (name, value) in headers {
            _ = value.withBytes { bytes in
                rd_kafka_header_add(list, name, -1, bytes.pointerOrNull, bytes?.count ?? 0)
            }
        }
        return list
    }
}

extension KafkaProducer.Handles {
    /// To be called under the producer's lock.
    fileprivate func handle(of topic: TopicName) throws(KafkaError) -> OpaquePointer {
        if let known = topics[topic] { return known }
        guard let new = rd_kafka_topic_new(queue.client.pointer, topic.rawValue, nil) else {
            throw KafkaError(rd_kafka_last_error(), action: "opening the topic \(topic)")
        }
        topics[topic] = new
        return new
    }
}

// MARK: - Delivery reports

extension KafkaProducer {
    /// Takes in the events that are there, waiting for the first at most so long. Not to be called under the lock.
    private func serve(_ queue: EventQueue, timeoutMilliseconds: Int32) {
        var timeout = timeoutMilliseconds
        while let event = rd_kafka_queue_poll(queue.pointer, timeout) {
            timeout = 0
            switch rd_kafka_event_type(event) {
            case RD_KAFKA_EVENT_DR: state.withLock { $0.takeReports(event) }
            case RD_KAFKA_EVENT_ERROR: state.withLock { $0.takeError(event) }
            default: break
            }
            rd_kafka_event_destroy(event)
        }
    }
}

extension KafkaProducer.State {
    fileprivate mutating func takeReports(_ event: OpaquePointer) {
        while let message = rd_kafka_event_message_next(event) {
            let tag = UInt64(UInt(bitPattern: message.pointee._private))
            guard message.pointee.err != RD_KAFKA_RESP_ERR_NO_ERROR else {
                ledger.acknowledge(tag)
                complaint = nil
                continue
            }
            ledger.fail(tag)
            guard firstFailure == nil else { continue }
            let topic = message.pointee.rkt.flatMap { rd_kafka_topic_name($0) }.map { String(cString: $0) } ?? "a topic"
            firstFailure = KafkaError(message.pointee.err, action: "sending to \(topic)", detail: complaint)
        }
    }

    fileprivate mutating func takeError(_ event: OpaquePointer) {
        let isFatal = rd_kafka_event_error_is_fatal(event) != 0
        let error = KafkaError(
            rd_kafka_event_error(event), action: "publishing",
            detail: rd_kafka_event_error_string(event).map { String(cString: $0) }, isFatal: isFatal)
        complaint = "\(error.detail) (\(error.name))"
        if isFatal, firstFailure == nil { firstFailure = error }
    }

    fileprivate var summary: DeliveryState {
        DeliveryState(
            acknowledged: ledger.acknowledged, failed: ledger.failed, outstanding: ledger.outstanding,
            acknowledgedThrough: ledger.acknowledgedThrough, firstFailure: firstFailure)
    }
}

// MARK: - Bytes for C

extension [UInt8]? {
    fileprivate func withBytes<R>(_ body: (UnsafeRawBufferPointer?) -> R) -> R {
        guard let bytes = self else { return body(nil) }
        return bytes.withUnsafeBytes { body($0) }
    }
}

extension UnsafeRawBufferPointer? {
    /// Null for nil only: an empty Swift buffer may have no address, and librdkafka would take it for null.
    fileprivate var pointerOrNull: UnsafeRawPointer? {
        map { $0.baseAddress ?? emptyBytes }
    }
}
