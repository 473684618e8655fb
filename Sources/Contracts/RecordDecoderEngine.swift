// The decoder's hot path: one record's bytes judged, field by field, and encoded. Trivial values and plain pointers
// only: a good record allocates nothing and counts no reference.
import CSimdjson
import CXXHash
import Foundation
import Model

struct RecordInput {
    let key: UnsafeRawBufferPointer?
    /// There is no key; the one that the value's key fields make stands for it.
    var keyIsOfValue = false
    let value: UnsafeRawBufferPointer?
    let valueIsPadded: Bool
    let headersByteCount: Int
    let timestampMilliseconds: Int64?
    let tombstoneVersion: [UInt8]?
}

/// A field's value after it was judged.
struct Slot {
    var isPresent: Bool
    /// Of a date: the day is known.
    var isWhole: Bool
    /// Text, trimmed and in NFC; of a value for jsonb, nothing.
    var text: TextBytes
    /// Integer; boolean as 0 and 1; day since 1970; microseconds since 1970; of a value for jsonb, its range in `json`.
    var number: Int64
}

/// The fingerprint of bytes by which repeated records are told from conflicting ones (XXH3; not against forgers).
package func contentHash(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    lt_hash64(bytes.baseAddress, bytes.count, 0)
}

/// What of a key may stand beside a dead letter in clear: enough to spare most records a fingerprint, too little to find
/// the key by, the less without the seed.
/// - Returns: 0 to 65,535.
package func keyHint(of key: UnsafeRawBufferPointer, seed: UInt64) -> Int32 {
    Int32(truncatingIfNeeded: lt_hash64(key.baseAddress, key.count, seed) & 0xFFFF)
}

/// All its methods are mutating, even those that change nothing: a borrowing call from a mutating one copies the whole
/// structure to the stack first (seen in Swift 6.3's code, a tenth of the time).
struct RecordEngine: ~Copyable {
    static let paddingBytes = lt_json_padding()
    private static let composedCapacity = Limits.recordBytesMax * TextNormalisation.growthMax

    let program: RecordProgram
    let fields: UnsafeMutablePointer<FieldStep>
    /// The names of `fields`, apart so that looking for one touches little memory.
    let names: UnsafeMutablePointer<Word>
    /// Where on the tape each field of `program.fields` stands in the object at hand; 0 where it does not.
    let found: UnsafeMutablePointer<Int32>
    let slots: UnsafeMutablePointer<Slot>
    /// Counts of a list rule: flags seen, or items that lack all fields.
    let ruleStates: UnsafeMutablePointer<Int32>
    let childCounts: UnsafeMutablePointer<Int32>
    private let parser: OpaquePointer
    /// Copies of values that are not padded.
    let padded: UnsafeMutableRawPointer
    /// Texts of this record that NFC changed; room for all of a record's text, never moved.
    private let composed: UnsafeMutablePointer<UInt8>
    var composedCount = 0
    /// No text of the record needs a look for NUL or NFC.
    var isPlain = false
    /// Texts of values for jsonb of this record.
    var json = ByteArena(capacity: 1 << 12)
    var isWritingJSON = false
    /// The last microsecond since 1970 that this record's timestamp version may name.
    var versionBound = Int64.max
    /// Where on the tape the date stands whose period is at hand; 0 for none.
    var periodPlace = 0
    var period = CodeLists.Period.any
    /// Of the list's item at hand, from 1.
    var itemPosition: Int32 = 0
    /// Texts compared for uniqueness in the lists at hand.
    var uniqueTexts: [TextBytes] = []
    var tape: Tape
    var childRows: [ChildRow] = []
    var warnings: [QualityWarning] = []
    var unknownFieldCount = 0
    /// The members of the record at hand are in `found`: it was parsed, and is no state secret.
    private(set) var isRead = false
    /// Of the record that was refused last, where it can be told.
    private(set) var refusedVersion: Int64?
    /// Of a file's check only: the worker keeps none.
    var keepsUnknownNames = false
    /// By a hash of object and name; not cleared by `reset`.
    var unknownNames: [UInt64: UnknownName] = [:]

