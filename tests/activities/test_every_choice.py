"""Every code of a question, decided in each of its ways: what was shown is what is booked."""

import pytest

from domain.case import Decision
from domain.reviews import TOPICS
from store import ledger, seen
from tests.activities.desk import SCENES, asked, booked_by, booked_since
from tests.activities.practice import Practice


@pytest.mark.parametrize("code", sorted(TOPICS))
async def test_what_is_shown_is_what_is_booked(practice: Practice, code: str) -> None:
    for choice in TOPICS[code].choices:
        scene = await SCENES.get(code, asked(code))(practice)
        given = await scene.fill([str(need) for need in choice.needs])
        decision = Decision(
            review_id=scene.review.review_id, choice=choice.name, by="dana", **given
        )
        async with practice.world.pool.acquire() as conn:
            since = await seen.start(conn)
        shown = await scene.shows(decision)
        assert await booked_since(practice, since) == booked_by(
            shown.model_copy(update={"entries": (), "lots": (), "money": ()})
        ), "a preview leaves nothing behind"
        effect = await scene.does(decision)
        assert (effect == "failed") == (shown.problem is not None), (code, choice.name, shown)
        assert await booked_since(practice, since) == booked_by(shown), (code, choice.name)
        assert shown.follows or shown.problem
        async with practice.world.pool.acquire() as conn:
            totals = await ledger.totals(conn)
        assert (totals.debits_cents, totals.unbalanced_entries) == (totals.credits_cents, 0)
