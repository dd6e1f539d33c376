-- migrate:up

-- What a visit owes goes down by an exact match or by a named person, whoever writes (F2): by
-- what an amended chart costs less, by the part of a payment that was applied, when a plan makes
-- instalments of it, or by a decision.
CREATE FUNCTION guard_receivable() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    key text;
    word text;
    decided text;
    matched_cents bigint;
BEGIN
    SELECT business_key, split_part(business_key, '|', 1), review_id INTO key, word, decided
    FROM ledger_entries WHERE entry_id = NEW.entry_id;
    IF EXISTS (SELECT FROM review_decisions WHERE review_id = decided) THEN
        RETURN NULL;
    END IF;
    CASE word
    WHEN 'amended' THEN
        SELECT -change_due_cents INTO matched_cents FROM documents
        WHERE document_id = split_part(key, '|', 2) AND case_id = NEW.case_id;
    WHEN 'received' THEN
        SELECT sum(a.amount_cents) INTO matched_cents
        FROM payments JOIN payment_allocations a USING (payment_id)
        WHERE payment_id = split_part(key, '|', 3) AND state = 'paid'
            AND a.case_id = NEW.case_id AND review_id IS NULL;
    WHEN 'plan-signed' THEN
        SELECT sum(debit_cents) INTO matched_cents FROM ledger_postings
        WHERE entry_id = NEW.entry_id AND account = '1105' AND case_id = NEW.case_id;
    ELSE
        matched_cents := NULL;
    END CASE;
    IF matched_cents IS DISTINCT FROM NEW.credit_cents THEN
        RAISE EXCEPTION 'entry % takes % cents off what is owed: no exact match and nobody''s name',
            NEW.entry_id, NEW.credit_cents USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
-- At the commit: a payment's part is written after its entry.
CREATE CONSTRAINT TRIGGER ledger_postings_receivable AFTER INSERT ON ledger_postings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.account = '1100' AND NEW.credit_cents > 0)
    EXECUTE FUNCTION guard_receivable();

-- migrate:down
DROP TRIGGER ledger_postings_receivable ON ledger_postings;
DROP FUNCTION guard_receivable;
