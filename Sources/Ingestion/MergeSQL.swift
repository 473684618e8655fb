// The SQL by which a batch becomes rows: one transaction, one round trip, newest wins in any order of arrival.
import Contracts
import Model
import Postgres

/// The statements of one topic's merge, made once per lane from the topic's tables.
///
/// A target row keeps three marks that only grow: its best record, its greatest versioned delete and its greatest plain
/// delete (a tombstone without a version). It lives exactly if the best record lies beyond both deletes. Each mark's
/// maximum does not depend on the order in which records arrive, so neither does the row.
///
/// Staging tables (`StagingTables`) are filled by COPY at the transaction's beginning, before it locks anything shared:
/// while the server waits for the client, nobody waits for us.
///
/// A small batch costs more in planning than in doing, so what is rarely needed stands in blocks that are planned only
/// where the rows say so.
struct MergeSQL {
    let tables: StagingTables
    /// Of ranks alone: what loses is sieved out before any content is sent.
    let copyRanks: String
    let copyStage: String
    let copyChildren: [String]
    let copyDeadLetters: String
    let copyWarnings: String
    /// COPY straight into the tables; the parent's columns end in `markersCopied`.
    let copyTable: String
    let copyChildTables: [String]

    private let topic: String
    private let table: TablePlan
    private let children: [ChildPlan]
    private let mappingRevision: Int32
    private let contractVersion: String
    private let prefix: String
    private let account: Account
    /// Where the rows to be changed are copied from first, each when it is first met; nil where they are there.
    private let original: DryTables?

    /// - Parameter prefix: distinguishes the temporary tables of several topics on one connection; `[a-z0-9_]+`.
    init(
        topic: TopicName, table: TablePlan, children: [ChildPlan], mappingRevision: Int32, contractVersion: String,
        prefix: String, account: Account = .live, original: DryTables? = nil
    ) {
        self.account = account
        self.original = original
        self.topic = SQLText.literal(topic.rawValue)
        self.table = table
        self.children = children
        self.mappingRevision = mappingRevision
        self.contractVersion = SQLText.literal(contractVersion)
        self.prefix = prefix

        let keys = table.keyColumns
        tables = StagingTables(table: table, children: children, prefix: prefix)
        copyRanks = "COPY \(prefix)_rank FROM STDIN (FORMAT binary)"
        copyStage = "COPY \(prefix)_stage FROM STDIN (FORMAT binary)"
        copyChildren = children.indices.map { "COPY \(prefix)_child\($0) FROM STDIN (FORMAT binary)" }
        copyTable =
            "COPY \(Self.name(table.schema, table.name)) (\((keys + table.contentColumns).map { quoted($0.name) }.joined(separator: ", ")), "
            + "\(Self.markersCopied.joined(separator: ", "))) FROM STDIN (FORMAT binary)"
        copyChildTables = children.map { child in
            let columns = keys.map { quoted($0.name) } + ["position"] + child.columns.map { quoted($0.name) }
            return
                "COPY \(Self.name(child.schema, child.name)) (\(columns.joined(separator: ", "))) FROM STDIN (FORMAT binary)"
        }
        copyDeadLetters = "COPY \(prefix)_dead FROM STDIN (FORMAT binary)"
        copyWarnings = "COPY \(prefix)_warning FROM STDIN (FORMAT binary)"
    }

    /// What one partition's share of a batch asks of its position row.
    struct Claim {
        var partition: Partition
        var epoch: Int64
        var expected: NextOffset
        var next: NextOffset
        /// The last record that may be remembered; nil leaves what the database has.
        var lastRecord: (offset: Offset, hash: Int64)?
        /// All records of the share, and those of them that the client refused.
        var consumed: Int64
        var deadLettered: Int64
    }

    /// What the staged batch holds, so that statements without work are not sent.
    struct Contents {
        /// Rows of `stage`, and those of them with a record.
        var stagedRows = 0
        var recordRows = 0
        var hasTombstones = false
        var hasDeadLetters = false
        var hasWarnings = false
        var childrenWithRows: Set<Int> = []

        var hasRecords: Bool { recordRows > 0 }
    }

    /// Two ways to the same rows; which is cheaper depends on how many keys are known already.
    enum Path: Equatable {
        /// One statement inserts, and updates where the key is known. Each known row is locked, hence written to the
        /// log, even where the record loses.
        case insertFirst
        /// One statement updates by the primary key what loses to the record, another inserts what is left. A record
        /// that loses costs two looks at the index and writes nothing.
        case updateFirst
    }

    /// Whatever the session's default: a position that somebody else moved must be seen as it is.
    static let begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
    /// The name of the point at which all is staged, to which a refused merge goes back.
    static let staged = "staged"

    /// The transaction after its COPYs. Its last result but one has a row for each partition whose position was as expected:
    /// partition, applied, deleted, foreign deletes, inserted, seconds since these statements came. A partition that is
    /// not there was not written at all.
    /// - Parameter keeps: false undoes all of it, as a trial wants.
    func transaction(
        claims: [Claim], contents: Contents, letters: LetterMoves, path: Path, keeps: Bool = true
    ) -> String {
        var statements = ["SAVEPOINT \(Self.staged)", lockPositions(claims), noteLost(claims)]
        if let original, contents.stagedRows > 0 { statements += Self.byIndexAlone + original.fetch("\(prefix)_stage") }
        if contents.hasTombstones { statements.append(raiseDeletes) }
        if contents.hasRecords {
            switch path {
            case .insertFirst: statements.append(upsertRecords(onlyRest: false))
            case .updateFirst: statements += Self.byIndexAlone + [updateRecords]
            }
        }
        if contents.stagedRows > 0 {
            statements += lookAgain(contents, path)
            statements += replaceChildren(contents)
        }
        if contents.hasDeadLetters, account.movesLetters { statements.append(keepDeadLetters) }
        statements += moveLetters(letters, merged: true)
        if account.countsWarnings, contents.hasRecords || contents.hasWarnings {
            statements.append(countWarnings(contents))
        }
        if contents.hasTombstones { statements += Self.byIndexAlone }
        statements.append(movePositions(claims, fates: fates(contents)))
        statements.append(keeps ? "COMMIT" : "ROLLBACK")
        return statements.joined(separator: ";\n")
    }

