// Rows of the insurance database.
import Model

struct CardWriter: SampleWriter {
    enum Fault: String, SampleFaultKind {
        case lettersDifferFromGroup, levelDiffers, endBeforeStart, badCardNumber, missingName, impossibleBirthDate,
            unknownStatus
        case levelBeyondFive, unknownArea, shortInsuranceNumber, missingCardNumber, badFacilityCode, unknownSex,
            badPersonalNumber

        var reason: ReasonCode {
            switch self {
            case .lettersDifferFromGroup, .levelDiffers, .endBeforeStart: .inconsistent
            case .badCardNumber, .shortInsuranceNumber, .badFacilityCode, .badPersonalNumber: .invalidIdentifier
            case .missingName: .missingField
            case .impossibleBirthDate: .wrongFormat
            case .unknownStatus, .unknownArea, .unknownSex: .notInList
            case .levelBeyondFive: .outOfRange
            case .missingCardNumber: .missingKey
            }
        }

        /// Whether it lies in the participant, and so in all cards of that participant.
        var isOfParticipant: Bool {
            switch self {
            case .missingName, .impossibleBirthDate, .shortInsuranceNumber, .unknownSex, .badPersonalNumber: true
            case .lettersDifferFromGroup, .levelDiffers, .endBeforeStart, .badCardNumber, .unknownStatus,
                .levelBeyondFive,
                .unknownArea, .missingCardNumber, .badFacilityCode:
                false
            }
        }
    }

    private let world: SampleWorld
    private let marks: SampleMarks
    private(set) var account = SampleFeedAccount(feed: "insurance-card", topic: "insurance.card.v1")

    private var participant = SampleTable(
        "participant", "participant_id, social_insurance_number, personal_number, full_name, birth_ymd, sex",
        identity: "participant_id"
    )
    private var benefit = SampleTable("card_benefit", "card_id, kind, area_code, since")
    private var card = SampleTable(
        "card",
        """
        card_id, participant_id, card_number, group_code, benefit_level, facility_code, office_id, valid_from, valid_to, status, \
        state_secret, updated_at
        """,
        identity: "card_id"
    )

    init(_ world: SampleWorld) {
        self.world = world
        marks = SampleMarks(seed: world.seed, feedOrdinal: 3, rows: world.counts.cards)
    }

    var rowCount: Int { world.counts.cards }

    mutating func forEachTable(_ body: (inout SampleTable) throws -> Void) rethrows {
        try body(&participant)
        try body(&benefit)
        try body(&card)
    }

    /// The first cards are the participants' present ones, the rest those of an earlier period.
    mutating func write(_ index: Int) {
        let participants = world.counts.participants
        let earlier = world.counts.cards - participants
        let isPresent = index < participants
        let hasSeveral = !isPresent || index < earlier
        let fault: Fault? = marks.fault(index) { !($0.isOfParticipant && hasSeveral) }
        let holder = holder(isPresent ? index : index - participants)

        if isPresent { writeParticipant(holder, fault) }
        writeCard(index, holder, fault, isPresent: isPresent)

        var warnings: [String] = []
        if !holder.isLinked { warnings.append("unlinked") }
        if holder.numberDiffers { warnings.append("social-insurance-number-differs-from-card") }
        account.count(fault, isSecret: marks.isSecret(index), warnings: warnings)
    }

    /// What a participant is, whichever card is written.
    private struct Holder {
        let ordinal: Int
        let person: SamplePerson
        let isLinked: Bool
        let group: String
        let level: Int
        let cardTail: String
        let insuranceNumber: String
        let numberDiffers: Bool
        var random: SampleRandom
    }

    private func holder(_ ordinal: Int) -> Holder {
        var random = SampleRandom(seed: world.seed, .participant, ordinal)
        let person = world.person(ordinal * world.counts.citizens / world.counts.participants)
        let group = Self.group(person.age, &random)
        let usual = world.socialInsuranceNumber(ordinal, province: person.origin.code)
        let hasNewNumber = random.chance(perThousand: 30)
        let numberDiffers = !hasNewNumber && random.chance(perThousand: 5)
        let isLinked = !random.chance(perThousand: 8)
        return Holder(
            ordinal: ordinal, person: person, isLinked: isLinked, group: group.code, level: group.level,
            cardTail: usual,
            insuranceNumber: hasNewNumber && isLinked
                ? person.number  // since 2025-08-01 the personal number takes its place
                : numberDiffers ? person.origin.code + String(usual.dropFirst(2).reversed()) : usual,
            // A number that reads alike from both ends does not differ after all.
            numberDiffers: numberDiffers && String(usual.dropFirst(2).reversed()) != usual.dropFirst(2), random: random
        )
    }

    private mutating func writeParticipant(_ holder: Holder, _ fault: Fault?) {
        let person = holder.person
        participant.rows.integer(holder.ordinal + 1)
        participant.rows.text(
            fault == .shortInsuranceNumber ? String(holder.cardTail.dropLast()) : holder.insuranceNumber)
        participant.rows.text(fault == .badPersonalNumber ? "0\(person.number)" : holder.isLinked ? person.number : nil)
        participant.rows.text(fault == .missingName ? nil : person.name.full)
        participant.rows.text(fault == .impossibleBirthDate ? padded(person.birth.year, 4) + "1301" : person.birthText)
        participant.rows.integer(fault == .unknownSex ? 5 : person.isMale ? 1 : 0)
        participant.rows.endRow()
    }

