-- migrate:up

-- A month that somebody signed off. It is never opened again; months are closed in order.
CREATE TABLE period_closes (
    location_id text NOT NULL REFERENCES locations,
    month date NOT NULL CHECK (extract(day FROM month) = 1),
    closed_until date GENERATED ALWAYS AS
        ((month + interval '1 month' - interval '1 day')::date) STORED,
    signed_by text NOT NULL CHECK (signed_by <> ''),
    reason text NOT NULL,
    limit_cents bigint NOT NULL CHECK (limit_cents >= 0),
    off_cents bigint NOT NULL CHECK (off_cents >= 0),
    open_above_limit int NOT NULL CHECK (open_above_limit >= 0),
    figures jsonb NOT NULL,
    signed_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (location_id, month),
    CONSTRAINT period_closes_signed_with_reason
        CHECK ((off_cents = 0 AND open_above_limit = 0) OR reason <> '')
);
CREATE TRIGGER period_closes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON period_closes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Who closes waits for every entry under way, and entries wait for who closes.
CREATE FUNCTION period_lock(location_id text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended('period|' || location_id, 0)
$$;

CREATE FUNCTION guard_period_close() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    until date;
BEGIN
    PERFORM pg_advisory_xact_lock(period_lock(NEW.location_id));
    SELECT max(closed_until) INTO until FROM period_closes WHERE location_id = NEW.location_id;
    IF until IS NOT NULL AND NEW.month <> until + 1 THEN
        RAISE EXCEPTION 'months are closed in order: after % comes %',
            to_char(until, 'YYYY-MM'), to_char(until + 1, 'YYYY-MM')
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER period_closes_in_order BEFORE INSERT ON period_closes
    FOR EACH ROW EXECUTE FUNCTION guard_period_close();

-- The day of the fact, where its own month was closed: then the entry is an adjustment.
ALTER TABLE ledger_entries ADD fact_on date
    CONSTRAINT ledger_entries_adjusts_the_past CHECK (fact_on < effective_on);
CREATE INDEX ledger_entries_adjustments ON ledger_entries (location_id, effective_on)
    WHERE fact_on IS NOT NULL;

CREATE FUNCTION refuse_closed_period() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(period_lock(location_id))
    FROM (SELECT DISTINCT location_id FROM added ORDER BY location_id) AS places;
    SELECT added.entry_id, added.effective_on INTO wrong FROM added
    JOIN period_closes USING (location_id) WHERE added.effective_on <= closed_until LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % of % falls into a closed month', wrong.entry_id,
            wrong.effective_on USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entries_open_period AFTER INSERT ON ledger_entries
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_closed_period();

-- migrate:down
DROP TRIGGER ledger_entries_open_period ON ledger_entries;
ALTER TABLE ledger_entries DROP fact_on;
DROP TABLE period_closes;
DROP FUNCTION refuse_closed_period, guard_period_close, period_lock;
