// How a letter is written out, for people and programs.
import DeadLetters
import Model

extension DeadLetterSummary {
    var members: [(String, JSON)] {
        [
            ("id", .integer(id)), ("topic", .string(origin.topic.rawValue)),
            ("partition", .integer(Int64(origin.partition.rawValue))), ("offset", .integer(origin.offset.rawValue)),
            ("reason", .string(reason)), ("field", .optional(field)), ("rule", .optional(rule)),
            ("sqlState", .optional(sqlState)), ("contractVersion", .string(contractVersion)),
            ("status", .string(status)), ("recordAt", .optional(recordAt)), ("receivedAt", .string(receivedAt)),
        ]
    }

    var json: JSON { .object(members) }

    static func table(_ letters: [DeadLetterSummary]) -> Table {
        var table = Table([
            ("id", .right), ("topic", .left), ("partition", .right), ("offset", .right), ("reason", .left),
            ("field", .left), ("rule", .left), ("status", .left), ("received", .left),
        ])
        for letter in letters {
            table.add([
                String(letter.id), letter.origin.topic.rawValue, "\(letter.origin.partition)",
                "\(letter.origin.offset)",
                letter.reason, letter.field ?? "–", letter.rule ?? letter.sqlState.map { "SQLSTATE \($0)" } ?? "–",
                letter.status, letter.receivedAt,
            ])
        }
        return table
    }
}
