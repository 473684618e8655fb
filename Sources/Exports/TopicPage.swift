// One topic's page: the contract in words, its fields, rules, reasons and examples, and how to publish.
import Contracts
import Foundation
import Model

struct TopicPage {
    let topic: TopicDefinition
    let accepted: [Example]
    let refused: [Example]

    private var name: String { topic.name.rawValue }
    private var contract: Contract { topic.contract }

    var html: String {
        let content = Content(
            topic: name, words: Words(contract.descriptionVietnamese, contract.descriptionEnglish), facts: facts,
            fields: fieldRows(contract.fields, prefix: "", within: nil), rules: rules(refusing: true),
            warnings: rules(refusing: false), reasons: reasons, letters: letters, letterHeaders: letterHeaders,
            letterWords: [DeadLetterGuide.summary], otherHeaders: [DeadLetterGuide.others], lists: codeLists,
            accepted: accepted.enumerated().map { shown($0.element, isOpen: $0.offset == mostTelling) },
            refused: refused.map { shown($0, isOpen: false) }, commands: commands)
        return HTMLPage.page(
            title: "\(name) – Đặc tả dữ liệu", body: CatalogueTemplates.topic.render(content))
    }

    /// Names are the template's.
    private struct Content {
        let topic: String
        let words: Words
        let facts: [Fact]
        let fields: [FieldRow]
        let rules: [Words]
        let warnings: [Words]
        let reasons: [Reason]
        let letters: [Fact]
        let letterHeaders: [Header]
        let letterWords: [Words]
        let otherHeaders: [Words]
        let lists: [List]
        let accepted: [Shown]
        let refused: [Shown]
        let commands: Commands
    }

    // MARK: Facts

    private struct Fact {
        struct Link {
            let url: String
            let about: String
        }
        let label: Words
        var lines: [String] = []
        var englishLines: [String] = []
        var links: [Link] = []

        init(_ vi: String, _ en: String, lines: [String] = [], englishLines: [String] = [], links: [Link] = []) {
            label = Words(vi, en)
            self.lines = lines.filter { !$0.isEmpty }
            self.englishLines = englishLines.filter { !$0.isEmpty }
            self.links = links
        }

        init(_ vi: String, _ en: String, _ words: [Words]) {
            self.init(vi, en, lines: words.map(\.vi), englishLines: words.map(\.en))
        }

        var isEmpty: Bool { lines.isEmpty && englishLines.isEmpty && links.isEmpty }
    }

    private var facts: [Fact] {
        let status = CatalogueWords.status(contract.status)
        let facts = [
            Fact("Cơ quan chủ quản", "Owner", lines: [contract.owner], englishLines: [contract.ownerDescription]),
            Fact(
                "Phiên bản đặc tả", "Contract version",
                [Words("\(contract.version), \(status.vi)", "\(contract.version), \(status.en)")]),
            Fact(
                "Căn cứ (Nghị định 102/2025/NĐ-CP)", "Articles of the decree",
                lines: [contract.articles.isEmpty ? "" : "Điều " + contract.articles.joined(separator: ", ")]),
            Fact("Nhóm dữ liệu (Điều 5)", "Data groups (art. 5)", contract.dataGroups.map(DataGroups.words)),
            Fact("Căn cứ khai thác", "Ground for use", [Words(contract.usageVietnamese, contract.usage)]),
            Fact("Giới hạn", "Limitations", [Words(contract.limitationsVietnamese, contract.limitations)]),
            Fact(
                "Khóa của bản ghi", "Key",
                [
                    Words(
                        contract.key.joined(separator: ":"),
                        contract.key.count > 1 ? "the fields' text, joined by a colon" : "the field's text")
                ]),
            Fact(
                "Trường phiên bản", "Version field",
                [Words(contract.versionField, "only grows for a key; the newest version wins")]),
        ]
        return (facts + serviceFacts).filter { !$0.isEmpty }
    }

    private var serviceFacts: [Fact] {
        [
            Fact("Cam kết dịch vụ", "Service levels", CatalogueWords.levels(contract.serviceLevels)),
            Fact("Ngắt tiếp nhận", "Circuit breaker", [CatalogueWords.breaker(contract.breaker)]),
            Fact("Cấu hình Kafka", "Kafka settings", kafka),
            Fact(
                "Vai trò", "Roles",
                contract.roles.map { role in
                    let access = CatalogueWords.access(role.access)
                    return Words("\(role.holders): \(access.vi)", "\(role.name): \(access.en). \(role.description)")
                }),
            Fact(
                "Liên hệ", "Contact",
                links: contract.support.map { contact in
                    Fact.Link(
                        url: contact.url,
                        about: [contact.channel, contact.description].filter { !$0.isEmpty }.joined(separator: ": "))
                }),
            Fact(
                "Ghi vào", "Lands in",
                [Words(topic.mapping.view, "mapping revision \(topic.mapping.revision)")]),
        ]
    }

