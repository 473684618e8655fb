// The product's own programs as processes, so that they can be killed and frozen.
import Foundation
import Kafka
import Model
import TestSupport

/// A running program. Ended by its own pid at the latest when the value is let go.
final class ProcessUnderTest {
    private let process = Process()
    private let output: URL

    /// - Parameter name: a product of this package, found beside the test bundle.
    init(_ name: String, _ arguments: [String], environment: [String: String]) throws {
        let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        output = FileManager.default.temporaryDirectory.appending(path: "lienthong-output-\(UUID().uuidString)")
        try Data().write(to: output)
        process.executableURL = folder.appending(path: name)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, given in given }
        let handle = try FileHandle(forWritingTo: output)
        process.standardOutput = handle
        process.standardError = handle
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        if process.isRunning {
            kill(process.processIdentifier, SIGCONT)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        unlink(output.path)
    }

    var isRunning: Bool { process.isRunning }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// The exit status, or the signal that ended it as a negative number.
    func wait() async throws -> Int32 {
        // Not `waitUntilExit`: it would hold a thread that the tests' own tasks need.
        while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// What it has printed, for a failure's message.
    var printed: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }

    /// Stopped by SIGSTOP, as the kernel says it.
    var isFrozen: Bool {
        let stat = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)) ?? ""
        return stat.split(separator: ")").last?.split(separator: " ").first == "T"
    }
}

/// A topic, its Kafka, and the settings of processes that work on it.
struct ProcessWorld {
    let kafka: TestKafka
    let thing: ThingTopic
    let folder: URL

    init(partitions: Int32) throws {
        kafka = try TestKafka()
        thing = try ThingTopic(partitions: partitions)
        try kafka.createTopic(thing.name, partitions: partitions)
        folder = FileManager.default.temporaryDirectory.appending(path: "lienthong-world-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try (String(repeating: "5a", count: 32) + "\n").write(to: keyFile, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: keyFile.path)
        let lines = kafka.settings.properties.sorted { $0.key < $1.key }.map { "  \($0.key): \"\($0.value)\"" }
        try ("kafka:\n" + lines.joined(separator: "\n") + "\n").write(to: configFile, atomically: true, encoding: .utf8)
    }

    private var keyFile: URL { folder.appending(path: "dead-letter.key") }
    private var configFile: URL { folder.appending(path: "settings.yaml") }

    func environment(_ database: TestNationalDatabase) -> [String: String] {
        [
            "LIENTHONG_KAFKA": kafka.settings.bootstrapServers, "LIENTHONG_DATABASE": database.url,
            "LIENTHONG_TOPICS": thing.topicsFolder, "LIENTHONG_DEAD_LETTER_KEY_FILE": keyFile.path,
        ]
    }

    func work(_ database: TestNationalDatabase, group: String, _ arguments: [String] = []) throws -> ProcessUnderTest {
        try ProcessUnderTest(
            "lienthong", ["work", "--config", configFile.path, "--group", group] + arguments,
            environment: environment(database))
    }

    /// Any command.
    func run(_ database: TestNationalDatabase, _ arguments: [String]) throws -> ProcessUnderTest {
        try ProcessUnderTest(
            "lienthong", arguments + ["--config", configFile.path], environment: environment(database))
    }

    /// A worker that freezes at `point` once `fuse` exists.
    func faulty(_ database: TestNationalDatabase, group: String, point: String) throws -> ProcessUnderTest {
        let settings = ["FAULT_GROUP": group, "FAULT_POINT": point, "FAULT_FUSE": fuse.path]
        return try ProcessUnderTest(
            "faulty-worker", [], environment: environment(database).merging(settings) { _, given in given })
    }

    var fuse: URL { folder.appending(path: "fuse") }
}
