// What tables, columns and views the migrations make, read from their SQL: lint judges a mapping without a database.
// Only definitions of relations are understood; whatever else a migration does is passed over.
import Foundation
import Model

extension ColumnType {
    /// Types, as PostgreSQL's pg_type names them, that a staged column of this type is assigned to without a cast.
    package var assignableTypes: Set<String> {
        switch self {
        case .text: ["text", "varchar", "bpchar"]
        case .bigint: ["int8", "int4", "int2", "numeric"]
        case .boolean: ["bool"]
        case .date: ["date"]
        case .timestamptz: ["timestamptz"]
        case .numeric: ["numeric", "int8"]
        case .jsonb: ["jsonb"]
        }
    }
}

/// The relations that a folder of migrations leaves behind.
package struct TableDefinitions: Sendable {
    struct Table: Sendable {
        struct Column: Sendable {
            let name: String
            /// As pg_type names it.
            var type: String
        }
        var columns: [Column] = []
        /// Made from a query: its columns are not known here.
        var isFromQuery = false
        var primaryKey: PrimaryKey?

        subscript(name: String) -> Column? { columns.first { $0.name == name } }
    }

    /// What tells a table's rows apart.
    struct PrimaryKey: Sendable {
        /// Of the constraint.
        let name: String
        /// Nil where an index of another statement is made the key: its columns are not known here.
        var columns: [String]?
    }

    /// By `schema.name`.
    private(set) var tables: [String: Table] = [:]
    private(set) var views: Set<String> = []
    /// Types beneath domains, by the domain's `schema.name`.
    private var domains: [String: String] = [:]
    /// Files that are not UTF-8, or cannot be read at all.
    private(set) var unreadable: [String] = []
    /// Text of `DO` blocks and functions that may define relations, which is not looked into.
    private(set) var blocks: [(file: String, line: Int, text: String)] = []

    /// Nil where the folder is none or holds no `.sql` file.
    package static func load(folder: String) -> TableDefinitions? {
        let names = (Files.entries(in: folder) ?? []).filter { $0.hasSuffix(".sql") }
        var definitions = TableDefinitions()
        for name in names {
            guard let text = try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8) else {
                definitions.unreadable.append("\(folder)/\(name)")
                continue
            }
            definitions.apply(text, file: "\(folder)/\(name)")
        }
        return names.isEmpty ? nil : definitions
    }

    /// Applies one file after those before it.
    mutating func apply(_ sql: String, file: String) {
        // Each migration runs with a search path of its own.
        var schema = "public"
        for statement in SQLToken.statements(of: sql) {
            for token in statement where token.kind == .block && token.mayDefine {
                blocks.append((file, token.line, token.text))
            }
            var reader = SQLReader(statement, schema: schema)
            apply(&reader)
            schema = reader.schema
        }
    }

    private mutating func apply(_ reader: inout SQLReader) {
        if reader.take("create") {
            create(&reader)
        } else if reader.take("alter") {
            alter(&reader)
        } else if reader.take("drop") {
            drop(&reader)
        } else if reader.take("set") {
            _ = reader.take("local") || reader.take("session")
            guard reader.take("search_path"), reader.take("to") || reader.take("="), let first = reader.word() else {
                return
            }
            reader.schema = first
        }
    }

    // MARK: CREATE

    private mutating func create(_ reader: inout SQLReader) {
        if reader.take("domain") {
            guard let name = reader.relation() else { return }
            _ = reader.take("as")
            domains[name] = reader.type(domains: domains)
            return
        }
        if reader.take("or") { _ = reader.take("replace") }
        let isTemporary = reader.takeAny(["temp", "temporary", "local", "global"])
        _ = reader.takeAny(["unlogged", "recursive", "materialized"])
        let isTable = reader.take("table")
        guard isTable || reader.take("view"), !isTemporary else { return }
        let mayExist = reader.takeAll(["if", "not", "exists"])
        guard let name = reader.relation() else { return }
        if !isTable {
            views.insert(name)
        } else if !(mayExist && tables[name] != nil) {
            tables[name] = table(name, &reader)
        }
    }

    private func table(_ name: String, _ reader: inout SQLReader) -> Table {
        var table = Table()
        if reader.takeAll(["partition", "of"]) {
            return reader.relation().flatMap { tables[$0] } ?? Table(isFromQuery: true)
        }
        let elements = reader.parenthesised()
        // A name alone is no column of a table, but one of a query's that follows; so is what has no list.
        guard let elements, elements.contains(where: { $0.count > 1 }) else { return Table(isFromQuery: true) }
        for element in elements {
            var part = SQLReader(element, schema: reader.schema)
            if part.take("like") {
                guard let source = part.relation().flatMap({ tables[$0] }) else { continue }
                add(source, to: &table)
                let takesKey = part.contains(["including", "all"]) || part.contains(["including", "indexes"])
                if takesKey, !part.contains(["excluding", "indexes"]), let key = source.primaryKey {
                    table.primaryKey = PrimaryKey(name: Self.keyName(of: name), columns: key.columns)
                }
            } else if part.startsConstraint {
                if let key = primaryKey(of: name, &part) { table.primaryKey = key }
            } else if let column = column(&part) {
                table.columns.append(column)
                if let key = primaryKey(of: name, column, &part) { table.primaryKey = key }
            }
        }
        if reader.take("inherits"), let parents = reader.parenthesised() {
            for parent in parents {
                var part = SQLReader(parent, schema: reader.schema)
                if let source = part.relation().flatMap({ tables[$0] }) { add(source, to: &table) }
            }
        }
        return table
    }

    /// As PostgreSQL names a key that is not named.
    private static func keyName(of table: String) -> String {
        "\(table.split(separator: ".").last ?? "")_pkey"
    }

    /// Of a table's constraint, where it is one.
    private func primaryKey(of table: String, _ part: inout SQLReader) -> PrimaryKey? {
        var name = Self.keyName(of: table)
        if part.take("constraint") {
            guard let given = part.word() else { return nil }
            name = given
        }
        guard part.takeAll(["primary", "key"]) else { return nil }
        let columns = part.parenthesised()?.compactMap(\.first?.text)
        return PrimaryKey(name: name, columns: columns)
    }

    /// Of a column's constraint, where it has one.
    private func primaryKey(of table: String, _ column: Table.Column, _ part: inout SQLReader) -> PrimaryKey? {
        guard part.contains(["primary", "key"]) else { return nil }
        return PrimaryKey(name: Self.keyName(of: table), columns: [column.name])
    }

    private func add(_ source: Table, to table: inout Table) {
        table.isFromQuery = table.isFromQuery || source.isFromQuery
        for column in source.columns where table[column.name] == nil { table.columns.append(column) }
    }

    private func column(_ reader: inout SQLReader) -> Table.Column? {
        guard let name = reader.word(), let type = reader.type(domains: domains) else { return nil }
        return Table.Column(name: name, type: type)
    }

    // MARK: ALTER

    private mutating func alter(_ reader: inout SQLReader) {
        if reader.take("schema") { return alterSchema(&reader) }
        _ = reader.take("materialized")
        guard reader.take("table") || reader.take("view") else { return }
        _ = reader.takeAll(["if", "exists"])
        _ = reader.take("only")
        guard let name = reader.relation() else { return }
        _ = reader.take("*")
        for action in reader.commaSeparated() {
            var part = SQLReader(action, schema: reader.schema)
            alter(name, &part)
        }
    }

    private mutating func alter(_ name: String, _ action: inout SQLReader) {
        if action.take("add") {
            _ = action.take("column")
            let mayExist = action.takeAll(["if", "not", "exists"])
            if action.startsConstraint {
                if let key = primaryKey(of: name, &action) { tables[name]?.primaryKey = key }
                return
            }
            guard let column = column(&action) else { return }
            if mayExist, tables[name]?[column.name] != nil { return }
            tables[name]?.columns.append(column)
            if let key = primaryKey(of: name, column, &action) { tables[name]?.primaryKey = key }
        } else if action.take("drop") {
            if action.take("constraint") {
                _ = action.takeAll(["if", "exists"])
                if let constraint = action.word(), constraint == tables[name]?.primaryKey?.name {
                    tables[name]?.primaryKey = nil
                }
                return
            }
            _ = action.take("column")
            _ = action.takeAll(["if", "exists"])
            guard let column = action.word() else { return }
            tables[name]?.columns.removeAll { $0.name == column }
            if tables[name]?.primaryKey?.columns?.contains(column) == true { tables[name]?.primaryKey = nil }
        } else if action.take("alter") {
            _ = action.take("column")
            guard let column = action.word() else { return }
            _ = action.takeAll(["set", "data"])
            guard action.take("type"), let type = action.type(domains: domains),
                let index = tables[name]?.columns.firstIndex(where: { $0.name == column })
            else { return }
            tables[name]?.columns[index].type = type
        } else if action.take("rename") {
            rename(name, &action)
        } else if action.takeAll(["set", "schema"]), let schema = action.word() {
            move(name, to: "\(schema).\(name.split(separator: ".").last ?? "")")
        }
    }

    private mutating func rename(_ name: String, _ action: inout SQLReader) {
        if action.take("constraint") {
            guard let old = action.word(), action.take("to"), let new = action.word(),
                let key = tables[name]?.primaryKey, key.name == old
            else { return }
            tables[name]?.primaryKey = PrimaryKey(name: new, columns: key.columns)
            return
        }
        if action.take("to") {
            guard let new = action.word() else { return }
            return move(name, to: "\(name.split(separator: ".").first ?? "").\(new)")
        }
        _ = action.take("column")
        guard let old = action.word(), action.take("to"), let new = action.word(),
            let index = tables[name]?.columns.firstIndex(where: { $0.name == old }),
            let type = tables[name]?.columns[index].type
        else { return }
        tables[name]?.columns[index] = Table.Column(name: new, type: type)
        let key = tables[name]?.primaryKey?.columns?.map { $0 == old ? new : $0 }
        tables[name]?.primaryKey?.columns = key
    }

    private mutating func move(_ old: String, to new: String) {
        if let table = tables.removeValue(forKey: old) { tables[new] = table }
        if views.remove(old) != nil { views.insert(new) }
    }

    private mutating func alterSchema(_ reader: inout SQLReader) {
        guard let old = reader.word(), reader.takeAll(["rename", "to"]), let new = reader.word() else { return }
        for name in Array(tables.keys) + views where name.hasPrefix("\(old).") {
            move(name, to: new + name.dropFirst(old.count))
        }
        for (name, type) in domains where name.hasPrefix("\(old).") {
            domains[new + name.dropFirst(old.count)] = type
            domains[name] = nil
        }
    }

    // MARK: DROP

    private mutating func drop(_ reader: inout SQLReader) {
        let isSchema = reader.take("schema")
        _ = reader.take("materialized")
        guard isSchema || reader.take("table") || reader.take("view") else { return }
        _ = reader.takeAll(["if", "exists"])
        for name in reader.commaSeparated() {
            var part = SQLReader(name, schema: reader.schema)
            if isSchema {
                guard let schema = part.word() else { continue }
                tables = tables.filter { !$0.key.hasPrefix("\(schema).") }
                views = views.filter { !$0.hasPrefix("\(schema).") }
            } else if let relation = part.relation() {
                tables[relation] = nil
                views.remove(relation)
            }
        }
    }
}

