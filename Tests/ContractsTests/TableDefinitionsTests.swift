// What the migrations' SQL says of tables, and what lint makes of mappings by it.
import Foundation
import Model
import Testing

@testable import Contracts

@Suite("Tables of the migrations")
struct TableDefinitionsTests {
    private static func definitions(_ files: String...) -> TableDefinitions {
        var definitions = TableDefinitions()
        for (index, sql) in files.enumerated() { definitions.apply(sql, file: "\(index + 1).sql") }
        return definitions
    }

    /// `a int8, b text` of a table.
    private static func columns(_ definitions: TableDefinitions, _ table: String) -> String? {
        definitions.tables[table]?.columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
    }

    @Test(
        "a column's type is known as pg_type names it, however SQL writes it",
        arguments: [
            ("text", "text"), ("TEXT COLLATE \"C\" NOT NULL", "text"), ("varchar(20)", "varchar"),
            ("character varying (20) NOT NULL", "varchar"), ("char(3)", "bpchar"), ("character", "bpchar"),
            ("int", "int4"), ("integer", "int4"), ("int4", "int4"), ("bigint", "int8"), ("smallint", "int2"),
            ("bigserial", "int8"), ("bigint GENERATED ALWAYS AS IDENTITY", "int8"), ("boolean NOT NULL", "bool"),
            ("numeric(12, 2)", "numeric"), ("decimal", "numeric"), ("date", "date"), ("timestamptz", "timestamptz"),
            ("timestamp with time zone", "timestamptz"), ("timestamp(3) with time zone", "timestamptz"),
            ("timestamp", "timestamp"), ("timestamp without time zone", "timestamp"), ("jsonb", "jsonb"),
            ("json", "json"), ("double precision", "float8"), ("real", "float4"), ("text[]", "_text"),
            ("integer ARRAY", "_int4"), ("numeric(3)[][]", "_numeric"), ("pg_catalog.int8", "int8"),
            ("registry.code", "code"), ("uuid DEFAULT gen_random_uuid()", "uuid"), ("\"char\"", "bpchar"),
        ]
    )
    func types(sql: String, type: String) {
        let definitions = Self.definitions("CREATE TABLE a.b (c \(sql), d text);")
        #expect(Self.columns(definitions, "a.b") == "c \(type), d text")
    }

