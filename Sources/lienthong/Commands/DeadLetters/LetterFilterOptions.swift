// The options by which commands on dead letters choose letters.
import ArgumentParser
import Contracts
import DeadLetters
import Foundation
import Model
import Postgres

struct LetterFilterOptions: ParsableArguments {
    @Option(help: "Only of this topic.")
    var topic: String?

    @Option(help: "Only with this reason code, such as wrong-format.")
    var reason: String?

    @Option(help: "Only of this field, as `dead-letters list` shows it.")
    var field: String?

    @Option(help: "Received since: 2026-11-22, 2026-11-22T08:30:00Z, or 90m, 6h, 7d ago.")
    var since: PointInTime?

    @Option(help: "Received before; as --since.")
    var until: PointInTime?

    @Option(
        help: ArgumentHelp(
            "Only of the keys in this file, one a line; - is standard input. Wants --topic.", valueName: "file"))
    var keyFile: String?

    var isEmpty: Bool {
        topic == nil && reason == nil && field == nil && since == nil && until == nil && keyFile == nil
    }

    func validate() throws {
        if let reason, ReasonCode(rawValue: reason) == nil {
            throw ValidationError(
                "'\(reason)' is no reason code; codes are \(ReasonCode.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        if keyFile != nil, topic == nil { throw ValidationError("--key-file wants --topic") }
    }

    /// - Parameter statuses: empty for any.
    func filter(
        statuses: [DeadLetterStatus] = [], settings: Settings, catalogue: Catalogue, connection: PostgresConnection
    ) throws -> DeadLetterFilter {
        var filter = DeadLetterFilter(reason: reason, field: field, statuses: statuses)
        if let topic { filter.topic = try name(topic, catalogue, connection) }
        filter.sinceMilliseconds = since?.milliseconds(now: Clock.nowMilliseconds)
        filter.untilMilliseconds = until?.milliseconds(now: Clock.nowMilliseconds)
        if let keyFile, let topic = filter.topic {
            let sealer = try settings.sealer()
            filter.keyFingerprints = try KeyFile.read(keyFile).flatMap { sealer.keyFingerprints(of: $0, topic: topic) }
        }
        return filter
    }

    /// A topic with a contract, or one that has letters still though its contract is gone.
    private func name(_ text: String, _ catalogue: Catalogue, _ connection: PostgresConnection) throws -> TopicName {
        if let name = TopicName(text), catalogue[name] == nil,
            try !DeadLetterStore(connection: connection).list(DeadLetterFilter(topic: name), limit: 1).isEmpty
        {
            return name
        }
        return try catalogue.definition(text).name
    }
}

/// A time of the calendar, in UTC unless it says otherwise, or so long ago.
enum PointInTime: ExpressibleByArgument, Equatable {
    case at(milliseconds: Int64)
    case ago(milliseconds: Int64)

    init?(argument: String) {
        if let unit = argument.last, let length = Self.units[unit], let count = Int64(argument.dropLast()),
            (0...1_000_000).contains(count)
        {
            self = .ago(milliseconds: count * length)
            return
        }
        // The styles read as far as they understand: what is left over would be passed in silence.
        guard argument.wholeMatch(of: /[\d-]{10}(T[\d:]{8}(\.\d+)?(Z|[+-]\d\d:?\d\d))?/) != nil else { return nil }
        let day = Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day()
        let styles = [
            Date.ISO8601FormatStyle(timeZone: .gmt), Date.ISO8601FormatStyle(includingFractionalSeconds: true),
        ]
        let isDay = argument.utf8.count == 10
        guard let date = isDay ? try? day.parse(argument) : styles.lazy.compactMap({ try? $0.parse(argument) }).first
        else { return nil }
        self = .at(milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded()))
    }

    private static let units: [Character: Int64] = ["m": 60_000, "h": 3_600_000, "d": 86_400_000]

    func milliseconds(now: Int64) -> Int64 {
        switch self {
        case .at(let milliseconds): milliseconds
        case .ago(let milliseconds): now - milliseconds
        }
    }
}

/// Keys come from files alone: a command line is seen by every user of the machine, and kept by shells.
enum KeyFile {
    private static let keysMax = 10_000

    static func read(_ path: String) throws(UserError) -> [[UInt8]] {
        func failure(_ cause: String) -> UserError {
            UserError(
                action: "reading keys from", subject: path == "-" ? "standard input" : path, cause: cause,
                nextStep: "give one key a line, its fields joined by a colon", status: .usage)
        }
        guard let data = InputFile.read(path, bytesMax: 16 << 20) else { throw failure("it cannot be read") }
        let keys = data.split(separator: UInt8(ascii: "\n")).map { line in
            line.last == UInt8(ascii: "\r") ? [UInt8](line.dropLast()) : [UInt8](line)
        }.filter { !$0.isEmpty }
        guard !keys.isEmpty else { throw failure("it holds no key") }
        guard keys.count <= keysMax else { throw failure("it holds more than \(keysMax) keys") }
        return keys
    }
}

enum InputFile {
    /// - Parameter path: `-` is standard input.
    /// - Returns: nil where it cannot be read, or is larger.
    static func read(_ path: String, bytesMax: Int) -> Data? {
        guard let handle = path == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: path) else {
            return nil
        }
        guard let data = try? handle.read(upToCount: bytesMax + 1) ?? Data(), data.count <= bytesMax else { return nil }
        return data
    }
}
