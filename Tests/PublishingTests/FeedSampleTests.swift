// The feeds of `deploy/feeds` on the schemas of `deploy/sources` with a sample in them.
import Contracts
import Foundation
import Model
import Postgres
import Testing

@testable import Publishing

@Suite struct FeedSampleTests {
    @Test(
        "what the feed makes of a sample is refused for the sample's own reasons, and for no others",
        arguments: SampleSource.allCases)
    func verdicts(source: SampleSource) throws {
        let database = try SampleDatabase(source)
        let account = try SampleGenerator.forTest(records: 12_000).fill(source: source, connection: database.connection)
        let catalogue = try Catalogue.load(folder: "\(repositoryRoot)/Topics")
        for (feed, expected) in zip(try database.feeds, account.feeds) {
            #expect(feed.feed == expected.feed && feed.topic.rawValue == expected.topic)
            let definition = try #require(catalogue[feed.topic])
            let decoder = try RecordDecoder(definition, codeLists: catalogue.codeLists)
            let rows = try database.connection.query("SELECT * FROM (\(feed.query)) q")
            var refusals: [ReasonCode: Int] = [:]
            var warnings: [String: Int] = [:]
            var secrets = 0
            for row in 0..<rows.rowCount {
                if rows[row, "state_secret"] == "t" {
                    secrets += 1
                    continue
                }
                decoder.reset()
                switch judge(decoder, key: rows[row, "record_key"], value: rows[row, "value"]) {
                case .record: for warning in decoder.warnings { warnings[warning.rule, default: 0] += 1 }
                case .refused(let refusal): refusals[refusal.reason, default: 0] += 1
                case .tombstone: Issue.record("a row without a value")
                }
            }
            #expect(rows.rowCount == expected.rows && secrets == expected.stateSecrets)
            #expect(refusals == expected.refusals)
            #expect(warnings == expected.warnings)
            #expect(decoder.unknownFieldCount == 0)
            #expect(!expected.faults.isEmpty && expected.stateSecrets > 0)
        }
    }

    private func judge(_ decoder: RecordDecoder, key: String?, value: String?) -> Verdict {
        func decode(_ key: UnsafeRawBufferPointer?) -> Verdict {
            guard var value else { return decode(key, nil) }
            return value.withUTF8 { decode(key, UnsafeRawBufferPointer($0)) }
        }
        func decode(_ key: UnsafeRawBufferPointer?, _ value: UnsafeRawBufferPointer?) -> Verdict {
            decoder.decode(
                key: key, value: value, valueIsPadded: false, headersByteCount: 0,
                timestampMilliseconds: Int64(SampleGenerator.testDay.daysSince1970) * 86_400_000, tombstoneVersion: nil
            )
        }
        guard var key else { return decode(nil) }
        return key.withUTF8 { decode(UnsafeRawBufferPointer($0)) }
    }

    @Test("together the feeds' optional fields are all filled somewhere", arguments: SampleSource.allCases)
    func fields(source: SampleSource) throws {
        let database = try SampleDatabase(source)
        _ = try SampleGenerator.forTest(records: 12_000).fill(source: source, connection: database.connection)
        let catalogue = try Catalogue.load(folder: "\(repositoryRoot)/Topics")
        for feed in try database.feeds {
            let definition = try #require(catalogue[feed.topic])
            let found = try database.connection.query(
                "SELECT DISTINCT json_object_keys(value::json) FROM (\(feed.query)) q"
            )
            let names = Set((0..<found.rowCount).compactMap { found[$0, 0] })
            // No register here keeps a name in a foreign language.
            let unused: Set = ["foreignName"]
            #expect(names == Set(definition.contract.fields.map(\.name)).subtracting(unused))
        }
    }

    @Test("the same seed gives the same records, another seed others", arguments: SampleSource.allCases)
    func repeatable(source: SampleSource) throws {
        func fingerprint(seed: UInt64) throws -> [String?] {
            let database = try SampleDatabase(source)
            _ = try SampleGenerator.forTest(seed: seed, records: 1_000).fill(
                source: source, connection: database.connection)
            return try database.feeds.map { feed in
                let identity = feed.root.identity.map(\.column).joined(separator: ", ")
                return try database.value(
                    "SELECT md5(string_agg(q::text, '|' ORDER BY \(identity))) FROM (\(feed.query)) q")
            }
        }
        let first = try fingerprint(seed: 1)
        #expect(try fingerprint(seed: 1) == first)
        #expect(try zip(fingerprint(seed: 2), first).allSatisfy { $0 != $1 })
    }

