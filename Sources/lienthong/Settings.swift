// Where settings come from: command line, then the file, then the environment, then defaults.
import ArgumentParser
import Configuration
import DeadLetters
import Foundation
import Kafka
import Logging
import Model
import Yams

/// Options that every command takes.
struct CommonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("YAML file of settings.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Bootstrap servers, host:port separated by commas.", valueName: "servers"))
    var kafka: String?

    @Option(help: ArgumentHelp("PostgreSQL URL of the national database.", valueName: "url"))
    var database: String?

    @Option(help: ArgumentHelp("Folder of the topics' contracts.", valueName: "folder"))
    var topicsFolder: String?

    @Option(help: "text for people, json for programs: one object a line, the summary last.")
    var format: OutputFormat = .text

    @Option(
        help: "trace, debug, info, notice, warning, error or critical; logs go to standard error.",
        transform: { text in
            guard let level = Logger.Level(rawValue: text) else { throw ValidationError("'\(text)' is no log level") }
            return level
        })
    var logLevel: Logger.Level?

    /// - Parameter more: values of the command's own options, by setting.
    func settings(_ more: [String: String] = [:]) throws(UserError) -> Settings {
        var arguments = more
        arguments["kafka"] = kafka
        arguments["database"] = database
        arguments["topics"] = topicsFolder
        return try Settings(
            arguments: arguments, file: config, environment: ProcessInfo.processInfo.environment)
    }

    func logger(_ label: String) -> Logger {
        var logger = Logger(label: "lienthong.\(label)") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = logLevel ?? .info
        return logger
    }
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
}

/// All settings, resolved. What a command cannot do without, it asks for and gets a sentence if it is missing.
struct Settings: Sendable {
    let topicsFolder: String
    let migrationsFolder: String
    let feedsFolder: String
    /// Where `work` writes its metrics; nil where nobody asked for them.
    let metricsFile: String?
    /// Every librdkafka key of the file.
    let kafkaProperties: [String: String]
    private let reader: ConfigReader

    /// Sections and keys of the file, besides `kafka`, whose keys are librdkafka's and `sources`, whose are feeds' sources.
    private static let fileKeys = [
        "database": "database", "topics": "topics", "migrations": "migrations", "feeds": "feeds",
        "deadLetterKeyFile": "dead_letter_key_file", "deadLetterKey": "dead_letter_key", "metricsFile": "metrics_file",
    ]

    /// - Parameters:
    ///   - arguments: values of the command line, by setting.
    ///   - file: path of the YAML file, or nil.
    init(arguments: [String: String], file: String?, environment: [String: String]) throws(UserError) {
        var values: [String: String] = [:]
        var properties: [String: String] = [:]
        if let file { try Self.read(file, into: &values, kafka: &properties) }
        values["kafka"] = properties.removeValue(forKey: "bootstrap.servers")
        kafkaProperties = properties
        reader = ConfigReader(providers: [
            Self.provider("command line", arguments), Self.provider(file ?? "no file", values),
            // An empty variable is an unset one: `LIENTHONG_KAFKA= lienthong …` must not mean "no broker".
            EnvironmentVariablesProvider(environmentVariables: environment.filter { !$0.value.isEmpty }),
        ]).scoped(to: "lienthong")
        topicsFolder = reader.string(forKey: "topics", default: "Topics")
        migrationsFolder = reader.string(forKey: "migrations", default: "deploy/database")
        feedsFolder = reader.string(forKey: "feeds", default: "deploy/feeds")
        metricsFile = reader.string(forKey: "metrics_file").flatMap { $0.isEmpty ? nil : $0 }
    }

    func kafka() throws(UserError) -> KafkaSettings {
        KafkaSettings(
            bootstrapServers: try required("kafka", "LIENTHONG_KAFKA", "host:port of the brokers"),
            properties: kafkaProperties)
    }

