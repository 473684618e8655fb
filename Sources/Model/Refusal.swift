// Why a record is refused, in words that never quote the record.

/// The public reason codes. Codes are added, never renamed: partners program against them.
package enum ReasonCode: String, CaseIterable, Sendable, Codable {
    case notJSON = "not-json"
    case notUTF8 = "not-utf8"
    case notAnObject = "not-an-object"
    case tooLarge = "too-large"
    case missingKey = "missing-key"
    case keyMismatch = "key-mismatch"
    case missingField = "missing-field"
    case wrongType = "wrong-type"
    case wrongFormat = "wrong-format"
    case outOfRange = "out-of-range"
    case notInList = "not-in-list"
    case invalidIdentifier = "invalid-identifier"
    case inconsistent
    case versionMissing = "version-missing"
    case stateSecret = "state-secret"
    case databaseRefused = "database-refused"
}

/// A record's refusal: the code, the field's path in the contract (never a value) and the rule it broke.
package struct Refusal: Error, Hashable, Sendable {
    package let reason: ReasonCode
    /// Path in the contract such as `permanentAddress.provinceCode` or `industries[].code`; nil where no field is to blame.
    package let field: String?
    /// A short constant naming the rule, such as `maxLength 255`; names and limits of the contract only.
    package let rule: String

    package init(_ reason: ReasonCode, field: String? = nil, rule: String) {
        self.reason = reason
        self.field = field
        self.rule = rule
    }
}

/// What is odd in a record that is applied all the same; counted by topic, rule and day.
package struct QualityWarning: Hashable, Sendable {
    /// Stable name of the rule, such as `birth-year-differs-from-number`.
    package let rule: String
    package let field: String?

    package init(rule: String, field: String?) {
        self.rule = rule
        self.field = field
    }
}
