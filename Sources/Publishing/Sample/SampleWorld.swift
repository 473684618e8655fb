// Who and what exists in a sample: the same people and firms, seen from four source databases.

/// Rows of each feed, out of the total that was asked for.
struct SampleCounts: Equatable, Sendable {
    let citizens: Int
    let organizations: Int
    let enterprises: Int
    let cards: Int
    let posts: Int

    init(records: Int) {
        cards = records * 28 / 100
        enterprises = records * 10 / 100
        posts = records * 8 / 100
        organizations = records * 4 / 100
        citizens = records - cards - enterprises - posts - organizations
    }

    /// One participant in eleven has a card of an earlier period, too.
    var participants: Int { cards - cards / 11 }
    /// One employee in forty has a second post.
    var employees: Int { posts - posts / 40 }
}

/// Makes any person, organisation or firm from its index alone.
struct SampleWorld: Sendable {
    let seed: UInt64
    let counts: SampleCounts
    let today: SampleDate
    let places: SamplePlaces

    private let personSerials: SamplePermutation
    private let enterpriseSerials: SamplePermutation
    private let insuranceSerials: SamplePermutation

    init(seed: UInt64, records: Int, today: SampleDate, places: SamplePlaces) {
        self.seed = seed
        counts = SampleCounts(records: records)
        self.today = today
        self.places = places
        personSerials = SamplePermutation(size: 1_000_000, seed: seed, .personPermutation)
        enterpriseSerials = SamplePermutation(size: 1_000_000, seed: seed, .enterprisePermutation)
        insuranceSerials = SamplePermutation(size: 100_000_000, seed: seed, .insurancePermutation)
    }

    // MARK: People

    /// - Parameters:
    ///   - index: 0 ..< `counts.citizens` are in the population database; beyond are people it does not know.
    ///   - ofWorkingAge: whoever is made for a post or a firm without regard to the pyramid of ages.
    func person(_ index: Int, ofWorkingAge: Bool = false) -> SamplePerson {
        var random = SampleRandom(seed: seed, .person, index)
        let ageBand = random.pick(Self.ageBands)
        let ageInDays = ofWorkingAge ? random.within(8_400...20_400) : max(2, ageBand * 1_826 + random.below(1_826))
        let birth = today.adding(days: -ageInDays)
        let isMale = random.chance(perThousand: birth.year > 1960 ? 502 : 440)
        let origin = random.pick(places.oldProvinces)
        let home = random.below(100) < 82 ? origin.today : random.pick(places.oldProvinces).today
        let name = SampleNames.person(male: isMale, birthYear: birth.year, &random)

        // People whose data were corrected keep a number that says otherwise.
        let numberYearDiffers = random.chance(perThousand: 4)
        let numberSexDiffers = random.chance(perThousand: 2)
        let numberYear = numberYearDiffers ? birth.year - random.within(1...3) : birth.year
        let centuryAndSex = (numberYear / 100 - 19) * 2 + (isMale != numberSexDiffers ? 0 : 1)
        let serial = padded(personSerials[index], 6)
        let number = "0\(origin.code)\(centuryAndSex)\(padded(numberYear % 100, 2))\(serial)"

        let age = ageInDays / 365
        let isDeceased = !ofWorkingAge && random.chance(perThousand: age > 75 ? 60 : age > 50 ? 12 : 2)
        let isCoarse = age > 60 && random.chance(perThousand: 40)
        let precision: SamplePerson.BirthPrecision =
            isCoarse ? (random.chance(perThousand: 700) ? .year : .month) : .day
        let commune = random.pick(places.provinces[home].communes)
        return SamplePerson(
            index: index, number: number, serial: serial, name: name, isMale: isMale, birth: birth,
            precision: precision,
            age: age, origin: origin, home: home, commune: commune, street: SampleNames.street(&random),
            deathDate: isDeceased ? today.adding(days: -random.below(min(ageInDays, 1_800))) : nil,
            numberYearDiffers: numberYearDiffers, numberSexDiffers: numberSexDiffers
        )
    }

    /// What an adult is chosen as; a number, so that one person is seldom everything at once.
    enum Role: Int { case employee = 0, owner = 3, head = 7 }

