-- migrate:up

-- To whom and in which words a message was handed over, sealed, while nobody knows what became of
-- it: the client's number may have changed by the time of the look-up. Gone once that is known.
CREATE TABLE handovers (
    message_key text PRIMARY KEY REFERENCES touchpoints,
    client_id text NOT NULL REFERENCES clients,
    sealed bytea NOT NULL
);
CREATE INDEX handovers_client ON handovers (client_id);

-- migrate:down
DROP TABLE handovers;