    private var kafka: [Words] {
        let settings = contract.kafka
        let kept = CatalogueWords.retention(milliseconds: settings.retentionMilliseconds)
        let (partitions, replicas) = (settings.partitions, settings.replicationFactor)
        let policy = "cleanup.policy \(settings.cleanupPolicy)"
        return [
            Words(contract.server, contract.server.isEmpty ? "" : "bootstrap server"),
            Words(
                "\(partitions) phân vùng, \(replicas) bản sao, lưu \(kept.vi), \(policy)",
                "\(partitions) partitions, \(replicas) replicas, kept \(kept.en), \(policy)"
            ),
        ]
    }

    // MARK: Dead letters

    private struct Header {
        let name: String
        let words: Words
        let isNotAlways: Bool
    }

    private var letters: [Fact] {
        let kept = CatalogueWords.retention(milliseconds: contract.kafka.deadLetterRetentionMilliseconds)
        let bytes = CatalogueWords.grouped(Contract.KafkaSettings.deadLetterMessageBytesMax)
        let data = CatalogueWords.grouped(Contract.KafkaSettings.messageBytesMax)
        let partitions = Contract.KafkaSettings.deadLetterPartitions
        let silence = Words("đặc tả chưa nêu", "the contract names nobody")
        func holders(_ access: Contract.Role.Access) -> [Words] {
            let roles = contract.roles.filter { $0.access == access }
            return roles.isEmpty ? [silence] : roles.map { Words($0.holders, $0.description) }
        }
        return [
            Fact(
                "Chủ đề", "Topic",
                [
                    Words(
                        "\(name)\(Contract.KafkaSettings.deadLetterSuffix), \(partitions) phân vùng",
                        "\(partitions) partitions")
                ]),
            Fact("Thời gian lưu", "Kept", [kept]),
            Fact(
                "Giới hạn kích thước", "Size limit",
                [
                    Words(
                        "\(bytes) byte mỗi bản ghi; chủ đề dữ liệu: \(data)",
                        "\(bytes) bytes a record, headers included; the data topic: \(data)")
                ]),
            Fact("Ai được đọc", "Who reads it", holders(.readDeadLetters)),
            Fact("Ai được ghi", "Who writes it", holders(.writeDeadLetters)),
        ].filter { !$0.isEmpty }
    }

    private var letterHeaders: [Header] {
        OwnerHeader.allCases.map {
            Header(name: $0.rawValue, words: DeadLetterGuide.words($0), isNotAlways: !$0.isAlwaysThere)
        }
    }

    // MARK: Fields

    private struct FieldRow {
        /// Of the path, each but the last with its point, where a narrow column may break it.
        let parts: [String]
        let marks: [Words]
        let type: Words
        let required: Words
        let classification: Words
        let words: Words
        let values: [String]
    }

    /// - Parameter optional: path of the nearest optional object or list around the fields.
    private func fieldRows(_ fields: [Field], prefix: String, within optional: String?) -> [FieldRow] {
        fields.flatMap { field -> [FieldRow] in
            let path = prefix + field.name
            var marks: [Words] = []
            if prefix.isEmpty, let position = contract.key.firstIndex(of: field.name) {
                let number = contract.key.count > 1 ? " \(position + 1)" : ""
                marks.append(Words("khóa\(number)", "key\(number)"))
            }
            if path == contract.versionField { marks.append(Words("phiên bản", "version")) }
            let row = FieldRow(
                parts: Self.parts(of: path), marks: marks,
                type: Words(FieldGuide.vietnamese(field.type), FieldGuide.english(field.type)),
                required: Self.required(field, within: optional),
                classification: CatalogueWords.classification(field.classification),
                words: Words(field.descriptionVietnamese, field.descriptionEnglish),
                values: field.examples.map(\.text))
            let around = field.required ? optional : path
            return switch field.type {
            case .object(let inner): [row] + fieldRows(inner, prefix: path + ".", within: around)
            case .list(.object(let inner), _, minimumItems: _, maximumItems: _):
                [row] + fieldRows(inner, prefix: path + "[].", within: around)
            case .list, .text, .integer, .boolean, .decimal, .date, .timestamp: [row]
            }
        }
    }

    private static func required(_ field: Field, within optional: String?) -> Words {
        guard field.required else { return Words("không", "no") }
        return optional.map { Words("có, nếu có \($0)", "yes, if \($0) is given") } ?? Words("có", "yes")
    }

    private static func parts(of path: String) -> [String] {
        let names = path.split(separator: ".").map(String.init)
        return names.dropLast().map { $0 + "." } + names.suffix(1)
    }

