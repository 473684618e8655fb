// What was refused: looked at, counted, mended, sent again, laid aside.
import ArgumentParser

struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters", abstract: "Records that were refused.",
        subcommands: [
            DeadLettersList.self, DeadLettersStats.self, DeadLettersShow.self, DeadLettersRepair.self,
            DeadLettersRedrive.self, DeadLettersDiscard.self, DeadLettersRelay.self, DeadLettersRekey.self,
            DeadLettersPurge.self,
        ])
}
