// A worker for the tests that freezes itself at a named point of a batch's life, to be thawed from outside.
// It is the product's worker with the product's defaults; only the fault point is the tests' own.
import Contracts
import DeadLetters
import Foundation
import Ingestion
import Kafka
import Logging
import Model

let environment = ProcessInfo.processInfo.environment

func setting(_ name: String) -> String {
    guard let value = environment[name] else {
        FileHandle.standardError.write(Data("faulty-worker wants \(name)\n".utf8))
        exit(78)
    }
    return value
}

let catalogue = try Catalogue.load(folder: setting("LIENTHONG_TOPICS"))
/// While this file is there, the point freezes the process; it is removed first, so that once is enough.
let fuse = setting("FAULT_FUSE")
let point = setting("FAULT_POINT")

var settings = WorkerSettings(
    kafka: KafkaSettings(bootstrapServers: setting("LIENTHONG_KAFKA"), properties: EmbeddedBroker.clientProperties),
    databaseURL: setting("LIENTHONG_DATABASE"), group: setting("FAULT_GROUP"), lanes: 1, topics: catalogue.topics,
    codeLists: catalogue.codeLists,
    sealer: DeadLetterSealer(key: try DeadLetterKey.load(file: setting("LIENTHONG_DEAD_LETTER_KEY_FILE"))[0]),
    untilCaughtUp: false, name: "faulty")
settings.batchRecordsMax = 200
settings.copyRowsMin = 20
settings.faultPoint = { reached in
    guard reached.rawValue == point, unlink(fuse) == 0 else { return }
    kill(getpid(), SIGSTOP)
}

// One wrong step here must not look like a passed test: whatever is thrown ends the process with a status.
let worker = Worker(
    settings: settings, logger: Logger(label: "faulty-worker") { StreamLogHandler.standardError(label: $0) })
signal(SIGTERM, SIG_IGN)
let termination = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
termination.setEventHandler { worker.stop() }
termination.resume()
_ = try await worker.run()
