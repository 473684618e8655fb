// One statement's answer, read in place from libpq's memory.

import CPostgres

/// Rows and counts of one statement. Values are PostgreSQL's text form.
///
/// Safe to share: libpq never changes a result after handing it out ("PGresult objects are normally read-only after
/// creation, and so can be passed around freely between threads", libpq manual), and it is freed once, here.
package final class PostgresResult: @unchecked Sendable {
    package let columns: [String]
    package let rowCount: Int
    /// The command tag, such as `INSERT 0 5` or `BEGIN`.
    package let command: String
    private let handle: OpaquePointer

    init(owning handle: OpaquePointer) {
        self.handle = handle
        columns = (0..<max(0, PQnfields(handle))).map { PQfname(handle, $0).map { String(cString: $0) } ?? "" }
        rowCount = Int(PQntuples(handle))
        command = PQcmdStatus(handle).map { String(cString: $0) } ?? ""
    }

    deinit { PQclear(handle) }

    /// Rows that INSERT, UPDATE, DELETE, MERGE, SELECT or COPY went over; 0 for other commands.
    package var affectedRows: Int { PQcmdTuples(handle).flatMap { Int(String(cString: $0)) } ?? 0 }

    /// A value as text, nil for NULL. Row and column are counted from 0 and must exist.
    package subscript(row: Int, column: Int) -> String? {
        withBytes(row, column) { bytes in bytes.map { String(decoding: $0, as: UTF8.self) } }
    }

    /// A value by its column's name, which must exist.
    package subscript(row: Int, column: String) -> String? { self[row, index(of: column)] }

    /// An integer value, nil for NULL and for what is no integer.
    package func integer(_ row: Int, _ column: Int) -> Int64? { self[row, column].flatMap { Int64($0) } }

    package func integer(_ row: Int, _ column: String) -> Int64? { integer(row, index(of: column)) }

    /// Lends a value's exact bytes, nil for NULL; they are valid inside `body` only.
    package func withBytes<Output>(_ row: Int, _ column: Int, _ body: (UnsafeRawBufferPointer?) -> Output) -> Output {
        precondition((0..<rowCount).contains(row), "row \(row) of a result of \(rowCount)")
        precondition(columns.indices.contains(column), "column \(column) of a result of \(columns.count)")
        let (row, column) = (Int32(row), Int32(column))
        guard PQgetisnull(handle, row, column) == 0, let value = PQgetvalue(handle, row, column) else {
            return body(nil)
        }
        return body(UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(handle, row, column))))
    }

    var status: ExecStatusType { PQresultStatus(handle) }

    func error(action: String) -> PostgresError { PostgresError(action: action, result: handle) }

    private func index(of column: String) -> Int {
        guard let index = columns.firstIndex(of: column) else {
            preconditionFailure("a result of columns \(columns) has no column \(column)")
        }
        return index
    }
}
