// Gathers what changed at the source until it is published together. No I/O.
import Model
import Postgres

/// The tombstones of a run of transactions, and the identities of the records to be read again.
///
/// Tombstones are published before the records. That keeps the log's order where it matters: a record deleted and
/// inserted anew under the same key must live, and a record read again shows a state at least as new as every change
/// gathered here.
struct ChangeBatch {
    struct Tombstone: Equatable {
        let key: String
        /// The version of the record that goes, as the contract writes it.
        let version: String?
        /// Commit time in microseconds since 1970-01-01 UTC.
        let microseconds: Int64
    }

    /// Where a relation's columns of interest stand in its tuples.
    enum Role: Equatable {
        case root(identity: [Int], key: [Int], version: Int, stateSecret: Int?)
        case child(identity: [Int])
        /// In the publication, but not in the feed.
        case other

        /// All columns that old tuples have to tell.
        var places: [Int] {
            switch self {
            case .root(let identity, let key, let version, let stateSecret):
                identity + key + [version] + (stateSecret.map { [$0] } ?? [])
            case .child(let identity): identity
            case .other: []
            }
        }
    }

    let definition: FeedDefinition
    private(set) var tombstones: [Tombstone] = []
    /// In the order of their first change; each once.
    private(set) var touched: [[String]] = []
    private var touchedSet: Set<[String]> = []
    /// Transactions whose effects must be visible before a record is read again.
    private(set) var transactionIDs: [UInt32] = []
    /// Transactions that ended in this batch, and the end of the last one.
    private(set) var commits = 0
    private(set) var commitEnd: LSN?
    /// The transaction that is being received.
    private(set) var open: (id: UInt32, microseconds: Int64)?

    init(_ definition: FeedDefinition) { self.definition = definition }

    /// Records and tombstones gathered: what the bound on a batch counts.
    var count: Int { tombstones.count + touched.count }

    /// Nothing waits to be published, nor to be confirmed.
    var isEmpty: Bool { count == 0 && commits == 0 }

    /// Empties the batch, and remembers the transaction that is still being received.
    mutating func clear() {
        tombstones.removeAll(keepingCapacity: true)
        touched.removeAll(keepingCapacity: true)
        touchedSet.removeAll(keepingCapacity: true)
        transactionIDs.removeAll(keepingCapacity: true)
        if let open { transactionIDs.append(open.id) }
        commits = 0
        commitEnd = nil
    }

    func role(of table: FeedDefinition.TableName, columns: [String]) throws(UserError) -> Role {
        func place(_ column: String) throws(UserError) -> Int {
            guard let index = columns.firstIndex(of: column) else {
                throw UserError(
                    action: "reading changes of", subject: "\(table)", cause: "column \(column) is not there any more",
                    nextStep: "make feed \(definition.feed) fit the table, then start it again", status: .configuration
                )
            }
            return index
        }
        func places(_ columns: [String]) throws(UserError) -> [Int] {
            var result: [Int] = []
            for column in columns { result.append(try place(column)) }
            return result
        }
        let root = definition.root
        if table == root.table {
            return .root(
                identity: try places(root.identity.map(\.column)), key: try places(root.recordKey),
                version: try place(root.version), stateSecret: try definition.stateSecret.map(place)
            )
        }
        if let child = definition.children.first(where: { $0.table == table }) {
            return .child(identity: try places(child.identity))
        }
        return .other
    }

    mutating func begin(id: UInt32, microseconds: Int64) {
        open = (id, microseconds)
        transactionIDs.append(id)
    }

    mutating func commit(end: LSN) {
        open = nil
        commits += 1
        commitEnd = end
    }

    /// - Parameters:
    ///   - old: the tuple before: nil for an insert, and for an update that left the replica identity's columns as
    ///     they were (it covers all that matter here: that is checked at the start, and with every relation).
    ///   - new: the tuple after; nil for a delete.
    mutating func change(_ role: Role, old before: [String?]?, new: [String?]?) {
        switch role {
        case .other: break
        case .child(let identity):
            // Where a child row moves to another record, both records change.
            if let before { touch(before, identity) }
            if let new { touch(new, identity) }
        case .root(let identity, let key, let version, let stateSecret):
            if let before { bury(before, new, key: key, version: version, stateSecret: stateSecret) }
            if let before, new != nil { touch(before, identity) }
            if let new { touch(new, identity) }
        }
    }

    /// A tombstone where a key stops naming a record that may have been published.
    private mutating func bury(_ old: [String?], _ new: [String?]?, key: [Int], version: Int, stateSecret: Int?) {
        // A row marked secret was withheld, so its key must not reach Kafka now either. A row that becomes secret may
        // have been published before: the national database has to forget it, and its key is known there already.
        if let stateSecret, Self.isSecret(old[stateSecret]) { return }
        let becomesSecret = new.map { new in stateSecret.map { Self.isSecret(new[$0]) } ?? false } ?? false
        // A record without a key was refused by every worker: there is nothing to delete.
        guard let oldKey = Self.recordKey(old, key) else { return }
        if let new, !becomesSecret, Self.recordKey(new, key) == oldKey { return }
        tombstones.append(
            Tombstone(key: oldKey, version: old[version].map(headerVersion), microseconds: open?.microseconds ?? 0)
        )
    }

    private mutating func touch(_ tuple: [String?], _ identity: [Int]) {
        let values = identity.compactMap { tuple[$0] }
        guard values.count == identity.count, touchedSet.insert(values).inserted else { return }
        touched.append(values)
    }

    /// A text that RFC 3339 cannot write (`infinity`) is sent as it is, and refused by the worker where people see it.
    private func headerVersion(_ text: String) -> String {
        switch definition.root.versionFormat {
        case .integer: text
        case .timestamp: SourceTime.rfc3339(text) ?? text
        }
    }

    private static func recordKey(_ tuple: [String?], _ columns: [Int]) -> String? {
        let parts = columns.compactMap { tuple[$0] }
        return parts.count == columns.count ? parts.joined(separator: ":") : nil
    }

    /// The preparation checks that the column is a boolean.
    private static func isSecret(_ text: String?) -> Bool { text == "t" }
}
