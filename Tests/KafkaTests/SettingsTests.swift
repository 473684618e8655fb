import Kafka
import Model
import Synchronization
import Testing

@Suite("Settings")
struct SettingsTests {
    private func failure(_ properties: [String: String]) throws -> KafkaError {
        try #require(throws: KafkaError.self) {
            _ = try KafkaConsumer(
                settings: KafkaSettings(bootstrapServers: "127.0.0.1:1", properties: properties), group: "g",
                clientID: "test")
        }
    }

    @Test(
        "a property that a guarantee rests on cannot be changed",
        arguments: [
            ("enable.auto.commit", "true"), ("auto.offset.reset", "latest"), ("check.crcs", "false"),
            ("partition.assignment.strategy", "cooperative-sticky"), ("isolation.level", "read_uncommitted"),
        ])
    func rules(name: String, value: String) throws {
        let error = try failure([name: value])
        #expect(error.code == KafkaErrorCode.invalidArgument)
        #expect(error.description.contains(name))
    }

    @Test("an idempotent producer cannot be made another one")
    func producerRules() throws {
        let error = try #require(throws: KafkaError.self) {
            _ = try KafkaProducer(
                settings: KafkaSettings(bootstrapServers: "127.0.0.1:1", properties: ["acks": "1"]), clientID: "test")
        }
        #expect(error.description.contains("acks"))
    }

    @Test("an unknown property is named")
    func unknown() throws {
        #expect(try failure(["no.such.key": "1"]).description.contains("no.such.key"))
    }

    @Test("a wrong value is not quoted, for it may be a password")
    func secret() throws {
        let error = try failure(["session.timeout.ms": "hunter2"])
        #expect(error.description.contains("session.timeout.ms"))
        #expect(!error.description.contains("hunter2"))
    }

    @Test("a property of the producer in shared settings does not disturb a consumer")
    func sharedSettings() throws {
        let consumer = try KafkaConsumer(
            settings: KafkaSettings(bootstrapServers: "127.0.0.1:1", properties: ["linger.ms": "1"]), group: "g",
            clientID: "test")
        consumer.close()
    }

    @Test("log lines go to the closure, as they come from the client")
    func log() throws {
        let lines = Lines()
        var settings = KafkaSettings(bootstrapServers: "127.0.0.1:1") { lines.append($0) }
        settings.properties["linger.ms"] = "1"
        let consumer = try KafkaConsumer(settings: settings, group: "g", clientID: "test")
        defer { consumer.close() }
        try gather(consumer, "a log line") { _ in lines.count > 0 }
        #expect(lines.all.allSatisfy { $0.facility != "CONFWARN" })
    }

    @Test("a consumer without a broker reports it, and closes in bounded time")
    func unreachable() throws {
        let consumer = try KafkaConsumer(
            settings: KafkaSettings(bootstrapServers: "127.0.0.1:1"), group: "g", clientID: "test")
        try consumer.subscribe([try #require(TopicName("nowhere"))])
        let seen = try gather(consumer, "a failure") { seen in
            seen.contains { if case .failure = $0 { true } else { false } }
        }
        guard case .failure(let error, nil)? = seen.last else {
            Issue.record("no failure: \(seen)")
            return
        }
        #expect(error.isTransient && !error.isFatal)
        #expect(error.description.contains("reachable"))
        let start = ContinuousClock.now
        consumer.close()
        #expect(ContinuousClock.now - start < .seconds(30))
    }
}

private final class Lines: Sendable {
    private let lines = Mutex<[KafkaLogLine]>([])
    func append(_ line: KafkaLogLine) { lines.withLock { $0.append(line) } }
    var all: [KafkaLogLine] { lines.withLock { $0 } }
    var count: Int { all.count }
}
