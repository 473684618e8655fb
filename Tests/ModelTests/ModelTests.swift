import Model
import Testing

@Suite("the model")
struct ModelTests {
    @Test(
        "a database failure is the record's, the world's or ours by its SQLSTATE",
        arguments: [
            (nil, .world), ("22003", .record), ("23514", .record), ("44000", .record), ("54000", .record),
            ("54001", .unknown),
            ("08006", .world), ("40001", .world), ("40P01", .world), ("53100", .world), ("57P01", .world),
            ("58030", .world),
            ("25P03", .world), ("25006", .world), ("25001", .unknown), ("55P03", .world), ("42703", .ours),
            ("28P01", .ours),
            ("3D000", .ours),
            ("3F000", .ours), ("XX000", .unknown),
        ] as [(String?, DatabaseFault)])
    func faults(sqlState: String?, fault: DatabaseFault) {
        #expect(DatabaseFault(sqlState: sqlState) == fault)
    }

    @Test(
        "a topic's name is what Kafka accepts",
        arguments: [
            ("a.b.v1", true), ("", false), (".", false), ("..", false), ("a b", false), ("é", false),
            (String(repeating: "a", count: 249), true), (String(repeating: "a", count: 250), false),
        ])
    func topicNames(text: String, isName: Bool) {
        #expect((TopicName(text) != nil) == isName)
    }

    @Test("the next offset lies one after the offset")
    func nextOffset() {
        #expect(NextOffset(after: Offset(41)) == NextOffset(42))
    }

    @Test("what was consumed is the sum of the fates")
    func consumed() {
        #expect((Fates(applied: 1, superseded: 2) + Fates(deleted: 3, deadLettered: 4)).consumed == 10)
    }

    @Test("reason codes are public and are never renamed")
    func reasonCodes() {
        #expect(
            ReasonCode.allCases.map(\.rawValue) == [
                "not-json", "not-utf8", "not-an-object", "too-large", "missing-key", "key-mismatch", "missing-field",
                "wrong-type", "wrong-format", "out-of-range", "not-in-list", "invalid-identifier", "inconsistent",
                "version-missing", "state-secret", "database-refused",
            ])
    }
}
