// The demo's course: everything is made, filled, published, worked off and counted; then all of it is ended.
import Contracts
import DeadLetters
import Foundation
import Kafka
import Model
import Postgres
import Publishing
import Synchronization

final class Demo: Sendable {
    private let settings: Settings
    private let workspace: DemoWorkspace
    private let records: Int
    private let partitions: Int32?
    private let seed: UInt64
    private let isQuiet: Bool
    private let isStopping = Mutex(false)
    private let wasWorkRestarted = Mutex(false)

    init(
        settings: Settings, workspace: DemoWorkspace, records: Int, partitions: Int32?, seed: UInt64, isQuiet: Bool
    ) {
        self.settings = settings
        self.workspace = workspace
        self.records = records
        self.partitions = partitions
        self.seed = seed
        self.isQuiet = isQuiet
    }

    func stop() { isStopping.withLock { $0 = true } }

    private struct Stopped: Error {}

    /// Runs on the caller's thread until the account is given, or, where `report` says to go on, until `stop`.
    /// - Parameter report: takes the account; true keeps the demo running.
    func run(report: (DemoAccount) -> Bool) throws {
        try workspace.begin()
        defer { workspace.end() }
        do {
            try course(report)
        } catch is Stopped {
            say("Stopped.")
        }
    }

    private func course(_ report: (DemoAccount) -> Bool) throws {
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        let feeds = try FeedReader.load(folder: settings.feedsFolder)

        say("Starting PostgreSQL in \(workspace.short(workspace.clusterFolder))")
        let cluster = try PrivateCluster(folder: workspace.clusterFolder)
        // A failure further down must not leave the server running.
        defer { try? cluster.stop() }
        try cluster.start()
        try makeNationalDatabase(cluster)
        let samples = try fillSources(cluster)

        let broker = try EmbeddedBroker()
        defer { broker.stop() }
        try makeTopics(broker, catalogue, feeds, cluster)
        try DeadLetterKey.generate(to: workspace.keyFile)
        try workspace.writeSettings(
            broker: broker.bootstrapServers, database: cluster.url(database: Self.nationalDatabase),
            sources: SampleSource.allCases.map { ($0.rawValue, cluster.url(database: $0.rawValue)) })

        let eye = try DemoEye(
            cluster.url(database: Self.nationalDatabase), broker.settings, catalogue.topics.map(\.name))
        defer { eye.close() }

        say("Publishing")
        let total = samples.reduce(0) { $0 + Int64($1.publishable) }
        let published = try runToEnd("publish", ["publish", "--once", "--format", "json"], total) {
            try eye.logRecords()
        }
        say("Working")
        _ = try runToEnd("work", ["work", "--until-caught-up", "--format", "json"], total) { try eye.consumed() }
        let account = DemoAccount(
            topics: try accounts(eye, feeds, samples, published, cluster),
            publishSeconds: (published.last?["seconds"] as? NSNumber)?.doubleValue ?? 0,
            workSeconds: try eye.workSeconds())
        say("")
        guard report(account) else { return }
        try keepRunning(cluster, eye)
    }

    // MARK: Making

    private static let nationalDatabase = "national"

    private func makeNationalDatabase(_ cluster: PrivateCluster) throws {
        try cluster.createDatabase(Self.nationalDatabase)
        let connection = try PostgresConnection(
            cluster.url(database: Self.nationalDatabase), applicationName: "lienthong demo")
        defer { connection.close() }
        try Migrations.load(folder: settings.migrationsFolder).apply(on: connection)
    }

    private func fillSources(_ cluster: PrivateCluster) throws -> [SampleFeedAccount] {
        try SampleSource.allCases.flatMap { source -> [SampleFeedAccount] in
            try checkStop()
            say("Filling the \(source.rawValue) database")
            try cluster.createDatabase(source.rawValue)
            let connection = try PostgresConnection(
                cluster.url(database: source.rawValue), applicationName: "lienthong demo")
            defer { connection.close() }
            return try Sample(settings: settings, records: records, seed: seed).fill(source, connection).feeds
        }
    }

