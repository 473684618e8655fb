// `work --metrics-file` as a process: what a collector reads while it runs and when it has ended.
import Foundation
import TestSupport
import Testing

@Suite("a worker's file of metrics", .serialized)
struct MetricsTests {
    private static let records = (0..<1_000).map { number in
        switch number % 20 {
        case 0: OutgoingTestRecord(key: "k\(number)", value: Array("not json".utf8))
        case 1: OutgoingTestRecord(key: "k\(number + 1)", value: nil, version: 1)
        default: OutgoingTestRecord(key: "k\(number % 300)", value: ThingTopic.value("k\(number % 300)", 2, "n"))
        }
    }

    /// By fate, of one topic; empty where the file is not there.
    private static func fates(_ path: String) throws -> [String: Int] {
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(
            text.split(separator: "\n").last?.hasPrefix("lienthong_work_start_time_seconds{worker=\"one\"} ") == true)
        let pattern = /lienthong_work_records_total\{worker="one",topic="[^"]+",fate="([a-z-]+)"\} (\d+)\n/
        return Dictionary(uniqueKeysWithValues: text.matches(of: pattern).map { ("\($0.1)", Int($0.2) ?? -1) })
    }

    /// By the names of the JSON, of the last line.
    private static func summary(_ worker: ProcessUnderTest) throws -> [String: Any] {
        let line = try #require(worker.printed.split(separator: "\n").last { $0.hasPrefix("{") }, "\(worker.printed)")
        return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test("the file follows the work, is whole whenever it is read, and ends with the counts of the summary")
    func followed() async throws {
        let world = try ProcessWorld(partitions: 4)
        let file = world.folder.appending(path: "one.prom").path
        let worker = try world.work(
            try TestNationalDatabase(), group: "metrics",
            ["--metrics-file", file, "--metrics-interval", "1", "--format", "json"])
        try await waitUntil("it begins with zeros") {
            try Self.fates(file) == ["applied": 0, "superseded": 0, "deleted": 0, "dead-lettered": 0]
                || !worker.isRunning
        }
        try world.kafka.publish(Self.records, to: world.thing.name)
        try await waitUntil("all is told while it runs") {
            try Self.fates(file).values.reduce(0, +) == Self.records.count || !worker.isRunning
        }
        try #require(worker.isRunning, "\(worker.printed)")
        // What comes just before the end is told at the end.
        let last = OutgoingTestRecord(key: "last", value: ThingTopic.value("last", 1, "n"))
        try world.kafka.publish([last], to: world.thing.name)
        worker.send(SIGTERM)
        #expect(try await worker.wait() == 0, "\(worker.printed)")
        let (fates, summary) = (try Self.fates(file), try Self.summary(worker))
        #expect(fates["dead-lettered"] == 50)
        #expect(fates.values.reduce(0, +) == summary["consumed"] as? Int)
        for (fate, name) in [
            ("applied", "applied"), ("superseded", "superseded"), ("deleted", "deleted"),
            ("dead-lettered", "deadLettered"),
        ] {
            #expect(fates[fate] == summary[name] as? Int, "\(fate)")
        }
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(
            text.contains("lienthong_work_batches_total{worker=\"one\"} \(try #require(summary["batches"] as? Int))\n"))
        #expect(text.contains("lienthong_work_lanes{worker=\"one\"} 2\n"))
        #expect(!text.contains("lienthong_work_last_batch_timestamp_seconds{worker=\"one\"} 0\n"))
    }

    @Test("a file that cannot be written is told once, and the work is done without it")
    func unwritable() async throws {
        let world = try ProcessWorld(partitions: 4)
        try world.kafka.publish(Self.records, to: world.thing.name)
        let database = try TestNationalDatabase()
        let file = world.folder.appending(path: "absent/one.prom").path
        let worker = try world.work(
            database, group: "metrics", ["--metrics-file", file, "--metrics-interval", "1", "--until-caught-up"])
        #expect(try await worker.wait() == 0, "\(worker.printed)")
        // It is tried at the beginning and at the end at least.
        #expect(worker.printed.matches(of: /writing metrics to/).count == 1, "\(worker.printed)")
        #expect(
            try database.connect().one(
                "SELECT sum(applied + superseded + deleted + dead_lettered) FROM ingest.position") == "1000")
    }
}
