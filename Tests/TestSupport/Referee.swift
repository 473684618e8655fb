// Public programs in Python that judge beside the product: in tests only, where LIENTHONG_REFEREE_PYTHON names an
// interpreter that has them. `deploy/test` makes one from `deploy/referees.txt`.
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

    /// Runs a program of the interpreter's own folder to its end, `python` itself where none is named. Input and
    /// output go through files, so that neither side waits for the other.
    package static func run(program: String? = nil, _ arguments: [String], input: String = "") throws -> Result {
        guard let python else { throw TestFault("no interpreter") }
        let folder = FileManager.default.temporaryDirectory.appending(path: "lienthong-referee-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ["input", "output", "errors"].map { folder.appending(path: $0) }
        for (file, text) in zip(files, [input, "", ""]) { try Data(text.utf8).write(to: file) }

        let process = Process()
        let beside = URL(fileURLWithPath: python).deletingLastPathComponent()
        process.executableURL = program.map { beside.appending(path: $0) } ?? URL(fileURLWithPath: python)
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
