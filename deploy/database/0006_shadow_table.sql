-- The tables of rebuilt copies, and those that a copy has replaced.

CREATE TABLE ingest.shadow_table (
    replay      bigint NOT NULL REFERENCES ingest.replay,
    -- 0 is the topic's base table, its child tables follow.
    place       integer NOT NULL CHECK (place >= 0),
    schema_name text NOT NULL,
    live_name   text NOT NULL,
    shadow_name text NOT NULL,
    -- What the live table is called since the copy took its name; null before, and once it is dropped.
    old_name    text,
    PRIMARY KEY (replay, place)
);
COMMENT ON TABLE ingest.shadow_table IS 'Rebuilt copies of tables: what they are called, and what they replaced (Decree 102/2025 art. 10.3)';
