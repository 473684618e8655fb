-- The ingest schema: how far each topic was read, what became of each record, what was refused.

COMMENT ON SCHEMA ingest IS 'Account of the exchange: positions, fates of records, dead letters (Decree 102/2025 art. 16.2, 18.4)';
CREATE SCHEMA registry;
COMMENT ON SCHEMA registry IS 'Reference data of people, organisations and health workforce (Decree 102/2025 art. 14.1, 14.2, 14.4)';
CREATE SCHEMA health;
COMMENT ON SCHEMA health IS 'Personal health data (Decree 102/2025 art. 14.4)';

-- One row a partition. Its lock puts all writers of the partition in line; it moves in the transaction of the rows.
CREATE TABLE ingest.position (
    topic              text COLLATE "C" NOT NULL,
    partition          integer NOT NULL CHECK (partition >= 0),
    incarnation        integer NOT NULL DEFAULT 0,
    next_offset        bigint  NOT NULL DEFAULT 0 CHECK (next_offset >= 0),
    epoch              bigint  NOT NULL DEFAULT 0,
    -- The last record dealt with: read again on a claim, to notice a log that is not the one we knew.
    last_record_offset bigint,
    last_record_hash   bigint,
    applied            bigint  NOT NULL DEFAULT 0,
    superseded         bigint  NOT NULL DEFAULT 0,
    deleted            bigint  NOT NULL DEFAULT 0,
    dead_lettered      bigint  NOT NULL DEFAULT 0,
    claimed_by         text,
    claimed_at         timestamptz,
    moved_at           timestamptz,
    gap_kind           text CHECK (gap_kind IN ('beyond-start', 'other-log', 'unreadable')),
    gap_because        text,
    gap_records        bigint,
    gap_at             timestamptz,
    PRIMARY KEY (topic, partition),
    CHECK ((gap_kind IS NULL) = (gap_because IS NULL))
) WITH (fillfactor = 50);
COMMENT ON TABLE ingest.position IS 'How far each partition was dealt with, and the cumulative fates of its records (Decree 102/2025 art. 16.2)';
COMMENT ON COLUMN ingest.position.next_offset IS 'First offset not yet dealt with; moves only in the transaction that deals with the records before it';
COMMENT ON COLUMN ingest.position.epoch IS 'Grows with each claim, rewind or accepted gap; a writer of an older epoch writes nothing';
COMMENT ON COLUMN ingest.position.incarnation IS 'Grows when a new log was accepted in place of the one known';

CREATE TABLE ingest.topic_state (
    topic                text COLLATE "C" PRIMARY KEY,
    mapping_revision_min integer NOT NULL DEFAULT 0,
    paused               boolean NOT NULL DEFAULT false,
    paused_because       text,
    paused_by            text,
    paused_at            timestamptz,
    -- Grows with each resume; the breaker starts a new window then, and lets one window of records pass unjudged,
    -- counted from what had been consumed at that moment.
    resumed              bigint NOT NULL DEFAULT 0,
    consumed_at_resume   bigint NOT NULL DEFAULT 0,
    CHECK (NOT paused OR paused_because IS NOT NULL)
);
COMMENT ON TABLE ingest.topic_state IS 'The operator''s and the circuit breaker''s word on each topic (Decree 102/2025 art. 18.4)';

-- Append-only: who told the exchange to do what.
CREATE TABLE ingest.operation (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    by        text NOT NULL,
    action    text NOT NULL,
    topic     text,
    partition integer,
    because   text,
    details   jsonb
);
COMMENT ON TABLE ingest.operation IS 'Operators'' interventions, append-only (Decree 102/2025 art. 10.3, 23.3)';

CREATE TABLE ingest.dead_letter (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic             text COLLATE "C" NOT NULL,
    incarnation       integer NOT NULL,
    partition         integer NOT NULL,
    "offset"          bigint NOT NULL,
    reason            text NOT NULL,
    field             text,
    rule              text,
    sql_state         text,
    contract_version  text NOT NULL,
    record_at         timestamptz,
    received_at       timestamptz NOT NULL DEFAULT now(),
    status            text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'redriven', 'applied', 'superseded', 'discarded')),
    key_fingerprint   bytea,
    key_id            text,
    payload           bytea,
    UNIQUE (topic, incarnation, partition, "offset"),
    CHECK ((payload IS NULL) = (key_id IS NULL)),
    CHECK (reason <> 'state-secret' OR (payload IS NULL AND key_fingerprint IS NULL)),
    CHECK (reason = 'state-secret' OR payload IS NOT NULL)
);
CREATE INDEX dead_letter_status ON ingest.dead_letter (topic, status, id);
CREATE INDEX dead_letter_key ON ingest.dead_letter (key_fingerprint) WHERE key_fingerprint IS NOT NULL;
COMMENT ON TABLE ingest.dead_letter IS 'Refused records, for their owners to mend (Decree 102/2025 art. 16.2, 18.4, 24.1)';
COMMENT ON COLUMN ingest.dead_letter.payload IS 'Exact bytes of key, value and headers, sealed with AES-GCM; null for a state secret, whose content is kept nowhere (art. 1.2)';
COMMENT ON COLUMN ingest.dead_letter.key_fingerprint IS 'HMAC of topic and key: finds the dead letters of a key without storing it';

