import Model
import Postgres
import Testing

@Suite("a replication stream")
struct ReplicationStreamTests {
    let database: TestDatabase
    let connection: PostgresConnection
    let slot: String

    init() throws {
        database = try TestDatabase()
        connection = try database.connect()
        try connection.execute(
            """
            CREATE TABLE person (id bigint PRIMARY KEY, name text, born date, seen timestamptz, photo text);
            ALTER TABLE person ALTER photo SET STORAGE EXTERNAL;
            CREATE TABLE card (number text PRIMARY KEY, person bigint, amount float8);
            CREATE TABLE ignored (id int PRIMARY KEY);
            CREATE PUBLICATION feed FOR TABLE person, card
            """
        )
        slot = "slot_\(try #require(try connection.value("SELECT current_database()")))"
    }

    private func open(start: Bool = true) throws -> ReplicationStream {
        let stream = try ReplicationStream(database.url, applicationName: "test")
        if try stream.slot(named: slot) == nil { _ = try stream.createSlot(named: slot) }
        if start { try stream.start(slot: slot, publication: "feed") }
        return stream
    }

    /// The changes of the next transaction in short form, and where it ends.
    private func transaction(_ stream: ReplicationStream) throws -> (changes: [String], end: LSN) {
        var changes: [String] = []
        func table(_ id: UInt32) -> String { stream.relations[id]?.name ?? "?" }
        func text(_ row: [ColumnValue]) -> String {
            row.map { value in
                switch value {
                case .null: "∅"
                case .unchangedToast: "…"
                case .text(let text): text.count > 40 ? "long" : text
                }
            }.joined(separator: "|")
        }
        for _ in 0..<100_000 {
            switch try #require(try stream.next(timeoutMilliseconds: 20_000)) {
            case .begin, .relation, .origin, .type, .keepalive: continue
            case .insert(let id, let new): changes.append("+\(table(id)) \(text(new))")
            case .update(let id, let old, let new):
                changes.append("~\(table(id)) \(old.map { text($0.values) + " → " } ?? "")\(text(new))")
            case .delete(let id, let old): changes.append("-\(table(id)) \(text(old.values))")
            case .truncate(let ids, let cascade, let restart):
                changes.append("0\(ids.map(table).sorted().joined(separator: "+")) \(cascade) \(restart)")
            case .commit(_, let end, _): return (changes, end)
            case .unknown(let kind): Issue.record("unknown message \(kind)")
            }
        }
        throw PostgresError(action: "reading a transaction", sqlState: "XX000")
    }

    @Test("tells inserts, updates, deletes and truncates of its tables, in the order of the transaction")
    func changes() throws {
        let stream = try open()
        try connection.execute(
            """
            BEGIN;
            INSERT INTO person VALUES (1, 'Ánh', '2003-01-02', '2025-07-01 00:00+07', NULL);
            INSERT INTO ignored VALUES (1);
            INSERT INTO card VALUES ('GD4', 1, 0.1);
            UPDATE person SET name = '' WHERE id = 1;
            UPDATE person SET id = 2 WHERE id = 1;
            DELETE FROM card;
            TRUNCATE person, card RESTART IDENTITY;
            COMMIT
            """
        )
        let changes = try transaction(stream).changes
        #expect(
            changes == [
                "+person 1|Ánh|2003-01-02|2025-06-30 17:00:00+00|∅",
                "+card GD4|1|0.1",
                "~person 1||2003-01-02|2025-06-30 17:00:00+00|∅",
                "~person 1|∅|∅|∅|∅ → 2||2003-01-02|2025-06-30 17:00:00+00|∅",
                "-card GD4|∅|∅",
                "0card+person false true",
            ])
        let person = try #require(stream.relations.values.first { $0.name == "person" })
        #expect(person.schema == "public")
        #expect(person.identity == .primaryKey)
        #expect(person.columns.map(\.name) == ["id", "name", "born", "seen", "photo"])
        #expect(person.columns.map(\.isKey) == [true, false, false, false, false])
        #expect(person.index(of: "seen") == 3)
    }

    @Test("an unchanged large value is told apart from NULL; REPLICA IDENTITY FULL brings the whole old row")
    func largeValues() throws {
        let stream = try open()
        try connection.execute("INSERT INTO person (id, photo) VALUES (1, repeat('x', 100000))")
        try connection.execute("UPDATE person SET name = 'B'")
        #expect(try transaction(stream).changes == ["+person 1|∅|∅|∅|long"])
        #expect(try transaction(stream).changes == ["~person 1|B|∅|∅|…"])
        try connection.execute("ALTER TABLE person REPLICA IDENTITY FULL")
        try connection.execute("DELETE FROM person")
        #expect(try transaction(stream).changes.last == "-person 1|B|∅|∅|long")
        #expect(stream.relations.values.first { $0.name == "person" }?.identity == .full)
    }

    @Test("transactions come whole, in the order of their commits, and rolled-back ones not at all")
    func commitOrder() throws {
        let stream = try open()
        let other = try database.connect()
        try connection.execute("BEGIN; INSERT INTO person (id) VALUES (1)")
        try other.execute("BEGIN; INSERT INTO person (id) VALUES (2); COMMIT")
        try other.execute("BEGIN; INSERT INTO person (id) VALUES (3); ROLLBACK")
        try connection.execute("INSERT INTO person (id) VALUES (4); COMMIT")
        let (first, firstEnd) = try transaction(stream)
        let (second, secondEnd) = try transaction(stream)
        #expect(first == ["+person 2|∅|∅|∅|∅"])
        #expect(second == ["+person 1|∅|∅|∅|∅", "+person 4|∅|∅|∅|∅"])
        #expect(firstEnd < secondEnd)
    }

    @Test("a table that changes its shape is described anew")
    func shape() throws {
        let stream = try open()
        try connection.execute("INSERT INTO card VALUES ('a')")
        _ = try transaction(stream)
        try connection.execute("ALTER TABLE card DROP COLUMN amount, ADD note text")
        try connection.execute("INSERT INTO card VALUES ('b', 1, 'n')")
        // The ALTER itself may come as an empty transaction.
        var changes: [String] = []
        while changes.isEmpty { changes = try transaction(stream).changes }
        #expect(changes == ["+card b|1|n"])
        #expect(
            stream.relations.values.first { $0.name == "card" }?.columns.map(\.name) == ["number", "person", "note"])
    }

    @Test("starts anew from what was confirmed: nothing before it again, everything after it")
    func restart() throws {
        var stream = try open()
        for id in 1...3 { try connection.execute("INSERT INTO person (id) VALUES (\(id))") }
        _ = try transaction(stream)
        let second = try transaction(stream).end
        _ = try transaction(stream)
        stream.confirm(flushed: second)
        #expect(stream.confirmed == second)
        stream.close()

        stream = try open()
        #expect(try #require(try stream.slot(named: slot, on: database)).confirmedLSN == second)
        #expect(try transaction(stream).changes == ["+person 3|∅|∅|∅|∅"])
    }

    @Test("never claims more than was confirmed, and never less than before")
    func confirmations() throws {
        let stream = try open()
        try connection.execute("INSERT INTO person (id) VALUES (1)")
        let end = try transaction(stream).end
        try stream.sendStatus()
        let before = try #require(try stream.slot(named: slot, on: database)).confirmedLSN
        #expect(before < end)
        stream.confirm(flushed: LSN(before.rawValue - 1))
        #expect(stream.confirmed == .zero)
        stream.confirm(flushed: end)
        stream.confirm(flushed: before)
        #expect(stream.confirmed == end)
        try stream.sendStatus()
        #expect(
            try connection.waits(
                until: "(SELECT confirmed_flush_lsn = '\(end)' FROM pg_replication_slots WHERE slot_name = '\(slot)')"
            )
        )
    }

    @Test("a confirmation is told by next alone, before it waits")
    func confirmedByNext() throws {
        let stream = try open()
        try connection.execute("INSERT INTO person (id) VALUES (1)")
        let end = try transaction(stream).end
        stream.confirm(flushed: end)
        while try stream.next(timeoutMilliseconds: 0) != nil {}
        #expect(
            try connection.waits(
                until: "(SELECT confirmed_flush_lsn >= '\(end)' FROM pg_replication_slots WHERE slot_name = '\(slot)')"
            )
        )
    }

    @Test("times out with nil, and answers keepalives so that the server does not give it up")
    func keepalives() throws {
        let name = try #require(try connection.value("SELECT current_database()"))
        try connection.execute("ALTER DATABASE \(name) SET wal_sender_timeout = '3s'")
        let stream = try open()
        var requested = 0
        // The server asks after half of its timeout, and would cut a reader that is silent for the whole of it.
        while requested < 2 {
            if case .keepalive(_, replyRequested: true) = try stream.next(timeoutMilliseconds: 5_000) { requested += 1 }
        }
        try connection.execute("INSERT INTO person (id) VALUES (1)")
        #expect(try transaction(stream).changes.count == 1)
    }

    @Test("returns nil when its time has passed without a message")
    func timeout() throws {
        let stream = try open()
        while try stream.next(timeoutMilliseconds: 1) != nil {}
        #expect(!stream.isBroken)
    }

    @Test("a slot in use is refused with the pid of its reader, and is free after close")
    func slotInUse() throws {
        let first = try open()
        let error = try #require(postgresError { _ = try open() })
        #expect(error.sqlState == "55006")
        #expect(error.fault == DatabaseFault(sqlState: "55006"))
        #expect(error.description.contains("server process \(first.backendPID)"))
        first.close()
        let second = try open()
        #expect(second.backendPID != first.backendPID)
    }

    @Test("close frees the slot even while a large transaction is being sent")
    func closeInTheMiddle() throws {
        let stream = try open()
        try connection.execute("INSERT INTO person SELECT x, repeat('y', 200) FROM generate_series(1, 50000) x")
        _ = try #require(try stream.next(timeoutMilliseconds: 20_000))
        stream.close()
        #expect(
            try connection.waits(until: "(SELECT NOT active FROM pg_replication_slots WHERE slot_name = '\(slot)')")
        )
        let again = try open()
        #expect(try transaction(again).changes.count == 50_000)
    }

    @Test("a missing slot or publication, and a foreign plugin, are told at the start")
    func missing() throws {
        let stream = try open(start: false)
        let noSlot = try #require(postgresError { try stream.start(slot: "none", publication: "feed") })
        #expect(noSlot.sqlState == "42704")
        let noPublication = try #require(postgresError { try stream.start(slot: slot, publication: "no'ne") })
        #expect(noPublication.sqlState == "42704")
        #expect(noPublication.description.contains("no'ne"))
        try connection.execute("SELECT pg_create_logical_replication_slot('\(slot)_x', 'test_decoding')")
        #expect(postgresError { try stream.start(slot: "\(slot)_x", publication: "feed") }?.sqlState == "55000")
        #expect(postgresError { _ = try stream.slot(named: "Bad'Name") }?.sqlState == "42602")
        #expect(postgresError { _ = try stream.createSlot(named: slot) }?.sqlState == "42710")
        // None of it has hurt the stream.
        try stream.start(slot: slot, publication: "feed")
        try connection.execute("INSERT INTO person (id) VALUES (1)")
        #expect(try transaction(stream).changes.count == 1)
    }

    @Test("a new slot sends what commits after its consistent point; a dropped one is gone")
    func slots() throws {
        let stream = try ReplicationStream(database.url, applicationName: "test")
        #expect(try stream.slot(named: slot) == nil)
        let lsn = try stream.createSlot(named: slot)
        let found = try #require(try stream.slot(named: slot))
        #expect(found.confirmedLSN == lsn)
        #expect(found.plugin == "pgoutput")
        #expect(found.activePID == nil)
        #expect(found.walStatus == "reserved")
        try stream.dropSlot(named: slot)
        #expect(try stream.slot(named: slot) == nil)
        #expect(postgresError { try stream.dropSlot(named: slot) }?.sqlState == "42704")
    }

    @Test("is broken once its server process is ended, and goes on in a new one from what was confirmed")
    func terminated() throws {
        let stream = try open()
        try connection.execute("INSERT INTO person (id) VALUES (1)")
        let end = try transaction(stream).end
        try connection.query("SELECT pg_terminate_backend($1, 10000)", [String(stream.backendPID)])
        let error = try #require(postgresError { while true { _ = try stream.next(timeoutMilliseconds: 1_000) } })
        #expect(error.fault == .world)
        #expect(stream.isBroken)
        #expect(postgresError { _ = try stream.next(timeoutMilliseconds: 0) }?.sqlState == nil)
        let again = try open()
        let (changes, secondEnd) = try transaction(again)
        #expect(changes == ["+person 1|∅|∅|∅|∅"])
        #expect(secondEnd == end)
    }

    @Test("goes on after a crash of the server")
    func crash() throws {
        let cluster = try PrivateCluster.temporary()
        let before = try PostgresConnection(cluster.url(), applicationName: "test")
        try before.execute("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION feed FOR TABLE t")
        var stream = try ReplicationStream(cluster.url(), applicationName: "test")
        _ = try stream.createSlot(named: "s")
        try stream.start(slot: "s", publication: "feed")
        try before.execute("INSERT INTO t VALUES (1)")
        let first = try transaction(stream)
        stream.confirm(flushed: first.end)
        try before.execute("INSERT INTO t VALUES (2)")
        _ = try transaction(stream)
        try cluster.restart(immediate: true)
        #expect(postgresError { while true { _ = try stream.next(timeoutMilliseconds: 1_000) } }?.fault == .world)

        stream = try ReplicationStream(cluster.url(), applicationName: "test")
        try stream.start(slot: "s", publication: "feed", from: first.end)
        #expect(try transaction(stream).changes == ["+t 2"])
        stream.close()
        try cluster.remove()
    }
}

extension ReplicationStream {
    /// A slot as another session sees it, since a stream that runs takes no questions.
    fileprivate func slot(named name: String, on database: TestDatabase) throws -> ReplicationSlot? {
        try ReplicationStream(database.url, applicationName: "test").slot(named: name)
    }
}
