-- migrate:up

CREATE TABLE reviews (
    review_id text PRIMARY KEY,
    case_id text NOT NULL,
    workflow_id text NOT NULL,
    location_id text NOT NULL REFERENCES locations,
    client_id text,
    document_id text,
    code text NOT NULL,
    opened_at timestamptz NOT NULL,
    due_at timestamptz,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'decided', 'withdrawn')),
    shown jsonb NOT NULL,
    choices jsonb NOT NULL,
    suggested text,
    money_cents bigint NOT NULL,
    withdrawn_reason text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX reviews_open ON reviews (location_id, opened_at) WHERE state = 'open';
CREATE INDEX reviews_case ON reviews (case_id);
CREATE INDEX reviews_prefix ON reviews (review_id text_pattern_ops);

CREATE TABLE review_decisions (
    review_id text PRIMARY KEY REFERENCES reviews,
    decision jsonb NOT NULL,
    decision_hash text NOT NULL,
    decided_by text NOT NULL,
    reason text NOT NULL,
    decided_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER review_decisions_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON review_decisions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE review_reminders (
    review_id text NOT NULL REFERENCES reviews,
    business_day int NOT NULL,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (review_id, business_day)
);

CREATE FUNCTION guard_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open'
        OR (to_jsonb(NEW) - '{state,withdrawn_reason}'::text[])
            <> (to_jsonb(OLD) - '{state,withdrawn_reason}'::text[]) THEN
        RAISE EXCEPTION 'review % closes once and keeps what was shown', OLD.review_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reviews_guard BEFORE UPDATE ON reviews
    FOR EACH ROW EXECUTE FUNCTION guard_review();
CREATE TRIGGER reviews_keep BEFORE DELETE OR TRUNCATE ON reviews
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE inbox (
    inbox_id text PRIMARY KEY DEFAULT gen_random_uuid()::text,
    source text NOT NULL,
    event_key text NOT NULL,
    location_id text,
    event_id text,
    event_type text NOT NULL,
    occurred_at timestamptz,
    sealed_headers bytea,
    sealed_body bytea,
    state text NOT NULL DEFAULT 'received'
        CHECK (state IN ('received', 'dispatched', 'ignored', 'failed')),
    workflow_id text,
    note text,
    attempts int NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (source, event_key)
);
CREATE INDEX inbox_undispatched ON inbox (changed_at) WHERE state IN ('received', 'failed');
CREATE INDEX inbox_received ON inbox (received_at);

CREATE TABLE inbox_refusals (
    source text NOT NULL,
    why text NOT NULL,
    refused int NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (source, why)
);

-- migrate:down
DROP TABLE inbox_refusals, inbox, review_reminders, review_decisions, reviews;
DROP FUNCTION guard_review;
