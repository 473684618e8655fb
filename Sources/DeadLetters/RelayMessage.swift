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
    /// Nil where nobody repaired it.
    let repaired: RepairedForm?
}

/// A record as somebody here repaired it, and which refusals met it.
struct RepairedForm {
    let sealed: SealedPayload
    /// The first refusal of this form; it was repaired for the last time before that.
    let since: Int32
    /// The first refusal of any repaired form.
    let firstSince: Int32
}

/// Which bytes a refusal was about.
enum RefusedForm {
    /// Those that the owner sent.
    case original
    case repaired
    /// A repaired form that another repair has replaced since: nobody keeps its bytes.
    case replaced
}

extension UntoldLetter {
    func form(ofRefusal refusal: Int32) -> RefusedForm {
        guard let repaired, refusal >= repaired.firstSince else { return .original }
        return refusal >= repaired.since ? .repaired : .replaced
    }
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

    /// - Parameter record: in the form that was refused; nil for a state secret: then origin and reason go alone. Where
    ///   that form was replaced, any other: its value stays behind.
    init(_ letter: UntoldLetter, refusal: Int32, record: RawRecord?) {
        self.letter = letter.id
        self.refusal = refusal
        key = record?.key
        own = (record?.headers ?? []).map { header in
            OwnerHeader.isReserved(header.name) ? (OwnerHeader.renamed + header.name, header.value) : header
        }
        let form = letter.form(ofRefusal: refusal)
        context = Self.context(letter, refusal, form)
        guard let record else {
            omissions = [Self.header(.valueOmitted, ReasonCode.stateSecret.rawValue)]
            return
        }
        switch form {
        case .original, .repaired: value = record.value
        case .replaced: omissions = [Self.header(.valueOmitted, Self.replaced)]
        }
    }

    private static let replaced = "replaced: the value was repaired once more since"

    private static func header(_ header: OwnerHeader, _ text: String) -> KafkaHeader {
        (header.rawValue, Array(text.utf8))
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
        func omission(_ header: OwnerHeader, _ bytes: Int) -> KafkaHeader {
            Self.header(header, "\(ReasonCode.tooLarge.rawValue): \(bytes) bytes, \(bound)")
        }
        if let value {
            omissions.append(omission(.valueOmitted, value.count))
            self.value = nil
        } else if !own.isEmpty {
            let bytes = own.reduce(0) { $0 + $1.name.utf8.count + ($1.value?.count ?? 0) }
            omissions.append(omission(.headersOmitted, bytes))
            own = []
        } else if let key {
            omissions.append(omission(.keyOmitted, key.count))
            self.key = nil
        } else {
            return false
        }
        return true
    }

    private static func context(_ letter: UntoldLetter, _ refusal: Int32, _ form: RefusedForm) -> [KafkaHeader] {
        let origin = letter.origin
        let place = "\(origin.topic)/\(origin.incarnation)/\(origin.partition)/\(origin.offset)"
        let texts: [(OwnerHeader, String?)] = [
            (.eventSpecification, "1.0"),
            (.eventID, "\(letter.id)-\(refusal)"),
            // Ids may be given a second time by a database that was restored: with the place an event stays one of its kind.
            (.eventSource, "/lienthong/dead-letters/\(place)"),
            (.eventType, origin.topic.rawValue + Contract.KafkaSettings.deadLetterSuffix),
            (.eventTime, letter.refusedAt),
            (.reason, letter.reason),
            (.field, letter.field),
            (.rule, letter.rule),
            (.origin, place),
            (.contractVersion, letter.contractVersion),
            (.letter, "\(letter.id)"),
            (.refusal, "\(refusal)"),
            (.repaired, form == .original ? nil : "true"),
        ]
        return texts.compactMap { name, text in text.map { header(name, $0) } }
    }
}
