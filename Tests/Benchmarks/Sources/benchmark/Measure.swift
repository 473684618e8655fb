// Clocks and counters: what a run took, in this process, in a child, in PostgreSQL.
import Foundation
import Glibc
import Postgres

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// What one measured run cost.
struct Cost: Sendable {
    var records = 0
    var seconds = 0.0
    /// Of whoever sends the rows.
    var clientSeconds = 0.0
    /// Of all processes of PostgreSQL.
    var databaseSeconds = 0.0
    var walBytes = 0.0
    /// Of the sending process; nil where it is not one of its own.
    var peakMemoryBytes: Int?

    var rate: Double { Double(records) / seconds }
    func perMillion(_ value: Double) -> Double { value * 1_000_000 / Double(records) }
}

enum Measure {
    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return .nan }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    static func percentile(_ values: [Double], _ share: Double) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    /// CPU seconds of this process so far.
    static func ownProcessorSeconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return seconds(usage)
    }

    static func seconds(_ usage: rusage) -> Double {
        Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1_000_000
    }

    /// CPU seconds of a server and of all processes that it has or had, from /proc (proc(5), `stat`).
    static func processorSeconds(ofServer pid: Int32) -> Double {
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        func look() -> [Process] { processes().filter { $0.pid == pid || $0.parent == pid } }
        // A session that ends during a look may be missed by it: one that finds the same processes as the one before did
        // cannot have missed any.
        var own = look()
        for _ in 0..<100 {
            let again = look()
            let isSame = Set(again.map(\.pid)) == Set(own.map(\.pid))
            own = again
            if isSame { break }
        }
        return own.reduce(0) { $0 + $1.ticks + ($1.pid == pid ? $1.endedTicks : 0) } / ticks
    }

    private typealias Process = (pid: Int32, parent: Int32, ticks: Double, endedTicks: Double)

    private static func processes() -> [Process] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            guard let pid = Int32(name), let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let rest = stat.split(separator: ")").last
            else { return nil }
            let fields = rest.split(separator: " ")
            guard fields.count > 14, let parent = Int32(fields[1]), let user = Double(fields[11]),
                let system = Double(fields[12]), let endedUser = Double(fields[13]),
                let endedSystem = Double(fields[14])
            else { return nil }
            return (pid, parent, user + system, endedUser + endedSystem)
        }
    }
}

/// A program started and waited for by hand, since its own use of processor and memory is wanted.
struct Child {
    let pid: pid_t
    private let output: String

    init(_ program: String, _ arguments: [String], environment: [String: String], outputFile: String) throws {
        output = outputFile
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_TRUNC
        posix_spawn_file_actions_addopen(&actions, 1, outputFile, flags, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, outputFile + ".log", flags, 0o600)
        let all = ProcessInfo.processInfo.environment.merging(environment) { _, given in given }
        var argumentPointers = ([program] + arguments).map { strdup($0) } + [nil]
        var environmentPointers = all.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
        var pid: pid_t = 0
        let status = posix_spawn(&pid, program, &actions, nil, &argumentPointers, &environmentPointers)
        guard status == 0 else { throw Failure("\(program) cannot be started: \(String(cString: strerror(status)))") }
        self.pid = pid
    }

    /// Waits for its end. Its peak of memory is looked at ten times a second: `rusage` would give that of the process
    /// that started it, where that is larger.
    func wait() throws -> (processorSeconds: Double, peakMemoryBytes: Int, output: String) {
        var status: Int32 = 0
        var usage = rusage()
        var peak = 0
        while true {
            let ended = wait4(pid, &status, WNOHANG, &usage)
            if ended == pid { break }
            guard ended == 0 || errno == EINTR else {
                throw Failure("waiting for \(pid): \(String(cString: strerror(errno)))")
            }
            peak = max(peak, peakMemoryBytes)
            Thread.sleep(forTimeInterval: 0.1)
        }
        let printed = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        guard status == 0 else {
            let log = (try? String(contentsOfFile: output + ".log", encoding: .utf8)) ?? ""
            throw Failure("the worker ended with \(status):\n\(printed)\n\(log)")
        }
        return (Measure.seconds(usage), peak, printed)
    }

    private var peakMemoryBytes: Int {
        let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1_024
    }

    func stop() { kill(pid, SIGTERM) }
}
