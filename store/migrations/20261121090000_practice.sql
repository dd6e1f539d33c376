-- migrate:up

-- One function refuses every change to a table that only ever grows.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TABLE write_guards (
    key text PRIMARY KEY,
    input_hash text NOT NULL,
    result jsonb,
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at timestamptz
);

CREATE FUNCTION guard_write_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.result IS NOT NULL OR NEW.result IS NULL OR NEW.key <> OLD.key
        OR NEW.input_hash <> OLD.input_hash OR NEW.claimed_at <> OLD.claimed_at THEN
        RAISE EXCEPTION 'write guard % takes one result and nothing else', OLD.key
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER write_guards_one_result BEFORE UPDATE ON write_guards
    FOR EACH ROW EXECUTE FUNCTION guard_write_guard();
CREATE TRIGGER write_guards_keep BEFORE DELETE OR TRUNCATE ON write_guards
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE locations (
    location_id text PRIMARY KEY,
    practice_name text NOT NULL,
    pms text NOT NULL,
    pms_location_ref text NOT NULL,
    zone text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    desk_email text NOT NULL,
    reply_phone text,
    chase jsonb NOT NULL,
    clock_shift_seconds bigint NOT NULL DEFAULT 0,
    switches jsonb NOT NULL DEFAULT '{}',
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (pms, pms_location_ref)
);

CREATE TABLE switch_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    location_id text NOT NULL REFERENCES locations,
    name text NOT NULL CHECK (name IN ('build', 'send', 'chase', 'reconcile')),
    state text NOT NULL CHECK (state IN ('live', 'shadow', 'off')),
    changed_by text NOT NULL,
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX switch_changes_location ON switch_changes (location_id, change_id);
CREATE TRIGGER switch_changes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON switch_changes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE catalogs (
    location_id text NOT NULL REFERENCES locations,
    version int NOT NULL CHECK (version >= 1),
    body jsonb NOT NULL,
    body_hash text NOT NULL,
    put_by text NOT NULL,
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (location_id, version)
);
CREATE TRIGGER catalogs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON catalogs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE clients (
    client_id text PRIMARY KEY,
    location_id text NOT NULL REFERENCES locations,
    pms text NOT NULL,
    pms_client_ref text NOT NULL,
    sealed_contact bytea,
    contact_digest bytea,
    phone_digest bytea,
    email_digest bytea,
    contact_basis text NOT NULL DEFAULT 'pms_contact',
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (location_id, pms, pms_client_ref)
);
CREATE INDEX clients_phone ON clients (phone_digest);
CREATE INDEX clients_email ON clients (email_digest);

-- migrate:down
DROP TABLE clients, catalogs, switch_changes, locations, write_guards;
DROP FUNCTION guard_write_guard, refuse_change;
