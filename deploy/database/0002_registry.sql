-- Registry: people, organisations, enterprises and officials, as their holders publish them.
-- A base table also keeps the markers of what was deleted; readers use the view of the living. Lists are child tables
-- whose rows are written with their parent's, in its transaction; a foreign key would only slow that down.
-- Identifiers and codes compare by bytes (COLLATE "C") everywhere, so that joins between tables need no word of it.

CREATE TABLE registry.citizen_record (
    personal_id                     text COLLATE "C" NOT NULL,
    full_name                       text,
    birth_date_text                 text,
    birth_date                      date,
    sex                             text,
    ethnicity_code                  text COLLATE "C",
    nationality_code                text COLLATE "C",
    permanent_address_text          text,
    permanent_address_province_code text COLLATE "C",
    permanent_address_commune_code  text COLLATE "C",
    permanent_address_as_of         date,
    current_address_text            text,
    current_address_province_code   text COLLATE "C",
    current_address_commune_code    text COLLATE "C",
    current_address_as_of           date,
    birth_place                     text,
    marital_status                  text,
    identity_status                 text,
    death_date                      date,
    occupation_code                 text COLLATE "C",
    phone                           text,
    old_identity_number             text COLLATE "C",
    LIKE ingest.marker INCLUDING ALL,
    PRIMARY KEY (personal_id),
    CONSTRAINT citizen_complete CHECK (
        deleted OR (
            full_name IS NOT NULL AND birth_date_text IS NOT NULL AND sex IS NOT NULL
            AND identity_status IS NOT NULL
        )
    ),
    -- Nobody born earlier can be in a register of the living: a year below is a slip of the keyboard.
    CONSTRAINT citizen_birth_year_plausible CHECK (birth_date_text COLLATE "C" >= '1850')
) WITH (fillfactor = 80);
COMMENT ON TABLE registry.citizen_record IS
    'Người dân: basic personal data (Decree 102/2025 art. 6, 14.4a, 14.4b, 19.2); deleted ones included';
COMMENT ON COLUMN registry.citizen_record.personal_id IS
    'Personal identification number, which is the health identifier (Decree 102/2025 art. 6)';
