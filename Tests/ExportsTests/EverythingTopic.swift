// A made-up topic with every construct that a contract can have, and a record of it.
import Contracts
import Model

enum EverythingTopic {
    static let codeLists = CodeLists(
        provincesToday: [1, 4, 15, 24, 79], provincesBeforeMerger: [1, 4, 6, 15, 24, 28, 79],
        communes: [(code: 4, province: 1)], countries: ["VNM", "FRA"])

    /// A description that would be markup, were it not escaped; the mark after the quotation mark makes them one
    /// `Character`.
    static let hostile = "<script>alert(1)</script> & \"\u{301} ' it"

    static let name = topicName("test.every-thing.v1")

    static func topicName(_ text: String) -> TopicName {
        guard let name = TopicName(text) else { preconditionFailure("\(text) is no topic's name") }
        return name
    }

    static let definition = TopicDefinition(
        name: name, folder: "/nowhere", contract: contract,
        mapping: Mapping(
            revision: 3, table: "registry.thing_record", view: "registry.thing",
            key: [column("id", "id"), column("day", "day")],
            columns: [
                column("name", "name"), column("short", "short"), column("born_text", "born"),
                Mapping.Column(name: "born", field: "born", normaliser: .wholeDate), column("level", "level"),
                column("flag", "flag"), column("amount", "amount"), column("office_text", "office.text"),
                column("office_province", "office.province"), column("updated_at", "updatedAt"), column("tags", "tags"),
            ],
            children: [
                Mapping.Child(
                    table: "registry.thing_part", list: "parts",
                    columns: [column("code", "code"), column("main", "main"), column("since", "since")])
            ]))

    private static func column(_ name: String, _ field: String) -> Mapping.Column {
        Mapping.Column(name: name, field: field)
    }

    static let contract = Contract(
        version: "1.2.0", status: .draft, owner: "Cơ quan <Thử>", ownerDescription: hostile,
        descriptionEnglish: hostile, descriptionVietnamese: "Mô tả \(hostile)", usage: hostile, limitations: hostile,
        dataGroups: [6, 24], articles: ["14.1a"], fields: fields, key: ["id", "day"], versionField: "updatedAt",
        rules: rules,
        kafka: Contract.KafkaSettings(
            partitions: 4, replicationFactor: 2, retentionMilliseconds: 7_200_000, cleanupPolicy: "compact,delete"),
        breaker: Contract.BreakerSettings(), server: "kafka.lienthong.example:9093",
        roles: [Contract.Role(name: "publisher", access: .write, description: hostile)],
        support: [Contract.SupportContact(channel: "owner", url: "mailto:owner@lienthong.example")],
        serviceLevels: ServicePromise(freshnessSeconds: 86_400, recordsPerDayMinimum: 1))

    private static func field(
        _ name: String, _ type: FieldType, required: Bool = false, _ classification: Classification = .internal
    ) -> Field {
        Field(
            name: name, type: type, required: required, classification: classification,
            descriptionEnglish: "What \(name) is", descriptionVietnamese: "Mô tả \(name)")
    }

    private static func text(_ rule: TextRule) -> FieldType { .text(rule) }

