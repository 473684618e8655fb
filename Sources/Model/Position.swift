// Names of places in the log. A type for each meaning, so that an offset is never taken for the next one.

/// A Kafka topic's name: 1 to 249 of `a-z A-Z 0-9 . _ -`, as Apache Kafka accepts it.
package struct TopicName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: String

    package init?(_ rawValue: String) {
        let allowed = rawValue.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard allowed, (1...249).contains(rawValue.utf8.count), rawValue != ".", rawValue != ".." else { return nil }
        self.rawValue = rawValue
    }

    package var description: String { rawValue }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A partition's number within its topic, from 0.
package struct Partition: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: Int32
    package init(_ rawValue: Int32) { self.rawValue = rawValue }
    package var description: String { String(rawValue) }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The place of one record within its partition.
package struct Offset: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: Int64
    package init(_ rawValue: Int64) { self.rawValue = rawValue }
    package var description: String { String(rawValue) }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The place of the first record not yet dealt with. Only `init(after:)` adds one.
package struct NextOffset: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: Int64
    package init(_ rawValue: Int64) { self.rawValue = rawValue }
    package init(after offset: Offset) { self.rawValue = offset.rawValue + 1 }
    package var description: String { String(rawValue) }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// One partition of one topic, written `topic[partition]`.
package struct TopicPartition: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let topic: TopicName
    package let partition: Partition

    package init(_ topic: TopicName, _ partition: Partition) {
        self.topic = topic
        self.partition = partition
    }

    package var description: String { "\(topic)[\(partition)]" }
    package static func < (left: Self, right: Self) -> Bool {
        left.topic == right.topic ? left.partition < right.partition : left.topic < right.topic
    }
}
