// A rebuilt copy, as commands name it.
import ArgumentParser
import Contracts
import Ingestion
import Kafka
import Logging
import Model
import Postgres
import Replay

struct ShadowOptions: ParsableArguments {
    @Argument(help: "The replay's id, as `lienthong replay status` shows it.")
    var id: Int64

    @Option(
        help: ArgumentHelp(
            "How long live workers of the topic may be kept waiting at a time; then all stays as it was.",
            valueName: "seconds"))
    var patience = 120

    func validate() throws {
        guard (1...3_600).contains(patience) else {
            throw ValidationError("--patience is a number of seconds from 1 to 3600")
        }
    }

    /// Runs `body` on a thread of its own, and tells on a terminal how far the copy has come.
    func perform<Output: Sendable>(
        _ common: CommonOptions, action: String, examplesMax: Int = 5,
        _ body: @escaping @Sendable (Shadow, (ReplayState) -> Void) throws -> Output
    ) async throws -> Output {
        let settings = try common.settings()
        let catalogue = try Catalogue.load(folder: settings.topicsFolder)
        let logger = common.logger("replay")
        let worker = WorkerSettings(
            kafka: try settings.kafka(logger), databaseURL: try settings.databaseURL(), group: "lienthong",
            lanes: 1, topics: catalogue.topics, codeLists: catalogue.codeLists, sealer: try settings.sealer(),
            untilCaughtUp: false, name: Host.processName)
        let (id, patience) = (id, patience)
        return try await onThread("replay") {
            let connection = try settings.connect("replay")
            defer { connection.close() }
            var shadowSettings = Shadow.Settings(replayer: ReplayerSettings(worker: worker))
            shadowSettings.patience = .seconds(patience)
            shadowSettings.examplesMax = examplesMax
            let shadow = try Shadow(
                id, settings: shadowSettings, connection: connection, action: action, logger: logger)
            var progress = Progress("read")
            defer { progress.end() }
            return try body(shadow) { state in progress.tell(records: state.passed, share: state.share) }
        }
    }
}
