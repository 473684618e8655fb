// Names and constants written safely into SQL.

package enum SQLText {
    /// A name in double quotes, such as `"order"`.
    package static func identifier(_ name: String) -> String {
        "\"" + doubled(name, "\"") + "\""
    }

    /// A constant in single quotes, under `standard_conforming_strings` (which every connection sets).
    package static func literal(_ text: String) -> String {
        "'" + doubled(text, "'") + "'"
    }

    private static func doubled(_ text: String, _ quote: Character) -> String {
        String(text.flatMap { $0 == quote ? [$0, $0] : [$0] })
    }
}
