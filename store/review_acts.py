"""What people do with an open question before it is decided: taken, proposed, refused.

A proposal waits for a second person (F5); the database holds that it is another one.
"""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime

from domain.model import Record
from store import reviews
from store.db import Conn


class Act(Record):
    """One act. `act`: taken | proposed | refused | failed (an answer the books do not allow)."""

    act: str
    acted_by: str
    decision: dict[str, Any] | None = None
    reason: str = ""
    acted_at: AwareDatetime


async def _add(conn: Conn, review_id: str, act: Act) -> None:
    kept, digest = None, None
    if act.decision is not None:
        kept, digest, _ = reviews.parted(act.decision)
    await conn.execute(
        "INSERT INTO review_acts (review_id, act, acted_by, decision, decision_hash, reason,"
        " acted_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        review_id,
        act.act,
        act.acted_by,
        kept,
        digest,
        act.reason,
        act.acted_at,
    )


async def take(conn: Conn, review_id: str, by: str, at: datetime) -> None:
    """Say who looks after an open question; the last one counts."""
    await _add(conn, review_id, Act(act="taken", acted_by=by, acted_at=at))


async def propose(
    conn: Conn, review_id: str, decision: dict[str, Any], by: str, reason: str, at: datetime
) -> None:
    """Keep a decision that waits for a second person; the same one again changes nothing."""
    await reviews.lock(conn, review_id)
    waiting = (await reviews.get(conn, review_id)).proposal
    if waiting is None or waiting != reviews.parted(decision)[0]:
        act = Act(act="proposed", acted_by=by, decision=decision, reason=reason, acted_at=at)
        await _add(conn, review_id, act)


async def refuse(conn: Conn, review_id: str, by: str, reason: str, at: datetime) -> None:
    """A second person says no; again, nothing happens."""
    await reviews.lock(conn, review_id)
    if (await reviews.get(conn, review_id)).proposal is not None:
        await _add(conn, review_id, Act(act="refused", acted_by=by, reason=reason, acted_at=at))


async def fail(
    conn: Conn, review_id: str, decision: dict[str, Any], by: str, why: str, at: datetime
) -> None:
    """Keep that an answer could not be carried out; `why` is one sentence."""
    act = Act(act="failed", acted_by=by, decision=decision, reason=why, acted_at=at)
    await _add(conn, review_id, act)


async def of_review(conn: Conn, review_id: str) -> list[Act]:
    """Everything that was done with a question before it was decided, oldest first."""
    rows = await conn.fetch(
        "SELECT act, acted_by, decision, reason, acted_at FROM review_acts WHERE review_id = $1"
        " ORDER BY act_id",
        review_id,
    )
    return [Act.model_validate(dict(row)) for row in rows]
