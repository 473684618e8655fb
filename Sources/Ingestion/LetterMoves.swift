// What a batch does to dead letters: those it redrives, and those that its newer records overtake.
import Contracts
import Logging
import Model
import Postgres

/// Steps in the lives of dead letters that go with a batch, in its transaction.
struct LetterMoves {
    /// A record that was sent again, and the refusal that it met once more.
    struct Redriven {
        var id: Int64
        var partition: Partition
        var rank: Offset
        var refusal: Refusal?
        var sqlState: String?
        /// Of a tombstone without a version, its staged row: whether it is refused is told by the transaction alone.
        var plainDeleteRow: Int?
        /// Of the refused record, where it can be told: a repair may have changed it.
        var version: Int64?
    }

    /// A record whose key may have letters waiting; the fingerprint in hexadecimal digits.
    struct Overtaken {
        var partition: Partition
        var rank: Offset
        var version: Int64
        var fingerprint: String
    }

    /// Refused as often, a letter is quarantined: it is redriven by its own id only.
    static let refusalsMax = 3

    var redriven: [Redriven] = []
    var overtaken: [Overtaken] = []
}

/// The letter that a record was sent for.
struct LetterLink {
    let id: Int64
    /// Whether nothing else was sent of it since: only then is the record's refusal the letter's.
    let isLastSent: Bool
}

/// The keys that have letters waiting in one partition, as far as 16 bits tell: a false alarm costs a fingerprint.
struct KeyHints {
    private static let hints: Int32 = 65_536
    private var words: [UInt64] = []
    /// The greatest id of a letter that was looked up.
    private(set) var lastLetter: Int64 = 0

    var isEmpty: Bool { words.isEmpty }

    /// - Parameters:
    ///   - hint: as `keyHint` makes it; nil, of a letter without one, stands for all.
    ///   - letter: the letter's id, where it was looked up.
    mutating func insert(_ hint: Int32?, of letter: Int64 = 0) {
        lastLetter = max(lastLetter, letter)
        if words.isEmpty { words = Array(repeating: 0, count: Int(Self.hints) / 64) }
        guard let hint, (0..<Self.hints).contains(hint) else {
            words = Array(repeating: .max, count: words.count)
            return
        }
        words[Int(hint >> 6)] |= 1 << UInt64(hint & 63)
    }

    /// - Parameter hint: as `keyHint` makes it.
    func mayHave(_ hint: Int32) -> Bool {
        !words.isEmpty && words[Int(hint >> 6)] >> UInt64(hint & 63) & 1 == 1
    }
}

extension BatchWriter {
    /// Finds which of the records that name a dead letter are what was sent of it: those get its rank. The others are
    /// refused. With a late rank of their own they might overwrite what came since, and that they are forged cannot be
    /// told from a key that is not known here, or a database restored from before they were sent.
    func resolveLetters(_ states: PartitionTable) throws(PostgresError) {
        guard !slot.batch.named.isEmpty else { return }
        let name = topic.definition.name
        let sent = try sentLetters()
        let incarnations = states.values(of: name) { $0.incarnation }
        for (index, id) in slot.batch.named.sorted(by: { $0.key < $1.key }) {
            let entry = slot.batch.entries[index]
            let number = Int(entry.partition.rawValue)
            let record = slot.batch.rawRecord(index)
            let letter = sent[id]?.first { sent in
                sent.partition == entry.partition && number < incarnations.count
                    && sent.incarnation == incarnations[number] && sent.offset < entry.offset
                    && settings.sealer.isFingerprint(
                        sent.fingerprint, ofKey: record.key, value: record.value, topic: name)
            }
            if let letter {
                slot.batch.link(index, to: LetterLink(id: id, isLastSent: letter.isLast), rank: letter.offset)
                continue
            }
            if case .refused = entry.outcome { continue }
            slot.batch.refuse(index, Self.notOfLetter, sqlState: nil)
            logger.warning(
                "\(name)[\(entry.partition)] offset \(entry.offset) names dead letter \(id), and is not known to be what was sent of it; kept as a dead letter"
            )
        }
    }

