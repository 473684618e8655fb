// Rows of the population database's people.
import Model

struct CitizenWriter: SampleWriter {
    enum Fault: String, SampleFaultKind {
        case missingName, badPersonalNumber, noAddress, impossibleBirthDate, unknownStatus, retiredProvince,
            deathBeforeBirth
        case missingBirthDate, overlongBirthPlace, unknownSex, shortOldIdentityNumber, missingPersonalNumber,
            unknownCommune
        case unknownMaritalStatus, representativeWithoutName

        var reason: ReasonCode {
            switch self {
            case .missingName, .noAddress, .missingBirthDate, .representativeWithoutName: .missingField
            case .badPersonalNumber, .shortOldIdentityNumber: .invalidIdentifier
            case .impossibleBirthDate: .wrongFormat
            case .unknownStatus, .retiredProvince, .unknownSex, .unknownCommune, .unknownMaritalStatus: .notInList
            case .deathBeforeBirth: .inconsistent
            case .overlongBirthPlace: .outOfRange
            case .missingPersonalNumber: .missingKey
            }
        }
    }

    private let world: SampleWorld
    private let marks: SampleMarks
    private(set) var account = SampleFeedAccount(feed: "population-citizen", topic: "population.citizen.v1")

    private var history = SampleTable("personal_number_history", "person_id, personal_number, cancelled_on")
    private var residence = SampleTable(
        "residence", "person_id, kind, detail, commune_code, province_code, since, until"
    )
    private var document = SampleTable("identity_document", "person_id, kind, number, issued_on")
    private var representative = SampleTable("representative", "person_id, personal_number, full_name, relation")
    private var person = SampleTable(
        "person",
        """
        person_id, personal_number, family_name, middle_name, given_name, birth_ymd, sex, ethnicity, country_id, \
        birth_place, marital_status, status, death_ymd, occupation, phone, state_secret, changed_at
        """,
        identity: "person_id"
    )

    init(_ world: SampleWorld) {
        self.world = world
        marks = SampleMarks(seed: world.seed, feedOrdinal: 0, rows: world.counts.citizens)
    }

    var rowCount: Int { world.counts.citizens }

    mutating func forEachTable(_ body: (inout SampleTable) throws -> Void) rethrows {
        try body(&history)
        try body(&residence)
        try body(&document)
        try body(&representative)
        try body(&person)
    }

    mutating func write(_ index: Int) {
        let citizen = world.person(index)
        var random = SampleRandom(seed: world.seed, .citizen, index)
        let fault: Fault? = marks.fault(index) { _ in true }
        let sexCode = random.chance(perThousand: 1) ? random.pick([3, 9]) : citizen.isMale ? 1 : 2

        writePerson(citizen, fault, sexCode: sexCode, isSecret: marks.isSecret(index), &random)
        writeResidences(citizen, fault, &random)
        writeHistory(citizen, &random)
        writeDocuments(citizen, fault, &random)
        writeRepresentatives(citizen, fault, &random)

        var warnings: [String] = []
        if citizen.numberYearDiffers { warnings.append("birth-year-differs-from-number") }
        if citizen.numberSexDiffers && sexCode <= 2 { warnings.append("sex-differs-from-number") }
        account.count(fault, isSecret: marks.isSecret(index), warnings: warnings)
    }

