// The seal keeps exact bytes, opens only in its own place, and shows nothing.
import Foundation
import Model
import Testing

@testable import DeadLetters

private let topic = TopicName("test.record.v1") ?? { preconditionFailure("the name is a valid one") }()
private let origin = RecordOrigin(topic: topic, incarnation: 0, partition: Partition(3), offset: Offset(41))

private func key(_ byte: UInt8) throws -> DeadLetterKey {
    try #require(DeadLetterKey(bytes: [UInt8](repeating: byte, count: DeadLetterKey.byteCount)))
}

struct DeadLetterSealerTests {
    static let records: [RawRecord] = [
        RawRecord(key: nil, value: nil),
        RawRecord(key: [], value: []),
        RawRecord(key: nil, value: []),
        RawRecord(key: [], value: nil),
        RawRecord(key: [0, 255], value: [UInt8](repeating: 0xFF, count: 100_000)),
        RawRecord(key: [1], value: [2], headers: [("", nil), ("ce_id", []), ("ce_id", [7]), ("tên", [0])]),
    ]

    @Test("what was sealed opens to the same bytes, null and empty kept apart", arguments: records)
    func roundTrip(record: RawRecord) throws {
        let sealer = DeadLetterSealer(key: try key(1))
        #expect(try sealer.open(try sealer.seal(record, origin: origin), origin: origin) == record)
    }

    @Test(
        "a frame that is cut or prolonged anywhere is no frame",
        arguments: records.filter { ($0.value?.count ?? 0) < 99 })
    func damagedFrame(record: RawRecord) {
        let frame = PayloadFrame.encode(record)
        for length in 0..<frame.count {
            #expect(PayloadFrame.decode(Array(frame.prefix(length))) == nil)
        }
        #expect(PayloadFrame.decode(frame + [0]) == nil)
        #expect(PayloadFrame.decode(frame) == record)
    }

    @Test("a header count that the bytes cannot hold is refused at once")
    func falseHeaderCount() {
        var frame = PayloadFrame.encode(RawRecord(key: nil, value: nil))
        frame.replaceSubrange((frame.count - 4)..<frame.count, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(PayloadFrame.decode(frame) == nil)
    }

    @Test("sealed bytes do not open at another topic, incarnation, partition or offset")
    func boundToOrigin() throws {
        let sealer = DeadLetterSealer(key: try key(1))
        let sealed = try sealer.seal(RawRecord(key: [1], value: [2]), origin: origin)
        let otherTopic = try #require(TopicName("test.record.v2"))
        let others = [
            RecordOrigin(topic: otherTopic, incarnation: 0, partition: Partition(3), offset: Offset(41)),
            RecordOrigin(topic: topic, incarnation: 1, partition: Partition(3), offset: Offset(41)),
            RecordOrigin(topic: topic, incarnation: 0, partition: Partition(4), offset: Offset(41)),
            RecordOrigin(topic: topic, incarnation: 0, partition: Partition(3), offset: Offset(42)),
        ]
        for other in others {
            #expect(throws: UserError.self) { try sealer.open(sealed, origin: other) }
        }
    }

    @Test("one changed bit anywhere keeps a payload shut")
    func tampered() throws {
        let sealer = DeadLetterSealer(key: try key(1))
        let sealed = try sealer.seal(RawRecord(key: [1], value: [2]), origin: origin)
        for index in sealed.bytes.indices {
            var bytes = sealed.bytes
            bytes[index] ^= 1
            let changed = SealedPayload(bytes: bytes, keyID: sealed.keyID, keyFingerprint: sealed.keyFingerprint)
            #expect(throws: UserError.self) { try sealer.open(changed, origin: origin) }
        }
    }

    @Test("the same record sealed twice gives different bytes, neither holding the value")
    func randomised() throws {
        let sealer = DeadLetterSealer(key: try key(1))
        let value = Array("a value that must not be seen".utf8)
        let record = RawRecord(key: value, value: value)
        let first = try sealer.seal(record, origin: origin), second = try sealer.seal(record, origin: origin)
        #expect(first.bytes != second.bytes)
        #expect(Data(first.bytes).range(of: Data(value)) == nil)
        #expect(Data(first.keyFingerprint ?? []).range(of: Data(value)) == nil)
    }

    @Test("an older key still opens, an unknown one is named in the error")
    func olderKeys() throws {
        let record = RawRecord(key: [1], value: [2])
        let old = DeadLetterSealer(key: try key(1))
        let sealed = try old.seal(record, origin: origin)
        let rotated = DeadLetterSealer(key: try key(2), older: [try key(1)])
        #expect(try rotated.open(sealed, origin: origin) == record)
        #expect(try rotated.seal(record, origin: origin).keyID != sealed.keyID)
        let error = try #require(throws: UserError.self) {
            try DeadLetterSealer(key: try key(2)).open(sealed, origin: origin)
        }
        #expect(error.description.contains(sealed.keyID))
        #expect(error.status == .configuration)
    }