    @Test(
        "record_key is the root's key columns joined by colons, and version the root's version",
        arguments: SampleSource.allCases)
    func keysAndVersions(source: SampleSource) throws {
        let database = try SampleDatabase(source)
        _ = try SampleGenerator.forTest().fill(source: source, connection: database.connection)
        for feed in try database.feeds {
            let key = feed.root.recordKey.map { "r.\($0)::text" }.joined(separator: " || ':' || ")
            let join = feed.root.identity.map { "r.\($0.column) = q.\($0.column)" }.joined(separator: " AND ")
            let version = feed.root.versionFormat == .integer ? "bigint" : "timestamptz"
            let wrong = try database.value(
                """
                SELECT count(*) FROM (\(feed.query)) q JOIN \(feed.root.table) r ON \(join)
                WHERE q.record_key IS DISTINCT FROM \(key) OR q.version::\(version) IS DISTINCT FROM r.\(feed.root.version)
                    OR q.version IS DISTINCT FROM coalesce(q.value::json ->> 'version', q.value::json ->> 'updatedAt')
                """
            )
            #expect(wrong == "0")
            let duplicates = try database.value(
                "SELECT count(*) FROM (SELECT FROM (\(feed.query)) q GROUP BY record_key HAVING count(*) > 1 AND record_key <> '') d"
            )
            #expect(duplicates == "0")
        }
    }

    @Test("pages and single records are read by the index, without a sort", arguments: SampleSource.allCases)
    func plans(source: SampleSource) throws {
        let database = try SampleDatabase(source)
        _ = try SampleGenerator.forTest(records: 20_000).fill(source: source, connection: database.connection)
        for feed in try database.feeds {
            let identity = feed.root.identity.map(\.column).joined(separator: ", ")
            let index = "Index Scan using \(feed.root.table.name)_pkey on \(feed.root.table.name)"
            for clause in ["(\(identity)) > (100) ORDER BY \(identity) LIMIT 100", "\(identity) = ANY ('{1,2,3}')"] {
                let plan = try database.connection.query(
                    "EXPLAIN (COSTS off) SELECT * FROM (\(feed.query)) q WHERE \(clause)")
                let lines = (0..<plan.rowCount).compactMap { plan[$0, 0] }
                #expect(lines.prefix(4).contains { $0.contains(index) })
                // A sort within a correlated sub-select, of a few child rows, is deeper.
                #expect(!lines.prefix(3).contains { $0.contains("Sort") })
            }
        }
    }

    @Test("a change beside the root gives it a higher version and another record", arguments: SampleSource.allCases)
    func changeBesideRoot(source: SampleSource) throws {
        let database = try SampleDatabase(source)
        _ = try SampleGenerator.forTest(records: 1_000).fill(source: source, connection: database.connection)
        for feed in try database.feeds {
            let identity = feed.root.identity[0].column
            let type = feed.root.versionFormat == .integer ? "bigint" : "timestamptz"
            try database.connection.execute("CREATE TEMP TABLE before AS \(feed.query)")
            let difference =
                """
                SELECT \(identity), q.version::\(type) > before.version::\(type) AS grows
                FROM (\(feed.query)) q JOIN before USING (\(identity))
                WHERE q.value::jsonb - '{version,updatedAt}'::text[] <> before.value::jsonb - '{version,updatedAt}'::text[]
                ORDER BY \(identity)
                """
            for change in changesBesideRoot where change.feed == feed.feed {
                try database.connection.execute("BEGIN; \(change.sql)")
                let changed = try database.connection.query(difference)
                let rows = (0..<changed.rowCount).map { changed[$0, identity] }
                #expect(rows.contains("30") && (change.reach == nil || rows.count == change.reach), "\(change.sql)")
                #expect((0..<changed.rowCount).allSatisfy { changed[$0, "grows"] == "t" }, "\(change.sql)")
                try database.connection.execute("ROLLBACK")
            }
            try database.connection.execute("DROP TABLE before")
        }
    }

    @Test(
        "a version never falls, though the clock may", arguments: [SampleSource.enterprise, .insurance, .civilService])
    func clockAhead(source: SampleSource) throws {
        let database = try SampleDatabase(source)
        _ = try SampleGenerator.forTest().fill(source: source, connection: database.connection)
        let root = try #require(try database.feeds.first).root
        let identity = root.identity[0].column
        try database.connection.execute("ALTER TABLE \(root.table) DISABLE TRIGGER stamp_change")
        try database.connection.execute("UPDATE \(root.table) SET updated_at = '2090-01-01' WHERE \(identity) = 1")
        try database.connection.execute("ALTER TABLE \(root.table) ENABLE TRIGGER stamp_change")
        try database.connection.execute("UPDATE \(root.table) SET \(identity) = \(identity) WHERE \(identity) = 1")
        #expect(try database.value("SELECT updated_at > '2090-01-01' FROM \(root.table) WHERE \(identity) = 1") == "t")
    }

    @Test(
        "the change to try reaches one good record, and stands in the schema's file, too",
        arguments: SampleSource.allCases)
    func tryIt(source: SampleSource) throws {
        let database = try SampleDatabase(source)
        _ = try SampleGenerator.forTest().fill(source: source, connection: database.connection)
        let feed = try #require(try database.feeds.first)
        let identity = feed.root.identity[0].column
        let all = "SELECT \(identity), value FROM (\(feed.query)) q ORDER BY \(identity)"
        let before = try database.connection.query(all)
        #expect(try database.connection.execute(source.tryIt).last?.rowCount == 1)
        let after = try database.connection.query(all)
        let changed = (0..<before.rowCount).filter { before[$0, "value"] != after[$0, "value"] }
        #expect(changed == [0])
        let schema = try String(contentsOfFile: "\(repositoryRoot)/\(source.schemaFile)", encoding: .utf8)
        #expect(schema.contains("-- try it:\n-- \(source.tryIt)\n"))
    }