    /// From here each statement meets the target through its primary key: a hash join would read the whole target, and
    /// the batch would cost more the larger the table grows.
    private static let byIndexAlone = ["SET LOCAL enable_hashjoin = off", "SET LOCAL enable_mergejoin = off"]
    /// For statements that meet no table but our own.
    private static let byAnyJoin = "SET LOCAL enable_hashjoin = on"

    /// Statements that are run, and planned, only where `condition` holds.
    private static func block(if condition: String, _ statements: [String]) -> String {
        "DO $lienthong$ BEGIN IF \(condition) THEN \(statements.joined(separator: ";\n")); END IF; END $lienthong$"
    }

    /// What the staged rows that were not merged, and the tombstones, still do to the rows of the table.
    private func lookAgain(_ contents: Contents, _ path: Path) -> [String] {
        var statements = Self.byIndexAlone + [collectPending]
        if contents.hasRecords, path == .updateFirst {
            statements += [
                collectRest, Self.byAnyJoin, upsertRecords(onlyRest: true), settleRest, Self.byIndexAlone[0],
            ]
        }
        statements.append(advanceRanks)
        if contents.hasTombstones { statements.append(raiseLatePlainDeletes) }
        statements.append(bury)
        if contents.hasTombstones { return statements + [findForeignDeletes] }
        return [Self.block(if: "(SELECT count(*) FROM \(prefix)_merged) < \(contents.stagedRows)", statements)]
    }

    /// Of a row that is copied straight into the table.
    static let markersCopied = [
        "record_version", "record_partition", "record_incarnation", "record_offset", "origin_offset",
        "mapping_revision", "content_hash", "version_conflict", "applied_at", "deleted",
    ]

    /// Locks the positions of a transaction that COPYs straight into the tables. The last result has a row for each
    /// partition whose position was as expected: partition, the transaction's time in PostgreSQL's microseconds.
    ///
    /// From here to `endCopy` the server waits for the client while the positions are locked: a client that freezes then
    /// is ended by whoever claims its partitions (`PositionStore.claim`).
    func beginCopy(claims: [Claim]) -> String {
        """
        \(lockPositions(claims));
        SELECT partition, (extract(epoch FROM now() - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint
        FROM \(prefix)_won
        """
    }

    /// Ends it. Its last result but one is as `transaction`'s.
    /// - Parameter rows: copied, by partition.
    func endCopy(
        claims: [Claim], contents: Contents, letters: LetterMoves, rows: [Partition: Int]
    ) -> String {
        var statements: [String] = []
        if contents.hasDeadLetters, account.movesLetters { statements.append(keepDeadLetters) }
        statements += moveLetters(letters, merged: false)
        let fates = claims.map { claim in
            let count = rows[claim.partition] ?? 0
            return "(\(claim.partition.rawValue), \(count)::bigint, 0::bigint, 0::bigint, \(count)::bigint)"
        }
        // All were applied: nothing is pending, and what a merge would have to say of conflicts cannot be.
        if account.countsWarnings, contents.hasWarnings { statements.append(countWarnings(contents)) }
        statements.append(movePositions(claims, fates: "VALUES \(fates.joined(separator: ", "))"))
        statements.append("COMMIT")
        return statements.joined(separator: ";\n")
    }

    /// Whether the tables' columns have the very types that are sent, so that COPY BINARY reads them: the staging tables'
    /// always have. One row, one column: true or false.
    var typesMatch: String {
        func wanted(_ schema: String, _ name: String, _ columns: [ColumnPlan]) -> [String] {
            columns.map {
                "(\(SQLText.literal("\(schema).\(name)")), \(SQLText.literal($0.name)), \(SQLText.literal($0.type.rawValue)))"
            }
        }
        let rows =
            wanted(table.schema, table.name, table.keyColumns + table.contentColumns)
            + children.flatMap { wanted($0.schema, $0.name, table.keyColumns + $0.columns) }
            + children.map { "(\(SQLText.literal("\($0.schema).\($0.name)")), 'position', 'integer')" }
        return """
            SELECT coalesce(bool_and(a.atttypid = c.type::regtype), false)
            FROM (VALUES \(rows.joined(separator: ", "))) AS c (name, column_name, type)
            LEFT JOIN pg_attribute a ON a.attrelid = to_regclass(c.name) AND a.attname = c.column_name AND NOT a.attisdropped
            """
    }

    /// One thing that the table asks of its rows; `expression` is true where it is broken.
    struct TableRule {
        var sqlState: String
        var name: String
        var expression: String
    }

    /// The table's rules in the order in which PostgreSQL tries them: what may not be null, then checks by name.
    var tableRules: String {
        """
        SELECT rule[1], rule[2], rule[3] FROM (
          SELECT 0 AS kind, attnum::text AS place,
            ARRAY['23502', 'column ' || attname, format('%I IS NULL', attname)] AS rule, attnum
          FROM pg_attribute WHERE attrelid = \(SQLText.literal(target))::regclass AND attnum > 0 AND attnotnull
            AND NOT attisdropped
          UNION ALL
          SELECT 1, conname::text, ARRAY['23514', 'constraint ' || conname,
            format('(%s) IS FALSE', pg_get_expr(conbin, conrelid))], 0
          FROM pg_constraint WHERE conrelid = \(SQLText.literal(target))::regclass AND contype = 'c') AS r
        ORDER BY kind, attnum, place COLLATE "C"
        """
    }

