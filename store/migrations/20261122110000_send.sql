-- migrate:up

-- When the balance was last read before the hand-off, and which words went out.
ALTER TABLE touchpoints
    ADD COLUMN message_class text NOT NULL DEFAULT 'billing'
        CHECK (message_class IN ('billing', 'care', 'marketing')),
    ADD COLUMN checked_at timestamptz,
    ADD COLUMN words text;

-- migrate:down
ALTER TABLE touchpoints DROP COLUMN message_class, DROP COLUMN checked_at, DROP COLUMN words;
