import Contracts
import Foundation
import Model
import Testing

@Suite("Lint")
struct LintTests {
    /// A spoilt contract: what is replaced by what, and the message expected at the line of the replacement.
    struct Fault: Sendable, CustomTestStringConvertible {
        let good: String
        let bad: String
        let message: String
        var severity: LintFinding.Severity = .error
        /// A text in the line that is blamed, where it is not the line of the change.
        var line: String?

        var testDescription: String { message }
    }

    @Test("a fault of a contract is found at its line", arguments: contractFaults)
    func contract(fault: Fault) throws {
        let spoilt = try Self.spoil(Sample.contract, fault)
        let read = ContractReader.read(spoilt, file: "c.yaml", topic: Sample.topic)
        try Self.expect(fault, in: read.findings, of: spoilt)
        #expect((read.contract == nil) == (fault.severity == .error))
    }

    @Test("a fault of a mapping is found at its line", arguments: mappingFaults)
    func mapping(fault: Fault) throws {
        let spoilt = try Self.spoil(Sample.mapping, fault)
        let read = MappingReader.read(spoilt, file: "m.yaml", contract: Sample.read())
        try Self.expect(fault, in: read.findings, of: spoilt)
        #expect((read.mapping == nil) == (fault.severity == .error))
    }

    private static func spoil(_ document: String, _ fault: Fault) throws -> String {
        let range = try #require(document.range(of: fault.good), "the sample has no \(fault.good)")
        return document.replacingCharacters(in: range, with: fault.bad)
    }

    private static func expect(_ fault: Fault, in findings: [LintFinding], of document: String) throws {
        let found = findings.first { $0.message.contains(fault.message) && $0.severity == fault.severity }
        let finding = try #require(found, "found only: \(findings.map(\.description).joined(separator: "\n"))")
        let text = fault.line ?? String(fault.bad.split(separator: "\n").last ?? "")
        #expect(finding.line == Sample.line(of: text, in: document), "\(finding)")
    }

