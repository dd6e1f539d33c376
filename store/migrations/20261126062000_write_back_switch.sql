-- migrate:up
ALTER TABLE switch_changes DROP CONSTRAINT switch_changes_name_check,
    ADD CONSTRAINT switch_changes_name_check
    CHECK (name IN ('build', 'send', 'chase', 'reconcile', 'plans', 'write-back'));

-- migrate:down
-- What was switched stays recorded.
ALTER TABLE switch_changes DROP CONSTRAINT switch_changes_name_check,
    ADD CONSTRAINT switch_changes_name_check
    CHECK (name IN ('build', 'send', 'chase', 'reconcile', 'plans')) NOT VALID;
