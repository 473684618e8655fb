// Values near to accepted ones: each field in turn is left out, emptied, padded, cut, grown, or given another type.
import Contracts
import Foundation
import Model

@testable import Exports

enum Mutants {
    struct Mutant {
        let name: String
        let value: [UInt8]
    }

    /// The value itself, and one change each of it.
    static func of(_ name: String, _ value: JSON, contract: Contract) -> [Mutant] {
        ([(name, value)] + changes(of: value, fields: contract.fields, path: name)).map {
            Mutant(name: $0.0, value: Array($0.1.text.utf8))
        }
    }

    private typealias Change = (path: String, value: JSON)

    private static func changes(of object: JSON, fields: [Field], path: String) -> [Change] {
        guard case .object(let members) = object else { return [] }
        var changes: [Change] = []
        for field in fields {
            let place = "\(path) \(field.name)"
            let index = members.firstIndex { $0.0 == field.name }
            var without = members
            if let index { without.remove(at: index) }
            changes.append(("\(place) left out", .object(without)))
            let old = index.map { members[$0].1 }
            for (number, value) in replacements(for: old, type: field.type).enumerated() {
                changes.append(
                    ("\(place) change \(number): \(value.text.prefix(60))", .object(without + [(field.name, value)])))
            }
            guard let old else { continue }
            for inner in within(old, type: field.type, path: place) {
                changes.append((inner.path, .object(without + [(field.name, inner.value)])))
            }
        }
        return changes
    }

    private static func within(_ value: JSON, type: FieldType, path: String) -> [Change] {
        switch (type, value) {
        case (.object(let fields), _): return changes(of: value, fields: fields, path: path)
        case (.list(.object(let fields), _, _, _), .array(let items)):
            guard let first = items.first else { return [] }
            return changes(of: first, fields: fields, path: path).map {
                ($0.path, .array([$0.value] + items.dropFirst()))
            } + [("\(path) repeated", .array(items + [first])), ("\(path) null item", .array(items + [.null]))]
        case (.list(let item, _, _, _), .array(let items)):
            return replacements(for: items.first, type: item).map {
                ("\(path) item \($0.text.prefix(40))", .array([$0]))
            }
                + [("\(path) repeated", .array(items + items))]
        default: return []
        }
    }

    private static func replacements(for old: JSON?, type: FieldType) -> [JSON] {
        var values: [JSON] = [
            .null, .boolean(true), .integer(3), .array([]), .object([]), .string(""), .string(" \u{3000}"),
        ]
        values += ["x", "\u{0}", "12345678901", "2024-02-30", "a\u{300}b", "\n", "۱۲", "-1", "1.5"].map { .string($0) }
        if case .string(let text) = old {
            values += [
                " \(text)", "\(text)\u{A0}\n", text + "x", String(text.dropLast()), text.lowercased(),
                text.replacing(" ", with: "\u{0}"), text + "\u{323}", text.decomposedStringWithCanonicalMapping,
                "\u{FEFF}" + text, "x" + text, text + text,
            ].map { .string($0) }
        }
        return values + replacements(ofType: type)
    }

    private static func replacements(ofType type: FieldType) -> [JSON] {
        switch type {
        case .text(let rule):
            let lengths = [rule.minimumLength - 1, rule.minimumLength, rule.maximumLength, rule.maximumLength + 1]
            let texts = lengths.filter { $0 > 0 }.flatMap { count in
                ["a", "e\u{302}\u{323}", " "].map { "b" + String(repeating: $0, count: count - 1) }
            }
            return (texts + (rule.values ?? []).map { " \($0)\t" } + codes).map { .string($0) }
        case .integer(let minimum, let maximum):
            return [minimum, maximum, 0, -1].flatMap { [$0, $0 &+ 1, $0 &- 1] }.map { .integer($0) } + [.decimal(1.5)]
        case .boolean: return [.boolean(false), .string("true")]
        case .decimal:
            return ["0", "-0", "-0.00", "-0.01", "1.", ".5", "1.005", "007.5", "+1", "1e3", "1,5", "-101"].map {
                .string($0)
            }
                + [.string(String(repeating: "9", count: 38)), .string(String(repeating: "9", count: 39))]
        case .date(_, let minimum, let maximum):
            let bounds = [minimum, maximum].compactMap { $0 }.flatMap { [$0 - 1, $0, $0 + 1] }
            return (bounds.map(Dates.text(day:)) + dates).map { .string($0) }
        case .timestamp: return timestamps.map { .string($0) }
        case .object: return []
        case .list(_, _, _, let maximumItems):
            let items = JSON.array(Array(repeating: .string("x"), count: min(maximumItems, 300) + 1))
            return [.array([.null]), .array([.integer(1)]), items]
        }
    }

    private static let codes = [
        "001190004567", "000190004567", "0199000017", "0199000017-001", "0199000017-000", "DN4010123456789",
        "DN4030123456789", "G99.31.05", "G99", "G99.", "Z01AB-1", "01999", "000123/HNO-GPHN", "VNM", "ZZZ", "24", "27",
        "03", "00004", "00001", "012345678", "male", "enterprise",
    ]

    private static let dates = [
        "0000-01-01", "0001-01-01", "1900-02-29", "2000-02-29", "2023-02-29", "2024-02-29", "2024-04-31", "2024-13-01",
        "2024-00-10", "2024-1-1", "9999-12-31", "1952", "1952-07", "1952-13", "0000", "20240101",
        "2024-01-01T00:00:00Z",
        "2024-01-01 ", "2024/01/01", "1849-12-31", "1850", "1850-01",
    ]

    private static let timestamps = [
        "2026-03-02T08:15:30Z", "2026-03-02t08:15:30z", "2026-03-02 08:15:30+07:00", "2026-03-02T08:15:30",
        "2026-03-02T08:15:60Z", "2026-03-02T08:15:61Z", "2026-03-02T24:00:00Z", "2026-03-02T08:15Z",
        "2026-03-02T08:15:30.5Z", "2026-03-02T08:15:30.Z", "2026-03-02T08:15:30+0700", "2026-03-02T08:15:30-23:59",
        "2026-03-02T08:15:30+24:00", "2026-02-30T08:15:30Z", " 2026-03-02T08:15:30Z ", "2026-03-02T08:15:30,5Z",
        "2026-03-02T08:15:30." + String(repeating: "1", count: 43) + "Z",
        "2026-03-02T08:15:30." + String(repeating: "1", count: 44) + "Z",
        "2026-03-02T08:15:30." + String(repeating: "1", count: 38) + "+07:00",
        "2026-03-02T08:15:30." + String(repeating: "1", count: 39) + "+07:00",
    ]
}
