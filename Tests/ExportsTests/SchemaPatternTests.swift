import Contracts
import Foundation
import Testing

@testable import Exports

/// Whether a pattern, as a validator applies it, is found in a text; by ICU, which knows \uXXXX and judges code points.
func isFound(_ pattern: String, in text: String) throws -> Bool {
    let expression = try NSRegularExpression(pattern: pattern)
    return expression.firstMatch(in: text, range: NSRange(location: 0, length: text.utf16.count)) != nil
}

@Suite("Schema patterns")
struct SchemaPatternTests {
    /// Refused by a check that no pattern says.
    private static let checkDigits: Set<String> = ["0300588568", "1300588569", "0300588659", "9900000015"]

    @Test(
        "an identifier's pattern agrees with its check on every example of its table",
        arguments: IdentifierKind.allCases)
    func identifiers(kind: IdentifierKind) throws {
        #expect(!kind.examples.isEmpty)
        for example in kind.examples {
            let matches = try SchemaPattern.identifier(kind).allSatisfy {
                try isFound(SchemaPattern.whole($0, required: true), in: example.text)
            }
            let beyondPattern = Self.checkDigits.contains(example.text) && matches
            #expect(matches == example.isValid || beyondPattern, "\(example.text): \(example.why)")
            #expect(!beyondPattern || SchemaPattern.identifierComment(kind) != nil, "what is checked beyond is said")
        }
    }

    @Test(
        "a contract's pattern keeps its meaning",
        arguments: [
            (#"^\d{2}$"#, "[0-9]{2}"), (#"^[\d.]+$"#, "[0-9.]+"), (#"^a\-b\/c$"#, "a-b/c"),
            (#"^[a\-z]$"#, #"[a\-z]"#), (#"^\.\\$"#, #"\.\\"#),
            (#"^(a|b)\t$"#, #"(a|b)\u0009"#), ("^.*/[Đđ]$", #"[^\u000A\u000D\u2028\u2029]*/[Đđ]"#),
            // Where the meaning rests on NFC, which validators do not make.
            ("^.$", nil), ("^.{2}$", nil), ("^[^e]+$", nil), ("^[aế]$", nil), ("^[A-Đ]$", nil), ("^e\u{301}$", nil),
        ] as [(String, String?)])
    func contractPatterns(pattern: String, body: String?) {
        #expect(SchemaPattern.body(ofContractPattern: pattern) == body)
    }

    @Test(
        "a literal is found in each of its canonically equivalent spellings, and in no other",
        arguments: ["Bộ Y tế", "\u{1ED9}", "c++", "Đặng (ngữ)"])
    func literals(text: String) throws {
        let decomposed = text.decomposedStringWithCanonicalMapping
        let pattern = SchemaPattern.whole(SchemaPattern.literal(text), required: true)
        #expect(try isFound(pattern, in: text))
        #expect(try isFound(pattern, in: decomposed))
        #expect(try !isFound(pattern, in: decomposed + "\u{301}"))
    }

    @Test("letters of a contract's pattern are found in each spelling", arguments: ["Bộ", "Bộộ"])
    func contractLetters(text: String) throws {
        let body = try #require(SchemaPattern.body(ofContractPattern: "^Bộ+$"))
        #expect(try isFound(SchemaPattern.whole(body, required: true), in: text.decomposedStringWithCanonicalMapping))
    }

    @Test(
        "marks stand in any order that means the same",
        arguments: ["ộ", "o\u{323}\u{302}", "o\u{302}\u{323}", "ọ\u{302}", "ô\u{323}"])
    func orders(spelling: String) throws {
        let pattern = SchemaPattern.whole(SchemaPattern.literal("ộ"), required: true)
        #expect(try isFound(pattern, in: spelling))
        #expect(try !isFound(pattern, in: "o\u{323}"))
    }

    @Test(
        "a bound of dates compares whole and partial dates as the decoder does",
        arguments: [
            ("1945-09-02", true), ("1945-09-01", false), ("1945-10-01", true), ("1946-01-01", true),
            ("1944-12-31", false), ("2024", true), ("1945", true), ("1944", false), ("1945-09", true),
            ("1945-08", false), ("1945-10", true),
        ])
    func lowerBound(text: String, isAllowed: Bool) throws {
        func isAllowedBy(_ form: String, partial: Bool) throws -> Bool {
            let bound = SchemaPattern.date(notBefore: "1945-09-02", partial: partial)
            return try [form, bound].allSatisfy { try isFound(SchemaPattern.whole($0, required: true), in: text) }
        }
        #expect(try isAllowedBy(SchemaPattern.partialDate, partial: true) == isAllowed)
        #expect(try isAllowedBy(SchemaPattern.date, partial: false) == (isAllowed && text.count == 10))
    }

    @Test(
        "a length counts letters with their marks as one",
        arguments: [
            ("", false), (" ", false), ("a", false), ("ab", true), ("abcd", true), ("abcde", false),
            ("e\u{302}\u{323}a", true), ("e\u{302}e\u{302}e\u{302}e\u{302}", true), (" ab ", true), ("a ", false),
            ("a b", true), ("a\u{0}b", false),
        ])
    func lengths(text: String, isAllowed: Bool) throws {
        let pattern = SchemaPattern.whole(SchemaPattern.length(2...4), required: true)
        #expect(try isFound(pattern, in: text) == isAllowed)
    }
}
