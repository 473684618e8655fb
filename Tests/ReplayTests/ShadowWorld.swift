// Rebuilt copies of the made-up topic's tables, by today's mapping.
import Contracts
import Foundation
import Ingestion
import Logging
import Model
import Postgres
import TestSupport

@testable import Replay

extension ReplayWorld {
    func askShadow(rate: Int = 1_000_000) throws -> Int64 {
        try ReplayStore(connection: connection).create(
            ReplayRequest(
                topic: topic, intoShadow: true, mappingRevision: 2, keyFingerprints: nil, rate: rate,
                liveLagMax: 1_000_000, maxRefusedShare: 1, by: "tests", because: "the size was forgotten"),
            try resolve(ReplayRange()), shadowOf: today)
    }

    /// Asked for and filled.
    func filledShadow() throws -> Int64 {
        let id = try askShadow()
        guard try replayer().run(id)?.ending == .done else { throw TestFault("the copy was not filled") }
        return id
    }

    /// What works on copies on any thread.
    var hand: ShadowHand {
        var worker = world.settings(untilCaughtUp: false)
        worker.topics = [today]
        return ShadowHand(worker: worker)
    }

    func shadow(_ id: Int64, restMax: Int64 = 1_000) throws -> Shadow { try hand.shadow(id, restMax: restMax) }

    @discardableResult
    func swap(_ id: Int64, dropRows: Int64? = nil, dropOld: Bool = false) throws -> SwapOutcome {
        try hand.swap(id, dropRows: dropRows, dropOld: dropOld)
    }

    func tables(like pattern: String) throws -> String? {
        try connection.one(
            """
            SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
            WHERE relkind = 'r' AND relname LIKE '\(pattern)'
            """)
    }
}

struct ShadowHand: Sendable {
    let worker: WorkerSettings

    func shadow(_ id: Int64, restMax: Int64 = 1_000, patience: Duration = .seconds(30)) throws -> Shadow {
        var worker = worker
        worker.name = "shadow-\(UInt32.random(in: 0...UInt32.max))"
        var replayer = ReplayerSettings(worker: worker)
        replayer.lookInterval = .milliseconds(50)
        var settings = Shadow.Settings(replayer: replayer)
        settings.restMax = restMax
        settings.patience = patience
        let connection = try PostgresConnection(worker.databaseURL, applicationName: "tests")
        return try Shadow(
            id, settings: settings, connection: connection, action: "testing", logger: Logger(label: "tests"))
    }

    @discardableResult
    func swap(_ id: Int64, dropRows: Int64? = nil, dropOld: Bool = false) throws -> SwapOutcome {
        try shadow(id).swap(
            SwapRequest(by: "tests", because: "it is right now", dropRows: dropRows, dropOld: dropOld))
    }
}

/// The sentence with which something was refused; nil where it was not.
func refusal(_ body: () throws -> some Any) throws -> String? {
    do {
        _ = try body()
        return nil
    } catch let error as UserError {
        return error.description
    }
}

/// What a table or view is, apart from its rows and its identity.
func relationFacts(_ connection: PostgresConnection, _ name: String) throws -> [String] {
    let facts = try connection.query(
        """
        SELECT concat_ws(' ', 'relation', c.relkind, pg_get_userbyid(c.relowner), c.reloptions, c.relacl,
          obj_description(c.oid, 'pg_class')) FROM pg_class c WHERE c.oid = $1::regclass
        UNION ALL SELECT concat_ws(' ', 'column', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attacl,
          a.attstattarget, (SELECT string_agg(o.option_name || '=' || o.option_value, ' ') FROM pg_options_to_table(a.attoptions) o
            WHERE o.option_name <> 'pg_attver'), col_description(a.attrelid, a.attnum))
        FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL SELECT concat_ws(' ', 'constraint', conname, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint'))
        FROM pg_constraint WHERE conrelid = $1::regclass
        UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid), obj_description(indexrelid, 'pg_class'))
        FROM pg_index WHERE indrelid = $1::regclass
        UNION ALL SELECT concat_ws(' ', 'statistics', pg_get_statisticsobjdef(oid)) FROM pg_statistic_ext
        WHERE stxrelid = $1::regclass
        UNION ALL SELECT concat_ws(' ', 'view', pg_get_viewdef(c.oid)) FROM pg_class c
        WHERE c.oid = $1::regclass AND c.relkind = 'v'
        ORDER BY 1
        """, [name])
    return (0..<facts.rowCount).map { facts[$0, 0] ?? "" }
}
