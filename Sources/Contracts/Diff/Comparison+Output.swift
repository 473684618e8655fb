// A comparison as people and programs read it.
package import Model

extension Comparison {
    /// One line a change under its topic's name, then what could not be compared or wants a higher version.
    package var lines: [String] {
        var lines: [String] = []
        var topic: String?
        for change in changes {
            if change.topic != topic {
                lines.append(change.topic)
                topic = change.topic
            }
            let severity = change.severity.rawValue
            let padding = String(repeating: " ", count: 11 - severity.count)
            lines.append("    \(severity)\(padding)\(change.message)\(change.place.map { " [\($0)]" } ?? "")")
        }
        lines += (faults + versions).map(\.description)
        if errorsOfNewer > 0 {
            lines.append(
                "\(labelOfNewer): \(Quantity.words(errorsOfNewer, "error")) in the newer state by today's rules: run "
                    + "`lienthong topics lint` on it")
        }
        return lines
    }

    /// Such as `2 breaking, 0 dangerous, 1 compatible`.
    package var counts: String {
        ContractChange.Severity.allCases.map { "\(count($0)) \($0.rawValue)" }.joined(separator: ", ")
    }

    /// One object a change, then one a finding.
    package var objects: [JSON] {
        changes.map(\.object)
            + (faults + versions).map { finding in
                .object([
                    ("finding", .string(finding.severity.rawValue)), ("file", .string(finding.file)),
                    ("line", .optional(finding.line.map { Int64($0) })), ("message", .string(finding.message)),
                ])
            }
    }

    /// The summary, for the last line.
    package func summary(old: String, new: String) -> JSON {
        .object(
            [("old", .string(old)), ("new", .string(new))]
                + ContractChange.Severity.allCases.map { ($0.rawValue, .integer(Int64(count($0)))) }
                + [("errors", .integer(Int64(errorsOfNewer))), ("safe", .boolean(isSafe))])
    }
}

extension ContractChange {
    /// `file:line`, where something of it is left in the newer state.
    package var place: String? {
        file.map { file in line.map { "\(file):\($0)" } ?? file }
    }

    fileprivate var object: JSON {
        .object([
            ("severity", .string(severity.rawValue)), ("topic", .string(topic)), ("kind", .string(subject.kind)),
            ("path", .string(subject.path)), ("change", .string(sentence)), ("promised", .boolean(wasPromised)),
            ("file", .optional(file)), ("line", .optional(line.map { Int64($0) })),
        ])
    }
}
