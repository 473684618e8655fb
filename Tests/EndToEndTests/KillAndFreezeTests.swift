import Foundation
import HistoryChecker
import Kafka
import Model
import Postgres
import TestSupport
import Testing

/// Workers as processes, killed and frozen. The embedded broker alone evicts a member that died, hence the condition.
@Suite(
    "processes under fire", .serialized,
    .enabled(if: TestKafka.isEmbedded, "a member's death needs the embedded broker"))
struct KillAndFreezeTests {
    /// A log with updates, repeated and conflicting versions, deletes and bad records.
    private static func history(_ count: Int, seed: UInt64) -> [OutgoingTestRecord] {
        var random = SplitMix(seed)
        return (0..<count).map { number in
            let key = "k\(Int.random(in: 0..<(count / 3), using: &random))"
            let version = Int64.random(in: 1...6, using: &random)
            switch Int.random(in: 0..<100, using: &random) {
            case 0: return OutgoingTestRecord(key: key, value: Array("not json \(number)".utf8))
            case 1: return OutgoingTestRecord(key: key, value: ThingTopic.value(key, version, "too big", size: 1_000))
            case 2...4: return OutgoingTestRecord(key: key, value: nil, version: version)
            case 5: return OutgoingTestRecord(key: key, value: nil)
            default:
                let tags = (0..<Int.random(in: 0...2, using: &random)).map { "t\($0)" }
                return OutgoingTestRecord(key: key, value: ThingTopic.value(key, version, "n\(number % 3)", tags: tags))
            }
        }
    }

    /// What the database says became of the records. Which of the records that the database itself refuses become dead
    /// letters depends on the batches: one that loses against a newer record of its batch is superseded unseen.
    private struct Account: Equatable {
        var consumed: Int64
        var deadLettered: Int64
        var letters: Int64
        var refusedByContract: Int64
    }

    private static func account(_ connection: PostgresConnection) throws -> Account {
        let row = try connection.query(
            """
            SELECT coalesce(sum(applied + superseded + deleted + dead_lettered), 0), coalesce(sum(dead_lettered), 0),
              (SELECT count(*) FROM ingest.dead_letter),
              (SELECT count(*) FROM ingest.dead_letter WHERE reason <> 'database-refused') FROM ingest.position
            """)
        return Account(
            consumed: row.integer(0, 0) ?? 0, deadLettered: row.integer(0, 1) ?? 0, letters: row.integer(0, 2) ?? 0,
            refusedByContract: row.integer(0, 3) ?? 0)
    }

    /// The rows that only one of two runs ended in, so that a failure shows them and not 16,000 equal ones.
    private static func difference(_ rows: [String], _ expected: [String]) -> [String] {
        let added = Set(rows).subtracting(expected).map { "+ \($0)" }
        return (added + Set(expected).subtracting(rows).map { "- \($0)" }).sorted { $0.dropFirst(2) < $1.dropFirst(2) }
    }

    @Test(
        "killed twenty times at random, a run of 50,000 records leaves the rows of an undisturbed one, each record accounted for once"
    )
    func killed() async throws {
        let count = 50_000
        let world = try ProcessWorld(partitions: 16)
        let history = Self.history(count, seed: 7)
        try world.kafka.publish(history, to: world.thing.name)

        let calm = try TestNationalDatabase()
        let undisturbed = try world.work(calm, group: "calm", ["--until-caught-up"])
        #expect(try await undisturbed.wait() == 0, "\(undisturbed.printed)")
        let calmConnection = try calm.connect()
        let expected = try thingRows(calmConnection)
        let calmAccount = try Self.account(calmConnection)
        #expect(calmAccount.consumed == Int64(count))
        #expect(calmAccount.deadLettered == calmAccount.letters)

        let stormy = try TestNationalDatabase()
        let connection = try stormy.connect()
        var random = SplitMix(UInt64(Date().timeIntervalSince1970))
        var kills = 0
        var reached: Int64 = 0
        while kills < 20 {
            // Every fifth joins the group of the one just killed, and waits for that member's session to end.
            let group = kills % 5 == 4 ? kills - 1 : kills
            let worker = try world.work(stormy, group: "stormy-\(group)", ["--batch-records", "200"])
            // Killed in mid-run, not while it waits to join: after some more records, at a random instant.
            let more = Int64.random(in: 200...2_000, using: &random)
            try await waitUntil("the worker has dealt with \(more) more than \(reached) records") {
                try Self.account(connection).consumed >= reached + more || !worker.isRunning
            }
            try await Task.sleep(for: .microseconds(Int.random(in: 0...20_000, using: &random)))
            try #require(worker.isRunning, "\(worker.printed)")
            worker.send(SIGKILL)
            #expect(try await worker.wait() == -SIGKILL)
            kills += 1
            reached = try Self.account(connection).consumed
        }
        try #require(reached < count, "the run was over before the twentieth kill")
        let last = try world.work(stormy, group: "stormy-last", ["--until-caught-up"])
        #expect(try await last.wait() == 0, "\(last.printed)")
        #expect(Self.difference(try thingRows(connection), expected) == [])
        let account = try Self.account(connection)
        #expect(account.consumed == Int64(count))
        #expect(account.deadLettered == account.letters)
        #expect(account.refusedByContract == calmAccount.refusedByContract)
        #expect(account.refusedByContract > 0)
        let verdict = try ThingHistory.check(
            world.thing.name, partitions: 16, published: history, kafka: world.kafka.settings, connection)
        #expect(verdict.rule == nil, "\(verdict)")
    }