    static let contractFaults: [Fault] = [
        Fault(good: "kind: DataContract", bad: "knid: DataContract", message: "unknown key knid: did you mean kind?"),
        Fault(good: "apiVersion: v3.1.0", bad: "apiVersion: v3.0.2", message: "expected apiVersion to be v3.1.0"),
        Fault(
            good: "\nname: reference.thing.v1", bad: "\nname: reference.thing.v2",
            message: "expected name to be reference.thing.v1"),
        Fault(good: "version: 1.2.0", bad: "version: 2.0.0", message: "expected version 1.x.y"),
        Fault(good: "version: 1.2.0", bad: "version: 1.2", message: "expected version to be text"),
        Fault(good: "status: draft", bad: "status: drafft", message: "unknown status drafft: did you mean draft?"),
        Fault(good: "team: {name: Owner,", bad: "team: {nam: Owner,", message: "unknown key nam: did you mean name?"),
        Fault(good: "type: kafka, host", bad: "type: kafca, host", message: "expected a server of type kafka"),
        Fault(good: "value: [11, 24]", bad: "value: [11, 25]", message: "different numbers from 1 to 24"),
        Fault(
            good: "kafkaPartitions, value: 8", bad: "kafkaPartitons, value: 8", message: "did you mean kafkaPartitions?"
        ),
        Fault(
            good: "kafkaPartitions, value: 8", bad: "kafkaPartitions, value: 0", message: "whole number from 1 to 10000"
        ),
        Fault(
            good: "maxRefusedShare, value: 0.2", bad: "maxRefusedShare, value: 20", message: "a number from 0.0 to 1.0"),
        Fault(
            good: "logicalType: integer", bad: "logicalType: intger",
            message: "field count: unknown type intger: did you mean integer?"),
        Fault(good: "logicalType: integer", bad: "logicalType: number", message: "decimals are texts"),
        Fault(good: "name: until", bad: "name: since # again", message: "two fields of one name"),
        Fault(good: "name: until", bad: "name: Until", message: "lowerCamelCase"),
        Fault(good: "name: until", bad: "name: stateSecret", message: "stateSecret is reserved", line: "- name: code"),
        Fault(
            good: "minLength: 2, maxLength", bad: "minLength: 13, maxLength", message: "minLength not above maxLength"),
        Fault(good: "minLength: 2", bad: "minLength: two", message: "expected minLength to be a whole number"),
        Fault(good: "minLength: 2", bad: "minLenght: 2", message: "unknown key minLenght: did you mean minLength?"),
        Fault(good: "{minimum: 1, maximum: 5}", bad: "{minimum: 6, maximum: 5}", message: "minimum not above maximum"),
        Fault(good: "{minimum: 1, maximum: 5}", bad: "{maxLength: 5}", message: "unknown key maxLength"),
        Fault(good: "{minimum: 1,", bad: "{multipleOf: 3,", message: "multipleOf is not enforced", severity: .note),
        Fault(good: "\"^[0-9]+$\"", bad: "\"[0-9]+\"", message: "expected pattern to be anchored"),
        Fault(
            good: "\"^[0-9]+$\"", bad: "\"^([0-9]+)+$\"",
            message: "expected a pattern that reads each text in one way"),
        Fault(
            good: "value: personal-number", bad: "value: personal-numbr",
            message: "unknown identifier personal-numbr: did you mean"),
        Fault(good: "codeList, value: province", bad: "codeList, value: provinces", message: "did you mean province?"),
        Fault(
            good: "codeListDateField, value: asOf", bad: "codeListDateField, value: as",
            message: "names no date field beside it", line: "- name: provinceCode"),
        Fault(
            good: "codeList, value: province", bad: "codeList, value: country",
            message: "only the code lists province and commune", line: "codeListDateField"),
        Fault(
            good: "partialDate, value: true", bad: "partialDate, value: maybe",
            message: "expected partialDate to be true or false"),
        Fault(
            good: "partialDate, value: true", bad: "identifier, value: tax-code",
            message: "identifier does not fit a field of type date"),
        Fault(
            good: "partialDate, value: true", bad: "houseStyle, value: true", message: "houseStyle is not enforced",
            severity: .note),
        Fault(good: "decimalScale, value: 2", bad: "decimalScale, value: 99", message: "whole number from 0 to 18"),
        Fault(
            good: "classification: personal", bad: "classification: open", message: "it identifies a person",
            severity: .warning, line: "- name: code"
        ),
        Fault(
            good: "items:\n          logicalType: object",
            bad: "items:\n          logicalType: object\n          classification: health",
            message: "expected the items' classification to be that of the list"
        ),
        Fault(good: "classification: personal", bad: "classification: persnal", message: "did you mean personal?"),
        Fault(
            good: "validValues: [a, b]", bad: "validValues: [a, no]", message: "expected each of validValues to be text"
        ),
        Fault(good: "validValues: [a, b]", bad: "validValues: [a, a]", message: "a stands twice"),
        Fault(good: "validValues: [a, b]", bad: "validValue: [a, b]", message: "did you mean validValues?"),
        Fault(good: "metric: invalidValues", bad: "metric: invalidValue", message: "did you mean invalidValues?"),
        Fault(
            good: "metric: invalidValues", bad: "metric: nullValues", message: "nullValues is not enforced",
            severity: .note),
        Fault(good: "mustBe: 0", bad: "mustBe: 1", message: "expected mustBe: 0"),
        Fault(
            good: "logicalTypeOptions: {maxItems: 9}", bad: "businessName: Parts", message: "every list has a bound",
            line: "- name: parts"),
        Fault(
            good: "uniqueBy, value: name", bad: "uniqueBy, value: nme",
            message: "uniqueBy names no field of the items: did you mean name?"),
        Fault(
            good: "primaryKeyPosition: 2", bad: "primaryKeyPosition: 3", message: "number the key's fields from 1",
            line: "- name: since"),
        Fault(
            good: "required: true\n        primaryKey: true\n        primaryKeyPosition: 2",
            bad: "primaryKey: true\n        primaryKeyPosition: 2", message: "a field of the key to be required",
            line: "- name: since"),
        Fault(
            good: "{property: version, value: true}", bad: "{property: version, value: false}",
            message: "expected a field with the custom property version", line: "  - name: reference.thing.v1"),
        Fault(
            good: "{property: descriptionVi, value: Số lượng.}",
            bad: "{property: descriptionVi, value: Số.}\n          - {property: version, value: true}",
            message: "the version is count already", line: "- name: updatedAt"),
        Fault(
            good: "logicalType: timestamp\n        required: true", bad: "logicalType: timestamp",
            message: "expected the version to be required", line: "- name: updatedAt"),
        Fault(
            good: "          - {property: descriptionVi, value: Loại.}",
            bad: "          - {property: houseStyle, value: Kind.}", message: "field kind: descriptionVi is missing",
            severity: .warning, line: "- name: kind"),
        Fault(
            good: "description: Kind.", bad: "tags: [kind]", message: "field kind: description is missing",
            severity: .warning, line: "- name: kind"),
        Fault(good: "engine: lienthong", bad: "engine: lienthng", message: "did you mean lienthong?"),
        Fault(
            good: "engine: lienthong", bad: "engine: soda", message: "its engine is soda", severity: .note,
            line: "- type: custom"),
        Fault(
            good: "severity: error", bad: "severity: warning",
            message: "expected severity of rule dateOrder to be error"),
        Fault(
            good: "rule: dateOrder", bad: "rule: dateOder", message: "unknown rule dateOder: did you mean dateOrder?"),
        Fault(
            good: "second: until}", bad: "second: untl}",
            message: "second names untl, which is no field of the contract: did you mean until?"),
        Fault(
            good: "second: until}", bad: "second: kind}", message: "expected second to name a date, and kind is none"),
        Fault(good: "second: until}", bad: "secnd: until}", message: "unknown key secnd: did you mean second?"),
        Fault(good: "flag: main}", bad: "flag: name}", message: "expected flag to name a boolean field"),
        Fault(good: "list: parts,", bad: "list: place,", message: "expected list to name a list of objects"),
        Fault(
            good: "{rule: dateOrder, first: since, second: until}", bad: "{rule: requireOneOf, fields: [kind, until]}",
            message: "kind is required already, so the rule never acts"
        ),
        Fault(
            good: "{rule: dateOrder, first: since, second: until}", bad: "{rule: requireOneOf, fields: [until]}",
            message: "expected at least two fields"
        ),
        Fault(
            good: "{rule: dateOrder, first: since, second: until}",
            bad: "{rule: identifierByValue, field: code, by: kind, cases: {c: tax-code}, otherwise: personal-number}",
            message: "c is no value of kind"
        ),
        Fault(
            good: "{rule: dateOrder, first: since, second: until}",
            bad: "{rule: identifierByValue, field: code, by: kind, cases: {a: tax-cod}, otherwise: personal-number}",
            message: "unknown identifier tax-cod: did you mean tax-code?"
        ),
        Fault(
            good: "field: capital, name: no-capital", bad: "field: kind, name: no-kind",
            message: "kind is required, so it is never absent"),
        Fault(
            good: "description: {purpose: Shows things.,", bad: "description: {purpose: \" \",",
            message: "expected purpose to be text, found it empty"),
        Fault(
            good: "id: reference.thing.v1", bad: "id: reference.thing.v1\nid: again", message: "id: given twice",
            line: "id: reference.thing.v1"),
        Fault(good: "description: Code.", bad: "description: Code: or not", message: "not YAML"),
        Fault(
            good: "kind: DataContract", bad: "kind: DataContract\nprice: {priceAmount: 1}",
            message: "price is not enforced", severity: .note),
        Fault(
            good: "  - {property: limitationsVi, value: Đều là hư cấu.}\n", bad: "",
            message: "limitationsVi is missing beside limitations", severity: .warning, line: "limitations: All are"),
        Fault(
            good: "id: reference.thing.v1", bad: "id: reference.things.v1",
            message: "expected id to be reference.thing.v1"),
        Fault(
            good: "  - {property: kafkaPartitions, value: 8}",
            bad: "  - {property: kafkaPartitions, value: 8}\n  - {property: kafkaRetentionMilliseconds, value: 0}",
            message: "expected kafkaRetentionMilliseconds to be -1 or at least an hour"),
        Fault(good: "domain: reference", bad: "domain: other", message: "expected domain to be the first word"),
        Fault(good: "access: write", bad: "access: wirte", message: "unknown access wirte: did you mean write?"),
        Fault(good: "access: write", bad: "access: read", message: "expected a role with access write"),
        Fault(
            good: "{role: worker, access: read", bad: "{role: publisher, access: read",
            message: "two roles of the name publisher"),
        Fault(
            good: "access: write}",
            bad: "access: write, customProperties: [{property: kafkaPrincipal, value: [User:a]}]}",
            message: "did you mean kafkaPrincipals?"),
        Fault(
            good: "access: write}",
            bad: "access: write, customProperties: [{property: kafkaPrincipals, value: [\"User:*\"]}]}",
            message: "expected each of kafkaPrincipals to be a type and one name"),
        Fault(
            good: "access: write}",
            bad: "access: write, customProperties: [{property: kafkaPrincipals, value: [feed]}]}",
            message: "expected each of kafkaPrincipals to be a type and one name"),
        Fault(
            good: "access: write}",
            bad: "access: write, customProperties: [{property: kafkaPrincipals, value: [\"User:a\", \"User:a\"]}]}",
            message: "User:a stands twice in kafkaPrincipals"),
        Fault(
            good: "mailto:owner@thing.example", bad: "owner@thing.example",
            message: "expected url to begin with mailto:"),
        Fault(good: "property: freshness", bad: "property: freshnes", message: "did you mean freshness?"),
        Fault(
            good: "{property: retention, value: unlimited}", bad: "{property: latency, value: 2, unit: hours}",
            message: "service level latency is not enforced", severity: .note),
        Fault(good: "unit: hours", bad: "unit: hour", message: "unknown unit hour: did you mean hours?"),
        Fault(good: "unit: records/day", bad: "unit: records", message: "expected unit to be records/day"),
        Fault(good: "value: unlimited", bad: "value: 9, unit: days", message: "expected the promised retention to be"),
        Fault(
            good: "  - {property: volume, value: 7, unit: records/day}\n", bad: "",
            message: "expected the service level volume", line: "- {property: freshness, value: 2, unit: hours}"),
        Fault(
            good: "logicalTypeOptions: {maxItems: 9}", bad: "logicalTypeOptions: {maxItems: 9, minItems: 10}",
            message: "expected minItems not above maxItems"),
        Fault(good: "{maxItems: 9}", bad: "{maxItems: 9, uniqueItems: true}", message: "uniqueBy says it already"),
    ]