    /// The person who is the `ordinal`th of `count` in a role: spread over all citizens, nobody twice.
    func adult(_ role: Role, _ ordinal: Int, of count: Int) -> SamplePerson {
        let first = ordinal * counts.citizens / count
        let candidates = max(0, (ordinal + 1) * counts.citizens / count - first)
        for step in 0..<candidates {
            let person = person(first + (role.rawValue + step) % candidates)
            if (23...62).contains(person.age) && person.deathDate == nil { return person }
        }
        return person(counts.citizens + ordinal, ofWorkingAge: true)
    }

    /// Five-year bands of age by their share of the people, in thousandths (roughly the shape of the 2020s).
    private static let ageBands = Weighted(
        [73, 82, 81, 72, 66, 73, 86, 84, 75, 67, 59, 55, 46, 36, 22, 12, 7, 4].enumerated().map { ($0, $1) }
    )

    /// Ten digits: old province and eight more. `index` below 100 million never repeats.
    func socialInsuranceNumber(_ index: Int, province: String) -> String {
        province + padded(insuranceSerials[index], 8)
    }

    // MARK: Firms

    /// Units come in twenties: eleven enterprises, two branches, an office, a location, four households, a cooperative.
    static let enterprisesInTwenty = 11

    func enterprise(_ index: Int) -> SampleEnterprise {
        let twenty = index / 20 * 20
        switch index % 20 {
        case ..<Self.enterprisesInTwenty: return firm(index, .enterprise)
        case 11: return dependent(index, .branch, of: twenty, number: 1)
        case 12: return dependent(index, .branch, of: twenty, number: 2)
        case 13: return dependent(index, .representativeOffice, of: twenty + 1, number: 1)
        case 14: return dependent(index, .businessLocation, of: twenty + 2, number: 1)
        case 15..<19: return household(index)
        default: return firm(index, .cooperative)
        }
    }

    private func firm(_ index: Int, _ type: SampleEnterprise.UnitType) -> SampleEnterprise {
        var random = SampleRandom(seed: seed, .enterprise, index)
        let field = random.pick(SampleEnterprise.fields)
        let form: SampleEnterprise.LegalForm =
            type == .cooperative ? .cooperative : random.pick(SampleEnterprise.legalForms)
        return SampleEnterprise(
            index: index, type: type, code: taxCode(index), parent: nil, field: field, form: form,
            name: "\(type == .cooperative ? "HỢP TÁC XÃ" : form.title) \(field.title) \(tradeName(index))".uppercased(),
            origin: random.pick(places.oldProvinces), random: random
        )
    }

    private func dependent(
        _ index: Int, _ type: SampleEnterprise.UnitType, of parent: Int, number: Int
    ) -> SampleEnterprise {
        var random = SampleRandom(seed: seed, .enterprise, index)
        let above = firm(parent, .enterprise)
        let title =
            switch type {
            case .representativeOffice: "VĂN PHÒNG ĐẠI DIỆN"
            case .businessLocation: "ĐỊA ĐIỂM KINH DOANH SỐ \(number)"
            default: "CHI NHÁNH SỐ \(number)"
            }
        return SampleEnterprise(
            index: index, type: type, code: "\(above.code)-\(padded(number, 3))", parent: parent, field: above.field,
            form: nil, name: "\(title) - \(above.name)", origin: random.pick(places.oldProvinces), random: random
        )
    }

    private func household(_ index: Int) -> SampleEnterprise {
        var random = SampleRandom(seed: seed, .enterprise, index)
        let field = random.pick(SampleEnterprise.householdFields)
        return SampleEnterprise(
            index: index, type: .household, code: adult(.owner, index, of: counts.enterprises).number, parent: nil,
            field: field,
            form: .household, name: "\(field.householdTitle) \(tradeName(index))",
            origin: random.pick(places.oldProvinces),
            random: random
        )
    }

    private func tradeName(_ index: Int) -> String {
        var random = SampleRandom(seed: seed, .enterprise, -1 - index)
        return "\(random.pick(SampleNames.trade)) \(random.pick(SampleNames.trade)) \(random.pick(SampleNames.trade))"
    }

