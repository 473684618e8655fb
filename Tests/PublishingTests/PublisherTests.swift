import Foundation
import Kafka
import Model
import Postgres
import Testing

@testable import Publishing

/// One after the other: making a slot waits for open transactions of the whole cluster, the neighbours' too.
@Suite("a publisher", .serialized, .timeLimit(.minutes(5)))
struct PublisherTests {
    @Test("publishes what is there, then every change, with its headers")
    func snapshotThenChanges() async throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...25)
        let run = RunningPublisher(fixture.publisher { $0.pageRows = 10 })
        try fixture.read { $0.count == 25 }
        try run.wait(for: .stream)
        try fixture.database.execute("UPDATE person SET name = 'changed' WHERE person_id = 7")
        try fixture.insertPeople(26...26)
        let records = try fixture.read { $0.count == 27 }
        #expect(fixture.living() == (try fixture.expected()))

        let changed = try #require(records.last { $0.key == "N7" })
        #expect(changed.version == "2")
        #expect(changed.headers["ce_specversion"] == "1.0")
        #expect(changed.headers["ce_source"] == "/test/source")
        #expect(changed.headers["ce_type"] == fixture.feed.topic.rawValue)
        #expect(changed.headers["ce_time"] == "2025-07-01T01:30:00Z")
        #expect(changed.headers["content-type"] == "application/json")
        #expect(Set(records.compactMap { $0.headers["ce_id"] }).count == 27)
        #expect(Set(records.filter { $0.key == "N7" }.map(\.partition)).count == 1)

        let account = try await run.end()
        #expect(account.published == 27)
        #expect(account.tombstones == 0)
        #expect(account.snapshotRows == 25)
        #expect(account.transactions == 2)
        #expect(account.phase == .ended)
        #expect(account.restarts == 0)
    }

    @Test("ends by itself once it has published all that was committed")
    func onceEnds() throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...12)
        #expect(try fixture.publishOnce { $0.pageRows = 4 }.published == 12)
        try fixture.database.execute(
            "DELETE FROM person WHERE person_id <= 2; UPDATE person SET name = 'b' WHERE person_id = 3")
        let account = try fixture.publishOnce()
        #expect(account.published == 1)
        #expect(account.tombstones == 2)
        #expect(account.snapshotRows == 0)
        try fixture.readAll()
        #expect(fixture.records.count == 15)
        #expect(fixture.living() == (try fixture.expected()))
        #expect(try fixture.publishOnce().messages == 0)
    }

    @Test("publishes faulty rows for the worker to refuse, a missing value as an empty one and never as a delete")
    func faultyRows() throws {
        let fixture = try PublisherFixture()
        try fixture.database.execute(
            "INSERT INTO person (person_id, number, name) VALUES (1, NULL, 'no key'), (2, 'N2', NULL), (3, '', 'empty key')"
        )
        try fixture.publishOnce()
        let records = try fixture.readAll()
        #expect(records.contains { $0.key == nil && $0.value != nil })
        #expect(records.contains { $0.key == "N2" && $0.value == "" })
        #expect(records.contains { $0.key == "" })
        #expect(records.count == 3)
        // A row without a key was refused by every worker: its end needs no tombstone.
        try fixture.database.execute("DELETE FROM person WHERE person_id = 1")
        #expect(try fixture.publishOnce().messages == 0)
    }

    @Test("cuts a record beyond every contract's size, so that the worker sees it is too large")
    func oversized() throws {
        let fixture = try PublisherFixture()
        try fixture.database.execute(
            "INSERT INTO person (person_id, number, name) VALUES (1, 'N1', repeat('x', 3000000))")
        let account = try fixture.publishOnce()
        #expect(account.cutOversized == 1)
        #expect(try fixture.readAll().first?.value?.utf8.count == Limits.recordBytesMax + 1)
    }

    // MARK: Nothing is lost

    @Test("a transaction begun before the slot and committed after it is not lost")
    func openTransaction() async throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...5)
        let early = try PostgresConnection(fixture.url, applicationName: "early")
        try early.execute("BEGIN; INSERT INTO person (person_id, number, name) VALUES (0, 'N0', 'early')")
        let run = RunningPublisher(fixture.publisher())
        // The slot is being made: it waits for the transaction.
        try PublisherFixture.wait("no slot was asked for") {
            try fixture.database.query(
                "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_create_logical%' AND wait_event = 'transactionid'"
            ).rowCount == 1
        }
        let late = try PostgresConnection(fixture.url, applicationName: "late")
        try late.execute("BEGIN; INSERT INTO person (person_id, number, name) VALUES (100, 'N100', 'late')")
        try early.execute("COMMIT")
        try late.execute("COMMIT")
        try fixture.read { _ in fixture.living() == (try? fixture.expected()) }
        try await run.end()
    }

    @Test("changes made while the snapshot is read are all published")
    func changesDuringSnapshot() async throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...400)
        let run = RunningPublisher(fixture.publisher { $0.pageRows = 10 })
        try fixture.read { !$0.isEmpty }
        // Behind the reader, before it, and across it.
        try fixture.database.execute(
            """
            UPDATE person SET name = 'x' WHERE person_id IN (1, 399); DELETE FROM person WHERE person_id IN (2, 398);
            UPDATE person SET person_id = 1000 WHERE person_id = 3; UPDATE person SET person_id = -1 WHERE person_id = 397;
            INSERT INTO person (person_id, number, name) VALUES (0, 'N0', 'new')
            """
        )
        try fixture.read { _ in fixture.living() == (try? fixture.expected()) }
        try await run.end()
    }

    @Test("a snapshot that was killed goes on after its last acknowledged page, not from the first")
    func killedSnapshot() async throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...2_000)
        let run = RunningPublisher(
            fixture.publisher {
                $0.pageRows = 20
                $0.pagesPerProgress = 1
            })
        try fixture.read { $0.count > 200 }
        let killed = try await run.kill()
        try #require(killed.snapshotRows < 2_000, "the snapshot was over before it could be killed")
        try fixture.database.execute(
            "DELETE FROM person WHERE person_id = 1; UPDATE person SET name = 'x' WHERE person_id = 2")
        let account = try fixture.publishOnce()
        #expect(account.snapshotRows < 2_000)
        try fixture.readAll()
        #expect(fixture.living() == (try fixture.expected()))
    }

    @Test("killed again and again among changes, it leaves no gap")
    func killedAgainAndAgain() async throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...200)
        var random = SystemRandomNumberGenerator()
        for round in 0..<12 {
            let run = RunningPublisher(
                fixture.publisher {
                    $0.pageRows = 15
                    $0.pagesPerProgress = 1
                    $0.batchRecordsMax = 7
                })
            let before = fixture.records.count
            for _ in 0..<20 {
                let id = Int.random(in: 1...200, using: &random)
                try fixture.database.execute(
                    """
                    UPDATE person SET name = 'round \(round)' WHERE person_id = \(id);
                    DELETE FROM person WHERE person_id = \(Int.random(in: 1...200, using: &random));
                    INSERT INTO person (person_id, number, name, change_no)
                        SELECT \(id), 'N\(id)', 'again', \(1_000 * (round + 1)) ON CONFLICT DO NOTHING
                    """
                )
            }
            let seen = Int.random(in: 1...40, using: &random)
            try fixture.read { $0.count >= before + seen }
            try await run.kill()
        }
        try fixture.publishOnce()
        try fixture.readAll()
        #expect(fixture.living() == (try fixture.expected()))
    }

    @Test("confirms to the slot only what Kafka has acknowledged, and an idle feed holds no log back")
    func confirmation() async throws {
        let fixture = try PublisherFixture()
        try fixture.publishOnce()
        let run = RunningPublisher(fixture.publisher())
        try run.wait(for: .stream)
        let before = try fixture.confirmed()
        try fixture.insertPeople(1...3)
        try fixture.read { $0.count == 3 }
        try PublisherFixture.wait("the slot was never confirmed") { try fixture.confirmed() > before }
        // Changes of other tables only: the position moves all the same.
        let idle = try fixture.confirmed()
        try fixture.database.execute("INSERT INTO unrelated SELECT repeat('x', 1000) FROM generate_series(1, 1000)")
        try PublisherFixture.wait("an idle feed holds the log back") { try fixture.confirmed() > idle }
        try await run.end()
    }

    // MARK: Deletes, keys, children

    @Test("a delete is a tombstone with the version of the record that went")
    func delete() throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...2)
        try fixture.publishOnce()
        try fixture.database.execute(
            "UPDATE person SET name = 'b' WHERE person_id = 1; DELETE FROM person WHERE person_id = 1")
        try fixture.publishOnce()
        let tombstone = try #require(try fixture.readAll().last { $0.key == "N1" })
        #expect(tombstone.value == nil)
        #expect(tombstone.version == "2")
        #expect(tombstone.headers["ce_time"]?.hasSuffix("Z") == true)
        #expect(tombstone.headers["ce_source"] == "/test/source")
    }

    @Test("a tombstone of a timestamp version is written as RFC 3339")
    func timestampVersion() throws {
        let fixture = try PublisherFixture { yaml in
            yaml.replacing("version: change_no", with: "version: changed_at").replacing(
                "versionFormat: integer", with: "versionFormat: timestamp")
        }
        try fixture.insertPeople(1...1)
        try fixture.publishOnce()
        try fixture.database.execute("DELETE FROM person")
        try fixture.publishOnce()
        #expect(try fixture.readAll().last?.version == "2025-07-01T01:30:00Z")
    }

    @Test("a changed key is a tombstone of the old one and a record of the new one")
    func changedKey() throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...1)
        try fixture.publishOnce()
        try fixture.database.execute("UPDATE person SET number = 'M1' WHERE person_id = 1")
        let account = try fixture.publishOnce()
        #expect(account.published == 1)
        #expect(account.tombstones == 1)
        let records = try fixture.readAll()
        #expect(records.contains { $0.key == "N1" && $0.value == nil && $0.version == "1" })
        #expect(records.contains { $0.key == "M1" && $0.value != nil && $0.version == "2" })
    }

    @Test("a record deleted and inserted anew under the same key lives")
    func deletedAndInserted() throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...1)
        try fixture.publishOnce()
        try fixture.database.execute(
            "DELETE FROM person; INSERT INTO person (person_id, number, name, change_no) VALUES (2, 'N1', 'anew', 1)"
        )
        try fixture.publishOnce()
        let last = try fixture.readAll().suffix(2)
        #expect(last.map { $0.value == nil } == [true, false])
        #expect(fixture.living() == (try fixture.expected()))
    }

    @Test("a change in a child table publishes the whole record again; a child that moves, both records")
    func childChange() throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...3)
        try fixture.database.execute("INSERT INTO residence VALUES (1, 1, 'p1')")
        try fixture.publishOnce()
        try fixture.database.execute("INSERT INTO residence VALUES (2, 2, 'p2')")
        #expect(try fixture.publishOnce().published == 1)
        try fixture.database.execute("UPDATE residence SET person_id = 3 WHERE residence_id = 1")
        #expect(try fixture.publishOnce().published == 2)
        try fixture.database.execute("DELETE FROM residence WHERE residence_id = 2")
        #expect(try fixture.publishOnce().published == 1)
        try fixture.readAll()
        #expect(fixture.living() == (try fixture.expected()))
    }

    @Test("a transaction larger than a batch is published whole", arguments: [99, 100, 101, 450])
    func largeTransaction(count: Int) throws {
        let fixture = try PublisherFixture()
        try fixture.publishOnce()
        try fixture.database.execute(
            """
            BEGIN; INSERT INTO person (person_id, number, name) SELECT i, 'N' || i, 'a' FROM generate_series(1, \(count)) i;
            DELETE FROM person WHERE person_id % 10 = 0; UPDATE person SET name = 'b' WHERE person_id % 7 = 0; COMMIT
            """
        )
        let account = try fixture.publishOnce { $0.batchRecordsMax = 100 }
        #expect(account.transactions == 1)
        #expect(account.tombstones == Int64(count / 10))
        try fixture.readAll()
        #expect(fixture.living() == (try fixture.expected()))
    }

    @Test("records with an identity of several columns, text with every kind of quote among them")
    func compositeIdentity() throws {
        let fixture = try PublisherFixture { yaml in
            yaml.replacing(
                "identity: [{column: person_id, type: bigint}]",
                with: "identity: [{column: code, type: text}, {column: person_id, type: bigint}]"
            )
            .replacing("children:\n  - {table: public.residence, identity: [person_id]}\n", with: "")
            .replacing("SELECT p.person_id,", with: "SELECT p.code, p.person_id,")
        }
        try fixture.database.execute(
            """
            ALTER TABLE person ADD code text NOT NULL DEFAULT 'a';
            ALTER TABLE person DROP CONSTRAINT person_pkey, ADD PRIMARY KEY (code, person_id);
            INSERT INTO person (code, person_id, number, name)
                SELECT c, i, c || i, 'a' FROM unnest(ARRAY['a', 'b', '"', '\\', '{}', ',', '', 'ế', 'NULL']) c, generate_series(1, 3) i
            """
        )
        try fixture.publishOnce { $0.pageRows = 2 }
        try fixture.database.execute(
            "UPDATE person SET name = 'b' WHERE person_id <> 2; DELETE FROM person WHERE person_id = 3")
        try fixture.publishOnce()
        try fixture.readAll()
        #expect(fixture.living().count == 18)
        #expect(fixture.living() == (try fixture.expected()))
    }

    // MARK: State secrets

    @Test("a state secret is withheld and counted; its delete and its new key, too")
    func stateSecret() throws {
        let fixture = try PublisherFixture()
        try fixture.database.execute(
            "INSERT INTO person (person_id, number, name, secret) VALUES (1, 'S1', 'a', true), (2, 'N2', 'b', false)"
        )
        #expect(try fixture.publishOnce().withheldStateSecrets == 1)
        try fixture.database.execute("INSERT INTO person (person_id, number, name, secret) VALUES (3, 'S3', 'c', true)")
        #expect(try fixture.publishOnce().withheldStateSecrets == 1)
        try fixture.database.execute(
            "UPDATE person SET number = 'S4' WHERE secret; DELETE FROM person WHERE person_id = 3")
        let account = try fixture.publishOnce()
        #expect(account.messages == 0)
        #expect(account.withheldStateSecrets == 1)
        #expect(try fixture.readAll().map(\.key) == ["N2"])
    }

    @Test("a record that becomes a state secret is deleted downstream, and comes back when it is none any more")
    func becomesSecret() throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...1)
        try fixture.publishOnce()
        try fixture.database.execute("UPDATE person SET secret = true")
        let account = try fixture.publishOnce()
        #expect(account.published == 0)
        #expect(account.tombstones == 1)
        #expect(account.withheldStateSecrets == 1)
        #expect(try fixture.readAll().last?.value == nil)
        #expect(fixture.living().isEmpty)
        try fixture.database.execute("UPDATE person SET secret = false")
        try fixture.publishOnce()
        try fixture.readAll()
        #expect(fixture.living() == (try fixture.expected()))
    }

    // MARK: Questions

    @Test("a TRUNCATE stops the feed with a question, again and again, until it is answered")
    func truncate() throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...3)
        try fixture.publishOnce()
        try fixture.database.execute("INSERT INTO person (person_id, number, name) VALUES (4, 'N4', 'before')")
        try fixture.database.execute("TRUNCATE person")
        try fixture.database.execute("INSERT INTO person (person_id, number, name) VALUES (5, 'N5', 'after')")
        for _ in 1...2 {
            let error = #expect(throws: UserError.self) { try fixture.publishOnce() }
            #expect(error?.status == .no)
            #expect(error?.nextStep.contains("--accept-truncate") == true)
        }
        let account = try fixture.publishOnce { $0.acceptTruncate = true }
        #expect(account.tombstones == 0)
        #expect(try fixture.readAll().contains { $0.key == "N5" })
    }

    @Test("a second publisher of the feed is refused with a sentence")
    func secondPublisher() async throws {
        let fixture = try PublisherFixture()
        let run = RunningPublisher(fixture.publisher())
        try run.wait(for: .stream)
        let error = #expect(throws: UserError.self) { try fixture.publishOnce() }
        #expect(error?.cause.contains("another publisher") == true)
        try await run.end()
    }

    @Test("a lost slot stops the feed with a question; --resnapshot publishes everything again")
    func lostSlot() throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...3)
        try fixture.publishOnce()
        try fixture.database.query("SELECT pg_drop_replication_slot($1)", [fixture.feed.slot])
        try fixture.database.execute("UPDATE person SET name = 'unseen' WHERE person_id = 1")
        let error = #expect(throws: UserError.self) { try fixture.publishOnce() }
        #expect(error?.status == .no)
        #expect(error?.nextStep.contains("--resnapshot") == true)
        #expect(try fixture.publishOnce { $0.resnapshot = true }.published == 3)
        try fixture.readAll()
        #expect(fixture.living() == (try fixture.expected()))
        #expect(try fixture.publishOnce().messages == 0)
    }

    @Test("killed between a new slot and its first progress, a resnapshot is not taken for done")
    func killedResnapshot() async throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...3)
        try fixture.publishOnce()
        try fixture.database.query("SELECT pg_drop_replication_slot($1)", [fixture.feed.slot])
        try fixture.database.execute("UPDATE person SET name = 'unseen' WHERE person_id = 1")
        // An open transaction holds the new slot up, so that the kill comes before it.
        let open = try PostgresConnection(fixture.url, applicationName: "open")
        defer { open.close() }
        try open.execute("BEGIN; INSERT INTO unrelated VALUES ('open')")
        let run = RunningPublisher(fixture.publisher { $0.resnapshot = true })
        try PublisherFixture.wait("no slot was asked for") {
            try fixture.database.query(
                "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_create_logical%' AND wait_event = 'transactionid' "
                    + "AND datname = current_database()"
            ).rowCount == 1
        }
        try await run.kill()
        try open.execute("COMMIT")
        // What the killed publisher would have left a moment later.
        try fixture.database.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [fixture.feed.slot])
        #expect(try fixture.publishOnce().snapshotRows == 3)
        try fixture.readAll()
        #expect(fixture.living() == (try fixture.expected()))
    }

    @Test(
        "a replica identity that was narrowed for a while stops the feed with a question, after all that came before",
        arguments: ["person", "residence"]
    )
    func narrowedIdentity(table: String) async throws {
        let fixture = try PublisherFixture()
        try fixture.insertPeople(1...3)
        try fixture.database.execute("INSERT INTO residence VALUES (1, 1, 'p1')")
        let run = RunningPublisher(fixture.publisher())
        defer { run.publisher.stop() }
        try run.wait(for: .stream)
        try fixture.database.execute("DELETE FROM person WHERE person_id = 3")
        try fixture.database.execute("ALTER TABLE \(table) REPLICA IDENTITY DEFAULT")
        try fixture.database.execute(
            table == "person" ? "UPDATE person SET secret = true WHERE person_id = 2" : "DELETE FROM residence")
        try fixture.database.execute("ALTER TABLE \(table) REPLICA IDENTITY FULL")
        try run.wait(for: .ended)
        let error = await run.failure()
        #expect(error?.status == .no)
        #expect(error?.nextStep.contains("ALTER TABLE public.\(table) REPLICA IDENTITY FULL") == true)
        #expect(try fixture.readAll().contains { $0.key == "N3" && $0.value == nil })
        // Not forgotten by trying again: the changes of that time are still the next ones.
        #expect(throws: UserError.self) { try fixture.publishOnce() }
        try fixture.database.query("SELECT pg_drop_replication_slot($1)", [fixture.feed.slot])
        try fixture.publishOnce { $0.resnapshot = true }
        try fixture.database.execute("DELETE FROM person WHERE person_id = 1")
        #expect(try fixture.publishOnce().tombstones == 1)
    }

    @Test(
        "a source that cannot feed is refused with what its owner has to do",
        arguments: [
            ("ALTER TABLE person REPLICA IDENTITY DEFAULT", "REPLICA IDENTITY FULL"),
            ("ALTER TABLE residence REPLICA IDENTITY DEFAULT", "REPLICA IDENTITY FULL"),
            ("DROP TABLE residence", "create the table"),
            ("ALTER TABLE person ALTER person_id TYPE integer", "identity"),
            ("ALTER TABLE person DROP CONSTRAINT person_pkey", "primary key"),
            ("ALTER TABLE person ALTER secret DROP DEFAULT, ALTER secret TYPE text", "correct the feed"),
            ("ALTER TABLE person ALTER change_no TYPE numeric", "correct the feed"),
            ("ALTER TABLE person DROP number", "add the column"),
            ("ALTER TABLE person DROP name", "query"),
            ("CREATE PUBLICATION {name} FOR TABLE person", "ADD TABLE"),
            ("CREATE PUBLICATION {name} FOR TABLE person, residence WITH (publish = 'insert')", "ALTER PUBLICATION"),
            ("CREATE PUBLICATION {name} FOR TABLE person WHERE (person_id > 1), residence", "whole table"),
        ]
    )
    func unfitSource(damage: String, advice: String) throws {
        let fixture = try PublisherFixture()
        try fixture.database.execute(damage.replacing("{name}", with: fixture.feed.publication))
        let error = #expect(throws: UserError.self) { try fixture.publishOnce() }
        #expect(error?.status == .configuration)
        #expect(error.map { $0.nextStep.contains(advice) } == true, "\(error.map { "\($0)" } ?? "")")
    }

    @Test("an unreachable source, an unreachable broker and a missing topic are told at once")
    func unreachable() throws {
        let fixture = try PublisherFixture()
        let noSource = #expect(throws: UserError.self) {
            try fixture.publishOnce { $0.sourceURL = "postgresql://postgres:geheim@127.0.0.1:1/none" }
        }
        #expect(noSource?.status == .unavailable)
        #expect(noSource.map { "\($0)".contains("geheim") } == false)
        let noBroker = #expect(throws: UserError.self) {
            try fixture.publishOnce { $0.kafka = KafkaSettings(bootstrapServers: "127.0.0.1:1") }
        }
        #expect(noBroker?.status == .unavailable)
        let elsewhere = try EmbeddedBroker()
        defer { elsewhere.stop() }
        let noTopic = #expect(throws: UserError.self) { try fixture.publishOnce { $0.kafka = elsewhere.settings } }
        #expect(noTopic?.status == .configuration)
        #expect(noTopic?.nextStep.contains("topics apply") == true)
    }

    @Test("a role that may replicate and read, and no more, suffices where the publication is there")
    func leastPermissions() throws {
        let fixture = try PublisherFixture()
        let role = fixture.feed.slot
        try fixture.insertPeople(1...2)
        try fixture.database.execute(
            "CREATE ROLE \(role) LOGIN; GRANT SELECT ON person, residence TO \(role)"
        )
        defer { _ = try? fixture.database.execute("DROP OWNED BY \(role); DROP ROLE \(role)") }
        let url = fixture.url.replacing("postgres@", with: "\(role)@")
        let noPublication = #expect(throws: UserError.self) { try fixture.publishOnce { $0.sourceURL = url } }
        #expect(noPublication?.nextStep.contains("CREATE PUBLICATION") == true)
        try fixture.database.execute("CREATE PUBLICATION \(fixture.feed.publication) FOR TABLE person, residence")
        let noReplication = #expect(throws: UserError.self) { try fixture.publishOnce { $0.sourceURL = url } }
        #expect(noReplication?.status == .configuration)
        try fixture.database.execute("ALTER ROLE \(role) REPLICATION")
        #expect(try fixture.publishOnce { $0.sourceURL = url }.published == 2)
    }

    // MARK: Bad weather

    @Test(
        "errors of the broker, whichever produce request they meet, lose nothing",
        .enabled(if: Shared.externalKafka == nil, "needs the embedded broker, which injects errors"), arguments: 1...6
    )
    func injectedErrors(place: Int) async throws {
        let broker = try EmbeddedBroker()
        defer { broker.stop() }
        try broker.createTopic(ProgressTopic.name, partitions: 1)
        let fixture = try PublisherFixture(broker: broker)
        try fixture.insertPeople(1...40)
        try broker.injectErrors(
            .produce,
            Array(repeating: 0, count: place - 1) + [
                KafkaErrorCode.notEnoughReplicas, KafkaErrorCode.transport, KafkaErrorCode.requestTimedOut,
            ]
        )
        let run = RunningPublisher(fixture.publisher { $0.pageRows = 7 })
        try fixture.read { Set($0.compactMap(\.key)).count == 40 }
        try run.wait(for: .stream)
        try fixture.database.execute("DELETE FROM person WHERE person_id % 2 = 0; UPDATE person SET name = 'x'")
        try fixture.read { _ in fixture.living() == (try? fixture.expected()) }
        try await run.end()
    }

    @Test(
        "a record that the broker will never take stops the feed with a sentence that does not quote it",
        .enabled(if: Shared.externalKafka == nil, "needs the embedded broker, which injects errors")
    )
    func refusedByBroker() throws {
        let broker = try EmbeddedBroker()
        defer { broker.stop() }
        try broker.createTopic(ProgressTopic.name, partitions: 1)
        let fixture = try PublisherFixture(broker: broker)
        try fixture.insertPeople(1...1)
        // The first request is the progress of the snapshot's beginning.
        try broker.injectErrors(.produce, [0, KafkaErrorCode.messageTooLarge])
        let error = #expect(throws: UserError.self) { try fixture.publishOnce() }
        #expect(error?.status == .configuration)
        #expect(error.map { "\($0)".contains("N1") || "\($0)".contains("name 1") } == false)
        #expect(try fixture.publishOnce().published == 1)
    }

    @Test(
        "a broker that is away for a while loses nothing",
        .enabled(if: Shared.externalKafka == nil, "needs the embedded broker, which can be taken down")
    )
    func brokerAway() async throws {
        let broker = try EmbeddedBroker()
        defer { broker.stop() }
        try broker.createTopic(ProgressTopic.name, partitions: 1)
        let fixture = try PublisherFixture(broker: broker)
        let run = RunningPublisher(fixture.publisher())
        try run.wait(for: .stream)
        let before = try fixture.confirmed()
        try broker.setDown()
        try fixture.insertPeople(1...50)
        try PublisherFixture.wait("the change never reached the publisher") {
            try fixture.database.query(
                "SELECT 1 FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid "
                    + "WHERE s.slot_name = $1 AND r.sent_lsn > $2::pg_lsn", [fixture.feed.slot, "\(before)"]
            ).rowCount == 1
        }
        #expect(run.publisher.account.published == 0)
        try broker.setUp()
        try fixture.read { Set($0.compactMap(\.key)).count == 50 }
        let account = try await run.end()
        #expect(account.published >= 50)
        #expect(fixture.living() == (try fixture.expected()))
    }

    @Test(
        "a record given up by the client is sent again by a new session",
        .enabled(if: Shared.externalKafka == nil, "needs the embedded broker, which can be taken down")
    )
    func messageTimedOut() async throws {
        let broker = try EmbeddedBroker()
        defer { broker.stop() }
        try broker.createTopic(ProgressTopic.name, partitions: 1)
        let fixture = try PublisherFixture(broker: broker)
        let run = RunningPublisher(
            fixture.publisher { $0.kafka.properties["message.timeout.ms"] = "1000" })
        try run.wait(for: .stream)
        try broker.setDown()
        try fixture.insertPeople(1...20)
        try PublisherFixture.wait("no record was given up") { run.publisher.account.restarts > 0 }
        try broker.setUp()
        try fixture.read { Set($0.compactMap(\.key)).count == 20 }
        try await run.end()
        #expect(fixture.living() == (try fixture.expected()))
    }

    @Test(
        "a session that lost the feed's lock while it waited for the broker sends nothing more",
        .enabled(if: Shared.externalKafka == nil, "needs the embedded broker, which can be taken down")
    )
    func lostLock() async throws {
        let broker = try EmbeddedBroker()
        defer { broker.stop() }
        try broker.createTopic(ProgressTopic.name, partitions: 1)
        let fixture = try PublisherFixture(broker: broker)
        let run = RunningPublisher(fixture.publisher())
        try run.wait(for: .stream)
        let before = try fixture.confirmed()
        try broker.setDown()
        try fixture.insertPeople(1...50)
        let lock = "application_name LIKE 'lienthong publisher%' AND datname = current_database()"
        // The last query before the records are queued.
        try PublisherFixture.wait("the change never reached the publisher") {
            try fixture.database.query(
                "SELECT 1 FROM pg_stat_activity WHERE \(lock) AND state = 'idle' AND query LIKE '%q.person_id = ANY%'"
            ).rowCount == 1
        }
        try fixture.database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE \(lock)")
        try PublisherFixture.wait("the lost lock went unnoticed") { run.publisher.account.restarts > 0 }
        #expect(try fixture.confirmed() == before)
        try broker.setUp()
        try fixture.read { Set($0.compactMap(\.key)).count == 50 }
        try await run.end()
        // `ce_id` tells the session: the first one's queue went with it.
        #expect(try fixture.readAll().allSatisfy { $0.headers["ce_id"]?.split(separator: "-")[1] != "1" })
        #expect(fixture.living() == (try fixture.expected()))
    }

    @Test("a source that restarts, in order or by a crash, loses nothing", arguments: [false, true])
    func sourceRestarts(immediate: Bool) async throws {
        let cluster = try PrivateCluster.temporary()
        defer { try? cluster.remove() }
        let fixture = try PublisherFixture(cluster: cluster)
        try fixture.insertPeople(1...3)
        let run = RunningPublisher(fixture.publisher())
        try fixture.read { $0.count >= 3 }
        try run.wait(for: .stream)
        try cluster.restart(immediate: immediate)
        let database = try PostgresConnection(fixture.url, applicationName: "after the restart")
        defer { database.close() }
        try database.execute("INSERT INTO person (person_id, number, name) VALUES (4, 'N4', 'after')")
        try fixture.read { records in records.contains { $0.key == "N4" } }
        #expect(run.publisher.account.restarts > 0)
        try await run.end()
    }

    @Test("a change that is logged but not yet visible is waited for, never published as it was")
    func synchronousStandby() async throws {
        let cluster = try PrivateCluster.temporary()
        defer { try? cluster.remove() }
        let fixture = try PublisherFixture(cluster: cluster)
        try fixture.insertPeople(1...2)
        let run = RunningPublisher(fixture.publisher())
        try fixture.read { $0.count == 2 }
        try run.wait(for: .stream)
        // A standby that does not exist: a commit is in the log, but its session waits, and its rows are hidden.
        try fixture.database.execute("ALTER SYSTEM SET synchronous_standby_names = 'none_such'")
        try fixture.database.execute("SELECT pg_reload_conf()")
        let writer = try PostgresConnection(fixture.url, applicationName: "writer")
        defer { writer.close() }
        try PublisherFixture.wait("the setting never took effect") {
            try writer.query("SHOW synchronous_standby_names")[0, 0] == "none_such"
        }
        try writer.send("UPDATE person SET name = 'waited for' WHERE person_id = 1")
        try PublisherFixture.wait("the publisher never met the hidden change") {
            try fixture.database.query(
                "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_visible_in_snapshot%' AND application_name LIKE 'lienthong%'"
            ).rowCount == 1
        }
        #expect(try fixture.readAll().count == 2)
        try fixture.database.execute("ALTER SYSTEM RESET synchronous_standby_names")
        try fixture.database.execute("SELECT pg_reload_conf()")
        _ = try writer.receive()
        let records = try fixture.read { $0.count == 3 }
        #expect(records.last?.value?.contains("waited for") == true)
        try await run.end()
    }

    @Test("stopping waits for what is in flight, and the next run has nothing to send again")
    func stops() async throws {
        let fixture = try PublisherFixture()
        let run = RunningPublisher(fixture.publisher())
        try run.wait(for: .stream)
        try fixture.insertPeople(1...100)
        try fixture.read { $0.count == 100 }
        try await run.end()
        #expect(try fixture.publishOnce().messages == 0)
    }
}
