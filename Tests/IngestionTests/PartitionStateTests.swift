import Model
import Testing

@testable import Ingestion

@Suite("what a lane knows of a partition")
struct PartitionStateTests {
    private func state(_ phase: PartitionState.Phase, at position: Int64 = 10) -> PartitionState {
        PartitionState(phase: phase, epoch: 1, incarnation: 0, position: NextOffset(position))
    }

    @Test("records are taken in an unbroken row")
    func row() {
        var state = state(.active)
        #expect(state.arrival(of: Offset(9)) == .drop)
        #expect(state.arrival(of: Offset(10)) == .take)
        state.take(Offset(10))
        #expect(state.arrival(of: Offset(10)) == .drop)
        #expect(state.arrival(of: Offset(13)) == .afterHole(from: NextOffset(11)))
        state.wrote(to: NextOffset(11))
        #expect(state.fetchPosition == NextOffset(11))
    }

    @Test("what was taken and not written is fetched again")
    func forgotten() {
        var state = state(.active)
        state.take(Offset(10))
        state.endOfLog = NextOffset(11)
        state.forgetTaken()
        // The end would make the forgotten record look like a hole.
        #expect(state.endOfLog == nil)
        #expect(state.fetchPosition == NextOffset(10))
        #expect(state.arrival(of: Offset(10)) == .take)
    }

    @Test("the record before the position is fetched once more and compared")
    func verifying() {
        let state = state(.verifying(last: Offset(7), hash: 5))
        #expect(state.fetchPosition == NextOffset(7))
        #expect(state.arrival(of: Offset(6)) == .drop)
        #expect(state.arrival(of: Offset(7)) == .compare(hash: 5))
        #expect(state.arrival(of: Offset(8)) == .expectedRecordMissing(Offset(7)))
    }

    @Test("a partition that is paused, at a gap or lost takes nothing")
    func standing() {
        for phase in [PartitionState.Phase.paused, .gap, .lost(since: .now)] {
            #expect(state(phase).arrival(of: Offset(10)) == .drop)
        }
    }

    @Test("holes at the log's end move the position only with nothing in hand")
    func holes() {
        var state = state(.active)
        state.skippedHoles(to: NextOffset(15))
        #expect(state.arrival(of: Offset(15)) == .take)
    }
}
