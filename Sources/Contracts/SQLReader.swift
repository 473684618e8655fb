// PostgreSQL's lexical rules (its documentation, chapter 4.1), as far as definitions of tables need them.

/// A word, a sign or a text of SQL.
struct SQLToken: Sendable, Equatable {
    enum Kind: Sendable {
        /// Unquoted; in lower case.
        case word
        case quotedName
        /// A text in single quotes; its characters are not kept.
        case string
        /// A text in dollar quotes: mostly the body of a function or of `DO`.
        case block
        case sign
    }

    let kind: Kind
    let text: String
    /// From 1.
    let line: Int

    /// Whether a block can define a relation.
    var mayDefine: Bool {
        let text = text.lowercased()
        return ["create", "alter", "drop"].contains(where: text.contains)
            && ["table", "view"].contains(where: text.contains)
    }

    /// The statements of a text, without their semicolons; comments and empty statements are left out.
    static func statements(of sql: String) -> [[SQLToken]] {
        var scanner = SQLScanner(sql)
        var statements: [[SQLToken]] = []
        var statement: [SQLToken] = []
        while let token = scanner.next() {
            if token.kind == .sign, token.text == ";" {
                if !statement.isEmpty { statements.append(statement) }
                statement = []
            } else {
                statement.append(token)
            }
        }
        return statement.isEmpty ? statements : statements + [statement]
    }
}

private struct SQLScanner {
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    init(_ sql: String) {
        bytes = Array(sql.utf8)
    }

    mutating func next() -> SQLToken? {
        skipSpaceAndComments()
        guard position < bytes.count else { return nil }
        let start = line
        func token(_ kind: SQLToken.Kind, _ text: String) -> SQLToken { SQLToken(kind: kind, text: text, line: start) }
        switch bytes[position] {
        case UInt8(ascii: "'"):
            skipQuoted(UInt8(ascii: "'"), escapes: false)
            return token(.string, "")
        case UInt8(ascii: "\""): return token(.quotedName, quotedName())
        case UInt8(ascii: "$"):
            if let body = dollarQuoted() { return token(.block, body) }
            return token(.sign, sign())
        case let byte where Self.startsWord(byte):
            let word = word()
            // E'…' knows escapes; B, X, N and U& change nothing about where a text ends.
            if position < bytes.count, bytes[position] == UInt8(ascii: "'"), ["e", "b", "x", "n"].contains(word) {
                skipQuoted(UInt8(ascii: "'"), escapes: word == "e")
                return token(.string, "")
            }
            return token(.word, word)
        default: return token(.sign, sign())
        }
    }

    private static func startsWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }

    private static func isInWord(_ byte: UInt8) -> Bool {
        startsWord(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "$")
    }

    private func begins(_ text: StaticString) -> Bool {
        guard position + text.utf8CodeUnitCount <= bytes.count else { return false }
        return (0..<text.utf8CodeUnitCount).allSatisfy { bytes[position + $0] == text.utf8Start[$0] }
    }

    private mutating func advance() {
        if bytes[position] == UInt8(ascii: "\n") { line += 1 }
        position += 1
    }

    private mutating func skipSpaceAndComments() {
        while position < bytes.count {
            if begins("--") {
                while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
            } else if begins("/*") {
                skipComment()
            } else if [0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D].contains(bytes[position]) {
                advance()
            } else {
                return
            }
        }
    }

    /// Comments of this kind nest.
    private mutating func skipComment() {
        var depth = 0
        repeat {
            if begins("/*") {
                depth += 1
                position += 2
            } else if begins("*/") {
                depth -= 1
                position += 2
            } else {
                advance()
            }
        } while depth > 0 && position < bytes.count
    }

    /// From the opening quote to beyond the closing one; a doubled quote stands for itself.
    private mutating func skipQuoted(_ quote: UInt8, escapes: Bool) {
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            advance()
            if escapes, byte == UInt8(ascii: "\\"), position < bytes.count {
                advance()
            } else if byte == quote {
                guard position < bytes.count, bytes[position] == quote else { return }
                position += 1
            }
        }
    }

    private mutating func quotedName() -> String {
        let start = position + 1
        skipQuoted(UInt8(ascii: "\""), escapes: false)
        let end = max(start, position - 1)
        let name = String(decoding: bytes[start..<end], as: UTF8.self)
        return name.split(separator: "\"\"", omittingEmptySubsequences: false).joined(separator: "\"")
    }

    /// The body of `$tag$…$tag$`; nil where no quote begins here (a parameter such as `$1`).
    private mutating func dollarQuoted() -> String? {
        var end = position + 1
        while end < bytes.count, Self.isInWord(bytes[end]), bytes[end] != UInt8(ascii: "$") { end += 1 }
        let tagStartsWell = end == position + 1 || Self.startsWord(bytes[position + 1])
        guard end < bytes.count, bytes[end] == UInt8(ascii: "$"), tagStartsWell else { return nil }
        let tag = bytes[position...end]
        while position <= end { advance() }
        let start = position
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "$"), bytes[position...].starts(with: tag) {
                let body = String(decoding: bytes[start..<position], as: UTF8.self)
                position += tag.count
                return body
            }
            advance()
        }
        return String(decoding: bytes[start...], as: UTF8.self)
    }

    private mutating func word() -> String {
        let start = position
        while position < bytes.count, Self.isInWord(bytes[position]) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self).lowercased()
    }

    private mutating func sign() -> String {
        defer { advance() }
        return String(decoding: [bytes[position]], as: UTF8.self)
    }
}

