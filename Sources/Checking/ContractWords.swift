// What the contract expects, in the words of those who sent a record that it refuses.
import Contracts
import Exports
import Model

/// The same in both languages; Vietnamese is read first.
struct Bilingual: Sendable, Hashable {
    let vietnamese: String
    let english: String
}

struct ContractWords {
    let contract: Contract
    /// The records are rows, in which lists and objects are cells or columns.
    let isOfRows: Bool

    /// A field by the path that refusals have: `industries[].code`.
    struct FoundField {
        let type: FieldType
        /// What it is; of a list's items, what the list is.
        let description: Bilingual
    }

    func field(_ path: String) -> FoundField? {
        var fields = contract.fields
        var found: FoundField?
        for part in path.split(separator: ".") {
            let isItem = part.hasSuffix("[]")
            let name = isItem ? part.dropLast(2) : part
            guard let field = fields.first(where: { $0.name == name }) else { return nil }
            var type = field.type
            if isItem, case .list(let item, uniqueBy: _, minimumItems: _, maximumItems: _) = type { type = item }
            found = FoundField(
                type: type,
                description: Bilingual(vietnamese: field.descriptionVietnamese, english: field.descriptionEnglish))
            fields = []
            if case .object(let members) = type { fields = members }
        }
        return found
    }

    /// What a record that got this refusal would have had to be.
    func expected(_ refusal: Refusal) -> Bilingual {
        if let words = ofRule(refusal) { return words }
        switch refusal.reason {
        case .missingKey, .keyMismatch:
            let key = contract.key.joined(separator: ":")
            return Bilingual(vietnamese: "Khóa là \(key).", english: "The key is \(key).")
        case .stateSecret:
            return Bilingual(
                vietnamese: "stateSecret không có, là null hoặc false.",
                english: "stateSecret is absent, null or false.")
        case .notJSON, .notUTF8, .notAnObject, .tooLarge:
            return Bilingual(
                vietnamese: "Một đối tượng JSON, bảng mã UTF-8, nhiều nhất 1 MiB.",
                english: "One JSON object in UTF-8, at most 1 MiB.")
        case .missingField, .versionMissing, .wrongType, .wrongFormat, .outOfRange, .notInList, .invalidIdentifier,
            .inconsistent, .databaseRefused:
            return ofField(refusal)
        }
    }

    /// In English and a few words: the rule's own where they tell enough.
    func inShort(_ refusal: Refusal) -> String {
        if let words = ofRule(refusal) { return words.english }
        // These name the kind of rule and not what it says.
        let isOnlyName =
            ["values", "pattern"].contains(refusal.rule) || refusal.reason == .invalidIdentifier
            || refusal.rule.hasPrefix("code list ")
        guard isOnlyName, let field = refusal.field.flatMap(field) else {
            return refusal.rule
        }
        return FieldGuide.english(field.type)
    }

    private func ofField(_ refusal: Refusal) -> Bilingual {
        guard let field = refusal.field.flatMap(field) else {
            return Bilingual(vietnamese: refusal.rule, english: refusal.rule)
        }
        let isAbsent = refusal.reason == .missingField || refusal.reason == .versionMissing
        let prefix =
            isAbsent
            ? Bilingual(vietnamese: "Bắt buộc có; ", english: "Required; ") : Bilingual(vietnamese: "", english: "")
        return Bilingual(
            vietnamese: Self.sentence(prefix.vietnamese + FieldGuide.vietnamese(field.type)),
            english: Self.sentence(prefix.english + FieldGuide.english(field.type)))
    }

    private static func sentence(_ words: String) -> String {
        words.prefix(1).uppercased() + words.dropFirst() + "."
    }

    /// Rules that the field's own type does not tell.
    private func ofRule(_ refusal: Refusal) -> Bilingual? {
        if let words = ofCell(refusal) { return words }
        if refusal.reason == .outOfRange, refusal.rule.contains("a day beyond") {
            return Bilingual(
                vietnamese: "Phiên bản không quá một ngày sau thời điểm hiện tại.",
                english: "A version at most one day ahead of now.")
        }
        if refusal.reason == .inconsistent, refusal.rule == "no item twice", let path = refusal.field {
            return Self.uniqueItems(path)
        }
        for rule in contract.rules {
            if let words = words(of: rule, for: refusal) { return words }
        }
        return nil
    }

