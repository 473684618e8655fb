// The made-up topic before the history checker: its log, what its publishers know, and a national database.
import Contracts
import Foundation
package import HistoryChecker
package import Kafka
package import Model
package import Postgres

/// Asks the history checker about a topic and a database. One log, never replaced.
package struct ThingHistory {
    private let topic: TopicName
    private let connection: PostgresConnection
    private var numbers: [String: Int] = [:]

    /// - Parameters:
    ///   - published: all that was acknowledged, what was redriven included.
    ///   - kafka: where the log is read once more, from its beginning.
    package static func check(
        _ topic: TopicName, partitions: Int32, published: [OutgoingTestRecord], kafka: KafkaSettings,
        _ connection: PostgresConnection
    ) throws -> HistoryVerdict {
        var adapter = ThingHistory(topic: topic, connection: connection)
        let history = try adapter.history(kafka, partitions, published)
        return HistoryChecker.check(history, against: try adapter.state())
    }

    private init(topic: TopicName, connection: PostgresConnection) {
        self.topic = topic
        self.connection = connection
    }

    private mutating func number(_ key: String) -> Int {
        if let known = numbers[key] { return known }
        numbers[key] = numbers.count
        return numbers.count - 1
    }

    // MARK: The log

    /// Which record it is, to whoever published it.
    private struct Published: Hashable {
        var key: [UInt8]?
        var value: [UInt8]?
        var version: [UInt8]?
        var letter: [UInt8]?

        init(key: [UInt8]?, value: [UInt8]?, headers: [KafkaHeader]) {
            self.key = key
            self.value = value
            version = headers.last { $0.name == "ce_sourceversion" }?.value
            letter = headers.last { $0.name == "\(DeadLetterLink.header)" }?.value
        }
    }

    private mutating func history(
        _ kafka: KafkaSettings, _ partitions: Int32, _ published: [OutgoingTestRecord]
    ) throws -> TopicHistory {
        var acknowledged: [Published: Int] = [:]
        for record in published {
            acknowledged[Published(key: record.key, value: record.value, headers: record.headers), default: 0] += 1
        }
        let sent = try lettersSent()
        var history = TopicHistory(topic: topic, records: [], ends: [:])
        for record in try read(kafka, partitions, &history.ends) {
            var told = record.told
            let waiting = acknowledged[record.published] ?? 0
            told.isAcknowledged = waiting > 0
            if waiting > 0 { acknowledged[record.published] = waiting - 1 }
            if let letter = record.published.letter {
                let origin = DeadLetterLink.id(in: letter).flatMap { sent[$0] }
                told.copyOf = origin?.partition == told.partition ? origin?.place : nil
                if told.copyOf == nil { told.acceptance = .refused }
            }
            history.records.append(told)
        }
        for (record, count) in acknowledged where count > 0 {
            let told = describe(record, Partition(0), nil)
            history.records += Array(repeating: told, count: count)
        }
        return history
    }

    private mutating func read(
        _ kafka: KafkaSettings, _ partitions: Int32, _ ends: inout [Partition: Int64]
    ) throws -> [(published: Published, told: PublishedRecord)] {
        let reader = try KafkaConsumer(settings: kafka, group: "\(topic)-history", clientID: "tests")
        defer { reader.close() }
        try reader.assign((0..<partitions).map { (TopicPartition(topic, Partition($0)), NextOffset(0)) })
        var records: [(published: Published, told: PublishedRecord)] = []
        let deadline = ContinuousClock.now + .seconds(90)
        while ends.count < Int(partitions) {
            guard ContinuousClock.now < deadline else { throw TestFault("the log's end was not reached") }
            switch reader.poll(timeoutMilliseconds: 100) {
            case .message(let message)?:
                let published = Published(
                    key: message.key.map { [UInt8]($0) }, value: message.value.map { [UInt8]($0) },
                    headers: message.headers())
                let place = LogPlace(message.offset.rawValue)
                records.append((published, describe(published, message.topicPartition.partition, place)))
            case .endOfPartition(let place, let next)?: ends[place.partition] = next.rawValue
            case .outOfRange(let place)?: throw TestFault("\(place) does not begin with its first record")
            case .assigned?: break
            case .revoked?: break
            case .failure?: break
            case nil: break
            }
        }
        return records
    }

    /// As the contract of `ThingTopic` reads it.
    private struct Value: Decodable {
        var id: String?
        var version: Int64?
        var name: String?
        var size: Int64?
        var tags: [String]?
    }

    /// What of a record a row and its tags keep.
    private static func hash(name: String?, size: Int64?, tags: [String]) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(name)
        hasher.combine(size)
        hasher.combine(tags)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    private mutating func describe(_ record: Published, _ partition: Partition, _ place: LogPlace?) -> PublishedRecord {
        let key = record.key.map { String(decoding: $0, as: UTF8.self) }
        var told = PublishedRecord(
            partition: partition, place: place, key: key.map { number($0) }, content: .unreadable, acceptance: .refused)
        guard let bytes = record.value else {
            let version = record.version.map { String(decoding: $0, as: UTF8.self) }
            told.content = .tombstone(version: version.flatMap { Int64($0) })
            told.acceptance = key == nil ? .refused : .accepted
            return told
        }
        guard let value = try? JSONDecoder().decode(Value.self, from: Data(bytes)), let version = value.version,
            let id = value.id, id == key
        else { return told }
        told.content = .record(
            version: version, hash: Self.hash(name: value.name, size: value.size, tags: value.tags ?? []))
        guard value.name != nil, value.size ?? 0 >= 0 else { return told }
        // Larger sizes only the table refuses.
        told.acceptance = value.size ?? 0 > 100 ? .unknown : .accepted
        return told
    }

    /// Of each letter of which something was sent, its place.
    private func lettersSent() throws -> [Int64: Origin] {
        let result = try connection.query(
            "SELECT letter, partition, incarnation, \"offset\" FROM ingest.redriven WHERE topic = $1", [topic.rawValue])
        var places: [Int64: Origin] = [:]
        for row in 0..<result.rowCount {
            guard let letter = result.integer(row, 0) else { continue }
            places[letter] = Self.origin(result, row, from: 1)
        }
        return places
    }

    // MARK: The database

    private mutating func state() throws -> DatabaseState {
        let replays = try connection.query("SELECT count(*) FROM ingest.replay WHERE topic = $1", [topic.rawValue])
        return DatabaseState(
            rows: try rows(), letters: try letters(), positions: try positions(),
            wasReplayed: replays.integer(0, 0) != 0)
    }

    private mutating func rows() throws -> [DatabaseState.Row] {
        let result = try connection.query(
            """
            SELECT id, deleted, record_version, record_partition, record_incarnation, record_offset, origin_offset,
              delete_version, delete_partition, delete_incarnation, delete_offset, plain_delete_partition,
              plain_delete_incarnation, plain_delete_offset, name, size,
              (SELECT json_agg(tag ORDER BY position) FROM registry.thing_tag c WHERE c.id = t.id),
              content_hash IS NULL AND num_nonnulls(name, size) = 0
                AND NOT EXISTS (SELECT FROM registry.thing_tag c WHERE c.id = t.id)
            FROM registry.thing_record t
            """)
        return try (0..<result.rowCount).map { index in
            var row = DatabaseState.Row(key: number(result[index, 0] ?? ""), isDeleted: result[index, 1] == "t")
            row.record = Self.mark(result, index, from: 2)
            row.contentOffset = result.integer(index, 6)
            row.delete = Self.mark(result, index, from: 7)
            row.plainDelete = Self.origin(result, index, from: 11)
            if result[index, 17] != "t" {
                let tags = try result[index, 16].map { try JSONDecoder().decode([String].self, from: Data($0.utf8)) }
                row.content = Self.hash(name: result[index, 14], size: result.integer(index, 15), tags: tags ?? [])
            }
            return row
        }
    }

    private func letters() throws -> [DatabaseState.Letter] {
        let result = try connection.query(
            "SELECT partition, incarnation, \"offset\", status, reason FROM ingest.dead_letter WHERE topic = $1",
            [topic.rawValue])
        return try (0..<result.rowCount).map { row in
            guard let origin = Self.origin(result, row, from: 0), let reason = result[row, 4],
                let status = result[row, 3].flatMap(DatabaseState.Letter.Status.init)
            else { throw TestFault("a dead letter of no known status") }
            return DatabaseState.Letter(origin: origin, status: status, reason: reason)
        }
    }

    private func positions() throws -> [DatabaseState.Position] {
        let result = try connection.query(
            """
            SELECT partition, incarnation, next_offset, applied, superseded, deleted, dead_lettered,
              (SELECT max((details ->> 'from')::bigint) FROM ingest.operation o
                WHERE o.topic = p.topic AND o.partition = p.partition AND action = 'rewind'),
              (SELECT coalesce(sum((details ->> 'readAgain')::bigint), 0) FROM ingest.operation o
                WHERE o.topic = p.topic AND o.partition = p.partition AND action = 'rewind')
            FROM ingest.position p WHERE topic = $1
            """, [topic.rawValue])
        return try (0..<result.rowCount).map { row in
            let numbers = (0..<9).map { result.integer(row, $0) }
            guard let partition = numbers[0], numbers[1] == 0, let next = numbers[2], let applied = numbers[3],
                let superseded = numbers[4], let deleted = numbers[5], let deadLettered = numbers[6],
                let readAgain = numbers[8]
            else { throw TestFault("a position of another log") }
            return DatabaseState.Position(
                partition: Partition(Int32(partition)), next: next, reached: numbers[7], readAgain: readAgain,
                fates: Fates(applied: applied, superseded: superseded, deleted: deleted, deadLettered: deadLettered))
        }
    }

    /// Partition, incarnation, offset in three columns.
    private static func origin(_ result: PostgresResult, _ row: Int, from column: Int) -> Origin? {
        guard let partition = result.integer(row, column), let incarnation = result.integer(row, column + 1),
            let offset = result.integer(row, column + 2)
        else { return nil }
        return Origin(Partition(Int32(partition)), LogPlace(offset, incarnation: Int32(incarnation)))
    }

    /// Version, and then an origin.
    private static func mark(_ result: PostgresResult, _ row: Int, from column: Int) -> DatabaseState.Mark? {
        guard let version = result.integer(row, column), let origin = origin(result, row, from: column + 1) else {
            return nil
        }
        return DatabaseState.Mark(version: version, origin: origin)
    }
}
