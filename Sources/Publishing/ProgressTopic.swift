// The compacted topic where feeds keep how far their snapshots came, and the checks of the broker before publishing.
import Foundation
import Kafka
package import Model

package enum ProgressTopic {
    /// One partition, `cleanup.policy=compact`. Key: a feed's name; value: JSON of `PublisherProgress`.
    ///
    /// Publishers create it where it is missing. The embedded broker answers no admin calls: its host creates it.
    // Proof of the unwrap: a constant that `TopicName` accepts.
    package static let name = TopicName("lienthong.publisher-progress").unsafelyUnwrapped
    /// Wherever more partitions exist (a broker that made the topic by itself), only this one is used.
    static let partition = TopicPartition(name, Partition(0))

    private static let answerMilliseconds: Int32 = 10_000
    private static let readingTime = Duration.seconds(60)

    /// Checks that the feed's topic exists, and creates this one where it is missing.
    /// - Throws: `UserError` with what to do; `KafkaError` where the broker does not answer.
    static func prepare(_ kafka: KafkaSettings, definition: FeedDefinition) throws {
        let admin = try KafkaAdmin(settings: kafka, clientID: "lienthong-publisher-\(definition.feed)")
        defer { admin.close() }
        guard try admin.topic(definition.topic, timeoutMilliseconds: answerMilliseconds) != nil else {
            throw UserError(
                action: "publishing feed \(definition.feed) to", subject: "\(definition.topic)",
                cause: "the broker has no such topic", nextStep: "create it with `lienthong topics apply`",
                status: .configuration
            )
        }
        guard try admin.topic(name, timeoutMilliseconds: answerMilliseconds) == nil else { return }
        do {
            // -1: as many replicas as the cluster gives by default.
            try admin.createTopic(
                name, partitions: 1, replicationFactor: -1, configuration: ["cleanup.policy": "compact"],
                timeoutMilliseconds: answerMilliseconds
            )
        } catch {
            if error.code == KafkaErrorCode.topicAlreadyExists { return }
            throw UserError(
                action: "creating", subject: "\(name)", cause: "\(error)",
                nextStep:
                    "create it by hand: one partition, cleanup.policy=compact, as many replicas as the data topics",
                status: error.isTransient ? .unavailable : .configuration
            )
        }
    }

    /// The last progress recorded for the feed; nil where there is none.
    static func read(_ kafka: KafkaSettings, feed: String) throws -> PublisherProgress? {
        // No group is joined and nothing committed; the name only satisfies the client.
        let consumer = try KafkaConsumer(
            settings: kafka, group: "lienthong-publisher-progress", clientID: "lienthong-publisher-\(feed)"
        )
        defer { consumer.close() }
        let range = try consumer.watermarks(partition, timeoutMilliseconds: answerMilliseconds)
        try consumer.assign([(partition, NextOffset(range.low))])
        var last: [UInt8]?
        let deadline = ContinuousClock.now + readingTime
        while range.low < range.high, ContinuousClock.now < deadline {
            guard let event = consumer.poll(timeoutMilliseconds: 100) else { continue }
            var reached: Int64 = 0
            switch consume event {
            case .message(let message):
                if let key = message.key, key.elementsEqual(feed.utf8) { last = message.value.map { [UInt8]($0) } }
                reached = NextOffset(after: message.offset).rawValue
            case .endOfPartition(_, let next): reached = next.rawValue
            // Compaction passed the first record between the two questions.
            case .outOfRange: return try read(kafka, feed: feed)
            case .failure(let error, _): if !error.isTransient { throw error }
            case .assigned: break
            case .revoked: break
            }
            if reached >= range.high { return try decode(last, feed) }
        }
        if range.low < range.high {
            throw UserError(
                action: "reading", subject: "\(partition)", cause: "its end was not reached within \(readingTime)",
                nextStep: "check the broker, and that the topic is compacted", status: .unavailable
            )
        }
        return nil
    }

    static func encode(_ progress: PublisherProgress) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(progress))
    }

    static func decode(_ bytes: [UInt8]?, _ feed: String) throws -> PublisherProgress? {
        guard let bytes else { return nil }
        do {
            return try JSONDecoder().decode(PublisherProgress.self, from: Data(bytes))
        } catch {
            throw UserError(
                action: "reading the progress of feed", subject: feed,
                cause: "its last record in \(partition) is none of ours",
                nextStep: "find out who wrote it; then run with --resnapshot", status: .no
            )
        }
    }
}
