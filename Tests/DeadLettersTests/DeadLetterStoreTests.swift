// The store against a real database: what was sealed and stored is found, filtered, opened, and looked at on the record.
import Foundation
import Model
import Postgres
import Testing

@testable import DeadLetters

/// One cluster for the file, a database a test.
private enum TestStore {
    static let cluster = Result { try PrivateCluster.temporary() }

    static func connect() throws -> PostgresConnection {
        let name = "dead_letters_\(UUID().uuidString.prefix(8).lowercased())"
        let cluster = try cluster.get()
        try cluster.createDatabase(name)
        let connection = try PostgresConnection(cluster.url(database: name), applicationName: "test")
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        try Migrations.load(folder: root.appendingPathComponent("deploy/database").path).apply(on: connection)
        return connection
    }
}

struct DeadLetterStoreTests {
    private let topic: TopicName
    private let sealer: DeadLetterSealer

    init() throws {
        topic = try #require(TopicName("test.record.v1"))
        sealer = DeadLetterSealer(
            key: try #require(DeadLetterKey(bytes: [UInt8](repeating: 7, count: DeadLetterKey.byteCount))))
    }

    private func origin(_ offset: Int64) -> RecordOrigin {
        RecordOrigin(topic: topic, incarnation: 0, partition: Partition(1), offset: Offset(offset))
    }

    private func store(
        _ record: RawRecord?, offset: Int64, reason: ReasonCode, status: String = "open",
        in connection: PostgresConnection
    ) throws {
        let sealed = try record.map { try sealer.seal($0, origin: origin(offset)) }
        func hexadecimal(_ bytes: [UInt8]?) -> String? {
            bytes.map { "\\x" + $0.map { String(format: "%02x", $0) }.joined() }
        }
        try connection.query(
            """
            INSERT INTO ingest.dead_letter (topic, incarnation, partition, "offset", reason, field, rule, contract_version,
              status, closed_at, key_fingerprint, key_id, payload)
            VALUES ($1, 0, 1, $2, $3, 'fullName', 'maxLength 255', '1.0.0', $4,
              CASE WHEN $4 IN ('applied', 'superseded', 'discarded') THEN now() END, $5::bytea, $6, $7::bytea)
            """,
            [
                topic.rawValue, String(offset), reason.rawValue, status, hexadecimal(sealed?.keyFingerprint),
                sealed?.keyID,
                hexadecimal(sealed?.bytes),
            ])
    }

    @Test("a stored letter opens to the exact bytes that were refused")
    func opens() throws {
        let connection = try TestStore.connect()
        defer { connection.close() }
        let record = RawRecord(key: [0, 0xFF], value: nil, headers: [("h", []), ("h", nil)])
        try store(record, offset: 5, reason: .notJSON, in: connection)
        let store = DeadLetterStore(connection: connection)
        let id = try #require(try store.list(.init(), limit: 10).first?.id)
        let letter = try #require(try store.letter(id: id))
        #expect(letter.summary.origin == origin(5))
        #expect(try sealer.open(try #require(letter.sealed), origin: letter.summary.origin) == record)
        #expect(try store.letter(id: id + 1) == nil)
    }

    @Test("a list holds what its filter asks for, newest first, up to its limit")
    func filters() throws {
        let connection = try TestStore.connect()
        defer { connection.close() }
        let record = RawRecord(key: [1], value: [2])
        try store(record, offset: 1, reason: .notJSON, in: connection)
        try store(record, offset: 2, reason: .tooLarge, in: connection)
        try store(record, offset: 3, reason: .notJSON, status: "discarded", in: connection)
        let letters = DeadLetterStore(connection: connection)
        func offsets(_ filter: DeadLetterFilter, limit: Int = 10) throws -> [Int64] {
            let offsets = try letters.list(filter, limit: limit).map(\.origin.offset.rawValue)
            if limit == 10 { #expect(try letters.count(filter) == offsets.count) }
            return offsets
        }
        #expect(try offsets(.init()) == [3, 2, 1])
        #expect(try offsets(.init(), limit: 2) == [3, 2])
        #expect(try offsets(.init(reason: "not-json")) == [3, 1])
        #expect(try offsets(.init(statuses: [.open])) == [2, 1])
        #expect(try offsets(.init(statuses: [.discarded, .quarantined])) == [3])
        #expect(try offsets(.init(topic: topic, reason: "not-json", statuses: [.open])) == [1])
        #expect(try offsets(.init(topic: TopicName("another.v1"))) == [])
        #expect(try offsets(.init(field: "fullName")) == [3, 2, 1])
        #expect(try offsets(.init(field: "fullname")) == [])
        // A moment counts as since, and no longer as until.
        try connection.query(
            "UPDATE ingest.dead_letter SET received_at = to_timestamp(1000 + \"offset\")")
        #expect(try offsets(.init(sinceMilliseconds: 1_002_000)) == [3, 2])
        #expect(try offsets(.init(untilMilliseconds: 1_002_000)) == [1])
        #expect(try offsets(.init(sinceMilliseconds: 1_001_001, untilMilliseconds: 1_002_001)) == [2])
        #expect(try offsets(.init(keyFingerprints: sealer.keyFingerprints(of: [1], topic: topic))) == [3, 2, 1])
        #expect(try offsets(.init(keyFingerprints: sealer.keyFingerprints(of: [2], topic: topic))) == [])
        #expect(try letters.reasons(topic: topic).map { "\($0.reason) \($0.count)" } == ["not-json 2", "too-large 1"])
    }

    @Test("the keys that open letters need are told with the letters' number, and the sealer knows its own alone")
    func openKeys() throws {
        let connection = try TestStore.connect()
        defer { connection.close() }
        let record = RawRecord(key: [1], value: [2])
        try store(record, offset: 1, reason: .notJSON, in: connection)
        try store(record, offset: 2, reason: .notJSON, in: connection)
        try store(record, offset: 3, reason: .notJSON, status: "discarded", in: connection)
        let keys = try DeadLetterStore(connection: connection).openKeys()
        #expect(keys.map(\.count) == [2])
        #expect(keys.allSatisfy { sealer.knows(keyID: $0.keyID) })
        let other = try #require(DeadLetterKey(bytes: [UInt8](repeating: 8, count: DeadLetterKey.byteCount)))
        #expect(!keys.contains { DeadLetterSealer(key: other).knows(keyID: $0.keyID) })
    }

    @Test("letters of a key are found by its fingerprint, under older secrets too")
    func byKey() throws {
        let connection = try TestStore.connect()
        defer { connection.close() }
        try store(RawRecord(key: [1], value: [2]), offset: 1, reason: .notJSON, in: connection)
        try store(RawRecord(key: [9], value: [2]), offset: 2, reason: .notJSON, in: connection)
        let newKey = try #require(DeadLetterKey(bytes: [UInt8](repeating: 8, count: DeadLetterKey.byteCount)))
        let oldKey = try #require(DeadLetterKey(bytes: [UInt8](repeating: 7, count: DeadLetterKey.byteCount)))
        let rotated = DeadLetterSealer(key: newKey, older: [oldKey])
        let letters = try DeadLetterStore(connection: connection).list(
            DeadLetterFilter(topic: topic, keyFingerprints: rotated.keyFingerprints(of: [1], topic: topic)), limit: 10)
        #expect(letters.map(\.origin.offset.rawValue) == [1])
    }

    @Test("of a state secret there are reason and origin, and nothing to open")
    func stateSecret() throws {
        let connection = try TestStore.connect()
        defer { connection.close() }
        try store(nil, offset: 4, reason: .stateSecret, in: connection)
        let letters = DeadLetterStore(connection: connection)
        let id = try #require(try letters.list(.init(), limit: 1).first?.id)
        let letter = try #require(try letters.letter(id: id))
        #expect(letter.sealed == nil)
        #expect(letter.summary.reason == "state-secret")
    }

    @Test("looking at a letter's content leaves who, why and which")
    func reveal() throws {
        let connection = try TestStore.connect()
        defer { connection.close() }
        try store(RawRecord(key: [1], value: [2]), offset: 1, reason: .notJSON, in: connection)
        let letters = DeadLetterStore(connection: connection)
        let summary = try #require(try letters.list(.init(), limit: 1).first)
        try letters.recordReveal(of: summary, by: "an operator", because: "the owner asked")
        let rows = try connection.query(
            "SELECT by, action, topic, because, details ->> 'id' AS id FROM ingest.operation")
        #expect(rows.rowCount == 1)
        #expect(rows[0, "by"] == "an operator")
        #expect(rows[0, "because"] == "the owner asked")
        #expect(rows[0, "id"] == String(summary.id))
    }
}
