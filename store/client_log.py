"""Everything that happened to one client, from every book, in the order in which it was written."""

from pydantic import AwareDatetime

from domain.model import Record
from store.db import Conn


class LogRow(Record):
    """One fact. `at` is wall time; what the other fields mean follows from `source`.

    message: name = step, detail = channel, version = template, words = template, language and
    detail level, day = days since the invoice. answer (a due step that was not sent): name = step,
    state = answer, detail = rule, version = policy, until = when it is looked at again.
    hold: name = kind, until = last civil day of silence. received: name = event type, detail =
    vendor. question, decision, reminder: name = code. payment: name = kind. ledger: name = event,
    cents = change of what the client owes. document: name = number, version = price book. draft:
    state alone. consent: name = scope, detail = channel, words = detail level, until = when the
    client said it. templates: version = what was replaced, name = by which one. address: detail =
    channel. checkout: name = where it was paid, cents = amount chosen. action: name = what the
    desk did.
    """

    at: AwareDatetime
    source: str
    name: str | None = None
    state: str | None = None
    detail: str | None = None
    reason: str | None = None
    by: str | None = None
    version: int | None = None
    day: int | None = None
    cents: int | None = None
    case_id: str | None = None
    ref: str | None = None
    until: str | None = None
    """ISO 8601: an instant in UTC, or a civil day."""
    words: str | None = None


_COLUMNS = (
    "at, source, name, state, detail, reason, by, version, day, cents, case_id, ref, until, words"
)
_INSTANT = 'YYYY-MM-DD"T"HH24:MI:SS"Z"'

