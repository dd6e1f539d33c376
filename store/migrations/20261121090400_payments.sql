-- migrate:up

CREATE FUNCTION payment_rank(state text) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT array_position(ARRAY['pending', 'canceled', 'paid', 'refunded'], state)
$$;

CREATE TABLE payments (
    payment_id text PRIMARY KEY,
    source text NOT NULL,
    object_id text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'canceled', 'paid', 'refunded')),
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    allocated_cents bigint NOT NULL DEFAULT 0,
    currency text NOT NULL,
    occurred_at timestamptz NOT NULL,
    case_id text,
    client_id text,
    location_id text NOT NULL,
    outside boolean NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (source, object_id),
    CONSTRAINT payments_allocation_bounds CHECK (allocated_cents BETWEEN 0 AND amount_cents)
);
CREATE INDEX payments_case ON payments (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX payments_client ON payments (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX payments_unplaced ON payments (location_id, occurred_at)
    WHERE state = 'paid' AND allocated_cents < amount_cents;

CREATE TABLE payment_facts (
    payment_id text NOT NULL REFERENCES payments,
    state text NOT NULL CHECK (state IN ('pending', 'canceled', 'paid', 'refunded')),
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (payment_id, state)
);
CREATE TRIGGER payment_facts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_facts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.payment_id, NEW.source, NEW.object_id, NEW.currency, NEW.location_id)
        <> (OLD.payment_id, OLD.source, OLD.object_id, OLD.currency, OLD.location_id)
        OR payment_rank(NEW.state) < payment_rank(OLD.state)
        OR (OLD.state IN ('paid', 'refunded') AND NEW.amount_cents <> OLD.amount_cents)
        OR (pg_trigger_depth() < 2 AND NEW.allocated_cents <> OLD.allocated_cents) THEN
        RAISE EXCEPTION 'payment % only moves forward', OLD.payment_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payments_guard BEFORE UPDATE ON payments
    FOR EACH ROW EXECUTE FUNCTION guard_payment();
CREATE TRIGGER payments_keep BEFORE DELETE OR TRUNCATE ON payments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE payment_allocations (
    allocation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id text NOT NULL REFERENCES payments,
    case_id text NOT NULL,
    amount_cents bigint NOT NULL CHECK (amount_cents <> 0),
    decided_by text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX payment_allocations_payment ON payment_allocations (payment_id);
CREATE INDEX payment_allocations_case ON payment_allocations (case_id);
CREATE TRIGGER payment_allocations_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_allocations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The payment's row lock makes two allocations of one payment wait for each other.
CREATE FUNCTION apply_allocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payments SET allocated_cents = allocated_cents + NEW.amount_cents
    WHERE payment_id = NEW.payment_id;
    RETURN NULL;
END $$;
CREATE TRIGGER payment_allocations_apply AFTER INSERT ON payment_allocations
    FOR EACH ROW EXECUTE FUNCTION apply_allocation();

CREATE TABLE processor_customers (
    client_id text PRIMARY KEY,
    processor_customer_id text NOT NULL UNIQUE,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE processor_invoices (
    document_id text PRIMARY KEY,
    processor_invoice_id text NOT NULL UNIQUE,
    case_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX processor_invoices_case ON processor_invoices (case_id);
CREATE TABLE outside_reports (
    payment_id text PRIMARY KEY REFERENCES payments,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- migrate:down
DROP TABLE outside_reports, processor_invoices, processor_customers, payment_allocations,
    payment_facts, payments;
DROP FUNCTION apply_allocation, guard_payment, payment_rank;
