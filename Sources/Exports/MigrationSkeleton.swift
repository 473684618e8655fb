// The tables that contract and mapping need, as a migration to begin from: what a person adds is indexes, and the
// checks that the contract cannot know.
package import Contracts
package import Model

package enum MigrationSkeleton {
    /// Throws where mapping and contract do not fit each other.
    package static func text(of topic: TopicDefinition) throws(UserError) -> String {
        let writer = SkeletonWriter(topic: topic, columns: try TablePlanBuilder.requiredColumns(for: topic))
        return writer.text
    }
}

/// Writes by the conventions of `deploy/database`: keys `NOT NULL`, content nullable beside the marker, one check that
/// a living row is complete, a view of the living, a comment on each relation and column that names the article.
struct SkeletonWriter {
    let topic: TopicDefinition
    /// Table by table; a table's key columns first.
    let columns: [RequiredColumn]

    var text: String {
        let mapping = topic.mapping
        var parts = [heading, schemas, table(mapping.table, isBase: true)]
        parts += mapping.children.map { table($0.table, isBase: false) }
        parts.append(view)
        return parts.joined(separator: "\n\n") + "\n"
    }

    private var heading: String {
        """
        -- \(topic.name.rawValue), contract \(topic.contract.version), mapping revision \(topic.mapping.revision). \
        Written by `lienthong topics export --as sql`: a skeleton.
        -- Add what the contract does not know: narrower types, checks, indexes, words for people.
        """
    }

    private var schemas: String {
        let names = Set(columns.map(\.table.schema)).sorted()
        return names.map { "CREATE SCHEMA IF NOT EXISTS \($0);" }.joined(separator: "\n")
    }

    /// With the articles that ask for the data, unless the words name their own.
    private func withArticles(_ words: String) -> String {
        let words = words.hasSuffix(".") ? String(words.dropLast()) : words
        let articles = topic.contract.articles
        if articles.isEmpty || words.contains("art.") { return words }
        return "\(words) (Decree 102/2025 art. \(articles.joined(separator: ", ")))"
    }

    // MARK: Tables

    private func table(_ name: String, isBase: Bool) -> String {
        let own = columns.filter { $0.table.description == name }
        let width = own.map { $0.column.count }.max() ?? 0
        var lines = own.map { column in
            let padding = String(repeating: " ", count: width - column.column.count)
            let isNotNull = column.isKey || (!isBase && isRequired(column))
            return "\(column.column)\(padding) \(type(of: column))\(isNotNull ? " NOT NULL" : "")"
        }
        if isBase { lines.append("LIKE ingest.marker INCLUDING ALL") }
        lines.append("PRIMARY KEY (\(own.filter(\.isKey).map(\.column).joined(separator: ", ")))")
        let required = own.filter { !$0.isKey && isRequired($0) }.map { "\($0.column) IS NOT NULL" }
        if isBase, !required.isEmpty {
            let condition = required.joined(separator: "\n            AND ")
            lines.append(
                """
                CONSTRAINT \(constraintName) CHECK (
                        deleted OR (
                            \(condition)
                        )
                    )
                """)
        }
        let body = lines.map { "    " + $0 }.joined(separator: ",\n")
        return "CREATE TABLE \(name) (\n\(body)\n)\(isBase ? " WITH (fillfactor = 80)" : "");\n"
            + comments(on: name, own, isBase: isBase)
    }

    /// PostgreSQL cuts names beyond 63 bytes.
    private var constraintName: String {
        let name = QualifiedName(topic.mapping.view)?.name ?? "record"
        return name.prefix(54) + "_complete"
    }

    private func type(of column: RequiredColumn) -> String {
        switch column.type {
        case .text: comparesByBytes(column) ? "text COLLATE \"C\"" : "text"
        // A position is at most a list's bound.
        case .bigint: field(of: column) == nil ? "integer" : "bigint"
        case .boolean, .date, .timestamptz, .numeric, .jsonb: column.type.rawValue
        }
    }

    /// Identifiers and codes, so that joins between tables need no word of it.
    private func comparesByBytes(_ column: RequiredColumn) -> Bool {
        if column.isKey { return true }
        guard case .text(let rule) = field(of: column)?.type else { return false }
        return rule.identifier != nil || rule.codeList != nil || rule.pattern != nil
    }

    // MARK: Columns and fields

    /// The mapping's column; nil for positions.
    private func source(of column: RequiredColumn) -> (mapped: Mapping.Column, fields: [Field])? {
        let mapping = topic.mapping
        let fields = topic.contract.fields
        // A child's rows begin with the parent's key.
        if column.isKey, let key = mapping.key.first(where: { $0.name == column.column }) { return (key, fields) }
        if column.table.description == mapping.table {
            return mapping.columns.first { $0.name == column.column }.map { ($0, fields) }
        }
        let child = mapping.children.first { $0.table == column.table.description }
        guard !column.isKey, let child, let items = topic.contract.itemFields(ofList: child.list) else { return nil }
        return child.columns.first { $0.name == column.column }.map { ($0, items) }
    }

    private func field(of column: RequiredColumn) -> Field? {
        source(of: column).flatMap { $0.fields.field(at: $0.mapped.field) }
    }

    /// Whether each record of the contract fills the column: the field is required, and so is every object around it.
    private func isRequired(_ column: RequiredColumn) -> Bool {
        guard let (mapped, fields) = source(of: column), mapped.normaliser != .wholeDate else { return false }
        let names = mapped.field == "." ? ["."] : mapped.field.split(separator: ".").map(String.init)
        return names.indices.allSatisfy { index in
            fields.field(at: names[...index].joined(separator: "."))?.required ?? false
        }
    }

    // MARK: Comments and the view

    private func comments(on table: String, _ own: [RequiredColumn], isBase: Bool) -> String {
        let contract = topic.contract
        let words = withArticles(isBase ? contract.descriptionEnglish : childWords(table))
        let scope = isBase ? "; deleted ones included" : ""
        var lines = ["COMMENT ON TABLE \(table) IS\n    \(Self.literal(words + scope));"]
        for column in own {
            let words = field(of: column)?.descriptionEnglish ?? "Place in the list, from 1"
            let comment = Self.literal(withArticles(words))
            lines.append("COMMENT ON COLUMN \(table).\(column.column) IS\n    \(comment);")
        }
        return lines.joined(separator: "\n")
    }

    private func childWords(_ table: String) -> String {
        let list = topic.mapping.children.first { $0.table == table }?.list ?? ""
        return "List \(list) of \(topic.mapping.table)"
    }

    private static let viewedMarkers = [
        "record_version", "record_partition", "origin_offset", "mapping_revision", "applied_at",
    ]

    private var view: String {
        let mapping = topic.mapping
        let shown = columns.filter { $0.table.description == mapping.table }.map(\.column) + Self.viewedMarkers
        let list = shown.map { "        " + $0 }.joined(separator: ",\n")
        return """
            CREATE VIEW \(mapping.view) AS
                SELECT
            \(list)
                FROM \(mapping.table)
                WHERE NOT deleted;
            COMMENT ON VIEW \(mapping.view) IS
                \(Self.literal(withArticles(topic.contract.descriptionEnglish)));
            """
    }

    /// As PostgreSQL reads it with standard_conforming_strings on, its default.
    private static func literal(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }
}
