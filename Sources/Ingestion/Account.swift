// Which positions a transaction moves, and what else it may do beside writing rows.
import Contracts
import Model
import Postgres

/// One way of writing serves four purposes: the live workers, a replay beside them, a rebuilt copy of the tables, and a
/// dry run that changes nothing.
enum Account: Equatable, Sendable {
    case live
    /// A replay into the live tables. It takes the live position's lock as well, which puts all writers of a
    /// partition's rows in line, and closes and makes dead letters as the live workers do.
    case replay(Int64)
    /// A replay into tables that nobody else writes: rows alone change.
    case shadow(replay: Int64)
    /// Into temporary tables (`DryTables`), in a session that can write nothing else.
    case dryRun

    /// The table of positions; each has the columns of `ingest.position` that a transaction needs.
    var positions: String {
        switch self {
        case .live: "ingest.position"
        case .replay, .shadow: "ingest.replay_position"
        case .dryRun: "pg_temp.\(Self.dryPositions)"
        }
    }

    static let dryPositions = "dry_position"

    /// Which rows of `p` in that table are the topic's.
    /// - Parameter topic: as an SQL literal.
    func owns(_ topic: String) -> String {
        switch self {
        case .live: "p.topic = \(topic)"
        case .replay(let id), .shadow(let id): "p.replay = \(id)"
        case .dryRun: "true"
        }
    }

    /// Whether the rows have other writers, whom the live position's lock keeps apart.
    var sharesTables: Bool {
        switch self {
        case .live, .replay: true
        case .shadow, .dryRun: false
        }
    }

    /// Dead letters and their lives belong to what readers see.
    var movesLetters: Bool { sharesTables }

    /// Quality figures count a record once, when it first came.
    var countsWarnings: Bool { self == .live }
}
