// Changes to a JSON document, themselves written in JSON: RFC 6902 (JSON Patch) and RFC 7396 (JSON Merge Patch).
import Foundation

/// Why a patch cannot be applied, in words without a value of patch or document.
package struct RecordPatchFault: Error, Hashable, CustomStringConvertible {
    package let description: String
}

package enum RecordPatch {
    /// A JSON Patch is an array of operations; a merge patch of a record is an object. So the two are never mistaken.
    case operations([JSONValue])
    case merge(JSONValue)

    package init(_ bytes: [UInt8]) throws(RecordPatchFault) {
        switch JSONValue(bytes) {
        case .array(let operations): self = .operations(operations)
        case .object(let members): self = .merge(.object(members))
        case nil: throw RecordPatchFault(description: "the patch is not JSON")
        default:
            throw RecordPatchFault(
                description: "the patch is neither an array of operations (RFC 6902) nor an object to merge (RFC 7396)")
        }
    }

    /// The standard's name, for the letter's steps.
    package var name: String {
        switch self {
        case .operations: "JSON Patch"
        case .merge: "JSON Merge Patch"
        }
    }

    /// The changed document; the first operation that fails makes the whole patch fail.
    package func applied(to document: JSONValue) throws(RecordPatchFault) -> JSONValue {
        switch self {
        case .merge(let patch): return Self.merged(document, patch)
        case .operations(let operations):
            var result = document
            for (index, operation) in operations.enumerated() {
                do {
                    try PatchOperation(operation).apply(to: &result)
                } catch {
                    throw RecordPatchFault(description: "operation \(index + 1) of the patch: \(error.description)")
                }
            }
            return result
        }
    }

    /// RFC 7396 section 2.
    private static func merged(_ target: JSONValue, _ patch: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var members: [JSONValue.Member] = if case .object(let members) = target { members } else { [] }
        for change in changes {
            let index = members.firstIndex { $0.name == change.name }
            if case .null = change.value {
                members.removeAll { $0.name == change.name }
            } else if let index {
                members[index].value = merged(members[index].value, change.value)
            } else {
                members.append(.init(name: change.name, value: merged(.null, change.value)))
            }
        }
        return .object(members)
    }
}

/// One operation of RFC 6902.
private struct PatchOperation {
    private enum Kind: String {
        case add, remove, replace, move, copy, test
    }

    private let kind: Kind
    private let path: JSONPointer
    private let from: JSONPointer?
    private let value: JSONValue?

    init(_ operation: JSONValue) throws(RecordPatchFault) {
        guard case .object(let members) = operation else { throw RecordPatchFault(description: "it is no object") }
        func member(_ name: String) -> JSONValue? { members.first { $0.name == name }?.value }
        func pointer(_ name: String) throws(RecordPatchFault) -> JSONPointer {
            guard case .string(let text) = member(name), let pointer = JSONPointer(text) else {
                throw RecordPatchFault(description: "its `\(name)` is no JSON pointer")
            }
            return pointer
        }
        guard case .string(let word) = member("op"), let kind = Kind(rawValue: word) else {
            throw RecordPatchFault(description: "its `op` is none of add, remove, replace, move, copy, test")
        }
        self.kind = kind
        path = try pointer("path")
        switch kind {
        case .add, .replace, .test:
            guard let value = member("value") else { throw RecordPatchFault(description: "it has no `value`") }
            (self.value, from) = (value, nil)
        case .move, .copy: (value, from) = (nil, try pointer("from"))
        case .remove: (value, from) = (nil, nil)
        }
    }

    func apply(to document: inout JSONValue) throws(RecordPatchFault) {
        switch kind {
        case .add: try add(value ?? .null, to: &document)
        case .remove: _ = try remove(path, from: &document)
        case .replace:
            guard !path.steps.isEmpty else { return document = value ?? .null }
            try replace(in: &document)
        case .move:
            guard let from else { return }
            guard !path.isInside(from) else {
                throw RecordPatchFault(description: "it moves a value into itself")
            }
            guard path.steps != from.steps else { return _ = try found(from, in: document) }
            try add(try remove(from, from: &document), to: &document)
        case .copy:
            guard let from else { return }
            try add(try found(from, in: document), to: &document)
        case .test:
            guard try found(path, in: document).isEqual(to: value ?? .null) else {
                throw RecordPatchFault(description: "the value that it tests is another one")
            }
        }
    }

