// The records of one topic that a lane has taken and not yet written.
import Contracts
import Kafka
import Model

/// Takes records, judges each at once, and keeps their messages alive until they are written: a record that the
/// database refuses becomes a dead letter of its exact bytes.
final class TopicBatch {
    /// One consumed record.
    struct Entry {
        let partition: Partition
        let offset: Offset
        let timestampMilliseconds: Int64?
        /// The offset that ranks it: its own, but of a redriven record that of its dead letter.
        fileprivate(set) var rank: Offset
        /// Settled by the decoder; turned into a refusal where the database refuses the record.
        fileprivate(set) var outcome: Outcome
    }

    /// What a `Verdict` says, small enough to be copied without a thought; a refusal's words stand in `refusals`.
    enum Outcome: Equatable {
        case record(DecodedRecord)
        case tombstone(DecodedTombstone)
        /// Its number in `refusals`.
        case refused(Int)
    }

    /// A refusal, and the database's word on a record that it refused.
    struct Refused {
        let refusal: Refusal
        let sqlState: String?
        /// Of the record, where it can be told: its letter is overtaken by what is newer.
        var version: Int64?
    }

    let definition: TopicDefinition
    let decoder: RecordDecoder
    private(set) var entries: [Entry] = []
    private(set) var refusals: [Refused] = []
    /// By entry, the dead letter that the record names in its header, or is.
    private(set) var named: [Int: Int64] = [:]
    private(set) var letters: [Int: LetterLink] = [:]
    /// Bytes of keys, values and headers of all records held.
    private(set) var byteCount = 0
    /// One for each entry: a collection of values that cannot be copied has to be kept by hand.
    private var held: UnsafeMutablePointer<HeldRecord>
    private var heldCapacity = 1_024

    init(_ definition: TopicDefinition, codeLists: CodeLists) throws(UserError) {
        self.definition = definition
        decoder = try RecordDecoder(definition, codeLists: codeLists)
        held = .allocate(capacity: heldCapacity)
    }

    deinit {
        held.deinitialize(count: entries.count)
        held.deallocate()
    }

    func add(_ message: consuming KafkaMessage) {
        add(
            partition: message.topicPartition.partition, offset: message.offset,
            timestampMilliseconds: message.timestampMilliseconds, .message(message))
    }

    /// Entries of one partition come in the order of their offsets.
    func add(partition: Partition, offset: Offset, timestampMilliseconds: Int64?, _ record: consuming HeldRecord) {
        let verdict = record.withBytes { key, value in
            decoder.decode(
                key: key, value: value, valueIsPadded: false, headersByteCount: 0,
                timestampMilliseconds: timestampMilliseconds,
                // Only a tombstone has its version in a header; a null header value is no version.
                tombstoneVersion: value == nil ? record.header("ce_sourceversion") : nil
            )
        }
        byteCount += record.byteCount
        if let id = record.header(DeadLetterLink.header).flatMap(DeadLetterLink.id) { named[entries.count] = id }
        entries.append(
            Entry(
                partition: partition, offset: offset, timestampMilliseconds: timestampMilliseconds, rank: offset,
                outcome: outcome(of: verdict)
            )
        )
        if entries.count > heldCapacity {
            let larger = UnsafeMutablePointer<HeldRecord>.allocate(capacity: heldCapacity * 2)
            larger.moveInitialize(from: held, count: entries.count - 1)
            held.deallocate()
            held = larger
            heldCapacity *= 2
        }
        (held + (entries.count - 1)).initialize(to: record)
    }

    /// Forgets all records; their bytes are given back to librdkafka.
    func clear() {
        held.deinitialize(count: entries.count)
        entries.removeAll(keepingCapacity: true)
        refusals.removeAll(keepingCapacity: true)
        named.removeAll()
        letters.removeAll()
        decoder.reset()
        byteCount = 0
    }

    func refuse(_ index: Int, _ refusal: Refusal, sqlState: String?) {
        let version: Int64? =
            switch entries[index].outcome {
            case .record(let record): record.version
            case .tombstone(let tombstone): tombstone.version
            case .refused(let number): refusals[number].version
            }
        entries[index].outcome = .refused(refusals.count)
        refusals.append(Refused(refusal: refusal, sqlState: sqlState, version: version))
    }

    /// The record at `index` is what was sent again of that letter, whose place in the log ranks it.
    func link(_ index: Int, to letter: LetterLink, rank: Offset) {
        letters[index] = letter
        entries[index].rank = rank
    }

    private func outcome(of verdict: Verdict) -> Outcome {
        switch verdict {
        case .record(let record): return .record(record)
        case .tombstone(let tombstone): return .tombstone(tombstone)
        case .refused(let refusal):
            refusals.append(Refused(refusal: refusal, sqlState: nil, version: decoder.refusedVersion))
            return .refused(refusals.count - 1)
        }
    }

    /// The exact bytes of a record, copied.
    func rawRecord(_ index: Int) -> RawRecord { held[index].rawRecord }

    func withKey<Result>(_ index: Int, _ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
        held[index].withBytes { key, _ in body(key) }
    }

    func fingerprint(_ index: Int) -> Int64 {
        held[index].withBytes { key, value in recordFingerprint(key: key, value: value) }
    }
}

/// A record's exact bytes: a message that librdkafka still owns, or a copy.
enum HeldRecord: ~Copyable {
    case message(KafkaMessage)
    case copy(RawRecord)

    borrowing func withBytes<Result>(
        _ body: (_ key: UnsafeRawBufferPointer?, _ value: UnsafeRawBufferPointer?) -> Result
    ) -> Result {
        switch self {
        case .message(let message):
            return body(message.key, message.value)
        case .copy(let record):
            return (record.key ?? []).withUnsafeBytes { key in
                (record.value ?? []).withUnsafeBytes { value in
                    body(record.key == nil ? nil : key, record.value == nil ? nil : value)
                }
            }
        }
    }

    /// Key, value and headers: what holding the record costs.
    var byteCount: Int {
        let headers =
            switch self {
            case .message(let message): message.headersByteCount
            case .copy(let record): record.headers.reduce(0) { $0 + $1.name.utf8.count + ($1.value?.count ?? 0) }
            }
        return headers + withBytes { ($0?.count ?? 0) + ($1?.count ?? 0) }
    }

    /// The value of the last header of that name; nil where there is none, or a null one.
    borrowing func header(_ name: StaticString) -> [UInt8]? {
        switch self {
        case .message(let message): message.header(name)?.value
        case .copy(let record): record.headers.last { $0.name == "\(name)" }?.value
        }
    }

    var rawRecord: RawRecord {
        switch self {
        case .message(let message):
            RawRecord(
                key: message.key.map { [UInt8]($0) }, value: message.value.map { [UInt8]($0) },
                headers: message.headers())
        case .copy(let record): record
        }
    }
}

/// A fingerprint of a record's exact bytes, by which a log is known again. A null key or value differs from an empty one.
package func recordFingerprint(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) -> Int64 {
    let keyHash = key.map { contentHash(of: $0) } ?? 1
    let valueHash = value.map { contentHash(of: $0) } ?? 2
    return Int64(bitPattern: (keyHash &* 0x9E37_79B9_7F4A_7C15) ^ valueHash)
}
