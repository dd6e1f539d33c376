"""Decisions of any kind of case taken back, as their case does it, by as many as had decided."""

from datetime import date, timedelta

from activities.contracts import UndoIn, UndoneOut
from activities.undoing import UndoActivities
from domain.case import Undo
from store import reviews, undos
from store.db import transaction
from tests.activities.practice import AT, Practice


async def taken_back(practice: Practice, review_id: str) -> UndoneOut:
    """By robin and, where two people had decided, also by eve."""
    pool, second = practice.world.pool, None
    async with pool.acquire() as conn:
        if (await reviews.get(conn, review_id)).confirmed_by is not None:
            await undos.propose(conn, review_id, "robin", "a mistake", AT)
            second = "eve"
    undo = Undo(review_id=review_id, by="robin", reason="a mistake", confirmed_by=second)
    return await UndoActivities(pool, practice.world.engine).take_back(UndoIn(undo=undo, at=AT))


async def month_signed(practice: Practice) -> None:
    """The month of everything that was decided so far is closed."""
    async with transaction(practice.world.pool) as conn:
        await conn.execute(
            "INSERT INTO period_closes (location_id, month, signed_by, reason, limit_cents,"
            " off_cents, unchecked, open_above_limit, figures, signed_at)"
            " VALUES ($1, $2, 'owner', 'x', 0, 0, 0, 0, '{}', $3)",
            practice.world.location_id,
            date(AT.year, AT.month, 1),
            AT + timedelta(days=40),
        )