// MARK: Lint

extension TableDefinitions {
    /// Whether the tables, columns and views that a mapping names are there and take what the worker writes.
    func findings(on topic: TopicDefinition, migrations folder: String) -> [LintFinding] {
        guard let required = try? TablePlanBuilder.requiredColumns(for: topic) else { return [] }
        let file = "\(topic.folder)/\(CatalogueReading.mappingFile)"
        // Most mappings have no fault to point at.
        lazy var lines = MappingLines((try? String(contentsOfFile: file, encoding: .utf8)) ?? "")
        var findings: [LintFinding] = []
        func add(_ severity: LintFinding.Severity, _ line: Int?, _ message: String) {
            findings.append(LintFinding(severity, file: file, line: line, message: message))
        }
        for name in [topic.mapping.table] + topic.mapping.children.map(\.table) {
            let line = { lines.line(ofTable: name) }
            guard let table = tables[name] else {
                let (severity, message) = missing("table", name, among: Set(tables.keys), folder)
                add(severity, line(), message)
                continue
            }
            if table.isFromQuery {
                add(.note, line(), "\(name) is made from a query or of a type: its columns are not checked")
                continue
            }
            for column in required where column.table.description == name {
                guard let message = fault(of: column, in: table, folder) else { continue }
                add(.error, lines.line(ofColumn: column.column, table: name), message)
            }
            if let (severity, message) = keyFault(of: name, table, required, folder) {
                add(severity, line(), message)
            }
            guard name == topic.mapping.table else { continue }
            let absent = MappingReader.markerColumns.filter { table[$0] == nil }.sorted()
            if !absent.isEmpty {
                add(
                    .error, line(),
                    "\(name) has no \(absent.prefix(3).joined(separator: ", "))\(absent.count > 3 ? " …" : "") in "
                        + "\(folder): expected LIKE ingest.marker INCLUDING ALL in it")
            }
        }
        if !views.contains(topic.mapping.view) {
            let (severity, message) = missing("view", topic.mapping.view, among: views, folder)
            add(severity, lines.line(of: "view"), message)
        }
        return findings
    }

