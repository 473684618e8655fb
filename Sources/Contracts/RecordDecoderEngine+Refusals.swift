// What can still be told of a record that is refused: its version, by which what is newer overtakes it.
import Model

extension RecordEngine {
    /// The version of a refused record whose key and version field are themselves good, whatever else is wrong with it;
    /// nil of a state secret, and where there is no such key or version. Nothing that a good record would pay for.
    @inline(never)
    mutating func version(ofRefused input: RecordInput, _ fault: Fault, into arena: inout ByteArena) -> Int64? {
        guard fault.reason != .stateSecret else { return nil }
        do throws(Fault) {
            return input.value == nil
                ? try versionOfRefusedTombstone(input) : try versionOfRefusedRecord(input, into: &arena)
        } catch {
            return nil
        }
    }

    private mutating func versionOfRefusedTombstone(_ input: RecordInput) throws(Fault) -> Int64? {
        guard (input.key?.count ?? 0) <= Limits.recordBytesMax else { return nil }
        try judgeTombstoneKey(input)
        return try tombstoneVersion(input)
    }

    /// Judges key and version anew: what was refused may stand before them in the contract's order.
    private mutating func versionOfRefusedRecord(
        _ input: RecordInput, into arena: inout ByteArena
    ) throws(Fault) -> Int64? {
        guard isRead else { return nil }
        let root = program.objects[program.root].fields.lowerBound
        for member in program.keyFields {
            guard try isGood(root + member, of: root, into: &arena) else { return nil }
        }
        composedCount = 0  // the key's fields are read again
        try matchKey(input)
        guard try isGood(program.versionField, of: root, into: &arena) else { return nil }
        return slots[program.versionSlot].number
    }

    /// Whether the root's field is there; throws what is wrong with it.
    private mutating func isGood(
        _ field: Int, of root: Int, into arena: inout ByteArena
    ) throws(Fault) -> Bool {
        composedCount = 0
        let place = Int(found[field])
        guard place != 0, tape.kind(place) != Tape.Kind.null else { return false }
        return try judgeApart(fields + field, at: place, object: root, into: &arena)
    }
}
