// Lint: everything that can be judged of `Topics/` without a broker or a database.
package import Model

package enum Lint {
    /// The fewest examples of a topic.
    static let acceptedMin = 6
    static let refusedMin = 12

    /// All findings on the folder, topic by topic: code lists, contracts, mappings, their tables, and every example with
    /// its verdict. The catalogue may be used where none is of severity `error`.
    /// - Parameters:
    ///   - migrationsFolder: whose SQL makes the tables that mappings name; nil leaves tables out.
    ///   - baselines: older states that the folder must not break; what several of them show is said once.
    package static func run(
        folder: String, migrationsFolder: String? = nil, baselines: [CatalogueState] = []
    ) -> [LintFinding] {
        let reading = CatalogueReading.read(folder: folder)
        var findings = reading.findings
        if let migrationsFolder { findings += tables(of: reading.topics, migrationsFolder) }
        if let codeLists = reading.codeLists {
            findings += reading.topics.concurrentMap { examples(of: $0, codeLists: codeLists) }.joined()
        }
        var shown: Set<ContractChange> = []
        for baseline in baselines {
            for finding in changes(since: baseline, in: reading, folder: folder, shown: &shown)
            where !findings.contains(finding) {
                findings.append(finding)
            }
        }
        return findings
    }

    private static func tables(of topics: [TopicDefinition], _ folder: String) -> [LintFinding] {
        guard let definitions = TableDefinitions.load(folder: folder) else {
            let message = "no migration is there: the tables of mappings were not checked"
            return [LintFinding(.note, file: folder, line: nil, message: message)]
        }
        let blocks = definitions.blocks.map { block in
            LintFinding(
                .note, file: block.file, line: block.line,
                message: "a block that may define tables or views is not looked into")
        }
        let unreadable = definitions.unreadable.map { file in
            LintFinding(
                .error, file: file, line: nil,
                message: "the migration cannot be read as UTF-8: what it makes is not known")
        }
        return unreadable + blocks + topics.flatMap { definitions.findings(on: $0, migrations: folder) }
    }

    /// What a breaking-change check of the folder finds: an error is a break of what was promised.
    private static func changes(
        since baseline: CatalogueState, in reading: CatalogueReading, folder: String,
        shown: inout Set<ContractChange>
    ) -> [LintFinding] {
        let comparison: Comparison
        do {
            comparison = try CatalogueDiff.compare(baseline, CatalogueState(folder: folder), known: reading.topics)
        } catch {
            return [LintFinding(.warning, file: folder, line: nil, message: error.description)]
        }
        let changes = comparison.changes.filter { shown.insert($0).inserted }
            .compactMap { $0.finding(folder: folder, since: baseline.name) }
        // A newer file's fault is a finding already; an older one's is nobody's any more.
        let faults = comparison.faults.filter { $0.file.hasPrefix("\(baseline.label)/") }.map { fault in
            LintFinding(
                fault.severity == .error ? .warning : fault.severity, file: fault.file, line: fault.line,
                message: fault.message)
        }
        return changes + faults + comparison.versions
    }

    /// Whether the examples of one topic get the verdicts that they state, and whether they show every refusal it can give.
    static func examples(of topic: TopicDefinition, codeLists: CodeLists) -> [LintFinding] {
        let (accepted, refused, unreadable) = Examples.load(topicFolder: topic.folder)
        var findings = unreadable
        let decoder: RecordDecoder
        do {
            decoder = try RecordDecoder(topic, codeLists: codeLists)
        } catch {
            let file = "\(topic.folder)/\(CatalogueReading.contractFile)"
            return findings + [LintFinding(.error, file: file, line: nil, message: error.description)]
        }
        for example in accepted + refused {
            if example.needsDatabase {
                let message = "skipped: only a database can give \(example.expectation)"
                findings.append(LintFinding(.note, file: example.file, line: example.line, message: message))
            } else if let message = disagreement(example, decoder) {
                findings.append(LintFinding(.error, file: example.file, line: example.line, message: message))
            }
        }
        findings += FieldExamples.findings(of: topic, codeLists: codeLists)
        return findings + coverage(of: topic, accepted: accepted, refused: refused, unreadable: unreadable)
    }

    /// What the decoder says of an example, in the example's own terms. Rules' and fields' names only.
    package static func verdict(of example: Example, by decoder: RecordDecoder) -> (
        found: Example.Expectation, rule: String?
    ) {
        decoder.reset()
        let verdict = lend(example.key) { key in
            lend(example.value) { value in
                decoder.decode(
                    key: key, value: value, valueIsPadded: false, headersByteCount: example.headersByteCount,
                    timestampMilliseconds: example.timestampMilliseconds, tombstoneVersion: example.tombstoneVersion
                )
            }
        }
        switch verdict {
        case .record(let record):
            return (.applied(warnings: decoder.warnings[record.warnings].map(\.rule).sorted()), nil)
        case .tombstone: return (.deleted, nil)
        case .refused(let refusal): return (.refused(refusal.reason, field: refusal.field), refusal.rule)
        }
    }

    private static func disagreement(_ example: Example, _ decoder: RecordDecoder) -> String? {
        let (found, rule) = verdict(of: example, by: decoder)
        guard found != example.expectation else { return nil }
        return "expected \(example.expectation), found \(found)" + (rule.map { " (rule \($0))" } ?? "")
    }

    private static func coverage(
        of topic: TopicDefinition, accepted: [Example], refused: [Example], unreadable: [LintFinding]
    ) -> [LintFinding] {
        // Unreadable examples are findings already; what they would have shown is not called missing.
        guard unreadable.isEmpty else { return [] }
        var findings: [LintFinding] = []
        func add(_ severity: LintFinding.Severity, _ folder: String, _ message: String) {
            let file = "\(topic.folder)/examples/\(folder)"
            findings.append(LintFinding(severity, file: file, line: nil, message: message))
        }
        if accepted.count < acceptedMin {
            add(.error, "accepted", "expected at least \(acceptedMin) examples, found \(accepted.count)")
        }
        if refused.count < refusedMin {
            add(.error, "refused", "expected at least \(refusedMin) examples, found \(refused.count)")
        }
        var shown: Set<ReasonCode> = []
        for case .refused(let reason, _) in refused.map(\.expectation) { shown.insert(reason) }
        for reason in ReasonCode.allCases where topic.contract.reasons.contains(reason) && !shown.contains(reason) {
            add(.error, "refused", "expected an example of \(reason.rawValue), which records of this topic can get")
        }
        if !accepted.contains(where: { $0.expectation == .deleted }) {
            add(
                .error, "accepted",
                "expected an example of a tombstone, which is deleted: owners must see how to delete")
        }
        var warned: Set<String> = []
        for case .applied(let warnings) in accepted.map(\.expectation) { warned.formUnion(warnings) }
        for warning in topic.contract.warnings.sorted() where !warned.contains(warning) {
            add(.warning, "accepted", "expected an example with the warning \(warning)")
        }
        return findings
    }

    /// Lends bytes as a buffer whose pointer is never null: an empty value is no tombstone.
    private static func lend<Result>(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
        guard let bytes else { return body(nil) }
        // One byte more keeps the pointer of an empty array from being null.
        return (bytes + [0]).withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<bytes.count])) }
    }
}

