// A PostgreSQL server of our own, from Debian's programs, for tests and the demo.

import CPostgres
import Foundation
import Glibc
package import Model
import Synchronization

/// A cluster in a folder of its own, on the loopback interface alone, apart from any cluster of the system.
///
/// Who runs it as root needs the user `postgres` (Debian's package makes it): PostgreSQL refuses to run as root.
/// Whoever may log in to the machine may log in to the cluster, so it is for development and never for real records.
package final class PrivateCluster: Sendable {
    /// Where the cluster lies: the folder asked for, or one under /var/tmp where user `postgres` cannot reach that.
    package let folder: String
    package let port: UInt16

    private let programs: ServerPrograms
    private var dataFolder: String { "\(folder)/data" }
    private var logFile: String { "\(folder)/server.log" }

    private static let action = "starting a private PostgreSQL cluster in"
    private static let markerName = ".lienthong-cluster"
    private static let startSeconds = 60

    /// Prepares the cluster, by initdb where the folder has none yet; `start()` starts it.
    ///
    /// - Parameters:
    ///   - folder: empty, absent, or of an earlier cluster of ours, which is used again.
    ///   - port: nil or 0 for a free one.
    ///   - settings: of postgresql.conf; they override ours. `fsync` is on unless set otherwise.
    package init(folder: String, port: UInt16? = nil, settings: [String: String] = [:]) throws(UserError) {
        programs = try ServerPrograms.find()
        self.folder = try Self.prepareFolder(Self.absolute(folder), programs)
        if let port, port != 0 { self.port = port } else { self.port = try Self.freePort() }
        if !FileManager.default.fileExists(atPath: "\(dataFolder)/PG_VERSION") { try initialize() }
        try writeSettings(settings)
    }

    /// A cluster for a test run: in a temporary folder, started, without fsync, removed when the process exits. One
    /// that a killed run has left behind is removed on the way.
    package static func temporary(settings: [String: String] = [:]) throws(UserError) -> PrivateCluster {
        sweep()
        let settings = ["fsync": "off", "full_page_writes": "off"].merging(settings) { _, given in given }
        let number = temporaryCounter.add(1, ordering: .relaxed).oldValue
        let folder = "\(temporaryBase)\(getpid())-\(number)"
        try erase(folder: folder)
        let cluster = try PrivateCluster(folder: folder, settings: settings)
        temporaries.withLock { clusters in
            if clusters.isEmpty { atexit { PrivateCluster.eraseTemporaries() } }
            clusters.append(cluster)
        }
        try cluster.start()
        return cluster
    }

    /// `postgresql://postgres@127.0.0.1:…/database`; no password is asked.
    package func url(database: String = "postgres") -> String {
        let allowed = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
        let name = database.addingPercentEncoding(withAllowedCharacters: allowed) ?? database
        return "postgresql://postgres@127.0.0.1:\(port)/\(name)"
    }

    package var isRunning: Bool {
        (try? programs.run("pg_ctl", ["status", "-D", dataFolder], in: folder).status) == 0
    }

    /// Starts the server and returns when it accepts connections. One that runs on the folder already (left by a killed
    /// process) is started anew, with the present settings.
    package func start() throws(UserError) {
        try stop()
        let outcome = try programs.run(
            "pg_ctl", ["start", "-D", dataFolder, "-l", logFile, "-w", "-s", "-t", String(Self.startSeconds)],
            in: folder
        )
        guard outcome.status == 0 else {
            throw Self.failure(folder, "the server did not start (\(lastLine()))", "read \(logFile)")
        }
    }

    /// Stops the server if it runs.
    ///
    /// - Parameter immediate: as a crash would: no checkpoint, recovery at the next start. Otherwise clients are cut,
    ///   but readers of replication slots are waited for.
    package func stop(immediate: Bool = false) throws(UserError) {
        guard isRunning else { return }
        let mode = immediate ? "immediate" : "fast"
        let outcome = try programs.run(
            "pg_ctl", ["stop", "-D", dataFolder, "-m", mode, "-w", "-s", "-t", String(Self.startSeconds)], in: folder
        )
        guard outcome.status == 0 else {
            throw UserError(
                action: "stopping the private PostgreSQL cluster in", subject: folder,
                cause: "the server did not stop within \(Self.startSeconds) s", nextStep: "read \(logFile)",
                status: .unavailable
            )
        }
    }

    package func restart(immediate: Bool = false) throws(UserError) {
        try stop(immediate: immediate)
        try start()
    }

    /// Makes a database, empty or as a copy of another that nobody is connected to.
    package func createDatabase(_ name: String, template: String? = nil) throws(PostgresError) {
        let connection = try PostgresConnection(url(), applicationName: "lienthong private cluster")
        defer { connection.close() }
        let source = template.map { " TEMPLATE \(SQLText.identifier($0))" } ?? ""
        do {
            try connection.execute("CREATE DATABASE \(SQLText.identifier(name))\(source)")
        } catch {
            throw error.during("creating database \(name)")
        }
    }

    /// Stops the server at once and deletes the folder.
    package func remove() throws(UserError) { try Self.erase(folder: folder) }

    /// Deletes a cluster of ours with all its data, stopping its server; nothing where the folder does not exist.
    package static func erase(folder: String) throws(UserError) {
        let folder = absolute(folder)
        for place in [folder, fallback(for: folder)] where FileManager.default.fileExists(atPath: place) {
            guard isOurs(place) || isEmpty(place) else {
                throw failure(place, "the folder holds something else than a private cluster", "name another folder")
            }
            let programs = try ServerPrograms.find()
            _ = try programs.run("pg_ctl", ["stop", "-D", "\(place)/data", "-m", "immediate", "-w", "-s"], in: place)
            do {
                try FileManager.default.removeItem(atPath: place)
            } catch {
                throw failure(place, "the folder cannot be deleted", "delete it by hand")
            }
        }
    }

    // MARK: - Folder

    /// Makes the folder and hands it to the server's user; elsewhere where that user cannot reach it.
    private static func prepareFolder(_ wanted: String, _ programs: ServerPrograms) throws(UserError) -> String {
        for place in [wanted, fallback(for: wanted)] {
            try makeFolder(place, programs)
            guard programs.owner != nil else { return place }
            // Every folder above must let the server's user pass; a home folder such as /root does not.
            if try programs.run("test", ["-w", place], in: nil).status == 0 { return place }
            if isEmpty(place) { try? FileManager.default.removeItem(atPath: place) }
        }
        throw failure(
            wanted, "user postgres cannot reach the folder", "name a folder below ones that all users may enter")
    }

    private static func makeFolder(_ place: String, _ programs: ServerPrograms) throws(UserError) {
        let exists = FileManager.default.fileExists(atPath: place)
        guard !exists || isEmpty(place) || isOurs(place) else {
            throw failure(place, "the folder holds something else than a private cluster", "name another folder")
        }
        do {
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        } catch {
            throw failure(place, "the folder cannot be made", "name a folder that can be written to")
        }
        guard programs.give(place, mode: 0o755) else {
            throw failure(place, "the folder cannot be given to user postgres", "name a folder of your own")
        }
    }

    /// A name under /var/tmp that the same wish always leads to, so that the next run finds what this one has left.
    private static func fallback(for folder: String) -> String {
        // FNV-1a, 64 bits (RFC 9923).
        let hash = folder.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return "/var/tmp/lienthong-cluster-\(String(hash, radix: 16))"
    }

    /// The marker keeps us from deleting or chowning what we did not make. In a folder that all may write to, it counts
    /// only if it is ours or the server's.
    private static func isOurs(_ folder: String) -> Bool {
        var information = stat()
        guard lstat("\(folder)/\(markerName)", &information) == 0 else { return false }
        return information.st_uid == getuid() || information.st_uid == ServerPrograms.postgresUser()?.uid
    }

    private static func isEmpty(_ folder: String) -> Bool {
        (try? FileManager.default.contentsOfDirectory(atPath: folder).isEmpty) ?? false
    }

    private static func absolute(_ folder: String) -> String { URL(filePath: folder).standardizedFileURL.path }

    // MARK: - Setting up

    private func initialize() throws(UserError) {
        guard FileManager.default.createFile(atPath: "\(folder)/\(Self.markerName)", contents: nil) else {
            throw Self.failure(folder, "the folder cannot be written to", "name another folder")
        }
        // What an interrupted initdb left would make the next one refuse.
        try? FileManager.default.removeItem(atPath: dataFolder)
        let outcome = try programs.run(
            "initdb",
            [
                "-D", dataFolder, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "--no-sync",
                "--no-instructions",
            ],
            in: folder
        )
        guard outcome.status == 0 else {
            let reason = outcome.output.split(separator: "\n").last ?? "no reason given"
            throw Self.failure(folder, "initdb failed (\(reason))", "make room or rights for it and try again")
        }
    }

    private func writeSettings(_ given: [String: String]) throws(UserError) {
        let socketFolder = "\(folder)/socket"
        // A socket's path has at most 107 bytes; a cluster deeper than that is reached by TCP alone.
        let hasSocket = "\(socketFolder)/.s.PGSQL.\(port).lock".utf8.count <= 107
        let settings = [
            "listen_addresses": "127.0.0.1", "port": String(port),
            "unix_socket_directories": hasSocket ? socketFolder : "", "unix_socket_permissions": "0700",
            "wal_level": "logical", "max_wal_senders": "20", "max_replication_slots": "20", "max_connections": "120",
            // The log may hold no row's values: no failed statements, no details, no errors of records.
            "log_min_messages": "log", "log_min_error_statement": "panic", "log_error_verbosity": "terse",
            "timezone": "UTC", "log_timezone": "UTC", "dynamic_shared_memory_type": "posix",
        ].merging(given) { _, given in given }
        let lines = settings.sorted { $0.key < $1.key }.map { "\($0.key) = \(SQLText.literal($0.value))\n" }
        let access = """
            local all         all                trust
            local replication all                trust
            host  all         all 127.0.0.1/32   trust
            host  replication all 127.0.0.1/32   trust

            """
        do {
            try FileManager.default.createDirectory(atPath: socketFolder, withIntermediateDirectories: true)
            try lines.joined().write(toFile: "\(dataFolder)/postgresql.conf", atomically: false, encoding: .utf8)
            try access.write(toFile: "\(dataFolder)/pg_hba.conf", atomically: false, encoding: .utf8)
        } catch {
            throw Self.failure(folder, "its settings cannot be written", "make room or rights for it and try again")
        }
        guard programs.give(socketFolder, mode: 0o700) else {
            throw Self.failure(socketFolder, "the folder cannot be given to user postgres", "name a folder of your own")
        }
    }

    /// A free port outside the range that outgoing connections are given (32768 and up), so that none can take it while
    /// the server is down for a restart.
    private static func freePort() throws(UserError) -> UInt16 {
        for _ in 0..<200 {
            let port = UInt16.random(in: 20_000...29_999)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else { break }
            defer { Glibc.close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let isFree = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            if isFree { return port }
        }
        throw failure("a free port", "none was found between 20000 and 29999", "name a port")
    }

    private func lastLine() -> String {
        let log = (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? ""
        return log.split(separator: "\n").last.map(String.init) ?? "its log is empty"
    }

    private static func failure(_ subject: String, _ cause: String, _ nextStep: String) -> UserError {
        UserError(action: action, subject: subject, cause: cause, nextStep: nextStep, status: .unavailable)
    }

    // MARK: - Temporary clusters

    private static let temporaries = Mutex<[PrivateCluster]>([])
    private static let temporaryCounter = Atomic(0)
    private static let temporaryBase = "/tmp/lienthong-cluster-"

    private static func eraseTemporaries() {
        for cluster in temporaries.withLock({ $0 }) { try? cluster.remove() }
    }

    /// Removes temporary clusters whose process is gone.
    private static func sweep() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? [] {
            let path = "/tmp/\(name)"
            guard path.hasPrefix(temporaryBase), isOurs(path) else { continue }
            let number = path.dropFirst(temporaryBase.count).prefix { $0 != "-" }
            guard let process = pid_t(number), kill(process, 0) == -1, errno == ESRCH else { continue }
            try? erase(folder: path)
        }
    }
}

/// PostgreSQL's own programs and the user to run them as.
private struct ServerPrograms: Sendable {
    let folder: String
    /// User `postgres`, where we are root; nil where programs run as ourselves.
    let owner: (uid: uid_t, gid: gid_t)?

    /// The newest version under /usr/lib/postgresql, where Debian keeps them.
    static func find() throws(UserError) -> ServerPrograms {
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int($0) }
        let newest = versions.sorted(by: >).first { version in
            ["initdb", "pg_ctl", "postgres"].allSatisfy { access("\(root)/\(version)/bin/\($0)", X_OK) == 0 }
        }
        guard let newest else { throw missing("no PostgreSQL server program was found under \(root)") }
        guard getuid() == 0 else { return ServerPrograms(folder: "\(root)/\(newest)/bin", owner: nil) }
        guard let owner = postgresUser() else { throw missing("there is no user postgres") }
        return ServerPrograms(folder: "\(root)/\(newest)/bin", owner: owner)
    }

    static func postgresUser() -> (uid: uid_t, gid: gid_t)? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16 * 1024)
        let count = buffer.count
        guard getpwnam_r("postgres", &entry, &buffer, count, &found) == 0, found != nil else { return nil }
        return (entry.pw_uid, entry.pw_gid)
    }

    private static func missing(_ cause: String) -> UserError {
        UserError(
            action: "finding", subject: "PostgreSQL's server programs", cause: cause,
            nextStep: "install them (apt install postgresql)", status: .unavailable
        )
    }

    /// Gives a folder to the user that programs run as.
    func give(_ path: String, mode: mode_t) -> Bool {
        chmod(path, mode) == 0 && (owner.map { lchown(path, $0.uid, $0.gid) == 0 } ?? true)
    }

    /// Runs a program of PostgreSQL, or of the system where it has none of that name, to its end.
    ///
    /// Output goes through a file, not a pipe: a server started here would hold the pipe's end for as long as it lives.
    /// - Parameter scratch: a folder for that file; nil drops the output.
    func run(_ name: String, _ arguments: [String], in scratch: String?) throws(UserError) -> (
        status: Int32, output: String
    ) {
        let own = "\(folder)/\(name)"
        let program = access(own, X_OK) == 0 ? own : "/usr/bin/\(name)"
        let outputFile = scratch.map { "\($0)/.output-\(UInt64.random(in: .min ... .max))" } ?? "/dev/null"
        defer { if scratch != nil { unlink(outputFile) } }
        if scratch != nil { _ = FileManager.default.createFile(atPath: outputFile, contents: nil) }

        // Not Foundation's Process: on Linux it waits until every descendant has closed a socket they inherit, and a
        // server that was started here never does.
        let command = (owner == nil ? [program] : ["/sbin/runuser", "-u", "postgres", "--", program]) + arguments
        // PGDATA, PGPORT and their like would lead the programs elsewhere; messages are read by us, hence in English.
        let environment = ["PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C.UTF-8"]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputFile, O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)  // the server would keep our files and sockets open
        posix_spawn_file_actions_addchdir_np(&actions, "/")  // user postgres may not be let into our folder
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A session of its own: an interrupt typed at our terminal is ours to answer, and must not end the server
        // first. Signals blocked or ignored here (a service blocks those it handles) would stay so in the server.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | lienthong_spawn_setsid
        posix_spawnattr_setflags(&attributes, flags)

        var child = pid_t()
        // Declared writable in C, and never written to.
        func writable(_ strings: UnsafePointer<UnsafePointer<CChar>?>) -> UnsafePointer<UnsafeMutablePointer<CChar>?> {
            UnsafeRawPointer(strings).assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self)
        }
        let spawned = withCStrings(command) { arguments in
            withCStrings(environment) { environment in
                posix_spawn(&child, command[0], &actions, &attributes, writable(arguments), writable(environment))
            }
        }
        guard spawned == 0 else {
            throw UserError(
                action: "running", subject: program, cause: "it cannot be started",
                nextStep: "check that \(command[0]) is installed", status: .unavailable
            )
        }
        var status: Int32 = 0
        while waitpid(child, &status, 0) == -1, errno == EINTR {}
        // As a shell counts: the exit status, or 128 and the signal.
        let exitStatus = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
        return (exitStatus, (try? String(contentsOfFile: outputFile, encoding: .utf8)) ?? "")
    }
}
