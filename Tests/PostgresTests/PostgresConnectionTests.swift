import Glibc
import Model
import Postgres
import Testing

@Suite("a connection")
struct PostgresConnectionTests {
    let database: TestDatabase
    let connection: PostgresConnection

    init() throws {
        database = try TestDatabase()
        connection = try database.connect()
    }

    @Test("returns the result of each of several statements")
    func severalStatements() throws {
        let results = try connection.execute(
            """
            CREATE TABLE t (id int, name text);
            INSERT INTO t VALUES (1, 'một'), (2, NULL);
            UPDATE t SET id = id + 1 RETURNING id;
            SELECT id, name FROM t ORDER BY id;
            DELETE FROM t WHERE false
            """
        )
        #expect(results.map(\.command) == ["CREATE TABLE", "INSERT 0 2", "UPDATE 2", "SELECT 2", "DELETE 0"])
        #expect(results.map(\.affectedRows) == [0, 2, 2, 2, 0])
        #expect(results[2].rowCount == 2)
        let rows = results[3]
        #expect(rows.columns == ["id", "name"])
        #expect(rows[0, "name"] == "một")
        #expect(rows[1, "name"] == nil)
        #expect(rows.integer(1, "id") == 3)
        #expect(rows.integer(0, "name") == nil)
        #expect(rows.withBytes(0, 1) { $0.map { Array($0) } } == Array("một".utf8))
    }

    @Test("takes text parameters, NULL among them, as values and never as SQL")
    func parameters() throws {
        let result = try connection.query(
            "SELECT $1::text, $2::text, $3::bigint + 1, $4::text", ["'; DROP TABLE x; --", nil, "41", ""]
        )
        #expect(result[0, 0] == "'; DROP TABLE x; --")
        #expect(result[0, 1] == nil)
        #expect(result[0, 2] == "42")
        #expect(result[0, 3] == "")
    }

    @Test("refuses a NUL in a parameter or a statement instead of cutting it short")
    func embeddedNUL() throws {
        let parameter = try #require(postgresError { try connection.query("SELECT $1::text", ["a\0b"]) })
        #expect(parameter.sqlState == "22021")
        #expect(parameter.fault == .record)
        #expect(postgresError { try connection.execute("SELECT 1\0; SELECT 2") }?.sqlState == "42601")
        #expect(try connection.value("SELECT 1") == "1")
    }

    @Test("speaks UTF-8, UTC and ISO dates whatever the database prefers")
    func sessionSettings() throws {
        let name = try #require(try connection.value("SELECT current_database()"))
        try connection.execute(
            """
            ALTER DATABASE \(name) SET TimeZone = 'Asia/Ho_Chi_Minh';
            ALTER DATABASE \(name) SET DateStyle = 'German';
            ALTER DATABASE \(name) SET client_encoding = 'LATIN1';
            ALTER DATABASE \(name) SET bytea_output = 'escape'
            """
        )
        let other = try database.connect()
        #expect(try other.value("SELECT '2025-07-01 00:00+07'::timestamptz") == "2025-06-30 17:00:00+00")
        #expect(try other.value("SELECT '2025-07-01'::date") == "2025-07-01")
        #expect(try other.value("SELECT 'Nguyễn'") == "Nguyễn")
        #expect(try other.value("SELECT '\\x00ff'::bytea") == "\\x00ff")
    }

    @Test("drains every result after an error, undoes the statements before it, and goes on")
    func errorDrains() throws {
        try connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
        let error = postgresError {
            try connection.execute("INSERT INTO t VALUES (1); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")
        }
        #expect(error?.sqlState == "23505")
        #expect(!connection.isBroken)
        #expect(!connection.inTransaction)
        #expect(try connection.value("SELECT count(*) FROM t") == "0")
    }

    @Test("knows whether a transaction is open, sound or failed")
    func transactionState() throws {
        #expect(!connection.inTransaction)
        try connection.execute("BEGIN")
        #expect(connection.inTransaction)
        #expect(postgresError { try connection.execute("SELECT 1/0") }?.sqlState == "22012")
        #expect(connection.inTransaction)
        #expect(postgresError { try connection.execute("SELECT 1") }?.sqlState == "25P02")
        try connection.execute("ROLLBACK")
        #expect(!connection.inTransaction)
        try connection.execute("BEGIN; SELECT 1; COMMIT")
        #expect(!connection.inTransaction)
    }

    @Test("computes while the server works: send returns before the answer is there, receive brings all of it")
    func sendAndReceive() throws {
        let other = try database.connect()
        try other.execute("SELECT pg_advisory_lock(1)")
        try connection.send("SELECT 1; SELECT pg_advisory_lock(1); SELECT 2")
        // The statement waits for a lock that this thread itself frees only now: send cannot have waited for it.
        #expect(try other.waits(until: "EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"))
        try other.execute("SELECT pg_advisory_unlock(1)")
        let results = try connection.receive()
        #expect(results.count == 3)
        #expect(results[2][0, 0] == "2")
        try connection.send("SELECT 1/0; SELECT 3")
        #expect(postgresError { _ = try connection.receive() }?.sqlState == "22012")
        #expect(try connection.value("SELECT 4") == "4")
    }

