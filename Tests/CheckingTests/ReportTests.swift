import Contracts
import Exports
import Foundation
import Model
import Testing

@testable import Checking

@Suite struct ReportTests {
    @Test("the account adds up, and its groups come the most frequent first")
    func account() throws {
        let text = ["{}", citizen(1), "x", "x", "{}", "x"].joined(separator: "\n")
        let account = try check(text, format: .ndjson).account
        #expect(account.records == account.accepted + account.deleted + account.refused)
        #expect(account.refusedGroups.map(\.cause.name) == ["not-json", "missing-field"])
        #expect(account.refusedGroups.map(\.tally.count) == [3, 2])
        #expect(account.refusedGroups.map { $0.tally.firstPlaces.map(\.line) } == [[3, 4, 6], [1, 5]])
    }

    @Test("of each kind the first ten places are kept", arguments: [9, 10, 11, 30])
    func firstPlaces(count: Int) throws {
        let outcome = try check(String(repeating: "{}\n", count: count), format: .ndjson)
        let report = CheckReport(try definition("population.citizen.v1"), outcome.account, file: "x")
        let row = try #require(report.refused.first)
        #expect(row.count == count)
        #expect(row.share == 1)
        let numbers = (1...min(count, 10)).map(String.init).joined(separator: ", ")
        #expect(row.places == numbers + (count > 10 ? " …" : ""))
    }

    @Test(
        "a share never looks like nothing or all when it is not",
        arguments: [
            (0, "0.00 %"), (1, "100.00 %"), (0.5, "50.00 %"), (0.00001, "< 0.01 %"), (0.0036, "0.36 %"),
            (0.9999999, "99.99 %"), (2.0 / 35, "5.71 %"), (0.1005, "10.05 %"),
        ] as [(Double, String)])
    func percent(share: Double, words: String) {
        #expect(CheckReport.percent(share) == words)
    }

    @Test("what is told as JSON is one object a line, and the summary adds up")
    func json() throws {
        let header =
            "personalId,fullName,birthDate,sex,permanentAddress.text,permanentAddress.provinceCode,identityStatus,verson,version"
        let text = [header, "001190000001,a,1991,male,a,01,active,,1", "1", "x,y,,,,,,,"].joined(separator: "\n")
        let outcome = try check(text, format: .csv)
        func object(_ line: String) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
        let definition = try definition("population.citizen.v1")
        var writer = FindingWriter(definition.contract)
        let lines = try outcome.findings.map { try object(writer.json($0).text) }
        #expect(lines.map { $0["line"] as? Int } == [2, 3, 4] || lines.map { $0["line"] as? Int } == [2, 2, 3, 4])
        #expect(lines.first?["warning"] as? String == "birth-year-differs-from-number")
        #expect(lines.contains { $0["malformed"] as? String == "fewer-cells" })
        #expect(lines.last?["reason"] as? String == "invalid-identifier")
        #expect(lines.last?["field"] as? String == "personalId")
        #expect(lines.last?["rule"] as? String == "personal-number")
        #expect((lines.last?["expected"] as? String)?.hasPrefix("Personal identification number: 12 digits") == true)
        let report = CheckReport(definition, outcome.account, file: "x")
        let summary = try object(report.json(seconds: 1.5).text)
        #expect(summary["records"] as? Int == 3)
        #expect(summary["accepted"] as? Int == 1)
        #expect(summary["refused"] as? Int == 2)
        #expect(summary["malformed"] as? Int == 1)
        #expect(summary["warnings"] as? Int == outcome.account.warningCount)
        let columns = try #require(summary["unknownColumns"] as? [[String: Any]])
        #expect(columns.first?["suggestion"] as? String == "version")
        #expect(report.notes.first?.contains("did you mean version?") == true)
    }

    // MARK: Page

    /// In every text a mark, so that a value on the page would show.
    static let mark = "QXZVJ"

