// The bounds of the product, each with its reason.

package enum Limits {
    /// Key and value together, in bytes; above it the record is `too-large`. Headers do not count: they are not stored.
    package static let recordBytesMax = 1_048_576
    /// Nesting of JSON, as simdjson bounds it; deeper is `not-json`.
    package static let jsonDepthMax = 1_024
    /// Unicode scalars after NFC, where a contract names no other length.
    package static let textLengthMax = 255
    /// A timestamp version this far beyond the record's own Kafka time is `out-of-range`: one day.
    package static let versionAheadMicroseconds: Int64 = 86_400_000_000
}
