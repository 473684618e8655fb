// Accepted examples as documents show them.
import Contracts
import Model

struct ExampleRecord {
    /// Of its file, without the ending.
    let name: String
    let why: String
    /// As text; nil where the record has none.
    let key: String?
    let headers: [(name: String, value: String)]
    /// `.null` for a tombstone.
    let value: JSON

    private static let shownMax = 3

    /// Nil where the value is not JSON that can be written back as it is.
    init?(_ example: Example) {
        let file = example.file.split(separator: "/").last ?? ""
        name = String(file.hasSuffix(".json") ? file.dropLast(5) : file)
        why = example.why
        key = example.key.map { String(decoding: $0, as: UTF8.self) }
        headers = example.headers.map { ($0.name, String(decoding: $0.value, as: UTF8.self)) }
        guard let bytes = example.value else {
            value = .null
            return
        }
        guard let parsed = OrderedJSON.parse(bytes) else { return nil }
        value = parsed
    }

    /// Up to three records that are applied without a warning, the fullest first.
    static func shown(of examples: [Example]) -> [ExampleRecord] {
        let plain = examples.filter { $0.expectation == .applied(warnings: []) && !$0.needsDatabase }
        let records = plain.compactMap(ExampleRecord.init).sorted { left, right in
            left.memberCount != right.memberCount ? left.memberCount > right.memberCount : left.name < right.name
        }
        return Array(records.prefix(shownMax))
    }

    /// The tombstone that tells its version, else any.
    static func tombstone(of examples: [Example]) -> ExampleRecord? {
        let tombstones = examples.filter { $0.expectation == .deleted }.compactMap(ExampleRecord.init)
        return tombstones.first { !$0.headers.isEmpty } ?? tombstones.first
    }

    private var memberCount: Int {
        if case .object(let members) = value { members.count } else { 0 }
    }
}
