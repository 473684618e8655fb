// Why judging ended early: trivial, so that a refusal costs no allocation before it is put into words.
import Model

/// A refusal before it is put into words.
struct Fault: Error {
    var reason: ReasonCode
    /// Into the program's paths; -1 where no field is to blame.
    var path: Int32
    var rule: FaultRule

    init(_ reason: ReasonCode, _ rule: FaultRule, path: Int32 = -1) {
        self.reason = reason
        self.path = path
        self.rule = rule
    }
}

/// The rule that was broken, with the contract's limit where it has one; never a value of the record.
enum FaultRule {
    case stateSecret, recordBytesMax, utf8, json, object, keyPresent, keyParts, keyEqualsValue
    case required, versionRequired, string, wholeNumber, boolean, decimalString, objectValue, listValue
    case noNUL, minimumLength(Int32), maximumLength(Int32), pattern, values, identifier(IdentifierKind), codeList(
        CodeListKind)
    case minimum(Int64), maximum(Int64), decimalForm, decimalScale(Int32), decimalDigits
    case date, partialDate, timestamp, versionAhead, minimumItems(Int32), maximumItems(Int32), uniqueItems
    case notBefore(Int32), notAfter(Int32)
    case tombstoneVersion
    case dateOrder, requireOneOf, atMostOneFlagged, eachRequiresOneOf, cardGroup, cardLevel

    var description: String {
        switch self {
        case .stateSecret: "stateSecret is absent, null or false"
        case .recordBytesMax: "key, value and headers at most \(Limits.recordBytesMax) bytes"
        case .utf8: "UTF-8"
        case .json: "one JSON document, at most \(Limits.jsonDepthMax) levels, numbers of 64 bits"
        case .object: "a JSON object"
        case .keyPresent: "a key"
        case .keyParts: "the key's parts"
        case .keyEqualsValue: "the key equals the value's key fields"
        case .required: "required"
        case .versionRequired: "the record's version"
        case .string: "a string"
        case .wholeNumber: "a whole number"
        case .boolean: "true or false"
        case .decimalString: "a decimal as a string"
        case .objectValue: "an object"
        case .listValue: "a list"
        case .noNUL: "no NUL in text"
        case .minimumLength(let length): "minLength \(length)"
        case .maximumLength(let length): "maxLength \(length)"
        case .pattern: "pattern"
        case .values: "values"
        case .identifier(let kind): kind.rawValue
        case .codeList(let kind): "code list \(kind.rawValue)"
        case .minimum(let bound): "minimum \(bound)"
        case .maximum(let bound): "maximum \(bound)"
        case .decimalForm: "digits, a point and decimals"
        case .decimalScale(let scale): "at most \(scale) decimals"
        case .decimalDigits: "at most \(DecimalText.integerDigitsMax) digits before the point"
        case .date: "YYYY-MM-DD"
        case .partialDate: "YYYY, YYYY-MM or YYYY-MM-DD"
        case .timestamp: "RFC 3339 with an offset"
        case .versionAhead: "a version at most a day beyond the record's time"
        case .notBefore(let day): "not before \(Dates.text(day: day))"
        case .notAfter(let day): "not after \(Dates.text(day: day))"
        case .minimumItems(let count): "minItems \(count)"
        case .maximumItems(let count): "maxItems \(count)"
        case .uniqueItems: "no item twice"
        case .tombstoneVersion: "the version's form"
        case .dateOrder: "dateOrder"
        case .requireOneOf: "requireOneOf"
        case .atMostOneFlagged: "atMostOneFlagged"
        case .eachRequiresOneOf: "eachRequiresOneOf"
        case .cardGroup: "insuranceCardAgrees group"
        case .cardLevel: "insuranceCardAgrees level"
        }
    }
}
