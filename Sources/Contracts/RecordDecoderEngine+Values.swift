// Single values judged: JSON type first, then the rule's own reason.
import Foundation
import Model

extension RecordEngine {
    /// A string's text without blanks at its ends, for forms of ASCII alone: NFC makes no character into a digit or
    /// a sign of theirs.
    @inline(__always)
    private mutating func ascii(
        _ step: UnsafeMutablePointer<FieldStep>, at place: Int, _ rule: FaultRule
    ) throws(Fault) -> TextBytes {
        guard tape.kind(place) == Tape.Kind.string else { throw Fault(.wrongType, rule, path: step.pointee.path) }
        return TextNormalisation.trimmed(tape.string(place))
    }

    @inline(__always)
    mutating func judgeText(_ step: UnsafeMutablePointer<FieldStep>, at place: Int, object: Int) throws(Fault) -> Bool {
        guard tape.kind(place) == Tape.Kind.string else { throw Fault(.wrongType, .string, path: step.pointee.path) }
        let (text, hasNUL) = text(place)
        if text.count == 0 { return false }
        if hasNUL { throw Fault(.wrongFormat, .noNUL, path: step.pointee.path) }
        try judge(text, step, object: object)
        fill(step, text: text)
        return true
    }

    /// The rules of a text that is not empty.
    /// - Parameter object: where the fields of the object around it begin; -1 in a tombstone's key.
    @inline(__always)
    mutating func judge(_ text: TextBytes, _ step: UnsafeMutablePointer<FieldStep>, object: Int) throws(Fault) {
        // A text has at most as many scalars as bytes, and one that is not empty has one: most need no count.
        if text.count > step.pointee.maximumLength || step.pointee.minimumLength > 1 { try judgeLength(text, step) }
        if let pattern = step.pointee.pattern, !pattern.matches(text) {
            throw Fault(.wrongFormat, .pattern, path: step.pointee.path)
        }
        if !step.pointee.values.isEmpty {
            var isAllowed = false
            for index in step.pointee.values where program.values[index].isEqual(toReadable: text) {
                isAllowed = true
                break
            }
            if !isAllowed { throw Fault(.notInList, .values, path: step.pointee.path) }
        }
        if let identifier = step.pointee.identifier, !identifier.isValid(text) {
            throw Fault(.invalidIdentifier, .identifier(identifier), path: step.pointee.path)
        }
        if let codeList = step.pointee.codeList,
            !program.codeLists.contains(text, of: codeList, at: period(step, object: object))
        {
            throw Fault(.notInList, .codeList(codeList), path: step.pointee.path)
        }
    }

    @inline(never)
    private mutating func judgeLength(_ text: TextBytes, _ step: UnsafeMutablePointer<FieldStep>) throws(Fault) {
        let length = TextNormalisation.scalarCount(text)
        if length < step.pointee.minimumLength {
            throw Fault(
                .outOfRange, .minimumLength(Int32(clamping: step.pointee.minimumLength)), path: step.pointee.path)
        }
        if length > step.pointee.maximumLength {
            throw Fault(
                .outOfRange, .maximumLength(Int32(clamping: step.pointee.maximumLength)), path: step.pointee.path)
        }
    }

    /// The period of the date beside a code; where there is none in a tombstone's key, any.
    @inline(never)
    private mutating func period(_ step: UnsafeMutablePointer<FieldStep>, object: Int) -> CodeLists.Period {
        if object < 0 { return .any }
        if step.pointee.dateSibling < 0 { return .today }
        let place = Int(found[object + step.pointee.dateSibling])
        if place == 0 || tape.kind(place) == Tape.Kind.null { return .today }
        guard tape.kind(place) == Tape.Kind.string else { return .any }
        // An address has two codes and one date.
        if place != periodPlace {
            period = CodeLists.period(ofDate: TextNormalisation.trimmed(tape.string(place)))
            periodPlace = place
        }
        return period
    }

    mutating func judgeInteger(_ step: UnsafeMutablePointer<FieldStep>, at place: Int) throws(Fault) {
        switch tape.kind(place) {
        case Tape.Kind.signed: break
        case Tape.Kind.unsigned: throw Fault(.outOfRange, .maximum(step.pointee.maximum), path: step.pointee.path)
        default: throw Fault(.wrongType, .wholeNumber, path: step.pointee.path)
        }
        try fill(step, integer: tape.integer(place))
    }

