-- Personal health data: participation in health insurance, as its holder publishes it.
-- A base table also keeps the markers of what was deleted; readers use the view of the living. Lists are child tables
-- whose rows are written with their parent's, in its transaction; a foreign key would only slow that down.
-- Identifiers and codes compare by bytes (COLLATE "C") everywhere, so that joins between tables need no word of it.

CREATE TABLE health.insurance_card_record (
    card_number                text COLLATE "C" NOT NULL,
    valid_from                 date NOT NULL,
    valid_to                   date,
    personal_id                text COLLATE "C",
    social_insurance_number    text COLLATE "C",
    full_name                  text,
    birth_date_text            text,
    birth_date                 date,
    sex                        text,
    group_code                 text COLLATE "C",
    benefit_level              smallint,
    area_code                  text COLLATE "C",
    registered_facility_code   text COLLATE "C",
    five_years_continuous_from date,
    co_payment_exempt_from     date,
    issuer                     text,
    status                     text,
    source_updated_at          timestamptz,
    LIKE ingest.marker INCLUDING ALL,
    PRIMARY KEY (card_number, valid_from),
    CONSTRAINT insurance_card_complete CHECK (
        deleted OR (
            full_name IS NOT NULL AND birth_date_text IS NOT NULL AND group_code IS NOT NULL
            AND benefit_level IS NOT NULL AND status IS NOT NULL AND source_updated_at IS NOT NULL
        )
    ),
    -- Health insurance began in 1992: an earlier card is a slip of the keyboard.
    CONSTRAINT insurance_card_after_insurance_began CHECK (valid_from >= '1992-01-01')
) WITH (fillfactor = 80);
COMMENT ON TABLE health.insurance_card_record IS
    'Thẻ bảo hiểm y tế: participation in health insurance (Decree 102/2025 art. 14.4d, 21.1); deleted ones included';
COMMENT ON COLUMN health.insurance_card_record.card_number IS
    'Number of the health-insurance card (Decree 102/2025 art. 14.4d)';
COMMENT ON COLUMN health.insurance_card_record.valid_from IS 'First day of validity (Decree 102/2025 art. 14.4d)';
COMMENT ON COLUMN health.insurance_card_record.valid_to IS 'Last day of validity (Decree 102/2025 art. 14.4d)';
COMMENT ON COLUMN health.insurance_card_record.personal_id IS
    'Personal identification number of the holder; null: unlinked (Decree 102/2025 art. 6)';
COMMENT ON COLUMN health.insurance_card_record.social_insurance_number IS
    'Social-insurance number (Decree 102/2025 art. 14.4d)';
COMMENT ON COLUMN health.insurance_card_record.full_name IS 'Full name of the holder (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN health.insurance_card_record.birth_date_text IS
    'Date of birth as known: year, year and month, or whole date (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN health.insurance_card_record.birth_date IS
    'Date of birth where it is known whole (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN health.insurance_card_record.sex IS 'Sex (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN health.insurance_card_record.group_code IS 'Group of insured people (Decree 102/2025 art. 14.4d)';
COMMENT ON COLUMN health.insurance_card_record.benefit_level IS 'Benefit level, 1 to 5 (Decree 102/2025 art. 14.4d)';
COMMENT ON COLUMN health.insurance_card_record.area_code IS
    'Area of living with special benefits (Decree 102/2025 art. 14.4d)';
COMMENT ON COLUMN health.insurance_card_record.registered_facility_code IS
    'Facility of first registration for care (Decree 102/2025 art. 14.4d)';
COMMENT ON COLUMN health.insurance_card_record.five_years_continuous_from IS
    'Day from which five continuous years are complete (Decree 102/2025 art. 14.4d)';
COMMENT ON COLUMN health.insurance_card_record.co_payment_exempt_from IS
    'Day from which the holder is exempt from co-payment (Decree 102/2025 art. 14.4d)';
COMMENT ON COLUMN health.insurance_card_record.issuer IS 'Body that issued the card (Decree 102/2025 art. 14.4d)';
COMMENT ON COLUMN health.insurance_card_record.status IS 'State of the card (Decree 102/2025 art. 14.4d)';
COMMENT ON COLUMN health.insurance_card_record.source_updated_at IS
    'When the source last changed the record (Decree 102/2025 art. 16.2)';

CREATE VIEW health.insurance_card AS
    SELECT
        card_number,
        valid_from,
        valid_to,
        personal_id,
        social_insurance_number,
        full_name,
        birth_date_text,
        birth_date,
        sex,
        group_code,
        benefit_level,
        area_code,
        registered_facility_code,
        five_years_continuous_from,
        co_payment_exempt_from,
        issuer,
        status,
        source_updated_at,
        record_version,
        record_partition,
        origin_offset,
        mapping_revision,
        applied_at
    FROM health.insurance_card_record
    WHERE NOT deleted;
COMMENT ON VIEW health.insurance_card IS
    'Thẻ bảo hiểm y tế: participation in health insurance (Decree 102/2025 art. 14.4d, 21.1)';

-- A column of a view means what the column of its table means, and says so in the same words.
DO $$
DECLARE
    described record;
BEGIN
    FOR described IN
        SELECT shown.attrelid::regclass AS shown_in, shown.attname AS name,
               col_description(stored.attrelid, stored.attnum) AS words
        FROM (VALUES
            ('health.insurance_card'::regclass, 'health.insurance_card_record'::regclass)
        ) AS pair (shown_in, stored_in)
        JOIN pg_attribute AS shown ON shown.attrelid = pair.shown_in AND shown.attnum > 0
        JOIN pg_attribute AS stored ON stored.attrelid = pair.stored_in AND stored.attname = shown.attname
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', described.shown_in, described.name, described.words);
    END LOOP;
END $$;