    @Test("a key's fingerprint is stable, differs by topic and by secret, and is nil for a null key alone")
    func fingerprints() throws {
        let sealer = DeadLetterSealer(key: try key(1))
        let other = try #require(TopicName("test.record.v2"))
        let print = sealer.keyFingerprint(of: [1, 2], topic: topic)
        #expect(print == sealer.keyFingerprint(of: [1, 2], topic: topic))
        #expect(print != sealer.keyFingerprint(of: [1, 2], topic: other))
        #expect(print != DeadLetterSealer(key: try key(2)).keyFingerprint(of: [1, 2], topic: topic))
        #expect(try sealer.seal(RawRecord(key: [1, 2], value: nil), origin: origin).keyFingerprint == print)
        #expect(try sealer.seal(RawRecord(key: nil, value: [1]), origin: origin).keyFingerprint == nil)
        #expect(try sealer.seal(RawRecord(key: [], value: [1]), origin: origin).keyFingerprint != nil)
    }
}

struct RecordFingerprintTests {
    private static let records: [(key: [UInt8]?, value: [UInt8]?)] = [
        (nil, nil), ([], nil), (nil, []), ([], []), ([1], [2]), ([1, 2], []), ([], [1, 2]), ([2], [1]), ([1], nil),
    ]

    @Test("what is sent again has a fingerprint of its own, by key, value, topic and secret")
    func distinct() throws {
        let other = try #require(TopicName("test.record.v2"))
        var prints: [[UInt8]] = []
        for secret in [try key(1), try key(2)] {
            let sealer = DeadLetterSealer(key: secret)
            for name in [topic, other] {
                prints += Self.records.map { sealer.recordFingerprint(key: $0.key, value: $0.value, topic: name) }
                prints += Self.records.compactMap { $0.key }.map { sealer.keyFingerprint(of: $0, topic: name) }
            }
        }
        // The keys alone repeat: four of them are empty or [1], each more than once.
        let keys = Set(Self.records.compactMap { $0.key }).count
        #expect(Set(prints).count == 4 * (Self.records.count + keys))
    }

    @Test("a fingerprint made before the secret was changed is still known, another record's is not")
    func rotated() throws {
        let old = DeadLetterSealer(key: try key(1)).recordFingerprint(key: [1], value: [2], topic: topic)
        let rotated = DeadLetterSealer(key: try key(2), older: [try key(1)])
        #expect(rotated.isFingerprint(old, ofKey: [1], value: [2], topic: topic))
        #expect(!rotated.isFingerprint(old, ofKey: [1], value: [3], topic: topic))
        #expect(!DeadLetterSealer(key: try key(2)).isFingerprint(old, ofKey: [1], value: [2], topic: topic))
    }
}

struct DeadLetterKeyTests {
    private static let hexadecimal = String(repeating: "0a", count: 32)
    private static let base64 = Data(repeating: 0x0A, count: 32).base64EncodedString()

    @Test("hexadecimal and base64 name the same key, with blanks, comments and older keys around it")
    func parse() throws {
        let keys = try DeadLetterKey.parse(
            "# today's\n\n  \(Self.hexadecimal) \n# last year's\n\(Self.base64)\n", subject: "a test")
        #expect(keys.map(\.id) == [try key(10).id, try key(10).id])
        #expect(keys[0].id.count == 8)
    }

    @Test(
        "text that is no key is a configuration error that does not quote it",
        arguments: ["", "# only a comment", "secret-words", String(hexadecimal.dropLast(2)), hexadecimal + "00"])
    func malformed(text: String) throws {
        let error = try #require(throws: UserError.self) { try DeadLetterKey.parse(text, subject: "a test") }
        #expect(error.status == .configuration)
        #expect(text.isEmpty || !error.description.contains(text))
    }

    @Test("a generated file is its owner's alone, loads, and is not replaced")
    func generate() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("key").path
        try DeadLetterKey.generate(to: file)
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? NSNumber
        #expect(mode == 0o600)
        let id = try DeadLetterKey.load(file: file).map(\.id)
        #expect(throws: UserError.self) { try DeadLetterKey.generate(to: file) }
        #expect(try DeadLetterKey.load(file: file).map(\.id) == id)
    }

    @Test("a file that others may read is refused, by a link to it too", arguments: [0o604, 0o666, 0o602])
    func openToOthers(mode: Int) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("key").path, link = folder.appendingPathComponent("link").path
        try DeadLetterKey.generate(to: file)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
        #expect(try DeadLetterKey.load(file: link).count == 1)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        for path in [file, link] {
            let error = try #require(throws: UserError.self) { try DeadLetterKey.load(file: path) }
            #expect(error.status == .configuration)
        }
    }
}
