// Regular expressions for JSON Schema (ECMA 262, the part that other languages share: no look-around, no \d, no \s,
// whose meaning differs between validators), each saying what the decoder checks of a text.
import Contracts
import Foundation

/// Bodies stand for the trimmed text; `whole` makes a pattern of one.
enum SchemaPattern {
    /// The characters that the decoder trims: Unicode property White_Space.
    private static let blanks =
        #"\u0009-\u000D\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"#
    private static let blank = "[\(blanks)]"
    /// Combining marks of Latin letters, which NFC draws into the letter before them.
    private static let marks = #"\u0300-\u036F"#

    /// A text that is not blank.
    static let present = "[^\(blanks)]"
    /// Nothing, or blanks alone, or blanks at an end.
    static let blankOrPadded = "^$|^\(blank)|\(blank)$"

    /// The pattern of a text whose middle is `body`, with blanks around it; of an optional field also of blanks alone.
    static func whole(_ body: String, required: Bool) -> String {
        "^\(blank)*(?:\(body))\(required ? "" : "?")\(blank)*$"
    }

    /// Any text of a number of characters, as nearly as a pattern can count after NFC: a letter with its marks is one.
    /// It never refuses a text in Latin letters that the decoder accepts.
    static func length(_ range: ClosedRange<Int>) -> String {
        let first = #"[^\u0000\#(blanks)][\#(marks)]*"#
        let further = #"[^\u0000\#(marks)][\#(marks)]*"#
        if range.upperBound == 1 { return first }
        if range.lowerBound <= 1 { return first + "(?:\(further)){0,\(range.upperBound - 1)}" }
        let last = #"[^\u0000\#(blanks)\#(marks)][\#(marks)]*"#
        return first + "(?:\(further)){\(range.lowerBound - 2),\(range.upperBound - 2)}" + last
    }

    static func oneOf(_ texts: [String]) -> String { texts.map(literal).joined(separator: "|") }

