// Where a contract or a mapping says something, for findings that compare values and no longer see the YAML.
import Yams

/// Lines of a contract's parts, from 1.
struct ContractLines {
    private let root: Node?
    private var fields: [String: ClosedRange<Int>] = [:]
    private var rules: [ClosedRange<Int>] = []

    init(_ text: String) {
        root = FindingLog(file: "").compose(text)
        let object = root?.mapping?["schema"]?.sequence?.first
        addProperties(of: object, under: "")
        for check in object?.mapping?["quality"]?.sequence ?? [] {
            guard check.mapping?["type"]?.scalar?.string == "custom", check.mapping?["engine"] != nil,
                let line = check.firstLine
            else { continue }
            rules.append(line...max(line, check.lastLine))
        }
    }

    private mutating func addProperties(of object: Node?, under prefix: String) {
        for node in object?.mapping?["properties"]?.sequence ?? [] {
            guard let name = node.mapping?["name"]?.scalar?.string else { continue }
            add(node, at: prefix + name)
        }
    }

    private mutating func add(_ node: Node, at path: String) {
        guard let first = node.firstLine else { return }
        fields[path] = first...max(first, node.lastLine)
        addProperties(of: node, under: path + ".")
        guard let items = node.mapping?["items"] else { return }
        add(items, at: path + "[]")
        addProperties(of: items, under: path + "[].")
    }

    /// The line of what a change is about, or of what is around it.
    func line(of subject: ContractChange.Subject) -> Int? {
        switch subject {
        case .field(let path): line(ofField: path)
        case .setting(let name): line(ofSetting: name)
        case .rule(_, let index): index.flatMap { rules.indices.contains($0) ? rules[$0].lowerBound : nil }
        case .topic, .mapping, .codeList: nil
        }
    }

    /// The innermost field whose declaration holds the line.
    func field(at line: Int) -> String? {
        fields.filter { $0.value.contains(line) }.min { ($0.value.count, $1.key) < ($1.value.count, $0.key) }?.key
    }

    func isRule(at line: Int) -> Bool { rules.contains { $0.contains(line) } }

    private func line(ofField path: String) -> Int? {
        var path = path
        while !path.isEmpty {
            if let range = fields[path] { return range.lowerBound }
            if path.hasSuffix("[]") {
                path.removeLast(2)
            } else if let dot = path.lastIndex(of: ".") {
                path = String(path[..<dot])
            } else {
                break
            }
        }
        return root?.mapping?["schema"]?.firstLine
    }

    private func line(ofSetting name: String) -> Int? {
        if name == "primaryKey" { return root?.mapping?["schema"]?.firstLine }
        let properties = root?.mapping?["customProperties"]?.sequence ?? []
        if let property = properties.first(where: { $0.mapping?["property"]?.scalar?.string == name }) {
            return property.firstLine
        }
        var node = root
        var line: Int?
        for word in name.split(separator: ".", maxSplits: 1).map(String.init) {
            if let items = node?.sequence {
                node = items.first { $0.bears(word) }
            } else {
                node = node?.mapping?[word]
            }
            guard let found = node?.firstLine else { break }
            line = found
        }
        return line
    }
}

/// Lines of a mapping's parts, from 1.
struct MappingLines {
    private let root: Node?

    init(_ text: String) {
        root = FindingLog(file: "").compose(text)
    }

    private var children: [Node] { Array(root?.mapping?["children"]?.sequence ?? []) }

    /// - Parameter key: as `ContractChange.Subject.mapping` has it.
    func line(of key: String) -> Int? {
        for child in children {
            guard let list = child.mapping?["list"]?.scalar?.string else { continue }
            if key == "children.\(list)" { return child.firstLine }
            let prefix = "children.\(list)."
            if key.hasPrefix(prefix) {
                return line(ofColumn: String(key.dropFirst(prefix.count)), in: child.mapping?["columns"])
            }
        }
        let words = key.split(separator: ".", maxSplits: 1).map(String.init)
        guard let node = root?.mapping?[words[0]] else { return root?.firstLine }
        return words.count == 2 ? line(ofColumn: words[1], in: node) : node.firstLine
    }

    /// The line that names a table.
    func line(ofTable table: String) -> Int? {
        if root?.mapping?["table"]?.scalar?.string == table { return line(of: "table") }
        return children.first { $0.mapping?["table"]?.scalar?.string == table }?.firstLine
    }

    /// The line where a table's column is mapped; of a key's column in a child's table, that of the child's table.
    func line(ofColumn column: String, table: String) -> Int? {
        if root?.mapping?["table"]?.scalar?.string == table {
            let lists = [root?.mapping?["key"], root?.mapping?["columns"]].compactMap { $0?.sequence }
            return lists.joined().first { $0.bears(column) }?.firstLine ?? line(of: "table")
        }
        let child = children.first { $0.mapping?["table"]?.scalar?.string == table }
        return child.flatMap { line(ofColumn: column, in: $0.mapping?["columns"]) }
    }

    private func line(ofColumn column: String, in list: Node?) -> Int? {
        list?.sequence?.first { $0.bears(column) }?.firstLine ?? list?.firstLine
    }
}

extension Node {
    /// Keys by which an item of a list is known.
    private static let names = ["property", "role", "channel", "column", "name"]

    fileprivate func bears(_ word: String) -> Bool {
        Self.names.contains { mapping?[$0]?.scalar?.string == word }
    }

    /// Of a list or a mapping, where its first part stands.
    fileprivate var firstLine: Int? { mark?.line }

    fileprivate var lastLine: Int {
        let parts: [Node] =
            switch self {
            case .mapping(let mapping): mapping.flatMap { [$0.key, $0.value] }
            case .sequence(let items): Array(items)
            case .scalar, .alias: []
            }
        return parts.reduce(mark?.line ?? 0) { max($0, $1.lastLine) }
    }
}