/// Walks over the tokens of one statement, or of a part of one.
struct SQLReader {
    private var tokens: ArraySlice<SQLToken>
    /// Of names without one; the first of the search path.
    var schema: String

    init(_ tokens: some Collection<SQLToken>, schema: String) {
        self.tokens = ArraySlice(tokens)
        self.schema = schema
    }

    private func isNext(_ text: String) -> Bool {
        guard let token = tokens.first, token.kind == .word || token.kind == .sign else { return false }
        return token.text == text
    }

    /// Takes an unquoted word or a sign, where it is next.
    mutating func take(_ text: String) -> Bool {
        guard isNext(text) else { return false }
        tokens.removeFirst()
        return true
    }

    /// Takes as many of the words as are next; whether there was one.
    mutating func takeAny(_ words: [String]) -> Bool {
        var hasTaken = false
        while words.contains(where: { take($0) }) { hasTaken = true }
        return hasTaken
    }

    /// Takes all of the words, where they are next in this order, or none.
    mutating func takeAll(_ words: [String]) -> Bool {
        let rest = tokens
        for word in words where !take(word) {
            tokens = rest
            return false
        }
        return true
    }

    /// A name, quoted or not.
    mutating func word() -> String? {
        guard let token = tokens.first, token.kind == .word || token.kind == .quotedName else { return nil }
        tokens.removeFirst()
        return token.text
    }

    /// `schema.name`.
    mutating func relation() -> String? {
        guard let first = word() else { return nil }
        guard take(".") else { return "\(schema).\(first)" }
        return word().map { "\(first).\($0)" }
    }

    /// Whether an element of a table is a constraint, no column.
    var startsConstraint: Bool {
        guard let token = tokens.first, token.kind == .word else { return false }
        return ["constraint", "primary", "unique", "check", "foreign", "exclude"].contains(token.text)
    }

    /// What lies between parentheses that are next, split at its commas.
    mutating func parenthesised() -> [[SQLToken]]? {
        guard take("(") else { return nil }
        var inner: [SQLToken] = []
        var depth = 1
        while let token = tokens.popFirst() {
            if token.kind == .sign, token.text == "(" { depth += 1 }
            if token.kind == .sign, token.text == ")" { depth -= 1 }
            if depth == 0 { break }
            inner.append(token)
        }
        return Self.split(inner[...])
    }

    /// All that is left, split at its commas.
    mutating func commaSeparated() -> [[SQLToken]] {
        defer { tokens = [] }
        return Self.split(tokens)
    }

    private static func split(_ tokens: ArraySlice<SQLToken>) -> [[SQLToken]] {
        var parts: [[SQLToken]] = [[]]
        var depth = 0
        for token in tokens {
            if token.kind == .sign {
                if "([".contains(token.text) { depth += 1 }
                if ")]".contains(token.text) { depth -= 1 }
                if token.text == ",", depth == 0 {
                    parts.append([])
                    continue
                }
            }
            parts[parts.count - 1].append(token)
        }
        return parts.filter { !$0.isEmpty }
    }

    /// Whether the words follow each other somewhere in what is left, outside of parentheses.
    func contains(_ words: [String]) -> Bool {
        var reader = self
        while let token = reader.tokens.first {
            if reader.takeAll(words) { return true }
            if token.kind == .sign, token.text == "(" {
                _ = reader.parenthesised()
            } else {
                reader.tokens.removeFirst()
            }
        }
        return false
    }

    // MARK: Types

    /// Names of types as pg_type has them, by what SQL may call them.
    private static let typeNames: [String: String] = [
        "int": "int4", "integer": "int4", "serial": "int4", "bigint": "int8", "bigserial": "int8", "serial8": "int8",
        "serial4": "int4", "smallint": "int2", "smallserial": "int2", "serial2": "int2", "boolean": "bool",
        "decimal": "numeric", "dec": "numeric", "character": "bpchar", "char": "bpchar", "nchar": "bpchar",
        "real": "float4", "float": "float8", "double": "float8",
    ]

    /// A column's type, as pg_type names it; arrays begin with `_`. Length and precision are passed over.
    /// - Parameter domains: the types beneath domains, by the domain's `schema.name`.
    mutating func type(domains: [String: String] = [:]) -> String? {
        guard var name = word() else { return nil }
        var place: String?
        while take(".") {
            guard let part = word() else { return nil }
            (place, name) = (name, part)
        }
        let places = place.map { [$0] } ?? [schema, "public"]
        if let base = places.compactMap({ domains["\($0).\(name)"] }).first {
            return take("[") || take("array") ? "_" + name : base
        }
        let isCharacter = ["character", "char", "nchar"].contains(name)
        name = Self.typeNames[name] ?? name
        _ = take("precision")
        if isCharacter, take("varying") { name = "varchar" }
        _ = parenthesised()
        if ["timestamp", "time"].contains(name) {
            if takeAll(["with", "time", "zone"]) { name += "tz" } else { _ = takeAll(["without", "time", "zone"]) }
        }
        let isArray = take("[") || take("array")
        return isArray ? "_" + name : name
    }
}
