// A key is changed, and letters are removed in time: against a real database, beside those who change letters meanwhile.
import Contracts
import Foundation
import Kafka
import Model
import Postgres
import TestSupport
import Testing

@testable import DeadLetters

/// A database with letters; no broker.
private struct SealedWorld {
    let database: TestNationalDatabase
    let connection: PostgresConnection
    let thing: ThingTopic
    let old: DeadLetterKey
    let new: DeadLetterKey

    init() throws {
        database = try TestNationalDatabase()
        connection = try database.connect()
        thing = try ThingTopic()
        old = try RelayWorld.key(7)
        new = try RelayWorld.key(8)
    }

    var rotated: DeadLetterSealer { DeadLetterSealer(key: new, older: [old]) }

    static func record(_ offset: Int64) -> RawRecord {
        RawRecord(key: offset == 0 ? nil : Array("k\(offset)".utf8), value: Array("v\(offset)".utf8))
    }

    private func origin(_ offset: Int64) -> RecordOrigin {
        RecordOrigin(topic: thing.name, incarnation: 0, partition: Partition(0), offset: Offset(offset))
    }

    /// - Parameters:
    ///   - days: how long ago the letter came, and was closed.
    ///   - sealer: the old key's by default.
    @discardableResult
    func refuse(
        _ offset: Int64, status: String = "open", days: Int = 0, isTold: Bool = true, isSecret: Bool = false,
        sealer: DeadLetterSealer? = nil
    ) throws -> Int64 {
        let sealer = sealer ?? DeadLetterSealer(key: old)
        let sealed = isSecret ? nil : try sealer.seal(Self.record(offset), origin: origin(offset))
        let result = try connection.query(
            """
            INSERT INTO ingest.dead_letter (topic, incarnation, partition, "offset", reason, contract_version, status,
              received_at, closed_at, relayed_refusals, redriven_at, key_fingerprint, key_id, payload)
            VALUES ($1, 0, 0, $2, $3, '1.0.0', $4, now() - $5::integer * interval '1 day',
              CASE WHEN $4 IN ('applied', 'superseded', 'discarded') THEN now() - $5::integer * interval '1 day' END, $6,
              CASE WHEN $4 = 'redriven' THEN now() - $5::integer * interval '1 day' END, $7::bytea, $8, $9::bytea)
            RETURNING id
            """,
            [
                thing.name.rawValue, String(offset), isSecret ? "state-secret" : "not-json", status, String(days),
                isTold ? "1" : "0", sealed?.keyFingerprint.map { Hexadecimal.bytea($0) }, sealed?.keyID,
                (sealed?.bytes).map { Hexadecimal.bytea($0) },
            ])
        return try #require(result.integer(0, 0))
    }

    func rekey(_ sealer: DeadLetterSealer? = nil, batch: Int = 3) throws -> LetterRekeying {
        LetterRekeying(connection: connection, sealer: sealer ?? rotated, batchLettersMax: batch)
    }

    func statuses() throws -> String? {
        try connection.one(
            "SELECT string_agg(status || ' ' || \"offset\", ', ' ORDER BY \"offset\") FROM ingest.dead_letter")
    }

    func definition(closedDays: Int64? = nil, openDays: Int64? = nil) -> TopicDefinition {
        var contract = thing.definition.contract
        contract.deadLetterStore = Contract.DeadLetterStoreSettings(closedDays: closedDays, openDays: openDays)
        return TopicDefinition(
            name: thing.name, folder: thing.definition.folder, contract: contract, mapping: thing.definition.mapping)
    }
}

