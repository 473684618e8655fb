import Model
import Testing

@testable import Kafka

@Suite("Access rules")
struct AccessRuleTests {
    @Test(
        "a rule is read as it was written, whatever its pattern, host and kind",
        arguments: [
            AccessRule(principal: "User:CN=feed,O=a:b", operation: .read),
            AccessRule(principal: "User:a", operation: .write),
            AccessRule(principal: "User:a", host: "10.0.0.1", operation: .all),
            AccessRule(principal: "User:*", operation: .describe, isAllowed: false),
            AccessRule(principal: "User:a", operation: .describeConfigs, pattern: .wider("test.*")),
            AccessRule(principal: "User:a", operation: .read, pattern: .wider("*")),
        ])
    func roundTrip(_ rule: AccessRule) throws {
        let topic = try #require(TopicName("test.thing.v1"))
        let binding = try AccessBinding(rule, of: topic, "testing")
        let read = binding.rule
        #expect(read == rule)
    }

    @Test("an operation without a name here is not written")
    func unknown() throws {
        let topic = try #require(TopicName("test.thing.v1"))
        #expect(throws: KafkaError.self) {
            _ = try AccessBinding(AccessRule(principal: "User:a", operation: .other("Alter")), of: topic, "testing")
        }
    }
}
