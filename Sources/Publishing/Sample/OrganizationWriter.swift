// Rows of the population database's agencies and organisations.
import Model

struct OrganizationWriter: SampleWriter {
    enum Fault: String, SampleFaultKind {
        case wrongCheckDigit, missingName, noHeadOffice, unknownStatus, badAgencyCode, retiredProvince, unknownKind
        case overlongShortName, headWithoutName, clockAhead

        var reason: ReasonCode {
            switch self {
            case .wrongCheckDigit, .badAgencyCode: .invalidIdentifier
            case .missingName, .noHeadOffice, .headWithoutName: .missingField
            case .unknownStatus, .retiredProvince, .unknownKind: .notInList
            case .overlongShortName, .clockAhead: .outOfRange
            }
        }
    }

    private let world: SampleWorld
    private let marks: SampleMarks
    private(set) var account = SampleFeedAccount(feed: "population-organization", topic: "population.organization.v1")

    private var address = SampleTable("organization_address", "organization_id, detail, commune_code, province_code")
    private var head = SampleTable("organization_head", "organization_id, personal_number, full_name, since, until")
    private var organization = SampleTable(
        "organization",
        """
        organization_id, organization_code, kind, name_vi, name_foreign, name_short, parent_organization_id, established_on, \
        status, state_secret, updated_at
        """,
        identity: "organization_id"
    )

    init(_ world: SampleWorld) {
        self.world = world
        marks = SampleMarks(seed: world.seed, feedOrdinal: 1, rows: world.counts.organizations)
    }

    var rowCount: Int { world.counts.organizations }

    mutating func forEachTable(_ body: (inout SampleTable) throws -> Void) rethrows {
        try body(&address)
        try body(&head)
        try body(&organization)
    }

    mutating func write(_ index: Int) {
        let entry = world.organization(index)
        var random = entry.random
        let isRegistered = entry.kind == .enterprise || entry.kind == .cooperative
        let fault: Fault? = marks.fault(index) { kind in
            switch kind {
            case .wrongCheckDigit: isRegistered
            case .badAgencyCode: !isRegistered && entry.parent != nil  // others name a department as their parent
            default: true
            }
        }
        let isSecret = marks.isSecret(index)

        organization.rows.integer(index + 1)
        organization.rows.text(
            fault == .wrongCheckDigit
                ? SampleEnterprise.breakingCheckDigit(of: entry.code)
                : fault == .badAgencyCode ? entry.code.replacing(".", with: "/") : entry.code
        )
        organization.rows.text(fault == .unknownKind ? "ZZ" : entry.kind.rawValue)
        organization.rows.text(fault == .missingName ? nil : entry.name)
        organization.rows.text(nil)
        organization.rows.text(
            fault == .overlongShortName
                ? String(repeating: "TYT", count: 100) : entry.kind == .agency ? "SYT\(index + 1)" : nil
        )
        organization.rows.integer(entry.parent.map { $0 + 1 })
        let established = SampleDate(
            year: random.within(1976...2018), month: random.within(1...12), day: random.within(1...28))
        organization.rows.date(random.below(100) < 80 ? established : nil)
        organization.rows.integer(fault == .unknownStatus ? 6 : random.pick(Self.statuses))
        organization.rows.boolean(isSecret)
        organization.rows.timestamp(
            world.today.adding(days: fault == .clockAhead ? 400 : -1 - random.below(900)),
            secondOfDay: random.below(86_400)
        )
        organization.rows.endRow()

        if fault != .noHeadOffice {
            address.rows.integer(index + 1)
            address.rows.text(SampleNames.street(&random))
            address.rows.text(fault == .retiredProvince ? nil : entry.commune.code)
            address.rows.text(fault == .retiredProvince ? "27" : world.places.provinces[entry.province].code)
            address.rows.endRow()
        }
        if fault == .headWithoutName || random.below(100) < 85 {
            let person = world.adult(.head, index, of: world.counts.organizations)
            head.rows.integer(index + 1)
            head.rows.text(person.number)
            head.rows.text(fault == .headWithoutName ? nil : person.name.full)
            head.rows.date(world.today.adding(days: -random.within(30...2_500)))
            head.rows.date(nil)
            head.rows.endRow()
        }
        account.count(fault, isSecret: isSecret, warnings: [])
    }

    private static let statuses = Weighted([(1, 965), (2, 20), (3, 15)])
}
