// What a file of `deploy/feeds` says: which tables of a source make which topic's records. No Swift is written for a
// feed.
package import Model

/// A feed: one source query and the change stream of its tables, published to one topic.
///
/// All names of SQL objects are `[a-z_][a-z0-9_]*`, at most 63 bytes, so that they can stand in a statement without
/// quotes ever being in doubt.
package struct FeedDefinition: Sendable, Equatable {
    /// The feed's own name, unique among feeds: the key of its progress and of its lock.
    package let feed: String
    package let topic: TopicName
    /// Names the setting that holds the source's URL; see `sourceVariable`.
    package let source: String
    /// CloudEvents `source` of every record.
    package let ceSource: String
    package let slot: String
    package let publication: String
    package let root: Root
    package let children: [Child]
    /// The boolean root column that marks a state secret; nil where the source has none.
    package let stateSecret: String?
    /// One row for each root row, with the columns of `Column` and the identity.
    package let query: String

    package struct Root: Sendable, Equatable {
        package let table: TableName
        /// Unique and never null: a record is read again by it, and the snapshot is read in its order.
        package let identity: [IdentityColumn]
        /// Root columns whose texts, joined by `:`, are the record's key. Read from old tuples, for tombstones.
        package let recordKey: [String]
        /// The root column of the record's version. Its old value becomes a tombstone's `ce_sourceversion`.
        package let version: String
        package let versionFormat: VersionFormat
    }

    package struct Child: Sendable, Equatable {
        package let table: TableName
        /// Columns that hold the root's identity, in the root's order.
        package let identity: [String]
    }

    package struct IdentityColumn: Sendable, Equatable {
        package let column: String
        /// A PostgreSQL type name without modifiers, such as `bigint`.
        package let type: String
    }

    package struct TableName: Sendable, Hashable, CustomStringConvertible {
        package let schema: String
        package let name: String
        package var description: String { "\(schema).\(name)" }
    }

    package enum VersionFormat: String, Sendable, CaseIterable {
        case integer
        /// The column is a `timestamptz`; headers carry RFC 3339 in UTC.
        case timestamp
    }

    /// What `query` must return besides the identity columns.
    package enum Column: String, CaseIterable {
        /// text; null is published with a null key, for the worker to refuse
        case recordKey = "record_key"
        /// text, as the contract's version field writes it
        case version
        /// boolean
        case stateSecret = "state_secret"
        /// timestamptz: `ce_time`
        case recordAt = "record_at"
        /// text: the JSON object
        case value
    }

    /// The environment variable of the source's URL, such as `LIENTHONG_SOURCE_CIVIL_SERVICE`.
    package var sourceVariable: String { "LIENTHONG_SOURCE_\(source.uppercased())" }

    package var tables: [TableName] { [root.table] + children.map(\.table) }
}