    init(_ program: RecordProgram) throws(UserError) {
        guard let parser = lt_json_parser_make(Limits.recordBytesMax) else {
            throw UserError(
                action: "making a decoder of", subject: program.topic,
                cause: "no memory for a JSON parser of \(Limits.recordBytesMax) bytes",
                nextStep: "give the process more memory or run fewer lanes", status: .unavailable
            )
        }
        self.parser = parser
        self.program = program
        // Every contract has a key and hence a field: no table is empty.
        fields = program.fields.baseAddress.unsafelyUnwrapped
        names = program.names.baseAddress.unsafelyUnwrapped
        found = .allocate(capacity: program.fields.count)
        found.initialize(repeating: 0, count: program.fields.count)
        let nothing = TextBytes(program.names[0].text.start, 0)
        slots = .allocate(capacity: program.slotCount)
        slots.initialize(
            repeating: Slot(isPresent: false, isWhole: false, text: nothing, number: 0), count: program.slotCount
        )
        ruleStates = .allocate(capacity: program.ruleStateCount)
        ruleStates.initialize(repeating: 0, count: program.ruleStateCount)
        childCounts = .allocate(capacity: program.children.count)
        childCounts.initialize(repeating: 0, count: program.children.count)
        padded = .allocate(byteCount: Limits.recordBytesMax + Self.paddingBytes, alignment: 64)
        composed = .allocate(capacity: Self.composedCapacity + Self.paddingBytes)
        tape = Tape(words: UnsafePointer(bitPattern: 8).unsafelyUnwrapped, strings: nothing.start)
    }

    deinit {
        lt_json_parser_free(parser)
        found.deallocate()
        slots.deallocate()
        ruleStates.deallocate()
        childCounts.deallocate()
        padded.deallocate()
        composed.deallocate()
    }

    mutating func reset() {
        childRows.removeAll(keepingCapacity: true)
        warnings.removeAll(keepingCapacity: true)
        unknownFieldCount = 0
    }

    /// Judges one record; a refused one leaves nothing in arena, rows and warnings.
    mutating func decode(_ input: RecordInput, into arena: inout ByteArena) -> Verdict {
        let arenaMark = arena.count
        let rowMark = childRows.count
        let warningMark = warnings.count
        let unknownMark = unknownFieldCount
        do throws(Fault) {
            guard let value = input.value else { return .tombstone(try decodeTombstone(input, into: &arena)) }
            return .record(try decodeRecord(input, value, into: &arena))
        } catch {
            refusedVersion = version(ofRefused: input, error, into: &arena)
            arena.truncate(to: arenaMark)
            childRows.removeSubrange(rowMark...)
            warnings.removeSubrange(warningMark...)
            unknownFieldCount = unknownMark
            return .refused(refusal(error))
        }
    }

    private mutating func refusal(_ fault: Fault) -> Refusal {
        var field = fault.path < 0 ? nil : program.paths[Int(fault.path)]
        if case .tombstoneVersion = fault.rule { field = "ce_sourceversion" }
        return Refusal(fault.reason, field: field, rule: fault.rule.description)
    }

    /// A day beyond the record's Kafka time; without that time there is no bound.
    static func versionBound(timestampMilliseconds: Int64?) -> Int64 {
        guard let timestampMilliseconds, timestampMilliseconds >= 0 else { return .max }
        let (microseconds, isBeyond) = timestampMilliseconds.multipliedReportingOverflow(by: 1_000)
        let (bound, isPast) = microseconds.addingReportingOverflow(Limits.versionAheadMicroseconds)
        return isBeyond || isPast ? .max : bound
    }

    // MARK: Records

