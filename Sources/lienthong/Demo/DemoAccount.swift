// What became of every record of the demo, and whether it adds up. Pure.
import Model

/// One topic's account, from four sides that know nothing of each other.
struct TopicAccount: Equatable {
    var topic: TopicName
    /// Counted in the source database: all rows, and those marked as state secrets.
    var sourceRows: Int64 = 0
    var sourceSecrets: Int64 = 0
    /// As the publisher says: acknowledged by the broker, and withheld.
    var published: Int64 = 0
    var withheld: Int64 = 0
    /// Log end less log start, over all partitions; and whether the log still begins at its beginning.
    var logRecords: Int64 = 0
    var logStart: Int64 = 0
    /// As the national database says.
    var fates = Fates()
    /// Rows of `ingest.dead_letter`, by reason.
    var reasons: [String: Int64] = [:]
    /// Records of the owner's topic of dead letters.
    var told: Int64 = 0
    /// A worker that was killed may have told some twice; none is told less than once.
    var mayRepeat = false

    /// What the sample made faulty on purpose, by the reason that a worker must give.
    var planted: [String: Int64] = [:]

    /// What does not add up; empty where every record is accounted for once.
    var differences: [String] {
        func compare(_ left: Int64, _ leftName: String, _ right: Int64, _ rightName: String) -> String? {
            left == right ? nil : "\(topic): \(left) \(leftName), but \(right) \(rightName)"
        }
        return [
            logStart == 0 ? nil : "\(topic): the broker no longer holds the first \(logStart) records",
            compare(sourceSecrets, "secret rows in the source", withheld, "withheld by the publisher"),
            compare(sourceRows - sourceSecrets, "rows to publish in the source", published, "published"),
            compare(published, "published", logRecords, "in the log"),
            compare(published, "published", fates.consumed, "consumed"),
            compare(fates.deadLettered, "counted as dead letters", reasons.values.reduce(0, +), "kept"),
            mayRepeat && told > fates.deadLettered
                ? nil : compare(fates.deadLettered, "counted as dead letters", told, "told to their owner"),
        ].compactMap { $0 }
            + Set(reasons.keys).union(planted.keys).sorted().compactMap { reason in
                compare(
                    planted[reason] ?? 0, "records made faulty as \(reason)", reasons[reason] ?? 0, "refused as that")
            }
    }
}

/// All topics, as a table for people and as lines for programs.
struct DemoAccount {
    var topics: [TopicAccount]
    /// Seconds that publishing took, and working from the first claim to the last commit.
    var publishSeconds: Double
    var workSeconds: Double

    var differences: [String] { topics.flatMap(\.differences) }

    var text: String {
        var table = Table([
            ("topic", .left), ("in source", .right), ("withheld", .right), ("published", .right), ("applied", .right),
            ("superseded", .right), ("deleted", .right), ("dead-lettered", .right),
            ("told", .right),
        ])
        func row(_ name: String, _ accounts: [TopicAccount]) -> [String] {
            func sum(_ part: (TopicAccount) -> Int64) -> String { Readable.count(accounts.reduce(0) { $0 + part($1) }) }
            return [
                name, sum(\.sourceRows), sum(\.withheld), sum(\.published), sum(\.fates.applied),
                sum(\.fates.superseded),
                sum(\.fates.deleted), sum(\.fates.deadLettered), sum(\.told),
            ]
        }
        for account in topics { table.add(row(account.topic.rawValue, [account])) }
        table.add(row("all", topics))

        let published = topics.reduce(0) { $0 + $1.published }
        let consumed = topics.reduce(0) { $0 + $1.fates.consumed }
        var lines = [table.text, ""]
        if !reasonLines.isEmpty { lines += ["Dead letters by reason:"] + reasonLines + [""] }
        lines.append(
            "Published \(Readable.rate(published, seconds: publishSeconds)) records/s, "
                + "worked \(Readable.rate(consumed, seconds: workSeconds)) records/s.")
        return lines.joined(separator: "\n")
    }

    private var reasonLines: [String] {
        topics.filter { !$0.reasons.isEmpty }.map { account in
            let reasons = account.reasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            let counts = reasons.map { "\($0.key) \(Readable.count($0.value))" }
            return "  \(account.topic): \(counts.joined(separator: ", "))"
        }
    }

    var json: [JSON] {
        let lines = topics.map { account in
            JSON.object(
                [
                    ("topic", .string(account.topic.rawValue)), ("sourceRows", .integer(account.sourceRows)),
                    ("withheld", .integer(account.withheld)), ("published", .integer(account.published)),
                ] + account.fates.members + [
                    ("told", .integer(account.told)),
                    (
                        "reasons",
                        .object(account.reasons.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })
                    ),
                ])
        }
        let total = topics.map(\.fates).reduce(Fates(), +)
        let published = topics.reduce(0) { $0 + $1.published }
        return lines + [
            .object(
                [("published", .integer(published))] + total.members + [
                    ("publishSeconds", .decimal(publishSeconds)), ("workSeconds", .decimal(workSeconds)),
                    ("differences", .array(differences.map { .string($0) })),
                ])
        ]
    }
}
