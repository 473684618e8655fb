// The account of a file in words and as JSON. Names and limits of the contract, counts and places only: no value of a
// record comes near.
package import Contracts
package import Model

package struct CheckReport: Sendable {
    package let definition: TopicDefinition
    package let account: CheckAccount
    /// The file's name.
    package let file: String

    package init(_ definition: TopicDefinition, _ account: CheckAccount, file: String) {
        self.definition = definition
        self.account = account
        self.file = file
    }

    /// One row of a table; share is of all records, 0 to 1.
    package struct Row: Sendable {
        /// The reason code, the malformation's or the warning's name.
        package let name: String
        package let field: String?
        package let expected: String
        package let count: Int
        package let share: Double
        /// The first lines, or records where many stand on one line.
        package let places: String
    }

    package var refused: [Row] {
        return account.refusedGroups.map { group in
            let rule =
                switch group.cause {
                case .refusal(let refusal): words.inShort(refusal)
                case .malformation(let malformation): malformation.rule
                }
            return row(group.cause.name, group.cause.field, rule, group.tally)
        }
    }

    package var warnings: [Row] {
        return account.warningGroups.map {
            row($0.warning.rule, $0.warning.field, words.meaning($0.warning).english, $0.tally)
        }
    }

    private func row(_ name: String, _ field: String?, _ expected: String, _ tally: Tally) -> Row {
        Row(
            name: name, field: field, expected: expected, count: tally.count, share: share(tally.count),
            places: places(tally))
    }

    func share(_ count: Int) -> Double { account.records == 0 ? 0 : Double(count) / Double(account.records) }

    func places(_ tally: Tally) -> String {
        let numbers = tally.firstPlaces.map { String(placesAreRecords ? $0.record : $0.line) }
        return numbers.joined(separator: ", ") + (tally.count > numbers.count ? " …" : "")
    }

    /// Whether lines tell nothing, since several records stand on one.
    package var placesAreRecords: Bool {
        let tallies =
            Array(account.refusals.values) + Array(account.malformations.values) + Array(account.warnings.values)
        return tallies.contains { tally in
            zip(tally.firstPlaces, tally.firstPlaces.dropFirst()).contains {
                $0.line == $1.line && $0.record != $1.record
            }
        }
    }

    var words: ContractWords { ContractWords(contract: definition.contract, isOfRows: account.header != nil) }

    /// The result in half a sentence.
    package var verdict: String {
        if account.records == 0 { return "no record was checked" }
        return account.refused == 0
            ? "no record would be refused"
            : "\(Quantity.grouped(account.refused)) of \(Quantity.grouped(account.records)) records would be refused"
    }

    /// What no check without the database can tell.
    package static let beyondCheck =
        "The national database refuses a little more by itself (reason database-refused), which cannot be checked offline."

    /// What is said once, before the tables.
    package var notes: [String] {
        let header = account.header ?? HeaderAccount()
        let unknown = header.unknownColumns.map { column in
            let hint = column.suggestion.map { ": did you mean \($0)?" } ?? ""
            return "column \(column.number) is no field of the contract, and counted as unknown\(hint)"
        }
        let missing = header.missingFields.map { "no column gives \($0), which the contract requires" }
        let misspelt = account.misspelt.sorted { $0.key < $1.key }.map { field, count in
            count == 1
                ? "1 member is spelt nearly like \(field) and is lost"
                : "\(Quantity.grouped(count)) members are spelt nearly like \(field) and are lost"
        }
        return unknown + missing + misspelt
    }

    /// 0.0036 as `0.36 %`; what is not nothing does not look like nothing, nor what is not all like all.
    package static func percent(_ share: Double) -> String {
        if share > 0 && share < 0.0001 { return "< 0.01 %" }
        var hundredths = Int((share * 10_000).rounded())
        if share < 1 { hundredths = min(hundredths, 9_999) }
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) %"
    }

    /// The summary, for programs.
    package func json(seconds: Double) -> JSON {
        let header = account.header ?? HeaderAccount()
        return .object([
            ("topic", .string(definition.name.rawValue)), ("contract", .string(definition.contract.version)),
            ("records", .integer(Int64(account.records))), ("accepted", .integer(Int64(account.accepted))),
            ("deleted", .integer(Int64(account.deleted))), ("refused", .integer(Int64(account.refused))),
            ("malformed", .integer(Int64(account.malformed))), ("warnings", .integer(Int64(account.warningCount))),
            ("unknownMembers", .integer(Int64(account.unknownMembers))),
            (
                "unknownColumns",
                .array(
                    header.unknownColumns.map { column in
                        .object([
                            ("column", .integer(Int64(column.number))), ("suggestion", .optional(column.suggestion)),
                        ])
                    })
            ),
            ("missingColumns", .array(header.missingFields.map { .string($0) })),
            ("misspelt", .array(account.misspelt.keys.sorted().map { .string($0) })), ("seconds", .decimal(seconds)),
        ])
    }
}

/// Findings as JSON, for programs. Of a kind of refusal the words are found once.
package struct FindingWriter {
    private let contract: Contract
    private var expected: [Key: String] = [:]

    private struct Key: Hashable {
        let refusal: Refusal
        let isOfRow: Bool
    }

    package init(_ contract: Contract) { self.contract = contract }

    /// One line: `reason` of a refused record, `malformed` of what makes no record, or `warning`.
    package mutating func json(_ finding: CheckFinding) -> JSON {
        let members: [(String, JSON)] =
            switch finding.kind {
            case .refused(let refusal):
                [
                    ("reason", .string(refusal.reason.rawValue)), ("field", .optional(refusal.field)),
                    ("rule", .string(refusal.rule)), ("expected", .string(words(refusal, isOfRow: finding.isOfRow))),
                ]
            case .malformed(let malformation):
                [("malformed", .string(malformation.rawValue)), ("rule", .string(malformation.rule))]
            case .warning(let warning): [("warning", .string(warning.rule)), ("field", .optional(warning.field))]
            }
        let places: [(String, JSON)] = [
            ("line", .integer(Int64(finding.place.line))), ("record", .integer(Int64(finding.place.record))),
        ]
        return .object(places + members)
    }

    private mutating func words(_ refusal: Refusal, isOfRow: Bool) -> String {
        let key = Key(refusal: refusal, isOfRow: isOfRow)
        if let words = expected[key] { return words }
        let words = ContractWords(contract: contract, isOfRows: isOfRow).expected(refusal).english
        expected[key] = words
        return words
    }
}
