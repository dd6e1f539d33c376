-- migrate:up

-- The processor's own name of a payment that the books know by another one.
CREATE TABLE payment_names (
    source text NOT NULL,
    name text NOT NULL,
    payment_id text NOT NULL REFERENCES payments,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, name, payment_id)
);
CREATE INDEX payment_names_payment ON payment_names (payment_id);

-- What the PMS showed of a visit's money when it was read last. `desk_cents` is money that it took
-- itself, `ours_cents` what the desk recorded there under our reference.
CREATE TABLE pms_standings (
    case_id text PRIMARY KEY,
    location_id text NOT NULL REFERENCES locations,
    desk_cents bigint NOT NULL,
    ours_cents bigint NOT NULL,
    unpaid_cents bigint NOT NULL,
    read_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX pms_standings_location ON pms_standings (location_id);

-- What a named person says that a line of the bank's statement is, where no entry says so.
CREATE TABLE bank_claims (
    line_id text PRIMARY KEY REFERENCES bank_lines,
    kind text NOT NULL CHECK (kind IN ('drawer', 'other')),
    location_id text REFERENCES locations,
    claimed_by text NOT NULL CHECK (person_key(claimed_by) <> ''),
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT bank_claims_drawer_of_a_location CHECK ((kind = 'drawer') = (location_id IS NOT NULL))
);
CREATE TRIGGER bank_claims_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_claims
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A line of the tie-out without a second source is not tied out either.
ALTER TABLE period_closes ADD unchecked int NOT NULL DEFAULT 0 CHECK (unchecked >= 0);
ALTER TABLE period_closes DROP CONSTRAINT period_closes_signed_with_reason,
    ADD CONSTRAINT period_closes_signed_with_reason CHECK
        ((off_cents = 0 AND unchecked = 0 AND open_above_limit = 0) OR reason <> '');

CREATE INDEX ledger_postings_account ON ledger_postings (account, entry_id)
    INCLUDE (debit_cents, credit_cents);

-- migrate:down
DROP INDEX ledger_postings_account;
ALTER TABLE period_closes DROP CONSTRAINT period_closes_signed_with_reason,
    ADD CONSTRAINT period_closes_signed_with_reason CHECK
        ((off_cents = 0 AND open_above_limit = 0) OR reason <> ''),
    DROP unchecked;
DROP TABLE bank_claims, pms_standings, payment_names;
