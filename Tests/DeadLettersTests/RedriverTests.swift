// Redriving against a real database, and where it matters a real broker.
import Foundation
import Kafka
import Model
import Postgres
import TestSupport
import Testing

@testable import DeadLetters

struct RedriverTests {
    private let world: LetterWorld
    private let publisher = TakingPublisher()

    init() throws { world = try LetterWorld() }

    private var everything: LetterSelection { .filter(DeadLetterFilter(topic: world.thing.name)) }
    private var letters: [Int64] { publisher.taken.map(\.letter) }

    @Test("a dry run tells how many would pass by reason, asks no broker, and changes nothing")
    func dryRun() throws {
        for offset in 0..<4 as Range<Int64> { try world.insert(LetterWorld.good("g\(offset)"), offset: offset) }
        try world.insert(LetterWorld.bad("b"), offset: 10)
        try world.insert(LetterWorld.good("d"), offset: 11, reason: .databaseRefused)
        try world.insert(LetterWorld.good("q"), offset: 12, status: .quarantined)
        try world.insert(nil, offset: 13, reason: .stateSecret)
        let before = try world.lives()
        let redriver = world.redriver(everything, to: nil)
        #expect(try redriver.count() == 8)
        let account = try redriver.run()
        let wrongType = try #require(account.byReason["wrong-type"])
        #expect(wrongType.passes == 4)
        #expect(wrongType.fails == [.wrongType: 1])
        #expect(wrongType.kept == [.quarantined: 1])
        #expect(account.byReason["database-refused"]?.passes == 1)
        #expect(account.byReason["state-secret"]?.kept == [.contentNotKept: 1])
        #expect(account.total.letters == 8)
        #expect(account.total.published == 0)
        #expect(!account.endedEarly)
        #expect(try world.lives() == before)
    }

