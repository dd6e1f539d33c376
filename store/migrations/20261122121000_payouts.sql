-- migrate:up

CREATE FUNCTION payout_rank(state text) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT array_position(ARRAY['pending', 'in_transit', 'paid', 'failed', 'canceled'], state)
$$;

-- What the processor sent to the bank. `shares` (location -> cents) is written once, when the
-- payout tied out or a person accepted it; `settled_state` is how far the books have followed.
CREATE TABLE payouts (
    source text NOT NULL,
    payout_id text NOT NULL,
    location_id text NOT NULL REFERENCES locations,
    amount_cents bigint NOT NULL,
    currency text NOT NULL,
    automatic boolean NOT NULL,
    state text NOT NULL CHECK (payout_rank(state) IS NOT NULL),
    arrival_on date NOT NULL,
    failed_on date,
    asked_cents bigint,
    accepted_cents bigint,
    accepted_by text,
    shares jsonb,
    settled_state text CHECK (settled_state IS NULL OR payout_rank(settled_state) IS NOT NULL),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, payout_id),
    CONSTRAINT payouts_accepted_by_somebody CHECK ((accepted_cents IS NULL) = (accepted_by IS NULL))
);
CREATE INDEX payouts_unsettled ON payouts (location_id, arrival_on)
    WHERE settled_state IS DISTINCT FROM state;
CREATE INDEX payouts_arrival ON payouts (location_id, arrival_on, amount_cents);

CREATE FUNCTION guard_payout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.source, NEW.payout_id, NEW.location_id, NEW.currency, NEW.automatic)
        <> (OLD.source, OLD.payout_id, OLD.location_id, OLD.currency, OLD.automatic)
        OR payout_rank(NEW.state) < payout_rank(OLD.state)
        OR payout_rank(NEW.settled_state) < payout_rank(OLD.settled_state)
        OR (OLD.settled_state IS NOT NULL AND NEW.settled_state IS NULL)
        OR (OLD.shares IS NOT NULL AND NEW.shares IS DISTINCT FROM OLD.shares)
        OR (OLD.accepted_by IS NOT NULL AND OLD.settled_state IS NOT NULL
            AND (NEW.accepted_by, NEW.accepted_cents)
                IS DISTINCT FROM (OLD.accepted_by, OLD.accepted_cents)) THEN
        RAISE EXCEPTION 'payout % only moves forward', OLD.payout_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payouts_guard BEFORE UPDATE ON payouts
    FOR EACH ROW EXECUTE FUNCTION guard_payout();
CREATE TRIGGER payouts_keep BEFORE DELETE OR TRUNCATE ON payouts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Each change of the processor's balance, as it was read first.
CREATE TABLE balance_movements (
    source text NOT NULL,
    movement_id text NOT NULL,
    payout_id text NOT NULL,
    kind text NOT NULL,
    vendor_kind text NOT NULL,
    amount_cents bigint NOT NULL,
    fee_cents bigint NOT NULL,
    net_cents bigint NOT NULL,
    currency text NOT NULL,
    at timestamptz NOT NULL,
    object_id text,
    payment_id text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, movement_id),
    FOREIGN KEY (source, payout_id) REFERENCES payouts
);
CREATE INDEX balance_movements_payout ON balance_movements (source, payout_id);
CREATE TRIGGER balance_movements_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON balance_movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE balance_movements, payouts;
DROP FUNCTION guard_payout, payout_rank;
