// Replays by the product's own processes, killed and frozen ones too.
import Foundation
import Kafka
import Model
import Postgres
import TestSupport
import Testing

@Suite("replays by processes", .serialized)
struct ReplayProcessTests {
    /// A topic that was worked under a mapping which puts the key in the place of the name.
    private struct World {
        let processes: ProcessWorld
        let database: TestNationalDatabase
        let connection: PostgresConnection
        var topic: String { processes.thing.name.rawValue }

        init(records: Int) async throws {
            processes = try ProcessWorld(partitions: 2)
            database = try TestNationalDatabase()
            connection = try database.connect()
            try edit("{column: name, field: name}", "{column: name, field: id}")
            try processes.kafka.publish(
                (0..<records).map {
                    OutgoingTestRecord(
                        key: "k\($0)", value: ThingTopic.value("k\($0)", 1, "right", size: $0 % 100, tags: ["t"]))
                }, to: processes.thing.name)
            let worker = try processes.work(database, group: "g", ["--until-caught-up", "--no-replays"])
            try #require(try await worker.wait() == 0, "\(worker.printed)")
            try edit("{column: name, field: id}", "{column: name, field: name}")
            try edit("revision: 1", "revision: 2")
        }

        func edit(_ old: String, _ new: String) throws {
            let file = URL(fileURLWithPath: processes.thing.topicsFolder).appending(path: "\(topic)/mapping.yaml")
            let text = try String(contentsOf: file, encoding: .utf8)
            try #require(text.contains(old))
            try text.replacing(old, with: new).write(to: file, atomically: true, encoding: .utf8)
        }

        func run(_ arguments: String...) throws -> ProcessUnderTest { try processes.run(database, arguments) }

        /// What a command prints, as its lines of JSON; its status must be 0.
        func answer(_ arguments: String...) async throws -> [[String: Any]] {
            let process = try processes.run(database, arguments + ["--format", "json"])
            let status = try await process.wait()
            try #require(status == 0, "\(process.printed)")
            return process.printed.split(separator: "\n").compactMap {
                try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
            }
        }

        func passed() throws -> Int {
            Int(try connection.one("SELECT sum(next_offset - from_offset) FROM ingest.replay_position") ?? "") ?? 0
        }

        /// A runner that was killed gives no sign; the patience of the others is not what is tested.
        func forgetRunner() throws {
            _ = try connection.execute("UPDATE ingest.replay SET seen_at = now() - interval '1 hour'")
        }

        func right() throws -> String? {
            try connection.one("SELECT count(*) FROM registry.thing WHERE name = 'right'")
        }

        func consumed() throws -> String? {
            try connection.one(
                "SELECT sum(applied + superseded + deleted + dead_lettered) FROM ingest.replay_position")
        }
    }

