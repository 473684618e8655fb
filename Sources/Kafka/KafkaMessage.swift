// A fetched record, read in place.

import CRdkafka
package import Model

/// A record's header; a null value and an empty one are different things.
package typealias KafkaHeader = (name: String, value: [UInt8]?)

/// Owns librdkafka's event; key and value point into it and are valid as long as the message lives.
///
/// A tombstone's value is nil and an empty value an empty buffer, never confused; the same holds for keys.
/// A message holds its client's memory: let go of messages soon, and before the consumer is closed.
package struct KafkaMessage: ~Copyable {
    package let topicPartition: TopicPartition
    package let offset: Offset
    /// The partition's place in the assignment, as it was given to `KafkaConsumer.assign`.
    package let assignmentIndex: Int

    private let client: Client
    private let event: OpaquePointer
    private let message: UnsafePointer<rd_kafka_message_t>

    /// - Parameter event: taken over; `message` is its one message.
    init(
        _ topicPartition: TopicPartition, assignmentIndex: Int, client: Client, event: OpaquePointer,
        message: UnsafePointer<rd_kafka_message_t>
    ) {
        self.topicPartition = topicPartition
        self.assignmentIndex = assignmentIndex
        self.offset = Offset(message.pointee.offset)
        self.client = client
        self.event = event
        self.message = message
    }

    deinit { rd_kafka_event_destroy(event) }

    /// Milliseconds since 1970-01-01 UTC; nil where the broker gave none.
    package var timestampMilliseconds: Int64? { timestamp(of: message) }

    package var key: UnsafeRawBufferPointer? { bytes(message.pointee.key, message.pointee.key_len) }

    package var value: UnsafeRawBufferPointer? { bytes(message.pointee.payload, message.pointee.len) }

    /// The last header of that name; nil where the record has none such.
    package func header(_ name: StaticString) -> KafkaHeader? {
        guard let headers = headerList(of: message) else { return nil }
        var value: UnsafeRawPointer?
        var size = 0
        let code = name.withUTF8Buffer { buffer in
            // A static string's buffer ends in a zero byte, so it is a C string as it stands.
            buffer.withMemoryRebound(to: CChar.self) {
                rd_kafka_header_get_last(headers, $0.baseAddress, &value, &size)
            }
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return (name.description, bytes(value, size).map { [UInt8]($0) })
    }

    /// All headers in their order; a name may occur several times.
    package func headers() -> [KafkaHeader] { allHeaders(of: message) }

    /// Bytes of all headers' names and values together.
    package var headersByteCount: Int {
        var sum = 0
        forEachHeader(of: message) { name, _, size in sum += name.count + size }
        return sum
    }
}

/// One record's bytes, copied out of the log.
package struct KafkaRecord: Sendable {
    package let topicPartition: TopicPartition
    package let offset: Offset
    /// Milliseconds since 1970-01-01 UTC; nil where the broker gave none.
    package let timestampMilliseconds: Int64?
    package let key: [UInt8]?
    package let value: [UInt8]?
    package let headers: [KafkaHeader]

    init(_ topicPartition: TopicPartition, copying message: UnsafePointer<rd_kafka_message_t>) {
        self.topicPartition = topicPartition
        offset = Offset(message.pointee.offset)
        timestampMilliseconds = timestamp(of: message)
        key = bytes(message.pointee.key, message.pointee.key_len).map { [UInt8]($0) }
        value = bytes(message.pointee.payload, message.pointee.len).map { [UInt8]($0) }
        headers = allHeaders(of: message)
    }
}

/// librdkafka gives a null pointer for a null value, and a pointer with size 0 for an empty one.
private func bytes(_ pointer: UnsafeRawPointer?, _ size: Int) -> UnsafeRawBufferPointer? {
    pointer.map { UnsafeRawBufferPointer(start: $0, count: size) }
}

private func timestamp(of message: UnsafePointer<rd_kafka_message_t>) -> Int64? {
    var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
    let milliseconds = rd_kafka_message_timestamp(message, &type)
    return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || milliseconds < 0 ? nil : milliseconds
}

private func headerList(of message: UnsafePointer<rd_kafka_message_t>) -> OpaquePointer? {
    var headers: OpaquePointer?
    // Parsed at the first call and kept by the message, which remains their owner.
    let code = rd_kafka_message_headers(message, &headers)
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? headers : nil
}

private func forEachHeader(
    of message: UnsafePointer<rd_kafka_message_t>,
    _ body: (_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeRawPointer?, _ size: Int) -> Void
) {
    guard let headers = headerList(of: message) else { return }
    for index in 0..<rd_kafka_header_cnt(headers) {
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        guard rd_kafka_header_get_all(headers, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR, let name
        else { return }
        var length = 0
        while name[length] != 0 { length += 1 }
        name.withMemoryRebound(to: UInt8.self, capacity: length) {
            body(UnsafeBufferPointer(start: $0, count: length), value, size)
        }
    }
}

private func allHeaders(of message: UnsafePointer<rd_kafka_message_t>) -> [KafkaHeader] {
    var result: [KafkaHeader] = []
    forEachHeader(of: message) { name, value, size in
        result.append((String(decoding: name, as: UTF8.self), bytes(value, size).map { [UInt8]($0) }))
    }
    return result
}
