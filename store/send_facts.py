"""What decides about one send, read in one statement; and the part of it that a claim re-reads."""

from datetime import date, datetime, timedelta

from pydantic import AwareDatetime

from domain.cap import Touch
from domain.model import Record
from domain.template_versions import Replacement
from store.clients import Contact, open_contact
from store.db import Conn
from store.holds import ClientHold
from store.locations import Location
from store.template_versions import FIRST_VERSION, REPLACEMENTS
from store.touchpoints import Touchpoint
from store.vault import Vault

_LOOKBACK = timedelta(days=9)
"""Seven days of the cap, and a day on either side for zones."""


class ClientTouch(Touch):
    """A touch as the books have it: a step on one day, its channels together.

    `is_out` is False while its outcome is still to come.
    """

    case_id: str
    message_class: str
    is_out: bool


class ChannelNow(Record):
    """Whether a channel of the location is on, and who carries it."""

    is_on: bool
    provider: str


class Touched(Record):
    """What the client has heard of late, and how much has been said about what they may hear.

    `words` counts holds, words about consent and payers sent to the processor, whose rows are never
    taken away, on from when the contact last changed: any other number is news.
    """

    touches: tuple[ClientTouch, ...]
    words: int


class SendFacts(Touched):
    """Everything about a send but consent and the balance outside. Amounts in cents."""

    location: Location
    channels: dict[str, ChannelNow]
    """A channel that is absent was never agreed to."""
    holds: tuple[ClientHold, ...]
    """Of the client, of the case, and of other cases whose payment is disputed at the bank."""
    contact: Contact | None
    token: str | None
    """Of the case's pay link; None before the first message."""
    issued_at: AwareDatetime | None
    """When the document that the step asks for was issued."""
    balance_cents: int
    credit_cents: int
    """What we hold for the client as account credit."""
    unapplied_cents: int
    """Money of the client that the desk has still to place."""
    first_version: int | None
    """Template version of the case's first message; None before it."""
    replacements: tuple[Replacement, ...]
    """Every template version that was replaced, oldest first."""
    is_outranked: bool
    """A more important message of the client was moved to this day and has not gone yet."""


_TOUCHES = """
SELECT coalesce(jsonb_agg(to_jsonb(touch)), '[]') FROM (
    SELECT document_id, step, case_id, message_class, min(at) AS at,
        bool_or(state IN ('accepted', 'delivered')) AS is_out
    FROM touchpoints WHERE client_id = $1 AND local_date >= $2 AND document_id IS NOT NULL
        AND (state IN ('intent', 'sending', 'unknown', 'accepted', 'delivered')
            OR accepted_at IS NOT NULL)
    GROUP BY document_id, step, case_id, message_class, local_date) AS touch
"""
# A message that a provider took and could not deliver has used up its day too: the patient may
# have it all the same.

_WORDS = """
SELECT (SELECT count(*) FROM client_holds WHERE client_id = $1)
    + (SELECT count(*) FROM consent_events WHERE client_id = $1)
    + (SELECT count(*) FROM checkouts WHERE client_id = $1)
    + (SELECT count(*) FROM address_events a JOIN clients c
        ON a.digest IN (c.phone_digest, c.email_digest) WHERE c.client_id = $1)
    + coalesce((SELECT (extract(epoch FROM changed_at) * 1000000)::bigint FROM clients
        WHERE client_id = $1), 0)
"""

