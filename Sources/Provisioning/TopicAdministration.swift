// What provisioning asks of a cluster; `KafkaAdmin` answers it.
package import Kafka
package import Model

/// The questions and changes of ``Provisioner``, as ``KafkaAdmin`` has them.
package protocol TopicAdministration {
    func cluster(timeoutMilliseconds: Int32) throws(KafkaError) -> ClusterMetadata
    func topicSettings(_ name: TopicName, timeoutMilliseconds: Int32) throws(KafkaError) -> [String: TopicSetting]
    func createTopic(
        _ name: TopicName, partitions: Int32, replicationFactor: Int32, configuration: [String: String],
        timeoutMilliseconds: Int32
    ) throws(KafkaError)
    func addPartitions(_ name: TopicName, total: Int32, timeoutMilliseconds: Int32) throws(KafkaError)
    /// Other settings of the topic are kept.
    func alterTopicConfiguration(
        _ name: TopicName, setting changes: [String: String], timeoutMilliseconds: Int32
    ) throws(KafkaError)
    /// Those that bear upon the topic, of wider patterns too.
    func accessRules(of name: TopicName, timeoutMilliseconds: Int32) throws(KafkaError) -> [AccessRule]
    func allow(
        _ principal: String, _ operation: AccessRule.Operation, on name: TopicName, timeoutMilliseconds: Int32
    ) throws(KafkaError)
}

extension KafkaAdmin: TopicAdministration {}