    /// The staged records that break a rule as rows of the table: ordinal, SQLSTATE, name of the first rule broken.
    func breaches(of rules: [TableRule]) -> String {
        func first(_ answer: (TableRule) -> String) -> String {
            "CASE " + rules.map { "WHEN \($0.expression) THEN \(SQLText.literal(answer($0)))" }.joined(separator: " ")
                + " END"
        }
        let columns = (table.keyColumns + table.contentColumns).map { "s.\(quoted($0.name))" }.joined(separator: ", ")
        return """
            SELECT * FROM (
              SELECT stage_ordinal, \(first(\.sqlState)) AS state, \(first(\.name)) FROM (
                SELECT s.stage_ordinal, \(columns), s.stage_record_version AS record_version,
                  s.stage_partition AS record_partition, s.stage_incarnation AS record_incarnation,
                  s.stage_record_offset AS record_offset, s.stage_record_offset AS origin_offset,
                  \(mappingRevision) AS mapping_revision, s.stage_content_hash AS content_hash,
                  false AS version_conflict, now() AS applied_at, NULL::bigint AS delete_version,
                  NULL::integer AS delete_partition, NULL::integer AS delete_incarnation, NULL::bigint AS delete_offset,
                  NULL::integer AS plain_delete_partition, NULL::integer AS plain_delete_incarnation,
                  NULL::bigint AS plain_delete_offset, false AS deleted
                FROM \(prefix)_stage s WHERE s.stage_record_offset IS NOT NULL) AS row) AS judged
            WHERE state IS NOT NULL
            """
    }

    /// Which of the ranked records may matter: their ordinals. The others lose to the row that is there, whatever comes
    /// meanwhile, since its marks only grow: they are superseded, and nothing of them need be sent. The last result.
    var unbeaten: String {
        let beaten = """
            CASE WHEN r.record_version < t.record_version THEN true
              WHEN r.record_version > t.record_version THEN false
              WHEN r.partition <> t.record_partition THEN true
              WHEN (r.incarnation, r.record_offset) = (t.record_incarnation, t.record_offset)
              THEN t.mapping_revision >= \(mappingRevision)
              ELSE (r.incarnation, r.record_offset) < (t.record_incarnation, t.record_offset) END
            """
        // A row with a delete is left to the merge, which knows more cases.
        let statements =
            Self.byIndexAlone + [
                """
                SELECT r.ordinal FROM \(prefix)_rank r LEFT JOIN \(target) t ON \(keysEqual("t", "r"))
                WHERE t.record_version IS NULL OR t.delete_offset IS NOT NULL OR t.plain_delete_offset IS NOT NULL
                  OR NOT (\(beaten))
                """
            ]
        return statements.joined(separator: ";\n")
    }

    // MARK: Statements, in their order

    private func lockPositions(_ claims: [Claim]) -> String {
        let rows = claims.map { "(\($0.partition.rawValue), \($0.epoch)::bigint, \($0.expected.rawValue)::bigint)" }
        // A replay takes the live position first, as everybody does; a new log there is not the one it reads.
        let live = account.sharesTables && account != .live
        let own =
            "\(account.positions) p" + (live ? " ON p.partition = l.partition AND p.incarnation = l.incarnation" : "")
        return """
            INSERT INTO \(prefix)_won
            SELECT p.partition, p.incarnation FROM \(live ? "ingest.position l JOIN " : "")\(own)
            JOIN (VALUES \(rows.joined(separator: ", "))) AS c (partition, epoch, expected) ON c.partition = p.partition
            WHERE \(account.owns(topic))\(live ? " AND l.topic = \(topic) AND l.gap_kind IS DISTINCT FROM 'other-log'" : "")
              AND p.epoch = c.epoch AND p.next_offset = c.expected
            ORDER BY p.partition FOR UPDATE OF \(live ? "l, p" : "p")
            """
    }

    /// Usually none. Asked by NOT IN throughout, which is answered by a hash table even where hash joins are off;
    /// partitions are never null.
    private func noteLost(_ claims: [Claim]) -> String {
        let rows = claims.map { "(\($0.partition.rawValue))" }.joined(separator: ", ")
        return """
            INSERT INTO \(prefix)_lost SELECT c.partition FROM (VALUES \(rows)) AS c (partition)
            WHERE c.partition NOT IN (SELECT partition FROM \(prefix)_won)
            """
    }

    private var isOurs: String { "s.stage_partition NOT IN (SELECT partition FROM \(prefix)_lost)" }

    /// Raises the two delete marks. A plain delete counts only in the row's own partition, since offsets of different
    /// partitions cannot be compared.
    private var raiseDeletes: String {
        let versioned = """
            excluded.delete_offset IS NOT NULL AND (t.delete_offset IS NULL OR CASE
              WHEN t.delete_partition = excluded.delete_partition
              THEN (excluded.delete_version, excluded.delete_incarnation, excluded.delete_offset)
                 > (t.delete_version, t.delete_incarnation, t.delete_offset)
              ELSE excluded.delete_version > t.delete_version END)
            """
        let plain = """
            excluded.plain_delete_offset IS NOT NULL
            AND excluded.plain_delete_partition = \(ownPartition("t"))
            AND (t.plain_delete_offset IS NULL OR t.plain_delete_partition <> excluded.plain_delete_partition
              OR (excluded.plain_delete_incarnation, excluded.plain_delete_offset)
               > (t.plain_delete_incarnation, t.plain_delete_offset))
            """
        func raised(_ columns: [String], _ condition: String) -> [String] {
            columns.map { "\($0) = CASE WHEN \(condition) THEN excluded.\($0) ELSE t.\($0) END" }
        }
        let assignments =
            raised(["delete_version", "delete_partition", "delete_incarnation", "delete_offset"], versioned)
            + raised(["plain_delete_partition", "plain_delete_incarnation", "plain_delete_offset"], plain)
        return """
            WITH raised AS (
              INSERT INTO \(target) AS t (\(keyList), delete_version, delete_partition, delete_incarnation, delete_offset,
                plain_delete_partition, plain_delete_incarnation, plain_delete_offset, deleted)
              SELECT \(keyList("s")), s.stage_delete_version,
                CASE WHEN s.stage_delete_offset IS NOT NULL THEN s.stage_partition END,
                CASE WHEN s.stage_delete_offset IS NOT NULL THEN s.stage_incarnation END, s.stage_delete_offset,
                CASE WHEN s.stage_plain_delete_offset IS NOT NULL THEN s.stage_partition END,
                CASE WHEN s.stage_plain_delete_offset IS NOT NULL THEN s.stage_incarnation END,
                s.stage_plain_delete_offset, true
              FROM \(prefix)_stage s
              WHERE (s.stage_delete_offset IS NOT NULL OR s.stage_plain_delete_offset IS NOT NULL) AND \(isOurs)
              ORDER BY s.stage_ordinal
              ON CONFLICT (\(keyList)) DO UPDATE SET \(assignments.joined(separator: ", "))
              WHERE (\(versioned)) OR (\(plain))
              RETURNING t.delete_partition, t.delete_offset, t.plain_delete_partition, t.plain_delete_offset, \(keyList("t")))
            INSERT INTO \(prefix)_marked SELECT * FROM raised
            """
    }

