// A new key was put first in the key file: what older keys sealed is sealed anew.
import ArgumentParser
import DeadLetters
import Foundation
import Model
import Postgres
import Synchronization

struct DeadLettersRekey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rekey", abstract: "Seal what older keys sealed with the first key of the key file.",
        discussion: """
            Put the new key into the first line of the dead-letter key file, above the older ones, and start every process \
            anew that uses it; then run this. It may run beside workers, be ended and be run again. Status 1 where letters \
            are left that only an older key opens.
            """)

    @OptionGroup var common: CommonOptions

    @Option(help: "Why; kept with your name in each letter's life and in ingest.operation.")
    var because: String?

    func run() async throws {
        let settings = try common.settings()
        let sealer = try settings.sealer()
        let because = because ?? "the key was changed to \(sealer.sealingKeyID)"
        let done = Mutex<Int64>(0)
        let isStopping = Mutex(false)
        let outcome = Box<LetterRekeying.Account>()
        try await withProgress("sealed", { done.withLock { $0 } }) {
            try await runUntilStopped(common.logger("rekey"), stop: { isStopping.withLock { $0 = true } }) {
                outcome.value = try await onThread("lienthong-rekey") {
                    let connection = try settings.connect("dead-letters rekey")
                    defer { connection.close() }
                    return try LetterRekeying(connection: connection, sealer: sealer).run(
                        by: Host.user, because: because, isStopping: { isStopping.withLock { $0 } },
                        progress: { count in done.withLock { $0 = count } })
                }
            }
        }
        guard let account = outcome.value else { return }
        report(account, sealer)
        if !account.left.isEmpty { throw ExitCode(ExitStatus.no.rawValue) }
    }

    private func report(_ account: LetterRekeying.Account, _ sealer: DeadLetterSealer) {
        let total = account.resealed.values.reduce(0, +)
        let free = sealer.keyIDs.dropFirst().filter { id in !account.left.contains { $0.keyID == id } }
        switch common.format {
        case .json:
            for left in account.left {
                Terminal.line(
                    JSON.object([
                        ("key", .string(left.keyID)), ("left", .integer(left.count)),
                        ("redriven", .integer(left.redriven)), ("known", .boolean(left.isKnown)),
                    ]).text)
            }
            Terminal.line(
                JSON.object([
                    ("key", .string(sealer.sealingKeyID)), ("resealed", .integer(total)),
                    ("damaged", .array(account.damaged.map { .integer($0) })),
                    ("emptyKeys", .array(free.map { .string($0) })),
                ]).text)
        case .text:
            Terminal.line("\(Quantity.words(total, "letter")) sealed anew with key \(sealer.sealingKeyID).")
            for left in account.left { Terminal.line(Self.sentence(left)) }
            if !account.damaged.isEmpty {
                let ids = account.damaged.prefix(20).map { "\($0)" }.joined(separator: ", ")
                Terminal.line("Not the bytes that were sealed: \(ids); find out who changed ingest.dead_letter.")
            }
            for id in free {
                Terminal.line(
                    """
                    Key \(id) opens no letter any more. Keep its line until every process runs with the new file and this says \
                    so still, and for as long as a log that holds records redriven under it may be read again.
                    """)
            }
        }
    }

    private static func sentence(_ left: LetterRekeying.Left) -> String {
        let letters = Quantity.words(left.count, "letter")
        guard left.isKnown else {
            return "\(letters) sealed with key \(left.keyID), which is not known: add it as a further line."
        }
        guard left.redriven > 0 else { return "\(letters) left with key \(left.keyID): keep its line." }
        return """
            \(letters) left with key \(left.keyID), of which \(left.redriven) redriven, their fate not yet known: keep its \
            line, and run this again later.
            """
    }
}
