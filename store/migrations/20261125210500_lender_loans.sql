-- migrate:up

-- Which loan pays a lender's part of which visit. A part has one row for each id that the lender
-- or the practice calls its loan by; all of them share the part, `payment_id`.
CREATE TABLE lender_loans (
    location_id text NOT NULL REFERENCES locations,
    lender text NOT NULL,
    loan_id text NOT NULL,
    payment_id text NOT NULL REFERENCES payments,
    case_id text NOT NULL,
    client_id text NOT NULL,
    programme text NOT NULL DEFAULT '',
    signed_on date NOT NULL,
    named_by text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (location_id, lender, loan_id)
);
CREATE INDEX lender_loans_payment ON lender_loans (payment_id);
CREATE INDEX lender_loans_case ON lender_loans (case_id);
CREATE TRIGGER lender_loans_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lender_loans
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What an entry did to a lender's part: the change of 1030, and which deposit or decision made it.
CREATE TABLE lender_bookings (
    business_key text PRIMARY KEY,
    location_id text NOT NULL REFERENCES locations,
    lender text NOT NULL,
    loan_id text NOT NULL,
    payment_id text REFERENCES payments,
    funding_id text,
    kind text NOT NULL CHECK (kind IN ('held', 'funded', 'taken_back', 'given_up')),
    receivable_cents bigint NOT NULL,
    net_cents bigint NOT NULL DEFAULT 0,
    fee_cents bigint NOT NULL DEFAULT 0,
    booked_on date NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX lender_bookings_loan ON lender_bookings (location_id, lender, loan_id);
CREATE INDEX lender_bookings_payment ON lender_bookings (payment_id);
CREATE TRIGGER lender_bookings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lender_bookings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE lender_bookings, lender_loans;
