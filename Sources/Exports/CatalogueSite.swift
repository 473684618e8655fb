// The catalogue of databases as a folder of pages: the list that Decree 102/2025 art. 18.3 asks for, and all that a
// partner needs to publish a feed. Vietnamese first, English second; each page stands alone.
import Contracts
import Model

enum CatalogueSite {
    static let indexFile = "index.html"
    static let codeListsFile = "code-lists.html"

    static func pageFile(of topic: TopicDefinition) -> String { "\(topic.name.rawValue).html" }

    /// The pages of these topics.
    /// - Parameters:
    ///   - codeLists: of `CodeListTable.load`.
    ///   - examples: of a topic.
    static func files(
        of topics: [TopicDefinition], codeLists: [CodeListTable],
        examples: (TopicDefinition) -> (accepted: [Example], refused: [Example])
    ) -> [ExportedFile] {
        let pages = topics.map { topic in
            let shown = examples(topic)
            let page = TopicPage(topic: topic, accepted: shown.accepted, refused: shown.refused)
            return ExportedFile(name: pageFile(of: topic), text: page.html)
        }
        return [ExportedFile(name: indexFile, text: index(of: topics))] + pages
            + [ExportedFile(name: codeListsFile, text: codeListsPage(codeLists))]
    }

    // MARK: Index

    private struct IndexContent {
        struct Row {
            let file: String
            let topic: String
            let words: Words
            let owner: String
            let groups: [Words]
            let articles: String
            let promises: [Words]
            let version: String
            let state: Words
        }
        struct Class {
            let code: String
            let name: Words
            let words: Words
        }
        struct Reason {
            let code: String
            let words: Words
        }
        let count: Int
        let rows: [Row]
        let classes: [Class]
        let reasons: [Reason]
    }

    private static func index(of topics: [TopicDefinition]) -> String {
        let rows = topics.map { topic -> IndexContent.Row in
            let contract = topic.contract
            return IndexContent.Row(
                file: pageFile(of: topic), topic: topic.name.rawValue,
                words: Words(contract.descriptionVietnamese, contract.descriptionEnglish), owner: contract.owner,
                groups: contract.dataGroups.map(DataGroups.words), articles: contract.articles.joined(separator: ", "),
                promises: CatalogueWords.levels(contract.serviceLevels), version: contract.version,
                state: CatalogueWords.status(contract.status))
        }
        let content = IndexContent(
            count: topics.count, rows: rows,
            classes: Classification.allCases.map {
                IndexContent.Class(
                    code: $0.rawValue, name: CatalogueWords.classification($0), words: CatalogueWords.meaning(of: $0))
            },
            reasons: ReasonCode.allCases.map {
                IndexContent.Reason(
                    code: $0.rawValue, words: Words(ReasonGuide.vietnamese($0), ReasonGuide.english($0)))
            })
        return HTMLPage.page(
            title: "Danh mục cơ sở dữ liệu liên thông y tế", body: CatalogueTemplates.index.render(content))
    }

    // MARK: Code lists

    private struct CodeListsContent {
        struct List {
            let file: String
            let count: Words
            let source: String
            let state: String
            /// Long lists are folded.
            let isFolded: Bool
            let columns: [Words]
            let rows: [[String]]
        }
        let lists: [List]
    }

    private static let foldedRowsMin = 400

    private static func codeListsPage(_ tables: [CodeListTable]) -> String {
        let lists = tables.map { table in
            CodeListsContent.List(
                file: table.file, count: count(table), source: table.source, state: table.state,
                isFolded: table.rows.count >= foldedRowsMin, columns: table.columns.map(column),
                rows: table.rows)
        }
        return HTMLPage.page(
            title: "Bộ mã danh mục", body: CatalogueTemplates.codeLists.render(CodeListsContent(lists: lists)))
    }

    private static func count(_ table: CodeListTable) -> Words {
        let rows = CatalogueWords.grouped(Int64(table.rows.count))
        guard let inForce = table.countInForce.map({ CatalogueWords.grouped(Int64($0)) }) else {
            return Words("\(rows) mã", "\(rows) codes")
        }
        return Words("\(inForce) mã đang có hiệu lực; \(rows) dòng", "\(inForce) codes in force; \(rows) rows")
    }

    private static func column(_ name: String) -> Words {
        switch name {
        case "code": Words("Mã", "code")
        case "name_vi": Words("Tên", "name in Vietnamese")
        case "name_en": Words("Tên tiếng Anh", "name in English")
        case "province_code": Words("Mã tỉnh, thành phố", "province")
        case "valid_from": Words("Có hiệu lực từ ngày", "in force from")
        case "valid_to": Words("đến hết ngày", "to")
        default: Words(name, name)
        }
    }
}
