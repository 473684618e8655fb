// The four source databases that a sample can fill.

/// Raw values are the names that feeds use (`source:`) and the names of the demo's databases.
package enum SampleSource: String, CaseIterable, Sendable {
    case population
    case enterprise
    case insurance
    case civilService = "civil_service"

    /// The tables, from the root of the repository.
    package var schemaFile: String { "deploy/sources/\(rawValue).sql" }

    /// Feeds that read this source.
    package var feeds: [String] {
        switch self {
        case .population: ["population-citizen", "population-organization"]
        case .enterprise: ["enterprise-registration"]
        case .insurance: ["insurance-card"]
        case .civilService: ["civilservice-official"]
        }
    }

    /// The source that a feed reads; nil for a feed without a sample.
    package init?(feed: String) {
        guard let source = Self.allCases.first(where: { $0.feeds.contains(feed) }) else { return nil }
        self = source
    }

    /// A change to try in this database; it returns the key of the record that the change reaches.
    package var tryIt: String {
        switch self {
        case .population:
            "UPDATE person SET family_name = 'Trần', given_name = 'Thử' WHERE person_id = 1 RETURNING personal_number;"
        case .enterprise:
            "UPDATE business SET status = 'TN' WHERE business_id = 1 RETURNING business_code;"
        case .insurance:
            "UPDATE card SET status = 3 WHERE card_id = 1 RETURNING card_number, valid_from;"
        case .civilService:
            "UPDATE post SET position = 'Trưởng khoa' WHERE post_id = 1 RETURNING personal_number, agency_code;"
        }
    }

    var rootTables: [String] {
        switch self {
        case .population: ["person", "organization"]
        case .enterprise: ["business"]
        case .insurance: ["card"]
        case .civilService: ["post"]
        }
    }
}
