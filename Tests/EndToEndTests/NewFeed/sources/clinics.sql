-- A made-up source: clinics with phones, departments and beds, each change of which makes the clinic's version grow.
CREATE TABLE clinic (
    clinic_id     bigint PRIMARY KEY,
    clinic_code   text NOT NULL,
    site          integer NOT NULL,
    name          text NOT NULL,
    opened_on     date,
    province_code text NOT NULL,
    change_no     bigint NOT NULL DEFAULT 1
);
CREATE TABLE phone (
    phone_id  bigint PRIMARY KEY,
    clinic_id bigint NOT NULL REFERENCES clinic ON DELETE CASCADE,
    number    text NOT NULL
);
CREATE TABLE department (
    department_id bigint PRIMARY KEY,
    clinic_id     bigint NOT NULL REFERENCES clinic ON DELETE CASCADE,
    code          text NOT NULL,
    name          text NOT NULL
);
CREATE TABLE bed (
    bed_id        bigint PRIMARY KEY,
    department_id bigint NOT NULL REFERENCES department ON DELETE CASCADE,
    clinic_id     bigint NOT NULL REFERENCES clinic ON DELETE CASCADE,
    number        text NOT NULL,
    kind          text NOT NULL
);

-- The version must grow with every change of the record, whichever table it is in.
CREATE FUNCTION touch_itself() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.change_no := OLD.change_no + 1;
    RETURN NEW;
END $$;
CREATE FUNCTION touch_clinic() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE clinic SET name = name WHERE clinic_id = coalesce(NEW.clinic_id, OLD.clinic_id);
    RETURN NULL;
END $$;
CREATE TRIGGER changed BEFORE UPDATE ON clinic FOR EACH ROW EXECUTE FUNCTION touch_itself();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON phone FOR EACH ROW EXECUTE FUNCTION touch_clinic();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON department FOR EACH ROW EXECUTE FUNCTION touch_clinic();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON bed FOR EACH ROW EXECUTE FUNCTION touch_clinic();

-- The feed reads old rows from the log: a changed key, the clinic of a deleted bed, the version of a deleted row.
ALTER TABLE clinic REPLICA IDENTITY FULL;
ALTER TABLE phone REPLICA IDENTITY FULL;
ALTER TABLE department REPLICA IDENTITY FULL;
ALTER TABLE bed REPLICA IDENTITY FULL;

INSERT INTO clinic VALUES (1, '01999', 1, 'Phòng khám Mẫu', '2020-02-29', '01'), (2, '01999', 2, 'Phòng khám Mẫu II', NULL, '79');
INSERT INTO phone VALUES (1, 1, '0240000001'), (2, 1, '0240000002');
INSERT INTO department VALUES (1, 1, 'NOI', 'Khoa Nội'), (2, 1, 'NGOAI', 'Khoa Ngoại');
INSERT INTO bed VALUES (1, 1, 1, 'N1', 'ward'), (2, 1, 1, 'N2', 'intensive'), (3, 2, 1, 'G1', 'ward');
