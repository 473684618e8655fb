// The pages of `deploy/walkthrough` run as they stand, against the demo's own broker, PostgreSQL, publisher and worker.
import Foundation
import TestSupport
import Testing

@Suite(
    "the walk-throughs", .serialized,
    .enabled(if: TestKafka.isEmbedded, "the demo hosts its own broker"))
struct WalkThroughTests {
    @Test(
        "a page's commands run in their order, and print what the page shows",
        arguments: ["dead-letters.md", "replay.md"])
    func page(_ name: String) async throws {
        let world = try WalkThroughWorld()
        let page = try WalkThrough(world.text(of: name))
        try #require(page.steps.count > 2)
        let shell = try world.shell()
        var others: [WalkThroughShell] = []
        do {
            for step in page.steps {
                if step.manner == .background {
                    let other = try world.shell()
                    others.append(other)
                    // The shell becomes the last command, so that its pid is that command's.
                    try other.type(WalkThroughWorld.replacingShell(step.commands))
                    try await Self.wait(for: step, name) { (0, other.printed, other.isRunning) }
                    continue
                }
                try await Self.perform(step, name, in: shell)
            }
        } catch {
            for other in others { Issue.record("printed beside it:\n\(other.printed)") }
            try? await Self.end(others)
            throw error
        }
        try await Self.end(others)
    }

    private static let patience: Duration = .seconds(60)

    private static func perform(_ step: WalkThrough.Step, _ name: String, in shell: WalkThroughShell) async throws {
        if step.manner == .again {
            return try await wait(for: step, name) {
                let (status, output) = try await shell.run(step.commands)
                return (status, output, true)
            }
        }
        let (status, output) = try await shell.run(step.commands)
        let place = "\(name), line \(step.line)"
        guard (status == 0) == (step.manner != .fails) else { throw TestFault("\(place): status \(status)\n\(output)") }
        if let line = WalkThrough.missing(step.shown, in: output) {
            throw TestFault("\(place): the page shows `\(line)`, and there came:\n\(output)")
        }
    }

    /// Asks until what the page shows has come.
    private static func wait(
        for step: WalkThrough.Step, _ name: String,
        _ ask: () async throws -> (status: Int32, output: String, goesOn: Bool)
    ) async throws {
        let start = ContinuousClock.now
        while true {
            let (status, output, goesOn) = try await ask()
            guard let line = WalkThrough.missing(step.shown, in: output) ?? (status == 0 ? nil : "status 0") else {
                return
            }
            guard goesOn, ContinuousClock.now - start < patience else {
                throw TestFault("\(name), line \(step.line): the page shows `\(line)`, and there came:\n\(output)")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func end(_ shells: [WalkThroughShell]) async throws {
        for shell in shells { try await shell.end(patience: patience) }
    }

    // MARK: The reader of pages

    @Test("a page's blocks become steps, and a block that nobody would run is a fault")
    func blocks() throws {
        let page = try WalkThrough("Words\n\n```sh again\na\nb\n```\n```text\nx\n\ny\n```\n\n```sh\nc\n```\n")
        #expect(page.steps.map(\.manner) == [.again, .once])
        #expect(page.steps.map(\.commands) == ["a\nb", "c"])
        #expect(page.steps.map(\.shown) == [["x", "y"], []])
        #expect(page.steps.map(\.line) == [3, 13])
        for text in ["```\na\n```", "```sh often\na\n```", "```text\na\n```", "```sh\na"] {
            #expect(throws: TestFault.self) { try WalkThrough(text) }
        }
    }

    @Test(
        "what is shown must come in its order; blanks and what is left out do not count",
        arguments: [
            (["a b", "c"], nil), (["c", "a b"], "a b"), (["a … b x"], nil), (["b … a"], "b … a"),
            (["a", "a b x"], "a b x"),
            (["z"], "z"), ([], nil),
        ] as [([String], String?)])
    func shown(_ lines: [String], _ missing: String?) {
        #expect(WalkThrough.missing(lines, in: "  a   b  x\n\nc\n") == missing)
    }
}

/// A folder in which the page's commands find what they find in the repository; the programs are those of the tests.
private final class WalkThroughWorld {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "lienthong-walk-\(UUID().uuidString)")
        let files = FileManager.default
        let programs = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        try files.createDirectory(at: folder.appending(path: ".build"), withIntermediateDirectories: true)
        try files.createDirectory(at: folder.appending(path: "deploy"), withIntermediateDirectories: true)
        try files.createSymbolicLink(
            atPath: folder.appending(path: ".build/release").path, withDestinationPath: programs.path)
        // Copies, never links: a page may change what it works on.
        let names = ["Topics", "deploy/database", "deploy/feeds", "deploy/sources", "deploy/walkthrough"]
        for name in names {
            try files.copyItem(atPath: "\(PackageFolder.path)/\(name)", toPath: folder.appending(path: name).path)
        }
        // `deploy/demo` without the build, which has been.
        let demo = folder.appending(path: "deploy/demo")
        try "#!/bin/sh\nexec .build/release/lienthong demo \"$@\"\n".write(to: demo, atomically: true, encoding: .utf8)
        try files.setAttributes([.posixPermissions: 0o700], ofItemAtPath: demo.path)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func text(of name: String) throws -> String {
        try String(contentsOfFile: PackageFolder.path + "/deploy/walkthrough/" + name, encoding: .utf8)
    }

    func shell() throws -> WalkThroughShell {
        let shell = try WalkThroughShell(folder: folder)
        // Nothing of whoever runs the tests may lead the commands elsewhere.
        try shell.type("unset ${!LIENTHONG_*}")
        return shell
    }

    /// - Returns: the commands, the last line of which takes the shell's place.
    static func replacingShell(_ commands: String) -> String {
        var lines = commands.split(separator: "\n").map(String.init)
        if let last = lines.popLast() { lines.append("exec " + last) }
        return lines.joined(separator: "\n")
    }
}
