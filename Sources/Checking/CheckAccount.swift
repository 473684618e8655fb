// What became of a file's records, counted: a value without input or output, which the reports put into words.
package import Model

/// Where in a file a record begins. Both count from 1; the line is what an editor shows.
package struct RecordPlace: Sendable, Hashable {
    package let line: Int
    /// Its number among the file's records.
    package let record: Int

    package init(line: Int, record: Int) {
        self.line = line
        self.record = record
    }
}

/// Why a piece of the file makes no record that could be judged. These are of files and hence no reason codes, which
/// are of records.
package enum Malformation: String, Sendable, Hashable, CaseIterable {
    /// A row has fewer cells than the header.
    case fewerCells = "fewer-cells"
    /// A row has more cells than the header.
    case moreCells = "more-cells"
    /// A quoted cell does not end before the file, or the bound on a row, does.
    case openQuote = "open-quote"
    /// Something stands between a cell's closing quote and the next delimiter.
    case textAfterQuote = "text-after-quote"
    /// An array's comma is followed by no element.
    case emptyElement = "empty-element"
    /// The file ends before the array, or the record in it, does.
    case openArray = "open-array"
    /// The file ends before the only record in it does, and all up to there was taken for that record.
    case openRecord = "open-record"
    /// Something follows the array.
    case textAfterArray = "text-after-array"
}

/// One thing to tell of one record. No part of it is a value of the record.
package struct CheckFinding: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case refused(Refusal)
        case malformed(Malformation)
        /// The record is accepted all the same.
        case warning(QualityWarning)
    }

    package let place: RecordPlace
    package let kind: Kind
    /// Of a row, in which lists and objects are cells or columns.
    package let isOfRow: Bool

    package init(place: RecordPlace, kind: Kind, isOfRow: Bool) {
        self.place = place
        self.kind = kind
        self.isOfRow = isOfRow
    }
}

/// The count of one kind of finding, and where it was met first.
package struct Tally: Sendable, Hashable {
    package private(set) var count = 0
    package private(set) var firstPlaces: [RecordPlace] = []
    package static let firstPlacesMax = 10

    package mutating func add(_ place: RecordPlace) {
        count += 1
        if firstPlaces.count < Self.firstPlacesMax { firstPlaces.append(place) }
    }
}

/// What is odd about a file's header.
package struct HeaderAccount: Sendable, Hashable {
    /// Without its name, which is a value where the header is none.
    package struct UnknownColumn: Sendable, Hashable {
        /// From 1.
        package let number: Int
        /// The field that was perhaps meant.
        package let suggestion: String?
    }

    package var unknownColumns: [UnknownColumn] = []
    /// Paths of required fields that no column gives.
    package var missingFields: [String] = []

    package init() {}
}

/// records = accepted + deleted + refused.
package struct CheckAccount: Sendable, Hashable {
    package private(set) var accepted = 0
    /// Tombstones.
    package private(set) var deleted = 0
    /// With the pieces of the file that make no record.
    package private(set) var refused = 0
    /// Members of accepted records that the contract does not name.
    package internal(set) var unknownMembers = 0
    /// Members, of refused records as well, whose names are spelt nearly like a field's, by the field's path. Their
    /// own names are not kept. Of names the first thousand are looked at.
    package internal(set) var misspelt: [String: Int] = [:]
    package private(set) var refusals: [Refusal: Tally] = [:]
    package private(set) var malformations: [Malformation: Tally] = [:]
    package private(set) var warnings: [QualityWarning: Tally] = [:]
    /// Of CSV only.
    package internal(set) var header: HeaderAccount?

    package init() {}

    package var records: Int { accepted + deleted + refused }
    /// No record would be refused, and there was one.
    package var isPassed: Bool { refused == 0 && records > 0 }
    package var malformed: Int { malformations.values.reduce(0) { $0 + $1.count } }
    package var warningCount: Int { warnings.values.reduce(0) { $0 + $1.count } }

    mutating func accept() { accepted += 1 }
    mutating func delete() { deleted += 1 }

    mutating func add(_ finding: CheckFinding) {
        switch finding.kind {
        case .refused(let refusal):
            refused += 1
            refusals[refusal, default: Tally()].add(finding.place)
        case .malformed(let malformation):
            refused += 1
            malformations[malformation, default: Tally()].add(finding.place)
        case .warning(let warning): warnings[warning, default: Tally()].add(finding.place)
        }
    }

    /// One row of the table of refusals.
    package struct RefusedGroup: Sendable, Hashable {
        package enum Cause: Sendable, Hashable {
            case refusal(Refusal)
            case malformation(Malformation)

            /// The reason code, or the malformation's name.
            package var name: String {
                switch self {
                case .refusal(let refusal): refusal.reason.rawValue
                case .malformation(let malformation): malformation.rawValue
                }
            }

            package var field: String? {
                switch self {
                case .refusal(let refusal): refusal.field
                case .malformation: nil
                }
            }
        }

        package let cause: Cause
        package let tally: Tally
    }

    /// The most frequent first, then in the order of the file, so that one file always gives one report.
    package var refusedGroups: [RefusedGroup] {
        let groups =
            refusals.map { RefusedGroup(cause: .refusal($0), tally: $1) }
            + malformations.map { RefusedGroup(cause: .malformation($0), tally: $1) }
        return groups.sorted { left, right in
            Self.precedes(
                (left.tally, [left.cause.name, left.cause.field ?? "", Self.rule(left.cause)]),
                (right.tally, [right.cause.name, right.cause.field ?? "", Self.rule(right.cause)]))
        }
    }

    /// Likewise.
    package var warningGroups: [(warning: QualityWarning, tally: Tally)] {
        warnings.map { (warning: $0, tally: $1) }.sorted { left, right in
            Self.precedes(
                (left.tally, [left.warning.rule, left.warning.field ?? ""]),
                (right.tally, [right.warning.rule, right.warning.field ?? ""]))
        }
    }

    private static func rule(_ cause: RefusedGroup.Cause) -> String {
        switch cause {
        case .refusal(let refusal): refusal.rule
        case .malformation: ""
        }
    }

    private static func precedes(_ left: (Tally, [String]), _ right: (Tally, [String])) -> Bool {
        if left.0.count != right.0.count { return left.0.count > right.0.count }
        let (first, second) = (left.0.firstPlaces.first?.record ?? 0, right.0.firstPlaces.first?.record ?? 0)
        return first != second ? first < second : left.1.lexicographicallyPrecedes(right.1)
    }
}
