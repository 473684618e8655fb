import Contracts
import Exports
import Testing

@Suite struct GuideTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let type: FieldType
        let vietnamese: String
        let english: String
        var testDescription: String { english }
    }

    static let cases = [
        Case(
            type: .text(TextRule()), vietnamese: "văn bản, nhiều nhất 255 ký tự",
            english: "text of at most 255 characters"),
        Case(
            type: .text(TextRule(minimumLength: 3, maximumLength: 3, pattern: "^[a-z]{3}$")),
            vietnamese: "văn bản đúng 3 ký tự, theo mẫu ^[a-z]{3}$",
            english: "text of exactly 3 characters, of the form ^[a-z]{3}$"),
        Case(
            type: .text(TextRule(values: ["male", "female"])), vietnamese: "một trong các giá trị: male, female",
            english: "one of: male, female"),
        Case(
            type: .text(TextRule(identifier: .personalNumber)),
            vietnamese:
                "số định danh cá nhân: 12 chữ số, trong đó có mã nơi đăng ký khai sinh (không phải 000), giới tính và năm sinh",
            english: "personal identification number: 12 digits, which tell place (never 000), sex and year of birth"),
        Case(
            type: .text(TextRule(identifier: .insuranceCard)),
            vietnamese:
                "số thẻ bảo hiểm y tế: 15 ký tự, gồm 2 chữ cái mã đối tượng, mức hưởng 1 đến 5, 2 chữ số mã tỉnh, 10 chữ số",
            english:
                "health-insurance card number: 2 capitals of the group, level 1 to 5, 2 digits of the province, 10 digits"
        ),
        Case(
            type: .text(TextRule(codeList: .commune, codeListDateField: "asOf")),
            vietnamese:
                "mã xã, phường, đặc khu: 5 chữ số, theo 3.321 đơn vị từ ngày 01/7/2025; trước đó chỉ xét đủ 5 chữ số, xét tại ngày ghi ở trường asOf",
            english: "commune: 5 digits, of the 3,321 since 2025-07-01; any 5 digits before, judged at the day in asOf"
        ),
        Case(
            type: .integer(minimum: 1, maximum: 10_000),
            vietnamese: "số nguyên (không có ngoặc kép), từ 1 trở lên, không quá 10\u{A0}000",
            english: "a whole number (without quotes), at least 1, at most 10\u{A0}000"),
        Case(
            type: .date(partial: true, minimum: -43_829),
            vietnamese: "ngày dạng YYYY-MM-DD, hoặc YYYY-MM, YYYY nếu chỉ biết một phần, không sớm hơn 1850-01-01",
            english: "a date YYYY-MM-DD, or YYYY-MM, YYYY where only a part is known, not before 1850-01-01"),
        Case(
            type: .decimal(scale: 2, minimum: 0),
            vietnamese:
                "số thập phân viết trong ngoặc kép, dấu chấm thập phân, nhiều nhất 2 chữ số sau dấu chấm, từ 0 trở lên",
            english: "a decimal number in quotes, with a point and at most 2 decimals, at least 0"),
        Case(
            type: .list(.boolean, uniqueBy: "", minimumItems: 1, maximumItems: 5),
            vietnamese:
                "danh sách, mỗi phần tử là true hoặc false, ít nhất 1 phần tử, nhiều nhất 5 phần tử, không phần tử nào lặp lại",
            english: "a list, each item true or false, at least 1 items, at most 5 items, no item twice"),
    ]

    @Test("a type is told in words, in both languages", arguments: cases)
    func words(_ given: Case) {
        #expect(FieldGuide.vietnamese(given.type) == given.vietnamese)
        #expect(FieldGuide.english(given.type) == given.english)
    }
}
