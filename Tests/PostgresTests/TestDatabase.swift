// A cluster for the whole test run, and a database of its own for each test.

import Postgres
import Synchronization

/// A fresh, empty database of the shared cluster.
struct TestDatabase {
    let url: String

    init() throws {
        let number = Self.counter.add(1, ordering: .relaxed).newValue
        let cluster = try Self.cluster.get()
        try cluster.createDatabase("test_\(number)")
        url = cluster.url(database: "test_\(number)")
    }

    func connect(_ name: String = "test") throws -> PostgresConnection {
        try PostgresConnection(url, applicationName: name)
    }

    /// Slots outlive their tests.
    static let cluster = Result { try PrivateCluster.temporary(settings: ["max_replication_slots": "100"]) }
    private static let counter = Atomic(0)
}

extension PostgresConnection {
    /// The first value of the first row.
    func value(_ sql: String) throws -> String? { try query(sql)[0, 0] }

    /// Asks until a condition given as SQL is true; the server does the pausing. False after some 20 seconds.
    func waits(until condition: String) throws -> Bool {
        for _ in 0..<2_000 {
            if try value("SELECT \(condition)") == "t" { return true }
            try execute("SELECT pg_sleep(0.01)")
        }
        return false
    }
}

/// The `PostgresError` a call throws.
func postgresError(_ body: () throws -> Void) -> PostgresError? {
    do { try body() } catch { return error as? PostgresError }
    return nil
}
