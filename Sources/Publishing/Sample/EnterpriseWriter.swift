// Rows of the business-registration database.
import Model

struct EnterpriseWriter: SampleWriter {
    enum Fault: String, SampleFaultKind {
        case wrongCheckDigit, twoPrimaryIndustries, missingName, negativeCapital, unknownStatus, noHeadOffice,
            unknownProvince
        case industryWithoutCodeOrText, badIndustryCode, repeatedIndustry, representativeWithoutName,
            badRepresentativeNumber
        case missingRegistrationDate, overlongName, clockAhead, unknownUnitType

        var reason: ReasonCode {
            switch self {
            case .wrongCheckDigit, .badRepresentativeNumber: .invalidIdentifier
            case .twoPrimaryIndustries, .repeatedIndustry: .inconsistent
            case .missingName, .noHeadOffice, .industryWithoutCodeOrText, .representativeWithoutName,
                .missingRegistrationDate:
                .missingField
            case .negativeCapital, .overlongName, .clockAhead: .outOfRange
            case .unknownStatus, .unknownProvince, .unknownUnitType: .notInList
            case .badIndustryCode: .wrongFormat
            }
        }
    }

    private let world: SampleWorld
    private let marks: SampleMarks
    private(set) var account = SampleFeedAccount(feed: "enterprise-registration", topic: "enterprise.registration.v1")

    private var address = SampleTable(
        "business_address", "business_id, detail, commune_code, province_code, code_basis, recorded_on"
    )
    private var line = SampleTable("business_line", "business_id, line_no, vsic_code, description, is_primary")
    private var person = SampleTable(
        "business_person",
        "business_id, role, full_name, personal_number, document_kind, document_number, document_country, position"
    )
    private var business = SampleTable(
        "business",
        """
        business_id, business_code, business_type, parent_business_id, name_vi, name_foreign, name_short, legal_form_id, \
        charter_capital, status, registered_on, state_secret, updated_at
        """,
        identity: "business_id"
    )

    init(_ world: SampleWorld) {
        self.world = world
        marks = SampleMarks(seed: world.seed, feedOrdinal: 2, rows: world.counts.enterprises)
    }

    var rowCount: Int { world.counts.enterprises }

    mutating func forEachTable(_ body: (inout SampleTable) throws -> Void) rethrows {
        try body(&address)
        try body(&line)
        try body(&person)
        try body(&business)
    }

    mutating func write(_ index: Int) {
        let unit = world.enterprise(index)
        var random = unit.random
        let isOwnFirm = unit.type == .enterprise || unit.type == .cooperative
        let fault: Fault? = marks.fault(index) { kind in
            switch kind {
            // The first three of a twenty have branches, whose own codes begin with theirs.
            case .wrongCheckDigit: isOwnFirm && index % 20 > 2
            case .negativeCapital: isOwnFirm
            default: true
            }
        }
        let isSecret = marks.isSecret(index)
        let latest = world.today.adding(days: -3)
        let age = random.below(isOwnFirm ? 9_000 : 5_000)
        let registered = latest.adding(days: -age)

        business.rows.integer(index + 1)
        business.rows.text(fault == .wrongCheckDigit ? SampleEnterprise.breakingCheckDigit(of: unit.code) : unit.code)
        business.rows.integer(fault == .unknownUnitType ? 8 : unit.type.rawValue)
        business.rows.integer(unit.parent.map { $0 + 1 })
        business.rows.text(
            fault == .missingName
                ? nil : fault == .overlongName ? String(repeating: "\(unit.name) ", count: 20) : unit.name
        )
        business.rows.text(nil)
        business.rows.text(isOwnFirm && random.below(100) < 40 ? "LT\(padded(index + 1, 4))" : nil)
        business.rows.integer(unit.form?.rawValue)
        business.rows.text(capital(unit, fault, &random))
        business.rows.text(fault == .unknownStatus ? "XX" : random.pick(Self.statuses))
        business.rows.date(fault == .missingRegistrationDate ? nil : registered)
        business.rows.boolean(isSecret)
        // Firms need not rewrite their address after the merger of provinces: the old code stands, with its day.
        let isAddressOld = registered < Self.merger && random.below(100) < 35
        let addressDay = isAddressOld ? registered : max(registered, min(latest, Self.merger))
        let changed = max(addressDay, latest.adding(days: -random.below(1_200)))
        business.rows.timestamp(
            fault == .clockAhead ? world.today.adding(days: 400) : changed, secondOfDay: random.below(86_400))
        business.rows.endRow()

        if fault != .noHeadOffice { writeAddress(unit, fault, isOld: isAddressOld, addressDay, &random) }
        writeLines(unit, fault, &random)
        writePeople(unit, fault, &random)
        account.count(fault, isSecret: isSecret, warnings: [])
    }

