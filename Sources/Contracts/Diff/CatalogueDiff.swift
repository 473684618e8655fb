// Two states of a folder of topics compared: what an owner or a reader must know before the newer one is used.
import Foundation
package import Model

/// A folder of topics in one state.
package struct CatalogueState: Sendable {
    package let folder: String
    /// What people call the state: the folder itself, or a revision such as `v1.0`.
    package let name: String
    /// What stands before the files' names in findings: the folder, or `v1.0:Topics`, whose files lie elsewhere.
    package let label: String

    package init(folder: String, name: String? = nil, label: String? = nil) {
        var folder = folder
        while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
        self.folder = folder
        self.name = name ?? folder
        self.label = label ?? name ?? folder
    }
}

/// What two states differ in, and what could not be compared.
package struct Comparison: Sendable {
    /// By topic, the gravest first.
    package internal(set) var changes: [ContractChange] = []
    /// What today's rules find fault with: an error where it could not be compared, a note where it could in part.
    package internal(set) var faults: [LintFinding] = []
    /// Versions of contracts that did not grow as the changes ask.
    package internal(set) var versions: [LintFinding] = []

    /// Errors that lint finds in the newer state's contracts, mappings and code lists; 0 where it was not asked.
    package internal(set) var errorsOfNewer = 0
    /// Where they are.
    var labelOfNewer = ""

    package func count(_ severity: ContractChange.Severity) -> Int { changes.count { $0.severity == severity } }

    /// Whether readers and owners may go on as before, as far as can be said.
    package var isSafe: Bool {
        count(.breaking) == 0 && errorsOfNewer == 0 && !faults.contains { $0.severity == .error }
    }
}

