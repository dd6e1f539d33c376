-- migrate:up

-- A payer who was sent to the processor. `case_id` is the visit that the payer chose; without
-- one, the money goes to what is due longest. Until `lock_until` (the location's clock) or
-- `unlocked_at` the client is asked for nothing. `outcome` says how a payment page that we made
-- has ended; while it is empty, the page may still bring money.
CREATE TABLE checkouts (
    checkout_id text PRIMARY KEY,
    location_id text NOT NULL REFERENCES locations,
    client_id text NOT NULL REFERENCES clients,
    case_id text,
    door text NOT NULL CHECK (door IN ('session', 'invoice')),
    amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    currency text NOT NULL,
    opened_at timestamptz NOT NULL,
    lock_until timestamptz NOT NULL,
    processor_session_id text UNIQUE,
    unlocked_at timestamptz,
    outcome text CHECK (outcome IN ('paid', 'expired', 'failed')),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT checkouts_lock_has_an_end CHECK (lock_until > opened_at)
);
CREATE INDEX checkouts_locked ON checkouts (client_id, lock_until) WHERE unlocked_at IS NULL;
CREATE INDEX checkouts_unsettled ON checkouts (client_id)
    WHERE processor_session_id IS NOT NULL AND outcome IS NULL;
CREATE INDEX checkouts_recent ON checkouts (client_id, recorded_at);

CREATE FUNCTION guard_checkout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.checkout_id, NEW.location_id, NEW.client_id, NEW.door, NEW.amount_cents,
            NEW.currency, NEW.opened_at, NEW.lock_until)
        <> (OLD.checkout_id, OLD.location_id, OLD.client_id, OLD.door, OLD.amount_cents,
            OLD.currency, OLD.opened_at, OLD.lock_until)
        OR NEW.case_id IS DISTINCT FROM OLD.case_id
        OR (OLD.processor_session_id IS NOT NULL
            AND NEW.processor_session_id IS DISTINCT FROM OLD.processor_session_id)
        OR (OLD.unlocked_at IS NOT NULL AND NEW.unlocked_at IS DISTINCT FROM OLD.unlocked_at)
        OR (OLD.outcome = 'paid' AND NEW.outcome IS DISTINCT FROM OLD.outcome) THEN
        RAISE EXCEPTION 'checkout % only moves forward', OLD.checkout_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER checkouts_guard BEFORE UPDATE ON checkouts
    FOR EACH ROW EXECUTE FUNCTION guard_checkout();
CREATE TRIGGER checkouts_keep BEFORE DELETE OR TRUNCATE ON checkouts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One payment may be told to the processor once for each visit that it pays.
ALTER TABLE outside_reports ADD COLUMN case_id text NOT NULL DEFAULT '';
ALTER TABLE outside_reports DROP CONSTRAINT outside_reports_pkey;
ALTER TABLE outside_reports ADD PRIMARY KEY (payment_id, case_id);

-- migrate:down
ALTER TABLE outside_reports DROP CONSTRAINT outside_reports_pkey;
DELETE FROM outside_reports a USING outside_reports b
    WHERE a.payment_id = b.payment_id AND a.case_id > b.case_id;
ALTER TABLE outside_reports DROP COLUMN case_id;
ALTER TABLE outside_reports ADD PRIMARY KEY (payment_id);
DROP TABLE checkouts;
DROP FUNCTION guard_checkout;
