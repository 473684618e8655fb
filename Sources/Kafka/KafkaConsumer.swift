// A member of a consumer group that never commits by itself: its owner's database decides where it stands.

import CRdkafka
import Dispatch
package import Model
import Synchronization

/// One lane's consumer, confined to one thread: poll, rebalance, pause and seek all come from it.
///
/// The class is not Sendable on purpose. Calls from several threads would lose messages in librdkafka 2.0.2.
package final class KafkaConsumer {
    /// Guarantees rest on these; settings cannot change them.
    private static let rules = [
        "enable.auto.commit": "false",
        "enable.auto.offset.store": "false",
        // A gap is an error to be decided by an operator, never a jump.
        "auto.offset.reset": "error",
        "check.crcs": "true",
        "enable.partition.eof": "true",
        "partition.assignment.strategy": "range",
        "isolation.level": "read_committed",
        "allow.auto.create.topics": "false",
    ]

    /// Memory in flight is bounded by the queue (16 MB or 30,000 records, whatever is less) and one answer of a broker:
    /// 4 MB as it is stored, or the one record that is larger, for a broker always answers with at least one whole batch.
    /// Compressed JSON grows some sixfold. The embedded broker knows the bound of each partition alone.
    private static let tuning = [
        "queued.max.messages.kbytes": "16384",
        "queued.min.messages": "\(queuedRecordsMax)",
        "fetch.max.bytes": "4194304",
        "max.partition.fetch.bytes": "131072",
        "message.max.bytes": "4194304",
        "receive.message.max.bytes": "134217728",
        "fetch.wait.max.ms": "100",
        "fetch.error.backoff.ms": "100",
        "session.timeout.ms": "15000",
        "heartbeat.interval.ms": "3000",
        "max.poll.interval.ms": "300000",
        "reconnect.backoff.max.ms": "2000",
        "socket.keepalive.enable": "true",
    ]

    private static let queuedRecordsMax = 30_000
    /// librdkafka 2.0.2 stops fetching at a full queue and looks again after up to a second, whatever has become of the
    /// queue: so it is looked at here, and its threads are woken where half of what was there is gone.
    private static let recordsBetweenLooks = 1_000

    private static let closeTimeout: Duration = .seconds(10)
    private static let callTimeoutMilliseconds: Int32 = 5_000

    private let group: String
    private var queue: EventQueue?
    /// What is assigned, with what was already given of it: the second check behind librdkafka's own version barrier.
    private var lanes: [AssignedPartition] = []
    private var lastLane = 0
    private var paused: Set<TopicPartition> = []
    /// A rebalance event was given and not yet answered; the group waits for the answer.
    private var rebalancePending = false
    private var recordsSinceLook = 0
    /// The longest that the queue was seen since the last nudge.
    private var queuedRecordsPeak = 0
    private var nextNudged = 0
    private let nudger = Nudger()

    private struct AssignedPartition {
        let topicPartition: TopicPartition
        /// librdkafka's topic object, once seen: comparing it spares a string per message. Valid while assigned.
        var topicHandle: OpaquePointer?
        /// Records below it were given already, or lie before the position asked for.
        var next: Int64
        /// Its position was out of range: librdkafka has stopped it, and starts it again by an assignment only.
        var isStopped = false
    }

    /// - Parameters:
    ///   - settings: the cluster; its properties override tuning only.
    ///   - group: the consumer group's id.
    ///   - clientID: shown in the broker's logs and metrics.
    ///   - properties: librdkafka keys for this consumer, before the settings' own.
    /// - Throws: `KafkaError` for an unknown or forbidden property. Reaching the broker is not tried here.
    package init(
        settings: KafkaSettings, group: String, clientID: String, properties: [String: String] = [:]
    ) throws(KafkaError) {
        let action = "making a consumer of group \(group)"
        var rules = Self.rules
        rules["group.id"] = group
        let resolved = try settings.resolved(
            clientID: clientID, tuning: Self.tuning, properties: properties, rules: rules, action: action)
        let client = try Client(.consumer, properties: resolved, log: settings.log, action: action)
        // Errors and rebalances arrive in the main queue; one queue for all keeps their order with the messages.
        rd_kafka_poll_set_consumer(client.pointer)
        guard let pointer = rd_kafka_queue_get_consumer(client.pointer) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__FAIL, action: action, detail: "the client has no consumer queue")
        }
        self.group = group
        self.queue = EventQueue(client, owning: pointer)
    }

    deinit { close() }

    /// Replaces the subscription. Partitions arrive later as `.assigned`.
    package func subscribe(_ topics: [TopicName]) throws(KafkaError) {
        let action = "subscribing group \(group) to \(topics.map(\.rawValue).joined(separator: ", "))"
        let client = try client(action)
        let list = PartitionList(topics.map { TopicPartition($0, Partition(RD_KAFKA_PARTITION_UA)) })
        try check(rd_kafka_subscribe(client.pointer, list.pointer), action)
    }

    /// The next event, or nil after the timeout. Polling keeps the membership alive (`max.poll.interval.ms`), so
    /// paused consumers must poll too.
    /// - Parameter timeoutMilliseconds: 0 takes what is there.
    package func poll(timeoutMilliseconds: Int32) -> ConsumerEvent? {
        guard let queue else { return nil }
        let start = timeoutMilliseconds > 0 ? ContinuousClock.now : nil
        var remaining = timeoutMilliseconds
        // Ends: with nothing left of the timeout, each turn takes one event of a bounded queue.
        while let event = rd_kafka_queue_poll(queue.pointer, remaining) {
            if let reported = translate(event, queue.client) {
                recordsSinceLook += 1
                if recordsSinceLook >= Self.recordsBetweenLooks { look(queue) }
                return reported
            }
            if let start { remaining = timeoutMilliseconds.remaining(since: start) }
        }
        return nil
    }

    private func look(_ queue: EventQueue) {
        recordsSinceLook = 0
        let length = rd_kafka_queue_length(queue.pointer)
        queuedRecordsPeak = max(queuedRecordsPeak, length)
        guard queuedRecordsPeak >= Self.recordsBetweenLooks, length < queuedRecordsPeak / 2, !lanes.isEmpty else {
            return
        }
        // Partitions in turn, since only a few of them have one leader.
        let count = min(4, lanes.count)
        let places = (0..<count).map { lanes[(nextNudged + $0) % lanes.count].topicPartition }
        guard nudger.nudge(queue.client, places) else { return }
        nextNudged = (nextNudged + count) % lanes.count
        queuedRecordsPeak = length
    }

    /// Ends a waiting `poll`, from any thread.
    package struct Waker: Sendable {
        fileprivate let queue: EventQueue?

        package func wake() { if let queue { rd_kafka_queue_yield(queue.pointer) } }
    }

    /// For whoever has something for the polling thread to do. Holds the client: let it go before the consumer.
    package var waker: Waker { Waker(queue: queue) }

    /// Replaces the assignment and reads each partition from its own offset; also the answer to `.assigned`.
    package func assign(_ positions: [(TopicPartition, NextOffset)]) throws(KafkaError) {
        try assign(positions.map { AssignedPartition(topicPartition: $0.0, next: $0.1.rawValue) })
    }

    private func assign(_ new: [AssignedPartition]) throws(KafkaError) {
        let action = "assigning \(new.count) partitions in group \(group)"
        let client = try client(action)
        try resumeAll(client)
        let list = PartitionList(new.map { ($0.topicPartition, $0.next) })
        // Dropped first: whatever librdkafka still gives of the old assignment is filtered from here on.
        lanes = []
        rebalancePending = false
        try check(rd_kafka_assign(client.pointer, list.pointer), action)
        lanes = new
        lastLane = 0
    }

    /// Gives all partitions back; the answer to `.revoked`.
    package func unassign() throws(KafkaError) {
        let action = "giving back the partitions of group \(group)"
        let client = try client(action)
        try resumeAll(client)
        lanes = []
        rebalancePending = false
        try check(rd_kafka_assign(client.pointer, nil), action)
    }

    /// Stops fetching; records fetched and not yet given are given again after `resume`.
    package func pause(_ partitions: [TopicPartition]) throws(KafkaError) {
        // Pausing twice would take the position from the first record given since the seek in between: none.
        let new = partitions.filter { !paused.contains($0) && isAssigned($0) }
        guard !new.isEmpty else { return }
        let action = "pausing \(new.count) partitions of group \(group)"
        let client = try client(action)
        let list = PartitionList(new)
        try check(rd_kafka_pause_partitions(client.pointer, list.pointer), action)
        try list.checkEach(action)
        paused.formUnion(new)
    }

    package func resume(_ partitions: [TopicPartition]) throws(KafkaError) {
        // librdkafka 2.0.2 may go back to an earlier position when it resumes what is not paused.
        let known = partitions.filter { paused.contains($0) }
        guard !known.isEmpty else { return }
        let action = "resuming \(known.count) partitions of group \(group)"
        let client = try client(action)
        let list = PartitionList(known)
        try check(rd_kafka_resume_partitions(client.pointer, list.pointer), action)
        try list.checkEach(action)
        paused.subtract(known)
        // librdkafka notices a resumption after up to a second, a seek at once. Should the seek fail, it notices later.
        for lane in lanes where known.contains(lane.topicPartition) && !lane.isStopped {
            _ = startSeek(lane.topicPartition, to: NextOffset(lane.next), client)
        }
    }

    /// Reads the partition from `next` on; what was fetched and not yet given of it is dropped. A paused partition
    /// stays paused.
    /// - Throws: `KafkaErrorCode.state` where the partition is not assigned.
    package func seek(_ partition: TopicPartition, to next: NextOffset) throws(KafkaError) {
        let action = "seeking \(partition) to \(next)"
        let client = try client(action)
        guard let lane = lanes.firstIndex(where: { $0.topicPartition == partition }) else {
            throw KafkaError(KafkaErrorCode.state, action: action, detail: "the partition is not assigned")
        }
        if lanes[lane].isStopped {
            try restart(lane, at: next)
            return
        }
        let start = ContinuousClock.now
        // Right after an assignment the partition may not have started yet, which is an error 'state' that passes.
        while let failure = startSeek(partition, to: next, client) {
            guard Self.passingSeekFailures.contains(failure.code),
                Self.callTimeoutMilliseconds.remaining(since: start) > 0
            else { throw failure }
        }
        lanes[lane].next = next.rawValue
    }

    /// Assigns all anew, each partition from where it stands: what was fetched is fetched again.
    private func restart(_ lane: Int, at next: NextOffset) throws(KafkaError) {
        let pausedBefore = Array(paused)
        var new = lanes.map { AssignedPartition(topicPartition: $0.topicPartition, next: $0.next) }
        new[lane].next = next.rawValue
        try assign(new)
        try pause(pausedBefore)
    }

    /// Asking again is harmless: the last request decides.
    private func startSeek(_ partition: TopicPartition, to next: NextOffset, _ client: Client) -> KafkaError? {
        let action = "seeking \(partition) to \(next)"
        let list = PartitionList(CollectionOfOne((partition, next.rawValue)))
        // 2.0.2 waits for a thousandth of the time given; later versions for the time given.
        if let error = rd_kafka_seek_partitions(client.pointer, list.pointer, Self.callTimeoutMilliseconds) {
            return KafkaError(consuming: error, action: action)
        }
        return list.firstError.map { KafkaError($0.code, action: action) }
    }

    private static let passingSeekFailures: Set<Int32> = [
        RD_KAFKA_RESP_ERR__STATE.rawValue, RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS.rawValue,
        RD_KAFKA_RESP_ERR__IN_PROGRESS.rawValue, RD_KAFKA_RESP_ERR__TIMED_OUT.rawValue,
    ]

    /// Asks the broker for the first offset kept and the one the next record will get.
    package func watermarks(
        _ partition: TopicPartition, timeoutMilliseconds: Int32
    ) throws(KafkaError) -> (low: Int64, high: Int64) {
        try queryWatermarks(try client("reading the watermarks of \(partition)"), partition, timeoutMilliseconds)
    }

    /// Commits asynchronously to Kafka, for lag tools only: the outcome is not awaited, a failure not reported.
    package func commit(_ next: [TopicPartition: NextOffset]) throws(KafkaError) {
        guard !next.isEmpty else { return }
        let action = "committing \(next.count) offsets of group \(group)"
        let client = try client(action)
        let list = PartitionList(next.map { ($0.key, $0.value.rawValue) })
        try check(rd_kafka_commit(client.pointer, list.pointer, 1), action)
    }

    /// The group's offsets as committed to Kafka; partitions without one are absent.
    package func committed(
        _ partitions: [TopicPartition], timeoutMilliseconds: Int32
    ) throws(KafkaError) -> [TopicPartition: NextOffset] {
        let action = "reading the committed offsets of group \(group)"
        let client = try client(action)
        let list = PartitionList(partitions)
        try check(rd_kafka_committed(client.pointer, list.pointer, timeoutMilliseconds), action)
        try list.checkEach(action)
        var result: [TopicPartition: NextOffset] = [:]
        for index in 0..<Int(list.pointer.pointee.cnt) {
            let element = list.pointer.pointee.elems[index]
            if element.offset >= 0, let partition = TopicPartition(element) {
                result[partition] = NextOffset(element.offset)
            }
        }
        return result
    }

    /// The group has taken the partitions away without asking; others own them already. False proves nothing, see
    /// `ConsumerEvent.revoked`.
    package var isAssignmentLost: Bool {
        guard let queue else { return false }
        return rd_kafka_assignment_lost(queue.client.pointer) != 0
    }

    /// The name the group knows this member by; nil before it has joined.
    package var memberID: String? {
        guard let queue, let text = rd_kafka_memberid(queue.client.pointer) else { return nil }
        defer { rd_kafka_mem_free(queue.client.pointer, text) }
        let name = String(cString: text)
        return name.isEmpty ? nil : name
    }

    /// Leaves the group, so that others get the partitions at once. Waits at most 10 s for the broker, then goes
    /// without its answer. The final revocation is answered here and not reported. Further calls throw; `poll` gives nil.
    package func close() {
        guard let queue else { return }
        let client = queue.client
        self.queue = nil
        lanes = []
        paused = []
        // A rebalance that was reported and never answered would hold the leaving up for ever.
        if rebalancePending { rd_kafka_assign(client.pointer, nil) }
        guard let pointer = rd_kafka_queue_new(client.pointer) else { return }
        let closing = EventQueue(client, owning: pointer)
        if let error = rd_kafka_consumer_close_queue(client.pointer, closing.pointer) {
            rd_kafka_error_destroy(error)
            return
        }
        let start = ContinuousClock.now
        while rd_kafka_consumer_closed(client.pointer) == 0, ContinuousClock.now - start < Self.closeTimeout {
            guard let event = rd_kafka_queue_poll(closing.pointer, 50) else { continue }
            if rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE { rd_kafka_assign(client.pointer, nil) }
            rd_kafka_event_destroy(event)
        }
    }
}

