-- migrate:up

-- A debt that a person hands to a collection agency; what is owed stays owed until money comes.
CREATE TABLE agency_placements (
    placement_id text PRIMARY KEY REFERENCES review_decisions,
    case_id text NOT NULL,
    client_id text NOT NULL REFERENCES clients,
    location_id text NOT NULL REFERENCES locations,
    amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    placed_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX agency_placements_case ON agency_placements (case_id);
CREATE INDEX agency_placements_location ON agency_placements (location_id);

-- Which agency got it on a list, and when.
CREATE TABLE agency_exports (
    placement_id text PRIMARY KEY REFERENCES agency_placements,
    agency text NOT NULL CHECK (person_key(agency) <> ''),
    exported_by text NOT NULL CHECK (person_key(exported_by) <> ''),
    exported_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A person takes a debt back from the agency, or takes the decision back before it had it.
CREATE TABLE agency_recalls (
    placement_id text PRIMARY KEY REFERENCES agency_placements,
    recalled_by text NOT NULL CHECK (person_key(recalled_by) <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    recalled_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What an agency pays: what it collected, less what it keeps.
CREATE TABLE agency_remittances (
    remittance_id text PRIMARY KEY,
    location_id text NOT NULL REFERENCES locations,
    agency text NOT NULL CHECK (person_key(agency) <> ''),
    reference text NOT NULL CHECK (reference <> ''),
    received_on date NOT NULL,
    gross_cents bigint NOT NULL CHECK (gross_cents > 0),
    fee_cents bigint NOT NULL CHECK (fee_cents BETWEEN 0 AND gross_cents),
    booked_by text NOT NULL CHECK (person_key(booked_by) <> ''),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE agency_remittance_parts (
    remittance_id text NOT NULL REFERENCES agency_remittances,
    case_id text NOT NULL,
    placement_id text NOT NULL REFERENCES agency_placements,
    gross_cents bigint NOT NULL CHECK (gross_cents > 0),
    fee_cents bigint NOT NULL CHECK (fee_cents BETWEEN 0 AND gross_cents),
    recovered_cents bigint NOT NULL CHECK (recovered_cents BETWEEN 0 AND gross_cents),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (remittance_id, case_id)
);
CREATE INDEX agency_remittance_parts_placement ON agency_remittance_parts (placement_id);

CREATE TRIGGER agency_placements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON agency_placements FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER agency_exports_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON agency_exports FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER agency_recalls_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON agency_recalls FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER agency_remittances_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON agency_remittances FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER agency_remittance_parts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON agency_remittance_parts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The patient hears nothing more from us about it.
ALTER TABLE client_holds DROP CONSTRAINT client_holds_kind_check;
ALTER TABLE client_holds ADD CONSTRAINT client_holds_kind_check CHECK (kind IN ('reply', 'dispute',
    'complaint', 'adverse_event', 'promise', 'exclusion', 'legal_hold', 'deceased', 'agency'));

-- An agency's commission is given up by who booked what it paid.
CREATE OR REPLACE FUNCTION refuse_nameless_loss() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    nameless text;
BEGIN
    SELECT entry_id INTO nameless FROM added JOIN ledger_entries USING (entry_id)
    LEFT JOIN review_decisions USING (review_id)
    WHERE account IN ('6030', '6070') AND debit_cents > 0 AND decided_by IS NULL
        AND NOT EXISTS (SELECT FROM agency_remittance_parts p
            WHERE business_key = 'agency|' || p.remittance_id || '|' || p.case_id
                AND account = '6030' AND debit_cents <= p.fee_cents)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % gives money up and names nobody', nameless
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

-- As before, and by what an agency paid of exactly this visit, booked by a named person.
CREATE OR REPLACE FUNCTION guard_receivable() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    key text;
    word text;
    decided text;
    matched_cents bigint;
BEGIN
    SELECT business_key, split_part(business_key, '|', 1), review_id INTO key, word, decided
    FROM ledger_entries WHERE entry_id = NEW.entry_id;
    IF EXISTS (SELECT FROM review_decisions WHERE review_id = decided) THEN
        RETURN NULL;
    END IF;
    CASE word
    WHEN 'amended' THEN
        SELECT -change_due_cents INTO matched_cents FROM documents
        WHERE document_id = split_part(key, '|', 2) AND case_id = NEW.case_id;
    WHEN 'received' THEN
        SELECT sum(a.amount_cents) INTO matched_cents
        FROM payments JOIN payment_allocations a USING (payment_id)
        WHERE payment_id = split_part(key, '|', 3) AND state = 'paid'
            AND a.case_id = NEW.case_id AND review_id IS NULL;
    WHEN 'plan-signed' THEN
        SELECT sum(debit_cents) INTO matched_cents FROM ledger_postings
        WHERE entry_id = NEW.entry_id AND account = '1105' AND case_id = NEW.case_id;
    WHEN 'agency' THEN
        SELECT gross_cents - recovered_cents INTO matched_cents FROM agency_remittance_parts
        WHERE remittance_id = split_part(key, '|', 2) AND case_id = NEW.case_id;
    ELSE
        matched_cents := NULL;
    END CASE;
    IF matched_cents IS DISTINCT FROM NEW.credit_cents THEN
        RAISE EXCEPTION 'entry % takes % cents off what is owed: no exact match and nobody''s name',
            NEW.entry_id, NEW.credit_cents USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

-- A visit whose debt an agency has ends with it.
ALTER TABLE case_closings DROP CONSTRAINT case_closings_status_check;
ALTER TABLE case_closings ADD CONSTRAINT case_closings_status_check CHECK (status IN
    ('nothing_due', 'paid', 'not_billable', 'written_off', 'closed_by_staff', 'agency'));
CREATE OR REPLACE FUNCTION guard_case_closing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owed_cents bigint;
BEGIN
    SELECT coalesce(sum(debit_cents - credit_cents), 0) INTO owed_cents
    FROM ledger_postings WHERE case_id = NEW.case_id AND account = '1100';
    IF (CASE NEW.status
        WHEN 'closed_by_staff' THEN NEW.closed_by IS NULL
        WHEN 'agency' THEN NOT EXISTS (
            SELECT FROM agency_placements WHERE case_id = NEW.case_id)
        WHEN 'written_off' THEN owed_cents <> 0 OR NOT EXISTS (
            SELECT FROM reviews JOIN review_decisions USING (review_id)
            WHERE case_id = NEW.case_id AND decision ->> 'choice' = 'write_off')
        -- A person may leave too much money on a visit, never too little.
        ELSE owed_cents > 0 OR (owed_cents < 0 AND NOT EXISTS (
            SELECT FROM reviews JOIN review_decisions USING (review_id)
            WHERE case_id = NEW.case_id))
    END) THEN
        RAISE EXCEPTION 'case % is off by % cents and nobody has closed it', NEW.case_id,
            owed_cents USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- migrate:down
ALTER TABLE case_closings DROP CONSTRAINT case_closings_status_check;
ALTER TABLE case_closings ADD CONSTRAINT case_closings_status_check CHECK (status IN
    ('nothing_due', 'paid', 'not_billable', 'written_off', 'closed_by_staff'));
ALTER TABLE client_holds DROP CONSTRAINT client_holds_kind_check;
ALTER TABLE client_holds ADD CONSTRAINT client_holds_kind_check CHECK (kind IN ('reply', 'dispute',
    'complaint', 'adverse_event', 'promise', 'exclusion', 'legal_hold', 'deceased'));
CREATE OR REPLACE FUNCTION guard_case_closing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owed_cents bigint;
BEGIN
    SELECT coalesce(sum(debit_cents - credit_cents), 0) INTO owed_cents
    FROM ledger_postings WHERE case_id = NEW.case_id AND account = '1100';
    IF (CASE NEW.status
        WHEN 'closed_by_staff' THEN NEW.closed_by IS NULL
        WHEN 'written_off' THEN owed_cents <> 0 OR NOT EXISTS (
            SELECT FROM reviews JOIN review_decisions USING (review_id)
            WHERE case_id = NEW.case_id AND decision ->> 'choice' = 'write_off')
        -- A person may leave too much money on a visit, never too little.
        ELSE owed_cents > 0 OR (owed_cents < 0 AND NOT EXISTS (
            SELECT FROM reviews JOIN review_decisions USING (review_id)
            WHERE case_id = NEW.case_id))
    END) THEN
        RAISE EXCEPTION 'case % is off by % cents and nobody has closed it', NEW.case_id,
            owed_cents USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION guard_receivable() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    key text;
    word text;
    decided text;
    matched_cents bigint;
BEGIN
    SELECT business_key, split_part(business_key, '|', 1), review_id INTO key, word, decided
    FROM ledger_entries WHERE entry_id = NEW.entry_id;
    IF EXISTS (SELECT FROM review_decisions WHERE review_id = decided) THEN
        RETURN NULL;
    END IF;
    CASE word
    WHEN 'amended' THEN
        SELECT -change_due_cents INTO matched_cents FROM documents
        WHERE document_id = split_part(key, '|', 2) AND case_id = NEW.case_id;
    WHEN 'received' THEN
        SELECT sum(a.amount_cents) INTO matched_cents
        FROM payments JOIN payment_allocations a USING (payment_id)
        WHERE payment_id = split_part(key, '|', 3) AND state = 'paid'
            AND a.case_id = NEW.case_id AND review_id IS NULL;
    WHEN 'plan-signed' THEN
        SELECT sum(debit_cents) INTO matched_cents FROM ledger_postings
        WHERE entry_id = NEW.entry_id AND account = '1105' AND case_id = NEW.case_id;
    ELSE
        matched_cents := NULL;
    END CASE;
    IF matched_cents IS DISTINCT FROM NEW.credit_cents THEN
        RAISE EXCEPTION 'entry % takes % cents off what is owed: no exact match and nobody''s name',
            NEW.entry_id, NEW.credit_cents USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION refuse_nameless_loss() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    nameless text;
BEGIN
    SELECT entry_id INTO nameless FROM added JOIN ledger_entries USING (entry_id)
    LEFT JOIN review_decisions USING (review_id)
    WHERE account IN ('6030', '6070') AND debit_cents > 0 AND decided_by IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % gives money up and names nobody', nameless
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
DROP TABLE agency_remittance_parts, agency_remittances, agency_recalls, agency_exports,
    agency_placements;
