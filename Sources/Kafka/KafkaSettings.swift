// How a cluster is reached: what every Kafka client of the product is made from.

/// One line of librdkafka's log. It speaks of brokers, topics and partitions, never of a record's content.
package struct KafkaLogLine: Sendable {
    /// Severity as in syslog: 0 (emergency) to 7 (debug).
    package let level: Int32
    /// librdkafka's short name of the kind of event, such as `FAIL`.
    package let facility: String
    package let message: String
}

/// Bootstrap servers and any further librdkafka key (`CONFIGURATION.md` of librdkafka 2.0.2), shared by all clients.
package struct KafkaSettings: Sendable {
    package var bootstrapServers: String
    package var properties: [String: String]
    /// Receives log lines from librdkafka's own threads; it must return at once. Nil: lines are discarded.
    package var log: (@Sendable (KafkaLogLine) -> Void)?

    /// - Parameter bootstrapServers: `host:port`, several separated by commas.
    package init(
        bootstrapServers: String, properties: [String: String] = [:], log: (@Sendable (KafkaLogLine) -> Void)? = nil
    ) {
        self.bootstrapServers = bootstrapServers
        self.properties = properties
        self.log = log
    }

    /// The settings of one client.
    ///
    /// Tuning gives way to the shared properties, and these to the client's own; a rule gives way to nobody, since the
    /// product's guarantees rest on it: another value for it is an error, not ignored.
    func resolved(
        clientID: String, tuning: [String: String], properties own: [String: String], rules: [String: String],
        action: String
    ) throws(KafkaError) -> [String: String] {
        var result = tuning.merging(properties) { $1 }.merging(own) { $1 }
        for (name, value) in rules {
            if let other = result[name], other != value {
                throw KafkaError(
                    KafkaErrorCode.invalidArgument, action: action,
                    detail: "the property \(name) is fixed to \(value) and cannot be set")
            }
            result[name] = value
        }
        result["bootstrap.servers"] = bootstrapServers
        result["client.id"] = clientID
        return result
    }
}
