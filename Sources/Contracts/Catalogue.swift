// All of `Topics/`: every topic's contract and mapping, and the code lists that they share.
import Foundation
package import Model

package struct Catalogue: Sendable {
    /// In the order of their names.
    package let topics: [TopicDefinition]
    package let codeLists: CodeLists

    package init(topics: [TopicDefinition], codeLists: CodeLists) {
        self.topics = topics.sorted { $0.name < $1.name }
        self.codeLists = codeLists
    }

    package subscript(_ name: TopicName) -> TopicDefinition? {
        topics.first { $0.name == name }
    }

    /// Reads a folder of topics; the examples are not looked at (`Lint` runs them).
    /// The error names the first faults with file and line.
    package static func load(folder: String) throws(UserError) -> Catalogue {
        let reading = CatalogueReading.read(folder: folder)
        let errors = reading.findings.filter { $0.severity == .error }
        guard errors.isEmpty, let codeLists = reading.codeLists else {
            let shown = errors.prefix(shownMax).map(\.description).joined(separator: "; ")
            let rest = errors.count > shownMax ? " and \(errors.count - shownMax) more" : ""
            throw UserError(
                action: "reading the topics in", subject: folder, cause: shown + rest,
                nextStep: "correct them and run `lienthong topics lint`; another folder is named by --topics-folder",
                status: .configuration
            )
        }
        return Catalogue(topics: reading.topics, codeLists: codeLists)
    }

    private static let shownMax = 3
}

/// What could be read of a folder of topics, and what was wrong with the rest.
struct CatalogueReading: Sendable {
    /// Those without an error in contract or mapping.
    private(set) var topics: [TopicDefinition] = []
    private(set) var codeLists: CodeLists?
    private(set) var findings: [LintFinding] = []

    static let codeListsFolder = "code-lists"
    static let contractFile = "contract.odcs.yaml"
    static let mappingFile = "mapping.yaml"
    /// A contract of 500 fields stays well below; a larger file is a mistake.
    private static let fileBytesMax = 4 << 20

    static func read(folder: String) -> CatalogueReading {
        var reading = CatalogueReading()
        guard let names = Files.folders(in: folder) else {
            reading.findings.append(
                LintFinding(.error, file: folder, line: nil, message: "expected a folder of topics"))
            return reading
        }
        let lists = CodeLists.read(folder: "\(folder)/\(codeListsFolder)")
        reading.codeLists = lists.lists
        reading.findings += lists.findings
        let topics = names.filter { $0 != codeListsFolder }
        if topics.isEmpty {
            reading.findings.append(
                LintFinding(.error, file: folder, line: nil, message: "expected at least one topic"))
        }
        let parts = topics.concurrentMap { name in
            var part = CatalogueReading()
            part.readTopic(name, in: folder)
            return part
        }
        for part in parts {
            reading.topics += part.topics
            reading.findings += part.findings
        }
        reading.checkOwners()
        return reading
    }

    private mutating func readTopic(_ name: String, in folder: String) {
        let folder = "\(folder)/\(name)"
        guard let topic = TopicName(name), TopicNaming.majorVersion(of: name) != nil else {
            let message = "expected a folder's name of the form <domain>.<entity>.v<major>, in a-z, 0-9 and -"
            findings.append(LintFinding(.error, file: folder, line: nil, message: message))
            return
        }
        var contract: Contract?
        if let text = text(of: "\(folder)/\(Self.contractFile)") {
            let read = ContractReader.read(text, file: "\(folder)/\(Self.contractFile)", topic: name)
            contract = read.contract
            findings += read.findings
        }
        guard let text = text(of: "\(folder)/\(Self.mappingFile)") else { return }
        let read = MappingReader.read(text, file: "\(folder)/\(Self.mappingFile)", contract: contract)
        findings += read.findings
        guard let contract, let mapping = read.mapping else { return }
        topics.append(TopicDefinition(name: topic, folder: folder, contract: contract, mapping: mapping))
    }

    private mutating func text(of file: String) -> String? {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            findings.append(LintFinding(.error, file: file, line: nil, message: "the file is missing"))
            return nil
        }
        guard bytes.count <= Self.fileBytesMax, let text = String(data: bytes, encoding: .utf8) else {
            let message = "expected UTF-8 text of at most \(Self.fileBytesMax) bytes"
            findings.append(LintFinding(.error, file: file, line: nil, message: message))
            return nil
        }
        return text
    }

    /// One topic owns its tables: two feeds that wrote one row would race each other.
    private mutating func checkOwners() {
        var owners: [String: TopicName] = [:]
        for topic in topics {
            let mapping = topic.mapping
            for relation in [mapping.table, mapping.view] + mapping.children.map(\.table) {
                guard let owner = owners[relation] else {
                    owners[relation] = topic.name
                    continue
                }
                let file = "\(topic.folder)/\(Self.mappingFile)"
                let message = "\(relation) belongs to \(owner) already: expected tables of its own"
                let line = Files.line(of: relation, in: file)
                findings.append(LintFinding(.error, file: file, line: line, message: message))
            }
        }
        let taken = Set(findings.filter { $0.severity == .error }.map(\.file))
        topics.removeAll { taken.contains("\($0.folder)/\(Self.mappingFile)") }
    }
}

enum Files {
    /// Names of the folders in a folder, sorted, hidden ones left out; nil where it is none.
    static func folders(in folder: String) -> [String]? {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return nil }
        return names.sorted().filter { name in
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder)
            return exists && isFolder.boolValue && !name.hasPrefix(".")
        }
    }

    /// Names of the entries in a folder, sorted, hidden ones left out; nil where it is none.
    static func entries(in folder: String) -> [String]? {
        (try? FileManager.default.contentsOfDirectory(atPath: folder))?.filter { !$0.hasPrefix(".") }.sorted()
    }

    /// The first line, from 1, that holds a word of YAML.
    static func line(of word: String, in file: String) -> Int? {
        guard let content = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
        let lines = content.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.firstIndex { line in line.split { " ,{}\r".contains($0) }.contains { $0 == word } }.map { $0 + 1 }
    }
}