    static func marked(_ fields: [Field]) -> String {
        func value(_ type: FieldType) -> String {
            switch type {
            case .text, .decimal, .date, .timestamp: "\"\(mark)\""
            case .integer: "987654321987"
            case .boolean: "\"\(mark)\""
            case .object(let fields): marked(fields)
            case .list(let item, uniqueBy: _, minimumItems: _, maximumItems: _): "[" + value(item) + "]"
            }
        }
        return "{"
            + (fields.map { "\"\($0.name)\":\(value($0.type))" } + ["\"\(mark)\":\"\(mark)\""]).joined(separator: ",")
            + "}"
    }

    @Test("a page holds no value of any record, whatever the reason", arguments: ExampleVerdictTests.topics)
    func noValues(topic: String) throws {
        let definition = try definition(topic)
        // Each line has one field of a marked record, the rest of an accepted example: as many reasons as there are.
        let example = try #require(Examples.load(topicFolder: definition.folder).accepted.first { $0.value != nil })
        let good = try #require(
            try JSONSerialization.jsonObject(with: Data(example.value ?? [])) as? [String: Any])
        let bad = try #require(
            try JSONSerialization.jsonObject(with: Data(Self.marked(definition.contract.fields).utf8)) as? [String: Any]
        )
        var lines = [Self.marked(definition.contract.fields), Self.mark, "{\"\(Self.mark)\":1}"]
        for (name, value) in bad.sorted(by: { $0.key < $1.key }) {
            var record = good
            record[name] = value
            lines.append(String(decoding: try JSONSerialization.data(withJSONObject: record), as: UTF8.self))
            record[name] = nil
            lines.append(String(decoding: try JSONSerialization.data(withJSONObject: record), as: UTF8.self))
        }
        let outcome = try check(Array(lines.joined(separator: "\n").utf8), topic: topic, format: .ndjson)
        let report = CheckReport(definition, outcome.account, file: "records.ndjson")
        #expect(outcome.account.refusals.count > 5)
        try Self.expectNoValues(report, outcome.findings)
    }

    @Test("a page of rows holds no cell, of unknown columns neither")
    func noCells() throws {
        let text = """
            personalId,fullName,Ghi chú,version,previousPersonalIds
            \(Self.mark),\(Self.mark),\(Self.mark),\(Self.mark),[\(Self.mark)
            \(Self.mark),\(Self.mark)
            "\(Self.mark)"\(Self.mark),\(Self.mark)
            """
        let outcome = try check(text, format: .csv)
        let report = CheckReport(try definition("population.citizen.v1"), outcome.account, file: "records.csv")
        #expect(outcome.account.refused == 3)
        try Self.expectNoValues(report, outcome.findings)
        #expect(!report.page(checkedAtMilliseconds: 0).contains("Ghi chú"))
        #expect(!report.json(seconds: 1).text.contains("Ghi chú"))
        #expect(report.notes.contains("column 3 is no field of the contract, and counted as unknown"))
    }

    @Test("a file without records passes for nothing", arguments: [("[]", InputFormat.array), ("personalId\n", .csv)])
    func noRecord(text: String, format: InputFormat) throws {
        let account = try check(text, format: format).account
        #expect(!account.isPassed)
        let report = CheckReport(try definition("population.citizen.v1"), account, file: "x")
        #expect(report.verdict == "no record was checked")
        let page = report.page(checkedAtMilliseconds: 0)
        #expect(page.contains("<strong class=\"bad\">Không có bản ghi nào được kiểm tra"))
        #expect(page.contains("No record was checked"))
        #expect(!page.contains("can be published"))
    }

    @Test("the verdict counts, and a page says what no check tells")
    func verdict() throws {
        func report(_ text: String) throws -> CheckReport {
            CheckReport(
                try definition("population.citizen.v1"), try check(text, format: .ndjson).account, file: "x")
        }
        #expect(try report(citizen(1)).verdict == "no record would be refused")
        #expect(try report(citizen(1)).account.isPassed)
        let refused = try report(String(repeating: "{}\n", count: 1_234) + citizen(1))
        #expect(refused.verdict == "1,234 of 1,235 records would be refused")
        #expect(!refused.account.isPassed)
        #expect(refused.page(checkedAtMilliseconds: 0).contains("database-refused"))
        #expect(try report(citizen(1)).page(checkedAtMilliseconds: 0).contains("database-refused"))
    }

    @Test("identifiers and code lists are expected in words")
    func identifiersInWords() throws {
        let bad = [
            citizen(1).replacing("001190", with: "000190"), citizen(1).replacing("\"01\"", with: "\"99\""),
        ].joined(separator: "\n")
        let report = CheckReport(
            try definition("population.citizen.v1"), try check(bad, format: .ndjson).account, file: "x")
        #expect(
            report.refused.map(\.expected).sorted() == [
                "personal identification number: 12 digits, which tell place (never 000), sex and year of birth",
                "province: 2 digits, of the 34 since 2025-07-01 or the 63 before, judged at the day in asOf",
            ])
    }

    private static func expectNoValues(_ report: CheckReport, _ findings: [CheckFinding]) throws {
        let page = report.page(checkedAtMilliseconds: someTimeMilliseconds)
        var writer = FindingWriter(report.definition.contract)
        let texts =
            [page, report.json(seconds: 1).text] + findings.map { writer.json($0).text } + report.notes
            + (report.refused + report.warnings).map { "\($0)" }
        for text in texts {
            #expect(!text.contains(mark))
            #expect(!text.contains("987654321987"))
        }
    }

    @Test(
        "a page says it in both languages, with version, owner and contacts, and loads nothing",
        arguments: ExampleVerdictTests.topics)
    func page(topic: String) throws {
        let definition = try definition(topic)
        let outcome = try check(Array("{}\nx\n".utf8), topic: topic, format: .ndjson)
        let page = CheckReport(definition, outcome.account, file: "a<b>&\"c'.ndjson")
            .page(checkedAtMilliseconds: 1_767_200_400_000)
        #expect(page.contains("2 trong 2 bản ghi sẽ bị từ chối (100,00 %)."))
        #expect(page.contains("2 of 2 records would be refused (100.00 %)."))
        #expect(page.contains(HTMLPage.escaped(definition.contract.owner)))
        #expect(page.contains("<td>\(definition.contract.version)</td>"))
        for contact in definition.contract.support { #expect(page.contains("href=\"\(contact.url)\"")) }
        #expect(page.contains(HTMLPage.escaped(ReasonGuide.vietnamese(.notJSON))))
        #expect(page.contains(HTMLPage.escaped(ReasonGuide.english(.missingField))))
        #expect(page.contains("a&lt;b&gt;&amp;&quot;c&#39;.ndjson"))
        #expect(page.contains("2026-01-01 00:00 (UTC+7)"))
        #expect(!page.contains("{{"))
        #expect(!page.contains("http://"))
        #expect(!page.contains("<script"))
    }

    @Test("every reason and malformation has its words in both languages")
    func words() {
        for reason in ReasonCode.allCases {
            #expect(ReasonGuide.vietnamese(reason) != ReasonGuide.english(reason))
            #expect(ReasonGuide.vietnamese(reason).hasSuffix("."))
            #expect(ReasonGuide.english(reason).hasSuffix("."))
        }
        for malformation in Malformation.allCases {
            #expect(malformation.meaning.vietnamese != malformation.meaning.english)
        }
    }

    @Test("rules between fields are told by their fields", arguments: ExampleVerdictTests.topics)
    func rules(topic: String) throws {
        let definition = try definition(topic)
        let words = ContractWords(contract: definition.contract, isOfRows: false)
        let decoder = try RecordDecoder(definition, codeLists: try catalogue.get().codeLists)
        for example in Examples.load(topicFolder: definition.folder).refused where !example.needsDatabase {
            guard case (.refused(let reason, let field), let rule?) = Lint.verdict(of: example, by: decoder) else {
                continue
            }
            let refusal = Refusal(reason, field: field, rule: rule)
            let expected = words.expected(refusal)
            #expect(!expected.vietnamese.isEmpty && !expected.english.isEmpty)
            // The bare name of a rule tells nobody anything; a header's rule has no field in the contract.
            if field != "ce_sourceversion" { #expect(expected.english != rule, "\(example.file): \(rule)") }
        }
    }
}
