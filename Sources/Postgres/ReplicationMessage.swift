// What a replication stream says, as values.

/// One message of pgoutput's protocol version 1 (PostgreSQL 15 manual, "Logical Replication Message Formats"), or a
/// keepalive of the connection that carries it. Times are microseconds since 1970-01-01 UTC.
package enum ReplicationMessage: Hashable, Sendable {
    /// A transaction starts; `lsn` is that of its commit.
    case begin(lsn: LSN, commitMicroseconds: Int64, transaction: UInt32)
    /// Describes a table, before its first change and after each change of its shape.
    case relation(ReplicatedRelation)
    case insert(relation: UInt32, new: [ColumnValue])
    /// `old` is there where the replica identity changed (its columns alone are set), or all of it with REPLICA
    /// IDENTITY FULL.
    case update(relation: UInt32, old: OldRow?, new: [ColumnValue])
    case delete(relation: UInt32, old: OldRow)
    case truncate(relations: [UInt32], cascade: Bool, restartIdentity: Bool)
    /// The transaction ends; once its changes are safe, `endLSN` is what to confirm.
    case commit(lsn: LSN, endLSN: LSN, commitMicroseconds: Int64)
    /// The transaction came from elsewhere, by the server's own replication.
    case origin(name: String)
    /// Describes a type that is not built in.
    case type(id: UInt32, schema: String, name: String)
    /// All changes before `endLSN` have been sent: who has dealt with them all may confirm it. Requests for a reply
    /// have been answered already.
    case keepalive(endLSN: LSN, replyRequested: Bool)
    /// A kind of message this version knows nothing of.
    case unknown(UInt8)
}

/// A column's value in a change.
package enum ColumnValue: Hashable, Sendable {
    case null
    /// A large value that the update did not touch; the log does not hold it.
    case unchangedToast
    /// The value's text form.
    case text(String)

    /// The text, nil for NULL and for an unchanged large value.
    package var text: String? { if case .text(let text) = self { text } else { nil } }
}

/// What the log keeps of a row before its change.
package enum OldRow: Hashable, Sendable {
    /// The columns of the replica identity; the others are null.
    case key([ColumnValue])
    /// All columns.
    case full([ColumnValue])

    package var values: [ColumnValue] {
        switch self {
        case .key(let values), .full(let values): values
        }
    }
}

/// A table as the stream describes it.
package struct ReplicatedRelation: Hashable, Sendable {
    package struct Column: Hashable, Sendable {
        package let name: String
        /// Part of the replica identity.
        package let isKey: Bool
        package let typeID: UInt32

        package init(name: String, isKey: Bool, typeID: UInt32) {
            self.name = name
            self.isKey = isKey
            self.typeID = typeID
        }
    }

    /// What rows are told apart by (`pg_class.relreplident`).
    package enum Identity: Hashable, Sendable {
        case primaryKey, index, full, nothing
        case unknown(UInt8)
    }

    package let id: UInt32
    package let schema: String
    package let name: String
    package let identity: Identity
    package let columns: [Column]

    package init(id: UInt32, schema: String, name: String, identity: Identity, columns: [Column]) {
        self.id = id
        self.schema = schema
        self.name = name
        self.identity = identity
        self.columns = columns
    }

    package func index(of column: String) -> Int? { columns.firstIndex { $0.name == column } }
}

/// A replication slot as the server sees it.
package struct ReplicationSlot: Hashable, Sendable {
    package let name: String
    package let plugin: String
    package let database: String
    /// The server process that reads from it now.
    package let activePID: Int32?
    /// Changes of transactions that committed before this will not be sent again.
    package let confirmedLSN: LSN
    /// `reserved`, `extended`, `unreserved` or `lost` (its log was removed: only a new snapshot helps).
    package let walStatus: String?
}
