// Of a range, the records of some keys alone.
import Kafka
package import Model

/// The only keys that are asked for. They are known by keyed fingerprints: no key stands in the database.
package struct KeySelection {
    /// No record has this key. Its fingerprint goes with the others, and tells whether they were made with a secret that
    /// is known here.
    private static let witness: [UInt8] = [0]

    private let fingerprints: Set<[UInt8]>
    private let topic: TopicName
    private let sealer: any PayloadSealer

    /// What to keep of the keys, under each secret known.
    package static func fingerprints(of keys: [[UInt8]], topic: TopicName, sealer: any PayloadSealer) -> [[UInt8]] {
        ([witness] + keys).flatMap { sealer.keyFingerprints(of: $0, topic: topic) }
    }

    /// - Throws: `UserError` where they were made with a secret that is not known here.
    init(_ fingerprints: [[UInt8]], topic: TopicName, sealer: any PayloadSealer) throws(UserError) {
        self.fingerprints = Set(fingerprints)
        self.topic = topic
        self.sealer = sealer
        guard isSelected(Self.witness) else {
            throw UserError(
                action: "choosing keys of", subject: "\(topic)",
                cause: "they were written down with a dead-letter key that is not known here",
                nextStep: "carry on with the key file of then, or cancel and name the keys anew", status: .configuration
            )
        }
    }

    func contains(_ message: borrowing KafkaMessage) -> Bool {
        guard let key = message.key.map({ [UInt8]($0) }) else { return false }
        return isSelected(key)
    }

    private func isSelected(_ key: [UInt8]) -> Bool {
        sealer.keyFingerprints(of: key, topic: topic).contains { fingerprints.contains($0) }
    }
}
