import Contracts
import Foundation
import Model
import Testing

/// The repository's root, from this file's place in it.
let repositoryRoot = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

@Suite("Code lists")
struct CodeListsTests {
    private static let folder = "\(repositoryRoot)/Topics/code-lists"

    @Test("34 provinces of today, 63 before the merger, 3,321 communes, 249 countries")
    func counts() throws {
        let lists = try CodeLists.load(folder: Self.folder)
        #expect(
            lists.provincesOfToday == [
                1, 4, 8, 11, 12, 14, 15, 19, 20, 22, 24, 25, 31, 33, 37, 38, 40, 42, 44, 46, 48, 51, 52, 56, 66, 68, 75,
                79, 80,
                82, 86, 91, 92, 96,
            ]
        )
        #expect(
            lists.provincesOfBeforeMerger == [
                1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33, 34, 35, 36, 37, 38, 40,
                42, 44, 45,
                46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74, 75, 77, 79, 80, 82, 83, 84, 86, 87,
                89, 91,
                92, 93, 94, 95, 96,
            ]
        )
        #expect(lists.communesOfToday.count == 3_321)
        #expect(lists.countryCodes.count == 249)
        #expect(lists.countryCodes == lists.countryCodes.sorted())
        #expect(lists.countryCodes.first == "ABW")
    }

    @Test("a line of a list's table gets its verdict from the product's own lists", arguments: CodeListKind.allCases)
    func examples(_ kind: CodeListKind) throws {
        let lists = try CodeLists.load(folder: Self.folder)
        #expect(kind.examples.count >= 6)
        #expect(Set(kind.examples.map(\.isListed)) == [true, false])
        #expect(!kind.summaryEnglish.isEmpty && !kind.summaryVietnamese.isEmpty)
        for example in kind.examples {
            let verdict = lists.contains(example.code, of: kind, on: example.date)
            #expect(verdict == example.isListed, "\(example.code) on \(example.date ?? "no date"): \(example.why)")
        }
    }

    @Test(
        "a record's code is judged at the date beside it: the day before the merger, the day itself, after, without",
        arguments: CodeListKind.allCases)
    func throughRecords(_ kind: CodeListKind) throws {
        let bench = try DatedRecords(kind, codeLists: CodeLists.load(folder: Self.folder))
        for example in kind.examples {
            // Only provinces and communes may name a date; the others are judged alike whatever it is.
            #expect(
                bench.accepts(example.code, on: example.date) == example.isListed,
                "\(example.code) on \(example.date ?? "no date"): \(example.why)")
        }
    }

    /// Of each code that was given to another province on 2025-07-01: the province before, and since.
    private static let reused = [
        ("15", "Tỉnh Yên Bái", "Tỉnh Lào Cai"), ("24", "Tỉnh Bắc Giang", "Tỉnh Bắc Ninh"),
        ("44", "Tỉnh Quảng Bình", "Tỉnh Quảng Trị"), ("52", "Tỉnh Bình Định", "Tỉnh Gia Lai"),
        ("80", "Tỉnh Long An", "Tỉnh Tây Ninh"), ("82", "Tỉnh Tiền Giang", "Tỉnh Đồng Tháp"),
        ("91", "Tỉnh Kiên Giang", "Tỉnh An Giang"),
    ]

    @Test("a code that was given to another province has a row for each time, and is listed in both", arguments: reused)
    func reusedCode(_ code: String, _ before: String, _ since: String) throws {
        let text = try String(contentsOfFile: "\(Self.folder)/provinces.csv", encoding: .utf8)
        #expect(text.contains("\n\(code),\(before),2008-08-01,2025-06-30\n"))
        #expect(text.contains("\n\(code),\(since),2025-07-01,\n"))
        let bench = try DatedRecords(.province, codeLists: CodeLists.load(folder: Self.folder))
        for date in ["2008-08-01", "2025-06-30", "2025-07-01", "2026-01-01", "2025", nil] {
            #expect(bench.accepts(code, on: date), "\(date ?? "no date")")
        }
    }

    @Test(
        "the code that the successor had before ends with the day of the merger",
        arguments: [
            ("10", "Lào Cai"), ("27", "Bắc Ninh"), ("45", "Quảng Trị"), ("64", "Gia Lai"), ("72", "Tây Ninh"),
            ("87", "Đồng Tháp"), ("89", "An Giang"),
        ])
    func successor(_ code: String, _ name: String) throws {
        let bench = try DatedRecords(.province, codeLists: CodeLists.load(folder: Self.folder))
        #expect(bench.accepts(code, on: "2025-06-30"), "\(name)")
        #expect(!bench.accepts(code, on: "2025-07-01"), "\(name)")
        #expect(!bench.accepts(code, on: nil), "\(name)")
        #expect(bench.accepts(code, on: "2025-06"), "\(name)")
        #expect(bench.accepts(code, on: "2025"), "\(name)")
        #expect(!bench.accepts(code, on: "2025-07"), "\(name)")
    }

    @Test(
        "the merger's day is the first of today's list", arguments: [(20_269, true), (20_270, false), (20_271, false)])
    func mergerDay(day: Int32, isBefore: Bool) throws {
        let lists = try CodeLists.load(folder: Self.folder)
        let date = Dates.text(day: day)
        #expect(lists.contains("27", of: .province, on: date) == isBefore)
        #expect((CodeLists.period(ofDay: day) == .beforeMerger) == (day == 20_269))
        #expect(CodeLists.period(ofDay: nil) == .today)
        #expect(Dates.text(day: CodeLists.mergerDay) == "2025-07-01")
    }

    @Test("a change of a later day counts from that day on, and records of before are judged as before")
    func laterChange() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "provinces.csv",
            """
            code,name_vi,valid_from,valid_to
            01,Hà Nội,2008-08-01,
            24,Bắc Ninh,2025-07-01,2030-12-31
            25,Kinh Bắc,2031-01-01,

            """)
        try folder.write(
            "communes.csv",
            """
            code,name_vi,province_code,valid_from,valid_to
            00004,Ba Đình,01,2025-07-01,
            07210,Bắc Giang,24,2025-07-01,2030-12-31
            07210,Bắc Giang,25,2031-01-01,2031-12-31
            07211,Đa Mai,25,2031-01-01,

            """)
        try folder.write("countries.csv", "code,name_en,name_vi\nVNM,Vietnam,Việt Nam\n")
        let lists = try CodeLists.load(folder: folder.path)
        let places: [(String, CodeListKind, [String?: Bool])] = [
            ("24", .province, ["2025-07-01": true, "2030-12-31": true, "2031-01-01": false, nil: false, "2030": true]),
            ("25", .province, ["2025-07-01": false, "2030-12-31": false, "2031-01-01": true, nil: true]),
            ("07210", .commune, ["2025-06-30": true, "2031-06-30": true, "2032-01-01": false, nil: false]),
            ("07211", .commune, ["2025-06-30": true, "2025-07-01": false, "2031-01-01": true, nil: true]),
        ]
        for (code, kind, verdicts) in places {
            for (date, isListed) in verdicts {
                #expect(lists.contains(code, of: kind, on: date) == isListed, "\(code) on \(date ?? "no date")")
            }
        }
        #expect(lists.provincesOfToday == [1, 25])
        #expect(lists.communesOfToday.count == 2)
    }

    @Test("every province of today has communes, and each commune's province is one of them")
    func communesOfProvinces() throws {
        let lists = try CodeLists.load(folder: Self.folder)
        let text = try String(contentsOfFile: "\(Self.folder)/communes.csv", encoding: .utf8)
        let provinces = text.split(separator: "\n").dropFirst().map { $0.split(separator: ",")[2] }
        #expect(provinces.count == 3_321)
        #expect(Set(provinces.compactMap { Int($0) }) == Set(lists.provincesOfToday))
    }

    @Test("lists made in code hold what they were given and nothing else")
    func inCode() {
        let lists = CodeLists(
            provincesToday: [1, 99, 100, -1], provincesBeforeMerger: [2],
            communes: [(code: 99_999, province: 1), (code: 100_000, province: 1), (code: 5, province: 100)],
            countries: ["VNM", "vn", "VN", "VNM"]
        )
        #expect(lists.provincesOfToday == [1, 99])
        #expect(lists.provincesOfBeforeMerger == [2])
        #expect(lists.communesOfToday.count == 1)
        #expect(lists.contains("99999", of: .commune, on: nil))
        #expect(!lists.contains("00005", of: .commune, on: nil))
        #expect(lists.countryCodes == ["VNM"])
    }

    @Test(
        "a faulty row is named with its file and line",
        arguments: [
            ("provinces.csv", "01,Hà Nội,2008-08-01,", "1,Hà Nội,2008-08-01,", "expected a code of 2 digits"),
            ("provinces.csv", "01,Hà Nội,2008-08-01,", "01,Hà Nội,2008-8-1,", "expected valid_from and valid_to"),
            ("provinces.csv", "01,Hà Nội,2008-08-01,", "01,Hà Nội,2008-02-30,", "expected valid_from and valid_to"),
            ("provinces.csv", "01,Hà Nội,2008-08-01,", "01,Hà Nội,2008-08-01,2001-01-01", "not before valid_from"),
            ("provinces.csv", "01,Hà Nội,2008-08-01,", "01,Hà Nội,2008-08-01", "expected 4 cells"),
            ("communes.csv", "00004,Ba Đình,01,", "00004,Ba Đình,02,", "a province of the same time"),
            ("communes.csv", "00004,Ba Đình,01,", "4,Ba Đình,01,", "5 digits"),
            ("communes.csv", "01,2025-07-01,", "01,2025-07-01", "expected 5 cells"),
            ("countries.csv", "VNM,Vietnam,Việt Nam", "VN,Vietnam,Việt Nam", "three capital letters"),
        ]
    )
    func faultyRow(file: String, good: String, bad: String, message: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("provinces.csv", "code,name_vi,valid_from,valid_to\n01,Hà Nội,2008-08-01,\n")
        try folder.write(
            "communes.csv", "code,name_vi,province_code,valid_from,valid_to\n00004,Ba Đình,01,2025-07-01,\n")
        try folder.write("countries.csv", "code,name_en,name_vi\nVNM,Vietnam,Việt Nam\n")
        _ = try CodeLists.load(folder: folder.path)
        let text = try String(contentsOfFile: "\(folder.path)/\(file)", encoding: .utf8)
        try folder.write(file, text.replacingOccurrences(of: good, with: bad))
        let error = try #require(throws: UserError.self) { try CodeLists.load(folder: folder.path) }
        #expect(error.cause.contains("\(file):2: error:"))
        #expect(error.cause.contains(message))
    }

    @Test("a commune of before the list begins passes by its shape, although a row of that time is there")
    func historicalCommune() throws {
        let folder = try TemporaryFolder()
        try folder.write("provinces.csv", "code,name_vi,valid_from,valid_to\n01,Hà Nội,2008-08-01,\n")
        try folder.write(
            "communes.csv",
            "code,name_vi,province_code,valid_from,valid_to\n00004,Ba Đình,01,2025-07-01,\n"
                + "00001,Phúc Xá,01,2010-01-01,2025-06-30\n")
        try folder.write("countries.csv", "code,name_en,name_vi\nVNM,Vietnam,Việt Nam\n")
        let lists = try CodeLists.load(folder: folder.path)
        for day in ["2009-12-31", "2015-01-01", "2025-06-30"] {
            #expect(lists.contains("00007", of: .commune, on: day), "\(day)")
        }
        #expect(!lists.contains("00007", of: .commune, on: "2025-07-01"))
        #expect(!lists.contains("00001", of: .commune, on: "2025-07-01"))
    }

    @Test("communes without the column valid_to, as older revisions have them, are in force without end")
    func withoutLastColumn() throws {
        let folder = try TemporaryFolder()
        try folder.write("provinces.csv", "code,name_vi,valid_from,valid_to\n01,Hà Nội,2008-08-01,\n")
        try folder.write("communes.csv", "code,name_vi,province_code,valid_from\n00004,Ba Đình,01,2025-07-01\n")
        try folder.write("countries.csv", "code,name_en,name_vi\nVNM,Vietnam,Việt Nam\n")
        #expect(try CodeLists.load(folder: folder.path).communesOfToday == [4])
        try folder.write("countries.csv", "code,name_en\nVNM,Vietnam\n")
        #expect(throws: UserError.self) { try CodeLists.load(folder: folder.path) }
    }

    @Test("two rows of one code and one time are refused")
    func overlap() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "provinces.csv",
            "code,name_vi,valid_from,valid_to\n24,Bắc Giang,2008-08-01,2025-07-01\n24,Bắc Ninh,2025-07-01,\n"
        )
        try folder.write(
            "communes.csv", "code,name_vi,province_code,valid_from,valid_to\n07210,Bắc Giang,24,2025-07-01,\n")
        try folder.write("countries.csv", "code,name_en,name_vi\nVNM,Vietnam,Việt Nam\n")
        let error = try #require(throws: UserError.self) { try CodeLists.load(folder: folder.path) }
        #expect(error.cause.contains("provinces.csv:3"))
    }
}

