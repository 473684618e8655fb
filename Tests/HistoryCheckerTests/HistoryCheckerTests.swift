import HistoryChecker
import Model
import Testing

@Suite("the history checker")
struct HistoryCheckerTests {
    @Test("finds nothing wrong with histories in which nothing is wrong, whoever acknowledged what")
    func good() {
        for seed in 1...UInt64(3_000) {
            let world = OneByOne.random(seed: seed)
            let verdict = HistoryChecker.check(world.history, against: world.state)
            #expect(verdict.rule == nil, "seed \(seed): \(verdict)")
        }
    }

    @Test("finds every planted fault each time, and names its rule", arguments: Fault.allCases)
    func planted(fault: Fault) {
        var planted = 0
        for seed in 1...UInt64(400) {
            var world = OneByOne.random(seed: seed)
            guard var (history, state) = fault.run(&world) else { continue }
            guard fault.plant(&history, &state, &world) else { continue }
            planted += 1
            let verdict = HistoryChecker.check(history, against: state)
            #expect(verdict.rule.map(fault.rules.contains) == true, "seed \(seed): \(verdict)")
        }
        #expect(planted >= 40, "the fault could be planted \(planted) times")
    }

    @Test("has a planted fault for each rule")
    func everyRule() {
        #expect(Set(Fault.allCases.flatMap(\.rules)) == Set(HistoryRule.allCases))
    }

    @Test("says where it is broken, by place and rule and the key's number")
    func words() {
        var world = OneByOne(seed: 1, partitions: 1)
        world.publish(0, key: 5, .record(version: 1, hash: 7))
        world.step(0)
        var state = world.state
        #expect("\(HistoryChecker.check(world.history, against: state))" == "holds")
        state.rows[0].content = 8
        #expect(
            "\(HistoryChecker.check(world.history, against: state))"
                == "test.thing.v1[0] offset 0: a row's content is that of its newest record: key 5 has other content")
    }
}
