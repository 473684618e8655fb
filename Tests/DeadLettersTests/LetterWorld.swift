// A database with letters of a made-up topic, and where their records go.
import Contracts
import Foundation
import Model
import Postgres
import TestSupport

@testable import DeadLetters

struct LetterWorld {
    static let partitions: Int32 = 3

    let thing: ThingTopic
    let catalogue: Catalogue
    let database: TestNationalDatabase
    let connection: PostgresConnection
    let sealer: DeadLetterSealer
    var store: DeadLetterStore { DeadLetterStore(connection: connection) }

    init() throws {
        thing = try ThingTopic(partitions: Self.partitions)
        catalogue = try Catalogue.load(folder: thing.topicsFolder)
        database = try TestNationalDatabase()
        connection = try database.connect()
        guard let key = DeadLetterKey(bytes: [UInt8](repeating: 7, count: DeadLetterKey.byteCount)) else {
            throw TestFault("the key has the right length")
        }
        sealer = DeadLetterSealer(key: key)
    }

    /// A record that the contract lets pass.
    static func good(_ id: String, headers: [(name: String, value: [UInt8]?)] = []) -> RawRecord {
        RawRecord(key: Array(id.utf8), value: ThingTopic.value(id, 1, "a name"), headers: headers)
    }

    /// A record whose name is a number: `wrong-type` in `name`.
    static func bad(_ id: String) -> RawRecord {
        RawRecord(key: Array(id.utf8), value: Array(#"{"id": "\#(id)", "name": 7, "version": 1}"#.utf8))
    }

    /// Keeps a letter as the worker does. A nil record is a state secret.
    @discardableResult
    func insert(
        _ record: RawRecord?, offset: Int64, partition: Int32 = 0, incarnation: Int32 = 0,
        reason: ReasonCode = .wrongType, field: String? = "name", status: DeadLetterStatus = .open,
        topic: TopicName? = nil, sealer: DeadLetterSealer? = nil
    ) throws -> Int64 {
        let topic = topic ?? thing.name
        let sealed = try record.map {
            try (sealer ?? self.sealer).seal(
                $0,
                origin: RecordOrigin(
                    topic: topic, incarnation: incarnation, partition: Partition(partition), offset: Offset(offset)))
        }
        let result = try connection.query(
            """
            INSERT INTO ingest.dead_letter (topic, incarnation, partition, "offset", reason, field, contract_version,
              status, closed_at, redriven_at, key_fingerprint, key_id, payload)
            VALUES ($1, $2::integer, $3::integer, $4::bigint, $5, $6, '1.0.0', $7, CASE WHEN $8::boolean THEN now() END,
              CASE WHEN $7 = 'redriven' THEN now() END,
              $9::bytea, $10, $11::bytea) RETURNING id
            """,
            [
                topic.rawValue, String(incarnation), String(partition), String(offset), reason.rawValue, field,
                status.rawValue, status.isClosed ? "t" : "f", Self.hexadecimal(sealed?.keyFingerprint), sealed?.keyID,
                Self.hexadecimal(sealed?.bytes),
            ])
        guard let id = result.integer(0, 0) else { throw TestFault("the letter has no id") }
        return id
    }

    func redriver(
        _ selection: LetterSelection, _ policy: RedriveRequest.Policy = .thatPass,
        to publisher: (any RedrivePublisher)?, rate: Int = 1_000_000, cap: Int? = nil,
        stop: Redriver.Stop = Redriver.Stop(), over other: PostgresConnection? = nil
    ) -> Redriver {
        Redriver(
            RedriveRequest(
                selection: selection, policy: policy, rate: rate, cap: cap, by: "an operator", because: "mended"),
            connection: other ?? connection, sealer: sealer, catalogue: catalogue, publisher: publisher, stop: stop,
            now: { 0 })
    }

    func repairer(to publisher: any RedrivePublisher) -> Repairer {
        Repairer(
            connection: connection, sealer: sealer, catalogue: catalogue, publisher: publisher, now: { 0 })
    }

    /// All that may change of all letters, to be compared.
    func lives() throws -> [String] {
        let result = try connection.query(
            """
            SELECT concat_ws('|', id, status, refusals, redriven_at, closed_at,
              encode(repaired, 'hex'), encode(payload, 'hex'),
              (SELECT string_agg(encode(fingerprint, 'hex'), ',' ORDER BY fingerprint) FROM ingest.redriven r WHERE r.letter = d.id),
              (SELECT string_agg(concat_ws(' ', step, by, because, details), ',' ORDER BY s.id)
               FROM ingest.dead_letter_step s WHERE s.letter = d.id))
            FROM ingest.dead_letter d ORDER BY id
            """)
        return (0..<result.rowCount).map { result[$0, 0] ?? "" }
    }

    func statuses() throws -> [Int64: DeadLetterStatus] {
        Dictionary(uniqueKeysWithValues: try store.list(.init(), limit: 10_000).map { ($0.id, $0.status) })
    }

    private static func hexadecimal(_ bytes: [UInt8]?) -> String? {
        bytes.map { "\\x" + $0.map(Hexadecimal.byte).joined() }
    }
}

/// Takes records in memory; refuses them where it is told to.
final class TakingPublisher: RedrivePublisher {
    struct Broken: Error {}

    private(set) var taken: [RedrivenRecord] = []
    /// So many publications succeed, the next ones do not.
    var room = Int.max
    /// Asked before each publication.
    var before: (() throws -> Void)?

    func partitionCount(of topic: TopicName) throws -> Int32 { LetterWorld.partitions }

    func publish(_ records: [RedrivenRecord]) throws {
        try before?()
        guard room > 0 else { throw Broken() }
        room -= 1
        taken += records
    }
}