    /// How a staged record is called where it meets the row `t`.
    private struct Proposal {
        let version: String
        let partition: String
        let incarnation: String
        let offset: String
        /// Where in the log its content stands: for a redriven record not the place that ranks it.
        let origin: String
        let contentHash: String
        let revision: String

        static let excluded = Proposal(
            version: "excluded.record_version", partition: "excluded.record_partition",
            incarnation: "excluded.record_incarnation", offset: "excluded.record_offset",
            origin: "excluded.origin_offset", contentHash: "excluded.content_hash",
            revision: "excluded.mapping_revision")

        static func staged(_ revision: Int32) -> Proposal {
            Proposal(
                version: "s.stage_record_version", partition: "s.stage_partition", incarnation: "s.stage_incarnation",
                offset: "s.stage_record_offset", origin: "coalesce(s.stage_origin_offset, s.stage_record_offset)",
                contentHash: "s.stage_content_hash", revision: "\(revision)")
        }
    }

    /// True where the record replaces the row `t`: it is the best, lies beyond the deletes, and its content differs.
    ///
    /// Offsets of two incarnations say nothing of each other: what a plain delete of the old log ended lives again only
    /// by a greater version. Of one rank are a record and what was redriven in its place: the later one in the log counts.
    private func replaces(_ new: Proposal) -> String {
        """
        CASE
          WHEN t.record_version IS NULL OR \(new.version) > t.record_version THEN true
          WHEN \(new.version) < t.record_version OR \(new.partition) <> t.record_partition THEN false
          WHEN (\(new.incarnation), \(new.offset)) > (t.record_incarnation, t.record_offset)
          THEN t.deleted OR t.content_hash <> \(new.contentHash) OR t.mapping_revision <> \(new.revision)
          WHEN (\(new.incarnation), \(new.offset)) = (t.record_incarnation, t.record_offset)
          THEN \(new.origin) >= \(contentPlace) AND (\(new.revision) > t.mapping_revision
            OR \(new.origin) > \(contentPlace) AND (t.deleted OR t.content_hash <> \(new.contentHash)))
          ELSE false END
        AND (t.delete_offset IS NULL AND t.plain_delete_offset IS NULL
          OR \(beyondDeletes(
            version: new.version, partition: new.partition, incarnation: new.incarnation, offset: new.offset,
            ifLogIsAnother: "NOT t.deleted OR t.record_version IS NULL OR \(new.version) > t.record_version")))
        """
    }

    /// The last place in the log at which the row's content is known to stand.
    private var contentPlace: String { "greatest(t.origin_offset, t.record_offset)" }

    /// True where the record's rank is above that of the row's best one, whatever becomes of the content.
    private func outranks(_ new: Proposal) -> String {
        """
        CASE WHEN t.record_version IS NULL OR \(new.version) > t.record_version THEN true
          WHEN \(new.version) < t.record_version OR \(new.partition) <> t.record_partition THEN false
          ELSE (\(new.incarnation), \(new.offset)) > (t.record_incarnation, t.record_offset) END
        """
    }

    /// Inserts or replaces rows whose staged record is the best and lies beyond the deletes, and whose content differs.
    /// A record that a tombstone of its own batch follows is proposed like any other: the database must judge every
    /// record that leaves a rank, or a row would depend on where batches end.
    private func upsertRecords(onlyRest: Bool) -> String {
        let content = table.contentColumns.map { quoted($0.name) }
        let insertColumns =
            [keyList] + content + [
                "record_version", "record_partition", "record_incarnation", "record_offset", "origin_offset",
                "mapping_revision", "content_hash", "version_conflict", "applied_at", "deleted",
            ]
        let copied =
            content + [
                "record_version", "record_partition", "record_incarnation", "record_offset", "origin_offset",
                "mapping_revision", "content_hash", "applied_at",
            ]
        let source = "\(prefix)_stage s" + (onlyRest ? " JOIN \(prefix)_rest r ON r.ordinal = s.stage_ordinal" : "")
        let condition = onlyRest ? "(SELECT count(*) FROM \(prefix)_rest) > 0" : "s.stage_record_offset IS NOT NULL"
        return """
            WITH upserted AS (
              INSERT INTO \(target) AS t (\(insertColumns.joined(separator: ", ")))
              SELECT \(([keyList("s")] + content.map { "s.\($0)" }).joined(separator: ", ")),
                s.stage_record_version, s.stage_partition, s.stage_incarnation, s.stage_record_offset,
                coalesce(s.stage_origin_offset, s.stage_record_offset), \(mappingRevision), s.stage_content_hash, false,
                now(), false
              FROM \(source) WHERE \(condition) AND \(isOurs)
              ORDER BY s.stage_ordinal
              ON CONFLICT (\(keyList)) DO UPDATE SET
                \(copied.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")), deleted = false,
                version_conflict = NOT t.deleted AND t.record_version = excluded.record_version
                  AND t.mapping_revision = excluded.mapping_revision
              WHERE \(replaces(.excluded))
              RETURNING t.record_partition, t.record_offset, t.xmax = 0, t.version_conflict, \(keyList("t")))
            INSERT INTO \(prefix)_merged SELECT * FROM upserted
            """
    }

