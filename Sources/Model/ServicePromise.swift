// What an owner promises of its feed as a whole.

/// The service levels of a contract; `lag` measures them.
package struct ServicePromise: Sendable, Hashable {
    /// The newest record of the topic is no older than this.
    package var freshnessSeconds: Int64?
    /// Records published in any 24 hours.
    package var recordsPerDayMinimum: Int64?

    package init(freshnessSeconds: Int64? = nil, recordsPerDayMinimum: Int64? = nil) {
        self.freshnessSeconds = freshnessSeconds
        self.recordsPerDayMinimum = recordsPerDayMinimum
    }
}
