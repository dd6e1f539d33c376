-- migrate:up

-- Whom a decision about money needs (F5): data of each location, versioned; the newest counts.
CREATE TABLE desk_policies (
    location_id text NOT NULL REFERENCES locations,
    version int NOT NULL CHECK (version >= 1),
    second_person_above_cents bigint NOT NULL CHECK (second_person_above_cents >= 0),
    manager_email text,
    put_by text NOT NULL CHECK (put_by <> ''),
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (location_id, version)
);
CREATE TRIGGER desk_policies_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON desk_policies
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Nobody has to set a limit for it to hold.
CREATE FUNCTION second_person_limit(place text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT second_person_above_cents FROM desk_policies
                     WHERE location_id = place ORDER BY version DESC LIMIT 1), 10000)
$$;

-- One person, however their name is typed.
CREATE FUNCTION person_key(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(lower(normalize(name, NFKC)), '\s+', '', 'g')
$$;

-- Choices of a question that need a second person. Fixed when it is asked: a new limit is for
-- new questions.
ALTER TABLE reviews ADD second_person text[] NOT NULL DEFAULT '{}';

CREATE FUNCTION stamp_second_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.second_person := ARRAY(
        SELECT choice ->> 'name' FROM jsonb_array_elements(NEW.choices) AS choice
        WHERE (choice ->> 'two_person')::boolean
            AND abs(coalesce((choice ->> 'stake_cents')::bigint, NEW.money_cents))
                > second_person_limit(NEW.location_id));
    RETURN NEW;
END $$;
CREATE TRIGGER reviews_second_person BEFORE INSERT ON reviews
    FOR EACH ROW EXECUTE FUNCTION stamp_second_person();

-- What people did with an open question before it was decided, and answers that could not be
-- carried out.
CREATE TABLE review_acts (
    act_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    review_id text NOT NULL REFERENCES reviews,
    act text NOT NULL CHECK (act IN ('taken', 'proposed', 'refused', 'failed')),
    acted_by text NOT NULL CHECK (person_key(acted_by) <> ''),
    decision jsonb,
    decision_hash text,
    reason text NOT NULL,
    acted_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT review_acts_decision CHECK
        ((act IN ('proposed', 'failed')) = (decision IS NOT NULL AND decision_hash IS NOT NULL))
);
CREATE INDEX review_acts_review ON review_acts (review_id, act_id);
CREATE TRIGGER review_acts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON review_acts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION guard_review_act() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    waits review_acts;
BEGIN
    -- The lock makes a proposal, its refusal and its decision wait for each other.
    PERFORM FROM reviews WHERE review_id = NEW.review_id AND state = 'open' FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'review % is not open', NEW.review_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.act IN ('proposed', 'refused') THEN
        SELECT * INTO waits FROM review_acts
        WHERE review_id = NEW.review_id AND act IN ('proposed', 'refused')
        ORDER BY act_id DESC LIMIT 1;
        IF (waits.act IS NOT DISTINCT FROM 'proposed') <> (NEW.act = 'refused') THEN
            RAISE EXCEPTION 'review % has % proposal', NEW.review_id,
                CASE NEW.act WHEN 'refused' THEN 'no' ELSE 'another' END
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.act = 'refused' AND person_key(NEW.acted_by) = person_key(waits.acted_by) THEN
            RAISE EXCEPTION 'a proposal is refused by another person than who made it'
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER review_acts_guard BEFORE INSERT ON review_acts
    FOR EACH ROW EXECUTE FUNCTION guard_review_act();

ALTER TABLE review_decisions ADD confirmed_by text;
ALTER TABLE review_decisions ADD CONSTRAINT review_decisions_named
    CHECK (person_key(decided_by) <> '');
ALTER TABLE review_decisions ADD CONSTRAINT review_decisions_two_people
    CHECK (person_key(confirmed_by) <> '' AND person_key(confirmed_by) <> person_key(decided_by));

CREATE FUNCTION check_second_person() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    needed boolean;
    waits review_acts;
BEGIN
    SELECT NEW.decision ->> 'choice' = ANY (second_person) INTO needed
    FROM reviews WHERE review_id = NEW.review_id;
    IF needed IS FALSE THEN
        RETURN NEW;
    END IF;
    SELECT * INTO waits FROM review_acts
    WHERE review_id = NEW.review_id AND act IN ('proposed', 'refused')
    ORDER BY act_id DESC LIMIT 1;
    IF NEW.confirmed_by IS NULL OR waits.act IS DISTINCT FROM 'proposed'
        OR waits.decision_hash <> NEW.decision_hash
        OR person_key(waits.acted_by) <> person_key(NEW.decided_by) THEN
        RAISE EXCEPTION 'review %: % is proposed by one person and confirmed by another',
            NEW.review_id, NEW.decision ->> 'choice' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER review_decisions_second_person BEFORE INSERT ON review_decisions
    FOR EACH ROW EXECUTE FUNCTION check_second_person();

CREATE TABLE review_undos (
    review_id text PRIMARY KEY REFERENCES review_decisions,
    undone_by text NOT NULL CHECK (person_key(undone_by) <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    undone_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER review_undos_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON review_undos
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Which decision a row came from. A transaction names it once; no writer can forget it.
CREATE FUNCTION the_decision() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('tieout.decision', true), '')
$$;
ALTER TABLE ledger_entries ADD review_id text DEFAULT the_decision();
ALTER TABLE payment_allocations ADD review_id text DEFAULT the_decision();
ALTER TABLE lots ADD review_id text DEFAULT the_decision();
ALTER TABLE lot_movements ADD review_id text DEFAULT the_decision();
ALTER TABLE lot_reinstatements ADD review_id text DEFAULT the_decision();
CREATE INDEX ledger_entries_review ON ledger_entries (review_id) WHERE review_id IS NOT NULL;
CREATE INDEX ledger_entries_corrects ON ledger_entries (corrects) WHERE corrects IS NOT NULL;
CREATE INDEX payment_allocations_review ON payment_allocations (review_id)
    WHERE review_id IS NOT NULL;
CREATE INDEX lots_review ON lots (review_id) WHERE review_id IS NOT NULL;
CREATE INDEX lot_movements_review ON lot_movements (review_id) WHERE review_id IS NOT NULL;

-- Money is lost (bad debt) or given away (goodwill) by a named person alone (F2).
CREATE FUNCTION refuse_nameless_loss() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER ledger_postings_loss_is_named AFTER INSERT ON ledger_postings
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_nameless_loss();

-- Automation never alters what a person has placed (E15); it can only ask.
CREATE FUNCTION guard_allocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The payment's row lock, so that a person and automation wait for each other.
    PERFORM FROM payments WHERE payment_id = NEW.payment_id FOR UPDATE;
    IF EXISTS (SELECT FROM payment_allocations
               WHERE payment_id = NEW.payment_id AND review_id IS NOT NULL) THEN
        RAISE EXCEPTION 'payment % was placed by a person; automation leaves it alone',
            NEW.payment_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payment_allocations_human BEFORE INSERT ON payment_allocations
    FOR EACH ROW WHEN (NEW.decided_by IN ('matching', 'payer') AND NEW.review_id IS NULL)
    EXECUTE FUNCTION guard_allocation();

-- How a case ended. It ends on an exact match, or by a named person (F2).
CREATE TABLE case_closings (
    closing_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id text NOT NULL,
    status text NOT NULL CHECK (status IN
        ('nothing_due', 'paid', 'not_billable', 'written_off', 'closed_by_staff')),
    closed_by text CHECK (person_key(closed_by) <> ''),
    closed_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX case_closings_case ON case_closings (case_id, closing_id);
CREATE TRIGGER case_closings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON case_closings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION guard_case_closing() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER case_closings_guard BEFORE INSERT ON case_closings
    FOR EACH ROW EXECUTE FUNCTION guard_case_closing();

-- migrate:down
DROP TABLE case_closings, review_undos;
DROP FUNCTION guard_case_closing;
DROP TRIGGER payment_allocations_human ON payment_allocations;
DROP TRIGGER ledger_postings_loss_is_named ON ledger_postings;
DROP FUNCTION guard_allocation, refuse_nameless_loss;
DROP INDEX ledger_entries_corrects;
ALTER TABLE ledger_entries DROP review_id;
ALTER TABLE payment_allocations DROP review_id;
ALTER TABLE lots DROP review_id;
ALTER TABLE lot_movements DROP review_id;
ALTER TABLE lot_reinstatements DROP review_id;
DROP TRIGGER review_decisions_second_person ON review_decisions;
ALTER TABLE review_decisions DROP CONSTRAINT review_decisions_two_people,
    DROP CONSTRAINT review_decisions_named, DROP confirmed_by;
DROP TABLE review_acts;
DROP TRIGGER reviews_second_person ON reviews;
ALTER TABLE reviews DROP second_person;
DROP FUNCTION the_decision, check_second_person, guard_review_act, stamp_second_person,
    person_key, second_person_limit;
DROP TABLE desk_policies;
