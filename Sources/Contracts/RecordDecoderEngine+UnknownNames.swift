// Names of members that the contract does not name, kept while a file is checked: a misspelt one is lost in silence.
// They may be values, and never leave this file: only the field that was perhaps meant does.
import Model

/// A name that was met in an object, and how often.
struct UnknownName {
    let object: Int
    let name: String
    var count: Int
}

extension RecordEngine {
    private static let unknownNamesMax = 1_000
    /// Far beyond any field's.
    private static let unknownNameBytesMax = 128

    /// By hash, so that a name met again costs no string.
    @inline(never)
    mutating func keep(unknown name: TextBytes, of object: Int) {
        guard name.count <= Self.unknownNameBytesMax else { return }
        let hash = contentHash(of: UnsafeRawBufferPointer(name.buffer)) &+ UInt64(object)
        if unknownNames[hash] != nil {
            unknownNames[hash]?.count += 1
        } else if unknownNames.count < Self.unknownNamesMax {
            unknownNames[hash] = UnknownName(
                object: object, name: String(decoding: name.buffer, as: UTF8.self), count: 1)
        }
    }

    /// How many of the members kept are spelt nearly like a field of their object, by the field's path.
    mutating func misspeltFields() -> [String: Int] {
        var counts: [String: Int] = [:]
        for unknown in unknownNames.values {
            var paths = [String: String]()
            for index in program.objects[unknown.object].fields {
                let name = String(decoding: program.names[index].text.buffer, as: UTF8.self)
                paths[name] = program.paths[Int(program.fields[index].path)]
            }
            if unknown.object == program.root { paths[Contract.stateSecret] = Contract.stateSecret }
            guard let near = Spelling.nearest(to: unknown.name, among: Set(paths.keys)) else { continue }
            counts[paths[near] ?? near, default: 0] += unknown.count
        }
        return counts
    }
}
