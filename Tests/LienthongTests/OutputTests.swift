// Tables and numbers for people.
import Testing

@testable import lienthong

struct OutputTests {
    @Test("columns are as wide as their widest cell, counted in characters")
    func table() {
        var table = Table([("name", .left), ("n", .right)])
        table.add(["Trần", "1,000"])
        table.add(["x", "2"])
        #expect(table.text == "name      n\nTrần  1,000\nx         2")
    }

    @Test(
        "counts are grouped by three digits",
        arguments: [
            (0, "0"), (999, "999"), (1_000, "1,000"), (1_002_003, "1,002,003"), (-1_000, "-1,000"),
            (Int64.min, "-9,223,372,036,854,775,808"),
        ] as [(Int64, String)])
    func counts(value: Int64, text: String) {
        #expect(Readable.count(value) == text)
    }

    @Test(
        "spans of time show their greatest two units",
        arguments: [(0.04, "0.0 s"), (59.6, "1 min 0 s"), (3_600, "1 h 0 min"), (90_000, "1 d 1 h"), (.infinity, "–")])
    func durations(seconds: Double, text: String) {
        #expect(Readable.duration(seconds: seconds) == text)
    }

    @Test("control characters and marks of direction cannot reach a terminal")
    func visible() {
        #expect(Terminal.visible("a\u{1B}[31m\u{202E}\u{9B}b") == "a\u{241B}[31m\u{FFFD}\u{FFFD}b")
    }
}