    @Test("a record goes to its own topic and partition as it came, with the link to its letter, written down before")
    func publishes() throws {
        let kafka = try TestKafka()
        try kafka.createTopic(world.thing.name, partitions: LetterWorld.partitions)
        let real = try KafkaRedrivePublisher(settings: kafka.settings)
        defer { real.close() }
        let link = "\(DeadLetterLink.header)"
        // A link that it came with, and headers of one name.
        let headers: [(name: String, value: [UInt8]?)] = [
            ("ce_id", [1]), (link, Array("999".utf8)), ("x", nil), ("x", []),
        ]
        let record = LetterWorld.good("k", headers: headers)
        let id = try world.insert(record, offset: 5, partition: 2)
        let delete = RawRecord(key: Array("k".utf8), value: nil, headers: [("ce_sourceversion", Array("3".utf8))])
        let deleteID = try world.insert(delete, offset: 6, partition: 1)
        let failing = try world.insert(LetterWorld.bad("b"), offset: 7, partition: 1)
        let account = try world.redriver(everything, to: real).run()
        #expect(account.total.published == 2)

        let admin = try KafkaAdmin(settings: kafka.settings, clientID: "tests")
        defer { admin.close() }
        func read(_ partition: Int32) throws -> RawRecord {
            let place = TopicPartition(world.thing.name, Partition(partition))
            #expect(try admin.watermarks(place, timeoutMilliseconds: 10_000).high == 1)
            let read = try #require(try admin.record(place, at: Offset(0), timeoutMilliseconds: 10_000))
            return RawRecord(key: read.key, value: read.value, headers: read.headers)
        }
        let sent = try read(2)
        #expect(
            sent
                == RawRecord(
                    key: record.key, value: record.value,
                    headers: [("ce_id", [1]), ("x", nil), ("x", []), (link, DeadLetterLink.value(of: id))]))
        #expect(
            try read(1)
                == RawRecord(
                    key: delete.key, value: nil,
                    headers: delete.headers + [(link, DeadLetterLink.value(of: deleteID))]))

        #expect(try world.statuses() == [id: .redriven, deleteID: .redriven, failing: .open])
        let print = try #require(
            try world.connection.one(
                "SELECT encode(fingerprint, 'hex') FROM ingest.redriven WHERE letter = \(id)")
        )
        #expect(
            world.sealer.isFingerprint(
                try #require(Hexadecimal.decode(print)), ofKey: sent.key, value: sent.value, topic: world.thing.name))
        let steps = try world.store.steps(of: id)
        #expect(steps.map { [$0.step, $0.by, $0.because ?? ""] } == [["redriven", "an operator", "mended"]])
        #expect(try world.store.steps(of: failing).isEmpty)
    }

    @Test("a filter sends what would be refused again only where all are asked for")
    func failing() throws {
        let good = try world.insert(LetterWorld.good("g"), offset: 1)
        let bad = try world.insert(LetterWorld.bad("b"), offset: 2)
        #expect(try world.redriver(everything, to: publisher).run().total.published == 1)
        #expect(letters == [good])
        let account = try world.redriver(everything, .all, to: publisher).run()
        #expect(account.total.fails == [.wrongType: 1])
        #expect(letters == [good, bad])
    }

    @Test("a letter that was refused three times is sent by its id alone")
    func quarantined() throws {
        let id = try world.insert(LetterWorld.good("q"), offset: 1, status: .quarantined)
        let account = try world.redriver(everything, .all, to: publisher).run()
        #expect(account.total.kept == [.quarantined: 1])
        #expect(letters.isEmpty)
        #expect(try world.redriver(.ids([id]), .all, to: publisher).run().total.published == 1)
        #expect(letters == [id])
        #expect(try world.statuses() == [id: .redriven])
    }

    @Test("what must not go into the log again stays, by id too, and is counted with its cause")
    func obstacles() throws {
        let other = try #require(DeadLetterKey(bytes: [UInt8](repeating: 8, count: DeadLetterKey.byteCount)))
        let gone = try #require(TopicName("test.gone.v1"))
        try world.connection.query(
            "INSERT INTO ingest.position (topic, partition, incarnation) VALUES ($1, 1, 2)", [world.thing.name.rawValue]
        )
        let secret = RawRecord(key: [0x61], value: Array(#"{"id": "a", "stateSecret": 1}"#.utf8))
        let expected: [Int64: RedriveObstacle] = [
            try world.insert(nil, offset: 1, reason: .stateSecret): .contentNotKept,
            try world.insert(secret, offset: 2): .stateSecret,
            try world.insert(LetterWorld.good("a"), offset: 3, partition: 1, incarnation: 1): .otherIncarnation,
            try world.insert(LetterWorld.good("a"), offset: 4, topic: gone): .noContract,
            try world.insert(LetterWorld.good("a"), offset: 5, partition: LetterWorld.partitions): .noPartition,
            try world.insert(LetterWorld.good("a"), offset: 6, sealer: DeadLetterSealer(key: other)): .unknownKey,
        ]
        let fine = try world.insert(LetterWorld.good("a"), offset: 7, partition: 1, incarnation: 2)
        let ids = expected.keys.sorted()
        let byID = try world.redriver(.ids(ids), .all, to: publisher).run()
        #expect(byID.unsent == expected.mapValues { .kept($0) })
        #expect(byID.total.kept.values.allSatisfy { $0 == 1 })
        let byFilter = try world.redriver(.filter(.init()), .all, to: publisher).run()
        #expect(byFilter.total.kept == byID.total.kept)
        #expect(letters == [fine])
        #expect(try world.statuses().filter { $0.value != .open } == [fine: .redriven])
    }

    @Test(
        "a crash between writing down and sending leaves the letter redriven: its id, or the stuck ones, send it again")
    func crash() throws {
        let id = try world.insert(LetterWorld.good("k"), offset: 1)
        publisher.room = 0
        let error = try #require(throws: UserError.self) { try world.redriver(everything, to: publisher).run() }
        #expect(error.status == .unavailable)
        #expect(error.description.contains("--stuck"))
        #expect(try world.statuses() == [id: .redriven])
        publisher.room = 2
        // By a filter it is no longer open.
        #expect(try world.redriver(everything, .all, to: publisher).run().total.letters == 0)
        let young: LetterSelection = .stuck(DeadLetterFilter(), minutes: 5)
        #expect(try world.redriver(young, .all, to: publisher).run().total.letters == 0)
        try world.connection.query("UPDATE ingest.dead_letter SET redriven_at = now() - interval '6 minutes'")
        #expect(try world.redriver(young, .all, to: publisher).run().total.published == 1)
        // It is as young as its latest sending.
        #expect(try world.redriver(young, .all, to: publisher).run().total.letters == 0)
        #expect(try world.redriver(.ids([id]), .all, to: publisher).run().total.published == 1)
        #expect(letters == [id, id])
        #expect(Set(publisher.taken).count == 1)
        #expect(try world.store.steps(of: id).count == 3)
    }

    @Test("an id that is unknown or closed stops everything before it begins", arguments: [true, false])
    func wrongID(unknown: Bool) throws {
        let open = try world.insert(LetterWorld.good("k"), offset: 1)
        let closed = try world.insert(LetterWorld.good("k"), offset: 2, status: .discarded)
        let before = try world.lives()
        let error = try #require(throws: UserError.self) {
            try world.redriver(.ids([open, unknown ? closed + 1 : closed]), .all, to: publisher).count()
        }
        #expect(error.status == .no)
        #expect(error.description.contains(unknown ? "there is none of that id" : "discarded"))
        #expect(try world.lives() == before)
    }

    @Test("a filter that matches nothing is a sentence")
    func nothing() throws {
        try world.insert(LetterWorld.good("k"), offset: 1, status: .superseded)
        let error = try #require(throws: UserError.self) { try world.redriver(everything, to: publisher).count() }
        #expect(error.status == .no)
    }

    @Test("letters that another holds are passed over, and what another has sent meanwhile is not sent again")
    func locked() throws {
        let ids = try (0..<6 as Range<Int64>).map { try world.insert(LetterWorld.good("k\($0)"), offset: $0) }
        let other = try world.database.connect()
        defer { other.close() }
        try other.query("BEGIN")
        try other.query(
            "SELECT FROM ingest.dead_letter WHERE id = ANY ($1::bigint[]) FOR UPDATE", [SQLArray.numbers(ids[..<3])])
        // While the first batch is on its way, the holder sends one of its letters and lets the others go.
        publisher.before = {
            try other.query(
                "UPDATE ingest.dead_letter SET status = 'redriven', redriven_at = now() WHERE id = \(ids[0])")
            try other.query("COMMIT")
        }
        #expect(try world.redriver(everything, to: publisher).run().total.published == 3)
        publisher.before = nil
        #expect(letters == Array(ids[3...]))
        #expect(try world.redriver(everything, to: publisher).run().total.published == 2)
        #expect(letters.sorted() == Array(ids[1...]))
    }

    @Test("two who redrive one filter at once send each letter once")
    func atOnce() async throws {
        let ids = try (0..<300 as Range<Int64>).map { try world.insert(LetterWorld.good("k\($0)"), offset: $0) }
        let request = RedriveRequest(selection: everything, policy: .thatPass, rate: 1_000_000, by: "an operator")
        let sent = try await withThrowingTaskGroup(of: [Int64].self) { group in
            for _ in 0..<2 {
                group.addTask { [database = world.database, sealer = world.sealer, catalogue = world.catalogue] in
                    let connection = try database.connect()
                    defer { connection.close() }
                    let publisher = TakingPublisher()
                    let redriver = Redriver(
                        request, connection: connection, sealer: sealer, catalogue: catalogue, publisher: publisher,
                        now: { 0 })
                    // Small, so that the two meet often.
                    redriver.batchMax = 7
                    _ = try redriver.run()
                    return publisher.taken.map(\.letter)
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(sent.sorted() == ids)
        #expect(Set(try world.statuses().values) == [.redriven])
    }

    @Test("more letters than fit a batch all go, in the order of their ids; letters that come meanwhile wait")
    func batches() throws {
        let ids = try (0..<1_203 as Range<Int64>).map { try world.insert(LetterWorld.good("k\($0)"), offset: $0) }
        publisher.before = { try world.insert(LetterWorld.good("late"), offset: 5_000 + Int64(publisher.taken.count)) }
        var told: [Int64] = []
        let account = try world.redriver(everything, to: publisher).run { told.append($0) }
        #expect(letters == ids)
        #expect(
            account.total
                == counts {
                    $0.passes = 1_203
                    $0.published = 1_203
                })
        #expect(told == told.sorted() && told.last == 1_203)
    }

    @Test("a cap is kept to the letter", arguments: [1, 4, 5, 6])
    func cap(cap: Int) throws {
        for offset in 0..<5 as Range<Int64> {
            try world.insert(LetterWorld.bad("b\(offset)"), offset: 100 + offset)
            try world.insert(LetterWorld.good("k\(offset)"), offset: offset)
        }
        let dry = try world.redriver(everything, to: nil, cap: cap).run()
        let account = try world.redriver(everything, to: publisher, cap: cap).run()
        #expect(letters.count == min(5, cap))
        #expect(account.total.published == letters.count)
        #expect(account.endedEarly == (cap < 5))
        #expect(dry.total.passes == account.total.passes)
    }

    @Test("whoever stops it gets the batch in hand finished and the rest left open")
    func stopped() throws {
        for offset in 0..<4 as Range<Int64> { try world.insert(LetterWorld.good("k\(offset)"), offset: offset) }
        let stop = Redriver.Stop()
        publisher.before = { stop.set() }
        // One a second: the pause after the first is cut short.
        let account = try world.redriver(everything, to: publisher, rate: 1, stop: stop).run()
        #expect(letters.count == 1)
        #expect(account.endedEarly)
        #expect(try world.statuses().values.filter { $0 == .redriven }.count == 1)
    }

    @Test("a letter that someone closes after it was looked up by id is told of, not sent")
    func closedMeanwhile() throws {
        let first = try world.insert(LetterWorld.good("k"), offset: 1)
        let second = try world.insert(LetterWorld.good("l"), offset: 2)
        publisher.before = {
            try world.connection.query(
                "UPDATE ingest.dead_letter SET status = 'superseded', closed_at = now() WHERE id = \(second)")
        }
        let account = try world.redriver(.ids([first, second]), .all, to: publisher, rate: 1, stop: Redriver.Stop())
            .run()
        #expect(letters == [first])
        #expect(account.unsent == [second: .kept(.busy)])
    }

    private func counts(_ change: (inout RedriveCounts) -> Void) -> RedriveCounts {
        var counts = RedriveCounts()
        change(&counts)
        return counts
    }
}

struct PaceTests {
    @Test("no more than the rate goes in any time since the start")
    func pace() {
        var pace = Pace(rate: 10)
        #expect(pace.wait(elapsed: .zero) == .zero)
        pace.count(5)
        #expect(pace.wait(elapsed: .zero) == .milliseconds(500))
        #expect(pace.wait(elapsed: .milliseconds(200)) == .milliseconds(300))
        #expect(pace.wait(elapsed: .seconds(9)) == .zero)
        pace.count(10)
        #expect(pace.wait(elapsed: .seconds(1)) == .milliseconds(500))
    }
}

struct DeadLetterLinkTests {
    @Test("an id is read back from its header, and nothing else is taken for one")
    func link() {
        for id in [1, 42, Int64.max] as [Int64] { #expect(DeadLetterLink.id(in: DeadLetterLink.value(of: id)) == id) }
        for text in ["", "0", "-1", "+1", "01", " 1", "1.0", "9223372036854775808", "x"] {
            #expect(DeadLetterLink.id(in: Array(text.utf8)) == nil, "\(text)")
        }
        #expect(DeadLetterLink.id(in: [0xFF]) == nil)
    }
}
