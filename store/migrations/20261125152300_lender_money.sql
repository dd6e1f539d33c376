-- migrate:up

-- A file that comes again under its name is another one when it was made at another time.
ALTER TABLE lender_files ADD COLUMN made_at text;
-- After a 429 nobody calls the lender before this instant.
ALTER TABLE lender_calls ADD COLUMN pause_until timestamptz;

-- A case that was told of a revision is not told again, however often the same comes in.
ALTER TABLE plans ADD COLUMN told_revision int NOT NULL DEFAULT 0;

-- Every telling about a deposit of a lender, or about one that was taken back; never changed.
CREATE TABLE lender_fundings (
    fact_id text PRIMARY KEY,
    location_id text NOT NULL REFERENCES locations,
    lender text NOT NULL,
    funding_id text NOT NULL,
    loan_id text NOT NULL,
    source text NOT NULL CHECK (source IN ('webhook', 'poll', 'file', 'staff')),
    state text NOT NULL
        CHECK (state IN ('initiated', 'processing', 'completed', 'failed', 'reversed')),
    as_of timestamptz NOT NULL,
    observed_at timestamptz NOT NULL,
    body jsonb NOT NULL,
    body_hash text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX lender_fundings_loan ON lender_fundings (lender, loan_id);
CREATE INDEX lender_fundings_state ON lender_fundings (location_id, state);
CREATE TRIGGER lender_fundings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lender_fundings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a practice has agreed with a lender: fees, days, the names of its tenders.
CREATE TABLE lender_terms (
    location_id text NOT NULL REFERENCES locations,
    lender text NOT NULL,
    version int NOT NULL CHECK (version >= 1),
    body jsonb NOT NULL,
    put_by text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (location_id, lender, version)
);
CREATE TRIGGER lender_terms_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lender_terms
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE lender_terms, lender_fundings;
ALTER TABLE plans DROP COLUMN told_revision;
ALTER TABLE lender_calls DROP COLUMN pause_until;
ALTER TABLE lender_files DROP COLUMN made_at;
