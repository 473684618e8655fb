// What today's contracts say of records that were refused.
package import Contracts
package import Model

/// Keeps a decoder for each topic asked for. Confined to one thread, as decoders are.
package final class LetterJudge {
    /// Nil: the contract would let the record pass; the database has not been asked.
    package typealias Judgement = Refusal?

    private let catalogue: Catalogue
    private var decoders: [TopicName: RecordDecoder] = [:]

    package init(catalogue: Catalogue) { self.catalogue = catalogue }

    package func hasContract(_ topic: TopicName) -> Bool { catalogue[topic] != nil }

    /// - Parameter nowMilliseconds: the Kafka time that the record would get, were it sent now.
    /// - Throws: where the topic has no contract, or one that does not fit its mapping.
    package func judge(_ record: RawRecord, topic: TopicName, nowMilliseconds: Int64) throws(UserError) -> Judgement {
        let decoder = try decoder(topic)
        // Verdicts are all that is wanted: what was encoded on the way is forgotten.
        defer { decoder.reset() }
        return switch decoder.decode(record, timestampMilliseconds: nowMilliseconds) {
        case .record, .tombstone: nil
        case .refused(let refusal): refusal
        }
    }

    private func decoder(_ topic: TopicName) throws(UserError) -> RecordDecoder {
        if let known = decoders[topic] { return known }
        guard let definition = catalogue[topic] else {
            throw UserError(
                action: "looking for", subject: "topic \(topic)", cause: "no contract of that name was read",
                nextStep: "name the folder that holds it with --topics-folder", status: .configuration)
        }
        let decoder = try RecordDecoder(definition, codeLists: catalogue.codeLists)
        decoders[topic] = decoder
        return decoder
    }
}
