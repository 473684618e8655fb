// Puts a repaired value in the place of a refused one, and sends it, if the contract now lets it pass.
package import Contracts
import Foundation
import Model
package import Postgres

/// Confined to one thread, that of its connection.
package struct Repairer {
    /// A letter as it was opened for repair.
    package struct Opened {
        package let letter: DeadLetter
        package let value: [UInt8]
        fileprivate let record: RawRecord
    }

    private let store: DeadLetterStore
    private let gate: LetterGate
    private let publisher: any RedrivePublisher

    /// - Parameter now: milliseconds since 1970-01-01 UTC.
    package init(
        connection: PostgresConnection, sealer: DeadLetterSealer, catalogue: Catalogue,
        publisher: any RedrivePublisher, now: @escaping () -> Int64
    ) {
        store = DeadLetterStore(connection: connection)
        gate = LetterGate(sealer: sealer, judge: LetterJudge(catalogue: catalogue), publisher: publisher, now: now)
        self.publisher = publisher
    }

    /// The value to be repaired: the last repair's, where there was one.
    /// - Throws: a sentence where the letter cannot be repaired.
    package func open(id: Int64) throws -> Opened {
        let letter = try store.required(id: id).summary
        guard let candidate = try store.candidate(id: id) else { throw refusal(id, "it is gone", "nothing was done") }
        try requireAtRest(letter)
        try gate.learnPartitions(of: [letter.origin.topic])
        switch try gate.decide(candidate) {
        case .kept(let obstacle):
            throw refusal(id, obstacle.sentenceOfOne, "nothing was done")
        case .free(let record, _):
            guard let value = record.value else {
                throw refusal(
                    id, "its record is a delete, which has no value",
                    "redrive it as it is, or let its owner send the delete again")
            }
            return Opened(letter: candidate.letter, value: value, record: record)
        }
    }

    /// Checks the value, writes it down with the step, and sends it.
    /// - Parameter how: the way of repair, for the letter's steps.
    /// - Throws: a sentence where the value still breaks the contract or the letter has changed; nothing is changed then.
    package func send(_ value: [UInt8], of opened: Opened, how: String, by: String, because: String) throws {
        let summary = opened.letter.summary
        guard Self.plain(value) != Self.plain(opened.value) else {
            throw refusal(
                summary.id, "the value is as it was",
                "nothing was sent; `lienthong dead-letters redrive \(summary.id) --because …` sends it unchanged")
        }
        var record = opened.record
        record.value = value
        if let broken = try gate.judge(record, of: summary.origin.topic) {
            let field = broken.field.map { " in field \($0)" } ?? ""
            throw refusal(
                summary.id,
                "the repaired value breaks the contract: \(broken.reason.rawValue)\(field), rule \(broken.rule)",
                "nothing was sent, and the letter is as it was")
        }
        let sealed = try gate.sealer.seal(record, origin: summary.origin)
        let fingerprint = gate.sealer.recordFingerprint(
            key: record.key, value: record.value, topic: summary.origin.topic)
        try store.transaction {
            try requireUnchanged(opened)
            try store.keepRepaired(sealed, of: summary.id)
            try store.markRedriven(
                [(summary.id, fingerprint)], by: by, because: because,
                details: .object([("repaired", .string(how))]))
        }
        try publish(record, summary)
    }

    /// Without the white space that an editor may have brought in; bytes that are not JSON as they are.
    private static func plain(_ value: [UInt8]) -> [UInt8] { JSONValue(value).map { Array($0.text.utf8) } ?? value }

    private func publish(_ record: RawRecord, _ summary: DeadLetterSummary) throws {
        do {
            try publisher.publish([
                RedrivenRecord(
                    letter: summary.id, topic: summary.origin.topic, partition: summary.origin.partition,
                    record: record.linked(to: summary.id))
            ])
        } catch {
            throw UserError(
                action: "sending the repaired", subject: "dead letter \(summary.id)", cause: "\(error)",
                nextStep: "the repair is kept: send it with `lienthong dead-letters redrive \(summary.id)`",
                status: .unavailable)
        }
    }

    /// What is on its way must not get a second fingerprint, by which the worker would not know the first one's record.
    private func requireAtRest(_ summary: DeadLetterSummary) throws {
        switch summary.status {
        case .open, .quarantined: return
        case .redriven:
            throw refusal(
                summary.id, "its record was sent, and nothing is known of its fate yet",
                "wait for the worker; if it never gets there, send it again with "
                    + "`lienthong dead-letters redrive \(summary.id)`")
        case .applied, .superseded, .discarded:
            throw refusal(summary.id, "it is closed: \(summary.status.rawValue)", "nothing was done")
        }
    }

    private func requireUnchanged(_ opened: Opened) throws {
        let id = opened.letter.summary.id
        let range = DeadLetterStore.Range(selection: .ids([id]), last: id)
        guard
            try !store.next(range, after: 0, limit: 1, locking: true).isEmpty,
            let present = try store.letter(id: id),
            present.summary == opened.letter.summary, present.current == opened.letter.current
        else { throw refusal(id, "it changed while it was repaired", "nothing was sent; look at it again") }
    }

    private func refusal(_ id: Int64, _ cause: String, _ nextStep: String) -> UserError {
        UserError(
            action: "repairing", subject: "dead letter \(id)", cause: cause, nextStep: nextStep, status: .no)
    }
}
