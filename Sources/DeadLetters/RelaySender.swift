// Sends messages to one topic at a time and waits for the broker's word on each.
import Kafka
import Model

/// Confined to the relay's thread.
final class RelaySender {
    private let kafka: KafkaSettings
    private let deliveryTimeout: Duration
    private let control: RelayControl
    private var producer: KafkaProducer?
    private var admin: KafkaAdmin?
    private var lastTag: UInt64 = 0
    private var knownTopics: Set<TopicName> = []

    init(_ kafka: KafkaSettings, deliveryTimeout: Duration, control: RelayControl) {
        self.kafka = kafka
        self.deliveryTimeout = deliveryTimeout
        self.control = control
    }

    func close() {
        closeProducer()
        admin?.close()
        admin = nil
    }

    private func closeProducer() {
        producer?.close()
        producer = nil
    }

    /// Whether Kafka has the topic. It is looked for in the list of all: a broker may make a topic that it is asked for.
    func exists(_ topic: TopicName) throws -> Bool {
        if knownTopics.contains(topic) { return true }
        let admin = try self.admin ?? KafkaAdmin(settings: kafka, clientID: "lienthong-relay")
        self.admin = admin
        knownTopics = Set(try admin.cluster(timeoutMilliseconds: 10_000).topics.map(\.name))
        return knownTopics.contains(topic)
    }

    /// Looks at the list again before the next message to this topic.
    func forget(_ topic: TopicName) { knownTopics.remove(topic) }

    /// What became of messages: a leading part of them is acknowledged by all replicas in sync, and why no more are.
    struct Delivery {
        var acknowledged: Int
        var failure: KafkaError?
    }

    /// Sends in order. After a failure the client is made anew, and nothing of it is on its way any more that was not
    /// acknowledged; such a message may still be in the log.
    func send(_ messages: some Collection<RelayMessage>, to topic: TopicName) throws -> Delivery {
        // A wrong property is no fault of the topic: it is thrown.
        let producer = try self.producer ?? KafkaProducer(settings: kafka, clientID: "lienthong-relay")
        self.producer = producer
        let firstTag = lastTag + 1
        var failure: KafkaError?
        do throws(KafkaError) {
            for message in messages {
                lastTag += 1
                try producer.send(
                    topic: topic, key: message.key, value: message.value, headers: message.headers, tag: lastTag)
            }
            try settle(producer)
        } catch {
            failure = error
        }
        let through = producer.drainDeliveries().acknowledgedThrough ?? 0
        if failure != nil { closeProducer() }
        return Delivery(acknowledged: through < firstTag ? 0 : Int(through - firstTag + 1), failure: failure)
    }

    /// Waits for the acknowledgement of all; a stop shortens the patience.
    private func settle(_ producer: KafkaProducer) throws(KafkaError) {
        let clock = ContinuousClock()
        var deadline = clock.now + deliveryTimeout
        var isHurried = false
        while true {
            let state = producer.drainDeliveries(timeoutMilliseconds: 100)
            if let failure = state.firstFailure { throw failure }
            if state.outstanding == 0 { return }
            if !isHurried, control.isStopping {
                isHurried = true
                deadline = min(deadline, clock.now + .seconds(5))
            }
            // Throws what the client complains of.
            if clock.now >= deadline { try producer.flush(timeoutMilliseconds: 0) }
        }
    }
}