    @Test("is broken once its backend is ended, and blames the world")
    func terminatedBackend() throws {
        let other = try database.connect()
        try connection.execute("BEGIN")
        try other.query("SELECT pg_terminate_backend($1)", [String(connection.backendPID)])
        let error = try #require(postgresError { while true { try connection.execute("SELECT 1") } })
        #expect(error.fault == .world)
        #expect(error.sqlState == nil || error.sqlState == "57P01")
        #expect(connection.isBroken)
        #expect(!connection.inTransaction)
        let second = try #require(postgresError { try connection.execute("SELECT 1") })
        #expect(second.sqlState == nil)
        #expect(second.fault == .world)
    }

    @Test("is broken when its backend is ended between send and receive")
    func terminatedWhileWorking() throws {
        let other = try database.connect()
        try connection.send("SELECT pg_sleep(600)")
        try other.query("SELECT pg_terminate_backend($1)", [String(connection.backendPID)])
        let error = try #require(postgresError { _ = try connection.receive() })
        #expect(error.fault == .world)
        #expect(connection.isBroken)
    }

    @Test("answers calls after close with an error")
    func closed() throws {
        connection.close()
        connection.close()
        #expect(connection.isBroken)
        let error = try #require(postgresError { try connection.execute("SELECT 1") })
        #expect(error.sqlState == nil)
        #expect(error.description.contains("closed"))
    }

    @Test("refuses COPY outside copyIn and stays usable", arguments: ["COPY t FROM STDIN", "COPY t TO STDOUT"])
    func copyElsewhere(sql: String) throws {
        try connection.execute("CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 1000)")
        #expect(postgresError { try connection.execute("SELECT 1; \(sql); SELECT 2") } != nil)
        #expect(!connection.isBroken)
        #expect(try connection.value("SELECT count(*) FROM t") == "1000")
    }

    @Test("swallows notices, which may quote values")
    func notices() throws {
        try connection.execute("DO $$ BEGIN RAISE WARNING 'a value'; END $$")
        #expect(try connection.value("SELECT 1") == "1")
    }

    @Test("doubles quotes in names and constants")
    func quoting() throws {
        let name = "odd \"name\" 'x' \\ tên"
        try connection.execute("CREATE TABLE \(SQLText.identifier(name)) (id int)")
        let count = try connection.value("SELECT count(*) FROM pg_class WHERE relname = \(SQLText.literal(name))")
        #expect(count == "1")
    }
}

@Suite("connecting")
struct ConnectingTests {
    @Test("a missing database is our fault, and the error names it")
    func missingDatabase() throws {
        let url = try TestDatabase.cluster.get().url(database: "nowhere")
        let error = try #require(postgresError { _ = try PostgresConnection(url, applicationName: "test") })
        #expect(error.sqlState == "3D000")
        #expect(error.fault == .ours)
        #expect(error.description.contains("nowhere"))
        #expect(!error.description.contains("\n"))
    }

    @Test("a missing role is our fault")
    func missingRole() throws {
        let url = try TestDatabase.cluster.get().url().replacing("postgres@", with: "nobody:s3cret-pass@")
        let error = try #require(postgresError { _ = try PostgresConnection(url, applicationName: "test") })
        #expect(error.sqlState == "28000")
        #expect(error.fault == .ours)
        #expect(error.description.contains("nobody"))
        #expect(!error.description.contains("s3cret"))
    }

    @Test("a server that is not there is the world's fault")
    func refused() throws {
        let listener = try Listener(accepting: false)
        listener.close()
        let error = try #require(
            postgresError { _ = try PostgresConnection(listener.url, applicationName: "test") }
        )
        #expect(error.sqlState == nil)
        #expect(error.fault == .world)
        #expect(error.description.contains("127.0.0.1:\(listener.port)"))
        #expect(!error.description.contains("s3cret"))
    }

    @Test("a server that accepts and says nothing is given up after the timeout")
    func silent() throws {
        let listener = try Listener(accepting: true)
        defer { listener.close() }
        let error = try #require(
            postgresError {
                _ = try PostgresConnection(listener.url, applicationName: "test", connectTimeoutSeconds: 1)
            }
        )
        #expect(error.sqlState == nil)
        #expect(error.description.contains("no answer within 1 s"))
    }

    @Test(
        "a URL that cannot be read is told without quoting it",
        arguments: [
            "postgresql://u:s3cret%zz@host/db", "postgresql://u:s3cret@s3cret@host/db",
            "host=h password=s3cret nonsense",
            "postgresql://u:s3cret/x@host/db", "postgresql://h/db?s3cret=1", "s3cret",
            "postgresql://u:1/s3cret@host/db",
        ]
    )
    func unreadableURL(url: String) throws {
        let error = try #require(
            postgresError { _ = try PostgresConnection(url, applicationName: "test", connectTimeoutSeconds: 1) }
        )
        #expect(error.fault == .ours)
        #expect(!error.description.contains("s3cret"))
    }
}

/// A TCP port that takes connections and never answers.
private struct Listener {
    let port: UInt16
    private let descriptor: Int32

    var url: String { "postgresql://user:s3cret@127.0.0.1:\(port)/db" }

    init(accepting: Bool) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(isBound)
        if accepting { try #require(listen(descriptor, 8) == 0) }
        port = UInt16(bigEndian: address.sin_port)
    }

    func close() { Glibc.close(descriptor) }
}
