// Names of the headers by which an owner learns why its record was refused, and whence it came.

/// The headers of a record of `<topic>.dead-letter` that are ours, in the order in which they are told of. They are part
/// of the public interface: add, never rename. `lienthong-` is ours; the rest is CloudEvents 1.0 in Kafka's binary mode.
package enum OwnerHeader: String, Sendable, CaseIterable {
    case reason = "lienthong-reason"
    case field = "lienthong-field"
    case rule = "lienthong-rule"
    /// `topic/incarnation/partition/offset`.
    case origin = "lienthong-origin"
    case contractVersion = "lienthong-contract-version"
    /// The letter's id, as `dead-letters list` shows it.
    case letter = "lienthong-dead-letter"
    /// 1 for the first refusal; it grows each time that the record was redriven in vain.
    case refusal = "lienthong-refusal"
    /// `true` where the value is not what the owner sent: it was mended here, sent again, and refused all the same.
    case repaired = "lienthong-repaired"
    case valueOmitted = "lienthong-value-omitted"
    case headersOmitted = "lienthong-headers-omitted"
    case keyOmitted = "lienthong-key-omitted"
    case eventID = "ce_id"
    case eventSource = "ce_source"
    case eventType = "ce_type"
    case eventTime = "ce_time"
    case eventSpecification = "ce_specversion"

    private static let prefix = "lienthong-"
    /// Goes before the name of a record's own header that would be taken for one of these.
    package static let renamed = "lienthong-record-"

    /// Whether a record's own header of that name would be taken for one of ours, of today or of later.
    package static func isReserved(_ name: String) -> Bool {
        name.hasPrefix(prefix) || OwnerHeader(rawValue: name) != nil
    }

    /// Every refusal has it.
    package var isAlwaysThere: Bool {
        switch self {
        case .reason, .origin, .contractVersion, .letter, .refusal, .eventID, .eventSource, .eventType, .eventTime,
            .eventSpecification:
            true
        case .field, .rule, .repaired, .valueOmitted, .headersOmitted, .keyOmitted: false
        }
    }
}