    mutating func fill(_ step: UnsafeMutablePointer<FieldStep>, integer value: Int64) throws(Fault) {
        if value < step.pointee.minimum {
            throw Fault(.outOfRange, .minimum(step.pointee.minimum), path: step.pointee.path)
        }
        if value > step.pointee.maximum {
            throw Fault(.outOfRange, .maximum(step.pointee.maximum), path: step.pointee.path)
        }
        slots[step.pointee.slot].isPresent = true
        slots[step.pointee.slot].number = value
    }

    mutating func judgeBoolean(_ step: UnsafeMutablePointer<FieldStep>, at place: Int) throws(Fault) {
        let kind = tape.kind(place)
        guard kind == Tape.Kind.true || kind == Tape.Kind.false else {
            throw Fault(.wrongType, .boolean, path: step.pointee.path)
        }
        slots[step.pointee.slot].isPresent = true
        slots[step.pointee.slot].number = kind == Tape.Kind.true ? 1 : 0
    }

    mutating func judgeDate(_ step: UnsafeMutablePointer<FieldStep>, at place: Int) throws(Fault) -> Bool {
        let text = try ascii(step, at: place, .string)
        if text.count == 0 { return false }
        try fill(step, date: text)
        return true
    }

    mutating func fill(_ step: UnsafeMutablePointer<FieldStep>, date text: TextBytes) throws(Fault) {
        let day = Dates.day(text)
        var days = (day ?? 0)...(day ?? 0)
        if day == nil {
            guard step.pointee.isPartial else { throw Fault(.wrongFormat, .date, path: step.pointee.path) }
            guard let partial = Dates.partialDate(text) else {
                throw Fault(.wrongFormat, .partialDate, path: step.pointee.path)
            }
            days = partial.days
        }
        if Int64(days.upperBound) < step.pointee.minimum {
            throw Fault(.outOfRange, .notBefore(Int32(clamping: step.pointee.minimum)), path: step.pointee.path)
        }
        if Int64(days.lowerBound) > step.pointee.maximum {
            throw Fault(.outOfRange, .notAfter(Int32(clamping: step.pointee.maximum)), path: step.pointee.path)
        }
        slots[step.pointee.slot] = Slot(isPresent: true, isWhole: day != nil, text: text, number: Int64(day ?? 0))
    }

    mutating func judgeTimestamp(_ step: UnsafeMutablePointer<FieldStep>, at place: Int) throws(Fault) -> Bool {
        let text = try ascii(step, at: place, .string)
        if text.count == 0 { return false }
        guard let instant = Dates.microseconds(text) else {
            throw Fault(.wrongFormat, .timestamp, path: step.pointee.path)
        }
        if step.pointee.isVersion && instant > versionBound {
            throw Fault(.outOfRange, .versionAhead, path: step.pointee.path)
        }
        slots[step.pointee.slot] = Slot(isPresent: true, isWhole: true, text: text, number: instant)
        return true
    }

    mutating func judgeDecimal(_ step: UnsafeMutablePointer<FieldStep>, at place: Int) throws(Fault) -> Bool {
        let text = try ascii(step, at: place, .decimalString)
        if text.count == 0 { return false }
        guard let decimal = DecimalText(text) else { throw Fault(.wrongFormat, .decimalForm, path: step.pointee.path) }
        if decimal.fractionDigits.count > step.pointee.scale {
            throw Fault(.wrongFormat, .decimalScale(Int32(clamping: step.pointee.scale)), path: step.pointee.path)
        }
        if decimal.integerDigits.count > DecimalText.integerDigitsMax {
            throw Fault(.outOfRange, .decimalDigits, path: step.pointee.path)
        }
        if step.pointee.hasMinimum, decimal.isBelow(step.pointee.minimum) {
            throw Fault(.outOfRange, .minimum(step.pointee.minimum), path: step.pointee.path)
        }
        fill(step, text: text)
        return true
    }

    @inline(__always)
    mutating func fill(_ step: UnsafeMutablePointer<FieldStep>, text: TextBytes) {
        slots[step.pointee.slot].isPresent = true
        slots[step.pointee.slot].text = text
    }
}
