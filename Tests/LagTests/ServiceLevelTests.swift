import Foundation
import Kafka
import Model
import Testing

@testable import Lag

@Suite("Service levels")
struct ServiceLevelTests {
    private static let now: Int64 = 1_800_000_000_000
    private static let hour: Int64 = 3_600_000

    private func verdict(
        freshness: Int64? = 3_600, perDay: Int64? = 100, newest: Int64?, count: Int64, first: Int64? = nil,
        used: Bool = true
    ) throws -> ServiceLevelVerdict {
        ServiceLevel(
            topic: try #require(TopicName("test.record.v1")),
            promise: ServicePromise(freshnessSeconds: freshness, recordsPerDayMinimum: perDay),
            measurement: ServiceMeasurement(
                newestMilliseconds: newest.map { Self.now - $0 }, recordsLastDay: count,
                firstMilliseconds: first.map { Self.now - $0 }, wasEverUsed: used),
            sampledMilliseconds: Self.now
        ).verdict
    }

    @Test("a promise is kept up to its bound, and broken beyond it")
    func bounds() throws {
        #expect(try verdict(newest: 3_600_000, count: 100) == .kept)
        #expect(try verdict(newest: 3_600_001, count: 100) == .late)
        #expect(try verdict(newest: 0, count: 99) == .thin)
        #expect(try verdict(newest: 3_600_001, count: 99) == .lateAndThin)
        // A record from a clock that is ahead is new, not of negative age.
        #expect(try verdict(newest: -5_000, count: 100) == .kept)
    }

    @Test("what is not promised is not broken")
    func noPromise() throws {
        #expect(try verdict(freshness: nil, newest: 999 * Self.hour, count: 100) == .kept)
        #expect(try verdict(perDay: nil, newest: 0, count: 0) == .kept)
        #expect(try verdict(perDay: 0, newest: 0, count: 0) == .kept)
        #expect(try verdict(freshness: nil, perDay: nil, newest: nil, count: 0, used: false) == .kept)
    }

    @Test("a topic that never held a record is late and not thin; one that lost all of them is both")
    func empty() throws {
        #expect(try verdict(newest: nil, count: 0, used: false) == .late)
        #expect(try verdict(newest: nil, count: 0, used: true) == .lateAndThin)
    }

    @Test("a topic younger than a day has had no day to be thin in")
    func young() throws {
        #expect(try verdict(newest: 0, count: 5, first: 24 * Self.hour - 1) == .kept)
        #expect(try verdict(newest: 0, count: 5, first: 24 * Self.hour) == .thin)
        #expect(try verdict(newest: 2 * Self.hour, count: 5, first: 3 * Self.hour) == .late)
    }

    @Test("a topic that could not be read is unknown, and its line says what was promised")
    func unknown() throws {
        let level = ServiceLevel(
            topic: try #require(TopicName("test.record.v1")),
            promise: ServicePromise(freshnessSeconds: 60, recordsPerDayMinimum: 7), measurement: nil,
            sampledMilliseconds: Self.now)
        #expect(level.verdict == .unknown)
        #expect(
            level.json.text == """
                {"topic":"test.record.v1","newestAgeSeconds":null,"promisedFreshnessSeconds":60,"recordsLastDay":null,\
                "promisedRecordsPerDay":7,"serviceLevel":"unknown"}
                """)
    }

    @Test("a time far ahead tells nothing: where no other partition does, the level is unknown, and a sentence says so")
    func unbelieved() throws {
        #expect(ServiceMeasurement.isBelieved(Self.now + 24 * Self.hour, now: Self.now))
        #expect(!ServiceMeasurement.isBelieved(Self.now + 24 * Self.hour + 1, now: Self.now))
        func level(newest: Int64?) throws -> ServiceLevel {
            ServiceLevel(
                topic: try #require(TopicName("test.record.v1")),
                promise: ServicePromise(freshnessSeconds: 60, recordsPerDayMinimum: nil),
                measurement: ServiceMeasurement(newestMilliseconds: newest, recordsLastDay: 5, unbelievedPartitions: 1),
                sampledMilliseconds: Self.now)
        }
        let unknown = try level(newest: nil)
        #expect(unknown.verdict == .unknown)
        #expect(unknown.json.text.contains(#""serviceLevel":"unknown","note":"1 partition has records whose time"#))
        let late = try level(newest: Self.now - Self.hour)
        #expect(late.verdict == .late)
        #expect(late.note?.hasSuffix("the others are judged") == true)
    }

    @Test("every verdict has a word of its own, told apart by its two parts")
    func words() {
        #expect(Set(ServiceLevelVerdict.allCases.map(\.rawValue)).count == 5)
        #expect(ServiceLevelVerdict.allCases.filter(\.isLate) == [.late, .lateAndThin])
        #expect(ServiceLevelVerdict.allCases.filter(\.isThin) == [.thin, .lateAndThin])
    }
}

