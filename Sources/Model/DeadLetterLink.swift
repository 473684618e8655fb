// How a record that is published again names the dead letter it comes from.

/// The header of a redriven record. It only names the letter: a record is that letter's where its fingerprint agrees with
/// the one that was written down before it was sent.
package enum DeadLetterLink {
    /// Another name than that by which owners are told of a letter: what they send again of their own accord, headers and
    /// all, is a record like any.
    package static let header: StaticString = "lienthong-redriven"

    package static func value(of id: Int64) -> [UInt8] { Array(String(id).utf8) }

    /// - Returns: nil for anything but an id as `value(of:)` writes it.
    package static func id(in value: [UInt8]) -> Int64? {
        guard let text = String(validating: value, as: UTF8.self), let id = Int64(text), id > 0, String(id) == text
        else { return nil }
        return id
    }
}
