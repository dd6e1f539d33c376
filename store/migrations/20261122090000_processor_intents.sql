-- migrate:up

-- Which invoice a processor's payment intent was applied to, as its own event said. An intent
-- that is here is not loose money. No case column: the invoice may be nobody's.
CREATE TABLE processor_intents (
    processor_intent_id text PRIMARY KEY,
    processor_invoice_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- migrate:down
DROP TABLE processor_intents;
