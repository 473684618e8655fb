// What a change of a contract or a mapping means to its owner and its readers.
import Foundation
import Model
import Testing

@testable import Contracts

@Suite("Differences of contracts")
struct DiffTests {
    /// A change of the sample's text, and all that it must be said to be.
    struct Case: Sendable, CustomTestStringConvertible {
        var isMapping = false
        let replaced: [String]
        let by: [String]
        /// `severity kind path: words`, the words being part of the sentence.
        let expected: [String]

        init(_ replaced: String, _ by: String, _ expected: String...) {
            self.replaced = [replaced]
            self.by = [by]
            self.expected = expected
        }

        init(_ changes: [(String, String)], _ expected: String...) {
            replaced = changes.map(\.0)
            by = changes.map(\.1)
            self.expected = expected
        }

        static func mapping(_ replaced: String, _ by: String, _ expected: String...) -> Case {
            var one = Case(replaced, by)
            one = Case(isMapping: true, replaced: one.replaced, by: one.by, expected: expected)
            return one
        }

        private init(isMapping: Bool, replaced: [String], by: [String], expected: [String]) {
            self.isMapping = isMapping
            self.replaced = replaced
            self.by = by
            self.expected = expected
        }

        var testDescription: String { expected.first ?? "nothing" }
    }

    /// The sample as a promise.
    static let contract = Sample.contract.replacingOccurrences(of: "status: draft", with: "status: active")

    static func read(_ text: String) throws -> Contract {
        let (contract, findings) = ContractReader.read(text, file: "c.yaml", topic: Sample.topic)
        return try #require(contract, "\(findings)")
    }

    private static func replace(_ change: Case, in text: String) throws -> String {
        var text = text
        for (replaced, by) in zip(change.replaced, change.by) {
            let range = try #require(text.range(of: replaced), "the sample has no \(replaced)")
            text.replaceSubrange(range, with: by)
        }
        return text
    }

