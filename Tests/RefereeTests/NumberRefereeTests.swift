// Some 20,000 tax codes and personal numbers, judged by us and by two public packages. Where they differ, the
// difference is of a class that is named here with its reason, and that really occurs.
import Contracts
import TestSupport
import Testing

@Suite(
    "Referees of numbers",
    .enabled(if: Referee.isThere, "\(Referee.absence)"))
struct NumberRefereeTests {
    @Test("python-stdnum agrees on tax codes")
    func taxCodes() throws {
        let texts = Numbers.taxCodes()
        let verdicts = try judge(.taxCode, texts).map { $0 == "1" }
        try compare(texts, .taxCode, verdicts, differences: [Self.signsDropped])
    }

    @Test("idnumbers agrees on personal numbers")
    func personalNumbers() throws {
        let texts = Numbers.personalNumbers()
        let verdicts = try judge(.personalNumber, texts).map { $0 != "0" }
        try compare(texts, .personalNumber, verdicts, differences: [Self.placeOfZeros])
    }

    @Test("idnumbers reads the same year of birth and the same sex from a personal number")
    func readings() throws {
        let texts = Numbers.personalNumbers().filter { PersonalNumber.reading($0) != nil }
        let ours = texts.map { text in
            PersonalNumber.reading(text).map { "1 \($0.birthYear) \($0.isMale ? "male" : "female")" } ?? "0"
        }
        #expect(try judge(.personalNumber, texts) == ours)
        let parts = ours.map { $0.split(separator: " ") }
        #expect(Set(parts.map { $0[1].prefix(2) }) == ["19", "20", "21", "22", "23"])
        #expect(Set(parts.map { $0[2] }) == ["male", "female"])
    }

    // MARK: Differences

    /// Where the referee is known to be looser or stricter, and why ours stays as it is.
    struct Difference: Sendable {
        let why: String
        let covers: @Sendable (_ text: String, _ isOurs: Bool, _ isTheirs: Bool) -> Bool
    }

    static let signsDropped = Difference(
        why: """
            stdnum drops blanks, points and hyphens wherever they stand before it judges; the circular lays down one \
            hyphen before a branch's three digits, and keys must be written in one way only
            """
    ) { text, isOurs, isTheirs in
        guard isTheirs && !isOurs else { return false }
        let digits = text.filter { !" -.".contains($0) }
        let canonical = digits.count == 13 ? "\(digits.prefix(10))-\(digits.suffix(3))" : digits
        return canonical != text && IdentifierKind.taxCode.isValid(canonical)
    }

    static let placeOfZeros = Difference(
        why: "idnumbers judges no place; codes of provinces and countries begin at 001"
    ) { text, isOurs, isTheirs in isTheirs && !isOurs && text.hasPrefix("000") }

    private func compare(
        _ texts: [String], _ kind: IdentifierKind, _ verdicts: [Bool], differences: [Difference]
    ) throws {
        try #require(verdicts.count == texts.count)
        var occurrences = [Int](repeating: 0, count: differences.count)
        var agreed = (valid: 0, invalid: 0)
        for (text, theirs) in zip(texts, verdicts) {
            let ours = kind.isValid(text)
            if ours == theirs {
                if ours { agreed.valid += 1 } else { agreed.invalid += 1 }
            } else if let index = differences.firstIndex(where: { $0.covers(text, ours, theirs) }) {
                occurrences[index] += 1
            } else {
                Issue.record("\(text): ours \(ours), the referee's \(theirs)")
            }
        }
        // A comparison of refusals alone would prove little.
        #expect(agreed.valid > 1_000 && agreed.invalid > 1_000, "\(agreed)")
        for (difference, count) in zip(differences, occurrences) {
            #expect(count > 0, "no longer true, to be dropped: \(difference.why)")
        }
    }

    private func judge(_ kind: IdentifierKind, _ texts: [String]) throws -> [String] {
        let input = texts.map { "\(kind.rawValue)\t\($0)\n" }.joined()
        let result = try Referee.run(["\(PackageFolder.path)/Tests/RefereeTests/numbers.py"], input: input)
        try #require(result.status == 0, "\(result.errors)")
        return result.output.split(separator: "\n").map(String.init)
    }
}

/// The texts to judge: made up from a fixed seed, so that every run judges the same.
enum Numbers {
    private static let count = 10_000

    static func taxCodes() -> [String] {
        var random = Random(seed: 86_2024)
        var texts = IdentifierKind.taxCode.examples.map(\.text) + IdentifierKind.enterpriseCode.examples.map(\.text)
        // All ten last digits of a number: at most one is right.
        while texts.count < count / 2 {
            let nine = random.digits(9)
            texts += (0...9).map { nine + String($0) }
            texts += ["\(nine)\(random.digits(1))-\(random.digits(3))"]
        }
        // None of its own is right where N3…N9 are zero.
        for prefix in 0...99 { texts += (0...9).map { "\(prefix / 10)\(prefix % 10)0000000\($0)" } }
        let right = texts.filter { IdentifierKind.taxCode.isValid($0) }
        for text in right {
            texts += ["\(text.prefix(10))-\(random.digits(3))", "\(text.prefix(10))-000", "\(text.prefix(10))-001"]
        }
        while texts.count < count, let text = right.randomElement(using: &random) {
            texts.append(random.mutation(of: text))
        }
        return tidy(texts)
    }

    static func personalNumbers() -> [String] {
        var random = Random(seed: 137_2015)
        var texts = IdentifierKind.personalNumber.examples.map(\.text)
        while texts.count < count / 2 { texts.append(random.digits(12)) }
        for length in [0, 1, 9, 10, 11, 13, 14] { for _ in 0..<50 { texts.append(random.digits(length)) } }
        for _ in 0..<50 { texts.append("000" + random.digits(9)) }
        let right = texts.filter { IdentifierKind.personalNumber.isValid($0) }
        while texts.count < count, let text = right.randomElement(using: &random) {
            texts.append(random.mutation(of: text))
        }
        return tidy(texts)
    }

    /// What a field's text can be: neither empty nor with blanks at its ends, each once.
    private static func tidy(_ texts: [String]) -> [String] {
        var seen: Set<String> = []
        return texts.filter { text in
            !text.isEmpty && !text.hasPrefix(" ") && !text.hasSuffix(" ") && seen.insert(text).inserted
        }
    }
}

/// A small generator whose sequence a seed fixes (SplitMix64: Steele, Lea and Flood 2014).
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func digits(_ count: Int) -> String {
        String((0..<count).map { _ in "0123456789".randomElement(using: &self) ?? "0" })
    }

    /// One slip of a hand: a character changed, swapped, lost, doubled or put between.
    mutating func mutation(of text: String) -> String {
        var characters = Array(text)
        guard characters.count > 1 else { return text }
        let place = Int.random(in: 0..<characters.count, using: &self)
        switch Int.random(in: 0..<5, using: &self) {
        case 0: characters[place] = "0123456789aZ-. ٣".randomElement(using: &self) ?? "0"
        case 1: characters.swapAt(place, (place + 1) % characters.count)
        case 2: characters.remove(at: place)
        case 3: characters.insert(characters[place], at: place)
        default: characters.insert("0123456789-. x".randomElement(using: &self) ?? "0", at: place)
        }
        return String(characters)
    }
}
