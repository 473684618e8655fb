// Parameters that are many.
import Model

/// PostgreSQL's text form of arrays.
enum SQLArray {
    static func numbers(_ values: some Sequence<Int64>) -> String {
        "{" + values.map(String.init).joined(separator: ",") + "}"
    }

    /// Of numbers, or of words without quotes and backslashes, as ours are.
    static func text(_ words: [String?]) -> String {
        "{" + words.map { $0.map { "\"\($0)\"" } ?? "NULL" }.joined(separator: ",") + "}"
    }

    /// Of `bytea`. Within quotes the backslash of its form is doubled.
    static func bytes(_ values: [[UInt8]?]) -> String {
        "{" + values.map { $0.map { "\"\\\(Hexadecimal.bytea($0))\"" } ?? "NULL" }.joined(separator: ",") + "}"
    }
}
