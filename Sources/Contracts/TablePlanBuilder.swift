// From contract and mapping to the columns that the decoder writes and the merge reads: one builder, so that the two agree.
import Foundation
package import Model

extension FieldType {
    /// The PostgreSQL type that the decoder encodes; objects and lists that are not spread into columns go as `jsonb`.
    /// Nil where the normaliser does not fit the type.
    package func columnType(normaliser: Mapping.Normaliser?) -> ColumnType? {
        switch (self, normaliser) {
        case (.date(partial: true, minimum: _, maximum: _), .wholeDate): .date
        case (.text, .uppercase): .text
        case (_, .wholeDate), (_, .uppercase): nil
        case (.text, nil): .text
        case (.integer, nil): .bigint
        case (.boolean, nil): .boolean
        case (.decimal, nil): .numeric
        case (.date(let partial, minimum: _, maximum: _), nil): partial ? .text : .date
        case (.timestamp, nil): .timestamptz
        case (.object, nil), (.list, nil): .jsonb
        }
    }
}

extension Array where Element == Field {
    /// The field at a dotted path through objects, such as `permanentAddress.text`; nil where there is none.
    /// A list ends a path: what is within its items is reached from the items. `.` is the item that is no object itself.
    package func field(at path: String) -> Field? {
        if path == "." { return first { $0.name == "." } }
        var fields = self
        var found: Field?
        for name in path.split(separator: ".", omittingEmptySubsequences: false) {
            guard let field = fields.first(where: { $0.name == name }) else { return nil }
            found = field
            if case .object(let inner) = field.type { fields = inner } else { fields = [] }
        }
        return found
    }
}

/// Where a list stands: a path through objects, and through the items of one list around it, as in `parts[].labels`.
package struct ListPath: Sendable {
    /// The position, from 1, of the item of the outer list that a row of an inner list belongs to.
    package static let parentPositionColumn = "parent_position"
    static let depthMax = 2
    private static let separator = "[]."

    /// From the outer list to the inner one.
    package let parts: [String]

    package init(_ text: String) {
        parts = text.components(separatedBy: Self.separator)
    }

    package var isNested: Bool { parts.count > 1 }
}

extension Array where Element == Field {
    fileprivate func listPaths(under prefix: String) -> [String] {
        flatMap { field -> [String] in
            let path = prefix + field.name
            switch field.type {
            case .object(let inner): return inner.listPaths(under: path + ".")
            case .list(.object(let inner), _, _, _): return [path] + inner.listPaths(under: path + "[].")
            case .list: return [path]
            case .text, .integer, .boolean, .decimal, .date, .timestamp: return []
            }
        }
    }
}

