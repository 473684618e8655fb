// Provinces and communes: today's from the code lists, the 63 before 2025-07-01 with their share of the people.
import Foundation
package import Model

/// Where sample people and firms live: today's provinces and communes, each commune within its province.
package struct SamplePlaces: Sendable {
    package struct Province: Sendable {
        package let code: String
        package let name: String
        package let communes: [Commune]
    }

    package struct Commune: Sendable {
        package let code: String
        package let name: String
    }

    /// One of the 63 provinces before 2025-07-01, whose codes live on in personal numbers and insurance cards.
    struct OldProvince: Sendable {
        let code: String
        let name: String
        /// Place in `provinces` of the province that it became part of.
        let today: Int
        /// Place in the list of the 63.
        let ordinal: Int
    }

    package let provinces: [Province]
    let oldProvinces: Weighted<OldProvince>
    let oldByToday: [[OldProvince]]

    /// - Parameter folder: with `provinces.csv` and `communes.csv`, as `Topics/code-lists` holds them.
    /// - Throws: where a list cannot be read or has no commune for a province.
    package static func load(folder: String) throws(UserError) -> SamplePlaces {
        let provinces = try rows(of: "\(folder)/provinces.csv", columns: ["code", "name_vi", "valid_to"])
        let communes = try rows(
            of: "\(folder)/communes.csv", columns: ["code", "name_vi", "province_code", "valid_to"])
        let byProvince = Dictionary(grouping: communes.filter { $0[3].isEmpty }, by: { $0[2] })
        var today: [Province] = []
        for row in provinces where row[2].isEmpty {
            let own = (byProvince[row[0]] ?? []).map { Commune(code: $0[0], name: $0[1]) }
            guard !own.isEmpty else {
                throw problem("\(folder)/communes.csv", "a province of provinces.csv has no commune")
            }
            today.append(Province(code: row[0], name: row[1], communes: own))
        }
        return try SamplePlaces(provinces: today, oldNames: provinces.filter { !$0[2].isEmpty }.map { ($0[0], $0[1]) })
    }

    init(provinces: [Province], oldNames: [(code: String, name: String)]) throws(UserError) {
        let places = Dictionary(provinces.enumerated().map { ($1.code, $0) }, uniquingKeysWith: { first, _ in first })
        let names = Dictionary(oldNames, uniquingKeysWith: { first, _ in first })
        var old: [(OldProvince, Int)] = []
        var byToday = [[OldProvince]](repeating: [], count: provinces.count)
        for (ordinal, entry) in Self.history.enumerated() {
            guard let place = places[entry.today] else {
                throw Self.problem("provinces.csv", "a province in force since 2025-07-01 is missing")
            }
            let name = names[entry.code] ?? provinces[place].name
            let province = OldProvince(code: entry.code, name: name, today: place, ordinal: ordinal)
            old.append((province, entry.weight))
            byToday[place].append(province)
        }
        guard byToday.allSatisfy({ !$0.isEmpty }) else {
            throw Self.problem("provinces.csv", "a province has no predecessor in the sample's own table")
        }
        self.provinces = provinces
        oldProvinces = Weighted(old)
        oldByToday = byToday
    }

    /// The 63 codes in use to 2025-06-30, the code of today that each became part of (Resolution 202/2025/QH15), and
    /// roughly the people who lived there, in units of 20,000 (rounded; weights of a sample, not statistics).
    private static let history: [(code: String, today: String, weight: Int)] = [
        ("01", "01", 430), ("02", "08", 45), ("04", "04", 27), ("06", "19", 16), ("08", "08", 40), ("10", "15", 38),
        ("11", "11", 31), ("12", "12", 24), ("14", "14", 65), ("15", "15", 42), ("17", "25", 43), ("19", "19", 67),
        ("20", "20", 40), ("22", "22", 68), ("24", "24", 95), ("25", "25", 75), ("26", "25", 60), ("27", "24", 75),
        ("30", "31", 97), ("31", "31", 105), ("33", "33", 65), ("34", "33", 93), ("35", "37", 44), ("36", "37", 94),
        ("37", "37", 51), ("38", "38", 187), ("40", "40", 172), ("42", "42", 66), ("44", "44", 46), ("45", "44", 33),
        ("46", "46", 58), ("48", "48", 62), ("49", "48", 76), ("51", "51", 62), ("52", "52", 75), ("54", "66", 44),
        ("56", "56", 63), ("58", "56", 30), ("60", "68", 63), ("62", "51", 29), ("64", "52", 80), ("66", "66", 96),
        ("67", "68", 34), ("68", "68", 67), ("70", "75", 52), ("72", "80", 60), ("74", "79", 140), ("75", "75", 165),
        ("77", "79", 59), ("79", "79", 475), ("80", "80", 87), ("82", "82", 90), ("83", "86", 65), ("84", "86", 51),
        ("86", "86", 51), ("87", "82", 80), ("89", "91", 95), ("91", "91", 87), ("92", "92", 63), ("93", "92", 37),
        ("94", "92", 60), ("95", "96", 46), ("96", "96", 60),
    ]

    /// Abbreviations of today's provinces in numbers of practice licences, in the form that such numbers have.
    static let licenceAbbreviations: [String: String] = [
        "01": "HNO", "04": "CBA", "08": "TQU", "11": "DBI", "12": "LCH", "14": "SLA", "15": "LCA", "19": "TNG",
        "20": "LSO",
        "22": "QNI", "24": "BNI", "25": "PTH", "31": "HPH", "33": "HYE", "37": "NBI", "38": "THO", "40": "NAN",
        "42": "HTI",
        "44": "QTR", "46": "HUE", "48": "DNA", "51": "QNG", "52": "GLA", "56": "KHO", "66": "DLA", "68": "LDO",
        "75": "DON",
        "79": "HCM", "80": "TNI", "82": "DTH", "86": "VLO", "91": "AGI", "92": "CTH", "96": "CMA",
    ]

    private static func rows(of file: String, columns: [String]) throws(UserError) -> [[String]] {
        guard let data = FileManager.default.contents(atPath: file), let text = String(data: data, encoding: .utf8)
        else {
            throw problem(file, "the file cannot be read")
        }
        var lines = text.split(whereSeparator: \.isNewline).makeIterator()
        let header =
            lines.next().map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? []
        var places: [Int] = []
        for column in columns {
            guard let place = header.firstIndex(of: column) else {
                throw problem(file, "the column \(column) is missing")
            }
            places.append(place)
        }
        var result: [[String]] = []
        while let line = lines.next() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count == header.count else {
                throw problem(file, "a line has another number of fields than the header")
            }
            result.append(places.map { String(fields[$0]) })
        }
        return result
    }

    private static func problem(_ file: String, _ cause: String) -> UserError {
        UserError(
            action: "reading code list", subject: file, cause: cause,
            nextStep: "set LIENTHONG_TOPICS to the folder of the topics", status: .configuration
        )
    }
}
