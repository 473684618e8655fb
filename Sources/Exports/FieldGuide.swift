// A field's type and limits in words that a person at a ministry reads, in Vietnamese and English.
package import Contracts
import Model

/// Says what the contract expects of a value. The words hold names and limits of the contract only.
package enum FieldGuide {
    package static func vietnamese(_ type: FieldType) -> String { words(type, Vietnamese()) }
    package static func english(_ type: FieldType) -> String { words(type, English()) }

    private static func words(_ type: FieldType, _ language: some Language) -> String {
        switch type {
        case .text(let rule): text(rule, language)
        case .integer(let minimum, let maximum):
            joined(
                language.wholeNumber,
                minimum == .min ? nil : language.atLeast(group(minimum)),
                maximum == .max ? nil : language.atMost(group(maximum)))
        case .boolean: language.boolean
        case .decimal(let scale, let minimum):
            joined(language.decimal(scale), minimum.map { language.atLeast(group($0)) })
        case .date(let partial, let minimum, let maximum):
            joined(
                partial ? language.partialDate : language.date,
                minimum.map { language.notBefore(Dates.text(day: $0)) },
                maximum.map { language.notAfter(Dates.text(day: $0)) })
        case .timestamp: language.timestamp
        case .object(let fields): language.object(fields.map(\.name).joined(separator: ", "))
        case .list(let item, let uniqueBy, let minimumItems, let maximumItems):
            joined(
                language.list(words(item, language)),
                minimumItems > 0 ? language.minimumItems(group(Int64(minimumItems))) : nil,
                language.maximumItems(group(Int64(maximumItems))),
                uniqueBy.map { language.unique($0) })
        }
    }

    /// Identifier, code list and values say more than the length, which is then left out.
    private static func text(_ rule: TextRule, _ language: some Language) -> String {
        if let identifier = rule.identifier { return language.identifier(identifier) }
        if let codeList = rule.codeList {
            return joined(language.codeList(codeList), rule.codeListDateField.map { language.judgedAt($0) })
        }
        if let values = rule.values { return language.oneOf(values.joined(separator: ", ")) }
        let length =
            rule.minimumLength == rule.maximumLength
            ? language.textOfLength(group(Int64(rule.maximumLength)))
            : language.text(group(Int64(rule.maximumLength)))
        return joined(
            length,
            rule.minimumLength > 1 && rule.minimumLength < rule.maximumLength
                ? language.minimumLength(group(Int64(rule.minimumLength))) : nil,
            rule.pattern.map { language.pattern($0) })
    }

    private static func joined(_ parts: String?...) -> String {
        parts.compactMap { $0 }.joined(separator: ", ")
    }

    /// 10000 as `10 000`, which reads alike in both languages; years and other numbers of four digits stay together.
    private static func group(_ number: Int64) -> String {
        number.magnitude < 10_000 ? String(number) : Quantity.grouped(number, separator: "\u{A0}")
    }
}

private protocol Language {
    var wholeNumber: String { get }
    var boolean: String { get }
    var date: String { get }
    var partialDate: String { get }
    var timestamp: String { get }
    func decimal(_ scale: Int) -> String
    func atLeast(_ bound: String) -> String
    func atMost(_ bound: String) -> String
    func notBefore(_ date: String) -> String
    func notAfter(_ date: String) -> String
    func object(_ members: String) -> String
    func list(_ item: String) -> String
    func minimumItems(_ count: String) -> String
    func maximumItems(_ count: String) -> String
    /// - Parameter field: empty where the items themselves differ.
    func unique(_ field: String) -> String
    func text(_ length: String) -> String
    func textOfLength(_ length: String) -> String
    func minimumLength(_ length: String) -> String
    func pattern(_ pattern: String) -> String
    func oneOf(_ values: String) -> String
    func judgedAt(_ field: String) -> String
    func identifier(_ kind: IdentifierKind) -> String
    func codeList(_ kind: CodeListKind) -> String
}

