// The first row of a CSV file: which cell is which field of the contract, and the steps that make a JSON object of a
// row like that.
import Contracts
import Model

struct CSVHeader {
    /// How a cell becomes a JSON value.
    enum CellKind: Sendable {
        case text, integer, boolean
        /// A list or an object, which may stand in one cell as JSON.
        case json
    }

    /// One step of writing a row; trivial, since each row runs all of them.
    struct Step {
        enum Kind {
            case cell(column: Int, CellKind)
            /// Of an object or a list; one without content is left out.
            case open(UInt8)
            case close(UInt8)
        }
        var kind: Kind
        /// In `labels`: the member's name with its colon; empty in a list.
        var label: Range<Int>
    }

    private(set) var steps: [Step] = []
    private(set) var labels: [UInt8] = []
    private(set) var account = HeaderAccount()
    let columnCount: Int

    private static let delimiters: [UInt8] = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]
    /// Beyond it a list's numbered columns are a mistake.
    private static let itemsMax = 1_000
    /// Beyond it a first row is no header.
    private static let columnsMax = 100_000

    /// Reads the header and sets the rows' delimiter.
    /// Throws where there is no header, a cell of it holds a line end, no cell names a field, or two name the same.
    static func read(
        _ rows: inout RowSplitter, _ window: inout ByteWindow, contract: Contract, name: String
    ) throws(UserError) -> CSVHeader {
        rows.cellsMax = columnsMax + 1
        let isKeyed = isKeyed(window.slice(0..<window.count))
        if let declared = declaredDelimiter(window.slice(0..<window.count)) {
            rows.delimiter = declared
            _ = try rows.next(in: &window)
        } else {
            rows.delimiter = delimiter(of: window.slice(0..<window.count))
        }
        guard let row = try rows.next(in: &window), case .cells = row.kind, rows.cells.count <= columnsMax else {
            throw failure(name, "its first row cannot be read as a header", contract, isKeyed: isKeyed)
        }
        let names = rows.cells.map { cell in
            let text = String(decoding: window.slice(cell.start..<cell.start + cell.count), as: UTF8.self)
            return cell.hasQuotes ? text.replacing("\"\"", with: "\"") : text
        }
        rows.cellsMax = names.count + 1
        return try CSVHeader(names.map(Self.trimmed), contract: contract, name: name, isKeyed: isKeyed)
    }

    /// Of a file without a header. Its cells may be a record's values: none is quoted.
    private static func failure(_ name: String, _ cause: String, _ contract: Contract, isKeyed: Bool) -> UserError {
        let fields = contract.fields.prefix(3).map(\.name).joined(separator: ",")
        let nextStep =
            isKeyed
            ? "give --with-key where its lines are a key, a tab and a value"
            : "let the first row be a header such as \(fields),…"
        return InputFormat.failure(name, cause, nextStep)
    }

    /// Whether the first line looks like a key, a tab and a JSON object.
    private static func isKeyed(_ start: UnsafeRawBufferPointer) -> Bool {
        let line = start.drop(while: InputFormat.isBlank).prefix { $0 != 0x0A && $0 != 0x0D }
        return line.drop { $0 != UInt8(ascii: "\t") }.first { !InputFormat.isBlank($0) } == UInt8(ascii: "{")
    }

    /// Of a first line such as `sep=;`, by which Excel is told the delimiter.
    private static func declaredDelimiter(_ start: UnsafeRawBufferPointer) -> UInt8? {
        let line = start.drop { $0 == 0x0D || $0 == 0x0A }.prefix { $0 != 0x0A && $0 != 0x0D }
        guard line.count == 5, let last = line.last, last != UInt8(ascii: "\"") else { return nil }
        return String(decoding: line.dropLast(), as: UTF8.self).lowercased() == "sep=" ? last : nil
    }

    private static func trimmed(_ text: String) -> String {
        let blanks: Set<Character> = [" ", "\t", "\u{A0}"]
        return String(text.drop { blanks.contains($0) }.reversed().drop { blanks.contains($0) }.reversed())
    }

    /// The one that stands most often outside of quotes in the first line that is not blank.
    private static func delimiter(of start: UnsafeRawBufferPointer) -> UInt8 {
        var counts = [0, 0, 0]
        var isQuoted = false
        for byte in start.drop(while: { $0 == 0x0D || $0 == 0x0A }) {
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if isQuoted { continue }
            if byte == 0x0A || byte == 0x0D { break }
            if let index = delimiters.firstIndex(of: byte) { counts[index] += 1 }
        }
        let most = counts.indices.max { counts[$0] < counts[$1] } ?? 0
        return counts[0] == counts[most] ? delimiters[0] : delimiters[most]
    }

    // MARK: Columns

    /// - Parameter names: of the columns, trimmed.
    init(_ names: [String], contract: Contract, name: String, isKeyed: Bool) throws(UserError) {
        guard !names.contains(where: Self.hasControl) else {
            // A lost quote, or line ends that are none in CSV: the rows that follow are within the cell.
            throw Self.failure(
                name, "a cell of its first row holds a line end or another control character", contract,
                isKeyed: isKeyed)
        }
        columnCount = names.count
        let root = ColumnNode(.object(contract.fields + [Self.stateSecret]))
        var unknown: [(number: Int, name: String)] = []
        for (index, column) in names.enumerated() {
            guard let path = ColumnPath(column), let node = root.node(path.parts, itemsMax: Self.itemsMax) else {
                unknown.append((index, column))
                continue
            }
            guard node.column == nil, !node.hasColumnsWithin, !node.isWithinColumn else {
                throw InputFormat.failure(
                    name, "column \(index + 1) of its header gives \(Self.shown(column)) a second time",
                    "give each field in one way only")
            }
            node.column = index
        }
        guard unknown.count < names.count else {
            throw Self.failure(
                name, "none of the \(names.count) cells of its first row names a field of the contract", contract,
                isKeyed: isKeyed)
        }
        let known = Self.paths(contract.fields)
        account.unknownColumns = unknown.map { column in
            HeaderAccount.UnknownColumn(
                number: column.number + 1, suggestion: Self.suggestion(for: column.name, among: known))
        }
        account.missingFields = root.missingFields("")
        flatten(root)
        // Under names that no field has or resembles, so that the decoder counts them as what they are.
        for column in unknown { add(.cell(column: column.number, .text), label: Self.label("?\(column.number + 1)")) }
    }

    private static func hasControl(_ name: String) -> Bool {
        name.unicodeScalars.contains { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: true
            default: false
            }
        }
    }

    private static let stateSecret = Field(name: Contract.stateSecret, type: .boolean, required: false)
    private static let shownMax = 64

    private static func shown(_ name: String) -> String {
        name.count > shownMax ? name.prefix(shownMax) + "…" : name
    }

    /// Of all fields and of what is in them, with 0 for each number.
    private static func paths(_ fields: [Field], _ prefix: String = "") -> [String] {
        func paths(_ type: FieldType, _ path: String) -> [String] {
            switch type {
            case .object(let fields): [path] + Self.paths(fields, path + ".")
            case .list(let item, uniqueBy: _, minimumItems: _, maximumItems: _): [path] + paths(item, path + "[0]")
            case .text, .integer, .boolean, .decimal, .date, .timestamp: [path]
            }
        }
        return fields.flatMap { paths($0.type, prefix + $0.name) }
    }

    private static func suggestion(for name: String, among paths: [String]) -> String? {
        let known = Set(paths).union([stateSecret.name])
        if let near = Spelling.nearest(to: name, among: known) { return near }
        // A field's name without the path to it.
        let leaf = "." + name.lowercased()
        return name.isEmpty ? nil : paths.first { $0.lowercased().hasSuffix(leaf) }
    }

    // MARK: Steps

    private mutating func flatten(_ node: ColumnNode) {
        for child in node.children {
            let label = child.name.map(Self.label) ?? []
            if let column = child.column {
                add(.cell(column: column, child.cellKind), label: label)
            } else {
                let isList = child.isList
                add(.open(UInt8(ascii: isList ? "[" : "{")), label: label)
                flatten(child)
                add(.close(UInt8(ascii: isList ? "]" : "}")), label: [])
            }
        }
    }

    private mutating func add(_ kind: Step.Kind, label: [UInt8]) {
        let start = labels.count
        labels += label
        steps.append(Step(kind: kind, label: start..<labels.count))
    }

    private static func label(_ name: String) -> [UInt8] { Array((JSON.string(name).text + ":").utf8) }
}

