// Rows of the civil-service database.
import Model

struct OfficialWriter: SampleWriter {
    enum Fault: String, SampleFaultKind {
        case endBeforeStart, badPersonalNumber, badAgencyCode, missingName, unknownEmployment, missingStart,
            impossibleBirthDate
        case unknownQualification, trainingWithoutInstitution, badLicence, overlongPosition, missingPersonalNumber,
            unknownSex

        var reason: ReasonCode {
            switch self {
            case .endBeforeStart: .inconsistent
            case .badPersonalNumber, .badAgencyCode, .badLicence: .invalidIdentifier
            case .missingName, .missingStart, .trainingWithoutInstitution: .missingField
            case .unknownEmployment, .unknownQualification, .unknownSex: .notInList
            case .impossibleBirthDate: .wrongFormat
            case .overlongPosition: .outOfRange
            case .missingPersonalNumber: .missingKey
            }
        }

        /// Whether it lies in the employee, and so in all posts of that employee.
        var isOfEmployee: Bool {
            switch self {
            case .missingName, .impossibleBirthDate, .unknownQualification, .trainingWithoutInstitution, .badLicence,
                .unknownSex:
                true
            case .endBeforeStart, .badPersonalNumber, .badAgencyCode, .unknownEmployment, .missingStart,
                .overlongPosition,
                .missingPersonalNumber:
                false
            }
        }
    }

    private struct Profession: Sendable {
        let title: String
        let rank: String
        let employment: String
        let field: String
        let qualifications: [String]
        let positions: [String]
        let isLicensed: Bool
    }

    private let world: SampleWorld
    private let marks: SampleMarks
    private(set) var account = SampleFeedAccount(feed: "civilservice-official", topic: "civilservice.official.v1")

    private var employee = SampleTable(
        "employee", "employee_id, full_name, birth_ymd, sex, qualification, practice_licence", identity: "employee_id"
    )
    private var training = SampleTable("training", "employee_id, institution_id, field, level, graduated_on")
    private var post = SampleTable(
        "post",
        """
        post_id, employee_id, personal_number, agency_code, employment, position, rank_code, professional_title, started_on, \
        ended_on, state_secret, updated_at
        """,
        identity: "post_id"
    )

    init(_ world: SampleWorld) {
        self.world = world
        marks = SampleMarks(seed: world.seed, feedOrdinal: 4, rows: world.counts.posts)
    }

    var rowCount: Int { world.counts.posts }

    mutating func forEachTable(_ body: (inout SampleTable) throws -> Void) rethrows {
        try body(&employee)
        try body(&training)
        try body(&post)
    }

    /// The first posts are the employees' present ones, the rest those that some held elsewhere before.
    mutating func write(_ index: Int) {
        let employees = world.counts.employees
        let isPresent = index < employees
        let ordinal = isPresent ? index : index - employees
        let hasSeveral = !isPresent || index < world.counts.posts - employees
        let fault: Fault? = marks.fault(index) { !($0.isOfEmployee && hasSeveral) }

        let person = world.adult(.employee, ordinal, of: employees)
        var random = SampleRandom(seed: world.seed, .employee, ordinal)
        let profession = random.pick(Self.professions)
        let present = world.employer(near: person.home, &random)
        let qualification = random.pick(profession.qualifications)
        let entered = SampleDate(
            year: min(world.today.year - 1, person.birth.year + random.within(22...27)), month: random.within(1...12),
            day: random.within(1...28)
        )
        if isPresent {
            writeEmployee(ordinal, person, profession, qualification, entered, fault, &random)
            writePost(index, ordinal, person, profession, present, entered, nil, fault)
        } else {
            // One post elsewhere, and none there at the same key.
            let former = (world.places.provinces.count + present.province - 7) % world.places.provinces.count
            let place = former == present.index ? (former + 1) % world.places.provinces.count : former
            writePost(
                index, ordinal, person, profession, world.organization(place), entered,
                min(world.today.adding(days: -1), entered.adding(days: 300)), fault
            )
        }
        account.count(fault, isSecret: marks.isSecret(index), warnings: [])
    }

    private mutating func writeEmployee(
        _ ordinal: Int, _ person: SamplePerson, _ profession: Profession, _ qualification: String,
        _ entered: SampleDate,
        _ fault: Fault?, _ random: inout SampleRandom
    ) {
        employee.rows.integer(ordinal + 1)
        employee.rows.text(fault == .missingName ? nil : person.name.full)
        employee.rows.text(fault == .impossibleBirthDate ? padded(person.birth.year, 4) + "0431" : person.birthText)
        employee.rows.text(fault == .unknownSex ? "X" : person.isMale ? "M" : "F")
        employee.rows.text(fault == .unknownQualification ? "PGS" : qualification)
        let office = SamplePlaces.licenceAbbreviations[world.places.provinces[person.home].code] ?? "BYT"
        let licence =
            random.below(100) < 30
            ? "\(padded(ordinal + 1, 7))/BYT-CCHN" : "\(padded((ordinal + 1) % 1_000_000, 6))/\(office)-GPHN"
        employee.rows.text(fault == .badLicence ? "GPHN số 12" : profession.isLicensed ? licence : nil)
        employee.rows.endRow()

        let courses = fault == .trainingWithoutInstitution ? 1 : random.below(100) < 85 ? random.within(1...2) : 0
        for course in 0..<courses {
            training.rows.integer(ordinal + 1)
            training.rows.integer(fault == .trainingWithoutInstitution ? nil : random.within(1...12))
            training.rows.text(profession.field)
            training.rows.text(course == 0 ? Self.levels[qualification] : "Bồi dưỡng")
            training.rows.date(entered.adding(days: course == 0 ? -random.within(30...400) : random.within(10...300)))
            training.rows.endRow()
        }
    }