    private mutating func writePerson(
        _ citizen: SamplePerson, _ fault: Fault?, sexCode: Int, isSecret: Bool, _ random: inout SampleRandom
    ) {
        let isNameless = fault == .missingName
        person.rows.integer(citizen.index + 1)
        person.rows.text(
            fault == .missingPersonalNumber
                ? nil
                : fault == .badPersonalNumber ? String(citizen.number.dropLast()) : citizen.number
        )
        person.rows.text(isNameless ? nil : citizen.name.family)
        person.rows.text(isNameless ? nil : citizen.name.middle)
        person.rows.text(isNameless ? nil : citizen.name.given)
        person.rows.text(birthText(citizen, fault))
        person.rows.integer(fault == .unknownSex ? 7 : sexCode)
        person.rows.integer(random.pick(Self.ethnicities))
        person.rows.integer(random.chance(perThousand: 3) ? random.within(2...8) : 1)
        person.rows.text(
            fault == .overlongBirthPlace
                ? String(repeating: "\(citizen.origin.name), ", count: 30) : citizen.origin.name
        )
        person.rows.text(fault == .unknownMaritalStatus ? "LT" : maritalStatus(citizen, &random))
        writeStatus(citizen, fault, &random)
        person.rows.text((18...64).contains(citizen.age) ? random.pick(Self.occupations) : nil)
        // Eleven digits after 0120 were given up in 2018: such a number rings nowhere.
        person.rows.text(citizen.age >= 15 && random.below(10) < 7 ? "0120\(padded(random.below(10_000_000), 7))" : nil)
        person.rows.boolean(isSecret)
        let yesterday = world.today.adding(days: -1)
        let changed = min(yesterday, max(citizen.birth, yesterday.adding(days: -random.below(1_000))))
        person.rows.timestamp(changed, secondOfDay: random.below(86_400))
        person.rows.endRow()
    }

    private func birthText(_ citizen: SamplePerson, _ fault: Fault?) -> String? {
        switch fault {
        case .missingBirthDate: nil
        case .impossibleBirthDate: padded(citizen.birth.year, 4) + "0231"
        // Only a whole date can be compared.
        case .deathBeforeBirth: padded(citizen.birth.year, 4) + "0612"
        default: citizen.birthText
        }
    }

    private mutating func writeStatus(_ citizen: SamplePerson, _ fault: Fault?, _ random: inout SampleRandom) {
        if fault == .unknownStatus {
            person.rows.integer(8)
            person.rows.text(nil)
        } else if fault == .deathBeforeBirth {
            person.rows.integer(4)
            person.rows.text(padded(citizen.birth.year, 4) + "0611")
        } else if let day = citizen.deathDate, fault != .impossibleBirthDate {
            person.rows.integer(4)
            person.rows.text(padded(day.year, 4) + padded(day.month, 2) + padded(day.day, 2))
        } else {
            person.rows.integer(random.pick(Self.statuses))
            person.rows.text(nil)
        }
    }

    private func maritalStatus(_ citizen: SamplePerson, _ random: inout SampleRandom) -> String {
        switch citizen.age {
        case ..<20: "DT"
        case ..<30: random.below(100) < 55 ? "DT" : "KH"
        case ..<60: random.pick(Self.maritalStatuses)
        default: random.below(100) < 30 ? "GB" : "KH"
        }
    }

    private mutating func writeResidences(_ citizen: SamplePerson, _ fault: Fault?, _ random: inout SampleRandom) {
        let province = world.places.provinces[citizen.home]
        let movedOn = world.today.adding(days: -random.within(30...6_000))
        let since = max(movedOn, citizen.birth)
        // A former address stays in the register and must not be published.
        if fault == .noAddress || random.below(100) < 15 {
            let old = world.places.provinces[citizen.origin.today]
            let street = SampleNames.street(&random)
            residence(citizen, "TT", street, random.pick(old.communes).code, old.code, citizen.birth, since)
        }
        if fault == .noAddress { return }
        let isPermanentKnown = random.chance(perThousand: 970) || fault != nil
        if isPermanentKnown {
            residence(
                citizen, "TT", citizen.street,
                fault == .retiredProvince ? nil : fault == .unknownCommune ? "99999" : citizen.commune.code,
                // Bắc Ninh's code to 2025-06-30, which no province has today.
                fault == .retiredProvince ? "27" : province.code, since, nil
            )
        }
        if !isPermanentKnown || random.below(100) < 35 {
            let here = random.below(100) < 50 ? citizen.home : random.pick(world.places.oldProvinces).today
            let current = world.places.provinces[here]
            let street = SampleNames.street(&random)
            residence(citizen, "HT", street, random.pick(current.communes).code, current.code, since, nil)
        }
    }