    /// Of a list or an object that a row gives as something else.
    private func ofCell(_ refusal: Refusal) -> Bilingual? {
        guard isOfRows, refusal.reason == .wrongType, let path = refusal.field, let type = field(path)?.type else {
            return nil
        }
        let column = path.replacing("[]", with: "[0]") + Self.columnEnd(type)
        switch type {
        case .list:
            return Bilingual(
                vietnamese: "Một danh sách: viết dạng JSON trong ô, hoặc chia thành các cột như \(column).",
                english: "A list: as JSON in the cell, or in columns such as \(column).")
        case .object:
            return Bilingual(
                vietnamese: "Một đối tượng: viết dạng JSON trong ô, hoặc chia thành các cột như \(column).",
                english: "An object: as JSON in the cell, or in columns such as \(column).")
        case .text, .integer, .boolean, .decimal, .date, .timestamp: return nil
        }
    }

    /// What stands after a field's name in the name of a column of its first part.
    private static func columnEnd(_ type: FieldType) -> String {
        switch type {
        case .list(let item, uniqueBy: _, minimumItems: _, maximumItems: _): "[0]" + columnEnd(item)
        case .object(let fields): fields.first.map { "." + $0.name + columnEnd($0.type) } ?? ""
        case .text, .integer, .boolean, .decimal, .date, .timestamp: ""
        }
    }

    /// - Parameter path: `industries[].code`, or `previousPersonalIds[]` where the items themselves differ.
    private static func uniqueItems(_ path: String) -> Bilingual {
        let parts = path.split(separator: "[]", omittingEmptySubsequences: false)
        let list = parts.dropLast().joined(separator: "[]")
        guard let field = parts.last?.drop(while: { $0 == "." }), !field.isEmpty else {
            return Bilingual(
                vietnamese: "Không phần tử nào của \(list) lặp lại.", english: "No item of \(list) stands twice.")
        }
        return Bilingual(
            vietnamese: "Không hai phần tử nào của \(list) trùng \(field).",
            english: "No two items of \(list) have the same \(field).")
    }

    /// Nil where the refusal is not of this rule.
    private func words(of rule: RecordRule, for refusal: Refusal) -> Bilingual? {
        let (name, field) = (refusal.rule, refusal.field)
        switch rule {
        case .dateOrder(let first, let second) where name == "dateOrder" && field == first:
            return Bilingual(
                vietnamese: "\(first) không muộn hơn \(second).", english: "\(first) is not after \(second).")
        case .requireOneOf(let fields) where name == "requireOneOf" && field == fields.first:
            let list = fields.joined(separator: ", ")
            return Bilingual(vietnamese: "Có ít nhất một trong: \(list).", english: "At least one of \(list).")
        case .atMostOneFlagged(let list, let flag) where name == "atMostOneFlagged" && field?.hasPrefix(list) == true:
            return Bilingual(
                vietnamese: "Nhiều nhất một phần tử của \(list) có \(flag) là true.",
                english: "At most one item of \(list) has \(flag) true.")
        case .eachRequiresOneOf(let list, let fields)
        where name == "eachRequiresOneOf" && field?.hasPrefix(list) == true:
            let names = fields.joined(separator: ", ")
            return Bilingual(
                vietnamese: "Mỗi phần tử của \(list) có ít nhất một trong: \(names).",
                english: "Each item of \(list) has at least one of \(names).")
        case .insuranceCardAgrees(let card, let group, _) where name == "insuranceCardAgrees group":
            return Bilingual(
                vietnamese: "Hai chữ cái đầu của \(card) trùng với \(group).",
                english: "The first two letters of \(card) are \(group).")
        case .insuranceCardAgrees(let card, _, let level) where name == "insuranceCardAgrees level":
            return Bilingual(
                vietnamese: "Chữ số thứ ba của \(card) trùng với \(level).",
                english: "The third character of \(card) is \(level).")
        case .identifierByValue(let checked, let by, let cases, let otherwise)
        where refusal.reason == .invalidIdentifier && field == checked:
            guard let kind = (cases.values + [otherwise]).first(where: { $0.rawValue == name }) else { return nil }
            let type = FieldType.text(TextRule(identifier: kind))
            return Bilingual(
                vietnamese: Self.sentence(FieldGuide.vietnamese(type) + " (theo \(by))"),
                english: Self.sentence(FieldGuide.english(type) + " (chosen by \(by))"))
        case .dateOrder, .requireOneOf, .atMostOneFlagged, .eachRequiresOneOf, .insuranceCardAgrees,
            .identifierByValue, .warnAbsent, .warnPersonalNumberDiffers, .warnCardNumberDiffers:
            return nil
        }
    }