    static let mappingFaults: [Fault] = [
        Fault(good: "revision: 3", bad: "revison: 3", message: "unknown key revison: did you mean revision?"),
        Fault(good: "revision: 3", bad: "revision: 0", message: "whole number from 1"),
        Fault(
            good: "table: registry.thing_record", bad: "table: Registry.thing", message: "expected table as schema.name"
        ),
        Fault(good: "table: registry.thing_record", bad: "table: thing", message: "expected table as schema.name"),
        Fault(
            good: "table: registry.thing_record", bad: "table: \"registry.a; DROP TABLE b\"",
            message: "expected table as schema.name"),
        Fault(good: "table: registry.thing_record", bad: "table: ingest.position", message: "belongs to the broker"),
        Fault(
            good: "view: registry.thing\n", bad: "view: registry.thing_record\n",
            message: "expected the view to differ from the table"),
        Fault(good: "field: kind,", bad: "field: knd,", message: "knd is no field of the contract: did you mean kind?"),
        Fault(
            good: "column: kind,", bad: "column: count,", message: "the column count is taken already",
            line: "column: count, field: count"),
        Fault(
            good: "column: kind,", bad: "column: code,", message: "the column code is taken already",
            line: "column: code, field: kind"),
        Fault(good: "column: kind,", bad: "column: stage_kind,", message: "the column stage_kind is taken already"),
        Fault(
            good: "{column: code, field: code}", bad: "{column: partition, field: code}",
            message: "the column partition is taken already"),
        Fault(
            good: "{column: name, field: name}", bad: "{column: parent_position, field: name}",
            message: "parent_position is taken already"),
        Fault(good: "column: kind,", bad: "column: order,", message: "order is a reserved word of PostgreSQL"),
        Fault(good: "column: kind,", bad: "column: \"ki nd\",", message: "expected a column's name"),
        Fault(good: "column: kind,", bad: "column: deleted,", message: "deleted is taken already"),
        Fault(
            good: "as: whole-date", bad: "as: wholedate",
            message: "unknown normaliser wholedate: did you mean whole-date?"),
        Fault(
            good: "field: count}", bad: "field: count, as: whole-date}", message: "whole-date fits partial dates only"),
        Fault(good: "field: capital}", bad: "field: capital, as: uppercase}", message: "uppercase fits texts only"),
        Fault(
            good: "  - {column: since, field: since}\n", bad: "",
            message: "the contract's key in their order: code, since", line: "field: code"),
        Fault(
            good: "list: parts", bad: "list: part",
            message: "part is no list of the contract that can have a table: did you mean parts?"),
        Fault(
            good: "{column: name, field: name}", bad: "{column: name, field: nam}",
            message: "nam is no field of the contract"),
        Fault(
            good: "{column: name, field: name}", bad: "{column: position, field: name}",
            message: "position is taken already"),
        Fault(
            good: "{column: name, field: name}", bad: "{column: since, field: name}", message: "since is taken already"),
        Fault(
            good: "table: registry.thing_part", bad: "table: registry.thing_record",
            message: "registry.thing_record is used already", line: "- table:"),
        Fault(
            good: "  - {column: count, field: count}\n", bad: "", message: "the field count lands in no column",
            severity: .note, line: "until_text"),
        Fault(
            good: "      - {column: is_main, field: main}\n", bad: "",
            message: "the field parts[].main lands in no column", severity: .note, line: "- table:"),
    ]

