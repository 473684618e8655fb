// Columns of dead letters, as every statement on them reads them.
import Model
import Postgres

/// Columns of `ingest.dead_letter`, read as our migrations write them.
enum LetterColumn {
    static func number<Value: FixedWidthInteger>(
        _ result: PostgresResult, _ row: Int, _ column: String
    ) throws(UserError) -> Value {
        guard let value = result[row, column].flatMap({ Value($0) }) else { throw malformed(column) }
        return value
    }

    static func topic(_ result: PostgresResult, _ row: Int) throws(UserError) -> TopicName {
        guard let topic = result[row, "topic"].flatMap({ TopicName($0) }) else { throw malformed("topic") }
        return topic
    }

    static func origin(_ result: PostgresResult, _ row: Int) throws(UserError) -> RecordOrigin {
        RecordOrigin(
            topic: try topic(result, row), incarnation: try number(result, row, "incarnation"),
            partition: Partition(try number(result, row, "partition")),
            offset: Offset(try number(result, row, "offset")))
    }

    /// Of the columns `key_id` and `payload`; nil where both are null. The fingerprint is read where the result has it.
    static func sealed(_ result: PostgresResult, _ row: Int) throws -> SealedPayload? {
        try sealed(result, row, "payload", "key_id")
    }

    /// Of the columns `repaired_key_id` and `repaired`.
    static func repaired(_ result: PostgresResult, _ row: Int) throws -> SealedPayload? {
        try sealed(result, row, "repaired", "repaired_key_id")
    }

    private static func sealed(
        _ result: PostgresResult, _ row: Int, _ name: String, _ keyName: String
    ) throws -> SealedPayload? {
        guard let keyID = result[row, keyName] else { return nil }
        guard let bytes = bytea(result, row, name) else { throw malformed(name) }
        return SealedPayload(
            bytes: bytes, keyID: keyID, keyFingerprint: bytea(result, row, "key_fingerprint"))
    }

    /// Nil where the result has no such column, or null there.
    private static func bytea(_ result: PostgresResult, _ row: Int, _ name: String) -> [UInt8]? {
        result.columns.firstIndex(of: name).flatMap { column in
            result.withBytes(row, column) { text in text.flatMap(Self.bytea) }
        }
    }

    private static func bytea(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard text.count >= 2, text[0] == UInt8(ascii: "\\"), text[1] == UInt8(ascii: "x") else { return nil }
        return Hexadecimal.decode(UnsafeRawBufferPointer(rebasing: text[2...]))
    }

    static func malformed(_ column: String) -> UserError {
        UserError(
            action: "reading", subject: "ingest.dead_letter.\(column)", cause: "it is not what our migrations say",
            nextStep: "run `lienthong database status`", status: .configuration)
    }
}
