// The folder of a demo: wiped at the start, with the ids of what runs, so that a killed demo can be cleared away.
import Foundation
import Model
import Postgres

struct DemoWorkspace {
    /// Absolute path.
    let folder: String

    var clusterFolder: String { "\(folder)/postgres" }
    var settingsFile: String { "\(folder)/lienthong.yaml" }
    /// A path as it may be typed in the folder where the demo was started.
    func short(_ path: String) -> String {
        let here = FileManager.default.currentDirectoryPath + "/"
        return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
    }
    var keyFile: String { "\(folder)/dead-letter.key" }
    private var ownPidFile: String { "\(folder)/demo.pid" }
    /// Says that everything beside it was made by a demo and may be wiped by the next.
    private var markFile: String { "\(folder)/.lienthong-demo" }

    /// Clears away what an earlier demo left, its processes included, and begins anew.
    func begin() throws {
        let files = FileManager.default
        try requireOurs()
        if let running = ProcessIdentity.read(from: ownPidFile), running.isAlive {
            throw UserError(
                action: "starting a demo in", subject: folder,
                cause: "one runs there already, as process \(running.id)",
                nextStep: "end it with `kill \(running.id)`", status: .configuration)
        }
        for name in (try? files.contentsOfDirectory(atPath: folder)) ?? [] where name.hasSuffix(".pid") {
            ProcessIdentity.read(from: "\(folder)/\(name)")?.end(patience: .seconds(5))
        }
        try PrivateCluster.erase(folder: clusterFolder)
        do {
            if files.fileExists(atPath: folder) { try files.removeItem(atPath: folder) }
            try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try "Made by `lienthong demo`, which wipes this folder at its next start.\n"
                .write(toFile: markFile, atomically: true, encoding: .utf8)
            try ProcessIdentity.own?.write(to: ownPidFile)
        } catch {
            throw UserError(
                action: "making", subject: folder, cause: "it cannot be made anew",
                nextStep: "check who owns it and the space left", status: .configuration)
        }
    }

    /// Only what a demo made is wiped: a mistyped folder must never cost anybody's files.
    private func requireOurs() throws(UserError) {
        let files = FileManager.default
        guard files.fileExists(atPath: folder) else { return }
        if let names = try? files.contentsOfDirectory(atPath: folder) {
            if names.isEmpty || files.fileExists(atPath: markFile) { return }
            // Demos before the mark left these.
            if files.fileExists(atPath: settingsFile) && files.fileExists(atPath: "\(clusterFolder)/PG_VERSION") {
                return
            }
        }
        throw UserError(
            action: "starting a demo in", subject: folder,
            cause: "it exists and was not made by a demo, which would wipe it",
            nextStep: "name a new or an empty folder with --folder", status: .configuration)
    }

    /// Logs and settings stay for whoever wants to read them.
    func end() {
        try? FileManager.default.removeItem(atPath: ownPidFile)
    }

    /// Settings of all processes of the demo, and of whoever wants to look into it.
    func writeSettings(broker: String, database: String, sources: [(name: String, url: String)]) throws {
        var lines = [
            "# Settings of the demo that was started last; valid while it runs.",
            "database: \(database)",
            "deadLetterKeyFile: \(keyFile)",
            "sources:",
        ]
        lines += sources.map { "  \($0.name): \($0.url)" }
        lines += [
            "kafka:",
            "  bootstrap.servers: \(broker)",
            "  # The embedded broker never ends a long poll early; a member that was killed leaves at its session's end.",
            "  fetch.wait.max.ms: 5",
            "  session.timeout.ms: 6000",
            "  heartbeat.interval.ms: 500",
        ]
        try (lines.joined(separator: "\n") + "\n").write(toFile: settingsFile, atomically: true, encoding: .utf8)
    }
}