struct RekeyTests {
    @Test("every letter of an older key opens under the new one alone, and is found by its key")
    func all() throws {
        let world = try SealedWorld()
        let ids = try (0..<10).map { try world.refuse($0, status: $0 % 2 == 0 ? "open" : "discarded") }
        try world.refuse(10, isSecret: true)
        try world.refuse(11, sealer: world.rotated)
        let account = try world.rekey().run(by: "an operator", because: "yearly")
        #expect(account == LetterRekeying.Account(resealed: [world.old.id: 10]))

        let only = DeadLetterSealer(key: world.new)
        let store = DeadLetterStore(connection: world.connection)
        for (offset, id) in zip(0..., ids) as Zip2Sequence<PartialRangeFrom<Int64>, [Int64]> {
            let letter = try #require(try store.letter(id: id))
            let record = SealedWorld.record(offset)
            #expect(try only.open(try #require(letter.sealed), origin: letter.summary.origin) == record)
            #expect(
                letter.sealed?.keyFingerprint == record.key.map { only.keyFingerprint(of: $0, topic: world.thing.name) }
            )
        }
        #expect(try world.connection.one("SELECT count(DISTINCT key_id) FROM ingest.dead_letter") == "1")
        // Each letter's life tells it, and the run is on the record.
        #expect(
            try world.connection.one(
                """
                SELECT concat_ws('|', count(*), count(DISTINCT letter), min(by), min(because), min(details ->> 'from'))
                FROM ingest.dead_letter_step WHERE step = 'resealed'
                """) == "10|10|an operator|yearly|\(world.old.id)")
        #expect(
            try world.connection.one(
                "SELECT details -> 'resealed' ->> '\(world.old.id)' FROM ingest.operation WHERE action = 'dead-letters rekey'"
            )
                == "10")
    }

    @Test("a repaired record is sealed anew with its letter, and the key's hint is of the new key")
    func repaired() throws {
        let world = try SealedWorld()
        let id = try world.refuse(1)
        let store = DeadLetterStore(connection: world.connection)
        let origin = try #require(try store.letter(id: id)).summary.origin
        let mended = RawRecord(key: Array("k1".utf8), value: Array("mended".utf8))
        try store.keepRepaired(try DeadLetterSealer(key: world.old).seal(mended, origin: origin), of: id)
        _ = try world.rekey().run(by: "a", because: "b")
        let only = DeadLetterSealer(key: world.new)
        #expect(try world.connection.one("SELECT repaired_key_id FROM ingest.dead_letter") == world.new.id)
        let bytes = try #require(
            try world.connection.one("SELECT encode(repaired, 'hex') FROM ingest.dead_letter").flatMap(
                Hexadecimal.decode))
        #expect(
            try only.open(SealedPayload(bytes: bytes, keyID: world.new.id, keyFingerprint: nil), origin: origin)
                == mended)
        let hint = Array("k1".utf8).withUnsafeBytes { keyHint(of: $0, seed: only.hintSeeds[0]) }
        #expect(try world.connection.one("SELECT key_hint FROM ingest.dead_letter") == "\(hint)")
    }

    @Test("a second run finds nothing to do and writes nothing")
    func twice() throws {
        let world = try SealedWorld()
        try world.refuse(1)
        _ = try world.rekey().run(by: "a", because: "b")
        #expect(try world.rekey().run(by: "a", because: "b") == LetterRekeying.Account())
        #expect(try world.connection.one("SELECT count(*) FROM ingest.operation") == "1")
    }

    @Test("a run that was ended is carried on by the next, and none is sealed twice")
    func resumes() throws {
        let world = try SealedWorld()
        for offset in 0..<10 as Range<Int64> { try world.refuse(offset) }
        var batches = 0
        let first = try world.rekey().run(
            by: "a", because: "b",
            isStopping: {
                batches += 1
                return batches > 3
            })
        let done = try #require(first.resealed[world.old.id])
        #expect((1..<10).contains(done))
        #expect(first.left == [.init(keyID: world.old.id, isKnown: true, count: 10 - done, redriven: 0)])
        let second = try world.rekey().run(by: "a", because: "b")
        #expect(second == LetterRekeying.Account(resealed: [world.old.id: 10 - done]))
        #expect(
            try world.connection.one("SELECT count(*) FROM ingest.dead_letter_step WHERE step = 'resealed'") == "10")
    }

    @Test("a letter that somebody changes meanwhile keeps that change, and is sealed anew all the same")
    func beside() throws {
        let world = try SealedWorld()
        let ids = try (0..<3).map { try world.refuse($0) }
        let other = try world.database.connect()
        defer { other.close() }
        let worker = DeadLetterSealer(key: world.old)
        let origin = RecordOrigin(topic: world.thing.name, incarnation: 0, partition: Partition(0), offset: Offset(1))
        let mended = RawRecord(key: [1], value: Array("mended".utf8))
        let sealed = try worker.seal(mended, origin: origin)
        var batches = 0
        var rekeying = try world.rekey()
        rekeying.betweenReadAndWrite = {
            batches += 1
            guard batches == 1 else { return }
            try other.query(
                "UPDATE ingest.dead_letter SET payload = $1::bytea WHERE id = $2::bigint",
                [Hexadecimal.bytea(sealed.bytes), "\(ids[1])"])
            try other.query(
                "UPDATE ingest.dead_letter SET status = 'superseded', closed_at = now() WHERE id = $1::bigint",
                ["\(ids[2])"])
        }
        let account = try rekeying.run(by: "a", because: "b")
        #expect(account == LetterRekeying.Account(resealed: [world.old.id: 3]))
        let store = DeadLetterStore(connection: world.connection)
        let only = DeadLetterSealer(key: world.new)
        #expect(try only.open(try #require(try store.letter(id: ids[1])?.sealed), origin: origin) == mended)
        #expect(try store.letter(id: ids[2])?.summary.status == .superseded)
        #expect(
            try world.connection.one("SELECT count(*) FROM ingest.dead_letter_step WHERE step = 'resealed'") == "3")
    }

    @Test("what is on its way keeps its key, unknown keys are named, changed bytes are left as they are")
    func left() throws {
        let world = try SealedWorld()
        try world.refuse(1)
        try world.refuse(2, status: "redriven")
        let lost = try RelayWorld.key(9)
        try world.refuse(3, sealer: DeadLetterSealer(key: lost))
        let damaged = try world.refuse(4)
        try world.connection.query(
            "UPDATE ingest.dead_letter SET payload = payload || '\\x00'::bytea WHERE id = $1::bigint", ["\(damaged)"])
        let account = try world.rekey().run(by: "a", because: "b")
        #expect(account.resealed == [world.old.id: 1])
        #expect(account.damaged == [damaged])
        #expect(
            Set(account.left.map { "\($0.keyID) \($0.isKnown) \($0.count) \($0.redriven)" }) == [
                "\(world.old.id) true 2 1", "\(lost.id) false 1 0",
            ])
    }
}

