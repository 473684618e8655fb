// What hangs on the tables of a real topic goes over to their copies.
import Contracts
import Foundation
import Ingestion
import Kafka
import Logging
import Model
import Postgres
import TestSupport
import Testing

@testable import Replay

@Suite("a rebuilt table of a real topic", .serialized)
struct ShadowCatalogueTests {
    private static let readers = ["view_reader", "join_reader", "table_reader", "column_reader", "owner"]

    /// Roles belong to the whole server, so each run has its own.
    private struct Roles {
        let suffix = "\(UInt64.random(in: 0...UInt64.max))"
        subscript(name: String) -> String { "\(name)_\(suffix)" }
    }

    /// Views of several kinds, grants on them alone, and settings that nobody would like to lose.
    private func surroundings(_ roles: Roles) -> String {
        """
        \(Self.readers.map { "CREATE ROLE \(roles[$0]);" }.joined(separator: "\n"))
        GRANT USAGE ON SCHEMA registry TO \(Self.readers.map { roles[$0] }.joined(separator: ", "));
        GRANT CREATE ON SCHEMA registry TO \(roles["owner"]);
        CREATE VIEW registry.household WITH (security_barrier) AS
          SELECT c.personal_id, c.full_name AS "Name", r.full_name AS representative, f.former_id
          FROM registry.citizen_record c LEFT JOIN registry.citizen_representative r USING (personal_id)
          LEFT JOIN registry.citizen_former_id f ON f.personal_id = c.personal_id WHERE NOT c.deleted;
        COMMENT ON VIEW registry.household IS 'Joined';
        COMMENT ON COLUMN registry.household."Name" IS 'As written';
        CREATE VIEW registry.invoked WITH (security_invoker = true) AS SELECT personal_id FROM registry.citizen_record;
        CREATE VIEW registry.checked AS SELECT personal_id, deleted FROM registry.citizen_record WHERE deleted
          WITH CASCADED CHECK OPTION;
        CREATE VIEW registry.counted AS SELECT c.personal_id, c.full_name, count(*) AS representatives
          FROM registry.citizen_record c JOIN registry.citizen_representative r USING (personal_id) GROUP BY c.personal_id;
        CREATE VIEW registry.above AS SELECT h.personal_id, c.sex FROM registry.household h JOIN registry.citizen c USING (personal_id);
        CREATE MATERIALIZED VIEW registry.further AS SELECT count(*) FROM registry.above;
        ALTER VIEW registry.household OWNER TO \(roles["owner"]);
        ALTER TABLE registry.citizen_former_id OWNER TO \(roles["owner"]);
        GRANT SELECT ON registry.citizen_record, registry.citizen_representative, registry.citizen_former_id
          TO \(roles["owner"]), \(roles["table_reader"]) WITH GRANT OPTION;
        GRANT SELECT ON registry.citizen TO \(roles["view_reader"]);
        GRANT SELECT ON registry.above, registry.household TO \(roles["join_reader"]);
        GRANT SELECT (personal_id), UPDATE (phone) ON registry.citizen_record TO \(roles["column_reader"]);
        GRANT SELECT ON registry.invoked TO \(roles["column_reader"]), \(roles["view_reader"]);
        ALTER TABLE registry.citizen_record SET (autovacuum_vacuum_scale_factor = 0.01, toast.autovacuum_enabled = false);
        ALTER TABLE registry.citizen_record ALTER full_name SET STATISTICS 200, ALTER sex SET (n_distinct = 2),
          REPLICA IDENTITY FULL;
        CREATE STATISTICS registry.citizen_places (dependencies) ON permanent_address_province_code,
          permanent_address_commune_code FROM registry.citizen_record;
        CREATE INDEX citizen_name ON registry.citizen_record (lower(full_name)) WITH (fillfactor = 60) WHERE NOT deleted;
        CREATE INDEX citizen_name_again ON registry.citizen_record (lower(full_name)) WITH (fillfactor = 60) WHERE NOT deleted;
        COMMENT ON INDEX registry.citizen_name IS 'By name';
        """
    }

    private static let relations = [
        "citizen_record", "citizen_former_id", "citizen_representative", "citizen", "household", "invoked", "checked",
        "counted", "above",
    ].map { "registry.\($0)" }

