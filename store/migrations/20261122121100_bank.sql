-- migrate:up

-- Lines of the bank's statement. The bank's words can name a person, so they are sealed.
CREATE TABLE bank_lines (
    line_id text PRIMARY KEY,
    on_date date NOT NULL,
    amount_cents bigint NOT NULL CHECK (amount_cents <> 0),
    sealed_words bytea NOT NULL,
    imported_by text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER bank_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A payout reaches the bank once, and leaves it again at most once: `leg` is in or back.
CREATE TABLE bank_payouts (
    line_id text PRIMARY KEY REFERENCES bank_lines,
    source text NOT NULL,
    payout_id text NOT NULL,
    leg text NOT NULL CHECK (leg IN ('in', 'back')),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (source, payout_id, leg),
    FOREIGN KEY (source, payout_id) REFERENCES payouts
);
CREATE TRIGGER bank_payouts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_payouts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE bank_payouts, bank_lines;