    // MARK: Examples

    private static let good = """
        {"code": "001099000001", "since": "2020-01-01", "kind": "a", "capital": "1.50", "updatedAt": "2026-01-01T00:00:00Z"}
        """

    private static func lint(_ examples: [String: String]) throws -> [LintFinding] {
        let folder = try Sample.folder()
        for (name, text) in examples { try folder.write("\(Sample.topic)/examples/\(name)", text) }
        return Lint.run(folder: folder.path)
    }

    @Test("an example with another verdict than it states is found, with file, line and both verdicts")
    func wrongReason() throws {
        let findings = try Self.lint([
            "accepted/good.json":
                #"{"why": "w", "key": "001099000001:2020-01-01", "value": \#(Self.good), "expect": "applied"}"#,
            "accepted/bad.json": """
            {
              "why": "w",
              "key": "001099000001:2020-01-01",
              "value": {"code": "001099000001"},
              "expect": "applied"
            }
            """,
            "refused/bad.json": """
            {"why": "w", "key": "001099000001:2020-01-01", "value": \(Self.good),

             "expect": "missing-field", "field": "kind"}
            """,
        ])
        let accepted = try #require(findings.first { $0.file.hasSuffix("accepted/bad.json") })
        #expect(accepted.line == 5)
        #expect(accepted.message.hasPrefix("expected applied without warnings, found missing-field at since"))
        let refused = try #require(findings.first { $0.file.hasSuffix("refused/bad.json") })
        #expect(refused.line == 3)
        #expect(refused.message == "expected missing-field at kind, found applied without warnings")
        #expect(!findings.contains { $0.file.hasSuffix("good.json") })
    }

