// Owners of librdkafka's handles, and the small lists its calls take.

import CRdkafka
import Model

/// Owns one librdkafka client.
///
/// `@unchecked Sendable`: the handle is set once, and librdkafka's functions on it may be called from any thread;
/// those that may not (the consumer's) are reached only through `KafkaConsumer`, which is not Sendable. Messages hold
/// this object, so that the client outlives the memory they point into.
final class Client: @unchecked Sendable {
    enum Kind {
        case producer, consumer
    }

    let pointer: OpaquePointer
    private let logSink: Unmanaged<LogSink>?

    init(
        _ kind: Kind, properties: [String: String], log: (@Sendable (KafkaLogLine) -> Void)?, action: String
    ) throws(KafkaError) {
        guard let configuration = rd_kafka_conf_new() else {
            throw KafkaError(RD_KAFKA_RESP_ERR__FAIL, action: action, detail: "out of memory")
        }
        for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
            // librdkafka's own sentence quotes the value, which may be a password: only the name is told.
            let result = rd_kafka_conf_set(configuration, name, value, nil, 0)
            guard result == RD_KAFKA_CONF_OK else {
                rd_kafka_conf_destroy(configuration)
                throw KafkaError(
                    KafkaErrorCode.invalidArgument, action: action,
                    detail: result == RD_KAFKA_CONF_UNKNOWN
                        ? "librdkafka knows no property \(name)" : "the value of the property \(name) is not acceptable"
                )
            }
        }
        rd_kafka_conf_set_events(
            configuration,
            kind == .producer
                ? RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR
                : RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_REBALANCE)
        let sink = log.map { Unmanaged.passRetained(LogSink($0)) }
        rd_kafka_conf_set_opaque(configuration, sink?.toOpaque())
        // Without a sink the callback is nil, else librdkafka would write to standard error by itself.
        rd_kafka_conf_set_log_cb(configuration, sink == nil ? nil : LogSink.callback)

        var reason = [CChar](repeating: 0, count: 512)
        let type = kind == .producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER
        guard let pointer = rd_kafka_new(type, configuration, &reason, reason.count) else {
            // Only a success takes the configuration over.
            rd_kafka_conf_destroy(configuration)
            sink?.release()
            throw KafkaError(KafkaErrorCode.invalidArgument, action: action, detail: text(reason))
        }
        self.pointer = pointer
        self.logSink = sink
    }

    deinit {
        // A consumer that could leave its group has done so in `close`; here nothing may wait for the broker.
        rd_kafka_destroy_flags(pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
        logSink?.release()
    }

    /// The error that made the client unusable, if any.
    func fatalError(action: String) -> KafkaError? {
        var reason = [CChar](repeating: 0, count: 512)
        let code = rd_kafka_fatal_error(pointer, &reason, reason.count)
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return KafkaError(code, action: action, detail: text(reason), isFatal: true)
    }
}

/// Hands librdkafka's log lines to the closure of the settings.
private final class LogSink: Sendable {
    private let sink: @Sendable (KafkaLogLine) -> Void

    init(_ sink: @escaping @Sendable (KafkaLogLine) -> Void) { self.sink = sink }

    static let callback: @convention(c) (OpaquePointer?, Int32, UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> Void =
        {
            client, level, facility, message in
            guard let client, let facility, let message, let opaque = rd_kafka_opaque(client) else { return }
            let facilityText = String(cString: facility)
            // Settings are shared by producers and consumers, hence a warning for each property of the other kind.
            guard facilityText != "CONFWARN" else { return }
            Unmanaged<LogSink>.fromOpaque(opaque).takeUnretainedValue().sink(
                KafkaLogLine(level: level, facility: facilityText, message: String(cString: message)))
        }
}

/// Owns one of librdkafka's event queues, and holds its client.
///
/// `@unchecked Sendable`: the pointer is set once; librdkafka locks its queues itself.
final class EventQueue: @unchecked Sendable {
    let client: Client
    let pointer: OpaquePointer

    /// - Parameter pointer: a queue reference of the client's that nobody else releases.
    init(_ client: Client, owning pointer: OpaquePointer) {
        self.client = client
        self.pointer = pointer
    }

    deinit { rd_kafka_queue_destroy(pointer) }
}

/// Owns a topic-partition list for the time of a call.
struct PartitionList: ~Copyable {
    let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(_ positions: some Collection<(TopicPartition, Int64)>) {
        // Proof of the unwrap: librdkafka's allocator ends the process rather than return null.
        pointer = rd_kafka_topic_partition_list_new(Int32(positions.count))!
        for (topicPartition, offset) in positions {
            let element = rd_kafka_topic_partition_list_add(
                pointer, topicPartition.topic.rawValue, topicPartition.partition.rawValue)
            element?.pointee.offset = offset
        }
    }

    init(_ partitions: some Collection<TopicPartition>) {
        self.init(partitions.map { ($0, Int64(RD_KAFKA_OFFSET_INVALID)) })
    }

    deinit { rd_kafka_topic_partition_list_destroy(pointer) }

    /// The first partition's own failure, where the call as a whole succeeded.
    var firstError: (code: rd_kafka_resp_err_t, partition: TopicPartition)? {
        for index in 0..<Int(pointer.pointee.cnt) {
            let element = pointer.pointee.elems[index]
            if element.err != RD_KAFKA_RESP_ERR_NO_ERROR, let partition = TopicPartition(element) {
                return (element.err, partition)
            }
        }
        return nil
    }

    static func partitions(_ list: UnsafePointer<rd_kafka_topic_partition_list_t>) -> [TopicPartition] {
        (0..<Int(list.pointee.cnt)).compactMap { TopicPartition(list.pointee.elems[$0]) }
    }
}

extension TopicPartition {
    init?(_ raw: rd_kafka_topic_partition_t) {
        guard let name = raw.topic, let topic = TopicName(String(cString: name)) else { return nil }
        self.init(topic, Partition(raw.partition))
    }
}

/// The text before a C buffer's terminating zero.
func text(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// A pointer that is not null, for empty keys and values: librdkafka takes a null pointer for a null value.
///
/// `unsafe`: one byte, allocated once, never written, read or freed; only its address is used.
nonisolated(unsafe) let emptyBytes = UnsafeRawPointer(UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))