    /// Ten digits with a right check digit. The third digit is 9, which no province has reached: no real firm is meant.
    private func taxCode(_ index: Int) -> String {
        let serial = "9" + padded(enterpriseSerials[index], 6)
        var random = SampleRandom(seed: seed, .enterprisePermutation, 1 + index)
        var office = random.within(1...63)
        while true {
            let digits = padded(office, 2) + serial
            if let check = SampleEnterprise.checkDigit(of: digits) { return digits + String(check) }
            office = office % 63 + 1  // no number has this remainder; at most one office in eleven gives it
        }
    }

    // MARK: Organisations

    /// Health departments of the provinces come first; what follows comes in tens.
    func organization(_ index: Int) -> SampleOrganization {
        guard index >= places.provinces.count else { return department(index) }
        let place = index - places.provinces.count
        switch place % 10 {
        case ..<6: return publicUnit(index, place)
        case 6: return subDepartment(index, place)
        case 7, 8:
            let ordinal = place / 10 * 2 + place % 10 - 7
            let twenty = ordinal / Self.enterprisesInTwenty * 20
            return registered(index, .enterprise, enterprise(twenty + ordinal % Self.enterprisesInTwenty))
        default:
            switch place / 10 % 3 {
            case 0: return registered(index, .cooperative, enterprise(place / 30 * 20 + 19))
            case 1: return society(index, place, .association)
            default: return society(index, place, .other)
            }
        }
    }

    /// An organisation that has civil servants or public employees, more often than not near a person's home.
    func employer(near home: Int, _ random: inout SampleRandom) -> SampleOrganization {
        for _ in 0..<6 {
            let employer = employer(&random)
            if employer.province == home { return employer }
        }
        return random.below(100) < 60 ? department(home) : employer(&random)
    }

    private func employer(_ random: inout SampleRandom) -> SampleOrganization {
        let departments = places.provinces.count
        let index = random.below(max(counts.organizations, departments))
        guard index >= departments else { return department(index) }
        let place = index - departments
        return organization(place % 10 <= 6 ? index : departments + place / 10 * 10)
    }

    /// Codes have the official shape; which agency has which is made up.
    private func department(_ index: Int) -> SampleOrganization {
        var random = SampleRandom(seed: seed, .organization, index)
        let province = places.provinces[index]
        return SampleOrganization(
            index: index, kind: .agency, code: "H\(padded(index + 1, 2)).15",
            name: "Sở Y tế \(province.name.lowercasedFirst)",
            province: index, commune: random.pick(province.communes), parent: nil, facilityCode: nil, random: random
        )
    }

    private func publicUnit(_ index: Int, _ place: Int) -> SampleOrganization {
        var random = SampleRandom(seed: seed, .organization, index)
        let province = random.pick(places.oldProvinces).today
        let commune = random.pick(places.provinces[province].communes)
        let title =
            switch random.below(10) {
            case 0: "Bệnh viện đa khoa khu vực số \(random.within(1...9)),"
            case 1: "Bệnh viện Y học cổ truyền số \(random.within(1...9)),"
            case 2: "Trung tâm Y tế khu vực"
            case 3: "Trung tâm Kiểm soát bệnh tật cơ sở"
            default: "Trạm Y tế"
            }
        return SampleOrganization(
            index: index, kind: .publicUnit, code: "H\(padded(province + 1, 2)).15.\(padded(place + 1, 2))",
            name: "\(title) \(commune.name.lowercasedFirst)", province: province, commune: commune, parent: province,
            facilityCode: random.pick(places.oldByToday[province]).code + padded(place % 1_000, 3), random: random
        )
    }

    private func subDepartment(_ index: Int, _ place: Int) -> SampleOrganization {
        var random = SampleRandom(seed: seed, .organization, index)
        let province = random.pick(places.oldProvinces).today
        let title = random.pick(["Chi cục Dân số", "Chi cục An toàn vệ sinh thực phẩm", "Trung tâm Giám định y khoa"])
        return SampleOrganization(
            index: index, kind: .agency, code: "H\(padded(province + 1, 2)).15.\(padded(place + 1, 2))",
            name: "\(title) \(places.provinces[province].name.lowercasedFirst)", province: province,
            commune: random.pick(places.provinces[province].communes), parent: province, facilityCode: nil,
            random: random
        )
    }