    private static func expect(_ expected: [String], of changes: [ContractChange]) {
        let found = changes.map { "\($0.severity) \($0.message)" }
        #expect(found.count == expected.count, "\(found)")
        for text in expected {
            let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
            let words = parts[1].trimmingCharacters(in: .whitespaces)
            #expect(
                found.contains { $0.hasPrefix(parts[0] + ":") && $0.contains(words) }, "\(text)\nnot in\n\(found)")
        }
    }

    private static let base = Result { try read(contract) }

    @Test("each change of a contract is of its severity, at its path, in words", arguments: contractCases)
    func contractChanges(change: Case) throws {
        let base = try Self.base.get()
        let changed = try Self.read(Self.replace(change, in: Self.contract))
        let changes = ContractDiff.changes(topic: Sample.topic, from: base, to: changed)
        Self.expect(change.expected, of: changes)
        #expect(changes.allSatisfy { $0.wasPromised })
        // What let more pass breaks when it is taken back.
        let letsMorePass = changes.contains { $0.sentence.contains("readers may meet") && $0.severity == .dangerous }
        guard letsMorePass, !change.expected.contains(where: { $0.contains("slaProperties") }) else { return }
        let back = ContractDiff.changes(topic: Sample.topic, from: changed, to: base)
        #expect(back.contains { $0.severity == .breaking }, "\(back.map(\.message))")
    }

    static let field =
        "\n      - name: extra\n        logicalType: string\n        description: Extra.\n        customProperties: [{property: descriptionVi, value: Thêm.}]"

    static let contractCases: [Case] = [
        // Fields that come and go.
        Case(
            "\n      - name: count", field + "\n      - name: count",
            "compatible field extra: is new and optional"),
        Case(
            "\n      - name: count", field + "\n        required: true\n      - name: count",
            "breaking field extra: a record without it, applied until now, is refused as missing-field"),
        Case(
            """
                  - name: count
                    logicalType: integer
                    description: Count.
                    logicalTypeOptions: {minimum: 1, maximum: 5}
                    customProperties:
                      - {property: descriptionVi, value: Số lượng.}

            """, "", "breaking field count: is gone: what owners send under this name is no longer stored"),
        Case("name: count", "name: amount", "breaking field amount: seems to be count renamed"),
        Case(
            [("name: count", "name: amount"), ("description: Count.", "required: true\n        description: Count.")],
            "breaking field amount: records under the older name are refused as missing-field",
            "breaking field amount: was optional, is now required"),
        Case(
            [("name: count", "name: cuont"), ("description: Count.", "description: A."), ("Số lượng.", "B.")],
            "breaking field cuont: seems to be count renamed",
            "compatible field cuont: description, descriptionVi changed"
        ),
        Case(
            [("name: asOf", "name: day"), ("value: asOf}", "value: day}")],
            "breaking field place.day: seems to be place.asOf renamed",
            "breaking field place.provinceCode: codes were judged at asOf, are now at day"),
        Case(
            [("name: main", "name: first"), ("flag: main}", "flag: first}")],
            "breaking field parts[].first: seems to be parts[].main renamed",
            "dangerous rule atMostOneFlagged: was at most one of parts[] with main, is now at most one of parts[] with first"
        ),
        Case(
            "logicalType: boolean\n              required: true", "logicalType: boolean",
            "dangerous field parts[].main: was required, is now optional: readers may meet records"),
        Case(
            "description: Count.", "description: Count.\n        required: true",
            "breaking field count: was optional, is now required"),
        Case("description: Count.", "description: How many.", "compatible field count: description changed"),
        Case("description: Count.", "description: Count.\n        examples: [3]", "compatible field count: examples"),
        Case(
            "classification: personal", "classification: health",
            "dangerous field code: classification was personal, is now health, another class"),
        Case(
            "description: Count.", "description: Count.\n        classification: open",
            "dangerous field count: less strict: more people may read it unmasked"),
        Case(
            "description: Count.", "description: Count.\n        classification: business-secret",
            "dangerous field count: stricter"),
        // Types.
        Case(
            [
                ("logicalType: integer", "logicalType: boolean"),
                ("\n        logicalTypeOptions: {minimum: 1, maximum: 5}", ""),
            ],
            "breaking field count: was integer, is now boolean: values that were right are refused as wrong-type"),
        Case(
            "\n          - {property: decimalScale, value: 2}\n          - {property: decimalMinimum, value: 0}", "",
            "breaking field capital: was decimal, is now text"),
        Case("{minimum: 1, maximum: 5}", "{minimum: 2, maximum: 5}", "breaking field count: minimum was 1, is now 2"),
        Case("{minimum: 1, maximum: 5}", "{minimum: 0, maximum: 5}", "dangerous field count: minimum was 1, is now 0"),
        Case("{minimum: 1, maximum: 5}", "{minimum: 1, maximum: 4}", "breaking field count: maximum was 5, is now 4"),
        Case("{minimum: 1, maximum: 5}", "{minimum: 1}", "dangerous field count: maximum was 5, is now none"),
        Case("decimalScale, value: 2", "decimalScale, value: 1", "breaking field capital: more decimals are refused"),
        Case(
            "decimalScale, value: 2", "decimalScale, value: 3", "dangerous field capital: decimalScale was 2, is now 3"),
        Case("decimalMinimum, value: 0", "decimalMinimum, value: 1", "breaking field capital: decimalMinimum was 0"),
        Case(
            "\n          - {property: decimalMinimum, value: 0}", "",
            "dangerous field capital: decimalMinimum was 0, is now none"),
        Case(
            "description: Until.", "description: Until.\n        logicalTypeOptions: {minimum: 2000-01-01}",
            "breaking field until: minimum was none, is now 2000-01-01"),
        Case(
            "\n          - {property: partialDate, value: true}", "",
            "breaking field until: partial ones are refused as wrong-format"),
        Case(
            "{property: descriptionVi, value: Từ ngày.}",
            "{property: descriptionVi, value: Từ ngày.}\n          - {property: partialDate, value: false}"),
        Case(
            "{property: descriptionVi, value: Tại ngày.}",
            "{property: descriptionVi, value: Tại ngày.}\n              - {property: partialDate, value: true}",
            "dangerous field place.asOf: readers may meet dates in part"),
        // Lists.
        Case("maxItems: 9", "maxItems: 8", "breaking field parts: maxItems was 9, is now 8"),
        Case("maxItems: 9", "maxItems: 10", "dangerous field parts: maxItems was 9, is now 10"),
        Case("maxItems: 9", "maxItems: 9, minItems: 1", "breaking field parts: minItems was none, is now 1"),
        Case(
            "\n          - {property: uniqueBy, value: name}", "",
            "dangerous field parts: items were told apart by name: readers may meet two alike"),
        Case(
            "uniqueBy, value: name", "uniqueBy, value: main",
            "breaking field parts: items were told apart by name, are now by main"),
        // Texts.
        Case("minLength: 2", "minLength: 3", "breaking field code: minLength was 2, is now 3"),
        Case("minLength: 2", "minLength: 1", "dangerous field code: minLength was 2, is now 1"),
        Case("maxLength: 12", "maxLength: 11", "breaking field code: maxLength was 12, is now 11"),
        Case("maxLength: 12", "maxLength: 13", "dangerous field code: maxLength was 12, is now 13"),
        Case("description: Kind.", "description: Kind.\n        logicalTypeOptions: {maxLength: 255}"),
        Case(
            "^[0-9]+$", "^[0-8]+$",
            "breaking field code: the pattern was ^[0-9]+$, is now ^[0-8]+$: texts that fit only the older one"),
        Case("^[0-9]+$", "^[0-9A]+$", "dangerous field code: readers may meet texts of another form"),
        Case("^[0-9]+$", "^[0-9][0-9]*$", "compatible field code: both take the same texts"),
        Case(
            ", pattern: \"^[0-9]+$\"", "",
            "dangerous field code: the pattern was ^[0-9]+$, is gone"),
        Case(
            "description: Kind.", "description: Kind.\n        logicalTypeOptions: {pattern: \"^[ab]$\"}",
            "breaking field kind: any text was taken, the pattern is now ^[ab]$"),
        Case("[a, b]", "[a]", "breaking field kind: no longer among the values: b"),
        Case("[a, b]", "[a, b, c]", "dangerous field kind: new among the values: c"),
        Case("[a, b]", "[b, a]"),
        Case(
            "[a, b]", "[a, c]", "breaking field kind: no longer among the values: b",
            "dangerous field kind: new among the values: c"),
        Case(
            """

                    quality:
                      - {type: library, metric: invalidValues, arguments: {validValues: [a, b]}, mustBe: 0}
            """, "", "dangerous field kind: only a, b were taken, any text is now"),
        Case(
            "\n          - {property: identifier, value: personal-number}", "",
            "dangerous field code: the identifier was personal-number, is none now"),
        Case(
            "identifier, value: personal-number", "identifier, value: old-identity-number",
            "breaking field code: identifiers of the older kind are refused as invalid-identifier"),
        Case(
            "{property: descriptionVi, value: Loại.}",
            "{property: descriptionVi, value: Loại.}\n          - {property: identifier, value: tax-code}",
            "breaking field kind: the identifier is now tax-code, was none"),
        Case(
            "\n              - {property: codeListDateField, value: asOf}", "",
            "breaking field place.provinceCode: codes were judged at asOf, are now at today"),
        Case(
            [
                ("codeList, value: province", "codeList, value: country"),
                ("\n              - {property: codeListDateField, value: asOf}", ""),
            ], "breaking field place.provinceCode: the code list was province, is now country"),
        Case(
            [
                ("codeList, value: province", "codeList, value: province-of-any-time"),
                ("\n              - {property: codeListDateField, value: asOf}", ""),
            ], "dangerous field place.provinceCode: readers may meet codes of another time"),
        Case(
            "\n              - {property: codeList, value: province}\n              - {property: codeListDateField, value: asOf}",
            "", "dangerous field place.provinceCode: the code list was province, is none now"),
        Case(
            [
                ("{property: codeListDateField, value: asOf}", "{property: codeListDateField, value: newDay}"),
                (
                    "          - name: asOf",
                    """
                              - name: newDay
                                logicalType: date
                                description: New day.
                                customProperties: [{property: descriptionVi, value: Ngày mới.}]
                              - name: asOf
                    """
                ),
            ], "breaking field place.provinceCode: codes were judged at asOf, are now at newDay",
            "compatible field place.newDay: is new and optional"),
        // Key, version, order.
        Case(
            [
                ("primaryKeyPosition: 1", "primaryKeyPosition: 9"), ("primaryKeyPosition: 2", "primaryKeyPosition: 1"),
                ("primaryKeyPosition: 9", "primaryKeyPosition: 2"),
            ],
            "breaking setting primaryKey: was code:since, is now since:code"),
        Case(
            [
                ("\n          - {property: version, value: true}", ""),
                ("description: Count.", "description: Count.\n        required: true"),
                (
                    "{property: descriptionVi, value: Số lượng.}",
                    "{property: descriptionVi, value: Số lượng.}\n          - {property: version, value: true}"
                ),
            ], "breaking field count: the record's version was updatedAt, is now count",
            "breaking field count: was optional, is now required"),
        Case(
            [
                ("name: capital", "name: other"), ("name: count", "name: capital"), ("name: other", "name: count"),
                ("field: capital, name", "field: kind2, name"), ("field: kind2, name", "field: capital, name"),
            ],
            "breaking field capital: was decimal, is now integer", "breaking field count: was integer, is now decimal",
            "compatible field capital: changed", "compatible field count: changed",
            "compatible field count: the order of fields changed"),
        // Rules.
        Case(
            "second: until}", "second: place.asOf}",
            "breaking rule dateOrder: was since not after until, is now since not after place.asOf"),
        Case(
            "    quality:\n      - type: custom\n        engine: lienthong\n        severity: error\n"
                + "        implementation: {rule: dateOrder, first: since, second: until}\n",
            "    quality:\n", "dangerous rule dateOrder: is gone: since not after until"),
        Case(
            "    quality:\n      - type: custom\n",
            """
                quality:
                  - type: custom
                    engine: lienthong
                    severity: error
                    implementation: {rule: requireOneOf, fields: [capital, count]}
                  - type: custom

            """, "breaking rule requireOneOf: is new: capital or count: records that break it, applied until now"),
        Case(
            "    quality:\n      - type: custom\n",
            """
                quality:
                  - type: custom
                    engine: lienthong
                    severity: warning
                    implementation: {rule: warnAbsent, field: count, name: no-count}
                  - type: custom

            """, "dangerous rule warnAbsent: is new: no-count where count is absent"),
        Case(
            "      - type: custom\n        engine: lienthong\n        severity: warning\n"
                + "        implementation: {rule: warnAbsent, field: capital, name: no-capital}\n", "",
            "compatible rule warnAbsent: is gone"),
        Case(
            "field: capital, name: no-capital", "field: count, name: no-capital",
            "dangerous rule warnAbsent: other records than before count as odd"),
        Case(
            [
                ("{rule: dateOrder, first: since, second: until}", "{rule: atMostOneFlagged, list: parts, flag: main}"),
                (
                    "{rule: atMostOneFlagged, list: parts, flag: main}\n      - type: custom\n        engine: lienthong\n        severity: error\n        implementation: {rule: atMostOneFlagged, list: parts, flag: main}",
                    "{rule: atMostOneFlagged, list: parts, flag: main}\n      - type: custom\n        engine: lienthong\n        severity: error\n        implementation: {rule: dateOrder, first: since, second: until}"
                ),
            ], "compatible rule atMostOneFlagged: the order of rules changed"),
        // How the topic is made.
        Case(
            "kafkaPartitions, value: 8", "kafkaPartitions, value: 12",
            "breaking setting kafkaPartitions: was 8, is now 12"),
        Case(
            "kafkaReplicationFactor, value: 2", "kafkaReplicationFactor, value: 1",
            "dangerous setting kafkaReplicationFactor: fewer brokers may die"),
        Case(
            "kafkaReplicationFactor, value: 2", "kafkaReplicationFactor, value: 3",
            "compatible setting kafkaReplicationFactor: was 2, is now 3"),
        Case(
            [("value: unlimited", "value: 30, unit: days"), property("kafkaRetentionMilliseconds", "2592000000")],
            "dangerous setting kafkaRetentionMilliseconds: was for ever, is now 30 days"),
        Case(
            [property("deadLetterRetentionMilliseconds", "86400000")],
            "dangerous setting deadLetterRetentionMilliseconds: was 90 days, is now 1 day"),
        Case(
            [property("deadLetterRetentionMilliseconds", "-1")],
            "compatible setting deadLetterRetentionMilliseconds: was 90 days, is now for ever"),
        Case(
            [property("deadLetterStoreRetentionDays", "30")],
            "dangerous setting deadLetterStoreRetentionDays: was 90 days, is now 30 days"),
        Case(
            [property("deadLetterStoreRetentionDays", "-1")],
            "compatible setting deadLetterStoreRetentionDays: was 90 days, is now for ever"),
        Case(
            [property("deadLetterStoreOpenRetentionDays", "400")],
            "dangerous setting deadLetterStoreOpenRetentionDays: was for ever, is now 400 days"),
        Case(
            [property("kafkaCleanupPolicy", "compact")],
            "breaking setting kafkaCleanupPolicy: was delete, is now compact"),
        Case(
            "maxRefusedShare, value: 0.2", "maxRefusedShare, value: 0.5", "dangerous setting maxRefusedShare: was 0.2"),
        Case(
            "maxRefusedShare, value: 0.2", "maxRefusedShare, value: 0.1",
            "compatible setting maxRefusedShare: paused earlier"),
        Case([property("maxDeletedShare", "0.9")], "dangerous setting maxDeletedShare: can delete more"),
        Case(
            [property("breakerWindowRecords", "5000")], "dangerous setting breakerWindowRecords: was 2000, is now 5000"),
        Case(
            [property("breakerMinimumRecords", "900")], "dangerous setting breakerMinimumRecords: was 500, is now 900"),
        Case(
            "value: 2, unit: hours", "value: 3, unit: hours",
            "dangerous setting slaProperties.freshness: was 2 hours, is now 3 hours"),
        Case(
            "value: 2, unit: hours", "value: 90, unit: minutes",
            "compatible setting slaProperties.freshness: is now 90 minutes"),
        Case(
            "value: 7, unit: records/day", "value: 6, unit: records/day",
            "dangerous setting slaProperties.volume: was 7 records a day"),
        Case(
            "value: 7, unit: records/day", "value: 8, unit: records/day",
            "compatible setting slaProperties.volume: is now 8"),
        // Standing and words.
        Case("name: Owner,", "name: Other,", "dangerous setting team.name: was Owner, is now Other"),
        Case(
            "kafka.example.gov.vn:9093", "other.example.gov.vn:9093",
            "dangerous setting servers: keeps the older address"),
        Case("value: [11, 24]", "value: [11]", "dangerous setting dataGroups: was 11, 24, is now 11"),
        Case("value: [11, 24]", "value: [24, 11]"),
        Case("status: active", "status: deprecated", "dangerous setting status: was active, is now deprecated"),
        Case(
            "status: active", "status: retired", "dangerous setting status: readers must look for what takes its place"),
        Case("status: active", "status: draft", "breaking setting status: is promised no longer"),
        Case("status: active", "status: proposed", "breaking setting status: so that it could be broken unseen"),
        Case(
            "{role: worker, access: read,", "{role: reader, access: read,",
            "dangerous setting roles.worker: is gone", "compatible setting roles.reader: a new role with access read"),
        Case(
            "description: Reads it.", "description: Reads.", "compatible setting roles.worker: its description changed"),
        Case(
            "access: read, description: Reads it.}",
            "access: read, description: Reads it., customProperties: [{property: kafkaPrincipals, value: [\"User:a\"]}]}",
            "compatible setting roles.worker: now names User:a"),
        Case("mailto:owner@", "mailto:desk@", "compatible setting support: its text changed"),
        Case("Shows things.", "Shows all things.", "compatible setting description.purpose: its text changed"),
        Case("value: Mô tả.", "value: Mô tả khác.", "compatible setting descriptionVi: its text changed"),
        Case("Answers for it.", "Answers.", "compatible setting team.description: its text changed"),
        Case("value: [\"19.2\"]", "value: [\"19.3\"]", "compatible setting articles: its text changed"),
        Case("version: 1.2.0", "version: 1.3.0"),
        Case("version: 1.2.0", "version: 1.1.0", "dangerous setting version: was 1.2.0, is now 1.1.0"),
        Case("# ", "# "),
    ].filter { $0.replaced != ["# "] }

    /// A custom property that the sample leaves to its standard.
    private static func property(_ name: String, _ value: String) -> (String, String) {
        let anchor = "  - {property: kafkaPartitions, value: 8}"
        return (anchor, "\(anchor)\n  - {property: \(name), value: \(value)}")
    }

    @Test("changes of rules that let more pass are dangerous, not breaking")
    func looserRules() {
        let kinds: (IdentifierKind) -> RecordRule = { kind in
            .identifierByValue(field: "code", by: "kind", cases: ["a": kind], otherwise: .personalNumber)
        }
        let cases: [(RecordRule, RecordRule, ContractChange.Severity)] = [
            (.requireOneOf(["a", "b"]), .requireOneOf(["a", "b", "c"]), .dangerous),
            (.requireOneOf(["a", "b", "c"]), .requireOneOf(["a", "b"]), .breaking),
            (
                .eachRequiresOneOf(list: "l", fields: ["a", "b"]),
                .eachRequiresOneOf(list: "l", fields: ["b", "a", "c"]), .dangerous
            ),
            (
                .eachRequiresOneOf(list: "l", fields: ["a", "b"]), .eachRequiresOneOf(list: "l", fields: ["a", "c"]),
                .breaking
            ),
            (kinds(.taxCode), kinds(.enterpriseCode), .dangerous),
            (kinds(.enterpriseCode), kinds(.taxCode), .breaking),
        ]
        for (was, isNow, severity) in cases {
            let changes = ContractDiff.changes(topic: "t", from: Self.small([was]), to: Self.small([isNow]))
            #expect(changes.map(\.severity) == [severity], "\(was.text) to \(isNow.text): \(changes.map(\.message))")
        }
        #expect(
            ContractDiff.changes(
                topic: "t", from: Self.small([.requireOneOf(["a", "b"])]), to: Self.small([.requireOneOf(["b", "a"])]))
                == [])
    }

    private static func small(_ rules: [RecordRule], with fields: [Field] = []) -> Contract {
        Contract(
            version: "1.0.0", owner: "O", descriptionEnglish: "", descriptionVietnamese: "", dataGroups: [1],
            articles: [],
            fields: [
                Field(name: "code", type: .text(TextRule()), required: true),
                Field(name: "l", type: .list(.object([]), uniqueBy: nil, maximumItems: 9), required: false),
            ] + fields, key: [], versionField: "v", rules: rules,
            kafka: .init(partitions: 1, replicationFactor: 1, retentionMilliseconds: -1, cleanupPolicy: "delete"),
            breaker: .init())
    }

    @Test(
        "how two patterns relate is decided by the texts they take",
        arguments: [
            ("^a$", "^a$", PatternRelation.same), ("^(a|b)$", "^[ab]$", .same), ("^a{2,3}$", "^aaa?$", .same),
            ("^a*$", "^(a|aa)*$", .same), ("^a$", "^[a-z]$", .wider),
            ("^[0-9]{10}$", "^[0-9]{10}(-[0-9]{3})?$", .wider),
            ("^[a-z]$", "^a$", .other), ("^a$", "^b$", .other), ("^.$", "^[^x]$", .other),
            ("^a{1,300}$", "^a{1,299}$", .other),
            ("^(?=a)$", "^a$", .unknown),
        ]
    )
    func patterns(was: String, isNow: String, relation: PatternRelation) {
        #expect(PatternRelation(was, isNow) == relation)
    }

    // MARK: Mappings

    @Test(
        "a mapping's change under the same revision breaks its rows, under a higher one it asks for a replay",
        arguments: mappingCases)
    func mappingChanges(change: Case) throws {
        let contract = try Self.read(Self.contract)
        func mapping(_ text: String) throws -> Mapping {
            let (mapping, findings) = MappingReader.read(text, file: "m.yaml", contract: contract)
            return try #require(mapping, "\(findings)")
        }
        let old = try mapping(Sample.mapping)
        let changed = try Self.replace(change, in: Sample.mapping)
        Self.expect(change.expected, of: MappingDiff.changes(topic: Sample.topic, from: old, to: try mapping(changed)))
        guard change.expected.contains(where: { $0.hasPrefix("breaking") }), !changed.contains("revision: 2") else {
            return
        }
        let raised = changed.replacingOccurrences(of: "revision: 3", with: "revision: 4")
        let changes = MappingDiff.changes(topic: Sample.topic, from: old, to: try mapping(raised))
        #expect(changes.allSatisfy { $0.severity == .dangerous }, "\(changes.map(\.message))")
        #expect(changes.contains { $0.sentence.contains("until a replay rewrites them") })
    }

    static let mappingCases: [Case] = [
        .mapping("revision: 3", "revision: 3 # same"),
        .mapping(
            "revision: 3", "revision: 4", "compatible mapping revision: was 3, is now 4: a replay rewrites the rows"),
        .mapping("revision: 3", "revision: 2", "breaking mapping revision: was 3, is now 2"),
        .mapping(
            "registry.thing_record", "registry.object_record",
            "breaking mapping table: was registry.thing_record, is now registry.object_record"),
        .mapping("view: registry.thing\n", "view: registry.things\n", "dangerous mapping view: was registry.thing"),
        .mapping(
            "{column: code, field: code}", "{column: number, field: code}",
            "breaking mapping key.code: was from code, is gone", "breaking mapping key.number: is new, from code"),
        .mapping(
            "{column: count, field: count}", "{column: amount, field: count}",
            "breaking mapping columns.count: was from count, is gone; rows of revision 3 would be of two meanings",
            "breaking mapping columns.amount: raise revision to 4"),
        .mapping(
            "field: capital}", "field: kind}", "breaking mapping columns.capital: was from capital, is now from kind"),
        .mapping(", as: uppercase", "", "breaking mapping columns.kind: was from kind as uppercase, is now from kind"),
        .mapping("  - {column: count, field: count}\n", "", "breaking mapping columns.count: is gone"),
        .mapping(
            "table: registry.thing_part", "table: registry.thing_item",
            "breaking mapping children.parts: went to registry.thing_part, goes to registry.thing_item now"),
        .mapping(
            "{column: is_main, field: main}", "{column: main, field: main}",
            "breaking mapping children.parts.is_main: is gone",
            "breaking mapping children.parts.main: is new, from main"),
        .mapping(
            "  - {column: capital, field: capital}\n  - {column: count, field: count}",
            "  - {column: count, field: count}\n  - {column: capital, field: capital}",
            "dangerous mapping columns: their order changed, and with it every content's fingerprint"),
    ]

    // MARK: Catalogues

    @Test("identical catalogues differ in nothing, nor do two copies of the product's own")
    func identical() throws {
        let folder = try Sample.folder()
        let other = try Sample.folder()
        let comparison = try Self.compare(folder, other)
        #expect(comparison.changes == [])
        #expect(comparison.faults + comparison.versions == [])
        #expect(comparison.isSafe)
        for topic in try Catalogue.load(folder: "\(repositoryRoot)/Topics").topics {
            #expect(ContractDiff.changes(topic: "t", from: topic.contract, to: topic.contract) == [])
            #expect(MappingDiff.changes(topic: "t", from: topic.mapping, to: topic.mapping) == [])
        }
    }

    private static func compare(_ old: TemporaryFolder, _ new: TemporaryFolder) throws -> Comparison {
        try CatalogueDiff.compare(
            CatalogueState(folder: old.path, name: "before"), CatalogueState(folder: new.path, name: "after"))
    }

    private static let contractFile = "\(Sample.topic)/contract.odcs.yaml"
    private static let mappingFile = "\(Sample.topic)/mapping.yaml"

    @Test("a change names the line of the newer file, a removed field the line of what held it")
    func lines() throws {
        let old = try Sample.folder()
        let new = try Sample.folder()
        let contract = Sample.contract
            .replacingOccurrences(of: "maximum: 5", with: "maximum: 4")
            .replacingOccurrences(of: "value: 2, unit: hours", with: "value: 5, unit: hours")
            .replacingOccurrences(of: "kafkaPartitions, value: 8", with: "kafkaPartitions, value: 9")
            .replacingOccurrences(of: "second: until}", with: "second: place.asOf}")
            .replacingOccurrences(of: "name: Owner", with: "name: Other")
            .replacingOccurrences(
                of: "rule: atMostOneFlagged, list: parts, flag: main",
                with: "rule: requireOneOf, fields: [capital, count]"
            )
            .replacingOccurrences(
                of: """
                                - name: main
                                  logicalType: boolean
                                  required: true
                                  description: Main.
                                  customProperties:
                                    - {property: descriptionVi, value: Chính.}

                    """, with: "")
        let mapping = Sample.mapping.replacingOccurrences(of: "      - {column: is_main, field: main}\n", with: "")
            .replacingOccurrences(of: "field: capital}", with: "field: kind}")
        try new.write(Self.contractFile, contract)
        try new.write(Self.mappingFile, mapping)
        let changes = try Self.compare(old, new).changes
        func line(_ path: String) -> Int? { changes.first { $0.subject.path == path }?.line }
        func place(_ text: String, _ document: String = contract) -> Int { Sample.line(of: text, in: document) }
        #expect(line("count") == place("- name: count"))
        #expect(line("parts[].main") == place("items:") + 1)
        #expect(line("slaProperties.freshness") == place("property: freshness"))
        #expect(line("kafkaPartitions") == place("kafkaPartitions"))
        #expect(line("team.name") == place("team: {"))
        #expect(line("dateOrder") == place("rule: dateOrder") - 3)
        #expect(line("columns.capital") == place("column: capital", mapping))
        #expect(line("children.parts.is_main") == place("{column: name, field: name}", mapping))
        let files = Set(changes.compactMap(\.file))
        #expect(files == ["after/\(Self.contractFile)", "after/\(Self.mappingFile)"])
    }

    @Test("a renamed field is known by its column, too")
    func renamedByColumn() throws {
        let old = try Sample.folder()
        let new = try Sample.folder()
        try new.write(
            Self.contractFile,
            Sample.contract.replacingOccurrences(of: "name: count", with: "name: quantity")
                .replacingOccurrences(of: "description: Count.", with: "description: Quantity.")
                .replacingOccurrences(of: "Số lượng.", with: "Lượng.")
                // A second new field of the type, so that the place alone does not tell.
                .replacingOccurrences(
                    of: "  - name: updatedAt",
                    with: """
                          - name: weight
                                logicalType: integer
                                description: Weight.
                                logicalTypeOptions: {minimum: 1, maximum: 5}
                                customProperties:
                                  - {property: descriptionVi, value: Nặng.}
                              - name: updatedAt
                        """))
        try new.write(
            Self.mappingFile, Sample.mapping.replacingOccurrences(of: "field: count}", with: "field: quantity}"))
        let changes = try Self.compare(old, new).changes
        #expect(changes.contains { $0.message.contains("field quantity: seems to be count renamed") })
        #expect(changes.contains { $0.message == "field weight: is new and optional" })
    }

    @Test("topics that come and go are said, and what a removed one was")
    func topics() throws {
        let old = try Sample.folder()
        let new = try Sample.folder()
        let gone = "other.thing.v1"
        func write(_ status: String) throws {
            let text = Sample.contract.replacingOccurrences(of: Sample.topic, with: gone)
            try old.write(
                "\(gone)/contract.odcs.yaml", text.replacingOccurrences(of: "status: draft", with: "status: \(status)"))
            try old.write("\(gone)/mapping.yaml", Sample.mapping)
        }
        try new.write("other.thing.v2/contract.odcs.yaml", "")
        try write("active")
        var comparison = try Self.compare(old, new)
        #expect(comparison.changes.map(\.topic) == [gone, "other.thing.v2"])
        #expect(comparison.changes.map(\.severity) == [.breaking, .compatible])
        #expect(comparison.changes[0].sentence.hasPrefix("was there, is gone; other.thing.v2 is there:"))
        #expect(comparison.changes[0].wasPromised)
        try write("draft")
        comparison = try Self.compare(old, new)
        #expect(comparison.changes[0].severity == .breaking)
        #expect(!comparison.changes[0].wasPromised)
        try write("retired")
        comparison = try Self.compare(old, new)
        #expect(comparison.changes[0].severity == .compatible)
    }

    private static func lists(
        provinces: [(Int, String?, String?)] = [(1, nil, nil)], communes: [(Int, String?, String?)] = [(4, nil, nil)],
        countries: [String] = ["VNM"]
    ) -> CodeLists {
        func spans(_ rows: [(Int, String?, String?)]) -> [DatedCodes.Span] {
            rows.map { code, first, last in
                DatedCodes.Span(
                    code: code, first: first.flatMap { $0.withTextBytes(Dates.day) } ?? .min,
                    last: last.flatMap { $0.withTextBytes(Dates.day) } ?? .max)
            }
        }
        return CodeLists(
            provinces: ProvinceList(spans(provinces)), communes: CommuneList(spans(communes)),
            countries: CountryList(countries))
    }

    @Test("a code's every day counts: one that is lost is dangerous, a new one compatible")
    func codeLists() throws {
        let before = Self.lists(
            provinces: [
                (1, nil, nil), (4, nil, "2025-06-30"), (4, "2025-07-01", nil), (8, nil, "2025-06-30"), (9, nil, nil),
            ],
            communes: [(4, "2025-07-01", nil)], countries: ["VNM", "XYZ"])
        let after = Self.lists(
            provinces: [
                (1, nil, nil), (4, nil, "2030-12-31"), (8, nil, "2009-12-31"), (8, "2011-01-01", "2025-06-30"),
                (79, nil, nil),
            ],
            communes: (5...30).map { ($0, "2025-07-01", nil) }, countries: ["VNM"])
        Self.expect(
            [
                "dangerous code list provinces: no longer in the list: 09: records with them are refused",
                "dangerous code list provinces: no longer in force from 2031-01-01: 04: records with them are refused",
                "dangerous code list provinces: no longer in force from 2010-01-01 to 2010-12-31: 08",
                "compatible code list provinces: new, in force on any day: 79",
                "dangerous code list communes: no longer in the list: 00004",
                "compatible code list communes: 00014 and 16 more",
                "dangerous code list countries: no longer in the list: XYZ",
            ], of: CodeListsDiff.changes(from: before, to: after))
        #expect(CodeListsDiff.changes(from: before, to: before) == [])
        // Communes of before the list are judged by their shape, whatever rows there are.
        let history = Self.lists(communes: [(4, nil, nil), (5, "1999-01-01", "2020-01-01")])
        #expect(CodeListsDiff.changes(from: history, to: Self.lists(communes: [(4, "2025-07-01", nil)])) == [])
    }

    @Test("a lost code is breaking where a topic judges by its list, and promised where that topic is")
    func codeListsInUse() throws {
        let without = Self.lists(provinces: [(4, nil, nil)])
        let closed = Self.lists(provinces: [(1, nil, "2030-12-31")])
        let active = try Self.read(Self.contract)
        let draft = try Self.read(Sample.contract)
        let ofAnyTime = try Self.read(
            Self.contract.replacingOccurrences(
                of: "codeList, value: province", with: "codeList, value: province-of-any-time"
            )
            .replacingOccurrences(of: "\n              - {property: codeListDateField, value: asOf}", with: ""))
        func losses(_ after: CodeLists, _ contract: Contract) -> [ContractChange] {
            CodeListsDiff.changes(from: Self.lists(), to: after, judging: [("a.b.v1", contract)])
                .filter { $0.severity != .compatible }
        }
        for after in [without, closed] {
            let change = try #require(losses(after, active).first)
            #expect(change.severity == .breaking)
            #expect(change.sentence.hasSuffix("by a.b.v1"))
            #expect(change.wasPromised)
            #expect(losses(after, draft).map(\.wasPromised) == [false])
        }
        #expect(losses(without, ofAnyTime).map(\.severity) == [.breaking])
        #expect(losses(closed, ofAnyTime).map(\.severity) == [.dangerous])
        #expect(losses(Self.lists(countries: []), active).map(\.severity) == [.dangerous])
        #expect(losses(Self.lists(communes: []), active).map(\.severity) == [.dangerous])
    }

    @Test("lint refuses a promise's lost code, and says of two older states what both show only once")
    func lintOfSeveral() throws {
        let first = try Sample.folder()
        let second = try Sample.folder()
        let now = try Sample.folder()
        let two = "code,name_vi,valid_from,valid_to\n01,Hà Nội,2008-08-01,\n04,Cao Bằng,2008-08-01,\n"
        for folder in [first, second, now] { try folder.write(Self.contractFile, Self.contract) }
        for folder in [first, second] { try folder.write("code-lists/provinces.csv", two) }
        try first.write(
            Self.contractFile,
            Self.contract.replacingOccurrences(of: "validValues: [a, b]", with: "validValues: [a, b, c]"))
        let findings = Lint.run(
            folder: now.path,
            baselines: [
                CatalogueState(folder: second.path, name: "second"), CatalogueState(folder: first.path, name: "first"),
            ]
        ).filter { $0.message.hasPrefix("breaking") }
        #expect(findings.map(\.severity) == [.error, .error])
        #expect(findings[0].message.hasPrefix("breaking since second: code list provinces: no longer in the list: 04"))
        #expect(findings[1].message.hasPrefix("breaking since first: field kind: no longer among the values: c"))
    }

    @Test("a rule of the insurance card spares older records only where the card is new, or both others are")
    func cardRule() {
        let rule = RecordRule.insuranceCardAgrees(card: "card", group: "group", level: "level")
        let cases: [([String], ContractChange.Severity)] = [
            (["group", "level"], .compatible), (["card", "level"], .breaking), (["card", "group"], .breaking),
            (["card"], .compatible), (["card", "group", "level"], .breaking),
        ]
        for (known, severity) in cases {
            let fields = known.map { Field(name: $0, type: .text(TextRule()), required: false) }
            let changes = ContractDiff.changes(
                topic: "t", from: Self.small([], with: fields), to: Self.small([rule], with: fields))
            #expect(changes.map(\.severity) == [severity], "\(known)")
        }
    }

    @Test("a date that no older record has cannot refuse their codes; one that they may have can")
    func newDate() {
        func province(at date: String?) -> Field {
            Field(
                name: "province", type: .text(TextRule(codeList: .province, codeListDateField: date)), required: false)
        }
        let day = Field(name: "day", type: .date(partial: false, minimum: nil, maximum: nil), required: false)
        func severities(_ old: [Field], _ new: [Field]) -> [ContractChange.Severity] {
            ContractDiff.changes(topic: "t", from: Self.small([], with: old), to: Self.small([], with: new))
                .filter { $0.subject == .field("province") }.map(\.severity)
        }
        #expect(severities([province(at: nil)], [province(at: "day"), day]) == [.dangerous])
        #expect(severities([province(at: nil), day], [province(at: "day"), day]) == [.breaking])
    }

    @Test("a newer state that is wrong is not safe, although nothing broke")
    func wrongNewerState() throws {
        let old = try Sample.folder()
        let new = try Sample.folder()
        #expect(try Self.compare(old, new).isSafe)
        try new.write(
            Self.contractFile,
            Sample.contract.replacingOccurrences(
                of: "severity: warning\n        implementation: {rule: warnAbsent",
                with: "severity: error\n        implementation: {rule: warnAbsent"))
        var comparison = try Self.compare(old, new)
        #expect(comparison.count(.breaking) == 0)
        #expect(comparison.errorsOfNewer == 1)
        #expect(!comparison.isSafe)
        #expect(
            comparison.lines.last
                == "after: 1 error in the newer state by today's rules: run `lienthong topics lint` on it")
        // Nothing changed in it, and wrong it is.
        comparison = try Self.compare(new, new)
        #expect(!comparison.isSafe)
        #expect(try Self.compare(new, old).isSafe)
    }

    @Test("a contract that lacks what is required now is compared all the same, and said to")
    func lenient() throws {
        let old = try Sample.folder()
        let new = try Sample.folder()
        let bare = Sample.contract
            .replacingOccurrences(of: "  - {property: volume, value: 7, unit: records/day}\n", with: "")
        try old.write(Self.contractFile, bare)
        let comparison = try Self.compare(old, new)
        Self.expect(["compatible setting slaProperties.volume: a new promise: 7 records a day"], of: comparison.changes)
        let fault = try #require(comparison.faults.first)
        #expect(fault.severity == .note)
        #expect(fault.file == "before/\(Self.contractFile)")
        #expect(fault.line == Sample.line(of: "property: freshness", in: bare))
        #expect(fault.message.hasPrefix("by today's rules: the contract: expected the service level volume"))
        #expect(comparison.isSafe)
    }

    @Test("a field whose older type cannot be read is not said to have changed its type")
    func unsure() throws {
        let old = try Sample.folder()
        let new = try Sample.folder()
        try old.write(
            Self.contractFile,
            Sample.contract.replacingOccurrences(
                of: "logicalTypeOptions: {maxItems: 9}\n", with: "businessName: Parts\n"))
        let comparison = try Self.compare(old, new)
        #expect(comparison.changes == [])
        #expect(comparison.faults.allSatisfy { $0.severity == .note })
        #expect(comparison.faults.first?.message.contains("every list has a bound") == true)
        // Nor is a rule that could not be read then said to be new now.
        try old.write(
            Self.contractFile, Sample.contract.replacingOccurrences(of: "rule: dateOrder", with: "rule: orderOfDates"))
        let rules = try Self.compare(old, new)
        #expect(rules.changes == [])
        #expect(rules.faults.first?.line == Sample.line(of: "rule: dateOrder", in: Sample.contract))
    }

    @Test("what cannot be compared at all is an error with its place")
    func unreadable() throws {
        let old = try Sample.folder()
        let new = try Sample.folder()
        try old.write(
            Self.contractFile, Sample.contract.replacingOccurrences(of: "team: {name: Owner,", with: "team: {"))
        let comparison = try Self.compare(old, new)
        #expect(comparison.changes == [])
        #expect(comparison.faults.map(\.severity) == [.error])
        #expect(comparison.faults.first?.line == Sample.line(of: "team: {", in: Sample.contract))
        #expect(comparison.faults.first?.message.hasSuffix("it cannot be compared") == true)
        #expect(!comparison.isSafe)
        try new.write("\(Sample.topic)/mapping.yaml", "revision: [")
        try old.write(Self.contractFile, Sample.contract)
        let mapping = try Self.compare(old, new)
        #expect(mapping.faults.map(\.file) == ["after/\(Self.mappingFile)"])
        #expect(throws: UserError.self) { try Self.compare(try TemporaryFolder(), new) }
    }

    @Test(
        "a version that did not grow as the change asks is said",
        arguments: [
            (
                "maximum: 5", "maximum: 6", "1.2.0",
                "warning: version was 1.2.0, is now 1.2.0, and the contract changed: expected 1.3.0"
            ),
            (
                "maximum: 5", "maximum: 6", "1.2.1",
                "note: version was 1.2.0, is now 1.2.1, and more than texts changed: expected 1.3.0"
            ),
            ("maximum: 5", "maximum: 6", "1.3.0", nil),
            (
                "description: Count.", "description: Number.", "1.2.0",
                "warning: version was 1.2.0, is now 1.2.0, and texts of the contract changed: expected 1.2.1"
            ),
            ("description: Count.", "description: Number.", "1.2.1", nil),
            // What breaks is a new topic: no version heals it.
            ("maximum: 5", "maximum: 4", "1.2.0", nil),
        ] as [(String, String, String, String?)]
    )
    func versions(replaced: String, by: String, version: String, expected: String?) throws {
        let old = try Sample.folder()
        let new = try Sample.folder()
        let text = Self.contract.replacingOccurrences(of: replaced, with: by)
            .replacingOccurrences(of: "version: 1.2.0", with: "version: \(version)")
        try old.write(Self.contractFile, Self.contract)
        try new.write(Self.contractFile, text)
        let versions = try Self.compare(old, new).versions
        #expect(versions.count == (expected == nil ? 0 : 1))
        let line = Sample.line(of: "version: \(version)", in: text)
        if let expected {
            #expect(
                versions.first?.description.hasPrefix("after/\(Self.contractFile):\(line): \(expected)") == true,
                "\(versions)")
        }
        // A draft has promised nothing, its version neither.
        try old.write(Self.contractFile, Sample.contract)
        #expect(try Self.compare(old, new).versions == [])
    }

    // MARK: Output

    @Test("people read a line a change under its topic, the gravest first; programs an object a change")
    func output() throws {
        let old = try Sample.folder()
        let new = try Sample.folder()
        try new.write(
            Self.contractFile,
            Sample.contract.replacingOccurrences(of: "validValues: [a, b]", with: "validValues: [a, c]")
                .replacingOccurrences(of: "Shows things.", with: "Shows."))
        let comparison = try Self.compare(old, new)
        let line = Sample.line(of: "- name: kind", in: Sample.contract)
        #expect(
            comparison.lines.prefix(3) == [
                Sample.topic,
                "    breaking   field kind: no longer among the values: b: records with them are refused as not-in-list "
                    + "[after/\(Self.contractFile):\(line)]",
                "    dangerous  field kind: new among the values: c: readers may not know their meaning "
                    + "[after/\(Self.contractFile):\(line)]",
            ])
        #expect(comparison.counts == "1 breaking, 1 dangerous, 1 compatible")
        let object = try #require(comparison.objects.first?.text)
        #expect(object.hasPrefix(#"{"severity":"breaking","topic":"reference.thing.v1","kind":"field","path":"kind","#))
        #expect(
            object.hasSuffix(#""promised":false,"file":"after/reference.thing.v1/contract.odcs.yaml","line":\#(line)}"#)
        )
        #expect(
            comparison.summary(old: "before", new: "after").text
                == #"{"old":"before","new":"after","breaking":1,"dangerous":1,"compatible":1,"errors":0,"safe":false}"#)
    }

    // MARK: Lint

    private static func lint(_ old: String, _ new: String, mapping: String = Sample.mapping) throws -> [LintFinding] {
        let before = try Sample.folder()
        let after = try Sample.folder()
        try before.write(contractFile, old)
        try after.write(contractFile, new)
        try after.write(mappingFile, mapping)
        return Lint.run(folder: after.path, baselines: [CatalogueState(folder: before.path, name: "before")])
            .filter { $0.message.contains("since before") || $0.message.contains("version was") }
    }

    @Test(
        "lint: a break of a promise is an error, of a draft a warning; what is dangerous is noted, what is compatible is not"
    )
    func lint() throws {
        let broken = Self.contract.replacingOccurrences(of: "validValues: [a, b]", with: "validValues: [a, c]")
            .replacingOccurrences(of: "Shows things.", with: "Shows.")
        let findings = try Self.lint(Self.contract, broken)
        #expect(findings.map(\.severity) == [.error, .note])
        #expect(findings[0].line == Sample.line(of: "- name: kind", in: broken))
        #expect(findings[0].message.hasPrefix("breaking since before: field kind: no longer among the values: b"))
        #expect(findings[0].message.hasSuffix("what breaks a contract is a new topic, of the next major version"))
        #expect(findings[1].message.hasPrefix("dangerous since before: field kind: new among the values: c"))

        let draft = try Self.lint(Sample.contract, broken)
        #expect(draft.map(\.severity) == [.warning, .note])
        #expect(draft[0].message.hasSuffix("the contract was no promise yet, so it may"))

        let words = try Self.lint(
            Self.contract, Self.contract.replacingOccurrences(of: "Shows things.", with: "Shows."))
        #expect(words.map(\.severity) == [.warning])
        #expect(words[0].message.hasPrefix("version was 1.2.0"))

        let mapping = Sample.mapping.replacingOccurrences(of: ", as: uppercase", with: "")
        let rows = try Self.lint(Self.contract, Self.contract, mapping: mapping)
        #expect(rows.map(\.severity) == [.error])
        #expect(rows[0].line == Sample.line(of: "column: kind", in: mapping))
    }

    @Test("lint: a topic that is gone is an error at its folder; an older state that cannot be read is none")
    func lintOfOthers() throws {
        let before = try Sample.folder()
        let after = try Sample.folder()
        try before.write(Self.contractFile, "no contract")
        try before.write(
            "other.thing.v1/contract.odcs.yaml",
            Self.contract.replacingOccurrences(of: Sample.topic, with: "other.thing.v1"))
        let findings = Lint.run(folder: after.path, baselines: [CatalogueState(folder: before.path, name: "before")])
        let gone = try #require(findings.first { $0.file == "\(after.path)/other.thing.v1" })
        #expect(gone.severity == .error)
        #expect(gone.message.hasSuffix("deprecate and retire it first"))
        let older = try #require(findings.first { $0.file == "before/\(Self.contractFile)" })
        #expect(older.severity == .warning)
        #expect(!Lint.run(folder: after.path).contains { $0.message.contains("since") })
    }
}
