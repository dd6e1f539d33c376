-- migrate:up

-- What was decided about a lost dispute before, with the holds that it placed and lifted.
ALTER TABLE client_holds DISABLE TRIGGER USER;
ALTER TABLE client_hold_releases DISABLE TRIGGER USER;
UPDATE client_hold_releases l SET review_id = r.review_id
FROM client_holds h, reviews r JOIN review_decisions d USING (review_id)
WHERE l.review_id IS NULL AND h.hold_id = l.hold_id AND h.kind = 'dispute'
    AND r.code = 'DISPUTE_LOST' AND d.decision ->> 'choice' = 'rebill'
    AND r.case_id = 'dispute/' || h.placed_by || '/' || h.reason
    AND (l.released_by, l.released_at) = (d.decided_by, d.decided_at);
UPDATE client_holds h SET review_id = r.review_id
FROM reviews r JOIN review_decisions d USING (review_id)
WHERE h.review_id IS NULL AND h.kind = 'exclusion' AND h.reason = 'lost dispute'
    AND r.code = 'DISPUTE_LOST' AND d.decision ->> 'choice' = 'block'
    AND h.client_id = r.client_id AND (h.placed_by, h.placed_at) = (d.decided_by, d.decided_at);
ALTER TABLE client_holds ENABLE TRIGGER USER;
ALTER TABLE client_hold_releases ENABLE TRIGGER USER;

-- migrate:down
-- What is known stays.
SELECT;
