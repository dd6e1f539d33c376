"""The queue of decisions that wait for a person; a review closes once, by name."""

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from domain.model import Record, input_hash
from store.db import Conn


class Choice(Record):
    """One answer that a person can give. `effect` previews what it does in one sentence."""

    name: str
    label: str
    effect: str
    needs: list[str] = Field(default_factory=list)
    """Fields of the decision that this choice cannot do without."""
    two_person: bool = False
    """Needs a second person above the location's limit (F5)."""
    stake_cents: int | None = None
    """What the limit is held against, where that is not the question's own money."""


class Review(Record):
    """A question to a person, with both sides as they stood when it was asked."""

    review_id: str
    case_id: str
    workflow_id: str
    location_id: str
    client_id: str | None = None
    document_id: str | None = None
    code: str
    opened_at: AwareDatetime
    due_at: AwareDatetime | None = None
    state: Literal["open", "decided", "withdrawn"] = "open"
    shown: dict[str, Any]
    """{"ours": {...}, "theirs": {...}, "facts": [...]}; ids and amounts, no names."""
    choices: list[Choice]
    suggested: str | None = None
    money_cents: int = 0
    decided_by: str | None = None
    decision: dict[str, Any] | None = None
    decided_reason: str | None = None
    decided_at: AwareDatetime | None = None
    confirmed_by: str | None = None
    second_person: list[str] = Field(default_factory=list)
    """Choices that another person has to confirm, fixed by the database when it was asked."""
    proposal: dict[str, Any] | None = None
    """The decision that waits for a second person, while the question is open."""
    owner: str | None = None
    """Who has taken it last."""
    undone_by: str | None = None
    acts: int = 0
    """How often somebody took, proposed, refused or failed so far."""


class ReviewClosed(Exception):
    """The review was decided otherwise, or withdrawn; the text names who decided."""


_SELECT = (
    "SELECT r.review_id, case_id, workflow_id, location_id, client_id, document_id, code,"
    " opened_at, due_at, state, shown, choices, suggested, money_cents, decided_by, d.decision,"
    " d.reason AS decided_reason, decided_at, d.confirmed_by, second_person, undone_by,"
    " (SELECT count(*) FROM review_acts a WHERE a.review_id = r.review_id) AS acts,"
    " (SELECT acted_by FROM review_acts a WHERE a.review_id = r.review_id AND act = 'taken'"
    "  ORDER BY act_id DESC LIMIT 1) AS owner,"
    " CASE state WHEN 'open' THEN (SELECT a.decision FROM review_acts a"
    "  WHERE a.review_id = r.review_id AND act IN ('proposed', 'refused')"
    "  ORDER BY act_id DESC LIMIT 1) END AS proposal"
    " FROM reviews r LEFT JOIN review_decisions d ON d.review_id = r.review_id"
    " LEFT JOIN review_undos u ON u.review_id = r.review_id"
)


async def open_review(conn: Conn, review: Review) -> bool:
    """Put a question in the queue; False when its id is there already, which then stands."""
    is_new: bool | None = await conn.fetchval(
        "INSERT INTO reviews (review_id, case_id, workflow_id, location_id, client_id,"
        " document_id, code, opened_at, due_at, shown, choices, suggested, money_cents)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        " ON CONFLICT (review_id) DO NOTHING RETURNING true",
        review.review_id,
        review.case_id,
        review.workflow_id,
        review.location_id,
        review.client_id,
        review.document_id,
        review.code,
        review.opened_at,
        review.due_at,
        review.shown,
        [choice.model_dump(mode="json") for choice in review.choices],
        review.suggested,
        review.money_cents,
    )
    return bool(is_new)


_DECIDE = """
WITH closed AS (
    UPDATE reviews SET state = 'decided' WHERE review_id = $1 AND state = 'open'
    RETURNING review_id
)
INSERT INTO review_decisions
    (review_id, decision, decision_hash, decided_by, reason, decided_at, confirmed_by)
SELECT review_id, $2, $3, $4, $5, $6, $7 FROM closed RETURNING true
"""


def parted(decision: dict[str, Any]) -> tuple[dict[str, Any], str, str | None]:
    """A decision as its first person gave it, its hash, and the second person, if one said yes."""
    confirmed_by = decision.get("confirmed_by")
    given = {name: value for name, value in decision.items() if name != "confirmed_by"}
    kept = decision if confirmed_by is None else {**decision, "confirmed_by": None}
    return kept, input_hash(given), confirmed_by


async def decide(
    conn: Conn, review_id: str, decision: dict[str, Any], by: str, reason: str, at: datetime
) -> bool:
    """Close a review; True the first time, False when the same decision comes again.

    What the transaction then writes bears the review's id. Raises ReviewClosed on another
    decision or after withdrawal, LookupError when unknown.
    """
    kept, digest, confirmed_by = parted(decision)
    if await conn.fetchval(_DECIDE, review_id, kept, digest, by, reason, at, confirmed_by):
        await bears(conn, review_id)
        return True
    row = await conn.fetchrow(
        "SELECT state, decision_hash, decided_by FROM reviews"
        " LEFT JOIN review_decisions USING (review_id) WHERE review_id = $1",
        review_id,
    )
    if row is None:
        raise LookupError(f"There is no review {review_id}.")
    if row["state"] == "withdrawn":
        raise ReviewClosed(f"Review {review_id} was withdrawn; there is nothing left to decide.")
    if row["decision_hash"] != digest:
        raise ReviewClosed(f"Review {review_id} was already decided by {row['decided_by']}.")
    return False


