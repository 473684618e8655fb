// Makes a refused record's bytes unreadable at rest, and readable again to whoever holds the key.
import Crypto
import Foundation
package import Model

/// AES-256-GCM under a random nonce, bound to the record's place in the log.
package struct DeadLetterSealer: PayloadSealer {
    private let current: DeadLetterKey
    private let byID: [String: DeadLetterKey]
    /// Every key that opens, the one that seals first.
    private let keys: [DeadLetterKey]

    /// - Parameters:
    ///   - key: seals, and opens what it sealed.
    ///   - older: only open what they sealed before.
    package init(key: DeadLetterKey, older: [DeadLetterKey] = []) {
        current = key
        keys = [key] + older
        byID = Dictionary(keys.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package func seal(_ record: RawRecord, origin: RecordOrigin) throws -> SealedPayload {
        let box = try AES.GCM.seal(
            PayloadFrame.encode(record), using: current.sealing, authenticating: Self.context(of: origin))
        guard let combined = box.combined else {
            preconditionFailure("AES-GCM has a combined form with its default nonce of 12 bytes")
        }
        return SealedPayload(
            bytes: [UInt8](combined), keyID: current.id,
            keyFingerprint: record.key.map { keyFingerprint(of: $0, topic: origin.topic) })
    }

    /// - Throws: `UserError` where the key is not among ours, or the bytes are not those sealed for this origin.
    package func open(_ sealed: SealedPayload, origin: RecordOrigin) throws -> RawRecord {
        guard let key = byID[sealed.keyID] else {
            throw UserError(
                action: "opening the dead letter of", subject: "\(origin)",
                cause: "it was sealed with key \(sealed.keyID), which is not among the \(byID.count) known",
                nextStep: "add that key as a further line of the dead-letter key file", status: .configuration)
        }
        guard
            let box = try? AES.GCM.SealedBox(combined: sealed.bytes),
            let plain = try? AES.GCM.open(box, using: key.sealing, authenticating: Self.context(of: origin)),
            let record = PayloadFrame.decode([UInt8](plain))
        else {
            throw UserError(
                action: "opening the dead letter of", subject: "\(origin)",
                cause: "its bytes are not the ones sealed for this place in the log",
                nextStep: "find out who changed ingest.dead_letter", status: .no)
        }
        return record
    }

    package func keyFingerprint(of key: [UInt8], topic: TopicName) -> [UInt8] {
        Self.fingerprint(of: key, topic: topic, with: current)
    }

    package var hintSeeds: [UInt64] { keys.map(\.hintSeed) }

    package func knows(keyID: String) -> Bool { byID[keyID] != nil }

    /// Names of every key that opens; the one that seals first.
    package var keyIDs: [String] { keys.map(\.id) }

    /// The name of the key that seals.
    package var sealingKeyID: String { current.id }

    /// Fingerprints under every known key, for finding letters sealed before the key was changed.
    package func keyFingerprints(of key: [UInt8], topic: TopicName) -> [[UInt8]] {
        keys.map { Self.fingerprint(of: key, topic: topic, with: $0) }
    }

    package func recordFingerprint(key: [UInt8]?, value: [UInt8]?, topic: TopicName) -> [UInt8] {
        Self.recordFingerprint(key: key, value: value, topic: topic, with: current)
    }

    package func isFingerprint(
        _ fingerprint: [UInt8], ofKey key: [UInt8]?, value: [UInt8]?, topic: TopicName
    ) -> Bool {
        keys.contains { Self.recordFingerprint(key: key, value: value, topic: topic, with: $0) == fingerprint }
    }

    private static func recordFingerprint(
        key: [UInt8]?, value: [UInt8]?, topic: TopicName, with secret: DeadLetterKey
    ) -> [UInt8] {
        // Each part with its length, behind a word that begins no fingerprint of a key: no topic's name holds a NUL.
        var content = ByteWriter()
        content.bytes = Array("\0record".utf8)
        content.block(Array(topic.rawValue.utf8))
        content.optionalBlock(key)
        content.optionalBlock(value)
        return [UInt8](HMAC<SHA256>.authenticationCode(for: content.bytes, using: secret.fingerprinting))
    }

    private static func fingerprint(of key: [UInt8], topic: TopicName, with secret: DeadLetterKey) -> [UInt8] {
        var authenticator = HMAC<SHA256>(key: secret.fingerprinting)
        // A topic's name holds no NUL, so topic and key cannot run into each other.
        authenticator.update(data: Data(topic.rawValue.utf8) + [0])
        authenticator.update(data: key)
        return [UInt8](authenticator.finalize())
    }

    /// What the sealed bytes are bound to: a payload copied to another letter does not open there.
    private static func context(of origin: RecordOrigin) -> Data {
        var context = ByteWriter()
        context.block(Array(origin.topic.rawValue.utf8))
        context.integer(origin.incarnation)
        context.integer(origin.partition.rawValue)
        context.integer(origin.offset.rawValue)
        return Data(context.bytes)
    }
}