    @Test(
        "a worker frozen past its session and thawed doubles nothing and loses nothing",
        arguments: ["idle", "inside-copy", "inside-table-copy", "before-commit", "after-commit"])
    func frozen(point: String) async throws {
        let world = try ProcessWorld(partitions: 4)
        // Only new keys are copied straight into the table.
        let records =
            point == "inside-table-copy"
            ? (0..<3_000).map {
                OutgoingTestRecord(key: "u\($0)", value: ThingTopic.value("u\($0)", 1, "n", tags: ["t"]))
            }
            : Self.history(3_000, seed: 11)
        let database = try TestNationalDatabase(size: "bigint")
        let connection = try database.connect()
        let name = world.thing.name

        let faulty = try world.faulty(database, group: "pair", point: point)
        try await waitUntil("the first worker has claimed") {
            try connection.one("SELECT count(*) FROM ingest.position") == "4" || !faulty.isRunning
        }
        try world.kafka.publish(Array(records[..<1_000]), to: name)
        try await waitUntil("the first worker works") {
            try Self.account(connection).consumed == 1_000 || !faulty.isRunning
        }

        try #require(FileManager.default.createFile(atPath: world.fuse.path, contents: nil))
        try world.kafka.publish(Array(records[1_000..<2_000]), to: name)
        try await waitUntil("the first worker is frozen") { faulty.isFrozen || !faulty.isRunning }
        try #require(faulty.isRunning, "\(faulty.printed)")
        let second = try world.work(database, group: "pair", ["--lanes", "1"])
        try await waitUntil("the second worker goes on") {
            try Self.account(connection).consumed == 2_000 || !second.isRunning
        }
        try #require(second.isRunning, "\(second.printed)")

        faulty.send(SIGCONT)
        try world.kafka.publish(Array(records[2_000...]), to: name)
        try await waitUntil("all is dealt with") { try Self.account(connection).consumed >= 3_000 }
        // Both leave in good order: what the thawed one still had in hand cannot come afterwards.
        second.send(SIGTERM)
        faulty.send(SIGTERM)
        #expect(try await second.wait() == 0, "\(second.printed)")
        #expect(try await faulty.wait() == 0, "\(faulty.printed)")

        let account = try Self.account(connection)
        #expect(account.consumed == 3_000)
        #expect(account.deadLettered == account.letters)
        let calm = try TestNationalDatabase()
        let undisturbed = try world.work(calm, group: "calm", ["--until-caught-up"])
        #expect(try await undisturbed.wait() == 0, "\(undisturbed.printed)")
        #expect(Self.difference(try thingRows(connection), try thingRows(try calm.connect())) == [])
    }

