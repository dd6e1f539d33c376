-- migrate:up

-- When it was said, where that is not when it was written down: a redriven START is an old one.
ALTER TABLE address_events ADD COLUMN given_at timestamptz;

-- migrate:down
ALTER TABLE address_events DROP COLUMN given_at;
