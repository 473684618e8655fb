// Where a setting comes from, and what is said where one is missing or misspelt.
import Foundation
import Kafka
import Model
import Testing

@testable import lienthong

struct SettingsTests {
    private func settings(
        _ yaml: String? = nil, arguments: [String: String] = [:], environment: [String: String] = [:]
    ) throws -> Settings {
        guard let yaml else { return try Settings(arguments: arguments, file: nil, environment: environment) }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).yaml")
        try yaml.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        return try Settings(arguments: arguments, file: file.path, environment: environment)
    }

    @Test("the command line goes before the file, the file before the environment, that before the default")
    func order() throws {
        let yaml = "database: postgresql://file\n"
        let environment = ["LIENTHONG_DATABASE": "postgresql://environment"]
        let arguments = ["database": "postgresql://arguments"]
        #expect(
            try settings(yaml, arguments: arguments, environment: environment).databaseURL() == "postgresql://arguments"
        )
        #expect(try settings(yaml, environment: environment).databaseURL() == "postgresql://file")
        #expect(try settings(environment: environment).databaseURL() == "postgresql://environment")
        #expect(try settings().topicsFolder == "Topics")
        #expect(try settings(environment: ["LIENTHONG_TOPICS": "elsewhere"]).topicsFolder == "elsewhere")
        #expect(try settings().metricsFile == nil)
        let metrics = ["LIENTHONG_METRICS_FILE": "/environment"]
        #expect(try settings(environment: metrics).metricsFile == "/environment")
        #expect(try settings("metricsFile: /file\n", environment: metrics).metricsFile == "/file")
        #expect(try settings("metricsFile: /file\n", arguments: ["metrics_file": "/line"]).metricsFile == "/line")
    }

    @Test("every key under kafka reaches the client, the bootstrap servers as their own setting")
    func kafka() throws {
        let settings = try settings(
            """
            kafka:
              bootstrap.servers: one:9092
              security.protocol: ssl
              fetch.wait.max.ms: 5
            """, environment: ["LIENTHONG_KAFKA": "two:9092"])
        let kafka = try settings.kafka()
        #expect(kafka.bootstrapServers == "one:9092")
        #expect(kafka.properties == ["security.protocol": "ssl", "fetch.wait.max.ms": "5"])
    }

    @Test("sources are found by the names that feeds use")
    func sources() throws {
        let file = try settings("sources:\n  civil_service: postgresql://file\n")
        #expect(try file.sourceURL("civil_service") == "postgresql://file")
        let environment = try settings(environment: ["LIENTHONG_SOURCE_CIVIL_SERVICE": "postgresql://environment"])
        #expect(try environment.sourceURL("civil_service") == "postgresql://environment")
    }

    @Test("a missing setting is named with its variable; an empty one is a missing one")
    func missing() throws {
        let error = try #require(throws: UserError.self) {
            try settings(environment: ["LIENTHONG_KAFKA": ""]).kafka()
        }
        #expect(error.status == .configuration)
        #expect(error.description.contains("LIENTHONG_KAFKA"))
    }

    @Test(
        "a file that says what no setting is, or says it in a wrong shape, is refused with its line",
        arguments: [
            "databse: x\n", "kafka: one:9092\n", "database:\n  url: x\n", "- a\n", "kafka:\n  a: [1]\n", "a: [\n",
        ])
    func wrongFile(yaml: String) throws {
        let error = try #require(throws: UserError.self) { try settings(yaml) }
        #expect(error.status == .configuration)
    }

    @Test("a file that is not there is a configuration error")
    func noFile() throws {
        let error = try #require(throws: UserError.self) {
            try Settings(arguments: [:], file: "/nonexistent/lienthong.yaml", environment: [:])
        }
        #expect(error.status == .configuration)
    }
}
