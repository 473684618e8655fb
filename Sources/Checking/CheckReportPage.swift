// The report as a page for people at a ministry: Vietnamese first, one file, and no value of a record in it.
import Contracts
import Exports
import Model

extension CheckReport {
    /// A whole HTML page.
    /// - Parameter checkedAtMilliseconds: when, since 1970-01-01 UTC; shown in Vietnam's time.
    package func page(checkedAtMilliseconds: Int64) -> String {
        let title = "Kết quả kiểm tra \(definition.name)"
        return HTMLPage.page(
            title: title, body: Self.template.render(PageContent(self, checkedAtMilliseconds: checkedAtMilliseconds)))
    }

    private static let template = HTMLTemplate(
        """
        <header>
        <p class="small">Liên Thông · Cơ sở dữ liệu quốc gia về y tế</p>
        <h1>Kết quả kiểm tra dữ liệu theo đặc tả</h1>
        <p class="en">Result of checking records against their contract</p>
        </header>
        <p><strong class="{{verdictClass}}">{{verdict.vietnamese}}</strong></p>
        <p class="en">{{verdict.english}}</p>

        <table class="facts">
        <tbody>
        {{#facts}}<tr><th scope="row">{{label.vietnamese}}<br><span class="en">{{label.english}}</span></th>
        <td>{{value}}</td></tr>
        {{/facts}}
        </tbody>
        </table>

        {{#hasNotes}}<h2>Cột và tên trường <span class="en">Columns and names of fields</span></h2>
        <ul>
        {{#notes}}<li>{{vietnamese}}<br><span class="en">{{english}}</span></li>
        {{/notes}}
        </ul>
        {{/hasNotes}}

        {{#hasRefused}}<h2>Bản ghi bị từ chối <span class="en">Refused records</span></h2>
        <table class="stack">
        <thead><tr><th>Lý do<br><span class="en">Reason</span></th><th>Trường<br><span class="en">Field</span></th>
        <th>Đặc tả yêu cầu<br><span class="en">What the contract expects</span></th>
        <th class="number">Số bản ghi<br><span class="en">Records</span></th>
        <th style="min-width: 7rem">{{places.vietnamese}}<br><span class="en">{{places.english}}</span></th></tr></thead>
        <tbody>
        {{#refused}}<tr>
        <td data-label="Lý do · Reason"><p><code class="bad">{{name}}</code></p>
        <p>{{meaning.vietnamese}}</p><p class="en">{{meaning.english}}</p></td>
        <td data-label="Trường · Field">{{#hasField}}<p><code>{{field}}</code></p>
        <p>{{description.vietnamese}}</p><p class="en">{{description.english}}</p>{{/hasField}}{{^hasField}}–{{/hasField}}</td>
        <td data-label="Đặc tả yêu cầu · Expected"><p>{{expected.vietnamese}}</p>
        <p class="en">{{expected.english}}</p></td>
        <td class="number" data-label="Số bản ghi · Records">{{count}}<br><span class="small">{{share}}</span></td>
        <td data-label="{{places.vietnamese}} · {{places.english}}">{{first}}</td>
        </tr>
        {{/refused}}
        </tbody>
        </table>
        {{/hasRefused}}

        {{#hasWarnings}}<h2>Cảnh báo <span class="en">Warnings</span></h2>
        <p>Các bản ghi này vẫn được chấp nhận; nên kiểm tra lại tại nguồn.</p>
        <p class="en">These records are accepted all the same; look at them at the source.</p>
        <table class="stack">
        <thead><tr><th>Cảnh báo<br><span class="en">Warning</span></th><th>Trường<br><span class="en">Field</span></th>
        <th class="number">Số bản ghi<br><span class="en">Records</span></th>
        <th style="min-width: 7rem">{{places.vietnamese}}<br><span class="en">{{places.english}}</span></th></tr></thead>
        <tbody>
        {{#warnings}}<tr>
        <td data-label="Cảnh báo · Warning"><p>{{meaning.vietnamese}}</p><p class="en">{{meaning.english}}</p>
        <p class="small"><code>{{name}}</code></p></td>
        <td data-label="Trường · Field"><code>{{field}}</code></td>
        <td class="number" data-label="Số bản ghi · Records">{{count}}<br><span class="small">{{share}}</span></td>
        <td data-label="{{places.vietnamese}} · {{places.english}}">{{first}}</td>
        </tr>
        {{/warnings}}
        </tbody>
        </table>
        {{/hasWarnings}}

        <p>{{beyondCheck.vietnamese}}<br><span class="en">{{beyondCheck.english}}</span></p>

        <h2>Việc cần làm tiếp <span class="en">What to do next</span></h2>
        <ol>
        {{#steps}}<li>{{vietnamese}}<br><span class="en">{{english}}</span></li>
        {{/steps}}
        </ol>

        {{#hasContacts}}<h2>Liên hệ <span class="en">Contacts</span></h2>
        <ul>
        {{#contacts}}<li><a href="{{url}}">{{address}}</a> – {{channel}}<br><span class="en">{{description}}</span></li>
        {{/contacts}}
        </ul>
        {{/hasContacts}}
        <p class="small">Trang này không chứa giá trị nào của bản ghi: chỉ có tên trường, quy tắc, số lượng và vị trí.
        <span class="en">This page holds no value of any record: names of fields, rules, counts and places only.</span></p>
        """)
}

