// How a worker is getting on, for Prometheus.
package import Model

/// What a partition that Kafka gave to this process is doing.
package enum PartitionStanding: String, Sendable, CaseIterable {
    case active
    /// Its topic is paused, by an operator or its breaker.
    case paused
    /// It stands at a gap until an operator decides.
    case gap
    /// Its position has still to be claimed from the database, be it away or held by another worker.
    case unclaimed

    init(_ phase: PartitionState.Phase) {
        self =
            switch phase {
            case .verifying, .active: .active
            case .paused: .paused
            case .gap: .gap
            case .lost: .unclaimed
            }
    }
}

typealias PartitionCounts = [TopicName: [PartitionStanding: Int]]

/// A worker at one moment. Counters begin at 0 with the process; every label's value is known at the start, so that no
/// series comes or goes in between.
package struct WorkMetrics: Sendable, Equatable {
    /// Tells several workers of one machine apart: where one reader collects their metrics, no two series may be the same.
    package var worker: String
    /// Unix time.
    package var startSeconds: Double
    package var lanes: Int
    /// Of every topic that is worked on.
    package var fates: [TopicName: Fates]
    package var partitions: [TopicName: [PartitionStanding: Int]]
    package var stages: StageTimes
    /// Unix time; 0 where none was written yet.
    package var lastBatchSeconds: Double

    package init(
        worker: String, startSeconds: Double, lanes: Int, fates: [TopicName: Fates],
        partitions: [TopicName: [PartitionStanding: Int]] = [:], stages: StageTimes = StageTimes(),
        lastBatchSeconds: Double = 0
    ) {
        self.worker = worker
        self.startSeconds = startSeconds
        self.lanes = lanes
        self.fates = fates
        self.partitions = partitions
        self.stages = stages
        self.lastBatchSeconds = lastBatchSeconds
    }

    /// Prometheus' text format 0.0.4: topics by name, everything else in an order of its own that never changes.
    package var text: String {
        let topics = fates.sorted { $0.key < $1.key }
        var page = MetricsText(common: [("worker", worker)])
        page.add(
            "lienthong_work_records_total", .counter, "Records dealt with, by topic and what became of them.",
            topics.flatMap { topic, fates in
                fates.named.map { ([("topic", topic.rawValue), ("fate", $0.name)], Double($0.count)) }
            })
        page.add(
            "lienthong_work_stage_seconds_total", .counter,
            "Seconds by stage, summed over lanes; reading and writing run beside each other.",
            stages.all.map { ([("stage", $0.name)], $0.seconds) })
        page.add(
            "lienthong_work_batches_total", .counter, "Transactions that wrote a batch.", Double(stages.batches))
        page.add(
            "lienthong_work_copied_batches_total", .counter,
            "Those of them that copied new rows straight into the table.", Double(stages.copiedBatches))
        page.add(
            "lienthong_work_partitions", .gauge,
            "Partitions that this process has, by topic and standing; 0 once it has ended.",
            topics.flatMap { topic, _ in
                PartitionStanding.allCases.map { standing in
                    (
                        [("topic", topic.rawValue), ("standing", standing.rawValue)],
                        Double(partitions[topic]?[standing] ?? 0)
                    )
                }
            })
        page.add(
            "lienthong_work_lanes", .gauge, "Members of the consumer group in this process.", Double(lanes))
        page.add(
            "lienthong_work_last_batch_timestamp_seconds", .gauge,
            "When the last batch was written, in Unix time; 0 where none was yet.", lastBatchSeconds)
        page.add(
            "lienthong_work_start_time_seconds", .gauge, "When this process began to work, in Unix time.", startSeconds)
        return page.text
    }
}

extension Fates {
    /// Each record has exactly one of these.
    fileprivate var named: [(name: String, count: Int64)] {
        [
            ("applied", applied), ("superseded", superseded), ("deleted", deleted), ("dead-lettered", deadLettered),
        ]
    }
}
