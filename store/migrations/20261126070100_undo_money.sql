-- migrate:up

-- Which decision took a movement where it is, explained one, placed a hold or lifted one: what
-- takes a decision back finds it by that.
ALTER TABLE refund_facts ADD review_id text DEFAULT the_decision();
ALTER TABLE refunds ADD review_id text DEFAULT the_decision();
ALTER TABLE client_holds ADD review_id text DEFAULT the_decision();
ALTER TABLE client_hold_releases ADD review_id text DEFAULT the_decision();
CREATE INDEX refund_facts_review ON refund_facts (review_id) WHERE review_id IS NOT NULL;
CREATE INDEX refunds_review ON refunds (review_id) WHERE review_id IS NOT NULL;
CREATE INDEX client_holds_review ON client_holds (review_id) WHERE review_id IS NOT NULL;
CREATE INDEX client_hold_releases_review ON client_hold_releases (review_id)
    WHERE review_id IS NOT NULL;

-- What was decided before is found by the movement that its question names.
ALTER TABLE refund_facts DISABLE TRIGGER USER;
ALTER TABLE refunds DISABLE TRIGGER USER;
UPDATE refund_facts f SET review_id = r.review_id
FROM reviews r JOIN review_decisions d USING (review_id)
WHERE f.state = 'canceled' AND r.shown ->> 'move' = f.move_id
    AND d.decision ->> 'choice' IN ('pay_again', 'by_hand', 'refund_to_credit');
UPDATE refunds f SET review_id = r.review_id
FROM refund_moves m JOIN reviews r ON r.shown ->> 'move' = m.move_id
JOIN review_decisions d USING (review_id)
WHERE m.refund_id = f.refund_id
    AND d.decision ->> 'choice' IN ('allow', 'post_now', 'owe_again', 'link', 'accept');
ALTER TABLE refund_facts ENABLE TRIGGER USER;
ALTER TABLE refunds ENABLE TRIGGER USER;

-- How a canceled movement stood before the decision that canceled it, once that was taken back.
CREATE FUNCTION refund_state_before(ended text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT (SELECT state FROM refund_facts earlier
            WHERE earlier.move_id = ended AND earlier.recorded_at < last.recorded_at
            ORDER BY recorded_at DESC LIMIT 1)
    FROM (SELECT * FROM refund_facts WHERE move_id = ended
          ORDER BY recorded_at DESC LIMIT 1) AS last
    JOIN review_undos USING (review_id) WHERE last.state = 'canceled'
$$;
CREATE FUNCTION refund_is_taken_back(decided text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM refunds JOIN review_undos USING (review_id)
                   WHERE refund_id = decided)
$$;
-- Whether whatever was decided about a lost dispute was taken back.
CREATE FUNCTION loss_is_taken_back(of text, lost text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(bool_and(u.review_id IS NOT NULL), false)
    FROM reviews r JOIN review_decisions USING (review_id) LEFT JOIN review_undos u USING (review_id)
    WHERE code = 'DISPUTE_LOST' AND case_id = 'dispute/' || of || '/' || lost
$$;

-- One step back is left: that of a person who takes a decision back.
CREATE OR REPLACE FUNCTION guard_refund_move() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    brought bigint;
    back bigint;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (to_jsonb(NEW) - '{state,code,object_id,refund_id,payment_id,client_id,location_id}'::text[])
            <> (to_jsonb(OLD) - '{state,code,object_id,refund_id,payment_id,client_id,location_id}'::text[])
            OR (refund_rank(NEW.state) < refund_rank(OLD.state)
                AND NEW.state IS DISTINCT FROM refund_state_before(OLD.move_id))
            OR (NEW.state = 'canceled' AND OLD.state NOT IN ('owed', 'returned', 'canceled'))
            OR (OLD.object_id IS NOT NULL AND NEW.object_id IS DISTINCT FROM OLD.object_id)
            OR (OLD.refund_id IS NOT NULL AND NEW.refund_id IS DISTINCT FROM OLD.refund_id
                AND NOT (NEW.refund_id IS NULL AND refund_is_taken_back(OLD.refund_id)))
            OR (OLD.payment_id IS NOT NULL
                AND (NEW.payment_id, NEW.client_id, NEW.location_id)
                IS DISTINCT FROM (OLD.payment_id, OLD.client_id, OLD.location_id)) THEN
            RAISE EXCEPTION 'refund % only moves forward', OLD.move_id
                USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    IF NEW.state = 'owed' AND NEW.payment_id IS NOT NULL
        AND (TG_OP = 'INSERT' OR OLD.state = 'canceled') THEN
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

CREATE OR REPLACE FUNCTION guard_dispute() RETURNS trigger LANGUAGE plpgsql AS $$
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
            IS DISTINCT FROM (OLD.outcome, OLD.outcome_by)
            AND NOT (NEW.outcome IS NULL AND loss_is_taken_back(OLD.source, OLD.dispute_id))) THEN
        RAISE EXCEPTION 'dispute % only moves forward', OLD.dispute_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- migrate:down
CREATE OR REPLACE FUNCTION guard_dispute() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION guard_refund_move() RETURNS trigger LANGUAGE plpgsql AS $$
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

DROP FUNCTION loss_is_taken_back, refund_is_taken_back, refund_state_before;
ALTER TABLE client_hold_releases DROP review_id;
ALTER TABLE client_holds DROP review_id;
ALTER TABLE refunds DROP review_id;
ALTER TABLE refund_facts DROP review_id;