    func databaseURL() throws(UserError) -> String {
        try required("database", "LIENTHONG_DATABASE", "PostgreSQL URL of the national database")
    }

    /// - Parameter name: as a feed names its source, such as `civil_service`.
    func sourceURL(_ name: String) throws(UserError) -> String {
        try required("source.\(name)", "LIENTHONG_SOURCE_\(name.uppercased())", "PostgreSQL URL of that source")
    }

    func sealer() throws(UserError) -> DeadLetterSealer {
        let keys: [DeadLetterKey]
        if let file = reader.string(forKey: "dead_letter_key_file") {
            keys = try DeadLetterKey.load(file: file)
        } else if let text = reader.string(forKey: "dead_letter_key", isSecret: true) {
            keys = try DeadLetterKey.parse(text, subject: "LIENTHONG_DEAD_LETTER_KEY")
        } else {
            throw UserError(
                action: "looking for", subject: "the key that seals dead letters", cause: "none is set",
                nextStep: """
                    make one with `(umask 077; openssl rand -base64 \(DeadLetterKey.byteCount) > FILE)` and set \
                    LIENTHONG_DEAD_LETTER_KEY_FILE=FILE
                    """, status: .configuration)
        }
        return DeadLetterSealer(key: keys[0], older: Array(keys.dropFirst()))
    }

    private func required(_ key: String, _ variable: String, _ meaning: String) throws(UserError) -> String {
        if let value = reader.string(forKey: ConfigKey(key), isSecret: true), !value.isEmpty { return value }
        throw UserError(
            action: "looking for", subject: "setting \(key)", cause: "it is not set",
            nextStep: "set \(variable) (\(meaning)), or `\(key)` in the file of --config", status: .configuration)
    }

    private static func provider(_ name: String, _ values: [String: String]) -> InMemoryProvider {
        var entries: [AbsoluteConfigKey: ConfigValue] = [:]
        for (key, value) in values {
            let path = ["lienthong"] + key.split(separator: ".").map(String.init)
            // Any of them may hold a password.
            entries[AbsoluteConfigKey(path)] = ConfigValue(.string(value), isSecret: true)
        }
        return InMemoryProvider(name: name, values: entries)
    }

    /// Reads the file strictly: a misspelt key would else be a setting silently not made.
    private static func read(
        _ file: String, into values: inout [String: String], kafka: inout [String: String]
    ) throws(UserError) {
        func problem(_ line: Int?, _ cause: String, _ nextStep: String) -> UserError {
            UserError(
                action: "reading settings", subject: line.map { "\(file):\($0)" } ?? file, cause: cause,
                nextStep: nextStep, status: .configuration)
        }
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw problem(nil, "it is not there, or no text that we may read", "check the name after --config")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw problem(nil, "it is not YAML", "check its indentation and quotes")
        }
        guard let root else { return }
        guard let sections = root.mapping else { throw problem(1, "it is not a mapping", "write `key: value` lines") }
        for (keyNode, node) in sections {
            let key = keyNode.scalar?.string ?? ""
            let line = keyNode.mark?.line
            switch key {
            case "kafka", "sources":
                guard let section = node.mapping else {
                    throw problem(line, "`\(key)` is not a mapping", "indent its keys under it")
                }
                for (name, value) in section {
                    guard let name = name.scalar?.string, let value = value.scalar?.string else {
                        throw problem(name.mark?.line, "a key of `\(key)` is no plain text", "write `key: value`")
                    }
                    if key == "kafka" { kafka[name] = value } else { values["source.\(name)"] = value }
                }
            default:
                guard let setting = fileKeys[key] else {
                    let known = (fileKeys.keys.sorted() + ["kafka", "sources"]).joined(separator: ", ")
                    throw problem(line, "`\(key)` is no setting", "settings are \(known)")
                }
                guard let value = node.scalar?.string else {
                    throw problem(line, "`\(key)` is no plain text", "write `\(key): value`")
                }
                values[setting] = value
            }
        }
    }
}
