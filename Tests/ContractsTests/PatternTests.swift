// Patterns: what the language matches, what it refuses and where, and that time stays linear.
import Contracts
import Foundation
import Testing

@Suite("Pattern")
struct PatternTests {
    @Test(
        "a pattern matches whole texts",
        arguments: [
            (#"^[0-9]{4,5}$"#, ["2100", "21001"], ["210", "210011", "21a0", " 2100", ""]),
            (#"^\d{2}$"#, ["01"], ["1", "011", "٠١"]),
            (#"^$"#, [""], ["a"]),
            (#"^(ab|a(?:c|d)?)$"#, ["ab", "a", "ac", "ad"], ["", "abc", "acd", "b"]),
            (#"^a*b+c?$"#, ["b", "aab", "bbbc"], ["a", "bcc", "c"]),
            (#"^a{2,}$"#, ["aa", "aaaaa"], ["a", ""]),
            (#"^a{0}b$"#, ["b"], ["ab"]),
            (#"^(a?){3}$"#, ["", "a", "aaa"], ["aaaa"]),
            (#"^[^0-9]$"#, ["a", "ế", "😀"], ["1", "", "ab"]),
            (#"^[A-ZĐ]{2,4}\/[a-ế]$"#, ["ĐN/a", "HNO/ế"], ["đn/a", "HNO/1", "H/a"]),
            (#"^.+@.+\.vn$"#, ["a@b.vn"], ["a@bvn", "a\n@b.vn"]),
            (#"^[\d.\-]+$"#, ["1.2-3"], ["1,2"]),
            (#"^[-a]$"#, ["-", "a"], ["b"]), (#"^[a-]$"#, ["-", "a"], ["b"]),
            (#"^😀+$"#, ["😀😀"], ["😀a"]),
            (#"^(|a)b$"#, ["b", "ab"], ["aab"]),
            (#"^((a*)*)*$"#, ["", "aaa"], ["b"]),
        ])
    func matching(_ text: String, _ good: [String], _ bad: [String]) throws {
        let pattern = try Pattern(text)
        for example in good { #expect(pattern.matches(example), "\(example)") }
        for example in bad { #expect(!pattern.matches(example), "\(example)") }
    }

    @Test(
        "what the language leaves out is an error with its place",
        arguments: [
            ("a$", 1), ("^a", 3), ("^a$b", 4), ("^a|b$", 3), ("^(a$", 4), ("^(ab", 2), ("^a)$", 3), (#"^\w$"#, 3),
            (#"^\1$"#, 3), (#"^\p{L}$"#, 3),
            ("^(?=a)$", 4), ("^a+?$", 4), ("^a**$", 4), ("^*a$", 2), ("^a{2$", 5), ("^a{3,2}$", 7), ("^a{1001}$", 7),
            ("^a{}$", 4),
            ("^[a$", 2), ("^[]$", 3), ("^[z-a]$", 6), (#"^[\d-a]$"#, 7), ("^[[a]]$", 3), ("^a^$", 3), ("^a}$", 3),
            ("^]$", 2), ("", 1), ("^\\", 3),
        ])
    func unsupported(_ text: String, _ position: Int) {
        let error = #expect(throws: PatternError.self) { try Pattern(text) }
        #expect(error?.position == position, "\(error.map(String.init(describing:)) ?? "")")
    }

    @Test(
        "a pattern that would need too many states is refused, not compiled for ever",
        arguments: [
            "^(a|b)*a(a|b){20}$", "^((a{1000}){1000})$", "^(((a{100}){100}){100})$",
        ])
    func bounds(_ text: String) {
        #expect(throws: PatternError.self) { try Pattern(text) }
    }

    @Test(
        "a pattern that other engines would try for ever is told from one that they would not",
        arguments: [
            ("^([A-Z]+)+$", true), ("^(A|A)*$", true), ("^(a|aa)+$", true), ("^(a*)*$", true), ("^((a*)*)*$", true),
            ("^([0-9]+,?)*$", true), ("^(.*a){2,}$", true), ("^(a|b|ab)*$", true), ("^([A-Z]{1,3})*$", true),
            ("^(a?b?)*$", true), ("^(x(a*|b)*y)?$", true), ("^([a-m]|[k-z])+$", true), ("^((a|b){2}|aba?b?)*$", true),
            ("^$", false), ("^a*a*$", false), ("^(a?)*$", false), ("^(a|)*$", false), ("^[A-Z]{1,200}$", false),
            ("^([A-Z]{2}[0-9]+)+$", false), ("^[a-z]+(-[a-z]+)*$", false), ("^(a|b)*a(a|b){3}$", false),
            ("^([0-9]{1,3},)*[0-9]$", false), ("^(ab|ba)*$", false), ("^([a-m]|[n-z])+$", false), ("^(a*b)*$", false),
            ("^(a{0,3}b?){4}$", false), ("^(()*)*$", false), ("^([a-z]{1,300}\\.)+$", false), ("^[0-9]{4,5}$", false),
        ])
    func ambiguity(_ text: String, _ isExponential: Bool) throws {
        let fault = try Pattern.ambiguity(of: text)
        #expect((fault != nil) == isExponential, "\(fault ?? "")")
        #expect(fault?.contains("expected a pattern that reads each text in one way") ?? true)
    }

    @Test("a pattern too large to judge is not judged for ever")
    func tooLarge() throws {
        let fault = try Pattern.ambiguity(of: "^(([a-z]{0,75}[a-z]?){0,75},)*$")
        #expect(fault?.contains("too large to judge") == true, "\(fault ?? "")")
    }

    @Test("groups nest to a bound")
    func nesting() throws {
        _ = try Pattern("^" + String(repeating: "(", count: 64) + "a" + String(repeating: ")", count: 64) + "$")
        #expect(throws: PatternError.self) {
            try Pattern("^" + String(repeating: "(", count: 65) + "a" + String(repeating: ")", count: 65) + "$")
        }
    }

    @Test("random patterns agree with Foundation's on random texts")
    func referee() throws {
        var generator = SplitMix(seed: 7)
        let atoms = ["a", "b", "[ab]", "[^a]", #"\d"#, "(a|bc)", "(?:b|)", "c", "."]
        let repetitions = ["", "", "", "?", "*", "+", "{2}", "{1,3}", "{0,1}"]
        var agreed = 0
        for _ in 0..<300 {
            var text = "^"
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                text +=
                    (atoms.randomElement(using: &generator) ?? "a")
                    + (repetitions.randomElement(using: &generator) ?? "")
            }
            text += "$"
            let pattern = try Pattern(text)
            let referee = try NSRegularExpression(pattern: text.replacing("$", with: #"\z"#))
            for _ in 0..<30 {
                let example = String(
                    (0..<Int.random(in: 0...6, using: &generator)).compactMap { _ in
                        "abc1".randomElement(using: &generator)
                    })
                let range = NSRange(example.startIndex..., in: example)
                #expect(
                    pattern.matches(example) == (referee.firstMatch(in: example, range: range) != nil),
                    "\(text) on \(example)")
                agreed += 1
            }
        }
        #expect(agreed == 9_000)
    }
}
