import Contracts
import Foundation
import Model
import Testing

@Suite("Catalogue")
struct CatalogueTests {
    @Test("a contract becomes fields, key, version and rules")
    func contract() throws {
        let (contract, findings) = ContractReader.read(Sample.contract, file: "c.yaml", topic: Sample.topic)
        // Nothing but hints: the sample names nobody whom Kafka knows.
        #expect(findings.allSatisfy { $0.severity == .note })
        #expect(
            findings.map(\.message) == [
                "the role publisher names no kafkaPrincipals: `topics plan` cannot check who has its access",
                "the role worker names no kafkaPrincipals: `topics plan` cannot check who has its access",
                "no role has access read-dead-letters: say who reads the topic's dead letters for the owner",
            ])
        let read = try #require(contract)
        #expect(read.version == "1.2.0")
        #expect(read.owner == "Owner")
        #expect(read.descriptionEnglish == "Shows things.")
        #expect(read.descriptionVietnamese == "Mô tả.")
        #expect(read.dataGroups == [11, 24])
        #expect(read.articles == ["19.2"])
        #expect(read.key == ["code", "since"])
        #expect(read.versionField == "updatedAt")
        #expect(
            read.kafka == .init(partitions: 8, replicationFactor: 2, retentionMilliseconds: -1, cleanupPolicy: "delete")
        )
        #expect(read.breaker == .init(maxRefusedShare: 0.2))
        #expect(
            read.fields.map(\.name) == [
                "code", "since", "until", "kind", "capital", "count", "place", "parts", "updatedAt",
            ]
        )
        #expect(read.fields.map(\.required) == [true, true, false, true, false, false, false, false, true])
        #expect(read.fields[0].classification == .personal)
        #expect(read.fields[1].classification == .internal)
        #expect(read.fields[0].descriptionVietnamese == "Mã số.")
    }

    @Test("options and custom properties become the rules of a type")
    func types() throws {
        let contract = try #require(Sample.read())
        guard case .text(let code) = contract.fields[0].type,
            case .date(partial: false, minimum: nil, maximum: nil) = contract.fields[1].type,
            case .date(partial: true, minimum: nil, maximum: nil) = contract.fields[2].type,
            case .text(let kind) = contract.fields[3].type,
            case .decimal(scale: 2, minimum: 0) = contract.fields[4].type,
            case .integer(minimum: 1, maximum: 5) = contract.fields[5].type,
            case .object(let place) = contract.fields[6].type, case .text(let province) = place[0].type,
            case .list(.object(let part), uniqueBy: "name", minimumItems: 0, maximumItems: 9) = contract.fields[7].type,
            case .boolean = part[1].type, case .timestamp = contract.fields[8].type
        else {
            Issue.record("a type differs")
            return
        }
        #expect(code.identifier == .personalNumber)
        #expect(code.minimumLength == 2)
        #expect(code.maximumLength == 12)
        #expect(code.pattern == "^[0-9]+$")
        #expect(kind.values == ["a", "b"])
        #expect(kind.maximumLength == Limits.textLengthMax)
        #expect(province.codeList == .province)
        #expect(province.codeListDateField == "asOf")
    }

    @Test("a role has the principals that the contract names")
    func principals() throws {
        let contract = try #require(
            ContractReader.read(
                Sample.contract.replacingOccurrences(
                    of: "  - {role: publisher, access: write}\n",
                    with: """
                          - {role: publisher, access: write}
                          - role: owner
                            access: read-dead-letters
                            customProperties: [{property: kafkaPrincipals, value: ["User:CN=owner,O=a:b", "User:eyes"]}]

                        """), file: "c.yaml", topic: Sample.topic
            ).contract)
        #expect(contract.roles[1].access == .readDeadLetters)
        #expect(contract.roles[1].principals == ["User:CN=owner,O=a:b", "User:eyes"])
        #expect(contract.roles[0].principals.isEmpty)
    }

    @Test("what a contract promises beside its records is read")
    func service() throws {
        let contract = try #require(Sample.read())
        #expect(contract.status == .draft)
        #expect(contract.ownerDescription == "Answers for it.")
        #expect(contract.limitations == "All are invented.")
        #expect(contract.limitationsVietnamese == "Đều là hư cấu.")
        #expect(contract.server == "kafka.example.gov.vn:9093")
        #expect(
            contract.roles == [
                .init(name: "publisher", access: .write),
                .init(name: "worker", access: .read, description: "Reads it."),
            ])
        #expect(contract.support == [.init(channel: "owner", url: "mailto:owner@thing.example")])
        #expect(contract.serviceLevels == .init(freshnessSeconds: 7_200, recordsPerDayMinimum: 7))
        #expect(contract.kafka.deadLetterRetentionMilliseconds == 90 * 86_400_000)
    }

    @Test(
        "closed dead letters stay as long as the owner's topic keeps them, open ones for ever, where nothing else is said"
    )
    func deadLetterStore() throws {
        let day: Int64 = 86_400_000
        let standard = try #require(Sample.read()).deadLetterStore
        #expect(standard == Contract.DeadLetterStoreSettings())
        #expect(standard.closedMilliseconds(ownersTopicKeeps: 90 * day) == 90 * day)
        #expect(standard.closedMilliseconds(ownersTopicKeeps: -1) == nil)
        #expect(standard.openMilliseconds == nil)
        let own = Contract.DeadLetterStoreSettings(closedDays: 30, openDays: 400)
        #expect(own.closedMilliseconds(ownersTopicKeeps: -1) == 30 * day)
        #expect(own.openMilliseconds == 400 * day)
        let forEver = Contract.DeadLetterStoreSettings(closedDays: -1, openDays: -1)
        #expect(forEver.closedMilliseconds(ownersTopicKeeps: 90 * day) == nil)
        #expect(forEver.openMilliseconds == nil)
    }

    @Test("rules keep the contract's order")
    func rules() throws {
        let contract = try #require(Sample.read())
        guard case .dateOrder(first: "since", second: "until") = contract.rules[0],
            case .atMostOneFlagged(list: "parts", flag: "main") = contract.rules[1],
            case .warnAbsent(field: "capital", name: "no-capital") = contract.rules[2]
        else {
            Issue.record("a rule differs")
            return
        }
        #expect(contract.rules.count == 3)
    }

    @Test("a mapping becomes columns and their PostgreSQL types, in COPY order")
    func mapping() throws {
        let topic = try Sample.definition()
        let plan = try TablePlanBuilder.plan(for: topic)
        #expect(plan.table.schema == "registry")
        #expect(plan.table.name == "thing_record")
        #expect(plan.table.view == "registry.thing")
        #expect(plan.table.keyColumns.map(\.name) == ["code", "since"])
        #expect(plan.table.keyColumns.map(\.type) == [.text, .date])
        #expect(
            plan.table.contentColumns.map(\.name) == [
                "until_text", "until", "kind", "capital", "count", "province_code", "place", "source_updated_at",
            ]
        )
        #expect(
            plan.table.contentColumns.map(\.type) == [
                .text, .date, .text, .numeric, .bigint, .text, .jsonb, .timestamptz,
            ]
        )
        #expect(plan.children.map(\.name) == ["thing_part"])
        #expect(plan.children[0].columns.map(\.type) == [.text, .boolean])
        #expect(topic.mapping.columns[1].normaliser == .wholeDate)
    }

    @Test("the database must have the keys in each child, and its position")
    func requiredColumns() throws {
        let required = try TablePlanBuilder.requiredColumns(for: Sample.definition())
        #expect(required.count == 10 + 5)
        let child = required.suffix(5)
        #expect(child.allSatisfy { $0.table.description == "registry.thing_part" })
        #expect(child.map(\.column) == ["code", "since", "position", "name", "is_main"])
        #expect(child.map(\.isKey) == [true, true, true, false, false])
    }

    @Test(
        "a topic's name is <domain>.<entity>.v<major>",
        arguments: [
            ("population.citizen.v1", 1), ("civil-service.official.v12", 12), ("population.citizen", nil),
            ("population.citizen.1", nil), ("population.citizen.v0", nil), ("population.citizen.v01", nil),
            ("Population.citizen.v1", nil), ("population..v1", nil), ("a.b.c.v1", nil), ("population.citizen-.v1", nil),
            ("1.citizen.v1", nil), ("population.citizen.v", nil), ("population.citizen.v-1", nil),
        ] as [(String, Int?)]
    )
    func topicNames(name: String, major: Int?) {
        #expect(TopicNaming.majorVersion(of: name) == major)
    }

    @Test(
        "only plain identifiers reach SQL",
        arguments: [
            ("registry.citizen", true), ("_a._b9", true), ("citizen", false), ("a.b.c", false),
            ("Registry.citizen", false),
            ("registry.citizen; DROP", false), ("registry.\"x\"", false), ("9a.b", false), (".", false), ("a.", false),
            ("registry.ci–tizen", false), ("a." + String(repeating: "b", count: 63), true),
            ("a." + String(repeating: "b", count: 64), false),
        ]
    )
    func qualifiedNames(text: String, isGood: Bool) {
        #expect((QualifiedName(text) != nil) == isGood)
    }

    @Test("the columns of the rank are those of the migration")
    func markerColumns() throws {
        let sql = try String(contentsOfFile: "\(repositoryRoot)/deploy/database/0001_ingest.sql", encoding: .utf8)
        let table = try #require(sql.components(separatedBy: "CREATE TABLE ingest.marker (").dropFirst().first)
        let body = try #require(table.components(separatedBy: ");\n").first)
        let columns = body.split(separator: "\n").compactMap { line -> String? in
            let word = line.split(separator: " ").first.map(String.init) ?? ""
            return QualifiedName.isIdentifier(word) ? word : nil
        }
        #expect(columns.count > 10)
        for column in columns {
            let mapping = Sample.mapping.replacingOccurrences(of: "column: kind,", with: "column: \(column),")
            let read = MappingReader.read(mapping, file: "m.yaml", contract: Sample.read())
            #expect(read.findings.contains { $0.message.contains("\(column) is taken already") }, "\(column)")
        }
    }

    @Test("a folder of topics is loaded, sorted by name")
    func load() throws {
        let folder = try Sample.folder()
        let catalogue = try Catalogue.load(folder: folder.path)
        let name = try #require(TopicName(Sample.topic))
        #expect(catalogue.topics.map(\.name) == [name])
        #expect(catalogue[name]?.folder == "\(folder.path)/\(Sample.topic)")
        #expect(catalogue.codeLists.provincesOfToday == [1])
    }

    @Test("a folder with a fault is not loaded, and the error names file, line and next step")
    func loadFaulty() throws {
        let folder = try Sample.folder()
        let file = "\(Sample.topic)/contract.odcs.yaml"
        try folder.write(
            file, Sample.contract.replacingOccurrences(of: "logicalType: boolean", with: "logicalType: bolean"))
        let error = try #require(throws: UserError.self) { try Catalogue.load(folder: folder.path) }
        let line = Sample.line(of: "logicalType: boolean", in: Sample.contract)
        #expect(
            error.cause.contains(
                "\(file):\(line): error: field parts[].main: unknown type bolean: did you mean boolean?"))
        #expect(error.nextStep.contains("topics lint"))
        #expect(error.status == .configuration)
    }

    @Test("a missing file, a wrong folder name and an empty folder are said")
    func missing() throws {
        let folder = try Sample.folder()
        try folder.write("wrong-name/contract.odcs.yaml", "")
        try folder.write("other.thing.v1/contract.odcs.yaml", Sample.contract)
        let findings = Lint.run(folder: folder.path)
        #expect(
            findings.contains { $0.file.hasSuffix("wrong-name") && $0.message.contains("<domain>.<entity>.v<major>") })
        #expect(
            findings.contains { $0.file.hasSuffix("other.thing.v1/mapping.yaml") && $0.message.contains("missing") })
        #expect(findings.contains { $0.message.contains("expected name to be other.thing.v1") })
        #expect(throws: UserError.self) { try Catalogue.load(folder: TemporaryFolder().path) }
        #expect(throws: UserError.self) { try Catalogue.load(folder: folder.path + "/nowhere") }
    }

    @Test("two topics cannot own one table")
    func owners() throws {
        let folder = try Sample.folder()
        let other = "other.thing.v1"
        try folder.write(
            "\(other)/contract.odcs.yaml",
            Sample.contract.replacingOccurrences(of: Sample.topic, with: other)
                .replacingOccurrences(of: "domain: reference", with: "domain: other")
        )
        try folder.write(
            "\(other)/mapping.yaml",
            Sample.mapping.replacingOccurrences(of: "thing_record", with: "other_record")
                .replacingOccurrences(of: "registry.thing\n", with: "registry.other\n")
        )
        let findings = Lint.run(folder: folder.path).filter {
            $0.severity == .error && $0.message.contains("belongs to")
        }
        #expect(findings.count == 1)
        let line = Sample.line(of: "table: registry.thing_part", in: Sample.mapping)
        #expect(
            findings.first?.message
                == "registry.thing_part belongs to other.thing.v1 already: expected tables of its own")
        #expect(findings.first?.file.hasSuffix("\(Sample.topic)/mapping.yaml") == true)
        #expect(findings.first?.line == line)
    }

    @Test("the product's own topics load, and their lint finds no error and no warning")
    func ownTopics() throws {
        let folder = "\(repositoryRoot)/Topics"
        let catalogue = try Catalogue.load(folder: folder)
        #expect(
            catalogue.topics.map(\.name.rawValue) == [
                "civilservice.official.v1", "enterprise.registration.v1", "insurance.card.v1", "population.citizen.v1",
                "population.organization.v1",
            ]
        )
        let findings = Lint.run(folder: folder).filter { $0.severity != .note }
        #expect(findings == [], "\(findings.map(\.description).joined(separator: "\n"))")
    }
}