    /// As many partitions as keep each well below what the embedded broker remembers (5 MB, 100,000 records).
    private func makeTopics(
        _ broker: EmbeddedBroker, _ catalogue: Catalogue, _ feeds: [FeedDefinition], _ cluster: PrivateCluster
    ) throws {
        for topic in catalogue.topics {
            var count = partitions ?? 0
            if count == 0 {
                count = 4
                for feed in feeds where feed.topic == topic.name {
                    let connection = try PostgresConnection(
                        cluster.url(database: feed.source), applicationName: "lienthong demo")
                    defer { connection.close() }
                    let size = try connection.query(
                        "SELECT count(*) AS records, coalesce(sum(octet_length(value)), 0) AS bytes FROM (\(feed.query)) AS q"
                    )
                    let records = size.integer(0, "records") ?? 0
                    // Key, headers and Kafka's own frame come on top of the value.
                    let bytes = (size.integer(0, "bytes") ?? 0) + records * Self.overheadBytes
                    count += Int32(clamping: bytes / Self.partitionBytes + records / Self.partitionRecords)
                }
            }
            count = min(count, 1000)
            try broker.createTopic(topic.name, partitions: count)
            // The embedded broker forgets in this one too what is above its bounds, and all may be refused.
            guard let ownersTopic = Contract.KafkaSettings.deadLetterTopic(of: topic.name) else { continue }
            try broker.createTopic(ownersTopic, partitions: max(count, Contract.KafkaSettings.deadLetterPartitions))
        }
        try broker.createTopic(ProgressTopic.name, partitions: 1)
    }

    private static let overheadBytes: Int64 = 400
    private static let partitionBytes: Int64 = 2_000_000
    private static let partitionRecords: Int64 = 40_000

    // MARK: Running

    /// Runs this program again until it ends by itself, with its progress on a terminal.
    /// - Returns: the objects that it printed.
    private func runToEnd(
        _ name: String, _ arguments: [String], _ total: Int64, done: () throws -> Int64
    ) throws -> [[String: Any]] {
        var child = try start(name, arguments)
        defer { child.end() }
        var progress = Progress("  ", total: total)
        defer { progress.end() }
        while true {
            while child.isRunning {
                try checkStop()
                usleep(20_000)
                if !isQuiet { try progress.tell(done) }
            }
            // A publisher's own count would be lost with it, and the account needs it.
            guard name == "work" && child.wasEndedFromOutside else { break }
            progress.end()
            wasWorkRestarted.withLock { $0 = true }
            child = try restart(child, arguments)
        }
        guard child.status == 0 else { throw child.failure() }
        return child.lines()
    }

    private func start(_ name: String, _ arguments: [String]) throws -> ChildProcess {
        try ChildProcess(
            name: name,
            arguments: arguments + [
                "--config", workspace.settingsFile, "--topics-folder", settings.topicsFolder,
            ], folder: workspace.folder)
    }

    private func restart(_ child: ChildProcess, _ arguments: [String]) throws -> ChildProcess {
        say("`lienthong \(child.name)` was ended with status \(child.status); starting it again")
        child.end()
        return try start(child.name, arguments)
    }

    /// Publisher and worker go on until someone stops the demo.
    private func keepRunning(_ cluster: PrivateCluster, _ eye: DemoEye) throws {
        var publish = try start("publish", ["publish"])
        defer { publish.end() }
        var workStart = try eye.now()
        var work = try start("work", ["work"])
        defer { work.end() }
        var hasHinted = false
        while true {
            try checkStop()
            if !publish.isRunning {
                guard publish.isReplaceable else { throw publish.failure() }
                publish = try restart(publish, ["publish"])
            }
            if !work.isRunning {
                guard work.isReplaceable else { throw work.failure() }
                workStart = try eye.now()
                work = try restart(work, ["work"])
            }
            // What is said to take a second must not wait for a worker that joins its group still.
            if !hasHinted, try eye.isAllClaimed(since: workStart) {
                try sayHints(cluster)
                hasHinted = true
            }
            usleep(50_000)
        }
    }

