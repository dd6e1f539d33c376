"""How every visit stands, read from the books alone, and what the desk did to a case by hand."""

from typing import Literal

from pydantic import AwareDatetime

from domain.model import Record
from store.db import Conn

Action = Literal["hold", "release", "close"]


class DeskAction(Record):
    """A named person's hold, release or close of a case; `recorded_at` is wall time."""

    case_id: str
    action: Action
    taken_by: str
    reason: str
    recorded_at: AwareDatetime


class VisitStanding(Record):
    """One visit as the books have it. Times are wall times; `last_*` is the last message out.

    `ended_by` names who closed or stopped it, after the last chart that we know.
    """

    case_id: str
    location_id: str
    began_at: AwareDatetime
    client_id: str | None
    number: str | None
    draft_status: str | None
    due_cents: int | None
    balance_cents: int
    held: bool
    is_disputed: bool
    """The payer's bank has taken a payment of it back and has not decided."""
    is_carried: bool
    """Less is owed than a patient is reminded of, and the bill itself has been said (D4)."""
    ended_by: str | None
    last_step: str | None
    last_day: int | None
    last_at: AwareDatetime | None
    question_id: str | None
    question_code: str | None

    @property
    def order_id(self) -> str:
        """The order's uuid in the PMS, the last part of the case id."""
        return self.case_id.rpartition("/")[2]

    @property
    def is_open(self) -> bool:
        """Whether anything is still to come: a bill, money, an answer, a release."""
        if self.question_id is not None or (self.held and self.ended_by is None):
            return True
        if self.is_disputed:
            return True
        if self.ended_by is not None or self.draft_status == "not_billable":
            return False
        return self.number is None or self.balance_cents != 0


_KNOWN = """
    SELECT case_id, recorded_at AS began FROM drafts
    UNION ALL SELECT case_id, recorded_at FROM documents
    UNION ALL SELECT case_id, recorded_at FROM reviews
    UNION ALL SELECT workflow_id, received_at FROM inbox WHERE workflow_id IS NOT NULL
"""

