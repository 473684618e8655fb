// The relay against a real database and a broker: every refusal reaches its owner, whatever dies and whatever is missing.
import Foundation
import Kafka
import Logging
import Model
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import DeadLetters

/// A broker, a database, a topic with its owner's topic, and letters that are put there by hand.
struct RelayWorld {
    let kafka: TestKafka
    let database: TestNationalDatabase
    let connection: PostgresConnection
    let topic: TopicName
    let target: TopicName
    let sealer: DeadLetterSealer

    static func key(_ byte: UInt8) throws -> DeadLetterKey {
        try #require(DeadLetterKey(bytes: [UInt8](repeating: byte, count: DeadLetterKey.byteCount)))
    }

    init(hasOwnersTopic: Bool = true) throws {
        kafka = try TestKafka()
        database = try TestNationalDatabase()
        connection = try database.connect()
        topic = try Self.newTopic()
        target = try #require(TopicName("\(topic).dead-letter"))
        sealer = DeadLetterSealer(key: try Self.key(7))
        if hasOwnersTopic { try kafka.createTopic(target, partitions: 3) }
    }

    static func newTopic() throws -> TopicName {
        try #require(TopicName("test.record-\(UInt32.random(in: 0...UInt32.max)).v1"))
    }

    /// - Returns: the letter's id.
    @discardableResult
    func refuse(
        _ record: RawRecord?, of topic: TopicName? = nil, offset: Int64, refusals: Int32 = 1, status: String = "open",
        sealer: DeadLetterSealer? = nil
    ) throws -> Int64 {
        let origin = RecordOrigin(
            topic: topic ?? self.topic, incarnation: 2, partition: Partition(1), offset: Offset(offset))
        let sealed = try record.map { try (sealer ?? self.sealer).seal($0, origin: origin) }
        let result = try connection.query(
            """
            INSERT INTO ingest.dead_letter (topic, incarnation, partition, "offset", reason, field, rule, contract_version,
              status, closed_at, refusals, redriven_at, key_fingerprint, key_id, payload)
            VALUES ($1, 2, 1, $2, $3, 'name', 'maxLength 255', '1.2.0', $8,
              CASE WHEN $8 IN ('applied', 'superseded', 'discarded') THEN now() END, $4,
              CASE WHEN $8 = 'redriven' THEN now() END, $5::bytea, $6, $7::bytea)
            RETURNING id
            """,
            [
                origin.topic.rawValue, String(offset), record == nil ? "state-secret" : "out-of-range",
                String(refusals), sealed?.keyFingerprint.map { Hexadecimal.bytea($0) }, sealed?.keyID,
                (sealed?.bytes).map { Hexadecimal.bytea($0) }, status,
            ])
        return try #require(result.integer(0, 0))
    }