    @Test("planned, tried dry, begun, and looked at")
    func commands() async throws {
        let world = try await World(records: 300)
        let plan = try #require(try await world.answer("replay", "plan", "--topic", world.topic).last)
        #expect(plan["offsets"] as? Int == 300)
        #expect(plan["rowsByRevision"] as? [String: Int] == ["1": 300])
        let dry = try await world.answer("replay", "plan", "--topic", world.topic, "--dry-run", "--samples", "2")
        let told = try #require(dry.last)
        #expect(told["changed"] as? Int == 300)
        #expect(told["changedByColumn"] as? [String: Int] == ["name": 300])
        #expect(try world.right() == "0")
        // Fields that are not open are shown by their form.
        #expect(!dry.description.contains("right"))
        let done = try #require(
            try await world.answer("replay", "start", "--topic", world.topic, "--because", "the name was the key").last)
        #expect(done["status"] as? String == "done")
        #expect(done["applied"] as? Int == 300)
        #expect(try world.right() == "300")
        #expect(
            try world.connection.one("SELECT string_agg(action || ' ' || because, ',') FROM ingest.operation")
                == "replay the name was the key")
        let shown = try await world.answer("replay", "status", "--all")
        #expect(shown.count == 1)
        #expect(try await world.answer("replay", "status").isEmpty)
        let keys = world.processes.folder.appending(path: "keys").path
        try "nobody\n".write(toFile: keys, atomically: true, encoding: .utf8)
        let nothing = try world.run(
            "replay", "start", "--topic", world.topic, "--because", "x", "--key-file", keys)
        #expect(try await nothing.wait() == 1, "\(nothing.printed)")
        #expect(nothing.printed.contains("None of the named keys"))
        // Tables that do not fit are told before anything is written down.
        _ = try world.connection.execute("ALTER TABLE registry.thing_record RENAME COLUMN name TO other")
        for verb in [["plan"], ["plan", "--dry-run"], ["start", "--because", "x"]] {
            let unfit = try world.processes.run(world.database, ["replay"] + verb + ["--topic", world.topic])
            #expect(try await unfit.wait() == 78, "\(unfit.printed)")
            #expect(unfit.printed.contains("has no column registry.thing_record.name"), "\(unfit.printed)")
        }
        #expect(try world.connection.one("SELECT count(*) FROM ingest.replay") == "2")
    }

    @Test("what cannot be is a sentence and a status, and nothing is begun")
    func badInput() async throws {
        let world = try await World(records: 10)
        let cases: [([String], Int32, String)] = [
            (["plan", "--topic", "nobody.knows.v1"], 64, "no contract of that name"),
            (["plan", "--topic", world.topic, "--from", "99"], 64, "lies beyond the end"),
            (["plan", "--topic", world.topic, "--partition", "7"], 64, "no partition 7"),
            (["plan", "--topic", world.topic, "--from", "2999-01-01"], 1, "holds no record"),
            (["start", "--topic", world.topic, "--because", " "], 64, "wants a reason"),
            (["start", "--topic", world.topic, "--because", "x", "--accept-missing", "3"], 1, "leave out"),
            (["status", "77"], 1, "none of that number"),
            (["cancel", "77", "--because", "x"], 1, "none of that number"),
            (["resume", "77", "--because", "x"], 1, "none of that number"),
        ]
        for (arguments, status, sentence) in cases {
            let process = try world.processes.run(world.database, ["replay"] + arguments)
            #expect(try await process.wait() == status, "\(arguments): \(process.printed)")
            #expect(process.printed.contains(sentence), "\(arguments): \(process.printed)")
        }
        #expect(try world.connection.one("SELECT count(*) FROM ingest.replay") == "0")
        // Two at once: the second is told of the first.
        let first = try world.run("replay", "start", "--topic", world.topic, "--because", "x", "--detach")
        #expect(try await first.wait() == 0, "\(first.printed)")
        let second = try world.run("replay", "start", "--topic", world.topic, "--because", "x", "--detach")
        #expect(try await second.wait() == 1)
        #expect(second.printed.contains("under way"))
        // Its mapping has changed since, or its contract is gone: nobody carries it on as something else.
        try world.edit("revision: 2", "revision: 3")
        let changed = try world.run("replay", "run", "1")
        #expect(try await changed.wait() == 78, "\(changed.printed)")
        #expect(changed.printed.contains("here is revision 3"))
        let other = try ThingTopic()
        let gone = try ProcessUnderTest(
            "lienthong", ["replay", "run", "1"],
            environment: world.processes.environment(world.database).merging(
                ["LIENTHONG_TOPICS": other.topicsFolder]
            ) { _, given in given })
        #expect(try await gone.wait() == 78, "\(gone.printed)")
        #expect(gone.printed.contains("no contract of"))
        let cancelled = try world.run("replay", "cancel", "1", "--because", "enough")
        #expect(try await cancelled.wait() == 0, "\(cancelled.printed)")
        let late = try world.run("replay", "run", "1")
        #expect(try await late.wait() == 1, "\(late.printed)")
    }

    @Test("what operators had the workers leave out is not read by a replay unless its exact number is given")
    func leftOut() async throws {
        let world = try await World(records: 10)
        try world.processes.kafka.publish(
            (0..<6).map { OutgoingTestRecord(key: "k\($0)", value: nil, version: 9) }, to: world.processes.thing.name)
        let skip = try world.run(
            "work", "rewind", "--topic", world.topic, "--to", "end", "--skip-records", "6", "--yes", "--because",
            "false deletes")
        #expect(try await skip.wait() == 0, "\(skip.printed)")
        let plan = try #require(try await world.answer("replay", "plan", "--topic", world.topic).last)
        #expect(plan["leftOut"] as? Int == 6)
        for arguments in [[], ["--include-left-out", "5"]] {
            let refused = try world.processes.run(
                world.database, ["replay", "start", "--topic", world.topic, "--because", "x"] + arguments)
            #expect(try await refused.wait() == 1, "\(refused.printed)")
            #expect(refused.printed.contains("--include-left-out 6"))
        }
        #expect(try world.connection.one("SELECT count(*) FROM registry.thing") == "10")
        let start = try world.run(
            "replay", "start", "--topic", world.topic, "--because", "x", "--include-left-out", "6")
        #expect(try await start.wait() == 0, "\(start.printed)")
        #expect(try world.connection.one("SELECT count(*) FROM registry.thing") == "4")
        // What workers are sent back to is left out no more.
        let back = try world.run(
            "work", "rewind", "--topic", world.topic, "--to", "beginning", "--yes", "--because", "read all")
        #expect(try await back.wait() == 0, "\(back.printed)")
        let worker = try world.processes.work(world.database, group: "g", ["--until-caught-up", "--no-replays"])
        #expect(try await worker.wait() == 0, "\(worker.printed)")
        let whole = try #require(try await world.answer("replay", "plan", "--topic", world.topic).last)
        #expect(whole["leftOut"] as? Int == 0)
    }

    @Test("what a key was freed from is not read again unless somebody says so")
    func resets() async throws {
        let world = try await World(records: 10)
        let reset = try world.run("key", "reset", "--topic", world.topic, "--key", "k3", "--because", "a wrong version")
        #expect(try await reset.wait() == 0, "\(reset.printed)")
        let plan = try #require(try await world.answer("replay", "plan", "--topic", world.topic).last)
        #expect(plan["keyResets"] as? Int == 1)
        let refused = try world.run("replay", "start", "--topic", world.topic, "--because", "x")
        #expect(try await refused.wait() == 1, "\(refused.printed)")
        #expect(refused.printed.contains("--despite-resets 1"))
        let start = try world.run(
            "replay", "start", "--topic", world.topic, "--because", "x", "--despite-resets", "1")
        #expect(try await start.wait() == 0, "\(start.printed)")
        #expect(try world.right() == "10")
    }

    @Test("killed again and again, it is carried on where it stood, at last by a worker")
    func killed() async throws {
        let world = try await World(records: 4_000)
        let start = try world.run(
            "replay", "start", "--topic", world.topic, "--because", "x", "--rate", "1000", "--detach")
        #expect(try await start.wait() == 0, "\(start.printed)")
        for _ in 0..<3 {
            let before = try world.passed()
            let runner = try world.run("replay", "run")
            try await waitUntil("some of it was read") { try world.passed() > before + 300 || !runner.isRunning }
            runner.send(SIGKILL)
            #expect(try await runner.wait() == -SIGKILL, "\(runner.printed)")
            try world.forgetRunner()
        }
        #expect(try world.passed() < 4_000)
        _ = try world.connection.execute("UPDATE ingest.replay SET rate = 100000")
        let worker = try world.processes.work(world.database, group: "g")
        try await waitUntil("the worker has ended it") {
            try world.connection.one("SELECT status FROM ingest.replay") == "done" || !worker.isRunning
        }
        worker.send(SIGTERM)
        #expect(try await worker.wait() == 0, "\(worker.printed)")
        #expect(try world.right() == "4000")
        #expect(try world.consumed() == "4000")
    }

    @Test("a runner that froze and comes back after another took over writes nothing more")
    func frozen() async throws {
        let world = try await World(records: 3_000)
        let first = try world.run(
            "replay", "start", "--topic", world.topic, "--because", "x", "--rate", "1000")
        try await waitUntil("some of it was read") { try world.passed() > 300 || !first.isRunning }
        first.send(SIGSTOP)
        try await waitUntil("it is frozen") { first.isFrozen }
        try world.forgetRunner()
        _ = try world.connection.execute("UPDATE ingest.replay SET rate = 100000")
        let second = try world.run("replay", "run", "1")
        #expect(try await second.wait() == 0, "\(second.printed)")
        #expect(try world.consumed() == "3000")
        first.send(SIGCONT)
        // It sees that the replay has ended, and tells so.
        #expect(try await first.wait() == 0, "\(first.printed)")
        #expect(try world.consumed() == "3000")
        #expect(try world.right() == "3000")
    }
}
