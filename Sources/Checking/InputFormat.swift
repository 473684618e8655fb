// Which form a file has, told by its first bytes and its name.
import Foundation
import Model

package enum InputFormat: String, Sendable, CaseIterable {
    /// One JSON value a line.
    case ndjson
    /// One JSON array of records, or a single record over several lines.
    case array
    /// With a header.
    case csv
}

extension InputFormat {
    private struct Foreign {
        let start: [UInt8]
        let cause: String
        let nextStep: String
    }

    private static let foreign = [
        Foreign(start: [0x1F, 0x8B], cause: "it is compressed with gzip", nextStep: "pipe it: zcat FILE | … -"),
        Foreign(
            start: [0x28, 0xB5, 0x2F, 0xFD], cause: "it is compressed with zstd",
            nextStep: "pipe it: zstdcat FILE | … -"),
        Foreign(
            start: [0x50, 0x4B, 0x03, 0x04], cause: "it is a zip archive or an Excel workbook",
            nextStep: "unpack it, or save the sheet as CSV in UTF-8"),
        Foreign(
            start: [0xD0, 0xCF, 0x11, 0xE0], cause: "it is an Excel workbook",
            nextStep: "save the sheet as CSV in UTF-8"),
        Foreign(start: [0xFF, 0xFE], cause: utf16, nextStep: exportUTF8),
        Foreign(start: [0xFE, 0xFF], cause: utf16, nextStep: exportUTF8),
    ]
    private static let utf16 = "its text is UTF-16"
    private static let exportUTF8 = "export it in UTF-8"
    static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Tells the form of what begins with `start`, which comes without a byte order mark.
    /// - Parameters:
    ///   - start: as much as fits a block, at most.
    ///   - name: the file's, for its extension.
    /// Throws where it is empty or no text in UTF-8.
    static func detect(_ start: UnsafeRawBufferPointer, name: String) throws(UserError) -> InputFormat {
        try refuseForeign(start, name: name)
        guard let first = start.first(where: { !isBlank($0) }) else {
            throw failure(name, "it holds no record", "check what wrote it")
        }
        let kind = (name as NSString).pathExtension.lowercased()
        switch first {
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "{"): return kind == "json" && firstLineIsOpen(start) ? .array : .ndjson
        default: return ["json", "ndjson", "jsonl"].contains(kind) ? .ndjson : .csv
        }
    }

    static func refuseForeign(_ start: UnsafeRawBufferPointer, name: String) throws(UserError) {
        for foreign in foreign where start.starts(with: foreign.start) {
            throw failure(name, foreign.cause, foreign.nextStep)
        }
        // UTF-16 without its mark: every other byte of ASCII is NUL.
        if start.count >= 2, (start[0] == 0) != (start[1] == 0) { throw failure(name, utf16, exportUTF8) }
        if start.isEmpty { throw failure(name, "it is empty", "check what wrote it") }
    }

    /// A record over several lines: its first line does not end it. Where the next line begins with a bracket of its
    /// own, the first one was cut, and lines are records all the same.
    private static func firstLineIsOpen(_ start: UnsafeRawBufferPointer) -> Bool {
        let text = start.drop { isBlank($0) }
        let line = text.prefix { $0 != UInt8(ascii: "\n") }
        guard line.count < text.count, line.last(where: { !isBlank($0) }) != UInt8(ascii: "}") else { return false }
        let isOnlyBracket = line.dropFirst().allSatisfy(isBlank)
        return isOnlyBracket || text[(line.endIndex + 1)...].first != UInt8(ascii: "{")
    }

    /// Lines that end in a carriage return alone would be one line, and one record. No JSON text has a bracket that
    /// closes, a carriage return and then anything but a comma or another such bracket.
    /// - Parameter start: with the first line feed, where there is any.
    static func refuseReturns(_ start: UnsafeRawBufferPointer, name: String) throws(UserError) {
        if start.contains(UInt8(ascii: "\n")) { return }
        var isAfterReturn = false
        var last: UInt8 = 0
        for byte in start {
            if byte == UInt8(ascii: "\r") { isAfterReturn = isAfterReturn || last == UInt8(ascii: "}") }
            if isBlank(byte) { continue }
            if isAfterReturn, !",]}".utf8.contains(byte) {
                throw failure(
                    name, "its lines end in a carriage return alone", "let them end in a line feed, as NDJSON has it")
            }
            isAfterReturn = false
            last = byte
        }
    }

    static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    static func failure(_ name: String, _ cause: String, _ nextStep: String) -> UserError {
        UserError(action: "checking", subject: name, cause: cause, nextStep: nextStep, status: .no)
    }
}
