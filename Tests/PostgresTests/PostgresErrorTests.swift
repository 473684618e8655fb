import Model
import Postgres
import Testing

@Suite("an error of the database")
struct PostgresErrorTests {
    let connection: PostgresConnection

    init() throws {
        connection = try TestDatabase().connect()
        try connection.execute(
            """
            CREATE SCHEMA registry;
            CREATE TABLE registry.person (
                id text PRIMARY KEY, born date, name varchar(12) NOT NULL, size smallint, extra jsonb,
                CONSTRAINT name_known CHECK (name <> 'Trần Văn Mật')
            );
            INSERT INTO registry.person VALUES ('079203001234', '2003-01-01', 'A');
            CREATE VIEW registry.adult AS SELECT * FROM registry.person WHERE born < '2007-01-01' WITH CHECK OPTION
            """
        )
    }

    /// Each statement carries the value "079203001234", "Mật" or a like one; none may come back.
    @Test(
        "never quotes a value, and blames the record",
        arguments: [
            ("INSERT INTO registry.person VALUES ('079203001234', NULL, 'B')", "23505"),
            ("INSERT INTO registry.person VALUES ('1', 'Mật 079203001234', 'B')", "22007"),
            ("INSERT INTO registry.person VALUES ('1', NULL, 'Trần Văn Mật')", "23514"),
            ("INSERT INTO registry.person VALUES ('079203001234 Mật', NULL, NULL)", "23502"),
            ("INSERT INTO registry.person VALUES ('1', NULL, 'Mật 079203001234 dài')", "22001"),
            ("INSERT INTO registry.person SELECT '1', NULL, 'B', '079203001234'::bigint", "22003"),
            ("INSERT INTO registry.person SELECT '1', NULL, 'B', x::smallint FROM (VALUES ('Mật')) v(x)", "22P02"),
            ("INSERT INTO registry.person VALUES ('1', NULL, 'B', 1, '{\"Mật\": 079203001234}')", "22P02"),
            ("INSERT INTO registry.adult VALUES ('079203001234X', '2010-01-01', 'Mật')", "44000"),
        ]
    )
    func noValues(sql: String, sqlState: String) throws {
        let error = try #require(postgresError { try connection.execute(sql) })
        #expect(error.sqlState == sqlState)
        #expect(error.fault == .record)
        #expect(error.primary == nil)
        let text = "\(error) \(String(reflecting: error))"
        #expect(!text.contains("079203001234"))
        #expect(!text.contains("Mật"))
    }

    @Test("does not quote values from parameters, COPY or triggers either")
    func noValuesElsewhere() throws {
        let parameter = postgresError {
            try connection.query("INSERT INTO registry.person VALUES ($1, $2, 'B')", ["1", "Mật"])
        }
        let copied = postgresError {
            try connection.copyIn("COPY registry.person FROM STDIN") { try $0.write(Array("1\tMật\tB\t1\t{}\n".utf8)) }
        }
        let raised = postgresError { try connection.execute("DO $$ BEGIN RAISE EXCEPTION 'of Mật'; END $$") }
        let syntax = postgresError { try connection.execute("SELECT 1 Mật Mật Mật") }
        for error in [parameter, copied, raised, syntax] {
            let error = try #require(error)
            #expect(!String(reflecting: error).contains("Mật"))
            #expect(!error.description.contains("Mật"))
        }
    }

    @Test("names the objects to blame")
    func names() throws {
        let check = try #require(
            postgresError { try connection.execute("INSERT INTO registry.person VALUES ('1', NULL, 'Trần Văn Mật')") }
        )
        #expect(check.schema == "registry")
        #expect(check.table == "person")
        #expect(check.constraint == "name_known")
        #expect(
            check.during("merging 5 records").description
                == "merging 5 records: SQLSTATE 23514, constraint name_known, table registry.person"
        )
        let null = postgresError { try connection.execute("INSERT INTO registry.person VALUES ('1')") }
        #expect(null?.column == "name")
    }

    @Test(
        "keeps the server's sentence where its class cannot quote data",
        arguments: [
            ("SELECT * FROM nowhere", "42P01", "nowhere", DatabaseFault.ours),
            ("SET ROLE nobody", "22023", nil, DatabaseFault.record),
            ("SET LOCAL statement_timeout = 1; SELECT pg_sleep(60)", "57014", "statement timeout", .world),
            ("SELECT pg_logical_slot_get_changes('none', NULL, NULL)", "42704", "none", .ours),
        ]
    )
    func primary(sql: String, sqlState: String, word: String?, fault: DatabaseFault) throws {
        let error = try #require(postgresError { try connection.execute(sql) })
        #expect(error.sqlState == sqlState)
        #expect(error.fault == fault)
        if let word { #expect(error.description.contains(word)) } else { #expect(error.primary == nil) }
    }

    @Test("drops a sentence given to it for a class that may quote data")
    func constructed() {
        #expect(PostgresError(action: "x", sqlState: "22000", primary: "secret").primary == nil)
        #expect(PostgresError(action: "x", sqlState: "XX000", primary: "secret").primary == nil)
        #expect(PostgresError(action: "x", sqlState: nil).description == "x: the connection to the server was lost")
    }
}
