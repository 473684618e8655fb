// A Kafka cluster in this process's memory, for tests and the demonstration.

import CRdkafka
package import Model
import Synchronization

/// librdkafka's mock cluster; other processes reach it by its bootstrap string. Never for production.
///
/// Bounds, as tried on librdkafka 2.0.2:
/// - It keeps 5 MB or 100,000 records a partition and silently forgets older ones; a single record over 5 MB empties
///   the partition, though it is acknowledged. Use many partitions, and refuse larger records before sending.
/// - A fetch that finds nothing waits its whole time: clients want ``clientProperties``.
/// - It answers no administration (`KafkaAdmin.createTopic` …): create topics here, and before anyone subscribes or
///   publishes to them, for a name asked for springs into being with 4 partitions, whatever the client allows.
/// - A group's first members wait 3 s for others, and a session shorter than that ends meanwhile; the member then
///   hangs until `max.poll.interval.ms`.
/// - Offsets by time are unknown, records of aborted transactions are delivered, nothing survives `stop`.
package final class EmbeddedBroker: Sendable {
    /// The requests errors can be injected into, by their number in the Kafka protocol.
    package enum Request: Int16, Sendable, CaseIterable {
        case produce = 0
        case fetch = 1
        case listOffsets = 2
        case metadata = 3
        case offsetCommit = 8
        case offsetFetch = 9
        case findCoordinator = 10
        case joinGroup = 11
        case heartbeat = 12
        case leaveGroup = 13
        case syncGroup = 14
        case initProducerID = 22
    }

    package let bootstrapServers: String
    private let defaultPartitions: Int32
    private let brokers: Int32
    private let cluster: Mutex<Cluster?>

    /// The cluster and the client whose thread it runs on.
    ///
    /// `@unchecked Sendable`: touched only under the lock of `cluster`.
    private final class Cluster: @unchecked Sendable {
        let client: Client
        let pointer: OpaquePointer

        init(_ client: Client, _ pointer: OpaquePointer) {
            self.client = client
            self.pointer = pointer
        }

        deinit { rd_kafka_mock_cluster_destroy(pointer) }
    }

    /// Listens on free ports of the loopback interface.
    /// - Parameter defaultPartitions: of topics created without a number.
    package init(brokers: Int32 = 1, defaultPartitions: Int32 = 8) throws(KafkaError) {
        let action = "starting an embedded broker"
        let client = try Client(.producer, properties: ["client.id": "embedded-broker"], log: nil, action: action)
        guard let pointer = rd_kafka_mock_cluster_new(client.pointer, brokers) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__FAIL, action: action, detail: "no listening socket could be had")
        }
        let cluster = Cluster(client, pointer)
        bootstrapServers = String(cString: rd_kafka_mock_cluster_bootstraps(pointer))
        self.brokers = brokers
        self.defaultPartitions = defaultPartitions
        self.cluster = Mutex(cluster)
    }

    /// What consumers need for this broker to be quick: its long poll never wakes early, and a killed member leaves
    /// only at its session's end, which must lie a second beyond the 3 s of a group's first wait.
    package static let clientProperties = [
        "fetch.wait.max.ms": "5", "session.timeout.ms": "4000", "heartbeat.interval.ms": "500",
    ]

    /// Settings of clients of this broker.
    package var settings: KafkaSettings {
        KafkaSettings(bootstrapServers: bootstrapServers, properties: Self.clientProperties)
    }

    /// - Parameter partitions: nil takes the broker's default.
    /// - Throws: `KafkaErrorCode.topicAlreadyExists`, or an invalid number of partitions or replicas.
    package func createTopic(
        _ name: TopicName, partitions: Int32? = nil, replicationFactor: Int32 = 1
    ) throws(KafkaError) {
        try perform("creating the topic \(name)") { cluster in
            rd_kafka_mock_topic_create(cluster, name.rawValue, partitions ?? defaultPartitions, replicationFactor)
        }
    }

    /// Delays every answer of every broker.
    package func setRoundTripMilliseconds(_ milliseconds: Int32) throws(KafkaError) {
        try forEachBroker("delaying the embedded broker") { rd_kafka_mock_broker_set_rtt($0, $1, milliseconds) }
    }

    /// Answers the next requests of a kind with these errors, one each, in order.
    /// - Parameter codes: see ``KafkaErrorCode``; 0 lets a request pass, `transport` ends the connection.
    package func injectErrors(_ request: Request, _ codes: [Int32]) throws(KafkaError) {
        try perform("injecting errors") { cluster in
            let errors = codes.map { rd_kafka_resp_err_t($0) }
            rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, errors.count, errors)
            return RD_KAFKA_RESP_ERR_NO_ERROR
        }
    }

    /// Forgets injected errors that no request has met yet.
    package func clearErrors(_ request: Request) throws(KafkaError) {
        try perform("clearing injected errors") { cluster in
            rd_kafka_mock_clear_request_errors(cluster, request.rawValue)
            return RD_KAFKA_RESP_ERR_NO_ERROR
        }
    }

    /// Every broker ends its connections and takes no new ones; records are kept.
    package func setDown() throws(KafkaError) {
        try forEachBroker("taking the embedded broker down") { rd_kafka_mock_broker_set_down($0, $1) }
    }

    package func setUp() throws(KafkaError) {
        try forEachBroker("bringing the embedded broker up") { rd_kafka_mock_broker_set_up($0, $1) }
    }

    /// Moves a partition's leadership to another broker, numbered from 1.
    package func setLeader(_ partition: TopicPartition, broker: Int32) throws(KafkaError) {
        try perform("moving the leader of \(partition)") { cluster in
            rd_kafka_mock_partition_set_leader(
                cluster, partition.topic.rawValue, partition.partition.rawValue, broker)
        }
    }

    /// Ends the cluster and frees its ports and threads; all records are gone.
    package func stop() {
        // Released outside the lock: that joins librdkafka's threads.
        let last = cluster.withLock { cluster -> Cluster? in
            defer { cluster = nil }
            return cluster
        }
        withExtendedLifetime(last) {}
    }

    private func forEachBroker(
        _ action: String, _ body: (OpaquePointer, Int32) -> rd_kafka_resp_err_t
    ) throws(KafkaError) {
        // librdkafka numbers its brokers from 1.
        for broker in 1...brokers {
            try perform(action) { body($0, broker) }
        }
    }

    private func perform(_ action: String, _ body: (OpaquePointer) -> rd_kafka_resp_err_t) throws(KafkaError) {
        let code = cluster.withLock { cluster in cluster.map { body($0.pointer) } }
        guard let code else { throw KafkaError(KafkaErrorCode.closed, action: action, detail: "it is stopped") }
        try check(code, action)
    }
}