    @Test(
        "a rewind behind the back of a frozen worker: what that has in hand is not written, and thawed it begins anew",
        arguments: ["inside-table-copy", "before-commit", "after-commit"])
    func rewound(point: String) async throws {
        let world = try ProcessWorld(partitions: 4)
        // Only new keys are copied straight into the table.
        let keys = point == "inside-table-copy" ? 2_000 : 400
        let records = (0..<2_000).map {
            let key = "u\($0 % keys)"
            return OutgoingTestRecord(
                key: key, value: ThingTopic.value(key, Int64($0 / keys + 1), "n\($0)", tags: ["t"]))
        }
        let database = try TestNationalDatabase(size: "bigint")
        let connection = try database.connect()
        let faulty = try world.faulty(database, group: "lone", point: point)
        try world.kafka.publish(Array(records[..<1_000]), to: world.thing.name)
        try await waitUntil("the worker works") {
            try Self.account(connection).consumed == 1_000 || !faulty.isRunning
        }
        try #require(FileManager.default.createFile(atPath: world.fuse.path, contents: nil))
        try world.kafka.publish(Array(records[1_000...]), to: world.thing.name)
        try await waitUntil("the worker is frozen") { faulty.isFrozen || !faulty.isRunning }
        try #require(faulty.isRunning, "\(faulty.printed)")

        let topic = world.thing.name.rawValue
        let rewind = try world.run(
            database, ["work", "rewind", "--topic", topic, "--to", "beginning", "--yes", "--because", "a test"])
        #expect(try await rewind.wait() == 0, "\(rewind.printed)")
        #expect(try connection.one("SELECT sum(next_offset) FROM ingest.position") == "0")
        let before = try Self.account(connection).consumed

        faulty.send(SIGCONT)
        try await waitUntil("all is dealt with again") {
            try Self.account(connection).consumed >= before + 2_000 || !faulty.isRunning
        }
        faulty.send(SIGTERM)
        #expect(try await faulty.wait() == 0, "\(faulty.printed)")
        #expect(try Self.account(connection).consumed == before + 2_000)
        #expect(try connection.one("SELECT count(*) FROM registry.thing") == "\(keys)")
        #expect(
            try connection.one("SELECT count(*) FROM registry.thing WHERE id = 'u3' AND name = 'n\(2_000 - keys + 3)'")
                == "1")
    }

    @Test("two processes of one group share the partitions and double nothing")
    func shared() async throws {
        let count = 20_000
        let world = try ProcessWorld(partitions: 8)
        try world.kafka.publish(Self.history(count, seed: 5), to: world.thing.name)
        let database = try TestNationalDatabase()
        let connection = try database.connect()
        // The group's first join waits for others, so both have their share from the beginning.
        let workers = try (0..<2).map { _ in
            try world.work(database, group: "shared", ["--lanes", "1", "--batch-records", "500", "--until-caught-up"])
        }
        for worker in workers { #expect(try await worker.wait() == 0, "\(worker.printed)") }
        let account = try Self.account(connection)
        #expect(account.consumed == Int64(count))
        #expect(account.deadLettered == account.letters)
        #expect(try connection.one("SELECT count(DISTINCT claimed_by) FROM ingest.position") == "2")
        let calm = try TestNationalDatabase()
        let undisturbed = try world.work(calm, group: "calm", ["--until-caught-up"])
        #expect(try await undisturbed.wait() == 0, "\(undisturbed.printed)")
        #expect(Self.difference(try thingRows(connection), try thingRows(try calm.connect())) == [])
    }

    @Test("SIGTERM ends a worker with status 0, its batch written or left whole")
    func terminated() async throws {
        let world = try ProcessWorld(partitions: 4)
        let database = try TestNationalDatabase()
        let connection = try database.connect()
        let worker = try world.work(database, group: "term", ["--batch-records", "50"])
        try world.kafka.publish(Self.history(5_000, seed: 3), to: world.thing.name)
        try await waitUntil("it works") { try Self.account(connection).consumed > 0 || !worker.isRunning }
        worker.send(SIGTERM)
        #expect(try await worker.wait() == 0, "\(worker.printed)")
        let positions = try connection.one("SELECT sum(next_offset) FROM ingest.position")
        #expect(positions == "\(try Self.account(connection).consumed)")
    }

    @Test("a worker whose login is refused while it works ends as one with wrong settings, and says why")
    func refusedLogin() async throws {
        let world = try ProcessWorld(partitions: 4)
        let database = try TestNationalDatabase()
        let connection = try database.connect()
        let login = try WorkerLogin(database)
        let worker = try world.work(database, group: "refused", ["--database", login.url])
        try world.kafka.publish(Self.history(1_000, seed: 13), to: world.thing.name)
        try await waitUntil("it works") { try Self.account(connection).consumed > 0 || !worker.isRunning }
        try #require(worker.isRunning, "\(worker.printed)")
        try login.refuse(.noLogin)
        try login.endSessions()
        try await waitUntil("it has ended") { !worker.isRunning }
        #expect(try await worker.wait() == ExitStatus.configuration.rawValue, "\(worker.printed)")
        let last = worker.printed.split(separator: "\n").last ?? ""
        #expect(last.hasPrefix("lienthong: ") && last.contains("SQLSTATE 28000"), "\(worker.printed)")
        #expect(last.hasSuffix("check user and password in the database URL"), "\(last)")
        // What it had written stands, what it had not is left whole for the next.
        let account = try Self.account(connection)
        #expect(account.deadLettered == account.letters)
        let next = try world.work(database, group: "refused", ["--until-caught-up"])
        #expect(try await next.wait() == 0, "\(next.printed)")
        #expect(try Self.account(connection).consumed == 1_000)
    }
}

/// SplitMix64: the same seed gives the same history everywhere.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var result = state
        result = (result ^ (result >> 30)) &* 0xBF58_476D_1CE4_E5B9
        result = (result ^ (result >> 27)) &* 0x94D0_49BB_1331_11EB
        return result ^ (result >> 31)
    }
}
