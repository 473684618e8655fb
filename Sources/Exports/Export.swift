// Documents made from contracts: which files an export consists of, and where they may go.
package import Contracts
package import Model

package enum ExportFormat: String, CaseIterable, Sendable {
    case jsonSchema = "json-schema"
    case asyncAPI = "asyncapi"
    case avro
    case catalogue
    case sql

    /// Whether all topics share one file.
    fileprivate var isOneDocument: Bool {
        switch self {
        case .asyncAPI: true
        case .jsonSchema, .avro, .catalogue, .sql: false
        }
    }
}

package enum Export {
    /// The files of an export, in the order of the topics.
    /// - Parameters:
    ///   - topics: of the catalogue, those to export.
    ///   - folder: of the topics, whose examples and code lists are read.
    package static func files(
        _ format: ExportFormat, of topics: [TopicDefinition], in catalogue: Catalogue, folder: String
    ) throws(UserError) -> [ExportedFile] {
        func examples(_ topic: TopicDefinition) -> (accepted: [Example], refused: [Example]) {
            let loaded = Examples.load(topicFolder: topic.folder)
            return (loaded.accepted, loaded.refused)
        }
        func file(_ topic: TopicDefinition, _ ending: String, _ document: JSON) -> ExportedFile {
            ExportedFile(name: "\(topic.name.rawValue).\(ending)", text: document.indented() + "\n")
        }
        switch format {
        case .jsonSchema:
            return topics.map { topic in
                let accepted = examples(topic).accepted
                return file(
                    topic, "schema.json",
                    JSONSchema.document(of: topic, codeLists: catalogue.codeLists, examples: accepted))
            }
        case .asyncAPI:
            let document = AsyncAPI.document(of: topics, codeLists: catalogue.codeLists) { examples($0).accepted }
            return [ExportedFile(name: "asyncapi.json", text: document.indented() + "\n")]
        case .avro: return topics.map { file($0, "avsc", AvroSchema.document(of: $0)) }
        case .catalogue:
            let lists = CodeListTable.load(folder: "\(folder)/code-lists")
            return CatalogueSite.files(of: topics, codeLists: lists, examples: examples)
        case .sql:
            var files: [ExportedFile] = []
            for topic in topics {
                files.append(
                    ExportedFile(name: "\(topic.name.rawValue).sql", text: try MigrationSkeleton.text(of: topic)))
            }
            return files
        }
    }

    /// Whether an export with these choices is one document, which may go to standard output.
    package static func isOneDocument(_ format: ExportFormat, ofOneTopic: Bool) -> Bool {
        format.isOneDocument || (ofOneTopic && format != .catalogue)
    }
}
