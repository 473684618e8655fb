// The CSV files of `Topics/code-lists/`: UTF-8, one header line, no quotes, dates inclusive.
import Foundation
package import Model

extension CodeLists {
    /// Reads `provinces.csv`, `communes.csv` and `countries.csv`; the error names file and line.
    package static func load(folder: String) throws(UserError) -> CodeLists {
        let (lists, findings) = read(folder: folder)
        guard let lists else {
            let first = findings.first?.description ?? "no finding"
            throw UserError(
                action: "reading the code lists of", subject: folder, cause: first,
                nextStep: "correct the file and run `lienthong topics lint`", status: .configuration
            )
        }
        return lists
    }

    /// The lists, or nil with what is wrong.
    static func read(folder: String) -> (lists: CodeLists?, findings: [LintFinding]) {
        var reader = CodeListsReader(folder: folder)
        let provinces = reader.provinces()
        let today = Set(provinces.filter { $0.validTo == nil }.map(\.number))
        let communes = reader.communes(provinces: today)
        let countries = reader.countries()
        guard reader.findings.isEmpty else { return (nil, reader.findings) }
        let before = Set(provinces.filter { $0.isInForce(on: CodeListsReader.lastDayBeforeMerger) }.map(\.number))
        let lists = CodeLists(
            provincesToday: today, provincesBeforeMerger: before, communes: communes, countries: countries
        )
        return (lists, [])
    }
}

/// Reads line by line and remembers what was not as it should be.
struct CodeListsReader {
    /// A province's code in a time; dates are `YYYY-MM-DD`, which compare as text.
    struct Province {
        let number: Int
        let validFrom: String
        let validTo: String?

        func isInForce(on date: String) -> Bool {
            validFrom <= date && validTo.map { $0 >= date } ?? true
        }
    }

    /// The day before `CodeLists.mergerDay`.
    static let lastDayBeforeMerger = "2025-06-30"
    private static let rowsMax = 100_000

    let folder: String
    private(set) var findings: [LintFinding] = []

    init(folder: String) {
        self.folder = folder
    }

    mutating func provinces() -> [Province] {
        let file = "provinces.csv"
        var found: [Province] = []
        for row in rows(of: file, header: ["code", "name_vi", "valid_from", "valid_to"]) {
            guard let number = number(row.cells[0], digits: 2) else {
                complain(file, row.line, "expected a code of two digits")
                continue
            }
            guard Self.isDate(row.cells[2]), row.cells[3].isEmpty || Self.isDate(row.cells[3]) else {
                complain(
                    file, row.line, "expected valid_from and valid_to as YYYY-MM-DD, valid_to empty while in force")
                continue
            }
            let province = Province(
                number: number, validFrom: row.cells[2], validTo: row.cells[3].isEmpty ? nil : row.cells[3]
            )
            guard province.validTo.map({ $0 >= province.validFrom }) ?? true else {
                complain(file, row.line, "expected valid_to not before valid_from")
                continue
            }
            if found.contains(where: { Self.overlap($0, province) }) {
                complain(file, row.line, "the code \(row.cells[0]) has another row of the same time: close one")
            }
            found.append(province)
        }
        return found
    }

    mutating func communes(provinces: Set<Int>) -> [(code: Int, province: Int)] {
        let file = "communes.csv"
        var found: [(code: Int, province: Int)] = []
        var seen: Set<Int> = []
        for row in rows(of: file, header: ["code", "name_vi", "province_code", "valid_from"]) {
            guard let code = number(row.cells[0], digits: 5) else {
                complain(file, row.line, "expected a code of five digits")
                continue
            }
            guard let province = number(row.cells[2], digits: 2), provinces.contains(province) else {
                complain(file, row.line, "expected province_code to be one of today's provinces")
                continue
            }
            if !Self.isDate(row.cells[3]) { complain(file, row.line, "expected valid_from as YYYY-MM-DD") }
            if !seen.insert(code).inserted { complain(file, row.line, "the code \(row.cells[0]) stands twice") }
            found.append((code, province))
        }
        return found
    }

    mutating func countries() -> [String] {
        let file = "countries.csv"
        var found: Set<String> = []
        for row in rows(of: file, header: ["code", "name_en", "name_vi"]) {
            let code = row.cells[0]
            guard code.utf8.count == 3, code.utf8.allSatisfy({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) })
            else {
                complain(file, row.line, "expected a code of three capital letters")
                continue
            }
            if !found.insert(code).inserted { complain(file, row.line, "the code \(code) stands twice") }
        }
        return found.sorted()
    }

    /// The rows under the header, each with its line from 1; a row of another width is a finding and left out.
    private mutating func rows(of file: String, header: [String]) -> [(line: Int, cells: [String])] {
        guard let text = try? String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8) else {
            complain(file, nil, "expected a UTF-8 file with the columns \(header.joined(separator: ","))")
            return []
        }
        var rows: [(line: Int, cells: [String])] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            if line.isEmpty { continue }
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            if index == 0 {
                guard cells == header else {
                    complain(file, 1, "expected the header \(header.joined(separator: ","))")
                    return []
                }
            } else if cells.count != header.count || line.contains("\"") {
                complain(file, index + 1, "expected \(header.count) cells without quotes or commas within")
            } else if index > Self.rowsMax {
                complain(file, index + 1, "expected at most \(Self.rowsMax) rows")
                return rows
            } else {
                rows.append((index + 1, cells))
            }
        }
        if rows.isEmpty { complain(file, nil, "expected at least one row") }
        return rows
    }

    private mutating func complain(_ file: String, _ line: Int?, _ message: String) {
        findings.append(LintFinding(.error, file: "\(folder)/\(file)", line: line, message: message))
    }

    private func number(_ text: String, digits: Int) -> Int? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(text)
    }

    private static func overlap(_ left: Province, _ right: Province) -> Bool {
        guard left.number == right.number else { return false }
        let leftEnd = left.validTo ?? "9999-12-31"
        let rightEnd = right.validTo ?? "9999-12-31"
        return left.validFrom <= rightEnd && right.validFrom <= leftEnd
    }

    private static func isDate(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.count) == [4, 2, 2], parts.allSatisfy({ $0.utf8.allSatisfy { $0 >= 48 && $0 <= 57 } }),
            let month = Int(parts[1]), let day = Int(parts[2])
        else { return false }
        return (1...12).contains(month) && (1...31).contains(day)
    }
}
