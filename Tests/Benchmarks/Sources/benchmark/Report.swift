// What is printed, and what is kept in RESULTS.md.
import Foundation

/// One measured thing in all rounds, at one number of connections.
struct Line {
    var phase: String
    var name: String
    var connections: Int
    var costs: [Cost]

    private func median(_ value: (Cost) -> Double) -> Double { Measure.median(costs.map(value)) }
    var rate: Double { median(\.rate) }

    var cells: [String] {
        [
            phase, name, "\(connections)", Report.grouped(rate),
            costs.map { Report.grouped($0.rate) }.joined(separator: " · "),
            String(format: "%.2f", median { $0.perMillion($0.clientSeconds) }),
            String(format: "%.1f", median { $0.perMillion($0.databaseSeconds) }),
            Report.grouped(median { $0.walBytes / Double($0.records) }),
            costs.compactMap(\.peakMemoryBytes).max().map { "\($0 / 1_048_576)" } ?? "",
        ]
    }
}

/// A ratio of two lines, and what it should be.
struct Ratio {
    var name: String
    var value: Double
    var wanted: String
}

/// Rows of cells under their names.
struct Table {
    var columns: [String]
    var rows: [[String]] = []

    /// Nothing at all where there are no rows.
    var markdown: String {
        guard !rows.isEmpty else { return "" }
        let lines = [columns, columns.map { _ in "---" }] + rows
        return "\n" + lines.map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
    }
}

struct Report {
    var title: String
    var lines: [Line] = []
    var ratios: [Ratio] = []
    var notes: [String] = []
    /// Below a line of their own each.
    var tables: [(name: String, table: Table)] = []

    /// - Parameter how: what else the numbers depend on.
    init(_ title: String, command: String, _ how: String) {
        self.title = "\(Machine.today()), \(title)"
        let settings = World.settings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        notes = [
            "Machine: \(Machine.description). Yardstick at the start: \(String(format: "%.2f", Machine.yardstick())) s.",
            "Command: deploy/benchmark \(command); \(how); PostgreSQL with \(settings.joined(separator: ", ")).",
        ]
    }

    static func grouped(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        var digits = String(Int(value.rounded()))
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits = String(digits.dropLast(3))
        }
        return ([digits] + groups).joined(separator: ",")
    }

    mutating func add(_ phase: String, _ name: String, _ connections: Int, _ costs: [Cost]) -> Line {
        let line = Line(phase: phase, name: name, connections: connections, costs: costs)
        lines.append(line)
        return line
    }

    var markdown: String {
        var text = "## \(title)\n\n"
        for note in notes { text += "- \(note)\n" }
        text +=
            Table(
                columns: [
                    "what", "how", "connections", "records/s (median)", "each round", "client CPU s a million",
                    "PostgreSQL CPU s a million", "WAL bytes a record", "peak MB",
                ], rows: lines.map(\.cells)
            ).markdown
        text +=
            Table(
                columns: ["ratio (of medians)", "measured", "wanted"],
                rows: ratios.map { [$0.name, String(format: "%.2f", $0.value), $0.wanted] }
            ).markdown
        for (name, table) in tables { text += "\n\(name):\n\(table.markdown)" }
        return text + "\n"
    }

    /// Puts the report before the earlier ones.
    func keep(in file: String) throws {
        let heading =
            "# Results\n\nMade by `deploy/benchmark --keep`, the newest first. What each column and row means: `README.md` of the repository, “How fast it is”.\n\n"
        let old = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        let rest = old.range(of: "\n## ").map { String(old[old.index(after: $0.lowerBound)...]) } ?? ""
        try (heading + markdown + rest).write(toFile: file, atomically: true, encoding: .utf8)
    }
}

enum Machine {
    static var description: String {
        let processors = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model =
            processors.split(separator: "\n").first { $0.hasPrefix("model name") }?.split(separator: ":").last?
            .trimmingCharacters(in: .whitespaces) ?? "unknown processor"
        let memory = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
        let kilobytes =
            memory.split(separator: "\n").first { $0.hasPrefix("MemTotal") }?.split(separator: " ").dropFirst().first
            .flatMap { Int($0) } ?? 0
        return "\(ProcessInfo.processInfo.activeProcessorCount) × \(model), \(kilobytes / 1_048_576) GiB, \(system)"
    }

    private static var system: String {
        let release = (try? String(contentsOfFile: "/etc/os-release", encoding: .utf8)) ?? ""
        return release.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }?.split(separator: "\"").last
            .map(String.init) ?? "Linux"
    }

    /// Seconds of a fixed piece of work on one core: tells a slow hour of a shared machine from a slow program.
    static func yardstick() -> Double {
        let start = Measure.ownProcessorSeconds()
        var hash: UInt64 = 1
        for number in 0..<UInt64(200_000_000) { hash = (hash ^ number) &* 0x9E37_79B9_7F4A_7C15 }
        let seconds = Measure.ownProcessorSeconds() - start
        // Used, so that it is done at all.
        return hash == 0 ? 0 : seconds
    }

    static func today() -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyy-MM-dd"
        return formatter.string(from: Date())
    }
}
