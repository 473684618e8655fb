// Trials of topics that their breakers paused, with real workers, an embedded broker and a real PostgreSQL.
import Contracts
import Foundation
import Kafka
import Model
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Ingestion

@Suite("a topic that its breaker paused", .serialized)
struct TrialTests {
    private func bad(_ count: Int, partition: Int32 = 0, _ prefix: String = "b") -> [OutgoingTestRecord] {
        (0..<count).map { OutgoingTestRecord(partition: partition, key: "\(prefix)\($0)", value: Array("{}".utf8)) }
    }

    private func good(
        _ count: Int, partition: Int32 = 0, _ prefix: String = "g", size: Int? = nil
    ) -> [OutgoingTestRecord] {
        (0..<count).map {
            OutgoingTestRecord(
                partition: partition, key: "\(prefix)\($0)",
                value: ThingTopic.value("\(prefix)\($0)", 1, "n", size: size))
        }
    }

    /// As `waitUntil`, longer: beside many other suites it may be minutes until the worker's task is given a thread.
    private func until(_ what: String, _ condition: () throws -> Bool) async throws {
        try await waitUntil(what, patience: .seconds(300), condition)
    }

    /// Trials as soon as they are looked for.
    private func hurry(_ settings: inout WorkerSettings) {
        settings.trialInterval = .milliseconds(100)
        settings.trialIntervalMax = .milliseconds(200)
    }

    private func isPaused(_ world: WorkerWorld, _ topic: TopicName? = nil) throws -> Bool {
        try world.connection.one(
            "SELECT paused FROM ingest.topic_state WHERE topic = '\(topic ?? world.thing.name)'") == "t"
    }

    private func trials(_ world: WorkerWorld) throws -> Int {
        try world.connection.one("SELECT trials FROM ingest.topic_state").flatMap { Int($0) } ?? -1
    }

    /// Each step that was recorded, in order.
    private func operations(_ world: WorkerWorld) throws -> String? {
        try world.connection.one("SELECT string_agg(by || ' ' || action, ', ' ORDER BY id) FROM ingest.operation")
    }

    private func rows(_ world: WorkerWorld) throws -> String? {
        try world.connection.one("SELECT count(*) FROM registry.thing")
    }

    /// Positions and letters of the topic.
    private func standing(_ world: WorkerWorld) throws -> String? {
        try world.connection.one(
            "SELECT concat_ws(' ', sum(next_offset), sum(dead_lettered), (SELECT count(*) FROM ingest.dead_letter)) FROM ingest.position WHERE topic = '\(world.thing.name)'"
        )
    }

    /// From now on every write of the table is a fault of ours, as where a permission is missing.
    private func forbid(_ world: WorkerWorld) throws {
        _ = try world.connection.execute(
            """
            CREATE FUNCTION registry.forbid() RETURNS trigger LANGUAGE plpgsql AS
              $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '42501'; END $$;
            CREATE TRIGGER forbidden BEFORE INSERT OR UPDATE ON registry.thing_record
              FOR EACH ROW EXECUTE FUNCTION registry.forbid()
            """)
    }

    private func permit(_ world: WorkerWorld) throws {
        _ = try world.connection.execute("DROP TRIGGER forbidden ON registry.thing_record")
    }

    private func makeDue(_ world: WorkerWorld) throws {
        _ = try world.connection.execute("UPDATE ingest.topic_state SET trial_at = now()")
    }