/// What the template shows; its names are the template's.
private struct PageContent {
    struct Fact {
        let label: Bilingual
        let value: String
    }

    struct Row {
        let name: String
        let meaning: Bilingual
        let hasField: Bool
        let field: String
        let description: Bilingual
        let expected: Bilingual
        let count: String
        let share: String
        let first: String
    }

    struct Contact {
        let url: String
        let address: String
        let channel: String
        let description: String
    }

    let verdict: Bilingual
    let verdictClass: String
    let facts: [Fact]
    let hasNotes: Bool
    let notes: [Bilingual]
    let places: Bilingual
    let hasRefused: Bool
    let refused: [Row]
    let hasWarnings: Bool
    let warnings: [Row]
    let beyondCheck = Bilingual(
        vietnamese:
            "Cơ sở dữ liệu quốc gia còn tự từ chối một số ít bản ghi khác (lý do database-refused); việc đó không kiểm tra trước được.",
        english: CheckReport.beyondCheck)
    let steps: [Bilingual]
    let hasContacts: Bool
    let contacts: [Contact]

    init(_ report: CheckReport, checkedAtMilliseconds: Int64) {
        let (account, contract) = (report.account, report.definition.contract)
        verdict = Self.verdict(report)
        verdictClass = account.isPassed ? "good" : "bad"
        facts = Self.facts(report, checkedAtMilliseconds)
        notes = Self.notes(account)
        hasNotes = !notes.isEmpty
        places =
            report.placesAreRecords
            ? Bilingual(vietnamese: "Bản ghi đầu tiên (thứ tự)", english: "First records (by number)")
            : Bilingual(vietnamese: "Các dòng đầu tiên", english: "First lines")
        refused = Self.refused(report)
        hasRefused = !refused.isEmpty
        warnings = Self.warnings(report)
        hasWarnings = !warnings.isEmpty
        steps = Self.steps(report)
        contacts = contract.support.map { contact in
            let address = contact.url.hasPrefix("mailto:") ? String(contact.url.dropFirst(7)) : contact.url
            return Contact(
                url: contact.url, address: address, channel: contact.channel, description: contact.description)
        }
        hasContacts = !contacts.isEmpty
    }

    // MARK: Numbers

    /// 1234567 as `1 234 567`, which reads alike in both languages.
    static func number(_ value: Int) -> String {
        Quantity.grouped(value, separator: "\u{A0}")
    }

    private static func percent(_ share: Double) -> String {
        CheckReport.percent(share).replacing(".", with: ",").replacing(" ", with: "\u{A0}")
    }

    /// In Vietnam's time, which has been seven hours ahead of UTC since 1975.
    private static func time(_ milliseconds: Int64) -> String {
        let minutes = (milliseconds / 60_000) + 7 * 60
        let (day, minute) = (minutes / 1440, Int(minutes % 1440))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
        return "\(Dates.text(day: Int32(clamping: day))) \(two(minute / 60)):\(two(minute % 60)) (UTC+7)"
    }

    // MARK: Parts

    private static func verdict(_ report: CheckReport) -> Bilingual {
        let account = report.account
        let records = number(account.records)
        if account.records == 0 {
            return Bilingual(
                vietnamese: "Không có bản ghi nào được kiểm tra: tệp không có bản ghi.",
                english: "No record was checked: the file holds none.")
        }
        if account.refused == 0 {
            return Bilingual(
                vietnamese: "Không có bản ghi nào bị từ chối: cả \(records) bản ghi đều đúng đặc tả dữ liệu.",
                english: "No record is refused: all \(records) fit the contract.")
        }
        let refused = number(account.refused)
        let share = CheckReport.percent(report.share(account.refused))
        return Bilingual(
            vietnamese: "\(refused) trong \(records) bản ghi sẽ bị từ chối (\(share.replacing(".", with: ","))).",
            english: "\(refused) of \(records) records would be refused (\(share)).")
    }