    /// Replaces rows that are there, by the primary key in the order of the staged rows.
    private var updateRecords: String {
        let content = table.contentColumns.map { quoted($0.name) }
        let assignments =
            content.map { "\($0) = s.\($0)" } + [
                "record_version = s.stage_record_version", "record_partition = s.stage_partition",
                "record_incarnation = s.stage_incarnation", "record_offset = s.stage_record_offset",
                "origin_offset = coalesce(s.stage_origin_offset, s.stage_record_offset)",
                "mapping_revision = \(mappingRevision)",
                "content_hash = s.stage_content_hash", "applied_at = now()", "deleted = false",
                "version_conflict = NOT t.deleted AND t.record_version = s.stage_record_version AND t.mapping_revision = \(mappingRevision)",
            ]
        return """
            WITH updated AS (
              UPDATE \(target) t SET \(assignments.joined(separator: ", "))
              FROM \(prefix)_stage s
              WHERE \(keysEqual("t", "s")) AND s.stage_record_offset IS NOT NULL AND \(isOurs)
                AND \(replaces(.staged(mappingRevision)))
              RETURNING t.record_partition, t.record_offset, false, t.version_conflict, \(keyList("t")))
            INSERT INTO \(prefix)_merged SELECT * FROM updated
            """
    }

    /// The records that met no row, and those that leave a rank although they did not replace the row: the database
    /// judges those, too.
    private var collectRest: String {
        "INSERT INTO \(prefix)_rest SELECT ordinal FROM \(prefix)_pending WHERE stage_advances"
    }

    /// Those of them that were merged are pending no more.
    private var settleRest: String {
        """
        UPDATE \(prefix)_pending p SET applied = true, stage_advances = false, stage_outlived = false
        FROM \(prefix)_merged m WHERE (SELECT count(*) FROM \(prefix)_rest) > 0 AND p.stage_advances AND \(keysEqual("m", "p"))
        """
    }

    /// The staged rows that want a second look: those not merged, and those with tombstones; and what the row has
    /// to say of them.
    private var collectPending: String {
        let staged = Proposal.staged(mappingRevision)
        let merged = "(\(keyList("s"))) NOT IN (SELECT \(keyList("m")) FROM \(prefix)_merged m)"
        return """
            INSERT INTO \(prefix)_pending
            SELECT s.stage_ordinal, s.stage_partition, s.stage_incarnation, s.stage_record_version, s.stage_record_offset,
              s.stage_delete_offset, s.stage_plain_delete_offset, NOT s.is_pending,
              s.is_pending AND s.stage_record_offset IS NOT NULL AND \(outranks(staged)),
              s.is_pending AND s.stage_record_offset IS NOT NULL AND (t.deleted OR NOT (\(ownBeyondDeletes)))
                AND coalesce(
                t.delete_partition = s.stage_partition AND s.stage_record_version <= t.delete_version
                  AND (s.stage_incarnation, s.stage_record_offset) > (t.delete_incarnation, t.delete_offset)
                OR t.plain_delete_partition = s.stage_partition AND s.stage_record_version < t.record_version
                  AND (s.stage_incarnation, s.stage_record_offset) > (t.plain_delete_incarnation, t.plain_delete_offset),
                false),
              \(keyList("s"))
            FROM (SELECT s.*, \(merged) AS is_pending FROM \(prefix)_stage s OFFSET 0) AS s
            LEFT JOIN \(target) t ON \(keysEqual("t", "s"))
            WHERE \(isOurs)
              AND (is_pending OR s.stage_delete_offset IS NOT NULL OR s.stage_plain_delete_offset IS NOT NULL)
            """
    }

    /// Moves the rank of rows whose content the record repeats, and of rows that stay deleted under a better record. Asked
    /// again here: until the row is locked, a record of another partition may have made it newer.
    private var advanceRanks: String {
        let pending = Proposal(
            version: "p.record_version", partition: "p.partition", incarnation: "p.incarnation",
            offset: "p.record_offset", origin: "NULL", contentHash: "NULL", revision: "\(mappingRevision)")
        return """
            UPDATE \(target) t SET record_version = p.record_version, record_partition = p.partition,
              record_incarnation = p.incarnation, record_offset = p.record_offset,
              origin_offset = CASE WHEN t.deleted OR t.record_incarnation <> p.incarnation OR t.origin_offset > p.record_offset
                THEN p.record_offset ELSE t.origin_offset END,
              mapping_revision = \(mappingRevision)
            FROM \(prefix)_pending p
            WHERE \(keysEqual("t", "p")) AND p.stage_advances AND \(outranks(pending))
            """
    }

    /// Raises plain deletes of rows that became their partition's only by a record of this batch.
    private var raiseLatePlainDeletes: String {
        """
        WITH raised AS (
          UPDATE \(target) t SET plain_delete_partition = p.partition, plain_delete_incarnation = p.incarnation,
            plain_delete_offset = p.plain_delete_offset
          FROM \(prefix)_pending p
          WHERE \(keysEqual("t", "p")) AND p.plain_delete_offset IS NOT NULL AND \(ownPartition("t")) = p.partition
            AND (t.plain_delete_offset IS NULL OR t.plain_delete_partition <> p.partition
              OR (p.incarnation, p.plain_delete_offset) > (t.plain_delete_incarnation, t.plain_delete_offset))
          RETURNING t.delete_partition, t.delete_offset, t.plain_delete_partition, t.plain_delete_offset, \(keyList("t")))
        INSERT INTO \(prefix)_marked SELECT * FROM raised
        """
    }

    /// Empties rows whose best record no longer lies beyond the deletes. What is asked of the row stands behind a column
    /// of ours: hardly any row of the table is like that, so the planner would look for those first, in the whole table.
    private var bury: String {
        let emptied =
            table.contentColumns.map { "\(quoted($0.name)) = NULL" } + [
                "content_hash = NULL", "version_conflict = NULL", "applied_at = now()", "deleted = true",
            ]
        return """
            WITH buried AS (
              UPDATE \(target) t SET \(emptied.joined(separator: ", "))
              FROM \(prefix)_pending p
              WHERE \(keysEqual("t", "p"))
                AND (p.delete_offset IS NOT NULL OR p.plain_delete_offset IS NOT NULL OR p.stage_advances)
                AND CASE WHEN p.ordinal >= 0 THEN NOT t.deleted AND NOT (\(ownBeyondDeletes)) END
              RETURNING p.partition, \(keyList("t")))
            INSERT INTO \(prefix)_killed SELECT * FROM buried
            """
    }