    private mutating func decodeRecord(
        _ input: RecordInput, _ value: UnsafeRawBufferPointer, into arena: inout ByteArena
    ) throws(Fault) -> DecodedRecord {
        composedCount = 0
        periodPlace = 0
        json.removeAll()
        isWritingJSON = false
        versionBound = Self.versionBound(timestampMilliseconds: input.timestampMilliseconds)
        if program.children.count + program.ruleStateCount > 0 { clearCounts() }
        try readObject(input, value)
        try matchKey(input)
        composedCount = 0  // the key's fields are read again
        let rowMark = childRows.count
        let childrenMark = arena.count
        try judge(object: program.root, into: &arena)
        let warningMark = warnings.count
        try judgeRules()
        let keyMark = arena.count
        encode(program.keyColumns, into: &arena)
        let contentMark = arena.count
        encode(program.contentColumns, into: &arena)
        let content = contentMark..<arena.count
        return DecodedRecord(
            key: keyMark..<contentMark, content: content, children: rowMark..<childRows.count,
            warnings: warningMark..<warnings.count, version: slots[program.versionSlot].number,
            contentHash: hash(content: content, children: childrenMark..<keyMark, in: arena)
        )
    }

    private mutating func clearCounts() {
        childCounts.update(repeating: 0, count: program.children.count)
        ruleStates.update(repeating: 0, count: program.ruleStateCount)
    }

    /// Of the content; then of the children's bytes and how many rows each child table has, since bytes alone do
    /// not tell the tables apart.
    private mutating func hash(content: Range<Int>, children: Range<Int>, in arena: borrowing ByteArena) -> UInt64 {
        let hash = contentHash(of: arena[content])
        if program.children.isEmpty { return hash }
        let rows = arena[children]
        let counts = UnsafeRawBufferPointer(
            start: childCounts, count: program.children.count * MemoryLayout<Int32>.stride)
        return lt_hash64(counts.baseAddress, counts.count, lt_hash64(rows.baseAddress, rows.count, hash))
    }

    /// Parses the value and finds the root's members. Ends with the reasons of the bytes, a state secret before them.
    private mutating func readObject(_ input: RecordInput, _ value: UnsafeRawBufferPointer) throws(Fault) {
        isRead = false
        let size = (input.key?.count ?? 0) + value.count + input.headersByteCount
        if value.count > Limits.recordBytesMax {
            try refuseSecret(tooLarge: value)
            throw Fault(.tooLarge, .recordBytesMax)
        }
        let document = parse(value, isPadded: input.valueIsPadded)
        var isObject = false
        // A document that was parsed has both.
        if document.parsed, let words = document.tape, let strings = document.strings {
            tape = Tape(words: words, strings: strings)
            isObject = tape.kind(Tape.rootValue) == Tape.Kind.object
            if isObject { try find(membersOf: program.root, at: Tape.rootValue, isRoot: true) }
            isRead = isObject
        }
        if size > Limits.recordBytesMax { throw Fault(.tooLarge, .recordBytesMax) }
        // Most values leave so much room that their keys, which are parts of them, need no count.
        if input.keyIsOfValue, isObject, size > Limits.recordBytesMax / (1 + TextNormalisation.growthMax),
            size + keyByteCount() > Limits.recordBytesMax
        {
            throw Fault(.tooLarge, .recordBytesMax)
        }
        if !document.parsed && !lt_json_is_utf8(value.baseAddress, value.count) { throw Fault(.notUTF8, .utf8) }
        if let key = input.key { try judgeUTF8(key) }
        if !document.parsed { throw Fault(.notJSON, .json) }
        if !isObject { throw Fault(.notAnObject, .object) }
    }

    private mutating func parse(_ value: UnsafeRawBufferPointer, isPadded: Bool) -> lt_json_document {
        guard let start = value.baseAddress, !value.isEmpty else {
            return lt_json_document(parsed: false, is_plain: false, tape: nil, strings: nil)
        }
        var bytes = start
        if !isPadded {
            padded.copyMemory(from: start, byteCount: value.count)
            bytes = UnsafeRawPointer(padded)
        }
        let document = lt_json_parse(parser, bytes, value.count)
        isPlain = document.is_plain
        return document
    }

