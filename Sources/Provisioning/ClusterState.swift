// What the cluster has of the wanted topics.
package import Kafka
package import Model

package struct ClusterState: Sendable {
    /// Brokers that are up.
    package let brokerCount: Int
    /// Every topic of the cluster, wanted or not.
    package let names: Set<TopicName>
    /// The wanted ones that are there.
    package let topics: [TopicName: TopicState]
    package let access: AccessState

    package init(
        brokerCount: Int, names: Set<TopicName>? = nil, topics: [TopicName: TopicState],
        access: AccessState = .notAsked
    ) {
        self.brokerCount = brokerCount
        self.names = names ?? Set(topics.keys)
        self.topics = topics
        self.access = access
    }
}

/// What the cluster tells of who may do what.
package enum AccessState: Hashable, Sendable {
    /// No contract names a principal.
    case notAsked
    /// There are no rules to compare with; in words.
    case unchecked(because: String)
    /// There may be rules, and this client does not get to see them; in words.
    case untold(because: String)
    /// Rules that bear upon each wanted topic, whether it is there or not.
    case told([TopicName: [AccessRule]])
}

package struct TopicState: Hashable, Sendable {
    package enum Settings: Hashable, Sendable {
        case told([String: TopicSetting])
        /// In words: the embedded broker never tells, another may forbid it.
        case untold(because: String)
    }

    package let partitions: Int
    /// Replicas of the partition with fewest, and of that with most.
    package let replicas: ClosedRange<Int>
    package let settings: Settings

    package init(partitions: Int, replicas: ClosedRange<Int>, settings: Settings) {
        self.partitions = partitions
        self.replicas = replicas
        self.settings = settings
    }
}