    @Test(
        "what defines, changes and drops a table is followed",
        arguments: [
            ("CREATE TABLE IF NOT EXISTS a.t (x text);", "v int8, w date"),
            ("ALTER TABLE a.t ADD COLUMN x text;", "v int8, w date, x text"),
            ("ALTER TABLE a.t ADD x text NOT NULL DEFAULT 'a, b', ADD y int;", "v int8, w date, x text, y int4"),
            ("ALTER TABLE a.t ADD COLUMN IF NOT EXISTS w text;", "v int8, w date"),
            ("ALTER TABLE a.t ADD CONSTRAINT x CHECK (v > 0), ADD PRIMARY KEY (v), ADD UNIQUE (w);", "v int8, w date"),
            ("ALTER TABLE IF EXISTS ONLY a.t DROP COLUMN IF EXISTS w CASCADE;", "v int8"),
            ("ALTER TABLE a.t DROP w;", "v int8"), ("ALTER TABLE a.t DROP CONSTRAINT v;", "v int8, w date"),
            ("ALTER TABLE a.t ALTER COLUMN w TYPE text USING w::text;", "v int8, w text"),
            ("ALTER TABLE a.t ALTER w SET DATA TYPE timestamptz;", "v int8, w timestamptz"),
            ("ALTER TABLE a.t ALTER w SET NOT NULL, ALTER v DROP DEFAULT;", "v int8, w date"),
            ("ALTER TABLE a.t RENAME COLUMN w TO x;", "v int8, x date"),
            ("ALTER TABLE a.t RENAME w TO x;", "v int8, x date"),
            ("ALTER TABLE a.t RENAME CONSTRAINT w TO x;", "v int8, w date"), ("DROP TABLE a.t;", nil),
            ("DROP TABLE IF EXISTS a.other, a.t CASCADE;", nil), ("DROP SCHEMA a CASCADE;", nil),
            ("ALTER TABLE a.t RENAME TO s;", nil), ("ALTER TABLE a.t SET SCHEMA b;", nil),
            ("ALTER SCHEMA a RENAME TO b;", nil), ("CREATE TEMPORARY TABLE a.t (x text);", "v int8, w date"),
            ("-- DROP TABLE a.t;\n/* DROP TABLE a.t; /* nested */ DROP TABLE a.t; */", "v int8, w date"),
            ("COMMENT ON TABLE a.t IS 'it''s; DROP TABLE a.t;';", "v int8, w date"),
            ("SELECT E'\\'; DROP TABLE a.t; --';", "v int8, w date"),
            ("DO $$ BEGIN EXECUTE 'DROP TABLE a.t;'; END $$;", "v int8, w date"),
            ("CREATE FUNCTION f() RETURNS void AS $body$ DROP TABLE a.t; $$ $body$ LANGUAGE sql;", "v int8, w date"),
            ("SELECT $1; DROP TABLE a.t;", nil), ("drop table A.T;", nil),
            ("DROP TABLE \"A\".\"T\";", "v int8, w date"),
            ("DROP TABLE a.t", nil), ("SET search_path TO a, public; DROP TABLE t;", nil),
            ("DROP TABLE t;", "v int8, w date"), ("INSERT INTO a.t VALUES (1);", "v int8, w date"),
        ] as [(String, String?)]
    )
    func statements(sql: String, columns: String?) {
        let definitions = Self.definitions("CREATE SCHEMA a; CREATE TABLE a.t (v bigint, w date);", sql)
        #expect(Self.columns(definitions, "a.t") == columns)
    }

