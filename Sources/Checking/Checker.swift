// A file's records judged as the worker will judge them, without a broker or a database.
package import Contracts
import Foundation
package import Model

package struct CheckOptions: Sendable {
    /// Nil: told by the file itself.
    package var format: InputFormat?
    /// Lines are `key<TAB>value`, as `kcat -K '\t' -Z` sends them; only of NDJSON.
    package var withKey = false
    /// Now, against which a timestamp version is judged; milliseconds since 1970-01-01 UTC.
    package var nowMilliseconds: Int64
    /// Read at once.
    var blockBytes = 4 << 20
    /// A longer record is `too-large` unread; a state secret in it is not looked for.
    var recordBytesMax = Self.recordBytesStandard

    /// Far beyond `Limits.recordBytesMax`, so that a record that is merely too large is still looked through for its
    /// secrecy, and no broker takes one of this size.
    package static let recordBytesStandard = 16 << 20

    package init(format: InputFormat? = nil, withKey: Bool = false, nowMilliseconds: Int64) {
        self.format = format
        self.withKey = withKey
        self.nowMilliseconds = nowMilliseconds
    }
}

/// How far a check has come.
package struct CheckProgress: Sendable {
    package let bytes: Int64
    package let records: Int
}

/// Checks one file against one topic's contract.
package struct Checker {
    private let definition: TopicDefinition
    private let codeLists: CodeLists
    private let options: CheckOptions

    /// Throws where the options contradict each other.
    package init(_ definition: TopicDefinition, codeLists: CodeLists, options: CheckOptions) throws(UserError) {
        if options.withKey, let format = options.format, format != .ndjson {
            throw UserError(
                action: "checking", subject: definition.name.rawValue, cause: "only lines can have a key before them",
                nextStep: "leave out --with-key, or give --input ndjson", status: .usage)
        }
        self.definition = definition
        self.codeLists = codeLists
        self.options = options
    }

    /// Reads the source to its end.
    /// - Parameters:
    ///   - name: the file's, for its extension and for messages.
    ///   - tell: each refusal and warning, in the order of the file.
    ///   - progress: some thousand records apart.
    /// Throws where the source is no text in UTF-8, is empty, has no header of the contract's fields, or breaks off.
    package func check(
        _ source: any ByteSource, name: String, tell: @escaping (CheckFinding) -> Void = { _ in },
        progress: @escaping (CheckProgress) -> Void = { _ in }
    ) throws(UserError) -> CheckAccount {
        var window = ByteWindow(source, blockBytes: options.blockBytes, bytesMax: options.recordBytesMax)
        try skipByteOrderMark(&window, name: name)
        let format = try format(of: &window, name: name)
        var judge = RecordJudge(
            try RecordDecoder(definition, codeLists: codeLists), nowMilliseconds: options.nowMilliseconds, tell: tell)
        switch format {
        case .ndjson: try readLines(&window, &judge, progress)
        case .array: try readArray(&window, &judge, progress)
        case .csv: try readRows(&window, &judge, name: name, progress)
        }
        return judge.finish()
    }

    private func skipByteOrderMark(_ window: inout ByteWindow, name: String) throws(UserError) {
        while window.count < Self.sniffedBytesMin, try window.grow() == .grown {}
        let mark = InputFormat.byteOrderMark
        if window.slice(0..<window.count).starts(with: mark) {
            window.consume(mark.count)
            if options.withKey, window.count > 0 {
                throw InputFormat.failure(
                    name, "it begins with a byte order mark, which would become part of the first key",
                    "write it in UTF-8 without the mark")
            }
        }
        try InputFormat.refuseForeign(window.slice(0..<window.count), name: name)
    }

    /// The longest mark of a foreign format.
    private static let sniffedBytesMin = 4

    private func format(of window: inout ByteWindow, name: String) throws(UserError) -> InputFormat {
        // The first line tells; blank lines before it may fill a small block.
        while !Self.holdsLine(window.slice(0..<window.count)), try window.grow() == .grown {}
        let detected = try InputFormat.detect(window.slice(0..<window.count), name: name)
        let format = options.withKey ? .ndjson : options.format ?? detected
        if format == .ndjson { try InputFormat.refuseReturns(window.slice(0..<window.count), name: name) }
        return format
    }

    /// A line with the byte after it, which tells whether the next line is a record of its own.
    private static func holdsLine(_ start: UnsafeRawBufferPointer) -> Bool {
        guard let first = start.firstIndex(where: { !InputFormat.isBlank($0) }), let base = start.baseAddress else {
            return false
        }
        guard let found = memchr(base + first, 0x0A, start.count - first) else { return false }
        return UnsafeRawPointer(found) - base + 1 < start.count
    }

    private static let progressEvery = 4096

    private func readLines(
        _ window: inout ByteWindow, _ judge: inout RecordJudge, _ progress: (CheckProgress) -> Void
    ) throws(UserError) {
        var lines = LineSplitter()
        while let line = try lines.next(in: &window) {
            if line.isTooLarge {
                judge.refuseUnread(line: line.number)
            } else {
                judgeLine(window.slice(line.range), line.number, &judge)
            }
            if judge.records % Self.progressEvery == 0 {
                progress(CheckProgress(bytes: window.consumedBytes, records: judge.records))
            }
        }
    }

    private func judgeLine(_ bytes: UnsafeRawBufferPointer, _ number: Int, _ judge: inout RecordJudge) {
        guard options.withKey else {
            if bytes.allSatisfy(InputFormat.isBlank) { return }
            return judge.judge(bytes, line: number)
        }
        // As kcat sends it: a carriage return before the line feed belongs to the value.
        if bytes.isEmpty { return }
        guard let tab = bytes.firstIndex(of: UInt8(ascii: "\t")) else {
            return judge.judge(key: nil, value: bytes, line: number)
        }
        let value = UnsafeRawBufferPointer(rebasing: bytes[(tab + 1)...])
        judge.judge(
            key: UnsafeRawBufferPointer(rebasing: bytes[..<tab]), value: value.isEmpty ? nil : value, line: number)
    }

    private func readArray(
        _ window: inout ByteWindow, _ judge: inout RecordJudge, _ progress: (CheckProgress) -> Void
    ) throws(UserError) {
        var elements = ArraySplitter()
        while let element = try elements.next(in: &window) {
            switch element.kind {
            case .record(let range): judge.judge(window.slice(range), line: element.line)
            case .tooLarge: judge.refuseUnread(line: element.line)
            case .malformed(let malformation): judge.refuse(malformation, line: element.line)
            }
            if judge.records % Self.progressEvery == 0 {
                progress(CheckProgress(bytes: window.consumedBytes, records: judge.records))
            }
        }
    }

    private func readRows(
        _ window: inout ByteWindow, _ judge: inout RecordJudge, name: String, _ progress: (CheckProgress) -> Void
    ) throws(UserError) {
        var rows = RowSplitter()
        let header = try CSVHeader.read(&rows, &window, contract: definition.contract, name: name)
        judge.account(of: header.account)
        var writer = RowWriter(header)
        while let row = try rows.next(in: &window) {
            switch row.kind {
            case .cells where rows.cells.count < header.columnCount: judge.refuse(.fewerCells, line: row.line)
            case .cells where rows.cells.count > header.columnCount: judge.refuse(.moreCells, line: row.line)
            case .cells: judge.judge(writer.write(rows.cells, of: window.bytes), line: row.line)
            case .tooLarge: judge.refuseUnread(line: row.line)
            case .malformed(let malformation): judge.refuse(malformation, line: row.line)
            }
            if judge.records % Self.progressEvery == 0 {
                progress(CheckProgress(bytes: window.consumedBytes, records: judge.records))
            }
        }
    }
}
