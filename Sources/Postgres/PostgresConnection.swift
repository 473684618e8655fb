// One connection to PostgreSQL over libpq: blocking, on one thread.

import CPostgres

/// A session with a database. Confined to one thread at a time; every call blocks until its answer is there.
///
/// Text is UTF-8, dates are ISO, times are UTC, whatever the server's settings. A connection that broke stays broken
/// (`isBroken`): close it and open another.
package final class PostgresConnection {
    /// Host, port, database and user as they may be shown; the password is never among them.
    package let address: String
    package let backendPID: Int32
    /// Nil once closed.
    private(set) var handle: OpaquePointer?
    /// Between `send` and `receive`, and inside `copyIn`: no other statement may start.
    private var isBusy = false

    /// Opens a session.
    ///
    /// - Parameters:
    ///   - url: `postgresql://user:password@host:port/database?option=value` or libpq's `key=value` form.
    ///   - applicationName: shown in `pg_stat_activity`.
    ///   - connectTimeoutSeconds: bound on the whole of connecting, over all hosts of the URL.
    /// - Throws: `PostgresError` with the server's SQLSTATE where it refused (28 authentication, 3D no such database,
    ///   53300 too many connections, 57P03 starting up), with nil where it could not be reached.
    package convenience init(
        _ url: String, applicationName: String, connectTimeoutSeconds: Int32 = 10
    ) throws(PostgresError) {
        try self.init(
            url, applicationName: applicationName, connectTimeoutSeconds: connectTimeoutSeconds, forReplication: false
        )
    }

    init(
        _ url: String, applicationName: String, connectTimeoutSeconds: Int32, forReplication: Bool
    ) throws(PostgresError) {
        let connector = try Connector(url: url)
        address = connector.address
        let handle = try connector.open(
            applicationName: applicationName, timeoutSeconds: connectTimeoutSeconds, forReplication: forReplication
        )
        self.handle = handle
        backendPID = PQbackendPID(handle)
        do {
            _ = try execute(Self.sessionSettings)
        } catch {
            close()
            throw error.during("preparing a session on \(address)")
        }
    }

    deinit { close() }

    /// Also what pgoutput writes values by, so a replication connection needs it as much. No session may inherit a
    /// role's or a database's taste in these: they change the text of values.
    private static let sessionSettings = """
        SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 1;
        SET bytea_output = 'hex'; SET standard_conforming_strings = on; SET xmloption = 'content'
        """

    // MARK: - State

    /// The session is lost or closed; nothing but `close()` is of use.
    package var isBroken: Bool { handle.map { PQstatus($0) != CONNECTION_OK } ?? true }

    /// A transaction is open, be it sound or failed.
    package var inTransaction: Bool {
        guard let handle else { return false }
        let status = PQtransactionStatus(handle)
        return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
    }

    /// Ends the session; the server rolls back what was open. Harmless when repeated.
    package func close() {
        if let handle { PQfinish(handle) }
        handle = nil
        isBusy = false
    }

    // MARK: - Statements

    /// Runs one or several statements in the simple protocol, and returns the result of each. Statements outside an
    /// explicit transaction form one of their own: a failing one undoes those before it.
    @discardableResult
    package func execute(_ sql: String) throws(PostgresError) -> [PostgresResult] {
        try send(sql)
        return try receive()
    }

    /// Runs one statement whose `$1`, `$2` … are given as text, nil being NULL.
    @discardableResult
    package func query(_ sql: String, _ parameters: [String?] = []) throws(PostgresError) -> PostgresResult {
        let action = "running a query"
        let handle = try idleHandle(action, sql)
        guard !parameters.contains(where: { $0?.utf8.contains(0) ?? false }) else {
            // A C string would end at the NUL and be stored cut short; PostgreSQL itself refuses NUL by this code.
            throw PostgresError(action: action, sqlState: "22021")
        }
        let sent = withCStrings(parameters) { values in
            PQsendQueryParams(handle, sql, Int32(parameters.count), nil, values, nil, nil, 0)
        }
        guard sent == 1 else { throw failure(action, handle) }
        guard let result = try results(of: handle, action).last else {
            throw PostgresError(action: action, sqlState: "08P01", primary: "the server sent no result")
        }
        return result
    }

    /// Starts statements as `execute` does and returns at once, so that the caller computes while the server works.
    /// `receive()` must follow before any other call but `close()`.
    package func send(_ sql: String) throws(PostgresError) {
        let action = "running a statement"
        let handle = try idleHandle(action, sql)
        guard PQsendQuery(handle, sql) == 1 else { throw failure(action, handle) }
        isBusy = true
    }

    /// Waits for all results of `send`. After an error everything the server still had to say has been read, and the
    /// connection is ready for the next call unless `isBroken`.
    package func receive() throws(PostgresError) -> [PostgresResult] {
        let action = "running a statement"
        precondition(isBusy || handle == nil, "receive() without send()")
        guard let handle else { throw Self.closed(action) }
        isBusy = false
        return try results(of: handle, action)
    }

    // MARK: - COPY

    /// Runs `COPY … FROM STDIN`, alone or after other statements (`TRUNCATE x; COPY x FROM STDIN (FORMAT binary)`).
    ///
    /// An error thrown by `write` ends the COPY without effect and leaves the connection usable. It comes back as it
    /// was thrown if it is a `PostgresError`, else as SQLSTATE 57014 naming its type.
    /// - Returns: the rows copied.
    @discardableResult
    package func copyIn(
        _ sql: String, _ write: (inout CopyWriter) throws -> Void
    ) throws(PostgresError) -> Int {
        let action = "copying into the database"
        let handle = try idleHandle(action, sql)
        guard PQsendQuery(handle, sql) == 1 else { throw failure(action, handle) }
        isBusy = true
        defer { isBusy = false }
        try awaitCopyStart(handle, action)

        var writer = CopyWriter(handle: handle)
        var cause: (any Error)?
        do { try write(&writer) } catch { cause = error }
        let ended = PQputCopyEnd(handle, cause == nil ? nil : "abandoned by the writer")

        do {
            let copied = try results(of: handle, action).last { $0.command.hasPrefix("COPY") }
            if cause == nil, ended == 1, let copied { return copied.affectedRows }
        } catch  where cause == nil || isBroken || writer.isCut {
            throw error  // the server's own reason is better than the writer's "could not write"
        } catch {}  // the abandoned COPY, as wished
        if let cause = cause as? PostgresError { throw cause }
        guard let cause else { throw failure(action, handle) }
        throw PostgresError(action: action, sqlState: "57014", primary: "abandoned by its writer (\(type(of: cause)))")
    }

    private func awaitCopyStart(_ handle: OpaquePointer, _ action: String) throws(PostgresError) {
        while let raw = PQgetResult(handle) {
            let result = PostgresResult(owning: raw)
            switch result.status {
            case PGRES_COPY_IN: return
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: continue
            case PGRES_COPY_OUT: endCopyOut(handle)
            default:
                let failure = result.error(action: action)
                _ = try? results(of: handle, action)
                throw failure
            }
        }
        if isBroken { throw failure(action, handle) }
        throw PostgresError(action: action, sqlState: "0A000", primary: "the statement was no COPY … FROM STDIN")
    }

    // MARK: - Reading

    /// Reads to the end of the answer, past errors too: a result left unread would be taken for the next statement's.
    /// Stops early at COPY_BOTH alone, after which the connection belongs to the replication stream.
    func results(of handle: OpaquePointer, _ action: String) throws(PostgresError) -> [PostgresResult] {
        var results: [PostgresResult] = []
        var failure: PostgresError?
        while let raw = PQgetResult(handle) {
            let result = PostgresResult(owning: raw)
            switch result.status {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
                if failure == nil { results.append(result) }
            case PGRES_COPY_BOTH:
                return results + [result]
            case PGRES_COPY_IN:
                failure = failure ?? Self.misusedCopy(action)
                PQputCopyEnd(handle, "not expected here")
            case PGRES_COPY_OUT:
                failure = failure ?? Self.misusedCopy(action)
                endCopyOut(handle)
            default:
                failure = failure ?? result.error(action: action)
            }
        }
        if let failure { throw failure }
        if isBroken { throw PostgresError(action: action, lostBy: handle) }
        return results
    }

    private static func misusedCopy(_ action: String) -> PostgresError {
        PostgresError(
            action: action, sqlState: "0A000", primary: "COPY FROM STDIN goes by copyIn, COPY TO STDOUT not at all")
    }

    private func endCopyOut(_ handle: OpaquePointer) {
        var row: UnsafeMutablePointer<CChar>?
        while PQgetCopyData(handle, &row, 0) > 0 {
            PQfreemem(row)
            row = nil
        }
    }

    // MARK: - Checks

    private func idleHandle(_ action: String, _ sql: String) throws(PostgresError) -> OpaquePointer {
        guard let handle else { throw Self.closed(action) }
        precondition(!isBusy, "no statement may start between send() and receive(), or inside copyIn()")
        guard !sql.utf8.contains(0) else {
            throw PostgresError(action: action, sqlState: "42601")  // a C string would end at the NUL
        }
        return handle
    }

    private static func closed(_ action: String) -> PostgresError {
        PostgresError(action: action, sqlState: nil, primary: "the connection is closed")
    }

    private func failure(_ action: String, _ handle: OpaquePointer) -> PostgresError {
        PostgresError(action: action, lostBy: handle)
    }
}

