// One letter mended: checked before it goes, kept before it goes, or not touched at all.
import Foundation
import Model
import Postgres
import TestSupport
import Testing

@testable import DeadLetters

struct RepairerTests {
    private let world: LetterWorld
    private let publisher = TakingPublisher()
    private let mended = ThingTopic.value("k", 1, "a name")

    init() throws { world = try LetterWorld() }

    private func send(_ value: [UInt8], of opened: Repairer.Opened) throws {
        try world.repairer(to: publisher).send(
            value, of: opened, how: "JSON Patch", by: "an operator", because: "the owner told us")
    }

    private func cause(_ body: () throws -> Void) throws -> String {
        let error = try #require(throws: UserError.self) { try body() }
        #expect(error.status == .no)
        return error.description
    }

    @Test("a repaired value is kept and written down, then goes with the letter's own key and headers")
    func repairs() throws {
        var bad = LetterWorld.bad("k")
        bad.headers = [("ce_id", [1])]
        let id = try world.insert(bad, offset: 1, partition: 2)
        let opened = try world.repairer(to: publisher).open(id: id)
        #expect(opened.value == bad.value)
        try send(mended, of: opened)
        let sent = try #require(publisher.taken.first)
        #expect(sent.partition == Partition(2))
        #expect(
            sent.record
                == RawRecord(
                    key: bad.key, value: mended,
                    headers: [("ce_id", [1]), ("\(DeadLetterLink.header)", DeadLetterLink.value(of: id))]))
        let letter = try world.store.required(id: id)
        #expect(letter.summary.status == .redriven)
        #expect(try world.sealer.open(try #require(letter.sealed), origin: letter.summary.origin) == bad)
        #expect(
            try world.sealer.open(try #require(letter.repaired), origin: letter.summary.origin)
                == RawRecord(key: bad.key, value: mended, headers: bad.headers))
        let step = try #require(try world.store.steps(of: id).first)
        #expect([step.step, step.by, step.because] == ["redriven", "an operator", "the owner told us"])
        #expect(step.details == #"{"repaired": "JSON Patch"}"#)
    }

    @Test("a repair that crashed before it was sent is sent by a redrive, and refused again it is mended further")
    func crash() throws {
        let id = try world.insert(LetterWorld.bad("k"), offset: 1)
        publisher.room = 0
        let opened = try world.repairer(to: publisher).open(id: id)
        let error = try #require(throws: UserError.self) { try send(mended, of: opened) }
        #expect(error.status == .unavailable)
        publisher.room = 1
        _ = try world.redriver(.ids([id]), .all, to: publisher).run()
        #expect(publisher.taken.map(\.record.value) == [mended])
        // As the worker does where the database refuses it.
        try world.connection.query("UPDATE ingest.dead_letter SET status = 'open', refusals = 2")
        #expect(try world.repairer(to: publisher).open(id: id).value == mended)
    }

    @Test(
        "a value that still breaks the contract is told by reason, field and rule, and nothing is changed",
        arguments: [
            ("{", "not-json"), (#"{"id": "k", "version": 1}"#, "missing-field in field name"),
            (#"{"id": "k", "name": 8, "version": 1}"#, "wrong-type in field name"),
            (#"{"id": "other", "name": "n", "version": 1}"#, "key-mismatch"),
            (#"{"id": "k", "name": "n", "version": 1, "stateSecret": true}"#, "state-secret"), ("", "not-json"),
        ])
    func stillBad(value: String, told: String) throws {
        let id = try world.insert(LetterWorld.bad("k"), offset: 1)
        let before = try world.lives()
        let opened = try world.repairer(to: publisher).open(id: id)
        let cause = try cause { try send(Array(value.utf8), of: opened) }
        #expect(cause.contains(told))
        #expect(cause.contains("rule"))
        #expect(publisher.taken.isEmpty)
        #expect(try world.lives() == before)
    }

    @Test("a value that only an editor's white space changed is not sent")
    func unchanged() throws {
        let id = try world.insert(LetterWorld.good("k"), offset: 1, reason: .databaseRefused)
        let before = try world.lives()
        let opened = try world.repairer(to: publisher).open(id: id)
        let laidOut = try #require(JSONValue(opened.value)).indented() + "\n"
        #expect(try cause { try send(Array(laidOut.utf8), of: opened) }.contains("the value is as it was"))
        #expect(publisher.taken.isEmpty)
        #expect(try world.lives() == before)
    }

    @Test(
        "a letter that changed while its value was mended is not sent", arguments: ["redriven", "discarded", "refused"])
    func changed(how: String) throws {
        let id = try world.insert(LetterWorld.bad("k"), offset: 1)
        let opened = try world.repairer(to: publisher).open(id: id)
        switch how {
        case "redriven": _ = try world.redriver(.ids([id]), .all, to: TakingPublisher()).run()
        case "discarded": _ = try world.store.discard(.ids([id]), by: "another", because: "a reason")
        default: try world.connection.query("UPDATE ingest.dead_letter SET refusals = 2")
        }
        let before = try world.lives()
        #expect(try cause { try send(mended, of: opened) }.contains("it changed while"))
        #expect(publisher.taken.isEmpty)
        #expect(try world.lives() == before)
    }

    @Test("what cannot be mended says so")
    func impossible() throws {
        let expected: [(RawRecord?, DeadLetterStatus, String)] = [
            (LetterWorld.bad("k"), .redriven, "nothing is known of its fate"),
            (LetterWorld.bad("k"), .applied, "it is closed: applied"),
            (RawRecord(key: [0x6B], value: nil), .open, "is a delete"), (nil, .open, "it is a state secret"),
        ]
        for (offset, (record, status, words)) in expected.enumerated() {
            let id = try world.insert(
                record, offset: Int64(offset), reason: record == nil ? .stateSecret : .wrongType, status: status)
            #expect(try cause { _ = try world.repairer(to: publisher).open(id: id) }.contains(words))
        }
        #expect(try cause { _ = try world.repairer(to: publisher).open(id: 99) }.contains("none of that id"))
    }

    @Test("a quarantined letter can be mended")
    func quarantined() throws {
        let id = try world.insert(LetterWorld.bad("k"), offset: 1, status: .quarantined)
        try send(mended, of: try world.repairer(to: publisher).open(id: id))
        #expect(publisher.taken.count == 1)
    }
}