_FACTS = f"""
SELECT to_jsonb(l) - 'recorded_at' AS location,
(SELECT coalesce(jsonb_object_agg(channel, to_jsonb(newest)), '{{}}') FROM (
    SELECT DISTINCT ON (channel) channel, is_on, provider FROM channel_settings
    WHERE location_id = $3 ORDER BY channel, setting_id DESC) AS newest) AS channels,
(SELECT coalesce(jsonb_agg(to_jsonb(h) - 'recorded_at' ORDER BY h.recorded_at, h.hold_id), '[]')
    FROM client_holds h LEFT JOIN client_hold_releases r USING (hold_id)
    WHERE h.client_id = $1 AND r.hold_id IS NULL AND (h.case_id IS NULL OR h.case_id = $4
        OR EXISTS (SELECT FROM disputes d WHERE d.source = h.placed_by
            AND d.dispute_id = h.reason AND d.outcome IS NULL AND d.state <> 'won'))
        AND (h.until IS NULL OR h.until >= $8)) AS holds,
({_TOUCHES}) AS touches,
({_WORDS}) AS words,
(SELECT sealed_contact FROM clients WHERE client_id = $1) AS sealed_contact,
(SELECT token FROM pay_links WHERE case_id = $4) AS token,
(SELECT issued_at FROM documents WHERE document_id = $5) AS issued_at,
(SELECT coalesce(sum(debit_cents - credit_cents), 0)::bigint FROM ledger_postings
    WHERE case_id = $4 AND account = '1100') AS balance_cents,
(SELECT coalesce(sum(credit_cents - debit_cents), 0)::bigint FROM ledger_postings
    WHERE client_id = $1 AND account = '2060') AS credit_cents,
(SELECT coalesce(sum(credit_cents - debit_cents), 0)::bigint FROM ledger_postings
    WHERE client_id = $1 AND account = '2090') AS unapplied_cents,
({FIRST_VERSION.format(case_id="$4")}) AS first_version,
({REPLACEMENTS}) AS replacements,
EXISTS (SELECT FROM send_answers a WHERE a.client_id = $1 AND a.answer = 'moved'
    AND a.priority < $6 AND a.until >= $7 AND a.until < $7 + interval '1 day'
    AND NOT EXISTS (SELECT FROM send_answers b WHERE b.document_id = a.document_id
        AND b.step = a.step AND b.answer_id > a.answer_id)
    AND NOT EXISTS (SELECT FROM touchpoints t WHERE t.document_id = a.document_id
        AND t.step = a.step AND t.at >= a.at)) AS is_outranked
FROM locations l WHERE location_id = $3
"""  # noqa: S608


async def read(
    conn: Conn,
    vault: Vault,
    *,
    location_id: str,
    case_id: str,
    client_id: str,
    document_id: str,
    priority: int,
    today: date,
    day_begins: datetime,
) -> SendFacts:
    """The facts on a civil day that begins at `day_begins`; LookupError without the location."""
    row = await conn.fetchrow(
        _FACTS,
        client_id,
        today - _LOOKBACK,
        location_id,
        case_id,
        document_id,
        priority,
        day_begins,
        today,
    )
    if row is None:
        raise LookupError(f"There is no location {location_id}; import its catalog first.")
    found = dict(row)
    sealed = found.pop("sealed_contact")
    contact = open_contact(vault, client_id, sealed) if sealed else None
    return SendFacts.model_validate({**found, "contact": contact})


async def touched(conn: Conn, client_id: str, today: date) -> Touched:
    """The part of the facts that may have changed by the moment in which a step is claimed."""
    row = await conn.fetchrow(
        f"SELECT ({_TOUCHES}) AS touches, ({_WORDS}) AS words",
        client_id,
        today - _LOOKBACK,
    )
    assert row is not None
    return Touched.model_validate(dict(row))


class Earlier(Record):
    """What was tried before of one step, and when the desk last said that its data is right."""

    rows: tuple[Touchpoint, ...]
    mended_at: AwareDatetime | None


async def earlier(conn: Conn, case_id: str, document_id: str, step: str) -> Earlier:
    """Every message of a step, first intent first."""
    row = await conn.fetchrow(
        "SELECT (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY intent), '[]') FROM touchpoints t"
        "  WHERE document_id = $2 AND step = $3) AS rows,"
        " (SELECT max(decided_at) FROM review_decisions JOIN reviews USING (review_id)"
        "  WHERE case_id = $1 AND decision ->> 'choice' = 'retry') AS mended_at",
        case_id,
        document_id,
        step,
    )
    assert row is not None
    return Earlier.model_validate(dict(row))
