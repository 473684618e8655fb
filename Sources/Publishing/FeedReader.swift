// Reads a feed's YAML strictly: an unknown key, a missing one or a doubtful name is an error with its file and line.
import Foundation
package import Model
import Yams

package enum FeedReader {
    /// A feed's file larger than this is not one.
    static let fileBytesMax = 1_048_576

    /// All feeds of a folder (`*.yaml`), in the order of their names.
    /// - Throws: where a file is not a feed, two feeds share a name or a slot, or there is none.
    package static func load(folder: String) throws(UserError) -> [FeedDefinition] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw problem(folder, nil, "the folder cannot be read", "set LIENTHONG_FEEDS to the folder of the feeds")
        }
        var feeds: [FeedDefinition] = []
        for name in names.sorted() where name.hasSuffix(".yaml") && !name.hasPrefix(".") {
            let feed = try load(file: "\(folder)/\(name)")
            if let other = feeds.first(where: { $0.feed == feed.feed }) {
                throw problem(
                    "\(folder)/\(name)", nil, "a feed named \(other.feed) was read before", "name each feed once")
            }
            // A slot serves one reader: two feeds on one would each see half of the changes.
            if let other = feeds.first(where: { $0.slot == feed.slot && $0.source == feed.source }) {
                throw problem(
                    "\(folder)/\(name)", nil, "feed \(other.feed) has the same slot", "give each feed its own slot")
            }
            feeds.append(feed)
        }
        if feeds.isEmpty {
            throw problem(folder, nil, "it holds no *.yaml", "set LIENTHONG_FEEDS to the folder of the feeds")
        }
        return feeds
    }

    package static func load(file: String) throws(UserError) -> FeedDefinition {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            throw problem(file, nil, "the file cannot be read", "check that it exists and may be read")
        }
        guard bytes.count <= fileBytesMax, let text = String(data: bytes, encoding: .utf8) else {
            throw problem(file, nil, "it is not UTF-8 text of at most 1 MiB", "write the feed as YAML")
        }
        return try parse(text, file: file)
    }

    /// - Parameter file: for messages only.
    package static func parse(_ text: String, file: String) throws(UserError) -> FeedDefinition {
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw problem(file, line(of: error), "it is not YAML that can be read", "correct the file there")
        } catch {
            throw problem(file, nil, "it is not YAML that can be read", "correct the file")
        }
        guard let node else { throw problem(file, 1, "the file is empty", "write the feed as YAML") }
        let feed = try Section(
            node, file: file, name: "feed",
            keys: [
                "feed", "topic", "source", "ceSource", "slot", "publication", "root", "children", "stateSecret",
                "query",
            ]
        )
        let root = try readRoot(feed)
        let identityCount = root.identity.count
        var children: [FeedDefinition.Child] = []
        for item in try feed.list("children", required: false) {
            let child = try Section(item, file: file, name: "children", keys: ["table", "identity"])
            let identity = try child.identifiers("identity")
            if identity.count != identityCount {
                throw child.problem(
                    "identity", "the root's identity has \(identityCount) columns, this \(identity.count)")
            }
            let table = try child.table("table")
            if table == root.table || children.contains(where: { $0.table == table }) {
                throw child.problem("table", "the table is named twice")
            }
            children.append(FeedDefinition.Child(table: table, identity: identity))
        }
        let topicText = try feed.text("topic")
        guard let topic = TopicName(topicText) else {
            throw feed.problem("topic", "a topic's name is 1 to 249 letters, digits, `.`, `_` or `-`")
        }
        return FeedDefinition(
            feed: try feed.name("feed", also: "-"),
            topic: topic,
            source: try feed.name("source", also: "_"),
            ceSource: try feed.visibleASCII("ceSource"),
            slot: try feed.identifier("slot"),
            publication: try feed.identifier("publication"),
            root: root,
            children: children,
            stateSecret: try feed.has("stateSecret") ? feed.identifier("stateSecret") : nil,
            query: try feed.query("query")
        )
    }

    private static func readRoot(_ feed: Section) throws(UserError) -> FeedDefinition.Root {
        let root = try Section(
            try feed.node("root"), file: feed.file, name: "root",
            keys: ["table", "identity", "recordKey", "version", "versionFormat"]
        )
        var identity: [FeedDefinition.IdentityColumn] = []
        for item in try root.list("identity", required: true) {
            let column = try Section(item, file: feed.file, name: "identity", keys: ["column", "type"])
            identity.append(
                FeedDefinition.IdentityColumn(
                    column: try column.identifier("column"), type: try column.typeName("type"))
            )
        }
        if Set(identity.map(\.column)).count != identity.count {
            throw root.problem("identity", "a column is named twice")
        }
        let formatText = try root.text("versionFormat")
        guard let format = FeedDefinition.VersionFormat(rawValue: formatText) else {
            throw root.problem("versionFormat", "expected `integer` or `timestamp`")
        }
        return FeedDefinition.Root(
            table: try root.table("table"),
            identity: identity,
            recordKey: try root.identifiers("recordKey"),
            version: try root.identifier("version"),
            versionFormat: format
        )
    }

    fileprivate static func problem(_ file: String, _ line: Int?, _ cause: String, _ nextStep: String) -> UserError {
        UserError(
            action: "reading feed", subject: line.map { "\(file):\($0)" } ?? file, cause: cause, nextStep: nextStep,
            status: .configuration
        )
    }

    private static func line(of error: YamlError) -> Int? {
        switch error {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        default: nil
        }
    }
}