    private func sayHints(_ cluster: PrivateCluster) throws {
        guard !isQuiet else { return }
        let program = CommandLine.arguments.first ?? "lienthong"
        let config = "--config \(workspace.short(workspace.settingsFile))"
        let source = SampleSource.population
        let sourceURL = cluster.url(database: source.rawValue)
        // Row 1 is always good, and made up like all the others.
        let key =
            try PostgresConnection(sourceURL, applicationName: "lienthong demo")
            .query("SELECT personal_number FROM person WHERE person_id = 1")[0, 0] ?? ""
        Terminal.line(
            """
            Publisher and worker keep running. Try a change in a source database:

              psql \(sourceURL) -c "\(source.tryIt)"

            and within a second it is in the national database:

              psql \(cluster.url(database: Self.nationalDatabase)) \\
                -c "SELECT personal_id, full_name, record_version FROM registry.citizen WHERE personal_id = '\(key)'"

            Look around:

              \(program) lag \(config)
              \(program) dead-letters list --limit 10 \(config)
              \(program) dead-letters show 1 \(config)
              \(program) trace --topic population.citizen.v1 --key \(key) \(config)

            Logs are in \(workspace.short(workspace.folder)). Ctrl-C ends everything.
            """)
    }

    private func checkStop() throws {
        if isStopping.withLock({ $0 }) { throw Stopped() }
    }

    private func say(_ line: String) {
        if !isQuiet { Terminal.line(line) }
    }

    // MARK: Counting

    private func accounts(
        _ eye: DemoEye, _ feeds: [FeedDefinition], _ samples: [SampleFeedAccount], _ published: [[String: Any]],
        _ cluster: PrivateCluster
    ) throws -> [TopicAccount] {
        func number(_ line: [String: Any], _ name: String) -> Int64 { (line[name] as? NSNumber)?.int64Value ?? 0 }
        var accounts = try eye.accounts()
        for feed in feeds {
            guard let index = accounts.firstIndex(where: { $0.topic == feed.topic }) else { continue }
            accounts[index].mayRepeat = wasWorkRestarted.withLock { $0 }
            let rows = try sourceRows(feed, cluster)
            accounts[index].sourceRows += rows.all
            accounts[index].sourceSecrets += rows.secret
            for line in published where line["feed"] as? String == feed.feed {
                accounts[index].published += number(line, "published") + number(line, "tombstones")
                accounts[index].withheld += number(line, "withheldStateSecrets")
            }
            for sample in samples where sample.feed == feed.feed {
                accounts[index].planted.merge(sample.refusals.map { ($0.key.rawValue, Int64($0.value)) }) { $0 + $1 }
            }
        }
        return accounts
    }

    private func sourceRows(_ feed: FeedDefinition, _ cluster: PrivateCluster) throws -> (all: Int64, secret: Int64) {
        let connection = try PostgresConnection(
            cluster.url(database: feed.source), applicationName: "lienthong demo")
        defer { connection.close() }
        let table =
            "\(SQLText.identifier(feed.root.table.schema)).\(SQLText.identifier(feed.root.table.name))"
        let secret = feed.stateSecret.map { "count(*) FILTER (WHERE \(SQLText.identifier($0)))" } ?? "0"
        let result = try connection.query("SELECT count(*) AS all_rows, \(secret) AS secret_rows FROM \(table)")
        return (result.integer(0, "all_rows") ?? 0, result.integer(0, "secret_rows") ?? 0)
    }
}

/// The demo's own look at broker and national database.
private final class DemoEye {
    private let connection: PostgresConnection
    private let admin: KafkaAdmin
    private let topics: [TopicName]
    private static let timeoutMilliseconds: Int32 = 10_000

