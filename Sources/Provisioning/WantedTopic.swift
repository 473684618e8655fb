// What a contract asks of the cluster: its topic, and the topic that its owner gets dead letters in.
package import Contracts
package import Kafka
package import Model

/// A topic as a contract wants it.
package struct WantedTopic: Hashable, Sendable {
    package let name: TopicName
    /// Whose contract asks for it.
    package let contract: TopicName
    package let partitions: Int32
    /// Order by key rests on the number of a data topic's partitions. On that of a dead-letter topic nothing does, so
    /// it is only what the topic is created with.
    package let partitionsMatter: Bool
    package let replicationFactor: Int16
    /// In the order in which they are shown.
    package let settings: [WantedSetting]
    /// In the order of the contract's roles.
    package let access: [WantedAccess]
    /// Whoever has access beyond that is told of: dead letters hold what was refused, whatever it is.
    package let isForFew: Bool

    package init(
        name: TopicName, contract: TopicName, partitions: Int32, partitionsMatter: Bool, replicationFactor: Int16,
        settings: [WantedSetting], access: [WantedAccess] = [], isForFew: Bool = false
    ) {
        self.name = name
        self.contract = contract
        self.partitions = partitions
        self.partitionsMatter = partitionsMatter
        self.replicationFactor = replicationFactor
        self.settings = settings
        self.access = access
        self.isForFew = isForFew
    }

    /// What the topic is created with.
    package var creation: [String: String] {
        Dictionary(settings.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    }
}

/// One setting, and how strictly it is meant.
package struct WantedSetting: Hashable, Sendable {
    package enum Rule: Hashable, Sendable {
        case exactly(String)
        /// A greater number does no harm, and is left alone.
        case atLeast(Int64)
    }

    package let key: String
    package let rule: Rule

    package init(_ key: String, _ rule: Rule) {
        self.key = key
        self.rule = rule
    }

    package var value: String {
        switch rule {
        case .exactly(let value): value
        case .atLeast(let value): String(value)
        }
    }
}

/// One principal who has a role of the contract.
package struct WantedAccess: Hashable, Sendable {
    package let principal: String
    package let operation: AccessRule.Operation
    package let role: String

    package init(principal: String, operation: AccessRule.Operation, role: String) {
        self.principal = principal
        self.operation = operation
        self.role = role
    }
}

/// Kafka's names of the settings that are looked after.
enum SettingKey {
    static let cleanupPolicy = "cleanup.policy"
    static let retentionMilliseconds = "retention.ms"
    static let retentionBytes = "retention.bytes"
    static let messageBytesMax = "max.message.bytes"
    static let inSyncReplicasMin = "min.insync.replicas"
    static let uncleanElection = "unclean.leader.election.enable"
}

extension WantedTopic {
    /// With two brokers' acknowledgement, the death of one loses nothing.
    static let inSyncReplicasMin: Int64 = 2

    /// The data topic and its topic of dead letters.
    /// - Throws: `UserError` where the second name would be longer than Kafka accepts.
    package static func all(of definition: TopicDefinition) throws(UserError) -> [WantedTopic] {
        let kafka = definition.contract.kafka
        let suffix = Contract.KafkaSettings.deadLetterSuffix
        guard let deadLetters = Contract.KafkaSettings.deadLetterTopic(of: definition.name) else {
            throw UserError(
                action: "naming the topic of dead letters of", subject: "\(definition.name)",
                cause: "with \(suffix) it is longer than the 249 characters of a Kafka topic",
                nextStep: "give the topic a shorter name", status: .configuration)
        }
        return [
            WantedTopic(
                name: definition.name, contract: definition.name, partitions: kafka.partitions, partitionsMatter: true,
                replicationFactor: kafka.replicationFactor,
                settings: settings(
                    kafka, cleanupPolicy: kafka.cleanupPolicy, retentionMilliseconds: kafka.retentionMilliseconds,
                    messageBytesMax: Contract.KafkaSettings.messageBytesMax),
                access: access(definition.contract, toDeadLetters: false)),
            WantedTopic(
                name: deadLetters, contract: definition.name,
                partitions: Contract.KafkaSettings.deadLetterPartitions, partitionsMatter: false,
                replicationFactor: kafka.replicationFactor,
                settings: settings(
                    kafka, cleanupPolicy: "delete", retentionMilliseconds: kafka.deadLetterRetentionMilliseconds,
                    messageBytesMax: Contract.KafkaSettings.deadLetterMessageBytesMax),
                access: access(definition.contract, toDeadLetters: true),
                isForFew: definition.contract.roles.contains {
                    $0.access == .readDeadLetters && !$0.principals.isEmpty
                }),
        ]
    }

    /// Two roles may give one principal the same; it is granted once.
    private static func access(_ contract: Contract, toDeadLetters: Bool) -> [WantedAccess] {
        var access: [WantedAccess] = []
        for role in contract.roles where role.access.isOfDeadLetters == toDeadLetters {
            let operation: AccessRule.Operation =
                switch role.access {
                case .read, .readDeadLetters: .read
                case .write, .writeDeadLetters: .write
                }
            for principal in role.principals
            where !access.contains(where: { $0.principal == principal && $0.operation == operation }) {
                access.append(WantedAccess(principal: principal, operation: operation, role: role.name))
            }
        }
        return access
    }

    private static func settings(
        _ kafka: Contract.KafkaSettings, cleanupPolicy: String, retentionMilliseconds: Int64, messageBytesMax: Int64
    ) -> [WantedSetting] {
        var settings = [
            WantedSetting(SettingKey.cleanupPolicy, .exactly(cleanupPolicy)),
            WantedSetting(SettingKey.retentionMilliseconds, .exactly(String(retentionMilliseconds))),
            // Else a broker's bound on size deletes what the contract keeps.
            WantedSetting(SettingKey.retentionBytes, .exactly("-1")),
            WantedSetting(SettingKey.messageBytesMax, .atLeast(messageBytesMax)),
            // A replica that lags behind and becomes leader takes acknowledged records away.
            WantedSetting(SettingKey.uncleanElection, .exactly("false")),
        ]
        // One replica alone would inherit the cluster's number, which may ask for more than there are.
        settings.append(
            WantedSetting(
                SettingKey.inSyncReplicasMin, kafka.replicationFactor > 1 ? .atLeast(inSyncReplicasMin) : .exactly("1"))
        )
        return settings
    }
}
