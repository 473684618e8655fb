import Model
import Testing

@Suite("the breaker")
struct BreakerTests {
    private func breaker() -> Breaker {
        Breaker(maxRefusedShare: 0.1, maxDeletedShare: 0.2, windowRecords: 1_000, minimumRecords: 100)
    }

    private func sample(_ records: Int, refused: Int = 0, tombstones: Int = 0) -> Breaker.Sample {
        Breaker.Sample(records: records, refused: refused, tombstones: tombstones)
    }

    private func isOpen(_ verdict: Breaker.Verdict) -> Bool {
        switch verdict {
        case .open: true
        case .closed: false
        }
    }

    @Test(
        "below the minimum nothing trips, at it the share decides", arguments: [(99, false), (100, true), (101, true)])
    func minimum(records: Int, opens: Bool) {
        #expect(isOpen(breaker().judge(sample(records, refused: records))) == opens)
    }

    @Test("the allowed share itself passes, one more trips", arguments: [(99, false), (100, false), (101, true)])
    func share(refused: Int, opens: Bool) {
        #expect(isOpen(breaker().judge(sample(1_000, refused: refused))) == opens)
    }

    @Test("tombstones have a share of their own", arguments: [(200, false), (201, true)])
    func tombstones(tombstones: Int, opens: Bool) {
        #expect(isOpen(breaker().judge(sample(1_000, tombstones: tombstones))) == opens)
    }

    @Test("many small batches trip like one large, and good records that follow push bad ones out of the window")
    func window() {
        var breaker = breaker()
        for _ in 0..<9 { breaker.record(sample(10, refused: 10)) }
        #expect(isOpen(breaker.judge(sample(10, refused: 10))))
        for _ in 0..<100 { breaker.record(sample(10)) }
        #expect(!isOpen(breaker.judge(sample(10, refused: 10))))
    }

    @Test("an operator's word lets one window pass unjudged, counted from that word")
    func resume() {
        var breaker = breaker()
        breaker.resume(alreadyPassed: 0)
        #expect(!isOpen(breaker.judge(sample(1_000, refused: 1_000))))
        breaker.record(sample(1_000, refused: 1_000))
        #expect(isOpen(breaker.judge(sample(1_000, refused: 1_000))))
        breaker.resume(alreadyPassed: 1_000)
        #expect(isOpen(breaker.judge(sample(1_000, refused: 1_000))))
    }
}
