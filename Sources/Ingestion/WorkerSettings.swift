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
    /// COPY straight into the table is half sent, its positions locked.
    case insideTableCopy = "inside-table-copy"
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
    package var batchRecordsMax = 20_000
    /// Fewest rows in a batch of new keys that are copied straight into the table.
    package var copyRowsMin = 1_000
    /// Most bytes of keys, values and headers held in one lane before they are written; one record more may be over it.
    package var batchBytesMax = 8 << 20
    /// How often the operators' word is looked for, and how long a lost partition waits before it is claimed again.
    package var controlInterval: Duration = .milliseconds(500)
    package var reclaimDelay: Duration = .seconds(1)
    package var backoffMax: Duration = .seconds(10)
    /// How long after its breaker paused a topic its next records are tried; each trial doubles the wait for the next one.
    package var trialInterval: Duration = .seconds(10)
    package var trialIntervalMax: Duration = .seconds(300)
    /// How long a trial waits for its records.
    package var trialPatience: Duration = .seconds(30)
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

/// Seconds by stage, summed over lanes. Reading (`wait`, `decode`, `encode`) and writing (`copy`, `merge`, `commit`) run
/// beside each other: together they may exceed the time on the clock.
package struct StageTimes: Sendable, Equatable {
    /// Nothing to do: no record is there.
    package var wait = 0.0
    /// Taking, judging and encoding records.
    package var decode = 0.0
    /// Reducing a batch to one row a key, and putting it into the form of COPY.
    package var encode = 0.0
    /// A whole batch is ready, and the one before is still being written: the database is slower than we are.
    package var queue = 0.0
    /// COPY, into staging or the table itself.
    package var copy = 0.0
    /// The transaction up to its commit, by the server's clock.
    package var merge = 0.0
    /// Commit, and the way there and back.
    package var commit = 0.0
    /// Transactions, and those of them that copied new rows straight into the table.
    package var batches = 0
    package var copiedBatches = 0

    package init(
        wait: Double = 0, decode: Double = 0, encode: Double = 0, queue: Double = 0, copy: Double = 0,
        merge: Double = 0, commit: Double = 0, batches: Int = 0, copiedBatches: Int = 0
    ) {
        self.wait = wait
        self.decode = decode
        self.encode = encode
        self.queue = queue
        self.copy = copy
        self.merge = merge
        self.commit = commit
        self.batches = batches
        self.copiedBatches = copiedBatches
    }

    /// Names and seconds in their order.
    package var all: [(name: String, seconds: Double)] {
        [
            ("wait", wait), ("decode", decode), ("encode", encode), ("queue", queue), ("copy", copy),
            ("merge", merge), ("commit", commit),
        ]
    }

    package static func += (left: inout Self, right: Self) {
        left.wait += right.wait
        left.decode += right.decode
        left.encode += right.encode
        left.queue += right.queue
        left.copy += right.copy
        left.merge += right.merge
        left.commit += right.commit
        left.batches += right.batches
        left.copiedBatches += right.copiedBatches
    }
}

/// The account of one run.
package struct WorkSummary: Sendable, Equatable {
    package var fates: [TopicName: Fates]
    package var seconds: Double
    /// Between the first record taken and the last batch written; 0 where there was none.
    package var workedSeconds: Double
    /// Where the lanes' time went.
    package var stages: StageTimes
    /// Partitions or topics that stand still until an operator decides, each with its cause.
    package var standing: [String]

    package init(
        fates: [TopicName: Fates] = [:], seconds: Double = 0, workedSeconds: Double = 0,
        stages: StageTimes = StageTimes(), standing: [String] = []
    ) {
        self.fates = fates
        self.seconds = seconds
        self.workedSeconds = workedSeconds
        self.stages = stages
        self.standing = standing
    }

    package var total: Fates { fates.values.reduce(Fates(), +) }
}
