// What the check of the national database's tables finds, on a server.
import Contracts
import Model
import Postgres
import TestSupport
import Testing

@testable import Ingestion

@Suite("the check of the tables")
struct TableCheckTests {
    private static let topic = "population.citizen.v1"

    private static func findings(after sql: (_ table: String, _ key: String) -> String) throws -> [String] {
        let catalogue = try Catalogue.load(folder: PackageFolder.path + "/Topics")
        let definition = try #require(catalogue.topics.first { $0.name.rawValue == topic })
        let connection = try TestNationalDatabase().connect()
        defer { connection.close() }
        let key = try #require(definition.mapping.key.first?.name)
        _ = try connection.execute(sql(definition.mapping.table, key))
        return try TableCheck.findings(of: definition, connection: connection)
    }

    @Test("a table without the mapping's primary key, or with another one, is found")
    func keys() throws {
        let name = "(SELECT conname FROM pg_constraint WHERE contype = 'p' AND conrelid = '%'::regclass)"
        func drop(_ table: String) -> String {
            let constraint = name.replacing("%", with: table)
            return
                "DO $$ BEGIN EXECUTE format('ALTER TABLE \(table) DROP CONSTRAINT %I CASCADE', \(constraint)); END $$;"
        }
        #expect(try Self.findings { _, _ in "SELECT 1" } == [])
        let none = try Self.findings { table, _ in drop(table) }
        #expect(none.count == 1)
        #expect(none.first?.contains("has no primary key: expected ") == true, "\(none)")
        let other = try Self.findings { table, key in
            drop(table) + "ALTER TABLE \(table) ADD PRIMARY KEY (\(key), mapping_revision);"
        }
        #expect(other.count == 1)
        #expect(other.first?.contains("mapping_revision: expected ") == true, "\(other)")
    }

    @Test("a column of a domain has the type beneath it")
    func domains() throws {
        let findings = try Self.findings { table, key in
            "CREATE DOMAIN registry.any_code AS text; CREATE DOMAIN registry.test_code AS registry.any_code;"
                + "CREATE TABLE registry.copied (LIKE \(table) INCLUDING ALL);"
                + "ALTER TABLE registry.copied ALTER \(key) TYPE registry.test_code;"
                + "ALTER TABLE \(table) RENAME TO replaced;"
                + "ALTER TABLE registry.copied RENAME TO \(table.split(separator: ".").last ?? "");"
        }
        #expect(findings == [])
    }
}
