import Foundation
import Model
import Postgres
import Testing

@Suite("a private cluster")
struct PrivateClusterTests {
    @Test("keeps its data over a restart and a crash; connections of before are broken")
    func restart() throws {
        let cluster = try PrivateCluster.temporary(settings: ["max_connections": "17"])
        try cluster.createDatabase("kept")
        let before = try PostgresConnection(cluster.url(database: "kept"), applicationName: "test")
        #expect(try before.value("SHOW max_connections") == "17")
        #expect(try before.value("SHOW wal_level") == "logical")
        #expect(try before.value("SHOW listen_addresses") == "127.0.0.1")
        try before.execute("CREATE TABLE t AS SELECT generate_series(1, 10)")

        try cluster.restart()
        let lost = try #require(postgresError { try before.execute("SELECT 1") })
        #expect(lost.fault == .world)
        #expect(before.isBroken)

        let after = try PostgresConnection(cluster.url(database: "kept"), applicationName: "test")
        try after.execute("INSERT INTO t VALUES (11)")
        try cluster.stop(immediate: true)
        #expect(!cluster.isRunning)
        let refused = try #require(
            postgresError { _ = try PostgresConnection(cluster.url(), applicationName: "test") }
        )
        #expect(refused.sqlState == nil)
        try cluster.stop()

        // Another object on the same folder, as after a restart of the program.
        let again = try PrivateCluster(folder: cluster.folder)
        try again.start()
        let last = try PostgresConnection(again.url(database: "kept"), applicationName: "test")
        #expect(try last.value("SELECT count(*) FROM t") == "11")
        last.close()
        try again.remove()
        #expect(!FileManager.default.fileExists(atPath: cluster.folder))
    }

    @Test("copies a database")
    func template() throws {
        let cluster = try TestDatabase.cluster.get()
        try cluster.createDatabase("original")
        let original = try PostgresConnection(cluster.url(database: "original"), applicationName: "test")
        try original.execute("CREATE TABLE t AS SELECT 1 AS id")
        original.close()
        try cluster.createDatabase("odd \"copy\"/?", template: "original")
        let copy = try PostgresConnection(cluster.url(database: "odd \"copy\"/?"), applicationName: "test")
        #expect(try copy.value("SELECT id FROM t") == "1")
        let double = postgresError { try cluster.createDatabase("original") }
        #expect(double?.sqlState == "42P04")
    }

    @Test("touches no folder that holds something else")
    func foreignFolder() throws {
        let folder = try MigrationFolder()
        try folder.write("precious.txt", "x")
        #expect(throws: UserError.self) { try PrivateCluster(folder: folder.path) }
        #expect(throws: UserError.self) { try PrivateCluster.erase(folder: folder.path) }
        #expect(FileManager.default.fileExists(atPath: "\(folder.path)/precious.txt"))
    }

    @Test("finds another place where the server's user cannot reach the folder", .enabled(if: getuid() == 0))
    func unreachableFolder() throws {
        let parent = try MigrationFolder()
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: parent.path)
        let wanted = "\(parent.path)/cluster"
        let cluster = try PrivateCluster(folder: wanted)
        #expect(cluster.folder.hasPrefix("/var/tmp/"))
        try cluster.start()
        #expect(cluster.isRunning)
        try PrivateCluster.erase(folder: wanted)
        #expect(!cluster.isRunning)
        #expect(!FileManager.default.fileExists(atPath: cluster.folder))
    }

    @Test("that cannot start says why and where to read on")
    func cannotStart() throws {
        let running = try TestDatabase.cluster.get()
        let folder = "/tmp/lienthong-cluster-test-\(UUID().uuidString)"
        let cluster = try PrivateCluster(folder: folder, port: running.port)
        let error = try #require(throws: UserError.self) { try cluster.start() }
        #expect(error.status == .unavailable)
        #expect(error.nextStep.contains("server.log"))
        try cluster.remove()
    }
}
