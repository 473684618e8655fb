// The code lists as people read them: the rows of `Topics/code-lists/`, with their sources from its README.
import Contracts
import Foundation

/// One file of `code-lists/`.
struct CodeListTable {
    let file: String
    let columns: [String]
    let rows: [[String]]
    /// As the README has them; empty where it does not name the file.
    let source: String
    let state: String

    /// Rows whose time has no end; nil for a list without times.
    var countInForce: Int? {
        columns.firstIndex(of: "valid_to").map { end in rows.count { !$0.indices.contains(end) || $0[end].isEmpty } }
    }

    /// The file of each list.
    static func file(of kind: CodeListKind) -> String {
        switch kind {
        case .province, .provinceOfAnyTime: "provinces.csv"
        case .commune: "communes.csv"
        case .country: "countries.csv"
        }
    }

    /// The lists of a folder whose code lists were read without a fault; a file that is not there is left out.
    static func load(folder: String) -> [CodeListTable] {
        var files: [String] = []
        for kind in CodeListKind.allCases where !files.contains(file(of: kind)) { files.append(file(of: kind)) }
        let readme = (try? String(contentsOfFile: "\(folder)/README.md", encoding: .utf8)) ?? ""
        return files.compactMap { file in
            guard let text = try? String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8) else { return nil }
            let lines = text.split(whereSeparator: \.isNewline).map(cells)
            guard let columns = lines.first else { return nil }
            let (source, state) = origin(of: file, in: readme)
            return CodeListTable(
                file: file, columns: columns, rows: Array(lines.dropFirst()), source: source, state: state)
        }
    }

    private static func cells(_ line: Substring) -> [String] {
        line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// Of the README's table of files, the cells under `source` and `state` in the file's row.
    private static func origin(of file: String, in readme: String) -> (source: String, state: String) {
        let rows = readme.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("|") }.map { row in
            row.split(separator: "|", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces).replacing("`", with: "")
            }
        }
        guard let heading = rows.first, let row = rows.first(where: { $0.contains(file) }) else { return ("", "") }
        func cell(_ name: String) -> String {
            heading.firstIndex(of: name).flatMap { row.indices.contains($0) ? row[$0] : nil } ?? ""
        }
        return (cell("source"), cell("state"))
    }
}
