-- migrate:up

-- Which answer a payout was accepted by, and how often an accepted one was taken back (F6).
ALTER TABLE payouts ADD accepted_review text REFERENCES review_decisions,
    ADD undone int NOT NULL DEFAULT 0;

CREATE OR REPLACE FUNCTION guard_payout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A person takes the acceptance back: the payout is as it was before, and counts that once.
    IF NEW.undone = OLD.undone + 1 AND OLD.settled_state = 'paid' AND NEW.state = 'paid'
        AND num_nonnulls(NEW.settled_state, NEW.shares, NEW.accepted_review, NEW.accepted_by) = 0
        AND (NEW.source, NEW.payout_id, NEW.location_id, NEW.currency, NEW.automatic)
            = (OLD.source, OLD.payout_id, OLD.location_id, OLD.currency, OLD.automatic)
        AND EXISTS (SELECT FROM review_undos WHERE review_id = OLD.accepted_review) THEN
        RETURN NEW;
    END IF;
    IF (NEW.source, NEW.payout_id, NEW.location_id, NEW.currency, NEW.automatic, NEW.undone)
        <> (OLD.source, OLD.payout_id, OLD.location_id, OLD.currency, OLD.automatic, OLD.undone)
        OR payout_rank(NEW.state) < payout_rank(OLD.state)
        OR payout_rank(NEW.settled_state) < payout_rank(OLD.settled_state)
        OR (OLD.settled_state IS NOT NULL AND NEW.settled_state IS NULL)
        OR (OLD.shares IS NOT NULL AND NEW.shares IS DISTINCT FROM OLD.shares)
        OR (OLD.accepted_by IS NOT NULL AND OLD.settled_state IS NOT NULL
            AND (NEW.accepted_by, NEW.accepted_cents, NEW.accepted_review)
                IS DISTINCT FROM (OLD.accepted_by, OLD.accepted_cents, OLD.accepted_review)) THEN
        RAISE EXCEPTION 'payout % only moves forward', OLD.payout_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- migrate:down
CREATE OR REPLACE FUNCTION guard_payout() RETURNS trigger LANGUAGE plpgsql AS $$
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
ALTER TABLE payouts DROP accepted_review, DROP undone;
