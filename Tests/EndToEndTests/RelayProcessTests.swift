// Owners are told by the product's own processes, also when one of them is killed.
import Contracts
import Foundation
import Kafka
import Model
import Postgres
import TestSupport
import Testing

@Suite("owners are told", .serialized)
struct RelayProcessTests {
    /// A topic with its owner's, and a database.
    private struct World {
        let processes: ProcessWorld
        let target: TopicName
        let database: TestNationalDatabase
        let connection: PostgresConnection

        init() throws {
            processes = try ProcessWorld(partitions: 2)
            target = try #require(Contract.KafkaSettings.deadLetterTopic(of: processes.thing.name))
            try processes.kafka.createTopic(target, partitions: 3)
            database = try TestNationalDatabase()
            connection = try database.connect()
        }

        func publishBad(_ numbers: Range<Int>) throws {
            try processes.kafka.publish(
                numbers.map { OutgoingTestRecord(key: "k\($0)", value: Array("no json \($0)".utf8)) },
                to: processes.thing.name)
        }

        func untold() throws -> String? {
            try connection.one("SELECT count(*) FROM ingest.dead_letter WHERE relayed_refusals < refusals")
        }

        /// Values, or nil, by `ce_id`, and how many records there are.
        func told() throws -> (count: Int, values: [String: [UInt8]?]) {
            let admin = try KafkaAdmin(settings: processes.kafka.settings, clientID: "tests")
            defer { admin.close() }
            var values: [String: [UInt8]?] = [:]
            var count = 0
            for number in 0..<3 as Range<Int32> {
                let place = TopicPartition(target, Partition(number))
                let (low, high) = try admin.watermarks(place, timeoutMilliseconds: 10_000)
                for offset in low..<max(low, high) {
                    let record = try #require(try admin.record(place, at: Offset(offset), timeoutMilliseconds: 10_000))
                    let id = record.headers.first { $0.name == "ce_id" }?.value ?? []
                    values.updateValue(record.value, forKey: String(decoding: id, as: UTF8.self))
                    count += 1
                }
            }
            return (count, values)
        }
    }

    @Test("work tells owners before it says that it has caught up; with --no-relay it leaves that to the relay")
    func work() async throws {
        let world = try World()
        try world.publishBad(0..<20)
        let silent = try world.processes.work(world.database, group: "g", ["--until-caught-up", "--no-relay"])
        #expect(try await silent.wait() == 0, "\(silent.printed)")
        #expect(try world.untold() == "20")
        #expect(try world.told().count == 0)

        let relay = try world.processes.run(world.database, ["dead-letters", "relay", "--once", "--format", "json"])
        #expect(try await relay.wait() == 0, "\(relay.printed)")
        #expect(relay.printed.contains("{\"relayed\":20}"), "\(relay.printed)")

        try world.publishBad(20..<30)
        let secret = "{\"id\": \"s\", \"stateSecret\": true, \"name\": \"hidden\"}"
        try world.processes.kafka.publish(
            [OutgoingTestRecord(key: "s", value: Array(secret.utf8))], to: world.processes.thing.name)
        let telling = try world.processes.work(
            world.database, group: "g", ["--until-caught-up", "--format", "json"])
        #expect(try await telling.wait() == 0, "\(telling.printed)")
        #expect(telling.printed.contains("\"relayed\":11"), "\(telling.printed)")
        let told = try world.told()
        #expect(told.count == 31)
        let expected = Set((0..<30).map { "no json \($0)" })
        #expect(Set(told.values.values.compactMap { $0.map { String(decoding: $0, as: UTF8.self) } }) == expected)
    }

    @Test("where one of two relays is killed the other goes on, and each refusal has arrived")
    func killed() async throws {
        let world = try World()
        try world.publishBad(0..<300)
        let first = try world.processes.run(world.database, ["dead-letters", "relay"])
        try await waitUntil("the first relay holds the lock") {
            try world.connection.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "1"
                || !first.isRunning
        }
        let second = try world.processes.run(world.database, ["dead-letters", "relay"])
        let worker = try world.processes.work(world.database, group: "g", ["--no-relay", "--batch-records", "20"])
        try await waitUntil("the first relay tells") {
            try world.connection.one("SELECT count(*) FROM ingest.dead_letter WHERE relayed_refusals > 0") != "0"
                || !first.isRunning
        }
        try #require(first.isRunning, "\(first.printed)")
        first.send(SIGKILL)
        #expect(try await first.wait() == -SIGKILL)
        try world.publishBad(300..<320)
        try await waitUntil("the second relay has told all") {
            try world.connection.one("SELECT count(*) FROM ingest.dead_letter") == "320" && world.untold() == "0"
                || !second.isRunning
        }
        for process in [second, worker] {
            process.send(SIGTERM)
            #expect(try await process.wait() == 0, "\(process.printed)")
        }
        let told = try world.told()
        #expect(told.values.count == 320)
        let values = told.values.values.compactMap { $0.map { String(decoding: $0, as: UTF8.self) } }
        #expect(Set(values) == Set((0..<320).map { "no json \($0)" }))
    }

    @Test("the key is changed by the key file and rekey, and purge wants a reason and keeps what is open")
    func rekeyAndPurge() async throws {
        let world = try World()
        try world.publishBad(0..<3)
        let worker = try world.processes.work(world.database, group: "g", ["--until-caught-up"])
        #expect(try await worker.wait() == 0, "\(worker.printed)")
        let keyFile = world.processes.folder.appending(path: "dead-letter.key").path
        let old = try String(contentsOfFile: keyFile, encoding: .utf8)
        let new = String(repeating: "6b", count: 32) + "\n"
        func writeKeys(_ text: String) throws {
            try text.write(toFile: keyFile, atomically: false, encoding: .utf8)
        }

        try writeKeys(new + old)
        let rekey = try world.processes.run(world.database, ["dead-letters", "rekey"])
        #expect(try await rekey.wait() == 0, "\(rekey.printed)")
        #expect(rekey.printed.contains("3 letters sealed anew"), "\(rekey.printed)")
        #expect(rekey.printed.contains("opens no letter any more"), "\(rekey.printed)")
        try writeKeys(new)
        let id = try #require(try world.connection.one("SELECT min(id) FROM ingest.dead_letter"))
        let show = try world.processes.run(world.database, ["dead-letters", "show", id])
        #expect(try await show.wait() == 0, "\(show.printed)")

        // Whoever has only another key cannot seal these anew, and is told so.
        try writeKeys(old)
        let lost = try world.processes.run(world.database, ["dead-letters", "rekey"])
        #expect(try await lost.wait() == 1, "\(lost.printed)")
        #expect(lost.printed.contains("which is not known"), "\(lost.printed)")

        let groundless = try world.processes.run(world.database, ["dead-letters", "purge"])
        #expect(try await groundless.wait() == 64, "\(groundless.printed)")
        try world.connection.query(
            """
            UPDATE ingest.dead_letter SET status = 'discarded', closed_at = now() - interval '91 days'
            WHERE id = $1::bigint
            """, [id])
        for arguments in [["--dry-run"], ["--because", "its time is over"]] {
            let purge = try world.processes.run(
                world.database, ["dead-letters", "purge", "--format", "json"] + arguments)
            #expect(try await purge.wait() == 0, "\(purge.printed)")
            #expect(purge.printed.contains("\"purged\":{\"discarded\":1}"), "\(purge.printed)")
        }
        #expect(try world.connection.one("SELECT count(*) FROM ingest.dead_letter") == "2")
    }
}
