// How far behind, how old, and what to make of it.
import ArgumentParser
import Contracts
import Foundation
import Kafka
import Lag
import Model
import Postgres
import Synchronization

struct LagCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lag", abstract: "How far the national database is behind the topics.",
        discussion: """
            The age is that of the first record not yet applied, by its own timestamp. Verdicts: ok; behind (the first \
            record waits for more than \(LagRules().freshMilliseconds / 1000) s); stalled (a worker is there and has not \
            moved for \(LagRules().stallMilliseconds / 1000) s); stopped (records wait and no worker is there); gap \
            (records are missing); paused. Status 1 where a verdict is neither ok nor behind.
            """)

    @OptionGroup var common: CommonOptions

    @Option(name: .customLong("topic"), help: ArgumentHelp("Only this topic; may be repeated.", valueName: "topic"))
    var topicNames: [String] = []

    @Flag(help: "Look again every second until stopped.")
    var watch = false

    @Flag(help: "Show every partition, not the topics' sums.")
    var partitions = false

    func run() async throws {
        let settings = try common.settings()
        let topics = try Catalogue.load(folder: settings.topicsFolder).select(topicNames).map(\.name)
        let logger = common.logger("lag")
        let kafka = try settings.kafka(logger)
        let url = try settings.databaseURL()
        let verdicts = Box<[LagVerdict]>()
        let isStopping = Mutex(false)
        try await runUntilStopped(logger, stop: { isStopping.withLock { $0 = true } }) {
            let connection = try PostgresConnection(url, applicationName: "lienthong lag")
            defer { connection.close() }
            let admin = try KafkaAdmin(settings: kafka, clientID: "lienthong-lag")
            defer { admin.close() }
            let sampler = LagSampler(connection: connection, admin: admin)
            var before: [LagSample] = []
            repeat {
                let samples = try sampler.sample(topics, nowMilliseconds: Clock.nowMilliseconds)
                verdicts.value = samples.map { LagRules().verdict($0) }
                show(samples, before: before)
                before = samples
                // Short steps, so that a stop is heard at once.
                for _ in 0..<20 where watch && !isStopping.withLock({ $0 }) { usleep(50_000) }
            } while watch && !Terminal.readerIsGone && !isStopping.withLock { $0 }
        }
        let isWell = (verdicts.value ?? []).allSatisfy { $0 == .ok || $0 == .behind }
        if !watch && !isWell { throw ExitCode(ExitStatus.no.rawValue) }
    }

    private func show(_ samples: [LagSample], before: [LagSample]) {
        let rates = Self.rates(samples, before: before)
        switch common.format {
        case .json:
            for sample in samples { Terminal.line(sample.json(rate: rates[sample.partition]).text) }
        case .text:
            if watch && isatty(STDOUT_FILENO) == 1 { Terminal.line("\u{1B}[H\u{1B}[2J") }
            Terminal.line(partitions ? partitionTable(samples).text : topicTable(samples, rates).text)
        }
    }

    /// Records a second since the sample before.
    private static func rates(_ samples: [LagSample], before: [LagSample]) -> [TopicPartition: Double] {
        let earlier = Dictionary(before.map { ($0.partition, $0) }, uniquingKeysWith: { first, _ in first })
        var rates: [TopicPartition: Double] = [:]
        for sample in samples {
            guard
                let old = earlier[sample.partition], let now = sample.nextOffset, let then = old.nextOffset,
                sample.sampledMilliseconds > old.sampledMilliseconds
            else { continue }
            let seconds = Double(sample.sampledMilliseconds - old.sampledMilliseconds) / 1000
            rates[sample.partition] = Double(now.rawValue - then.rawValue) / seconds
        }
        return rates
    }

    private func partitionTable(_ samples: [LagSample]) -> Table {
        var table = Table([
            ("topic", .left), ("partition", .right), ("next", .right), ("end", .right), ("behind", .right),
            ("oldest", .right), ("verdict", .left),
        ])
        for sample in samples {
            table.add([
                sample.partition.topic.rawValue, "\(sample.partition.partition)",
                sample.nextOffset.map { Readable.count($0.rawValue) } ?? "–", Readable.count(sample.endOffset),
                Readable.count(sample.behind),
                sample.oldestAgeSeconds.map { Readable.duration(seconds: $0) } ?? "–",
                LagRules().verdict(sample).rawValue,
            ])
        }
        return table
    }

    private func topicTable(_ samples: [LagSample], _ rates: [TopicPartition: Double]) -> Table {
        var table = Table([
            ("topic", .left), ("partitions", .right), ("behind", .right), ("oldest", .right), ("records/s", .right),
            ("caught up in", .right), ("verdict", .left),
        ])
        for (topic, samples) in Dictionary(grouping: samples, by: \.partition.topic).sorted(by: { $0.key < $1.key }) {
            let behind = samples.reduce(0) { $0 + $1.behind }
            let rate = samples.compactMap { rates[$0.partition] }.reduce(0, +)
            table.add([
                topic.rawValue, String(samples.count), Readable.count(behind),
                samples.compactMap(\.oldestAgeSeconds).max().map { Readable.duration(seconds: $0) } ?? "–",
                rates.isEmpty ? "–" : Readable.count(Int64(rate.rounded())),
                behind > 0 && rate > 0 ? Readable.duration(seconds: Double(behind) / rate) : "–",
                samples.map { LagRules().verdict($0) }.max()?.rawValue ?? "–",
            ])
        }
        return table
    }
}

extension LagSample {
    fileprivate func json(rate: Double?) -> JSON {
        .object([
            ("topic", .string(partition.topic.rawValue)), ("partition", .integer(Int64(partition.partition.rawValue))),
            ("nextOffset", .optional(nextOffset?.rawValue)), ("endOffset", .integer(endOffset)),
            ("behind", .integer(behind)), ("oldestAgeSeconds", .optional(oldestAgeSeconds)),
            ("recordsPerSecond", .optional(rate)), ("verdict", .string(LagRules().verdict(self).rawValue)),
        ])
    }
}