/// A made-up topic whose field `code` is of a list, judged where the list allows at the field `asOf`, whole or partial.
private final class DatedRecords {
    private let decoder: RecordDecoder

    init(_ kind: CodeListKind, codeLists: CodeLists) throws {
        let dateField: String? =
            switch kind {
            case .province, .commune: "asOf"
            case .provinceOfAnyTime, .country: nil
            }
        let definition = Fixtures.definition(
            fields: [
                Field(name: "id", type: .text(TextRule()), required: true),
                Field(
                    name: "code", type: .text(TextRule(codeList: kind, codeListDateField: dateField)), required: true),
                Field(name: "asOf", type: .date(partial: true), required: false),
                Field(name: "version", type: .integer(minimum: 1, maximum: .max), required: true),
            ], key: ["id"], versionField: "version")
        decoder = try RecordDecoder(definition, codeLists: codeLists)
    }

    func accepts(_ code: String, on date: String?) -> Bool {
        let asOf = date.map { "\"\($0)\"" } ?? "null"
        let value = Array(#"{"id":"k","version":1,"code":"\#(code)","asOf":\#(asOf)}"#.utf8)
        let verdict = value.withUnsafeBytes { bytes in
            Array("k".utf8).withUnsafeBytes { key in
                decoder.decode(
                    key: key, value: bytes, valueIsPadded: false, headersByteCount: 0,
                    timestampMilliseconds: 1_751_328_000_000, tombstoneVersion: nil)
            }
        }
        guard case .refused(let refusal) = verdict else { return true }
        #expect(refusal.reason == .notInList && refusal.field == "code", "\(refusal)")
        return false
    }
}

/// A folder of its own for one test, removed with it.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("lienthong-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws {
        let file = URL(fileURLWithPath: "\(path)/\(name)")
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }
}