/// Lent to the closure of `copyIn`; takes the bytes of a COPY in order, in pieces of any size.
package struct CopyWriter: ~Copyable {
    /// libpq copies each piece behind a header of five bytes: large enough to make that nothing, small enough for
    /// memory.
    private static let chunkBytesMax = 256 * 1024

    fileprivate let handle: OpaquePointer
    /// A write failed: what the server says afterwards tells more than the write did.
    fileprivate var isCut = false

    fileprivate init(handle: OpaquePointer) { self.handle = handle }

    /// Sends bytes, waiting where the server reads slower; they may be reused on return. Pieces of some 64 KiB cost
    /// least.
    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(PostgresError) {
        var rest = bytes
        while let start = rest.baseAddress, !rest.isEmpty {
            let count = min(rest.count, Self.chunkBytesMax)
            guard PQputCopyData(handle, start.assumingMemoryBound(to: CChar.self), Int32(count)) == 1 else {
                isCut = true
                throw PostgresError(action: "copying into the database", lostBy: handle)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    package mutating func write(_ bytes: [UInt8]) throws(PostgresError) {
        // Typed errors do not pass through withUnsafeBytes of the array, so the outcome is carried out by hand.
        let outcome = bytes.withUnsafeBytes { buffer in
            Result { () throws(PostgresError) in try write(buffer) }
        }
        try outcome.get()
    }
}
