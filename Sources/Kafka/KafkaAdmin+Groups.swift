// A consumer group's committed offsets, moved from outside of the group.

import CRdkafka
package import Model

extension KafkaAdmin {
    /// Commits for a consumer group that has no members, and waits until the coordinator has done so.
    /// - Throws: also the coordinator's refusal while the group has members: nobody but they can commit then.
    package func commit(
        _ next: [TopicPartition: NextOffset], group: String, timeoutMilliseconds: Int32
    ) throws(KafkaError) {
        guard !next.isEmpty else { return }
        let action = "committing \(next.count) offsets of group \(group)"
        let client = try open(action)
        let list = PartitionList(next.map { ($0.key, $0.value.rawValue) })
        guard let request = rd_kafka_AlterConsumerGroupOffsets_new(group, list.pointer) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, action: action)
        }
        defer { rd_kafka_AlterConsumerGroupOffsets_destroy(request) }
        let event = try AdminCall(client, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, timeoutMilliseconds, action)
            .perform { options, queue in
                var requests: [OpaquePointer?] = [request]
                rd_kafka_AlterConsumerGroupOffsets(client.pointer, &requests, 1, options, queue)
            }
        var count = 0
        guard let answer = rd_kafka_event_AlterConsumerGroupOffsets_result(event.pointer),
            let groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(answer, &count), count == 1,
            let group = groups[0]
        else { throw KafkaError(RD_KAFKA_RESP_ERR__BAD_MSG, action: action) }
        if let error = rd_kafka_group_result_error(group) { try check(rd_kafka_error_code(error), action) }
        guard let partitions = rd_kafka_group_result_partitions(group) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__BAD_MSG, action: action)
        }
        for index in 0..<Int(partitions.pointee.cnt) { try check(partitions.pointee.elems[index].err, action) }
    }
}
