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
            record waits for more than \(LagRules().freshMilliseconds / 1000) s); stalled (a worker is there and has \
            not moved for \(LagRules().stallMilliseconds / 1000) s); stopped (records wait and no worker is there); \
            gap (records are missing); paused (by whom, why, and when its next records are tried stands below). Status 1 where a verdict is neither ok nor behind.

            The feed is what the topic's owner promised in its contract: ok; late (the newest record is older than \
            promised, and how old); thin (fewer records in 24 hours than promised). A topic that never held a record \
            is late. That is the owner's matter: it is no part of the exit status. With --watch it is measured once a \
            minute.
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
        let definitions = try Catalogue.load(folder: settings.topicsFolder).select(topicNames)
        let topics = definitions.map(\.name)
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
            var feeds = FeedWatch(definitions, admin: admin)
            var before: [LagSample] = []
            repeat {
                let now = Clock.nowMilliseconds
                let samples = try sampler.sample(topics, nowMilliseconds: now)
                verdicts.value = samples.map { LagRules().verdict($0) }
                let areNew = feeds.measureIfDue(nowMilliseconds: now)
                let pauses = try sampler.pauses(of: topics).map { Pause($0, nowMilliseconds: now) }
                show(samples, before: before, feeds, areNew: areNew, pauses)
                before = samples
                // Short steps, so that a stop is heard at once.
                for _ in 0..<20 where watch && !isStopping.withLock({ $0 }) { usleep(50_000) }
            } while watch && !Terminal.readerIsGone && !isStopping.withLock { $0 }
        }
        let isWell = (verdicts.value ?? []).allSatisfy { $0 == .ok || $0 == .behind }
        if !watch && !isWell { throw ExitCode(ExitStatus.no.rawValue) }
    }

    private func show(_ samples: [LagSample], before: [LagSample], _ feeds: FeedWatch, areNew: Bool, _ pauses: [Pause])
    {
        let rates = Self.rates(samples, before: before)
        switch common.format {
        case .json:
            for sample in samples { Terminal.line(sample.json(rate: rates[sample.partition]).text) }
            for pause in pauses { Terminal.line(pause.json.text) }
            if areNew { for level in feeds.levels { Terminal.line(level.json.text) } }
        case .text:
            if watch && isatty(STDOUT_FILENO) == 1 { Terminal.line("\u{1B}[H\u{1B}[2J") }
            Terminal.line(partitions ? partitionTable(samples).text : topicTable(samples, rates, feeds).text)
            let sentences = pauses.map(\.sentence) + feeds.sentences
            if !sentences.isEmpty { Terminal.line("") }
            for sentence in sentences { Terminal.line(sentence) }
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

    private func topicTable(
        _ samples: [LagSample], _ rates: [TopicPartition: Double], _ feeds: FeedWatch
    ) -> Table {
        var table = Table([
            ("topic", .left), ("partitions", .right), ("behind", .right), ("oldest", .right), ("records/s", .right),
            ("caught up in", .right), ("verdict", .left), ("feed", .left),
        ])
        for (topic, samples) in Dictionary(grouping: samples, by: \.partition.topic).sorted(by: { $0.key < $1.key }) {
            let behind = samples.reduce(0) { $0 + $1.behind }
            let rate = samples.compactMap { rates[$0.partition] }.reduce(0, +)
            table.add([
                topic.rawValue, String(samples.count), Readable.count(behind),
                samples.compactMap(\.oldestAgeSeconds).max().map { Readable.duration(seconds: $0) } ?? "–",
                rates.isEmpty ? "–" : Readable.count(Int64(rate.rounded())),
                behind > 0 && rate > 0 ? Readable.duration(seconds: Double(behind) / rate) : "–",
                samples.map { LagRules().verdict($0) }.max()?.rawValue ?? "–", feeds.cell(topic),
            ])
        }
        return table
    }
}

/// A topic that rests, as an operator reads it.
private struct Pause {
    private let pause: TopicPause
    private let trialSeconds: Double?

    init(_ pause: TopicPause, nowMilliseconds: Int64) {
        self.pause = pause
        trialSeconds = pause.trialMilliseconds.map { max(0, Double($0 - nowMilliseconds) / 1_000) }
    }

    var sentence: String {
        let next =
            trialSeconds.map { "its next records are tried in \(Readable.duration(seconds: $0))" }
            ?? "it waits for `lienthong work resume --topic \(pause.topic) --because …`"
        return
            "\(pause.topic) is paused by \(pause.by ?? "an unknown hand"): \(pause.because ?? "no reason given"); \(next)"
    }

    var json: JSON {
        .object([
            ("topic", .string(pause.topic.rawValue)), ("pausedBy", .optional(pause.by)),
            ("because", .optional(pause.because)), ("trialInSeconds", .optional(trialSeconds)),
        ])
    }
}

/// The owners' promises, measured at most once a minute: it reads a few records of each partition.
private struct FeedWatch {
    private(set) var levels: [ServiceLevel] = []
    private let definitions: [TopicDefinition]
    private let sampler: ServiceLevelSampler
    private var measuredMilliseconds: Int64?

    private static let pauseMilliseconds: Int64 = 60_000

    init(_ definitions: [TopicDefinition], admin: KafkaAdmin) {
        self.definitions = definitions
        sampler = ServiceLevelSampler(admin: admin)
    }

    /// - Returns: whether it was time to.
    mutating func measureIfDue(nowMilliseconds: Int64) -> Bool {
        // A clock that was set back must not silence it.
        if let last = measuredMilliseconds, (0..<Self.pauseMilliseconds).contains(nowMilliseconds - last) {
            return false
        }
        measuredMilliseconds = nowMilliseconds
        levels = definitions.map { definition in
            sampler.sample(definition.name, definition.contract.serviceLevels, nowMilliseconds: nowMilliseconds)
        }
        return true
    }

    /// `ok`, `late 3 h 0 min`, `thin`, or both.
    func cell(_ topic: TopicName) -> String {
        guard let level = levels.first(where: { $0.topic == topic }) else { return "–" }
        let age = level.newestAgeSeconds.map { " " + Readable.duration(seconds: $0) } ?? ""
        return switch level.verdict {
        case .kept: "ok"
        case .late: "late\(age)"
        case .thin: "thin"
        case .lateAndThin: "late\(age), thin"
        case .unknown: "unknown"
        }
    }

    private static func address(_ url: String) -> Substring {
        url.hasPrefix("mailto:") ? url.dropFirst("mailto:".count) : url[...]
    }

    /// One for each topic whose promise is broken: what was promised, what is, whom to ask.
    var sentences: [String] {
        zip(definitions, levels).compactMap { definition, level in
            let contract = definition.contract
            var broken: [String] = []
            if level.verdict.isLate, let promised = level.promise.freshnessSeconds {
                let newest = level.newestAgeSeconds.map { "it is \(Readable.duration(seconds: $0)) old" }
                broken.append(
                    """
                    a newest record no older than \(Readable.duration(seconds: Double(promised))), and \
                    \(newest ?? "there is none")
                    """)
            }
            if level.verdict.isThin, let promised = level.promise.recordsPerDayMinimum {
                let count = level.measurement?.recordsLastDay ?? 0
                broken.append(
                    "\(Readable.count(promised)) records a day, and \(Readable.count(count)) came in the last 24 hours")
            }
            guard !broken.isEmpty else {
                return level.note.map { "\(definition.name): \($0)" }
            }
            let contact = contract.support.first.map { "; ask \(Self.address($0.url)) (\($0.channel))" } ?? ""
            return "\(definition.name): \(contract.owner) promises \(broken.joined(separator: "; and "))\(contact)"
                + (level.note.map { ". \($0)" } ?? "")
        }
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
