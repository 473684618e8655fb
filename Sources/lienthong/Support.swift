// Small things that several commands share.
import Contracts
import Foundation
import Kafka
import Logging
import Model
import Postgres
import Synchronization

/// Carries one value out of a task.
final class Box<Value: Sendable>: Sendable {
    private let mutex = Mutex<Value?>(nil)

    var value: Value? {
        get { mutex.withLock { $0 } }
        set { mutex.withLock { $0 = newValue } }
    }
}

enum Host {
    /// Names this process in the database: `host:pid`.
    static var processName: String {
        "\(ProcessInfo.processInfo.hostName):\(ProcessInfo.processInfo.processIdentifier)"
    }

    /// Who gives an order, for the record: whom sudo was asked by, else the user of this process.
    static var user: String {
        let environment = ProcessInfo.processInfo.environment
        let names = [environment["SUDO_USER"], accountName(getuid()), environment["LOGNAME"]]
        return names.compactMap { $0 }.first { !$0.isEmpty } ?? "user \(getuid())"
    }

    private static func accountName(_ id: uid_t) -> String? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16_384) { buffer in
            guard let text = buffer.baseAddress, getpwuid_r(id, &entry, text, buffer.count, &found) == 0, found != nil
            else { return nil }
            return entry.pw_name.map { String(cString: $0) }
        }
    }
}

extension Settings {
    func connect(_ purpose: String) throws -> PostgresConnection {
        let connection = try PostgresConnection(try databaseURL(), applicationName: "lienthong \(purpose)")
        // A command that is frozen in the middle of a transaction must not keep workers waiting.
        try connection.query("SET idle_in_transaction_session_timeout = '10s'")
        return connection
    }

    /// Kafka settings whose client logs go to our log.
    func kafka(_ logger: Logger) throws(UserError) -> KafkaSettings {
        var settings = try kafka()
        settings.log = { line in
            // An older broker may create topics that are asked for; whether it does is the operator's setting there.
            let isKnown = line.facility == "AUTOCREATE"
            let level: Logger.Level =
                switch line.level {
                case _ where isKnown: .debug
                case ...2: .critical
                case 3: .error
                case 4: .warning
                case 5: .notice
                case 6: .info
                default: .debug
                }
            logger.log(level: level, "Kafka client: \(line.message)", metadata: ["facility": "\(line.facility)"])
        }
        return settings
    }
}

extension Catalogue {
    /// The named topic's definition.
    func definition(_ name: String) throws(UserError) -> TopicDefinition {
        if let definition = TopicName(name).flatMap({ self[$0] }) { return definition }
        throw UserError(
            action: "looking for", subject: "topic \(name)", cause: "no contract of that name was read",
            nextStep: "topics are \(topics.map(\.name.rawValue).joined(separator: ", "))", status: .usage)
    }

    /// The named topics' definitions, or all.
    func select(_ names: [String]) throws(UserError) -> [TopicDefinition] {
        if names.isEmpty { return topics }
        var seen: Set<TopicName> = []
        var selected: [TopicDefinition] = []
        for name in names {
            let definition = try definition(name)
            if seen.insert(definition.name).inserted { selected.append(definition) }
        }
        return selected
    }
}

/// The wall clock, which nothing outside of this target reads.
enum Clock {
    static var nowSeconds: Double { Double(nowMilliseconds) / 1000 }
    static var nowMilliseconds: Int64 { Int64((Date().timeIntervalSince1970 * 1000).rounded()) }
}

/// Runs blocking work on a thread of its own, so that it never holds one of the few that tasks share.
func onThread<Output: Sendable>(
    _ name: String, _ body: @escaping @Sendable () throws -> Output
) async throws -> Output {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Result { try body() }) }
        thread.name = name
        thread.start()
    }
}

/// Tells how far long work has come: on a terminal, about twice a second, each line in the place of the one before.
struct Progress {
    private let verb: String
    private let total: Int64?
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var next: ContinuousClock.Instant

    /// - Parameter total: of the records, where it is known beforehand.
    init(_ verb: String, total: Int64? = nil) {
        self.verb = verb
        self.total = total
        start = clock.now
        next = start + .milliseconds(500)
    }

    /// - Parameter done: asked only when a line is due and somebody sees it.
    mutating func tell(_ done: () throws -> Int64) rethrows {
        guard Terminal.showsProgress, clock.now >= next else { return }
        let done = try done()
        let seconds = (clock.now - start) / .seconds(1)
        next = clock.now + .milliseconds(500)
        var line = "\(verb) \(Readable.count(done))"
        if let total { line += " of \(Readable.count(total))" }
        line += ", \(Readable.rate(done, seconds: seconds)) records/s"
        if let total, done > 0, done < total {
            line += ", about \(Readable.duration(seconds: seconds * Double(total - done) / Double(done))) left"
        }
        Terminal.progress(line)
    }

    /// The same where it is known how much of the whole is done, and not of how many records.
    /// - Parameter share: 0 to 1; nil where that is not known either.
    mutating func tell(records: Int64, share: Double?) {
        guard Terminal.showsProgress, clock.now >= next else { return }
        let seconds = (clock.now - start) / .seconds(1)
        next = clock.now + .milliseconds(500)
        var line = "\(verb) \(Readable.count(records)), \(Readable.rate(records, seconds: seconds)) records/s"
        if let share, share > 0, share < 1 {
            line += ", \(Int(share * 100)) %, about \(Readable.duration(seconds: seconds * (1 - share) / share)) left"
        }
        Terminal.progress(line)
    }

    /// Takes the line away.
    func end() {
        if Terminal.showsProgress { Terminal.progress("") }
    }
}

/// Runs `body` and tells on a terminal how far it has come.
func withProgress(
    _ verb: String, _ done: @escaping @Sendable () -> Int64, _ body: () async throws -> Void
) async throws {
    guard Terminal.showsProgress else { return try await body() }
    let teller = Task {
        var progress = Progress(verb)
        while !Task.isCancelled {
            progress.tell(done)
            try? await Task.sleep(for: .milliseconds(100))
        }
        progress.end()
    }
    do {
        try await body()
    } catch {
        teller.cancel()
        await teller.value
        throw error
    }
    teller.cancel()
    await teller.value
}