    // MARK: Rules, reasons, code lists

    private struct Reason {
        let code: String
        let words: Words
    }

    private struct List {
        let file: String
        let words: Words
    }

    private func rules(refusing: Bool) -> [Words] {
        contract.rules.map(CatalogueWords.rule).filter { $0.refuses == refusing }.map(\.words)
    }

    /// Those of the decoder, and those that only the database gives.
    private var reasons: [Reason] {
        let reasons = contract.reasons.union([.versionMissing, .databaseRefused])
        return ReasonCode.allCases.filter(reasons.contains).map {
            Reason(code: $0.rawValue, words: Words(ReasonGuide.vietnamese($0), ReasonGuide.english($0)))
        }
    }

    private var codeLists: [List] {
        CodeListKind.allCases.filter(contract.codeLists.contains).map {
            List(file: CodeListTable.file(of: $0), words: Words($0.summaryVietnamese, $0.summaryEnglish))
        }
    }

    // MARK: Examples

    private struct Shown {
        let title: String
        let verdict: Words
        let notes: [String]
        let key: String
        let headers: [String]
        /// Kafka's, none or one.
        let times: [String]
        let value: String
        let isOpen: Bool
    }

    private static let shownBytesMax = 6_000

    /// The accepted example that is shown open: the fullest.
    private var mostTelling: Int? {
        let fullest = ExampleRecord.shown(of: accepted).first?.name
        return accepted.firstIndex { ExampleRecord($0)?.name == fullest }
    }

    private func shown(_ example: Example, isOpen: Bool) -> Shown {
        let verdict: Words
        var notes: [String] = []
        switch example.expectation {
        case .applied(let warnings):
            verdict = Words("được ghi nhận", "applied")
            notes = warnings
        case .deleted: verdict = Words("xóa", "deleted")
        case .refused(let reason, let field):
            verdict = Words("bị từ chối", "refused")
            notes = [reason.rawValue] + (field.map { [$0] } ?? [])
        }
        return Shown(
            title: example.why, verdict: verdict, notes: notes,
            key: example.key.map { String(decoding: $0, as: UTF8.self) } ?? "null",
            headers: example.headers.map { "\($0.name): \(String(decoding: $0.value, as: UTF8.self))" },
            times: example.timestampMilliseconds.map { [Self.text(ofTime: $0)] } ?? [],
            value: Self.text(of: example.value), isOpen: isOpen)
    }

    private static func text(ofTime milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds) / 1_000).formatted(.iso8601)
    }

    /// The very bytes, as far as they are text of a readable length.
    private static func text(of value: [UInt8]?) -> String {
        guard let value else { return "null" }
        let count = CatalogueWords.grouped(Int64(value.count))
        guard value.count <= shownBytesMax, let text = String(validating: value, as: UTF8.self) else {
            return "… \(count) byte, không hiển thị – \(count) bytes, not shown"
        }
        return unindented(text)
    }

    /// Without the blanks that every line but the first begins with: a value stands within its example's file.
    private static func unindented(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let rest = lines.dropFirst().filter { !$0.isEmpty }
        let common = rest.map { $0.prefix { $0 == " " }.count }.min() ?? 0
        return ([lines[0]] + lines.dropFirst().map { $0.dropFirst(common) }).joined(separator: "\n")
    }

    // MARK: Commands

    private struct Commands {
        let one: String
        let lines: String
        let many: String
        let delete: String
        let check: String
    }

    private var commands: Commands {
        let server = contract.server.isEmpty ? "HOST:PORT" : contract.server
        let kcat = "kcat -F kcat.conf -b \(server) -P -t \(name)"
        let record = ExampleRecord.shown(of: accepted).first
        let tombstone = ExampleRecord.tombstone(of: accepted)
        let version = tombstone?.headers.first { $0.name == "ce_sourceversion" }?.value ?? "VERSION"
        let key = contract.key.map { "\\(.\($0))" }.joined(separator: ":")
        let deletedKey = Self.quoted(tombstone?.key ?? "KEY")
        return Commands(
            one: """
                \(kcat) \\
                  -k \(Self.quoted(record?.key ?? "KEY")) -H content-type=application/json record.json
                """,
            lines: "jq -r \(Self.quoted("\"\(key)\\t\\(tojson)\"")) records.ndjson > records.tsv",
            many: "\(kcat) -K '\\t' -Z -l records.tsv",
            delete: """
                printf '%s\\t\\n' \(deletedKey) |
                  \(kcat) \\
                    -K '\\t' -Z -H \(Self.quoted("ce_sourceversion=\(version)"))
                """,
            check: "lienthong check --topic \(name) records.ndjson --report report.html")
    }

    /// As one word of a POSIX shell.
    private static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "'\\''"))'" }
}
