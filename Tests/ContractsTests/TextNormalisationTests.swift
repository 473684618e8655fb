import Foundation
import Testing

// Trimming and NFC: the fast look at a text must never contradict Foundation.
@testable import Contracts

@Suite("TextNormalisation")
struct TextNormalisationTests {
    @Test("a text that looks composed is so for Foundation: every scalar, alone and after a letter")
    func everyScalar() {
        var sure = 0
        for value in UInt32(1)...0x10_FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = "a" + String(scalar)
            let scan = withBytes(text) { TextNormalisation.scan(readable: $0) }
            #expect(withBytes(text) { TextNormalisation.scalarCount($0) } == 2)
            guard scan.isSurelyNFC else { continue }
            sure += 1
            if !Array(text.precomposedStringWithCanonicalMapping.utf8).elementsEqual(text.utf8) {
                Issue.record("U+\(String(value, radix: 16)) is not composed")
            }
        }
        // ASCII, Latin, Vietnamese, dashes and ideographs are among them.
        #expect(sure > 25_000)
    }

    @Test("a document that looks plain holds only texts that the look at texts finds sure, and no escape")
    func plainDocuments() {
        for value in UInt32(1)...0x10_FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            // Beyond the first of a vector's bytes, too.
            let text = String(repeating: "a", count: Int(value % 40)) + String(scalar)
            let isPlain = withBytes(text) { TextNormalisation.isPlain(document: $0.start, count: $0.count) }
            let scan = withBytes(text) { TextNormalisation.scan(readable: $0) }
            if isPlain && !scan.isSurelyNFC { Issue.record("U+\(String(value, radix: 16)) is plain and unsure") }
            if scalar == "\\" { #expect(!isPlain) }
            if (0x1E00...0x1EFF).contains(value) || (value < 0x300 && scalar != "\\") { #expect(isPlain, "\(value)") }
        }
    }

    @Test("random texts: the words' look agrees with the slow one, and with Foundation where it is sure")
    func randomTexts() {
        var generator = SplitMix(seed: 11)
        let scalars = Array(
            "aZ0 ,ếẠđĐơƯêôé–“”中\u{301}\u{302}\u{323}\u{1100}\u{1161}\u{212B}\u{2126}\u{1E9B}\u{340}\u{F900}😀ơ̂"
                .unicodeScalars)
        var sure = 0
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<Int.random(in: 0...40, using: &generator) {
                // Mostly plain, so that whole texts are sure often enough.
                let plain = Int.random(in: 0..<20, using: &generator) > 0
                text.unicodeScalars.append(scalars[Int.random(in: 0..<(plain ? 13 : scalars.count), using: &generator)])
            }
            let fast = withBytes(text) { TextNormalisation.scan(readable: $0) }
            let slow = withBytes(text) { TextNormalisation.scanSlowly($0) }
            #expect(fast == slow)
            #expect(withBytes(text) { TextNormalisation.scalarCount($0) } == text.unicodeScalars.count)
            let composed = text.precomposedStringWithCanonicalMapping
            if fast.isSurelyNFC {
                sure += 1
                #expect(Array(composed.utf8) == Array(text.utf8))
            }
            var memory = [UInt8](repeating: 0, count: text.utf8.count * TextNormalisation.growthMax + 1)
            let count = memory.withUnsafeMutableBufferPointer { memory in
                withBytes(text) { bytes in memory.baseAddress.map { TextNormalisation.composeSlowly(bytes, to: $0) } }
            }
            #expect(Array(memory.prefix(count ?? 0)) == Array(composed.utf8))
        }
        #expect(sure > 2_000)
    }

    @Test("NUL is seen at every place of texts of every length")
    func nul() {
        for length in 1...40 {
            for place in 0..<length {
                for other in ["a", "é"] {
                    var scalars = [String](repeating: other, count: length)
                    #expect(!withBytes(scalars.joined()) { TextNormalisation.scan(readable: $0) }.hasNUL)
                    scalars[place] = "\0"
                    #expect(withBytes(scalars.joined()) { TextNormalisation.scan(readable: $0) }.hasNUL)
                    #expect(!withBytes(scalars.joined()) { TextNormalisation.isASCIIWithoutNUL($0) })
                }
            }
            #expect(withBytes(String(repeating: "~", count: length)) { TextNormalisation.isASCIIWithoutNUL($0) })
        }
    }

    @Test("every white-space scalar is trimmed at both ends, none within, no other at all")
    func whiteSpace() {
        for value in UInt32(1)...0x3100 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let space = String(scalar)
            let trimmed = withBytes(space + space + "a" + space + "ế" + space) {
                String(decoding: TextNormalisation.trimmed($0).buffer, as: UTF8.self)
            }
            let expected =
                scalar.properties.isWhitespace ? "a" + space + "ế" : space + space + "a" + space + "ế" + space
            #expect(Array(trimmed.utf8) == Array(expected.utf8), "U+\(String(value, radix: 16))")
        }
        #expect(withBytes("\u{3000} \u{A0}") { TextNormalisation.trimmed($0).count } == 0)
    }
}
