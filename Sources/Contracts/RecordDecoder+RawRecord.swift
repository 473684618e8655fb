// Judging a record that was kept, as the worker judges it when it comes.
package import Model

extension RecordDecoder {
    /// Judges one record as a worker would, were it in the log.
    /// - Parameter timestampMilliseconds: the record's Kafka time, as in the other `decode`.
    package func decode(_ record: RawRecord, timestampMilliseconds: Int64?) -> Verdict {
        (record.key ?? []).withUnsafeBytes { key in
            (record.value ?? []).withUnsafeBytes { value in
                decode(
                    key: record.key == nil ? nil : key, value: record.value == nil ? nil : value,
                    valueIsPadded: false, headersByteCount: 0, timestampMilliseconds: timestampMilliseconds,
                    // Only a tombstone has its version in a header; a null header value is no version.
                    tombstoneVersion: record.value == nil
                        ? record.headers.last { $0.name == "ce_sourceversion" }?.value : nil)
            }
        }
    }
}