    /// Plain tombstones that came by another partition than the row's own: they cannot be ranked.
    private var findForeignDeletes: String {
        """
        INSERT INTO \(prefix)_foreign
        SELECT p.ordinal FROM \(prefix)_pending p JOIN \(target) t ON \(keysEqual("t", "p"))
        WHERE p.plain_delete_offset IS NOT NULL AND \(ownPartition("t")) <> p.partition
        """
    }

    private func replaceChildren(_ contents: Contents) -> [String] {
        var statements: [String] = []
        // Rows of an inner list may refer to those of the outer one: they go first, and come last.
        let inner = children.indices.filter { children[$0].isNested }
        let outer = children.indices.filter { !children[$0].isNested }
        func deletions(_ parents: String, _ condition: String) -> [String] {
            (inner + outer).map { index in
                let name = "\(quoted(children[index].schema)).\(quoted(children[index].name))"
                return "DELETE FROM \(name) c USING \(parents) p WHERE \(keysEqual("c", "p"))\(condition)"
            }
        }
        guard !children.isEmpty else { return [] }
        if contents.hasRecords {
            statements.append(
                Self.block(
                    if: "EXISTS (SELECT FROM \(prefix)_merged WHERE NOT inserted)",
                    Self.byIndexAlone + deletions("\(prefix)_merged", " AND NOT p.inserted")))
        }
        statements.append(
            Self.block(
                if: "EXISTS (SELECT FROM \(prefix)_killed)", Self.byIndexAlone + deletions("\(prefix)_killed", "")))
        if !contents.childrenWithRows.isEmpty { statements.append(Self.byAnyJoin) }
        for index in outer + inner {
            let child = children[index]
            let name = "\(quoted(child.schema)).\(quoted(child.name))"
            guard contents.childrenWithRows.contains(index) else { continue }
            let columns = child.columns.map { quoted($0.name) }
            statements.append(
                """
                INSERT INTO \(name) (\(([keyList, "position"] + columns).joined(separator: ", ")))
                SELECT \(([keyList("s"), "c.position"] + columns.map { "c.\($0)" }).joined(separator: ", "))
                FROM \(prefix)_child\(index) c
                JOIN \(prefix)_stage s ON s.stage_ordinal = c.stage_ordinal
                JOIN \(prefix)_merged m ON \(keysEqual("m", "s"))
                """
            )
        }
        return statements
    }

    /// A record that is read again makes no second letter, and none where its letter was purged. What turns out a state
    /// secret only now leaves nothing behind.
    private var keepDeadLetters: String {
        let emptied = [
            "payload", "key_id", "key_fingerprint", "key_hint", "repaired", "repaired_key_id", "sql_state",
            "record_version",
        ].map { "\($0) = NULL" }.joined(separator: ", ")
        return """
            INSERT INTO ingest.dead_letter (topic, incarnation, partition, "offset", reason, field, rule, sql_state,
              contract_version, record_at, key_fingerprint, key_hint, record_version, key_id, payload)
            SELECT \(topic), w.incarnation, d.partition, d."offset", d.reason, d.field, d.rule, d.sql_state,
              \(contractVersion), d.record_at, d.key_fingerprint, d.key_hint, d.record_version, d.key_id,
              d.payload
            FROM \(prefix)_dead d JOIN \(prefix)_won w ON w.partition = d.partition
            WHERE (d.ordinal IS NULL OR d.ordinal IN (SELECT ordinal FROM \(prefix)_foreign))
              AND (d.letter IS NULL OR NOT EXISTS (SELECT FROM ingest.dead_letter l
                WHERE l.id = d.letter AND l.topic = \(topic) AND l.status IN ('redriven', 'open', 'quarantined')))
              AND NOT EXISTS (SELECT FROM ingest.dead_letter_step s
                WHERE s.step = 'purged' AND s.details->>'topic' = \(topic)
                  AND (s.details->>'partition')::integer = d.partition AND (s.details->>'offset')::bigint = d."offset"
                  AND (s.details->>'incarnation')::integer = w.incarnation)
            ORDER BY d.partition, d."offset"
            ON CONFLICT (topic, incarnation, partition, "offset") DO UPDATE SET reason = excluded.reason,
              field = excluded.field, rule = excluded.rule, \(emptied)
            WHERE excluded.reason = \(SQLText.literal(ReasonCode.stateSecret.rawValue))
            """
    }

    /// What the batch does to dead letters, its own and those of before.
    ///
    /// - Parameter merged: whether `merged` and `marked` tell what took effect; else every row did.
    private func moveLetters(_ letters: LetterMoves, merged: Bool) -> [String] {
        guard account.movesLetters else { return [] }
        var statements: [String] = []
        if !letters.redriven.isEmpty { statements.append(settleRedriven(letters.redriven)) }
        if !letters.overtaken.isEmpty { statements.append(closeOvertaken(letters.overtaken, merged: merged)) }
        return statements
    }

    /// True where the record or tombstone at `l`'s place made, replaced or deleted a row.
    private var tookEffect: String {
        """
        (l.partition, l.rank) IN (
          SELECT partition, record_offset FROM \(prefix)_merged
          UNION ALL SELECT delete_partition, delete_offset FROM \(prefix)_marked WHERE delete_offset IS NOT NULL
          UNION ALL SELECT plain_delete_partition, plain_delete_offset FROM \(prefix)_marked
            WHERE plain_delete_offset IS NOT NULL)
        """
    }

