// JSON that is mended: what the patch does not name stays to the digit.
import Model
import Testing

@testable import DeadLetters

struct JSONValueTests {
    @Test(
        "a document is written back with its members' order, its numbers' digits and its text",
        arguments: [
            #"{"b":1,"a":[true,false,null],"b":2}"#, "12345678901234567890.10", "-0", "1e400", "0.1E+7", "[]", "{}",
            #""Nguyễn \"A\" \\ \n \u0001""#, #"[[[{"":""}]]]"#, "-1.5e-3",
        ])
    func roundTrip(text: String) throws {
        let value = try #require(JSONValue(Array(text.utf8)))
        #expect(value.text == text)
        #expect(try #require(JSONValue(Array(value.indented().utf8))).text == text)
    }

    @Test("white space and escapes are read as what they mean")
    func escapes() throws {
        let value = try #require(JSONValue(Array(" {\r\n\t\"\\u0061\" : \"\\ud83d\\ude00\\/\" } \n".utf8)))
        #expect(value.text == #"{"a":"😀/"}"#)
    }

    @Test(
        "what is no JSON is not read",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "01", "-01", "1.", ".5", "+1", "1e", "-", "tru",
            "nul", "\"", "\"\\x\"", "\"\\ud800\"", "\"\u{1}\"", "1 2", "[1 2]", "{} {}", "'a'", "\u{FEFF}1", "\"\\",
        ])
    func malformed(text: String) { #expect(JSONValue(Array(text.utf8)) == nil) }

    @Test("bytes that are not UTF-8, and nesting beyond a record's, are not read")
    func bounds() {
        #expect(JSONValue([0x22, 0xFF, 0x22]) == nil)
        func nested(_ depth: Int) -> [UInt8] {
            [UInt8](repeating: UInt8(ascii: "["), count: depth) + [UInt8](repeating: UInt8(ascii: "]"), count: depth)
        }
        #expect(JSONValue(nested(Limits.jsonDepthMax)) != nil)
        #expect(JSONValue(nested(Limits.jsonDepthMax + 1)) == nil)
    }
}

struct RecordPatchTests {
    private func applied(_ patch: String, to document: String) throws -> String {
        let document = try #require(JSONValue(Array(document.utf8)))
        return try RecordPatch(Array(patch.utf8)).applied(to: document).text
    }

