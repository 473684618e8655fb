// A refusal as its owner gets it: the record's own key and value, and all that we say of it in headers. Pure.
import Contracts
import Kafka
import Model

/// A letter with refusals that its owner was not told of.
struct UntoldLetter {
    let id: Int64
    let origin: RecordOrigin
    let reason: String
    let field: String?
    let rule: String?
    let contractVersion: String
    /// When it was last refused, RFC 3339 in UTC.
    let refusedAt: String
    /// Numbers of the refusals to tell, from 1.
    let refusals: ClosedRange<Int32>
    /// Nil for a state secret, whose content is kept nowhere.
    let sealed: SealedPayload?
    /// What the database holds of it, in bytes.
    var byteCount: Int { sealed?.bytes.count ?? 0 }
}

/// Names of the headers that say why and whence. `lienthong-` is ours; the rest is CloudEvents 1.0 in Kafka's binary mode.
enum RelayHeader {
    static let prefix = "lienthong-"
    /// Goes before the name of a record's own header that would be taken for one of these.
    static let renamed = "lienthong-record-"
    static let reason = "lienthong-reason"
    static let field = "lienthong-field"
    static let rule = "lienthong-rule"
    /// `topic/incarnation/partition/offset`.
    static let origin = "lienthong-origin"
    static let contractVersion = "lienthong-contract-version"
    /// The letter's id, as `dead-letters list` shows it.
    static let letter = "lienthong-dead-letter"
    /// 1 for the first refusal; it grows each time that the record was redriven in vain.
    static let refusal = "lienthong-refusal"
    static let valueOmitted = "lienthong-value-omitted"
    static let keyOmitted = "lienthong-key-omitted"
    static let headersOmitted = "lienthong-headers-omitted"
    static let cloudEvents: Set = ["ce_id", "ce_source", "ce_type", "ce_time", "ce_specversion"]

    static func isReserved(_ name: String) -> Bool { cloudEvents.contains(name) || name.hasPrefix(prefix) }
}

/// One refusal, ready to be sent.
struct RelayMessage {
    let letter: Int64
    let refusal: Int32
    private(set) var key: [UInt8]?
    private(set) var value: [UInt8]?
    private let context: [KafkaHeader]
    private var own: [KafkaHeader]
    private var omissions: [KafkaHeader] = []

    /// - Parameter record: nil for a state secret: then origin and reason go alone.
    init(_ letter: UntoldLetter, refusal: Int32, record: RawRecord?) {
        self.letter = letter.id
        self.refusal = refusal
        key = record?.key
        value = record?.value
        own = (record?.headers ?? []).map { header in
            RelayHeader.isReserved(header.name) ? (RelayHeader.renamed + header.name, header.value) : header
        }
        context = Self.context(letter, refusal)
        if record == nil { omissions = [(RelayHeader.valueOmitted, Array(ReasonCode.stateSecret.rawValue.utf8))] }
    }

    var headers: [KafkaHeader] { own + context + omissions }

    /// Upper bound on the bytes of a Kafka batch that holds this message alone, not compressed: its frame and the longest
    /// forms of the numbers in it (Kafka's record format 2).
    var byteCount: Int {
        headers.reduce(128 + (key?.count ?? 0) + (value?.count ?? 0)) {
            $0 + 10 + $1.name.utf8.count + ($1.value?.count ?? 0)
        }
    }

    /// Leaves away the next part and says so in a header: the value, then the record's own headers, then its key.
    /// - Parameter bytesMax: what the topic takes, for the words; nil where only the broker knows.
    /// - Returns: false where nothing is left that could be left away.
    mutating func shrink(bytesMax: Int?) -> Bool {
        let bound = bytesMax.map { "the topic takes \($0)" } ?? "more than the topic takes"
        func omission(_ name: String, _ bytes: Int) -> KafkaHeader {
            (name, Array("\(ReasonCode.tooLarge.rawValue): \(bytes) bytes, \(bound)".utf8))
        }
        if let value {
            omissions.append(omission(RelayHeader.valueOmitted, value.count))
            self.value = nil
        } else if !own.isEmpty {
            let bytes = own.reduce(0) { $0 + $1.name.utf8.count + ($1.value?.count ?? 0) }
            omissions.append(omission(RelayHeader.headersOmitted, bytes))
            own = []
        } else if let key {
            omissions.append(omission(RelayHeader.keyOmitted, key.count))
            self.key = nil
        } else {
            return false
        }
        return true
    }

    private static func context(_ letter: UntoldLetter, _ refusal: Int32) -> [KafkaHeader] {
        let origin = letter.origin
        let place = "\(origin.topic)/\(origin.incarnation)/\(origin.partition)/\(origin.offset)"
        let texts: [(String, String?)] = [
            ("ce_specversion", "1.0"),
            ("ce_id", "\(letter.id)-\(refusal)"),
            // Ids may be given a second time by a database that was restored: with the place an event stays one of its kind.
            ("ce_source", "/lienthong/dead-letters/\(place)"),
            ("ce_type", origin.topic.rawValue + Contract.KafkaSettings.deadLetterSuffix),
            ("ce_time", letter.refusedAt),
            (RelayHeader.reason, letter.reason),
            (RelayHeader.field, letter.field),
            (RelayHeader.rule, letter.rule),
            (RelayHeader.origin, place),
            (RelayHeader.contractVersion, letter.contractVersion),
            (RelayHeader.letter, "\(letter.id)"),
            (RelayHeader.refusal, "\(refusal)"),
        ]
        return texts.compactMap { name, text in text.map { (name, Array($0.utf8)) } }
    }
}