    private func capital(_ unit: SampleEnterprise, _ fault: Fault?, _ random: inout SampleRandom) -> String? {
        if fault == .negativeCapital { return "-1000000" }
        guard unit.type == .enterprise || unit.type == .cooperative else { return nil }
        let millions = random.pick([100, 300, 500, 900, 1_000, 1_900, 2_000, 5_000, 10_000, 20_000, 50_000, 120_000])
        return random.below(100) < 3 ? "\(millions)000000.50" : "\(millions)000000"
    }

    private mutating func writeAddress(
        _ unit: SampleEnterprise, _ fault: Fault?, isOld: Bool, _ recorded: SampleDate, _ random: inout SampleRandom
    ) {
        let province = world.places.provinces[unit.origin.today]
        let street = SampleNames.street(&random)
        address.rows.integer(unit.index + 1)
        address.rows.text(isOld ? "\(street), \(unit.origin.name)" : street)
        address.rows.text(isOld ? nil : random.pick(province.communes).code)
        address.rows.text(fault == .unknownProvince ? "99" : isOld ? unit.origin.code : province.code)
        address.rows.integer(isOld ? 1 : 2)
        address.rows.date(recorded)
        address.rows.endRow()
    }

    private mutating func writeLines(_ unit: SampleEnterprise, _ fault: Fault?, _ random: inout SampleRandom) {
        let least = fault == .twoPrimaryIndustries || fault == .repeatedIndustry ? 2 : 1
        var places = Array(unit.field.lines.prefix(max(least, random.within(1...unit.field.lines.count))))
        if places.count < least { places.append(18) }  // the field knows one line only
        for (ordinal, place) in places.enumerated() {
            let industry = SampleEnterprise.industries[fault == .repeatedIndustry ? places[0] : place]
            // Some lines of the older registrations have words and no code.
            let isCoded = ordinal == 0 || random.below(100) < 93 || fault != nil
            let isBlank = fault == .industryWithoutCodeOrText && ordinal == 0
            line.rows.integer(unit.index + 1)
            line.rows.integer(ordinal + 1)
            line.rows.text(isBlank || !isCoded ? nil : fault == .badIndustryCode && ordinal == 0 ? "86" : industry.code)
            line.rows.text(isBlank ? nil : industry.text)
            line.rows.boolean(ordinal == 0 || fault == .twoPrimaryIndustries)
            line.rows.endRow()
        }
    }

    private mutating func writePeople(_ unit: SampleEnterprise, _ fault: Fault?, _ random: inout SampleRandom) {
        let owner = world.adult(.owner, unit.index, of: world.counts.enterprises)
        let isForeign = fault == nil && unit.type == .enterprise && random.below(100) < 3
        person.rows.integer(unit.index + 1)
        person.rows.integer(1)
        if isForeign {
            person.rows.text("\(random.pick(SampleNames.foreignFamilies)) \(random.pick(SampleNames.foreignGivens))")
            person.rows.text(nil)
            person.rows.text("HC")
            person.rows.text("M\(padded(random.below(100_000_000), 8))")
            person.rows.text(random.pick(SampleNames.foreign))
        } else {
            person.rows.text(fault == .representativeWithoutName ? nil : owner.name.full)
            person.rows.text(fault == .badRepresentativeNumber ? "12345" : owner.number)
            person.rows.text(nil)
            person.rows.text(nil)
            person.rows.text(nil)
        }
        person.rows.text(Self.position(unit.type))
        person.rows.endRow()
        // A member who does not represent the firm stays at home.
        guard unit.form == .limitedMany || unit.form == .jointStock else { return }
        person.rows.integer(unit.index + 1)
        person.rows.integer(2)
        person.rows.text(SampleNames.person(male: random.below(2) == 0, birthYear: 1975, &random).full)
        for _ in 0..<5 { person.rows.text(nil) }
        person.rows.endRow()
    }

    private static func position(_ type: SampleEnterprise.UnitType) -> String {
        switch type {
        case .enterprise: "Giám đốc"
        case .branch, .representativeOffice, .businessLocation: "Người đứng đầu"
        case .household: "Chủ hộ"
        case .cooperative: "Chủ tịch Hội đồng quản trị"
        }
    }

    private static let merger = SampleDate(year: 2025, month: 7, day: 1)
    private static let statuses = Weighted([
        ("HD", 860), ("TN", 50), ("KD", 35), ("TH", 15), ("DG", 20), ("PS", 2), ("GT", 18),
    ])
}

extension SampleEnterprise {
    /// The code with another tenth digit: well formed, and wrong.
    static func breakingCheckDigit(of code: String) -> String {
        let digits = Array(code)
        let check = (digits[9].wholeNumberValue ?? 0) + 1
        return String(digits[..<9]) + String(check % 10) + String(digits[10...])
    }
}
