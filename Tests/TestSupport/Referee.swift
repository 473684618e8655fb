// Public programs that judge beside the product, in tests only: those in Python where LIENTHONG_REFEREE_PYTHON names an
// interpreter that has them, Prometheus' own where LIENTHONG_PROMTOOL names it. `deploy/test` sees to both.
import Foundation

package enum Referee {
    /// What a skipped test says.
    package static let absence = "LIENTHONG_REFEREE_PYTHON names no interpreter; deploy/test makes one"
    package static var isThere: Bool { python != nil }

    /// The interpreter's path; nil where there is none, and the tests are skipped.
    private static let python: String? = {
        let name = "LIENTHONG_REFEREE_PYTHON"
        guard let path = ProcessInfo.processInfo.environment[name], !path.isEmpty else { return nil }
        return path
    }()

    package struct Result: Sendable {
        package let status: Int32
        package let output: String
        package let errors: String
    }

    /// Runs a program of the interpreter's own folder to its end, `python` itself where none is named.
    package static func run(program: String? = nil, _ arguments: [String], input: String = "") throws -> Result {
        guard let python else { throw TestFault("no interpreter") }
        let beside = URL(fileURLWithPath: python).deletingLastPathComponent()
        return try run(
            program.map { beside.appending(path: $0) } ?? URL(fileURLWithPath: python), arguments, input: input)
    }

    /// Input and output go through files, so that neither side waits for the other.
    fileprivate static func run(_ program: URL, _ arguments: [String], input: String) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lienthong-referee-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ["input", "output", "errors"].map { folder.appending(path: $0) }
        for (file, text) in zip(files, [input, "", ""]) { try Data(text.utf8).write(to: file) }

        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.standardInput = try FileHandle(forReadingFrom: files[0])
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        try process.run()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: try String(contentsOf: files[1], encoding: .utf8),
            errors: try String(contentsOf: files[2], encoding: .utf8))
    }
}

/// Prometheus' own judgement of its text format.
package enum Promtool {
    /// What a skipped test says.
    package static let absence = "LIENTHONG_PROMTOOL names no program; deploy/test fetches promtool"
    package static var isThere: Bool { path != nil }

    private static let path: String? = {
        let path = ProcessInfo.processInfo.environment["LIENTHONG_PROMTOOL"]
        return path?.isEmpty == false ? path : nil
    }()

    /// Parses the metrics, and compares them with Prometheus' conventions: status 0 where nothing is to be said.
    package static func checkMetrics(_ text: String) throws -> Referee.Result {
        guard let path else { throw TestFault("no promtool") }
        return try Referee.run(URL(fileURLWithPath: path), ["check", "metrics"], input: text)
    }
}
