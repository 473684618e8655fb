// The demo's account adds up only if every record is accounted for once.
import Model
import Testing

@testable import lienthong

struct DemoAccountTests {
    private func account(_ change: (inout TopicAccount) -> Void = { _ in }) throws -> TopicAccount {
        var account = TopicAccount(topic: try #require(TopicName("test.record.v1")))
        account.sourceRows = 101
        account.sourceSecrets = 1
        account.withheld = 1
        account.published = 100
        account.logRecords = 100
        account.fates = Fates(applied: 90, superseded: 5, deleted: 3, deadLettered: 2)
        account.reasons = ["not-json": 2]
        account.planted = ["not-json": 2]
        account.told = 2
        change(&account)
        return account
    }

    @Test("a whole account has no differences")
    func whole() throws {
        #expect(try account().differences == [])
    }

    @Test(
        "one record more or less anywhere is a difference",
        arguments: [
            { $0.sourceRows += 1 }, { $0.sourceSecrets += 1 }, { $0.withheld -= 1 }, { $0.published += 1 },
            { $0.logRecords -= 1 }, { $0.logStart = 1 }, { $0.fates.applied -= 1 }, { $0.fates.deadLettered += 1 },
            { $0.reasons["not-json"] = 1 }, { $0.reasons = ["not-utf8": 2] }, { $0.planted = [:] }, { $0.told -= 1 },
            { $0.told += 1 },
            { account in
                account.told -= 1
                account.mayRepeat = true
            },
        ] as [@Sendable (inout TopicAccount) -> Void])
    func broken(change: @Sendable (inout TopicAccount) -> Void) throws {
        #expect(try !account(change).differences.isEmpty)
    }

    @Test("a worker that was killed may have told an owner twice, which is no difference")
    func repeated() throws {
        let account = try account { account in
            account.told += 1
            account.mayRepeat = true
        }
        #expect(account.differences == [])
    }
}
