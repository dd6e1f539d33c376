-- migrate:up

-- What a named person decided to give back, and why; `plan` says which lines and credits.
CREATE TABLE refunds (
    refund_id text PRIMARY KEY,
    location_id text NOT NULL REFERENCES locations,
    client_id text,
    case_id text,
    origin text NOT NULL CHECK (origin IN ('desk', 'processor', 'pms')),
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    plan jsonb NOT NULL,
    decided_by text NOT NULL CHECK (decided_by <> ''),
    reason text NOT NULL,
    content_hash text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX refunds_case ON refunds (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX refunds_location ON refunds (location_id, recorded_at);
CREATE TRIGGER refunds_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON refunds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refund_rank(state text) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT array_position(ARRAY['owed', 'sent', 'paid', 'returned', 'canceled'], state)
$$;

-- Money on its way back. One that nobody here started has no refund before a person says what
-- it was for. `way` is who moves it; `object_id` is the processor's name of it.
CREATE TABLE refund_moves (
    move_id text PRIMARY KEY,
    refund_id text REFERENCES refunds,
    location_id text NOT NULL REFERENCES locations,
    way text NOT NULL CHECK (way IN ('processor', 'desk', 'lender')),
    source text NOT NULL,
    object_id text,
    payment_id text REFERENCES payments,
    client_id text,
    kind text NOT NULL,
    amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    state text NOT NULL CHECK (refund_rank(state) IS NOT NULL),
    code text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (source, object_id)
);
CREATE INDEX refund_moves_refund ON refund_moves (refund_id);
CREATE INDEX refund_moves_payment ON refund_moves (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX refund_moves_open ON refund_moves (location_id) WHERE state IN ('owed', 'sent', 'returned');

CREATE TABLE refund_facts (
    move_id text NOT NULL REFERENCES refund_moves,
    state text NOT NULL,
    code text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX refund_facts_move ON refund_facts (move_id);
CREATE TRIGGER refund_facts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON refund_facts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A payment gives back no more than it brought, whoever asks and however many at once.
CREATE FUNCTION guard_refund_move() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    brought bigint;
    back bigint;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (to_jsonb(NEW) - '{state,code,object_id,refund_id,payment_id,client_id,location_id}'::text[])
            <> (to_jsonb(OLD) - '{state,code,object_id,refund_id,payment_id,client_id,location_id}'::text[])
            OR refund_rank(NEW.state) < refund_rank(OLD.state)
            OR (NEW.state = 'canceled' AND OLD.state NOT IN ('owed', 'returned', 'canceled'))
            OR (OLD.object_id IS NOT NULL AND NEW.object_id IS DISTINCT FROM OLD.object_id)
            OR (OLD.refund_id IS NOT NULL AND NEW.refund_id IS DISTINCT FROM OLD.refund_id)
            OR (OLD.payment_id IS NOT NULL
                AND (NEW.payment_id, NEW.client_id, NEW.location_id)
                IS DISTINCT FROM (OLD.payment_id, OLD.client_id, OLD.location_id)) THEN
            RAISE EXCEPTION 'refund % only moves forward', OLD.move_id
                USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF NEW.state = 'owed' AND NEW.payment_id IS NOT NULL THEN
        SELECT amount_cents INTO brought FROM payments WHERE payment_id = NEW.payment_id
            FOR NO KEY UPDATE;
        SELECT coalesce(sum(amount_cents), 0) INTO back FROM refund_moves
        WHERE payment_id = NEW.payment_id AND state IN ('owed', 'sent', 'paid');
        IF back + NEW.amount_cents > brought THEN
            RAISE EXCEPTION 'payment % does not have that much left', NEW.payment_id
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_moves_guard BEFORE INSERT OR UPDATE ON refund_moves
    FOR EACH ROW EXECUTE FUNCTION guard_refund_move();

CREATE FUNCTION log_refund_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR (NEW.state, NEW.code) IS DISTINCT FROM (OLD.state, OLD.code) THEN
        INSERT INTO refund_facts (move_id, state, code) VALUES (NEW.move_id, NEW.state, NEW.code);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refund_moves_log AFTER INSERT OR UPDATE ON refund_moves
    FOR EACH ROW EXECUTE FUNCTION log_refund_move();
CREATE TRIGGER refund_moves_keep BEFORE DELETE OR TRUNCATE ON refund_moves
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION dispute_rank(state text) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE state WHEN 'inquiry' THEN 1 WHEN 'needs_response' THEN 2
        WHEN 'under_review' THEN 3 WHEN 'won' THEN 4 WHEN 'lost' THEN 4 END
$$;

-- A payment that the payer's bank took back. `answer` is what a person told the bank, `outcome`
-- what a person did about a lost one.
CREATE TABLE disputes (
    source text NOT NULL,
    dispute_id text NOT NULL,
    location_id text NOT NULL REFERENCES locations,
    payment_id text REFERENCES payments,
    client_id text,
    amount_cents bigint NOT NULL,
    state text NOT NULL CHECK (dispute_rank(state) IS NOT NULL),
    is_chargeback boolean NOT NULL,
    reason text NOT NULL,
    respond_by timestamptz,
    answer text CHECK (answer IN ('contest', 'accept')),
    answered_by text,
    outcome text CHECK (outcome IN ('rebill', 'write_off', 'block')),
    outcome_by text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, dispute_id),
    CONSTRAINT disputes_answered_by_somebody CHECK ((answer IS NULL) = (answered_by IS NULL)),
    CONSTRAINT disputes_ended_by_somebody CHECK ((outcome IS NULL) = (outcome_by IS NULL))
);
CREATE INDEX disputes_payment ON disputes (payment_id) WHERE payment_id IS NOT NULL;

CREATE TABLE dispute_facts (
    source text NOT NULL,
    dispute_id text NOT NULL,
    state text NOT NULL,
    is_chargeback boolean NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (source, dispute_id) REFERENCES disputes
);
CREATE INDEX dispute_facts_dispute ON dispute_facts (source, dispute_id);
CREATE TRIGGER dispute_facts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dispute_facts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An inquiry may become a chargeback, and never the other way; a lost one may be won by appeal.
CREATE FUNCTION guard_dispute() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.source, NEW.dispute_id) <> (OLD.source, OLD.dispute_id)
        OR dispute_rank(NEW.state) < dispute_rank(OLD.state)
        OR (OLD.state = 'won' AND OLD.is_chargeback AND NEW.state <> 'won')
        OR (OLD.is_chargeback AND NOT NEW.is_chargeback)
        OR (OLD.payment_id IS NOT NULL AND (NEW.payment_id, NEW.client_id, NEW.location_id)
            IS DISTINCT FROM (OLD.payment_id, OLD.client_id, OLD.location_id))
        OR (OLD.answer IS NOT NULL AND (NEW.answer, NEW.answered_by)
            IS DISTINCT FROM (OLD.answer, OLD.answered_by))
        OR (OLD.outcome IS NOT NULL AND (NEW.outcome, NEW.outcome_by)
            IS DISTINCT FROM (OLD.outcome, OLD.outcome_by)) THEN
        RAISE EXCEPTION 'dispute % only moves forward', OLD.dispute_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER disputes_guard BEFORE UPDATE ON disputes
    FOR EACH ROW EXECUTE FUNCTION guard_dispute();
CREATE FUNCTION log_dispute() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR (NEW.state, NEW.is_chargeback)
        IS DISTINCT FROM (OLD.state, OLD.is_chargeback) THEN
        INSERT INTO dispute_facts (source, dispute_id, state, is_chargeback)
        VALUES (NEW.source, NEW.dispute_id, NEW.state, NEW.is_chargeback);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER disputes_log AFTER INSERT OR UPDATE ON disputes
    FOR EACH ROW EXECUTE FUNCTION log_dispute();
CREATE TRIGGER disputes_keep BEFORE DELETE OR TRUNCATE ON disputes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE dispute_facts, disputes, refund_facts, refund_moves, refunds;
DROP FUNCTION log_dispute, guard_dispute, dispute_rank, log_refund_move, guard_refund_move,
    refund_rank;
