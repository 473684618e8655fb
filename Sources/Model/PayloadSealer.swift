// How a refused record's bytes are made unreadable before they are stored.

/// Bytes ready to be stored, and the name of the key that opens them.
package struct SealedPayload: Sendable, Hashable {
    package let bytes: [UInt8]
    package let keyID: String
    /// A keyed fingerprint of the record's key: finds dead letters of one key without storing it in clear. Nil for a null key.
    package let keyFingerprint: [UInt8]?

    package init(bytes: [UInt8], keyID: String, keyFingerprint: [UInt8]?) {
        self.bytes = bytes
        self.keyID = keyID
        self.keyFingerprint = keyFingerprint
    }
}

/// A record's exact bytes as they came from Kafka. A null key and an empty key are different things.
package struct RawRecord: Sendable, Hashable {
    package var key: [UInt8]?
    package var value: [UInt8]?
    package var headers: [(name: String, value: [UInt8]?)]

    package init(key: [UInt8]?, value: [UInt8]?, headers: [(name: String, value: [UInt8]?)] = []) {
        self.key = key
        self.value = value
        self.headers = headers
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.key == right.key && left.value == right.value && left.headers.count == right.headers.count
            && zip(left.headers, right.headers).allSatisfy { $0.name == $1.name && $0.value == $1.value }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(key)
        hasher.combine(value)
        for header in headers {
            hasher.combine(header.name)
            hasher.combine(header.value)
        }
    }
}

/// Where a record stands in the log. The incarnation grows by one each time a partition's log was accepted as a new one.
package struct RecordOrigin: Sendable, Hashable, CustomStringConvertible {
    package let topic: TopicName
    package let incarnation: Int32
    package let partition: Partition
    package let offset: Offset

    package init(topic: TopicName, incarnation: Int32, partition: Partition, offset: Offset) {
        self.topic = topic
        self.incarnation = incarnation
        self.partition = partition
        self.offset = offset
    }

    package var description: String { "\(topic)[\(partition)] offset \(offset)" }
}

/// Seals and opens the bytes of dead letters.
package protocol PayloadSealer: Sendable {
    /// - Parameter origin: bound to the sealed bytes, so that a payload moved to another dead letter does not open.
    func seal(_ record: RawRecord, origin: RecordOrigin) throws -> SealedPayload
    func open(_ sealed: SealedPayload, origin: RecordOrigin) throws -> RawRecord
    func keyFingerprint(of key: [UInt8], topic: TopicName) -> [UInt8]
    /// Under each secret known, the sealing one first.
    func keyFingerprints(of key: [UInt8], topic: TopicName) -> [[UInt8]]
    /// Of `keyHint`, under each secret known, the sealing one first; never empty.
    var hintSeeds: [UInt64] { get }
    /// A keyed fingerprint of what is sent again of a dead letter; null and empty are told apart.
    func recordFingerprint(key: [UInt8]?, value: [UInt8]?, topic: TopicName) -> [UInt8]
    /// Whether `fingerprint` is the one of this record under any secret known, so that a change of the secret between
    /// sending and reading harms nothing.
    func isFingerprint(_ fingerprint: [UInt8], ofKey key: [UInt8]?, value: [UInt8]?, topic: TopicName) -> Bool
}
