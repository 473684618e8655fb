// From `mapping.yaml` to a `Mapping`: where a record's fields land in the national database.
import Yams

package struct MappingReader {
    /// Nil where the contract could not be read: then only the mapping's own form is judged.
    private let contract: Contract?
    private let log: FindingLog

    /// The mapping is handed out only where no error was found in it, or where errors are accepted, for a comparison.
    package static func read(
        _ text: String, file: String, contract: Contract?, acceptingErrors: Bool = false
    ) -> (mapping: Mapping?, findings: [LintFinding]) {
        let reader = MappingReader(contract: contract, log: FindingLog(file: file))
        guard let root = reader.log.compose(text) else { return (nil, reader.log.findings) }
        let mapping = reader.mapping(root)
        return (reader.log.hasErrors && !acceptingErrors ? nil : mapping, reader.log.findings)
    }

    private static let rootKeys = KnownKeys(read: ["revision", "table", "view", "key", "columns", "children"])
    private static let childKeys = KnownKeys(read: ["table", "list", "columns"])
    private static let columnKeys = KnownKeys(read: ["column", "field", "as"])

    private func mapping(_ node: Node) -> Mapping? {
        guard let root = DocumentMapping(node, of: "the mapping", keys: Self.rootKeys, log: log) else { return nil }
        let revision = root.integer("revision", in: 1...Int64(Int32.max), required: true)
        let table = relation("table", of: root)
        let view = relation("view", of: root)
        if let table, table == view { root.fail("view", "expected the view to differ from the table") }

        var taken = Self.markerColumns.union(Self.workColumns)
        let key = columns("key", of: root, fields: contract?.fields, taken: &taken)
        taken.subtract(Self.workColumns)
        if let contract, let key, key.map(\.field) != contract.key {
            let expected = contract.key.joined(separator: ", ")
            root.fail("key", "expected the fields of the contract's key in their order: \(expected)")
        }
        for column in key ?? [] where column.normaliser != nil {
            root.fail("key", "column \(column.name): a column of the key takes its field as it is")
        }
        let columns = columns("columns", of: root, fields: contract?.fields, taken: &taken)
        let children = (root.list("children") ?? []).compactMap { child($0, keyColumns: key ?? []) }
        checkTables(of: children, table: table, view: view, in: root)
        guard let revision, let table, let view, let key, let columns else { return nil }
        let mapping = Mapping(
            revision: Int32(revision), table: table, view: view, key: key, columns: columns, children: children
        )
        if let contract { nameForgotten(by: mapping, of: contract, in: root) }
        return mapping
    }

    private func child(_ node: Node, keyColumns: [Mapping.Column]) -> Mapping.Child? {
        guard let child = DocumentMapping(node, of: "a child table", keys: Self.childKeys, log: log) else { return nil }
        let table = relation("table", of: child)
        let list = child.text("list", required: true)
        var fields: [Field]?
        if let contract, let list {
            fields = contract.itemFields(ofList: list)
            let lists = contract.listPaths
            if !lists.contains(list) {
                child.fail(
                    "list",
                    "\(list) is no list of the contract that can have a table"
                        + Spelling.suggestion(for: list, among: Set(lists)))
            }
        }
        var taken = Set(keyColumns.map(\.name)).union([Self.positionColumn, ListPath.parentPositionColumn])
        guard let columns = columns("columns", of: child, fields: fields, taken: &taken), let table, let list else {
            return nil
        }
        return Mapping.Child(table: table, list: list, columns: columns)
    }

    private func columns(
        _ key: String, of mapping: DocumentMapping, fields: [Field]?, taken: inout Set<String>
    ) -> [Mapping.Column]? {
        guard let nodes = mapping.list(key, required: true) else { return nil }
        if nodes.isEmpty { mapping.fail(key, "expected at least one column") }
        var columns: [Mapping.Column] = []
        for node in nodes {
            guard let entry = DocumentMapping(node, of: "a column", keys: Self.columnKeys, log: log),
                let name = entry.text("column", required: true), let field = entry.text("field", required: true)
            else { continue }
            if !QualifiedName.isIdentifier(name) {
                entry.fail("column", "expected a column's name in a-z, 0-9 and _, at most 63 of them, found \(name)")
            } else if Self.reservedWords.contains(name) {
                entry.fail("column", "\(name) is a reserved word of PostgreSQL: choose another name")
            } else if !taken.insert(name).inserted || name.hasPrefix(Self.stagePrefix) {
                entry.fail("column", "the column \(name) is taken already, by the mapping or by the workers' own use")
            }
            let normaliser = entry.choice("as", of: Mapping.Normaliser.self, what: "normaliser")
            if let fields { check(field, normaliser, among: fields, in: entry) }
            columns.append(Mapping.Column(name: name, field: field, normaliser: normaliser))
        }
        return columns
    }

    private func check(
        _ path: String, _ normaliser: Mapping.Normaliser?, among fields: [Field], in entry: DocumentMapping
    ) {
        guard let field = fields.field(at: path) else {
            let hint = Spelling.suggestion(for: path, among: Set(fields.paths()))
            entry.fail("field", "\(path) is no field of the contract\(hint)")
            return
        }
        guard field.type.columnType(normaliser: normaliser) == nil else { return }
        switch normaliser {
        case .wholeDate: entry.fail("as", "whole-date fits partial dates only, and \(path) is none")
        case .uppercase: entry.fail("as", "uppercase fits texts only, and \(path) is none")
        case nil: entry.fail("field", "\(path) has no column type")
        }
    }

    /// `schema.table` goes into SQL as it stands, so nothing but plain identifiers is let through.
    private func relation(_ key: String, of mapping: DocumentMapping) -> String? {
        guard let text = mapping.text(key, required: true) else { return nil }
        guard let name = QualifiedName(text), !Self.reservedWords.contains(name.schema),
            !Self.reservedWords.contains(name.name)
        else {
            mapping.fail(
                key, "expected \(key) as schema.name, each of a-z, 0-9 and _, at most 63 of them, no reserved word")
            return nil
        }
        if name.schema == Self.ownSchema { mapping.fail(key, "the schema \(Self.ownSchema) belongs to the broker") }
        return text
    }

    private func checkTables(of children: [Mapping.Child], table: String?, view: String?, in root: DocumentMapping) {
        var taken = Set([table, view].compactMap(\.self))
        var lists: Set<String> = []
        for child in children {
            if !taken.insert(child.table).inserted { root.fail("children", "the table \(child.table) is used already") }
            if !lists.insert(child.list).inserted {
                root.fail("children", "the list \(child.list) has a table already")
            }
        }
    }

    /// A field that lands nowhere may be meant so; it is named, so that it is not forgotten unseen.
    private func nameForgotten(by mapping: Mapping, of contract: Contract, in root: DocumentMapping) {
        let lists = mapping.children.map(\.list)
        let mapped = Set((mapping.key + mapping.columns).map(\.field) + lists)
        for path in Self.unmapped(contract.fields, mapped: mapped) {
            log.note(root["columns"], "the field \(path) lands in no column")
        }
        for child in mapping.children {
            let fields = contract.itemFields(ofList: child.list) ?? []
            let within = "\(child.list)[]."
            let inner = lists.filter { $0.hasPrefix(within) }.map { String($0.dropFirst(within.count)) }
            for path in Self.unmapped(fields, mapped: Set(child.columns.map(\.field) + inner)) {
                log.note(root["children"], "the field \(within)\(path) lands in no column")
            }
        }
    }

    /// Paths of leaves that neither themselves nor by an object around them are in `mapped`.
    private static func unmapped(_ fields: [Field], mapped: Set<String>, under prefix: String = "") -> [String] {
        fields.flatMap { field -> [String] in
            let path = prefix + field.name
            if mapped.contains(path) { return [] }
            if case .object(let inner) = field.type { return unmapped(inner, mapped: mapped, under: path + ".") }
            return [path]
        }
    }

    /// The schema of the broker's own tables.
    static let ownSchema = "ingest"
    /// The ordinal of a child's row.
    package static let positionColumn = "position"
    /// Columns that workers put beside those of the key while they merge; a test compares them with the statements.
    package static let workColumns: Set = [
        positionColumn, ListPath.parentPositionColumn, "ordinal", "partition", "incarnation", "inserted", "conflict",
        "applied",
    ]
    /// Of the columns that workers put beside a record's.
    package static let stagePrefix = "stage_"
    /// Columns that every base table has from `ingest.marker`; a test compares them with the migration.
    package static let markerColumns: Set = [
        "record_version", "record_partition", "record_incarnation", "record_offset", "origin_offset",
        "mapping_revision",
        "content_hash", "version_conflict", "applied_at", "delete_version", "delete_partition", "delete_incarnation",
        "delete_offset", "plain_delete_partition", "plain_delete_incarnation", "plain_delete_offset", "deleted",
    ]
    /// Words that PostgreSQL 15 and later do not take as an unquoted column name (its documentation, appendix C).
    static let reservedWords: Set = [
        "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "binary",
        "both",
        "case", "cast", "check", "collate", "collation", "column", "concurrently", "constraint", "create", "cross",
        "current_catalog", "current_date", "current_role", "current_schema", "current_time", "current_timestamp",
        "current_user", "default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "false", "fetch",
        "for",
        "foreign", "freeze", "from", "full", "grant", "group", "having", "ilike", "in", "initially", "inner",
        "intersect",
        "into", "is", "isnull", "join", "lateral", "leading", "left", "like", "limit", "localtime", "localtimestamp",
        "natural", "not", "notnull", "null", "offset", "on", "only", "or", "order", "outer", "overlaps", "placing",
        "primary",
        "references", "returning", "right", "select", "session_user", "similar", "some", "symmetric", "system_user",
        "table",
        "tablesample", "then", "to", "trailing", "true", "union", "unique", "user", "using", "variadic", "verbose",
        "when",
        "where", "window", "with",
    ]
}
