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
        #expect(lists.communeCount == 3_321)
        #expect(lists.countryCount == 249)
    }

    @Test("a code that was merged away is a province of before and of any time only")
    func periods() throws {
        let lists = try CodeLists.load(folder: Self.folder)
        #expect(!lists.isProvince(UInt8(ascii: "2"), UInt8(ascii: "7"), at: .today))
        #expect(lists.isProvince(UInt8(ascii: "2"), UInt8(ascii: "7"), at: .beforeMerger))
        #expect(lists.isProvince(UInt8(ascii: "2"), UInt8(ascii: "7"), at: .any))
        #expect(lists.isProvince(UInt8(ascii: "2"), UInt8(ascii: "4"), at: .today))
        for period in [CodeLists.Period.today, .beforeMerger, .any] {
            #expect(!lists.isProvince(3, at: period))
            #expect(!lists.isProvince(-1, at: period))
            #expect(!lists.isProvince(100, at: period))
            #expect(!lists.isProvince(UInt8(ascii: "A"), UInt8(ascii: "1"), at: period))
        }
    }

    @Test(
        "the merger's day is the first of today's list", arguments: [(20_269, true), (20_270, false), (20_271, false)])
    func mergerDay(day: Int32, isBefore: Bool) {
        let isBeforeMerger = CodeLists.period(ofDay: day) == .beforeMerger
        #expect(isBeforeMerger == isBefore)
        #expect(CodeLists.period(ofDay: nil) == .today)
        let date = Date(timeIntervalSince1970: Double(CodeLists.mergerDay) * 86_400)
        #expect(ISO8601DateFormatter().string(from: date) == "2025-07-01T00:00:00Z")
    }

    @Test("a commune is judged by today's list, and by shape where its time is not listed")
    func communes() throws {
        let lists = try CodeLists.load(folder: Self.folder)
        #expect(lists.isCommune(4, at: .today))
        #expect(lists.province(ofCommune: 4) == 1)
        #expect(!lists.isCommune(1, at: .today))
        #expect(lists.province(ofCommune: 1) == nil)
        #expect(lists.isCommune(1, at: .beforeMerger))
        #expect(!lists.isCommune(100_000, at: .beforeMerger))
        #expect(!lists.isCommune(-1, at: .any))
    }

    @Test("countries are three capital letters")
    func countries() throws {
        let lists = try CodeLists.load(folder: Self.folder)
        func isCountry(_ text: String) -> Bool {
            let bytes = Array(text.utf8)
            return lists.isCountry(bytes[0], bytes[1], bytes[2])
        }
        #expect(isCountry("VNM"))
        #expect(isCountry("ABW"))
        #expect(isCountry("ZWE"))
        #expect(!isCountry("vnm"))
        #expect(!isCountry("XYZ"))
        #expect(!isCountry("VN1"))
        #expect(!isCountry("[[["))
    }

    @Test("lists made in code hold what they were given and nothing else")
    func inCode() {
        let lists = CodeLists(
            provincesToday: [1, 99, 100, -1], provincesBeforeMerger: [2], communes: [(code: 99_999, province: 1)],
            countries: ["VNM", "vn", "VN"]
        )
        #expect(lists.provincesOfToday == [1, 99])
        #expect(lists.provincesOfBeforeMerger == [2])
        #expect(lists.communeCount == 1)
        #expect(lists.isCommune(99_999, at: .today))
        #expect(lists.countryCount == 1)
    }

    @Test(
        "a faulty row is named with its file and line",
        arguments: [
            ("provinces.csv", "01,Hà Nội,2008-08-01,", "1,Hà Nội,2008-08-01,", "expected a code of two digits"),
            ("provinces.csv", "01,Hà Nội,2008-08-01,", "01,Hà Nội,2008-8-1,", "expected valid_from and valid_to"),
            ("provinces.csv", "01,Hà Nội,2008-08-01,", "01,Hà Nội,2008-08-01,2001-01-01", "not before valid_from"),
            ("provinces.csv", "01,Hà Nội,2008-08-01,", "01,Hà Nội,2008-08-01", "expected 4 cells"),
            ("communes.csv", "00004,Ba Đình,01,2025-07-01", "00004,Ba Đình,02,2025-07-01", "one of today's provinces"),
            ("communes.csv", "00004,Ba Đình,01,2025-07-01", "4,Ba Đình,01,2025-07-01", "five digits"),
            ("countries.csv", "VNM,Vietnam,Việt Nam", "VN,Vietnam,Việt Nam", "three capital letters"),
        ]
    )
    func faultyRow(file: String, good: String, bad: String, message: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("provinces.csv", "code,name_vi,valid_from,valid_to\n01,Hà Nội,2008-08-01,\n")
        try folder.write("communes.csv", "code,name_vi,province_code,valid_from\n00004,Ba Đình,01,2025-07-01\n")
        try folder.write("countries.csv", "code,name_en,name_vi\nVNM,Vietnam,Việt Nam\n")
        _ = try CodeLists.load(folder: folder.path)
        let text = try String(contentsOfFile: "\(folder.path)/\(file)", encoding: .utf8)
        try folder.write(file, text.replacingOccurrences(of: good, with: bad))
        let error = try #require(throws: UserError.self) { try CodeLists.load(folder: folder.path) }
        #expect(error.cause.contains("\(file):2: error:"))
        #expect(error.cause.contains(message))
    }

    @Test("two rows of one code and one time are refused")
    func overlap() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "provinces.csv",
            "code,name_vi,valid_from,valid_to\n24,Bắc Giang,2008-08-01,2025-07-01\n24,Bắc Ninh,2025-07-01,\n"
        )
        try folder.write("communes.csv", "code,name_vi,province_code,valid_from\n07210,Bắc Giang,24,2025-07-01\n")
        try folder.write("countries.csv", "code,name_en,name_vi\nVNM,Vietnam,Việt Nam\n")
        let error = try #require(throws: UserError.self) { try CodeLists.load(folder: folder.path) }
        #expect(error.cause.contains("provinces.csv:3"))
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
