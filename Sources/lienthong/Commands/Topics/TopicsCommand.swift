// Contracts: checked, compared with older ones and with the cluster, shown, exported; and records deleted from a log.
import ArgumentParser

struct TopicsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics", abstract: "The topics and their contracts.",
        subcommands: [
            TopicsLint.self, TopicsDiff.self, TopicsShow.self, TopicsExport.self, TopicsPlan.self, TopicsApply.self,
            TopicsPurge.self,
        ])
}
