// What Prometheus is told, and that it is true at every moment.
import Kafka
import Model
import TestSupport
import Testing

@testable import Ingestion

/// The samples of a page of metrics, by name and labels as they are written.
private func samples(_ text: String) throws -> [String: Double] {
    var samples: [String: Double] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        let end = try #require(line.lastIndex(of: " "))
        #expect(
            samples.updateValue(try #require(Double(line[line.index(after: end)...])), forKey: "\(line[..<end])") == nil
        )
    }
    return samples
}

extension Worker {
    fileprivate var metricsNow: WorkMetrics { metrics(name: "tests", startSeconds: 5) { _ in 7 } }
}

@Suite("metrics of a worker", .serialized)
struct WorkMetricsTests {
    private static func page() throws -> WorkMetrics {
        let one = try #require(TopicName("a.one.v1"))
        let two = try #require(TopicName("b.two.v1"))
        return WorkMetrics(
            worker: "a \"b\" \\n\nc", startSeconds: 1_700_000_000.25, lanes: 2,
            fates: [
                two: Fates(),
                one: Fates(applied: 9_007_199_254_740_991, superseded: 2, deleted: 3, deadLettered: 4),
            ],
            partitions: [one: [.active: 7, .gap: 1]],
            stages: StageTimes(wait: 0.5, decode: 0.000_001, commit: 12, batches: 6, copiedBatches: 5),
            lastBatchSeconds: 1_700_000_001)
    }