extension ContractChange {
    /// What lint says of it; nil where it is no matter for lint.
    fileprivate func finding(folder: String, since name: String) -> LintFinding? {
        let file = file ?? "\(folder)/\(topic)"
        let words = "\(severity.rawValue) since \(name): \(message)"
        switch severity {
        case .breaking where wasPromised:
            return LintFinding(.error, file: file, line: line, message: words + advice)
        case .breaking:
            let message = "\(words); the contract was no promise yet, so it may"
            return LintFinding(.warning, file: file, line: line, message: message)
        case .dangerous: return LintFinding(.note, file: file, line: line, message: words)
        case .compatible: return nil
        }
    }

    private var advice: String {
        switch subject {
        case .field, .setting, .rule: "; what breaks a contract is a new topic, of the next major version"
        case .topic: "; deprecate and retire it first"
        // The sentence names the revision.
        case .mapping, .codeList: ""
        }
    }
}

extension Contract {
    /// The reasons that a decoder can give for a record of this contract; the database's own are not among them.
    package var reasons: Set<ReasonCode> {
        var reasons: Set<ReasonCode> = [
            .notJSON, .notUTF8, .notAnObject, .tooLarge, .missingKey, .keyMismatch, .missingField, .wrongType,
            .stateSecret,
        ]
        for field in fields { reasons.formUnion(field.type.reasons) }
        for rule in rules { reasons.formUnion(rule.reasons) }
        return reasons
    }

    /// Names of the warnings that the rules can give.
    package var warnings: Set<String> {
        Set(rules.flatMap(\.warnings))
    }
}

extension FieldType {
    fileprivate var reasons: Set<ReasonCode> {
        switch self {
        case .text(let rule):
            var reasons: Set<ReasonCode> = [.outOfRange]
            if rule.pattern != nil { reasons.insert(.wrongFormat) }
            if rule.values != nil || rule.codeList != nil { reasons.insert(.notInList) }
            if rule.identifier != nil { reasons.insert(.invalidIdentifier) }
            return reasons
        case .integer: return [.outOfRange]
        case .boolean: return []
        case .decimal(scale: _, let minimum): return minimum == nil ? [.wrongFormat] : [.wrongFormat, .outOfRange]
        case .date(partial: _, minimum: nil, maximum: nil), .timestamp: return [.wrongFormat]
        case .date: return [.wrongFormat, .outOfRange]
        case .object(let fields): return fields.reduce(into: []) { $0.formUnion($1.type.reasons) }
        case .list(let item, let uniqueBy, minimumItems: _, maximumItems: _):
            return item.reasons.union(uniqueBy == nil ? [.outOfRange] : [.outOfRange, .inconsistent])
        }
    }
}

extension RecordRule {
    fileprivate var reasons: Set<ReasonCode> {
        switch self {
        case .dateOrder, .atMostOneFlagged, .insuranceCardAgrees: [.inconsistent]
        case .requireOneOf, .eachRequiresOneOf: [.missingField]
        case .identifierByValue: [.invalidIdentifier]
        case .warnAbsent, .warnPersonalNumberDiffers, .warnCardNumberDiffers: []
        }
    }

    /// As `RecordRule` names them.
    fileprivate var warnings: [String] {
        switch self {
        case .warnAbsent(field: _, let name): [name]
        case .warnPersonalNumberDiffers(number: _, let birthDate, let sex):
            (birthDate == nil ? [] : ["birth-year-differs-from-number"])
                + (sex == nil ? [] : ["sex-differs-from-number"])
        case .warnCardNumberDiffers: ["social-insurance-number-differs-from-card"]
        case .dateOrder, .requireOneOf, .atMostOneFlagged, .eachRequiresOneOf, .insuranceCardAgrees, .identifierByValue:
            []
        }
    }
}
