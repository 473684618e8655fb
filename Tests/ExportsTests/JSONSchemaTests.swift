import Contracts
import Model
import Testing

@testable import Exports

@Suite("JSON Schema")
struct JSONSchemaTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let type: FieldType
        var required = true
        /// The keywords, as one line of JSON.
        let keywords: String

        var testDescription: String { keywords }
    }

    private static let blank =
        #"[\\u0009-\\u000D\\u0020\\u0085\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]"#

    private static func pattern(_ body: String, optional: Bool = false) -> String {
        "\"pattern\":\"^\(blank)*(?:\(body))\(optional ? "?" : "")\(blank)*$\""
    }

    static let cases: [Case] = [
        Case(type: .boolean, keywords: #""type":"boolean""#),
        Case(type: .boolean, required: false, keywords: #""type":["boolean","null"]"#),
        Case(
            type: .integer(minimum: 1, maximum: 5), keywords: #""type":"integer","minimum":1,"maximum":5"#),
        Case(
            type: .text(TextRule(values: ["on", "c++"])), required: false,
            keywords: #""type":["string","null"],"anyOf":[{"enum":["on","c++",null]},{"#
                + pattern(#"on|c\\+\\+"#, optional: true) + "}]"),
        Case(
            type: .text(TextRule(identifier: .oldIdentityNumber)),
            keywords: #""type":"string","x-lienthong-identifier":"old-identity-number","# + pattern("[0-9]{9}")),
        Case(
            type: .text(TextRule(codeList: .province)),
            keywords:
                #""type":"string","x-lienthong-codeList":"province","anyOf":[{"enum":["01","04","15","24","79"]},{"#
                + pattern("01|04|15|24|79") + "}]"),
        Case(
            type: .text(TextRule(codeList: .country)),
            keywords: #""type":"string","x-lienthong-codeList":"country","anyOf":[{"enum":["FRA","VNM"]},{"#
                + pattern("FRA|VNM") + "}]"),
        Case(
            type: .text(TextRule(codeList: .commune)),
            keywords: #""type":"string","x-lienthong-codeList":"commune","# + pattern("[0-9]{5}")
                + #","$comment":"The code is one of 1 communes.""#),
        Case(
            type: .decimal(scale: 2, minimum: 0),
            keywords: #""type":"string","#
                + pattern(#"[0-9]{1,38}(?:\\.[0-9]{1,2})?|-0{1,38}(?:\\.0{1,2})?"#)),
        Case(
            type: .object([Field(name: "a", type: .boolean, required: true)]),
            keywords: #""type":"object","properties":{"a":{"description":"","x-lienthong-descriptionVi":"","#
                + #""x-lienthong-classification":"internal","type":"boolean"}},"required":["a"]"#),
        Case(
            type: .list(.boolean, uniqueBy: "", minimumItems: 1, maximumItems: 9),
            keywords: #""type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":9,"uniqueItems":true"#),
    ]

    @Test("a field's type becomes keywords", arguments: cases)
    func keywords(example: Case) {
        let members = FieldSchema(codeLists: EverythingTopic.codeLists).members(
            of: example.type, required: example.required)
        #expect(JSON.object(members).text == "{\(example.keywords)}")
    }

    @Test("an integer version is at least 1, and marked")
    func version() {
        var contract = EverythingTopic.contract
        contract.versionField = "level"
        let field = Field(name: "level", type: .integer(minimum: -5, maximum: 9), required: true)
        let text = FieldSchema(codeLists: EverythingTopic.codeLists).schema(of: field, in: contract).text
        #expect(text.contains(#""x-lienthong-version":true,"type":"integer","minimum":1,"maximum":9"#))
    }

    @Test("what is judged in NFC only, or of several items, is said in words")
    func comments() {
        func text(_ type: FieldType) -> String {
            JSON.object(FieldSchema(codeLists: EverythingTopic.codeLists).members(of: type, required: true)).text
        }
        #expect(text(.text(TextRule(pattern: "^[à-ỹ]$"))).contains("In Unicode form NFC the text matches ^[à-ỹ]$."))
        for kind in [IdentifierKind.taxCode, .enterpriseCode, .personalTaxCode] {
            #expect(text(.text(TextRule(identifier: kind))).contains("it is a check digit"))
        }
        for list in [CodeListKind.province, .commune] {
            let commented = text(.text(TextRule(codeList: list, codeListDateField: "asOf")))
            #expect(commented.contains(#""$comment":""#) && commented.contains(" asOf"))
        }
        let items = FieldType.object([Field(name: "code", type: .text(TextRule()), required: true)])
        #expect(text(.list(items, uniqueBy: "code", maximumItems: 2)).contains("No two items have the same code."))
        #expect(text(.list(.text(TextRule()), uniqueBy: "", maximumItems: 2)).contains("No two items are the same in"))
    }

    @Test("the document names topic, version, dialect, key and class, and says what it cannot express")
    func document() {
        let text = JSONSchema.document(
            of: EverythingTopic.definition, codeLists: EverythingTopic.codeLists, examples: []
        ).text
        for part in [
            #""$id":"urn:lienthong:topic:test.every-thing.v1:1.2.0""#,
            #""$schema":"https://json-schema.org/draft/2020-12/schema""#,
            #""x-lienthong-keyPosition":2"#, #""x-lienthong-classification":"family""#, #""enum":[false,null]"#,
            #""maxContains":1"#, "born does not lie after day", "it is a check digit",
            #""x-lienthong-uniqueBy":"code""#,
        ] {
            #expect(text.contains(part), "\(part)")
        }
    }
}
