// Rows in the text form of COPY.

/// Appends one table's rows to a buffer of bytes: tab between fields, `\N` for null, backslash escapes.
struct CopyText {
    private(set) var bytes: [UInt8] = []
    private var isRowEmpty = true

    mutating func text(_ value: String?) {
        separate()
        guard let value else { return null() }
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\r"): append("\\r")
            case UInt8(ascii: "\t"): append("\\t")
            default: bytes.append(byte)
            }
        }
    }

    mutating func integer(_ value: Int?) {
        separate()
        guard let value else { return null() }
        decimal(value, width: 1)
    }

    mutating func boolean(_ value: Bool?) {
        separate()
        guard let value else { return null() }
        bytes.append(value ? UInt8(ascii: "t") : UInt8(ascii: "f"))
    }

    mutating func date(_ value: SampleDate?) {
        separate()
        guard let value else { return null() }
        appendDate(value)
    }

    /// - Parameter secondOfDay: of UTC.
    mutating func timestamp(_ day: SampleDate, secondOfDay: Int) {
        separate()
        appendDate(day)
        append(" ")
        decimal(secondOfDay / 3_600, width: 2)
        append(":")
        decimal(secondOfDay / 60 % 60, width: 2)
        append(":")
        decimal(secondOfDay % 60, width: 2)
        append("+00")
    }

    mutating func endRow() {
        bytes.append(UInt8(ascii: "\n"))
        isRowEmpty = true
    }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        isRowEmpty = true
    }

    private mutating func separate() {
        if !isRowEmpty { bytes.append(UInt8(ascii: "\t")) }
        isRowEmpty = false
    }

    private mutating func null() { append("\\N") }

    private mutating func appendDate(_ value: SampleDate) {
        decimal(value.year, width: 4)
        append("-")
        decimal(value.month, width: 2)
        append("-")
        decimal(value.day, width: 2)
    }

    private mutating func append(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func decimal(_ value: Int, width: Int) {
        if value < 0 { append("-") }
        let digits = value.magnitude
        var divisor: UInt = 1
        var places = 1
        while digits / divisor >= 10 || places < width {
            divisor *= 10
            places += 1
        }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(digits / divisor % 10))
            divisor /= 10
        }
    }
}

/// A table that is being filled.
struct SampleTable {
    let name: StaticString
    let columns: StaticString
    /// The column whose sequence goes on after the rows written; nil where rows take their number from it.
    let identity: StaticString?
    var rows = CopyText()

    init(_ name: StaticString, _ columns: StaticString, identity: StaticString? = nil) {
        self.name = name
        self.columns = columns
        self.identity = identity
    }

    var copyStatement: String { "COPY public.\(name) (\(columns)) FROM STDIN" }
}

/// `value` in decimal digits with leading zeros, for the numbers within identifiers.
func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return digits.utf8.count >= width ? digits : String(repeating: "0", count: width - digits.utf8.count) + digits
}
