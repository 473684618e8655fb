import Testing

@testable import Kafka

@Suite("Delivery ledger")
struct DeliveryLedgerTests {
    private func ledger(_ tags: [UInt64]) -> DeliveryLedger {
        var ledger = DeliveryLedger()
        for tag in tags { ledger.sent(tag) }
        return ledger
    }

    @Test("acknowledged through a tag means every message up to it, whatever the order of the reports")
    func order() {
        var ledger = ledger([1, 2, 3, 5])
        ledger.acknowledge(3)
        ledger.acknowledge(2)
        #expect(ledger.acknowledgedThrough == nil)
        ledger.acknowledge(1)
        #expect(ledger.acknowledgedThrough == 3)
        ledger.acknowledge(5)
        #expect(ledger.acknowledgedThrough == 5)
        #expect(ledger.outstanding == 0 && ledger.acknowledged == 4)
    }

    @Test("a tag shared by several messages counts with the last of them")
    func shared() {
        var ledger = ledger([1, 4, 4, 4, 9])
        for _ in 0..<2 { ledger.acknowledge(4) }
        ledger.acknowledge(1)
        #expect(ledger.acknowledgedThrough == 1)
        ledger.acknowledge(4)
        #expect(ledger.acknowledgedThrough == 4)
    }

    @Test("a failed message holds the tag back for ever")
    func failure() {
        var ledger = ledger([1, 2, 3])
        ledger.fail(2)
        ledger.acknowledge(3)
        ledger.acknowledge(1)
        #expect(ledger.acknowledgedThrough == 1)
        #expect(ledger.outstanding == 0 && ledger.failed == 1)
    }

    @Test("any order of reports ends alike, over the bound of its sweep too", arguments: [1, 4_096, 4_097, 10_000])
    func manyTags(count: Int) {
        var ledger = DeliveryLedger()
        var state: UInt64 = 42
        let tags = (0..<UInt64(count)).map { $0 / 3 }
        for tag in tags {
            #expect(ledger.accepts(tag))
            ledger.sent(tag)
        }
        var left = tags
        while !left.isEmpty {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // Near the front, as real reports come.
            let index = Int(state >> 33) % min(left.count, 64)
            ledger.acknowledge(left.remove(at: index))
            if let through = ledger.acknowledgedThrough, let first = left.first, first <= through {
                Issue.record("acknowledged through \(through) with \(first) outstanding")
                return
            }
        }
        #expect(ledger.acknowledgedThrough == tags.last)
        #expect(!ledger.accepts((tags.last ?? 0) &- 1) || count == 1)
    }
}