private struct Vietnamese: Language {
    let wholeNumber = "số nguyên (không có ngoặc kép)"
    let boolean = "true hoặc false"
    let date = "ngày dạng YYYY-MM-DD"
    let partialDate = "ngày dạng YYYY-MM-DD, hoặc YYYY-MM, YYYY nếu chỉ biết một phần"
    let timestamp = "thời điểm theo RFC 3339 có múi giờ, ví dụ 2025-07-01T08:00:00+07:00"
    func decimal(_ scale: Int) -> String {
        scale == 0
            ? "số nguyên viết trong ngoặc kép"
            : "số thập phân viết trong ngoặc kép, dấu chấm thập phân, nhiều nhất \(scale) chữ số sau dấu chấm"
    }
    func atLeast(_ bound: String) -> String { "từ \(bound) trở lên" }
    func atMost(_ bound: String) -> String { "không quá \(bound)" }
    func notBefore(_ date: String) -> String { "không sớm hơn \(date)" }
    func notAfter(_ date: String) -> String { "không muộn hơn \(date)" }
    func object(_ members: String) -> String { "đối tượng gồm: \(members)" }
    func list(_ item: String) -> String { "danh sách, mỗi phần tử là \(item)" }
    func minimumItems(_ count: String) -> String { "ít nhất \(count) phần tử" }
    func maximumItems(_ count: String) -> String { "nhiều nhất \(count) phần tử" }
    func unique(_ field: String) -> String {
        field.isEmpty ? "không phần tử nào lặp lại" : "không hai phần tử nào trùng \(field)"
    }
    func text(_ length: String) -> String { "văn bản, nhiều nhất \(length) ký tự" }
    func textOfLength(_ length: String) -> String { "văn bản đúng \(length) ký tự" }
    func minimumLength(_ length: String) -> String { "ít nhất \(length) ký tự" }
    func pattern(_ pattern: String) -> String { "theo mẫu \(pattern)" }
    func oneOf(_ values: String) -> String { "một trong các giá trị: \(values)" }
    func judgedAt(_ field: String) -> String { "xét tại ngày ghi ở trường \(field)" }

    func identifier(_ kind: IdentifierKind) -> String { kind.summaryVietnamese }

    func codeList(_ kind: CodeListKind) -> String { kind.summaryVietnamese }
}

private struct English: Language {
    let wholeNumber = "a whole number (without quotes)"
    let boolean = "true or false"
    let date = "a date YYYY-MM-DD"
    let partialDate = "a date YYYY-MM-DD, or YYYY-MM, YYYY where only a part is known"
    let timestamp = "a time as in RFC 3339 with its offset, such as 2025-07-01T08:00:00+07:00"
    func decimal(_ scale: Int) -> String {
        scale == 0
            ? "a whole number in quotes"
            : "a decimal number in quotes, with a point and at most \(scale) decimals"
    }
    func atLeast(_ bound: String) -> String { "at least \(bound)" }
    func atMost(_ bound: String) -> String { "at most \(bound)" }
    func notBefore(_ date: String) -> String { "not before \(date)" }
    func notAfter(_ date: String) -> String { "not after \(date)" }
    func object(_ members: String) -> String { "an object of \(members)" }
    func list(_ item: String) -> String { "a list, each item \(item)" }
    func minimumItems(_ count: String) -> String { "at least \(count) items" }
    func maximumItems(_ count: String) -> String { "at most \(count) items" }
    func unique(_ field: String) -> String { field.isEmpty ? "no item twice" : "no two items of the same \(field)" }
    func text(_ length: String) -> String { "text of at most \(length) characters" }
    func textOfLength(_ length: String) -> String { "text of exactly \(length) characters" }
    func minimumLength(_ length: String) -> String { "at least \(length)" }
    func pattern(_ pattern: String) -> String { "of the form \(pattern)" }
    func oneOf(_ values: String) -> String { "one of: \(values)" }
    func judgedAt(_ field: String) -> String { "judged at the day in \(field)" }

    func identifier(_ kind: IdentifierKind) -> String { kind.summaryEnglish }

    func codeList(_ kind: CodeListKind) -> String { kind.summaryEnglish }
}
