-- migrate:up

ALTER TABLE consent_events
    ADD COLUMN detail_level text NOT NULL DEFAULT 'neutral'
        CHECK (detail_level IN ('neutral', 'detailed')),
    ADD COLUMN given_at timestamptz,
    ADD COLUMN taken_by text;

-- Why a client hears nothing for now: one row when it is placed, one when it is lifted.
CREATE TABLE client_holds (
    hold_id text PRIMARY KEY,
    client_id text NOT NULL REFERENCES clients,
    case_id text,
    kind text NOT NULL CHECK (kind IN ('reply', 'dispute', 'complaint', 'adverse_event',
        'promise', 'exclusion', 'legal_hold', 'deceased')),
    placed_by text NOT NULL,
    reason text NOT NULL,
    placed_at timestamptz NOT NULL,
    until date,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT client_holds_promise_is_dated
        CHECK (kind <> 'promise' OR (until IS NOT NULL AND case_id IS NOT NULL))
);
CREATE INDEX client_holds_client ON client_holds (client_id);
CREATE UNIQUE INDEX client_holds_one_promise ON client_holds (case_id) WHERE kind = 'promise';
CREATE TRIGGER client_holds_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON client_holds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE client_hold_releases (
    hold_id text PRIMARY KEY REFERENCES client_holds,
    released_by text NOT NULL,
    reason text NOT NULL,
    released_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER client_hold_releases_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON client_hold_releases
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Every time a due step was not sent: what was answered, by which rule, until when.
CREATE TABLE send_answers (
    answer_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id text NOT NULL,
    client_id text NOT NULL REFERENCES clients,
    location_id text NOT NULL REFERENCES locations,
    document_id text NOT NULL,
    step text NOT NULL,
    priority int NOT NULL,
    answer text NOT NULL,
    reason text NOT NULL,
    rule text NOT NULL,
    policy_version int NOT NULL,
    until timestamptz,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX send_answers_client ON send_answers (client_id, answer_id);
CREATE INDEX send_answers_step ON send_answers (document_id, step, answer_id);
CREATE TRIGGER send_answers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON send_answers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The newest row of a location and channel counts. Without an agreement it cannot be switched on.
CREATE TABLE channel_settings (
    setting_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    location_id text NOT NULL REFERENCES locations,
    channel text NOT NULL CHECK (channel IN ('sms', 'email')),
    provider text NOT NULL,
    is_on boolean NOT NULL,
    baa_on date,
    set_by text NOT NULL,
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT channel_settings_agreement_first CHECK (NOT is_on OR baa_on IS NOT NULL)
);
CREATE INDEX channel_settings_newest ON channel_settings (location_id, channel, setting_id DESC);
CREATE TRIGGER channel_settings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON channel_settings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE channel_settings, send_answers, client_hold_releases, client_holds;
ALTER TABLE consent_events
    DROP COLUMN detail_level, DROP COLUMN given_at, DROP COLUMN taken_by;
