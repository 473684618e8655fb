-- Replays: ranges of a topic read again through today's mapping, beside the live workers, each with an account of its own.

CREATE TABLE ingest.replay (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic             text COLLATE "C" NOT NULL,
    into_shadow       boolean NOT NULL DEFAULT false,
    status            text NOT NULL DEFAULT 'running'
        CHECK (status IN ('running', 'stopped', 'done', 'cancelled', 'swapped')),
    mapping_revision  integer NOT NULL,
    -- Keyed fingerprints of the only keys that are read again; null for all.
    key_fingerprints  bytea[],
    rate              integer NOT NULL CHECK (rate > 0),
    live_lag_max      bigint NOT NULL CHECK (live_lag_max >= 0),
    max_refused_share double precision NOT NULL CHECK (max_refused_share BETWEEN 0 AND 1),
    asked_by          text NOT NULL,
    because           text NOT NULL,
    asked_at          timestamptz NOT NULL DEFAULT now(),
    -- Grows with each runner that takes the replay on; one of an older epoch writes nothing.
    epoch             bigint NOT NULL DEFAULT 0,
    runner            text,
    seen_at           timestamptz,
    -- What the runner is waiting for, or why it stopped; nothing of a record.
    note              text,
    records_a_second  double precision,
    ended_at          timestamptz,
    -- Offsets that lay behind it when somebody let it go on: from there one window passes unjudged.
    resumed_at        bigint,
    CHECK ((ended_at IS NOT NULL) = (status IN ('done', 'cancelled', 'swapped') AND NOT (status = 'done' AND into_shadow)))
);
CREATE INDEX replay_running ON ingest.replay (id) WHERE status = 'running';
COMMENT ON TABLE ingest.replay IS 'Replays: who asked for which, why, and how each is getting on (Decree 102/2025 art. 10.3, 23.3)';
COMMENT ON COLUMN ingest.replay.rate IS 'Records a second, at most';
COMMENT ON COLUMN ingest.replay.live_lag_max IS 'While live workers are more records behind than this, the replay waits';
COMMENT ON COLUMN ingest.replay.seen_at IS 'Last sign of the runner; another one takes over where it stays away';

-- Its own account, in the columns of ingest.position: moves in the transaction of the rows.
CREATE TABLE ingest.replay_position (
    replay             bigint NOT NULL REFERENCES ingest.replay,
    partition          integer NOT NULL CHECK (partition >= 0),
    incarnation        integer NOT NULL,
    from_offset        bigint NOT NULL CHECK (from_offset >= 0),
    to_offset          bigint NOT NULL,
    next_offset        bigint NOT NULL,
    epoch              bigint NOT NULL DEFAULT 0,
    last_record_offset bigint,
    last_record_hash   bigint,
    applied            bigint NOT NULL DEFAULT 0,
    superseded         bigint NOT NULL DEFAULT 0,
    deleted            bigint NOT NULL DEFAULT 0,
    dead_lettered      bigint NOT NULL DEFAULT 0,
    moved_at           timestamptz,
    PRIMARY KEY (replay, partition),
    CHECK (next_offset BETWEEN from_offset AND to_offset)
) WITH (fillfactor = 50);
COMMENT ON TABLE ingest.replay_position IS 'How far each partition of a replay was read again, and what became of its records (Decree 102/2025 art. 16.2)';
COMMENT ON COLUMN ingest.replay_position.to_offset IS 'First offset beyond the range';
