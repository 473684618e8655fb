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
        let provinces = ProvinceList(reader.provinces())
        let communes = CommuneList(reader.communes(of: provinces))
        let countries = CountryList(reader.countries())
        guard reader.findings.isEmpty else { return (nil, reader.findings) }
        return (CodeLists(provinces: provinces, communes: communes, countries: countries), [])
    }
}

/// Reads line by line and remembers what was not as it should be.
struct CodeListsReader {
    /// At most as many as a list can hold.
    private static let rowsMax = DatedCodes.spansMax

    let folder: String
    private(set) var findings: [LintFinding] = []

    init(folder: String) {
        self.folder = folder
    }

    mutating func provinces() -> [DatedCodes.Span] {
        let file = "provinces.csv"
        var found: [DatedCodes.Span] = []
        for row in rows(of: file, header: ["code", "name_vi", "valid_from", "valid_to"]) {
            guard let span = span(file, row.line, code: row.cells[0], digits: 2, from: row.cells[2], to: row.cells[3])
            else { continue }
            if found.contains(where: { Self.overlap($0, span) }) { complainOfOverlap(file, row) }
            found.append(span)
        }
        return found
    }

    mutating func communes(of provinces: ProvinceList) -> [DatedCodes.Span] {
        let file = "communes.csv"
        var found: [Int: [DatedCodes.Span]] = [:]
        let header = ["code", "name_vi", "province_code", "valid_from", "valid_to"]
        // Lists of before the column valid_to came are still read: `topics diff` compares with older revisions.
        for row in rows(of: file, header: header, isLastOptional: true) {
            guard let span = span(file, row.line, code: row.cells[0], digits: 5, from: row.cells[3], to: row.cells[4])
            else { continue }
            let period = CodeLists.Period(first: span.first, last: span.last)
            guard let province = number(row.cells[2], digits: 2), provinces.contains(province, at: period) else {
                complain(file, row.line, "expected province_code to be a province of the same time")
                continue
            }
            if found[span.code, default: []].contains(where: { Self.overlap($0, span) }) {
                complainOfOverlap(file, row)
            }
            found[span.code, default: []].append(span)
        }
        return found.values.flatMap { $0 }
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
    /// - Parameter isLastOptional: a file may lack the last column, whose cells are empty then.
    private mutating func rows(
        of file: String, header: [String], isLastOptional: Bool = false
    ) -> [(line: Int, cells: [String])] {
        guard let text = try? String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8) else {
            complain(file, nil, "expected a UTF-8 file with the columns \(header.joined(separator: ","))")
            return []
        }
        var rows: [(line: Int, cells: [String])] = []
        var width = header.count
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            if line.isEmpty { continue }
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            if index == 0 {
                guard cells == header || isLastOptional && cells == header.dropLast() else {
                    complain(file, 1, "expected the header \(header.joined(separator: ","))")
                    return []
                }
                width = cells.count
            } else if cells.count != width || line.contains("\"") {
                complain(file, index + 1, "expected \(width) cells without quotes or commas within")
            } else if index > Self.rowsMax {
                complain(file, index + 1, "expected at most \(Self.rowsMax) rows")
                return rows
            } else {
                rows.append((index + 1, cells + Array(repeating: "", count: header.count - width)))
            }
        }
        if rows.isEmpty { complain(file, nil, "expected at least one row") }
        return rows
    }

    private mutating func complain(_ file: String, _ line: Int?, _ message: String) {
        findings.append(LintFinding(.error, file: "\(folder)/\(file)", line: line, message: message))
    }

    private mutating func complainOfOverlap(_ file: String, _ row: (line: Int, cells: [String])) {
        complain(file, row.line, "the code \(row.cells[0]) has another row of the same time: close one")
    }

    /// A code in a time, whose days are inclusive.
    private mutating func span(
        _ file: String, _ line: Int, code: String, digits: Int, from: String, to: String
    ) -> DatedCodes.Span? {
        guard let number = number(code, digits: digits) else {
            complain(file, line, "expected a code of \(digits) digits")
            return nil
        }
        guard let first = from.withTextBytes(Dates.day), let last = to.isEmpty ? .max : to.withTextBytes(Dates.day)
        else {
            complain(file, line, "expected valid_from and valid_to as YYYY-MM-DD, valid_to empty while in force")
            return nil
        }
        guard first <= last else {
            complain(file, line, "expected valid_to not before valid_from")
            return nil
        }
        return DatedCodes.Span(code: number, first: first, last: last)
    }

    private func number(_ text: String, digits: Int) -> Int? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(text)
    }

    private static func overlap(_ left: DatedCodes.Span, _ right: DatedCodes.Span) -> Bool {
        left.code == right.code && left.first <= right.last && right.first <= left.last
    }
}