    private static let fields: [Field] =
        [
            field(
                "id", text(TextRule(pattern: #"^[A-Z\d][\w0-9.\-\/]{0,9}$"#.replacing("\\w", with: "a-z"))),
                required: true),
            field("day", .date(partial: false, minimum: 3_653, maximum: 18_261), required: true),
            field("name", text(TextRule(minimumLength: 2, maximumLength: 20)), required: true, .personal),
            field("short", text(TextRule(minimumLength: 3, maximumLength: 3)), .health),
            field("single", text(TextRule(maximumLength: 1)), .family),
            field("long", text(TextRule(maximumLength: 2_000)), .businessSecret),
            field("born", .date(partial: true, minimum: 3_653, maximum: 18_261), required: true, .open),
            field("level", .integer(minimum: -2, maximum: 7), required: true),
            field("count", .integer(minimum: .min, maximum: .max)),
            field("flag", .boolean, required: true),
            field("amount", .decimal(scale: 2, minimum: 0)),
            field("signed", .decimal(scale: 0, minimum: nil)),
            field("debt", .decimal(scale: 3, minimum: -100)),
            field("kind", text(TextRule(values: ["plain", "odd.one", "c++"])), required: true),
            field("state", text(TextRule(values: ["on", "off"]))),
            field("ministry", text(TextRule(values: ["Bộ Y tế", "Bộ Công an"]))),
            field("form", text(TextRule(pattern: "^[Bb]ộ( .+)?$"))),
            field("stateCode", text(TextRule())),
            field("office", office, required: true),
            field("home", office),
            field("anywhere", text(TextRule(codeList: .provinceOfAnyTime))),
            field("country", text(TextRule(codeList: .country))),
            field("updatedAt", .timestamp, required: true),
            field("seenAt", .timestamp),
            field("tags", .list(text(TextRule(maximumLength: 5)), uniqueBy: "", minimumItems: 1, maximumItems: 3)),
            field("parts", parts),
            field(
                "nested",
                .list(
                    .list(.integer(minimum: 0, maximum: 9), uniqueBy: nil, maximumItems: 2), uniqueBy: nil,
                    maximumItems: 2)),
            field("code", text(TextRule())),
        ] + IdentifierKind.allCases.map { field("of\($0)", text(TextRule(identifier: $0))) }

    private static let office: FieldType = .object([
        field("text", text(TextRule(maximumLength: 500)), required: true),
        field("province", text(TextRule(codeList: .province, codeListDateField: "asOf")), required: true),
        field("commune", text(TextRule(codeList: .commune, codeListDateField: "asOf"))),
        field("plainProvince", text(TextRule(codeList: .province))),
        field("asOf", .date(partial: false)),
    ])

    private static let parts: FieldType = .list(
        .object([
            field("code", text(TextRule(pattern: "^(?:a[x-z]|b+)$"))),
            field("text", text(TextRule())),
            field("main", .boolean, required: true),
            field("since", .date(partial: false)),
        ]), uniqueBy: "code", maximumItems: 4)

    private static let rules: [RecordRule] = [
        .dateOrder(first: "born", second: "day"),
        .requireOneOf(["home", "short", "office.commune", "count"]),
        .atMostOneFlagged(list: "parts", flag: "main"),
        .eachRequiresOneOf(list: "parts", fields: ["code", "text"]),
        .identifierByValue(
            field: "code", by: "kind", cases: ["plain": .taxCode, "c++": .stateAgencyCode], otherwise: .icd10),
        .identifierByValue(
            field: "stateCode", by: "state", cases: ["on": .taxCode], otherwise: .oldIdentityNumber),
        .insuranceCardAgrees(card: "ofinsuranceCard", group: "short", level: "level"),
        .warnAbsent(field: "home", name: "homeless"),
        .warnPersonalNumberDiffers(number: "ofpersonalNumber", birthDate: "born", sex: nil),
        .warnCardNumberDiffers(card: "ofinsuranceCard", number: "ofsocialInsuranceNumber"),
    ]

    /// Applied without a warning but `homeless`'s.
    static let record = JSON.object([
        ("id", .string("A1.b-/")), ("day", .string("2019-12-31")), ("name", .string("Thử")), ("short", .string("ABC")),
        ("single", .string("é")), ("long", .string("dài")), ("born", .string("1990-04")), ("level", .integer(3)),
        ("count", .integer(5)), ("flag", .boolean(true)), ("amount", .string("10.50")), ("signed", .string("-7")),
        ("debt", .string("-99.999")), ("kind", .string("plain")), ("state", .string("on")),
        ("ministry", .string("Bộ Y tế")), ("form", .string("Bộ mới")), ("stateCode", .string("0300588569")),
        (
            "office",
            .object([
                ("text", .string("Số 8")), ("province", .string("01")), ("commune", .string("00004")),
                ("plainProvince", .string("24")), ("asOf", .string("2025-07-01")),
            ])
        ),
        ("home", .object([("text", .string("Số 9")), ("province", .string("28")), ("asOf", .string("2020-01-01"))])),
        ("anywhere", .string("06")), ("country", .string("VNM")),
        ("updatedAt", .string("2026-03-02T08:15:30+07:00")), ("seenAt", .string("2026-03-02T08:15:30.25Z")),
        ("tags", .array([.string("a"), .string("b")])),
        (
            "parts",
            .array([
                .object([("code", .string("ax")), ("main", .boolean(true)), ("since", .string("2020-02-29"))]),
                .object([("text", .string("words")), ("main", .boolean(false))]),
            ])
        ),
        ("nested", .array([.array([.integer(1), .integer(2)]), .array([])])),
        ("code", .string("0300588569")),
    ])
}
