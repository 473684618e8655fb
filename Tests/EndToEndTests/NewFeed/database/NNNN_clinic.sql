-- Tables of the made-up topic reference.clinic.v1. A migration of a new feed looks like this.

CREATE TABLE registry.clinic_record (
    clinic_code   text COLLATE "C" NOT NULL,
    site          smallint NOT NULL,
    name          text,
    opened_on     date,
    province_code text COLLATE "C",
    LIKE ingest.marker INCLUDING ALL,
    PRIMARY KEY (clinic_code, site),
    CONSTRAINT clinic_complete CHECK (deleted OR name IS NOT NULL)
) WITH (fillfactor = 80);
COMMENT ON TABLE registry.clinic_record IS 'Clinics (Decree 102/2025 art. 14.1); deleted ones included';

CREATE TABLE registry.clinic_phone (
    clinic_code text COLLATE "C" NOT NULL,
    site        smallint NOT NULL,
    position    smallint NOT NULL,
    phone       text COLLATE "C" NOT NULL,
    PRIMARY KEY (clinic_code, site, position)
);
COMMENT ON TABLE registry.clinic_phone IS 'Telephone numbers of clinics (Decree 102/2025 art. 14.1)';

CREATE TABLE registry.clinic_department (
    clinic_code     text COLLATE "C" NOT NULL,
    site            smallint NOT NULL,
    position        smallint NOT NULL,
    department_code text COLLATE "C" NOT NULL,
    name            text NOT NULL,
    PRIMARY KEY (clinic_code, site, position)
);
COMMENT ON TABLE registry.clinic_department IS 'Departments of clinics (Decree 102/2025 art. 14.1)';

-- Rows of a list within another's items also bear the position of the item around them.
CREATE TABLE registry.clinic_bed (
    clinic_code     text COLLATE "C" NOT NULL,
    site            smallint NOT NULL,
    parent_position smallint NOT NULL,
    position        smallint NOT NULL,
    bed_number      text COLLATE "C" NOT NULL,
    kind            text NOT NULL,
    PRIMARY KEY (clinic_code, site, parent_position, position)
);
COMMENT ON TABLE registry.clinic_bed IS 'Beds of departments (Decree 102/2025 art. 14.1)';

CREATE VIEW registry.clinic AS
    SELECT clinic_code, site, name, opened_on, province_code FROM registry.clinic_record WHERE NOT deleted;
COMMENT ON VIEW registry.clinic IS 'The clinics that are there (Decree 102/2025 art. 14.1)';
