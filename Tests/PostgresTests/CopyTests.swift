import Model
import Postgres
import Testing

@Suite("COPY")
struct CopyTests {
    let database: TestDatabase
    let connection: PostgresConnection

    init() throws {
        database = try TestDatabase()
        connection = try database.connect()
        try connection.execute(
            """
            CREATE TABLE t (
                id bigint PRIMARY KEY, name text, born date, seen timestamptz, amount numeric, extra jsonb, sure boolean
            )
            """
        )
    }

    private static let copy = "COPY t FROM STDIN (FORMAT binary)"

    @Test("round-trips binary text, bigint, date, timestamptz, numeric, jsonb, boolean and NULL")
    func binaryTypes() throws {
        var rows = BinaryRows()
        rows.row(
            .integer(1, bytes: 8), .text("Nguyễn Thị Ánh"), .integer(9_313, bytes: 4),
            .integer(804_687_325_123_456, bytes: 8), .raw([0, 3, 0, 1, 0, 0, 0, 2, 0, 1, 0x09, 0x29, 0x1A, 0x2C]),
            .raw([1] + Array(#"{"a": 1}"#.utf8)), .raw([1])
        )
        rows.row(.integer(2, bytes: 8), .text(""), .null, .null, .null, .null, .null)
        let copied = try connection.copyIn(Self.copy) { try $0.write(rows.finished()) }
        #expect(copied == 2)
        let result = try connection.query("SELECT * FROM t ORDER BY id")
        #expect(
            (0..<7).map { result[0, $0] } == [
                "1", "Nguyễn Thị Ánh", "2025-07-01", "2025-07-01 12:15:25.123456+00", "12345.67", #"{"a": 1}"#, "t",
            ])
        #expect((0..<7).map { result[1, $0] } == ["2", "", nil, nil, nil, nil, nil])
    }

    @Test("takes pieces of any size, empty ones and ones above its own chunk", arguments: [1, 7, 300_000, 5_000_000])
    func pieces(size: Int) throws {
        var rows = BinaryRows()
        let text = String(repeating: "đ", count: size == 1 ? 10 : 100_000)
        for id in 1...10 {
            rows.row(.integer(Int64(id), bytes: 8), .text(text), .null, .null, .null, .null, .null)
        }
        let bytes = rows.finished()
        try connection.copyIn(Self.copy) { writer in
            try writer.write([])
            for start in stride(from: 0, to: bytes.count, by: size) {
                try bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { try writer.write($0) }
            }
        }
        #expect(try connection.value("SELECT count(*) FROM t WHERE length(name) = \(text.count)") == "10")
    }

    @Test("runs the statements before and after it in the same transaction")
    func afterTruncate() throws {
        try connection.execute("INSERT INTO t (id) VALUES (7)")
        var rows = BinaryRows()
        rows.row(.integer(1, bytes: 8), .null, .null, .null, .null, .null, .null)
        let copied = try connection.copyIn("TRUNCATE t; \(Self.copy); UPDATE t SET name = 'x'") {
            try $0.write(rows.finished())
        }
        #expect(copied == 1)
        #expect(try connection.value("SELECT string_agg(id || name, ',') FROM t") == "1x")
    }

    @Test("abandoned by its writer leaves no trace and a usable connection")
    func abandoned() throws {
        struct Halt: Error {}
        try connection.execute("INSERT INTO t (id) VALUES (7)")
        let error = try #require(
            postgresError {
                try connection.copyIn("TRUNCATE t; \(Self.copy)") { writer in
                    try writer.write(BinaryRows().bytes)
                    throw Halt()
                }
            }
        )
        #expect(error.sqlState == "57014")
        #expect(error.description.contains("Halt"))
        #expect(!connection.isBroken)
        #expect(!connection.inTransaction)
        #expect(try connection.value("SELECT string_agg(id::text, ',') FROM t") == "7")
    }

    @Test("gives back a PostgresError of its writer as it was thrown")
    func writersOwnError() throws {
        let own = PostgresError(action: "encoding", sqlState: "22000")
        #expect(postgresError { try connection.copyIn(Self.copy) { _ in throw own } } == own)
        #expect(try connection.value("SELECT 1") == "1")
    }

    @Test("in an open transaction, a refused row fails the transaction and nothing else")
    func refusedRow() throws {
        try connection.execute("INSERT INTO t (id) VALUES (1)")
        try connection.execute("BEGIN")
        var rows = BinaryRows()
        rows.row(.integer(1, bytes: 8), .null, .null, .null, .null, .null, .null)
        let error = postgresError { try connection.copyIn(Self.copy) { try $0.write(rows.finished()) } }
        #expect(error?.sqlState == "23505")
        #expect(error?.constraint == "t_pkey")
        #expect(connection.inTransaction)
        try connection.execute("ROLLBACK")
        #expect(try connection.value("SELECT count(*) FROM t") == "1")
    }

    @Test("refuses bytes that are no binary rows, early or late", arguments: [10, 2_000_000])
    func garbage(count: Int) throws {
        let error = postgresError {
            try connection.copyIn(Self.copy) { try $0.write([UInt8](repeating: 0xFF, count: count)) }
        }
        #expect(error?.sqlState == "22P04")
        #expect(try connection.value("SELECT count(*) FROM t") == "0")
    }

    @Test(
        "does not call its writer where the statement fails or is no COPY",
        arguments: [
            ("COPY nowhere FROM STDIN", "42P01"), ("SELECT 1", "0A000"), ("COPY t TO STDOUT", "0A000"), ("", "0A000"),
        ])
    func noCopy(sql: String, sqlState: String) throws {
        var isCalled = false
        #expect(postgresError { try connection.copyIn(sql) { _ in isCalled = true } }?.sqlState == sqlState)
        #expect(!isCalled)
        #expect(try connection.value("SELECT 1") == "1")
    }

    @Test("whose backend is ended breaks the connection and blames the world")
    func terminated() throws {
        let other = try database.connect()
        let pid = String(connection.backendPID)
        let error = try #require(
            postgresError {
                try connection.copyIn(Self.copy) { writer in
                    try writer.write(BinaryRows().bytes)
                    try other.query("SELECT pg_terminate_backend($1, 10000)", [pid])
                    for _ in 0..<100 { try writer.write([UInt8](repeating: 0, count: 100_000)) }
                }
            }
        )
        #expect(error.fault == .world)
        #expect(connection.isBroken)
        #expect(try other.value("SELECT count(*) FROM t") == "0")
    }
}

/// Rows in the binary format of COPY (PostgreSQL 15 manual, COPY, "Binary Format").
struct BinaryRows {
    enum Field {
        case null
        case text(String)
        case integer(Int64, bytes: Int)
        case raw([UInt8])
    }

    private(set) var bytes: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] + [UInt8](repeating: 0, count: 8)

    mutating func row(_ fields: Field...) {
        append(Int64(fields.count), 2)
        for field in fields {
            switch field {
            case .null: append(-1, 4)
            case .text(let text):
                append(Int64(text.utf8.count), 4)
                bytes += Array(text.utf8)
            case .integer(let value, let count):
                append(Int64(count), 4)
                append(value, count)
            case .raw(let raw):
                append(Int64(raw.count), 4)
                bytes += raw
            }
        }
    }

    func finished() -> [UInt8] { bytes + [0xFF, 0xFF] }

    private mutating func append(_ value: Int64, _ count: Int) {
        withUnsafeBytes(of: value.bigEndian) { bytes += $0.suffix(count) }
    }
}
