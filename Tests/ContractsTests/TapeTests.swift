import CSimdjson
import Testing

@testable import Contracts

@Suite("Tape")
struct TapeTests {
    @Test("strings read in place make the tape that simdjson makes, and are refused where it refuses")
    func readInPlace() throws {
        let parser = try #require(lt_json_parser_make(1 << 16))
        defer { lt_json_parser_free(parser) }
        var generator = SplitMix(seed: 5)
        var (inPlace, good, bad) = (0, 0, 0)
        for _ in 0..<12_000 {
            var text = Self.object(&generator, depth: 0)
            if generator.below(2) == 0 { Self.break(&text, &generator) }
            let memory = text + [UInt8](repeating: 0x22, count: lt_json_padding())
            memory.withUnsafeBytes { memory in
                let quick = lt_json_parse(parser, memory.baseAddress, text.count)
                let quickWords = Self.words(quick)
                if quick.parsed, quick.strings == memory.bindMemory(to: UInt8.self).baseAddress { inPlace += 1 }
                let slow = lt_json_parse_by_simdjson(parser, memory.baseAddress, text.count)
                #expect(quickWords == Self.words(slow), "\(String(decoding: text, as: UTF8.self))")
                if slow.parsed { good += 1 } else { bad += 1 }
            }
        }
        #expect(inPlace > 2_000 && good - inPlace > 100 && bad > 2_000)
    }

    /// Each word of the tape, with the text of a string in its place; nil where there is none.
    private static func words(_ document: lt_json_document) -> [String]? {
        guard document.parsed, let words = document.tape, let strings = document.strings else { return nil }
        let tape = Tape(words: words, strings: strings)
        let end = Int(words[0] & 0xFFFF_FFFF)
        var (index, texts) = (0, ["plain \(document.is_plain)"])
        while index < end {
            if tape.kind(index) == Tape.Kind.string {
                texts.append("\"" + String(decoding: tape.string(index).buffer, as: UTF8.self))
                index += 1
            } else {
                texts.append("\(words[index])")
                // The word of a number is followed by its value.
                if [Tape.Kind.signed, Tape.Kind.unsigned, Tape.Kind.double].contains(tape.kind(index)) {
                    index += 1
                    texts.append("\(words[index])")
                }
                index += 1
            }
        }
        return texts
    }

    private static let blanks = ["", "", "", "", " ", "\n", "\t \r"]
    private static let scalars = [
        "true", "false", "null", "0", "-0", "7", "-12", "01", "123456789012345678", "-999999999999999999",
        "1234567890123456789", "9223372036854775808", "99999999999999999999", "1.5", "2e3", "-", "truest", "nul", "1a",
    ]
    private static let texts = [
        "", "a", "tên", "Thị Nghiệm", "{}[],:", "it's", "u\u{303}", "\\n", "\\u0041", "\\\\", "😀", "x  ", "\t",
    ]

    private static func string(_ generator: inout SplitMix) -> String { "\"\(texts[generator.below(texts.count)])\"" }

    private static func value(_ generator: inout SplitMix, depth: Int) -> [UInt8] {
        let kind = generator.below(depth > 18 ? 8 : 12)
        if kind < 6 { return Array(string(&generator).utf8) }
        // Those that no document may have come last, and seldom.
        if kind < 8 { return Array(scalars[generator.below(generator.below(20) == 0 ? scalars.count : 7)].utf8) }
        if kind < 10 { return object(&generator, depth: depth + 1) }
        var list = Array("[".utf8)
        for index in 0..<generator.below(4) {
            list += index > 0 ? Array(",".utf8) : []
            list += value(&generator, depth: depth + 1)
        }
        return list + Array("]".utf8)
    }

    private static func object(_ generator: inout SplitMix, depth: Int) -> [UInt8] {
        func blank() -> [UInt8] { Array(blanks[generator.below(blanks.count)].utf8) }
        // Now and then a chain of objects deeper than what is read in place.
        if depth == 0, generator.below(20) == 0 {
            let levels = generator.below(30)
            return Array((String(repeating: "{\"a\":", count: levels) + "{}").utf8)
                + Array(String(repeating: "}", count: levels).utf8)
        }
        var object = blank() + Array("{".utf8) + blank()
        for index in 0..<generator.below(6) {
            object += (index > 0 ? Array(",".utf8) : []) + blank() + Array(string(&generator).utf8) + blank()
            object += Array(":".utf8) + blank() + value(&generator, depth: depth + 1) + blank()
        }
        return object + Array("}".utf8) + blank()
    }

    private static func `break`(_ text: inout [UInt8], _ generator: inout SplitMix) {
        let signs = Array("{}[],:\"\\ 1-t\u{301}".utf8)
        let place = generator.below(text.count)
        switch generator.below(3) {
        case 0: text.remove(at: place)
        case 1: text.insert(signs[generator.below(signs.count)], at: place)
        default: text[place] = signs[generator.below(signs.count)]
        }
    }
}

extension SplitMix {
    fileprivate mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
}