    private mutating func writeCard(_ index: Int, _ holder: Holder, _ fault: Fault?, isPresent: Bool) {
        var random = SampleRandom(seed: world.seed, .card, index)
        let home = world.places.oldByToday[holder.person.home]
        let province = home[holder.ordinal % home.count].code
        let number = "\(holder.group)\(holder.level)\(province)\(holder.cardTail)"
        // A period begins on the first day of a month; the earlier one ended before any present one began.
        let month = isPresent ? random.within(1...18) : random.within(40...60)
        let start = monthsAgo(month)
        let isLimited = !isPresent || random.below(100) < 40
        let end = isLimited ? monthsAgo(month - 12).adding(days: -1) : nil

        card.rows.integer(index + 1)
        card.rows.integer(holder.ordinal + 1)
        card.rows.text(cardNumber(number, holder, fault))
        card.rows.text(holder.group)
        card.rows.integer(fault == .levelBeyondFive ? 7 : holder.level)
        card.rows.text(fault == .badFacilityCode ? "12" : "\(province)\(padded(random.within(1...220), 3))")
        card.rows.integer(holder.person.home + 1)
        card.rows.date(start)
        card.rows.date(fault == .endBeforeStart ? start.adding(days: -1) : end)
        card.rows.integer(fault == .unknownStatus ? 9 : status(holder, end, &random))
        card.rows.boolean(marks.isSecret(index))
        let yesterday = world.today.adding(days: -1)
        card.rows.timestamp(min(yesterday, start.adding(days: random.below(40))), secondOfDay: random.below(86_400))
        card.rows.endRow()

        if fault == .unknownArea { writeBenefit(index, "KV", area: "K9", since: nil) }
        if fault == nil && random.below(100) < 12 {
            writeBenefit(index, "KV", area: random.pick(["K1", "K2", "K3"]), since: nil)
        }
        if holder.person.age > 8 && random.below(100) < 45 {
            writeBenefit(index, "5N", area: nil, since: start.adding(days: -random.below(900)))
        }
        if random.below(100) < 2 {
            writeBenefit(index, "MCCT", area: nil, since: start.adding(days: random.below(200)))
        }
    }

    private mutating func writeBenefit(_ index: Int, _ kind: String, area: String?, since: SampleDate?) {
        benefit.rows.integer(index + 1)
        benefit.rows.text(kind)
        benefit.rows.text(area)
        benefit.rows.date(since)
        benefit.rows.endRow()
    }

    private func cardNumber(_ number: String, _ holder: Holder, _ fault: Fault?) -> String? {
        switch fault {
        case .missingCardNumber: nil
        case .badCardNumber: String(number.dropLast())
        case .lettersDifferFromGroup: (holder.group == "GD" ? "DN" : "GD") + number.dropFirst(2)
        // The letters of small children go with level 1 alone; any other group has a neighbour.
        case .levelDiffers: number.prefix(2) + String(holder.level % 5 + 1) + number.dropFirst(3)
        default: number
        }
    }

    private func status(_ holder: Holder, _ end: SampleDate?, _ random: inout SampleRandom) -> Int {
        if let end, end < world.today { return 2 }
        return holder.person.deathDate != nil || random.chance(perThousand: 10) ? 3 : 1
    }

    private func monthsAgo(_ months: Int) -> SampleDate {
        let month = world.today.year * 12 + world.today.month - 1 - months
        return SampleDate(year: month / 12, month: month % 12 + 1, day: 1)
    }

    /// Group and level of benefit by age; working people are employed or insured with their household.
    private static func group(_ age: Int, _ random: inout SampleRandom) -> (code: String, level: Int) {
        switch age {
        case ..<6: ("TE", 1)
        case ..<18: random.pick(pupils)
        case ..<23: random.pick(students)
        case ..<61: random.pick(workers)
        default: random.pick(elders)
        }
    }

    private static let pupils: Weighted<(code: String, level: Int)> = Weighted([
        (("HS", 4), 85), (("HN", 2), 8), (("DT", 2), 7),
    ])
    private static let students: Weighted<(code: String, level: Int)> = Weighted([
        (("SV", 4), 55), (("DN", 4), 25), (("GD", 4), 20),
    ])
    private static let workers: Weighted<(code: String, level: Int)> = Weighted([
        (("DN", 4), 45), (("GD", 4), 28), (("HC", 4), 7), (("HN", 2), 6), (("CN", 3), 6), (("DT", 2), 6),
        (("TN", 4), 2),
    ])
    private static let elders: Weighted<(code: String, level: Int)> = Weighted([
        (("HT", 3), 42), (("GD", 4), 28), (("BT", 2), 15), (("HN", 2), 8), (("CC", 1), 7),
    ])
}