-- Records that were applied although something in them is odd. By partition too, so that a row has one writer.
CREATE TABLE ingest.quality_warning (
    topic        text COLLATE "C" NOT NULL,
    partition    integer NOT NULL,
    rule         text NOT NULL,
    field        text NOT NULL DEFAULT '',
    day          date NOT NULL,
    count        bigint NOT NULL,
    last_offset  bigint NOT NULL,
    PRIMARY KEY (topic, partition, rule, field, day)
) WITH (fillfactor = 50);
COMMENT ON TABLE ingest.quality_warning IS 'Quality of feeds: warnings by topic, rule and day, with the latest offset as an example (Decree 102/2025 art. 16.2, 18.4)';

-- What every base table carries beside its content; tables take it by LIKE ingest.marker INCLUDING ALL.
-- The best record's rank and, apart, the greatest deletes, even where they lose: any order of arrival ends alike.
CREATE TABLE ingest.marker (
    record_version      bigint,
    record_partition    integer,
    record_incarnation  integer,
    record_offset       bigint,
    origin_offset       bigint,
    mapping_revision    integer,
    content_hash        bigint,
    version_conflict    boolean,
    applied_at          timestamptz,
    delete_version      bigint,
    delete_partition    integer,
    delete_incarnation  integer,
    delete_offset       bigint,
    plain_delete_partition   integer,
    plain_delete_incarnation integer,
    plain_delete_offset      bigint,
    deleted             boolean NOT NULL,
    CHECK (deleted OR record_version IS NOT NULL),
    CHECK (NOT deleted OR delete_offset IS NOT NULL OR plain_delete_offset IS NOT NULL)
);
COMMENT ON TABLE ingest.marker IS 'Template of the columns by which newest wins; holds no rows (Decree 102/2025 art. 10.3)';
COMMENT ON COLUMN ingest.marker.record_version IS 'Version of the best record, from the field that the contract names: a number, or microseconds since 1970';
COMMENT ON COLUMN ingest.marker.record_partition IS 'Partition of the best record';
COMMENT ON COLUMN ingest.marker.record_incarnation IS 'Incarnation of the log that held the best record';
COMMENT ON COLUMN ingest.marker.record_offset IS 'Rank within one version: offset of the latest record with this content';
COMMENT ON COLUMN ingest.marker.origin_offset IS 'Offset of the record whose content the row holds';
COMMENT ON COLUMN ingest.marker.mapping_revision IS 'Revision of the mapping that made the row';
COMMENT ON COLUMN ingest.marker.content_hash IS 'XXH3 of the row''s content: tells a repeated record from a conflicting one';
COMMENT ON COLUMN ingest.marker.version_conflict IS 'The content replaced different content of the same version';
COMMENT ON COLUMN ingest.marker.applied_at IS 'When the content was written';
COMMENT ON COLUMN ingest.marker.delete_version IS 'Version of the greatest tombstone that carried one';
COMMENT ON COLUMN ingest.marker.delete_partition IS 'Partition of that tombstone';
COMMENT ON COLUMN ingest.marker.delete_incarnation IS 'Incarnation of the log that held that tombstone';
COMMENT ON COLUMN ingest.marker.delete_offset IS 'Offset of that tombstone';
COMMENT ON COLUMN ingest.marker.plain_delete_partition IS 'Partition of the latest tombstone without a version';
COMMENT ON COLUMN ingest.marker.plain_delete_incarnation IS 'Incarnation of the log that held the latest tombstone without a version';
COMMENT ON COLUMN ingest.marker.plain_delete_offset IS 'Offset of the latest tombstone without a version';
COMMENT ON COLUMN ingest.marker.deleted IS 'The best record does not lie beyond the deletes; content columns are empty then';