# A reply pauses every owing case of its sender; the inbox names the first of them only.
_STANDING = f"""
WITH cases AS (
    SELECT case_id, split_part(case_id, '/', 2) AS location_id, min(began) AS began_at
    FROM ({_KNOWN}) AS known
    WHERE starts_with(case_id, 'visit/') AND ($1::text[] IS NULL OR case_id = ANY($1))
        AND ($2::text IS NULL OR split_part(case_id, '/', 2) = $2)
    GROUP BY case_id
)
SELECT c.case_id, c.location_id, c.began_at, who.client_id, bill.number, draft.draft_status,
    bill.due_cents, owed.balance_cents, last.last_step, last.last_day, last.last_at,
    asked.question_id, asked.question_code, ended.ended_by,
    EXISTS (SELECT FROM payment_allocations a JOIN disputes d USING (payment_id)
        WHERE a.case_id = c.case_id AND d.is_chargeback
        AND d.state IN ('needs_response', 'under_review')) AS is_disputed,
    EXISTS (SELECT FROM locations l JOIN touchpoints t USING (location_id)
        WHERE t.case_id = c.case_id AND t.state <> 'intent' AND owed.balance_cents > 0
        AND owed.balance_cents < (l.chase ->> 'minimum_chase_cents')::bigint) AS is_carried,
    coalesce(greatest(paused.at, replied.at) > coalesce(released.at, '-infinity'), false) AS held
FROM cases c
LEFT JOIN LATERAL (
    SELECT (array_agg(number ORDER BY document_no))[1] AS number,
        (array_agg((priced->>'due_cents')::bigint ORDER BY document_no DESC))[1] AS due_cents,
        (array_agg(client_id ORDER BY document_no))[1] AS client_id
    FROM documents d WHERE d.case_id = c.case_id
) AS bill ON true
LEFT JOIN LATERAL (
    SELECT coalesce(bill.client_id, (SELECT client_id FROM reviews r
        WHERE r.case_id = c.case_id AND client_id IS NOT NULL LIMIT 1)) AS client_id
) AS who ON true
LEFT JOIN LATERAL (
    SELECT status AS draft_status, recorded_at FROM drafts d
    WHERE d.case_id = c.case_id ORDER BY draft_id DESC LIMIT 1
) AS draft ON true
LEFT JOIN LATERAL (
    SELECT coalesce(sum(debit_cents - credit_cents), 0)::bigint AS balance_cents
    FROM ledger_postings p WHERE p.case_id = c.case_id AND p.account = '1100'
) AS owed ON true
LEFT JOIN LATERAL (
    SELECT step AS last_step, day AS last_day, accepted_at AS last_at FROM touchpoints t
    WHERE t.case_id = c.case_id AND state IN ('accepted', 'delivered')
    ORDER BY accepted_at DESC LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
    SELECT review_id AS question_id, code AS question_code FROM reviews r
    WHERE r.case_id = c.case_id AND state = 'open' ORDER BY opened_at, review_id LIMIT 1
) AS asked ON true
LEFT JOIN LATERAL (
    SELECT max(recorded_at) AS at FROM desk_actions a
    WHERE a.case_id = c.case_id AND action = 'hold'
) AS paused ON true
LEFT JOIN LATERAL (
    SELECT max(recorded_at) AS at FROM desk_actions a
    WHERE a.case_id = c.case_id AND action = 'release'
) AS released ON true
LEFT JOIN LATERAL (
    SELECT max(received_at) AS at FROM inbox i
    WHERE i.event_type = 'message.received' AND i.state = 'dispatched'
    AND (i.workflow_id = c.case_id OR (owed.balance_cents > 0 AND i.workflow_id IN
        (SELECT d.case_id FROM documents d WHERE d.client_id = who.client_id
            AND d.recorded_at < i.received_at)))
) AS replied ON true
LEFT JOIN LATERAL (
    SELECT ended_by FROM (
        SELECT taken_by AS ended_by, recorded_at FROM desk_actions a
        WHERE a.case_id = c.case_id AND action = 'close'
        UNION ALL SELECT v.decided_by, v.recorded_at FROM review_decisions v
        JOIN reviews r USING (review_id)
        WHERE r.case_id = c.case_id AND v.decision->>'choice' = 'stop'
    ) AS ends WHERE recorded_at > coalesce(draft.recorded_at, '-infinity')
    ORDER BY recorded_at DESC LIMIT 1
) AS ended ON true
ORDER BY c.began_at, c.case_id
"""  # noqa: S608


async def standings(
    conn: Conn, location_id: str | None = None, case_ids: list[str] | None = None
) -> list[VisitStanding]:
    """Every visit that the books know, oldest first, optionally of one location or by id."""
    rows = await conn.fetch(_STANDING, case_ids, location_id)
    return [VisitStanding.model_validate(dict(row)) for row in rows]


async def find_cases(conn: Conn, name: str) -> list[str]:
    """Case ids of the visits that a person may mean: by case id, invoice number or order uuid.

    The beginning of an order uuid is enough, from four characters on.
    """
    rows = await conn.fetch(
        f"SELECT DISTINCT case_id FROM ({_KNOWN}) AS known"  # noqa: S608
        " WHERE starts_with(case_id, 'visit/') AND (case_id = $1 OR (length($1) >= 4"
        "  AND starts_with(split_part(case_id, '/', 4), lower($1)))"
        "  OR case_id IN (SELECT case_id FROM documents WHERE number = upper($1)))"
        " ORDER BY case_id",
        name,
    )
    return [row["case_id"] for row in rows]


async def record_action(conn: Conn, case_id: str, action: Action, by: str, reason: str) -> None:
    """Record that a person held, released or closed a case."""
    await conn.execute(
        "INSERT INTO desk_actions (case_id, action, taken_by, reason) VALUES ($1, $2, $3, $4)",
        case_id,
        action,
        by,
        reason,
    )


async def actions_of(conn: Conn, case_id: str) -> list[DeskAction]:
    """What persons did to a case, oldest first."""
    rows = await conn.fetch(
        "SELECT case_id, action, taken_by, reason, recorded_at FROM desk_actions"
        " WHERE case_id = $1 ORDER BY action_id",
        case_id,
    )
    return [DeskAction.model_validate(dict(row)) for row in rows]
