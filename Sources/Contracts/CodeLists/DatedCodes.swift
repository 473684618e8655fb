// Numbers with the days on which each is in force: what a dated code list is.

/// A look-up costs two loads where a code has one span, and allocates nothing.
struct DatedCodes: Sendable {
    /// The days from `first` to `last`, inclusive, since 1970-01-01.
    struct Span: Sendable {
        var code: Int
        var first = Int32.min
        var last = Int32.max
    }

    /// Spans that one list can have.
    static let spansMax = Int(UInt16.max)

    /// By code, one more than the index of its first span; 0 where it has none.
    private var places: [UInt16]
    /// By code, then by day.
    private(set) var spans: [Span]

    /// - Parameter codes: those that can be; others are left out, and what is beyond `spansMax`.
    init(_ spans: some Sequence<Span>, codes: Range<Int>) {
        self.spans = spans.filter { codes.contains($0.code) }.sorted { ($0.code, $0.first) < ($1.code, $1.first) }
        self.spans.removeLast(max(0, self.spans.count - Self.spansMax))
        places = Array(repeating: 0, count: codes.upperBound)
        for (index, span) in self.spans.enumerated().reversed() { places[span.code] = UInt16(index + 1) }
    }

    /// Whether the code is in force at a day of the period.
    @inline(__always)
    func contains(_ code: Int, at period: CodeLists.Period) -> Bool {
        guard places.indices.contains(code), places[code] != 0 else { return false }
        var index = Int(places[code]) - 1
        while index < spans.count, spans[index].code == code {
            if spans[index].first <= period.last && period.first <= spans[index].last { return true }
            index += 1
        }
        return false
    }

    /// In ascending order.
    func codes(at period: CodeLists.Period) -> [Int] { places.indices.filter { contains($0, at: period) } }
}