COMMENT ON COLUMN registry.citizen_record.full_name IS 'Full name (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.birth_date_text IS
    'Date of birth as known: year, year and month, or whole date (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.birth_date IS
    'Date of birth where it is known whole (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.sex IS 'Sex (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.ethnicity_code IS 'Ethnic group (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.nationality_code IS
    'Nationality, ISO 3166-1 alpha-3 (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.permanent_address_text IS
    'Place of permanent residence, in words (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.permanent_address_province_code IS
    'Place of permanent residence: province (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.permanent_address_commune_code IS
    'Place of permanent residence: commune (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.permanent_address_as_of IS
    'Place of permanent residence: day of the codes (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.current_address_text IS
    'Present place of living, in words (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.current_address_province_code IS
    'Present place of living: province (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.current_address_commune_code IS
    'Present place of living: commune (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.current_address_as_of IS
    'Present place of living: day of the codes (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.birth_place IS 'Place of birth (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.marital_status IS
    'Marital status, which belongs to the family (Decree 102/2025 art. 9.2c, 14.4b)';
COMMENT ON COLUMN registry.citizen_record.identity_status IS
    'Status of the identity at the holder (Decree 102/2025 art. 6)';
COMMENT ON COLUMN registry.citizen_record.death_date IS 'Date of death (Decree 102/2025 art. 14.4e)';
COMMENT ON COLUMN registry.citizen_record.occupation_code IS 'Occupation (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.phone IS 'Telephone number (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_record.old_identity_number IS
    'Number of the former 9-digit identity card (Decree 102/2025 art. 6)';

CREATE TABLE registry.citizen_former_id (
    personal_id text COLLATE "C" NOT NULL,
    position    integer NOT NULL,
    former_id   text COLLATE "C" NOT NULL,
    PRIMARY KEY (personal_id, position)
);
-- Finds today's person by a number of the past.
CREATE INDEX citizen_former_id_former_id ON registry.citizen_former_id (former_id);
COMMENT ON TABLE registry.citizen_former_id IS
    'Numbers that a person held before (Số định danh cá nhân trước đây; Decree 102/2025 art. 6)';
COMMENT ON COLUMN registry.citizen_former_id.personal_id IS 'Key of the parent row (Decree 102/2025 art. 6)';
COMMENT ON COLUMN registry.citizen_former_id.position IS
    'Place in the list of the record, from 1 (Decree 102/2025 art. 16.2)';
COMMENT ON COLUMN registry.citizen_former_id.former_id IS
    'A former personal identification number (Decree 102/2025 art. 6)';

CREATE TABLE registry.citizen_representative (
    personal_id                text COLLATE "C" NOT NULL,
    position                   integer NOT NULL,
    representative_personal_id text COLLATE "C",
    full_name                  text NOT NULL,
    relation                   text,
    PRIMARY KEY (personal_id, position)
);
COMMENT ON TABLE registry.citizen_representative IS
    'Legal representatives of a person (Người đại diện hợp pháp; Decree 102/2025 art. 14.4b, 9.2c)';
COMMENT ON COLUMN registry.citizen_representative.personal_id IS 'Key of the parent row (Decree 102/2025 art. 6)';
COMMENT ON COLUMN registry.citizen_representative.position IS
    'Place in the list of the record, from 1 (Decree 102/2025 art. 16.2)';
COMMENT ON COLUMN registry.citizen_representative.representative_personal_id IS
    'Personal identification number of the representative (Decree 102/2025 art. 6)';
COMMENT ON COLUMN registry.citizen_representative.full_name IS
    'Full name of the representative (Decree 102/2025 art. 14.4b)';
COMMENT ON COLUMN registry.citizen_representative.relation IS 'Relation to the person (Decree 102/2025 art. 14.4b)';

CREATE VIEW registry.citizen AS
    SELECT
        personal_id,
        full_name,
        birth_date_text,
        birth_date,
        sex,
        ethnicity_code,
        nationality_code,
        permanent_address_text,
        permanent_address_province_code,
        permanent_address_commune_code,
        permanent_address_as_of,
        current_address_text,
        current_address_province_code,
        current_address_commune_code,
        current_address_as_of,
        birth_place,
        marital_status,
        identity_status,
        death_date,
        occupation_code,
        phone,
        old_identity_number,
        record_version,
        record_partition,
        origin_offset,
        mapping_revision,
        applied_at
    FROM registry.citizen_record
    WHERE NOT deleted;
COMMENT ON VIEW registry.citizen IS 'Người dân: basic personal data (Decree 102/2025 art. 6, 14.4a, 14.4b, 19.2)';


CREATE TABLE registry.organization_record (
    organization_code         text COLLATE "C" NOT NULL,
    name                      text,
    foreign_name              text,
    short_name                text,
    kind                      text,
    parent_code               text COLLATE "C",
    established_on            date,
    head_office_text          text,
    head_office_province_code text COLLATE "C",
    head_office_commune_code  text COLLATE "C",
    head_office_as_of         date,
    head_personal_id          text COLLATE "C",
    head_full_name            text,
    status                    text,
    source_updated_at         timestamptz,
    LIKE ingest.marker INCLUDING ALL,
    PRIMARY KEY (organization_code),
    CONSTRAINT organization_complete CHECK (
        deleted OR (
            name IS NOT NULL AND kind IS NOT NULL AND head_office_text IS NOT NULL
            AND head_office_province_code IS NOT NULL AND status IS NOT NULL
            AND source_updated_at IS NOT NULL
        )
    ),
    -- A loop of one would hang whoever walks the hierarchy upwards.
    CONSTRAINT organization_not_its_own_parent CHECK (parent_code <> organization_code)
) WITH (fillfactor = 80);
COMMENT ON TABLE registry.organization_record IS
    'Cơ quan, tổ chức: electronic identity (Decree 102/2025 art. 14.1a, 14.1b, 19.2); deleted ones included';
COMMENT ON COLUMN registry.organization_record.organization_code IS
    'State agency code, or tax code of an enterprise or cooperative (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.organization_record.name IS 'Full name in Vietnamese (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.organization_record.foreign_name IS
    'Name in a foreign language (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.organization_record.short_name IS 'Short name (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.organization_record.kind IS 'Kind of organisation (Decree 102/2025 art. 14.1b)';
COMMENT ON COLUMN registry.organization_record.parent_code IS 'Organisation above (Decree 102/2025 art. 14.1b)';
COMMENT ON COLUMN registry.organization_record.established_on IS 'Day of establishment (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.organization_record.head_office_text IS
    'Head office, in words (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.organization_record.head_office_province_code IS
    'Head office: province (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.organization_record.head_office_commune_code IS
    'Head office: commune (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.organization_record.head_office_as_of IS
    'Head office: day of the codes (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.organization_record.head_personal_id IS
    'Personal identification number of the head (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.organization_record.head_full_name IS 'Full name of the head (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.organization_record.status IS 'State of activity (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.organization_record.source_updated_at IS
    'When the source last changed the record (Decree 102/2025 art. 16.2)';

CREATE VIEW registry.organization AS
    SELECT
        organization_code,
        name,
        foreign_name,
        short_name,
        kind,
        parent_code,
        established_on,
        head_office_text,
        head_office_province_code,
        head_office_commune_code,
        head_office_as_of,
        head_personal_id,
        head_full_name,
        status,
        source_updated_at,
        record_version,
        record_partition,
        origin_offset,
        mapping_revision,
        applied_at
    FROM registry.organization_record
    WHERE NOT deleted;
COMMENT ON VIEW registry.organization IS
    'Cơ quan, tổ chức: electronic identity (Decree 102/2025 art. 14.1a, 14.1b, 19.2)';


CREATE TABLE registry.enterprise_record (
    enterprise_code           text COLLATE "C" NOT NULL,
    unit_type                 text,
    parent_code               text COLLATE "C",
    name                      text,
    foreign_name              text,
    short_name                text,
    legal_form                text,
    charter_capital           numeric(20,2),
    head_office_text          text,
    head_office_province_code text COLLATE "C",
    head_office_commune_code  text COLLATE "C",
    head_office_as_of         date,
    status                    text,
    registered_on             date,
    source_updated_at         timestamptz,
    LIKE ingest.marker INCLUDING ALL,
    PRIMARY KEY (enterprise_code),
    CONSTRAINT enterprise_complete CHECK (
        deleted OR (
            unit_type IS NOT NULL AND name IS NOT NULL AND head_office_text IS NOT NULL
            AND head_office_province_code IS NOT NULL AND status IS NOT NULL AND registered_on IS NOT NULL
            AND source_updated_at IS NOT NULL
        )
    ),
    -- A loop of one would hang whoever walks the hierarchy upwards.
    CONSTRAINT enterprise_not_its_own_parent CHECK (parent_code <> enterprise_code)
) WITH (fillfactor = 80);
COMMENT ON TABLE registry.enterprise_record IS
    'Doanh nghiệp: business registration (Decree 102/2025 art. 14.1a, 14.1b, 21.1); deleted ones included';
COMMENT ON COLUMN registry.enterprise_record.enterprise_code IS
    'Enterprise code; of a household business its owner''s personal number (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_record.unit_type IS 'Type of unit (Decree 102/2025 art. 14.1b)';
COMMENT ON COLUMN registry.enterprise_record.parent_code IS
    'Enterprise that a branch, office or location belongs to (Decree 102/2025 art. 14.1b)';
COMMENT ON COLUMN registry.enterprise_record.name IS 'Registered name in Vietnamese (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_record.foreign_name IS
    'Name in a foreign language (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_record.short_name IS 'Short name (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_record.legal_form IS 'Legal form (Decree 102/2025 art. 14.1b)';
COMMENT ON COLUMN registry.enterprise_record.charter_capital IS 'Charter capital in VND (Decree 102/2025 art. 14.1b)';
COMMENT ON COLUMN registry.enterprise_record.head_office_text IS 'Head office, in words (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_record.head_office_province_code IS
    'Head office: province (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_record.head_office_commune_code IS
    'Head office: commune (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_record.head_office_as_of IS
    'Head office: day of the codes (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_record.status IS 'Legal status (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_record.registered_on IS
    'Day of first registration (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_record.source_updated_at IS
    'When the source last changed the record (Decree 102/2025 art. 16.2)';

CREATE TABLE registry.enterprise_industry (
    enterprise_code text COLLATE "C" NOT NULL,
    position        integer NOT NULL,
    industry_code   text COLLATE "C",
    industry_text   text,
    is_primary      boolean NOT NULL,
    PRIMARY KEY (enterprise_code, position)
);
COMMENT ON TABLE registry.enterprise_industry IS
    'Lines of business of an enterprise (Ngành, nghề kinh doanh; Decree 102/2025 art. 14.1b)';
COMMENT ON COLUMN registry.enterprise_industry.enterprise_code IS
    'Key of the parent row (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_industry.position IS
    'Place in the list of the record, from 1 (Decree 102/2025 art. 16.2)';
COMMENT ON COLUMN registry.enterprise_industry.industry_code IS
    'Code of the Vietnam standard industrial classification (Decree 102/2025 art. 14.1b)';
COMMENT ON COLUMN registry.enterprise_industry.industry_text IS
    'The line of business in words (Decree 102/2025 art. 14.1b)';
COMMENT ON COLUMN registry.enterprise_industry.is_primary IS
    'Whether it is the main line (Decree 102/2025 art. 14.1b)';

CREATE TABLE registry.enterprise_representative (
    enterprise_code  text COLLATE "C" NOT NULL,
    position         integer NOT NULL,
    personal_id      text COLLATE "C",
    document_type    text,
    document_number  text COLLATE "C",
    document_country text,
    full_name        text NOT NULL,
    position_title   text,
    PRIMARY KEY (enterprise_code, position)
);
COMMENT ON TABLE registry.enterprise_representative IS
    'Legal representatives of an enterprise (Người đại diện theo pháp luật; Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_representative.enterprise_code IS
    'Key of the parent row (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_representative.position IS
    'Place in the list of the record, from 1 (Decree 102/2025 art. 16.2)';
COMMENT ON COLUMN registry.enterprise_representative.personal_id IS
    'Personal identification number (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_representative.document_type IS
    'Type of identity document (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_representative.document_number IS
    'Number of the identity document (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_representative.document_country IS
    'Country that issued the identity document (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_representative.full_name IS 'Full name (Decree 102/2025 art. 14.1a)';
COMMENT ON COLUMN registry.enterprise_representative.position_title IS
    'Position in the enterprise (Decree 102/2025 art. 14.1a)';

CREATE VIEW registry.enterprise AS
    SELECT
        enterprise_code,
        unit_type,
        parent_code,
        name,
        foreign_name,
        short_name,
        legal_form,
        charter_capital,
        head_office_text,
        head_office_province_code,
        head_office_commune_code,
        head_office_as_of,
        status,
        registered_on,
        source_updated_at,
        record_version,
        record_partition,
        origin_offset,
        mapping_revision,
        applied_at
    FROM registry.enterprise_record
    WHERE NOT deleted;
COMMENT ON VIEW registry.enterprise IS
    'Doanh nghiệp: business registration (Decree 102/2025 art. 14.1a, 14.1b, 21.1)';


CREATE TABLE registry.health_official_record (
    personal_id             text COLLATE "C" NOT NULL,
    agency_code             text COLLATE "C" NOT NULL,
    full_name               text,
    birth_date_text         text,
    birth_date              date,
    sex                     text,
    employment_type         text,
    position_title          text,
    rank_code               text COLLATE "C",
    professional_title      text,
    facility_code           text COLLATE "C",
    practice_licence_number text COLLATE "C",
    qualification           text,
    started_on              date,
    ended_on                date,
    source_updated_at       timestamptz,
    LIKE ingest.marker INCLUDING ALL,
    PRIMARY KEY (personal_id, agency_code),
    CONSTRAINT health_official_complete CHECK (
        deleted OR (
            full_name IS NOT NULL AND employment_type IS NOT NULL AND started_on IS NOT NULL
            AND source_updated_at IS NOT NULL
        )
    ),
    -- No post of this state is older than the state: an earlier day is a slip of the keyboard.
    CONSTRAINT health_official_serves_this_state CHECK (started_on >= '1945-09-02')
) WITH (fillfactor = 80);
COMMENT ON TABLE registry.health_official_record IS
    'Nhân lực y tế: officials and employees in health (Decree 102/2025 art. 14.2, 21.1); deleted ones included';
COMMENT ON COLUMN registry.health_official_record.personal_id IS
    'Personal identification number of the official (Decree 102/2025 art. 6)';
COMMENT ON COLUMN registry.health_official_record.agency_code IS
    'State agency code of the employer (Decree 102/2025 art. 14.2a)';
COMMENT ON COLUMN registry.health_official_record.full_name IS 'Full name (Decree 102/2025 art. 14.2a)';
COMMENT ON COLUMN registry.health_official_record.birth_date_text IS
    'Date of birth as known: year, year and month, or whole date (Decree 102/2025 art. 14.2a)';
COMMENT ON COLUMN registry.health_official_record.birth_date IS
    'Date of birth where it is known whole (Decree 102/2025 art. 14.2a)';
COMMENT ON COLUMN registry.health_official_record.sex IS 'Sex (Decree 102/2025 art. 14.2a)';
COMMENT ON COLUMN registry.health_official_record.employment_type IS
    'Kind of employment (Decree 102/2025 art. 14.2a)';
COMMENT ON COLUMN registry.health_official_record.position_title IS 'Position held (Decree 102/2025 art. 14.2a)';
COMMENT ON COLUMN registry.health_official_record.rank_code IS 'Rank (Decree 102/2025 art. 14.2a)';
COMMENT ON COLUMN registry.health_official_record.professional_title IS
    'Professional title (Decree 102/2025 art. 14.2a)';
COMMENT ON COLUMN registry.health_official_record.facility_code IS
    'Health facility of work (Decree 102/2025 art. 14.2a)';
COMMENT ON COLUMN registry.health_official_record.practice_licence_number IS
    'Practice certificate or licence (Decree 102/2025 art. 14.2c)';
COMMENT ON COLUMN registry.health_official_record.qualification IS
    'Highest qualification (Decree 102/2025 art. 14.2b)';
COMMENT ON COLUMN registry.health_official_record.started_on IS
    'First day at the agency (Decree 102/2025 art. 14.2a)';
COMMENT ON COLUMN registry.health_official_record.ended_on IS 'Last day at the agency (Decree 102/2025 art. 14.2a)';
COMMENT ON COLUMN registry.health_official_record.source_updated_at IS
    'When the source last changed the record (Decree 102/2025 art. 16.2)';

CREATE TABLE registry.health_official_training (
    personal_id  text COLLATE "C" NOT NULL,
    agency_code  text COLLATE "C" NOT NULL,
    position     integer NOT NULL,
    institution  text NOT NULL,
    field        text,
    level        text,
    graduated_on date,
    PRIMARY KEY (personal_id, agency_code, position)
);
COMMENT ON TABLE registry.health_official_training IS
    'Training of an official in health (Quá trình đào tạo, bồi dưỡng; Decree 102/2025 art. 14.2b)';
COMMENT ON COLUMN registry.health_official_training.personal_id IS 'Key of the parent row (Decree 102/2025 art. 6)';
COMMENT ON COLUMN registry.health_official_training.agency_code IS
    'Key of the parent row (Decree 102/2025 art. 14.2a)';
COMMENT ON COLUMN registry.health_official_training.position IS
    'Place in the list of the record, from 1 (Decree 102/2025 art. 16.2)';
COMMENT ON COLUMN registry.health_official_training.institution IS
    'Institution of training (Decree 102/2025 art. 14.2b)';
COMMENT ON COLUMN registry.health_official_training.field IS 'Field of study (Decree 102/2025 art. 14.2b)';
COMMENT ON COLUMN registry.health_official_training.level IS 'Level of training (Decree 102/2025 art. 14.2b)';
COMMENT ON COLUMN registry.health_official_training.graduated_on IS 'Day of graduation (Decree 102/2025 art. 14.2b)';

CREATE VIEW registry.health_official AS
    SELECT
        personal_id,
        agency_code,
        full_name,
        birth_date_text,
        birth_date,
        sex,
        employment_type,
        position_title,
        rank_code,
        professional_title,
        facility_code,
        practice_licence_number,
        qualification,
        started_on,
        ended_on,
        source_updated_at,
        record_version,
        record_partition,
        origin_offset,
        mapping_revision,
        applied_at
    FROM registry.health_official_record
    WHERE NOT deleted;
COMMENT ON VIEW registry.health_official IS
    'Nhân lực y tế: officials and employees in health (Decree 102/2025 art. 14.2, 21.1)';

-- A column of a view means what the column of its table means, and says so in the same words.
DO $$
DECLARE
    described record;
BEGIN
    FOR described IN
        SELECT shown.attrelid::regclass AS shown_in, shown.attname AS name,
               col_description(stored.attrelid, stored.attnum) AS words
        FROM (VALUES
            ('registry.citizen'::regclass, 'registry.citizen_record'::regclass),
            ('registry.organization'::regclass, 'registry.organization_record'::regclass),
            ('registry.enterprise'::regclass, 'registry.enterprise_record'::regclass),
            ('registry.health_official'::regclass, 'registry.health_official_record'::regclass)
        ) AS pair (shown_in, stored_in)
        JOIN pg_attribute AS shown ON shown.attrelid = pair.shown_in AND shown.attnum > 0
        JOIN pg_attribute AS stored ON stored.attrelid = pair.stored_in AND stored.attname = shown.attname
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', described.shown_in, described.name, described.words);
    END LOOP;
END $$;