    /// Where the table's rows are told apart by other columns than the mapping's: two would be one, or one two.
    private func keyFault(
        of name: String, _ table: Table, _ required: [RequiredColumn], _ folder: String
    ) -> (LintFinding.Severity, String)? {
        let key = required.filter { $0.isKey && $0.table.description == name }.map(\.column)
        // A column that is not there is a finding already.
        guard key.allSatisfy({ table[$0] != nil }) else { return nil }
        let expected = "expected PRIMARY KEY (\(key.joined(separator: ", ")))"
        guard let found = table.primaryKey else {
            let bare = name.split(separator: ".").last.map(String.init) ?? name
            if let block = blocks.first(where: { $0.text.contains(bare) }) {
                return (
                    .note,
                    "\(name) has no primary key in \(folder), unless the block at \(block.file):\(block.line) makes it, "
                        + "which is not looked into: \(expected)"
                )
            }
            return (.error, "\(name) has no primary key in \(folder): \(expected)")
        }
        guard let columns = found.columns else {
            return (.note, "\(name) has an index of its own as its primary key in \(folder), which is not looked into")
        }
        guard Set(columns) != Set(key) else { return nil }
        return (.error, "\(name) has the primary key \(columns.joined(separator: ", ")) in \(folder): \(expected)")
    }

