// How fast a replay may go. Pure: time comes in.
import Testing

@testable import Replay

@Suite("Pace of a replay")
struct PaceTests {
    @Test("no more than the bound and a fifth is taken in any second, whatever was not used before")
    func bound() {
        var pace = Pace(recordsASecond: 1_000)
        let start = ContinuousClock.now
        var taken = 0
        var takenAt: [Int] = []
        // A first half of silence, then as much as is allowed.
        for millisecond in 0..<5_000 {
            let now = start + .milliseconds(millisecond)
            if millisecond == 0 {
                pace.took(1, now)
                taken += 1
                takenAt.append(0)
            }
            guard millisecond > 2_500 else { continue }
            while !pace.mustWait(now), taken < 100_000 {
                pace.took(1, now)
                taken += 1
                takenAt.append(millisecond)
            }
        }
        #expect(taken >= 2_000)
        for second in stride(from: 0, to: 5_000, by: 1_000) {
            #expect(takenAt.count { (second..<second + 1_000).contains($0) } <= 1_250)
        }
    }
}