    /// Document, patch, result: of RFC 6902 appendix A, and further ones.
    private static let cases: [(String, String, String)] = [
        (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux"}]"#, #"{"foo":"bar","baz":"qux"}"#),
        (#"{"foo":["bar","baz"]}"#, #"[{"op":"add","path":"/foo/1","value":"qux"}]"#, #"{"foo":["bar","qux","baz"]}"#),
        (#"{"baz":"qux","foo":"bar"}"#, #"[{"op":"remove","path":"/baz"}]"#, #"{"foo":"bar"}"#),
        (#"{"foo":["bar","qux","baz"]}"#, #"[{"op":"remove","path":"/foo/1"}]"#, #"{"foo":["bar","baz"]}"#),
        (
            #"{"baz":"qux","foo":"bar"}"#, #"[{"op":"replace","path":"/baz","value":"boo"}]"#,
            #"{"baz":"boo","foo":"bar"}"#
        ),
        (
            #"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
            #"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
            #"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#
        ),
        (
            #"{"foo":["all","grass","cows","eat"]}"#, #"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
            #"{"foo":["all","cows","eat","grass"]}"#
        ),
        (
            #"{"baz":"qux","foo":["a",2,"c"]}"#,
            #"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2.0}]"#,
            #"{"baz":"qux","foo":["a",2,"c"]}"#
        ),
        (
            #"{"foo":"bar"}"#, #"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
            #"{"foo":"bar","child":{"grandchild":{}}}"#
        ),
        (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux","xyz":123}]"#, #"{"foo":"bar","baz":"qux"}"#),
        (#"{"/":9,"~1":10}"#, #"[{"op":"test","path":"/~01","value":10},{"op":"remove","path":"/~1"}]"#, #"{"~1":10}"#),
        (
            #"{"foo":["bar"]}"#, #"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
            #"{"foo":["bar",["abc","def"]]}"#
        ),
        (#"{"a":1}"#, #"[{"op":"add","path":"","value":[]}]"#, "[]"),
        (#"{"a":1}"#, #"[{"op":"replace","path":"","value":null}]"#, "null"),
        (#"{"a":1}"#, #"[{"op":"add","path":"/a","value":2}]"#, #"{"a":2}"#),
        (#"{"":1}"#, #"[{"op":"replace","path":"/","value":2}]"#, #"{"":2}"#),
        (
            #"{"a":[1]}"#, #"[{"op":"copy","from":"/a","path":"/b"},{"op":"add","path":"/b/0","value":0}]"#,
            #"{"a":[1],"b":[0,1]}"#
        ),
        (#"{"a":1}"#, #"[{"op":"move","from":"/a","path":"/a"}]"#, #"{"a":1}"#),
        (
            #"{"a":1e2,"b":3}"#,
            #"[{"op":"test","path":"/a","value":100},{"op":"test","path":"","value":{"b":3.00,"a":100.0}}]"#,
            #"{"a":1e2,"b":3}"#
        ),
        (#"{"n":12345678901234567890.10,"x":1}"#, #"[{"op":"remove","path":"/x"}]"#, #"{"n":12345678901234567890.10}"#),
        (#"{"a":1}"#, "[]", #"{"a":1}"#),
    ]

    @Test("operations do what RFC 6902 says", arguments: cases)
    func operations(document: String, patch: String, result: String) throws {
        #expect(try applied(patch, to: document) == result)
    }

    @Test(
        "an operation that fails makes the patch fail, and is told by its number without a value",
        arguments: [
            #"{"op":"add","path":"/x/y","value":"secret"}"#, #"{"op":"remove","path":"/secret"}"#,
            #"{"op":"replace","path":"/secret","value":1}"#, #"{"op":"test","path":"/a","value":"secret"}"#,
            #"{"op":"test","path":"/a","value":10}"#, #"{"op":"add","path":"/l/3","value":1}"#,
            #"{"op":"add","path":"/l/01","value":1}"#, #"{"op":"add","path":"/l/x","value":1}"#,
            #"{"op":"remove","path":"/l/-"}"#, #"{"op":"remove","path":"/l/2"}"#, #"{"op":"remove","path":""}"#,
            #"{"op":"move","from":"/o","path":"/o/inner"}"#, #"{"op":"copy","path":"/b"}"#,
            #"{"op":"add","path":"a","value":1}"#, #"{"op":"add","path":"/~2","value":1}"#,
            #"{"op":"add","path":"/b"}"#,
            #"{"op":"secret","path":"/a"}"#, #"{"path":"/a"}"#, #""secret""#,
        ])
    func failing(operation: String) throws {
        let document = try #require(JSONValue(Array(#"{"a":1,"l":[1,2],"o":{"inner":1}}"#.utf8)))
        let patch = try RecordPatch(
            Array("[{\"op\":\"test\",\"path\":\"\",\"value\":\(document.text)},\(operation)]".utf8))
        let fault = try #require(throws: RecordPatchFault.self) { try patch.applied(to: document) }
        #expect(fault.description.hasPrefix("operation 2 of the patch"))
        #expect(!fault.description.contains("secret"))
    }

    /// RFC 7396 appendix A, as far as the patch is an object.
    private static let mergeCases: [(String, String, String)] = [
        (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
        (#"{"a":"b"}"#, #"{"a":null}"#, "{}"), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
        (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
        (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
        (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
        ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
        ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
        (#"{"n":1.50,"m":2}"#, #"{"m":3}"#, #"{"n":1.50,"m":3}"#),
    ]

    @Test("an object is merged as RFC 7396 says", arguments: mergeCases)
    func merging(document: String, patch: String, result: String) throws {
        #expect(try applied(patch, to: document) == result)
    }

    @Test("a patch is an array or an object", arguments: ["1", "\"a\"", "null", "", "{"])
    func neither(patch: String) {
        #expect(throws: RecordPatchFault.self) { try RecordPatch(Array(patch.utf8)) }
    }
}
