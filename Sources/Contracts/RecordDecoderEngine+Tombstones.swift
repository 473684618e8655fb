// Tombstones: a key alone, judged by its fields' rules, and perhaps a version in a header.
import Model

extension RecordEngine {
    mutating func decodeTombstone(_ input: RecordInput, into arena: inout ByteArena) throws(Fault) -> DecodedTombstone {
        if (input.key?.count ?? 0) + input.headersByteCount > Limits.recordBytesMax {
            throw Fault(.tooLarge, .recordBytesMax)
        }
        try judgeTombstoneKey(input)
        let version = try tombstoneVersion(input)
        let mark = arena.count
        encode(program.keyColumns, into: &arena)
        return DecodedTombstone(key: mark..<arena.count, version: version)
    }

    /// Of a key no longer than a record may be.
    mutating func judgeTombstoneKey(_ input: RecordInput) throws(Fault) {
        composedCount = 0
        if let key = input.key { try judgeUTF8(key) }
        guard let key = input.key, let start = key.baseAddress, !key.isEmpty else {
            throw Fault(.missingKey, .keyPresent)
        }
        // Where it is readable beyond its end, as the parser's strings are.
        padded.copyMemory(from: start, byteCount: key.count)
        try judgeParts(TextBytes(UnsafePointer(padded.assumingMemoryBound(to: UInt8.self)), key.count))
    }

    private mutating func judgeParts(_ key: TextBytes) throws(Fault) {
        let members = program.keyFields
        // The key of a single field is that field, whatever is in it.
        let parts = members.count == 1 ? 1 : key.buffer.count { $0 == UInt8(ascii: ":") } + 1
        guard parts == members.count else { throw Fault(.keyMismatch, .keyParts) }
        var rest = key
        for member in members {
            let index = parts == 1 ? nil : rest.buffer.firstIndex(of: UInt8(ascii: ":"))
            let part = TextBytes(rest.start, index ?? rest.count)
            rest = index.map { TextBytes(rest.start + $0 + 1, rest.count - $0 - 1) } ?? TextBytes(rest.start, 0)
            try judge(part: part, fields + program.objects[program.root].fields.lowerBound + member)
        }
    }

    private mutating func judge(part: TextBytes, _ step: UnsafeMutablePointer<FieldStep>) throws(Fault) {
        let (text, hasNUL) = composed(TextNormalisation.trimmed(part))
        guard text.count > 0 else { throw Fault(.missingField, .required, path: step.pointee.path) }
        // A record's key is its normalised fields: any other writing names no record.
        guard text.isEqual(to: part) else { throw Fault(.keyMismatch, .keyEqualsValue) }
        switch step.pointee.kind {
        case .text:
            if hasNUL { throw Fault(.wrongFormat, .noNUL, path: step.pointee.path) }
            try judge(text, step, object: -1)
            fill(step, text: text)
        case .date: try fill(step, date: text)
        case .integer:
            guard let value = wholeNumber(text.buffer) else {
                throw Fault(.wrongFormat, .wholeNumber, path: step.pointee.path)
            }
            try fill(step, integer: value)
        case .boolean, .decimal, .timestamp, .object, .list:
            preconditionFailure("the compiler admits no such field to a key")
        }
    }

    /// A number as `withDecimal` writes it, since another writing would be another key.
    private mutating func wholeNumber(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard let value = Int64(String(decoding: bytes, as: UTF8.self)) else { return nil }
        return withDecimal(value) { $0.buffer.elementsEqual(bytes) } ? value : nil
    }

    /// The header's version, in the form of the version field.
    mutating func tombstoneVersion(_ input: RecordInput) throws(Fault) -> Int64? {
        guard let header = input.tombstoneVersion else { return nil }
        let version = header.withUnsafeBufferPointer { bytes -> Int64? in
            guard let start = bytes.baseAddress else { return nil }
            return program.versionIsTimestamp ? Dates.microseconds(TextBytes(start, bytes.count)) : wholeNumber(bytes)
        }
        guard let version else { throw Fault(.wrongFormat, .tombstoneVersion) }
        let isBeyond =
            program.versionIsTimestamp
            ? version > Self.versionBound(timestampMilliseconds: input.timestampMilliseconds)
            : version < 1 || version > program.versionMaximum
        if isBeyond { throw Fault(.outOfRange, .tombstoneVersion) }
        return version
    }
}
