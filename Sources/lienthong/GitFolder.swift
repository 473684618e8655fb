// A folder of topics as git keeps it: its older states, read through the `git` program.
import Contracts
import Foundation
import Model

/// A folder within a work tree of git.
struct GitFolder {
    /// As the user named it.
    let folder: String
    /// Of the folder from the work tree's top, without a slash at its end; empty for the top itself.
    let path: String
    private let git: Git

    /// - Parameter program: looked for in PATH.
    /// - Throws: where git is not installed, or the folder lies in no work tree.
    init(_ folder: String, program: String = "git") throws(UserError) {
        git = Git(program: program, folder: folder)
        let prefix = try git.run(["rev-parse", "--show-prefix"])
        guard prefix.status == 0 else {
            throw git.failure("reading the history of", folder, prefix, nextStep: "name a folder of a git work tree")
        }
        var path = prefix.line
        if path.hasSuffix("/") { path.removeLast() }
        self.path = path
        self.folder = folder
    }

    /// A commit by its full hash, and as people write it.
    struct Revision: Equatable {
        let hash: String
        let shortHash: String
    }

    /// - Parameter name: whatever git takes for a commit: a branch, a tag, a hash, `HEAD~3`.
    func revision(_ name: String) throws(UserError) -> Revision {
        // An option is no revision; git itself would take it for one of its own.
        guard !name.hasPrefix("-"), let found = try find(name) else {
            throw UserError(
                action: "reading", subject: "revision \(name) of \(folder)",
                cause: "git knows no commit of that name, and no folder has it",
                nextStep: "name a folder of topics, a branch, a tag, a commit or HEAD~1", status: .usage)
        }
        return found
    }

    private func find(_ name: String) throws(UserError) -> Revision? {
        let full = try git.run(["rev-parse", "--verify", "--quiet", "\(name)^{commit}"])
        guard full.status == 0, !full.line.isEmpty else { return nil }
        let short = try git.run(["rev-parse", "--short", full.line])
        return Revision(hash: full.line, shortHash: short.status == 0 ? short.line : full.line)
    }

    // MARK: What to compare with

    /// What the folder is to be compared with where nobody says.
    struct Baselines: Equatable {
        /// The newest first.
        var revisions: [Revision] = []
        /// Why there is none older to compare with.
        var reason: String?
        /// Whether there is one all the same, which this clone lacks.
        var lacksHistory = false
    }

    /// What a comparison reads; whatever else changes in the folder changes no contract.
    private static let judged = [
        ":(glob)*/contract.odcs.yaml", ":(glob)*/mapping.yaml", ":(glob)code-lists/*.csv",
    ]

    /// The last commit, where the contracts, mappings or code lists differ from it, and the state before the last commit
    /// that touched one of them.
    func baselines() throws(UserError) -> Baselines {
        guard let head = try find("HEAD") else { return Baselines(reason: "git has no commit yet") }
        let status = try git.run(
            ["status", "--porcelain", "--no-renames", "--untracked-files=all", "--"] + Self.judged, globs: true)
        guard status.status == 0 else {
            throw git.failure("reading the state of", folder, status, nextStep: "repair the work tree")
        }
        guard try holdsTopics(head) else { return Baselines(reason: "no commit has the folder yet") }
        var baselines = Baselines(revisions: status.output.isEmpty ? [] : [head])
        let last = try git.run(["log", "-1", "--format=%H", "--"] + Self.judged, globs: true)
        guard last.status == 0 else {
            throw git.failure("reading the history of", folder, last, nextStep: "run `git fsck`")
        }
        if let before = try find("\(last.line)^") {
            if try holdsTopics(before) {
                baselines.revisions.append(before)
            } else {
                baselines.reason = "the folder's history begins here"
            }
        } else if try git.run(["rev-parse", "--is-shallow-repository"]).line == "true" {
            baselines.reason = "the clone is shallow: fetch more of the history"
            baselines.lacksHistory = true
        } else {
            baselines.reason = "the folder's history begins here"
        }
        return baselines
    }

    private func holdsTopics(_ revision: Revision) throws(UserError) -> Bool {
        try entries(of: revision).contains { $0.path.hasSuffix("/contract.odcs.yaml") }
    }

    // MARK: Reading a revision

