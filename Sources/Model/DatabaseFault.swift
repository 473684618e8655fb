// Which of three kinds a database failure is: the record's, the world's, or ours.

/// What a failure of PostgreSQL says about whom to blame, by SQLSTATE (PostgreSQL 15, appendix A).
package enum DatabaseFault: Hashable, Sendable {
    /// The data is bad: isolate the record and keep it as a dead letter.
    case record
    /// The surroundings are bad: back off and try again, for ever.
    case world
    /// Our statement, schema or permission is bad: pause the topic and say why.
    case ours
    /// No rule knows it: tried again, and after three times on one row treated as ours.
    case unknown

    /// - Parameter sqlState: five characters, or nil where the connection broke before the server could speak.
    package init(sqlState: String?) {
        guard let sqlState else {
            self = .world
            return
        }
        // A read-only standby; a session ended for being idle in a transaction; a lock not available.
        if ["25006", "25P03", "55P03"].contains(sqlState) {
            self = .world
            return
        }
        if sqlState == "54000" {  // program limit exceeded: an index row too large, for one
            self = .record
            return
        }
        switch sqlState.prefix(2) {
        case "22", "23", "44": self = .record
        case "08", "40", "53", "57", "58": self = .world
        case "42", "28", "3D", "3F": self = .ours
        default: self = .unknown
        }
    }
}