/// `legalRepresentatives[0].fullName` by its parts.
private struct ColumnPath {
    enum Part {
        case name(String)
        case item(Int)
    }

    private(set) var parts: [Part] = []

    /// Nil where it is no path.
    init?(_ text: String) {
        for piece in text.split(separator: ".", omittingEmptySubsequences: false) {
            let pieces = piece.split(separator: "[", omittingEmptySubsequences: false)
            guard let name = pieces.first, !name.isEmpty else { return nil }
            parts.append(.name(String(name)))
            for item in pieces.dropFirst() {
                guard item.last == "]", let number = Int(item.dropLast()), number >= 0 else { return nil }
                parts.append(.item(number))
            }
        }
    }
}

/// The columns as a tree. Built once a file.
private final class ColumnNode {
    let type: FieldType
    /// Nil of a list's item and of the record.
    let name: String?
    /// Of a list's item.
    private let number: Int
    private let isRequired: Bool
    private weak var parent: ColumnNode?
    var column: Int?
    private(set) var children: [ColumnNode] = []

    init(
        _ type: FieldType, name: String? = nil, number: Int = 0, isRequired: Bool = false, in parent: ColumnNode? = nil
    ) {
        self.type = type
        self.name = name
        self.number = number
        self.isRequired = isRequired
        self.parent = parent
    }