    private mutating func residence(
        _ citizen: SamplePerson, _ kind: String, _ detail: String, _ commune: String?, _ province: String,
        _ since: SampleDate, _ until: SampleDate?
    ) {
        residence.rows.integer(citizen.index + 1)
        residence.rows.text(kind)
        residence.rows.text(detail)
        residence.rows.text(commune)
        residence.rows.text(province)
        residence.rows.date(since)
        residence.rows.date(until)
        residence.rows.endRow()
    }

    private mutating func writeHistory(_ citizen: SamplePerson, _ random: inout SampleRandom) {
        guard random.chance(perThousand: 8) else { return }
        // Of another province with the same last digits: nobody holds it today, as those digits are the citizen's alone.
        let other = random.pick(world.places.oldProvinces)
        guard other.code != citizen.origin.code else { return }
        history.rows.integer(citizen.index + 1)
        history.rows.text("0\(other.code)\(citizen.number.dropFirst(3))")
        history.rows.date(max(citizen.birth, world.today.adding(days: -random.within(60...2_000))))
        history.rows.endRow()
    }

    private mutating func writeDocuments(_ citizen: SamplePerson, _ fault: Fault?, _ random: inout SampleRandom) {
        if fault == .shortOldIdentityNumber || (citizen.birth.year <= 2001 && random.below(100) < 60) {
            document.rows.integer(citizen.index + 1)
            document.rows.text("CMND")
            let number = citizen.origin.code + padded(random.below(10_000_000), 7)
            document.rows.text(fault == .shortOldIdentityNumber ? String(number.dropLast(2)) : number)
            let issued = SampleDate(
                year: random.within(2005...2015), month: random.within(1...12), day: random.within(1...28)
            )
            document.rows.date(issued)
            document.rows.endRow()
        }
        if citizen.age > 20 && random.below(100) < 12 {
            document.rows.integer(citizen.index + 1)
            document.rows.text("HC")
            document.rows.text("C\(padded(random.below(10_000_000), 7))")
            document.rows.date(world.today.adding(days: -random.within(30...3_000)))
            document.rows.endRow()
        }
    }

    private mutating func writeRepresentatives(_ citizen: SamplePerson, _ fault: Fault?, _ random: inout SampleRandom) {
        guard fault == .representativeWithoutName || (citizen.age < 18 && random.below(100) < 75) else { return }
        let relations = random.below(100) < 55 ? [1, 2] : [random.pick([1, 2, 2, 3])]
        for relation in relations {
            let isMale = relation == 1 || (relation == 3 && random.below(2) == 0)
            let birthYear = citizen.birth.year - random.within(20...38)
            let name = SampleNames.person(male: isMale, birthYear: birthYear, &random)
            let century = (birthYear / 100 - 19) * 2 + (isMale ? 0 : 1)
            let year = padded(birthYear % 100, 2)
            let number = "0\(citizen.origin.code)\(max(0, century))\(year)\(padded(random.below(1_000_000), 6))"
            representative.rows.integer(citizen.index + 1)
            representative.rows.text(random.below(10) < 7 ? number : nil)
            representative.rows.text(fault == .representativeWithoutName ? nil : name.full)
            representative.rows.integer(relation)
            representative.rows.endRow()
        }
    }

    private static let ethnicities = Weighted([
        (1, 853), (2, 19), (3, 19), (4, 8), (5, 14), (6, 15), (7, 11), (8, 15), (9, 9), (10, 5), (11, 4), (12, 3),
        (16, 3),
    ])
    private static let statuses = Weighted([(1, 989), (2, 5), (3, 4), (5, 2)])
    private static let maritalStatuses = Weighted([("KH", 82), ("DT", 9), ("LH", 6), ("GB", 3)])
    private static let occupations = ["2211", "2221", "2262", "3212", "4110", "5223", "6111", "7531", "8322", "9211"]
}
