// A failure of the database in words that never quote a record.

import CPostgres
package import Model

/// What went wrong in a call, as names and codes only.
///
/// PostgreSQL's own messages quote values ("invalid input syntax for type date: …", "Key (id)=(…) already exists"), so
/// DETAIL, HINT and CONTEXT are never kept, and the primary message only for classes of SQLSTATE that cannot quote
/// data.
package struct PostgresError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was being done, such as `copying into the database`; see `during(_:)`.
    package let action: String
    /// Five characters, or nil where the connection broke before the server could speak.
    package let sqlState: String?
    package let schema: String?
    package let table: String?
    package let column: String?
    package let constraint: String?
    package let dataType: String?
    /// The server's primary message where its class cannot quote data, else nil.
    package let primary: String?
    /// The character of the statement, from 1, where the server stumbled.
    package let statementPosition: Int?

    package init(
        action: String, sqlState: String?, schema: String? = nil, table: String? = nil, column: String? = nil,
        constraint: String? = nil, dataType: String? = nil, primary: String? = nil, statementPosition: Int? = nil
    ) {
        self.action = action
        self.sqlState = sqlState
        self.schema = schema
        self.table = table
        self.column = column
        self.constraint = constraint
        self.dataType = dataType
        self.primary = sqlState.map(Self.mayKeepPrimary) ?? true ? primary : nil
        self.statementPosition = statementPosition
    }

    package var fault: DatabaseFault { DatabaseFault(sqlState: sqlState) }

    /// The URL could not be read, so that no server was asked.
    package var isUnreadableURL: Bool { action == Connector.reading }

    /// The same failure, told as part of what the caller was doing.
    package func during(_ action: String) -> PostgresError {
        PostgresError(
            action: action, sqlState: sqlState, schema: schema, table: table, column: column, constraint: constraint,
            dataType: dataType, primary: primary, statementPosition: statementPosition
        )
    }

    package var description: String {
        var parts: [String] = []
        if let primary { parts.append(primary) }
        if let sqlState { parts.append("SQLSTATE \(sqlState)") } else if primary == nil { parts.append(Self.lost) }
        if let constraint { parts.append("constraint \(constraint)") }
        if let table { parts.append("table \(schema.map { "\($0)." } ?? "")\(table)") }
        if let column { parts.append("column \(column)") }
        if let dataType { parts.append("type \(dataType)") }
        if let statementPosition { parts.append("character \(statementPosition) of the statement") }
        return "\(action): \(parts.joined(separator: ", "))"
    }

    static let lost = "the connection to the server was lost"

    /// Classes whose messages name objects, limits and states, never a row's content (PostgreSQL 15, appendix A).
    /// A syntax error is left out of class 42: it repeats the statement's text where it stumbled.
    static func mayKeepPrimary(sqlState: String) -> Bool {
        let classes: Set<Substring> = ["08", "0A", "28", "3D", "3F", "40", "42", "53", "55", "57", "58"]
        return classes.contains(sqlState.prefix(2)) && sqlState != "42601"
    }
}

extension PostgresError {
    /// Reads a failed result. Where it bears no SQLSTATE, libpq speaks, not the server: the connection is at fault.
    init(action: String, result: OpaquePointer) {
        func field(_ code: UnicodeScalar) -> String? {
            PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
        }
        guard let sqlState = field("C") else {
            self.init(action: action, sqlState: nil, primary: Self.safeLoss(PQresultErrorMessage(result)))
            return
        }
        self.init(
            action: action, sqlState: sqlState, schema: field("s"), table: field("t"), column: field("c"),
            constraint: field("n"), dataType: field("d"), primary: field("M"),
            statementPosition: field("P").flatMap { Int($0) }
        )
    }

    /// The failure of a connection that is open no longer.
    init(action: String, lostBy handle: OpaquePointer) {
        self.init(action: action, sqlState: nil, primary: Self.safeLoss(PQerrorMessage(handle)))
    }

    /// libpq's buffer may hold a server's message beside its own, so only lines known to be libpq's are let through.
    private static func safeLoss(_ message: UnsafePointer<CChar>?) -> String {
        let known = [
            "server closed the connection unexpectedly", "could not receive data from server", "could not send data to",
            "no connection to the server", "connection not open", "connection pointer is NULL", "SSL ",
            "timeout expired",
            "another command is already in progress", "lost synchronization with server",
        ]
        let lines = message.map { String(cString: $0) }?.split(separator: "\n") ?? []
        guard let line = lines.first(where: { line in known.contains { line.hasPrefix($0) } }) else { return lost }
        return "\(lost) (\(line))"
    }
}
