-- migrate:up

-- The end of a case is kept by the step that ends it, which may be repeated: one row for each.
ALTER TABLE case_closings ADD business_key text NOT NULL UNIQUE;

-- migrate:down
ALTER TABLE case_closings DROP business_key;
