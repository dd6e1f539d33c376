-- migrate:up

CREATE TABLE lots (
    lot_id text PRIMARY KEY,
    client_id text NOT NULL REFERENCES clients,
    location_id text NOT NULL REFERENCES locations,
    kind text NOT NULL CHECK (kind IN ('unit', 'membership_credit', 'promotional_credit',
        'gift_card', 'deposit', 'account_credit', 'points')),
    skus text[] NOT NULL DEFAULT '{}',
    classes text[] NOT NULL DEFAULT '{}',
    tier text,
    source text NOT NULL,
    package_sku text,
    opening_quantity numeric NOT NULL CHECK (opening_quantity >= 0),
    opening_cents bigint NOT NULL CHECK (opening_cents >= 0),
    paid_cents bigint CHECK (paid_cents >= 0),
    purchased_at timestamptz NOT NULL,
    expires_on date,
    grace_days int NOT NULL DEFAULT 0,
    content_hash text NOT NULL,
    remaining_quantity numeric NOT NULL,
    remaining_cents bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (lot_id, client_id),
    CONSTRAINT lots_quantity_bounds CHECK (remaining_quantity BETWEEN 0 AND opening_quantity),
    CONSTRAINT lots_cents_bounds CHECK (remaining_cents BETWEEN 0 AND opening_cents),
    CONSTRAINT lots_money_has_no_quantity CHECK (kind = 'unit' OR opening_quantity = 0)
);
CREATE INDEX lots_client ON lots (client_id);

-- A movement's deltas are signed: reserve and draw take, release and return give back.
CREATE TABLE lot_movements (
    movement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot_id text NOT NULL,
    client_id text NOT NULL,
    case_id text NOT NULL,
    document_id text,
    kind text NOT NULL CHECK (kind IN ('reserve', 'release', 'draw', 'return')),
    quantity numeric NOT NULL,
    cents bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (lot_id, client_id) REFERENCES lots (lot_id, client_id),
    CONSTRAINT lot_movements_sign CHECK (CASE WHEN kind IN ('reserve', 'draw')
        THEN quantity <= 0 AND cents <= 0 ELSE quantity >= 0 AND cents >= 0 END),
    CONSTRAINT lot_movements_not_empty CHECK (quantity <> 0 OR cents <> 0),
    CONSTRAINT lot_movements_document CHECK
        ((kind IN ('draw', 'return')) = (document_id IS NOT NULL))
);
CREATE INDEX lot_movements_lot ON lot_movements (lot_id, case_id);
CREATE INDEX lot_movements_case ON lot_movements (case_id);

CREATE TABLE lot_reinstatements (
    lot_id text NOT NULL REFERENCES lots,
    reinstated_by text NOT NULL,
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX lot_reinstatements_lot ON lot_reinstatements (lot_id);

CREATE FUNCTION new_lot_is_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.remaining_quantity := NEW.opening_quantity;
    NEW.remaining_cents := NEW.opening_cents;
    RETURN NEW;
END $$;
CREATE TRIGGER lots_start_full BEFORE INSERT ON lots
    FOR EACH ROW EXECUTE FUNCTION new_lot_is_full();

-- Only the movements' own trigger moves a remainder; only `paid_cents` changes otherwise.
CREATE FUNCTION guard_lot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - '{remaining_quantity,remaining_cents,paid_cents}'::text[])
        <> (to_jsonb(OLD) - '{remaining_quantity,remaining_cents,paid_cents}'::text[])
        OR (pg_trigger_depth() < 2 AND (NEW.remaining_quantity, NEW.remaining_cents)
            <> (OLD.remaining_quantity, OLD.remaining_cents)) THEN
        RAISE EXCEPTION 'lot % changes through its movements alone', OLD.lot_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lots_guard BEFORE UPDATE ON lots FOR EACH ROW EXECUTE FUNCTION guard_lot();
CREATE TRIGGER lots_keep BEFORE DELETE OR TRUNCATE ON lots
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION apply_lot_movements() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    UPDATE lots SET remaining_quantity = remaining_quantity + moved.quantity,
                    remaining_cents = remaining_cents + moved.cents
    FROM (SELECT lot_id, sum(quantity) AS quantity, sum(cents)::bigint AS cents
          FROM added GROUP BY lot_id) AS moved
    WHERE lots.lot_id = moved.lot_id AND (moved.quantity <> 0 OR moved.cents <> 0);
    -- A case gives back what it took itself, never what another case took.
    SELECT m.lot_id INTO wrong
    FROM lot_movements m
    JOIN (SELECT DISTINCT lot_id, case_id FROM added) AS a USING (lot_id, case_id)
    GROUP BY m.lot_id, m.case_id, m.kind IN ('reserve', 'release')
    HAVING sum(m.quantity) > 0 OR sum(m.cents) > 0
    LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'a case returns more to lot % than it took', wrong
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER lot_movements_apply AFTER INSERT ON lot_movements
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION apply_lot_movements();
CREATE TRIGGER lot_movements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lot_movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER lot_reinstatements_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON lot_reinstatements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE memberships (
    client_id text NOT NULL REFERENCES clients,
    tier text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'suspended', 'past_due', 'cancelled')),
    since timestamptz NOT NULL,
    until timestamptz CHECK (until > since),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (client_id, tier, since)
);

-- migrate:down
DROP TABLE memberships, lot_reinstatements, lot_movements, lots;
DROP FUNCTION apply_lot_movements, guard_lot, new_lot_is_full;
