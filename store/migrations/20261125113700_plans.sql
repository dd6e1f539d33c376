-- migrate:up

-- Every telling about a financing plan, by whoever told it; never changed.
CREATE TABLE plan_facts (
    fact_id text PRIMARY KEY,
    location_id text NOT NULL REFERENCES locations,
    lender text NOT NULL,
    plan_id text NOT NULL,
    source text NOT NULL CHECK (source IN ('webhook', 'poll', 'file', 'staff')),
    status text,
    contract_id text,
    as_of timestamptz NOT NULL,
    observed_at timestamptz NOT NULL,
    body jsonb NOT NULL,
    body_hash text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX plan_facts_plan ON plan_facts (location_id, lender, plan_id);
CREATE INDEX plan_facts_contract ON plan_facts (location_id, lender, contract_id);
CREATE INDEX plan_facts_observed ON plan_facts (lender, source, observed_at);
CREATE TRIGGER plan_facts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON plan_facts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The facts of a plan folded (domain/plan_facts.py), so that lists need not fold anew.
CREATE TABLE plans (
    location_id text NOT NULL REFERENCES locations,
    lender text NOT NULL,
    plan_id text NOT NULL,
    revision int NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'unknown',
    folded jsonb,
    client_id text,
    patient_ref text,
    visit_ref text,
    contract_id text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (location_id, lender, plan_id)
);
CREATE INDEX plans_client ON plans (client_id);
CREATE INDEX plans_patient ON plans (location_id, patient_ref);
CREATE INDEX plans_visit ON plans (location_id, visit_ref);
CREATE INDEX plans_status ON plans (location_id, status);

CREATE FUNCTION guard_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.revision < OLD.revision
        OR (NEW.location_id, NEW.lender, NEW.plan_id)
            <> (OLD.location_id, OLD.lender, OLD.plan_id) THEN
        RAISE EXCEPTION 'plan % only moves forward', OLD.plan_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plans_guard BEFORE UPDATE ON plans
    FOR EACH ROW EXECUTE FUNCTION guard_plan();
CREATE TRIGGER plans_keep BEFORE DELETE OR TRUNCATE ON plans
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A lender's file as it was imported; the same name with other bytes is another file.
CREATE TABLE lender_files (
    location_id text NOT NULL REFERENCES locations,
    lender text NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    cut_at timestamptz,
    rows int NOT NULL,
    bad jsonb NOT NULL,
    is_whole boolean NOT NULL,
    imported_by text NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (location_id, lender, name, sha256)
);
CREATE TRIGGER lender_files_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lender_files
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- How far each list of a lender was read to its end.
CREATE TABLE lender_polls (
    location_id text NOT NULL REFERENCES locations,
    lender text NOT NULL,
    kind text NOT NULL,
    read_until timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (location_id, lender, kind)
);

-- One row per call to a lender, for the hour's count and for the page of its health.
CREATE TABLE lender_calls (
    call_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lender text NOT NULL,
    location_id text,
    operation text NOT NULL,
    outcome text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX lender_calls_at ON lender_calls (lender, at);

-- migrate:down
DROP TABLE lender_calls, lender_polls, lender_files, plans, plan_facts;
DROP FUNCTION guard_plan;
