// What the catalogue's pages say of a contract's values, in Vietnamese and English.
import Contracts
import Model

/// The same in both languages. Names are those that templates use.
struct Words: Equatable {
    let vi: String
    let en: String

    init(_ vi: String, _ en: String) {
        self.vi = vi
        self.en = en
    }
}

enum CatalogueWords {
    static func classification(_ classification: Classification) -> Words {
        switch classification {
        case .internal: Words("nội bộ", "internal")
        case .businessSecret: Words("bí mật kinh doanh", "business secret")
        case .personal: Words("bí mật cá nhân", "personal")
        case .health: Words("sức khỏe", "health")
        case .family: Words("bí mật gia đình", "family")
        case .open: Words("dữ liệu mở", "open")
        }
    }

    /// What the class means, by Decree 102/2025.
    static func meaning(of classification: Classification) -> Words {
        switch classification {
        case .internal:
            Words(
                "dùng trong phạm vi chức năng, nhiệm vụ (Điều 10.2a)", "for state bodies by their function (art. 10.2a)"
            )
        case .businessSecret:
            Words(
                "chủ sở hữu bí mật kinh doanh phải đồng ý (Điều 9.2a)", "wants the secret's owner's consent (art. 9.2a)"
            )
        case .personal:
            Words(
                "đời sống riêng tư, bí mật cá nhân: người đó phải đồng ý (Điều 9.2b)",
                "private life: wants the person's consent (art. 9.2b)")
        case .health:
            Words(
                "tình trạng sức khỏe: người đó phải đồng ý (Điều 9.2b)",
                "state of health: wants the person's consent (art. 9.2b)")
        case .family:
            Words("các thành viên gia đình phải đồng ý (Điều 9.2c)", "wants the family's consent (art. 9.2c)")
        case .open: Words("công khai theo quyết định (Điều 18.3)", "published by decision (art. 18.3)")
        }
    }

    static func status(_ status: Contract.Status) -> Words {
        switch status {
        case .proposed: Words("đề xuất", "proposed")
        case .draft: Words("dự thảo", "draft")
        case .active: Words("đang áp dụng", "active")
        case .deprecated: Words("sắp ngừng áp dụng", "deprecated")
        case .retired: Words("đã ngừng áp dụng", "retired")
        }
    }

    static func access(_ access: Contract.Role.Access) -> Words {
        switch access {
        case .read: Words("đọc", "read")
        case .write: Words("ghi", "write")
        case .readDeadLetters: Words("đọc bản ghi bị từ chối", "read dead letters")
        case .writeDeadLetters: Words("ghi bản ghi bị từ chối", "write dead letters")
        }
    }

    static func levels(_ levels: ServicePromise) -> [Words] {
        var words: [Words] = []
        if let seconds = levels.freshnessSeconds {
            let span = span(seconds: seconds)
            words.append(
                Words("Bản ghi mới nhất không cũ hơn \(span.vi).", "The newest record is no older than \(span.en)."))
        }
        if let minimum = levels.recordsPerDayMinimum {
            let count = grouped(minimum)
            words.append(
                Words(
                    "Ít nhất \(count) bản ghi trong 24 giờ.",
                    "At least \(count) \(minimum == 1 ? "record" : "records") in any 24 hours."))
        }
        return words
    }

    static func breaker(_ breaker: Contract.BreakerSettings) -> Words {
        let (refused, deleted) = (percent(breaker.maxRefusedShare), percent(breaker.maxDeletedShare))
        let (window, minimum) = (grouped(Int64(breaker.windowRecords)), grouped(Int64(breaker.minimumRecords)))
        return Words(
            "Tự động ngắt tiếp nhận khi trên \(refused) bản ghi bị từ chối, hoặc trên \(deleted) bản ghi bị xóa, trong "
                + "\(window) bản ghi gần nhất (khi đã có ít nhất \(minimum) bản ghi).",
            "The topic is paused when more than \(refused) of the last \(window) records are refused, or more than "
                + "\(deleted) deleted (once there are \(minimum) records).")
    }

    static func retention(milliseconds: Int64) -> Words {
        if milliseconds < 0 { return Words("không giới hạn", "unlimited") }
        return span(seconds: milliseconds / 1_000)
    }

