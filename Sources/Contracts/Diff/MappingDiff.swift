// Two states of a mapping. Its revision tells rows of one meaning from rows of another, so it grows with every change.
import Model

struct MappingDiff {
    let topic: String
    let old: Mapping
    let new: Mapping
    let wasPromised: Bool
    private var changes: [ContractChange] = []

    static func changes(
        topic: String, from old: Mapping, to new: Mapping, wasPromised: Bool = true
    ) -> [ContractChange] {
        var diff = MappingDiff(topic: topic, old: old, new: new, wasPromised: wasPromised)
        diff.compare()
        return diff.changes
    }

    private mutating func compare() {
        compareRelations()
        compareColumns(old.key, new.key, under: "key")
        compareColumns(old.columns, new.columns, under: "columns")
        compareChildren()
        compareRevision()
        compareOrder()
    }

    private mutating func add(_ severity: ContractChange.Severity, _ key: String, _ sentence: String) {
        changes.append(ContractChange(severity, topic: topic, .mapping(key), sentence, wasPromised: wasPromised))
    }

    /// A change of what a row means.
    private mutating func addMeaning(_ key: String, _ words: String) {
        if new.revision > old.revision {
            add(
                .dangerous, key,
                "\(words); rows of older revisions keep their older meaning until a replay rewrites them")
        } else {
            let wanted = max(old.revision, new.revision) + 1
            add(
                .breaking, key,
                "\(words); rows of revision \(new.revision) would be of two meanings, and no replay could tell "
                    + "them apart: raise revision to \(wanted)")
        }
    }

    private mutating func compareRelations() {
        if old.table != new.table {
            addMeaning("table", "was \(old.table), is now \(new.table): what was applied stays in the older one")
        }
        if old.view != new.view {
            add(.dangerous, "view", "was \(old.view), is now \(new.view): readers must be told to look there")
        }
    }

    private mutating func compareRevision() {
        if new.revision < old.revision {
            add(
                .breaking, "revision",
                "was \(old.revision), is now \(new.revision): workers of a lower revision cannot claim the topic, "
                    + "and rows of another meaning have that number already")
        } else if new.revision > old.revision, changes.isEmpty {
            add(.compatible, "revision", "was \(old.revision), is now \(new.revision): a replay rewrites the rows")
        }
    }

    private mutating func compareColumns(_ old: [Mapping.Column], _ new: [Mapping.Column], under prefix: String) {
        for column in old {
            let key = "\(prefix).\(column.name)"
            guard let now = new.first(where: { $0.name == column.name }) else {
                addMeaning(key, "was from \(column.source), is gone")
                continue
            }
            if now != column { addMeaning(key, "was from \(column.source), is now from \(now.source)") }
        }
        for column in new where !old.contains(where: { $0.name == column.name }) {
            addMeaning("\(prefix).\(column.name)", "is new, from \(column.source)")
        }
        if prefix == "key", old.map(\.name) != new.map(\.name), Set(old.map(\.name)) == Set(new.map(\.name)) {
            addMeaning("key", "the order of the key's columns changed")
        }
    }

    private mutating func compareChildren() {
        for child in old.children {
            let key = "children.\(child.list)"
            guard let now = new.children.first(where: { $0.list == child.list }) else {
                addMeaning(key, "went to \(child.table), goes nowhere now")
                continue
            }
            if now.table != child.table { addMeaning(key, "went to \(child.table), goes to \(now.table) now") }
            compareColumns(child.columns, now.columns, under: key)
        }
        for child in new.children where !old.children.contains(where: { $0.list == child.list }) {
            addMeaning("children.\(child.list)", "goes to \(child.table) now, went nowhere")
        }
    }

    /// The fingerprint of a row's content is taken over its columns in their order.
    private mutating func compareOrder() {
        guard changes.isEmpty, old.columns != new.columns || old.children != new.children else { return }
        add(
            .dangerous, "columns",
            "their order changed, and with it every content's fingerprint: records that are sent again count as "
                + "conflicting with their own rows")
    }
}

extension Mapping.Column {
    fileprivate var source: String { field + (normaliser.map { " as \($0.rawValue)" } ?? "") }
}

extension Mapping {
    /// `table.column` of each field that lands somewhere, by its path in the contract.
    var columnsByField: [String: Set<String>] {
        var columns: [String: Set<String>] = [:]
        func add(_ column: Column, of table: String, _ path: String) {
            columns[path, default: []].insert("\(table).\(column.name)")
        }
        for column in key + self.columns { add(column, of: table, column.field) }
        for child in children {
            for column in child.columns {
                add(
                    column, of: child.table, column.field == "." ? "\(child.list)[]" : "\(child.list)[].\(column.field)"
                )
            }
        }
        return columns
    }
}
