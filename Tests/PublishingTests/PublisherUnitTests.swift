import Model
import Postgres
import Testing

@testable import Publishing

@Suite("how a publisher goes on")
struct ResumeStepTests {
    static let feed = try? FeedReader.parse(PublisherFixture.yaml("f"), file: "f.yaml")
    static let snapshot = PublisherProgress(slot: "f", phase: .snapshot, identity: ["7"], consistentLSN: "0/100")
    static let stream = PublisherProgress(slot: "f", phase: .stream, identity: nil, consistentLSN: "0/100")

    private func decide(
        slot: SlotState?, progress: PublisherProgress?, resnapshot: Bool = false
    ) throws -> ResumeStep {
        try ResumeStep.decide(
            slot: slot, progress: progress, definition: try #require(Self.feed), resnapshot: resnapshot
        )
    }

    private func slot(_ confirmed: UInt64? = 0x200, isLost: Bool = false, isOurs: Bool = true) -> SlotState {
        SlotState(confirmed: confirmed.map { LSN($0) }, isLost: isLost, isOurs: isOurs)
    }

    @Test("nothing there: the slot first, then a snapshot")
    func fresh() throws {
        #expect(try decide(slot: nil, progress: nil) == .createSlotAndSnapshot(dropFirst: false))
    }

    @Test("a slot of which nothing is recorded: a snapshot from the first row")
    func slotAlone() throws {
        #expect(try decide(slot: slot(), progress: nil) == .snapshot(after: nil, consistentLSN: LSN(0x200)))
    }

    @Test("a snapshot goes on after its last row; a stream from its slot")
    func goesOn() throws {
        #expect(try decide(slot: slot(), progress: Self.snapshot) == .snapshot(after: ["7"], consistentLSN: LSN(0x100)))
        #expect(try decide(slot: slot(0x100), progress: Self.stream) == .stream)
    }

    @Test("a slot that is gone, lost, or not the one that was used is a question, answered by a new snapshot")
    func question() throws {
        var other = Self.stream
        other.slot = "g"
        for (slot, progress) in [
            (nil, Self.stream), (nil, Self.snapshot), (slot(isLost: true), Self.stream), (slot(isLost: true), nil),
            (slot(nil), Self.stream), (slot(0xFF), Self.stream), (slot(), other),
        ] {
            let error = #expect(throws: UserError.self) { try decide(slot: slot, progress: progress) }
            #expect(error?.status == .no)
            switch try decide(slot: slot, progress: progress, resnapshot: true) {
            case .createSlotAndSnapshot, .snapshot(after: nil, _): break
            case .snapshot, .stream: Issue.record("the snapshot does not begin anew")
            }
        }
    }

    @Test("another's slot is never touched")
    func notOurs() {
        for resnapshot in [false, true] {
            let error = #expect(throws: UserError.self) {
                try decide(slot: slot(isOurs: false), progress: nil, resnapshot: resnapshot)
            }
            #expect(error?.status == .configuration)
        }
    }

    @Test("progress survives its way through the topic; what is not ours is a question")
    func coding() throws {
        for progress in [Self.snapshot, Self.stream] {
            #expect(try ProgressTopic.decode(ProgressTopic.encode(progress), "f") == progress)
        }
        #expect(try ProgressTopic.decode(nil, "f") == nil)
        #expect(throws: UserError.self) { try ProgressTopic.decode(Array("{}".utf8), "f") }
        #expect(TopicName("lienthong.publisher-progress") == ProgressTopic.name)
    }
}

@Suite("a batch of changes")
struct ChangeBatchTests {
    /// Columns: person_id, number, change_no, secret.
    static let root = ChangeBatch.Role.root(identity: [0], key: [1], version: 2, stateSecret: 3)

    private func batch(_ body: (inout ChangeBatch) -> Void) throws -> ChangeBatch {
        var batch = ChangeBatch(try FeedReader.parse(PublisherFixture.yaml("f"), file: "f.yaml"))
        batch.begin(id: 5, microseconds: 0)
        body(&batch)
        return batch
    }

    private static let rows: [String: [String?]] = [
        "plain": ["1", "K", "3", "f"], "renamed": ["1", "L", "4", "f"], "secret": ["1", "K", "4", "t"],
        "secret renamed": ["1", "L", "5", "t"], "moved": ["2", "K", "4", "f"], "keyless": ["1", nil, "3", "f"],
    ]

    @Test(
        "buries a key exactly where it stops naming a record that may have been published",
        arguments: [
            (nil, "plain", nil), ("plain", nil, "K 3"), ("plain", "plain", nil), ("plain", "renamed", "K 3"),
            ("plain", "secret", "K 3"), ("plain", "secret renamed", "K 3"), ("secret", "plain", nil),
            ("secret", nil, nil),
            ("secret", "secret renamed", nil), ("secret", "renamed", nil), ("plain", "moved", nil),
            ("keyless", nil, nil),
            ("keyless", "plain", nil), ("plain", "keyless", "K 3"), (nil, "secret", nil),
        ] as [(String?, String?, String?)]
    )
    func tombstones(old: String?, new: String?, expected: String?) throws {
        let batch = try batch { batch in
            batch.change(Self.root, old: old.flatMap { Self.rows[$0] }, new: new.flatMap { Self.rows[$0] })
        }
        #expect(batch.tombstones.map { "\($0.key) \($0.version ?? "")" } == (expected.map { [$0] } ?? []))
    }