    private func settleRedriven(_ letters: [LetterMoves.Redriven]) -> String {
        let rows = letters.map { letter in
            let refusal = letter.refusal
            let words = [refusal?.reason.rawValue, refusal?.field, refusal?.rule, letter.sqlState]
                .map { $0.map(SQLText.literal) ?? "NULL" }
            return
                "(\(letter.id)::bigint, \(letter.partition.rawValue), \(letter.rank.rawValue)::bigint, \(words.map { "\($0)::text" }.joined(separator: ", ")), \(letter.version.map { "'\($0)'" } ?? "NULL")::bigint, \(letter.plainDeleteRow.map(String.init) ?? "NULL")::integer)"
        }
        // A plain tombstone of another partition than its row's is refused here (see `findForeignDeletes`).
        let foreign = "v.plain_delete_row IN (SELECT ordinal FROM \(prefix)_foreign)"
        let refusal = Staging.foreignDelete
        let told = [("reason", refusal.reason.rawValue), ("rule", refusal.rule)].map { name, word in
            "CASE WHEN \(foreign) THEN \(SQLText.literal(word)) ELSE v.\(name) END AS \(name)"
        }
        // What was refused is what counts from now on, in a repaired record's version, too.
        let replaced = ["reason", "field", "rule", "sql_state", "record_version"]
            .map { "\($0) = CASE WHEN l.reason IS NULL THEN d.\($0) ELSE l.\($0) END" }
        // Of a state secret nothing is kept but reason and origin, wherever it shows.
        let secret = "l.reason IS NOT DISTINCT FROM \(SQLText.literal(ReasonCode.stateSecret.rawValue))"
        let content = ["payload", "key_id", "key_fingerprint", "key_hint", "repaired", "repaired_key_id"]
            .map { "\($0) = CASE WHEN \(secret) THEN NULL ELSE d.\($0) END" }
        return """
            WITH told AS (
              UPDATE ingest.dead_letter d SET
                status = CASE WHEN l.reason IS NULL
                  THEN CASE WHEN \(tookEffect) THEN 'applied' ELSE 'superseded' END
                  WHEN d.refusals + 1 >= \(LetterMoves.refusalsMax) THEN 'quarantined' ELSE 'open' END,
                closed_at = CASE WHEN l.reason IS NULL THEN now() END,
                refusals = d.refusals + CASE WHEN l.reason IS NULL THEN 0 ELSE 1 END,
                contract_version = CASE WHEN l.reason IS NULL THEN d.contract_version ELSE \(contractVersion) END,
                \((replaced + content).joined(separator: ", "))
              FROM (SELECT v.letter, v.partition, v.rank, v.field, v.sql_state, v.record_version,
                  \(told.joined(separator: ", "))
                FROM (VALUES \(rows.joined(separator: ", ")))
                  AS v (letter, partition, rank, reason, field, rule, sql_state, record_version, plain_delete_row)) AS l
              JOIN \(prefix)_won w ON w.partition = l.partition
              WHERE d.id = l.letter AND d.topic = \(topic)
                AND (d.status = 'redriven' OR l.reason IS NULL AND d.status IN ('open', 'quarantined'))
              RETURNING d.id, d.status)
            INSERT INTO ingest.dead_letter_step (letter, step, by)
            SELECT id, CASE status WHEN 'open' THEN 'refused' ELSE status END, 'work' FROM told ORDER BY id
            """
    }

    private func closeOvertaken(_ letters: [LetterMoves.Overtaken], merged: Bool) -> String {
        let rows = letters.map {
            "(\($0.partition.rawValue), \($0.rank.rawValue)::bigint, \($0.version)::bigint, '\\x\($0.fingerprint)'::bytea)"
        }
        return """
            WITH closed AS (
              UPDATE ingest.dead_letter d SET closed_at = now(), status = CASE
                WHEN d.incarnation = w.incarnation AND d."offset" = l.rank THEN 'applied' ELSE 'superseded' END
              FROM (VALUES \(rows.joined(separator: ", "))) AS l (partition, rank, version, fingerprint)
              JOIN \(prefix)_won w ON w.partition = l.partition
              WHERE d.key_fingerprint = l.fingerprint AND d.topic = \(topic) AND d.partition = l.partition
                AND d.status IN ('open', 'quarantined')
                AND (l.version > d.record_version OR l.version = d.record_version
                  AND d.incarnation = w.incarnation AND d."offset" <= l.rank)
                AND \(merged ? tookEffect : "true")
              RETURNING d.id, d.status)
            INSERT INTO ingest.dead_letter_step (letter, step, by)
            SELECT id, status, 'work' FROM closed ORDER BY id
            """
    }

    /// What became of each partition's share: partition, applied, deleted, foreign deletes, inserted.
    private func fates(_ contents: Contents) -> String {
        var parts = [
            "SELECT w.partition, 0::bigint AS applied, 0::bigint AS deleted, 0::bigint AS foreign_deletes, 0::bigint AS inserted FROM \(prefix)_won w"
        ]
        if contents.hasRecords {
            parts.append(
                "SELECT partition, count(*), 0, 0, count(*) FILTER (WHERE inserted) FROM \(prefix)_merged GROUP BY partition"
            )
        }
        if contents.hasTombstones {
            // A tombstone took effect if its mark is the row's, and the row is dead (asked behind a column of ours, as in
            // `bury`).
            parts.append(
                """
                SELECT p.partition, 0,
                  count(DISTINCT p.ordinal) FILTER (
                    WHERE (m.delete_partition, m.delete_offset) = (p.partition, p.delete_offset))
                  + count(DISTINCT p.ordinal) FILTER (
                    WHERE (m.plain_delete_partition, m.plain_delete_offset) = (p.partition, p.plain_delete_offset)), 0, 0
                FROM \(prefix)_pending p JOIN \(prefix)_marked m ON \(keysEqual("m", "p"))
                JOIN \(target) t ON \(keysEqual("t", "p"))
                WHERE CASE WHEN p.ordinal >= 0 THEN t.deleted END GROUP BY p.partition
                """
            )
            parts.append(
                """
                SELECT d.partition, 0, 0, count(*), 0 FROM \(prefix)_dead d
                JOIN \(prefix)_won w ON w.partition = d.partition
                WHERE d.ordinal IN (SELECT ordinal FROM \(prefix)_foreign) GROUP BY d.partition
                """
            )
        }
        return """
            SELECT partition, sum(applied)::bigint, sum(deleted)::bigint, sum(foreign_deletes)::bigint, sum(inserted)::bigint
            FROM (\(parts.joined(separator: " UNION ALL "))) AS part GROUP BY partition
            """
    }

