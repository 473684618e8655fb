// Opening a libpq connection, with errors that show where but never the password.

import CPostgres
import Glibc

/// A connection URL that was read and found safe to show in part.
struct Connector {
    /// `host:port/database as user`.
    let address: String
    private let url: String

    /// What is being done before any server is asked.
    static let reading = "reading the database's URL"

    /// - Throws: SQLSTATE 28000 where the URL cannot be read. libpq's own message would quote it, password and all.
    init(url: String) throws(PostgresError) {
        self.url = url
        let action = Self.reading
        guard !url.utf8.contains(0), let options = PQconninfoParse(url, nil) else {
            throw PostgresError(
                action: action, sqlState: "28000",
                primary:
                    "it is no PostgreSQL URL; expected postgresql://user:password@host:port/database, with special "
                    + "characters of the password written as %XX"
            )
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        let host = values["host"] ?? values["hostaddr"] ?? ""
        let port = values["port"] ?? ""
        let database = values["dbname"] ?? ""
        // A password with a bare @ or / slips into the parts that are shown.
        let digits = port.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2C }
        guard digits, ![host, database].contains(where: { $0.contains("@") }) else {
            throw PostgresError(
                action: action, sqlState: "28000",
                primary: "host, port or database hold characters they cannot have; write special characters of the "
                    + "password as %XX"
            )
        }
        address =
            "\(host.isEmpty ? "the local server" : host)\(port.isEmpty ? "" : ":\(port)")"
            + "\(database.isEmpty ? "" : "/\(database)")\(values["user"].map { " as \($0)" } ?? "")"
    }

    /// Connects without blocking calls, for two things that `PQconnectdb` withholds: a bound on the whole of
    /// connecting, and the SQLSTATE of a refusal, which libpq 15 writes into its message at the verbosity set between
    /// start and poll.
    func open(applicationName: String, timeoutSeconds: Int32, forReplication: Bool) throws(PostgresError)
        -> OpaquePointer
    {
        var settings: [(String, String)] = [
            // A server that vanished is noticed within a minute, be it while waiting (keepalives) or sending (user
            // timeout).
            ("keepalives", "1"), ("keepalives_idle", "20"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "40000"),
            ("dbname", url),  // what the URL says overrides what stands before it, and gives way to what follows
            ("application_name", applicationName), ("client_encoding", "UTF8"),
        ]
        if forReplication { settings.append(("replication", "database")) }
        let action = "connecting to \(address)"
        let started = withCStrings(settings.map(\.0)) { keywords in
            withCStrings(settings.map(\.1)) { values in PQconnectStartParams(keywords, values, 1) }
        }
        guard let handle = started else {
            throw PostgresError(action: action, sqlState: "53200", primary: "out of memory")
        }
        PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        PQsetNoticeReceiver(handle, { _, _ in }, nil)  // else libpq prints notices, which may quote values
        guard PQstatus(handle) != CONNECTION_BAD else { throw refusal(handle, action) }

        let deadline = ContinuousClock.now + .seconds(timeoutSeconds)
        var next = PGRES_POLLING_WRITING  // as the manual has it for the first turn
        while next != PGRES_POLLING_OK {
            guard next != PGRES_POLLING_FAILED else { throw refusal(handle, action) }
            let events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT
            let left = deadline - ContinuousClock.now
            guard left > .zero, waits(PQsocket(handle), for: events, left) else {
                PQfinish(handle)
                throw PostgresError(action: action, sqlState: nil, primary: "no answer within \(timeoutSeconds) s")
            }
            next = PQconnectPoll(handle)
        }
        return handle
    }

    /// Frees the connection and says why it was refused.
    private func refusal(_ handle: OpaquePointer, _ action: String) -> PostgresError {
        defer { PQfinish(handle) }
        let message = PQerrorMessage(handle).map { String(cString: $0) } ?? ""
        return Self.refusal(message: message, action: action)
    }

    /// Reads libpq's account of a failed connection; of several hosts the last one counts.
    static func refusal(message: String, action: String) -> PostgresError {
        let lines = message.split(separator: "\n").map(String.init)
        for line in lines.reversed() {
            // `FATAL:  3D000: database "x" does not exist`, the severity in the server's language.
            guard let mark = line.firstRange(of: ":  ") else { continue }
            let rest = line[mark.upperBound...]
            let sqlState = rest.prefix(5)
            let isCode = sqlState.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
            guard isCode, sqlState.utf8.count == 5, rest.dropFirst(5).hasPrefix(": ") else { continue }
            return PostgresError(action: action, sqlState: String(sqlState), primary: String(rest.dropFirst(7)))
        }
        let reason = lines.last { $0.hasPrefix("connection to server") } ?? lines.first { !$0.hasPrefix("\t") }
        return PostgresError(action: action, sqlState: nil, primary: reason ?? "the server cannot be reached")
    }
}

/// Waits for a socket, at most a duration; false at its end. An interrupting signal starts the wait anew.
func waits(_ socket: Int32, for events: Int32, _ duration: Duration) -> Bool {
    let deadline = ContinuousClock.now + duration
    while true {
        let left = max(deadline - ContinuousClock.now, .zero)
        let milliseconds = left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000
        // Rounded up, else the last fraction of a millisecond is spent spinning.
        let rounded = left == .zero ? 0 : Int32(clamping: milliseconds + 1)
        var descriptor = pollfd(fd: socket, events: Int16(events), revents: 0)
        let ready = poll(&descriptor, 1, rounded)
        if ready > 0 { return true }
        if ready == 0 || errno != EINTR { return false }
    }
}

/// Lends C strings for the time of a call, a null pointer behind the last; nil is a null pointer, too.
func withCStrings<Output>(
    _ strings: [String?], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Output
) -> Output {
    let copies = strings.map { $0.flatMap { strdup($0) } }
    defer { for copy in copies { free(copy) } }
    // One pointer more than there are strings: C wants a null at the end of some lists, and an address even of none.
    let pointers = copies.map { UnsafePointer<CChar>($0) } + [nil]
    return pointers.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an array of one or more has an address") }
        return body(base)
    }
}