/// `schema.table`, each of `[a-z_][a-z0-9_]*` and at most 63 bytes (PostgreSQL cuts longer names): both go into SQL unquoted.
package struct QualifiedName: Sendable, Hashable, CustomStringConvertible {
    package let schema: String
    package let name: String

    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts.allSatisfy(Self.isIdentifier) else { return nil }
        schema = parts[0]
        name = parts[1]
    }

    package var description: String { "\(schema).\(name)" }

    package static func isIdentifier(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 63 else { return false }
        func isLetter(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        }
        return isLetter(first)
            && text.utf8.allSatisfy { isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}

/// A column that a mapping needs in the national database, with the type that the worker stages.
package struct RequiredColumn: Sendable, Equatable {
    package let table: QualifiedName
    package let column: String
    package let type: ColumnType
    /// Part of the table's primary key.
    package let isKey: Bool

    package init(table: QualifiedName, column: String, type: ColumnType, isKey: Bool) {
        self.table = table
        self.column = column
        self.type = type
        self.isKey = isKey
    }
}

/// The tables of a topic in COPY order: keys, then content in the mapping's order. The decoder and the merge both call it.
package enum TablePlanBuilder {
    /// Throws where mapping and contract disagree; lint has said so with file and line before.
    package static func plan(for topic: TopicDefinition) throws(UserError) -> (table: TablePlan, children: [ChildPlan])
    {
        let table = try qualified(topic.mapping.table, of: topic)
        let view = try qualified(topic.mapping.view, of: topic)
        var children: [ChildPlan] = []
        for child in topic.mapping.children {
            let name = try qualified(child.table, of: topic)
            guard let fields = topic.contract.itemFields(ofList: child.list) else {
                throw disagreement("\(child.list) is not a list of the contract", of: topic)
            }
            var columns = try columns(child.columns, in: fields, of: topic)
            if ListPath(child.list).isNested {
                columns.insert(ColumnPlan(name: ListPath.parentPositionColumn, type: .bigint), at: 0)
            }
            children.append(ChildPlan(schema: name.schema, name: name.name, columns: columns))
        }
        let plan = TablePlan(
            schema: table.schema, name: table.name, view: view.description,
            keyColumns: try columns(topic.mapping.key, in: topic.contract.fields, of: topic),
            contentColumns: try columns(topic.mapping.columns, in: topic.contract.fields, of: topic)
        )
        return (plan, children)
    }

    /// What the mapping needs of the national database, table by table; `doctor` compares it with the server's catalogue.
    /// Columns of the rank (`ingest.marker`) are not among them.
    package static func requiredColumns(for topic: TopicDefinition) throws(UserError) -> [RequiredColumn] {
        let (table, children) = try plan(for: topic)
        var required: [RequiredColumn] = []
        func require(_ columns: [ColumnPlan], isKey: Bool, in table: QualifiedName) {
            required += columns.map { RequiredColumn(table: table, column: $0.name, type: $0.type, isKey: isKey) }
        }
        let base = try qualified(topic.mapping.table, of: topic)
        require(table.keyColumns, isKey: true, in: base)
        require(table.contentColumns, isKey: false, in: base)
        for child in children {
            let name = try qualified("\(child.schema).\(child.name)", of: topic)
            require(
                table.keyColumns + [ColumnPlan(name: MappingReader.positionColumn, type: .bigint)], isKey: true,
                in: name)
            for column in child.columns {
                require([column], isKey: column.name == ListPath.parentPositionColumn, in: name)
            }
        }
        return required
    }

    private static func columns(
        _ columns: [Mapping.Column], in fields: [Field], of topic: TopicDefinition
    ) throws(UserError) -> [ColumnPlan] {
        var plans: [ColumnPlan] = []
        for column in columns {
            guard let field = fields.field(at: column.field) else {
                throw disagreement("\(column.field) is not a field of the contract", of: topic)
            }
            guard let type = field.type.columnType(normaliser: column.normaliser) else {
                let normaliser = column.normaliser?.rawValue ?? "no normaliser"
                throw disagreement(
                    "column \(column.name): \(normaliser) does not fit the type of \(column.field)", of: topic)
            }
            plans.append(ColumnPlan(name: column.name, type: type))
        }
        return plans
    }

    private static func qualified(_ text: String, of topic: TopicDefinition) throws(UserError) -> QualifiedName {
        guard let name = QualifiedName(text) else {
            throw disagreement("\(text) is not of the form schema.table in a-z, 0-9 and _", of: topic)
        }
        return name
    }

    private static func disagreement(_ cause: String, of topic: TopicDefinition) -> UserError {
        UserError(
            action: "planning the tables of", subject: topic.name.rawValue, cause: cause,
            nextStep: "correct \(topic.folder)/mapping.yaml and run `lienthong topics lint`", status: .configuration
        )
    }
}

extension Contract {
    /// The fields of a list's items; an item that is no object is one field named `.`. Nil where there is no such list.
    /// - Parameter path: as `Mapping.Child.list` has it.
    package func itemFields(ofList path: String) -> [Field]? {
        var items: [Field]?
        for part in ListPath(path).parts {
            guard let list = (items ?? fields).field(at: part), case .list(let item, _, _, _) = list.type else {
                return nil
            }
            if case .object(let inner) = item {
                items = inner
            } else {
                items = [Field(name: ".", type: item, required: true, classification: list.classification)]
            }
        }
        return items
    }

    /// Paths of all lists that can have a table, as `Mapping.Child.list` has them.
    package var listPaths: [String] {
        fields.listPaths(under: "").filter { ListPath($0).parts.count <= ListPath.depthMax }
    }
}
