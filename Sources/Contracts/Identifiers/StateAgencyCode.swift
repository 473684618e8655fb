// The electronic identification code of state agencies (mã định danh điện tử).

/// Up to 35 of `0-9A-Z.`: level one is a letter A to Y and two digits, each lower level follows a point, as in
/// `G01.02.034` (Decision 20/2020/QD-TTg). Sure: A. How long a lower level is, is left open.
enum StateAgencyCode {
    static func isValid(_ text: TextBytes) -> Bool {
        guard (3...35).contains(text.count), text.isCapital(0), text[0] != UInt8(ascii: "Z"), text.areDigits(1..<3)
        else {
            return false
        }
        var previousIsPoint = false
        for index in 3..<text.count {
            let isPoint = text[index] == UInt8(ascii: ".")
            if index == 3 && !isPoint { return false }
            if isPoint ? previousIsPoint : !(text.isDigit(index) || text.isCapital(index)) { return false }
            previousIsPoint = isPoint
        }
        return !previousIsPoint
    }
}
