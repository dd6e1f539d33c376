"""A lost dispute that was answered before its holds bore the answer's name."""

import pytest

from store import db
from store.db import transaction
from tests.activities.reversals import Till
from tests.activities.test_undoing_money import WHY, running, till
from tests.activities.test_undoing_money import _holds as holds_
from tests.activities.test_undoing_money import _lost as lost_

__all__ = ["running", "till"]


@pytest.mark.parametrize("choice", ["rebill", "block"])
async def test_a_loss_that_was_answered_before_the_holds_bore_it_is_open_again(
    till: Till, choice: str
) -> None:
    who, case, ref, review_id = await lost_(till)
    await till.decide(ref, review_id, choice, **WHY)
    up = (db.MIGRATIONS / "20261126072900_dispute_holds_decided.sql").read_text()
    async with transaction(till.practice.world.pool) as conn:
        for table in ("client_holds", "client_hold_releases"):
            await conn.execute(
                f"ALTER TABLE {table} DISABLE TRIGGER USER;"
                f" UPDATE {table} SET review_id = NULL; ALTER TABLE {table} ENABLE TRIGGER USER"
            )
        await conn.execute(up.partition("-- migrate:down")[0])
    assert (await till.taken_back(review_id)).effect == "undone"
    assert await holds_(till, who, case) == ["dispute"]
