-- migrate:up

-- Words that wait for a person, from a number that no client had. A client who turns out to have
-- it is silent until they are answered.
CREATE TABLE unknown_senders (
    inbox_id text PRIMARY KEY REFERENCES inbox,
    phone_digest bytea NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL,
    answered_at timestamptz
);
CREATE INDEX unknown_senders_waiting ON unknown_senders (phone_digest) WHERE answered_at IS NULL;

-- migrate:down
DROP TABLE unknown_senders;