    @Test("views, owners, grants, comments, settings and names are those of before, and readers go on")
    func carried() async throws {
        let catalogue = try Catalogue.load(folder: PackageFolder.path + "/Topics")
        let definition = try catalogue.definition(of: "population.citizen.v1")
        let kafka = try TestKafka()
        try kafka.createTopic(definition.name, partitions: 2)
        let database = try TestNationalDatabase()
        let connection = try database.connect()
        defer { connection.close() }
        let accepted = Examples.load(topicFolder: definition.folder).accepted
        try kafka.publish(
            accepted.map { example in
                OutgoingTestRecord(
                    key: example.key, value: example.value,
                    headers: example.headers.map { (name: $0.name, value: Optional($0.value)) })
            }, to: definition.name)
        var worker = WorkerSettings(
            kafka: kafka.settings, databaseURL: database.url, group: "citizens", lanes: 1, topics: [definition],
            codeLists: catalogue.codeLists, sealer: PlainSealer(), untilCaughtUp: true, name: "tests")
        worker.controlInterval = .milliseconds(50)
        _ = try await Worker(settings: worker, logger: Logger(label: "tests")).run()
        let living = try connection.one("SELECT count(*) FROM registry.citizen")
        #expect(living != "0")

        let roles = Roles()
        _ = try connection.execute(surroundings(roles))
        let before = try Self.relations.map { try relationFacts(connection, $0) }
        // A plan that was made before the swap is made anew after it.
        let reader = try database.connect()
        defer { reader.close() }
        _ = try reader.execute("SET ROLE \(roles["join_reader"]); PREPARE mine AS SELECT count(*) FROM registry.above")
        let seen = try reader.one("EXECUTE mine")

        let admin = try KafkaAdmin(settings: kafka.settings, clientID: "tests")
        defer { admin.close() }
        let ranges = try RangeResolver(topic: definition.name, admin: admin, connection: connection)
            .resolve(ReplayRange())
        let id = try ReplayStore(connection: connection).create(
            ReplayRequest(
                topic: definition.name, intoShadow: true, mappingRevision: definition.mapping.revision,
                keyFingerprints: nil, rate: 1_000_000, liveLagMax: 1_000_000, maxRefusedShare: 1, by: "tests",
                because: "a rebuilt copy"), ranges, shadowOf: definition)
        let hand = ShadowHand(worker: worker)
        let replayer = ReplayerSettings(worker: worker)
        #expect(try Replayer(settings: replayer, logger: Logger(label: "tests")).run(id)?.ending == .done)
        let comparison = try hand.shadow(id).compare()
        #expect(comparison.isEqual)
        #expect(comparison.marksDiffering == 0)
        // What changes between the start and the swap goes over as well.
        _ = try connection.execute("COMMENT ON TABLE registry.citizen_record IS 'Said since'")
        try hand.swap(id)

        let after = try Self.relations.map { try relationFacts(connection, $0) }
        #expect(after.dropFirst() == before.dropFirst())
        let comment = try connection.one("SELECT obj_description('registry.citizen_record'::regclass, 'pg_class')")
        #expect(comment == "Said since")
        #expect(
            after[0].dropFirst().filter { !$0.hasPrefix("relation") }
                == before[0].dropFirst().filter { !$0.hasPrefix("relation") })
        #expect(
            try connection.one(
                "SELECT t.reloptions FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.oid = 'registry.citizen_record'::regclass"
            ) == "{autovacuum_enabled=false}")
        #expect(
            try connection.one("SELECT reltuples > 0 FROM pg_class WHERE oid = 'registry.citizen_record'::regclass")
                == "t")
        #expect(try connection.one("SELECT count(*) FROM registry.citizen") == living)
        #expect(try reader.one("EXECUTE mine") == seen)
        try expectRights(database, roles)

        // Nothing stands on the tables of before.
        #expect(
            try OldTables(connection: connection).drop(replay: id, by: "tests", because: "looked at").count == 3)
        #expect(try connection.one("SELECT count(*) FROM registry.household") != nil)
        _ = try connection.execute("DROP OWNED BY \(Self.readers.map { roles[$0] }.joined(separator: ", ")) CASCADE")
        _ = try connection.execute("DROP ROLE \(Self.readers.map { roles[$0] }.joined(separator: ", "))")
    }

    private func expectRights(_ database: TestNationalDatabase, _ roles: Roles) throws {
        let attempts: [(role: String, query: String, isAllowed: Bool)] = [
            ("view_reader", "SELECT count(*) FROM registry.citizen", true),
            ("view_reader", "SELECT count(*) FROM registry.citizen_record", false),
            ("view_reader", "SELECT count(*) FROM registry.invoked", false),
            ("join_reader", "SELECT count(*) FROM registry.above", true),
            ("join_reader", "SELECT count(*) FROM registry.citizen_representative", false),
            ("table_reader", "SELECT count(*) FROM registry.citizen_former_id", true),
            ("column_reader", "SELECT count(personal_id) FROM registry.citizen_record", true),
            ("column_reader", "SELECT count(phone) FROM registry.citizen_record", false),
            ("column_reader", "SELECT count(*) FROM registry.invoked", true),
        ]
        for attempt in attempts {
            let connection = try database.connect()
            defer { connection.close() }
            _ = try connection.execute("SET ROLE \(roles[attempt.role])")
            let allowed = (try? connection.query(attempt.query)) != nil
            #expect(allowed == attempt.isAllowed, "\(attempt.role): \(attempt.query)")
        }
    }
}

extension Catalogue {
    fileprivate func definition(of name: String) throws -> TopicDefinition {
        guard let definition = TopicName(name).flatMap({ self[$0] }) else { throw TestFault("no topic \(name)") }
        return definition
    }
}