    @Test("a database that holds rows is left as it is")
    func notEmpty() throws {
        let database = try SampleDatabase(.insurance)
        try database.connection.execute(
            "INSERT INTO card (participant_id, card_number) VALUES (1, 'a ministry''s own')")
        #expect(throws: UserError.self) {
            try SampleGenerator.forTest().fill(source: .insurance, connection: database.connection)
        }
        #expect(try database.value("SELECT count(*) FROM card") == "1")
        #expect(try database.value("SELECT count(*) FROM insurance_office") == "0")
        #expect(!database.connection.inTransaction)
    }

    @Test("a handful of records is a sample, too", arguments: [1, 5, 30])
    func handful(records: Int) throws {
        let generator = try SampleGenerator.forTest(records: records)
        var rows = 0
        for source in SampleSource.allCases {
            let database = try SampleDatabase(source)
            let account = try generator.fill(source: source, connection: database.connection)
            for (feed, expected) in zip(try database.feeds, account.feeds) {
                #expect(try database.value("SELECT count(*) FROM (\(feed.query)) q") == String(expected.rows))
                rows += expected.rows
            }
        }
        #expect(rows == records)
    }

    @Test("new rows go on with the next number")
    func sequences() throws {
        let database = try SampleDatabase(.population)
        let account = try SampleGenerator.forTest().fill(source: .population, connection: database.connection)
        let people = try #require(account.feeds.first).rows
        #expect(
            try database.value("INSERT INTO person (personal_number) VALUES ('1') RETURNING person_id")
                == String(people + 1)
        )
        // Nothing touched the people while their children were loaded: each drew one number.
        #expect(try database.value("SELECT max(change_no) FROM person") == String(people + 1))
    }

    @Test("every feed has its file, its source a sample, and every feed's tables tell old rows in full")
    func complete() throws {
        let feeds = try FeedReader.load(folder: "\(repositoryRoot)/deploy/feeds")
        #expect(feeds.map(\.feed).sorted() == SampleSource.allCases.flatMap(\.feeds).sorted())
        for feed in feeds {
            let source = try #require(SampleSource(feed: feed.feed))
            #expect(source.rawValue == feed.source)
            let schema = try String(contentsOfFile: "\(repositoryRoot)/\(source.schemaFile)", encoding: .utf8)
            for table in feed.tables { #expect(schema.contains("ALTER TABLE \(table.name) REPLICA IDENTITY FULL;")) }
        }
    }
}

/// A change outside the root's table that concerns root 30, and how many records it changes (nil: an unknown number).
private let changesBesideRoot: [(feed: String, sql: String, reach: Int?)] = [
    (
        "population-citizen",
        "INSERT INTO residence (person_id, kind, detail, province_code) VALUES (30, 'HT', 'Số 1', '01')", 1
    ),
    ("population-citizen", "UPDATE residence SET detail = 'Số 2' WHERE person_id = 30", 1),
    ("population-citizen", "DELETE FROM residence WHERE person_id = 30", 1),
    ("population-citizen", "UPDATE residence SET person_id = 29 WHERE person_id = 30", 2),
    (
        "population-citizen",
        "INSERT INTO personal_number_history (person_id, personal_number) VALUES (30, '001090000000')", 1
    ),
    (
        "population-citizen",
        "INSERT INTO identity_document (person_id, kind, number) VALUES (30, 'CMND', '010000000')", 1
    ),
    ("population-citizen", "INSERT INTO representative (person_id, full_name) VALUES (30, 'Mẫu'), (32, 'Mẫu')", 2),
    ("population-organization", "UPDATE organization_address SET detail = 'Số 3' WHERE organization_id = 30", 1),
    ("population-organization", "INSERT INTO organization_head (organization_id, full_name) VALUES (30, 'Mẫu')", 1),
    ("enterprise-registration", "UPDATE business_address SET detail = 'Số 4' WHERE business_id = 30", 1),
    ("enterprise-registration", "DELETE FROM business_line WHERE business_id = 30", 1),
    ("enterprise-registration", "INSERT INTO business_person (business_id, role, full_name) VALUES (30, 1, 'Mẫu')", 1),
    ("insurance-card", "INSERT INTO card_benefit (card_id, kind, since) VALUES (30, 'MCCT', '2026-07-01')", 1),
    ("insurance-card", "UPDATE participant SET full_name = 'Mẫu' WHERE participant_id = 30", 1),
    ("civilservice-official", "UPDATE employee SET full_name = 'Mẫu' WHERE employee_id = 30", 1),
    ("civilservice-official", "INSERT INTO training (employee_id, institution_id) VALUES (30, 1)", 1),
    (
        "civilservice-official",
        "UPDATE agency SET facility_code = '01999' WHERE agency_code = (SELECT agency_code FROM post WHERE post_id = 30)",
        nil
    ),
]
