// The decoder as the only judge of records: each reason, the order of reasons, and what good records become.
import Contracts
import Model
import Testing

@Suite("RecordDecoder")
struct RecordDecoderTests {
    // MARK: Good records

    @Test("a good record becomes its columns, its children and its version")
    func goodRecord() throws {
        var bench = try Bench(Fixtures.citizen)
        let record = try bench.record(Fixtures.citizenValue, key: "001085012345")
        #expect(record.version == 42)
        #expect(bench.columns(record.key) == [.text("001085012345")])
        #expect(
            bench.columns(record.content) == [
                .text("Nguyễn Thị Minh Hạnh"), .text("1985-03-14"), .bytes(int32(-5_406)), .text("male"), .text("01"),
                .text("VNM"),
                .text("Số 12, ngõ 34, phố Hàng Bông"), .text("01"), .text("00004"), .bytes(int32(9_344)),
                .text("Số 5, đường Lê Lợi, phường Bến Nghé"), .text("79"), .text("Bệnh viện Phụ sản Trung ương"),
                .text("married"),
                .text("active"), .null, .text("2211"), .text("+84900000000"), .text("012345678"), .null,
            ])
        let child = bench.decoder.childRows[record.children]
        #expect(child.map(\.child) == [0])
        #expect(child.map(\.position) == [1])
        #expect(child.map { bench.columns($0.content) } == [[.text("001085099999")]])
        #expect(record.warnings.isEmpty)
    }

    @Test("a padded value and a copied one get the same verdict")
    func padding() throws {
        var bench = try Bench(Fixtures.citizen)
        let copied = try bench.record(Fixtures.citizenValue, key: "001085012345")
        bench.isPadded = true
        let padded = try bench.record(Fixtures.citizenValue, key: "001085012345")
        #expect(copied.contentHash == padded.contentHash)
    }

    @Test("text is trimmed and composed, so that two writings are one content")
    func normalisation() throws {
        var bench = try Bench(Fixtures.citizen)
        let composed = try bench.record(citizen(#""fullName":"Nguyễn Hòa""#), key: id)
        let decomposed = try bench.record(
            citizen("\"fullName\":\" \u{A0}Nguye\u{302}\u{303}n Ho\u{300}a\u{3000}\\n\""), key: id)
        #expect(bench.columns(decomposed.content)[0] == .text("Nguyễn Hòa"))
        #expect(composed.contentHash == decomposed.contentHash)
    }

    @Test("of duplicate members the first counts; unknown members are counted and stored nowhere")
    func duplicatesAndUnknowns() throws {
        var bench = try Bench(Fixtures.citizen)
        let plain = try bench.record(citizen(), key: id)
        #expect(bench.decoder.unknownFieldCount == 0)
        let other = try bench.record(
            citizen(adding: #","fullName":"X","fullName":7,"new":{"a":[1]},"stateSecret":false"#), key: id)
        #expect(plain.contentHash == other.contentHash)
        #expect(bench.decoder.unknownFieldCount == 1)
    }

    @Test("members in any order make the same content")
    func order() throws {
        var bench = try Bench(Fixtures.citizen)
        let first = try bench.record(
            #"{"version":1,"personalId":"001085012345","fullName":"A","birthDate":"1985","sex":"male","identityStatus":"active","birthPlace":"B","currentAddress":{"text":"C","provinceCode":"01"}}"#,
            key: id)
        let second = try bench.record(
            #"{"currentAddress":{"provinceCode":"01","text":"C"},"birthPlace":"B","identityStatus":"active","sex":"male","birthDate":"1985","fullName":"A","personalId":"001085012345","version":2}"#,
            key: id)
        #expect(first.contentHash == second.contentHash)
        #expect(bench.columns(first.content) == bench.columns(second.content))
    }

    @Test("null, an empty text and blanks are an absent field")
    func absent() throws {
        var bench = try Bench(Fixtures.citizen)
        let absent = try bench.record(citizen(), key: id)
        for value in ["null", "\"\"", "\" \\t\\u00a0\""] {
            let other = try bench.record(citizen(#""phone":\#(value),"deathDate":\#(value)"#), key: id)
            #expect(absent.contentHash == other.contentHash, "\(value)")
        }
    }

    @Test("a list moved from one child table to another is other content")
    func hashTellsTables() throws {
        let item: FieldType = .list(.text(TextRule()), uniqueBy: nil, maximumItems: 5)
        let fields = [
            Field(name: "id", type: .text(TextRule()), required: true), Field(name: "a", type: item, required: false),
            Field(name: "b", type: item, required: false),
            Field(name: "version", type: .integer(minimum: 1, maximum: .max), required: true),
        ]
        let mapping = Mapping(
            revision: 1, table: "registry.t", view: "registry.v", key: [Mapping.Column(name: "id", field: "id")],
            columns: [],
            children: ["a", "b"].map {
                Mapping.Child(table: "registry.\($0)", list: $0, columns: [Mapping.Column(name: "x", field: ".")])
            })
        var bench = try Bench(
            Fixtures.definition(fields: fields, key: ["id"], versionField: "version", mapping: mapping))
        let inA = try bench.record(#"{"id":"k","a":["x"],"version":1}"#, key: "k")
        let inB = try bench.record(#"{"id":"k","b":["x"],"version":1}"#, key: "k")
        #expect(inA.contentHash != inB.contentHash)
        #expect(bench.decoder.childRows[inB.children].map(\.child) == [1])
    }

    @Test("objects and lists of one column become jsonb of the contract's fields alone")
    func jsonb() throws {
        var bench = try Bench(Fixtures.citizen)
        let record = try bench.record(
            citizen(
                #""representatives":[{"relation":"me \"x\"\\\n","unknown":1,"fullName":" Lê "},{"fullName":"B","personalId":"001085012345","relation":""}]"#
            ), key: id)
        #expect(
            bench.columns(record.content)[19]
                == .bytes(
                    [1]
                        + Array(
                            #"[{"fullName":"Lê","relation":"me \"x\"\\"},{"personalId":"001085012345","fullName":"B"}]"#
                                .utf8)))
    }

    @Test("jsonb holds each type as JSON writes it")
    func jsonbTypes() throws {
        var bench = try Bench(
            Fixtures.definition(
                fields: [
                    Field(name: "id", type: .text(TextRule()), required: true),
                    Field(
                        name: "all",
                        type: .object([
                            Field(name: "n", type: .integer(minimum: .min, maximum: .max), required: false),
                            Field(name: "b", type: .boolean, required: false),
                            Field(name: "d", type: .decimal(scale: 2, minimum: nil), required: false),
                            Field(name: "t", type: .timestamp, required: false),
                            Field(
                                name: "l",
                                type: .list(.integer(minimum: 0, maximum: 9), uniqueBy: nil, maximumItems: 3),
                                required: false),
                            Field(
                                name: "o", type: .object([Field(name: "c", type: .text(TextRule()), required: false)]),
                                required: false),
                        ]), required: false),
                    Field(name: "version", type: .integer(minimum: 1, maximum: .max), required: true),
                ], key: ["id"], versionField: "version"))
        let record = try bench.record(
            #"{"id":"k","version":1,"all":{"o":{"c":"\u0001x"},"l":[1,2],"t":"2025-07-01T00:00:00Z","d":"1.50","b":false,"n":-9223372036854775808}}"#,
            key: "k")
        #expect(
            bench.columns(record.content).first
                == .bytes(
                    [1]
                        + Array(
                            #"{"n":-9223372036854775808,"b":false,"d":"1.50","t":"2025-07-01T00:00:00Z","l":[1,2],"o":{"c":"\u0001x"}}"#
                                .utf8)))
    }

    @Test("a normaliser to upper case changes every letter, whatever its alphabet")
    func uppercase() throws {
        let mapping = Mapping(
            revision: 1, table: "registry.t", view: "registry.v", key: [Mapping.Column(name: "id", field: "id")],
            columns: [Mapping.Column(name: "name", field: "name", normaliser: .uppercase)], children: [])
        var bench = try Bench(
            Fixtures.definition(
                fields: [
                    Field(name: "id", type: .text(TextRule()), required: true),
                    Field(name: "name", type: .text(TextRule()), required: true),
                    Field(name: "version", type: .integer(minimum: 1, maximum: .max), required: true),
                ], key: ["id"], versionField: "version", mapping: mapping))
        #expect(
            bench.columns(try bench.record(#"{"id":"k","name":"aBz{1","version":1}"#, key: "k").content) == [
                .text("ABZ{1")
            ])
        #expect(
            bench.columns(try bench.record(#"{"id":"k","name":"Hòa đỗ","version":1}"#, key: "k").content) == [
                .text("HÒA ĐỖ")
            ])
    }

    // MARK: Bytes

    @Test("what is no record's bytes gets the reason of its bytes", arguments: badBytes)
    func bytes(_ example: Example) throws {
        var bench = try Bench(Fixtures.citizen)
        bench.expectRefusal(example)
    }

    static let badBytes: [Example] = [
        Example("empty value", "", .notJSON),
        Example("blank value", "  ", .notJSON),
        Example("one brace", "{", .notJSON),
        Example("two documents", "{}{}", .notJSON),
        Example("a BOM before it", "\u{FEFF}{}", .notJSON),
        Example("bytes of 0xFF", [0xFF, 0xFF, 0xFF], .notUTF8),
        Example("0xFF in a string", Array(#"{"a":""#.utf8) + [0xFF] + Array(#""}"#.utf8), .notUTF8),
        Example("UTF-8 cut short", Array(#"{"a":""#.utf8) + [0xE1, 0xBA], .notUTF8),
        Example("an encoded surrogate", Array(#"{"a":""#.utf8) + [0xED, 0xA0, 0x80] + Array(#""}"#.utf8), .notUTF8),
        Example("a raw NUL", Array(#"{"a":""#.utf8) + [0] + Array(#""}"#.utf8), .notJSON),
        Example("an array", "[1]", .notAnObject),
        Example("a number", "7", .notAnObject),
        Example("a string", "\"x\"", .notAnObject),
        Example("null as text", "null", .notAnObject),
        Example(
            "2,000 deep", "{\"a\":" + String(repeating: "[", count: 2_000) + String(repeating: "]", count: 2_000) + "}",
            .notJSON),
        Example("a number beyond 64 bits", #"{"a":18446744073709551616}"#, .notJSON),
        Example("a number beyond a double", #"{"a":1e400}"#, .notJSON),
        Example("a lone high surrogate", #"{"a":"\ud83d"}"#, .notJSON),
        Example("a lone low surrogate", #"{"a":"\ude00"}"#, .notJSON),
        Example("two high surrogates", #"{"a":"\ud83d\ud83d"}"#, .notJSON),
        Example("a lone surrogate in a name", #"{"\ude00":1}"#, .notJSON),
        Example("a comma too many", #"{"a":1,}"#, .notJSON),
        Example("single quotes", "{'a':1}", .notJSON),
        Example("NaN", #"{"a":NaN}"#, .notJSON),
    ]

    @Test("1,024 levels are read, one more is not JSON")
    func depth() throws {
        var bench = try Bench(Fixtures.citizen)
        func nested(_ levels: Int) -> String {
            citizen(
                adding: ",\"deep\":" + String(repeating: "[", count: levels) + String(repeating: "]", count: levels))
        }
        _ = try bench.record(nested(Limits.jsonDepthMax - 1), key: id)
        bench.expectRefusal(Example("one deeper", nested(Limits.jsonDepthMax), .notJSON))
    }

    @Test("a surrogate pair is one character")
    func surrogatePair() throws {
        var bench = try Bench(Fixtures.citizen)
        let record = try bench.record(citizen(#""fullName":"\ud83d\ude00""#), key: id)
        #expect(bench.columns(record.content)[0] == .text("😀"))
    }

    @Test("a record is at most its bytes of key, value and headers", arguments: [-1, 0, 1])
    func size(_ beyond: Int) throws {
        var bench = try Bench(Fixtures.citizen)
        let value = citizen()
        bench.headersByteCount = Limits.recordBytesMax - value.utf8.count - id.utf8.count + beyond
        if beyond > 0 {
            bench.expectRefusal(Example("too large by one", value, .tooLarge))
        } else {
            _ = try bench.record(value, key: id)
        }
    }

    @Test("10 MB are too large, whether they are JSON or not")
    func tenMegabytes() throws {
        var bench = try Bench(Fixtures.citizen)
        bench.expectRefusal(Example("blanks", String(repeating: " ", count: 10_000_000), .tooLarge))
        bench.expectRefusal(
            Example("text", citizen(adding: ",\"x\":\"" + String(repeating: "a", count: 10_000_000) + "\""), .tooLarge))
        bench.expectRefusal(Example("bytes", [UInt8](repeating: 0xFF, count: 10_000_000), .tooLarge))
        _ = try bench.record(citizen(), key: id)
    }

    // MARK: State secrets

    @Test(
        "a state secret comes before every other reason", arguments: ["true", "\"no\"", "1", "{}", "[]", "0", "\"\""])
    func stateSecret(_ mark: String) throws {
        var bench = try Bench(Fixtures.citizen)
        bench.expectRefusal(Example("good otherwise", citizen(adding: ",\"stateSecret\":\(mark)"), .stateSecret))
        bench.expectRefusal(Example("bad otherwise", "{\"stateSecret\":\(mark)}", .stateSecret))
        bench.expectRefusal(Example("without key", "{\"stateSecret\":\(mark)}", .stateSecret, key: nil))
        bench.expectRefusal(Example("key no UTF-8", "{\"stateSecret\":\(mark)}", .stateSecret, keyBytes: [0xFF]))
        bench.expectRefusal(
            Example(
                "too large", "{\"x\":\"\(String(repeating: "a", count: 1_100_000))\",\"stateSecret\":\(mark)}",
                .stateSecret))
        bench.headersByteCount = 2_000_000
        bench.expectRefusal(Example("too many headers", "{\"stateSecret\":\(mark)}", .stateSecret))
    }

    @Test("no second mark and no escape hides a state secret; one within a field is no mark")
    func hiddenSecret() throws {
        var bench = try Bench(Fixtures.citizen)
        bench.expectRefusal(
            Example("second", citizen(adding: #","stateSecret":false,"stateSecret":true"#), .stateSecret))
        bench.expectRefusal(Example("escaped", citizen(adding: #","state\u0053ecret":true"#), .stateSecret))
        _ = try bench.record(citizen(adding: #","stateSecret":null,"x":{"stateSecret":true}"#), key: id)
    }

    // MARK: Key

    @Test("the key is there, is UTF-8 and equals the value's")
    func key() throws {
        var bench = try Bench(Fixtures.citizen)
        bench.expectRefusal(Example("null key", citizen(), .missingKey, key: nil))
        bench.expectRefusal(Example("empty key", citizen(), .missingKey, key: ""))
        bench.expectRefusal(Example("0xFF", citizen(), .notUTF8, keyBytes: [0xFF, 0xFE]))
        bench.expectRefusal(Example("0xFF before a value that is no JSON", "{", .notUTF8, keyBytes: [0xFF]))
        bench.expectRefusal(Example("another key", citizen(), .keyMismatch, key: "001085012346"))
        bench.expectRefusal(Example("longer key", citizen(), .keyMismatch, key: id + "0"))
        bench.expectRefusal(Example("shorter key", citizen(), .keyMismatch, key: String(id.dropLast())))
        bench.expectRefusal(Example("blank after the key", citizen(), .keyMismatch, key: id + " "))
        bench.expectRefusal(
            Example("key before fields", #"{"personalId":"abc"}"#, .keyMismatch, key: "abd"))
        bench.expectRefusal(Example("absent key field", "{}", .missingField, field: "personalId"))
        bench.expectRefusal(Example("key field no string", #"{"personalId":7}"#, .wrongType, field: "personalId"))
        bench.expectRefusal(Example("empty key field", #"{"personalId":" "}"#, .missingField, field: "personalId"))
        bench.expectRefusal(
            Example("malformed in both", #"{"personalId":"abc"}"#, .invalidIdentifier, field: "personalId", key: "abc"))
    }

    @Test("a key of two parts is them joined by a colon; equal keys are equal bytes")
    func compositeKey() throws {
        var bench = try Bench(Self.card)
        let first = try bench.record(Self.cardValue, key: "DN4797912345678:2025-01-01")
        let second = try bench.record(
            Self.cardValue.replacing("\"2025-01-01\"", with: "\" 2025-01-01 \""), key: "DN4797912345678:2025-01-01")
        #expect(bench.columns(first.key) == [.text("DN4797912345678"), .bytes(int32(9_132))])
        #expect(bench.columns(first.key) == bench.columns(second.key))
        for key in [
            "DN4797912345678", "DN4797912345678:", "DN4797912345678:2025-01-02", "DN4797912345678-2025-01-01",
            "2025-01-01:DN4797912345678",
        ] {
            bench.expectRefusal(Example(key, Self.cardValue, .keyMismatch, key: key))
        }
    }

    @Test("a whole number can be part of a key")
    func numberInKey() throws {
        var bench = try Bench(
            Fixtures.definition(
                fields: [
                    Field(name: "n", type: .integer(minimum: .min, maximum: .max), required: true),
                    Field(name: "version", type: .integer(minimum: 1, maximum: .max), required: true),
                ], key: ["n"], versionField: "version"))
        let record = try bench.record(#"{"n":-12,"version":1}"#, key: "-12")
        let tombstone = try bench.tombstone(key: "-12")
        #expect(bench.columns(record.key) == bench.columns(tombstone.key))
        bench.expectRefusal(Example("written otherwise", #"{"n":-12,"version":1}"#, .keyMismatch, key: "-012"))
        bench.expectRefusal(Example("tombstone written otherwise", nil, .wrongFormat, field: "n", key: "-012"))
    }

    // MARK: Fields

    @Test("a field that breaks the contract gives its reason and path", arguments: badFields)
    func fields(_ example: Example) throws {
        var bench = try Bench(Fixtures.citizen)
        bench.expectRefusal(example)
    }

    static let badFields: [Example] = [
        Example("no name", citizen(#""fullName":null"#), .missingField, field: "fullName"),
        Example("blank name", citizen(#""fullName":"  ""#), .missingField, field: "fullName"),
        Example("name no string", citizen(#""fullName":{}"#), .wrongType, field: "fullName"),
        Example("NUL in text", citizen(#""fullName":"a\u0000b""#), .wrongFormat, field: "fullName"),
        Example(
            "name too long", citizen(#""fullName":"\#(String(repeating: "ế", count: 256))""#), .outOfRange,
            field: "fullName"),
        Example("no such day", citizen(#""birthDate":"1985-02-29""#), .wrongFormat, field: "birthDate"),
        Example("year 0", citizen(#""birthDate":"0000""#), .wrongFormat, field: "birthDate"),
        Example("month 13", citizen(#""birthDate":"1985-13""#), .wrongFormat, field: "birthDate"),
        Example("date as number", citizen(#""birthDate":1985"#), .wrongType, field: "birthDate"),
        Example("sex not in list", citizen(#""sex":"males""#), .notInList, field: "sex"),
        Example("pattern", citizen(#""ethnicityCode":"1""#), .wrongFormat, field: "ethnicityCode"),
        Example("country", citizen(#""nationalityCode":"vnm""#), .notInList, field: "nationalityCode"),
        Example("address no object", citizen(#""currentAddress":"x""#), .wrongType, field: "currentAddress"),
        Example(
            "address without text", citizen(#""currentAddress":{"provinceCode":"01"}"#), .missingField,
            field: "currentAddress.text"),
        Example(
            "province of the older list", citizen(#""currentAddress":{"text":"x","provinceCode":"06"}"#), .notInList,
            field: "currentAddress.provinceCode"),
        Example(
            "identity number", citizen(#""oldIdentityNumber":"01234567""#), .invalidIdentifier,
            field: "oldIdentityNumber"),
        Example(
            "list no list", citizen(#""previousPersonalIds":"001085099999""#), .wrongType, field: "previousPersonalIds"),
        Example(
            "bad item", citizen(#""previousPersonalIds":["001085099999","1"]"#), .invalidIdentifier,
            field: "previousPersonalIds[]"),
        Example("null item", citizen(#""previousPersonalIds":[null]"#), .missingField, field: "previousPersonalIds[]"),
        Example("item no string", citizen(#""previousPersonalIds":[1]"#), .wrongType, field: "previousPersonalIds[]"),
        Example(
            "item twice", citizen(#""previousPersonalIds":["001085099999","001085099998","001085099999"]"#),
            .inconsistent,
            field: "previousPersonalIds[]"),
        Example(
            "21 items",
            citizen(#""previousPersonalIds":[\#((10...30).map { "\"0010850999\($0)\"" }.joined(separator: ","))]"#),
            .outOfRange, field: "previousPersonalIds"),
        Example(
            "item of a list without name", citizen(#""representatives":[{"fullName":"A"},{}]"#), .missingField,
            field: "representatives[].fullName"),
        Example("no version", citizen(#""version":null"#), .versionMissing, field: "version"),
        Example("version 0", citizen(#""version":0"#), .outOfRange, field: "version"),
        Example("version below 0", citizen(#""version":-1"#), .outOfRange, field: "version"),
        Example("version 7.0", citizen(#""version":7.0"#), .wrongType, field: "version"),
        Example("version as string", citizen(#""version":"7""#), .wrongType, field: "version"),
        Example("version beyond Int64", citizen(#""version":9223372036854775808"#), .outOfRange, field: "version"),
        Example("no address at all", citizen(#""currentAddress":null"#), .missingField, field: "permanentAddress"),
        Example(
            "death before birth", citizen(#""birthDate":"1985-03-14","deathDate":"1985-03-13""#), .inconsistent,
            field: "birthDate"),
    ]

    @Test("limits hold at their edge: 255 characters, 20 items, a death on the day of birth")
    func edges() throws {
        var bench = try Bench(Fixtures.citizen)
        _ = try bench.record(citizen(#""fullName":"\#(String(repeating: "ế", count: 255))""#), key: id)
        _ = try bench.record(citizen("\"fullName\":\"\(String(repeating: "e\u{302}\u{301}", count: 255))\""), key: id)
        _ = try bench.record(
            citizen(#""previousPersonalIds":[\#((10...29).map { "\"0010850999\($0)\"" }.joined(separator: ","))]"#),
            key: id)
        _ = try bench.record(citizen(#""birthDate":"1985-03-14","deathDate":"1985-03-14""#), key: id)
        _ = try bench.record(citizen(#""birthDate":"1985","deathDate":"1984-03-14""#), key: id)
        _ = try bench.record(citizen(#""version":9223372036854775807"#), key: id)
    }

    @Test("the first reason in the contract's order wins, whatever the order in the record")
    func firstReason() throws {
        var bench = try Bench(Fixtures.citizen)
        bench.expectRefusal(
            Example(
                "sex before version",
                #"{"version":"x","sex":"?","personalId":"001085012345","fullName":"A","birthDate":"1985"}"#, .notInList,
                field: "sex"))
        bench.expectRefusal(
            Example(
                "fields before rules",
                #"{"personalId":"001085012345","fullName":"A","birthDate":"1985","sex":"male","identityStatus":"active"}"#,
                .versionMissing, field: "version"))
    }

    @Test("a long list with one item twice is found out, and one without passes")
    func longLists() throws {
        let list: FieldType = .list(
            .object([Field(name: "code", type: .text(TextRule()), required: false)]), uniqueBy: "code",
            maximumItems: 5_000)
        var bench = try Bench(
            Fixtures.definition(
                fields: [
                    Field(name: "id", type: .text(TextRule()), required: true),
                    Field(name: "items", type: list, required: false),
                    Field(name: "version", type: .integer(minimum: 1, maximum: .max), required: true),
                ], key: ["id"], versionField: "version"))
        func value(_ codes: [String]) -> String {
            #"{"id":"k","version":1,"items":[\#(codes.map { "{\"code\":\($0)}" }.joined(separator: ","))]}"#
        }
        let codes = (0..<5_000).map { "\"\($0)\"" }
        _ = try bench.record(value(codes), key: "k")
        _ = try bench.record(value(["null", "null", "\"1\""]), key: "k")
        bench.expectRefusal(
            Example("one twice", value(codes.dropLast() + ["\"17\""]), .inconsistent, field: "items[].code", key: "k"))
    }

    // MARK: Places and dates

    @Test(
        "a province and a commune are judged at the address's date",
        arguments: [
            ("01", "null", true), ("06", "null", false), ("06", "\"2025-06-30\"", true),
            ("06", "\"2025-07-01\"", false),
            ("24", "\"2025-07-01\"", true), ("28", "\"1999-12-31\"", true), ("99", "\"1999-12-31\"", false),
            ("1", "null", false), ("0a", "null", false),
        ])
    func provinces(_ code: String, _ asOf: String, _ isGood: Bool) throws {
        var bench = try Bench(Fixtures.citizen)
        let value = citizen(#""currentAddress":{"text":"x","provinceCode":"\#(code)","asOf":\#(asOf)}"#)
        if isGood {
            _ = try bench.record(value, key: id)
        } else {
            bench.expectRefusal(Example(code, value, .notInList, field: "currentAddress.provinceCode"))
        }
    }

    @Test(
        "an older commune passes by its shape, one of today by the list",
        arguments: [
            ("00004", "null", true), ("00005", "null", false), ("00005", "\"2020-01-01\"", true),
            ("0000a", "\"2020-01-01\"", false),
            ("004", "\"2020-01-01\"", false), ("26734", "\"2025-07-01\"", true),
        ])
    func communes(_ code: String, _ asOf: String, _ isGood: Bool) throws {
        var bench = try Bench(Fixtures.citizen)
        let value = citizen(
            #""currentAddress":{"text":"x","provinceCode":"01","communeCode":"\#(code)","asOf":\#(asOf)}"#)
        if isGood {
            _ = try bench.record(value, key: id)
        } else {
            bench.expectRefusal(Example(code, value, .notInList, field: "currentAddress.communeCode"))
        }
    }

    @Test("a malformed date has its own reason, not that of the code beside it")
    func malformedAsOf() throws {
        var bench = try Bench(Fixtures.citizen)
        bench.expectRefusal(
            Example(
                "asOf", citizen(#""currentAddress":{"text":"x","provinceCode":"06","asOf":"2020-13-01"}"#),
                .wrongFormat,
                field: "currentAddress.asOf"))
    }

    // MARK: Versions

    @Test("a timestamp version is microseconds, and at most a day beyond the record's time")
    func timestampVersion() throws {
        var bench = try Bench(Self.card)
        bench.timestampMilliseconds = 1_751_328_000_000  // 2025-07-01T00:00:00Z
        func value(_ updatedAt: String) -> String {
            Self.cardValue.replacing("2025-07-01T07:00:00.25+07:00", with: updatedAt)
        }
        let key = "DN4797912345678:2025-01-01"
        #expect(try bench.record(value("2025-07-01T07:00:00.25+07:00"), key: key).version == 1_751_328_000_250_000)
        #expect(try bench.record(value("2025-07-02T00:00:00Z"), key: key).version == 1_751_414_400_000_000)
        bench.expectRefusal(
            Example("beyond", value("2025-07-02T00:00:00.000001Z"), .outOfRange, field: "updatedAt", key: key))
        bench.expectRefusal(
            Example("no offset", value("2025-07-01T00:00:00"), .wrongFormat, field: "updatedAt", key: key))
        bench.expectRefusal(Example("absent", value(""), .versionMissing, field: "updatedAt", key: key))
        bench.timestampMilliseconds = nil
        #expect(try bench.record(value("2999-01-01T00:00:00Z"), key: key).version == 32_472_144_000_000_000)
    }

    @Test("the version's bound is judged at the version's place")
    func versionPlace() throws {
        var bench = try Bench(Self.card)
        bench.timestampMilliseconds = 0
        let value = Self.cardValue.replacing("\"validTo\":\"2025-12-31\"", with: "\"validTo\":\"2024-12-31\"")
        // validFrom after validTo is a rule between fields, hence later.
        bench.expectRefusal(
            Example("ahead and inconsistent", value, .outOfRange, field: "updatedAt", key: "DN4797912345678:2025-01-01")
        )
    }

    // MARK: Tombstones

    @Test("a tombstone is its key, judged by the key's fields")
    func tombstones() throws {
        var bench = try Bench(Fixtures.citizen)
        let record = try bench.record(citizen(), key: id)
        let tombstone = try bench.tombstone(key: id)
        #expect(bench.columns(tombstone.key) == bench.columns(record.key))
        #expect(tombstone.version == nil)
        bench.expectRefusal(Example("null key", nil, .missingKey, key: nil))
        bench.expectRefusal(Example("empty key", nil, .missingKey, key: ""))
        bench.expectRefusal(Example("0xFF", nil, .notUTF8, keyBytes: [0xFF]))
        bench.expectRefusal(Example("no number", nil, .invalidIdentifier, field: "personalId", key: "abc"))
        bench.expectRefusal(Example("NUL", nil, .wrongFormat, field: "personalId", key: "abc\u{0}"))
        bench.expectRefusal(Example("blank", nil, .missingField, field: "personalId", key: " "))
        bench.expectRefusal(Example("not as a record's", nil, .keyMismatch, key: id + " "))
        bench.headersByteCount = Limits.recordBytesMax
        bench.expectRefusal(Example("headers", nil, .tooLarge, key: id))
    }

    @Test("a tombstone's key has as many parts as the key has fields")
    func tombstoneParts() throws {
        var bench = try Bench(Self.card)
        let record = try bench.record(Self.cardValue, key: "DN4797912345678:2025-01-01")
        let tombstone = try bench.tombstone(key: "DN4797912345678:2025-01-01")
        #expect(bench.columns(tombstone.key) == bench.columns(record.key))
        bench.expectRefusal(Example("one part", nil, .keyMismatch, key: "DN4797912345678"))
        bench.expectRefusal(Example("three parts", nil, .keyMismatch, key: "DN4797912345678:2025-01-01:"))
        bench.expectRefusal(Example("empty part", nil, .missingField, field: "validFrom", key: "DN4797912345678:"))
        bench.expectRefusal(Example("bad card", nil, .invalidIdentifier, field: "cardNumber", key: "X:2025-01-01"))
        bench.expectRefusal(
            Example("bad date", nil, .wrongFormat, field: "validFrom", key: "DN4797912345678:2025-02-30"))
    }

    @Test("a tombstone's version comes from the header, in the form of the version field")
    func tombstoneVersions() throws {
        var bench = try Bench(Fixtures.citizen)
        #expect(try bench.tombstone(key: id, version: "7").version == 7)
        for bad in ["", "x", "7.0", "07", " 7", "+7", "99999999999999999999", "2025-07-01T00:00:00Z"] {
            bench.expectRefusal(
                Example("‘\(bad)’", nil, .wrongFormat, field: "ce_sourceversion", key: id, tombstoneVersion: bad))
        }
        bench.expectRefusal(Example("0", nil, .outOfRange, field: "ce_sourceversion", key: id, tombstoneVersion: "0"))
        bench.expectRefusal(
            Example("key first", nil, .invalidIdentifier, field: "personalId", key: "x", tombstoneVersion: "x"))
        var cards = try Bench(Self.card)
        cards.timestampMilliseconds = 1_751_328_000_000
        let key = "DN4797912345678:2025-01-01"
        #expect(try cards.tombstone(key: key, version: "2025-07-01T00:00:00Z").version == 1_751_328_000_000_000)
        cards.expectRefusal(
            Example("number", nil, .wrongFormat, field: "ce_sourceversion", key: key, tombstoneVersion: "7"))
        cards.expectRefusal(
            Example(
                "ahead", nil, .outOfRange, field: "ce_sourceversion", key: key, tombstoneVersion: "2025-07-03T00:00:00Z"
            ))
    }

    // MARK: Rules

    @Test("a card agrees with its group and level")
    func insuranceCard() throws {
        var bench = try Bench(Self.card)
        let key = "DN4797912345678:2025-01-01"
        bench.expectRefusal(
            Example(
                "group", Self.cardValue.replacing("\"DN\"", with: "\"HS\""), .inconsistent, field: "groupCode", key: key
            ))
        bench.expectRefusal(
            Example(
                "level", Self.cardValue.replacing("\"benefitLevel\":4", with: "\"benefitLevel\":3"), .inconsistent,
                field: "benefitLevel", key: key))
        bench.expectRefusal(
            Example(
                "dates", Self.cardValue.replacing("2025-12-31", with: "2024-12-31"), .inconsistent, field: "validFrom",
                key: key))
    }

    @Test(
        "an identifier is chosen by the value of another field",
        arguments: [
            ("enterprise", "0300588569", true), ("enterprise", "G01.02", false), ("agency", "G01.02", true),
            ("agency", "0300588569", false),
        ])
    func identifierByValue(_ kind: String, _ code: String, _ isGood: Bool) throws {
        var bench = try Bench(
            Fixtures.definition(
                fields: [
                    Field(name: "code", type: .text(TextRule()), required: true),
                    Field(name: "kind", type: .text(TextRule()), required: true),
                    Field(name: "version", type: .integer(minimum: 1, maximum: .max), required: true),
                ], key: ["code"], versionField: "version",
                rules: [
                    .identifierByValue(
                        field: "code", by: "kind", cases: ["enterprise": .enterpriseCode], otherwise: .stateAgencyCode)
                ]))
        let value = #"{"code":"\#(code)","kind":"\#(kind)","version":1}"#
        if isGood {
            _ = try bench.record(value, key: code)
        } else {
            bench.expectRefusal(Example(code, value, .invalidIdentifier, field: "code", key: code))
        }
    }

    @Test("rules of a list look at each item")
    func listRules() throws {
        var bench = try Bench(
            Fixtures.definition(
                fields: [
                    Field(name: "id", type: .text(TextRule()), required: true),
                    Field(
                        name: "industries",
                        type: .list(
                            .object([
                                Field(name: "code", type: .text(TextRule(pattern: "^[0-9]{4,5}$")), required: false),
                                Field(name: "text", type: .text(TextRule()), required: false),
                                Field(name: "primary", type: .boolean, required: true),
                            ]), uniqueBy: "code", maximumItems: 10), required: false),
                    Field(name: "version", type: .integer(minimum: 1, maximum: .max), required: true),
                ], key: ["id"], versionField: "version",
                rules: [
                    .atMostOneFlagged(list: "industries", flag: "primary"),
                    .eachRequiresOneOf(list: "industries", fields: ["code", "text"]),
                ]))
        func value(_ items: String) -> String { #"{"id":"k","version":1,"industries":[\#(items)]}"# }
        _ = try bench.record(value(#"{"code":"2100","primary":true},{"text":"x","primary":false}"#), key: "k")
        _ = try bench.record(value(""), key: "k")
        _ = try bench.record(#"{"id":"k","version":1}"#, key: "k")
        bench.expectRefusal(
            Example(
                "two", value(#"{"code":"2100","primary":true},{"text":"x","primary":true}"#), .inconsistent,
                field: "industries[].primary", key: "k"))
        bench.expectRefusal(
            Example(
                "neither", value(#"{"code":"","primary":true}"#), .missingField, field: "industries[].code", key: "k"))
        bench.expectRefusal(
            Example(
                "twice", value(#"{"code":"2100","primary":true},{"code":" 2100","primary":false}"#), .inconsistent,
                field: "industries[].code", key: "k"))
        // The counts of a record do not reach the next.
        _ = try bench.record(value(#"{"code":"2100","primary":true}"#), key: "k")
    }

    @Test("what is odd is applied and counted, each record its own")
    func warnings() throws {
        var bench = try Bench(Fixtures.citizen)
        let odd = try bench.record(citizen(#""birthDate":"1990","sex":"female""#), key: id)
        let even = try bench.record(citizen(#""birthDate":"1985","sex":"undetermined""#), key: id)
        let odd2 = try bench.record(citizen(#""birthDate":"1984-12""#), key: id)
        #expect(
            bench.decoder.warnings[odd.warnings] == [
                QualityWarning(rule: "birth-year-differs-from-number", field: "birthDate"),
                QualityWarning(rule: "sex-differs-from-number", field: "sex"),
            ])
        #expect(even.warnings.isEmpty)
        #expect(bench.decoder.warnings[odd2.warnings].map(\.rule) == ["birth-year-differs-from-number"])
        var cards = try Bench(Self.card)
        let key = "DN4797912345678:2025-01-01"
        let unlinked = try cards.record(Self.cardValue, key: key)
        #expect(cards.decoder.warnings[unlinked.warnings].map(\.rule) == ["unlinked"])
        let differs = try cards.record(
            Self.cardValue.replacing(
                "\"sex\":null", with: #""personalId":"001085012345","socialInsuranceNumber":"7912345679""#), key: key)
        #expect(cards.decoder.warnings[differs.warnings].map(\.rule) == ["social-insurance-number-differs-from-card"])
    }

    // MARK: State of the decoder

    @Test("a refused record leaves nothing behind")
    func rollback() throws {
        var bench = try Bench(Fixtures.citizen)
        _ = try bench.record(citizen(#""previousPersonalIds":["001085099999"]"#), key: id)
        let (bytes, rows, odd) = (bench.decoder.arena.count, bench.decoder.childRows, bench.decoder.warnings)
        bench.expectRefusal(
            Example(
                "after its children",
                citizen(#""previousPersonalIds":["001085099999","001085099998"],"sex":"female","version":0"#),
                .outOfRange,
                field: "version"))
        bench.expectRefusal(
            Example(
                "after its warnings", citizen(#""birthDate":"1990-01-01","deathDate":"1980-01-01""#), .inconsistent,
                field: "birthDate"))
        #expect(bench.decoder.arena.count == bytes)
        #expect(bench.decoder.childRows == rows)
        #expect(bench.decoder.warnings == odd)
        bench.decoder.reset()
        #expect(bench.decoder.arena.count == 0)
        #expect(bench.decoder.childRows.isEmpty)
    }

    @Test(
        "a contract that does not hold together is refused with a sentence",
        arguments: [
            (["x"], "version", "key"), ([], "version", "key"), (["id"], "id", "version field"),
            (["id"], "none", "version field"),
        ])
    func badContracts(_ key: [String], _ version: String, _ expected: String) {
        let definition = Fixtures.definition(
            fields: [
                Field(name: "id", type: .text(TextRule()), required: true),
                Field(name: "version", type: .integer(minimum: 1, maximum: .max), required: true),
            ], key: key, versionField: version,
            mapping: Mapping(
                revision: 1, table: "registry.t", view: "registry.v", key: [Mapping.Column(name: "id", field: "id")],
                columns: [], children: []))
        let error = #expect(throws: UserError.self) { try RecordDecoder(definition, codeLists: Fixtures.codeLists) }
        #expect(error?.cause.contains(expected) == true, "\(error?.cause ?? "")")
    }

    @Test("a bad pattern is an error of the contract, with its place")
    func badPattern() {
        let definition = Fixtures.definition(
            fields: [
                Field(name: "id", type: .text(TextRule(pattern: "^a(?=b)$")), required: true),
                Field(name: "version", type: .integer(minimum: 1, maximum: .max), required: true),
            ], key: ["id"], versionField: "version")
        let error = #expect(throws: UserError.self) { try RecordDecoder(definition, codeLists: Fixtures.codeLists) }
        #expect(error?.cause.contains("at character 5") == true)
    }

    // MARK: Fuzzing

    @Test("whatever bytes arrive, there is one verdict, the same twice", arguments: [1, 2, 3, 4] as [UInt64])
    func fuzz(_ seed: UInt64) throws {
        var generator = SplitMix(seed: seed)
        var first = try Bench(Fixtures.citizen)
        var second = try Bench(Fixtures.citizen)
        let original = Array(
            citizen(
                #""previousPersonalIds":["001085099999","001085099998"],"representatives":[{"fullName":"Lê"}],"fullName":"Nguye\u0302\u0303n""#
            ).utf8)
        let pieces: [[UInt8]] = [
            "\"", "{", "}", "[", "]", ",", ":", "\\u0000", "\\ud800", "1e999", "null", "true", "-", "\u{301}", " ",
            "stateSecret",
        ]
        .map { Array($0.utf8) }
        var good = 0
        for round in 0..<4_000 {
            var value = original
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                let at = Int.random(in: 0..<value.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: value[at] = UInt8.random(in: 0...255, using: &generator)
                case 1: value.remove(at: at)
                case 2: value.insert(contentsOf: pieces.randomElement(using: &generator) ?? [], at: at)
                default: value.removeSubrange(at..<min(value.count, at + Int.random(in: 1...40, using: &generator)))
                }
                if value.isEmpty { value = [0x20] }
            }
            if round % 100 == 0 {
                first.decoder.reset()
                second.decoder.reset()
            }
            // The second judge has a padded buffer and another past.
            second.isPadded = true
            if round % 7 == 0 { _ = second.verdict(original, key: Array(id.utf8)) }
            let one = first.verdict(value, key: Array(id.utf8))
            let other = second.verdict(value, key: Array(id.utf8))
            switch (one, other) {
            case (.record(let left), .record(let right)):
                good += 1
                #expect(first.columns(left.content) == second.columns(right.content))
                #expect(left.contentHash == right.contentHash)
                #expect(left.version == right.version)
            case (.refused(let left), .refused(let right)):
                #expect(left == right)
            case (.record, _), (.refused, _), (.tombstone, _):
                Issue.record("two verdicts on one record in round \(round)")
            }
        }
        #expect(good > 400)
    }

    // MARK: Material

    static let card = Fixtures.definition(
        fields: [
            Field(name: "cardNumber", type: Fixtures.identifier(.insuranceCard), required: true),
            Field(name: "validFrom", type: .date(partial: false), required: true),
            Field(name: "validTo", type: .date(partial: false), required: false),
            Field(name: "personalId", type: Fixtures.identifier(.personalNumber), required: false),
            Field(name: "socialInsuranceNumber", type: Fixtures.identifier(.socialInsuranceNumber), required: false),
            Field(name: "sex", type: Fixtures.values("male", "female"), required: false),
            Field(name: "groupCode", type: .text(TextRule(pattern: "^[A-Z]{2}$")), required: true),
            Field(name: "benefitLevel", type: .integer(minimum: 1, maximum: 5), required: true),
            Field(name: "updatedAt", type: .timestamp, required: true),
        ], key: ["cardNumber", "validFrom"], versionField: "updatedAt",
        rules: [
            .insuranceCardAgrees(card: "cardNumber", group: "groupCode", level: "benefitLevel"),
            .dateOrder(first: "validFrom", second: "validTo"), .warnAbsent(field: "personalId", name: "unlinked"),
            .warnCardNumberDiffers(card: "cardNumber", number: "socialInsuranceNumber"),
        ])

    static let cardValue = """
        {"cardNumber":"DN4797912345678","validFrom":"2025-01-01","validTo":"2025-12-31","sex":null,\
        "groupCode":"DN","benefitLevel":4,"updatedAt":"2025-07-01T07:00:00.25+07:00"}
        """
}

// MARK: - Helpers

private let id = "001085012345"

/// A small citizen; `members` stand first, and of duplicates the first counts.
private func citizen(_ members: String = "", adding more: String = "") -> String {
    "{\(members)\(members.isEmpty ? "" : ",")"
        + #""personalId":"001085012345","fullName":"Trần A","birthDate":"1985-03-14","sex":"male","currentAddress":{"text":"Phố B","provinceCode":"01"},"identityStatus":"active","version":7"#
        + more + "}"
}

private func int32(_ value: Int32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }

/// One record and the reason it must get.
struct Example: Sendable, CustomTestStringConvertible {
    let why: String
    let value: [UInt8]?
    let key: [UInt8]?
    let reason: ReasonCode
    let field: String?
    let tombstoneVersion: String?

    init(
        _ why: String, _ value: String?, _ reason: ReasonCode, field: String? = nil, key: String? = "001085012345",
        tombstoneVersion: String? = nil
    ) {
        self.why = why
        self.value = value.map { Array($0.utf8) }
        self.key = key.map { Array($0.utf8) }
        self.reason = reason
        self.field = field
        self.tombstoneVersion = tombstoneVersion
    }

    init(_ why: String, _ value: [UInt8], _ reason: ReasonCode) {
        self.why = why
        self.value = value
        self.key = Array("001085012345".utf8)
        self.reason = reason
        field = nil
        tombstoneVersion = nil
    }

    init(_ why: String, _ value: String?, _ reason: ReasonCode, keyBytes: [UInt8]) {
        self.why = why
        self.value = value.map { Array($0.utf8) }
        key = keyBytes
        self.reason = reason
        field = nil
        tombstoneVersion = nil
    }

    var testDescription: String { why }
}

/// A column of COPY BINARY.
enum Column: Equatable {
    case null
    case bytes([UInt8])

    static func text(_ text: String) -> Column { .bytes(Array(text.utf8)) }
}

/// A decoder and what surrounds a record.
struct Bench {
    let decoder: RecordDecoder
    var isPadded = false
    var headersByteCount = 0
    var timestampMilliseconds: Int64? = 1_751_328_000_000

    init(_ definition: TopicDefinition) throws {
        decoder = try RecordDecoder(definition, codeLists: Fixtures.codeLists)
    }

    mutating func verdict(_ value: [UInt8]?, key: [UInt8]?, tombstoneVersion: String? = nil) -> Verdict {
        let padding = isPadded ? [UInt8](repeating: UInt8(ascii: "}"), count: RecordDecoder.paddingBytes) : []
        let memory = (value ?? []) + padding
        return memory.withUnsafeBytes { bytes in
            (key ?? []).withUnsafeBytes { keyBytes in
                decoder.decode(
                    key: key == nil ? nil : keyBytes,
                    value: value.map { UnsafeRawBufferPointer(rebasing: bytes[..<$0.count]) }, valueIsPadded: isPadded,
                    headersByteCount: headersByteCount, timestampMilliseconds: timestampMilliseconds,
                    tombstoneVersion: tombstoneVersion.map { Array($0.utf8) })
            }
        }
    }

    mutating func record(_ value: String, key: String) throws -> DecodedRecord {
        let verdict = verdict(Array(value.utf8), key: Array(key.utf8))
        guard case .record(let record) = verdict else { throw Unexpected(verdict: verdict) }
        return record
    }

    mutating func tombstone(key: String, version: String? = nil) throws -> DecodedTombstone {
        let verdict = verdict(nil, key: Array(key.utf8), tombstoneVersion: version)
        guard case .tombstone(let tombstone) = verdict else { throw Unexpected(verdict: verdict) }
        return tombstone
    }

    mutating func expectRefusal(_ example: Example, sourceLocation: SourceLocation = #_sourceLocation) {
        let verdict = verdict(example.value, key: example.key, tombstoneVersion: example.tombstoneVersion)
        guard case .refused(let refusal) = verdict else {
            Issue.record("\(example.why): not refused, \(verdict)", sourceLocation: sourceLocation)
            return
        }
        #expect(refusal.reason == example.reason, "\(example.why): \(refusal)", sourceLocation: sourceLocation)
        #expect(refusal.field == example.field, "\(example.why): \(refusal)", sourceLocation: sourceLocation)
    }

    /// The columns in a range of the arena.
    func columns(_ range: Range<Int>) -> [Column] {
        let bytes = Array(decoder.arena[range])
        var columns: [Column] = []
        var index = 0
        while index < bytes.count {
            let length = bytes[index..<index + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            index += 4
            guard length != .max else {
                columns.append(.null)
                continue
            }
            columns.append(.bytes(Array(bytes[index..<index + Int(length)])))
            index += Int(length)
        }
        return columns
    }
}

struct Unexpected: Error {
    let verdict: Verdict
}

/// A small generator whose sequence a seed fixes (Steele, Lea and Flood 2014).
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