    private func countWarnings(_ contents: Contents) -> String {
        var parts: [String] = []
        if contents.hasWarnings {
            // Warnings of records that were superseded were counted when those were applied, or never mattered.
            // NOT IN, since it is answered by a hash table even where hash joins are off; ordinals are never null.
            parts.append(
                """
                SELECT g.partition, g.rule, g.field, count(*) AS count, max(g."offset") AS last_offset
                FROM \(prefix)_warning g JOIN \(prefix)_won w ON w.partition = g.partition
                WHERE g.ordinal NOT IN (SELECT ordinal FROM \(prefix)_pending WHERE NOT applied)
                GROUP BY g.partition, g.rule, g.field
                """
            )
        }
        if contents.hasRecords {
            parts.append(
                """
                SELECT partition, 'same-version-conflict', '', count(*), max(record_offset)
                FROM \(prefix)_merged WHERE conflict GROUP BY partition
                """
            )
            parts.append(
                """
                SELECT p.partition, 'lower-version-after-delete', '', count(*), max(p.record_offset)
                FROM \(prefix)_pending p WHERE p.stage_outlived
                GROUP BY p.partition
                """
            )
        }
        let count = """
            INSERT INTO ingest.quality_warning AS q (topic, partition, rule, field, day, count, last_offset)
            SELECT \(topic), partition, rule, field, (now() AT TIME ZONE 'UTC')::date, sum(count), max(last_offset)
            FROM (\(parts.joined(separator: " UNION ALL "))) AS part (partition, rule, field, count, last_offset)
            GROUP BY partition, rule, field ORDER BY partition, rule, field
            ON CONFLICT (topic, partition, rule, field, day) DO UPDATE
            SET count = q.count + excluded.count, last_offset = excluded.last_offset
            """
        guard !contents.hasWarnings else { return count }
        return Self.block(
            if:
                "EXISTS (SELECT FROM \(prefix)_merged WHERE conflict) OR EXISTS (SELECT FROM \(prefix)_pending WHERE stage_outlived)",
            [count])
    }

    /// Moves the positions and their cumulative fates: what is neither applied, deleted nor a dead letter was superseded.
    /// - Parameter fates: a query as `fates` makes it.
    private func movePositions(_ claims: [Claim], fates: String) -> String {
        let rows = claims.map { claim in
            let offset = claim.lastRecord.map { "\($0.offset.rawValue)" } ?? "NULL"
            let hash = claim.lastRecord.map { "'\($0.hash)'" } ?? "NULL"
            return "(\(claim.partition.rawValue), \(claim.next.rawValue)::bigint, \(offset)::bigint, \(hash)::bigint, "
                + "\(claim.consumed)::bigint, \(claim.deadLettered)::bigint)"
        }
        return """
            UPDATE \(account.positions) p SET next_offset = c.next_offset,
              last_record_offset = coalesce(c.last_record_offset, p.last_record_offset),
              last_record_hash = coalesce(c.last_record_hash, p.last_record_hash), applied = p.applied + f.applied, deleted = p.deleted + f.deleted,
              dead_lettered = p.dead_lettered + c.dead_lettered + f.foreign_deletes,
              superseded = p.superseded + c.consumed - c.dead_lettered - f.applied - f.deleted - f.foreign_deletes,
              moved_at = now()
            FROM (\(fates)) AS f (partition, applied, deleted, foreign_deletes, inserted)
            JOIN (VALUES \(rows.joined(separator: ", ")))
              AS c (partition, next_offset, last_record_offset, last_record_hash, consumed, dead_lettered)
              ON c.partition = f.partition
            WHERE \(account.owns(topic)) AND p.partition = f.partition
            RETURNING p.partition, f.applied, f.deleted, f.foreign_deletes, f.inserted,
              extract(epoch FROM clock_timestamp() - statement_timestamp())
            """
    }

    // MARK: Fragments

    private static func name(_ schema: String, _ name: String) -> String { "\(quoted(schema)).\(quoted(name))" }
    private var target: String { Self.name(table.schema, table.name) }
    private var keyList: String { table.keyColumns.map { quoted($0.name) }.joined(separator: ", ") }
    private func keyList(_ alias: String) -> String {
        table.keyColumns.map { "\(alias).\(quoted($0.name))" }.joined(separator: ", ")
    }
    private func keysEqual(_ left: String, _ right: String) -> String {
        table.keyColumns.map { "\(left).\(quoted($0.name)) = \(right).\(quoted($0.name))" }.joined(separator: " AND ")
    }

    /// The partition whose offsets rank the row.
    private func ownPartition(_ alias: String) -> String {
        "coalesce(\(alias).record_partition, \(alias).delete_partition, \(alias).plain_delete_partition)"
    }

    /// True if a record (the staged one, or the row's own) lies beyond both deletes of the row `t`.
    ///
    /// A versioned delete ends every record up to its version, wherever and whenever that comes: a record that a stalled
    /// producer sends late, or that a truncated log shows again, bears the version that was deleted.
    private func beyondDeletes(
        version: String, partition: String, incarnation: String, offset: String, ifLogIsAnother: String
    ) -> String {
        """
        (t.delete_offset IS NULL OR \(version) > t.delete_version)
        AND (t.plain_delete_offset IS NULL OR CASE
          WHEN t.plain_delete_partition <> \(partition) THEN true
          WHEN t.plain_delete_incarnation = \(incarnation) THEN \(offset) > t.plain_delete_offset
          WHEN t.plain_delete_incarnation > \(incarnation) THEN false
          ELSE \(ifLogIsAnother) END)
        """
    }

    /// True while the row `t` may live.
    private var ownBeyondDeletes: String {
        beyondDeletes(
            version: "t.record_version", partition: "t.record_partition", incarnation: "t.record_incarnation",
            offset: "t.record_offset",
            // A row that lives beyond a plain delete of an older log has shown so before.
            ifLogIsAnother: "true")
    }
}

private func quoted(_ identifier: String) -> String { SQLText.identifier(identifier) }
