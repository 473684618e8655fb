// Older states of a folder of topics, from a repository that the test makes.
import Contracts
import Foundation
import Model
import Testing

@testable import lienthong

/// A repository in a folder of its own, with two files of a topic's shape.
private final class Repository {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("lienthong-git-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var topics: String { "\(path)/Some topics" }

    func write(_ name: String, _ text: String) throws {
        let file = URL(fileURLWithPath: "\(path)/\(name)")
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    func writeTopic(_ contract: String) throws {
        try write("Some topics/a.thing.v1/contract.odcs.yaml", contract)
        try write("Some topics/a.thing.v1/mapping.yaml", "mapping of \(contract)")
        try write("Some topics/code-lists/provinces.csv", "list of \(contract)")
        try write("Some topics/a.thing.v1/examples/accepted/one.json", "{}")
        try write("Some topics/README.md", "words")
    }

    func start() throws {
        try git("init", "--quiet", "--initial-branch=main")
        try git("config", "user.name", "Test")
        try git("config", "user.email", "test@lienthong.example")
        try git("config", "commit.gpgsign", "false")
    }

    func commit(_ message: String) throws {
        try git("add", "--all")
        try git("commit", "--quiet", "--message", message)
    }

    func git(_ arguments: String...) throws {
        let status = try Repository.run(["git", "-C", path] + arguments)
        guard status == 0 else { throw Failure(description: "git \(arguments) ended with \(status)") }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static func run(_ command: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        // Neither the user's settings nor a hook's variables may reach the repository.
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("GIT_") }
            .merging(["GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"]) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    static let hasGit = (try? run(["git", "--version"])) == 0
}

@Suite("Older states from git", .enabled(if: Repository.hasGit, "git is not installed"))
struct GitFolderTests {
    private func text(_ git: GitFolder, _ revision: String, _ file: String) throws -> String? {
        try git.withState(of: git.revision(revision), name: revision) { state in
            try? String(contentsOfFile: "\(state.folder)/\(file)", encoding: .utf8)
        }
    }

    @Test("a revision gives contracts, mappings and code lists of that time, and leaves nothing behind")
    func revisions() throws {
        let repository = try Repository()
        try repository.start()
        try repository.writeTopic("first")
        try repository.commit("one")
        try repository.git("tag", "v1")
        try repository.writeTopic("second")
        try repository.commit("two")
        try repository.writeTopic("third")
        let git = try GitFolder(repository.topics)
        #expect(git.path == "Some topics")
        for (revision, expected) in [("HEAD", "second"), ("HEAD~1", "first"), ("v1", "first"), ("main", "second")] {
            #expect(try text(git, revision, "a.thing.v1/contract.odcs.yaml") == expected)
            #expect(try text(git, revision, "a.thing.v1/mapping.yaml") == "mapping of \(expected)")
            #expect(try text(git, revision, "code-lists/provinces.csv") == "list of \(expected)")
        }
        #expect(try text(git, "HEAD", "README.md") == nil)
        #expect(try text(git, "HEAD", "a.thing.v1/examples/accepted/one.json") == nil)
        var folder = ""
        try git.withState(of: git.revision("v1"), name: "v1") { state in
            folder = state.folder
            #expect(FileManager.default.fileExists(atPath: folder))
            #expect(state.name == "v1")
            #expect(state.label == "v1:Some topics")
        }
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test("a folder that is the work tree's top is read as well")
    func top() throws {
        let repository = try Repository()
        try repository.start()
        try repository.write("a.thing.v1/contract.odcs.yaml", "at the top")
        try repository.commit("one")
        let git = try GitFolder(repository.path)
        #expect(git.path == "")
        #expect(try text(git, "HEAD", "a.thing.v1/contract.odcs.yaml") == "at the top")
    }

    @Test("a link is not followed out of the folder")
    func links() throws {
        let repository = try Repository()
        try repository.start()
        try repository.writeTopic("first")
        let link = "\(repository.topics)/a.thing.v1/mapping.yaml"
        try FileManager.default.removeItem(atPath: link)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/etc/hostname")
        try repository.commit("one")
        let git = try GitFolder(repository.topics)
        #expect(try text(git, "HEAD", "a.thing.v1/mapping.yaml") == nil)
        #expect(try text(git, "HEAD", "a.thing.v1/contract.odcs.yaml") == "first")
    }

    @Test("what git cannot give is one sentence with a next step")
    func failures() throws {
        let repository = try Repository()
        try repository.write("Some topics/README.md", "words")
        let outside = try #require(throws: UserError.self) { try GitFolder(repository.topics) }
        #expect(outside.cause.contains("not a git repository"))
        let absent = try #require(throws: UserError.self) { try GitFolder("\(repository.path)/nowhere") }
        #expect(absent.cause.contains("No such file or directory"))
        let missing = try #require(throws: UserError.self) { try GitFolder(repository.path, program: "no-such-git") }
        #expect(missing.cause == "there is no such program in PATH")
        #expect(missing.status == .configuration)

        try repository.start()
        try repository.commit("one")
        try repository.writeTopic("first")
        let git = try GitFolder(repository.topics)
        for name in ["nowhere", "HEAD~1", "--all", "-x", "", "HEAD:Some topics"] {
            let unknown = try #require(throws: UserError.self) { try git.revision(name) }
            #expect(unknown.cause.hasPrefix("git knows no commit of that name"), "\(name)")
        }
        let empty = try #require(throws: UserError.self) { try text(git, "HEAD", "") }
        #expect(empty.cause == "that commit has no topic in Some topics")
    }

    @Test("lint compares with the last commit and with the state before the last commit of what it judges")
    func baseline() throws {
        let repository = try Repository()
        try repository.write("Some topics/README.md", "words")
        try repository.start()
        let git = try GitFolder(repository.topics)
        #expect(try git.baselines() == .init(reason: "git has no commit yet"))
        try repository.write("other", "1")
        try repository.commit("without a topic")
        #expect(try git.baselines() == .init(reason: "no commit has the folder yet"))
        try repository.writeTopic("first")
        try repository.commit("begins")
        #expect(try git.baselines() == .init(reason: "the folder's history begins here"))
        try repository.writeTopic("second")
        let head = try git.revision("HEAD")
        #expect(try git.baselines() == .init(revisions: [head], reason: "the folder's history begins here"))
        try repository.commit("second")
        let first = try git.revision("HEAD~1")
        #expect(try git.baselines() == .init(revisions: [first]))
        try repository.write("other", "2")
        try repository.commit("elsewhere")
        #expect(try git.baselines() == .init(revisions: [first]), "a commit elsewhere changes nothing")
        for name in ["README.md", "a.thing.v1/examples/accepted/one.json", "code-lists/README.md"] {
            try repository.write("Some topics/\(name)", "other words")
            try repository.commit(name)
            #expect(try git.baselines() == .init(revisions: [first]), "nor does one of \(name)")
        }
        for name in [".DS_Store", "a.thing.v1/notes.txt"] {
            try repository.write("Some topics/\(name)", "")
            #expect(try git.baselines() == .init(revisions: [first]), "\(name) is not judged")
        }
        let now = try git.revision("HEAD")
        for name in ["b.thing.v1/contract.odcs.yaml", "a.thing.v1/mapping.yaml", "code-lists/more.csv"] {
            try repository.write("Some topics/\(name)", "new")
            #expect(try git.baselines() == .init(revisions: [now, first]), "\(name)")
            try repository.git("checkout", "--quiet", ".")
            try repository.git("clean", "--quiet", "--force", "-d")
        }
    }

    @Test("what lint compared with is named; that it could not is a warning, unless nothing was ever there")
    func lint() throws {
        let repository = try Repository()
        try repository.writeTopic("first")
        func lint(_ folder: String, git: String = "git") -> (lent: [String], severity: String?, names: String?) {
            var lent: [String] = []
            let (findings, names) = TopicsLint.lint(folder, git: git) { states in
                lent = states.map { state in
                    (try? String(contentsOfFile: "\(state.folder)/a.thing.v1/contract.odcs.yaml", encoding: .utf8))
                        ?? ""
                }
                return []
            }
            return (lent, findings.first?.severity.rawValue, names)
        }
        #expect(lint(repository.topics) == ([], "warning", nil), "no repository")
        try repository.start()
        try repository.commit("one")
        #expect(lint(repository.topics) == ([], "note", nil), "the beginning")
        try repository.writeTopic("second")
        try repository.commit("two")
        try repository.writeTopic("third")
        let git = try GitFolder(repository.topics)
        let names = try [git.revision("HEAD"), git.revision("HEAD~1")].map(\.shortHash).joined(separator: " and ")
        #expect(lint(repository.topics) == (["second", "first"], nil, names))
        #expect(lint(repository.topics, git: "no-such-git") == ([], "warning", nil))
    }

    @Test("a clone without older history says that it has none")
    func shallow() throws {
        let repository = try Repository()
        try repository.start()
        for text in ["first", "second"] {
            try repository.writeTopic(text)
            try repository.commit(text)
        }
        let clone = try Repository()
        #expect(
            try Repository.run(["git", "clone", "--quiet", "--depth=1", "file://\(repository.path)", "\(clone.path)/c"])
                == 0)
        let git = try GitFolder("\(clone.path)/c/Some topics")
        let baselines = try git.baselines()
        #expect(baselines == .init(reason: "the clone is shallow: fetch more of the history", lacksHistory: true))
        let (findings, _) = TopicsLint.lint("\(clone.path)/c/Some topics") { _ in [] }
        #expect(findings.map(\.severity) == [.warning])
    }

    @Test("a folder goes before a revision of its name; a revision is the folder's at that time")
    func states() throws {
        let repository = try Repository()
        try repository.start()
        try repository.writeTopic("first")
        try repository.commit("one")
        try repository.git("branch", "elsewhere")
        let folder = try TopicsDiff.withState(repository.topics, of: "nowhere") { $0 }
        #expect(folder.folder == repository.topics)
        #expect(folder.label == repository.topics)
        let revision = try TopicsDiff.withState("elsewhere", of: repository.topics) { $0 }
        #expect(revision.label == "elsewhere:Some topics")
    }
}