/// A mapping of the file whose keys are all known.
private struct Section {
    let file: String
    let name: String
    private let mapping: Node.Mapping
    private let line: Int?

    init(_ node: Node, file: String, name: String, keys: [String]) throws(UserError) {
        guard let mapping = node.mapping else {
            throw FeedReader.problem(
                file, node.mark?.line, "`\(name)` is not a mapping", "write it as `key: value` lines"
            )
        }
        for (key, _) in mapping {
            guard let text = key.scalar?.string, keys.contains(text) else {
                throw FeedReader.problem(
                    file, key.mark?.line, "unknown key in `\(name)`", "keys here are \(keys.joined(separator: ", "))"
                )
            }
        }
        self.file = file
        self.name = name
        self.mapping = mapping
        self.line = node.mark?.line
    }

    func has(_ key: String) -> Bool { mapping[key] != nil }

    func node(_ key: String) throws(UserError) -> Node {
        guard let node = mapping[key] else {
            throw FeedReader.problem(file, line, "`\(key)` is missing in `\(name)`", "add it")
        }
        return node
    }

    func text(_ key: String) throws(UserError) -> String {
        guard let text = try node(key).scalar?.string, !text.isEmpty else { throw problem(key, "expected a text") }
        return text
    }

    func list(_ key: String, required: Bool) throws(UserError) -> [Node] {
        if !required && !has(key) { return [] }
        guard let items = try node(key).sequence, !(required && items.isEmpty) else {
            throw problem(key, required ? "expected a list of one or more" : "expected a list")
        }
        return Array(items)
    }

    func identifier(_ key: String) throws(UserError) -> String {
        let text = try text(key)
        guard Self.isIdentifier(text) else { throw problem(key, Self.identifierRule) }
        return text
    }

    func identifiers(_ key: String) throws(UserError) -> [String] {
        var result: [String] = []
        for item in try list(key, required: true) {
            guard let text = item.scalar?.string, Self.isIdentifier(text) else {
                throw problem(key, Self.identifierRule)
            }
            result.append(text)
        }
        return result
    }

    func table(_ key: String) throws(UserError) -> FeedDefinition.TableName {
        let parts = try text(key).split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts.allSatisfy(Self.isIdentifier) else {
            throw problem(key, "expected schema.table, each part `[a-z_][a-z0-9_]*`")
        }
        return FeedDefinition.TableName(schema: parts[0], name: parts[1])
    }

    /// A type's name may hold spaces, such as `character varying`.
    func typeName(_ key: String) throws(UserError) -> String {
        let text = try text(key)
        guard text.split(separator: " ", omittingEmptySubsequences: false).allSatisfy({ Self.isIdentifier(String($0)) })
        else { throw problem(key, "expected a type's name without modifiers, such as bigint") }
        return text
    }

    /// Lower-case letters and digits, with one more character allowed after the first.
    func name(_ key: String, also extra: Unicode.Scalar) throws(UserError) -> String {
        let text = try text(key)
        let isName = text.unicodeScalars.allSatisfy { Self.isLower($0) || Self.isDigit($0) || $0 == extra }
        guard isName, text.unicodeScalars.first.map(Self.isLower) == true, text.utf8.count <= 100 else {
            throw problem(key, "expected lower-case letters, digits or `\(extra)`, a letter first, at most 100")
        }
        return text
    }

    func visibleASCII(_ key: String) throws(UserError) -> String {
        let text = try text(key)
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), text.utf8.count <= 200 else {
            throw problem(key, "expected a URI reference of at most 200 visible ASCII characters")
        }
        return text
    }

    /// A semicolon at the end is a habit that would break the statements around the query: it is taken off.
    func query(_ key: String) throws(UserError) -> String {
        var text = try text(key).trimmingCharacters(in: .whitespacesAndNewlines)
        while text.hasSuffix(";") { text = String(text.dropLast()).trimmingCharacters(in: .whitespacesAndNewlines) }
        guard !text.isEmpty else { throw problem(key, "expected one SELECT statement") }
        return text
    }

    func problem(_ key: String, _ cause: String) -> UserError {
        FeedReader.problem(file, mapping[key]?.mark?.line ?? line, "`\(key)`: \(cause)", "correct the file there")
    }

    private static let identifierRule = "expected `[a-z_][a-z0-9_]*`, at most 63 characters"

    private static func isIdentifier(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, isLower(first) || first == "_", text.utf8.count <= 63 else {
            return false
        }
        return text.unicodeScalars.allSatisfy { isLower($0) || isDigit($0) || $0 == "_" }
    }

    private static func isLower(_ scalar: Unicode.Scalar) -> Bool { ("a"..."z").contains(scalar) }
    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
}