    private mutating func writePost(
        _ index: Int, _ ordinal: Int, _ person: SamplePerson, _ profession: Profession, _ agency: SampleOrganization,
        _ started: SampleDate, _ ended: SampleDate?, _ fault: Fault?
    ) {
        var random = SampleRandom(seed: world.seed, .post, index)
        let yesterday = world.today.adding(days: -1)
        let left = ended ?? (random.chance(perThousand: 70) ? yesterday.adding(days: -random.below(300)) : nil)
        post.rows.integer(index + 1)
        post.rows.integer(ordinal + 1)
        post.rows.text(
            fault == .missingPersonalNumber
                ? nil
                : fault == .badPersonalNumber ? String(person.number.dropLast(3)) : person.number
        )
        post.rows.text(fault == .badAgencyCode ? "SYT-\(padded(index + 1, 5))" : agency.code)
        post.rows.text(fault == .unknownEmployment ? "TV" : profession.employment)
        post.rows.text(
            fault == .overlongPosition
                ? String(repeating: "Phó Trưởng khoa phụ trách ", count: 12) : random.pick(profession.positions)
        )
        post.rows.text(profession.rank)
        post.rows.text(profession.title)
        post.rows.date(fault == .missingStart ? nil : started)
        post.rows.date(fault == .endBeforeStart ? started.adding(days: -1) : left.map { max(started, $0) })
        post.rows.boolean(marks.isSecret(index))
        post.rows.timestamp(yesterday.adding(days: -random.below(800)), secondOfDay: random.below(86_400))
        post.rows.endRow()
    }

    private static let levels = [
        "TC": "Trung cấp", "CD": "Cao đẳng", "DH": "Đại học", "NT": "Bác sĩ nội trú", "THS": "Thạc sĩ", "TS": "Tiến sĩ",
        "CK1": "Chuyên khoa I", "CK2": "Chuyên khoa II",
    ]

    private static let professions: Weighted<Profession> = Weighted([
        (
            Profession(
                title: "Bác sĩ (hạng III)", rank: "V.08.01.03", employment: "VC", field: "Y khoa",
                qualifications: ["DH", "DH", "CK1", "THS", "NT"],
                positions: ["Bác sĩ điều trị", "Bác sĩ", "Phó Trưởng khoa"],
                isLicensed: true
            ), 24
        ),
        (
            Profession(
                title: "Bác sĩ chính (hạng II)", rank: "V.08.01.02", employment: "VC", field: "Y khoa",
                qualifications: ["CK2", "CK1", "TS", "THS"], positions: ["Trưởng khoa", "Phó Giám đốc"],
                isLicensed: true
            ), 7
        ),
        (
            Profession(
                title: "Điều dưỡng hạng III", rank: "V.08.05.12", employment: "VC", field: "Điều dưỡng",
                qualifications: ["DH", "DH", "CK1"], positions: ["Điều dưỡng", "Điều dưỡng trưởng khoa"],
                isLicensed: true
            ), 20
        ),
        (
            Profession(
                title: "Điều dưỡng hạng IV", rank: "V.08.05.13", employment: "VC", field: "Điều dưỡng",
                qualifications: ["CD", "TC"], positions: ["Điều dưỡng"], isLicensed: true
            ), 17
        ),
        (
            Profession(
                title: "Hộ sinh hạng IV", rank: "V.08.06.16", employment: "VC", field: "Hộ sinh",
                qualifications: ["CD", "TC"],
                positions: ["Hộ sinh"], isLicensed: true
            ), 6
        ),
        (
            Profession(
                title: "Kỹ thuật y hạng III", rank: "V.08.07.18", employment: "VC", field: "Kỹ thuật xét nghiệm y học",
                qualifications: ["DH", "CD"], positions: ["Kỹ thuật viên"], isLicensed: true
            ), 8
        ),
        (
            Profession(
                title: "Dược sĩ (hạng III)", rank: "V.08.08.22", employment: "VC", field: "Dược học",
                qualifications: ["DH", "CK1", "THS"], positions: ["Dược sĩ", "Trưởng khoa Dược"], isLicensed: false
            ), 6
        ),
        (
            Profession(
                title: "Chuyên viên", rank: "01.003", employment: "CC", field: "Y tế công cộng",
                qualifications: ["DH", "THS"],
                positions: ["Chuyên viên", "Phó Trưởng phòng"], isLicensed: false
            ), 8
        ),
        (
            Profession(
                title: "Chuyên viên chính", rank: "01.002", employment: "CB", field: "Quản lý bệnh viện",
                qualifications: ["THS", "TS"], positions: ["Giám đốc Sở", "Phó Giám đốc Sở"], isLicensed: false
            ), 1
        ),
        (
            Profession(
                title: "Dược hạng IV", rank: "V.08.08.23", employment: "HD", field: "Dược học",
                qualifications: ["CD", "TC"],
                positions: ["Nhân viên cấp phát thuốc"], isLicensed: false
            ), 3
        ),
    ])
}