    @Test("it goes on by itself once the table that refused its records is mended, and others went on all the while")
    func mendedTable() async throws {
        let world = try WorkerWorld(partitions: 2)
        let other = try ThingTopic(partitions: 1)
        try world.kafka.createTopic(other.name, partitions: 1)
        _ = try world.connection.execute(
            "ALTER TABLE registry.thing_record ADD CONSTRAINT nobody CHECK (deleted OR id LIKE 'other%')")
        try world.publish(good(300) + good(300, partition: 1, "h"))
        try await world.whileWorking({
            hurry(&$0)
            $0.topics.append(other.definition)
        }) {
            try await until("trials were made in vain") { try trials(world) >= 2 }
            #expect(try isPaused(world))
            // What was written before the breaker had seen its least number of records.
            let before = try standing(world)
            try world.kafka.publish(good(5, "other"), to: other.name)
            try await until("the other topic goes on") { try rows(world) == "5" }
            let made = try trials(world)
            try await until("one more trial was made") { try trials(world) > made }
            #expect(try standing(world) == before)
            _ = try world.connection.execute("ALTER TABLE registry.thing_record DROP CONSTRAINT nobody")
            try await until("all records are dealt with") {
                try world.connection.one("SELECT sum(next_offset) FROM ingest.position") == "605"
            }
        }
        #expect(try !isPaused(world))
        #expect(try operations(world) == "breaker pause, breaker resume")
        let letters = try world.connection.one("SELECT count(*) FROM ingest.dead_letter").flatMap { Int($0) } ?? -1
        #expect((0..<200).contains(letters))
        #expect(try rows(world) == "\(605 - letters)")
        #expect(
            try world.connection.one("SELECT details::text FROM ingest.operation WHERE action = 'resume'")
                == "{\"records\": \(600 - letters), \"refused\": 0, \"tombstones\": 0}")
    }

    @Test("a statement that cannot work is tried with the database, and works once it is mended")
    func brokenStatement() async throws {
        let world = try WorkerWorld(partitions: 1)
        try await world.whileWorking(hurry) {
            try await until("the worker has claimed") {
                try world.connection.one("SELECT count(*) FROM ingest.position") == "1"
            }
            _ = try world.connection.execute("ALTER TABLE registry.thing_record RENAME COLUMN name TO renamed")
            try world.publish(good(1))
            try await until("a trial was made in vain") { try trials(world) >= 1 }
            #expect(try isPaused(world))
            _ = try world.connection.execute("ALTER TABLE registry.thing_record RENAME COLUMN renamed TO name")
            try await until("the record is there") { try rows(world) == "1" }
        }
        #expect(try world.fates() == "1 0 0 0")
    }

    @Test(
        "records that the contract refuses keep it closed where they stand first, whatever comes behind and beside them"
    )
    func badStretch() async throws {
        let world = try WorkerWorld(partitions: 2)
        // All together they would pass; the one partition, which a lane may have alone, does not.
        try world.publish(bad(250) + good(600) + good(600, partition: 1, "h"))
        var settings = world.settings(untilCaughtUp: false)
        hurry(&settings)
        _ = try PositionStore(connection: world.connection)
            .claim([0, 1].map { TopicPartition(world.thing.name, Partition($0)) }, by: "tests")
        _ = try TrialStore(connection: world.connection, settings: settings)
            .pause(world.thing.name, because: "a test", windowRecords: 400, resumed: 0)
        try await world.whileWorking(hurry) {
            try await until("trials were made in vain") { try trials(world) >= 3 }
        }
        #expect(try isPaused(world))
        #expect(try world.fates() == "0 0 0 0")
        #expect(try operations(world) == "breaker pause")
    }

    @Test("a run until caught up waits for the trial that is due; a mended contract lets it go on")
    func mendedContract() async throws {
        let world = try WorkerWorld(partitions: 1)
        try world.publish(good(200) + bad(420))
        let first = try await world.catchUp()
        #expect(first.standing.count == 1)
        let before = try world.fates()
        let trialsBefore = try trials(world)
        try makeDue(world)
        // It waits for the trial that is due, which fails.
        let second = try await world.worker(untilCaughtUp: true).run()
        #expect(second.standing.count == 1)
        #expect(try trials(world) == trialsBefore + 1)
        #expect(try world.fates() == before)
        #expect(
            try world.connection.one("SELECT trial_at > now() FROM ingest.topic_state") == "t")
        // The very same records under a contract that takes any share of refusals.
        var contract = world.thing.definition.contract
        contract.breaker.maxRefusedShare = 1
        let lenient = TopicDefinition(
            name: world.thing.name, folder: world.thing.definition.folder, contract: contract,
            mapping: world.thing.definition.mapping)
        try makeDue(world)
        let third = try await world.worker(untilCaughtUp: true) { $0.topics = [lenient] }.run()
        #expect(third.standing.isEmpty)
        #expect(try world.fates() == "200 0 0 420")
    }

    @Test("what comes after a trial that passed is judged: the breaker opens again, and the next trial waits longer")
    func opensAgain() async throws {
        let world = try WorkerWorld(partitions: 1)
        try forbid(world)
        try world.publish(good(5))
        #expect(try await world.catchUp().standing.count == 1)
        try permit(world)
        try makeDue(world)
        #expect(try await world.catchUp().standing.isEmpty)
        try world.publish(bad(300))
        #expect(try await world.catchUp().standing.count == 1)
        #expect(try world.connection.one("SELECT dead_lettered < 200 FROM ingest.position") == "t")
        #expect(try operations(world) == "breaker pause, breaker resume, breaker pause")
        // Less than a window went well in between.
        #expect(try trials(world) == 1)
        #expect(
            try world.connection.one(
                "SELECT round(extract(epoch FROM trial_at - paused_at)) FROM ingest.topic_state") == "20")
    }

    @Test("a window of records that went well makes trials begin anew")
    func beginsAnew() async throws {
        let world = try WorkerWorld(partitions: 1)
        try forbid(world)
        try world.publish(good(450))
        #expect(try await world.catchUp().standing.count == 1)
        try permit(world)
        try makeDue(world)
        #expect(try await world.catchUp().standing.isEmpty)
        try world.publish(bad(900))
        #expect(try await world.catchUp().standing.count == 1)
        #expect(try trials(world) == 0)
    }

    @Test("an operator's pause is never ended by itself, be it on top of the breaker's", arguments: [true, false])
    func operatorsPause(onTop: Bool) async throws {
        let world = try WorkerWorld(partitions: 1)
        let name = world.thing.name
        if onTop {
            try forbid(world)
            try world.publish(good(250))
            #expect(try await world.catchUp().standing.count == 1)
        }
        #expect(try WorkControl.pause(topic: name, because: "wait", by: "tests", connection: world.connection))
        #expect(try !WorkControl.pause(topic: name, because: "twice", by: "tests", connection: world.connection))
        #expect(try world.connection.one("SELECT trial_at FROM ingest.topic_state") == nil)
        if onTop {
            try permit(world)
        } else {
            try world.publish(good(250))
        }
        var settings = world.settings(untilCaughtUp: false)
        hurry(&settings)
        let store = TrialStore(connection: world.connection, settings: settings)
        #expect(try store.due().isEmpty)
        #expect(try store.claim() == nil)
        #expect(try store.pause(name, because: "the breaker", windowRecords: 400, resumed: 0) == nil)
        let summary = try await world.worker(untilCaughtUp: true, hurry).run()
        #expect(summary.standing == ["\(name) is paused: wait"])
        #expect(try rows(world) == "0")
        #expect(try operations(world) == (onTop ? "breaker pause, tests pause" : "tests pause"))
    }

    @Test("of many workers one makes a trial, and a word of an operator's since then makes it void")
    func oneTrial() throws {
        let world = try WorkerWorld(partitions: 1)
        let name = world.thing.name
        let store = TrialStore(connection: world.connection, settings: world.settings(untilCaughtUp: false))
        let other = TrialStore(
            connection: try world.database.connect(), settings: world.settings(untilCaughtUp: false))
        let sample = Breaker.Sample(records: 1, refused: 0, tombstones: 0)
        func due() throws -> TrialStore.Due {
            try makeDue(world)
            return try #require(try store.claim())
        }
        #expect(try store.pause(name, because: "a test", windowRecords: 400, resumed: 0) != nil)
        #expect(try store.pause(name, because: "twice", windowRecords: 400, resumed: 0) == nil)
        #expect(try store.claim() == nil)

        let first = try due()
        #expect(try other.claim() == nil)
        #expect(try store.ended(first, counts: true) != nil)
        #expect(try trials(world) == 1)

        // What came to nothing, and what was never heard of again, has put off the next one and counts as nothing.
        #expect(try store.ended(try due(), counts: false) != nil)
        #expect(try trials(world) == 1)
        _ = try due()
        #expect(try trials(world) == 1)
        #expect(
            try world.connection.one("SELECT trial_at > now() + interval '15 s' FROM ingest.topic_state") == "t")

        let overtaken = try due()
        try WorkControl.resume(topic: name, because: "a test", by: "tests", connection: world.connection)
        #expect(try store.ended(overtaken, counts: true) == nil)
        #expect(try !store.resume(overtaken, sample, windowRecords: 400))
        // Nor does what was judged before that word.
        #expect(try store.pause(name, because: "before it", windowRecords: 400, resumed: 0) == nil)
        #expect(try store.pause(name, because: "again", windowRecords: 400, resumed: 1) != nil)
        #expect(try !store.resume(overtaken, sample, windowRecords: 400))

        let withPause = try due()
        try WorkControl.pause(topic: name, because: "a test", by: "tests", connection: world.connection)
        #expect(try store.ended(withPause, counts: true) == nil)
        #expect(try !store.resume(withPause, sample, windowRecords: 400))
        #expect(try isPaused(world))

        // A worker of an older mapping than the database permits makes none.
        try WorkControl.resume(topic: name, because: "a test", by: "tests", connection: world.connection)
        #expect(try store.pause(name, because: "once more", windowRecords: 400, resumed: 2) != nil)
        _ = try world.connection.execute(
            "UPDATE ingest.topic_state SET trial_at = now(), mapping_revision_min = 2")
        #expect(try store.due().isEmpty)
        #expect(try store.claim() == nil)
    }

    @Test("a session that the database ends during a trial counts as nothing")
    func killedBackend() async throws {
        let world = try WorkerWorld(partitions: 1)
        try forbid(world)
        try world.publish(good(250))
        #expect(try await world.catchUp().standing.count == 1)
        try permit(world)
        try makeDue(world)
        let struck = Mutex(0)
        let strikes = 3
        let url = world.database.url
        try await world.whileWorking({
            hurry(&$0)
            // Who is killed can put off nothing: the next trial comes when this one should be over.
            $0.trialPatience = .seconds(5)
            // Nothing but a trial comes here while the topic is paused.
            $0.faultPoint = { point in
                let isOver = struck.withLock { struck in
                    if point == .beforeCommit { struck += 1 }
                    return struck > strikes
                }
                guard point == .beforeCommit, !isOver else { return }
                do {
                    let killer = try PostgresConnection(url, applicationName: "tests")
                    defer { killer.close() }
                    _ = try killer.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lienthong work'"
                    )
                } catch {
                    Issue.record("\(error)")
                }
            }
        }) {
            try await until("all records are there") { try rows(world) == "250" }
        }
        #expect(struck.withLock { $0 } > strikes)
        #expect(try world.fates() == "250 0 0 0")
        // The one that passed is the only one that counts.
        #expect(try trials(world) == 1)
        #expect(try operations(world) == "breaker pause, breaker resume")
    }

    @Test("a trial finds neither for nor against a topic where the database or Kafka gives no answer")
    func undecided() async throws {
        let world = try WorkerWorld(partitions: 1)
        try forbid(world)
        try world.publish(good(250))
        #expect(try await world.catchUp().standing.count == 1)
        let settings = world.settings(untilCaughtUp: false)
        func isUndecided(_ settings: WorkerSettings) throws -> Bool {
            let trial = Trial(
                world.thing.definition, settings: settings, connection: try world.database.connect(),
                progress: WorkProgress())
            if case .undecided = try trial.run() { return true }
            return false
        }
        let readOnly = try world.database.connect()
        _ = try readOnly.execute("SET default_transaction_read_only = on")
        #expect {
            try Trial(world.thing.definition, settings: settings, connection: readOnly, progress: WorkProgress()).run()
        } throws: { error in
            (error as? PostgresError)?.fault == .world
        }
        var silent = settings
        silent.kafka = KafkaSettings(bootstrapServers: "127.0.0.1:1")
        silent.trialPatience = .milliseconds(300)
        #expect(try isUndecided(silent))
        _ = try world.connection.execute(
            "UPDATE ingest.position SET gap_kind = 'unreadable', gap_because = 'a test', gap_at = now()")
        #expect(try isUndecided(settings))
        #expect(try isPaused(world))
        #expect(try trials(world) == 0)
    }
}
