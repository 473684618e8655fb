// The decoder's verdicts, counted and told.
import Contracts
import Model

struct RecordJudge {
    private let decoder: RecordDecoder
    private let nowMilliseconds: Int64
    private let tell: (CheckFinding) -> Void
    private var account = CheckAccount()
    private(set) var records = 0
    private var isOfRows: Bool { account.header != nil }

    /// Verdicts are all that is wanted: what was encoded on the way is forgotten when it has come to this.
    private static let arenaBytesMax = 1 << 20

    init(_ decoder: RecordDecoder, nowMilliseconds: Int64, tell: @escaping (CheckFinding) -> Void) {
        self.decoder = decoder
        decoder.keepsUnknownNames = true
        self.nowMilliseconds = nowMilliseconds
        self.tell = tell
    }

    mutating func account(of header: HeaderAccount) { account.header = header }

    /// The account, once all records are judged.
    mutating func finish() -> CheckAccount {
        forget()
        account.misspelt = decoder.misspeltFields
        return account
    }

    /// - Parameter value: the decoder's padding beyond it is readable.
    mutating func judge(_ value: UnsafeRawBufferPointer, line: Int) {
        settle(
            decoder.decode(valueOfOwnKey: value, valueIsPadded: true, timestampMilliseconds: nowMilliseconds), line)
    }

    /// - Parameters:
    ///   - key: nil where there is none.
    ///   - value: likewise; nil is a tombstone.
    mutating func judge(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, line: Int) {
        settle(
            decoder.decode(
                key: key, value: value, valueIsPadded: true, headersByteCount: 0,
                timestampMilliseconds: nowMilliseconds, tombstoneVersion: nil), line)
    }

    /// A record of which only the size is known.
    mutating func refuseUnread(line: Int) {
        records += 1
        add(.refused(RecordDecoder.tooLarge), line)
    }

    mutating func refuse(_ malformation: Malformation, line: Int) {
        records += 1
        add(.malformed(malformation), line)
    }

    private mutating func settle(_ verdict: Verdict, _ line: Int) {
        records += 1
        switch verdict {
        case .record(let record):
            account.accept()
            if !record.warnings.isEmpty {
                for warning in decoder.warnings[record.warnings] { add(.warning(warning), line) }
            }
        case .tombstone: account.delete()
        case .refused(let refusal): add(.refused(refusal), line)
        }
        if decoder.arena.count > Self.arenaBytesMax { forget() }
    }

    private mutating func add(_ kind: CheckFinding.Kind, _ line: Int) {
        let finding = CheckFinding(place: RecordPlace(line: line, record: records), kind: kind, isOfRow: isOfRows)
        account.add(finding)
        tell(finding)
    }

    private mutating func forget() {
        account.unknownMembers += decoder.unknownFieldCount
        decoder.reset()
    }
}
