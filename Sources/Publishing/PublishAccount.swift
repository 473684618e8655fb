// What a publisher has done so far, as it may be told to anyone: numbers only.
package import Model

/// Counts since this publisher was made. Everything counted was acknowledged by all in-sync replicas, so what a broken
/// session had only handed to the client is not in it; records sent again after a break count again, as they do in the
/// log.
package struct PublishAccount: Sendable, Equatable {
    package enum Phase: String, Sendable, Equatable {
        /// Not begun, or trying again.
        case starting
        case snapshot
        case stream
        case ended
    }

    package let feed: String
    package let topic: TopicName
    package var phase: Phase = .starting
    /// Records with a value.
    package var published: Int64 = 0
    package var tombstones: Int64 = 0
    /// Rows held back because the source marks them as state secrets; none of their content, nor their key, reached
    /// Kafka.
    package var withheldStateSecrets: Int64 = 0
    /// Records above the size that a contract allows, published cut just beyond it so that the worker refuses them as
    /// `too-large`. They are in `published`, too.
    package var cutOversized: Int64 = 0
    /// Rows of the snapshot that were read, secrets included.
    package var snapshotRows: Int64 = 0
    /// Source transactions that the change stream delivered.
    package var transactions: Int64 = 0
    /// Sessions that broke and were begun again.
    package var restarts: Int64 = 0

    /// All messages in the topic.
    package var messages: Int64 { published + tombstones }

    package init(feed: String, topic: TopicName) {
        self.feed = feed
        self.topic = topic
    }
}