    /// Writes down that it was sent again, as `redrive` and, with a value, `repair` do.
    func redrive(_ id: Int64, to value: String?) throws {
        let store = DeadLetterStore(connection: connection)
        let letter = try #require(try store.letter(id: id))
        let origin = letter.summary.origin
        var record = try sealer.open(try #require(letter.current), origin: origin)
        if let value {
            record.value = Array(value.utf8)
            try store.keepRepaired(try sealer.seal(record, origin: origin), of: id)
        }
        let fingerprint = sealer.recordFingerprint(key: record.key, value: record.value, topic: topic)
        try store.markRedriven(
            [(id, fingerprint)], by: "tests", because: nil,
            details: value.map { _ in .object([("repaired", .string("editor"))]) })
    }

    /// What the worker's transaction does where the record is refused once more.
    func refuseAgain(_ id: Int64) throws {
        _ = try connection.query(
            """
            WITH told AS (
              UPDATE ingest.dead_letter SET refusals = refusals + 1,
                status = CASE WHEN refusals + 1 >= 3 THEN 'quarantined' ELSE 'open' END
              WHERE id = $1::bigint AND status = 'redriven' RETURNING id, status)
            INSERT INTO ingest.dead_letter_step (letter, step, by)
            SELECT id, CASE status WHEN 'open' THEN 'refused' ELSE status END, 'work' FROM told
            """, [String(id)])
    }

    func relay(_ change: (inout RelaySettings) -> Void = { _ in }) -> DeadLetterRelay {
        var settings = RelaySettings(
            kafka: kafka.settings, databaseURL: database.url, topics: [topic], sealer: sealer)
        settings.pollInterval = .milliseconds(20)
        settings.standbyInterval = .milliseconds(20)
        settings.restInterval = .milliseconds(200)
        change(&settings)
        return DeadLetterRelay(settings: settings, logger: Logger(label: "tests"))
    }

    /// Tells all that can be told.
    @discardableResult
    func drain(_ change: (inout RelaySettings) -> Void = { _ in }) async throws -> RelayAccount {
        let relay = relay(change)
        relay.drain()
        return try await Self.run(relay)
    }

    /// Runs a relay on a thread of its own, as the product does.
    static func run(_ relay: DeadLetterRelay) async throws -> RelayAccount {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result { try relay.run() }) }.start()
        }
    }

    struct Told {
        let record: KafkaRecord
        func header(_ name: String) -> String? {
            record.headers.last { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
        }
        var id: String { header("ce_id") ?? "" }
    }

    /// What owners find in the topic, partition by partition.
    func told(_ topic: TopicName? = nil) throws -> [Told] {
        let topic = topic ?? target
        let admin = try KafkaAdmin(settings: kafka.settings, clientID: "tests")
        defer { admin.close() }
        var told: [Told] = []
        for partition in try #require(try admin.topic(topic, timeoutMilliseconds: 10_000)).partitions {
            let place = TopicPartition(topic, partition.partition)
            let (low, high) = try admin.watermarks(place, timeoutMilliseconds: 10_000)
            for offset in low..<max(low, high) {
                let record = try admin.record(place, at: Offset(offset), timeoutMilliseconds: 10_000)
                told.append(Told(record: try #require(record)))
            }
        }
        return told
    }

    func untold() throws -> String? {
        try connection.one("SELECT count(*) FROM ingest.dead_letter WHERE relayed_refusals < refusals")
    }
}

@Suite("the relay", .serialized)
struct RelayTests {
    @Test("an owner gets the record's own key, value and headers, and in further headers why it was refused")
    func content() async throws {
        let world = try RelayWorld()
        let own: [(name: String, value: [UInt8]?)] = [
            ("ce_sourceversion", Array("7".utf8)), ("trace", nil), ("ce_id", Array("theirs".utf8)),
            ("lienthong-reason", Array("forged".utf8)),
        ]
        let record = RawRecord(key: [0, 0xFF], value: [0x7B, 0, 0xFE], headers: own)
        let id = try world.refuse(record, offset: 41)
        let account = try await world.drain()
        #expect(account == RelayAccount(relayed: [world.topic: 1]))
        #expect(try world.untold() == "0")

        let told = try #require(try world.told().first)
        #expect(told.record.key == record.key)
        #expect(told.record.value == record.value)
        #expect(told.header("ce_id") == "\(id)-1")
        #expect(told.header("ce_specversion") == "1.0")
        #expect(told.header("ce_type") == "\(world.topic).dead-letter")
        #expect(told.header("ce_source") == "/lienthong/dead-letters/\(world.topic)/2/1/41")
        #expect(try #require(told.header("ce_time")).wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/) != nil)
        #expect(told.header("lienthong-reason") == "out-of-range")
        #expect(told.header("lienthong-field") == "name")
        #expect(told.header("lienthong-rule") == "maxLength 255")
        #expect(told.header("lienthong-origin") == "\(world.topic)/2/1/41")
        #expect(told.header("lienthong-contract-version") == "1.2.0")
        #expect(told.header("lienthong-dead-letter") == "\(id)")
        #expect(told.header("lienthong-refusal") == "1")
        #expect(told.header("ce_sourceversion") == "7")
        #expect(told.record.headers.contains { $0.name == "trace" && $0.value == nil })
        #expect(told.header("lienthong-record-ce_id") == "theirs")
        #expect(told.header("lienthong-record-lienthong-reason") == "forged")
        let names = Set(told.record.headers.map(\.name))
        #expect(names.isSuperset(of: OwnerHeader.allCases.filter(\.isAlwaysThere).map(\.rawValue)))
        let ours = names.filter { OwnerHeader.isReserved($0) && !$0.hasPrefix(OwnerHeader.renamed) }
        #expect(ours.isSubset(of: OwnerHeader.allCases.map(\.rawValue)))
        // Nobody reads one of our names twice.
        #expect(told.record.headers.filter { $0.name == "ce_id" || $0.name == "lienthong-reason" }.count == 2)
    }

    @Test("of a state secret the owner gets reason and origin, and nothing of the record")
    func stateSecret() async throws {
        let world = try RelayWorld()
        try world.refuse(nil, offset: 3)
        try await world.drain()
        let told = try #require(try world.told().first)
        #expect(told.record.key == nil)
        #expect(told.record.value == nil)
        #expect(told.header("lienthong-reason") == "state-secret")
        #expect(told.header("lienthong-value-omitted") == "state-secret")
        #expect(told.header("lienthong-origin") == "\(world.topic)/2/1/3")
        #expect(told.record.headers.allSatisfy { $0.name.hasPrefix("ce_") || $0.name.hasPrefix("lienthong-") })
    }

    @Test("of a repaired record that is refused again the owner gets what was refused, and is told so")
    func repaired() async throws {
        let world = try RelayWorld()
        let sent = RawRecord(key: Array("a".utf8), value: Array("what the owner sent".utf8))
        let id = try world.refuse(sent, offset: 1)
        try await world.drain()
        // In vain as it was, and then in vain as it was repaired.
        try world.redrive(id, to: nil)
        try world.refuseAgain(id)
        try world.redrive(id, to: "what was repaired")
        try world.refuseAgain(id)
        try await world.drain()
        let told = try world.told().sorted { $0.id < $1.id }
        #expect(told.map(\.id) == ["\(id)-1", "\(id)-2", "\(id)-3"])
        #expect(
            told.map { $0.record.value.map { String(decoding: $0, as: UTF8.self) } }
                == ["what the owner sent", "what the owner sent", "what was repaired"])
        #expect(told.map { $0.header("lienthong-repaired") } == [nil, nil, "true"])
        #expect(told.allSatisfy { $0.record.key == sent.key })
    }

    @Test("of a repaired form that another repair replaced, before its owner was told, the owner gets no other's value")
    func repairedTwice() async throws {
        let world = try RelayWorld()
        let id = try world.refuse(RawRecord(key: [1], value: Array("sent".utf8)), offset: 1)
        for value in ["first repair", "second repair"] {
            try world.redrive(id, to: value)
            try world.refuseAgain(id)
        }
        // On its way once more, and not refused in this form yet.
        try world.redrive(id, to: nil)
        try await world.drain()
        let told = try world.told().sorted { $0.id < $1.id }
        #expect(
            told.map { $0.record.value.map { String(decoding: $0, as: UTF8.self) } }
                == ["sent", nil, "second repair"])
        #expect(told.map { $0.header("lienthong-repaired") } == [nil, "true", "true"])
        #expect(told[1].header("lienthong-value-omitted")?.hasPrefix("replaced") == true)
        #expect(told[1].record.key == [1])
    }

    @Test("a repaired letter without the step of its repair is told as it was sent, and holds up no other")
    func repairedWithoutStep() async throws {
        let world = try RelayWorld()
        let record = RawRecord(key: [1], value: Array("sent".utf8))
        let id = try world.refuse(record, offset: 1, refusals: 2)
        let origin = RecordOrigin(
            topic: world.topic, incarnation: 2, partition: Partition(1), offset: Offset(1))
        try DeadLetterStore(connection: world.connection).keepRepaired(
            try world.sealer.seal(RawRecord(key: [1], value: [2]), origin: origin), of: id)
        try world.refuse(record, offset: 2)
        try await world.drain()
        let told = try world.told()
        #expect(told.count == 3)
        #expect(told.allSatisfy { $0.record.value == record.value && $0.header("lienthong-repaired") == nil })
    }

    @Test("a letter that is repaired before its owner was told of the first refusal is told as it was sent")
    func repairedUntold() async throws {
        let world = try RelayWorld()
        let id = try world.refuse(RawRecord(key: [1], value: Array("sent".utf8)), offset: 1)
        try world.redrive(id, to: "repaired")
        try await world.drain()
        let told = try world.told()
        #expect(told.map(\.record.value) == [Array("sent".utf8)])
        #expect(told[0].header("lienthong-repaired") == nil)
    }

    @Test("a refused tombstone and a null key stay what they are")
    func nulls() async throws {
        let world = try RelayWorld()
        try world.refuse(RawRecord(key: nil, value: []), offset: 1)
        try world.refuse(RawRecord(key: [], value: nil), offset: 2)
        try await world.drain()
        let told = try world.told().sorted { $0.id < $1.id }
        #expect(told.map(\.record.key) == [nil, []])
        #expect(told.map(\.record.value) == [[], nil])
        #expect(told.allSatisfy { $0.header("lienthong-value-omitted") == nil })
    }

    @Test("each refusal of a letter is told under a ce_id of its own, once, over any number of runs and batches")
    func everyRefusal() async throws {
        let world = try RelayWorld()
        var expected: Set<String> = []
        for offset in 0..<50 as Range<Int64> {
            let refusals: Int32 = offset % 10 == 0 ? 3 : 1
            let id = try world.refuse(RawRecord(key: [UInt8(offset)], value: [1]), offset: offset, refusals: refusals)
            for number in 1...refusals { expected.insert("\(id)-\(number)") }
        }
        let account = try await world.drain { $0.batchLettersMax = 7 }
        #expect(account.total == 60)
        #expect(try await world.drain().total == 0)
        try world.connection.query("UPDATE ingest.dead_letter SET refusals = 2 WHERE \"offset\" = 4")
        let again = try #require(try world.connection.one("SELECT id FROM ingest.dead_letter WHERE \"offset\" = 4"))
        expected.insert("\(again)-2")
        #expect(try await world.drain().total == 1)
        let told = try world.told()
        #expect(told.count == 61)
        #expect(Set(told.map(\.id)) == expected)
        // One key lies in one partition, its refusals in their order.
        let ofOne = told.filter { $0.header("lienthong-dead-letter") == again }
        #expect(ofOne.map { $0.header("lienthong-refusal") } == ["1", "2"])
    }

    @Test("batches are bounded in bytes, and a letter above the bound goes alone")
    func bytes() async throws {
        let world = try RelayWorld()
        for offset in 0..<6 as Range<Int64> {
            try world.refuse(RawRecord(key: [1], value: [UInt8](repeating: 1, count: 3_000)), offset: offset)
        }
        let queue = try RelayQueue(world.database.url, topics: [world.topic], keyIDs: world.sealer.keyIDs)
        defer { queue.close() }
        func sizes(_ bytesMax: Int) throws -> Int {
            try queue.batch(after: 0, resting: [], lettersMax: 5, bytesMax: bytesMax).count
        }
        #expect(try sizes(1) == 1)
        #expect(try sizes(6_000) == 2)
        #expect(try sizes(1 << 20) == 5)
        #expect(try await world.drain { $0.batchBytesMax = 1 }.total == 6)
    }

    struct Crash: Error {}

    @Test("a crash loses none, and what it repeats bears the same ce_id", arguments: RelayFaultPoint.allCases)
    func crash(point: RelayFaultPoint) async throws {
        let world = try RelayWorld()
        let ids = try (0..<20).map { try world.refuse(RawRecord(key: [UInt8($0)], value: [1]), offset: $0) }
        let reached = Mutex(0)
        await #expect(throws: Crash.self) {
            try await world.drain {
                $0.batchLettersMax = 5
                $0.faultPoint = { here in
                    guard here == point else { return }
                    // Dies in its second batch.
                    if reached.withLock({
                        $0 += 1
                        return $0
                    }) == 2 {
                        throw Crash()
                    }
                }
            }
        }
        let after = try world.told()
        #expect(after.count == (point == .beforeSend ? 5 : 10))
        #expect(try world.untold() == (point == .afterMark ? "10" : "15"))
        try await world.drain()
        let told = try world.told()
        #expect(Set(told.map(\.id)) == Set(ids.map { "\($0)-1" }))
        #expect(told.count == (point == .beforeMark ? 25 : 20))
        #expect(try world.untold() == "0")
    }

    @Test("of two relays one tells and the other stands by; it takes over where the first one's session dies")
    func two() async throws {
        let world = try RelayWorld()
        let relays = [world.relay(), world.relay()]
        async let first = RelayWorld.run(relays[0])
        async let second = RelayWorld.run(relays[1])
        for offset in 0..<200 as Range<Int64> {
            try world.refuse(RawRecord(key: [UInt8(offset)], value: [1]), offset: offset)
        }
        try await waitUntil("all is told") { relays.reduce(0) { $0 + $1.progress.total } >= 200 }
        let holders = relays.map(\.progress.total)
        #expect(holders.sorted() == [0, 200])
        #expect(try world.told().count == 200)

        relays[holders[0] == 200 ? 0 : 1].stop()
        try world.refuse(RawRecord(key: [1], value: [1]), offset: 1_000)
        let other = relays[holders[0] == 200 ? 1 : 0]
        try await waitUntil("the other one tells") { other.progress.total == 1 }
        #expect(try world.untold() == "0")
        for relay in relays { relay.stop() }
        _ = try await (first, second)
        #expect(try world.told().count == 201)
    }

    @Test("a relay whose session the server ends goes on with another one")
    func sessionEnds() async throws {
        let world = try RelayWorld()
        let relay = world.relay()
        async let running = RelayWorld.run(relay)
        try world.refuse(RawRecord(key: [1], value: [1]), offset: 1)
        try await waitUntil("the first is told") { try world.untold() == "0" }
        let ended = try world.connection.one(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE application_name = 'lienthong relay' AND datname = current_database()
            """)
        #expect(ended == "1")
        try world.refuse(RawRecord(key: [1], value: [1]), offset: 2)
        try await waitUntil("the second is told") { try world.untold() == "0" }
        relay.stop()
        #expect(try await running.total == 2)
    }

    @Test("draining beside a relay that holds the lock ends once that one has told all")
    func drainBeside() async throws {
        let world = try RelayWorld()
        let holder = world.relay()
        async let holding = RelayWorld.run(holder)
        try world.refuse(RawRecord(key: [1], value: [1]), offset: 0)
        try await waitUntil("the holder works") { holder.progress.total == 1 }
        for offset in 1..<50 as Range<Int64> {
            try world.refuse(RawRecord(key: [1], value: [1]), offset: offset)
        }
        let account = try await world.drain()
        #expect(account == RelayAccount())
        #expect(try world.untold() == "0")
        holder.stop()
        #expect(try await holding.total == 50)
    }

    @Test("topics, contracts and keys that are missing hold up their own letters alone, until they are there")
    func missing() async throws {
        let world = try RelayWorld(hasOwnersTopic: false)
        let good = try RelayWorld.newTopic()
        let goodTarget = try #require(TopicName("\(good).dead-letter"))
        try world.kafka.createTopic(goodTarget, partitions: 1)
        let strange = try RelayWorld.newTopic()
        let other = DeadLetterSealer(key: try RelayWorld.key(9))
        let record = RawRecord(key: [1], value: [1])
        for offset in 0..<3 as Range<Int64> {
            try world.refuse(record, offset: offset)
            try world.refuse(record, of: strange, offset: offset)
            try world.refuse(record, of: good, offset: offset, sealer: other)
            try world.refuse(record, of: good, offset: offset + 10)
        }
        let topics = [world.topic, good]
        let account = try await world.drain {
            $0.topics = topics
            $0.batchLettersMax = 2
        }
        #expect(account.relayed == [good: 3])
        #expect(account.waiting.count == 3)
        #expect(account.waiting.contains { $0.contains("\(strange)") && $0.contains("no contract") })
        #expect(account.waiting.contains { $0.contains("\(world.topic)") && $0.contains("topics apply") })
        #expect(account.waiting.contains { $0.contains("key \(other.sealingKeyID)") })
        #expect(try world.untold() == "9")

        // One and the same relay notices that they have come.
        let relay = world.relay { $0.topics = topics }
        async let running = RelayWorld.run(relay)
        try await waitUntil("the relay rests") { relay.progress.waiting.count == 3 }
        try world.kafka.createTopic(world.target, partitions: 3)
        try await waitUntil("the topic's letters are told") { try world.untold() == "6" }
        relay.stop()
        _ = try await running
        #expect(try world.told().count == 3)
    }

    @Test("of a record larger than the topic takes the owner gets all but the value, and reads so")
    func oversize() async throws {
        let world = try RelayWorld()
        let big = RawRecord(key: [1], value: [UInt8](repeating: 0x61, count: 1_300_000), headers: [("h", [1])])
        let small = RawRecord(key: [2], value: [UInt8](repeating: 0x61, count: 1_100_000))
        let bigID = try world.refuse(big, offset: 1)
        try world.refuse(small, offset: 2)
        try await world.drain()
        let told = try world.told()
        let first = try #require(told.first { $0.id == "\(bigID)-1" })
        #expect(first.record.key == [1])
        #expect(first.record.value == nil)
        #expect(first.header("h") == "\u{1}")
        #expect(
            first.header("lienthong-value-omitted") == "too-large: 1300000 bytes, the topic takes 1179648")
        let second = try #require(told.first { $0.id != "\(bigID)-1" })
        #expect(second.record.value == small.value)
        #expect(second.header("lienthong-value-omitted") == nil)
    }

    @Test("headers and key go as well where they alone are too large, and the context always arrives")
    func oversizeHeaders() throws {
        let topic = try RelayWorld.newTopic()
        let letter = UntoldLetter(
            id: 5, origin: RecordOrigin(topic: topic, incarnation: 0, partition: Partition(0), offset: Offset(1)),
            reason: "too-large", field: nil, rule: nil, contractVersion: "1.0.0", refusedAt: "", refusals: 1...1,
            sealed: nil, repaired: nil)
        let record = RawRecord(
            key: [UInt8](repeating: 1, count: 2_000), value: [1], headers: [("h", [UInt8](repeating: 1, count: 2_000))])
        var message = RelayMessage(letter, refusal: 1, record: record)
        var sizes = [message.byteCount]
        while message.shrink(bytesMax: 100) { sizes.append(message.byteCount) }
        #expect(message.key == nil && message.value == nil)
        let names = message.headers.map(\.name)
        #expect(
            names.suffix(3) == ["lienthong-value-omitted", "lienthong-headers-omitted", "lienthong-key-omitted"])
        #expect(!names.contains("h"))
        #expect(names.contains("lienthong-origin") && names.contains("ce_id"))
        #expect(sizes.count == 4)
    }

    @Test(
        "where the broker takes less than the contract says, the value is left away; the others go as they are",
        .enabled(if: TestKafka.isEmbedded, "errors are injected into the embedded broker"))
    func brokerRefusesSize() async throws {
        let world = try RelayWorld()
        let ids = try (0..<5).map { try world.refuse(RawRecord(key: [7], value: [UInt8($0)]), offset: $0) }
        // The batch of all, then its first message alone; after that it fits.
        try world.kafka.broker?.injectErrors(
            .produce, [KafkaErrorCode.messageTooLarge, KafkaErrorCode.messageTooLarge])
        #expect(try await world.drain().total == 5)
        let told = try world.told()
        #expect(told.map(\.id) == ids.map { "\($0)-1" })
        #expect(told.map { $0.record.value } == [nil, [1], [2], [3], [4]])
        #expect(
            told[0].header("lienthong-value-omitted") == "too-large: 1 bytes, more than the topic takes")
    }

    @Test(
        "a broker that is away is waited for",
        .enabled(if: TestKafka.isEmbedded, "the embedded broker alone is taken down"))
    func brokerAway() async throws {
        let world = try RelayWorld()
        try world.refuse(RawRecord(key: [1], value: [1]), offset: 1)
        try await world.drain()
        try world.kafka.broker?.setDown()
        let relay = world.relay { $0.deliveryTimeout = .milliseconds(300) }
        relay.drain()
        async let running = RelayWorld.run(relay)
        try world.refuse(RawRecord(key: [2], value: [1]), offset: 2)
        try await waitUntil("the relay holds the lock") {
            try world.connection.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") != "0"
        }
        try world.kafka.broker?.setUp()
        #expect(try await running.total == 1)
        #expect(Set(try world.told().map(\.record.key)) == [[1], [2]])
    }

    @Test("a letter whose bytes were changed is told of and passed over")
    func damaged() async throws {
        let world = try RelayWorld()
        let id = try world.refuse(RawRecord(key: [1], value: [1]), offset: 1)
        try world.refuse(RawRecord(key: [1], value: [1]), offset: 2)
        try world.connection.query(
            "UPDATE ingest.dead_letter SET payload = payload || '\\x00'::bytea WHERE id = $1::bigint", ["\(id)"])
        let account = try await world.drain()
        #expect(account.total == 1)
        #expect(account.waiting.count == 1)
        #expect(account.waiting.first?.contains("dead letter \(id) ") == true)
        #expect(try world.untold() == "1")
    }
}
