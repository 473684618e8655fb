import Contracts
import Foundation
import Model
import Testing

@testable import Checking

@Suite struct CSVTests {
    /// The JSON that each row of cells stands for, or what is wrong with it.
    static func rows(
        _ text: String, topic: String = "population.citizen.v1", blockBytes: Int = 4096
    ) throws -> (rows: [String], header: HeaderAccount) {
        var window = ByteWindow(BytesSource(text), blockBytes: blockBytes, bytesMax: 1 << 16)
        _ = try window.grow()
        var splitter = RowSplitter()
        let header = try CSVHeader.read(&splitter, &window, contract: try definition(topic).contract, name: "x.csv")
        var writer = RowWriter(header)
        var rows: [String] = []
        while let row = try splitter.next(in: &window) {
            switch row.kind {
            case .cells where splitter.cells.count == header.columnCount:
                rows.append(String(decoding: writer.write(splitter.cells, of: window.bytes), as: UTF8.self))
            case .cells: rows.append("\(row.line): \(splitter.cells.count) cells")
            case .tooLarge: rows.append("\(row.line): too-large")
            case .malformed(let malformation): rows.append("\(row.line): \(malformation.rawValue)")
            }
        }
        return (rows, header.account)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let text: String
        let rows: [String]
    }

    static let cases = [
        Case(
            testDescription: "commas", text: "personalId,fullName\n001,Lều\n",
            rows: [#"{"personalId":"001","fullName":"Lều"}"#]),
        Case(
            testDescription: "semicolons", text: "personalId;fullName\r\n001;a,b\r\n",
            rows: [#"{"personalId":"001","fullName":"a,b"}"#]),
        Case(
            testDescription: "tabs", text: "personalId\tfullName\n001\ta;b,c\n",
            rows: [#"{"personalId":"001","fullName":"a;b,c"}"#]),
        Case(
            testDescription: "one column", text: "personalId\n001\n\n002",
            rows: [#"{"personalId":"001"}"#, #"{"personalId":"002"}"#]),
        Case(
            testDescription: "a delimiter in a quoted header cell", text: "\"a,b,c\";personalId;fullName\n1;2;3\n",
            rows: [#"{"personalId":"2","fullName":"3","?1":"1"}"#]),
        Case(
            testDescription: "quoted cells", text: "personalId,fullName\n\"001\",\"a,\"\"b\"\"\nc\"\n\"002\",\"\"\n",
            rows: [#"{"personalId":"001","fullName":"a,\"b\"\u000ac"}"#, #"{"personalId":"002"}"#]),
        Case(
            testDescription: "a quote within an unquoted cell", text: "personalId,fullName\n001,a\"b\n",
            rows: [#"{"personalId":"001","fullName":"a\"b"}"#]),
        Case(
            testDescription: "control characters and backslashes", text: "personalId,fullName\n\\,\u{1}a\u{1F}\n",
            rows: [#"{"personalId":"\\","fullName":"\u0001a\u001f"}"#]),
        Case(
            testDescription: "a lost quote costs one row", text: "personalId,fullName\n\"001,a\n002,b\n003,c\n",
            rows: [
                "2: open-quote", #"{"personalId":"002","fullName":"b"}"#, #"{"personalId":"003","fullName":"c"}"#,
            ]),
        Case(
            testDescription: "a lost quote before a quoted row", text: "personalId,fullName\n\"001,a\n\"002\",b\n003,c",
            rows: [
                "2: text-after-quote", #"{"personalId":"002","fullName":"b"}"#,
                #"{"personalId":"003","fullName":"c"}"#,
            ]),
        Case(
            testDescription: "text after a closing quote",
            text: "personalId,fullName\n\"001\"x,a\n002,\"b\" \n003,\"c\"\r\n",
            rows: ["2: text-after-quote", "3: text-after-quote", #"{"personalId":"003","fullName":"c"}"#]),
        Case(
            testDescription: "rows of other lengths", text: "personalId,fullName\n001\n002,b,c\n003,c\n",
            rows: ["2: 1 cells", "3: 3 cells", #"{"personalId":"003","fullName":"c"}"#]),
        Case(
            testDescription: "lines are the file's", text: "personalId,fullName\n\"0\n0\n1\",a\n\n002\n",
            rows: [#"{"personalId":"0\u000a0\u000a1","fullName":"a"}"#, "6: 1 cells"]),
        Case(
            testDescription: "whole numbers of integer fields only",
            text:
                "version,personalId\n7,7\n-7,8\n0,9\n007,1\n7.0,1\n18446744073709551615,1\n18446744073709551616,1\n-,1\nx,1\n",
            rows: [
                #"{"version":7,"personalId":"7"}"#, #"{"version":-7,"personalId":"8"}"#,
                #"{"version":0,"personalId":"9"}"#, #"{"version":"007","personalId":"1"}"#,
                #"{"version":"7.0","personalId":"1"}"#, #"{"version":18446744073709551615,"personalId":"1"}"#,
                #"{"version":"18446744073709551616","personalId":"1"}"#, #"{"version":"-","personalId":"1"}"#,
                #"{"version":"x","personalId":"1"}"#,
            ]),
        Case(
            testDescription: "truth values", text: "personalId,stateSecret\n1,true\n2,false\n3,\n4,no\n",
            rows: [
                #"{"personalId":"1","stateSecret":true}"#, #"{"personalId":"2","stateSecret":false}"#,
                #"{"personalId":"3"}"#, #"{"personalId":"4","stateSecret":"no"}"#,
            ]),
        Case(
            testDescription: "objects by dotted paths, absent where all their cells are",
            text: "permanentAddress.text,personalId,permanentAddress.provinceCode\na,1,01\n,2,\n ,3,02\n",
            rows: [
                #"{"permanentAddress":{"text":"a","provinceCode":"01"},"personalId":"1"}"#, #"{"personalId":"2"}"#,
                #"{"permanentAddress":{"provinceCode":"02"},"personalId":"3"}"#,
            ]),
        Case(
            testDescription: "lists by numbered paths, without items whose cells are all empty",
            text: """
                representatives[1].fullName,representatives[0].fullName,representatives[0].personalId,previousPersonalIds[0]
                b,a,1,001
                b,,,
                ,,,
                """,
            rows: [
                #"{"representatives":[{"fullName":"a","personalId":"1"},{"fullName":"b"}],"previousPersonalIds":["001"]}"#,
                #"{"representatives":[{"fullName":"b"}]}"#,
            ]),
        Case(
            testDescription: "rows that end in a carriage return alone",
            text: "personalId,fullName\r1,a\r\r\"2\",\"b\"\r3\r",
            rows: [
                #"{"personalId":"1","fullName":"a"}"#, #"{"personalId":"2","fullName":"b"}"#, "5: 1 cells",
            ]),
        Case(
            testDescription: "a lost quote where rows end in a carriage return alone",
            text: "personalId,fullName\r\"1,a\r2,b\r", rows: ["2: open-quote", #"{"personalId":"2","fullName":"b"}"#]),
        Case(
            testDescription: "rows of blank cells, however many, are no records",
            text: "personalId;fullName\n;\n1;a\n\"\"; \n;;;;\n;\n\t\n2;b\n",
            rows: [#"{"personalId":"1","fullName":"a"}"#, #"{"personalId":"2","fullName":"b"}"#]),
        Case(
            testDescription: "a first line that sets the delimiter",
            text: "SEP=|\r\npersonalId|fullName\r\n1|a,b;c\r\n2\r\n",
            rows: [#"{"personalId":"1","fullName":"a,b;c"}"#, "4: 1 cells"]),
        Case(
            testDescription: "truth values and whole numbers as a spreadsheet writes them",
            text: "stateSecret,version\nTRUE, 7 \nFalse,\t-1\n false ,1 2\nT\u{12}UE,\" 8\"\n",
            rows: [
                #"{"stateSecret":true,"version":7}"#, #"{"stateSecret":false,"version":-1}"#,
                #"{"stateSecret":false,"version":"1 2"}"#, #"{"stateSecret":"T\u0012UE","version":8}"#,
            ]),
        Case(
            testDescription: "lists and objects as JSON in one cell",
            text: "previousPersonalIds;permanentAddress\n[\"1\"];\"{\"\"text\"\":\"\"a,b\"\"}\"\n[];{}\n",
            rows: [
                #"{"previousPersonalIds":["1"],"permanentAddress":{"text":"a,b"}}"#,
                #"{"previousPersonalIds":[],"permanentAddress":{}}"#,
            ]),
        Case(
            testDescription: "a cell that is no JSON is a text, and ends no record",
            text: "previousPersonalIds;personalId\n[;1\n[],\"version\":1;2\n\"\"\"x\"\"\";3\n5;4\n",
            rows: [
                #"{"previousPersonalIds":"[","personalId":"1"}"#,
                #"{"previousPersonalIds":"[],\"version\":1","personalId":"2"}"#,
                #"{"previousPersonalIds":"\"x\"","personalId":"3"}"#, #"{"previousPersonalIds":"5","personalId":"4"}"#,
            ]),
        Case(
            testDescription: "columns that are no fields", text: "personalId,Ghi chú,\n1,x,y\n2,,\n",
            rows: [#"{"personalId":"1","?2":"x","?3":"y"}"#, #"{"personalId":"2"}"#]),
    ]

    @Test("a row stands for a JSON object", arguments: cases)
    func rowsOfJSON(_ given: Case) throws {
        #expect(try Self.rows(given.text).rows == given.rows)
    }

    @Test("a row that ends with the file, or has only a delimiter left", arguments: [1, 2, 3, 5])
    func lastRow(blockBytes: Int) throws {
        let outcome = try check(
            "personalId,fullName\n1,\"a\"\r\n2,", format: .csv, blockBytes: blockBytes)
        #expect(outcome.account.records == 2)
        #expect(outcome.account.malformed == 0)
    }

    @Test("columns and fields that do not meet are said once, with what was perhaps meant")
    func header() throws {
        let header = try Self.rows(
            "\u{A0}personalId ,fulName,birthDate,sex,provinceCode,permanentAddress.txt,representatives[0].fullname,x\n"
        ).header
        #expect(
            header.unknownColumns.map { "\($0.number) \($0.suggestion ?? "-")" } == [
                "2 fullName", "5 permanentAddress.provinceCode", "6 permanentAddress.text",
                "7 representatives[0].fullName", "8 -",
            ])
        #expect(header.missingFields == ["fullName", "identityStatus", "version"])
    }

    @Test("what an object requires is missed where the object has a column")
    func nestedRequired() throws {
        let missing = try Self.rows(
            "permanentAddress.text,representatives[0].relation,currentAddress,personalId\n"
        ).header.missingFields
        #expect(missing.contains("permanentAddress.provinceCode"))
        #expect(missing.contains("representatives[0].fullName"))
        #expect(!missing.contains { $0.hasPrefix("currentAddress") })
    }

    @Test(
        "a header that gives a field twice is refused",
        arguments: [
            "personalId,personalId\n", "permanentAddress,permanentAddress.text\n",
            "permanentAddress.text,permanentAddress\n",
            "previousPersonalIds[0],previousPersonalIds\n", "version,version \n",
        ])
    func doubled(text: String) throws {
        let error = #expect(throws: UserError.self) { try Self.rows(text) }
        #expect(error?.cause.contains("a second time") == true)
    }

    @Test("a first row that is a record and no header is refused without a word of it")
    func noHeader() throws {
        let error = #expect(throws: UserError.self) {
            try check("001190000001,Lều Thị Kín,1990-04-15\n", name: "x.csv")
        }
        #expect(error?.status == .no)
        #expect(error.map { "\($0)".contains("Kín") || "\($0)".contains("001190") } == false)
    }

    @Test(
        "a first row that swallowed records is no header, and none of them is told",
        arguments: [
            "personalId,fullName\u{2028}001190000001,Lều Thị Kín\u{2028}",
            "personalId\u{2029}001190000001",
            "personalId,\"fullName\n001190000001,Lều Thị Kín\n\"x\n",
            "personalId,\"fullName\n001190000001,Lều Thị Kín\"\n",
            "personalId,fullName\u{85}001190000001,Lều Thị Kín\u{85}", "personalId,\"fullName\r001190000001,Lều\"\r",
        ])
    func swallowed(text: String) throws {
        let error = #expect(throws: UserError.self) { try check(text, name: "x.csv") }
        #expect(error?.status == .no)
        #expect(error.map { "\($0)".contains("Lều") || "\($0)".contains("001190") } == false)
    }

    @Test("lines with keys and without --with-key are told so", arguments: [",", ";", ""])
    func keyed(mark: String) throws {
        let line = "001190000001\t{\"a\":1\(mark)}\n"
        #expect(#expect(throws: UserError.self) { try check(line) }?.nextStep.contains("--with-key") == true)
        let other = #expect(throws: UserError.self) { try check("001190000001\tx{\n") }
        #expect(other?.nextStep.contains("--with-key") == false)
    }

    @Test("a file whose rows end in a carriage return alone is judged")
    func returns() throws {
        let lines = ["personalId,fullName", "x,y", "", "x,y", "", ""]
        let returns = try check(lines.joined(separator: "\r"), name: "x.csv")
        #expect(returns == (try check(lines.joined(separator: "\n"), name: "x.csv")))
        #expect(returns == (try check(lines.joined(separator: "\r\n"), name: "x.csv")))
        #expect(returns.findings.map(\.place.line) == [2, 4])
    }

    @Test("a secret of FALSE is none, and of TRUE is one")
    func secret() throws {
        let findings = try check("personalId,stateSecret\n1,FALSE\n1,TRUE\n", format: .csv).findings
        #expect(findings.map(\.short) == ["2: invalid-identifier personalId", "3: state-secret -"])
    }

    @Test("of a row of delimiters no more cells are kept than tell that they are too many")
    func manyCells() throws {
        var window = ByteWindow(
            BytesSource("personalId,fullName\nx\(String(repeating: ",", count: 100_000))\n"), blockBytes: 1 << 18,
            bytesMax: 1 << 18)
        _ = try window.grow()
        var rows = RowSplitter()
        _ = try CSVHeader.read(
            &rows, &window, contract: try definition("population.citizen.v1").contract, name: "x.csv")
        _ = try rows.next(in: &window)
        #expect(rows.cells.count == 3)
    }

    @Test("a header of delimiters alone is an error")
    func headerOfDelimiters() throws {
        let error = #expect(throws: UserError.self) {
            try check("personalId" + String(repeating: ",", count: 200_000) + "\n1\n", format: .csv)
        }
        #expect(error?.cause.contains("cannot be read as a header") == true)
    }

    @Test("a cell that should be a list is told how to be one")
    func listCell() throws {
        let header =
            "personalId,fullName,birthDate,sex,identityStatus,version,permanentAddress,previousPersonalIds,representatives\n"
        let start = "001190000001,a,1990,female,active,1,"
        let address = "\"{\"\"text\"\":\"\"a\"\",\"\"provinceCode\"\":\"\"01\"\"}\""
        let text = header + start + "x,,\n" + start + address + ",x,\n" + start + address + ",,x\n"
        let outcome = try check(text, format: .csv)
        let report = CheckReport(try definition("population.citizen.v1"), outcome.account, file: "x")
        let expected = Set(report.refused.map(\.expected))
        #expect(
            expected == [
                "An object: as JSON in the cell, or in columns such as permanentAddress.text.",
                "A list: as JSON in the cell, or in columns such as previousPersonalIds[0].",
                "A list: as JSON in the cell, or in columns such as representatives[0].personalId.",
            ])
        #expect(
            report.page(checkedAtMilliseconds: 0).contains("hoặc chia thành các cột như representatives[0].personalId"))
        var writer = FindingWriter(report.definition.contract)
        #expect(Set(outcome.findings.map { writer.json($0).text }.filter { $0.contains("columns such as") }).count == 3)
        let line = try check(#"{"personalId":"001190000001","previousPersonalIds":"x"}"#, format: .ndjson)
        #expect(!line.findings.contains { writer.json($0).text.contains("columns such as") })
    }

    @Test("a quoted row beyond the bound costs one row", arguments: [1, 10, 64])
    func longQuote(blockBytes: Int) throws {
        let rows = (0..<40).map { "00119000000\($0 % 10),x" }
        let text = "personalId,fullName\n\"open,x\n" + rows.joined(separator: "\n")
        let outcome = try check(text, format: .csv, blockBytes: blockBytes, recordBytesMax: 100)
        #expect(outcome.account.records == 41)
        #expect(outcome.findings.first?.short == "2: open-quote")
        #expect(outcome.account.malformed == 1)
    }

    @Test("an unquoted row beyond the bound is too large", arguments: [1, 10, 64])
    func longRow(blockBytes: Int) throws {
        let text = "personalId,fullName\n1," + String(repeating: "x", count: 500) + "\n2,y\n"
        let outcome = try check(text, format: .csv, blockBytes: blockBytes, recordBytesMax: 100)
        #expect(outcome.findings.map(\.short) == ["2: too-large -", "3: invalid-identifier personalId"])
    }
}
