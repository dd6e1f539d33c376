"""Which records the books hold of what a payment paid: for a bank that asks. Days and ids alone."""

from datetime import date

from domain.evidence import Held
from store.db import Conn

_HELD = """
WITH paid AS (SELECT DISTINCT case_id FROM payment_allocations WHERE payment_id = $1),
visits AS (SELECT d.* FROM documents d JOIN paid USING (case_id)),
charts AS (
    SELECT DISTINCT ON (case_id) case_id, (chart ->> 'service_at')::timestamptz AS at
    FROM drafts JOIN paid USING (case_id) WHERE status = 'issued'
    ORDER BY case_id, draft_id DESC
)
SELECT 'chart' AS kind, (at AT TIME ZONE $2)::date AS "on", split_part(case_id, '/', 4) AS reference
FROM charts
UNION ALL SELECT 'invoice', (issued_at AT TIME ZONE $2)::date, number FROM visits
UNION ALL SELECT 'message', t.local_date, t.channel || '-' || t.step || '-' || t.state
FROM touchpoints t JOIN paid USING (case_id) WHERE t.state IN ('accepted', 'delivered')
UNION ALL SELECT 'consent', (c.recorded_at AT TIME ZONE $2)::date, c.channel || '-' || c.scope
FROM consent_events c WHERE c.allowed AND c.client_id IN (SELECT client_id FROM visits)
UNION ALL SELECT 'payment', (occurred_at AT TIME ZONE $2)::date, kind
FROM payments WHERE payment_id = $1
"""


async def of_payment(conn: Conn, payment_id: str, zone: str) -> tuple[date | None, list[Held]]:
    """The day of the (last) service that it paid, and what the practice holds about it."""
    rows = await conn.fetch(_HELD, payment_id, zone)
    held = [Held.model_validate(dict(row)) for row in rows]
    return max((one.on for one in held if one.kind == "chart"), default=None), held