    /// A value beyond the bound is parsed for its secrecy alone, in memory that is given back at once. Where memory
    /// is short it cannot be parsed, and hence not be judged secret.
    @inline(never)
    private mutating func refuseSecret(tooLarge value: UnsafeRawBufferPointer) throws(Fault) {
        guard let large = lt_json_parser_make(value.count) else { return }
        defer { lt_json_parser_free(large) }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: value.count + Self.paddingBytes, alignment: 64)
        defer { copy.deallocate() }
        copy.copyMemory(from: value)
        let document = lt_json_parse(large, copy.baseAddress, value.count)
        guard document.parsed, let words = document.tape, let strings = document.strings else { return }
        tape = Tape(words: words, strings: strings)
        guard tape.kind(Tape.rootValue) == Tape.Kind.object else { return }
        try find(membersOf: program.root, at: Tape.rootValue, isRoot: true)
    }

    mutating func judgeUTF8(_ key: UnsafeRawBufferPointer) throws(Fault) {
        guard let start = key.baseAddress, !key.isEmpty else { return }
        if TextNormalisation.isASCIIWithoutNUL(TextBytes(start.assumingMemoryBound(to: UInt8.self), key.count)) {
            return
        }
        if !lt_json_is_utf8(start, key.count) { throw Fault(.notUTF8, .utf8) }
    }

    /// Notes where the object's members stand; of members of one name the first counts. A partner's records keep
    /// their order and leave some out, so a name is looked for from the member after the last one found.
    private mutating func find(membersOf object: Int, at index: Int, isRoot: Bool) throws(Fault) {
        // A copy that no store into `found` can be thought to change.
        let tape = tape
        let range = program.objects[object].fields
        let names = names + range.lowerBound
        let places = found + range.lowerBound
        let count = range.count
        places.update(repeating: 0, count: count)
        var expected = 0
        var index = index &+ 1
        while tape.kind(index) == Tape.Kind.string {
            let name = tape.string(index)
            index &+= 1
            var member = expected
            if member >= count || !names[member].isEqual(toReadable: name) {
                member = Self.member(name, among: names, count: count, from: expected)
            }
            if member < count {
                if places[member] == 0 { places[member] = Int32(truncatingIfNeeded: index) }
                expected = member &+ 1
            } else {
                try pass(unknown: name, at: index, of: object, isRoot: isRoot)
            }
            index = tape.after(index)
        }
    }

    /// The member of that name, looked for from `expected` on and round; `count` for none.
    @inline(never)
    private static func member(
        _ name: TextBytes, among names: UnsafeMutablePointer<Word>, count: Int, from expected: Int
    ) -> Int {
        var member = expected
        while member < count {
            if names[member].isEqual(toReadable: name) { return member }
            member &+= 1
        }
        member = 0
        while member < expected {
            if names[member].isEqual(toReadable: name) { return member }
            member &+= 1
        }
        return count
    }

    /// A member that the contract does not name.
    @inline(never)
    private mutating func pass(unknown name: TextBytes, at index: Int, of object: Int, isRoot: Bool) throws(Fault) {
        if isRoot, Self.isStateSecret(name) {
            // Any occurrence counts: a secret hides behind no repeated name.
            let kind = tape.kind(index)
            if kind != Tape.Kind.false && kind != Tape.Kind.null { throw Fault(.stateSecret, .stateSecret) }
        } else {
            unknownFieldCount &+= 1
            if keepsUnknownNames { keep(unknown: name, of: object) }
        }
    }

    private static func isStateSecret(_ name: TextBytes) -> Bool {
        // `Contract.stateSecret`, as bytes that need no string.
        let secret: StaticString = "stateSecret"
        return name.isEqual(to: TextBytes(secret.utf8Start, secret.utf8CodeUnitCount))
    }

    // MARK: Key

    /// The message's key against the value's key fields, as far as they are there; what is absent or malformed is
    /// left to the field's own reason.
    mutating func matchKey(_ input: RecordInput) throws(Fault) {
        if input.keyIsOfValue { return }
        guard let key = input.key, let start = key.baseAddress, !key.isEmpty else {
            throw Fault(.missingKey, .keyPresent)
        }
        var rest = TextBytes(start.assumingMemoryBound(to: UInt8.self), key.count)
        var isEqual = true
        for (number, member) in program.keyFields.enumerated() {
            let place = found[program.objects[program.root].fields.lowerBound + member]
            guard place != 0 else { return }
            if number > 0 { isEqual = consume(TextBytes(Self.colon.utf8Start, 1), from: &rest) && isEqual }
            let isNumber = fields[program.objects[program.root].fields.lowerBound + member].kind == .integer
            switch tape.kind(Int(place)) {
            case Tape.Kind.string where !isNumber:
                let part = text(Int(place)).text
                guard part.count > 0 else { return }
                isEqual = consume(part, from: &rest) && isEqual
            case Tape.Kind.signed where isNumber:
                isEqual = consume(tape.integer(Int(place)), from: &rest) && isEqual
            default: return
            }
        }
        if !isEqual || rest.count > 0 { throw Fault(.keyMismatch, .keyEqualsValue) }
    }

    private static let colon: StaticString = ":"

    /// Of the key that the value's key fields make; 0 where one is absent or malformed, which is the field's own fault.
    private mutating func keyByteCount() -> Int {
        var size = program.keyFields.count - 1
        for member in program.keyFields {
            let index = program.objects[program.root].fields.lowerBound + member
            let place = Int(found[index])
            guard place != 0 else { return 0 }
            switch tape.kind(place) {
            case Tape.Kind.string where fields[index].kind != .integer: size += text(place).text.count
            case Tape.Kind.signed where fields[index].kind == .integer:
                size += withDecimal(tape.integer(place)) { $0.count }
            default: return 0
            }
        }
        return size
    }

    @inline(__always)
    private mutating func consume(_ part: TextBytes, from rest: inout TextBytes) -> Bool {
        guard rest.count >= part.count, TextBytes(rest.start, part.count).isEqual(to: part) else { return false }
        rest = TextBytes(rest.start + part.count, rest.count - part.count)
        return true
    }

    private mutating func consume(_ number: Int64, from rest: inout TextBytes) -> Bool {
        withDecimal(number) { digits in
            guard rest.count >= digits.count, TextBytes(rest.start, digits.count).isEqual(to: digits) else {
                return false
            }
            rest = TextBytes(rest.start + digits.count, rest.count - digits.count)
            return true
        }
    }

    // MARK: Fields

    /// The string at `index`, trimmed and in NFC.
    @inline(__always)
    mutating func text(_ index: Int) -> (text: TextBytes, hasNUL: Bool) {
        let text = TextNormalisation.trimmed(tape.string(index))
        return isPlain ? (text, false) : composed(text)
    }

    /// - Parameter text: readable, trimmed.
    @inline(never)
    mutating func composed(_ text: TextBytes) -> (text: TextBytes, hasNUL: Bool) {
        let scan = TextNormalisation.scan(readable: text)
        if scan.isSurelyNFC { return (text, scan.hasNUL) }
        // All strings of a record together are no longer than the record, and each is read once.
        precondition(composedCount + text.count * TextNormalisation.growthMax <= Self.composedCapacity, "room for NFC")
        let start = composed + composedCount
        let count = TextNormalisation.composeSlowly(text, to: start)
        composedCount += count
        return (TextBytes(UnsafePointer(start), count), scan.hasNUL)
    }

    /// Judges the members of the object whose places `find` has noted, in the contract's order.
    private mutating func judge(object: Int, into arena: inout ByteArena) throws(Fault) {
        let range = program.objects[object].fields
        if isWritingJSON { return try judgeWriting(range, into: &arena) }
        for index in range {
            let place = Int(found[index])
            let step = fields + index
            if place == 0 || tape.kind(place) == Tape.Kind.null {
                try leaveOut(step)
            } else if try !judge(step, at: place, object: range.lowerBound, into: &arena) {
                try leaveOut(step)
            }
        }
    }

    /// The same within a value for jsonb, whose text is written member by member.
    @inline(never)
    private mutating func judgeWriting(_ range: Range<Int>, into arena: inout ByteArena) throws(Fault) {
        var isFirst = true
        json.append(Self.openingBrace)
        for index in range {
            let place = Int(found[index])
            let step = fields + index
            let jsonMark = json.count
            if !isFirst { json.append(Self.comma) }
            json.append(UnsafeRawBufferPointer(step.pointee.jsonName.buffer))
            let isPresent =
                place != 0 && tape.kind(place) != Tape.Kind.null
                ? try judgeApart(step, at: place, object: range.lowerBound, into: &arena) : false
            if isPresent {
                isFirst = false
                writeJSON(step)
            } else {
                json.truncate(to: jsonMark)
                try leaveOut(step)
            }
        }
        json.append(Self.closingBrace)
    }

    @inline(__always)
    private mutating func leaveOut(_ step: UnsafeMutablePointer<FieldStep>) throws(Fault) {
        if step.pointee.isRequired {
            throw step.pointee.isVersion
                ? Fault(.versionMissing, .versionRequired, path: step.pointee.path)
                : Fault(.missingField, .required, path: step.pointee.path)
        }
        for slot in step.pointee.slot..<step.pointee.slotEnd { slots[slot].isPresent = false }
    }

    /// Judges one value and fills its slot; false where the value is an empty text, which counts as absent.
    /// - Parameter object: where the fields of the object around it begin.
    @inline(__always)
    private mutating func judge(
        _ step: UnsafeMutablePointer<FieldStep>, at place: Int, object: Int, into arena: inout ByteArena
    ) throws(Fault) -> Bool {
        switch step.pointee.kind {
        case .text: return try judgeText(step, at: place, object: object)
        case .integer:
            try judgeInteger(step, at: place)
            return true
        case .boolean:
            try judgeBoolean(step, at: place)
            return true
        case .date: return try judgeDate(step, at: place)
        case .timestamp: return try judgeTimestamp(step, at: place)
        case .decimal: return try judgeDecimal(step, at: place)
        case .object, .list:
            try judgeNested(step, at: place, into: &arena)
            return true
        }
    }

    /// The same as a call, where speed is not all.
    @inline(never)
    mutating func judgeApart(
        _ step: UnsafeMutablePointer<FieldStep>, at place: Int, object: Int, into arena: inout ByteArena
    ) throws(Fault) -> Bool {
        try judge(step, at: place, object: object, into: &arena)
    }

    @inline(never)
    private mutating func judgeNested(
        _ step: UnsafeMutablePointer<FieldStep>, at place: Int, into arena: inout ByteArena
    ) throws(Fault) {
        let jsonMark = json.count
        let begins = step.pointee.isJSON && !isWritingJSON
        // Of a value for jsonb within one, the outer text is cut in two: each is written for itself.
        if begins { isWritingJSON = true }
        defer { if begins { isWritingJSON = false } }
        if step.pointee.kind == .object {
            guard tape.kind(place) == Tape.Kind.object else {
                throw Fault(.wrongType, .objectValue, path: step.pointee.path)
            }
            try find(membersOf: step.pointee.nested, at: place, isRoot: false)
            try judge(object: step.pointee.nested, into: &arena)
        } else {
            guard tape.kind(place) == Tape.Kind.list else {
                throw Fault(.wrongType, .listValue, path: step.pointee.path)
            }
            try judgeList(step, at: place, into: &arena)
        }
        let range = UInt64(jsonMark) << 32 | UInt64(json.count)
        slots[step.pointee.slot].number = Int64(bitPattern: range)
        slots[step.pointee.slot].isPresent = true
    }

    private mutating func judgeList(
        _ step: UnsafeMutablePointer<FieldStep>, at place: Int, into arena: inout ByteArena
    ) throws(Fault) {
        // There is a list, hence the tables of lists and items are not empty.
        let list = program.lists.baseAddress.unsafelyUnwrapped + step.pointee.nested
        let items = program.items.baseAddress.unsafelyUnwrapped
        let bounds = list.pointee.itemCount
        let count = tape.itemCount(place)
        if count > bounds.upperBound {
            throw Fault(.outOfRange, .maximumItems(Int32(clamping: bounds.upperBound)), path: step.pointee.path)
        }
        if count < bounds.lowerBound {
            throw Fault(.outOfRange, .minimumItems(Int32(clamping: bounds.lowerBound)), path: step.pointee.path)
        }
        let uniqueMark = uniqueTexts.count
        defer { uniqueTexts.removeSubrange(uniqueMark...) }
        if isWritingJSON { json.append(Self.openingBracket) }
        let end = tape.after(place) &- 1
        var index = place &+ 1
        var position: Int32 = 0
        while index < end {
            if isWritingJSON && position > 0 { json.append(Self.comma) }
            position &+= 1
            try judgeItem(list, items + step.pointee.nested, at: index, position: position, into: &arena)
            index = tape.after(index)
        }
        if isWritingJSON { json.append(Self.closingBracket) }
        if list.pointee.uniqueSlot >= 0, hasTwins(from: uniqueMark) {
            throw Fault(.inconsistent, .uniqueItems, path: list.pointee.uniquePath)
        }
    }

    private mutating func judgeItem(
        _ list: UnsafeMutablePointer<ListStep>, _ item: UnsafeMutablePointer<FieldStep>, at index: Int, position: Int32,
        into arena: inout ByteArena
    ) throws(Fault) {
        let isNull = tape.kind(index) == Tape.Kind.null
        let outerPosition = itemPosition
        itemPosition = position
        let isPresent = isNull ? false : try judgeApart(item, at: index, object: 0, into: &arena)
        itemPosition = outerPosition
        guard isPresent else { throw Fault(.missingField, .required, path: item.pointee.path) }
        if isWritingJSON { writeJSON(item) }
        for rule in list.pointee.rules { count(program.listRules[rule]) }
        if list.pointee.uniqueSlot >= 0, slots[list.pointee.uniqueSlot].isPresent {
            uniqueTexts.append(slots[list.pointee.uniqueSlot].text)
        }
        for child in list.pointee.children {
            let mark = arena.count
            if program.children[child].isNested { arena.appendBigint(Int64(outerPosition)) }
            encode(program.children[child].columns, into: &arena)
            childRows.append(ChildRow(child: child, position: position, content: mark..<arena.count))
            childCounts[child] &+= 1
        }
    }

    /// What an item adds to a rule of its list.
    private mutating func count(_ rule: ListRuleStep) {
        var hasAny = false
        for index in rule.slots {
            let slot = slots[program.ruleSlots[index]]
            if slot.isPresent && (!rule.isFlagCount || slot.number != 0) { hasAny = true }
        }
        if hasAny == rule.isFlagCount { ruleStates[rule.state] &+= 1 }
    }

    /// Whether two of the texts since `mark` are the same; long lists are sorted, so that no record costs the
    /// square of its size.
    private mutating func hasTwins(from mark: Int) -> Bool {
        let count = uniqueTexts.count - mark
        if count < 2 { return false }
        if count <= 16 {
            for first in mark..<uniqueTexts.count - 1 {
                for second in first + 1..<uniqueTexts.count where uniqueTexts[first].isEqual(to: uniqueTexts[second]) {
                    return true
                }
            }
            return false
        }
        uniqueTexts[mark...].sort { left, right in
            left.count != right.count ? left.count < right.count : memcmp(left.start, right.start, left.count) < 0
        }
        for index in mark + 1..<uniqueTexts.count where uniqueTexts[index].isEqual(to: uniqueTexts[index - 1]) {
            return true
        }
        return false
    }

    static let openingBrace: StaticString = "{"
    static let closingBrace: StaticString = "}"
    static let openingBracket: StaticString = "["
    static let closingBracket: StaticString = "]"
    static let comma: StaticString = ","
}