/// Against a log: on the embedded broker, which does not tell offsets by time, or on the cluster that is named.
@Suite("Sampling service levels")
struct ServiceLevelSamplerTests {
    private static let external: String? = {
        let environment = ProcessInfo.processInfo.environment
        return environment["LIENTHONG_TEST_ADMIN_KAFKA"] ?? environment["LIENTHONG_TEST_KAFKA"]
    }()
    private static let hour: Int64 = 3_600_000
    /// Recent, since a broker deletes what is older than a topic's retention.
    private static let now = Int64(Date().timeIntervalSince1970 * 1_000)
    private static let promise = ServicePromise(freshnessSeconds: 3_600, recordsPerDayMinimum: 10)

    /// Each broker that there is: the embedded one always.
    private static let brokers: [String?] = [nil] + (external.map { [$0] } ?? [])

    private struct World {
        let broker: EmbeddedBroker?
        let settings: KafkaSettings
        let admin: KafkaAdmin
        let topic: TopicName

        /// - Parameter address: of a cluster; nil starts an embedded broker.
        init(_ address: String?, partitions: Int32) throws {
            topic = try #require(TopicName("test.level-\(UInt32.random(in: 0...UInt32.max)).v1"))
            if let address {
                broker = nil
                settings = KafkaSettings(bootstrapServers: address)
                admin = try KafkaAdmin(settings: settings, clientID: "test")
                try admin.createTopic(
                    topic, partitions: partitions, replicationFactor: 1, timeoutMilliseconds: 20_000)
            } else {
                let started = try EmbeddedBroker()
                try started.createTopic(topic, partitions: partitions)
                broker = started
                settings = started.settings
                admin = try KafkaAdmin(settings: settings, clientID: "test")
            }
        }

        /// - Parameter hours: ages of the records, in the order of their offsets.
        func publish(_ partition: Int32, hours: [Double]) throws {
            let producer = try KafkaProducer(settings: settings, clientID: "test")
            defer { producer.close() }
            for (index, age) in hours.enumerated() {
                try producer.send(
                    topic: topic, partition: Partition(partition), key: [1], value: [2],
                    timestampMilliseconds: now - Int64(age * Double(hour)), tag: UInt64(index))
            }
            try producer.flush(timeoutMilliseconds: 60_000)
        }

        func close() {
            admin.close()
            broker?.stop()
        }

        func sample(_ promise: ServicePromise = promise) -> ServiceLevel {
            ServiceLevelSampler(admin: admin).sample(topic, promise, nowMilliseconds: now)
        }
    }

    @Test("the newest record of all partitions and the records of a day are found", arguments: brokers)
    func counts(_ address: String?) throws {
        let world = try World(address, partitions: 4)
        defer { world.close() }
        try world.publish(0, hours: (0..<60).map { 40 - Double($0) * 0.5 })  // 40 h to 10.5 h: 28 below 24 h
        try world.publish(1, hours: [30, 29, 28])
        try world.publish(2, hours: [5, 0.75])
        let level = world.sample()
        #expect(level.newestAgeSeconds == 2_700)
        // A record that is 24 hours old to the millisecond counts.
        #expect(level.measurement?.recordsLastDay == 30)
        #expect(level.verdict == .kept)
        let strict = world.sample(ServicePromise(freshnessSeconds: 2_699, recordsPerDayMinimum: 31))
        #expect(strict.verdict == .lateAndThin)
        #expect(strict.measurement?.firstMilliseconds == Self.now - 40 * Self.hour)
    }

