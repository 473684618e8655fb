// Prometheus' text format, version 0.0.4.

/// Each metric once, its HELP and TYPE before its samples; every sample bears the common labels first.
struct MetricsText {
    enum Kind: String {
        /// Only grows while the process lives; its name ends in `_total`.
        case counter
        case gauge
    }

    typealias Labels = [(name: String, value: String)]

    private let common: Labels
    private(set) var text = ""

    /// - Parameter common: labels of every sample.
    init(common: Labels) { self.common = common }

    mutating func add(
        _ name: StaticString, _ kind: Kind, _ help: StaticString, _ samples: [(labels: Labels, value: Double)]
    ) {
        precondition(kind != .counter || "\(name)".hasSuffix("_total"), "a counter is named so")
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for (labels, value) in samples {
            let pairs = (common + labels).map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
            text += "\(name){\(pairs.joined(separator: ","))} \(Self.number(value))\n"
        }
    }

    mutating func add(_ name: StaticString, _ kind: Kind, _ help: StaticString, _ value: Double) {
        add(name, kind, help, [([], value)])
    }

    /// The three characters that would end or bend a label's value.
    private static func escaped(_ value: String) -> String {
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Whole numbers without the point that Swift gives them; all below 2^53 are exact.
    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map(String.init) ?? "\(value)"
    }
}