struct PurgeTests {
    @Test("closed letters go when the owner's topic no longer keeps them, and leave their steps and a count")
    func closed() throws {
        let world = try SealedWorld()
        let gone = try ["applied", "superseded", "discarded"].enumerated().map {
            try world.refuse(Int64($0.offset), status: $0.element, days: 91)
        }
        try world.refuse(3, status: "applied", days: 91, isSecret: true)
        try world.refuse(4, status: "applied", days: 89)
        try world.refuse(5, status: "open", days: 3_000)
        try world.refuse(6, status: "quarantined", days: 3_000)
        try world.refuse(7, status: "redriven", days: 3_000)
        let purge = LetterPurge(connection: world.connection, batchLettersMax: 2)
        let counts: [TopicName: [String: Int64]] = [world.thing.name: ["applied": 2, "superseded": 1, "discarded": 1]]

        #expect(try purge.preview([world.definition()]) == LetterPurge.Account(purged: counts))
        #expect(try world.connection.one("SELECT count(*) FROM ingest.dead_letter") == "8")

        let account = try purge.run([world.definition()], by: "an operator", because: "yearly")
        #expect(account == LetterPurge.Account(purged: counts))
        #expect(try world.statuses() == "applied 4, open 5, quarantined 6, redriven 7")
        let step = try world.connection.query(
            "SELECT by, because, details ->> 'status' AS status FROM ingest.dead_letter_step WHERE letter = $1::bigint",
            ["\(gone[2])"])
        #expect(step.rowCount == 1)
        #expect(step[0, "by"] == "an operator")
        #expect(step[0, "because"] == "yearly")
        #expect(step[0, "status"] == "discarded")
        let operation = try world.connection.query(
            "SELECT topic, because, details::text AS details FROM ingest.operation WHERE action = 'dead-letters purge'")
        #expect(operation.rowCount == 1)
        #expect(operation[0, "topic"] == world.thing.name.rawValue)
        #expect(
            operation[0, "details"]
                == "{\"purged\": {\"\(world.thing.name)\": {\"applied\": 2, \"discarded\": 1, \"superseded\": 1}}}")
        #expect(try purge.run([world.definition()], by: "a", because: "b").total == 0)
        #expect(try world.connection.one("SELECT count(*) FROM ingest.operation") == "1")
    }

    @Test("a contract's own days count, for open letters apart, and -1 keeps for ever")
    func contractsDays() throws {
        let world = try SealedWorld()
        try world.refuse(0, status: "applied", days: 31)
        try world.refuse(1, status: "open", days: 401)
        try world.refuse(2, status: "quarantined", days: 401)
        try world.refuse(3, status: "redriven", days: 401)
        try world.refuse(4, status: "open", days: 399)
        // It came long ago, and was redriven lately.
        let lately = try world.refuse(5, status: "redriven", days: 500)
        try world.connection.query(
            "UPDATE ingest.dead_letter SET redriven_at = now() WHERE id = $1::bigint", ["\(lately)"])
        let purge = LetterPurge(connection: world.connection)
        #expect(try purge.preview([world.definition(closedDays: -1, openDays: -1)]).total == 0)
        #expect(try purge.preview([world.definition(closedDays: 36_500, openDays: 36_500)]).total == 0)
        #expect(try purge.preview([world.definition(closedDays: 32)]).total == 0)
        let account = try purge.run([world.definition(closedDays: 30, openDays: 400)], by: "a", because: "b")
        #expect(
            account.purged == [world.thing.name: ["applied": 1, "open": 1, "quarantined": 1, "redriven": 1]])
        #expect(try world.statuses() == "open 4, redriven 5")
    }

    @Test("what its owner was not told of stays, and is counted")
    func untold() throws {
        let world = try SealedWorld()
        try world.refuse(0, status: "applied", days: 91, isTold: false)
        try world.refuse(1, status: "applied", days: 91)
        let account = try LetterPurge(connection: world.connection).run([world.definition()], by: "a", because: "b")
        #expect(
            account
                == LetterPurge.Account(
                    purged: [world.thing.name: ["applied": 1]], untold: [world.thing.name: 1]))
        #expect(try world.statuses() == "applied 0")
    }

    @Test("other topics' letters stay")
    func otherTopics() throws {
        let world = try SealedWorld()
        try world.refuse(0, status: "applied", days: 91)
        let other = try SealedWorld()
        let account = try LetterPurge(connection: world.connection).run([other.definition()], by: "a", because: "b")
        #expect(account == LetterPurge.Account())
        #expect(try world.statuses() == "applied 0")
    }
}