    private static let notOfLetter = Refusal(
        .inconsistent, rule: "header \(DeadLetterLink.header) names a dead letter of which this is not known to be sent"
    )

    private struct Sent {
        var partition: Partition
        var incarnation: Int32
        var offset: Offset
        var fingerprint: [UInt8]
        var isLast: Bool
    }

    /// What was sent of the letters that the batch's records name.
    private func sentLetters() throws(PostgresError) -> [Int64: [Sent]] {
        let ids = Set(slot.batch.named.values).sorted().map(String.init).joined(separator: ",")
        let known = try connection.query(
            """
            SELECT letter, partition, incarnation, "offset", encode(fingerprint, 'hex'),
              sent_at = max(sent_at) OVER (PARTITION BY letter)
            FROM ingest.redriven WHERE topic = $1 AND letter = ANY ($2::bigint[])
            """, [topic.definition.name.rawValue, "{\(ids)}"])
        var sent: [Int64: [Sent]] = [:]
        for row in 0..<known.rowCount {
            guard let letter = known.integer(row, 0), let partition = known[row, 1].flatMap(Int32.init),
                let incarnation = known[row, 2].flatMap(Int32.init), let offset = known.integer(row, 3),
                let fingerprint = known[row, 4].flatMap(Hexadecimal.decode)
            else { preconditionFailure("ingest.redriven has no nulls") }
            sent[letter, default: []].append(
                Sent(
                    partition: Partition(partition), incarnation: incarnation, offset: Offset(offset),
                    fingerprint: fingerprint, isLast: known[row, 5] == "t"))
        }
        return sent
    }

    /// What the batch, as it stands, does to letters.
    func letterMoves(_ batch: PreparedBatch) -> LetterMoves {
        var moves = LetterMoves()
        let entries = slot.batch.entries
        let mayMove = !slot.batch.refusals.isEmpty || !slot.batch.letters.isEmpty
        for index in mayMove ? batch.live : [] {
            var refused: TopicBatch.Refused?
            if case .refused(let number) = entries[index].outcome {
                refused = slot.batch.refusals[number]
                if refused?.version != nil { waits(index) }
            }
            guard let letter = slot.batch.letters[index], refused == nil || letter.isLastSent else { continue }
            moves.redriven.append(
                LetterMoves.Redriven(
                    id: letter.id, partition: entries[index].partition, rank: entries[index].rank,
                    refusal: refused?.refusal, sqlState: refused?.sqlState,
                    plainDeleteRow: letter.isLastSent ? batch.rows.firstIndex { $0.plainDeletes.contains(index) } : nil,
                    version: refused?.version))
        }
        guard !topic.waiting.isEmpty else { return moves }
        for row in batch.rows {
            guard let hints = topic.waiting[row.partition] else { continue }
            for index in [row.record, row.delete] {
                guard let index, let version = version(index), mayOvertake(index, hints),
                    let key = slot.batch.rawRecord(index).key
                else { continue }
                for fingerprint in settings.sealer.keyFingerprints(of: key, topic: topic.definition.name) {
                    moves.overtaken.append(
                        LetterMoves.Overtaken(
                            partition: row.partition, rank: entries[index].rank, version: version,
                            fingerprint: Hexadecimal.text(fingerprint)))
                }
            }
        }
        return moves
    }

    private func version(_ index: Int) -> Int64? {
        switch slot.batch.entries[index].outcome {
        case .record(let record): record.version
        case .tombstone(let tombstone): tombstone.version
        case .refused: nil
        }
    }

    private func mayOvertake(_ index: Int, _ hints: KeyHints) -> Bool {
        slot.batch.withKey(index) { key in
            guard let key else { return false }
            return settings.sealer.hintSeeds.contains { hints.mayHave(keyHint(of: key, seed: $0)) }
        }
    }

    /// A letter of this record's key is waiting from now on.
    private func waits(_ index: Int) {
        let hint = slot.batch.withKey(index) { key in
            key.map { keyHint(of: $0, seed: settings.sealer.hintSeeds[0]) }
        }
        guard let hint else { return }
        topic.waiting[slot.batch.entries[index].partition, default: KeyHints()].insert(hint)
    }
}
