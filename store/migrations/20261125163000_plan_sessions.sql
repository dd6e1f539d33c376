-- migrate:up
CREATE TABLE plan_sessions (
    visit_case_id text PRIMARY KEY,
    location_id text NOT NULL REFERENCES locations,
    lender text NOT NULL,
    plan_id text NOT NULL,
    completed_at timestamptz NOT NULL,
    cancelled_at timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (location_id, lender, plan_id) REFERENCES plans
);
COMMENT ON TABLE plan_sessions IS
    'A completed visit that a plan pays for, by its chart; one plan a visit, the first that was named.';
CREATE INDEX plan_sessions_plan ON plan_sessions (location_id, lender, plan_id);

ALTER TABLE switch_changes DROP CONSTRAINT switch_changes_name_check,
    ADD CONSTRAINT switch_changes_name_check
    CHECK (name IN ('build', 'send', 'chase', 'reconcile', 'plans'));

-- migrate:down
DROP TABLE plan_sessions;