    init(_ databaseURL: String, _ kafka: KafkaSettings, _ topics: [TopicName]) throws {
        connection = try PostgresConnection(databaseURL, applicationName: "lienthong demo")
        admin = try KafkaAdmin(settings: kafka, clientID: "lienthong-demo")
        self.topics = topics.sorted()
    }

    func close() {
        connection.close()
        admin.close()
    }

    func logRecords() throws -> Int64 {
        try topics.reduce(0) { try $0 + log(of: $1).records }
    }

    func consumed() throws -> Int64 {
        let result = try connection.query(
            "SELECT coalesce(sum(applied + superseded + deleted + dead_lettered), 0)::bigint AS n FROM ingest.position")
        return result.integer(0, "n") ?? 0
    }

    /// The database's time, which its claims bear.
    func now() throws -> String {
        try connection.query("SELECT clock_timestamp()")[0, 0] ?? ""
    }

    /// Every partition was claimed since a time of `now`, and worked off.
    func isAllClaimed(since start: String) throws -> Bool {
        let names = Set(topics)
        let partitions = try admin.cluster(timeoutMilliseconds: Self.timeoutMilliseconds).topics
            .reduce(0) { names.contains($1.name) ? $0 + $1.partitions.count : $0 }
        let result = try connection.query(
            """
            SELECT count(*) FILTER (WHERE claimed_at >= $1::timestamptz) AS claimed, sum(next_offset)::bigint AS next
            FROM ingest.position
            """, [start])
        guard result.integer(0, "claimed") ?? 0 >= Int64(partitions) else { return false }
        let end = try topics.reduce(into: Int64(0)) { sum, topic in
            let (start, records) = try log(of: topic)
            sum += start + records
        }
        return result.integer(0, "next") ?? 0 >= end
    }

    /// From the first claim of a partition to the last commit: joining the group and leaving it are no work.
    func workSeconds() throws -> Double {
        let result = try connection.query(
            "SELECT extract(epoch FROM max(moved_at) - min(claimed_at)) AS seconds FROM ingest.position")
        return result[0, "seconds"].flatMap { Double($0) } ?? 0
    }

    func accounts() throws -> [TopicAccount] {
        try topics.map { topic in
            var account = TopicAccount(topic: topic)
            (account.logStart, account.logRecords) = try log(of: topic)
            if let ownersTopic = Contract.KafkaSettings.deadLetterTopic(of: topic) {
                let told = try log(of: ownersTopic)
                account.told = told.start + told.records
            }
            let fates = try connection.query(
                """
                SELECT coalesce(sum(applied), 0)::bigint AS applied, coalesce(sum(superseded), 0)::bigint AS superseded,
                  coalesce(sum(deleted), 0)::bigint AS deleted, coalesce(sum(dead_lettered), 0)::bigint AS dead_lettered
                FROM ingest.position WHERE topic = $1
                """, [topic.rawValue])
            account.fates = Fates(
                applied: fates.integer(0, "applied") ?? 0, superseded: fates.integer(0, "superseded") ?? 0,
                deleted: fates.integer(0, "deleted") ?? 0, deadLettered: fates.integer(0, "dead_lettered") ?? 0)
            for (_, reason, count) in try DeadLetterStore(connection: connection).reasons(topic: topic) {
                account.reasons[reason] = count
            }
            return account
        }
    }

    private func log(of topic: TopicName) throws -> (start: Int64, records: Int64) {
        let metadata = try admin.topic(topic, timeoutMilliseconds: Self.timeoutMilliseconds)
        return try (metadata?.partitions ?? []).reduce((0, 0)) { sum, partition in
            let (low, high) = try admin.watermarks(
                TopicPartition(topic, partition.partition), timeoutMilliseconds: Self.timeoutMilliseconds)
            return (sum.0 + low, sum.1 + high - low)
        }
    }
}
