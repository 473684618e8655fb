// Fills a source database with people, firms, cards and posts that could be, a share of them faulty on purpose.
package import Model
package import Postgres

/// Credible rows for the four source databases, the same for the same seed, number of records and day. People and firms
/// are those of all four: a card's holder is in the population database, a post's holder mostly, too.
///
/// About one row in a hundred is faulty, and one in a thousand marked as a state secret; `SampleAccount` tells which
/// kinds, so that what the workers refuse can be checked against it. Row 1 of each feed is always good.
package struct SampleGenerator: Sendable {
    /// Above this, six digits would no longer keep the personal numbers apart.
    package static let recordsMax = 1_500_000
    /// Rows generated before they are sent: some ten megabytes of memory.
    private static let chunkRows = 20_000

    private let world: SampleWorld

    /// - Parameters:
    ///   - records: root rows of all five feeds together; half of them citizens.
    ///   - today: ages count back from it, and nothing is registered after it.
    package init(seed: UInt64, records: Int, today: SampleDate, places: SamplePlaces) throws(UserError) {
        guard (1...Self.recordsMax).contains(records) else {
            throw UserError(
                action: "making", subject: "\(records) sample records",
                cause: "the number is not within 1 to \(Self.recordsMax)",
                nextStep: "ask for another number", status: .usage
            )
        }
        world = SampleWorld(seed: seed, records: records, today: today, places: places)
    }

    /// Writes all rows of one source in one transaction, then brings its statistics up to date.
    /// - Parameter connection: to a database with the tables of `source.schemaFile` and no row in them.
    /// - Throws: `UserError` where rows are there already, since a ministry's own database is no place for a sample;
    ///   `PostgresError`.
    package func fill(source: SampleSource, connection: PostgresConnection) throws -> SampleAccount {
        try connection.execute("BEGIN")
        do {
            try requireEmpty(source, connection)
            let account = SampleAccount(source: source, feeds: try write(source, connection))
            try connection.execute("COMMIT; ANALYZE")
            return account
        } catch {
            if !connection.isBroken { _ = try? connection.execute("ROLLBACK") }
            throw error
        }
    }

    private func write(_ source: SampleSource, _ connection: PostgresConnection) throws -> [SampleFeedAccount] {
        switch source {
        case .population:
            try copyPlaces(connection)
            return [
                try load(CitizenWriter(world), connection),
                try load(OrganizationWriter(world), connection),
            ]
        case .enterprise:
            try copyPlaces(connection)
            try copyIndustries(connection)
            return [try load(EnterpriseWriter(world), connection)]
        case .insurance:
            try copyOffices(connection)
            return [try load(CardWriter(world), connection)]
        case .civilService:
            try copyAgencies(connection)
            return [try load(OfficialWriter(world), connection)]
        }
    }

    private func requireEmpty(_ source: SampleSource, _ connection: PostgresConnection) throws {
        for table in source.rootTables {
            // Two samples at once would fill one database twice; readers are not held up.
            try connection.execute("LOCK TABLE public.\(table) IN SHARE ROW EXCLUSIVE MODE")
            if try connection.query("SELECT 1 FROM public.\(table) LIMIT 1").rowCount > 0 {
                throw UserError(
                    action: "filling", subject: "source database \(source.rawValue)",
                    cause: "its table \(table) holds rows",
                    nextStep: "fill a new database, made by \(source.schemaFile)", status: .configuration
                )
            }
        }
    }

    /// Children go before their parents: the source's triggers, which touch a changed child's parent, then find none.
    private func load(_ writer: some SampleWriter, _ connection: PostgresConnection) throws -> SampleFeedAccount {
        var writer = writer
        var next = 0
        while next < writer.rowCount {
            let end = min(next + Self.chunkRows, writer.rowCount)
            for index in next..<end { writer.write(index) }
            try writer.forEachTable { try copy(&$0, connection) }
            next = end
        }
        try writer.forEachTable { table in
            guard let identity = table.identity else { return }
            try connection.query(
                """
                SELECT setval(pg_get_serial_sequence('public.\(table.name)', '\(identity)'), max(\(identity)))
                FROM public.\(table.name)
                """
            )
        }
        return writer.account
    }

    private func copy(_ table: inout SampleTable, _ connection: PostgresConnection) throws {
        let bytes = table.rows.bytes
        guard !bytes.isEmpty else { return }
        try connection.copyIn(table.copyStatement) { writer in try writer.write(bytes) }
        table.rows.removeAll()
    }

    // MARK: Code tables

    private func copyPlaces(_ connection: PostgresConnection) throws {
        var provinces = SampleTable("province", "province_code, name_vi")
        var communes = SampleTable("commune", "commune_code, name_vi, province_code")
        for province in world.places.provinces {
            provinces.rows.text(province.code)
            provinces.rows.text(province.name)
            provinces.rows.endRow()
            for commune in province.communes {
                communes.rows.text(commune.code)
                communes.rows.text(commune.name)
                communes.rows.text(province.code)
                communes.rows.endRow()
            }
        }
        try copy(&provinces, connection)
        try copy(&communes, connection)
    }

    private func copyIndustries(_ connection: PostgresConnection) throws {
        var table = SampleTable("industry", "vsic_code, name_vi")
        for industry in SampleEnterprise.industries {
            table.rows.text(industry.code)
            table.rows.text(industry.text)
            table.rows.endRow()
        }
        try copy(&table, connection)
    }

    private func copyOffices(_ connection: PostgresConnection) throws {
        var table = SampleTable("insurance_office", "office_id, province_code, name_vi")
        for (place, province) in world.places.provinces.enumerated() {
            table.rows.integer(place + 1)
            table.rows.text(province.code)
            table.rows.text("Bảo hiểm xã hội \(province.name)")
            table.rows.endRow()
        }
        try copy(&table, connection)
    }

    private func copyAgencies(_ connection: PostgresConnection) throws {
        var table = SampleTable(
            "agency", "agency_id, agency_code, name_vi, parent_agency_id, facility_code", identity: "agency_id")
        for index in 0..<max(world.counts.organizations, world.places.provinces.count) {
            let agency = world.organization(index)
            guard agency.kind == .agency || agency.kind == .publicUnit else { continue }
            table.rows.integer(index + 1)
            table.rows.text(agency.code)
            table.rows.text(agency.name)
            table.rows.integer(agency.parent.map { $0 + 1 })
            table.rows.text(agency.facilityCode)
            table.rows.endRow()
        }
        try copy(&table, connection)
        try connection.query(
            "SELECT setval(pg_get_serial_sequence('public.agency', 'agency_id'), max(agency_id)) FROM public.agency")
    }
}

/// Turns indices into rows of one feed's tables.
protocol SampleWriter {
    /// Root rows, each of them a call of `write`.
    var rowCount: Int { get }
    var account: SampleFeedAccount { get }
    mutating func write(_ index: Int)
    /// In the order of loading: the root last.
    mutating func forEachTable(_ body: (inout SampleTable) throws -> Void) rethrows
}
