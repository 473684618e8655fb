// A page of documentation as a test: its commands run in their order in one shell, and what it shows must come.
import Foundation
import TestSupport

/// The fenced blocks of a page. A block that begins with ```` ```sh ```` holds commands; the block ```` ```text ````
/// after it, what they print. A word after `sh` says how they run:
/// - none: once, and the last one ends with status 0;
/// - `again`: until what is shown comes, since something else takes a moment; they change nothing;
/// - `fails`: the last one ends with another status;
/// - `background`: in a shell of their own, which goes on to the page's end, while the page waits for what is shown.
struct WalkThrough {
    enum Manner: String {
        case once = ""
        case again, fails, background
    }

    struct Step {
        /// Where the block begins, from 1.
        let line: Int
        let manner: Manner
        let commands: String
        /// Lines that must come in their order, among others. White space counts as one blank; `…` stands for anything.
        var shown: [String]
    }

    let steps: [Step]

    init(_ text: String) throws {
        var steps: [Step] = []
        var fence: (line: Int, word: String)?
        var block: [String] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard line.hasPrefix("```") else {
                if fence != nil { block.append(String(line)) }
                continue
            }
            guard let opened = fence else {
                (fence, block) = ((index + 1, String(line.dropFirst(3))), [])
                continue
            }
            fence = nil
            let words = opened.word.split(separator: " ").map(String.init)
            switch words.first {
            case "sh":
                guard let manner = Manner(rawValue: words.dropFirst().joined(separator: " ")) else {
                    throw TestFault("line \(opened.line): unknown manner of a block: \(opened.word)")
                }
                let commands = block.joined(separator: "\n")
                steps.append(Step(line: opened.line, manner: manner, commands: commands, shown: []))
            case "text":
                guard steps.last?.shown.isEmpty == true else {
                    throw TestFault("line \(opened.line): what is shown belongs to no commands")
                }
                steps[steps.count - 1].shown = block.filter { !$0.allSatisfy(\.isWhitespace) }
            default: throw TestFault("line \(opened.line): a block is sh or text, not \(opened.word)")
            }
        }
        guard fence == nil else { throw TestFault("the last block does not end") }
        self.steps = steps
    }

    /// The first of the lines that the output lacks in its place; nil where all are there.
    static func missing(_ shown: [String], in output: String) -> String? {
        var lines = output.split(separator: "\n").map { plain(String($0)) }[...]
        for wanted in shown {
            let parts = plain(wanted).components(separatedBy: "…").map { $0.trimmingCharacters(in: .whitespaces) }
            guard let found = lines.firstIndex(where: { holds($0, parts) }) else { return wanted }
            lines = lines[(found + 1)...]
        }
        return nil
    }

    private static func plain(_ line: String) -> String {
        line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    private static func holds(_ line: String, _ parts: [String]) -> Bool {
        var rest = line[...]
        for part in parts where !part.isEmpty {
            guard let range = rest.range(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return true
    }
}

/// One shell that runs a page's commands, so that what one sets, the next one has. Ended by its own pid.
final class WalkThroughShell {
    private let process = Process()
    private let input = Pipe()
    private let output: URL

    /// - Parameter folder: where commands run.
    init(folder: URL) throws {
        output = FileManager.default.temporaryDirectory.appending(path: "lienthong-shell-\(UUID().uuidString)")
        try Data().write(to: output)
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["--noprofile", "--norc", "-s"]
        process.currentDirectoryURL = folder
        let handle = try FileHandle(forWritingTo: output)
        process.standardInput = input
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
    }

    deinit {
        if process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        unlink(output.path)
    }

    /// Everything that was printed so far.
    var printed: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }
    var isRunning: Bool { process.isRunning }

    /// Asks the shell, or what took its place, to end; by force after `patience`.
    func end(patience: Duration) async throws {
        let start = ContinuousClock.now
        kill(process.processIdentifier, SIGINT)
        while process.isRunning {
            if ContinuousClock.now - start > patience { kill(process.processIdentifier, SIGKILL) }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Types the commands, and waits for nothing.
    func type(_ commands: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data((commands + "\n").utf8))
    }

    /// Runs the commands and waits for their end.
    /// - Returns: the last one's status, and all that they printed.
    func run(_ commands: String) async throws -> (status: Int32, output: String) {
        let before = printed.utf8.count
        let mark = "end-\(UUID().uuidString)"
        try type("\(commands)\necho \"\(mark) $?\"")
        while true {
            let text = String(decoding: printed.utf8.dropFirst(before), as: UTF8.self)
            if let range = text.range(of: mark), let end = text[range.upperBound...].firstIndex(of: "\n"),
                let status = Int32(text[range.upperBound..<end].dropFirst())
            {
                return (status, String(text[..<range.lowerBound]))
            }
            guard process.isRunning else { throw TestFault("the shell has ended: \(text)") }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
