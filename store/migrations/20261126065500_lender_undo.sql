-- migrate:up

-- What a lender's part stands at: bookings whose entry no person has taken back (F6).
CREATE VIEW standing_lender_bookings AS
SELECT * FROM lender_bookings b WHERE NOT EXISTS (
    SELECT FROM ledger_entries e JOIN ledger_entries c ON c.business_key = 'undo|' || e.entry_id
    WHERE e.business_key = b.business_key);

-- migrate:down
DROP VIEW standing_lender_bookings;
