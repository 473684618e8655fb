import Contracts
import Foundation
import Model
import Testing

@testable import Checking

@Suite struct FormatTests {
    @Test(
        "the first bytes and the name tell the form",
        arguments: [
            ("{\"a\":1}\n{\"a\":2}\n", "x", InputFormat.ndjson), ("{\"a\":1}\n{\"a\":2}\n", "x.json", .ndjson),
            (" \n[{}]", "x.csv", .array), ("{\n\"a\":1}", "x.json", .array), ("{\n\"a\":1}", "x.ndjson", .ndjson),
            ("{\"a\":1}", "x.json", .ndjson), ("a,b\n", "x", .csv), ("a,b\n", "x.CSV", .csv),
            ("{\"a\":\"x\n{\"a\":1}\n", "x.json", .ndjson), ("{\n{\n", "x.json", .array),
            ("oops\n", "x.jsonl", .ndjson), ("{\"a\":\n", "x.json", .array),
        ])
    func detected(text: String, name: String, format: InputFormat) throws {
        let detected = try Array(text.utf8).withUnsafeBytes { try InputFormat.detect($0, name: name) }
        #expect(detected == format)
    }

    @Test(
        "what is no text in UTF-8 is refused in one sentence",
        arguments: [
            ([], "empty"), ([0x0A, 0x20, 0x0A], "no record"), ([0xEF, 0xBB, 0xBF], "empty"),
            ([0x1F, 0x8B, 8, 0], "gzip"),
            ([0x28, 0xB5, 0x2F, 0xFD, 0], "zstd"), ([0x50, 0x4B, 3, 4, 20], "Excel"),
            ([0xD0, 0xCF, 0x11, 0xE0], "Excel"), ([0xFF, 0xFE, 0x7B, 0], "UTF-16"), ([0xFE, 0xFF, 0, 0x7B], "UTF-16"),
            ([0x7B, 0, 0x7D, 0], "UTF-16"), ([0, 0x7B, 0, 0x7D], "UTF-16"),
        ] as [([UInt8], String)])
    func foreign(bytes: [UInt8], cause: String) throws {
        for format in [nil, InputFormat.ndjson, .array, .csv] {
            for blockBytes in [1, 2, 4096] {
                let error = #expect(throws: UserError.self) {
                    try check(bytes, format: format, blockBytes: blockBytes)
                }
                #expect(error?.cause.contains(cause) == true, "\(error?.cause ?? "") for \(cause)")
                #expect(error?.status == .no)
            }
        }
    }

    @Test("a first line that was cut costs itself only", arguments: [1, 100, 4096])
    func cutFirstLine(blockBytes: Int) throws {
        let text = citizen(1).prefix(50) + "\n\(citizen(2))\n\(citizen(3))\n"
        let outcome = try check(String(text), name: "x.json", blockBytes: blockBytes)
        #expect(outcome.account.accepted == 2)
        #expect(outcome.findings.map(\.short) == ["1: not-json -"])
    }

    @Test("a file that cannot be read, and a folder, are the user's to correct")
    func unreadable() throws {
        let folder = FileManager.default.temporaryDirectory.path
        for path in ["\(folder)/\(UUID().uuidString)", folder] {
            let error = #expect(throws: UserError.self) { try FileSource(path: path) }
            #expect(error?.status == .usage)
            #expect(error?.subject == path)
        }
    }

    @Test("a file's bytes and size are read")
    func file() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).ndjson")
        defer { try? FileManager.default.removeItem(at: url) }
        try Data("\(citizen(1))\n{}\n".utf8).write(to: url)
        let source = try FileSource(path: url.path)
        #expect(source.byteCount == Int64(citizen(1).utf8.count + 4))
        let checker = try Checker(
            try definition("population.citizen.v1"), codeLists: try catalogue.get().codeLists,
            options: CheckOptions(nowMilliseconds: someTimeMilliseconds))
        let account = try checker.check(source, name: source.name)
        #expect((account.accepted, account.refused) == (1, 1))
    }

    @Test("keys before anything but lines are refused", arguments: [InputFormat.array, .csv])
    func keysOfLinesOnly(format: InputFormat) throws {
        let error = #expect(throws: UserError.self) { try check("x", format: format, withKey: true) }
        #expect(error?.status == .usage)
    }
}
