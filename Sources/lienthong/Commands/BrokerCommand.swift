// Hosts the embedded broker for tests and experiments; never for production.
import ArgumentParser
import Contracts
import Kafka
import Model
import Publishing

struct BrokerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker", abstract: "Host an in-memory broker with all topics until stopped; for experiments.",
        shouldDisplay: false)

    @OptionGroup var common: CommonOptions

    @Option(help: "Partitions of each topic.")
    var partitions: Int32 = 8

    func validate() throws {
        guard (1...1000).contains(partitions) else { throw ValidationError("--partitions is a number from 1 to 1000") }
    }

    func run() async throws {
        let catalogue = try Catalogue.load(folder: try common.settings().topicsFolder)
        let broker = try EmbeddedBroker(defaultPartitions: partitions)
        defer { broker.stop() }
        for topic in catalogue.topics { try broker.createTopic(topic.name, partitions: partitions) }
        try broker.createTopic(ProgressTopic.name, partitions: 1)
        switch common.format {
        case .json: Terminal.line(JSON.object([("bootstrapServers", .string(broker.bootstrapServers))]).text)
        case .text: Terminal.line(broker.bootstrapServers)
        }
        let (stopped, continuation) = AsyncStream<Void>.makeStream()
        try await runUntilStopped(common.logger("broker"), stop: { continuation.finish() }) {
            for await _ in stopped {}
        }
    }
}
