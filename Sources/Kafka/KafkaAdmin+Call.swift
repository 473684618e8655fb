// How the administration protocol is spoken: a request, and a queue of its own for the answer.

import CRdkafka

/// One request of the administration protocol.
struct AdminCall {
    private let client: Client
    private let operation: rd_kafka_admin_op_t
    private let timeoutMilliseconds: Int32
    private let action: String

    init(_ client: Client, _ operation: rd_kafka_admin_op_t, _ timeoutMilliseconds: Int32, _ action: String) {
        self.client = client
        self.operation = operation
        self.timeoutMilliseconds = timeoutMilliseconds
        self.action = action
    }

    /// - Parameter body: starts the request with these options and this queue.
    func perform(_ body: (_ options: OpaquePointer, _ queue: OpaquePointer) -> Void) throws(KafkaError) -> Event {
        guard let options = rd_kafka_AdminOptions_new(client.pointer, operation),
            let pointer = rd_kafka_queue_new(client.pointer)
        else { throw KafkaError(RD_KAFKA_RESP_ERR__FAIL, action: action) }
        defer { rd_kafka_AdminOptions_destroy(options) }
        let queue = EventQueue(client, owning: pointer)
        var reason = [CChar](repeating: 0, count: 512)
        // The request's time-out covers the search for the controller; the operation's, the controller's own work.
        try check(
            rd_kafka_AdminOptions_set_request_timeout(options, timeoutMilliseconds, &reason, reason.count), action)
        if Self.hasOperationTimeout(operation) {
            try check(
                rd_kafka_AdminOptions_set_operation_timeout(options, timeoutMilliseconds, &reason, reason.count),
                action)
        }
        body(options, queue.pointer)
        // librdkafka answers each request within its time-out; the second is for its own thread to do so.
        guard let raw = rd_kafka_queue_poll(queue.pointer, timeoutMilliseconds + 1_000) else {
            throw KafkaError(KafkaErrorCode.timedOut, action: action)
        }
        let event = Event(pointer: raw)
        let code = rd_kafka_event_error(raw)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(code, action: action, detail: rd_kafka_event_error_string(raw).map { String(cString: $0) })
        }
        return event
    }

    /// librdkafka refuses it for requests that are answered at once.
    private static func hasOperationTimeout(_ operation: rd_kafka_admin_op_t) -> Bool {
        ![
            RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, RD_KAFKA_ADMIN_OP_ALTERCONFIGS, RD_KAFKA_ADMIN_OP_DESCRIBEACLS,
            RD_KAFKA_ADMIN_OP_CREATEACLS, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS,
        ].contains(operation)
    }

    /// Owns the answer, which the results point into.
    struct Event: ~Copyable {
        let pointer: OpaquePointer
        deinit { rd_kafka_event_destroy(pointer) }
    }
}