    @Test("touches each record once, old and new identities alike")
    func touched() throws {
        let batch = try batch { batch in
            batch.change(Self.root, old: Self.rows["plain"], new: Self.rows["moved"])
            batch.change(Self.root, old: nil, new: Self.rows["moved"])
            batch.change(.child(identity: [1]), old: ["9", "3"], new: ["9", "1"])
            batch.change(.child(identity: [1]), old: nil, new: ["9", nil])
            batch.change(.other, old: nil, new: ["9", "8"])
        }
        #expect(batch.touched == [["1"], ["2"], ["3"]])
    }

    @Test("a part of a transaction keeps the transaction for the next part, and has no position")
    func parts() throws {
        var batch = try batch { $0.change(Self.root, old: nil, new: Self.rows["plain"]) }
        #expect(batch.commitEnd == nil)
        batch.clear()
        #expect(batch.isEmpty)
        #expect(batch.transactionIDs == [5])
        batch.commit(end: LSN(9))
        #expect(!batch.isEmpty)
        #expect(batch.commitEnd == LSN(9))
        batch.clear()
        #expect(batch.transactionIDs.isEmpty)
    }

    @Test("old tuples have to tell every column that a role reads")
    func places() {
        #expect(Self.root.places == [0, 1, 2, 3])
        #expect(
            ChangeBatch.Role.root(identity: [4, 2], key: [1], version: 7, stateSecret: nil).places == [4, 2, 1, 7])
        #expect(ChangeBatch.Role.child(identity: [1, 0]).places == [1, 0])
        #expect(ChangeBatch.Role.other.places.isEmpty)
    }

    @Test("a relation that lost a column the feed needs stops it")
    func lostColumn() throws {
        let batch = try batch { _ in }
        let person = FeedDefinition.TableName(schema: "public", name: "person")
        #expect(try batch.role(of: person, columns: ["person_id", "number", "change_no", "secret"]) == Self.root)
        #expect(throws: UserError.self) { try batch.role(of: person, columns: ["person_id", "number", "secret"]) }
        #expect(try batch.role(of: FeedDefinition.TableName(schema: "public", name: "x"), columns: []) == .other)
    }
}

@Suite("small parts of the publisher")
struct PublisherPartsTests {
    @Test(
        "a timestamptz as PostgreSQL writes it becomes RFC 3339",
        arguments: [
            ("2025-07-01 10:00:00+00", "2025-07-01T10:00:00Z"),
            ("2025-07-01 10:00:00.5+07", "2025-07-01T10:00:00.5+07:00"),
            ("0001-01-01 00:00:00.123456-05:30", "0001-01-01T00:00:00.123456-05:30"), ("infinity", nil),
            ("2025-07-01 10:00:00", nil), ("12025-07-01 10:00:00+00", nil), ("2025-07-01 10:00:00+07:06:40", nil),
            ("0044-03-15 00:00:00+00 BC", nil), ("", nil), ("2025-07-01 10:00:00.+00", nil),
        ] as [(String, String?)]
    )
    func timeText(text: String, expected: String?) {
        #expect(SourceTime.rfc3339(text) == expected)
    }

    @Test(
        "microseconds become RFC 3339",
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_751_328_000_123_456, "2025-07-01T00:00:00.123456Z"),
            (-62_135_596_800_000_000, "0001-01-01T00:00:00.000000Z"), (-62_135_596_800_000_001, nil),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"), (253_402_300_800_000_000, nil),
            (Int64.max, nil), (Int64.min, nil),
        ] as [(Int64, String?)]
    )
    func microseconds(number: Int64, expected: String?) {
        #expect(SourceTime.rfc3339(microseconds: number) == expected)
    }

    @Test(
        "a 32-bit transaction id is widened to the nearest",
        arguments: [
            (7, 10, 7), (12, 10, 12), (0xFFFF_FFFF, 0x1_0000_0005, 0xFFFF_FFFF), (3, 0xFFFF_FFF0, 0x1_0000_0003),
            (0x10, 0x5_0000_0020, 0x5_0000_0010),
        ] as [(UInt32, Int64, Int64)]
    )
    func widening(id: UInt32, near: Int64, expected: Int64) {
        #expect(SourceDatabase.widen(id, near: near) == expected)
    }

    @Test("a queue gives back what it was given, in order, across its sweeps")
    func queue() {
        var queue = Queue<Int>()
        var next = 0
        for number in 0..<10_000 {
            queue.append(number)
            if number % 3 != 0 {
                #expect(queue.popFirst() == next)
                next += 1
            }
        }
        #expect(queue.count == 10_000 - next)
        #expect(queue.first == next)
        while let number = queue.popFirst() {
            #expect(number == next)
            next += 1
        }
        #expect(next == 10_000)
        #expect(queue.isEmpty)
    }
}
