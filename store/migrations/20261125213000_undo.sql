-- migrate:up

-- A decision of two people is taken back by two: one proposes, another confirms.
CREATE TABLE review_undo_proposals (
    review_id text PRIMARY KEY REFERENCES review_decisions,
    proposed_by text NOT NULL CHECK (person_key(proposed_by) <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    proposed_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER review_undo_proposals_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON review_undo_proposals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE review_undos ADD confirmed_by text;
ALTER TABLE review_undos ADD CONSTRAINT review_undos_two_people
    CHECK (person_key(confirmed_by) <> '' AND person_key(confirmed_by) <> person_key(undone_by));

CREATE FUNCTION guard_review_undo() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place text;
BEGIN
    SELECT location_id INTO place FROM reviews WHERE review_id = NEW.review_id FOR UPDATE;
    IF NEW.confirmed_by IS NULL OR NOT EXISTS (
        SELECT FROM review_undo_proposals p WHERE p.review_id = NEW.review_id
            AND person_key(p.proposed_by) = person_key(NEW.undone_by)) THEN
        PERFORM FROM review_decisions WHERE review_id = NEW.review_id AND confirmed_by IS NULL;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'decision % is taken back by two people', NEW.review_id
                USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    -- The lock keeps a month from being signed between this look and the commit.
    PERFORM pg_advisory_xact_lock_shared(period_lock(place));
    IF decision_is_closed(NEW.review_id) THEN
        RAISE EXCEPTION 'decision % is of a closed month', NEW.review_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- Whether a month was signed that holds an entry of the decision or, without one, its day.
CREATE FUNCTION decision_is_closed(decided text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT min(effective_on) FROM ledger_entries e
                     WHERE e.review_id = decided AND corrects IS NULL),
                    (decided_at AT TIME ZONE zone)::date)
        <= (SELECT max(closed_until) FROM period_closes c WHERE c.location_id = r.location_id)
    FROM reviews r JOIN review_decisions USING (review_id) JOIN locations l
        ON l.location_id = r.location_id WHERE r.review_id = decided
$$;
CREATE TRIGGER review_undos_guard BEFORE INSERT ON review_undos
    FOR EACH ROW EXECUTE FUNCTION guard_review_undo();

-- migrate:down
DROP TRIGGER review_undos_guard ON review_undos;
DROP FUNCTION guard_review_undo, decision_is_closed;
ALTER TABLE review_undos DROP CONSTRAINT review_undos_two_people, DROP confirmed_by;
DROP TABLE review_undo_proposals;