    static func span(seconds: Int64) -> Words {
        let (count, unit) = Quantity.whole(seconds: seconds)
        let vi =
            switch unit {
            case .day: "ngày"
            case .hour: "giờ"
            case .minute: "phút"
            case .second: "giây"
            }
        return Words("\(grouped(count)) \(vi)", "\(grouped(count)) \(unit.rawValue)\(count == 1 ? "" : "s")")
    }

    /// 10000 as `10 000`, which reads alike in both languages.
    static func grouped(_ number: Int64) -> String { Quantity.grouped(number, separator: "\u{A0}") }

    private static func percent(_ share: Double) -> String {
        let text = JSON.decimal(share * 100).text
        return "\(text)\u{A0}%"
    }

    // MARK: Rules

    /// Whether the rule refuses, or only warns; and what it says.
    static func rule(_ rule: RecordRule) -> (refuses: Bool, words: Words) {
        switch rule {
        case .dateOrder(let first, let second):
            (
                true,
                Words(
                    "\(first) không được sau \(second), khi cả hai là ngày đầy đủ.",
                    "\(first) does not lie after \(second), where both are whole dates.")
            )
        case .requireOneOf(let fields):
            (true, oneOf(fields, Words("Phải có ít nhất một trong các trường: ", "At least one of these is present: ")))
        case .atMostOneFlagged(let list, let flag):
            (
                true,
                Words(
                    "Nhiều nhất một phần tử của \(list) có \(flag) là true.",
                    "At most one item of \(list) has \(flag) true.")
            )
        case .eachRequiresOneOf(let list, let fields):
            (
                true,
                oneOf(
                    fields,
                    Words(
                        "Mỗi phần tử của \(list) phải có ít nhất một trong các trường: ",
                        "Each item of \(list) has at least one of: "))
            )
        case .insuranceCardAgrees(let card, let group, let level):
            (
                true,
                Words(
                    "Hai chữ cái đầu của \(card) trùng với \(group), chữ số đứng sau trùng với \(level).",
                    "The first two letters of \(card) are \(group), the digit behind them is \(level).")
            )
        case .identifierByValue(let field, let by, let cases, let otherwise):
            (true, identifier(field, by, cases, otherwise))
        case .warnAbsent(let field, let name):
            (false, Words("\(name): không có \(field).", "\(name): \(field) is absent."))
        case .warnPersonalNumberDiffers(let number, let birthDate, let sex):
            (false, numberDiffers(number, [birthDate, sex].compactMap { $0 }))
        case .warnCardNumberDiffers(let card, let number):
            (
                false,
                Words(
                    "social-insurance-number-differs-from-card: mười chữ số cuối của \(card) khác với \(number).",
                    "social-insurance-number-differs-from-card: the last ten digits of \(card) differ from \(number).")
            )
        }
    }

    private static func oneOf(_ fields: [String], _ words: Words) -> Words {
        let list = fields.joined(separator: ", ")
        return Words(words.vi + list + ".", words.en + list + ".")
    }

    private static func identifier(
        _ field: String, _ by: String, _ cases: [String: IdentifierKind], _ otherwise: IdentifierKind
    ) -> Words {
        let sorted = cases.sorted { $0.key < $1.key }
        let vi = sorted.map { "khi \(by) là \($0.key): \($0.value.summaryVietnamese)" }
        let en = sorted.map { "where \(by) is \($0.key): \($0.value.summaryEnglish)" }
        return Words(
            "\(field): \((vi + ["còn lại: \(otherwise.summaryVietnamese)"]).joined(separator: "; ")).",
            "\(field): \((en + ["else: \(otherwise.summaryEnglish)"]).joined(separator: "; ")).")
    }

    private static func numberDiffers(_ number: String, _ fields: [String]) -> Words {
        let names = "birth-year-differs-from-number, sex-differs-from-number"
        let list = fields.joined(separator: ", ")
        return Words(
            "\(names): \(list) khác với điều mà số định danh trong \(number) cho biết.",
            "\(names): \(list) differ from what the number in \(number) tells.")
    }
}
