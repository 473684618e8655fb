import Foundation
import Kafka
import Model
import Testing

@Suite("Records")
struct RecordTests {
    private struct Sample: Equatable {
        var key: [UInt8]?
        var value: [UInt8]?
        var headers: [[UInt8]?] = []
    }

    @Test("a record comes back byte for byte, and null is never confused with empty")
    func roundTrip() throws {
        let cluster = try TestCluster()
        let samples = [
            Sample(key: Array("k".utf8), value: Array("v".utf8)),
            Sample(key: nil, value: Array("null key".utf8)),
            Sample(key: [], value: Array("empty key".utf8)),
            Sample(key: Array("tombstone".utf8), value: nil),
            Sample(key: Array("empty value".utf8), value: []),
            Sample(key: nil, value: nil),
            Sample(key: [], value: []),
            Sample(key: [0xff, 0x00, 0xfe], value: [0x00, 0xff, 0xff, 0x80], headers: [[0xff], [], nil]),
        ]
        let producer = try cluster.producer()
        defer { producer.close() }
        for (index, sample) in samples.enumerated() {
            try producer.send(
                topic: cluster.topic, partition: Partition(0), key: sample.key, value: sample.value,
                headers: sample.headers.enumerated().map { ("h\($0.offset)", $0.element) },
                timestampMilliseconds: recently + Int64(index), tag: UInt64(index))
        }
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)

        let consumer = try cluster.reader()
        defer { consumer.close() }
        var back: [Sample] = []
        let start = ContinuousClock.now
        while back.count < samples.count, ContinuousClock.now - start < .milliseconds(patienceMilliseconds) {
            guard let event = consumer.poll(timeoutMilliseconds: 20) else { continue }
            guard case .message(let message) = consume event else { continue }
            // Read before `#expect`, which would copy the message.
            let (partition, offset, timestamp) = (
                message.topicPartition, message.offset.rawValue, message.timestampMilliseconds
            )
            let (headers, byteCount) = (message.headers(), message.headersByteCount)
            #expect(partition == cluster.partition())
            #expect(offset == Int64(back.count))
            #expect(timestamp == recently + Int64(back.count))
            #expect(headers.map(\.name) == headers.indices.map { "h\($0)" })
            #expect(byteCount == headers.reduce(0) { $0 + $1.name.utf8.count + ($1.value?.count ?? 0) })
            back.append(
                Sample(
                    key: message.key.map { [UInt8]($0) }, value: message.value.map { [UInt8]($0) },
                    headers: headers.map(\.value)))
        }
        #expect(back == samples)
    }

    @Test("an empty buffer without an address is an empty value, not a tombstone")
    func emptyBuffer() throws {
        let cluster = try TestCluster()
        let producer = try cluster.producer()
        defer { producer.close() }
        try producer.send(
            topic: cluster.topic, partition: Partition(0), key: nil,
            value: UnsafeRawBufferPointer(start: nil, count: 0), tag: 1)
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)
        let consumer = try cluster.reader()
        defer { consumer.close() }
        #expect(try gatherToEnd(consumer).first == .message(cluster.partition(), 0, []))
    }

    @Test("a header is found by name, the last one of it; absent, null and empty are three things")
    func headers() throws {
        let cluster = try TestCluster()
        let producer = try cluster.producer()
        defer { producer.close() }
        try producer.send(
            topic: cluster.topic, partition: Partition(0), key: nil, value: [],
            headers: [("a", [1]), ("null", nil), ("empty", []), ("a", [2])], tag: 1)
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)
        let consumer = try cluster.reader()
        defer { consumer.close() }
        var found = false
        let start = ContinuousClock.now
        while !found, ContinuousClock.now - start < .milliseconds(patienceMilliseconds) {
            guard let event = consumer.poll(timeoutMilliseconds: 20) else { continue }
            guard case .message(let message) = consume event else { continue }
            found = true
            // Read before `#expect`, which would copy the message.
            let last = message.header("a")
            let absent = message.header("absent")
            let null = message.header("null")
            let empty = message.header("empty")
            #expect(last?.value == [2])
            #expect(absent == nil)
            #expect(null?.name == "null" && null?.value == nil)
            #expect(try #require(empty).value == [])
        }
        #expect(found)
    }

    @Test("records of one partition keep their order, and none is missing")
    func order() throws {
        let cluster = try TestCluster(partitions: 3)
        let producer = try cluster.producer()
        defer { producer.close() }
        for number in 0..<3_000 {
            try producer.send(
                topic: cluster.topic, partition: Partition(Int32(number % 3)), key: nil,
                value: Array(String(number).utf8), tag: UInt64(number))
        }
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)
        let consumer = try cluster.consumer()
        defer { consumer.close() }
        try consumer.assign(cluster.partitions.map { ($0, NextOffset(0)) })
        let seen = try gather(consumer, "3,000 records") { $0.count { $0.offset != nil } == 3_000 }
        for partition in cluster.partitions {
            let numbers = seen.compactMap { event -> Int? in
                guard case .message(partition, _, let value?) = event else { return nil }
                return Int(String(decoding: value, as: UTF8.self))
            }
            #expect(numbers == Array(stride(from: Int(partition.partition.rawValue), to: 3_000, by: 3)))
        }
    }

    @Test("one key always goes to one partition, the one that Java's clients choose")
    func partitioner() throws {
        let cluster = try TestCluster(partitions: 8)
        let producer = try cluster.producer()
        defer { producer.close() }
        // murmur2 as in Apache Kafka's own test of it: "21" hashes to -973932308.
        let expected = Int32(truncatingIfNeeded: Int32(-973_932_308) & 0x7fff_ffff) % 8
        for tag in 0..<10 as Range<UInt64> {
            try producer.send(topic: cluster.topic, key: Array("21".utf8), value: [], tag: tag)
        }
        try producer.flush(timeoutMilliseconds: patienceMilliseconds)
        let admin = try KafkaAdmin(settings: cluster.settings, clientID: "test")
        defer { admin.close() }
        let high = try admin.watermarks(cluster.partition(expected), timeoutMilliseconds: patienceMilliseconds).high
        #expect(high == 10)
    }

    @Test("a record far above the fetch size passes through", arguments: TestCluster.isEmbedded ? [4] : [4, 10])
    func large(megabytes: Int) throws {
        let cluster = try TestCluster()
        let value = [UInt8](repeating: 0x41, count: megabytes * 1_000_000)
        let producer = try cluster.producer(properties: ["compression.type": "none"])
        defer { producer.close() }
        try producer.send(topic: cluster.topic, partition: Partition(0), key: nil, value: value, tag: 1)
        guard try accepted(producer) else { try Test.cancel("this cluster takes no records of that size") }
        let consumer = try cluster.reader()
        defer { consumer.close() }
        let seen = try gatherToEnd(consumer)
        #expect(seen == [.message(cluster.partition(), 0, value), .endOfPartition(cluster.partition(), 1)])
    }

    private func accepted(_ producer: KafkaProducer) throws -> Bool {
        do throws(KafkaError) {
            try producer.flush(timeoutMilliseconds: patienceMilliseconds)
            return true
        } catch {
            guard error.code == KafkaErrorCode.messageTooLarge else { throw error }
            return false
        }
    }
}