    private func fault(of column: RequiredColumn, in table: Table, _ folder: String) -> String? {
        guard let found = table[column.column] else {
            let hint = Spelling.nearest(to: column.column, among: Set(table.columns.map(\.name)))
            return "\(column.table) has no column \(column.column) in \(folder)"
                + (hint.map { ": did you mean \($0)?" } ?? ": expected one of type \(column.type.rawValue)")
        }
        guard !column.type.assignableTypes.contains(found.type) else { return nil }
        let expected = column.type.assignableTypes.sorted().joined(separator: ", ")
        return "\(column.table).\(column.column) is of type \(found.type) in \(folder), which the field's "
            + "\(column.type.rawValue) is not assigned to: expected \(expected)"
    }

    /// A relation that a block names with a definition may well be made there.
    private func missing(
        _ kind: String, _ name: String, among known: Set<String>, _ folder: String
    ) -> (LintFinding.Severity, String) {
        let bare = name.split(separator: ".").last.map(String.init) ?? name
        if let block = blocks.first(where: { $0.text.contains(bare) }) {
            return (
                .note,
                "no statement in \(folder) makes the \(kind) \(name); perhaps the block at "
                    + "\(block.file):\(block.line) does, which is not looked into: it is not checked"
            )
        }
        let hint = Spelling.nearest(to: name, among: known).map { ": did you mean \($0)?" } ?? ""
        return (.error, "no migration in \(folder) makes the \(kind) \(name)\(hint)")
    }
}
