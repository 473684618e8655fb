// Letters laid aside.
import Model
import Postgres
import TestSupport
import Testing

@testable import DeadLetters

struct DiscardTests {
    private let world: LetterWorld

    init() throws { world = try LetterWorld() }

    @Test("a filter lays aside open and quarantined letters alone, each with who and why, and counts them beforehand")
    func filter() throws {
        var ids: [DeadLetterStatus: Int64] = [:]
        for (offset, status) in DeadLetterStatus.allCases.enumerated() {
            ids[status] = try world.insert(LetterWorld.bad("k"), offset: Int64(offset), status: status)
        }
        let other = try world.insert(LetterWorld.bad("k"), offset: 100, reason: .notJSON)
        let selection = LetterSelection.filter(DeadLetterFilter(topic: world.thing.name, reason: "wrong-type"))
        let before = try world.lives()
        #expect(
            try world.store.discardable(selection).map { "\($0.topic) \($0.reason) \($0.count)" }
                == ["\(world.thing.name) wrong-type 2"])
        #expect(try world.lives() == before)
        #expect(try world.store.discard(selection, by: "an operator", because: "never to be had") == 2)
        let statuses = try world.statuses()
        for (status, id) in ids {
            let isGone = status == .open || status == .quarantined
            #expect(statuses[id] == (isGone ? .discarded : status))
            #expect(
                try world.store.steps(of: id).map { [$0.step, $0.by, $0.because] }
                    == (isGone ? [["discarded", "an operator", "never to be had"]] : []))
        }
        #expect(statuses[other] == .open)
        let error = try #require(throws: UserError.self) { try world.store.discardable(selection) }
        #expect(error.status == .no)
    }

    @Test("an id that is unknown, closed or on its way stops everything", arguments: ["unknown", "closed", "redriven"])
    func wrongID(kind: String) throws {
        let open = try world.insert(LetterWorld.bad("k"), offset: 1)
        let other = try world.insert(LetterWorld.bad("k"), offset: 2, status: kind == "closed" ? .applied : .redriven)
        let error = try #require(throws: UserError.self) {
            try world.store.discardable(.ids([open, kind == "unknown" ? other + 1 : other]))
        }
        #expect(error.status == .no)
        #expect(try world.store.discard(.ids([open]), by: "an operator", because: "a reason") == 1)
    }

    @Test("what was redriven long ago and never came can be laid aside as stuck")
    func stuck() throws {
        let id = try world.insert(LetterWorld.bad("k"), offset: 1, status: .redriven)
        let selection = LetterSelection.stuck(DeadLetterFilter(), minutes: 5)
        #expect(try world.store.discard(selection, by: "an operator", because: "a reason") == 0)
        try world.connection.query("UPDATE ingest.dead_letter SET redriven_at = now() - interval '1 hour'")
        #expect(try world.store.discard(selection, by: "an operator", because: "a reason") == 1)
        #expect(try world.statuses() == [id: .discarded])
    }
}
