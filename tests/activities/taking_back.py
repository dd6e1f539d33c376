"""Decisions of any kind of case taken back, as their case does it, by as many as had decided."""

from datetime import date, timedelta

from activities.contracts import UndoIn, UndoneOut
from activities.undoing import UndoActivities
from connectors.ports import CaseEngine
from domain.case import Undo
from store import reviews, undos
from store.db import Pool, transaction
from tests.activities.practice import AT

TODAY = AT.date()


async def taken_back(pool: Pool, engine: CaseEngine, review_id: str) -> UndoneOut:
    """By robin and, where two people had decided, also by eve."""
    second = None
    async with pool.acquire() as conn:
        if (await reviews.get(conn, review_id)).confirmed_by is not None:
            await undos.propose(conn, review_id, "robin", "a mistake", AT)
            second = "eve"
    undo = Undo(review_id=review_id, by="robin", reason="a mistake", confirmed_by=second)
    return await UndoActivities(pool, engine).take_back(UndoIn(undo=undo, at=AT))


async def month_signed(pool: Pool, location_id: str, day: date = TODAY) -> None:
    """The month of a day is closed; without one that of everything decided so far."""
    async with transaction(pool) as conn:
        await conn.execute(
            "INSERT INTO period_closes (location_id, month, signed_by, reason, limit_cents,"
            " off_cents, unchecked, open_above_limit, figures, signed_at)"
            " VALUES ($1, $2, 'owner', 'x', 0, 0, 0, 0, '{}', $3)",
            location_id,
            day.replace(day=1),
            AT + timedelta(days=40),
        )