package enum CatalogueDiff {
    /// - Parameter known: topics of the newer folder, where it was read, and its errors said, already.
    /// - Throws: where one of the folders holds no topic.
    package static func compare(
        _ old: CatalogueState, _ new: CatalogueState, known: [TopicDefinition]? = nil
    ) throws(UserError) -> Comparison {
        let was = try topics(in: old)
        let isNow = try topics(in: new)
        var comparison = Comparison()
        let reading = known == nil ? CatalogueReading.read(folder: new.folder) : nil
        comparison.errorsOfNewer = reading?.findings.count { $0.severity == .error } ?? 0
        comparison.labelOfNewer = new.label
        let topics = known ?? reading?.topics ?? []
        for part in was.union(isNow).sorted().concurrentMap({ compare($0, was, isNow, old, new, topics) }) {
            comparison.changes += part.changes.sorted(by: isGraver)
            comparison.faults += part.faults
            comparison.versions += part.versions
        }
        compareCodeLists(old, new, of: was, &comparison)
        return comparison
    }

    private static func compare(
        _ name: String, _ was: Set<String>, _ isNow: Set<String>, _ old: CatalogueState, _ new: CatalogueState,
        _ known: [TopicDefinition]
    ) -> Comparison {
        if !isNow.contains(name) { return Comparison(changes: [removal(of: name, in: old, successors: isNow)]) }
        if !was.contains(name) { return Comparison(changes: [addition(of: name, in: new)]) }
        if TopicFiles.areSame(name, old, new) { return Comparison() }
        return TopicComparison(name: name, old: old, new: new, known: known.first { $0.name.rawValue == name }).result
    }

    private static func isGraver(_ left: ContractChange, _ right: ContractChange) -> Bool {
        (left.severity, left.subject.kind, left.subject.path, left.sentence)
            < (right.severity, right.subject.kind, right.subject.path, right.sentence)
    }

    private static func topics(in state: CatalogueState) throws(UserError) -> Set<String> {
        let names = (Files.folders(in: state.folder) ?? []).filter { TopicNaming.majorVersion(of: $0) != nil }
        guard names.isEmpty else { return Set(names) }
        throw UserError(
            action: "comparing topics of", subject: state.label,
            cause: "it holds no folder named <domain>.<entity>.v<major>",
            nextStep: "name a folder of topics, or a revision that has one", status: .usage)
    }

    private static func removal(
        of name: String, in state: CatalogueState, successors: Set<String>
    ) -> ContractChange {
        let files = TopicFiles(name, in: state)
        let status = files.readContract().contract?.status
        let stem = name.split(separator: ".").dropLast().joined(separator: ".") + ".v"
        let next = successors.filter { $0.hasPrefix(stem) }.sorted().first
        let instead = next.map { "; \($0) is there" } ?? ""
        if status == .retired {
            return ContractChange(.compatible, topic: name, .topic, "was retired, is gone\(instead)")
        }
        return ContractChange(
            .breaking, topic: name, .topic,
            "was there, is gone\(instead): its owner's records are applied no longer, and its rows are kept by nobody",
            wasPromised: status?.isPromise ?? true)
    }

    private static func addition(of name: String, in state: CatalogueState) -> ContractChange {
        var change = ContractChange(.compatible, topic: name, .topic, "is new")
        change.file = "\(state.label)/\(name)/\(CatalogueReading.contractFile)"
        return change
    }

    private static func compareCodeLists(
        _ old: CatalogueState, _ new: CatalogueState, of topics: Set<String>, _ comparison: inout Comparison
    ) {
        let folder = CatalogueReading.codeListsFolder
        let names = Set((Files.entries(in: "\(old.folder)/\(folder)") ?? []).filter { $0.hasSuffix(".csv") })
            .union((Files.entries(in: "\(new.folder)/\(folder)") ?? []).filter { $0.hasSuffix(".csv") })
        guard names.contains(where: { !TopicFiles.isSame("\(folder)/\($0)", old, new) }) else { return }
        let was = CodeLists.read(folder: "\(old.folder)/\(folder)")
        let isNow = CodeLists.read(folder: "\(new.folder)/\(folder)")
        guard let before = was.lists, let after = isNow.lists else {
            let (side, state) = was.lists == nil ? (was.findings, old) : (isNow.findings, new)
            let cause = side.first?.message ?? "they cannot be read"
            comparison.faults.append(
                LintFinding(
                    .error, file: "\(state.label)/\(folder)", line: nil,
                    message: "the code lists cannot be compared: \(cause)"))
            return
        }
        let contracts = topics.sorted().compactMap { name in
            TopicFiles(name, in: old).readContract().contract.map { (name, $0) }
        }
        for var change in CodeListsDiff.changes(from: before, to: after, judging: contracts) {
            change.file = "\(new.label)/\(folder)/\(change.subject.path).csv"
            comparison.changes.append(change)
        }
    }
}

/// One topic that both states have.
private struct TopicComparison {
    private(set) var result = Comparison()

    init(name: String, old: CatalogueState, new: CatalogueState, known: TopicDefinition?) {
        let oldFiles = TopicFiles(name, in: old)
        let newFiles = TopicFiles(name, in: new)
        let was = oldFiles.readContract()
        let isNow = known.map { ($0.contract, []) } ?? newFiles.readContract()
        var unsure = tolerate(was.1, of: oldFiles.contract, read: was.0 != nil)
        let unsureNow = tolerate(isNow.1, of: newFiles.contract, read: isNow.0 != nil)
        unsure.fields.formUnion(unsureNow.fields)
        unsure.rules = unsure.rules || unsureNow.rules
        guard let before = was.0, let after = isNow.0 else { return }
        let mappingWas = oldFiles.readMapping(before)
        let mappingIsNow = known.map { ($0.mapping, []) } ?? newFiles.readMapping(after)
        _ = tolerate(mappingWas.1, of: oldFiles.mapping, read: mappingWas.0 != nil)
        _ = tolerate(mappingIsNow.1, of: newFiles.mapping, read: mappingIsNow.0 != nil)

        let changes = ContractDiff.changes(
            topic: name, from: before, to: after, mappings: (mappingWas.0, mappingIsNow.0), unsure: unsure)
        result.changes = changes
        if let older = mappingWas.0, let newer = mappingIsNow.0 {
            result.changes += MappingDiff.changes(
                topic: name, from: older, to: newer, wasPromised: before.status.isPromise)
        }
        locate(newFiles, version: ContractVersion.finding(from: before, to: after, changes: changes))
    }

