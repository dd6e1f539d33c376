-- migrate:up

-- Who pays for a client besides themselves, as a named person has decided it. `payer_ref` is our
-- id of another client, or the processor's of a customer who is none. A link whose decision was
-- taken back is none.
CREATE TABLE client_payers (
    client_id text NOT NULL,
    payer_ref text NOT NULL,
    linked_by text NOT NULL CHECK (person_key(linked_by) <> ''),
    review_id text NOT NULL REFERENCES review_decisions,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (client_id, payer_ref, review_id)
);
CREATE TRIGGER client_payers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON client_payers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What the PMS showed of the same visit when it was priced: its tax, the package units it drew.
ALTER TABLE drafts ADD pms_side jsonb;

-- migrate:down
ALTER TABLE drafts DROP pms_side;
DROP TABLE client_payers;
