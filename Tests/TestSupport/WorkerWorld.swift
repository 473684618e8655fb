// Workers against a broker, a topic and a national database of a test's own.
import Contracts
package import Ingestion
import Logging
package import Model
package import Postgres

/// Bytes as they are: what sealing protects is tested elsewhere.
package struct PlainSealer: PayloadSealer {
    package init() {}
    package func seal(_ record: RawRecord, origin: RecordOrigin) throws -> SealedPayload {
        SealedPayload(bytes: record.value ?? [], keyID: "plain", keyFingerprint: record.key)
    }
    package func open(_ sealed: SealedPayload, origin: RecordOrigin) throws -> RawRecord {
        RawRecord(key: sealed.keyFingerprint, value: sealed.bytes)
    }
    package func keyFingerprint(of key: [UInt8], topic: TopicName) -> [UInt8] { key }
    package func keyFingerprints(of key: [UInt8], topic: TopicName) -> [[UInt8]] { [key] }
    package var hintSeeds: [UInt64] { [7] }
    package func recordFingerprint(key: [UInt8]?, value: [UInt8]?, topic: TopicName) -> [UInt8] {
        (key.map { [1] + $0 } ?? [0]) + (value.map { [1] + $0 } ?? [0])
    }
    package func isFingerprint(_ fingerprint: [UInt8], ofKey key: [UInt8]?, value: [UInt8]?, topic: TopicName) -> Bool {
        fingerprint == recordFingerprint(key: key, value: value, topic: topic)
    }
}

/// A broker, a topic, a national database, and workers within this process.
package struct WorkerWorld {
    package let kafka: TestKafka
    package let thing: ThingTopic
    package let database: TestNationalDatabase
    package let connection: PostgresConnection

    package init(partitions: Int32 = 4) throws {
        kafka = try TestKafka()
        thing = try ThingTopic(partitions: partitions)
        database = try TestNationalDatabase()
        connection = try database.connect()
        try kafka.createTopic(thing.name, partitions: partitions)
    }

    package func settings(untilCaughtUp: Bool, lanes: Int = 1) -> WorkerSettings {
        var settings = WorkerSettings(
            kafka: kafka.settings, databaseURL: database.url, group: "\(thing.name)", lanes: lanes,
            topics: [thing.definition], codeLists: thing.codeLists, sealer: PlainSealer(), untilCaughtUp: untilCaughtUp,
            name: "tests")
        settings.controlInterval = .milliseconds(50)
        return settings
    }

    package func worker(untilCaughtUp: Bool, _ change: (inout WorkerSettings) -> Void = { _ in }) -> Worker {
        var settings = settings(untilCaughtUp: untilCaughtUp)
        change(&settings)
        return Worker(settings: settings, logger: Logger(label: "tests"))
    }

    package func catchUp() async throws -> WorkSummary { try await worker(untilCaughtUp: true).run() }

    /// Runs a worker beside `body`, and stops it afterwards.
    package func whileWorking<Value>(
        _ change: (inout WorkerSettings) -> Void = { _ in }, _ body: () async throws -> Value
    ) async throws -> Value {
        let worker = worker(untilCaughtUp: false, change)
        let running = Task { try await worker.run() }
        let result: Result<Value, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        worker.stop()
        _ = try await running.value
        return try result.get()
    }

    package func publish(_ records: [OutgoingTestRecord]) throws { try kafka.publish(records, to: thing.name) }

    package func fates() throws -> String? {
        try connection.one(
            "SELECT concat_ws(' ', sum(applied), sum(superseded), sum(deleted), sum(dead_lettered)) FROM ingest.position"
        )
    }
}
