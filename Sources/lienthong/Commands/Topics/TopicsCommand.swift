// Contracts: checked, compared with the cluster, created there, shown; and records deleted from a log.
import ArgumentParser

struct TopicsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics", abstract: "The topics and their contracts.",
        subcommands: [TopicsLint.self, TopicsPlan.self, TopicsApply.self, TopicsShow.self, TopicsPurge.self])
}
