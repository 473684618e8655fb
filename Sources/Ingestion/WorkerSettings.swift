// What a worker is told, and what it tells at its end.
package import Contracts
package import Kafka
package import Model

/// A place in a batch's life at which a test may freeze or kill the worker.
package enum FaultPoint: String, Sendable, CaseIterable {
    /// Nothing is taken.
    case idle
    /// Staging is open for COPY.
    case insideCopy = "inside-copy"
    /// All is staged, the transaction is not yet sent.
    case beforeCommit = "before-commit"
    /// The transaction is sent, its answer not yet read.
    case afterCommit = "after-commit"
}

package struct WorkerSettings: Sendable {
    package var kafka: KafkaSettings
    /// URL of the national database.
    package var databaseURL: String
    /// Kafka's consumer group.
    package var group: String
    /// Members of the group in this process, each with its own database connection and thread.
    package var lanes: Int
    package var topics: [TopicDefinition]
    package var codeLists: CodeLists
    package var sealer: any PayloadSealer
    /// Ends once nothing is behind.
    package var untilCaughtUp: Bool
    /// Names this process in the database, such as `host:pid`.
    package var name: String
    /// Most records in one transaction.
    package var batchRecordsMax = 10_000
    /// Most bytes of keys, values and headers held in one lane before they are written; one record more may be over it.
    package var batchBytesMax = 8 << 20
    /// How often the operators' word is looked for, and how long a lost partition waits before it is claimed again.
    package var controlInterval: Duration = .milliseconds(500)
    package var reclaimDelay: Duration = .seconds(1)
    package var backoffMax: Duration = .seconds(10)
    package var faultPoint: @Sendable (FaultPoint) -> Void = { _ in }

    package init(
        kafka: KafkaSettings, databaseURL: String, group: String, lanes: Int, topics: [TopicDefinition],
        codeLists: CodeLists, sealer: any PayloadSealer, untilCaughtUp: Bool, name: String
    ) {
        self.kafka = kafka
        self.databaseURL = databaseURL
        self.group = group
        self.lanes = lanes
        self.topics = topics
        self.codeLists = codeLists
        self.sealer = sealer
        self.untilCaughtUp = untilCaughtUp
        self.name = name
    }
}

/// The account of one run.
package struct WorkSummary: Sendable, Equatable {
    package var fates: [TopicName: Fates]
    package var seconds: Double
    /// Partitions or topics that stand still until an operator decides, each with its cause.
    package var standing: [String]

    package init(fates: [TopicName: Fates] = [:], seconds: Double = 0, standing: [String] = []) {
        self.fates = fates
        self.seconds = seconds
        self.standing = standing
    }

    package var total: Fates { fates.values.reduce(Fates(), +) }
}
