// What a consumer's poll may report.

package import Model

/// One event of a consumer, in the order librdkafka gives them.
package enum ConsumerEvent: ~Copyable {
    case message(KafkaMessage)
    /// All records below the next offset were given; holes of compaction and control records count as passed.
    case endOfPartition(TopicPartition, NextOffset)
    /// The group gave these partitions: answer with `assign`, for them or for some of them.
    case assigned([TopicPartition])
    /// The group takes all partitions back: answer with `unassign`, after the last commit if they are not lost.
    /// Lost: others own them already. Not lost is no proof of the contrary: librdkafka does not tell it of a member that
    /// fell behind during a rebalance, so only the owner's own fence (an epoch in its database) decides.
    case revoked([TopicPartition], lost: Bool)
    /// A gap: the wanted offset is not in the log. The partition gives nothing more until it is assigned or sought.
    case outOfRange(TopicPartition)
    /// A failure of the client or of one partition; librdkafka goes on by itself unless the error is fatal.
    case failure(KafkaError, TopicPartition?)
}
