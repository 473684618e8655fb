// Made-up citizens, as a ministry would publish them: the same number gives the same record in every run.
import Foundation

/// What is published of each citizen.
enum Edition: Sendable {
    /// Version 1 of everybody.
    case first
    /// Version 2: address, occupation and telephone have changed.
    case second
    /// Version 1, where one in a hundred is refused by the contract.
    case firstWithBad
    /// Version 1, where one in a hundred is accepted by the contract and refused by the table.
    case firstWithBadForTable
}

enum Citizens {
    /// Of the list of 63 provinces, by which personal numbers are issued.
    private static let provinces = [
        "001", "002", "004", "006", "008", "010", "011", "012", "014", "015", "017", "019", "020", "022", "024",
        "025", "026", "027", "030", "031",
    ]
    private static let families = ["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi"]
    private static let middles = ["Văn", "Thị", "Đức", "Minh", "Ngọc", "Thanh"]
    private static let given = ["An", "Bình", "Chi", "Dũng", "Giang", "Hạnh", "Khánh", "Loan", "Phương", "Tuấn"]

    /// Scatters numbers, so that keys come in no order (the finalizer of MurmurHash3, Austin Appleby).
    static func scatter(_ number: UInt64) -> UInt64 {
        var hash = number &+ 0x9E37_79B9_7F4A_7C15
        hash = (hash ^ (hash >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ (hash >> 33)) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ (hash >> 33)
    }

    static func isBad(_ index: Int) -> Bool { scatter(UInt64(index)) % 100 == 0 }

    /// - Parameter index: below 1,000,000, one citizen each.
    static func record(_ index: Int, _ edition: Edition) -> (key: [UInt8], value: [UInt8]) {
        let hash = scatter(UInt64(index))
        let female = hash & 1 == 1
        let birthYear = min(2_019, 1_930 + Int((hash >> 8) % 90))
        let century = (birthYear < 2_000 ? 0 : 2) + (female ? 1 : 0)
        let serial = String(index * 7_919 % 1_000_000 + 1_000_000).dropFirst()
        let yearText = String(birthYear % 100 + 100).dropFirst()
        let province = provinces[Int((hash >> 16) % 20)]
        let key = "\(province)\(century)\(yearText)\(serial)"
        func pick(_ list: [String], _ shift: UInt64) -> String { list[Int((hash >> shift) % UInt64(list.count))] }
        let second = edition == .second
        let bad = edition == .firstWithBad && isBad(index)
        let badForTable = edition == .firstWithBadForTable && isBad(index)
        // Nobody born earlier is taken by the table, while the contract takes any year; the number says the same year
        // only of its last two digits, so it disagrees as well: a warning, no refusal.
        let birth =
            badForTable
            ? "1830"
            : "\(birthYear)-\(String(101 + (hash >> 24) % 12).dropFirst())-\(String(101 + (hash >> 32) % 28).dropFirst())"
        var text = "{\"personalId\": \"\(key)\", "
        if (hash >> 40) % 50 == 0 { text += "\"previousPersonalIds\": [\"\(province)\(century)\(yearText)999999\"], " }
        text += "\"fullName\": \"\(pick(families, 3)) \(pick(middles, 7)) \(pick(given, 11))\", "
        text += "\"birthDate\": \"\(birth)\", \"sex\": \"\(bad ? "unsaid" : female ? "female" : "male")\", "
        text += "\"ethnicityCode\": \"01\", \"nationalityCode\": \"VNM\", "
        let house = (second ? 500 : 1) + Int((hash >> 20) % 400)
        text +=
            "\"permanentAddress\": {\"text\": \"Số \(house), ngõ \(hash % 90 + 1), phường Ba Đình, thành phố Hà Nội\", "
        text += "\"provinceCode\": \"01\", \"communeCode\": \"00004\"}, "
        text += "\"currentAddress\": {\"text\": \"Tổ \(hash % 40 + 1), phường Hải Vân, thành phố Đà Nẵng\", "
        text += "\"provinceCode\": \"48\", \"communeCode\": \"20194\", \"asOf\": \"2025-09-01\"}, "
        text +=
            "\"birthPlace\": \"Thành phố Huế\", \"maritalStatus\": \"\(birthYear > 2_005 ? "single" : "married")\", "
        text += "\"identityStatus\": \"active\", \"occupationCode\": \"\(second ? "2212" : "2211")\", "
        text += "\"phone\": \"09\(String(100_000_000 + (hash >> 4) % 90_000_000 + (second ? 1 : 0)).dropFirst())\", "
        if birthYear > 2_010 {
            text += "\"representatives\": [{\"personalId\": \"\(province)\(female ? 1 : 0)85\(serial)\", "
            text += "\"fullName\": \"\(pick(families, 3)) \(pick(given, 13))\", \"relation\": \"mother\"}], "
        }
        text += "\"version\": \(second ? 2 : 1)}"
        return (Array(key.utf8), Array(text.utf8))
    }
}
