// Each rule of the verdict, on both sides of its bound, and the order among them.
import Model
import Testing

@testable import Lag

private let now: Int64 = 1_800_000_000_000
private let rules = LagRules(freshMilliseconds: 10_000, stallMilliseconds: 60_000)

/// 100 records in the log, half of them applied, the next one a second old, by a worker that moved just now.
private func sample(_ change: (inout LagSample) -> Void = { _ in }) throws -> LagSample {
    let topic = try #require(TopicName("test.record.v1"))
    var sample = LagSample(
        partition: TopicPartition(topic, Partition(0)), nextOffset: NextOffset(50), startOffset: 0, endOffset: 100,
        oldestMilliseconds: now - 1_000, movedMilliseconds: now - 100, claimedMilliseconds: now - 900_000,
        workerIsPresent: true, sampledMilliseconds: now)
    change(&sample)
    return sample
}

struct LagVerdictTests {
    @Test("young records on their way are ok, though some are behind")
    func onTheirWay() throws {
        #expect(rules.verdict(try sample()) == .ok)
        #expect(try sample().behind == 50)
        #expect(try sample().oldestAgeSeconds == 1)
    }

    @Test(
        "the first waiting record is late from the bound on",
        arguments: [(9_999, .ok), (10_000, .behind)] as [(Int64, LagVerdict)])
    func late(age: Int64, verdict: LagVerdict) throws {
        #expect(rules.verdict(try sample { $0.oldestMilliseconds = now - age }) == verdict)
    }

    @Test(
        "a worker that does not move is stalled from the bound on, if records have waited as long",
        arguments: [
            (59_999, 60_000, .behind), (60_000, 60_000, .stalled), (60_000, 59_999, .behind), (900_000, 5, .ok),
        ] as [(Int64, Int64, LagVerdict)])
    func stalled(unmoved: Int64, age: Int64, verdict: LagVerdict) throws {
        let sample = try sample {
            $0.movedMilliseconds = now - unmoved
            $0.oldestMilliseconds = now - age
        }
        #expect(rules.verdict(sample) == verdict)
    }

    @Test("a worker that has just claimed is given time")
    func justClaimed() throws {
        let sample = try sample {
            $0.movedMilliseconds = nil
            $0.claimedMilliseconds = now - 1
            $0.oldestMilliseconds = now - 900_000
        }
        #expect(rules.verdict(sample) == .behind)
    }

    @Test("records wait and no worker is there: stopped, however young they are")
    func stopped() throws {
        #expect(rules.verdict(try sample { $0.workerIsPresent = false }) == .stopped)
        let unclaimed = try sample {
            $0.nextOffset = nil
            $0.workerIsPresent = false
        }
        #expect(unclaimed.behind == 100)
        #expect(rules.verdict(unclaimed) == .stopped)
    }

    @Test("nothing waiting is ok, though no worker is there")
    func nothingWaiting() throws {
        let sample = try sample {
            $0.nextOffset = NextOffset(100)
            $0.oldestMilliseconds = nil
            $0.workerIsPresent = false
        }
        #expect(rules.verdict(sample) == .ok)
    }

    @Test("a position outside the log is a gap, at its edges it is none")
    func outsideTheLog() throws {
        #expect(rules.verdict(try sample { $0.startOffset = 51 }) == .gap)
        #expect(rules.verdict(try sample { $0.startOffset = 50 }) == .ok)
        #expect(rules.verdict(try sample { $0.endOffset = 49 }) == .gap)
        #expect(rules.verdict(try sample { $0.endOffset = 50 }) == .ok)
        #expect(try sample { $0.endOffset = 49 }.behind == 0)
    }

    @Test("a gap outranks a pause, and a pause outranks everything else")
    func order() throws {
        let paused = try sample {
            $0.isPaused = true
            $0.workerIsPresent = false
            $0.oldestMilliseconds = 0
        }
        #expect(rules.verdict(paused) == .paused)
        var gap = paused
        gap.hasGap = true
        #expect(rules.verdict(gap) == .gap)
    }

    @Test("a record without a time counts as late, and a clock that runs ahead as young")
    func oddTimes() throws {
        #expect(rules.verdict(try sample { $0.oldestMilliseconds = nil }) == .behind)
        let ahead = try sample { $0.oldestMilliseconds = now + 5_000 }
        #expect(rules.verdict(ahead) == .ok)
        #expect(ahead.oldestAgeSeconds == 0)
    }

    @Test("a topic is named by its worst partition")
    func worst() {
        #expect([LagVerdict.ok, .paused, .gap, .behind].max() == .gap)
        #expect([LagVerdict.ok, .behind].max() == .behind)
    }
}
