-- migrate:up

CREATE TABLE touchpoints (
    message_key text PRIMARY KEY,
    case_id text NOT NULL,
    client_id text NOT NULL REFERENCES clients,
    location_id text NOT NULL REFERENCES locations,
    document_id text,
    step text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('sms', 'email')),
    template_version int NOT NULL,
    intent int NOT NULL,
    state text NOT NULL CHECK (state IN ('intent', 'sending', 'accepted', 'delivered',
        'failed', 'unknown', 'skipped')),
    reason text,
    failure_code text,
    provider_id text,
    attempt int NOT NULL DEFAULT 0,
    day int,
    local_date date NOT NULL,
    at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sending_at timestamptz,
    accepted_at timestamptz,
    CONSTRAINT touchpoints_skip_says_why CHECK (state <> 'skipped' OR reason IS NOT NULL)
);
CREATE INDEX touchpoints_case ON touchpoints (case_id);
CREATE INDEX touchpoints_document ON touchpoints (document_id, step, channel);
CREATE INDEX touchpoints_client ON touchpoints (client_id, local_date);
CREATE UNIQUE INDEX touchpoints_provider ON touchpoints (provider_id)
    WHERE provider_id IS NOT NULL;

CREATE TABLE touchpoint_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_key text NOT NULL,
    state text NOT NULL,
    reason text,
    attempt int NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX touchpoint_events_key ON touchpoint_events (message_key, event_id);
CREATE TRIGGER touchpoint_events_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON touchpoint_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION touchpoint_may_move(was text, becomes text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE was
        WHEN 'intent' THEN becomes IN ('sending', 'skipped')
        WHEN 'sending' THEN becomes IN
            ('intent', 'sending', 'accepted', 'delivered', 'failed', 'unknown')
        WHEN 'unknown' THEN becomes IN ('sending', 'accepted', 'delivered', 'failed')
        WHEN 'accepted' THEN becomes IN ('delivered', 'failed')
        ELSE false END
$$;

CREATE FUNCTION guard_touchpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state NOT IN ('intent', 'skipped') THEN
            RAISE EXCEPTION 'message % starts as an intent', NEW.message_key
                USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF NOT touchpoint_may_move(OLD.state, NEW.state)
        OR (NEW.message_key, NEW.case_id, NEW.client_id, NEW.location_id, NEW.step, NEW.channel,
            NEW.template_version, NEW.intent, NEW.local_date, NEW.at)
        IS DISTINCT FROM (OLD.message_key, OLD.case_id, OLD.client_id, OLD.location_id, OLD.step,
            OLD.channel, OLD.template_version, OLD.intent, OLD.local_date, OLD.at) THEN
        RAISE EXCEPTION 'message % cannot go from % to %', OLD.message_key, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'sending' THEN
        NEW.sending_at := clock_timestamp();
    ELSIF NEW.state IN ('accepted', 'delivered') AND NEW.accepted_at IS NULL THEN
        NEW.accepted_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER touchpoints_guard BEFORE INSERT OR UPDATE ON touchpoints
    FOR EACH ROW EXECUTE FUNCTION guard_touchpoint();

CREATE FUNCTION log_touchpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO touchpoint_events (message_key, state, reason, attempt)
    VALUES (NEW.message_key, NEW.state, coalesce(NEW.reason, NEW.failure_code), NEW.attempt);
    RETURN NULL;
END $$;
CREATE TRIGGER touchpoints_log AFTER INSERT OR UPDATE ON touchpoints
    FOR EACH ROW EXECUTE FUNCTION log_touchpoint();
CREATE TRIGGER touchpoints_keep BEFORE DELETE OR TRUNCATE ON touchpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE consent_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id text NOT NULL REFERENCES clients,
    channel text NOT NULL CHECK (channel IN ('sms', 'email')),
    scope text NOT NULL,
    allowed boolean NOT NULL,
    how text NOT NULL,
    words text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX consent_events_client ON consent_events (client_id, channel, event_id DESC);
CREATE TRIGGER consent_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE address_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL,
    channel text NOT NULL CHECK (channel IN ('sms', 'email')),
    suppressed boolean NOT NULL,
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX address_events_digest ON address_events (digest, channel, event_id DESC);
CREATE TRIGGER address_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON address_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE address_events, consent_events, touchpoint_events, touchpoints;
DROP FUNCTION log_touchpoint, guard_touchpoint, touchpoint_may_move;
