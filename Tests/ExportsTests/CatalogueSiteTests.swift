import Foundation
import Model
import TestSupport
import Testing

@testable import Contracts
@testable import Exports

@Suite("Catalogue of pages")
struct CatalogueSiteTests {
    private let catalogue: Catalogue
    private let pages: [String: String]

    /// Written once for all tests.
    private static let site = Result<(Catalogue, [String: String]), any Error> {
        let folder = "\(PackageFolder.path)/Topics"
        let catalogue = try Catalogue.load(folder: folder)
        let files = try Export.files(.catalogue, of: catalogue.topics, in: catalogue, folder: folder)
        return (catalogue, Dictionary(uniqueKeysWithValues: files.map { ($0.name, $0.text) }))
    }

    init() throws {
        (catalogue, pages) = try Self.site.get()
    }

    @Test("the index names every topic, its owner and its articles; links lead to pages of the folder")
    func index() throws {
        let index = try #require(pages[CatalogueSite.indexFile])
        for topic in catalogue.topics {
            #expect(index.contains("href=\"\(CatalogueSite.pageFile(of: topic))\""))
            #expect(index.contains(HTMLPage.escaped(topic.contract.owner)))
            #expect(index.contains(topic.contract.articles.joined(separator: ", ")))
        }
        for reason in ReasonCode.allCases { #expect(index.contains("<code>\(reason.rawValue)</code>")) }
        for (name, page) in pages {
            for link in page.matches(of: #/href="([^"#:]+)["#]/#) {
                #expect(pages[String(link.1)] != nil, "\(name): \(link.1)")
            }
        }
    }

    @Test("a topic's page has every field, class, rule, reason and example of the contract, and how to publish")
    func topics() throws {
        for topic in catalogue.topics {
            let page = try #require(pages[CatalogueSite.pageFile(of: topic)]).replacing("<wbr>", with: "")
            let contract = topic.contract
            func expect(_ text: String) {
                #expect(page.contains(HTMLPage.escaped(text)), "\(topic.name): \(text)")
            }
            for (path, field) in Self.flattened(contract.fields, "") {
                #expect(page.contains("<code>\(path)</code>"), "\(topic.name): \(path)")
                expect(FieldGuide.vietnamese(field.type))
                expect(FieldGuide.english(field.type))
                expect(field.descriptionVietnamese)
                expect(field.descriptionEnglish)
                expect(CatalogueWords.classification(field.classification).vi)
                for example in field.examples { expect(example.text) }
            }
            for text in [
                contract.owner, contract.ownerDescription, contract.usage, contract.limitations,
                contract.descriptionVietnamese, contract.descriptionEnglish, contract.versionField, contract.server,
                contract.key.joined(separator: ":"), "kcat -F kcat.conf", "lienthong check --topic \(topic.name)",
            ] { expect(text) }
            for group in contract.dataGroups { expect(DataGroups.words(group).vi) }
            for rule in contract.rules { expect(CatalogueWords.rule(rule).words.vi) }
            for reason in contract.reasons {
                expect(reason.rawValue)
                expect(ReasonGuide.vietnamese(reason))
            }
            for header in OwnerHeader.allCases {
                expect(header.rawValue)
                expect(DeadLetterGuide.words(header).vi)
                expect(DeadLetterGuide.words(header).en)
            }
            expect("\(topic.name).dead-letter, 3 phân vùng")
            expect(CatalogueWords.retention(milliseconds: contract.kafka.deadLetterRetentionMilliseconds).vi)
            expect("1\u{A0}179\u{A0}648 byte")
            for role in contract.roles { expect(role.holders) }
            for contact in contract.support { #expect(page.contains("<a href=\"\(contact.url)\">")) }
            let examples = Examples.load(topicFolder: topic.folder)
            for example in examples.accepted + examples.refused { expect(example.why) }
        }
    }

    @Test("lines that may carry deletes send nulls, and a topic's own key stands before its values")
    func commands() throws {
        let page = try #require(pages["insurance.card.v1.html"])
        for line in page.split(separator: "\n") where line.contains("-K ") {
            #expect(line.contains(HTMLPage.escaped("-K '\\t' -Z")))
        }
        let key = try #require(catalogue.topics.first { $0.name.rawValue == "insurance.card.v1" }).contract.key
        let text = key.map { "\\(.\($0))" }.joined(separator: ":")
        let line = "jq -r '\"\(text)\\t\\(tojson)\"' records.ndjson > records.tsv"
        #expect(page.contains(HTMLPage.escaped(line)))
    }

    @Test("an example shows Kafka's time where it has one")
    func times() {
        func page(_ milliseconds: Int64?) -> String {
            let example = Example(
                file: "x/y.json", line: 1, why: "", key: nil, value: Array("{}".utf8), headers: [],
                timestampMilliseconds: milliseconds, expectation: .refused(.outOfRange, field: nil),
                needsDatabase: false)
            return TopicPage(topic: EverythingTopic.definition, accepted: [example], refused: [example]).html
        }
        let shown = "Kafka's time: <code>2026-03-02T01:15:30Z</code>"
        #expect(page(1_772_414_130_000).split(separator: shown).count == 3)
        #expect(!page(nil).contains("Kafka's time"))
    }

    @Test("a field within something optional is required only if that is given")
    func requiredWithin() {
        let page = TopicPage(topic: EverythingTopic.definition, accepted: [], refused: []).html
        #expect(page.contains("có, nếu có home <span class=\"en\">yes, if home is given</span>"))
        #expect(page.contains("yes, if parts is given"))
        #expect(!page.contains("if office is given"))
    }

    private static func flattened(_ fields: [Field], _ prefix: String) -> [(String, Field)] {
        fields.flatMap { field -> [(String, Field)] in
            let path = prefix + field.name
            return switch field.type {
            case .object(let inner): [(path, field)] + flattened(inner, path + ".")
            case .list(.object(let inner), _, minimumItems: _, maximumItems: _):
                [(path, field)] + flattened(inner, path + "[].")
            case .list, .text, .integer, .boolean, .decimal, .date, .timestamp: [(path, field)]
            }
        }
    }

    @Test("the code lists have names, times, counts and sources")
    func codeLists() throws {
        let page = try #require(pages[CatalogueSite.codeListsFile])
        for text in ["<td>01</td><td>Thành phố Hà Nội</td>", "2025-06-30", "<td>VNM</td>", "<td>00004</td>"] {
            #expect(page.contains(text), "\(text)")
        }
        #expect(page.contains("thanglequoc/vietnamese-provinces-database"))
        let communes = CatalogueWords.grouped(Int64(catalogue.codeLists.communesOfToday.count))
        #expect(page.contains("\(communes) mã đang có hiệu lực"))
    }

    @Test("a page stands alone: nothing is loaded and nothing can run")
    func selfContained() {
        for (name, page) in pages {
            for part in ["<script", "src=", "@import", "url(", "<link", "<img", "<iframe"] {
                #expect(!page.contains(part), "\(name): \(part)")
            }
            #expect(page.contains("default-src 'none'"))
            #expect(page.hasPrefix("<!DOCTYPE html>\n<html lang=\"vi\">"))
        }
    }

    @Test("text of a contract never becomes markup")
    func escaping() {
        let record = Example(
            file: "x/hostile.json", line: 1, why: EverythingTopic.hostile, key: Array(EverythingTopic.hostile.utf8),
            value: Array("{\"a\": \"</pre><script>\"}".utf8),
            headers: [(name: "<b>", value: Array("<i>".utf8))], timestampMilliseconds: nil,
            expectation: .applied(warnings: ["<u>"]), needsDatabase: false)
        let table = CodeListTable(
            file: "<s>.csv", columns: ["<td>"], rows: [["<script>"]], source: "<script>", state: "<script>")
        let files = CatalogueSite.files(of: [EverythingTopic.definition], codeLists: [table]) { _ in ([record], []) }
        for file in files {
            for part in ["<script", "\"\u{301}", "<Thử>", "<b>", "<i>", "<u>", "<s>"] {
                // Byte by byte: characters would take a mark for a part of the one before.
                #expect(file.text.utf8.firstRange(of: part.utf8) == nil, "\(file.name): \(part)")
            }
        }
        #expect(files[1].text.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;\u{301} &#39; it"))
    }

    @Test(
        "spans and numbers read well",
        arguments: [
            (86_400, "1 ngày", "1 day"), (604_800, "7 ngày", "7 days"), (7_200, "2 giờ", "2 hours"),
            (90, "90 giây", "90 seconds"), (5_400, "90 phút", "90 minutes"),
            (864_000_000, "10\u{A0}000 ngày", "10\u{A0}000 days"),
        ] as [(Int64, String, String)])
    func spans(seconds: Int64, vietnamese: String, english: String) {
        #expect(CatalogueWords.span(seconds: seconds) == Words(vietnamese, english))
    }
}