    private func found(_ pointer: JSONPointer, in document: JSONValue) throws(RecordPatchFault) -> JSONValue {
        guard let value = document.value(at: pointer.steps[...]) else { throw Self.nothingThere }
        return value
    }

    private func add(_ value: JSONValue, to document: inout JSONValue) throws(RecordPatchFault) {
        guard let last = path.steps.last else { return document = value }
        let isDone = document.change(at: path.steps.dropLast()) { parent in
            switch parent {
            case .object(var members):
                if let index = members.firstIndex(where: { $0.name == last }) {
                    members[index].value = value
                } else {
                    members.append(.init(name: last, value: value))
                }
                parent = .object(members)
            case .array(var items):
                guard let index = last == "-" ? items.count : JSONPointer.index(last), index <= items.count else {
                    return false
                }
                items.insert(value, at: index)
                parent = .array(items)
            default: return false
            }
            return true
        }
        guard isDone else { throw Self.nothingThere }
    }

    private func replace(in document: inout JSONValue) throws(RecordPatchFault) {
        guard
            document.change(
                at: path.steps[...],
                { [value] in
                    $0 = value ?? .null
                    return true
                })
        else {
            throw Self.nothingThere
        }
    }

    private func remove(
        _ pointer: JSONPointer, from document: inout JSONValue
    ) throws(RecordPatchFault) -> JSONValue {
        guard let last = pointer.steps.last else {
            throw RecordPatchFault(description: "it would leave no document")
        }
        let removed = try found(pointer, in: document)
        _ = document.change(at: pointer.steps.dropLast()) { parent in
            switch parent {
            case .object(let members): parent = .object(members.filter { $0.name != last })
            case .array(var items):
                guard let index = JSONPointer.index(last) else { return false }
                items.remove(at: index)
                parent = .array(items)
            default: return false
            }
            return true
        }
        return removed
    }

    private static let nothingThere = RecordPatchFault(description: "its path leads to no place in the record")
}

/// RFC 6901.
private struct JSONPointer {
    let steps: [String]

    init?(_ text: String) {
        guard text.isEmpty || text.hasPrefix("/") else { return nil }
        var steps: [String] = []
        for part in text.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            guard !part.replacing("~0", with: "").replacing("~1", with: "").contains("~") else { return nil }
            steps.append(String(part.replacing("~1", with: "/").replacing("~0", with: "~")))
        }
        self.steps = steps
    }

    func isInside(_ other: JSONPointer) -> Bool {
        steps.count > other.steps.count && steps.starts(with: other.steps)
    }

    /// An array's index: digits without a leading zero.
    static func index(_ step: String) -> Int? {
        guard let index = Int(step), index >= 0, String(index) == step else { return nil }
        return index
    }
}

extension JSONValue {
    /// Of members of one name the first counts, as for the decoder.
    fileprivate func value(at steps: ArraySlice<String>) -> JSONValue? {
        guard let step = steps.first else { return self }
        switch self {
        case .object(let members):
            return members.first { $0.name == step }?.value.value(at: steps.dropFirst())
        case .array(let items):
            guard let index = JSONPointer.index(step), items.indices.contains(index) else { return nil }
            return items[index].value(at: steps.dropFirst())
        case .string, .number, .boolean, .null: return nil
        }
    }

    /// - Returns: what `body` says; false where there is no such place.
    fileprivate mutating func change(at steps: ArraySlice<String>, _ body: (inout JSONValue) -> Bool) -> Bool {
        guard let step = steps.first else { return body(&self) }
        switch self {
        case .object(var members):
            guard let index = members.firstIndex(where: { $0.name == step }) else { return false }
            defer { self = .object(members) }
            return members[index].value.change(at: steps.dropFirst(), body)
        case .array(var items):
            guard let index = JSONPointer.index(step), items.indices.contains(index) else { return false }
            defer { self = .array(items) }
            return items[index].change(at: steps.dropFirst(), body)
        case .string, .number, .boolean, .null: return false
        }
    }
}