    @Test("a topic that never held a record is late; one that is a few hours old is not thin", arguments: brokers)
    func young(_ address: String?) throws {
        let world = try World(address, partitions: 2)
        defer { world.close() }
        #expect(world.sample().verdict == .late)
        #expect(
            world.sample().measurement
                == ServiceMeasurement(newestMilliseconds: nil, recordsLastDay: 0, wasEverUsed: false))
        try world.publish(1, hours: [3, 0.5])
        let level = world.sample()
        #expect(level.measurement?.recordsLastDay == 2)
        #expect(level.verdict == .kept)
    }

    @Test("a record of a time far ahead hides neither lateness nor thinness", arguments: brokers)
    func farAhead(_ address: String?) throws {
        let world = try World(address, partitions: 3)
        defer { world.close() }
        let future = -24.0 * 365 * 70
        try world.publish(0, hours: [future])
        #expect(world.sample().verdict == .unknown)
        try world.publish(1, hours: (0..<20).map { 60 - Double($0) })
        let level = world.sample()
        #expect(level.newestAgeSeconds == 147_600)
        #expect(level.measurement?.firstMilliseconds == Self.now - 60 * Self.hour)
        #expect(level.measurement?.unbelievedPartitions == 1)
        #expect(level.verdict == .lateAndThin)
        // Halving meets the stray one in the middle first; behind it two are of the last day.
        let old = Array(repeating: 50.0, count: 17)
        try world.publish(2, hours: old + [future] + old.dropLast(3) + [2, 1])
        #expect(world.sample().measurement?.recordsLastDay == 2)
    }

    @Test("a partition of control and aborted records alone is passed over, unless no other shows a time")
    func hollow() throws {
        let topic = try #require(TopicName("test.record.v1"))
        let logs = (0..<2).map {
            ServiceLevelSampler.Log(partition: TopicPartition(topic, Partition($0)), low: 0, end: 9)
        }
        let found = try ServiceLevelSampler.newestRecords(of: logs) { partition, offset in
            partition == logs[0].partition ? nil : offset
        }
        #expect(found.map(\.partition) == [logs[1].partition])
        #expect(found.map(\.milliseconds) == [8])
        #expect(throws: ServiceLevelSampler.Unreadable.self) {
            try ServiceLevelSampler.newestRecords(of: logs) { _, _ in nil }
        }
        #expect(try ServiceLevelSampler.newestRecords(of: []) { _, _ in nil } == [])
    }

    @Test(
        "behind a hole at the log's end the last records are found, within bounds",
        arguments: [0, 1, 2, 5, 100, 65_535])
    func holes(_ hole: Int64) throws {
        let end: Int64 = 200_000
        let last = end - 1 - hole
        var looks = 0
        let found = ServiceLevelSampler.newest(in: 10..<end) { offset in
            looks += 1
            return offset <= last ? offset : nil
        }
        // The times are the offsets: how much older than the last record the one found is.
        let distance = last - (try #require(found))
        #expect(distance >= 0 && distance <= hole)
        #expect(looks <= 17)
        #expect(ServiceLevelSampler.newest(in: last + 1..<end) { _ in nil } == nil)
        #expect(ServiceLevelSampler.newest(in: 0..<end) { $0 < end - 65_536 ? $0 : nil } == nil)
    }

    @Test("a topic that is not there is unknown")
    func missing() throws {
        let world = try World(nil, partitions: 1)
        defer { world.close() }
        let other = try #require(TopicName("test.not-there.v1"))
        let level = ServiceLevelSampler(admin: world.admin).sample(other, Self.promise, nowMilliseconds: Self.now)
        #expect(level.verdict == .unknown)
        #expect(level.newestAgeSeconds == nil)
        #expect(level.note == "its newest records could not be read: Kafka has no such topic")
    }
}
