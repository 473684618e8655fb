// How the topic is made, when it is paused, and how fresh it is.
import Model

extension ContractDiff {
    // MARK: Kafka

    mutating func compareKafka() {
        let was = old.kafka
        let isNow = new.kafka
        if was.partitions != isNow.partitions {
            add(
                .breaking, .setting("kafkaPartitions"),
                "was \(was.partitions), is now \(isNow.partitions): a key's new records lie in another partition "
                    + "than its older ones, so that their order is lost")
        }
        if was.replicationFactor != isNow.replicationFactor {
            let words = "was \(was.replicationFactor), is now \(isNow.replicationFactor)"
            if isNow.replicationFactor < was.replicationFactor {
                add(.dangerous, .setting("kafkaReplicationFactor"), "\(words): fewer brokers may die without loss")
            } else {
                add(.compatible, .setting("kafkaReplicationFactor"), words)
            }
        }
        compareRetention(
            "kafkaRetentionMilliseconds", was.retentionMilliseconds, isNow.retentionMilliseconds,
            whenShorter: "records go earlier: a replay or a restored database may not find them")
        compareRetention(
            "deadLetterRetentionMilliseconds", was.deadLetterRetentionMilliseconds,
            isNow.deadLetterRetentionMilliseconds, whenShorter: "the owner has less time to mend its refused records")
        compareCleanup(was.cleanupPolicy, isNow.cleanupPolicy)
        compareStore()
    }

    private mutating func compareStore() {
        let was = old.deadLetterStore
        let isNow = new.deadLetterStore
        // What follows the owner's topic changes with it, and is told there.
        if was.closedDays != isNow.closedDays {
            func kept(_ contract: Contract) -> Int64 {
                contract.deadLetterStore.closedMilliseconds(
                    ownersTopicKeeps: contract.kafka.deadLetterRetentionMilliseconds) ?? -1
            }
            compareRetention(
                "deadLetterStoreRetentionDays", kept(old), kept(new),
                whenShorter: "what a refused record held and how it ended is known for less long")
        }
        compareRetention(
            "deadLetterStoreOpenRetentionDays", was.openMilliseconds ?? -1, isNow.openMilliseconds ?? -1,
            whenShorter: "refused records that nobody has mended are removed")
    }

    /// Milliseconds; -1 keeps for ever.
    private mutating func compareRetention(_ name: String, _ was: Int64, _ isNow: Int64, whenShorter: String) {
        guard was != isNow else { return }
        func length(_ milliseconds: Int64) -> Int64 { milliseconds < 0 ? .max : milliseconds }
        let words = "was \(Quantity.span(milliseconds: was)), is now \(Quantity.span(milliseconds: isNow))"
        if length(isNow) < length(was) {
            add(.dangerous, .setting(name), "\(words): \(whenShorter)")
        } else {
            add(.compatible, .setting(name), words)
        }
    }

    private mutating func compareCleanup(_ was: String, _ isNow: String) {
        guard was != isNow else { return }
        let words = "was \(was), is now \(isNow)"
        if isNow == "compact" {
            add(
                .breaking, .setting("kafkaCleanupPolicy"),
                "\(words): older records of a key are deleted from the log, so that a replay no longer sees them")
        } else {
            add(
                .dangerous, .setting("kafkaCleanupPolicy"),
                "\(words): the newest record of a key is no longer kept beyond the retention")
        }
    }

    // MARK: Breaker

    mutating func compareBreaker() {
        let was = old.breaker
        let isNow = new.breaker
        compareGuard(
            "maxRefusedShare", was.maxRefusedShare, isNow.maxRefusedShare,
            whenHigher: "more of a broken feed is refused before it is paused")
        compareGuard(
            "maxDeletedShare", was.maxDeletedShare, isNow.maxDeletedShare,
            whenHigher: "a partner's mistake can delete more before it is paused")
        compareGuard(
            "breakerWindowRecords", was.windowRecords, isNow.windowRecords,
            whenHigher: "a fault shows later in a longer window")
        compareGuard(
            "breakerMinimumRecords", was.minimumRecords, isNow.minimumRecords,
            whenHigher: "more records pass before a feed can be paused")
    }

    private mutating func compareGuard<Value: Comparable>(
        _ name: String, _ was: Value, _ isNow: Value, whenHigher: String
    ) {
        guard was != isNow else { return }
        if isNow > was {
            add(.dangerous, .setting(name), "was \(was), is now \(isNow): \(whenHigher)")
        } else {
            add(.compatible, .setting(name), "was \(was), is now \(isNow): the topic is paused earlier")
        }
    }

    // MARK: Service levels

    mutating func compareServiceLevels() {
        compareLevel(
            "freshness", old.serviceLevels.freshnessSeconds, new.serviceLevels.freshnessSeconds,
            isWeaker: { $1 > $0 }, show: Quantity.span(seconds:), whenWeaker: "readers may meet older data")
        compareLevel(
            "volume", old.serviceLevels.recordsPerDayMinimum, new.serviceLevels.recordsPerDayMinimum,
            isWeaker: { $1 < $0 }, show: { Quantity.words($0, "record") + " a day" },
            whenWeaker: "a feed that dries up is noticed later")
    }

    private mutating func compareLevel(
        _ name: String, _ was: Int64?, _ isNow: Int64?, isWeaker: (Int64, Int64) -> Bool,
        show: (Int64) -> String, whenWeaker: String
    ) {
        guard was != isNow else { return }
        let subject = ContractChange.Subject.setting("slaProperties.\(name)")
        switch (was, isNow) {
        case (nil, let isNow?): add(.compatible, subject, "a new promise: \(show(isNow))")
        case (let was?, nil): add(.dangerous, subject, "was \(show(was)), is promised no longer: \(whenWeaker)")
        case (let was?, let isNow?):
            let words = "was \(show(was)), is now \(show(isNow))"
            if isWeaker(was, isNow) {
                add(.dangerous, subject, "\(words): \(whenWeaker)")
            } else {
                add(.compatible, subject, words)
            }
        case (nil, nil): break
        }
    }
}
