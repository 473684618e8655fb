// What a failure says, and the status that it gives.
import Foundation
import Kafka
import Model
import Postgres
import Testing

@testable import lienthong

struct FailureTests {
    @Test(
        "a property that librdkafka does not know is a wrong setting", arguments: ["no.such.key", "fetch.wait.max.ms"])
    func wrongKafkaProperty(name: String) throws {
        let settings = KafkaSettings(bootstrapServers: "127.0.0.1:1", properties: [name: "nonsense"])
        let error = try #require(throws: KafkaError.self) { try KafkaAdmin(settings: settings, clientID: "test") }
        let failure = try #require(Failure(error))
        #expect(failure.status == .configuration)
        #expect(failure.sentence.contains(name) && !failure.sentence.contains("nonsense"))
    }

    @Test("an unreadable database URL is a wrong setting, without the words of a server that was not asked")
    func unreadableURL() throws {
        let error = try #require(throws: PostgresError.self) {
            try PostgresConnection("postgresql://[nonsense", applicationName: "test")
        }
        let failure = try #require(Failure(error))
        #expect(failure.status == .configuration)
        #expect(!failure.sentence.contains("SQLSTATE") && !failure.sentence.contains("check user"))
    }
}

struct DemoWorkspaceTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    private let files = FileManager.default

    @Test("a folder that no demo made is refused and left as it is")
    func foreignFolder() throws {
        defer { try? files.removeItem(atPath: folder) }
        try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try "mine".write(toFile: "\(folder)/thesis.txt", atomically: true, encoding: .utf8)
        let error = try #require(throws: UserError.self) { try DemoWorkspace(folder: folder).begin() }
        #expect(error.status == .configuration)
        #expect(try files.contentsOfDirectory(atPath: folder) == ["thesis.txt"])
    }

    @Test("a new folder, an empty one and a demo's own are begun anew")
    func ownFolder() throws {
        defer { try? files.removeItem(atPath: folder) }
        for makesEmpty in [false, true] {
            if makesEmpty { try files.createDirectory(atPath: folder, withIntermediateDirectories: true) }
            let workspace = DemoWorkspace(folder: folder)
            try workspace.begin()
            workspace.end()
            try "old".write(toFile: "\(folder)/work.log", atomically: true, encoding: .utf8)
            try workspace.begin()
            #expect(!files.fileExists(atPath: "\(folder)/work.log"))
            try files.removeItem(atPath: folder)
        }
    }
}
