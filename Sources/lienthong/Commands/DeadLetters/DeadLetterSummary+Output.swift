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
            ("status", .string(status.rawValue)), ("refusals", .integer(Int64(refusals))),
            ("recordAt", .optional(recordAt)), ("receivedAt", .string(receivedAt)),
            ("redrivenAt", .optional(redrivenAt)), ("closedAt", .optional(closedAt)),
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
                letter.status.rawValue, letter.receivedAt,
            ])
        }
        return table
    }
}

extension DeadLetterStep {
    var json: JSON {
        .object([
            ("at", .string(at)), ("step", .string(step)), ("by", .string(by)), ("because", .optional(because)),
            ("details", .optional(details)),
        ])
    }

    /// Such as `2026-11-22T08:30:00.000Z redriven by an operator: the owner asked {"repaired": "JSON Patch"}`.
    var line: String {
        "\(at) \(step) by \(by)" + (because.map { ": \($0)" } ?? "") + (details.map { " \($0)" } ?? "")
    }
}
