// The Python referee: libraries that know nothing of the product judge what it writes.
import Foundation
import Model
import TestSupport
import Testing

/// Runs `referee.py`, whose own words tell its input and output.
enum ExportReferee {
    struct Report: Decodable {
        /// By name; nil where nothing is wrong.
        var schemas: [String: String?]
        /// What is wrong with examples of schemas.
        var examples: [String]
        var verdicts: [Verdict]
        var avro: [String: String?]
        var asyncapi: [String]
    }

    enum Verdict: Decodable, Equatable {
        case valid, invalid
        /// Not one JSON document in UTF-8.
        case notJSON
        /// The verdict depends on whether formats are asserted, which no schema of ours may leave open.
        case dependsOnFormats(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .notJSON
            } else if let isValid = try? container.decode(Bool.self) {
                self = isValid ? .valid : .invalid
            } else {
                self = .dependsOnFormats(try container.decode(String.self))
            }
        }
    }

    static func judge(
        schemas: [(String, JSON)] = [], values: [(schema: String, value: [UInt8])] = [], avro: [(String, JSON)] = [],
        asyncAPI: JSON? = nil
    ) throws -> Report {
        let task = JSON.object([
            ("schemas", .object(schemas)),
            (
                "values",
                .array(
                    values.map {
                        .object([
                            ("schema", .string($0.schema)), ("value", .string(Data($0.value).base64EncodedString())),
                        ])
                    })
            ),
            ("avro", .object(avro)),
            ("asyncapi", asyncAPI ?? .null),
        ])
        let result = try Referee.run(
            ["\(PackageFolder.path)/Tests/ExportsTests/referee.py"], input: task.text)
        try #require(result.status == 0, "the referee ended with an error: \(result.errors.suffix(2_000))")
        return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
    }
}