    @Test("a table's constraints are no columns; a quoted name is one; LIKE and INHERITS bring the columns of others")
    func tables() {
        let definitions = Self.definitions(
            #"""
            CREATE TABLE ingest.marker (version bigint, deleted boolean NOT NULL, CHECK (deleted OR version IS NOT NULL));
            CREATE UNLOGGED TABLE a.t (
                "check"  text, -- a name, no constraint
                "Odd ""name""" text CHECK ("Odd ""name""" IN ('a', 'b')),
                z numeric(10, 2) DEFAULT (1 + 2),
                LIKE ingest.marker INCLUDING ALL,
                PRIMARY KEY ("check", z), CONSTRAINT c CHECK (z > 0), UNIQUE (z), FOREIGN KEY (z) REFERENCES b (z),
                EXCLUDE USING gist (z WITH =)
            ) WITH (fillfactor = 80);
            CREATE TABLE a.child (own date) INHERITS (a.t);
            CREATE TABLE a.part PARTITION OF a.child FOR VALUES IN (1);
            CREATE TABLE a.made AS SELECT 1 AS one;
            CREATE TABLE a.named (one, two) AS SELECT 1, 2;
            """#)
        let base = "check text, Odd \"name\" text, z numeric, version int8, deleted bool"
        #expect(Self.columns(definitions, "a.t") == base)
        #expect(Self.columns(definitions, "a.child") == "own date, " + base)
        #expect(Self.columns(definitions, "a.part") == "own date, " + base)
        #expect(definitions.tables["a.made"]?.isFromQuery == true)
        #expect(definitions.tables["a.named"]?.isFromQuery == true)
        #expect(definitions.tables["a.t"]?.isFromQuery == false)
    }

    @Test(
        "a table's primary key is known, wherever it is said",
        arguments: [
            ("PRIMARY KEY (v, w)", "", "v, w"), ("CONSTRAINT k PRIMARY KEY (w) INCLUDE (v)", "", "w"),
            ("x bigint NOT NULL DEFAULT (1) PRIMARY KEY", "", "x"), ("UNIQUE (v), CHECK (v > 0)", "", nil),
            ("x text DEFAULT 'primary key'", "", nil), ("LIKE a.keyed INCLUDING ALL", "", "id"),
            ("LIKE a.keyed INCLUDING INDEXES", "", "id"), ("LIKE a.keyed", "", nil),
            ("LIKE a.keyed INCLUDING ALL EXCLUDING INDEXES", "", nil),
            ("x text", "ALTER TABLE a.t ADD PRIMARY KEY (x, v);", "x, v"),
            ("x text", "ALTER TABLE ONLY a.t ADD CONSTRAINT k PRIMARY KEY (x);", "x"),
            ("x text", "ALTER TABLE a.t ADD COLUMN y text PRIMARY KEY;", "y"),
            ("PRIMARY KEY (v)", "ALTER TABLE a.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (w);", "w"),
            ("PRIMARY KEY (v)", "ALTER TABLE a.t DROP CONSTRAINT IF EXISTS t_pkey;", nil),
            ("PRIMARY KEY (v)", "ALTER TABLE a.t DROP CONSTRAINT other;", "v"),
            ("CONSTRAINT k PRIMARY KEY (v)", "ALTER TABLE a.t RENAME CONSTRAINT k TO l, DROP CONSTRAINT k;", "v"),
            ("PRIMARY KEY (v, w)", "ALTER TABLE a.t RENAME COLUMN w TO x;", "v, x"),
            ("PRIMARY KEY (v, w)", "ALTER TABLE a.t DROP COLUMN w;", nil),
        ] as [(String, String, String?)]
    )
    func keys(element: String, later: String, key: String?) {
        let definitions = Self.definitions(
            "CREATE TABLE a.keyed (id int PRIMARY KEY, n text); CREATE TABLE a.t (v bigint, w date, \(element));", later
        )
        #expect(definitions.tables["a.t"]?.primaryKey?.columns?.joined(separator: ", ") == key)
    }

    @Test("a domain's column has the type beneath it")
    func domains() {
        let definitions = Self.definitions(
            """
            CREATE DOMAIN a.code AS varchar(9) CHECK (VALUE <> ''); CREATE DOMAIN count bigint;
            SET search_path TO a; CREATE DOMAIN narrow AS code; CREATE TABLE t (x narrow NOT NULL, y a.code, z count, w b.code);
            """)
        #expect(Self.columns(definitions, "a.t") == "x varchar, y varchar, z int8, w code")
    }

    @Test("views are known by name alone, through their changes")
    func views() {
        let definitions = Self.definitions(
            """
            CREATE VIEW a.one AS SELECT 1; CREATE OR REPLACE VIEW a.two (x) AS SELECT 1;
            CREATE MATERIALIZED VIEW IF NOT EXISTS a.three AS SELECT 1; CREATE TEMP VIEW a.four AS SELECT 1;
            """,
            "ALTER VIEW a.one RENAME TO first; ALTER MATERIALIZED VIEW a.three SET SCHEMA b; DROP VIEW IF EXISTS a.two;"
        )
        #expect(definitions.views == ["a.first", "b.three"])
        #expect(definitions.tables.isEmpty)
    }

    @Test(
        "text that ends in the midst of something is read to its end",
        arguments: [
            "'", "\"", "/* /*", "$$", "$a$ $b$", "E'\\", "CREATE TABLE a.t (x", "CREATE TABLE", "ALTER TABLE a.t ADD",
            "--", ";", "$",
        ]
    )
    func unfinished(sql: String) {
        let definitions = Self.definitions("CREATE TABLE a.s (x text);", sql)
        #expect(Self.columns(definitions, "a.s") == "x text")
    }

    // MARK: Lint

    private static let migration = """
        CREATE SCHEMA registry;
        CREATE TABLE ingest.marker (\(MappingReader.markerColumns.sorted().map { "\($0) bigint" }.joined(separator: ", ")));
        CREATE TABLE registry.thing_record (
            code text, since date, until_text text, until date, kind text, capital numeric, count smallint,
            province_code text, place jsonb, source_updated_at timestamptz, LIKE ingest.marker INCLUDING ALL,
            PRIMARY KEY (code, since)
        );
        CREATE TABLE registry.thing_part (code text, since date, position integer, name text, is_main boolean,
            PRIMARY KEY (code, since, position));
        CREATE VIEW registry.thing AS SELECT * FROM registry.thing_record;
        """

    /// What lint says of the sample's mapping, with a part of the migration replaced.
    private static func lint(_ replaced: String, _ by: String) throws -> [LintFinding] {
        let folder = try Sample.folder()
        let database = try TemporaryFolder()
        let range = try #require(migration.range(of: replaced), "the migration has no \(replaced)")
        try database.write("0001_thing.sql", migration.replacingCharacters(in: range, with: by))
        func short(_ text: String) -> String {
            text.replacingOccurrences(of: folder.path + "/", with: "")
                .replacingOccurrences(of: database.path, with: "database")
        }
        return Lint.run(folder: folder.path, migrationsFolder: database.path)
            .filter { $0.message.contains("registry.") || $0.file.hasPrefix(database.path) }
            .map { LintFinding($0.severity, file: short($0.file), line: $0.line, message: short($0.message)) }
    }

    @Test(
        "a mapping to what no migration makes is found at its line, with what was meant",
        arguments: [
            (
                "count smallint", "cuont smallint", "column: count",
                "registry.thing_record has no column count in database: did you mean cuont?"
            ),
            (
                "capital numeric, ", "", "column: capital",
                "registry.thing_record has no column capital in database: expected one of type numeric"
            ),
            (
                "kind text", "kind bigint", "column: kind",
                "registry.thing_record.kind is of type int8 in database, which the field's text is not assigned to: expected bpchar, text, varchar"
            ),
            ("is_main boolean", "is_main text", "column: is_main", "registry.thing_part.is_main is of type text"),
            ("position integer, ", "", "{column: name, field: name}", "registry.thing_part has no column position"),
            (
                "(code text, since date, position", "(code text, position", "{column: name, field: name}",
                "registry.thing_part has no column since"
            ),
            (
                ", LIKE ingest.marker INCLUDING ALL", "", "table: registry.thing_record",
                "registry.thing_record has no applied_at, content_hash, delete_incarnation … in database: expected LIKE ingest.marker INCLUDING ALL"
            ),
            (
                "TABLE registry.thing_part", "TABLE registry.thing_parts", "- table: registry.thing_part",
                "no migration in database makes the table registry.thing_part: did you mean registry.thing_parts?"
            ),
            (
                "TABLE registry.thing_record", "TABLE registry.things_record", "table: registry.thing_record",
                "no migration in database makes the table registry.thing_record: did you mean registry.things_record?"
            ),
            (
                "VIEW registry.thing ", "VIEW registry.things ", "view: registry.thing",
                "no migration in database makes the view registry.thing: did you mean registry.things?"
            ),
        ]
    )
    func faults(replaced: String, by: String, line: String, message: String) throws {
        let findings = try Self.lint(replaced, by)
        #expect(findings.count == 1, "\(findings)")
        let finding = try #require(findings.first)
        #expect(finding.severity == .error)
        #expect(finding.message.hasPrefix(message), "\(finding)")
        #expect(finding.file == "\(Sample.topic)/mapping.yaml")
        #expect(finding.line == Sample.line(of: line, in: Sample.mapping))
    }

    @Test(
        "a table whose rows are told apart by other columns than the mapping's is an error at the table's line",
        arguments: [
            (
                "PRIMARY KEY (code, since, position)", "PRIMARY KEY (code, position)", "- table: registry.thing_part",
                "registry.thing_part has the primary key code, position in database: expected PRIMARY KEY (code, since, position)"
            ),
            (
                "PRIMARY KEY (code, since)", "PRIMARY KEY (code, since, kind)", "table: registry.thing_record",
                "registry.thing_record has the primary key code, since, kind in database: expected PRIMARY KEY (code, since)"
            ),
            (
                "PRIMARY KEY (code, since)", "UNIQUE (code, since)", "table: registry.thing_record",
                "registry.thing_record has no primary key in database: expected PRIMARY KEY (code, since)"
            ),
        ]
    )
    func wrongKeys(replaced: String, by: String, line: String, message: String) throws {
        let findings = try Self.lint(replaced, by)
        #expect(findings.map(\.severity) == [.error])
        #expect(findings.first?.message == message)
        #expect(findings.first?.line == Sample.line(of: line, in: Sample.mapping))
        #expect(try Self.lint("PRIMARY KEY (code, since)", "PRIMARY KEY (since, code)") == [], "a key is a set")
    }

    @Test("a migration that is no UTF-8 is an error that names it")
    func notUTF8() throws {
        let folder = try TemporaryFolder()
        try folder.write("0001_first.sql", "CREATE TABLE a.t (x text);")
        try Data([0x2D, 0x2D, 0xE9, 0x0A]).write(to: URL(fileURLWithPath: "\(folder.path)/0002_second.sql"))
        let findings = Lint.run(folder: try Sample.folder().path, migrationsFolder: folder.path)
        let finding = try #require(findings.first { $0.message.contains("cannot be read as UTF-8") })
        #expect(finding.severity == .error)
        #expect(finding.file == "\(folder.path)/0002_second.sql")
    }

    @Test("tables that hold what the mapping needs give no finding")
    func sound() throws {
        #expect(try Self.lint("count smallint", "count smallint") == [])
    }

    @Test("a relation that a block may define is noted, not refused; the block is named")
    func blocks() throws {
        let part =
            "CREATE TABLE registry.thing_part (code text, since date, position integer, name text, is_main boolean,\n"
            + "    PRIMARY KEY (code, since, position));"
        let findings = try Self.lint(
            part, "DO $$ BEGIN EXECUTE 'CREATE TABLE registry.thing_part (code text)'; END $$;")
        #expect(findings.map(\.severity) == [.note, .note])
        #expect(findings[0].file == "database/0001_thing.sql")
        #expect(findings[0].line == 8)
        #expect(findings[0].message == "a block that may define tables or views is not looked into")
        #expect(findings[1].message.contains("perhaps the block at database/0001_thing.sql:8"))
        let made = try Self.lint(part, "CREATE TABLE registry.thing_part AS SELECT 1;")
        #expect(made.map(\.severity) == [.note])
    }

    @Test("without a folder of migrations tables are not checked, and that is said")
    func noFolder() throws {
        let folder = try Sample.folder()
        let findings = Lint.run(folder: folder.path, migrationsFolder: "\(folder.path)/nowhere")
        #expect(
            findings.contains { $0.severity == .note && $0.message.contains("tables of mappings were not checked") })
        #expect(!Lint.run(folder: folder.path).contains { $0.message.contains("tables of mappings") })
    }

    @Test("the product's own mappings fit its own migrations")
    func own() throws {
        let folder = "\(repositoryRoot)/deploy/database"
        let definitions = try #require(TableDefinitions.load(folder: folder))
        let topics = try Catalogue.load(folder: "\(repositoryRoot)/Topics").topics
        #expect(topics.flatMap { definitions.findings(on: $0, migrations: folder) } == [])
        #expect(definitions.tables["ingest.marker"].map { Set($0.columns.map(\.name)) } == MappingReader.markerColumns)
        #expect(definitions.views.contains("registry.citizen"))
    }
}
