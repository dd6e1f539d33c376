-- migrate:up
ALTER TABLE locations ADD COLUMN postal_address text;
COMMENT ON COLUMN locations.postal_address IS 'Named in advertising (CAN-SPAM); without it none goes.';

-- migrate:down
ALTER TABLE locations DROP COLUMN postal_address;