    /// The text in each of its canonically equivalent spellings: the decoder compares in NFC, a validator byte by byte.
    static func literal(_ text: String) -> String {
        text.map { character in
            let spellings = spellings(of: character).map(escaped)
            return spellings.count == 1 ? spellings[0] : "(?:\(spellings.joined(separator: "|")))"
        }.joined()
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if syntaxCharacters.contains(scalar) { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result
    }

    /// A letter's marks in every order that means the same, the first of them drawn into the letter or not.
    private static func spellings(of character: Character) -> [String] {
        let text = String(character)
        let scalars = Array(text.decomposedStringWithCanonicalMapping.unicodeScalars)
        let composed = text.precomposedStringWithCanonicalMapping
        // No Latin letter has more marks; orders of more of them would be too many.
        guard (2...4).contains(scalars.count) else { return [composed] }
        var spellings = [composed]
        for marks in orders(of: Array(scalars.dropFirst())) {
            for count in 0..<scalars.count {
                let letter = string([scalars[0]] + marks.prefix(count)).precomposedStringWithCanonicalMapping
                let spelling = letter + string(Array(marks.dropFirst(count)))
                // Strings are equal where they are canonically equivalent; here the spelling matters.
                let isNew = !spellings.contains { $0.unicodeScalars.elementsEqual(spelling.unicodeScalars) }
                if spelling == text, isNew { spellings.append(spelling) }
            }
        }
        return spellings
    }

    private static func orders(of marks: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
        guard marks.count > 1 else { return [marks] }
        return marks.indices.flatMap { index -> [[Unicode.Scalar]] in
            var others = marks
            let first = others.remove(at: index)
            return orders(of: others).map { [first] + $0 }
        }
    }

    private static func string(_ scalars: [Unicode.Scalar]) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    private static let syntaxCharacters: Set<Unicode.Scalar> = [
        "^", "$", "\\", ".", "*", "+", "?", "(", ")", "[", "]", "{", "}", "|",
    ]

    /// `count` digits, not all of them zero.
    static func digitsNotAllZero(_ count: Int) -> String {
        let alternatives = (0..<count).map { zeros in
            String(repeating: "0", count: zeros) + "[1-9]" + digits(count - zeros - 1)
        }
        return "(?:\(alternatives.joined(separator: "|")))"
    }

    private static func digits(_ count: Int) -> String {
        count == 0 ? "" : count == 1 ? "[0-9]" : "[0-9]{\(count)}"
    }

    // MARK: Contracts' own patterns

    /// A contract's pattern (the language of `Pattern`: anchored, a subset of ECMA 262) without its anchors, written so
    /// that validators agree on it. Nil where it depends on NFC, which validators do not make: where a class may hold a
    /// letter that has another spelling, and where `.` counts.
    static func body(ofContractPattern pattern: String) -> String? {
        var result = ""
        var isInClass = false
        var isEscaped = false
        let scalars = Array(pattern.unicodeScalars.dropFirst().dropLast())
        for (index, scalar) in scalars.enumerated() {
            let next = index + 1 < scalars.count ? scalars[index + 1] : nil
            if isInClass, !scalar.isASCII {
                let neighbours = [index > 0 ? scalars[index - 1] : nil, next]
                guard barredD.contains(scalar), !neighbours.contains("-") else { return nil }
            }
            if isEscaped {
                result += escape(scalar, isInClass: isInClass)
                isEscaped = false
                continue
            }
            switch scalar {
            case "\\": isEscaped = true
            case "." where !isInClass:
                guard next == "*" || next == "+" else { return nil }
                result += #"[^\u000A\u000D\u2028\u2029]"#
            case "[" where !isInClass:
                if next == "^" { return nil }
                isInClass = true
                result += "["
            case _ where !isInClass && !scalar.isASCII:
                guard !scalar.properties.isGraphemeExtend else { return nil }
                result += literal(String(scalar))
            default:
                if scalar == "]" { isInClass = false }
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Letters without another spelling.
    private static let barredD: Set<Unicode.Scalar> = ["Đ", "đ"]

    /// Escapes that ECMA 262 in Unicode mode would refuse are written as the character itself.
    private static func escape(_ scalar: Unicode.Scalar, isInClass: Bool) -> String {
        switch scalar {
        case "d": isInClass ? "0-9" : "[0-9]"
        case "t": #"\u0009"#
        case "-" where isInClass: #"\-"#
        case _ where syntaxCharacters.contains(scalar): "\\\(scalar)"
        default: String(scalar)
        }
    }

    // MARK: Dates

    private static let monthAndDay = [
        "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])", "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)",
        "02-(?:0[1-9]|1[0-9]|2[0-8])",
    ]
    private static let leapInCentury = "(?:0[48]|[2468][048]|[13579][26])"

    /// `YYYY-MM-DD`, a day that exists in the years 0001 to 9999.
    static let date =
        "(?:\(digitsNotAllZero(4))-(?:\(monthAndDay.joined(separator: "|")))"
        + "|(?:[0-9]{2}\(leapInCentury)|\(leapInCentury)00)-02-29)"

    /// The same, or `YYYY-MM`, or `YYYY`.
    static let partialDate = "\(date)|\(digitsNotAllZero(4))(?:-(?:0[1-9]|1[0-2]))?"

    /// Texts of dates, whole or partial, that do not lie before (after) a day given as `YYYY-MM-DD`. Of a partial
    /// date it is enough that it may mean such a day. Only the order is judged: the form is another pattern's.
    static func date(notBefore day: String, partial: Bool) -> String { bound(day, partial, digitBeyond: { $0 < $1 }) }
    static func date(notAfter day: String, partial: Bool) -> String { bound(day, partial, digitBeyond: { $0 > $1 }) }

    private static func bound(_ day: String, _ partial: Bool, digitBeyond: (Int, Int) -> Bool) -> String {
        let characters = Array(day)
        var alternatives: [String] = []
        for (index, character) in characters.enumerated() {
            guard let digit = character.wholeNumberValue else { continue }
            let beyond = (0...9).filter { digitBeyond(digit, $0) }
            guard !beyond.isEmpty else { continue }
            let choice = beyond.map(String.init).joined()
            alternatives.append(String(characters[..<index]) + "[\(choice)][0-9-]*")
        }
        let equal = partial ? [10, 7, 4] : [10]
        return (alternatives + equal.map { String(characters.prefix($0)) }).joined(separator: "|")
    }

    private static let clock = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
    /// Texts have at most 64 characters, which bounds the decimals.
    private static let fractionAndOffset =
        #"(?:(?:\.[0-9]{1,43})?[Zz]|(?:\.[0-9]{1,38})?[+\-]\#(clock))"#

    /// RFC 3339 with an offset; a blank may stand for the `T`, and every minute may have a second 60.
    static let timestamp = "\(date)[Tt\\u0020]\(clock):(?:[0-5][0-9]|60)\(fractionAndOffset)"
    /// Forms of `timestamp` that validators of `format: date-time` disagree upon.
    static let timestampOfRareForm = "\(blankOrPadded)|[a-z\\u0020]|:60"

    // MARK: Decimals

    /// A decimal in text. A least value of zero is expressed; of any other, only its sign.
    static func decimal(scale: Int, minimum: Int64?) -> String {
        func number(_ digit: String) -> String {
            "\(digit){1,38}" + (scale > 0 ? #"(?:\.\#(digit){1,\#(scale)})?"# : "")
        }
        switch minimum {
        case nil: return "-?" + number("[0-9]")
        case .some(let minimum) where minimum < 0: return "-?" + number("[0-9]")
        case 0: return "\(number("[0-9]"))|-\(number("0"))"
        case .some: return number("[0-9]")
        }
    }
}