    private static func facts(_ report: CheckReport, _ checkedAtMilliseconds: Int64) -> [Fact] {
        let (account, contract) = (report.account, report.definition.contract)
        func fact(_ vietnamese: String, _ english: String, _ value: String) -> Fact {
            Fact(label: Bilingual(vietnamese: vietnamese, english: english), value: value)
        }
        var facts = [
            fact("Chủ đề (topic)", "Topic", report.definition.name.rawValue),
            fact("Phiên bản đặc tả dữ liệu", "Contract version", contract.version),
            fact("Cơ quan chủ quản", "Owner", contract.owner),
            fact("Tệp", "File", report.file),
            fact("Thời điểm kiểm tra", "Checked at", time(checkedAtMilliseconds)),
            fact("Số bản ghi", "Records", number(account.records)),
            fact("Được chấp nhận", "Accepted", number(account.accepted)),
        ]
        if account.deleted > 0 {
            facts.append(fact("Yêu cầu xóa", "Deletes", number(account.deleted)))
        }
        facts.append(fact("Bị từ chối", "Refused", number(account.refused)))
        facts.append(fact("Cảnh báo", "Warnings", number(account.warningCount)))
        if account.unknownMembers > 0 {
            let value = number(account.unknownMembers)
            facts.append(
                fact("Giá trị ngoài đặc tả (bỏ qua)", "Members that the contract does not name (passed over)", value))
        }
        return facts
    }

    private static func notes(_ account: CheckAccount) -> [Bilingual] {
        let header = account.header ?? HeaderAccount()
        let unknown = header.unknownColumns.map { column in
            let vietnamese = column.suggestion.map { " Có phải là \($0)?" } ?? ""
            let english = column.suggestion.map { " Did you mean \($0)?" } ?? ""
            return Bilingual(
                vietnamese: "Cột \(column.number) không phải là trường của đặc tả dữ liệu.\(vietnamese)",
                english: "Column \(column.number) is no field of the contract.\(english)")
        }
        let missing = header.missingFields.map { field in
            Bilingual(
                vietnamese: "Không có cột nào cho trường bắt buộc \(field).",
                english: "No column gives the required field \(field).")
        }
        let misspelt = account.misspelt.sorted { $0.key < $1.key }.map { field, count in
            Bilingual(
                vietnamese: "\(number(count)) giá trị bị bỏ qua vì tên viết gần giống \(field) nhưng không đúng.",
                english: "Members with names spelt nearly like \(field) are lost: \(number(count)).")
        }
        return missing + unknown + misspelt
    }

    private static func refused(_ report: CheckReport) -> [Row] {
        let words = report.words
        let none = Bilingual(vietnamese: "", english: "")
        return report.account.refusedGroups.map { group in
            let field = group.cause.field
            let (meaning, expected): (Bilingual, Bilingual) =
                switch group.cause {
                case .refusal(let refusal):
                    (
                        Bilingual(
                            vietnamese: ReasonGuide.vietnamese(refusal.reason),
                            english: ReasonGuide.english(refusal.reason)), words.expected(refusal)
                    )
                case .malformation(let malformation):
                    (malformation.meaning, Bilingual(vietnamese: "–", english: ""))
                }
            return Row(
                name: group.cause.name, meaning: meaning, hasField: field != nil, field: field ?? "",
                description: field.flatMap(words.field)?.description ?? none, expected: expected,
                count: number(group.tally.count), share: percent(report.share(group.tally.count)),
                first: report.places(group.tally))
        }
    }

    private static func warnings(_ report: CheckReport) -> [Row] {
        let words = report.words
        return report.account.warningGroups.map { warning, tally in
            Row(
                name: warning.rule, meaning: words.meaning(warning), hasField: warning.field != nil,
                field: warning.field ?? "", description: Bilingual(vietnamese: "", english: ""),
                expected: Bilingual(vietnamese: "", english: ""), count: number(tally.count),
                share: percent(report.share(tally.count)), first: report.places(tally))
        }
    }

    private static func steps(_ report: CheckReport) -> [Bilingual] {
        let topic = report.definition.name
        let check = "lienthong check --topic \(topic)"
        if report.account.records == 0 {
            return [
                Bilingual(
                    vietnamese: "Xem lại phần xuất dữ liệu đã tạo ra tệp này.",
                    english: "See to the export that wrote this file.")
            ]
        }
        if report.account.refused == 0 {
            return [
                Bilingual(
                    vietnamese: "Có thể gửi dữ liệu vào chủ đề \(topic).",
                    english: "The records can be published to \(topic).")
            ]
        }
        return [
            Bilingual(
                vietnamese:
                    "Sửa tại cơ sở dữ liệu nguồn, bắt đầu từ lý do có nhiều bản ghi nhất; không sửa tay trong tệp.",
                english: "Correct at the source, the most frequent reason first; do not patch the file by hand."),
            Bilingual(
                vietnamese: "Xuất lại và kiểm tra lại bằng lệnh \(check) cho đến khi không còn bản ghi bị từ chối.",
                english: "Export and check again with \(check) until no record is refused."),
            Bilingual(
                vietnamese:
                    "Chưa gửi các bản ghi bị từ chối: chúng sẽ không được ghi nhận, chỉ được giữ lại kèm mã lý do.",
                english: "Do not publish refused records: they would not be applied, only kept with their reason."),
            Bilingual(
                vietnamese: "Nếu cho rằng bản ghi đúng mà bị từ chối, hãy liên hệ theo địa chỉ dưới đây.",
                english: "If a record is right and refused all the same, write to the contacts below."),
        ]
    }
}
