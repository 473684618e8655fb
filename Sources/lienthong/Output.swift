// What goes to standard output: aligned tables for people, one object a line for programs.
import Foundation
import Model
import Synchronization

/// Columns aligned by their widest cell; numbers to the right.
struct Table {
    enum Alignment {
        case left
        case right
    }

    private let alignments: [Alignment]
    private var rows: [[String]]

    init(_ columns: [(String, Alignment)]) {
        alignments = columns.map(\.1)
        rows = [columns.map(\.0)]
    }

    mutating func add(_ cells: [String]) {
        precondition(cells.count == alignments.count, "a row has as many cells as the table has columns")
        rows.append(cells)
    }

    var isEmpty: Bool { rows.count == 1 }

    var text: String {
        let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                return alignments[column] == .left ? row[column] + padding : padding + row[column]
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}

enum Terminal {
    /// Whoever read standard output has closed it (`lienthong lag --watch | head`): endless output has nobody to go to.
    static var readerIsGone: Bool { outputIsClosed.withLock { $0 } }
    private static let outputIsClosed = Mutex(false)

    /// Writes a line to standard output at once, so that a reader at the other end of a pipe sees it.
    static func line(_ text: String) {
        write(text + "\n", to: STDOUT_FILENO)
    }

    static func error(_ sentence: String) {
        write("lienthong: \(sentence)\n", to: STDERR_FILENO)
    }

    /// In a pipe or a file, progress would only be in the way.
    static var showsProgress: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether there is a person to be asked.
    static var asks: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

    /// Asks a person; an empty answer is a yes, and the end of input a no.
    static func confirms(_ question: String) -> Bool {
        write("\(question) [Y/n] ", to: STDERR_FILENO)
        guard let answer = readLine()?.trimmingCharacters(in: .whitespaces).lowercased() else { return false }
        return answer.isEmpty || answer == "y" || answer == "yes"
    }

    /// A line of progress; the next one replaces it.
    static func progress(_ text: String) {
        write("\r\u{1B}[2K\(text)", to: STDERR_FILENO)
    }

    /// Text from elsewhere, made harmless for a terminal: control characters become visible.
    static func visible(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.value {
                    case 0..<0x20: UnicodeScalar(0x2400 + scalar.value) ?? "\u{FFFD}"
                    case 0x7F..<0xA0: "\u{FFFD}"
                    // Marks that turn the direction of text can make a line read as something else.
                    case 0x202A...0x202E, 0x2066...0x2069: "\u{FFFD}"
                    default: scalar
                    }
                }))
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else {
                if descriptor == STDOUT_FILENO { outputIsClosed.withLock { $0 = true } }
                return
            }
            bytes = bytes.dropFirst(written)
        }
    }
}

/// Numbers as people read them.
enum Readable {
    /// 1234567 as `1,234,567`.
    static func count(_ value: Int64) -> String {
        Quantity.grouped(value)
    }

    static func count(_ value: Int) -> String { count(Int64(value)) }

    /// A span of time in its greatest two units.
    static func duration(seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e12 else { return "–" }
        if seconds < 10 { return String(format: "%.1f s", seconds) }
        let total = Int(seconds.rounded())
        switch total {
        case ..<60: return "\(total) s"
        case ..<3600: return "\(total / 60) min \(total % 60) s"
        case ..<86_400: return "\(total / 3600) h \(total % 3600 / 60) min"
        default: return "\(total / 86_400) d \(total % 86_400 / 3600) h"
        }
    }

    /// Records a second, or a dash where no time was measured.
    static func rate(_ count: Int64, seconds: Double) -> String {
        seconds > 0 ? Self.count(Int64((Double(count) / seconds).rounded())) : "–"
    }
}
