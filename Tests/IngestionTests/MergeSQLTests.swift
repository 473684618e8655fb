// Names in the statements of the merge: what a mapping may call its columns.
import Contracts
import Foundation
import Model
import Testing

@testable import Ingestion

@Suite("statements of the merge")
struct MergeSQLTests {
    private static let key = "its_key"
    private static let content = "its_content"

    /// Of each temporary table that has the key's column: the names of the others.
    private static func columnsBesideKey() throws -> Set<String> {
        let table = TablePlan(
            schema: "registry", name: "t", view: "registry.v", keyColumns: [ColumnPlan(name: key, type: .text)],
            contentColumns: [ColumnPlan(name: content, type: .text)])
        let sql = MergeSQL(
            topic: try #require(TopicName("a.b.v1")), table: table, children: [], mappingRevision: 1,
            contractVersion: "1.0.0", prefix: "p")
        var names: Set<String> = []
        for table in sql.tables.all {
            let columns = table.columns.map { $0.name.replacingOccurrences(of: "\"", with: "") }
            if columns.contains(key) { names.formUnion(columns) }
        }
        return names.subtracting([key, content])
    }

    @Test("the columns that workers put beside a key's are just those that lint keeps a mapping from")
    func reserved() throws {
        let found = try Self.columnsBesideKey().filter { !$0.hasPrefix(MappingReader.stagePrefix) }
            .subtracting(MappingReader.markerColumns)
        // Those of children's tables stand beside the key in the database itself.
        let positions: Set = [MappingReader.positionColumn, ListPath.parentPositionColumn]
        #expect(found == MappingReader.workColumns.subtracting(positions))
    }
}
