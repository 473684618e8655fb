// Contracts for the decoder's tests, made in code so that each construct stands where a test can see it.
import Contracts
import Model

enum Fixtures {
    static let codeLists = CodeLists(
        provincesToday: [1, 4, 15, 24, 79], provincesBeforeMerger: [1, 4, 6, 15, 24, 28, 79],
        communes: [(code: 4, province: 1), (code: 26_734, province: 79)], countries: ["VNM", "FRA"]
    )

    static func text(_ rule: TextRule = TextRule()) -> FieldType { .text(rule) }
    static func values(_ values: String...) -> FieldType { .text(TextRule(values: values)) }
    static func identifier(_ kind: IdentifierKind) -> FieldType { .text(TextRule(identifier: kind)) }

    static let address: FieldType = .object([
        Field(name: "text", type: text(TextRule(maximumLength: 500)), required: true),
        Field(
            name: "provinceCode", type: text(TextRule(codeList: .province, codeListDateField: "asOf")), required: true
        ),
        Field(
            name: "communeCode", type: text(TextRule(codeList: .commune, codeListDateField: "asOf")), required: false),
        Field(name: "asOf", type: .date(partial: false), required: false),
    ])

    static let citizen = definition(
        fields: [
            Field(name: "personalId", type: identifier(.personalNumber), required: true),
            Field(
                name: "previousPersonalIds", type: .list(identifier(.personalNumber), uniqueBy: "", maximumItems: 20),
                required: false
            ),
            Field(name: "fullName", type: text(), required: true),
            Field(name: "birthDate", type: .date(partial: true), required: true),
            Field(name: "sex", type: values("male", "female", "other", "undetermined"), required: true),
            Field(name: "ethnicityCode", type: text(TextRule(pattern: #"^\d{2}$"#)), required: false),
            Field(name: "nationalityCode", type: text(TextRule(codeList: .country)), required: false),
            Field(name: "permanentAddress", type: address, required: false),
            Field(name: "currentAddress", type: address, required: false),
            Field(name: "birthPlace", type: text(), required: false),
            Field(name: "maritalStatus", type: values("single", "married", "divorced", "widowed"), required: false),
            Field(
                name: "identityStatus", type: values("active", "locked", "cancelled", "deceased", "missing"),
                required: true
            ),
            Field(name: "deathDate", type: .date(partial: false), required: false),
            Field(name: "occupationCode", type: text(), required: false),
            Field(name: "phone", type: text(), required: false),
            Field(name: "oldIdentityNumber", type: identifier(.oldIdentityNumber), required: false),
            Field(
                name: "representatives",
                type: .list(
                    .object([
                        Field(name: "personalId", type: identifier(.personalNumber), required: false),
                        Field(name: "fullName", type: text(), required: true),
                        Field(name: "relation", type: text(), required: false),
                    ]), uniqueBy: nil, maximumItems: 10), required: false
            ),
            Field(name: "version", type: .integer(minimum: 1, maximum: .max), required: true),
        ],
        key: ["personalId"], versionField: "version",
        rules: [
            .requireOneOf(["permanentAddress", "currentAddress"]),
            .dateOrder(first: "birthDate", second: "deathDate"),
            .warnPersonalNumberDiffers(number: "personalId", birthDate: "birthDate", sex: "sex"),
        ],
        mapping: Mapping(
            revision: 1, table: "registry.citizen_record", view: "registry.citizen",
            key: [Mapping.Column(name: "personal_id", field: "personalId")],
            columns: [
                Mapping.Column(name: "full_name", field: "fullName"),
                Mapping.Column(name: "birth_date_text", field: "birthDate"),
                Mapping.Column(name: "birth_date", field: "birthDate", normaliser: .wholeDate),
                Mapping.Column(name: "sex", field: "sex"),
                Mapping.Column(name: "ethnicity_code", field: "ethnicityCode"),
                Mapping.Column(name: "nationality_code", field: "nationalityCode", normaliser: .uppercase),
                Mapping.Column(name: "permanent_address", field: "permanentAddress.text"),
                Mapping.Column(name: "permanent_province_code", field: "permanentAddress.provinceCode"),
                Mapping.Column(name: "permanent_commune_code", field: "permanentAddress.communeCode"),
                Mapping.Column(name: "permanent_as_of", field: "permanentAddress.asOf"),
                Mapping.Column(name: "current_address", field: "currentAddress.text"),
                Mapping.Column(name: "current_province_code", field: "currentAddress.provinceCode"),
                Mapping.Column(name: "birth_place", field: "birthPlace"),
                Mapping.Column(name: "marital_status", field: "maritalStatus"),
                Mapping.Column(name: "identity_status", field: "identityStatus"),
                Mapping.Column(name: "death_date", field: "deathDate"),
                Mapping.Column(name: "occupation_code", field: "occupationCode"),
                Mapping.Column(name: "phone", field: "phone"),
                Mapping.Column(name: "old_identity_number", field: "oldIdentityNumber"),
                Mapping.Column(name: "representatives", field: "representatives"),
            ],
            children: [
                Mapping.Child(
                    table: "registry.citizen_former_id", list: "previousPersonalIds",
                    columns: [Mapping.Column(name: "former_id", field: ".")]
                )
            ]
        )
    )

    /// Some 600 bytes, as a feed writes it.
    static let citizenValue = """
        {"personalId":"001085012345","fullName":"Nguyễn Thị Minh Hạnh","birthDate":"1985-03-14","sex":"male",\
        "ethnicityCode":"01","nationalityCode":"VNM",\
        "permanentAddress":{"text":"Số 12, ngõ 34, phố Hàng Bông","provinceCode":"01","communeCode":"00004","asOf":"2025-08-01"},\
        "currentAddress":{"text":"Số 5, đường Lê Lợi, phường Bến Nghé","provinceCode":"79","communeCode":"26734"},\
        "birthPlace":"Bệnh viện Phụ sản Trung ương","maritalStatus":"married","identityStatus":"active",\
        "occupationCode":"2211","phone":"+84900000000","oldIdentityNumber":"012345678",\
        "previousPersonalIds":["001085099999"],"version":42}
        """

    static func definition(
        fields: [Field], key: [String], versionField: String, rules: [RecordRule] = [], mapping: Mapping? = nil
    ) -> TopicDefinition {
        // Without a mapping each top-level field is a column, lists and objects as jsonb.
        let columns = fields.filter { !key.contains($0.name) }.map {
            Mapping.Column(name: column($0.name), field: $0.name)
        }
        let mapping =
            mapping
            ?? Mapping(
                revision: 1, table: "registry.thing_record", view: "registry.thing",
                key: key.map { Mapping.Column(name: column($0), field: $0) }, columns: columns, children: []
            )
        let contract = Contract(
            version: "1.0.0", owner: "a ministry", descriptionEnglish: "", descriptionVietnamese: "", dataGroups: [11],
            articles: ["19.2"], fields: fields, key: key, versionField: versionField, rules: rules,
            kafka: Contract.KafkaSettings(
                partitions: 1, replicationFactor: 1, retentionMilliseconds: -1, cleanupPolicy: "delete"
            ),
            breaker: Contract.BreakerSettings()
        )
        guard let name = TopicName("test.thing.v1") else { preconditionFailure("a valid name") }
        return TopicDefinition(name: name, folder: "Topics/test.thing.v1", contract: contract, mapping: mapping)
    }

    private static func column(_ name: String) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }
}