    private func society(_ index: Int, _ place: Int, _ kind: SampleOrganization.Kind) -> SampleOrganization {
        var random = SampleRandom(seed: seed, .organization, index)
        let province = random.pick(places.oldProvinces).today
        let title = kind == .association ? "Hội Điều dưỡng" : "Quỹ Hỗ trợ bệnh nhân"
        return SampleOrganization(
            index: index, kind: kind, code: "X\(padded(province + 1, 2)).\(padded(place + 1, 2))",
            name: "\(title) \(places.provinces[province].name.lowercasedFirst)", province: province,
            commune: random.pick(places.provinces[province].communes), parent: nil, facilityCode: nil, random: random
        )
    }

    private func registered(
        _ index: Int, _ kind: SampleOrganization.Kind, _ firm: SampleEnterprise
    ) -> SampleOrganization {
        var random = SampleRandom(seed: seed, .organization, index)
        let province = firm.origin.today
        return SampleOrganization(
            index: index, kind: kind, code: firm.code, name: firm.name, province: province,
            commune: random.pick(places.provinces[province].communes), parent: nil, facilityCode: nil, random: random
        )
    }
}

struct SamplePerson: Sendable {
    enum BirthPrecision { case day, month, year }

    let index: Int
    /// Twelve digits: 0 and the old province of birth registration, century and sex, year, six more.
    let number: String
    /// The last six digits, which no two people share.
    let serial: String
    let name: SampleName
    let isMale: Bool
    let birth: SampleDate
    let precision: BirthPrecision
    let age: Int
    let origin: SamplePlaces.OldProvince
    /// Place in `SamplePlaces.provinces`.
    let home: Int
    let commune: SamplePlaces.Commune
    let street: String
    let deathDate: SampleDate?
    let numberYearDiffers: Bool
    let numberSexDiffers: Bool

    /// `yyyymmdd`, with zeros for what is unknown.
    var birthText: String {
        switch precision {
        case .day: padded(birth.year, 4) + padded(birth.month, 2) + padded(birth.day, 2)
        case .month: padded(birth.year, 4) + padded(birth.month, 2) + "00"
        case .year: padded(birth.year, 4) + "0000"
        }
    }
}

struct SampleOrganization: Sendable {
    enum Kind: String {
        case agency = "CQ", publicUnit = "SN", enterprise = "DN", cooperative = "HTX", association = "HH", other = "KH"
    }

    let index: Int
    let kind: Kind
    let code: String
    let name: String
    let province: Int
    let commune: SamplePlaces.Commune
    /// Index of the organisation above.
    let parent: Int?
    let facilityCode: String?
    /// Left where the rest of the row goes on.
    let random: SampleRandom
}

struct SampleEnterprise: Sendable {
    enum UnitType: Int { case enterprise = 1, branch, representativeOffice, businessLocation, household, cooperative }

    enum LegalForm: Int {
        case privateOwned = 1, limitedOne, limitedMany, jointStock, partnership, cooperative, household

        var title: String {
            switch self {
            case .privateOwned: "DOANH NGHIỆP TƯ NHÂN"
            case .limitedOne: "CÔNG TY TNHH MTV"
            case .limitedMany: "CÔNG TY TNHH"
            case .jointStock: "CÔNG TY CỔ PHẦN"
            case .partnership: "CÔNG TY HỢP DANH"
            case .cooperative: "HỢP TÁC XÃ"
            case .household: "HỘ KINH DOANH"
            }
        }
    }

    /// What a firm of the health fields does.
    struct Field: Sendable {
        let title: String
        let householdTitle: String
        /// Places in `industries`; the first is the primary one.
        let lines: [Int]
    }

    let index: Int
    let type: UnitType
    let code: String
    /// Index of the enterprise that a branch, office or location belongs to.
    let parent: Int?
    let field: Field
    let form: LegalForm?
    let name: String
    let origin: SamplePlaces.OldProvince
    /// Left where the rest of the row goes on.
    let random: SampleRandom

