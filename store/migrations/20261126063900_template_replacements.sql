-- migrate:up

-- A named person lets one version of the templates speak for another everywhere from then on (A8).
CREATE TABLE template_replacements (
    replacement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_version int NOT NULL,
    to_version int NOT NULL,
    replaced_by text NOT NULL CHECK (person_key(replaced_by) <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT template_replacements_by_another CHECK (from_version <> to_version)
);
CREATE TRIGGER template_replacements_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON template_replacements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE template_replacements;
