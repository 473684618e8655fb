// A logical replication stream: changes of a publication, in the order of their commits.

import CPostgres
import Glibc

/// Reads a slot through its own replication connection. Confined to one thread; blocking, with a bound on each wait.
///
/// The server keeps log until it is confirmed and sends again, after a restart, what was not: changes arrive at least
/// once. It ends a stream that was silent for `wal_sender_timeout` (60 s by default), so a caller that does long work
/// between two calls of `next` calls `sendStatus()` meanwhile.
package final class ReplicationStream {
    /// Tables described so far, by the number that changes refer to.
    package private(set) var relations: [UInt32: ReplicatedRelation] = [:]
    /// The greatest position confirmed by the caller in this session.
    package private(set) var confirmed = LSN.zero

    private let connection: PostgresConnection
    private var isStreaming = false
    private var hasEnded = false
    private var slotName: String?
    /// What the slot had confirmed at the start: a lower claim could move it back on older servers.
    private var floor = LSN.zero
    private var sent = LSN.zero
    private var statusDueAt = ContinuousClock.now
    /// The server's own time as last heard; it comes back in the status, where it is shown and nothing else.
    private var serverMicroseconds: Int64 = 0

    private static let statusInterval = Duration.seconds(10)
    private static let endWait = Duration.seconds(2)
    private let action = "reading the replication stream"

    /// Connects with `replication=database`: the user needs the REPLICATION attribute and `wal_level` must be
    /// `logical`.
    package init(
        _ url: String, applicationName: String, connectTimeoutSeconds: Int32 = 10
    ) throws(PostgresError) {
        connection = try PostgresConnection(
            url, applicationName: applicationName, connectTimeoutSeconds: connectTimeoutSeconds, forReplication: true
        )
    }

    deinit { close() }

    /// The stream is at its end, for whatever reason: close it and open another.
    package var isBroken: Bool { hasEnded || connection.isBroken }
    package var backendPID: Int32 { connection.backendPID }

    // MARK: - Slots

    /// The slot of that name, nil where there is none.
    package func slot(named name: String) throws(PostgresError) -> ReplicationSlot? {
        let name = try Self.checked(slot: name)
        let result = try connection.execute(
            """
            SELECT coalesce(plugin, ''), coalesce(database, ''), active_pid,
                   coalesce(confirmed_flush_lsn, '0/0'), wal_status
              FROM pg_catalog.pg_replication_slots WHERE slot_name = \(SQLText.literal(name))
            """
        )[0]
        guard result.rowCount == 1 else { return nil }
        return ReplicationSlot(
            name: name, plugin: result[0, 0] ?? "", database: result[0, 1] ?? "",
            activePID: result.integer(0, 2).map { Int32(truncatingIfNeeded: $0) },
            confirmedLSN: result[0, 3].flatMap { LSN($0) } ?? .zero, walStatus: result[0, 4]
        )
    }

    /// Makes a permanent slot for pgoutput. Waits for the transactions that are open now to end.
    ///
    /// The publication must exist before: a change is decoded with the catalogue of its own time.
    /// - Returns: the consistent point. Every transaction that commits from here on is sent, and a snapshot taken after
    ///   this call sees every one before it.
    package func createSlot(named name: String) throws(PostgresError) -> LSN {
        let action = "creating replication slot \(name)"
        let name = try Self.checked(slot: name)
        let result: PostgresResult
        do {
            result = try connection.execute(
                "SELECT lsn FROM pg_catalog.pg_create_logical_replication_slot(\(SQLText.literal(name)), 'pgoutput')"
            )[0]
        } catch {
            throw error.during(action)
        }
        guard let lsn = result[0, 0].flatMap({ LSN($0) }) else {
            throw PostgresError(action: action, sqlState: "08P01", primary: "the server named no consistent point")
        }
        return lsn
    }

    /// Removes a slot that nobody reads; the log it held is freed.
    package func dropSlot(named name: String) throws(PostgresError) {
        do {
            try connection.execute(
                "SELECT pg_catalog.pg_drop_replication_slot(\(SQLText.literal(try Self.checked(slot: name))))"
            )
        } catch {
            throw error.during("dropping replication slot \(name)")
        }
    }

    // MARK: - Streaming

    /// Starts to stream.
    ///
    /// - Parameter from: transactions that committed before it are left out; nil, or a position before what the slot
    ///   has confirmed, starts where the slot stands.
    /// - Throws: 42704 where slot or publication are missing, 55006 where another process reads the slot (its pid is
    ///   named), 55000 where the slot is not ours to read or lost its log.
    package func start(slot name: String, publication: String, from: LSN? = nil) throws(PostgresError) {
        let action = "starting replication from slot \(name)"
        precondition(!isStreaming, "a stream starts once")
        guard let slot = try slot(named: name) else {
            throw PostgresError(action: action, sqlState: "42704", primary: "the slot does not exist")
        }
        if let problem = slot.problem {
            throw PostgresError(action: action, sqlState: problem.sqlState, primary: problem.text)
        }
        // The server would look for the publication only at the first change, and then fail for ever.
        let found = try connection.execute(
            "SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = \(SQLText.literal(publication))"
        )[0]
        guard found.rowCount == 1 else {
            throw PostgresError(
                action: action, sqlState: "42704", primary: "publication \(publication) does not exist in this database"
            )
        }
        let publications = SQLText.literal(SQLText.identifier(publication))
        do throws(PostgresError) {
            let results = try connection.execute(
                "START_REPLICATION SLOT \(SQLText.identifier(name)) LOGICAL \(from ?? .zero) "
                    + "(proto_version '1', publication_names \(publications))"
            )
            guard results.last?.status == PGRES_COPY_BOTH else {
                throw PostgresError(action: action, sqlState: "08P01", primary: "the server did not begin to stream")
            }
        } catch {
            throw error.during(action)
        }
        isStreaming = true
        slotName = name
        floor = slot.confirmedLSN
        statusDueAt = .now + Self.statusInterval
    }

    /// The next message, or nil when the time has passed without one.
    ///
    /// - Throws: when the server ended the stream or the connection broke; the stream is then at its end.
    package func next(timeoutMilliseconds: Int32) throws(PostgresError) -> ReplicationMessage? {
        let deadline = ContinuousClock.now + .milliseconds(timeoutMilliseconds)
        while true {
            let handle = try streamingHandle()
            if ContinuousClock.now >= statusDueAt { try sendStatus() }
            var data: UnsafeMutablePointer<CChar>?
            let count = PQgetCopyData(handle, &data, 1)
            defer { PQfreemem(data) }
            switch count {
            case 1...:
                do {
                    return try receive(UnsafeRawBufferPointer(start: data, count: Int(count)))
                } catch {
                    // Reading on behind a message that was not understood would lose a change in silence.
                    end()
                    throw error
                }
            case 0:
                // What was confirmed is told before idling, so that the server can free its log at once.
                if confirmed > sent { try sendStatus() }
                let now = ContinuousClock.now
                guard now < deadline else { return nil }
                if waits(PQsocket(handle), for: POLLIN, min(deadline, statusDueAt) - now) {
                    guard PQconsumeInput(handle) == 1 else { throw ended(handle) }
                }
            default:
                throw ended(handle)
            }
        }
    }

    /// Remembers that everything before `flushed` is safe; the server is told soon after, by `next` or `sendStatus()`.
    /// A position before an earlier one changes nothing.
    package func confirm(flushed: LSN) {
        // The floor itself is claimed again: a server that shuts down waits for a reader until it has heard of all it sent.
        if flushed > confirmed, flushed >= floor { confirmed = flushed }
    }

    /// Tells the server at once that we live and what is confirmed.
    package func sendStatus() throws(PostgresError) {
        let handle = try streamingHandle()
        var status: [UInt8] = [UInt8(ascii: "r")]
        // Written, flushed, applied: all three claim what the caller confirmed and nothing more. Zero claims nothing.
        for number in [
            confirmed.rawValue, confirmed.rawValue, confirmed.rawValue, UInt64(bitPattern: serverMicroseconds),
        ] {
            withUnsafeBytes(of: number.bigEndian) { status.append(contentsOf: $0) }
        }
        status.append(0)  // no answer needed
        let isSent = status.withUnsafeBytes { bytes in
            PQputCopyData(handle, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count)) == 1
                && PQflush(handle) == 0
        }
        guard isSent else { throw ended(handle) }
        sent = confirmed
        statusDueAt = .now + Self.statusInterval
    }

    /// Tells the server what is confirmed, ends the stream in an orderly way (so that the slot is free on return,
    /// unless the server takes longer than 2 s), and closes the connection.
    package func close() {
        if isStreaming, let handle = connection.handle, !isBroken, (try? sendStatus()) != nil { endStream(handle) }
        end()
    }

    // MARK: - Parts

    private func receive(_ bytes: UnsafeRawBufferPointer) throws(PostgresError) -> ReplicationMessage {
        switch try ReplicationDecoder.frame(bytes) {
        case .data(_, _, let time, let message):
            serverMicroseconds = time &- ReplicationDecoder.epochMicroseconds
            if case .relation(let relation) = message { relations[relation.id] = relation }
            return message
        case .keepalive(let walEnd, let time, let replyRequested):
            serverMicroseconds = time &- ReplicationDecoder.epochMicroseconds
            if replyRequested { try sendStatus() }
            return .keepalive(endLSN: walEnd, replyRequested: replyRequested)
        }
    }

    private func streamingHandle() throws(PostgresError) -> OpaquePointer {
        guard isStreaming, let handle = connection.handle else {
            throw PostgresError(action: action, sqlState: nil, primary: "the stream is not open")
        }
        return handle
    }

    private func end() {
        isStreaming = false
        hasEnded = true
        connection.close()
    }

    /// Why the stream ended: the server's reason where it gave one.
    private func ended(_ handle: OpaquePointer) -> PostgresError {
        defer { end() }
        let reading = slotName.map { "\(action) of slot \($0)" } ?? action
        do {
            _ = try connection.results(of: handle, reading)
            return PostgresError(action: reading, sqlState: nil, primary: "the server ended the stream")
        } catch {
            return error
        }
    }

    /// Bids the server stop, and reads on until it has, since the slot is free only then.
    private func endStream(_ handle: OpaquePointer) {
        guard PQputCopyEnd(handle, nil) == 1, PQflush(handle) == 0 else { return }
        let deadline = ContinuousClock.now + Self.endWait
        while true {
            var data: UnsafeMutablePointer<CChar>?
            let count = PQgetCopyData(handle, &data, 1)
            PQfreemem(data)
            if count < 0 { break }
            guard count == 0 else { continue }
            let left = deadline - ContinuousClock.now
            guard left > .zero, waits(PQsocket(handle), for: POLLIN, left), PQconsumeInput(handle) == 1 else { return }
        }
        while PQisBusy(handle) == 1 {
            let left = deadline - ContinuousClock.now
            guard left > .zero, waits(PQsocket(handle), for: POLLIN, left), PQconsumeInput(handle) == 1 else { return }
        }
    }

    private static func checked(slot name: String) throws(PostgresError) -> String {
        let isName = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
            default: false
            }
        }
        guard isName, (1...63).contains(name.utf8.count) else {
            throw PostgresError(
                action: "naming a replication slot", sqlState: "42602",
                primary: "a slot's name has 1 to 63 of a-z, 0-9 and _"
            )
        }
        return name
    }
}

extension ReplicationSlot {
    /// Why it cannot be read, if so.
    fileprivate var problem: (sqlState: String, text: String)? {
        if let activePID {
            return ("55006", "the slot is in use by server process \(activePID); stop that reader or wait for its end")
        }
        if plugin != "pgoutput" {
            return ("55000", "the slot's plugin is not pgoutput; drop the slot and let a new one be made")
        }
        if walStatus == "lost" {
            return ("55000", "the slot's log was removed (max_slot_wal_keep_size); drop the slot and snapshot anew")
        }
        return nil
    }
}
