// What went wrong in Kafka, as a sentence and as a code.

import CRdkafka

/// The codes callers decide by; librdkafka's own are negative, the broker's positive.
package enum KafkaErrorCode {
    package static let timedOut = RD_KAFKA_RESP_ERR__TIMED_OUT.rawValue
    package static let invalidArgument = RD_KAFKA_RESP_ERR__INVALID_ARG.rawValue
    package static let unknownTopic = RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC.rawValue
    package static let unknownPartition = RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION.rawValue
    package static let transport = RD_KAFKA_RESP_ERR__TRANSPORT.rawValue
    package static let allBrokersDown = RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN.rawValue
    package static let messageTimedOut = RD_KAFKA_RESP_ERR__MSG_TIMED_OUT.rawValue
    package static let queueFull = RD_KAFKA_RESP_ERR__QUEUE_FULL.rawValue
    /// The call does not fit the client's state, such as a seek in a partition that is not assigned.
    package static let state = RD_KAFKA_RESP_ERR__STATE.rawValue
    /// The client is closed.
    package static let closed = RD_KAFKA_RESP_ERR__DESTROY.rawValue
    /// `auto.offset.reset=error`: the wanted offset is not in the log.
    package static let autoOffsetReset = RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET.rawValue
    package static let offsetOutOfRange = RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE.rawValue
    package static let unknownTopicOrPartition = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART.rawValue
    package static let leaderNotAvailable = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE.rawValue
    package static let notLeaderForPartition = RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION.rawValue
    package static let requestTimedOut = RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT.rawValue
    package static let messageTooLarge = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE.rawValue
    package static let coordinatorNotAvailable = RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE.rawValue
    package static let notEnoughReplicas = RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS.rawValue
    package static let topicAuthorizationFailed = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED.rawValue
    package static let topicAlreadyExists = RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS.rawValue
}

/// A failure of a Kafka client. No part of it quotes a record.
package struct KafkaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// librdkafka's or the broker's number, see ``KafkaErrorCode``.
    package let code: Int32
    /// The number's name as librdkafka writes it, such as `_TRANSPORT`.
    package let name: String
    /// What was being done, to what.
    package let action: String
    /// librdkafka's words for the cause.
    package let detail: String
    /// The client can never work again: close it and make another.
    package let isFatal: Bool
    private let isRetriable: Bool

    init(_ code: Int32, action: String, detail: String? = nil, isFatal: Bool = false, isRetriable: Bool = false) {
        let raw = rd_kafka_resp_err_t(code)
        self.code = code
        self.name = String(cString: rd_kafka_err2name(raw))
        self.action = action
        let given = detail ?? ""
        self.detail = given.isEmpty ? String(cString: rd_kafka_err2str(raw)) : given
        self.isFatal = isFatal
        self.isRetriable = isRetriable
    }

    init(_ code: rd_kafka_resp_err_t, action: String, detail: String? = nil, isFatal: Bool = false) {
        self.init(code.rawValue, action: action, detail: detail, isFatal: isFatal)
    }

    /// Takes over the error object: librdkafka leaks it otherwise.
    init(consuming error: OpaquePointer, action: String) {
        self.init(
            rd_kafka_error_code(error).rawValue, action: action, detail: String(cString: rd_kafka_error_string(error)),
            isFatal: rd_kafka_error_is_fatal(error) != 0, isRetriable: rd_kafka_error_is_retriable(error) != 0)
        rd_kafka_error_destroy(error)
    }

    /// The surroundings are bad (broker away, election, time-out): worth trying again, for ever.
    package var isTransient: Bool {
        guard !isFatal else { return false }
        return isRetriable || Self.transientCodes.contains(code)
    }

    /// The wanted offset lies outside the log: a gap, or a log that was made anew.
    package var isOutOfRange: Bool {
        code == KafkaErrorCode.autoOffsetReset || code == KafkaErrorCode.offsetOutOfRange
    }

    /// The broker gave bytes that cannot be read as records (a damaged batch, an unknown compression): librdkafka tells
    /// it once and goes on behind them.
    package var isUnreadableData: Bool {
        [RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR__BAD_COMPRESSION, RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED]
            .contains(rd_kafka_resp_err_t(code))
    }

    package var nextStep: String {
        if isFatal { return "the client must be made anew" }
        if isTransient { return "is the broker running and reachable at the configured address?" }
        if isOutOfRange { return "compare the topic's watermarks with the wanted offset" }
        switch code {
        case KafkaErrorCode.invalidArgument: return "correct the setting"
        case KafkaErrorCode.unknownTopic, KafkaErrorCode.unknownTopicOrPartition, KafkaErrorCode.unknownPartition:
            return "create the topic, or check its name and number of partitions"
        case KafkaErrorCode.topicAuthorizationFailed: return "give this client's user access to the topic"
        default: return "see the broker's log"
        }
    }

    package var description: String { "\(action): \(detail) (\(name)); \(nextStep)" }

    private static let transientCodes: Set<Int32> = Set(
        [
            RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
            RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__QUEUE_FULL, RD_KAFKA_RESP_ERR__RESOLVE,
            RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR__NODE_UPDATE, RD_KAFKA_RESP_ERR__IN_PROGRESS,
            RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
            RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
        ].map(\.rawValue))
}

/// Turns librdkafka's return code into a thrown error.
func check(_ code: rd_kafka_resp_err_t, _ action: @autoclosure () -> String) throws(KafkaError) {
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, action: action()) }
}