    /// What a warning means; its name where the contract gave it one of its own.
    func meaning(_ warning: QualityWarning) -> Bilingual {
        for rule in contract.rules {
            switch rule {
            case .warnAbsent(let field, let name) where name == warning.rule && field == warning.field:
                return Bilingual(vietnamese: "Không có \(field).", english: "\(field) is absent.")
            case .warnPersonalNumberDiffers(let number, let birthDate?, _)
            where warning.rule == "birth-year-differs-from-number":
                return Bilingual(
                    vietnamese: "Năm sinh trong \(birthDate) khác với năm sinh trong \(number).",
                    english: "The year in \(birthDate) differs from the one in \(number).")
            case .warnPersonalNumberDiffers(let number, _, let sex?) where warning.rule == "sex-differs-from-number":
                return Bilingual(
                    vietnamese: "Giới tính trong \(sex) khác với giới tính trong \(number).",
                    english: "The \(sex) differs from the one in \(number).")
            case .warnCardNumberDiffers(let card, let number)
            where warning.rule == "social-insurance-number-differs-from-card":
                return Bilingual(
                    vietnamese: "Mười chữ số cuối của \(card) khác với \(number).",
                    english: "The last ten digits of \(card) differ from \(number).")
            case .dateOrder, .requireOneOf, .atMostOneFlagged, .eachRequiresOneOf, .insuranceCardAgrees,
                .identifierByValue, .warnAbsent, .warnPersonalNumberDiffers, .warnCardNumberDiffers:
                continue
            }
        }
        return Bilingual(vietnamese: warning.rule, english: warning.rule)
    }
}

extension Malformation {
    /// What was wrong with the file, and what to do about it.
    var meaning: Bilingual {
        switch self {
        case .fewerCells:
            Bilingual(
                vietnamese: "Dòng có ít ô hơn dòng tiêu đề. Hãy kiểm tra dấu phân cách và dấu ngoặc kép.",
                english: "The row has fewer cells than the header. See to delimiters and quotes.")
        case .moreCells:
            Bilingual(
                vietnamese: "Dòng có nhiều ô hơn dòng tiêu đề. Ô chứa dấu phân cách phải đặt trong ngoặc kép.",
                english: "The row has more cells than the header. A cell with a delimiter in it needs quotes.")
        case .openQuote:
            Bilingual(
                vietnamese: "Dấu ngoặc kép mở mà không đóng.",
                english: "A quote is opened and not closed.")
        case .textAfterQuote:
            Bilingual(
                vietnamese: "Có ký tự sau dấu ngoặc kép đóng. Dấu ngoặc kép trong ô phải viết hai lần.",
                english: "Something follows a closing quote. A quote within a cell must be doubled.")
        case .emptyElement:
            Bilingual(
                vietnamese: "Sau dấu phẩy không có phần tử nào.", english: "A comma is followed by no element.")
        case .openArray:
            Bilingual(
                vietnamese: "Tệp kết thúc khi mảng chưa đóng: có thể tệp bị cắt.",
                english: "The file ends before its array does: perhaps it was cut off.")
        case .openRecord:
            Bilingual(
                vietnamese:
                    "Tệp kết thúc khi bản ghi chưa đóng; phần còn lại của tệp không được kiểm tra. Nếu mỗi dòng là một bản ghi, hãy dùng --input ndjson.",
                english:
                    "The file ends before this record does; the rest of the file was not checked. If each line is a record, give --input ndjson."
            )
        case .textAfterArray:
            Bilingual(
                vietnamese: "Sau mảng còn nội dung khác, không được kiểm tra.",
                english: "Something follows the array, and was not checked.")
        }
    }

    /// What was expected, in a few words.
    package var rule: String {
        switch self {
        case .fewerCells, .moreCells: "as many cells as the header"
        case .openQuote: "a closing quote"
        case .textAfterQuote: "a delimiter after the quote"
        case .emptyElement: "an element after a comma"
        case .openArray: "the array's end"
        case .openRecord: "the record's end; the rest was not checked: perhaps --input ndjson"
        case .textAfterArray: "nothing after the array; the rest was not checked"
        }
    }
}
