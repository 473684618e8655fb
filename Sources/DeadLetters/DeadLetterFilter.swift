// Which letters a command is about.
package import Model

/// All that is set must hold; nothing set means every letter.
package struct DeadLetterFilter: Sendable {
    package var topic: TopicName?
    package var reason: String?
    /// The field's path as the letter has it, such as `permanentAddress.provinceCode`.
    package var field: String?
    /// Empty: any.
    package var statuses: [DeadLetterStatus]
    /// Received at or after, in milliseconds since 1970-01-01 UTC.
    package var sinceMilliseconds: Int64?
    /// Received before.
    package var untilMilliseconds: Int64?
    /// Nil: any key. Fingerprints under every secret known, as `DeadLetterSealer.keyFingerprints` makes them.
    package var keyFingerprints: [[UInt8]]?

    package init(
        topic: TopicName? = nil, reason: String? = nil, field: String? = nil, statuses: [DeadLetterStatus] = [],
        sinceMilliseconds: Int64? = nil, untilMilliseconds: Int64? = nil, keyFingerprints: [[UInt8]]? = nil
    ) {
        self.topic = topic
        self.reason = reason
        self.field = field
        self.statuses = statuses
        self.sinceMilliseconds = sinceMilliseconds
        self.untilMilliseconds = untilMilliseconds
        self.keyFingerprints = keyFingerprints
    }

    func with(_ statuses: [DeadLetterStatus]) -> Self {
        var filter = self
        filter.statuses = statuses
        return filter
    }

    /// A condition on `ingest.dead_letter d`, of what is set alone, so that indexes serve it.
    /// - Parameter parameters: those of the statement so far; the condition's are appended.
    func condition(_ parameters: inout [String?]) -> String {
        var parts: [String] = []
        func add(_ value: String?, _ part: (String) -> String) {
            guard let value else { return }
            parameters.append(value)
            parts.append(part("$\(parameters.count)"))
        }
        add(topic?.rawValue) { "d.topic = \($0)" }
        add(reason) { "d.reason = \($0)" }
        add(field) { "d.field = \($0)" }
        if !statuses.isEmpty {
            add(SQLArray.text(statuses.map(\.rawValue))) { "d.status = ANY (\($0)::text[])" }
        }
        add(sinceMilliseconds.map(String.init)) { "d.received_at >= to_timestamp(\($0)::bigint / 1000.0)" }
        add(untilMilliseconds.map(String.init)) { "d.received_at < to_timestamp(\($0)::bigint / 1000.0)" }
        add(keyFingerprints.map(SQLArray.bytes)) { "d.key_fingerprint = ANY (\($0)::bytea[])" }
        return parts.isEmpty ? "true" : parts.joined(separator: " AND ")
    }
}