    /// Lends the folder's contracts, mappings and code lists as a commit has them, in a temporary folder.
    /// - Parameter name: what findings call the revision.
    func withState<Result>(
        of revision: Revision, name: String, _ body: (CatalogueState) throws -> Result
    ) throws -> Result {
        let temporary = FileManager.default.temporaryDirectory.appendingPathComponent("lienthong-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: temporary) }
        try extract(revision, to: temporary)
        let label = "\(name):\(path.isEmpty ? "." : path)"
        return try body(CatalogueState(folder: temporary.path, name: name, label: label))
    }

    /// The same for several revisions at once, in their order.
    func withStates<Result>(of revisions: [Revision], _ body: ([CatalogueState]) throws -> Result) throws -> Result {
        guard let last = revisions.last else { return try body([]) }
        return try withState(of: last, name: last.shortHash) { state in
            try withStates(of: revisions.dropLast()) { try body($0 + [state]) }
        }
    }

    private func extract(_ revision: Revision, to target: URL) throws {
        let entries = try entries(of: revision)
        guard !entries.isEmpty else {
            throw UserError(
                action: "reading", subject: "\(folder) at \(revision.shortHash)",
                cause: "that commit has no topic in \(path.isEmpty ? "its top folder" : path)",
                nextStep: "name a later revision, or a folder", status: .usage)
        }
        let list = entries.map { $0.hash + "\n" }.joined()
        let blobs = try git.run(["cat-file", "--batch"], input: Data(list.utf8))
        var rest = blobs.output[...]
        for entry in entries {
            guard let (bytes, next) = Self.blob(at: rest) else {
                throw git.failure(
                    "reading", "\(entry.path) at \(revision.shortHash)", blobs,
                    nextStep: "run `git fsck`, and fetch what is missing")
            }
            rest = next
            let file = target.appendingPathComponent(entry.path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try bytes.write(to: file)
        }
    }

    private struct Entry {
        let hash: String
        /// From the folder.
        let path: String
    }

    /// The files that a comparison reads: two levels deep, and no links, so that nothing is written elsewhere.
    private func entries(of revision: Revision) throws(UserError) -> [Entry] {
        var arguments = ["ls-tree", "-r", "-z", "--full-tree", revision.hash]
        if !path.isEmpty { arguments += ["--", path + "/"] }
        let tree = try git.run(arguments)
        guard tree.status == 0 else {
            throw git.failure("listing", "\(folder) at \(revision.shortHash)", tree, nextStep: "run `git fsck`")
        }
        return tree.output.split(separator: 0).compactMap { line in
            let parts = line.split(separator: UInt8(ascii: "\t"), maxSplits: 1)
            guard parts.count == 2 else { return nil }
            let facts = String(decoding: parts[0], as: UTF8.self).split(separator: " ")
            let full = String(decoding: parts[1], as: UTF8.self)
            let relative = path.isEmpty ? full : String(full.dropFirst(path.count + 1))
            guard facts.count == 3, facts[0].hasPrefix("100"), Self.isRead(relative) else { return nil }
            return Entry(hash: String(facts[2]), path: relative)
        }
    }

    private static func isRead(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].hasPrefix("."), !parts[1].hasPrefix(".") else { return false }
        return ["contract.odcs.yaml", "mapping.yaml"].contains(parts[1])
            || (parts[0] == "code-lists" && parts[1].hasSuffix(".csv"))
    }

    /// `HASH blob SIZE\nBYTES\n`, as `git cat-file --batch` writes it.
    private static func blob(at output: Data) -> (bytes: Data, rest: Data)? {
        guard let end = output.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let heading = String(decoding: output[..<end], as: UTF8.self).split(separator: " ")
        guard heading.count == 3, heading[1] == "blob", let size = Int(heading[2]), size >= 0,
            output.endIndex - end - 1 > size
        else { return nil }
        let start = end + 1
        return (output[start..<start + size], output[(start + size + 1)...])
    }
}

/// Runs git in a folder.
private struct Git {
    struct Outcome {
        let status: Int32
        let output: Data
        let complaint: String

        /// The output's first line.
        var line: String {
            String(decoding: output.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        }
    }

    let program: String
    let folder: String

    /// Set by git for its hooks: they would name another repository than the folder's own.
    private static let misleading = [
        "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE", "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS",
    ]
    /// What `env` says where there is no such program.
    private static let notFound: Int32 = 127

    /// Output goes through files: two full pipes would wait for each other.
    /// - Parameter globs: whether paths may be patterns; else they are the names of files, whatever they look like.
    func run(_ arguments: [String], input: Data? = nil, globs: Bool = false) throws(UserError) -> Outcome {
        do {
            let outcome = try start(arguments, input, globs)
            guard outcome.status != Self.notFound else {
                throw UserError(
                    action: "running", subject: program, cause: "there is no such program in PATH",
                    nextStep: "install git, or name folders", status: .configuration)
            }
            return outcome
        } catch let error as UserError {
            throw error
        } catch {
            throw UserError(
                action: "running", subject: "\(program) in \(folder)", cause: "it could not be started",
                nextStep: "check that the folder is there, and that temporary files can be written",
                status: .configuration)
        }
    }

    private func start(_ arguments: [String], _ input: Data?, _ globs: Bool) throws -> Outcome {
        let temporary = FileManager.default.temporaryDirectory.appendingPathComponent("lienthong-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: temporary) }
        let files = ["in", "out", "err"].map { temporary.appendingPathComponent($0) }
        for (file, content) in zip(files, [input ?? Data(), Data(), Data()]) { try content.write(to: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program, "-C", folder] + arguments
        var environment = ProcessInfo.processInfo.environment.filter { !Self.misleading.contains($0.key) }
        environment["LC_ALL"] = "C"
        environment["GIT_OPTIONAL_LOCKS"] = "0"
        environment["GIT_LITERAL_PATHSPECS"] = globs ? "0" : "1"
        process.environment = environment
        let input = try FileHandle(forReadingFrom: files[0])
        let output = try FileHandle(forWritingTo: files[1])
        let complaint = try FileHandle(forWritingTo: files[2])
        defer { for handle in [input, output, complaint] { try? handle.close() } }
        process.standardInput = input
        process.standardOutput = output
        process.standardError = complaint
        try process.run()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: try Data(contentsOf: files[1]),
            complaint: try String(contentsOf: files[2], encoding: .utf8))
    }

    /// With git's own last words.
    func failure(_ action: String, _ subject: String, _ outcome: Outcome, nextStep: String) -> UserError {
        let words = outcome.complaint.split(separator: "\n").last.map(String.init) ?? "git ended with \(outcome.status)"
        return UserError(action: action, subject: subject, cause: words, nextStep: nextStep, status: .usage)
    }
}