NOTE, WAITS = "our note", "waits: write-back is suspended"
"""What our side of a question says while the PMS may not be written to."""


async def with_waiting_note(conn: Conn, location_id: str) -> list[str]:
    """Cases whose open question says that our note to the PMS waits."""
    rows = await conn.fetch(
        "SELECT DISTINCT workflow_id FROM reviews WHERE state = 'open' AND location_id = $1"
        " AND shown -> 'ours' ->> $2 = $3 ORDER BY workflow_id",
        location_id,
        NOTE,
        WAITS,
    )
    return [row["workflow_id"] for row in rows]


async def bears(conn: Conn, review_id: str) -> None:
    """What the transaction writes from here on came of this decision."""
    await conn.execute("SELECT set_config('tieout.decision', $1, true)", review_id)


async def withdraw(conn: Conn, review_id: str, reason: str) -> bool:
    """Take an open question back because it answered itself; False when it was closed."""
    done: bool | None = await conn.fetchval(
        "UPDATE reviews SET state = 'withdrawn', withdrawn_reason = $2"
        " WHERE review_id = $1 AND state = 'open' RETURNING true",
        review_id,
        reason,
    )
    return bool(done)


async def list_open(conn: Conn, location_id: str | None = None) -> list[Review]:
    """Open reviews, oldest first, of one location or of all."""
    rows = await conn.fetch(
        f"{_SELECT} WHERE state = 'open' AND ($1::text IS NULL OR location_id = $1)"
        " ORDER BY opened_at, r.review_id",
        location_id,
    )
    return [Review.model_validate(dict(row)) for row in rows]


async def lock(conn: Conn, review_id: str) -> None:
    """Let nobody else answer this question before the transaction ends."""
    await conn.execute("SELECT FROM reviews WHERE review_id = $1 FOR UPDATE", review_id)


async def list_decided(conn: Conn, location_id: str | None, most: int) -> list[Review]:
    """The last decisions that nobody has taken back, newest first."""
    rows = await conn.fetch(
        f"{_SELECT} WHERE state = 'decided' AND undone_by IS NULL"
        " AND ($1::text IS NULL OR location_id = $1)"
        " ORDER BY d.recorded_at DESC, r.review_id LIMIT $2",
        location_id,
        most,
    )
    return [Review.model_validate(dict(row)) for row in rows]


async def get(conn: Conn, review_id: str) -> Review:
    """One review by id or by an unambiguous beginning of it; raises LookupError."""
    rows = await conn.fetch(
        f"{_SELECT} WHERE starts_with(r.review_id, $1) ORDER BY r.review_id LIMIT 2", review_id
    )
    exact = [row for row in rows if row["review_id"] == review_id]
    found = exact or rows
    if not found or not review_id:
        raise LookupError(f"There is no review {review_id}: see `tieout review list`.")
    if len(found) > 1:
        raise LookupError(f"More than one review begins with {review_id}; give more of the id.")
    return Review.model_validate(dict(found[0]))


async def note_reminder(conn: Conn, review_id: str, business_day: int, at: datetime) -> bool:
    """Record that staff were reminded on a business day; True the first time."""
    first: bool | None = await conn.fetchval(
        "INSERT INTO review_reminders (review_id, business_day, at) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING RETURNING true",
        review_id,
        business_day,
        at,
    )
    return bool(first)


async def open_of_case(conn: Conn, case_id: str) -> list[Review]:
    """Open reviews of a case, oldest first."""
    rows = await conn.fetch(
        f"{_SELECT} WHERE case_id = $1 AND state = 'open' ORDER BY opened_at, r.review_id",
        case_id,
    )
    return [Review.model_validate(dict(row)) for row in rows]


async def of_case(conn: Conn, case_id: str) -> list[Review]:
    """Every review of a case, oldest first."""
    rows = await conn.fetch(
        f"{_SELECT} WHERE case_id = $1 ORDER BY opened_at, r.review_id", case_id
    )
    return [Review.model_validate(dict(row)) for row in rows]


class Reminder(Record):
    """Staff were reminded of a question; `at` is the case's time."""

    business_day: int
    at: AwareDatetime


async def reminders_of(conn: Conn, review_id: str) -> list[Reminder]:
    """When staff were reminded of a question, oldest first."""
    rows = await conn.fetch(
        "SELECT business_day, at FROM review_reminders WHERE review_id = $1 ORDER BY at",
        review_id,
    )
    return [Reminder.model_validate(dict(row)) for row in rows]


async def withdrawn_reason(conn: Conn, review_id: str) -> str | None:
    """Why a question was taken back; None when it was not."""
    reason: str | None = await conn.fetchval(
        "SELECT withdrawn_reason FROM reviews WHERE review_id = $1", review_id
    )
    return reason