_LOG = f"""
WITH cases AS (
    SELECT case_id FROM documents WHERE client_id = $1
    UNION SELECT case_id FROM reviews WHERE client_id = $1 AND starts_with(case_id, 'visit/')
    UNION SELECT case_id FROM touchpoints WHERE client_id = $1
), money AS (
    SELECT * FROM payments p WHERE client_id = $1 OR case_id IN (SELECT case_id FROM cases)
        OR EXISTS (SELECT FROM payment_allocations a JOIN cases c ON c.case_id = a.case_id
            WHERE a.payment_id = p.payment_id)
), told AS (
    -- Money that came without a reference has a case of its own, named by the payment.
    SELECT case_id FROM cases UNION SELECT concat_ws('/', 'payment', source, object_id) FROM money
    UNION SELECT concat_ws('/', 'reply', location_id, client_id) FROM clients WHERE client_id = $1
), asked AS (
    SELECT * FROM reviews WHERE client_id = $1 OR case_id IN (SELECT case_id FROM told)
), log ({_COLUMNS}) AS (
    SELECT e.at, 'message', t.step, e.state, t.channel, e.reason, NULL::text, t.template_version,
        t.day, NULL::bigint, t.case_id, e.message_key, NULL::text, t.words
    FROM touchpoint_events e JOIN touchpoints t USING (message_key) WHERE t.client_id = $1
    UNION ALL
    SELECT received_at, 'received', event_type, state, source, note, NULL, NULL, NULL, NULL,
        workflow_id, inbox_id, NULL, NULL
    FROM inbox WHERE workflow_id IN (SELECT case_id FROM told)
    UNION ALL
    SELECT recorded_at, 'question', code, state, NULL, withdrawn_reason, NULL, NULL, NULL,
        money_cents, case_id, review_id, NULL, NULL FROM asked
    UNION ALL
    SELECT d.recorded_at, 'decision', code, NULL, d.decision->>'choice', d.reason, d.decided_by,
        NULL, NULL, NULL, case_id, review_id, NULL, NULL
    FROM review_decisions d JOIN asked USING (review_id)
    UNION ALL
    SELECT r.recorded_at, 'reminder', code, NULL, NULL, NULL, NULL, NULL, r.business_day, NULL,
        case_id, review_id, NULL, NULL
    FROM review_reminders r JOIN asked USING (review_id)
    UNION ALL
    SELECT f.recorded_at, 'payment', p.kind, f.state, p.source, NULL, NULL, NULL, NULL,
        f.amount_cents, p.case_id, p.object_id, NULL, NULL
    FROM payment_facts f JOIN money p USING (payment_id)
    UNION ALL
    SELECT a.recorded_at, 'applied', p.kind, NULL, p.source, NULL, a.decided_by, NULL, NULL,
        a.amount_cents, a.case_id, p.object_id, NULL, NULL
    FROM payment_allocations a JOIN cases USING (case_id) JOIN payments p USING (payment_id)
    UNION ALL
    SELECT e.recorded_at, 'ledger', e.event, NULL, NULL, NULL, NULL, NULL, NULL,
        coalesce(sum(debit_cents - credit_cents) FILTER (WHERE account = '1100'), 0)::bigint,
        max(case_id), e.entry_id, NULL, NULL
    FROM ledger_entries e JOIN ledger_postings USING (entry_id)
    WHERE client_id = $1 GROUP BY e.entry_id
    UNION ALL
    SELECT recorded_at, 'document', number, NULL, kind, NULL, NULL, catalog_version, NULL,
        change_due_cents, case_id, document_id, NULL, NULL FROM documents WHERE client_id = $1
    UNION ALL
    SELECT recorded_at, 'draft', NULL, status, NULL, (SELECT string_agg(why->>'code', ', ')
            FROM jsonb_array_elements(CASE WHEN status = 'held' THEN body->'reasons' END) AS why),
        NULL, NULL, NULL, NULL, case_id, NULL, NULL, NULL
    FROM drafts WHERE case_id IN (SELECT case_id FROM cases)
    UNION ALL
    SELECT recorded_at, 'consent', scope, CASE WHEN allowed THEN 'allowed' ELSE 'refused' END,
        channel, how || ': ' || words, taken_by, NULL, NULL, NULL, NULL, NULL,
        to_char(given_at AT TIME ZONE 'UTC', '{_INSTANT}'), detail_level
    FROM consent_events WHERE client_id = $1
    UNION ALL
    SELECT a.recorded_at, 'address', NULL,
        CASE WHEN suppressed THEN 'suppressed' ELSE 'usable again' END, channel, reason, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL
    FROM address_events a JOIN clients c ON c.client_id = $1
        AND a.digest = CASE channel WHEN 'sms' THEN c.phone_digest ELSE c.email_digest END
    UNION ALL
    SELECT recorded_at, 'answer', step, answer, rule, reason, NULL, policy_version, NULL, NULL,
        case_id, document_id, to_char(until AT TIME ZONE 'UTC', '{_INSTANT}'), NULL
    FROM send_answers WHERE client_id = $1
    UNION ALL
    SELECT recorded_at, 'hold', kind, 'placed', NULL, reason, placed_by, NULL, NULL, NULL, case_id,
        hold_id, until::text, NULL
    FROM client_holds WHERE client_id = $1
    UNION ALL
    SELECT r.recorded_at, 'hold', kind, 'released', NULL, r.reason, released_by, NULL, NULL, NULL,
        case_id, hold_id, NULL, NULL
    FROM client_hold_releases r JOIN client_holds USING (hold_id) WHERE client_id = $1
    UNION ALL
    SELECT recorded_at, 'checkout', door, 'opened', NULL, NULL, NULL, NULL, NULL, amount_cents,
        case_id, checkout_id, NULL, NULL
    FROM checkouts WHERE client_id = $1
    UNION ALL
    SELECT recorded_at, 'action', action, NULL, NULL, reason, taken_by, NULL, NULL, NULL,
        case_id, NULL, NULL, NULL
    FROM desk_actions WHERE case_id IN (SELECT case_id FROM cases)
    UNION ALL
    -- Of words that the client may have read, or that spoke for such by an earlier replacement.
    SELECT r.recorded_at, 'templates', r.to_version::text, 'replaced', NULL, r.reason,
        r.replaced_by, r.from_version, NULL, NULL, NULL, NULL, NULL, NULL
    FROM template_replacements r
    WHERE EXISTS (SELECT FROM touchpoints t WHERE t.client_id = $1
        AND t.created_at < r.recorded_at AND (t.template_version = r.from_version
            OR EXISTS (SELECT FROM template_replacements e WHERE e.to_version = r.from_version
                AND e.replacement_id < r.replacement_id)))
)
SELECT {_COLUMNS} FROM log ORDER BY at, source, ref
"""  # noqa: S608


async def client_log(conn: Conn, client_id: str) -> list[LogRow]:
    """Everything sent, attempted, skipped, received, asked, decided and booked, oldest first."""
    rows = await conn.fetch(_LOG, client_id)
    return [LogRow.model_validate(dict(row)) for row in rows]


async def find_clients(conn: Conn, name: str) -> list[str]:
    """Client ids that a person may mean: by id, its beginning from four characters on, or number.

    The number is that of any document of the client.
    """
    rows = await conn.fetch(
        "SELECT client_id FROM clients WHERE client_id = $1"
        " OR (length($1) >= 4 AND starts_with(client_id, lower($1)))"
        " OR client_id IN (SELECT client_id FROM documents WHERE number = upper($1))"
        " ORDER BY client_id",
        name,
    )
    return [row["client_id"] for row in rows]


async def location_of(conn: Conn, client_id: str) -> str:
    """The location that a client belongs to; raises LookupError when the client is unknown."""
    found: str | None = await conn.fetchval(
        "SELECT location_id FROM clients WHERE client_id = $1", client_id
    )
    if found is None:
        raise LookupError(f"There is no client {client_id}.")
    return found
