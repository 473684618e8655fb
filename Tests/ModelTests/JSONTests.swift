// JSON that is written must read back the same.
import Foundation
import Model
import Testing

struct JSONTests {
    @Test(
        "any text is written as JSON that reads back the same",
        arguments: ["", "a\"b\\c", "\u{0}\u{1F}\u{7F}\n\r\t", "Trần 🙂"])
    func text(text: String) throws {
        let line = JSON.object([("text", .string(text))]).text
        #expect(!line.contains("\n"))
        let read = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
        #expect(read == ["text": text])
    }

    @Test("members keep their order; absent values are null; decimals are short")
    func object() {
        let object = JSON.object([
            ("b", .integer(1)), ("a", .optional(Int64?.none)), ("c", .decimal(1.23456)), ("d", .decimal(2)),
            ("e", .decimal(.nan)), ("f", .array([.boolean(true), .null])),
        ])
        #expect(object.text == #"{"b":1,"a":null,"c":1.235,"d":2,"e":null,"f":[true,null]}"#)
    }

    @Test("over several lines it says the same")
    func indented() throws {
        let value = JSON.object([("a", .array([.integer(1), .object([])])), ("b", .array([]))])
        #expect(value.indented() == "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}")
    }
}