    /// N10 = 10 − (Σ wᵢ·Nᵢ mod 11); nil where that is 10, which makes no valid number.
    static func checkDigit(of nineDigits: String) -> Int? {
        let weights = [31, 29, 23, 19, 17, 13, 7, 5, 3]
        let sum = zip(nineDigits.utf8, weights).reduce(0) { $0 + Int($1.0 - UInt8(ascii: "0")) * $1.1 }
        let check = 10 - sum % 11
        return check == 10 ? nil : check
    }

    static let legalForms: Weighted<LegalForm> = Weighted([
        (.limitedOne, 38), (.limitedMany, 32), (.jointStock, 22), (.privateOwned, 7), (.partnership, 1),
    ])

    static let fields: Weighted<Field> = Weighted([
        (Field(title: "Dược phẩm", householdTitle: "Nhà thuốc", lines: [5, 9, 10, 4]), 30),
        (Field(title: "Sản xuất Dược", householdTitle: "Cơ sở", lines: [1, 0, 2, 5, 3]), 8),
        (Field(title: "Thiết bị Y tế", householdTitle: "Cửa hàng", lines: [5, 7, 3, 9]), 20),
        (Field(title: "Mỹ phẩm", householdTitle: "Cửa hàng mỹ phẩm", lines: [6, 8, 11, 4]), 10),
        (Field(title: "Phòng khám Đa khoa", householdTitle: "Phòng khám", lines: [14, 13, 15, 18]), 18),
        (Field(title: "Bệnh viện", householdTitle: "Nhà hộ sinh", lines: [12, 14, 16, 17, 10]), 6),
        (Field(title: "Nha khoa", householdTitle: "Nha khoa", lines: [15, 14]), 8),
    ])

    static let householdFields: Weighted<Field> = Weighted([
        (Field(title: "Nhà thuốc", householdTitle: "Nhà thuốc", lines: [10, 9]), 60),
        (Field(title: "Quầy thuốc", householdTitle: "Quầy thuốc", lines: [10]), 20),
        (Field(title: "Phòng khám", householdTitle: "Phòng khám", lines: [14]), 10),
        (Field(title: "Nha khoa", householdTitle: "Nha khoa", lines: [15]), 10),
    ])

    /// Lines of business of the health fields, Vietnam Standard Industrial Classification.
    static let industries: [(code: String, text: String)] = [
        ("2100", "Sản xuất thuốc, hóa dược và dược liệu"), ("21001", "Sản xuất thuốc các loại"),
        ("21002", "Sản xuất hóa dược và dược liệu"), ("3250", "Sản xuất thiết bị, dụng cụ y tế, nha khoa"),
        ("4649", "Bán buôn đồ dùng khác cho gia đình"), ("46492", "Bán buôn dược phẩm và dụng cụ y tế"),
        ("46493", "Bán buôn nước hoa, hàng mỹ phẩm và chế phẩm vệ sinh"), ("46599", "Bán buôn máy móc, thiết bị khác"),
        ("2023", "Sản xuất mỹ phẩm, xà phòng, chất tẩy rửa"), ("4772", "Bán lẻ thuốc, dụng cụ y tế, mỹ phẩm"),
        ("47721", "Bán lẻ dược phẩm, dụng cụ y tế"), ("47722", "Bán lẻ nước hoa, mỹ phẩm, vật phẩm vệ sinh"),
        ("8610", "Hoạt động của các bệnh viện, trạm xá"), ("8620", "Hoạt động của các phòng khám"),
        ("86201", "Hoạt động của các phòng khám đa khoa, chuyên khoa"),
        ("86202", "Hoạt động của các phòng khám nha khoa"),
        ("86910", "Hoạt động y tế dự phòng"), ("86920", "Hoạt động chỉnh hình, phục hồi chức năng"),
        ("86990", "Hoạt động y tế khác"),
    ]
}

extension String {
    /// `Tỉnh Cao Bằng` within a name: `tỉnh Cao Bằng`.
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