    @Test("a warning that is not stated is found")
    func warnings() throws {
        let value = Self.good.replacingOccurrences(of: #""capital": "1.50", "#, with: "")
        let findings = try Self.lint([
            "accepted/silent.json":
                #"{"why": "w", "key": "001099000001:2020-01-01", "value": \#(value), "expect": "applied"}"#,
            "accepted/said.json":
                #"{"why": "w", "key": "001099000001:2020-01-01", "value": \#(value), "expect": "applied", "warnings": ["no-capital"]}"#,
            "refused/.keep": "",
        ])
        let silent = try #require(findings.first { $0.file.hasSuffix("silent.json") })
        #expect(silent.message == "expected applied without warnings, found applied with warnings no-capital")
        #expect(!findings.contains { $0.file.hasSuffix("said.json") })
    }

    @Test("a topic without enough examples, or without one of a reason it can give, is told which are missing")
    func coverage() throws {
        let findings = try Self.lint([
            "accepted/good.json":
                #"{"why": "w", "key": "001099000001:2020-01-01", "value": \#(Self.good), "expect": "applied"}"#,
            "refused/bad.json": #"{"why": "w", "key": "k", "valueText": "{", "expect": "not-json"}"#,
        ])
        let messages = findings.map(\.message)
        #expect(messages.contains("expected at least 6 examples, found 1"))
        #expect(messages.contains("expected at least 12 examples, found 1"))
        for reason in ReasonCode.allCases {
            let isMissing = messages.contains { $0.hasPrefix("expected an example of \(reason.rawValue),") }
            #expect(isMissing == ![.notJSON, .versionMissing, .databaseRefused].contains(reason), "\(reason)")
        }
        #expect(messages.contains("expected an example with the warning no-capital"))
        let tombstone = "expected an example of a tombstone, which is deleted: owners must see how to delete"
        #expect(findings.contains { $0.message == tombstone && $0.severity == .error })
        let deleting = try Self.lint([
            "accepted/gone.json":
                #"{"why": "w", "key": "001099000001:2020-01-01", "value": null, "expect": "deleted"}"#,
            "refused/.keep": "",
        ])
        #expect(!deleting.contains { $0.message == tombstone })
    }

    @Test("an example that only a database can judge is skipped by name")
    func needsDatabase() throws {
        let findings = try Self.lint([
            "refused/later.json":
                #"{"why": "w", "key": "k", "value": {}, "expect": "database-refused", "needs": "database"}"#
        ])
        let finding = try #require(findings.first { $0.file.hasSuffix("later.json") })
        #expect(finding.severity == .note)
        #expect(finding.message == "skipped: only a database can give database-refused at no field")
    }

    @Test(
        "an example that cannot be read is a finding",
        arguments: [
            (#"[]"#, "expected one JSON object"),
            (#"{"why": "w""#, "expected one JSON object"),
            (#"{"key": "k", "value": {}, "expect": "not-json"}"#, "expected why to be text"),
            (#"{"why": "w", "value": {}, "expect": "not-json"}"#, "expected key as text or null"),
            (#"{"why": "w", "key": "k", "expect": "not-json"}"#, "expected exactly one of"),
            (
                #"{"why": "w", "key": "k", "value": {}, "valueText": "", "expect": "not-json"}"#,
                "expected exactly one of"
            ),
            (
                #"{"why": "w", "key": "k", "value": {}, "expect": "not-jsn"}"#,
                "unknown reason code not-jsn: did you mean not-json?"
            ),
            (
                #"{"why": "w", "key": "k", "value": {}, "expects": "not-json"}"#,
                "unknown name expects: did you mean expect?"
            ),
            (#"{"why": "w", "key": "k", "valueBase64": "*", "expect": "not-json"}"#, "in Base64"),
            (
                #"{"why": "w", "key": "k", "valueRepeat": {"text": "a", "times": 99999999}, "expect": "not-json"}"#,
                "at most"
            ),
            (#"{"why": "w", "key": "k", "value": {}, "timestamp": "today", "expect": "not-json"}"#, "RFC 3339"),
            (#"{"why": "w", "key": "k", "value": {}, "expect": "not-json", "warnings": ["a"]}"#, "has no warnings"),
            (
                #"{"why": "w", "key": "k", "value": {}, "expect": "not-json", "needs": "luck"}"#,
                "expected needs to be database"
            ),
        ]
    )
    func unreadable(text: String, message: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("examples/refused/a.json", text)
        let findings = Examples.load(topicFolder: folder.path).findings
        #expect(findings.contains { $0.message.contains(message) && $0.line == 1 }, "\(findings)")
    }

    @Test("the value keeps the bytes it has in the file")
    func exactBytes() throws {
        let folder = try TemporaryFolder()
        let value = #"{"a": 1,  "a": 99999999999999999999, "b\u0041": "}]\",{", "c": [ {} ]}"#
        try folder.write(
            "examples/accepted/a.json",
            "{\"why\": \"w\", \"key\": null,\n \"value\": \(value) ,\n\"expect\":\"applied\"}"
        )
        try folder.write(
            "examples/accepted/b.json",
            #"{"why": "w", "key": "", "value": null, "headers": {"ce_sourceversion": "7"}, "expect": "deleted"}"#
        )
        try folder.write("examples/accepted/c.json", #"{"why": "w", "key": "k", "valueText": "", "expect": "applied"}"#)
        try folder.write(
            "examples/accepted/d.json",
            #"{"why": "w", "key": "k", "valueRepeat": {"text": "ab", "times": 3}, "timestamp": "2026-01-01T07:00:00+07:00", "expect": "applied"}"#
        )
        try folder.write("examples/refused/.keep", "")
        let (examples, _, findings) = Examples.load(topicFolder: folder.path)
        #expect(findings == [])
        try #require(examples.count == 4)
        #expect(examples[0].value == Array(value.utf8))
        #expect(examples[0].key == nil)
        #expect(examples[0].line == 3)
        #expect(examples[1].value == nil)
        #expect(examples[1].key == [])
        #expect(examples[1].tombstoneVersion == Array("7".utf8))
        #expect(examples[1].headersByteCount == 17)
        #expect(examples[2].value == [])
        #expect(examples[3].value == Array("ababab".utf8))
        #expect(examples[3].timestampMilliseconds == 1_767_225_600_000)
    }
}