    @Test("metrics are written in one order, labels escaped, every topic and fate there from the start")
    func rendering() throws {
        let worker = #"worker="a \"b\" \\n\nc""#
        #expect(
            try Self.page().text == """
                # HELP lienthong_work_records_total Records dealt with, by topic and what became of them.
                # TYPE lienthong_work_records_total counter
                lienthong_work_records_total{\(worker),topic="a.one.v1",fate="applied"} 9007199254740991
                lienthong_work_records_total{\(worker),topic="a.one.v1",fate="superseded"} 2
                lienthong_work_records_total{\(worker),topic="a.one.v1",fate="deleted"} 3
                lienthong_work_records_total{\(worker),topic="a.one.v1",fate="dead-lettered"} 4
                lienthong_work_records_total{\(worker),topic="b.two.v1",fate="applied"} 0
                lienthong_work_records_total{\(worker),topic="b.two.v1",fate="superseded"} 0
                lienthong_work_records_total{\(worker),topic="b.two.v1",fate="deleted"} 0
                lienthong_work_records_total{\(worker),topic="b.two.v1",fate="dead-lettered"} 0
                # HELP lienthong_work_stage_seconds_total Seconds by stage, summed over lanes; reading and writing run beside each other.
                # TYPE lienthong_work_stage_seconds_total counter
                lienthong_work_stage_seconds_total{\(worker),stage="wait"} 0.5
                lienthong_work_stage_seconds_total{\(worker),stage="decode"} 1e-06
                lienthong_work_stage_seconds_total{\(worker),stage="encode"} 0
                lienthong_work_stage_seconds_total{\(worker),stage="queue"} 0
                lienthong_work_stage_seconds_total{\(worker),stage="copy"} 0
                lienthong_work_stage_seconds_total{\(worker),stage="merge"} 0
                lienthong_work_stage_seconds_total{\(worker),stage="commit"} 12
                # HELP lienthong_work_batches_total Transactions that wrote a batch.
                # TYPE lienthong_work_batches_total counter
                lienthong_work_batches_total{\(worker)} 6
                # HELP lienthong_work_copied_batches_total Those of them that copied new rows straight into the table.
                # TYPE lienthong_work_copied_batches_total counter
                lienthong_work_copied_batches_total{\(worker)} 5
                # HELP lienthong_work_partitions Partitions that this process has, by topic and standing; 0 once it has ended.
                # TYPE lienthong_work_partitions gauge
                lienthong_work_partitions{\(worker),topic="a.one.v1",standing="active"} 7
                lienthong_work_partitions{\(worker),topic="a.one.v1",standing="paused"} 0
                lienthong_work_partitions{\(worker),topic="a.one.v1",standing="gap"} 1
                lienthong_work_partitions{\(worker),topic="a.one.v1",standing="unclaimed"} 0
                lienthong_work_partitions{\(worker),topic="b.two.v1",standing="active"} 0
                lienthong_work_partitions{\(worker),topic="b.two.v1",standing="paused"} 0
                lienthong_work_partitions{\(worker),topic="b.two.v1",standing="gap"} 0
                lienthong_work_partitions{\(worker),topic="b.two.v1",standing="unclaimed"} 0
                # HELP lienthong_work_lanes Members of the consumer group in this process.
                # TYPE lienthong_work_lanes gauge
                lienthong_work_lanes{\(worker)} 2
                # HELP lienthong_work_last_batch_timestamp_seconds When the last batch was written, in Unix time; 0 where none was yet.
                # TYPE lienthong_work_last_batch_timestamp_seconds gauge
                lienthong_work_last_batch_timestamp_seconds{\(worker)} 1700000001
                # HELP lienthong_work_start_time_seconds When this process began to work, in Unix time.
                # TYPE lienthong_work_start_time_seconds gauge
                lienthong_work_start_time_seconds{\(worker)} 1700000000.25

                """)
    }

    @Test(
        "Prometheus' own program has nothing to say about them", .enabled(if: Promtool.isThere, "\(Promtool.absence)"))
    func promtool() throws {
        let page = try Self.page().text
        let verdict = try Promtool.checkMetrics(page)
        #expect(verdict.status == 0 && verdict.output.isEmpty && verdict.errors.isEmpty, "\(verdict)")
        // It would say something: of a label's end, and of a counter's name.
        #expect(try Promtool.checkMetrics(page.replacing("\\\"b", with: "\"b")).status == 1)
        #expect(try Promtool.checkMetrics(page.replacing("batches_total", with: "batches")).status == 3)
    }

    @Test("during a run no counter falls, an idle worker's waiting is seen, and the end is the summary's")
    func counters() async throws {
        let world = try WorkerWorld()
        let worker = world.worker(untilCaughtUp: false) {
            $0.lanes = 2
            $0.batchRecordsMax = 50
        }
        let topic = world.thing.name
        #expect(worker.metricsNow.fates == [topic: Fates()] && worker.metricsNow.lastBatchSeconds == 0)
        let running = Task { try await worker.run() }
        var before = try samples(worker.metricsNow.text)
        func look() throws -> WorkMetrics {
            let metrics = worker.metricsNow
            let now = try samples(metrics.text)
            #expect(now.keys.sorted() == before.keys.sorted())
            for (name, value) in now where name.contains("_total{") {
                #expect(value >= before[name] ?? 0, "\(name)")
            }
            before = now
            return metrics
        }
        do {
            try await waitUntil("its partitions are claimed") { try look().partitions == [topic: [.active: 4]] }
            let waited = worker.metricsNow.stages.wait
            try await waitUntil("its waiting is counted while nothing comes") { try look().stages.wait > waited }
            try world.publish(
                (0..<2_000).map {
                    // Some keys come again, some records are bad.
                    $0 % 100 == 0
                        ? OutgoingTestRecord(key: "k\($0)", value: Array("not json".utf8))
                        : OutgoingTestRecord(key: "k\($0 % 900)", value: ThingTopic.value("k\($0 % 900)", 1, "n"))
                })
            try world.publish((1..<100).map { OutgoingTestRecord(key: "k\($0)", value: nil, version: 2) })
            try await waitUntil("all is dealt with") { try look().fates[topic]?.consumed == 2_099 }
            try WorkControl.pause(topic: topic, because: "a test", by: "tests", connection: world.connection)
            try await waitUntil("the pause is seen") { try look().partitions == [topic: [.paused: 4]] }
        } catch {
            worker.stop()
            _ = try await running.value
            throw error
        }
        worker.stop()
        let summary = try await running.value
        let last = try look()
        #expect(last.fates == summary.fates && last.stages == summary.stages)
        #expect(last.fates[topic]?.deadLettered == 20 && last.fates[topic]?.deleted == 99)
        #expect(last.partitions.isEmpty)
        #expect(last.stages.batches > 1 && last.lastBatchSeconds == 7)
    }
}
