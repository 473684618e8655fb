// The commands on dead letters as a person or a program calls them, on letters that a worker has kept.
import DeadLetters
import Foundation
import Kafka
import Model
import Postgres
import TestSupport
import Testing

/// A topic with three kinds of refused records, kept by a worker, and the program beside it.
private struct RefusedWorld {
    let world: ProcessWorld
    let database: TestNationalDatabase
    let connection: PostgresConnection

    /// Offsets below it were there before any redrive.
    private let end: Int64

    /// - Parameter byWorker: a worker refuses the records and keeps the letters; else they are put there, which is quick.
    init(byWorker: Bool = false) async throws {
        world = try ProcessWorld(partitions: 1)
        database = try TestNationalDatabase()
        connection = try database.connect()
        end = byWorker ? 8 : 0
        if byWorker { try await work() } else { try put() }
    }

    private static let refused: [(key: String, value: [UInt8], reason: ReasonCode, field: String?)] = [
        ("typed", json(#"{"id": "typed", "name": 7, "version": 1}"#), .wrongType, "name"),
        ("large", ThingTopic.value("large", 1, "Hidden", size: 101), .databaseRefused, nil),
        ("cut", json(#"{"id": "cut", "na"#), .notJSON, nil),
    ]

    private func work() async throws {
        let good = (0..<5).map { OutgoingTestRecord(key: "good\($0)", value: ThingTopic.value("good\($0)", 1, "n")) }
        let bad = Self.refused.map { OutgoingTestRecord(key: $0.key, value: $0.value) }
        try world.kafka.publish(good + bad, to: world.thing.name)
        let worker = try world.work(database, group: "letters", ["--until-caught-up"])
        guard try await worker.wait() == 0 else { throw TestFault(worker.printed) }
    }

    private func put() throws {
        let keyFile = try #require(world.environment(database)["LIENTHONG_DEAD_LETTER_KEY_FILE"])
        let sealer = DeadLetterSealer(key: try DeadLetterKey.load(file: keyFile)[0])
        let topic = world.thing.name
        for (index, record) in Self.refused.enumerated() {
            let origin = RecordOrigin(
                topic: topic, incarnation: 0, partition: Partition(0), offset: Offset(Int64(5 + index)))
            let sealed = try sealer.seal(
                RawRecord(key: Array(record.key.utf8), value: record.value), origin: origin)
            func text(_ bytes: [UInt8]) -> String { "\\x" + bytes.map { String(format: "%02x", $0) }.joined() }
            try connection.query(
                """
                INSERT INTO ingest.dead_letter (topic, incarnation, partition, "offset", reason, field, contract_version,
                  key_fingerprint, key_id, payload)
                VALUES ($1, 0, 0, $2::bigint, $3, $4, '1.0.0', $5::bytea, $6, $7::bytea)
                """,
                [
                    topic.rawValue, String(origin.offset.rawValue), record.reason.rawValue, record.field,
                    sealed.keyFingerprint.map(text), sealed.keyID, text(sealed.bytes),
                ])
        }
        try connection.query(
            """
            INSERT INTO ingest.position (topic, partition, next_offset, applied, dead_lettered)
            VALUES ($1, 0, 8, 5, 3)
            """, [topic.rawValue])
    }

    static func json(_ text: String) -> [UInt8] { Array(text.utf8) }

    func id(_ reason: String) throws -> String {
        try #require(try connection.one("SELECT id FROM ingest.dead_letter WHERE reason = '\(reason)'"))
    }

    func status(_ id: String) throws -> String? {
        try connection.one("SELECT status FROM ingest.dead_letter WHERE id = \(id)")
    }

    /// Everything that a command may change.
    func lives() throws -> String? {
        try connection.one(
            """
            SELECT concat((SELECT string_agg(d::text, '|' ORDER BY id) FROM ingest.dead_letter d),
              (SELECT string_agg(s::text, '|' ORDER BY id) FROM ingest.dead_letter_step s))
            """)
    }

    func call(
        _ arguments: [String], input: String = "", environment: [String: String] = [:], onTerminal: Bool = false
    ) throws -> ProgramCall {
        try ProgramCall(
            ["dead-letters"] + arguments, input: input,
            environment: world.environment(database).merging(environment) { _, given in given },
            onTerminal: onTerminal)
    }

    /// The records of the topic beyond those that were there at first.
    func redriven() throws -> [KafkaRecord] {
        let admin = try KafkaAdmin(settings: world.kafka.settings, clientID: "tests")
        defer { admin.close() }
        let place = TopicPartition(world.thing.name, Partition(0))
        let high = try admin.watermarks(place, timeoutMilliseconds: 10_000).high
        return try (end..<max(end, high)).map {
            try #require(try admin.record(place, at: Offset($0), timeoutMilliseconds: 10_000))
        }
    }

    /// An editor: a script that gets the file's path.
    func editor(_ script: String) throws -> [String: String] {
        let path = world.folder.appending(path: "editor-\(UUID().uuidString)").path
        try "#!/bin/sh\n\(script)\n".write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
        return ["EDITOR": path, "VISUAL": ""]
    }
}

/// One call of the program, with what it read and wrote.
private final class ProgramCall {
    private let process = Process()
    private let folder = FileManager.default.temporaryDirectory.appending(path: "lienthong-call-\(UUID().uuidString)")

    /// What is typed on the terminal.
    private let keys = Pipe()

    /// - Parameter onTerminal: the program sees a terminal, and reads what is typed there instead of `input`.
    init(_ arguments: [String], input: String, environment: [String: String], onTerminal: Bool = false) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        func file(_ name: String, _ text: String = "") throws -> FileHandle {
            let url = folder.appending(path: name)
            try text.write(to: url, atomically: true, encoding: .utf8)
            return try FileHandle(forUpdating: url)
        }
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        process.executableURL = program.appending(path: "lienthong")
        process.arguments = arguments
        if onTerminal {
            process.executableURL = URL(fileURLWithPath: "/usr/bin/script")
            let words = [program.appending(path: "lienthong").path] + arguments
            process.arguments = ["-qec", words.map { "'\($0)'" }.joined(separator: " "), "/dev/null"]
        }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, given in given }
        if onTerminal { process.standardInput = keys } else { process.standardInput = try file("input", input) }
        process.standardOutput = try file("output")
        process.standardError = try file("errors")
        try process.run()
    }

    deinit {
        if process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        try? FileManager.default.removeItem(at: folder)
    }

    var isRunning: Bool { process.isRunning }
    func type(_ text: String) { keys.fileHandleForWriting.write(Data(text.utf8)) }
    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// The exit status, or the signal that ended it as a negative number.
    func status() async throws -> Int32 {
        while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    var output: String { (try? String(contentsOf: folder.appending(path: "output"), encoding: .utf8)) ?? "" }
    var errors: String { (try? String(contentsOf: folder.appending(path: "errors"), encoding: .utf8)) ?? "" }

    /// Standard output, one object a line.
    func objects() throws -> [[String: Any]] {
        try output.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }
}

@Suite("commands on dead letters", .serialized)
struct DeadLetterCommandsTests {
    @Test("letters are listed and counted by filters, keys come from files alone, the summary is the last line")
    func listAndStats() async throws {
        let world = try await RefusedWorld(byWorker: true)
        let topic = world.world.thing.name.rawValue
        func reasons(_ arguments: [String], input: String = "") async throws -> [String] {
            let call = try world.call(["list", "--format", "json"] + arguments, input: input)
            #expect(try await call.status() == 0, "\(call.errors)")
            let lines = try call.objects()
            #expect(lines.last?["letters"] as? Int == lines.count - 1)
            return lines.dropLast().compactMap { $0["reason"] as? String }.sorted()
        }
        #expect(try await reasons([]) == ["database-refused", "not-json", "wrong-type"])
        #expect(try await reasons(["--field", "name", "--topic", topic]) == ["wrong-type"])
        #expect(try await reasons(["--status", "open,quarantined", "--reason", "not-json"]) == ["not-json"])
        #expect(try await reasons(["--status", "applied"]) == [])
        #expect(try await reasons(["--since", "1h"]).count == 3)
        #expect(try await reasons(["--since", "2000-01-01", "--until", "2000-01-02T00:00:00Z"]) == [])
        #expect(try await reasons(["--topic", topic, "--key-file", "-"], input: "cut\nlarge\n").count == 2)
        let stats = try world.call(["stats", "--by", "topic,reason", "--format", "json"])
        #expect(try await stats.status() == 0, "\(stats.errors)")
        let groups = try stats.objects()
        #expect(groups.count == 4)
        #expect(groups[0]["topic"] as? String == topic)
        #expect(groups[0]["sharePerMillion"] as? Int == 125_000)
        #expect(groups[3]["letters"] as? Int == 3)
        #expect(groups[3]["consumed"] as? Int == 8)
        let table = try world.call(["stats"])
        #expect(try await table.status() == 0)
        #expect(table.output.contains("3 letters, 37.500 % of 8 records"))
    }

    private static let empty = Result { (try ProcessWorld(partitions: 1), try TestNationalDatabase()) }

    @Test(
        "what is asked wrongly is answered by usage, before anything is done",
        arguments: [
            ["list", "--reason", "nonsense"], ["list", "--status", "open,nonsense"], ["list", "--key-file", "-"],
            ["list", "--since", "yesterday"], ["list", "--topic", "nobody.knows.v1"], ["stats", "--by", "colour"],
            ["stats", "--by", "reason,reason"], ["redrive", "--because", "x"], ["redrive", "--all", "--because", "x"],
            ["redrive", "1", "--reason", "not-json", "--because", "x"],
            ["redrive", "1", "--stuck", "5", "--because", "x"], ["redrive", "--would-pass", "--all", "--because", "x"],
            ["redrive", "1", "--rate", "0", "--because", "x"],
            ["redrive", "1"], ["redrive", "1", "--because", " "], ["discard", "1"],
            ["discard", "--because", "a reason"], ["discard", "1", "--because", " "],
            ["repair", "1", "--because", ""], ["repair", "1"], ["show", "1", "--reveal"],
        ])
    func usage(arguments: [String]) async throws {
        let (world, database) = try Self.empty.get()
        let call = try ProgramCall(["dead-letters"] + arguments, input: "", environment: world.environment(database))
        #expect(try await call.status() == 64, "\(call.errors)")
        #expect(call.output.isEmpty)
        #expect(!call.errors.isEmpty)
    }

    @Test("unknown ids and filters that match nothing are a sentence and status 1")
    func nothing() async throws {
        let world = try await RefusedWorld()
        let before = try world.lives()
        for arguments in [
            ["show", "999"], ["redrive", "999", "--because", "x"], ["discard", "999", "--because", "x"],
            ["repair", "999", "--because", "x", "--patch", "-"],
            ["redrive", try world.id("not-json"), "999", "--because", "x"],
            ["redrive", "--reason", "too-large", "--because", "x"],
            ["discard", "--reason", "too-large", "--because", "x"], ["redrive", "--stuck", "1", "--because", "x"],
        ] {
            let call = try world.call(arguments, input: "{}")
            #expect(try await call.status() == 1, "\(arguments) \(call.errors)")
            #expect(call.output.isEmpty && call.errors.hasPrefix("lienthong: "), "\(call.output)")
        }
        #expect(try world.lives() == before)
        #expect(try world.redriven().isEmpty)
    }

    @Test("a redrive tells by reason what would pass, sends that, and shows it in the letter's life")
    func redrive() async throws {
        let world = try await RefusedWorld(byWorker: true)
        let before = try world.lives()
        let dry = try world.call(["redrive", "--would-pass", "--dry-run", "--format", "json"])
        #expect(try await dry.status() == 0, "\(dry.errors)")
        let told = try dry.objects()
        #expect(told.count == 4)
        let summary = try #require(told.last)
        #expect(summary["wouldPass"] as? Int == 1)
        #expect(summary["wouldFail"] as? [String: Int] == ["not-json": 1, "wrong-type": 1])
        #expect(summary["redriven"] as? Int == 0)
        #expect(try world.lives() == before)

        let real = try world.call(["redrive", "--would-pass", "--because", "the table takes larger ones"])
        #expect(try await real.status() == 0, "\(real.errors)")
        #expect(real.output.contains("the database has the last word"))
        let id = try world.id("database-refused")
        let sent = try world.redriven()
        #expect(sent.count == 1)
        #expect(sent.first?.value == ThingTopic.value("large", 1, "Hidden", size: 101))
        #expect(
            sent.first?.headers.last.map { "\($0.name) \(String(decoding: $0.value ?? [], as: UTF8.self))" }
                == "\(DeadLetterLink.header) \(id)")
        let show = try world.call(["show", id])
        #expect(try await show.status() == 0)
        #expect(show.output.contains("redriven by ") && show.output.contains(": the table takes larger ones"))
        #expect(!show.output.contains("Hidden"))
    }

    @Test("an id that would be refused again goes by its id; what --would-pass keeps back makes the answer a no")
    func redriveByID() async throws {
        let world = try await RefusedWorld()
        let id = try world.id("wrong-type")
        let kept = try world.call(["redrive", id, "--would-pass", "--because", "x"])
        #expect(try await kept.status() == 1)
        #expect(kept.output.contains("wrong-type in field name"))
        #expect(try world.status(id) == "open")
        let sent = try world.call(["redrive", id, "--because", "x"])
        #expect(try await sent.status() == 0, "\(sent.errors)")
        #expect(try world.status(id) == "redriven")
        #expect(try world.redriven().count == 1)
    }

    @Test("without a broker nothing is changed and the status says unavailable")
    func noBroker() async throws {
        let world = try await RefusedWorld()
        let before = try world.lives()
        for arguments in [
            ["redrive", "--would-pass", "--because", "x"],
            ["repair", try world.id("wrong-type"), "--because", "x", "--patch", "-"],
        ] {
            let call = try world.call(arguments, input: "{}", environment: ["LIENTHONG_KAFKA": "127.0.0.1:1"])
            #expect(try await call.status() == 69, "\(call.errors)")
        }
        #expect(try world.lives() == before)
    }

    @Test("letters are laid aside with a reason, after a dry run")
    func discard() async throws {
        let world = try await RefusedWorld()
        let topic = world.world.thing.name.rawValue
        let dry = try world.call(["discard", "--topic", topic, "--dry-run"])
        #expect(try await dry.status() == 0, "\(dry.errors)")
        #expect(dry.output.contains("nothing changed"))
        #expect(try world.status(try world.id("not-json")) == "open")
        let real = try world.call(
            ["discard", "--topic", topic, "--reason", "not-json", "--because", "cut on the way", "--format", "json"])
        #expect(try await real.status() == 0, "\(real.errors)")
        #expect(try real.objects().last?["discarded"] as? Int == 1)
        #expect(try world.status(try world.id("not-json")) == "discarded")
        #expect(try world.status(try world.id("wrong-type")) == "open")
    }

    @Test(
        "a patch on standard input mends a record",
        arguments: [#"[{"op": "replace", "path": "/name", "value": "Seven"}]"#, #"{"name": "Seven"}"#])
    func patch(patch: String) async throws {
        let world = try await RefusedWorld()
        let id = try world.id("wrong-type")
        let call = try world.call(["repair", id, "--patch", "-", "--because", "the owner told us"], input: patch)
        #expect(try await call.status() == 0, "\(call.errors)")
        #expect(try world.status(id) == "redriven")
        #expect(try world.redriven().map(\.value) == [RefusedWorld.json(#"{"id":"typed","name":"Seven","version":1}"#)])
        let show = try world.call(["show", id, "--format", "json"])
        #expect(try await show.status() == 0)
        #expect(show.output.contains("the owner told us") && !show.output.contains("Seven"))
    }

    @Test(
        "a repair that does not do is a sentence that says why, and changes nothing",
        arguments: [
            ("wrong-type", #"{"name": 8}"#, "wrong-type in field name, rule"),
            ("wrong-type", #"{"id": "other", "name": "Seven"}"#, "key-mismatch"),
            ("wrong-type", #"[{"op": "remove", "path": "/nowhere"}]"#, "operation 1 of the patch"),
            ("wrong-type", "Seven", "the patch is not JSON"), ("not-json", "{}", "its value is not JSON"),
        ])
    func failingPatch(reason: String, patch: String, told: String) async throws {
        let world = try await RefusedWorld()
        let before = try world.lives()
        let call = try world.call(["repair", try world.id(reason), "--patch", "-", "--because", "x"], input: patch)
        #expect(try await call.status() == 1)
        #expect(call.errors.contains(told), "\(call.errors)")
        #expect(!call.errors.contains("Seven"))
        #expect(try world.lives() == before)
        #expect(try world.redriven().isEmpty)
    }

    @Test("an editor gets the value laid out in a file of its own in memory, which is gone afterwards")
    func editor() async throws {
        let world = try await RefusedWorld()
        let id = try world.id("wrong-type")
        let seen = world.world.folder.appending(path: "seen").path
        // What editors leave beside the file must be gone, too.
        let script = """
            { echo "$1"; stat -c %a "$1" "$(dirname "$1")"; cat "$1"; } > \(seen)
            cp "$1" "$1~"; stat -c %a "$1~" >> \(seen)
            sed -i 's/7/"Seven"/' "$1"
            """
        let call = try world.call(
            ["repair", id, "--because", "the owner told us"], environment: try world.editor(script))
        #expect(try await call.status() == 0, "\(call.errors)")
        let lines = try String(contentsOfFile: seen, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(lines.first?.hasPrefix("/dev/shm/lienthong-") == true)
        #expect(
            Array(lines[1...]) == [
                "600", "700", "{", #"  "id": "typed","#, #"  "name": 7,"#, #"  "version": 1"#, "}", "600",
            ])
        #expect(
            !FileManager.default.fileExists(atPath: URL(fileURLWithPath: lines[0]).deletingLastPathComponent().path))
        #expect(try world.redriven().map(\.value) == [RefusedWorld.json(#"{"id":"typed","name":"Seven","version":1}"#)])
        // That somebody looked is written down, and why.
        #expect(
            try world.connection.one(
                "SELECT because FROM ingest.operation WHERE action = 'dead-letters repair' AND details ->> 'id' = '\(id)'"
            )
                == "the owner told us")
    }

    @Test(
        "an editor that fails or changes nothing leaves the letter as it was",
        arguments: [("exit 3", "status 3"), ("kill -9 $$", "signal 9"), ("true", "as it was"), ("rm $1", "it is gone")])
    func failingEditor(script: String, told: String) async throws {
        let world = try await RefusedWorld()
        let before = try world.lives()
        let path = world.world.folder.appending(path: "path").path
        let call = try world.call(
            ["repair", try world.id("wrong-type"), "--because", "x"],
            environment: try world.editor("echo \"$1\" > \(path)\n\(script)"))
        #expect(try await call.status() == 1)
        #expect(call.errors.contains(told), "\(call.errors)")
        #expect(try world.lives() == before)
        try expectGone(path)
    }

    /// Puts the word that is typed in the name's place, and tells when it waits for one.
    private func typingEditor(_ world: RefusedWorld, _ path: String) throws -> [String: String] {
        try world.editor(
            #"""
            echo "$1" > \#(path).new; mv \#(path).new \#(path)
            read -r name
            sed -i 's/"name": .*,/"name": '"$name"',/' "$1"
            """#)
    }

    @Test("on a terminal the editor reads the keys, and a value that does not do may be edited again")
    func editAgain() async throws {
        let world = try await RefusedWorld()
        let id = try world.id("wrong-type")
        let path = world.world.folder.appending(path: "path").path
        let call = try world.call(
            ["repair", id, "--because", "x"], environment: try typingEditor(world, path), onTerminal: true)
        try await waitUntil("the editor waits") { FileManager.default.fileExists(atPath: path) || !call.isRunning }
        call.type("8\n")
        try await waitUntil("the question is put") { call.output.contains("Edit again?") || !call.isRunning }
        try FileManager.default.removeItem(atPath: path)
        call.type("y\n")
        try await waitUntil("the editor waits") { FileManager.default.fileExists(atPath: path) || !call.isRunning }
        call.type("\"Seven\"\n")
        #expect(try await call.status() == 0, "\(call.output)")
        #expect(call.output.contains("wrong-type in field name"))
        #expect(try world.redriven().map(\.value) == [RefusedWorld.json(#"{"id":"typed","name":"Seven","version":1}"#)])
        try expectGone(path)
    }

    @Test("Ctrl-C on a terminal takes the file away, in the editor and at the question", arguments: [false, true])
    func keyboard(atQuestion: Bool) async throws {
        let world = try await RefusedWorld()
        let before = try world.lives()
        let path = world.world.folder.appending(path: "path").path
        let call = try world.call(
            ["repair", try world.id("wrong-type"), "--because", "x"], environment: try typingEditor(world, path),
            onTerminal: true)
        try await waitUntil("the editor waits") { FileManager.default.fileExists(atPath: path) || !call.isRunning }
        if atQuestion {
            call.type("8\n")
            try await waitUntil("the question is put") { call.output.contains("Edit again?") || !call.isRunning }
        }
        call.type("\u{3}")
        // `script` tells a signal as a shell does.
        #expect(try await call.status() == 128 + SIGINT, "\(call.output)")
        #expect(try world.lives() == before)
        try expectGone(path)
    }

    @Test("a signal in the middle of editing takes the file away", arguments: [SIGINT, SIGTERM, SIGHUP])
    func interrupted(signal: Int32) async throws {
        let world = try await RefusedWorld()
        let before = try world.lives()
        let path = world.world.folder.appending(path: "path").path
        let call = try world.call(
            ["repair", try world.id("wrong-type"), "--because", "x"],
            environment: try world.editor("echo \"$1\" > \(path).new; mv \(path).new \(path); exec sleep 600"))
        try await waitUntil("the editor is open") { FileManager.default.fileExists(atPath: path) || !call.isRunning }
        call.send(signal)
        #expect(try await call.status() == -signal, "\(call.errors)")
        #expect(try world.lives() == before)
        try expectGone(path)
    }

    private func expectGone(_ path: String) throws {
        let file = try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .newlines)
        #expect(file.hasPrefix("/dev/shm/lienthong-"))
        #expect(!FileManager.default.fileExists(atPath: URL(fileURLWithPath: file).deletingLastPathComponent().path))
    }
}