/// Wakes the threads that fetch: any request wakes the one of the broker that it goes to, which then decides anew what
/// to fetch. The answer is of no use, but the call waits for it; so it has a thread of its own, and one call at a time.
private final class Nudger: Sendable {
    private let queue = DispatchQueue(label: "lienthong-nudge")
    private let isBusy = Atomic<Bool>(false)

    /// False while the last one is still on its way.
    func nudge(_ client: Client, _ places: [TopicPartition]) -> Bool {
        guard isBusy.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged else {
            return false
        }
        queue.async { [self] in
            for place in places {
                var low: Int64 = 0
                var high: Int64 = 0
                _ = rd_kafka_query_watermark_offsets(
                    client.pointer, place.topic.rawValue, place.partition.rawValue, &low, &high, 1_000)
            }
            isBusy.store(false, ordering: .releasing)
        }
        return true
    }
}

// MARK: - Events

extension KafkaConsumer {
    /// Takes the event over; nil where there is nothing to report.
    private func translate(_ event: OpaquePointer, _ client: Client) -> ConsumerEvent? {
        switch rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_FETCH:
            return message(event, client)
        case RD_KAFKA_EVENT_ERROR:
            defer { rd_kafka_event_destroy(event) }
            return failure(event)
        case RD_KAFKA_EVENT_REBALANCE:
            defer { rd_kafka_event_destroy(event) }
            return rebalance(event, client)
        default:
            rd_kafka_event_destroy(event)
            return nil
        }
    }

    private func message(_ event: OpaquePointer, _ client: Client) -> ConsumerEvent? {
        // A fetch event holds one message.
        guard let message = rd_kafka_event_message_next(event), let lane = lane(of: message),
            message.pointee.offset >= lanes[lane].next
        else {
            rd_kafka_event_destroy(event)
            return nil
        }
        let partition = lanes[lane].topicPartition
        guard message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
            defer { rd_kafka_event_destroy(event) }
            return .failure(KafkaError(message.pointee.err, action: "reading \(partition)"), partition)
        }
        lanes[lane].next = message.pointee.offset + 1
        return .message(
            KafkaMessage(partition, assignmentIndex: lane, client: client, event: event, message: message))
    }

    private func lane(of message: UnsafePointer<rd_kafka_message_t>) -> Int? {
        let number = message.pointee.partition
        guard let topic = message.pointee.rkt else { return nil }
        // Messages come in runs of one partition.
        if lastLane < lanes.count, lanes[lastLane].topicHandle == topic,
            lanes[lastLane].topicPartition.partition.rawValue == number
        {
            return lastLane
        }
        guard let name = rd_kafka_topic_name(topic) else { return nil }
        for index in lanes.indices where lanes[index].topicPartition.partition.rawValue == number {
            if lanes[index].topicHandle == topic || lanes[index].topicPartition.topic.rawValue == String(cString: name)
            {
                lanes[index].topicHandle = topic
                lastLane = index
                return index
            }
        }
        return nil
    }

    private func failure(_ event: OpaquePointer) -> ConsumerEvent? {
        let code = rd_kafka_event_error(event)
        var place: (partition: TopicPartition, offset: Int64)?
        if let raw = rd_kafka_event_topic_partition(event) {
            if let partition = TopicPartition(raw.pointee) { place = (partition, raw.pointee.offset) }
            rd_kafka_topic_partition_destroy(raw)
        }
        switch (code, place) {
        case (RD_KAFKA_RESP_ERR__PARTITION_EOF, let place?):
            guard isAssigned(place.partition) else { return nil }
            return .endOfPartition(place.partition, NextOffset(place.offset))
        case (RD_KAFKA_RESP_ERR__PARTITION_EOF, nil):
            return nil
        case (RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, let place?), (RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, let place?):
            guard let lane = lanes.firstIndex(where: { $0.topicPartition == place.partition }) else { return nil }
            lanes[lane].isStopped = true
            return .outOfRange(place.partition)
        default:
            let partition = place.flatMap { $0.partition.partition.rawValue >= 0 ? $0.partition : nil }
            let subject = place.map { partition?.description ?? $0.partition.topic.rawValue }
            let error = KafkaError(
                code, action: "reading \(subject ?? "as group \(group)")",
                detail: rd_kafka_event_error_string(event).map { String(cString: $0) },
                isFatal: rd_kafka_event_error_is_fatal(event) != 0)
            return .failure(error, partition)
        }
    }

    private func rebalance(_ event: OpaquePointer, _ client: Client) -> ConsumerEvent? {
        let partitions = rd_kafka_event_topic_partition_list(event).map { PartitionList.partitions($0) } ?? []
        switch rd_kafka_event_error(event) {
        case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
            rebalancePending = true
            return .assigned(partitions)
        case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
            rebalancePending = true
            return .revoked(partitions, lost: rd_kafka_assignment_lost(client.pointer) != 0)
        case let code:
            // librdkafka asks for an empty assignment in answer to a failed rebalance.
            rd_kafka_assign(client.pointer, nil)
            lanes = []
            return .failure(KafkaError(code, action: "rebalancing group \(group)"), nil)
        }
    }

    private func isAssigned(_ partition: TopicPartition) -> Bool {
        lanes.contains { $0.topicPartition == partition }
    }

    /// A pause survives an assignment in librdkafka, and would silence the partition's next term here.
    private func resumeAll(_ client: Client) throws(KafkaError) {
        guard !paused.isEmpty else { return }
        let list = PartitionList(paused)
        paused = []
        try check(rd_kafka_resume_partitions(client.pointer, list.pointer), "resuming the partitions of group \(group)")
    }

    private func client(_ action: @autoclosure () -> String) throws(KafkaError) -> Client {
        guard let queue else { throw KafkaError(KafkaErrorCode.closed, action: action(), detail: "it is closed") }
        return queue.client
    }
}

// MARK: - Shared by the clients

/// Asks the partition's leader for the first offset kept and the one the next record will get.
func queryWatermarks(
    _ client: Client, _ partition: TopicPartition, _ timeoutMilliseconds: Int32
) throws(KafkaError) -> (low: Int64, high: Int64) {
    var low: Int64 = 0
    var high: Int64 = 0
    try check(
        rd_kafka_query_watermark_offsets(
            client.pointer, partition.topic.rawValue, partition.partition.rawValue, &low, &high, timeoutMilliseconds),
        "reading the watermarks of \(partition)")
    return (low, high)
}

extension PartitionList {
    /// Throws the first partition's own failure, where the call as a whole succeeded.
    func checkEach(_ action: String) throws(KafkaError) {
        if let (code, partition) = firstError { throw KafkaError(code, action: "\(action), at \(partition)") }
    }
}

extension Int32 {
    /// What is left of this many milliseconds, at least 0.
    func remaining(since start: ContinuousClock.Instant) -> Int32 {
        let spent = (ContinuousClock.now - start).components
        let milliseconds = spent.seconds * 1_000 + spent.attoseconds / 1_000_000_000_000_000
        return Int32(Swift.max(0, Int64(self) - milliseconds))
    }
}