/// A small topic that uses most of the dialect, for tests to spoil.
enum Sample {
    static let topic = "reference.thing.v1"

    static func read() -> Contract? { ContractReader.read(contract, file: "c.yaml", topic: topic).contract }

    static func definition() throws -> TopicDefinition {
        let contract = try #require(read())
        let (mapping, findings) = MappingReader.read(Self.mapping, file: "m.yaml", contract: contract)
        #expect(findings.filter { $0.severity != .note } == [])
        return TopicDefinition(
            name: try #require(TopicName(topic)), folder: "", contract: contract, mapping: try #require(mapping)
        )
    }

    /// A folder of topics with this one and small code lists, without examples.
    static func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write("code-lists/provinces.csv", "code,name_vi,valid_from,valid_to\n01,Hà Nội,2008-08-01,\n")
        try folder.write(
            "code-lists/communes.csv", "code,name_vi,province_code,valid_from,valid_to\n00004,Ba Đình,01,2025-07-01,\n"
        )
        try folder.write("code-lists/countries.csv", "code,name_en,name_vi\nVNM,Vietnam,Việt Nam\n")
        try folder.write("\(topic)/contract.odcs.yaml", contract)
        try folder.write("\(topic)/mapping.yaml", mapping)
        return folder
    }

    /// The first line, from 1, that holds a text.
    static func line(of text: String, in document: String) -> Int {
        let lines = document.split(separator: "\n", omittingEmptySubsequences: false)
        return (lines.firstIndex { $0.contains(text) } ?? -1) + 1
    }

    static let mapping = """
        revision: 3
        table: registry.thing_record
        view: registry.thing
        key:
          - {column: code, field: code}
          - {column: since, field: since}
        columns:
          - {column: until_text, field: until}
          - {column: until, field: until, as: whole-date}
          - {column: kind, field: kind, as: uppercase}
          - {column: capital, field: capital}
          - {column: count, field: count}
          - {column: province_code, field: place.provinceCode}
          - {column: place, field: place}
          - {column: source_updated_at, field: updatedAt}
        children:
          - table: registry.thing_part
            list: parts
            columns:
              - {column: name, field: name}
              - {column: is_main, field: main}

        """

    static let contract = """
        apiVersion: v3.1.0
        kind: DataContract
        id: reference.thing.v1
        name: reference.thing.v1
        version: 1.2.0
        status: draft
        domain: reference
        description: {purpose: Shows things., limitations: All are invented.}
        team: {name: Owner, description: Answers for it.}
        roles:
          - {role: publisher, access: write}
          - {role: worker, access: read, description: Reads it.}
        support:
          - {channel: owner, url: "mailto:owner@thing.example"}
        slaProperties:
          - {property: freshness, value: 2, unit: hours}
          - {property: volume, value: 7, unit: records/day}
          - {property: retention, value: unlimited}
        servers:
          - {server: kafka, type: kafka, host: "kafka.example.gov.vn:9093", format: json}
        customProperties:
          - {property: descriptionVi, value: Mô tả.}
          - {property: limitationsVi, value: Đều là hư cấu.}
          - {property: dataGroups, value: [11, 24]}
          - {property: articles, value: ["19.2"]}
          - {property: maxRefusedShare, value: 0.2}
          - {property: kafkaPartitions, value: 8}
          - {property: kafkaReplicationFactor, value: 2}
        schema:
          - name: reference.thing.v1
            logicalType: object
            properties:
              - name: code
                logicalType: string
                required: true
                primaryKey: true
                primaryKeyPosition: 1
                classification: personal
                description: Code.
                logicalTypeOptions: {minLength: 2, maxLength: 12, pattern: "^[0-9]+$"}
                customProperties:
                  - {property: descriptionVi, value: Mã số.}
                  - {property: identifier, value: personal-number}
              - name: since
                logicalType: date
                required: true
                primaryKey: true
                primaryKeyPosition: 2
                description: Since.
                customProperties:
                  - {property: descriptionVi, value: Từ ngày.}
              - name: until
                logicalType: date
                description: Until.
                customProperties:
                  - {property: descriptionVi, value: Đến ngày.}
                  - {property: partialDate, value: true}
              - name: kind
                logicalType: string
                required: true
                description: Kind.
                quality:
                  - {type: library, metric: invalidValues, arguments: {validValues: [a, b]}, mustBe: 0}
                customProperties:
                  - {property: descriptionVi, value: Loại.}
              - name: capital
                logicalType: string
                description: Capital.
                customProperties:
                  - {property: descriptionVi, value: Vốn.}
                  - {property: decimalScale, value: 2}
                  - {property: decimalMinimum, value: 0}
              - name: count
                logicalType: integer
                description: Count.
                logicalTypeOptions: {minimum: 1, maximum: 5}
                customProperties:
                  - {property: descriptionVi, value: Số lượng.}
              - name: place
                logicalType: object
                description: Place.
                customProperties:
                  - {property: descriptionVi, value: Nơi.}
                properties:
                  - name: provinceCode
                    logicalType: string
                    required: true
                    description: Province.
                    customProperties:
                      - {property: descriptionVi, value: Tỉnh.}
                      - {property: codeList, value: province}
                      - {property: codeListDateField, value: asOf}
                  - name: asOf
                    logicalType: date
                    description: As of.
                    customProperties:
                      - {property: descriptionVi, value: Tại ngày.}
              - name: parts
                logicalType: array
                description: Parts.
                logicalTypeOptions: {maxItems: 9}
                customProperties:
                  - {property: descriptionVi, value: Phần.}
                  - {property: uniqueBy, value: name}
                items:
                  logicalType: object
                  properties:
                    - name: name
                      logicalType: string
                      required: true
                      description: Name.
                      customProperties:
                        - {property: descriptionVi, value: Tên.}
                    - name: main
                      logicalType: boolean
                      required: true
                      description: Main.
                      customProperties:
                        - {property: descriptionVi, value: Chính.}
              - name: updatedAt
                logicalType: timestamp
                required: true
                description: Version.
                customProperties:
                  - {property: descriptionVi, value: Lúc cập nhật.}
                  - {property: version, value: true}
            quality:
              - type: custom
                engine: lienthong
                severity: error
                implementation: {rule: dateOrder, first: since, second: until}
              - type: custom
                engine: lienthong
                severity: error
                implementation: {rule: atMostOneFlagged, list: parts, flag: main}
              - type: custom
                engine: lienthong
                severity: warning
                implementation: {rule: warnAbsent, field: capital, name: no-capital}

        """
}
