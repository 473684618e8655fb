// Processes that the demo starts and ends, each by its own id.
import Foundation
import Model

/// A process by its id and its start, so that an id given to another process since is never mistaken for it.
struct ProcessIdentity: Equatable {
    let id: pid_t
    /// Clock ticks since boot, field 22 of `/proc/ID/stat` (proc(5)).
    let startTicks: UInt64

    static var own: ProcessIdentity? { of(getpid()) }

    /// Nil where no such process is.
    static func of(_ id: pid_t) -> ProcessIdentity? {
        guard let line = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8) else { return nil }
        // The second field is the program's name in parentheses, and may hold any character: count from its end.
        guard let end = line.lastIndex(of: ")") else { return nil }
        let fields = line[line.index(after: end)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", let ticks = UInt64(fields[19]) else { return nil }
        return ProcessIdentity(id: id, startTicks: ticks)
    }

    var isAlive: Bool { Self.of(id) == self }

    func write(to file: String) throws {
        try "\(id) \(startTicks)\n".write(toFile: file, atomically: true, encoding: .utf8)
    }

    static func read(from file: String) -> ProcessIdentity? {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
        let fields = text.split(whereSeparator: \.isWhitespace)
        guard fields.count == 2, let id = pid_t(fields[0]), id > 1, let ticks = UInt64(fields[1]) else { return nil }
        return ProcessIdentity(id: id, startTicks: ticks)
    }

    /// Asks the process to end, and ends it where it does not.
    func end(patience: Duration = .seconds(20)) {
        guard isAlive else { return }
        kill(id, SIGTERM)
        let clock = ContinuousClock()
        let deadline = clock.now + patience
        while isAlive && clock.now < deadline { usleep(20_000) }
        if isAlive { kill(id, SIGKILL) }
        while isAlive { usleep(20_000) }
    }
}

/// Ends a process that the demo started once the demo is gone, even by force: nobody else would.
enum ParentWatch {
    static let variable = "LIENTHONG_PARENT"

    /// Does nothing in a process that no demo started. The kernel's own death signal would not do: it tells of the end
    /// of the thread that started us, not of the process.
    static func start() {
        guard let parent = ProcessInfo.processInfo.environment[variable].flatMap({ pid_t($0) }) else { return }
        let thread = Thread {
            while getppid() == parent { usleep(200_000) }
            kill(getpid(), SIGTERM)
            // Broker and database are going as well, so that finishing may not be possible.
            usleep(10_000_000)
            kill(getpid(), SIGKILL)
        }
        thread.name = "parent watch"
        thread.start()
    }
}

/// This program run again with other arguments: a real process that shares nothing with the demo but files and protocols.
final class ChildProcess {
    let name: String
    private let process = Process()
    private let outputFile: String
    private let logFile: String
    private let pidFile: String

    /// - Parameter folder: takes `NAME.out` (standard output), `NAME.log` (standard error) and `NAME.pid`.
    init(name: String, arguments: [String], folder: String) throws {
        self.name = name
        outputFile = "\(folder)/\(name).out"
        logFile = "\(folder)/\(name).log"
        pidFile = "\(folder)/\(name).pid"
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging([ParentWatch.variable: "\(getpid())"]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try Self.fileForWriting(outputFile)
        process.standardError = try Self.fileForWriting(logFile)
        try process.run()
        try ProcessIdentity.of(process.processIdentifier)?.write(to: pidFile)
    }

    var isRunning: Bool { process.isRunning }

    /// The exit status; a process that a signal ended counts as 128 and the signal, as in a shell.
    var status: Int32 {
        process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    }

    /// A process that was to go on forever ended well because it was asked to, or was ended by force.
    var isReplaceable: Bool { wasEndedFromOutside || status == 0 }

    /// Somebody ended the process by force: no fault of its own, as a crash would be.
    var wasEndedFromOutside: Bool {
        process.terminationReason == .uncaughtSignal
            && [SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM].contains(process.terminationStatus)
    }

    /// Objects that the process wrote to standard output, one a line.
    func lines() -> [[String: Any]] {
        let text = (try? String(contentsOfFile: outputFile, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
    }

    func failure() -> UserError {
        if wasEndedFromOutside {
            return UserError(
                action: "running", subject: "`lienthong \(name)`",
                cause: "it was ended with signal \(process.terminationStatus)", nextStep: "start the demo again",
                status: .no)
        }
        let log = (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? ""
        let last = log.split(separator: "\n").last.map(String.init) ?? "it said nothing"
        return UserError(
            action: "running", subject: "`lienthong \(name)`", cause: "it ended with status \(status) (\(last))",
            nextStep: "read \(logFile)", status: ExitStatus(rawValue: status).flatMap { $0 == .done ? nil : $0 } ?? .bug
        )
    }

    func end() {
        if process.isRunning {
            ProcessIdentity.of(process.processIdentifier)?.end()
            process.waitUntilExit()
        }
        try? FileManager.default.removeItem(atPath: pidFile)
    }

    private static func fileForWriting(_ path: String) throws -> FileHandle {
        guard FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forWritingAtPath: path)
        else {
            throw UserError(
                action: "writing", subject: path, cause: "the file cannot be made",
                nextStep: "check who owns its folder and the space left", status: .configuration)
        }
        return file
    }
}