    /// Says what today's rules find wrong in a file, and what can therefore not be compared.
    private mutating func tolerate(
        _ found: [LintFinding], of file: TopicFiles.File, read: Bool
    ) -> ContractDiff.Unsure {
        let errors = found.filter { $0.severity == .error }
        var unsure = ContractDiff.Unsure()
        guard let first = errors.first else { return unsure }
        let rest = errors.count > 1 ? " (and \(errors.count - 1) more)" : ""
        let outcome = read ? "compared as far as it could be read" : "it cannot be compared"
        result.faults.append(
            LintFinding(
                read ? .note : .error, file: file.shown, line: first.line,
                message: "by today's rules: \(first.message)\(rest): \(outcome)"))
        guard read, let text = file.text else { return unsure }
        let lines = ContractLines(text)
        for line in errors.compactMap(\.line) {
            if let field = lines.field(at: line) { unsure.fields.insert(field) }
            if lines.isRule(at: line) { unsure.rules = true }
        }
        return unsure
    }

    /// Says where the newer files have what changed.
    private mutating func locate(_ files: TopicFiles, version: LintFinding?) {
        guard !result.changes.isEmpty else { return }
        let contract = ContractLines(files.contract.text ?? "")
        let mapping = MappingLines(files.mapping.text ?? "")
        for index in result.changes.indices {
            if case .mapping(let key) = result.changes[index].subject {
                result.changes[index].file = files.mapping.shown
                result.changes[index].line = mapping.line(of: key)
            } else {
                result.changes[index].file = files.contract.shown
                result.changes[index].line = contract.line(of: result.changes[index].subject)
            }
        }
        guard let version else { return }
        let line = contract.line(of: .setting("version"))
        result.versions = [
            LintFinding(version.severity, file: files.contract.shown, line: line, message: version.message)
        ]
    }
}

/// The two documents of a topic in one state.
private struct TopicFiles {
    struct File {
        let path: String
        let shown: String

        var text: String? { try? String(contentsOfFile: path, encoding: .utf8) }
    }

    let topic: String
    let contract: File
    let mapping: File

    init(_ topic: String, in state: CatalogueState) {
        func file(_ name: String) -> File {
            File(path: "\(state.folder)/\(topic)/\(name)", shown: "\(state.label)/\(topic)/\(name)")
        }
        self.topic = topic
        contract = file(CatalogueReading.contractFile)
        mapping = file(CatalogueReading.mappingFile)
    }

    /// The contract, where one could be built, although today's rules find fault with it.
    func readContract() -> (contract: Contract?, findings: [LintFinding]) {
        guard let text = contract.text else { return (nil, [missing(contract)]) }
        return ContractReader.read(text, file: contract.shown, topic: topic, acceptingErrors: true)
    }

    func readMapping(_ agreed: Contract) -> (mapping: Mapping?, findings: [LintFinding]) {
        guard let text = mapping.text else { return (nil, [missing(mapping)]) }
        return MappingReader.read(text, file: mapping.shown, contract: agreed, acceptingErrors: true)
    }

    private func missing(_ file: File) -> LintFinding {
        LintFinding(.error, file: file.shown, line: nil, message: "the file is missing, or no text")
    }

    static func areSame(_ topic: String, _ old: CatalogueState, _ new: CatalogueState) -> Bool {
        [CatalogueReading.contractFile, CatalogueReading.mappingFile].allSatisfy { isSame("\(topic)/\($0)", old, new) }
    }

    static func isSame(_ file: String, _ old: CatalogueState, _ new: CatalogueState) -> Bool {
        FileManager.default.contents(atPath: "\(old.folder)/\(file)")
            == FileManager.default.contents(atPath: "\(new.folder)/\(file)")
    }
}
