-- The life of a dead letter: open → redriven → applied | open again | quarantined; superseded; discarded.

ALTER TABLE ingest.dead_letter
    DROP CONSTRAINT dead_letter_status_check,
    ADD CONSTRAINT dead_letter_status_check
        CHECK (status IN ('open', 'redriven', 'quarantined', 'applied', 'superseded', 'discarded')),
    ADD COLUMN refusals             integer NOT NULL DEFAULT 1 CHECK (refusals > 0),
    ADD COLUMN redriven_at          timestamptz,
    ADD COLUMN key_hint             integer,
    ADD COLUMN record_version       bigint,
    ADD COLUMN closed_at            timestamptz,
    ADD COLUMN relayed_refusals     integer NOT NULL DEFAULT 0,
    ADD CHECK (status <> 'redriven' OR redriven_at IS NOT NULL),
    ADD CHECK (reason <> 'state-secret' OR key_hint IS NULL),
    ADD CHECK ((closed_at IS NOT NULL) = (status IN ('applied', 'superseded', 'discarded')));
COMMENT ON COLUMN ingest.dead_letter.status IS 'open: to be dealt with; redriven: published again, its fate not yet known; quarantined: refused three times, redriven only by its id; applied, superseded, discarded: closed';
COMMENT ON COLUMN ingest.dead_letter.refusals IS 'How often the record was refused: at first, and each time that it was redriven in vain';
COMMENT ON COLUMN ingest.dead_letter.record_version IS 'Version of the record, told where its key and version field are good for themselves: a letter is overtaken by what is newer than that, and by nothing where it is not known';
COMMENT ON COLUMN ingest.dead_letter.key_hint IS '16 bits of a keyed hash of the key: spares workers the fingerprint of most records';
COMMENT ON COLUMN ingest.dead_letter.relayed_refusals IS 'How many of the refusals its owner was told of on <topic>.dead-letter';

-- The record as it was repaired, sealed as `payload` is: what was sent can be sent again after a crash.
ALTER TABLE ingest.dead_letter
    ADD COLUMN repaired        bytea,
    ADD COLUMN repaired_key_id text,
    ADD CHECK ((repaired IS NULL) = (repaired_key_id IS NULL)),
    ADD CHECK (repaired IS NULL OR payload IS NOT NULL);
COMMENT ON COLUMN ingest.dead_letter.repaired IS 'Key, repaired value and headers, sealed; null where nobody repaired it, and payload is what counts';

-- What was sent of each letter, kept as long as its log can be read again: a record that names a letter is it only where
-- its fingerprint is one of these, and has the letter's rank then.
CREATE TABLE ingest.redriven (
    letter      bigint NOT NULL,
    fingerprint bytea NOT NULL,
    topic       text COLLATE "C" NOT NULL,
    incarnation integer NOT NULL,
    partition   integer NOT NULL,
    "offset"    bigint NOT NULL,
    sent_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (letter, fingerprint)
);
COMMENT ON TABLE ingest.redriven IS 'HMAC of topic, key and value of each record that was sent for a dead letter, and that letter''s origin (Decree 102/2025 art. 10.3)';

-- What a worker asks of its partitions, and what is to be told to owners.
CREATE INDEX dead_letter_waiting ON ingest.dead_letter (topic, partition, id)
    WHERE status IN ('open', 'quarantined') AND record_version IS NOT NULL;
CREATE INDEX dead_letter_untold ON ingest.dead_letter (id) WHERE relayed_refusals < refusals;

-- Trials: where a topic's breaker has paused it, workers try now and then whether it may go on.
ALTER TABLE ingest.topic_state
    ADD COLUMN trial_at timestamptz,
    ADD COLUMN trials   integer NOT NULL DEFAULT 0 CHECK (trials >= 0),
    ADD CHECK (trial_at IS NULL OR paused);
COMMENT ON COLUMN ingest.topic_state.trial_at IS 'When the topic''s next records are tried again; null where it is not its breaker that paused it';
COMMENT ON COLUMN ingest.topic_state.trials IS 'Trials since a window of records last went well or an operator resumed: each doubles the wait for the next';
UPDATE ingest.topic_state SET trial_at = now() WHERE paused AND paused_by = 'breaker';

-- Append-only: each step after the first refusal. A letter that was purged leaves its steps here, without content.
CREATE TABLE ingest.dead_letter_step (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    letter  bigint NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    step    text NOT NULL CHECK (step IN (
        'redriven', 'applied', 'refused', 'quarantined', 'superseded', 'discarded', 'resealed', 'purged')),
    by      text NOT NULL,
    because text,
    details jsonb
);
CREATE INDEX dead_letter_step_letter ON ingest.dead_letter_step (letter, id);
-- What was purged makes no letter when its record is read again.
CREATE INDEX dead_letter_step_purged ON ingest.dead_letter_step
    ((details->>'topic'), ((details->>'partition')::integer), ((details->>'offset')::bigint)) WHERE step = 'purged';
COMMENT ON TABLE ingest.dead_letter_step IS 'Steps in the lives of dead letters: when, by whom, why; append-only (Decree 102/2025 art. 10.3, 16.2, 23.3)';

CREATE FUNCTION ingest.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION ingest.refuse_change() IS 'Keeps a log append-only, also against its owner';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ingest.dead_letter_step
    FOR EACH STATEMENT EXECUTE FUNCTION ingest.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ingest.operation
    FOR EACH STATEMENT EXECUTE FUNCTION ingest.refuse_change();
