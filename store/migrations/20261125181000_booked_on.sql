-- migrate:up

-- The day on which something is booked: its own, or the first open one after a closed month.
-- Without a day it is the location's own today.
CREATE FUNCTION open_day(place text, day date) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT greatest(
        coalesce(day, (SELECT (now() + clock_shift_seconds * interval '1 second')
            AT TIME ZONE zone FROM locations WHERE location_id = place)::date,
            (now() AT TIME ZONE 'UTC')::date),
        (SELECT max(closed_until) + 1 FROM period_closes WHERE location_id = place))
$$;

ALTER TABLE documents ADD booked_on date;
ALTER TABLE lots ADD booked_on date;
ALTER TABLE lot_movements ADD booked_on date;
ALTER TABLE payment_allocations ADD booked_on date;

-- What is there already is dated once, from its entry where one names it.
ALTER TABLE documents DISABLE TRIGGER USER;
ALTER TABLE lots DISABLE TRIGGER USER;
ALTER TABLE lot_movements DISABLE TRIGGER USER;
ALTER TABLE payment_allocations DISABLE TRIGGER USER;
UPDATE documents d SET booked_on = coalesce(
    (SELECT effective_on FROM ledger_entries
     WHERE business_key IN ('issued|' || document_id, 'amended|' || document_id) LIMIT 1),
    (issued_at AT TIME ZONE zone)::date)
FROM locations l WHERE l.location_id = d.location_id;
UPDATE lots SET booked_on = coalesce(
    (SELECT booked_on FROM documents WHERE document_id = lots.source),
    (SELECT effective_on FROM ledger_entries WHERE business_key = 'opening|' || lots.lot_id),
    (lots.recorded_at AT TIME ZONE zone)::date)
FROM locations l WHERE l.location_id = lots.location_id;
UPDATE lot_movements m SET booked_on = coalesce(
    (SELECT booked_on FROM documents WHERE document_id = m.document_id),
    (m.recorded_at AT TIME ZONE zone)::date)
FROM lots JOIN locations USING (location_id) WHERE lots.lot_id = m.lot_id;
UPDATE payment_allocations a SET booked_on = coalesce(
    (SELECT (a.recorded_at AT TIME ZONE zone)::date FROM payments JOIN locations
     USING (location_id) WHERE payment_id = a.payment_id),
    (a.recorded_at AT TIME ZONE 'UTC')::date);
ALTER TABLE documents ENABLE TRIGGER USER;
ALTER TABLE lots ENABLE TRIGGER USER;
ALTER TABLE lot_movements ENABLE TRIGGER USER;
ALTER TABLE payment_allocations ENABLE TRIGGER USER;

ALTER TABLE documents ALTER booked_on SET NOT NULL;
ALTER TABLE lots ALTER booked_on SET NOT NULL;
ALTER TABLE lot_movements ALTER booked_on SET NOT NULL;
ALTER TABLE payment_allocations ALTER booked_on SET NOT NULL;

CREATE FUNCTION date_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.booked_on := open_day(NEW.location_id, (NEW.issued_at AT TIME ZONE
        (SELECT zone FROM locations WHERE location_id = NEW.location_id))::date);
    RETURN NEW;
END $$;
CREATE TRIGGER documents_dated BEFORE INSERT ON documents
    FOR EACH ROW EXECUTE FUNCTION date_document();

CREATE FUNCTION date_lot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.booked_on := open_day(NEW.location_id, coalesce(NEW.booked_on,
        (NEW.purchased_at AT TIME ZONE
            (SELECT zone FROM locations WHERE location_id = NEW.location_id))::date));
    RETURN NEW;
END $$;
CREATE TRIGGER lots_dated BEFORE INSERT ON lots FOR EACH ROW EXECUTE FUNCTION date_lot();

CREATE FUNCTION date_lot_movement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.booked_on := open_day(
        (SELECT location_id FROM lots WHERE lot_id = NEW.lot_id), NEW.booked_on);
    RETURN NEW;
END $$;
CREATE TRIGGER lot_movements_dated BEFORE INSERT ON lot_movements
    FOR EACH ROW EXECUTE FUNCTION date_lot_movement();

CREATE FUNCTION date_allocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.booked_on := open_day(
        (SELECT location_id FROM payments WHERE payment_id = NEW.payment_id), NEW.booked_on);
    RETURN NEW;
END $$;
CREATE TRIGGER payment_allocations_dated BEFORE INSERT ON payment_allocations
    FOR EACH ROW EXECUTE FUNCTION date_allocation();

-- A lot also ends by being refunded or by expiring; `document_id` is then what decided so.
ALTER TABLE lot_movements DROP CONSTRAINT lot_movements_kind_check,
    DROP CONSTRAINT lot_movements_sign, DROP CONSTRAINT lot_movements_document,
    ADD CONSTRAINT lot_movements_kind_check
        CHECK (kind IN ('reserve', 'release', 'draw', 'return', 'refund', 'expire')),
    ADD CONSTRAINT lot_movements_sign CHECK (CASE WHEN kind IN ('release', 'return')
        THEN quantity >= 0 AND cents >= 0 ELSE quantity <= 0 AND cents <= 0 END),
    ADD CONSTRAINT lot_movements_document CHECK
        ((kind IN ('reserve', 'release')) = (document_id IS NULL));

-- Another last day for a lot, by a person or by a membership's cap; the newest one counts.
CREATE TABLE lot_expiries (
    expiry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot_id text NOT NULL REFERENCES lots,
    expires_on date NOT NULL,
    set_by text NOT NULL,
    reason text NOT NULL,
    act_id text NOT NULL UNIQUE,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX lot_expiries_lot ON lot_expiries (lot_id, expiry_id DESC);
CREATE TRIGGER lot_expiries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lot_expiries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE lot_expiries;
ALTER TABLE lot_movements DROP CONSTRAINT lot_movements_kind_check,
    DROP CONSTRAINT lot_movements_sign, DROP CONSTRAINT lot_movements_document,
    ADD CONSTRAINT lot_movements_kind_check CHECK
        (kind IN ('reserve', 'release', 'draw', 'return')),
    ADD CONSTRAINT lot_movements_sign CHECK (CASE WHEN kind IN ('reserve', 'draw')
        THEN quantity <= 0 AND cents <= 0 ELSE quantity >= 0 AND cents >= 0 END),
    ADD CONSTRAINT lot_movements_document CHECK
        ((kind IN ('draw', 'return')) = (document_id IS NOT NULL));
ALTER TABLE documents DROP booked_on;
ALTER TABLE lots DROP booked_on;
ALTER TABLE lot_movements DROP booked_on;
ALTER TABLE payment_allocations DROP booked_on;
DROP FUNCTION date_document, date_lot, date_lot_movement, date_allocation CASCADE;
DROP FUNCTION open_day;
