import Foundation
import Kafka
import Model
import Testing

@Suite("Leaks")
struct LeakTests {
    private static func count(_ folder: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/\(folder)").count
    }

    @Test("clients made and closed leave neither threads nor descriptors behind")
    func loop() throws {
        let cluster = try TestCluster(partitions: 2)
        try cluster.publish([[1], [2]])
        let threads = try Self.count("task")
        let descriptors = try Self.count("fd")
        let turns = 20
        for _ in 0..<turns {
            let consumer = try cluster.reader()
            _ = try gatherToEnd(consumer)
            // Polled and never let go of until after the close, as a batch in flight would be.
            try consumer.seek(cluster.partition(), to: NextOffset(0))
            let held = consumer.poll(timeoutMilliseconds: 50)
            consumer.close()
            _ = consume held
            try cluster.publish([[3]])
            let admin = try KafkaAdmin(settings: cluster.settings, clientID: "test")
            _ = try admin.record(cluster.partition(), at: Offset(0), timeoutMilliseconds: patienceMilliseconds)
            admin.close()
            let broker = try EmbeddedBroker()
            broker.stop()
        }
        // A client has at least three threads and four descriptors; other tests run beside this one, hence the margin.
        #expect(try Self.count("task") < threads + 2 * turns)
        #expect(try Self.count("fd") < descriptors + 2 * turns)
    }
}
