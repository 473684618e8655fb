import Contracts
import Foundation
import Model
import TestSupport
import Testing

@testable import Exports

@Suite(
    "Referee",
    .enabled(if: Referee.isThere, "\(Referee.absence)"))
struct RefereeTests {
    private let catalogue: Catalogue
    private let examples: [String: (accepted: [Example], refused: [Example])]

    init() throws {
        catalogue = try Catalogue.load(folder: "\(PackageFolder.path)/Topics")
        var examples: [String: (accepted: [Example], refused: [Example])] = [:]
        for topic in catalogue.topics {
            let loaded = Examples.load(topicFolder: topic.folder)
            try #require(loaded.findings.isEmpty)
            examples[topic.name.rawValue] = (loaded.accepted, loaded.refused)
        }
        self.examples = examples
    }

    /// What no schema says: a refusal, and why.
    struct Inexpressible {
        let reason: ReasonCode
        /// As the refusal names it; nil for every rule of the reason.
        var rule: String?
        let why: String

        func covers(_ reason: ReasonCode, _ rule: String?) -> Bool {
            self.reason == reason && (self.rule == nil || self.rule == rule)
        }
    }

    private static let inexpressible: [Inexpressible] = [
        Inexpressible(reason: .missingKey, why: "the key is not in the value"),
        Inexpressible(reason: .keyMismatch, why: "the key is not in the value"),
        Inexpressible(reason: .wrongType, rule: "a whole number", why: "7.0 is an integer to JSON Schema"),
        Inexpressible(reason: .invalidIdentifier, rule: "tax-code", why: "a check digit"),
        Inexpressible(reason: .invalidIdentifier, rule: "enterprise-code", why: "a check digit"),
        Inexpressible(reason: .notInList, rule: "code list province", why: "the list depends on a date"),
        Inexpressible(reason: .notInList, rule: "code list commune", why: "the list is too long and depends on a date"),
        Inexpressible(
            reason: .outOfRange, rule: "a version at most a day beyond the record's time", why: "needs Kafka's time"),
        Inexpressible(reason: .inconsistent, rule: "dateOrder", why: "compares two values"),
        Inexpressible(reason: .inconsistent, rule: "insuranceCardAgrees group", why: "compares two values"),
        Inexpressible(reason: .inconsistent, rule: "no item twice", why: "uniqueBy judges one member of the items"),
        // Of the made-up topic.
        Inexpressible(reason: .outOfRange, rule: "maxLength 1", why: "a mark that NFC does not draw into its letter"),
        Inexpressible(reason: .outOfRange, rule: "maxLength 3", why: "a mark that NFC does not draw into its letter"),
        Inexpressible(reason: .outOfRange, rule: "maxLength 2000", why: "too many repetitions to count in a pattern"),
        Inexpressible(reason: .outOfRange, rule: "minimum -100", why: "compares numbers in text"),
    ]

    /// A value, where it comes from, and the decoder's verdict.
    private struct Judged {
        let topic: String
        let name: String
        let value: [UInt8]
        var isExample = false
        /// Nil where it is applied.
        let refusal: (reason: ReasonCode, rule: String?)?
    }

    @Test("JSON Schema and the decoder agree on every example that a schema can judge, and on values near to them")
    func schemasAgreeWithDecoder() throws {
        var schemas: [(String, JSON)] = []
        var values: [Judged] = []
        for topic in catalogue.topics {
            let name = topic.name.rawValue
            let (accepted, refused) = try #require(examples[name])
            schemas.append(
                (name, JSONSchema.document(of: topic, codeLists: catalogue.codeLists, examples: accepted)))
            let decoder = try RecordDecoder(topic, codeLists: catalogue.codeLists)
            for example in accepted + refused {
                guard let value = example.value else { continue }
                let file = example.file.split(separator: "/").suffix(2).joined(separator: "/")
                values.append(
                    Judged(
                        topic: name, name: file, value: value, isExample: true,
                        refusal: Self.refusal(of: example, by: decoder)))
            }
            for record in ExampleRecord.shown(of: accepted).prefix(1) {
                values += Self.mutants(record.name, record.value, of: topic, by: decoder)
            }
        }
        let everything = EverythingTopic.definition
        let lists = EverythingTopic.codeLists
        schemas.append(
            (everything.name.rawValue, JSONSchema.document(of: everything, codeLists: lists, examples: [])))
        values += Self.mutants(
            "record", EverythingTopic.record, of: everything, by: try RecordDecoder(everything, codeLists: lists))
        let report = try ExportReferee.judge(
            schemas: schemas, values: values.map { (schema: $0.topic, value: $0.value) })
        for (name, fault) in report.schemas { #expect(fault == nil, "\(name) is no schema") }
        #expect(report.examples == [])
        compare(values, report.verdicts)
    }

    private static func mutants(
        _ name: String, _ value: JSON, of topic: TopicDefinition, by decoder: RecordDecoder
    ) -> [Judged] {
        Mutants.of(name, value, contract: topic.contract).map {
            Judged(
                topic: topic.name.rawValue, name: $0.name, value: $0.value,
                refusal: refusal(ofValue: $0.value, by: decoder))
        }
    }

    private func compare(_ values: [Judged], _ verdicts: [ExportReferee.Verdict]) {
        #expect(verdicts.count == values.count)
        var needed: Set<Int> = []
        var judged: [Judged] = []
        for (value, verdict) in zip(values, verdicts) {
            let place = "\(value.topic) \(value.name)"
            switch (verdict, value.refusal) {
            case (.notJSON, nil): Issue.record("\(place): applied, but not JSON to the referee")
            case (.notJSON, .some): continue
            case (.dependsOnFormats(let words), _): Issue.record("\(place): \(words)")
            case (.invalid, nil): Issue.record("\(place): applied, but invalid by the schema")
            case (.valid, nil), (.invalid, .some): judged.append(value)
            case (.valid, .some(let refusal)):
                judged.append(value)
                let entries = Self.inexpressible.indices.filter {
                    Self.inexpressible[$0].covers(refusal.reason, refusal.rule)
                }
                if entries.isEmpty {
                    Issue.record(
                        "\(place): \(refusal.reason.rawValue) (\(refusal.rule ?? "")), but valid by the schema")
                }
                needed.formUnion(entries)
            }
        }
        for (index, entry) in Self.inexpressible.enumerated() where !needed.contains(index) {
            Issue.record("\(entry.reason.rawValue), \(entry.rule ?? "any rule"): no value needs this entry")
        }
        let (examples, judgedExamples) = (values.count(where: \.isExample), judged.count(where: \.isExample))
        print(
            "The referee judged \(judgedExamples) of \(examples) examples, and "
                + "\(judged.count - judgedExamples) values near to them.")
    }

    private static func refusal(of example: Example, by decoder: RecordDecoder) -> (reason: ReasonCode, rule: String?)?
    {
        let (found, rule) = Lint.verdict(of: example, by: decoder)
        if case .refused(let reason, _) = found { return (reason, rule) }
        return nil
    }

    private static func refusal(
        ofValue value: [UInt8], by decoder: RecordDecoder
    ) -> (reason: ReasonCode, rule: String?)? {
        decoder.reset()
        let verdict = value.withUnsafeBytes {
            decoder.decode(valueOfOwnKey: $0, valueIsPadded: false, timestampMilliseconds: nil)
        }
        if case .refused(let refusal) = verdict { return (refusal.reason, refusal.rule) }
        return nil
    }
}