    var isList: Bool {
        if case .list = type { true } else { false }
    }

    var cellKind: CSVHeader.CellKind {
        switch type {
        case .text, .decimal, .date, .timestamp: .text
        case .integer: .integer
        case .boolean: .boolean
        case .object, .list: .json
        }
    }

    var hasColumnsWithin: Bool { children.contains { $0.column != nil || $0.hasColumnsWithin } }

    var isWithinColumn: Bool {
        guard let parent else { return false }
        return parent.column != nil || parent.isWithinColumn
    }

    /// The node at a path, made where the contract has such a field.
    func node(_ path: [ColumnPath.Part], itemsMax: Int) -> ColumnNode? {
        var node = self
        for part in path {
            guard let next = node.child(part, itemsMax: itemsMax) else { return nil }
            node = next
        }
        return node
    }

    private func child(_ part: ColumnPath.Part, itemsMax: Int) -> ColumnNode? {
        switch (part, type) {
        case (.name(let name), .object(let fields)):
            if let child = children.first(where: { $0.name == name }) { return child }
            guard let field = fields.first(where: { $0.name == name }) else { return nil }
            children.append(ColumnNode(field.type, name: name, isRequired: field.required, in: self))
        case (.item(let number), .list(let item, uniqueBy: _, minimumItems: _, maximumItems: _)):
            guard number < itemsMax else { return nil }
            if let child = children.first(where: { $0.number == number }) { return child }
            children.append(ColumnNode(item, number: number, in: self))
            children.sort { $0.number < $1.number }
            return children.first { $0.number == number }
        default: return nil
        }
        return children.last
    }

    /// Required fields without a column, of the objects that have any.
    func missingFields(_ prefix: String) -> [String] {
        var missing: [String] = []
        if case .object(let fields) = type {
            for field in fields where field.required {
                let child = children.first { $0.name == field.name }
                if child == nil || child?.column == nil && child?.hasColumnsWithin == false {
                    missing.append(prefix + field.name)
                }
            }
        }
        for child in children where child.hasColumnsWithin {
            let path = prefix + (child.name ?? "[\(child.number)].")
            missing += child.missingFields(child.name == nil ? path : child.isList ? path : path + ".")
        }
        return missing
    }
}
